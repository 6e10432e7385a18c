//! What was confirmed in blocks that are no more, and waits for its second execution.
//!
//! Rules:
//! - It goes first, before whatever waits, and in the order in which it had been executed: who was confirmed before is served
//!   before, and what L1 did not change comes out as it was.
//! - The pool's limits do not apply to it. What cannot be executed any more (the deposit that it spent is gone) is dropped with
//!   a warning; what has become too early or too cheap waits with the others, for as long as they.
//!
//! | component | in memory | persisted | recovery |
//! |---|---|---|---|
//! | transactions taken back | a queue | chain file, until all are through ([`rollmill_engine::Chain::taken_back`]) | those that are not executed yet |

use std::collections::VecDeque;

use alloy_consensus::{Transaction as _, transaction::Recovered};
use alloy_eips::Encodable2718;
use alloy_primitives::Address;
use rollmill_engine::{PoolError, stf::Transaction};

use super::{Mempool, policy::Standing};
use crate::journal::Kept;

impl Mempool {
    /// The chain went back, or this is the start: what it owes another execution comes first, and every account's next nonce
    /// is the one that the state has now. Nothing may be confirmed meanwhile. Blocks the thread.
    pub(crate) fn follow_back(&self) -> Result<(), PoolError> {
        let owed = self.chain.taken_back()?;
        let mut again = VecDeque::new();
        let is_owing = !owed.is_empty();
        for transaction in owed {
            if transaction.nonce() >= self.sender(transaction.signer())?.nonce {
                again.push_back(transaction);
            }
        }
        if is_owing && again.is_empty() {
            self.chain.forget_taken_back()?;
        }
        let accounts: Vec<Address> = {
            let mut table = self.table();
            table.again = again;
            table.accounts.keys().copied().collect()
        };
        for account in accounts {
            let next = self.sender(account)?.nonce;
            let executed = self.table().follow(account, next);
            self.journal.remove(executed);
        }
        self.arrivals.notify_one();
        Ok(())
    }

    /// The first `limit` transactions that are owed another execution.
    pub(crate) fn taken_back(&self, limit: usize) -> Vec<Recovered<Transaction>> {
        self.table().again.iter().take(limit).cloned().collect()
    }

    /// The first `count` of [`Mempool::taken_back`] are dealt with; those `waiting` among them cannot be executed yet. Blocks
    /// the thread.
    pub(crate) fn redone(
        &self,
        count: usize,
        waiting: Vec<Recovered<Transaction>>,
    ) -> Result<(), PoolError> {
        let since_unix_s = self.clock.now_unix_s();
        for transaction in waiting {
            let (hash, raw) = (transaction.hash(), transaction.encoded_2718().into());
            let inserted = match self.insert(transaction, since_unix_s, Standing::Acknowledged) {
                Ok(inserted) => inserted,
                Err(error) => {
                    tracing::warn!(%hash, %error, "mempool.dropped");
                    continue;
                }
            };
            let kept = Kept {
                hash,
                raw,
                since_unix_s,
            };
            if !self.journal.add_blocking(kept) {
                return Err(PoolError::Closed);
            }
            self.journal.remove(inserted.gone());
        }
        let is_through = {
            let mut table = self.table();
            table.again.drain(..count);
            table.again.is_empty()
        };
        if is_through && count > 0 {
            self.chain.forget_taken_back()?;
        }
        Ok(())
    }
}
