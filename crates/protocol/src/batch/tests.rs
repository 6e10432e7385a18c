#![allow(clippy::unwrap_used)]

use alloc::{vec, vec::Vec};
use alloy_primitives::{B256, Bytes, b256, bytes, hex, keccak256};
use alloy_rlp::{Decodable, Encodable, Error as RlpError, Header};
use proptest::{collection::vec as vec_of, prelude::*};

use super::{
    BATCH_BLOCKS_MAX, BATCH_COLUMN_BYTES_MAX, BATCH_DATA_BYTES_MAX, BatchData, BatchDataError,
    BlockData, TRANSACTION_BYTES_MAX,
    compressed::{self, DICTIONARY, deflate},
};

/// A signed transaction of this kind (0 for none), of these fields before r and s.
fn signed(kind: u8, fields: &[&[u8]], r: &[u8], s: &[u8]) -> Bytes {
    let mut payload = Vec::new();
    for field in fields {
        // The lists of a transaction (access, authorizations) are given encoded.
        if field.first().is_some_and(|first| *first >= 0xc0) && field.len() == 1 {
            payload.extend_from_slice(field);
        } else {
            field.encode(&mut payload);
        }
    }
    r.encode(&mut payload);
    s.encode(&mut payload);
    let mut raw = Vec::new();
    if kind != 0 {
        raw.push(kind);
    }
    Header {
        list: true,
        payload_length: payload.len(),
    }
    .encode(&mut raw);
    raw.extend_from_slice(&payload);
    raw.into()
}

/// The n-th transfer of a busy second: its own recipient and signature, everything else much as in the one before.
fn transfer(n: u8) -> Bytes {
    let random = |salt: u8| keccak256([n, salt]);
    let (to, value) = (random(0), [13, n]);
    signed(
        2,
        &[
            &hex!("14670a"),
            &[n % 7 + 1],
            &[],
            &hex!("3b9aca00"),
            &hex!("5208"),
            &to[12..],
            &value,
            &[],
            &[0xc0],
            &[n % 2],
        ],
        &random(1)[..],
        &random(2)[..],
    )
}

fn batch_of(transactions: Vec<Bytes>) -> BatchData {
    let block = BlockData {
        timestamp: 1_700_000_000,
        gas_limit: 30_000_000,
        prevrandao: B256::repeat_byte(7),
        l1_message_count: 3,
        transactions,
    };
    BatchData {
        blocks: vec![block],
    }
}

fn transfers() -> BatchData {
    batch_of((0..100).map(transfer).collect())
}

prop_compose! {
    fn any_signed()(
        kind in prop_oneof![Just(0u8), Just(1), Just(2), Just(3), Just(4)],
        fields in vec_of(vec_of(any::<u8>(), 0..40), 7..12),
        r in vec_of(any::<u8>(), 0..34),
        s in vec_of(any::<u8>(), 0..34),
    ) -> Bytes {
        let fields: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
        signed(kind, &fields, &r, &s)
    }
}

prop_compose! {
    fn any_block()(
        timestamp: u64,
        gas_limit: u64,
        prevrandao in prop_oneof![Just([7u8; 32]), any::<[u8; 32]>()],
        l1_message_count: u64,
        transactions in vec_of(
            prop_oneof![
                any_signed(),
                any::<u8>().prop_map(transfer),
                vec_of(any::<u8>(), 1..200).prop_map(Bytes::from),
            ],
            0..6,
        ),
    ) -> BlockData {
        BlockData { timestamp, gas_limit, prevrandao: prevrandao.into(), l1_message_count, transactions }
    }
}

proptest! {
    #[test]
    fn decoding_is_the_exact_inverse(blocks in vec_of(any_block(), 1..6)) {
        let data = BatchData { blocks };
        prop_assert_eq!(&BatchData::decode(&data.encode_plain()).unwrap(), &data);
        prop_assert_eq!(&BatchData::decode(&compressed::encode(&data).unwrap()).unwrap(), &data);
        let shorter = data.encode();
        prop_assert!(shorter.len() <= data.encode_plain().len());
        prop_assert_eq!(BatchData::decode(&shorter).unwrap(), data);
    }

    #[test]
    fn what_decodes_as_plain_is_canonical(blocks in vec_of(any_block(), 1..4), at: prop::sample::Index, to: u8) {
        let mut bytes = BatchData { blocks }.encode_plain();
        let at = at.index(bytes.len());
        bytes[at] = to;
        if at > 0 && let Ok(data) = BatchData::decode(&bytes) {
            prop_assert_eq!(data.encode_plain(), bytes);
        }
    }

    /// A damaged encoding is refused, or it is a batch like any other.
    #[test]
    fn damage_gives_a_batch_or_an_error(blocks in vec_of(any_block(), 1..4), at: prop::sample::Index, to: u8) {
        let mut bytes = compressed::encode(&BatchData { blocks }).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(data) = BatchData::decode(&bytes) {
            prop_assert_eq!(BatchData::decode(&data.encode()).unwrap(), data);
        }
    }

    #[test]
    fn noise_never_panics(version in 0u8..4, bytes in vec_of(any::<u8>(), 0..300)) {
        let _ = BatchData::decode(&bytes);
        let _ = BatchData::decode(&[&[version][..], &bytes[..]].concat());
    }

    /// Noise where the columns are.
    #[test]
    fn noise_in_the_columns_never_panics(columns in vec_of(vec_of(any::<u8>(), 0..40), 13), signatures in vec_of(any::<u8>(), 0..3)) {
        let _ = BatchData::decode(&packed(&columns, signatures.len()));
    }
}

/// Version 2 of these columns, with as many signatures of zeros.
fn packed(columns: &[Vec<u8>], signatures: usize) -> Vec<u8> {
    let mut stream = Vec::new();
    for column in columns {
        column.as_slice().encode(&mut stream);
    }
    wrapped(stream.len(), signatures, &deflated(DICTIONARY, stream))
}

fn deflated(dictionary: &[u8], bytes: Vec<u8>) -> Vec<u8> {
    deflate(dictionary, &[bytes])
}

fn wrapped(length: usize, signatures: usize, deflated: &[u8]) -> Vec<u8> {
    let mut bytes = vec![2];
    (length as u64).encode(&mut bytes);
    (signatures as u64).encode(&mut bytes);
    bytes.resize(bytes.len() + 64 * signatures, 0);
    bytes.extend_from_slice(deflated);
    bytes
}

/// The columns of one block with one legacy transaction of empty fields.
fn columns() -> Vec<Vec<u8>> {
    let empty = vec![0x80];
    let mut columns = vec![vec![]; 13];
    columns[0] = hex!("01 02 80 80 01").to_vec();
    columns[1] = vec![0];
    for field in [3, 5, 6, 7, 8, 11, 12] {
        columns[field] = empty.clone();
    }
    columns
}

#[test]
fn bounds_and_shape_are_enforced() {
    let good = batch_of(vec![]).encode_plain();
    assert_eq!(BatchData::decode(&[]), Err(BatchDataError::Version));
    for version in [0, 3, 0xff] {
        let bytes = [&[version][..], &good[1..]].concat();
        assert_eq!(BatchData::decode(&bytes), Err(BatchDataError::Version));
    }
    assert_eq!(
        BatchData::decode(&[1, 0xc0]),
        Err(BatchDataError::BlockCount)
    );
    let mut trailing = good.clone();
    trailing.push(0);
    assert_eq!(
        BatchData::decode(&trailing),
        Err(BatchDataError::Rlp(RlpError::UnexpectedLength))
    );
    assert!(matches!(
        BatchData::decode(&good[..good.len() - 1]),
        Err(BatchDataError::Rlp(_))
    ));
    assert_eq!(
        BatchData::decode(&vec![1; BATCH_DATA_BYTES_MAX + 1]),
        Err(BatchDataError::TooLong(BATCH_DATA_BYTES_MAX + 1))
    );
}

#[test]
fn both_versions_bound_blocks_and_transactions() {
    let versions = |data: &BatchData| [data.encode_plain(), compressed::encode(data).unwrap()];
    for blocks in [0, BATCH_BLOCKS_MAX + 1] {
        let data = BatchData {
            blocks: vec![BlockData::default(); blocks],
        };
        for bytes in versions(&data) {
            assert_eq!(BatchData::decode(&bytes), Err(BatchDataError::BlockCount));
        }
    }
    let fields = vec![1; TRANSACTION_BYTES_MAX];
    let long = signed(0, &[&[], &[], &[], &[], &[], &fields, &[]], &[1], &[2]);
    let over = Bytes::from(vec![1; TRANSACTION_BYTES_MAX + 1]);
    for transaction in [Bytes::new(), over, long] {
        for bytes in versions(&batch_of(vec![transfer(1), transaction.clone()])) {
            assert_eq!(
                BatchData::decode(&bytes),
                Err(BatchDataError::TransactionLength {
                    block: 0,
                    transaction: 1
                })
            );
        }
    }
    let most = Bytes::from(vec![1; TRANSACTION_BYTES_MAX]);
    for bytes in versions(&batch_of(vec![most.clone()])) {
        let data = BatchData::decode(&bytes).unwrap();
        assert_eq!(data.blocks[0].transactions, core::slice::from_ref(&most));
    }
}

#[test]
fn transfers_cost_their_signature_and_recipient_and_little_more() {
    let data = transfers();
    let (plain, bytes) = (data.encode_plain(), data.encode());
    assert_eq!((plain[0], bytes[0]), (1, 2));
    assert_eq!(plain.len(), 11_254);
    // 84 bytes of each are random.
    assert!((8_400..9_000).contains(&bytes.len()), "{}", bytes.len());
    assert_eq!(BatchData::decode(&bytes), Ok(data));
}

#[test]
fn every_prefix_and_every_extension_is_refused() {
    let bytes = compressed::encode(&batch_of((0..3).map(transfer).collect())).unwrap();
    for end in 0..bytes.len() {
        BatchData::decode(&bytes[..end]).unwrap_err();
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(BatchData::decode(&longer), Err(BatchDataError::Deflate));
}

#[test]
fn a_bomb_is_refused_before_it_grows() {
    let zeros = deflated(DICTIONARY, vec![0; 4 * BATCH_COLUMN_BYTES_MAX]);
    assert!(zeros.len() < 20_000, "{}", zeros.len());
    let over = BATCH_COLUMN_BYTES_MAX as u64 + 1;
    let bomb = |claim: usize| wrapped(claim, 0, &zeros);
    for (claim, expected) in [
        (over as usize, BatchDataError::Decompressed(over)),
        (usize::MAX, BatchDataError::Decompressed(u64::MAX)),
        (BATCH_COLUMN_BYTES_MAX, BatchDataError::Deflate),
        (0, BatchDataError::Deflate),
    ] {
        assert_eq!(BatchData::decode(&bomb(claim)), Err(expected));
    }
    // Less than was claimed is no better, and neither are signatures that are not there.
    let short = wrapped(10, 0, &deflated(DICTIONARY, vec![0; 9]));
    assert_eq!(BatchData::decode(&short), Err(BatchDataError::Deflate));
    let mut missing = vec![2, 0x80];
    u64::MAX.encode(&mut missing);
    assert_eq!(
        BatchData::decode(&missing),
        Err(BatchDataError::Rlp(RlpError::InputTooShort))
    );
    // Nobody encodes what nobody would decode: it goes out as plain, which has a bound of its own.
    let block = BlockData {
        transactions: vec![Bytes::from(vec![1; TRANSACTION_BYTES_MAX]); 8],
        ..BlockData::default()
    };
    let huge = BatchData {
        blocks: vec![block],
    };
    assert_eq!(compressed::encode(&huge), None);
    assert_eq!(huge.encode()[0], 1);
}

#[test]
fn columns_must_fit_each_other() {
    let with = |change: fn(&mut Vec<Vec<u8>>)| {
        let mut columns = columns();
        change(&mut columns);
        BatchData::decode(&packed(&columns, 1)).map(|data| data.blocks)
    };
    let short = Err(BatchDataError::Rlp(RlpError::InputTooShort));
    let left = Err(BatchDataError::Rlp(RlpError::UnexpectedLength));
    let expected = BlockData {
        timestamp: 1,
        gas_limit: 2,
        transactions: vec![bytes!("c9808080808080808080")],
        ..BlockData::default()
    };
    assert_eq!(with(|_| ()), Ok(vec![expected]));
    // More transactions than kinds, fewer, more fields than transactions, a field too few.
    assert_eq!(with(|columns| columns[0][4] = 2), short);
    assert_eq!(with(|columns| columns[0][4] = 0x80), left);
    assert_eq!(with(|columns| columns[6].push(1)), left);
    assert_eq!(with(|columns| columns[6].clear()), short);
    assert_eq!(with(|columns| columns[2].push(1)), left);
    // A prevrandao of another length, half a block, half an item.
    assert_eq!(with(|columns| columns[0][2] = 1), left);
    assert_eq!(with(|columns| columns[0].push(1)), short);
    assert_eq!(with(|columns| columns[12][0] = 0x81), short);
    assert_eq!(
        with(|columns| columns[1][0] = 3),
        Err(BatchDataError::Kind {
            block: 0,
            transaction: 0
        })
    );
    // Signatures too few, too many; a column too many.
    for signatures in [0, 2] {
        let expected = if signatures == 0 { &short } else { &left };
        let bytes = packed(&columns(), signatures);
        assert_eq!(&BatchData::decode(&bytes).map(|data| data.blocks), expected);
    }
    let more = [columns(), vec![vec![]]].concat();
    assert_eq!(
        BatchData::decode(&packed(&more, 1)).map(|data| data.blocks),
        left
    );
}

/// Bytes that are no transaction of a known layout, or not canonically, survive as they are.
#[test]
fn what_is_no_transaction_is_kept_whole() {
    let seven: [&[u8]; 7] = [&[]; 7];
    let strange = [
        hex!("c0").to_vec(),
        hex!("00c9808080808080808080").to_vec(),
        hex!("02c9808080808080808080").to_vec(),
        hex!("7f").to_vec(),
        hex!("f809808080808080808080").to_vec(),
        // r longer than a word, r with a zero in front, a byte behind.
        signed(0, &seven, &[1; 33], &[1]).to_vec(),
        signed(0, &seven, &[0, 1], &[1]).to_vec(),
        [&signed(0, &seven, &[1], &[1])[..], &[0]].concat(),
    ];
    let data = batch_of(strange.into_iter().map(Bytes::from).collect());
    let bytes = compressed::encode(&data).unwrap();
    let mut head = &bytes[1..];
    u64::decode(&mut head).unwrap();
    assert_eq!(u64::decode(&mut head), Ok(0), "signatures");
    assert_eq!(BatchData::decode(&bytes), Ok(data));
}

/// The dictionary is part of the format: a stream that reaches into another has no meaning.
#[test]
fn another_dictionary_is_another_format() {
    assert_eq!(
        keccak256(DICTIONARY),
        b256!("f1df8128996dc81f84c3eb7c6f7dbaf4259cdcd6eea931921d8905b9cccbbcf4")
    );
    let plain = [keccak256([1]).0, keccak256([2]).0].concat();
    let own = deflated(DICTIONARY, plain.clone());
    let other: Vec<u8> = [&plain[..], &[0; 2_000], DICTIONARY].concat();
    let foreign = deflated(&other, plain.clone());
    assert!(foreign.len() < own.len());
    let decode = |deflated: &[u8]| BatchData::decode(&wrapped(plain.len(), 1, deflated));
    assert!(!matches!(decode(&own), Err(BatchDataError::Deflate)));
    assert_eq!(decode(&foreign), Err(BatchDataError::Deflate));
}
