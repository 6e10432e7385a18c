//! The JSON formats of ethereum/tests and ethereum/execution-spec-tests, as far as we read them.

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use rollmill_stf::{
    source::MemorySource,
    state::{AccountChange, AccountFields, StateChanges, StateError, StateTrie},
    trie::EMPTY_ROOT_HASH,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// One entry of a file.
pub(super) enum Fixture {
    Blockchain(Box<BlockchainTest>),
    State(Box<StateTest>),
    /// A fixture of a format that is not for us, and its name.
    Other(&'static str),
}

/// The top-level keys by which formats are told apart.
#[derive(Deserialize)]
struct Shape<'a> {
    #[serde(borrow)]
    blocks: Option<&'a RawValue>,
    #[serde(borrow, rename = "genesisBlockHeader")]
    genesis: Option<&'a RawValue>,
    #[serde(borrow)]
    post: Option<&'a RawValue>,
    #[serde(borrow)]
    transaction: Option<&'a RawValue>,
    #[serde(borrow, rename = "engineNewPayloads")]
    payloads: Option<&'a RawValue>,
    #[serde(borrow)]
    txbytes: Option<&'a RawValue>,
    #[serde(borrow)]
    vectors: Option<&'a RawValue>,
}

/// The fixtures of a file; `None` when the file holds none.
pub(super) fn parse(text: &str) -> eyre::Result<Option<Vec<(String, Fixture)>>> {
    let Ok(entries) = serde_json::from_str::<BTreeMap<String, &RawValue>>(text) else {
        // Valid JSON of another shape is somebody else's file; anything else is a damaged one.
        serde_json::from_str::<serde::de::IgnoredAny>(text)?;
        return Ok(None);
    };
    let mut fixtures = Vec::new();
    for (name, entry) in entries {
        let Ok(shape) = serde_json::from_str::<Shape<'_>>(entry.get()) else {
            continue;
        };
        let fixture = if shape.blocks.is_some() && shape.genesis.is_some() {
            Fixture::Blockchain(serde_json::from_str(entry.get())?)
        } else if shape.post.is_some() && shape.transaction.is_some() {
            Fixture::State(serde_json::from_str(entry.get())?)
        } else if shape.payloads.is_some() {
            Fixture::Other("engine API fixture")
        } else if shape.txbytes.is_some() {
            Fixture::Other("transaction fixture")
        } else if shape.vectors.is_some() {
            Fixture::Other("EOF fixture")
        } else {
            continue;
        };
        fixtures.push((name, fixture));
    }
    Ok((!fixtures.is_empty()).then_some(fixtures))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BlockchainTest {
    pub(super) network: String,
    #[serde(rename = "genesisRLP")]
    pub(super) genesis_rlp: Bytes,
    pub(super) pre: Alloc,
    pub(super) blocks: Vec<BlockEntry>,
    pub(super) lastblockhash: B256,
    pub(super) post_state: Option<Alloc>,
    pub(super) post_state_hash: Option<B256>,
    #[serde(default)]
    pub(super) config: Config,
    pub(super) seal_engine: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BlockEntry {
    pub(super) rlp: String,
    #[serde(flatten)]
    exceptions: BTreeMap<String, serde_json::Value>,
    pub(super) block_header: Option<BlockHash>,
}

impl BlockEntry {
    /// Must the block be refused? (`expectException`, in older files with the fork's name attached.)
    pub(super) fn expected_exception(&self) -> Option<String> {
        let expected = self
            .exceptions
            .iter()
            .find(|(key, _)| key.starts_with("expectException"));
        expected.map(|(_, value)| value.to_string())
    }
}

#[derive(Deserialize)]
pub(super) struct BlockHash {
    pub(super) hash: Option<B256>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Config {
    #[serde(alias = "chainId")]
    pub(super) chainid: Option<U256>,
    #[serde(default)]
    pub(super) blob_schedule: BTreeMap<String, BlobSchedule>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BlobSchedule {
    pub(super) target: U256,
    pub(super) max: U256,
    pub(super) base_fee_update_fraction: U256,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StateTest {
    pub(super) env: Env,
    pub(super) pre: Alloc,
    pub(super) transaction: TransactionParts,
    pub(super) post: BTreeMap<String, Vec<Post>>,
    #[serde(default)]
    pub(super) config: Config,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Env {
    pub(super) current_coinbase: Address,
    pub(super) current_gas_limit: U256,
    pub(super) current_number: U256,
    pub(super) current_timestamp: U256,
    pub(super) current_base_fee: Option<U256>,
    pub(super) current_random: Option<U256>,
    pub(super) current_difficulty: Option<U256>,
    pub(super) current_excess_blob_gas: Option<U256>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TransactionParts {
    pub(super) data: Vec<String>,
    pub(super) gas_limit: Vec<String>,
    pub(super) value: Vec<String>,
    pub(super) nonce: String,
    #[serde(default)]
    pub(super) to: String,
    pub(super) gas_price: Option<String>,
    pub(super) max_fee_per_gas: Option<String>,
    pub(super) max_priority_fee_per_gas: Option<String>,
    pub(super) max_fee_per_blob_gas: Option<String>,
    pub(super) blob_versioned_hashes: Option<Vec<B256>>,
    pub(super) access_lists: Option<Vec<Option<serde_json::Value>>>,
    pub(super) authorization_list: Option<serde_json::Value>,
    pub(super) secret_key: Option<B256>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Post {
    pub(super) hash: B256,
    pub(super) logs: B256,
    pub(super) indexes: Indexes,
    pub(super) txbytes: Option<String>,
    pub(super) expect_exception: Option<serde_json::Value>,
}

#[derive(Clone, Copy, Deserialize)]
pub(super) struct Indexes {
    pub(super) data: usize,
    pub(super) gas: usize,
    pub(super) value: usize,
}

/// Accounts by address.
pub(super) type Alloc = BTreeMap<Address, Account>;

#[derive(Deserialize)]
pub(super) struct Account {
    balance: U256,
    nonce: U256,
    code: Bytes,
    storage: BTreeMap<U256, U256>,
}

/// The state that holds exactly these accounts, and its root.
pub(super) fn state_of(alloc: &Alloc) -> Result<(MemorySource, B256), StateError> {
    let mut changes = StateChanges::default();
    for (address, account) in alloc {
        let code_hash = keccak256(&account.code);
        changes.accounts.push(AccountChange {
            address: *address,
            account: Some(AccountFields {
                nonce: account.nonce.saturating_to(),
                balance: account.balance,
                code_hash,
            }),
            wipe_storage: false,
            storage: account
                .storage
                .iter()
                .map(|(slot, value)| (*slot, *value))
                .collect(),
        });
        if !account.code.is_empty() {
            changes.codes.push((code_hash, account.code.clone()));
        }
    }
    let mut source = MemorySource::default();
    let update = StateTrie::new(&source, EMPTY_ROOT_HASH).apply(changes)?;
    source.insert_update(&update);
    Ok((source, update.root))
}
