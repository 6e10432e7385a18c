//! The block that is being built, as readers see it.
//!
//! Model: a producer that confirms transactions before their block is sealed pushes them into its executor and calls
//! [`Chain::confirm`]. What is new since the last call is written to disk ([`super::confirmed`]), in its order, and only then
//! shown. So a receipt that anybody saw stays what it is, also after `kill -9`: the next start executes the recorded transactions
//! again ([`Chain::confirmed`]) before any other. With its block, or with what was taken back, the record is one of the past.
//!
//! Readers ask for the open block *first* and for the chain's blocks afterwards: then a transaction is in one of them.

use std::sync::Arc;

use alloy_consensus::{Header, Sealed, transaction::Recovered};
use alloy_eips::{Decodable2718, Encodable2718};
use alloy_primitives::{
    Address, B256, Bytes, U256,
    map::{AddressMap, B256Map, U256Map},
};
use alloy_rlp::{RlpDecodable, RlpEncodable};
use revm::{Database, bytecode::Bytecode, state::AccountInfo};
use rollmill_stf::{
    BlockExecutor, Receipt, Transaction,
    fees::FeePrices,
    state::{AccountFields, StateChanges, StateDb, StateError, analyse},
};
use tokio::sync::watch;

use super::{Chain, Snapshot, StorageError, StoredBlock, confirmed::Beginning, corrupt};

/// A block that is not sealed yet. It grows; what it holds stays.
#[derive(Debug)]
pub struct OpenBlock {
    /// The header as far as it is known: no roots, and the hash is zero.
    pub block: StoredBlock,
    /// Receipts of its transactions.
    pub receipts: Vec<Receipt>,
    parent: Arc<Sealed<Header>>,
    positions: B256Map<usize>,
    accounts: AddressMap<OpenAccount>,
    codes: B256Map<Bytes>,
}

/// An account that the block has changed.
#[derive(Debug)]
struct OpenAccount {
    fields: Option<AccountFields>,
    /// Slots that are not listed are zero, whatever the state before the block says.
    wiped: bool,
    storage: U256Map<U256>,
}

/// The open block of an earlier process, as it is on disk.
#[derive(Debug)]
pub struct Confirmed {
    /// What the block was begun with; it has no roots.
    pub header: Header,
    /// Its transactions in their order, with the recorded senders.
    pub transactions: Vec<Recovered<Transaction>>,
}

/// A transaction of the open block, or of one that was taken back, on disk.
#[derive(RlpEncodable, RlpDecodable)]
struct ConfirmedRow {
    transaction: Bytes,
    sender: Address,
}

pub(super) fn encode_row(transaction: &Transaction, sender: Address) -> Vec<u8> {
    alloy_rlp::encode(ConfirmedRow {
        transaction: transaction.encoded_2718().into(),
        sender,
    })
}

pub(super) fn decode_row(row: &[u8]) -> Result<Recovered<Transaction>, StorageError> {
    let damaged = |error: String| corrupt(format!("confirmed transaction: {error}"));
    let row: ConfirmedRow =
        alloy_rlp::decode_exact(row).map_err(|error| damaged(error.to_string()))?;
    let transaction = Transaction::decode_2718_exact(&row.transaction)
        .map_err(|error| damaged(error.to_string()))?;
    Ok(Recovered::new_unchecked(transaction, row.sender))
}

impl OpenBlock {
    fn of(
        executor: &BlockExecutor<Chain, Chain>,
        prices: FeePrices,
        parent: Arc<Sealed<Header>>,
    ) -> Self {
        let mut header = executor.header().clone();
        header.gas_used = executor.gas_used();
        let transactions: Vec<_> = executor
            .transactions_from(0)
            .map(|(transaction, sender)| Recovered::new_unchecked(transaction.clone(), sender))
            .collect();
        let positions = transactions
            .iter()
            .enumerate()
            .map(|(position, transaction)| (transaction.hash(), position))
            .collect();
        let StateChanges { accounts, codes } = executor.changes();
        let accounts = accounts.into_iter().map(|change| {
            let account = OpenAccount {
                fields: change.account,
                wiped: change.wipe_storage || change.account.is_none(),
                storage: change.storage.into_iter().collect(),
            };
            (change.address, account)
        });
        Self {
            block: StoredBlock {
                header: Sealed::new_unchecked(header, B256::ZERO),
                transactions,
                prover_gas: executor.prover_gas().to_vec(),
                prices,
            },
            receipts: executor.receipts().to_vec(),
            parent,
            positions,
            accounts: accounts.collect(),
            codes: codes.into_iter().collect(),
        }
    }

    /// Nonce of an account that it has changed; 0 when that does not exist any more.
    pub fn nonce(&self, account: &Address) -> Option<u64> {
        let account = self.accounts.get(account)?;
        Some(account.fields.map_or(0, |fields| fields.nonce))
    }

    /// Position of a transaction in it.
    pub fn position(&self, transaction: &B256) -> Option<usize> {
        self.positions.get(transaction).copied()
    }
}

impl Chain {
    /// Writes what was pushed since the last call to disk, and then shows it to readers; returns what they see. Blocks the
    /// thread. `executor` must build on the newest block.
    ///
    /// # Errors
    /// [`StorageError`]: nothing new is shown.
    pub fn confirm(
        &self,
        executor: &BlockExecutor<Self, Self>,
    ) -> Result<Arc<OpenBlock>, StorageError> {
        let known = self.open_block();
        let known = known.map_or(0, |open| open.block.transactions.len());
        let rows: Vec<_> = (known as u64..)
            .zip(executor.transactions_from(known))
            .map(|(position, (transaction, sender))| (position, encode_row(transaction, sender)))
            .collect();
        let beginning = match known {
            0 => Some(Beginning {
                rewinds: self.0.database.rewinds()?,
                header: executor.header().clone(),
            }),
            _ => None,
        };
        let parent = self.head();
        let prices = self.fee_prices_after(&parent)?;
        self.0.confirmed.write(beginning.as_ref(), &rows)?;
        let open = Arc::new(OpenBlock::of(executor, prices, parent));
        self.0.open.send_replace(Some(open.clone()));
        Ok(open)
    }

    /// What was confirmed and is in no block.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn confirmed(&self) -> Result<Option<Confirmed>, StorageError> {
        let Some((Beginning { rewinds, header }, rows)) = self.0.confirmed.read()? else {
            return Ok(None);
        };
        let continues = header.parent_hash == self.head().hash();
        if !continues || rewinds != self.0.database.rewinds()? {
            return Ok(None);
        }
        let transactions = rows
            .iter()
            .map(|row| decode_row(row))
            .collect::<Result<_, StorageError>>()?;
        Ok(Some(Confirmed {
            header,
            transactions,
        }))
    }

    /// The block that is being built, if something of it is confirmed.
    pub fn open_block(&self) -> Option<Arc<OpenBlock>> {
        self.0.open.borrow().clone()
    }

    /// Wakes at every confirmation and at every block.
    pub fn subscribe_open(&self) -> watch::Receiver<Option<Arc<OpenBlock>>> {
        self.0.open.subscribe()
    }

    /// The newest state there is: after the open block's transactions so far, else after the newest block.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn newest_state(&self) -> Result<StateView, StorageError> {
        match self.open_block() {
            Some(open) => self.view_of(open),
            None => self.view_at(&self.head()),
        }
    }

    /// The state after the transactions of an open block.
    pub(crate) fn view_of(&self, open: Arc<OpenBlock>) -> Result<StateView, StorageError> {
        Ok(StateView {
            open: Some(open.clone()),
            ..self.view_at(&open.parent)?
        })
    }

    /// The state after a block.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn view_at(&self, header: &Header) -> Result<StateView, StorageError> {
        Ok(StateView {
            sealed: StateDb::new(self.state_at(header)?, self.clone()),
            open: None,
        })
    }
}

/// A state to read from, sealed or open: accounts, storage and code, for people and for the EVM.
#[derive(Debug)]
pub struct StateView {
    sealed: StateDb<Snapshot, Chain>,
    open: Option<Arc<OpenBlock>>,
}

impl StateView {
    /// An account; `None` when it does not exist.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn account(&mut self, address: Address) -> Result<Option<AccountFields>, StateError> {
        if let Some(account) = self.changed(address) {
            return Ok(account.fields);
        }
        let account = self.sealed.state.account(address)?;
        Ok(account.map(|account| AccountFields {
            nonce: account.nonce,
            balance: account.balance,
            code_hash: account.code_hash,
        }))
    }

    /// The code of this hash.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn code(&mut self, code_hash: B256) -> Result<Bytes, StateError> {
        let new = self.open.as_ref();
        match new.and_then(|open| open.codes.get(&code_hash)) {
            Some(code) => Ok(code.clone()),
            None => self.sealed.state.code(code_hash),
        }
    }

    fn changed(&self, address: Address) -> Option<&OpenAccount> {
        self.open.as_ref()?.accounts.get(&address)
    }
}

impl Database for StateView {
    type Error = StateError;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, StateError> {
        let account = self.account(address)?;
        Ok(account.map(|account| AccountInfo {
            balance: account.balance,
            nonce: account.nonce,
            code_hash: account.code_hash,
            account_id: None,
            code: None,
        }))
    }

    fn code_by_hash(&mut self, code_hash: B256) -> Result<Bytecode, StateError> {
        Ok(analyse(self.code(code_hash)?))
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, StateError> {
        if let Some(account) = self.changed(address) {
            match account.storage.get(&slot) {
                Some(value) => return Ok(*value),
                None if account.wiped => return Ok(U256::ZERO),
                None => {}
            }
        }
        self.sealed.storage(address, slot)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, StateError> {
        self.sealed.block_hash(number)
    }
}
