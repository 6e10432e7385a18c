//! Epochs: reputations move, the dials move, and the next snapshot is drawn up.

use super::{Action, Board, BoardError, Turn};
use crate::{
    ids::UnixSeconds,
    law::{
        Controls, Leaf, Ratio, Snapshot,
        control::{self, EpochMeasure},
    },
};
use alloc::{sync::Arc, vec::Vec};
use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

/// What an epoch's tasks are drawn by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Epoch {
    /// Weights.
    #[serde(with = "shared")]
    pub snapshot: Arc<Snapshot>,
    /// Dials: the law's while the epoch is on its way to L1, those that L1 has in force from then on.
    pub controls: Controls,
}

/// A shared snapshot, written as its leaves.
mod shared {
    use super::{Arc, Leaf, Snapshot, Vec};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(
        snapshot: &Arc<Snapshot>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        snapshot.leaves().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<Snapshot>, D::Error> {
        let leaves = Vec::<Leaf>::deserialize(deserializer)?;
        Snapshot::new(leaves)
            .map(Arc::new)
            .map_err(D::Error::custom)
    }
}

impl Board {
    pub(super) fn on_epoch_ended(&mut self, turn: &mut Turn) -> Result<(), BoardError> {
        if self.epoch_pending.is_some() {
            return Err(BoardError::SnapshotPending(self.epoch + 1));
        }
        if turn.now < self.epoch_due_at() {
            return Err(BoardError::EpochNotOver(self.epoch_due_at()));
        }
        let elapsed_s = turn.now - self.epoch_started_at;
        let params = &self.params.clone();
        let ratios: Vec<Ratio> = self
            .rollers
            .values()
            .map(|account| account.next_q(params, turn.now, elapsed_s))
            .collect();
        let leaves: Vec<Leaf> = self
            .rollers
            .iter()
            .zip(&ratios)
            .filter(|((_, account), _)| account.is_leaf(params))
            .map(|((roller, account), q)| Leaf {
                roller: *roller,
                stake: account.stake,
                q: *q,
                capacity: account.capacity,
            })
            .collect();
        if leaves.is_empty() {
            return Err(BoardError::NoRollers);
        }
        let snapshot = Arc::new(Snapshot::new(leaves)?);
        let controls = self.next_controls(turn);
        for (account, q) in self.rollers.values_mut().zip(ratios) {
            account.end_epoch(params, q, turn.now);
        }
        self.epoch_started_at = turn.now;
        self.epoch_pending = Some(Epoch { snapshot, controls });
        turn.actions.extend(self.post_snapshot());
        Ok(())
    }

    /// Moves the dials, and begins a new measure. The first epoch has nothing to measure: its beginning is the board's.
    fn next_controls(&mut self, turn: &Turn) -> Controls {
        let in_force = self.controls;
        if self.epoch == 0 {
            return in_force;
        }
        let measure = self.epoch_measure(turn.now);
        let controls = control::next(&self.params.control, in_force, &measure);
        let counts_for_k = !measure.is_common_failure(&self.params.control);
        self.measured.end_epoch(
            (controls.k != in_force.k, counts_for_k),
            self.index.in_window(),
            self.index.queued(),
        );
        controls
    }

    /// What the running epoch was like until `now`.
    fn epoch_measure(&self, now: UnixSeconds) -> EpochMeasure {
        let rollers = self.rollers.values();
        EpochMeasure {
            rollers: rollers
                .map(|account| account.measure(&self.params, now))
                .collect(),
            queued: self.index.queued(),
            ..self
                .measured
                .measure(now.saturating_sub(self.epoch_started_at))
        }
    }

    /// What the running epoch was like so far, and the dials that would follow if it ended at `now`.
    pub fn dials_ahead(&self, now: UnixSeconds) -> (EpochMeasure, Controls) {
        let measure = self.epoch_measure(now);
        let controls = match self.epoch {
            0 => self.controls,
            _ => control::next(&self.params.control, self.controls, &measure),
        };
        (measure, controls)
    }

    pub(super) fn post_snapshot(&self) -> Option<Action> {
        self.epoch_pending
            .as_ref()
            .map(|Epoch { snapshot, controls }| Action::PostSnapshot {
                epoch: self.epoch + 1,
                root: snapshot.root(),
                total: snapshot.total(),
                leaves: snapshot.encode().into(),
                controls: *controls,
            })
    }

    /// L1 takes the dials of the next epoch, once; before the first one it tells those that it begins with.
    pub(super) fn on_dials_posted(
        &mut self,
        epoch: u64,
        controls: Controls,
    ) -> Result<(), BoardError> {
        if epoch == 0 && self.epoch == 0 {
            self.controls = controls;
            return Ok(());
        }
        if epoch <= self.epoch || self.dials_posted == Some((epoch, controls)) {
            return Err(BoardError::AlreadyApplied);
        }
        if epoch != self.epoch + 1 || self.dials_posted.is_some() {
            return Err(BoardError::Divergence {
                what: "dials",
                of: epoch,
            });
        }
        self.dials_posted = Some((epoch, controls));
        Ok(())
    }

    pub(super) fn on_snapshot_confirmed(
        &mut self,
        epoch: u64,
        root: B256,
        turn: &mut Turn,
    ) -> Result<(), BoardError> {
        if epoch <= self.epoch {
            return Err(BoardError::AlreadyApplied);
        }
        let diverged = BoardError::Divergence {
            what: "snapshot",
            of: epoch,
        };
        let Some(mut confirmed) = self
            .epoch_pending
            .take_if(|pending| epoch == self.epoch + 1 && pending.snapshot.root() == root)
        else {
            return Err(diverged);
        };
        self.forget_epoch(self.epoch);
        self.epoch = epoch;
        if let Some((_, controls)) = self.dials_posted.take() {
            self.controls = controls;
        }
        confirmed.controls = self.controls;
        self.epochs.insert(epoch, confirmed);
        self.lift_quarantines(turn);
        self.fill_window(turn);
        Ok(())
    }

    /// Notes that one more task pins an epoch.
    pub(super) fn pin_epoch(&mut self, epoch: u64) {
        if epoch != 0 {
            *self.epoch_tasks.entry(epoch).or_default() += 1;
        }
    }

    /// Notes that one task less pins an epoch, and forgets the epoch if it was the last.
    pub(super) fn unpin_epoch(&mut self, epoch: u64) {
        let Some(tasks) = self.epoch_tasks.get_mut(&epoch) else {
            return;
        };
        *tasks -= 1;
        if *tasks == 0 {
            self.epoch_tasks.remove(&epoch);
            if epoch != self.epoch {
                self.epochs.remove(&epoch);
            }
        }
    }

    /// Forgets an epoch that no kept task pins; the caller replaces it as the last.
    fn forget_epoch(&mut self, epoch: u64) {
        if !self.epoch_tasks.contains_key(&epoch) {
            self.epochs.remove(&epoch);
        }
    }
}
