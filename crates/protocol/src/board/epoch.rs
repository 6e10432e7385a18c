//! Epochs: reputations move, and the next snapshot is drawn up.

use super::{Action, Board, BoardError, Turn};
use crate::law::{
    Leaf, Snapshot,
    reputation::{self, EpochOffers},
};
use alloc::vec::Vec;
use alloy_primitives::B256;

impl Board {
    pub(super) fn on_epoch_ended(&mut self, turn: &mut Turn) -> Result<(), BoardError> {
        if self.snapshot_pending.is_some() {
            return Err(BoardError::SnapshotPending(self.epoch + 1));
        }
        if turn.now < self.epoch_due_at() {
            return Err(BoardError::EpochNotOver(self.epoch_due_at()));
        }
        let elapsed_s = turn.now - self.epoch_started_at;
        let q_after =
            |q, offers: &EpochOffers| reputation::after_epoch(&self.params, q, offers, elapsed_s);
        let leaves: Vec<Leaf> = self
            .rollers
            .iter()
            .filter(|(_, account)| account.ready && account.stake >= self.params.stake_min)
            .map(|(roller, account)| Leaf {
                roller: *roller,
                stake: account.stake,
                q: q_after(account.q, &account.offers),
                capacity: account.capacity,
            })
            .collect();
        if leaves.is_empty() {
            return Err(BoardError::NoRollers);
        }
        let snapshot = Snapshot::new(leaves)?;
        for account in self.rollers.values_mut() {
            account.end_epoch(reputation::after_epoch(
                &self.params,
                account.q,
                &account.offers,
                elapsed_s,
            ));
        }
        self.epoch_started_at = turn.now;
        self.snapshot_pending = Some(snapshot);
        turn.actions.extend(self.post_snapshot());
        Ok(())
    }

    pub(super) fn post_snapshot(&self) -> Option<Action> {
        self.snapshot_pending
            .as_ref()
            .map(|snapshot| Action::PostSnapshot {
                epoch: self.epoch + 1,
                root: snapshot.root(),
                total: snapshot.total(),
                leaves: snapshot.encode().into(),
            })
    }

    pub(super) fn on_snapshot_confirmed(
        &mut self,
        epoch: u64,
        root: B256,
    ) -> Result<(), BoardError> {
        if epoch <= self.epoch {
            return Err(BoardError::AlreadyApplied);
        }
        let diverged = BoardError::Divergence {
            what: "snapshot",
            of: epoch,
        };
        let Some(snapshot) = self
            .snapshot_pending
            .take_if(|snapshot| epoch == self.epoch + 1 && snapshot.root() == root)
        else {
            return Err(diverged);
        };
        self.epoch = epoch;
        self.snapshots.insert(epoch, snapshot);
        self.forget_snapshots();
        Ok(())
    }

    /// Keeps the last snapshot and those that kept tasks pin.
    pub(super) fn forget_snapshots(&mut self) {
        let tasks = &self.tasks;
        let last = self.epoch;
        self.snapshots
            .retain(|epoch, _| *epoch == last || tasks.values().any(|task| task.epoch == *epoch));
    }
}
