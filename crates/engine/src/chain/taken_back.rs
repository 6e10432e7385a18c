//! Blocks that are taken back, and what becomes of their transactions.
//!
//! Model: a chain that follows another one goes back with it. A replica forgets the blocks ([`Chain::rewind`]). A producer has
//! confirmed transactions in them, which it owes another execution: [`Chain::take_back`] writes them down in their order, in
//! the transaction that removes their blocks, so that a kill at any point loses none. Whoever executes them again skips those
//! that it finds executed, and calls [`Chain::forget_taken_back`] when it is through.

use std::{
    collections::{HashSet, VecDeque},
    sync::{MutexGuard, PoisonError},
};

use alloy_consensus::transaction::Recovered;
use rollmill_stf::Transaction;

use super::{
    Chain, StorageError, corrupt,
    open::{decode_row, encode_row},
};

/// Most times of going back that [`WentBack`] tells apart.
const TIMES_MAX: usize = 64;

/// How far the chain went back since it was opened, for those who read its blocks one after the other.
#[derive(Debug, Default)]
pub(super) struct WentBack {
    /// How often.
    times: u64,
    /// (how often it had gone back then, the newest block that was left). Numbers rise: what a later time went below tells nobody anything.
    lowest: VecDeque<(u64, u64)>,
}

impl WentBack {
    fn push(&mut self, number: u64) {
        self.times += 1;
        while self
            .lowest
            .pop_back_if(|(_, other)| *other >= number)
            .is_some()
        {}
        self.lowest.push_back((self.times, number));
        if self.lowest.len() > TIMES_MAX
            && let Some((_, number)) = self.lowest.pop_front()
            && let Some(oldest) = self.lowest.front_mut()
        {
            // Whoever comes between the two reads some blocks again, and misses none.
            oldest.1 = number;
        }
    }

    /// The lowest block that it went back to after so many times.
    fn lowest_since(&self, times: u64) -> Option<u64> {
        let since = self.lowest.iter().find(|(at, _)| *at > times);
        since.map(|(_, number)| *number)
    }
}

/// Somebody who reads all blocks, one after the other, and those that take the place of others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader {
    /// The block to read next.
    pub(crate) next: u64,
    /// How often the chain had gone back when it was last asked.
    times: u64,
}

impl Reader {
    /// Goes back as far as the chain did since the last time. To be called before the newest block is looked at: then blocks may
    /// be read twice, and none is missed.
    pub(crate) fn follow(&mut self, chain: &Chain) {
        let went_back = chain.went_back();
        if let Some(lowest) = went_back.lowest_since(self.times) {
            self.next = self.next.min(lowest + 1);
        }
        self.times = went_back.times;
    }
}

impl Chain {
    fn went_back(&self) -> MutexGuard<'_, WentBack> {
        let went_back = self.0.went_back.lock();
        went_back.unwrap_or_else(PoisonError::into_inner)
    }

    /// A reader of what comes after the newest block.
    pub(crate) fn reader(&self) -> Reader {
        let times = self.went_back().times;
        Reader {
            next: self.head().number + 1,
            times,
        }
    }

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
        self.went_back().push(number);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_was_away_hears_of_the_lowest_block_since() {
        let mut went_back = WentBack::default();
        assert_eq!(went_back.lowest_since(0), None);
        for number in [8, 20, 12, 15] {
            went_back.push(number);
        }
        let since = [0, 1, 2, 3, 4].map(|times| went_back.lowest_since(times));
        assert_eq!(since, [Some(8), Some(12), Some(12), Some(15), None]);
        went_back.push(5);
        let since = [0, 4, 5].map(|times| went_back.lowest_since(times));
        assert_eq!(since, [Some(5), Some(5), None]);
    }

    #[test]
    fn the_list_is_bounded_and_forgets_no_block() {
        let mut went_back = WentBack::default();
        for number in 1..=1_000 {
            went_back.push(number);
        }
        assert_eq!(went_back.lowest.len(), TIMES_MAX);
        for times in 0..1_000 {
            let lowest = went_back.lowest_since(times);
            assert!(lowest.is_some_and(|lowest| lowest <= times + 1), "{times}");
        }
        assert_eq!(went_back.lowest_since(999), Some(1_000));
    }
}
