//! Ethereum's state over [`Trie`]s: accounts, their storage, their codes.
//!
//! Model: [`StateTrie`] is the state after some block, known by its root and loaded piece by piece from a [`StateSource`].
//! Execution reads accounts and slots through [`StateDb`]; when a block is done, [`StateTrie::apply`] takes what it
//! changed and answers with the new root and with everything that a database must add. Blocks follow one another on the
//! same value: what an earlier block wrote is read from memory. The node and the guest run this same code; the only
//! difference is the source.
//!
//! Rules:
//! - Addresses and slots are hashed once, the first time they are seen.
//! - Changes are applied in the order of the hashed keys, first what is written, then what is removed. Removing may have
//!   to load a sibling, so the order decides which nodes are loaded, and the set of loaded nodes is the witness.
//! - A slot set to zero is removed; an account without storage has the empty root.
//! - After an error the value must be dropped: some of the changes may have been made.

#[cfg(test)]
mod tests;

use crate::{
    source::{BlockHashSource, SourceError, StateSource},
    trie::{EMPTY_ROOT_HASH, NewNodes, Trie, TrieError},
};
use alloc::vec::Vec;
use alloy_primitives::{
    Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256,
    map::{AddressMap, B256Map, Entry, U256Map},
};
use alloy_rlp::Decodable;
pub use alloy_trie::TrieAccount;
use core::fmt;
use revm::{
    bytecode::Bytecode,
    database_interface::{DBErrorMarker, Database},
    state::AccountInfo,
};

/// Accounts that are remembered without growing: in the batch program a map that grows leaves memory behind for good.
const FIRST_ACCOUNTS: usize = 56;

/// Why the state could not be read or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// A trie could not be walked.
    #[error(transparent)]
    Trie(#[from] TrieError),
    /// A code or block hash could not be had.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The leaf of this account is no account.
    #[error("malformed account {0}")]
    MalformedAccount(Address),
    /// The leaf of this slot is no 256-bit number.
    #[error("malformed storage slot {1} of {0}")]
    MalformedSlot(Address, U256),
}

impl DBErrorMarker for StateError {}

/// The fields of an account that a block decides itself; the storage root follows from the storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountFields {
    /// Transactions sent or contracts created.
    pub nonce: u64,
    /// Wei.
    pub balance: U256,
    /// Keccak-256 of the code.
    pub code_hash: B256,
}

/// What became of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountChange {
    /// Whose.
    pub address: Address,
    /// Its fields now; `None` removes the account with its storage.
    pub account: Option<AccountFields>,
    /// Was the storage emptied before `storage` was written?
    pub wipe_storage: bool,
    /// Slots and their values now, zero to remove. No slot twice.
    pub storage: Vec<(U256, U256)>,
}

/// What a block changed, or what a genesis block holds. Taken literally: an empty account stays if it is listed. No
/// account twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateChanges {
    /// Accounts in any order.
    pub accounts: Vec<AccountChange>,
    /// New codes as (hash, bytes).
    pub codes: Vec<(B256, Bytes)>,
}

/// What a database must add to hold the new state beside the old one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateUpdate {
    /// The new state root.
    pub root: B256,
    /// New trie nodes (hash, RLP), children before parents.
    pub nodes: NewNodes,
    /// New codes (hash, bytes), in the order of their hashes.
    pub codes: Vec<(B256, Bytes)>,
}

/// Proof of an account and some of its slots (EIP-1186) against a state root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountProof {
    /// Whose.
    pub address: Address,
    /// The account; `None` is proven too.
    pub account: Option<TrieAccount>,
    /// Nodes of the account trie from the root.
    pub proof: Vec<Bytes>,
    /// The slots, in the order asked.
    pub storage: Vec<StorageProof>,
}

/// Proof of a slot against its account's storage root. Empty when the storage is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageProof {
    /// Which slot.
    pub slot: U256,
    /// Its value; zero is proven by absence.
    pub value: U256,
    /// Nodes of the storage trie from the root.
    pub proof: Vec<Bytes>,
}

/// An account as far as it is known.
#[derive(Debug)]
struct CachedAccount {
    /// Keccak-256 of the address.
    key: B256,
    account: Option<TrieAccount>,
    /// Opened when a slot is first needed.
    storage: Option<Trie>,
    /// Keccak-256 of the slots seen.
    slot_keys: U256Map<B256>,
}

impl CachedAccount {
    fn storage_root(&self) -> B256 {
        let account = self.account.as_ref();
        account.map_or(EMPTY_ROOT_HASH, |account| account.storage_root)
    }

    /// The storage trie and the hashed key of `slot`.
    fn slot(&mut self, slot: U256) -> (&mut Trie, B256) {
        let key = *self
            .slot_keys
            .entry(slot)
            .or_insert_with(|| keccak256(slot.to_be_bytes::<32>()));
        (self.storage_trie(), key)
    }

    fn storage_trie(&mut self) -> &mut Trie {
        let root = self.storage_root();
        self.storage.get_or_insert_with(|| Trie::open(root))
    }
}

/// See the module's documentation.
pub struct StateTrie<S> {
    source: S,
    accounts: Trie,
    cached: AddressMap<CachedAccount>,
    /// Codes that came with applied changes.
    new_codes: B256Map<Bytes>,
    /// Codes as the EVM runs them, of the blocks so far: analysing one costs the proof more than most transactions.
    pub(crate) bytecodes: B256Map<Bytecode>,
}

impl<S> fmt::Debug for StateTrie<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateTrie")
            .field("root", &self.root())
            .finish_non_exhaustive()
    }
}

impl<S> StateTrie<S> {
    /// The state of this root. Nothing is loaded yet, so a root unknown to the source shows with the first access.
    pub fn new(source: S, root: B256) -> Self {
        Self {
            source,
            accounts: Trie::open(root),
            cached: AddressMap::with_capacity_and_hasher(FIRST_ACCOUNTS, Default::default()),
            new_codes: B256Map::default(),
            bytecodes: B256Map::default(),
        }
    }

    /// State root after the last applied changes.
    pub const fn root(&self) -> B256 {
        self.accounts.root_hash()
    }

    /// Where the state comes from.
    pub const fn source(&self) -> &S {
        &self.source
    }

    /// Ends the use of the state.
    pub fn into_source(self) -> S {
        self.source
    }
}

impl<S: StateSource> StateTrie<S> {
    /// The account at `address`.
    pub fn account(&mut self, address: Address) -> Result<Option<TrieAccount>, StateError> {
        Ok(self.load(address)?.0.account)
    }

    /// The value of a storage slot, zero when it is not there.
    pub fn storage(&mut self, address: Address, slot: U256) -> Result<U256, StateError> {
        let (cached, source) = self.load(address)?;
        if cached.storage.is_none() && cached.storage_root() == EMPTY_ROOT_HASH {
            return Ok(U256::ZERO);
        }
        let (trie, key) = cached.slot(slot);
        let Some(mut value) = trie.get(source, &key)?.map(|value| value.as_ref()) else {
            return Ok(U256::ZERO);
        };
        U256::decode(&mut value)
            .ok()
            .filter(|_| value.is_empty())
            .ok_or(StateError::MalformedSlot(address, slot))
    }

    /// The code of this hash.
    pub fn code(&mut self, code_hash: B256) -> Result<Bytes, StateError> {
        if code_hash == KECCAK256_EMPTY {
            return Ok(Bytes::new());
        }
        match self.new_codes.get(&code_hash) {
            Some(code) => Ok(code.clone()),
            None => Ok(self.source.code(code_hash)?),
        }
    }

    /// Makes the changes of one block.
    pub fn apply(&mut self, changes: StateChanges) -> Result<StateUpdate, StateError> {
        let StateChanges {
            accounts,
            mut codes,
        } = changes;
        // Sorting moves keys and references, not changes.
        let mut changes: Vec<(B256, &AccountChange)> = Vec::with_capacity(accounts.len());
        for change in &accounts {
            changes.push((self.load(change.address)?.0.key, change));
        }
        changes.sort_unstable_by_key(|(key, _)| *key);

        // Room for the path of each account, so that the list does not grow by steps.
        let mut nodes = NewNodes::with_capacity(4 * changes.len());
        let mut removed = Vec::new();
        for (key, change) in changes {
            match self.apply_account(change, &mut nodes)? {
                Some(account) => {
                    self.accounts.insert(&self.source, key, account)?;
                }
                None => removed.push(key),
            }
        }
        for key in &removed {
            self.accounts.remove(&self.source, key)?;
        }
        let root = self.accounts.commit_into(&mut nodes);
        codes.sort_unstable_by_key(|(hash, _)| *hash);
        self.new_codes.extend(codes.iter().cloned());
        Ok(StateUpdate { root, nodes, codes })
    }

    /// Proves an account and some of its slots against [`Self::root`].
    pub fn proof(&mut self, address: Address, slots: &[U256]) -> Result<AccountProof, StateError> {
        let mut storage = Vec::with_capacity(slots.len());
        for &slot in slots {
            let value = self.storage(address, slot)?;
            let (cached, source) = self.load(address)?;
            let (trie, key) = cached.slot(slot);
            storage.push(StorageProof {
                slot,
                value,
                proof: trie.proof(source, &key)?,
            });
        }
        let cached = self.load(address)?.0;
        let (key, account) = (cached.key, cached.account);
        Ok(AccountProof {
            address,
            account,
            proof: self.accounts.proof(&self.source, &key)?,
            storage,
        })
    }

    /// The account's entry in the cache, and the source beside it.
    fn load(&mut self, address: Address) -> Result<(&mut CachedAccount, &S), StateError> {
        let entry = match self.cached.entry(address) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let key = keccak256(address);
                let account = match self.accounts.get(&self.source, &key)? {
                    Some(value) => Some(
                        alloy_rlp::decode_exact(value.as_ref())
                            .map_err(|_| StateError::MalformedAccount(address))?,
                    ),
                    None => None,
                };
                entry.insert(CachedAccount {
                    key,
                    account,
                    storage: None,
                    slot_keys: U256Map::default(),
                })
            }
        };
        Ok((entry, &self.source))
    }

    /// Changes an account's storage; returns the RLP of the account as it now is.
    fn apply_account(
        &mut self,
        change: &AccountChange,
        nodes: &mut NewNodes,
    ) -> Result<Option<Bytes>, StateError> {
        let (cached, source) = self.load(change.address)?;
        let Some(fields) = &change.account else {
            cached.account = None;
            cached.storage = Some(Trie::empty());
            return Ok(None);
        };
        if change.wipe_storage {
            cached.storage = Some(Trie::empty());
        }
        let mut storage_root = if change.wipe_storage {
            EMPTY_ROOT_HASH
        } else {
            cached.storage_root()
        };
        if !change.storage.is_empty() {
            let mut slots: Vec<_> = change
                .storage
                .iter()
                .map(|(slot, value)| (cached.slot(*slot).1, *value))
                .collect();
            slots.sort_unstable_by_key(|(key, _)| *key);
            let trie = cached.storage_trie();
            for (key, value) in slots.iter().filter(|(_, value)| !value.is_zero()) {
                trie.insert(source, *key, alloy_rlp::encode(value).into())?;
            }
            for (key, _) in slots.iter().filter(|(_, value)| value.is_zero()) {
                trie.remove(source, key)?;
            }
            storage_root = trie.commit_into(nodes);
        }
        let account = cached.account.insert(TrieAccount {
            nonce: fields.nonce,
            balance: fields.balance,
            storage_root,
            code_hash: fields.code_hash,
        });
        Ok(Some(alloy_rlp::encode(*account).into()))
    }
}

/// A code as the EVM runs it. One that only looks like a delegation (EIP-7702) is an ordinary one.
pub fn analyse(code: Bytes) -> Bytecode {
    Bytecode::new_raw_checked(code.clone()).unwrap_or_else(|_| Bytecode::new_legacy(code))
}

/// The state and the block hashes as the EVM reads them.
pub struct StateDb<S, B> {
    /// The state before the block, or after the blocks that were applied.
    pub state: StateTrie<S>,
    /// Answers BLOCKHASH.
    pub block_hashes: B,
}

impl<S, B> StateDb<S, B> {
    /// Puts the two together.
    pub const fn new(state: StateTrie<S>, block_hashes: B) -> Self {
        Self {
            state,
            block_hashes,
        }
    }
}

impl<S, B> fmt::Debug for StateDb<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateDb")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl<S: StateSource, B: BlockHashSource> Database for StateDb<S, B> {
    type Error = StateError;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, StateError> {
        let account = self.state.account(address)?;
        Ok(account.map(|account| AccountInfo {
            balance: account.balance,
            nonce: account.nonce,
            code_hash: account.code_hash,
            account_id: None,
            code: None,
        }))
    }

    fn code_by_hash(&mut self, code_hash: B256) -> Result<Bytecode, StateError> {
        Ok(analyse(self.state.code(code_hash)?))
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, StateError> {
        self.state.storage(address, slot)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, StateError> {
        Ok(self.block_hashes.block_hash(number)?)
    }
}
