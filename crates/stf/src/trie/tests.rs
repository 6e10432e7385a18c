#![allow(clippy::unwrap_used)]

use super::{node, *};
use crate::source::{MemorySource, RecordingSource, StateSource};
use alloc::{collections::BTreeMap, vec, vec::Vec};
use alloy_primitives::keccak256;
use alloy_trie::{HashBuilder, Nibbles, proof::verify_proof};
use proptest::{collection::vec as many, prelude::*};

/// The content of a trie, as plainly as it can be said.
type Model = BTreeMap<B256, Bytes>;

/// Root by the builder that other clients use, from the whole content.
fn reference_root(model: &Model) -> B256 {
    let mut builder = HashBuilder::default();
    for (key, value) in model {
        builder.add_leaf(Nibbles::unpack(key), value);
    }
    builder.root()
}

/// Keys of three kinds, so that every shape occurs: spread like hashes; sharing long prefixes (extensions, and nodes
/// so short that they are inline); and differing in few places.
fn any_key() -> impl Strategy<Value = B256> {
    prop_oneof![
        (0u8..40).prop_map(|seed| keccak256([seed])),
        (0u8..3, 0u8..8, 0u8..20).prop_map(|(head, middle, tail)| {
            let mut key = B256::repeat_byte(head);
            key[30] = middle;
            key[31] = tail;
            key
        }),
        (0usize..64, 0usize..16).prop_map(|(index, value)| {
            let mut key = B256::ZERO;
            node::set_nibble(&mut key, index, value);
            key
        }),
    ]
}

fn any_value() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        many(any::<u8>(), 1..4),
        many(any::<u8>(), 30..80),
        many(any::<u8>(), 300..301)
    ]
    .prop_map(Bytes::from)
}

/// `None` removes.
fn any_operations() -> impl Strategy<Value = Vec<(B256, Option<Bytes>)>> {
    many(
        (
            any_key(),
            prop_oneof![3 => any_value().prop_map(Some), 2 => Just(None)],
        ),
        0..30,
    )
}

fn change(
    trie: &mut Trie,
    source: &impl StateSource,
    model: &mut Model,
    operations: Vec<(B256, Option<Bytes>)>,
) {
    for (key, value) in operations {
        match value {
            Some(value) => {
                let changed = trie.insert(source, key, value.clone()).unwrap();
                assert_eq!(changed, model.insert(key, value.clone()) != Some(value));
            }
            None => assert_eq!(
                trie.remove(source, &key).unwrap(),
                model.remove(&key).is_some()
            ),
        }
    }
}

fn check_content(trie: &mut Trie, source: &impl StateSource, model: &Model, others: &[B256]) {
    for key in model.keys().chain(others) {
        assert_eq!(trie.get(source, key).unwrap(), model.get(key));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn roots_are_those_of_the_reference(
        commits in many((any_operations(), any::<bool>()), 1..6),
        absent in many(any_key(), 5),
    ) {
        let mut source = MemorySource::default();
        let mut model = Model::new();
        let mut trie = Trie::empty();
        for (operations, reopen) in commits {
            change(&mut trie, &source, &mut model, operations);
            check_content(&mut trie, &source, &model, &absent);
            let (root, nodes) = trie.commit();
            prop_assert_eq!(root, reference_root(&model));
            for (hash, rlp) in &nodes {
                prop_assert_eq!(*hash, keccak256(rlp));
            }
            source.insert_nodes(nodes);
            prop_assert!(trie.commit().1.is_empty(), "a clean trie has nothing to write");
            if reopen {
                trie = Trie::open(root);
            }
            check_content(&mut trie, &source, &model, &absent);
        }
    }

    #[test]
    fn proofs_verify(operations in any_operations(), absent in many(any_key(), 5)) {
        let mut source = MemorySource::default();
        let mut model = Model::new();
        let mut trie = Trie::empty();
        change(&mut trie, &source, &mut model, operations);
        let (root, nodes) = trie.commit();
        source.insert_nodes(nodes);
        let mut reopened = Trie::open(root);
        for key in model.keys().chain(&absent) {
            let proof = trie.proof(&source, key).unwrap();
            prop_assert_eq!(&proof, &reopened.proof(&source, key).unwrap());
            let expected = model.get(key).map(|value| value.to_vec());
            prop_assert!(verify_proof(root, Nibbles::unpack(key), expected, &proof).is_ok());
            prop_assert!(verify_proof(root, Nibbles::unpack(key), Some(vec![1, 2, 3, 4, 5]), &proof).is_err());
        }
    }

    /// The nodes that a run loaded suffice for the same run, and each of them is needed.
    #[test]
    fn recorded_nodes_are_exactly_the_witness(before in any_operations(), operations in any_operations()) {
        let mut source = MemorySource::default();
        let mut model = Model::new();
        let mut trie = Trie::empty();
        change(&mut trie, &source, &mut model, before);
        let (root, nodes) = trie.commit();
        source.insert_nodes(nodes);

        let recording = RecordingSource::new(&source);
        let mut trie = Trie::open(root);
        change(&mut trie, &recording, &mut model, operations.clone());
        let (new_root, _) = trie.commit();
        let recorded = recording.into_recorded().nodes;

        let run = |nodes: BTreeMap<B256, Bytes>| {
            let mut source = MemorySource::default();
            source.insert_nodes(nodes);
            let mut trie = Trie::open(root);
            for (key, value) in &operations {
                match value {
                    Some(value) => trie.insert(&source, *key, value.clone())?,
                    None => trie.remove(&source, key)?,
                };
            }
            Ok::<_, TrieError>(trie.commit().0)
        };
        prop_assert_eq!(run(recorded.clone()), Ok(new_root));
        for hash in recorded.keys() {
            let mut nodes = recorded.clone();
            nodes.remove(hash);
            prop_assert_eq!(run(nodes), Err(SourceError::Missing(*hash).into()));
        }
    }

    #[test]
    fn an_error_changes_nothing(before in any_operations(), key in any_key(), value in any_value(), remove: bool) {
        let mut source = MemorySource::default();
        let mut model = Model::new();
        let mut trie = Trie::empty();
        change(&mut trie, &source, &mut model, before);
        let (root, nodes) = trie.commit();
        source.insert_nodes(nodes);
        let recording = RecordingSource::new(&source);
        let operation = |trie: &mut Trie, source: &dyn StateSource| {
            if remove { trie.remove(&source, &key) } else { trie.insert(&source, key, value.clone()) }
        };
        operation(&mut Trie::open(root), &recording).unwrap();
        let recorded = recording.into_recorded().nodes;
        for hash in recorded.keys() {
            let mut partial = MemorySource::default();
            partial.insert_nodes(recorded.clone().into_iter().filter(|(other, _)| other != hash));
            let mut trie = Trie::open(root);
            prop_assert!(operation(&mut trie, &partial).is_err());
            prop_assert_eq!(trie.commit(), (root, vec![]));
            check_content(&mut trie, &source, &model, &[key]);
            operation(&mut trie, &source).unwrap();
            let mut model = model.clone();
            if remove { model.remove(&key); } else { model.insert(key, value.clone()); }
            prop_assert_eq!(trie.commit().0, reference_root(&model));
        }
    }

    #[test]
    fn decoding_is_total_and_canonical(
        rlp in many(any::<u8>(), 0..80),
        key: [u8; 32],
        depth in 0usize..=64,
    ) {
        check_decoding(&rlp.into(), &key.into(), depth);
    }

    /// As above with bytes that are nearly nodes.
    #[test]
    fn decoding_survives_damaged_nodes(
        operations in any_operations(),
        pick: prop::sample::Index,
        at: prop::sample::Index,
        to: u8,
        cut in any::<Option<prop::sample::Index>>(),
        depth in 0usize..=64,
    ) {
        let mut trie = Trie::empty();
        change(&mut trie, &MemorySource::default(), &mut Model::new(), operations);
        let (_, nodes) = trie.commit();
        prop_assume!(!nodes.is_empty());
        let (_, rlp) = pick.get(&nodes);
        let mut rlp = rlp.to_vec();
        let at = at.index(rlp.len());
        rlp[at] = to;
        rlp.truncate(cut.map_or(rlp.len(), |cut| cut.index(rlp.len())));
        check_decoding(&rlp.into(), &B256::ZERO, depth);
    }
}

/// Whatever decodes is what encoding writes.
fn check_decoding(rlp: &Bytes, key: &B256, depth: usize) {
    match node::decode(rlp, key, depth) {
        Some(node::Kind::Leaf { key: own, value }) => {
            assert!(depth == 0 || node::common_nibbles(&own, key) >= depth);
            assert_eq!(&node::encode_leaf(&own, depth, &value), rlp);
        }
        Some(node::Kind::Extension { prefix, end, child }) => {
            let node::Child::Encoded(offset) = child.child() else {
                panic!("the child is encoded")
            };
            assert_eq!(
                node::encode_extension(&prefix, depth, end, &rlp[offset..]),
                (rlp.clone(), child)
            );
        }
        Some(node::Kind::Branch { children }) => {
            let mut trie = Trie::empty();
            trie.nodes.push(node::Node::new(
                node::Kind::Branch { children },
                rlp.clone(),
            ));
            trie.root = Root::Loaded(0);
            assert_eq!(trie.commit().1, [(keccak256(rlp), rlp.clone())]);
        }
        Some(node::Kind::Gone) => panic!("never decoded"),
        None => {}
    }
}

#[test]
fn malformed_nodes_are_errors() {
    let rlp = Bytes::from_static(&[0xc1, 0x80]);
    let root = keccak256(&rlp);
    let mut source = MemorySource::default();
    source.insert_nodes([(root, rlp)]);
    let key = B256::ZERO;
    assert_eq!(
        Trie::open(root).get(&source, &key),
        Err(TrieError::Malformed { key, depth: 0 })
    );
    let missing = B256::repeat_byte(7);
    assert_eq!(
        Trie::open(missing).get(&source, &key),
        Err(SourceError::Missing(missing).into())
    );
}

#[test]
fn the_empty_trie_has_the_known_root_and_needs_no_source() {
    let source = MemorySource::default();
    let mut trie = Trie::open(EMPTY_ROOT_HASH);
    assert_eq!(trie.get(&source, &B256::ZERO), Ok(None));
    assert_eq!(trie.remove(&source, &B256::ZERO), Ok(false));
    assert_eq!(trie.proof(&source, &B256::ZERO), Ok(vec![]));
    trie.insert(&source, B256::ZERO, Bytes::from_static(&[1]))
        .unwrap();
    assert_eq!(trie.remove(&source, &B256::ZERO), Ok(true));
    assert_eq!(trie.commit(), (EMPTY_ROOT_HASH, vec![]));
}

/// Two keys that differ in the last nibble, with values of a byte: two leaves of three bytes in a branch of 22, all
/// inside the extension above them.
#[test]
fn nodes_shorter_than_a_hash_stand_in_their_parents() {
    let mut source = MemorySource::default();
    let (a, b) = (B256::ZERO, B256::with_last_byte(1));
    let mut model = Model::new();
    let mut trie = Trie::empty();
    let put = |key, byte| (key, Some(Bytes::from(vec![byte])));
    change(&mut trie, &source, &mut model, vec![put(a, 1), put(b, 2)]);
    let (root, nodes) = trie.commit();
    assert_eq!((root, nodes.len()), (reference_root(&model), 1));
    source.insert_nodes(nodes);

    let recording = RecordingSource::new(&source);
    let mut trie = Trie::open(root);
    change(&mut trie, &recording, &mut model, vec![put(b, 3)]);
    assert_eq!(trie.commit().0, reference_root(&model));
    assert_eq!(trie.proof(&recording, &a).unwrap().len(), 1);
    change(&mut trie, &recording, &mut model, vec![(a, None)]);
    assert_eq!(trie.commit().0, reference_root(&model));
    assert_eq!(recording.into_recorded().nodes.len(), 1);
}

/// Key of account `index` in the large state.
fn account_key(index: u64) -> B256 {
    keccak256(index.to_be_bytes())
}

/// The work of a block follows what it touches: in a state of a million accounts, built block by block, changing a
/// hundred loads and hashes the paths of a hundred.
#[test]
fn a_block_in_a_million_accounts_touches_only_its_paths() {
    const ACCOUNTS: u64 = 1_000_000;
    const TOUCHED: u64 = 100;
    let value = |generation: u8| Bytes::from(vec![generation; 70]);
    let mut source = MemorySource::default();
    let mut root = EMPTY_ROOT_HASH;
    for block in 0..10 {
        let mut trie = Trie::open(root);
        for index in (block * ACCOUNTS / 10)..((block + 1) * ACCOUNTS / 10) {
            trie.insert(&source, account_key(index), value(1)).unwrap();
        }
        let (new_root, nodes) = trie.commit();
        source.insert_nodes(nodes);
        root = new_root;
    }
    assert!(source.node_count() > ACCOUNTS as usize);

    let recording = RecordingSource::new(&source);
    let mut trie = Trie::open(root);
    for index in 0..TOUCHED {
        assert_eq!(
            trie.get(&recording, &account_key(index * 9_973)).unwrap(),
            Some(&value(1))
        );
    }
    for index in 0..TOUCHED {
        trie.insert(&recording, account_key(index * 9_973), value(2))
            .unwrap();
    }
    let (new_root, nodes) = trie.commit();
    let loaded = recording.into_recorded().nodes.len();
    // With 10^6 keys a leaf is 5 or 6 nibbles deep, rarely 7 to 9. The upper levels are shared: the root, its 16 children, ...
    assert!(
        (4 * TOUCHED..7 * TOUCHED).contains(&(loaded as u64)),
        "{loaded} nodes loaded"
    );
    assert_eq!(
        nodes.len(),
        loaded,
        "a changed path is hashed once, and nothing beside it"
    );
    assert_ne!(new_root, root);

    // And back: the state is determined by its content.
    source.insert_nodes(nodes);
    let mut trie = Trie::open(new_root);
    for index in 0..TOUCHED {
        trie.insert(&source, account_key(index * 9_973), value(1))
            .unwrap();
    }
    assert_eq!(trie.commit().0, root);
}
