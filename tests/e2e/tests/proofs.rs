//! Our trie beside another client's: from anvil's `eth_getProof` alone, it goes from the state root of one block to that of a later
//! one, through new accounts, new slots and changed ones. None is cleared: anvil keeps such slots in its tries. Each block also writes
//! its parent's hash into the contract of EIP-2935, which is watched like any other.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;

use alloy::{
    eips::eip2935::{HISTORY_SERVE_WINDOW, HISTORY_STORAGE_ADDRESS},
    network::TransactionBuilder,
    primitives::{Address, B256, Bytes, U256, bytes, keccak256},
    providers::{DynProvider, Provider},
    rpc::types::{Block, EIP1186AccountProofResponse, TransactionRequest},
};
use rollmill_e2e::{
    Anvil, until,
    user::{USER, account, transfer, wallet},
};
use rollmill_stf::{source::MemorySource, state::TrieAccount, trie::Trie};

/// Creates a contract that stores the second word of its input in the slot that the first one names.
const STORE: Bytes = bytes!("6007600a5f3960075ff36020355f355500");
const ROUNDS: u64 = 6;
/// New accounts and written slots of a round.
const PART: u64 = 7;

/// What is proved of a block: accounts with their slots.
type Watched = BTreeMap<Address, Vec<B256>>;

async fn proofs(
    l1: &DynProvider,
    watched: &Watched,
    block: u64,
) -> Vec<EIP1186AccountProofResponse> {
    let mut proofs = Vec::new();
    for (account, slots) in watched {
        let proof = l1.get_proof(*account, slots.clone()).number(block);
        proofs.push(proof.await.unwrap());
    }
    proofs
}

/// Where the contract of EIP-2935 keeps the hash of block `number`.
fn history_slot(number: u64) -> B256 {
    B256::from(U256::from(number % HISTORY_SERVE_WINDOW as u64))
}

fn source(proofs: &[EIP1186AccountProofResponse]) -> MemorySource {
    let mut source = MemorySource::default();
    for proof in proofs {
        let slots = proof.storage_proof.iter().flat_map(|slot| &slot.proof);
        let nodes = proof.account_proof.iter().chain(slots);
        source.insert_nodes(nodes.map(|node| (keccak256(node), node.clone())));
    }
    source
}

/// The root after `key` has the value, or is not there for an empty one.
fn set(trie: &mut Trie, source: &MemorySource, key: B256, value: Vec<u8>) {
    if value.is_empty() {
        trie.remove(source, &key).unwrap();
    } else {
        trie.insert(source, key, value.into()).unwrap();
    }
}

/// Roots of the state and of each account's storage when what `after` proves is set in what `before` proves.
fn roots(
    root: B256,
    before: &[EIP1186AccountProofResponse],
    after: &[EIP1186AccountProofResponse],
) -> (B256, Vec<B256>) {
    let source = source(before);
    let mut state = Trie::open(root);
    let mut storage_roots = Vec::new();
    for (old, new) in before.iter().zip(after) {
        let mut storage = Trie::open(old.storage_hash);
        for slot in &new.storage_proof {
            let value = slot.value;
            let value = if value.is_zero() {
                Vec::new()
            } else {
                alloy_rlp::encode(value)
            };
            set(&mut storage, &source, keccak256(slot.key.as_b256()), value);
        }
        let storage_root = storage.commit().0;
        storage_roots.push(storage_root);
        let account = TrieAccount {
            nonce: new.nonce,
            balance: new.balance,
            storage_root,
            code_hash: new.code_hash,
        };
        let value = alloy_rlp::encode(account);
        set(&mut state, &source, keccak256(new.address), value);
    }
    (state.commit().0, storage_roots)
}

async fn mined(l1: &DynProvider, nonce: u64) -> Block {
    let address = account(USER).unwrap().address();
    until("anvil to mine", async || {
        let mined = l1.get_transaction_count(address).await?;
        Ok((mined == nonce).then_some(()))
    })
    .await
    .unwrap();
    l1.get_block(alloy::eips::BlockId::latest())
        .await
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn proofs_of_anvil_lead_to_its_roots() {
    let anvil = Anvil::start().await.unwrap();
    let l1 = wallet(&anvil.url).unwrap();
    let user = account(USER).unwrap().address();
    let create = TransactionRequest::default().with_deploy_code(STORE);
    let created = l1.send_transaction(create).await.unwrap();
    let created = created.get_receipt().await.unwrap();
    let contract = created.contract_address.unwrap();
    let mut before = mined(&l1, 1).await;
    let beneficiary = before.header.beneficiary;
    let accounts = [user, contract, beneficiary, HISTORY_STORAGE_ADDRESS];
    let mut watched: Watched = accounts.map(|account| (account, Vec::new())).into();
    let mut nonce = 1;
    for round in 0..ROUNDS {
        for part in 0..PART {
            let number = round * PART + part;
            let friend = Address::from_word(keccak256(number.to_be_bytes()));
            watched.insert(friend, Vec::new());
            let slot = B256::from(U256::from(number));
            watched.entry(contract).or_default().push(slot);
            // A new slot is set, one of the last round is changed.
            let old = B256::from(U256::from(number.saturating_sub(PART)));
            let changed = U256::from(number + 300);
            let words = |slot: B256, value: U256| [slot.0, value.to_be_bytes()].concat();
            let calls = [words(old, changed), words(slot, U256::from(number + 1))];
            let calls = calls.map(|input| {
                TransactionRequest::default()
                    .with_to(contract)
                    .with_input(input)
            });
            for sent in calls.into_iter().chain([transfer(friend, number + 1)]) {
                let sent = sent.with_nonce(nonce).with_gas_limit(100_000);
                let _pending = l1.send_transaction(sent).await.unwrap();
                nonce += 1;
            }
        }
        let after = mined(&l1, nonce).await;
        let parents = before.header.number..after.header.number;
        let history = watched.entry(HISTORY_STORAGE_ADDRESS).or_default();
        history.extend(parents.map(history_slot));
        let old = proofs(&l1, &watched, before.header.number).await;
        let new = proofs(&l1, &watched, after.header.number).await;
        let (root, storage_roots) = roots(before.header.state_root, &old, &new);
        let expected: Vec<B256> = new.iter().map(|proof| proof.storage_hash).collect();
        assert_eq!(storage_roots, expected, "round {round}");
        assert_eq!(root, after.header.state_root, "round {round}");
        before = after;
    }
}
