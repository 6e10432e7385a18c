//! Batches that rollers commit themselves, as users of the rollup, to be paid for proving them.
//!
//! Such a batch costs its user what it pays its provers, because rewards come from the fees; where the operator's price covers less of
//! them (`fees_cover` below 1), so much less.

use super::LawMarket;
use crate::{fleet::Operator, strategy::OwnBatches};
use rollmill_protocol::{BatchNumber, ScrWei};
use std::collections::BTreeMap;

/// A worker that commits batches.
#[derive(Debug)]
struct User {
    worker: usize,
    batches: OwnBatches,
    /// Batches that are due, with the part of the next.
    due: f64,
}

/// All of them, and what they have committed.
#[derive(Debug, Default)]
pub(super) struct Users {
    users: Vec<User>,
    unsettled: BTreeMap<BatchNumber, usize>,
}

impl Users {
    pub(super) fn of(operators: &[Operator]) -> Self {
        let users = operators
            .iter()
            .enumerate()
            .filter_map(|(worker, operator)| {
                let batches = operator.strategy.own_batches()?;
                Some(User {
                    worker,
                    batches,
                    due: 0.0,
                })
            });
        Self {
            users: users.collect(),
            unsettled: BTreeMap::new(),
        }
    }
}

impl LawMarket<'_> {
    /// A batch of others was committed: those of the rollers' own that are due by it.
    pub(super) fn commit_own_batches(&mut self) {
        for i in 0..self.users.users.len() {
            self.users.users[i].due += self.users.users[i].batches.per_batch;
            while self.users.users[i].due >= 1.0 {
                let user = &mut self.users.users[i];
                user.due -= 1.0;
                let (worker, size) = (user.worker, user.batches.size);
                let batch = self.commit_batch((self.world.load.gas as f64 * size) as u64);
                self.users.unsettled.insert(batch, worker);
            }
        }
    }

    /// A batch has settled: its user pays what proving costs by the operator's price.
    pub(super) fn charge_user(&mut self, batch: BatchNumber, reward: ScrWei) {
        let Some(worker) = self.users.unsettled.remove(&batch) else {
            return;
        };
        let fees_scr = reward.0 as f64 / 1e18 * self.world.l1.fees_cover;
        self.recorder.fined(worker, fees_scr, self.now_ms);
    }
}
