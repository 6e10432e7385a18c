//! Blocks that are taken back, and what becomes of their transactions.
//!
//! Model: a chain that follows another one goes back with it. A replica forgets the blocks ([`Chain::rewind`]). A producer has
//! confirmed transactions in them, which it owes another execution: [`Chain::take_back`] writes them down in their order, in
//! the transaction that removes their blocks, so that a kill at any point loses none. Whoever executes them again skips those
//! that it finds executed, and calls [`Chain::forget_taken_back`] when it is through.

use std::{collections::HashSet, sync::PoisonError};

use alloy_consensus::transaction::Recovered;
use rollmill_stf::Transaction;

use super::{
    Chain, StorageError, corrupt,
    open::{decode_row, encode_row},
};

impl Chain {
    /// Takes the blocks after `number` back, and what is open; tags do not stay above it. What it showed of those blocks was
    /// not final. Blocks the thread.
    ///
    /// # Errors
    /// [`StorageError`]; also when there is no such block, or no state of it any more.
    pub fn rewind(&self, number: u64) -> Result<(), StorageError> {
        self.go_back(number, false)
    }

    /// Does what [`Chain::rewind`] does, and keeps the transactions that are not L1 messages: see [`Chain::taken_back`].
    ///
    /// # Errors
    /// [`StorageError`]; also when there is no such block, or no state of it any more.
    pub fn take_back(&self, number: u64) -> Result<(), StorageError> {
        self.go_back(number, true)
    }

    fn go_back(&self, number: u64, keep: bool) -> Result<(), StorageError> {
        let _one_at_a_time = self.0.append.lock().unwrap_or_else(PoisonError::into_inner);
        let header = self
            .header(number)?
            .ok_or_else(|| corrupt(format!("no block {number} to go back to")))?;
        self.snapshot(&header)?;
        let gone = self.states_after(number)?;
        let kept = keep.then(|| self.owed_after(number)).transpose()?;
        self.0.database.rewind(number, &gone, kept.as_deref())?;
        self.0.open.send_replace(None);
        self.0.head.send_replace(std::sync::Arc::new(header));
        Ok(())
    }

    /// The transactions after block `number`, those of the open block, and those still owed from an earlier time; each once.
    fn owed_after(&self, number: u64) -> Result<Vec<Vec<u8>>, StorageError> {
        let mut owed = Vec::new();
        for number in number + 1..=self.head().number {
            let block = self.block(number)?;
            owed.extend(block.into_iter().flat_map(|block| block.transactions));
        }
        if let Some(confirmed) = self.confirmed()? {
            owed.extend(confirmed.transactions);
        }
        owed.extend(self.taken_back()?);
        let mut seen = HashSet::new();
        owed.retain(|transaction| {
            transaction.as_l1_message().is_none() && seen.insert(transaction.hash())
        });
        let rows = owed.iter();
        Ok(rows
            .map(|transaction| encode_row(transaction, transaction.signer()))
            .collect())
    }

    /// The transactions of blocks that were taken back, in the order in which they had been executed.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn taken_back(&self) -> Result<Vec<Recovered<Transaction>>, StorageError> {
        let rows = self.0.database.taken_back()?;
        rows.iter().map(|row| decode_row(row)).collect()
    }

    /// All that was taken back has been executed again, or never will be.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn forget_taken_back(&self) -> Result<(), StorageError> {
        self.0.database.forget_taken_back()
    }
}
