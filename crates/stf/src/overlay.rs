//! The state as the transactions of one block see it.
//!
//! Model: a [`StateTrie`] is the state before the block; the overlay in front of it holds every account and slot that
//! was read (so that a trie path is walked once per block) and every change of the block's committed transactions. The
//! EVM reads through it; a transaction's changes enter with [`Overlay::commit`] or not at all, so a rejected transaction
//! leaves no trace. At the end of the block [`Overlay::finish`] yields the net changes.

use crate::{
    source::{BlockHashSource, StateSource},
    state::{
        AccountChange, AccountFields, StateChanges, StateError, StateTrie, TrieAccount, analyse,
    },
    trie::EMPTY_ROOT_HASH,
};
use alloc::vec::Vec;
use alloy_eips::eip2935::{HISTORY_SERVE_WINDOW, HISTORY_STORAGE_ADDRESS};
use alloy_primitives::{
    Address, B256, Bytes, KECCAK256_EMPTY, U256,
    map::{AddressMap, U256Map, hash_map::Entry},
};
use revm::{
    Database,
    bytecode::Bytecode,
    state::{Account, AccountInfo, EvmState},
};

/// Accounts that a block has room for from the start: in the batch program a map that grows leaves memory behind for good.
const FIRST_ACCOUNTS: usize = 28;

/// Where BLOCKHASH finds its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockHashes {
    /// In the storage of the history contract (EIP-2935): the state alone decides.
    History,
    /// In the chain's headers.
    Headers,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Overlay<S, B> {
    trie: StateTrie<S>,
    headers: B,
    block_hashes: BlockHashes,
    accounts: AddressMap<OverlayAccount>,
    /// Codes created by this block.
    new_codes: Vec<(B256, Bytes)>,
}

#[derive(Clone, Debug, Default)]
struct OverlayAccount {
    /// The account as the last committed transaction left it; `None` when it does not exist.
    info: Option<AccountInfo>,
    /// The account's fields differ, or may differ, from the trie's.
    changed: bool,
    /// The storage of the trie is void: the account was created or destroyed in this block.
    wiped: bool,
    storage: U256Map<OverlaySlot>,
}

#[derive(Clone, Copy, Debug)]
struct OverlaySlot {
    value: U256,
    changed: bool,
}

impl<S, B> Overlay<S, B> {
    pub(crate) fn new(trie: StateTrie<S>, headers: B, block_hashes: BlockHashes) -> Self {
        Self {
            trie,
            headers,
            block_hashes,
            accounts: AddressMap::with_capacity_and_hasher(FIRST_ACCOUNTS, Default::default()),
            new_codes: Vec::new(),
        }
    }

    /// Enters the changes of one transaction or system call.
    pub(crate) fn commit(&mut self, state: EvmState) {
        for (address, account) in state {
            if account.is_touched() {
                self.commit_account(address, account);
            }
        }
    }

    fn commit_account(&mut self, address: Address, account: Account) {
        let entry = self.accounts.entry(address).or_default();
        // EIP-161: a touched account that is empty ceases to exist.
        if account.is_selfdestructed() || account.is_empty() {
            if entry.info.is_some() {
                entry.changed = true;
                entry.wiped = true;
            }
            entry.info = None;
            entry.storage.clear();
            return;
        }
        if account.is_created() {
            entry.wiped = true;
            entry.storage.clear();
        }
        for (slot, value) in account.storage {
            if value.is_changed() {
                entry.storage.insert(
                    slot,
                    OverlaySlot {
                        value: value.present_value,
                        changed: true,
                    },
                );
            }
        }
        let mut info = account.info;
        entry.changed |= entry.wiped || entry.info.as_ref() != Some(&info);
        if let Some(code) = info.code.take()
            && !code.is_empty()
            && let Entry::Vacant(vacant) = self.trie.bytecodes.entry(info.code_hash)
        {
            self.new_codes.push((info.code_hash, code.original_bytes()));
            vacant.insert(code);
        }
        entry.info = Some(info);
    }
}

impl<S: StateSource, B: BlockHashSource> Overlay<S, B> {
    fn load(&mut self, address: Address) -> Result<&mut OverlayAccount, StateError> {
        match self.accounts.entry(address) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let info = self.trie.account(address)?.map(into_info);
                Ok(entry.insert(OverlayAccount {
                    info,
                    ..OverlayAccount::default()
                }))
            }
        }
    }

    /// The state before the block.
    pub(crate) fn before(&mut self) -> &mut StateTrie<S> {
        &mut self.trie
    }

    /// Whether the account has code.
    pub(crate) fn has_code(&mut self, address: Address) -> Result<bool, StateError> {
        Ok(self
            .load(address)?
            .info
            .as_ref()
            .is_some_and(|info| !info.is_code_hash_empty_or_zero()))
    }

    /// Adds `amount_wei` to a balance (saturating: there is no such amount of ether). An account that is empty afterwards ceases to exist
    /// (EIP-161).
    pub(crate) fn credit(&mut self, address: Address, amount_wei: U256) -> Result<(), StateError> {
        let account = self.load(address)?;
        let mut info = account.info.clone().unwrap_or_default();
        info.balance = info.balance.saturating_add(amount_wei);
        info.code = None;
        let credited = (!info.is_empty()).then_some(info);
        if credited != account.info {
            account.changed = true;
            account.wiped |= credited.is_none();
            account.info = credited;
        }
        Ok(())
    }

    /// The net changes so far.
    pub(crate) fn changes(&self) -> StateChanges {
        let mut accounts = Vec::with_capacity(self.accounts.len());
        let all = self.accounts.iter();
        accounts.extend(all.filter_map(|(address, account)| account.clone().into_change(*address)));
        StateChanges {
            accounts,
            codes: self.new_codes.clone(),
        }
    }

    /// Ends the block: the trie in its state before the block, and the net changes.
    pub(crate) fn finish(self) -> (StateTrie<S>, StateChanges) {
        let mut accounts = Vec::with_capacity(self.accounts.len());
        let all = self.accounts.into_iter();
        accounts.extend(all.filter_map(|(address, account)| account.into_change(address)));
        let changes = StateChanges {
            accounts,
            codes: self.new_codes,
        };
        (self.trie, changes)
    }
}

/// The account as the EVM sees it.
///
/// EIP-7610: nothing can be created where storage is, even without code and nonce. The EVM looks at code and nonce alone,
/// so the code hash of such an account (there are some on Ethereum since before the fork that made them impossible, and
/// none on the rollup) is shown as zero, which is no empty code, and mapped back in [`OverlayAccount::into_change`].
fn into_info(account: TrieAccount) -> AccountInfo {
    let TrieAccount {
        nonce,
        balance,
        storage_root,
        code_hash,
    } = account;
    let only_storage =
        nonce == 0 && code_hash == KECCAK256_EMPTY && storage_root != EMPTY_ROOT_HASH;
    AccountInfo {
        balance,
        nonce,
        code_hash: if only_storage { B256::ZERO } else { code_hash },
        account_id: None,
        code: None,
    }
}

impl OverlayAccount {
    fn into_change(self, address: Address) -> Option<AccountChange> {
        let storage: Vec<_> = self
            .storage
            .into_iter()
            .filter(|(_, slot)| slot.changed)
            .map(|(key, slot)| (key, slot.value))
            .collect();
        if !self.changed && storage.is_empty() {
            return None;
        }
        let account = self.info.map(|info| AccountFields {
            nonce: info.nonce,
            balance: info.balance,
            code_hash: if info.code_hash.is_zero() {
                KECCAK256_EMPTY
            } else {
                info.code_hash
            },
        });
        Some(AccountChange {
            address,
            account,
            wipe_storage: self.wiped,
            storage,
        })
    }
}

impl<S: StateSource, B: BlockHashSource> Database for Overlay<S, B> {
    type Error = StateError;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, StateError> {
        Ok(self.load(address)?.info.clone())
    }

    fn code_by_hash(&mut self, code_hash: B256) -> Result<Bytecode, StateError> {
        if code_hash.is_zero() {
            return Ok(Bytecode::default());
        }
        if let Some(code) = self.trie.bytecodes.get(&code_hash) {
            return Ok(code.clone());
        }
        let code = analyse(self.trie.code(code_hash)?);
        self.trie.bytecodes.insert(code_hash, code.clone());
        Ok(code)
    }

    fn storage(&mut self, address: Address, key: U256) -> Result<U256, StateError> {
        self.load(address)?;
        let account = self.accounts.entry(address).or_default();
        match account.storage.entry(key) {
            Entry::Occupied(slot) => Ok(slot.get().value),
            Entry::Vacant(slot) => {
                let value = if account.wiped {
                    U256::ZERO
                } else {
                    self.trie.storage(address, key)?
                };
                Ok(slot
                    .insert(OverlaySlot {
                        value,
                        changed: false,
                    })
                    .value)
            }
        }
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, StateError> {
        match self.block_hashes {
            BlockHashes::Headers => Ok(self.headers.block_hash(number)?),
            BlockHashes::History => {
                let slot = U256::from(number % HISTORY_SERVE_WINDOW as u64);
                self.storage(HISTORY_STORAGE_ADDRESS, slot).map(B256::from)
            }
        }
    }
}
