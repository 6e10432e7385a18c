#![allow(clippy::unwrap_used)]

use super::*;
use crate::source::{MemorySource, RecordingSource};
use alloc::{collections::BTreeMap, vec};
use alloy_trie::{HashBuilder, Nibbles, proof::verify_proof};
use proptest::{collection::vec as many, prelude::*};

/// The content of a state, as plainly as it can be said.
type Model = BTreeMap<Address, (AccountFields, BTreeMap<U256, U256>)>;

fn root_of(leaves: BTreeMap<B256, Vec<u8>>) -> B256 {
    let mut builder = HashBuilder::default();
    for (key, value) in leaves {
        builder.add_leaf(Nibbles::unpack(key), &value);
    }
    builder.root()
}

fn storage_root_of(storage: &BTreeMap<U256, U256>) -> B256 {
    root_of(
        storage
            .iter()
            .map(|(slot, value)| {
                (
                    keccak256(slot.to_be_bytes::<32>()),
                    alloy_rlp::encode(value),
                )
            })
            .collect(),
    )
}

fn account_of((fields, storage): &(AccountFields, BTreeMap<U256, U256>)) -> TrieAccount {
    TrieAccount::new(
        fields.nonce,
        fields.balance,
        storage_root_of(storage),
        fields.code_hash,
    )
}

/// Root by the builder that other clients use, from the whole content.
fn reference_root(model: &Model) -> B256 {
    root_of(
        model
            .iter()
            .map(|(address, account)| (keccak256(address), alloy_rlp::encode(account_of(account))))
            .collect(),
    )
}

fn apply_to_model(model: &mut Model, changes: &StateChanges) {
    for change in &changes.accounts {
        let Some(fields) = change.account else {
            model.remove(&change.address);
            continue;
        };
        let (own, storage) = model
            .entry(change.address)
            .or_insert((fields, BTreeMap::new()));
        *own = fields;
        if change.wipe_storage {
            storage.clear();
        }
        for (slot, value) in &change.storage {
            if value.is_zero() {
                storage.remove(slot)
            } else {
                storage.insert(*slot, *value)
            };
        }
    }
}

fn address(index: u8) -> Address {
    Address::with_last_byte(index)
}

fn any_fields() -> impl Strategy<Value = AccountFields> {
    (0u64..3, any::<u128>(), 0u8..3).prop_map(|(nonce, balance, code)| AccountFields {
        nonce,
        balance: U256::from(balance),
        code_hash: if code == 0 {
            KECCAK256_EMPTY
        } else {
            keccak256([code])
        },
    })
}

fn any_storage() -> impl Strategy<Value = Vec<(U256, U256)>> {
    prop::collection::btree_map(
        0u64..12,
        prop_oneof![Just(0u64), 1u64..4, any::<u64>()],
        0..8,
    )
    .prop_map(|slots| {
        slots
            .into_iter()
            .map(|(slot, value)| (U256::from(slot), U256::from(value)))
            .collect()
    })
}

fn any_changes() -> impl Strategy<Value = StateChanges> {
    let change = (
        prop::option::weighted(0.8, any_fields()),
        prop::bool::weighted(0.2),
        any_storage(),
    );
    prop::collection::btree_map(0u8..20, change, 0..10).prop_map(|accounts| StateChanges {
        accounts: accounts
            .into_iter()
            .map(|(index, (account, wipe_storage, storage))| AccountChange {
                address: address(index),
                account,
                wipe_storage,
                storage,
            })
            .collect(),
        codes: vec![],
    })
}

/// Reads of a block before its changes, by index of account and slot.
fn any_reads() -> impl Strategy<Value = Vec<(u8, u64)>> {
    many((0u8..22, 0u64..14), 0..8)
}

fn check_reads(state: &mut StateTrie<impl StateSource>, model: &Model, reads: &[(u8, u64)]) {
    for (index, slot) in reads {
        let expected = model.get(&address(*index));
        let slot = U256::from(*slot);
        let value = expected
            .and_then(|(_, storage)| storage.get(&slot).copied())
            .unwrap_or_default();
        assert_eq!(state.storage(address(*index), slot).unwrap(), value);
        assert_eq!(
            state.account(address(*index)).unwrap(),
            expected.map(account_of)
        );
    }
}

type Blocks = Vec<(Vec<(u8, u64)>, StateChanges)>;

fn any_blocks() -> impl Strategy<Value = Blocks> {
    many((any_reads(), any_changes()), 1..5)
}

/// A batch of blocks on one state value, with the reads checked.
fn run(
    source: impl StateSource,
    root: B256,
    model: &mut Model,
    blocks: &Blocks,
) -> Vec<StateUpdate> {
    let mut state = StateTrie::new(source, root);
    let mut updates = vec![];
    for (reads, changes) in blocks {
        check_reads(&mut state, model, reads);
        updates.push(state.apply(changes.clone()).unwrap());
        apply_to_model(model, changes);
        assert_eq!(state.root(), reference_root(model));
    }
    updates
}

/// The same without a model: the root after the last block.
fn run_stateless(
    source: impl StateSource,
    root: B256,
    blocks: &Blocks,
) -> Result<B256, StateError> {
    let mut state = StateTrie::new(source, root);
    for (reads, changes) in blocks {
        for (index, slot) in reads {
            state.storage(address(*index), U256::from(*slot))?;
            state.account(address(*index))?;
        }
        state.apply(changes.clone())?;
    }
    Ok(state.root())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn roots_are_those_of_the_reference(batches in many(any_blocks(), 1..4)) {
        let mut source = MemorySource::default();
        let mut model = Model::new();
        let mut root = EMPTY_ROOT_HASH;
        for blocks in batches {
            // Every batch opens the state anew; within one, later blocks read what earlier ones wrote.
            for update in run(&source, root, &mut model, &blocks) {
                source.insert_update(&update);
                root = update.root;
            }
        }
    }

    #[test]
    fn recorded_nodes_are_exactly_the_witness(before in any_changes(), blocks in any_blocks()) {
        let mut source = MemorySource::default();
        let mut model = Model::new();
        apply_to_model(&mut model, &before);
        let update = StateTrie::new(&source, EMPTY_ROOT_HASH).apply(before).unwrap();
        source.insert_update(&update);

        let recording = RecordingSource::new(&source);
        let last = run(&recording, update.root, &mut model, &blocks).pop().unwrap();
        let recorded = recording.into_recorded().nodes;

        let replay = |without: Option<&B256>| {
            let mut source = MemorySource::default();
            source.insert_nodes(recorded.clone().into_iter().filter(|(hash, _)| Some(hash) != without));
            run_stateless(source, update.root, &blocks)
        };
        prop_assert_eq!(replay(None), Ok(last.root));
        for hash in recorded.keys() {
            let missing = StateError::Trie(SourceError::Missing(*hash).into());
            prop_assert_eq!(replay(Some(hash)), Err(missing));
        }
    }

    #[test]
    fn proofs_verify(changes in any_changes(), reads in any_reads()) {
        let mut source = MemorySource::default();
        let mut model = Model::new();
        apply_to_model(&mut model, &changes);
        let mut state = StateTrie::new(MemorySource::default(), EMPTY_ROOT_HASH);
        let update = state.apply(changes).unwrap();
        source.insert_update(&update);
        let mut reopened = StateTrie::new(&source, update.root);
        for (index, slot) in reads {
            let slots = [U256::from(slot), U256::from(slot + 1)];
            let proof = reopened.proof(address(index), &slots).unwrap();
            prop_assert_eq!(&proof, &state.proof(address(index), &slots).unwrap());
            let expected = model.get(&address(index)).map(account_of);
            prop_assert_eq!(proof.account, expected);
            let key = Nibbles::unpack(keccak256(address(index)));
            prop_assert!(verify_proof(update.root, key, expected.map(alloy_rlp::encode), &proof.proof).is_ok());
            let storage_root = expected.map_or(EMPTY_ROOT_HASH, |account| account.storage_root);
            for (slot, proven) in slots.iter().zip(&proof.storage) {
                let value = model.get(&address(index)).and_then(|(_, storage)| storage.get(slot)).copied();
                prop_assert_eq!((proven.slot, proven.value), (*slot, value.unwrap_or_default()));
                let key = Nibbles::unpack(keccak256(slot.to_be_bytes::<32>()));
                prop_assert!(verify_proof(storage_root, key, value.map(alloy_rlp::encode), &proven.proof).is_ok());
            }
        }
    }
}

fn fields(balance: u64) -> AccountFields {
    AccountFields {
        nonce: 0,
        balance: U256::from(balance),
        code_hash: KECCAK256_EMPTY,
    }
}

fn one_change(change: AccountChange) -> StateChanges {
    StateChanges {
        accounts: vec![change],
        codes: vec![],
    }
}

#[test]
fn a_wiped_storage_needs_no_node_of_it() {
    let full = AccountChange {
        address: address(1),
        account: Some(fields(1)),
        wipe_storage: false,
        storage: (0..100)
            .map(|slot| (U256::from(slot), U256::from(1)))
            .collect(),
    };
    let mut source = MemorySource::default();
    let update = StateTrie::new(&source, EMPTY_ROOT_HASH)
        .apply(one_change(full.clone()))
        .unwrap();
    source.insert_update(&update);

    let recording = RecordingSource::new(&source);
    let mut state = StateTrie::new(&recording, update.root);
    let storage = vec![(U256::from(7), U256::from(9))];
    state
        .apply(one_change(AccountChange {
            wipe_storage: true,
            storage,
            ..full.clone()
        }))
        .unwrap();
    assert_eq!(state.storage(address(1), U256::from(7)), Ok(U256::from(9)));
    assert_eq!(state.storage(address(1), U256::from(8)), Ok(U256::ZERO));

    // Removed and made again: the old storage does not come back.
    state
        .apply(one_change(AccountChange {
            account: None,
            storage: vec![],
            ..full.clone()
        }))
        .unwrap();
    assert_eq!(state.root(), EMPTY_ROOT_HASH);
    assert_eq!(state.account(address(1)), Ok(None));
    assert_eq!(state.storage(address(1), U256::from(7)), Ok(U256::ZERO));
    state
        .apply(one_change(AccountChange {
            storage: vec![],
            ..full
        }))
        .unwrap();
    assert_eq!(state.storage(address(1), U256::from(8)), Ok(U256::ZERO));
    assert_eq!(
        state.account(address(1)).unwrap().unwrap().storage_root,
        EMPTY_ROOT_HASH
    );
    assert_eq!(
        recording.into_recorded().nodes.len(),
        1,
        "the account's leaf alone"
    );
}

#[test]
fn codes_of_earlier_blocks_are_read_from_memory() {
    let code = Bytes::from_static(&[0x60, 0x00]);
    let code_hash = keccak256(&code);
    let mut state = StateTrie::new(MemorySource::default(), EMPTY_ROOT_HASH);
    assert_eq!(
        state.code(code_hash),
        Err(SourceError::Missing(code_hash).into())
    );
    assert_eq!(state.code(KECCAK256_EMPTY), Ok(Bytes::new()));
    let update = state
        .apply(StateChanges {
            accounts: vec![],
            codes: vec![(code_hash, code.clone())],
        })
        .unwrap();
    assert_eq!(update.codes, [(code_hash, code.clone())]);
    assert_eq!(state.code(code_hash), Ok(code));
}

#[test]
fn an_empty_account_that_is_listed_stays() {
    // Genesis blocks and fixtures hold such accounts; EIP-161 is the executor's affair.
    let change = AccountChange {
        address: address(1),
        account: Some(fields(0)),
        wipe_storage: false,
        storage: vec![],
    };
    let mut state = StateTrie::new(MemorySource::default(), EMPTY_ROOT_HASH);
    state.apply(one_change(change)).unwrap();
    assert_eq!(state.account(address(1)), Ok(Some(TrieAccount::default())));
}

#[test]
fn unchanged_values_write_nothing() {
    let change = AccountChange {
        address: address(1),
        account: Some(fields(5)),
        wipe_storage: false,
        storage: vec![(U256::from(1), U256::from(2)), (U256::from(3), U256::ZERO)],
    };
    let mut state = StateTrie::new(MemorySource::default(), EMPTY_ROOT_HASH);
    let first = state.apply(one_change(change.clone())).unwrap();
    assert_eq!(
        first.nodes.len(),
        2,
        "one leaf in the storage, one among the accounts"
    );
    let again = state.apply(one_change(change)).unwrap();
    assert_eq!((again.root, again.nodes), (first.root, vec![]));
}

#[test]
fn leaves_that_are_no_state_are_errors() {
    let mut source = MemorySource::default();
    let mut trie = Trie::empty();
    trie.insert(
        &source,
        keccak256(address(1)),
        Bytes::from_static(&[0xc1, 0x05]),
    )
    .unwrap();
    let mut storage = Trie::empty();
    storage
        .insert(
            &source,
            keccak256(U256::from(1).to_be_bytes::<32>()),
            Bytes::from_static(&[0x82, 0, 1]),
        )
        .unwrap();
    let (storage_root, nodes) = storage.commit();
    source.insert_nodes(nodes);
    let account = TrieAccount {
        storage_root,
        ..TrieAccount::default()
    };
    trie.insert(
        &source,
        keccak256(address(2)),
        alloy_rlp::encode(account).into(),
    )
    .unwrap();
    let (root, nodes) = trie.commit();
    source.insert_nodes(nodes);
    let mut state = StateTrie::new(&source, root);
    assert_eq!(
        state.account(address(1)),
        Err(StateError::MalformedAccount(address(1)))
    );
    let malformed = StateError::MalformedSlot(address(2), U256::from(1));
    assert_eq!(state.storage(address(2), U256::from(1)), Err(malformed));
}

#[test]
fn the_evm_reads_through_the_database() {
    let code = Bytes::from_static(&[0xef, 0x01, 0x00, 0x01]);
    let code_hash = keccak256(&code);
    let mut state = StateTrie::new(MemorySource::default(), EMPTY_ROOT_HASH);
    let account = Some(AccountFields {
        nonce: 3,
        balance: U256::from(4),
        code_hash,
    });
    let storage = vec![(U256::from(1), U256::from(2))];
    let change = AccountChange {
        address: address(1),
        account,
        wipe_storage: false,
        storage,
    };
    state
        .apply(StateChanges {
            accounts: vec![change],
            codes: vec![(code_hash, code.clone())],
        })
        .unwrap();
    let mut headers = MemorySource::default();
    headers.insert_block_hash(7, B256::repeat_byte(7));
    let mut database = StateDb::new(state, headers);

    let info = database.basic(address(1)).unwrap().unwrap();
    assert_eq!(
        (info.nonce, info.balance, info.code_hash, info.code),
        (3, U256::from(4), code_hash, None)
    );
    assert_eq!(database.basic(address(2)), Ok(None));
    assert_eq!(
        database.storage(address(1), U256::from(1)),
        Ok(U256::from(2))
    );
    // It looks like a delegation but has not its length.
    assert_eq!(
        database.code_by_hash(code_hash).unwrap(),
        Bytecode::new_legacy(code)
    );
    assert_eq!(database.block_hash(7), Ok(B256::repeat_byte(7)));
    assert_eq!(
        database.block_hash(8),
        Err(SourceError::MissingBlockHash(8).into())
    );
}
