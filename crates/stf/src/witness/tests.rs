#![allow(clippy::unwrap_used)]

use super::*;
use crate::source::{BlockHashSource, SourceError, StateSource};
use alloc::vec;
use proptest::{collection::vec as many, prelude::*};

fn any_bytes() -> impl Strategy<Value = Bytes> {
    many(any::<u8>(), 0..70).prop_map(Bytes::from)
}

fn any_preimages() -> impl Strategy<Value = Preimages> {
    many(any_bytes(), 0..5).prop_map(Preimages::from_iter)
}

fn any_context() -> impl Strategy<Value = StatementContext> {
    (
        any::<[u32; 3]>(),
        any::<[u64; 3]>(),
        any::<[u8; 20]>(),
        any::<[u8; 32]>(),
        any::<Option<[u8; 32]>>(),
    )
        .prop_map(|(small, large, rollup, hash, blob)| StatementContext {
            program_version: small[0],
            fork_id: small[1],
            schedule_id: small[2],
            l1_chain_id: large[0],
            l2_chain_id: large[1],
            batch: large[2],
            rollup: rollup.into(),
            previous_message_hash: hash.into(),
            blob_versioned_hash: blob.map_or(B256::ZERO, B256::new),
        })
}

fn any_message() -> impl Strategy<Value = L1Message> {
    (
        any::<[u64; 2]>(),
        any::<[[u8; 20]; 2]>(),
        any::<[[u8; 32]; 2]>(),
        any_bytes(),
    )
        .prop_map(|(numbers, addresses, [mint, value], data)| L1Message {
            index: numbers[0],
            gas_limit: numbers[1],
            sender: addresses[0].into(),
            to: addresses[1].into(),
            mint: U256::from_be_bytes(mint),
            value: U256::from_be_bytes(value),
            data,
        })
}

prop_compose! {
    fn any_witness()(
        context in any_context(),
        parent_header in any_bytes(),
        ancestors in many(any_bytes(), 0..4),
        nodes in any_preimages(),
        codes in any_preimages(),
        batch_data in any_bytes(),
        messages in many(any_message(), 0..4),
    ) -> Witness {
        Witness { context, parent_header, ancestors, nodes, codes, batch_data, messages }
    }
}

fn decode(bytes: &[u8]) -> Result<Witness, WitnessError> {
    Witness::decode(Bytes::copy_from_slice(bytes))
}

/// Whatever decodes is the one encoding of what it decodes to.
fn check_canonical(bytes: &[u8]) {
    if let Ok(witness) = decode(bytes) {
        assert_eq!(witness.encode(), bytes);
    }
}

proptest! {
    #[test]
    fn decoding_is_the_exact_inverse(witness in any_witness()) {
        let bytes = witness.encode();
        prop_assert_eq!(bytes.len() % WORD_BYTES, 0);
        prop_assert_eq!(decode(&bytes), Ok(witness));
    }

    #[test]
    fn arbitrary_bytes_never_panic(mut bytes in many(any::<u8>(), 0..400), version in 0u8..3) {
        if version > 0 && bytes.len() >= WORD_BYTES {
            bytes[..WORD_BYTES].copy_from_slice(&[version, 0, 0, 0]);
        }
        check_canonical(&bytes);
    }

    /// Small words at every place: the counts and lengths are then plausible, and decoding gets deep.
    #[test]
    fn plausible_words_never_panic(words in many(0u32..12, 0..120), has_blob: bool) {
        let (version, hash) = if has_blob { (2, &[1; 32][..]) } else { (1, &[][..]) };
        let mut bytes = vec![version, 0, 0, 0];
        bytes.resize(92, 0);
        bytes.extend_from_slice(hash);
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        check_canonical(&bytes);
    }

    /// A changed byte gives another witness or none.
    #[test]
    fn a_flipped_byte_is_seen(witness in any_witness(), at: prop::sample::Index, flip in 1u8..) {
        let mut bytes = witness.encode();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        check_canonical(&bytes);
        prop_assert_ne!(decode(&bytes), Ok(witness));
    }

    #[test]
    fn truncated_and_extended_bytes_are_refused(witness in any_witness(), cut: prop::sample::Index, more in many(any::<u8>(), 1..9)) {
        let mut bytes = witness.encode();
        prop_assert!(decode(&bytes[..cut.index(bytes.len())]).is_err());
        bytes.extend_from_slice(&more);
        prop_assert_eq!(decode(&bytes), Err(WitnessError::Trailing(more.len())));
    }
}

fn written_out() -> (Witness, Vec<u8>, Vec<u8>) {
    let witness = Witness {
        context: StatementContext {
            program_version: 2,
            fork_id: 3,
            schedule_id: 4,
            l1_chain_id: 5,
            l2_chain_id: 6,
            batch: 0x0807_0605_0403_0201,
            rollup: Address::repeat_byte(0xaa),
            previous_message_hash: B256::repeat_byte(0xbb),
            blob_versioned_hash: B256::ZERO,
        },
        parent_header: Bytes::from_static(b"parent"),
        ancestors: vec![Bytes::from_static(b"older")],
        nodes: [Bytes::from_static(b"node")].into_iter().collect(),
        codes: Preimages::default(),
        batch_data: Bytes::from_static(b"data"),
        messages: vec![L1Message {
            index: 7,
            sender: Address::repeat_byte(0xcc),
            to: Address::repeat_byte(0xdd),
            mint: U256::from(6),
            value: U256::from(8),
            gas_limit: 9,
            data: Bytes::from_static(b"m"),
        }],
    };
    let context = [
        &b"\x02\0\0\0\x03\0\0\0\x04\0\0\0"[..],
        b"\x05\0\0\0\0\0\0\0\x06\0\0\0\0\0\0\0\x01\x02\x03\x04\x05\x06\x07\x08",
        &[0xaa; 20],
        &[0xbb; 32],
    ];
    let [mint, value] = [6, 8].map(|last| B256::with_last_byte(last).0);
    let items = [
        &b"\x06\0\0\0parent\0\0"[..],
        b"\x01\0\0\0\x05\0\0\0older\0\0\0",
        b"\x01\0\0\0\x04\0\0\0node",
        b"\0\0\0\0",
        b"\x04\0\0\0data",
        b"\x01\0\0\0\x07\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0",
        &[0xcc; 20],
        &[0xdd; 20],
        &mint,
        &value,
        b"\x01\0\0\0m\0\0\0",
    ];
    (witness, context.concat(), items.concat())
}

/// The layout of version 1, written out. If this test has to change, the version must.
#[test]
fn the_layout_of_version_1() {
    let (witness, context, items) = written_out();
    let expected = [&b"\x01\0\0\0"[..], &context, &items];
    assert_eq!(witness.encode(), expected.concat());
}

/// And that of version 2.
#[test]
fn the_layout_of_version_2() {
    let (mut witness, context, items) = written_out();
    witness.context.blob_versioned_hash = B256::repeat_byte(0xee);
    let expected = [&b"\x02\0\0\0"[..], &context, &[0xee; 32], &items];
    assert_eq!(witness.encode(), expected.concat());
    let without = [&b"\x02\0\0\0"[..], &context, &[0; 32], &items];
    assert_eq!(decode(&without.concat()), Err(WitnessError::NoBlob));
}

#[test]
fn the_first_word_is_the_version() {
    let good = Witness::default().encode();
    for at in 0..WORD_BYTES {
        let mut bytes = good.clone();
        bytes[at] ^= 2;
        assert_eq!(decode(&bytes), Err(WitnessError::Version));
    }
    assert_eq!(decode(&[]), Err(WitnessError::Truncated(0)));
}

#[test]
fn a_witness_that_is_too_long_is_refused_unread() {
    let bytes = Bytes::from(vec![0; WITNESS_BYTES_MAX + 1]);
    assert_eq!(
        Witness::decode(bytes),
        Err(WitnessError::TooLong(WITNESS_BYTES_MAX + 1))
    );
}

#[test]
fn preimages_ascend_strictly() {
    let sorted: Preimages = [&b"one"[..], b"two", b"three"]
        .map(Bytes::from_static)
        .into_iter()
        .collect();
    let with_nodes = |nodes: Vec<(B256, Bytes)>| Witness {
        nodes: Preimages(nodes),
        ..Witness::default()
    };
    assert!(decode(&with_nodes(sorted.0.clone()).encode()).is_ok());
    let order = |index| {
        Err(WitnessError::Order {
            part: WitnessPart::Node,
            index,
        })
    };

    let mut swapped = sorted.0.clone();
    swapped.swap(1, 2);
    assert_eq!(decode(&with_nodes(swapped).encode()), order(2));
    let mut doubled = sorted.0.clone();
    doubled.insert(1, doubled[0].clone());
    assert_eq!(decode(&with_nodes(doubled).encode()), order(1));

    let codes = Preimages(sorted.0.iter().rev().cloned().collect());
    let witness = Witness {
        codes,
        ..Witness::default()
    };
    assert_eq!(
        decode(&witness.encode()),
        Err(WitnessError::Order {
            part: WitnessPart::Code,
            index: 1
        })
    );
}

#[test]
fn padding_is_zero() {
    let witness = Witness {
        parent_header: Bytes::from_static(b"12345"),
        ..Witness::default()
    };
    let mut bytes = witness.encode();
    let parent = 4 + 3 * 4 + 3 * 8 + 20 + 32;
    assert_eq!(bytes[parent..][..12], *b"\x05\0\0\x0012345\0\0\0");
    bytes[parent + 11] = 1;
    assert_eq!(decode(&bytes), Err(WitnessError::Padding(parent + 9)));
}

/// RLP of something like a header: a list that begins with the parent's hash.
fn header(parent_hash: B256, number: u64) -> Bytes {
    let mut out = Vec::new();
    let list: [&dyn alloy_rlp::Encodable; 2] = [&parent_hash, &number];
    alloy_rlp::encode_list::<_, dyn alloy_rlp::Encodable>(&list, &mut out);
    out.into()
}

/// The headers of blocks 0 to 9 and, after them, the witness of a batch after block 9 with these ancestors.
fn chain(ancestors: usize) -> (Vec<Bytes>, Witness) {
    let mut headers: Vec<Bytes> = Vec::new();
    for number in 0..10 {
        let parent_hash = headers.last().map_or(B256::ZERO, keccak256);
        headers.push(header(parent_hash, number));
    }
    let witness = Witness {
        parent_header: headers[9].clone(),
        ancestors: headers[..9].iter().rev().take(ancestors).cloned().collect(),
        ..Witness::default()
    };
    (headers, witness)
}

#[test]
fn block_hashes_come_from_headers_that_chain() {
    for ancestors in 0..=9 {
        let (headers, witness) = chain(ancestors);
        let source = WitnessSource::new(&witness, 9).unwrap();
        assert_eq!(source.parent_hash(), keccak256(&headers[9]));
        let lowest = 8u64.saturating_sub(ancestors as u64);
        for number in lowest..=9 {
            assert_eq!(
                source.block_hash(number),
                Ok(keccak256(&headers[number as usize]))
            );
        }
        for number in (0..lowest).chain([10, u64::MAX]) {
            assert_eq!(
                source.block_hash(number),
                Err(SourceError::MissingBlockHash(number))
            );
        }
    }
}

#[test]
fn as_many_ancestors_as_are_needed_and_no_more() {
    for lowest in 0..=9 {
        let needed = ancestors_needed(9, Some(lowest)) as usize;
        let use_it = |ancestors| {
            let (_, witness) = chain(ancestors);
            let source = WitnessSource::new(&witness, 9).unwrap();
            (source.block_hash(lowest).is_ok(), source.finish())
        };
        assert_eq!(use_it(needed), (true, Ok(())));
        let superfluous = WitnessError::Superfluous {
            part: WitnessPart::Header,
            index: needed,
        };
        if needed < 9 {
            assert_eq!(use_it(needed + 1), (true, Err(superfluous)));
        }
        if needed > 0 {
            assert!(!use_it(needed - 1).0);
        }
    }
    assert_eq!(ancestors_needed(9, None), 0);
}

#[test]
fn headers_that_do_not_chain_are_refused() {
    let (headers, witness) = chain(3);
    let with = |ancestors: Vec<Bytes>| {
        let witness = Witness {
            ancestors,
            ..witness.clone()
        };
        WitnessSource::new(&witness, 9).map(|_| ())
    };
    let h = |number: usize| headers[number].clone();
    assert_eq!(with(vec![h(8), h(7)]), Ok(()));
    assert_eq!(
        with(vec![h(7)]),
        Err(WitnessError::Ancestor(0)),
        "one left out"
    );
    assert_eq!(
        with(vec![h(8), h(6)]),
        Err(WitnessError::Ancestor(1)),
        "a gap"
    );
    assert_eq!(
        with(vec![h(7), h(8)]),
        Err(WitnessError::Ancestor(0)),
        "order changed"
    );
    assert_eq!(
        with(vec![h(8), h(8)]),
        Err(WitnessError::Ancestor(1)),
        "one twice"
    );
    let mut bytes = h(8).to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    assert_eq!(
        with(vec![bytes.into()]),
        Err(WitnessError::Ancestor(0)),
        "one changed"
    );
    let no_header = Witness {
        parent_header: Bytes::from_static(&[0x80]),
        ..Witness::default()
    };
    assert_eq!(
        WitnessSource::new(&no_header, 9).map(|_| ()),
        Err(WitnessError::Header)
    );
}

#[test]
fn every_item_must_be_used() {
    let preimages = |items: [&'static [u8]; 2]| {
        items
            .map(Bytes::from_static)
            .into_iter()
            .collect::<Preimages>()
    };
    let witness = Witness {
        nodes: preimages([b"node a", b"node b"]),
        codes: preimages([b"code a", b"code b"]),
        messages: vec![
            L1Message::default(),
            L1Message {
                index: 1,
                ..L1Message::default()
            },
        ],
        ..chain(1).1
    };
    // Every item by an index: two nodes, two codes, two messages, one ancestor.
    let use_all_but = |unused: usize| {
        let source = WitnessSource::new(&witness, 9).unwrap();
        for index in (0..7).filter(|index| *index != unused) {
            match index {
                0 | 1 => assert_eq!(
                    source.node(witness.nodes.0[index].0).unwrap(),
                    witness.nodes.0[index].1
                ),
                2 | 3 => assert_eq!(
                    source.code(witness.codes.0[index - 2].0).unwrap(),
                    witness.codes.0[index - 2].1
                ),
                4 | 5 => assert_eq!(source.message(index - 4).unwrap().index, index as u64 - 4),
                _ => assert!(source.block_hash(7).is_ok()),
            }
        }
        source.finish()
    };
    assert_eq!(use_all_but(7), Ok(()));
    for unused in 0..7 {
        let (part, index) = match unused {
            0 | 1 => (WitnessPart::Node, unused),
            2 | 3 => (WitnessPart::Code, unused - 2),
            4 | 5 => (WitnessPart::Message, unused - 4),
            _ => (WitnessPart::Header, 0),
        };
        assert_eq!(
            use_all_but(unused),
            Err(WitnessError::Superfluous { part, index })
        );
    }
}

#[test]
fn what_is_not_there_is_missing() {
    let witness = Witness {
        nodes: [Bytes::from_static(b"node")].into_iter().collect(),
        ..chain(0).1
    };
    let source = WitnessSource::new(&witness, 9).unwrap();
    let hash = keccak256(b"node");
    assert!(source.node(hash).is_ok());
    assert_eq!(
        source.code(hash),
        Err(SourceError::Missing(hash)),
        "a node is no code"
    );
    assert_eq!(
        source.node(B256::ZERO),
        Err(SourceError::Missing(B256::ZERO))
    );
    assert_eq!(source.message(0), None);
}
