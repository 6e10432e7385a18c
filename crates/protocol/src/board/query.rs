//! Questions to the board.

use super::{Action, Board, Refusal, RollerAccount, Seat, SeatKey, Stage, Task};
use crate::{
    ids::{BatchNumber, Roller, TaskId, UnixSeconds},
    law::{Controls, Params, Snapshot, deadline::deadline_s},
};
use alloc::vec::Vec;
use alloy_primitives::Address;

impl Task {
    /// The L1 block whose prevrandao the task waits for.
    pub fn awaited_beacon(&self) -> Option<u64> {
        match &self.stage {
            Stage::AwaitingBeacon => Some(self.draw_block),
            Stage::AwaitingLottery { lottery, .. } => Some(lottery.block),
            _ => None,
        }
    }

    /// Did the present round seat nobody?
    pub fn is_round_empty(&self) -> bool {
        self.round()
            .is_none_or(|round| self.seats.range((round, Address::ZERO)..).next().is_none())
    }
}

impl Board {
    /// The law's parameters in force: as the log was begun, with what L1 has changed.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// Time of the last event.
    pub fn now(&self) -> UnixSeconds {
        self.now
    }

    /// Last epoch whose snapshot is on L1; 0 before the first.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// A confirmed snapshot: the last one or one that a kept task pins.
    pub fn snapshot(&self, epoch: u64) -> Option<&Snapshot> {
        self.epochs.get(&epoch).map(|epoch| &*epoch.snapshot)
    }

    /// Dials in force on L1.
    pub fn controls(&self) -> Controls {
        self.controls
    }

    /// The epoch whose snapshot is on its way to L1, and the dials that the law gives it.
    pub fn dials_due(&self) -> Option<(u64, Controls)> {
        let pending = self.epoch_pending.as_ref()?;
        Some((self.epoch + 1, pending.controls))
    }

    /// The dials that are on L1 for the next epoch.
    pub fn dials_posted(&self) -> Option<(u64, Controls)> {
        self.dials_posted
    }

    /// Dials of a confirmed epoch that is kept: the last one or one that a kept task pins.
    pub fn controls_of(&self, epoch: u64) -> Option<Controls> {
        self.epochs.get(&epoch).map(|epoch| epoch.controls)
    }

    /// Rollers that could take a seat now, capacity apart.
    pub fn rollers_present(&self) -> u32 {
        self.present
    }

    /// Last committed batch; 0 before the first.
    pub fn committed_through(&self) -> BatchNumber {
        self.committed_through
    }

    /// Last settled batch; 0 before the first.
    pub fn settled_through(&self) -> BatchNumber {
        self.settled_through
    }

    /// From when on [`super::Event::EpochEnded`] is accepted: the first epoch may end at once.
    pub fn epoch_due_at(&self) -> UnixSeconds {
        if self.epoch == 0 {
            self.epoch_started_at
        } else {
            self.epoch_started_at.saturating_add(self.params.epoch_s)
        }
    }

    /// Would [`super::Event::EpochEnded`] be accepted at `now`?
    pub fn is_epoch_due(&self, now: UnixSeconds) -> bool {
        now >= self.epoch_due_at()
            && self.epoch_pending.is_none()
            && self
                .rollers
                .values()
                .any(|account| account.is_leaf(&self.params))
    }

    /// When a [`super::Event::Tick`] changes something; `None` while only other events can.
    pub fn next_wakeup(&self) -> Option<UnixSeconds> {
        let change = self.parameters.next_change(self.now);
        self.index.next_wakeup().into_iter().chain(change).min()
    }

    /// Everything that is to be done and not confirmed yet: carried out again after a restart.
    pub fn outstanding(&self) -> Vec<Action> {
        let beacons = self.index.beacons();
        let mut actions: Vec<Action> = self.post_snapshot().into_iter().collect();
        actions.extend(
            beacons
                .into_iter()
                .map(|l1_block| Action::StoreBeacon { l1_block }),
        );
        for task in self.unsettled() {
            if let Stage::Closed { entries, .. } = &task.stage {
                actions.push(Action::PostEntries {
                    batch: task.batch,
                    task: task.id,
                    entries: entries.clone(),
                });
            }
            if task.fallback_started && (task.is_open() || task.is_winner_absent()) {
                actions.push(Action::StartFallback {
                    batch: task.batch,
                    task: task.id,
                });
            }
        }
        actions.extend(self.judgements());
        actions.extend(self.settle_next());
        actions
    }

    /// Accusations that are to be brought before L1.
    pub(super) fn judgements(&self) -> impl Iterator<Item = Action> {
        let accounts = self.rollers.values();
        accounts.filter_map(|account| self.judge(account))
    }

    /// The accusation against a roller; none while its program version is quarantined.
    pub(super) fn judge(&self, account: &RollerAccount) -> Option<Action> {
        let key = account.accused?;
        let (batch, seat) = self.find_seat(&key).ok()?;
        if self.is_quarantined(self.task(batch).program_version) {
            return None;
        }
        let receipt = seat.receipt?;
        Some(Action::Judge {
            batch,
            seat: key,
            proof_digest: receipt.proof_digest,
        })
    }

    /// Kept tasks, oldest batch first.
    pub fn tasks(&self) -> impl DoubleEndedIterator<Item = &Task> {
        self.tasks.values()
    }

    /// Tasks that are not settled, oldest batch first.
    pub fn unsettled(&self) -> impl DoubleEndedIterator<Item = &Task> {
        self.tasks
            .range(self.settled_through + 1..)
            .map(|(_, task)| task)
    }

    /// A kept task by id.
    pub fn task_by_id(&self, task: TaskId) -> Option<&Task> {
        self.batch_of_task
            .get(&task)
            .and_then(|batch| self.tasks.get(batch))
    }

    /// A kept task by batch.
    pub fn task_by_batch(&self, batch: BatchNumber) -> Option<&Task> {
        self.tasks.get(&batch)
    }

    /// A seat, or why there is none.
    pub fn seat(&self, key: &SeatKey) -> Result<&Seat, Refusal> {
        self.find_seat(key).map(|(_, seat)| seat)
    }

    /// Seats that a roller is to prove, oldest batch first: what it fetches, also again after it crashed.
    pub fn open_seats(&self, roller: Roller) -> Vec<(SeatKey, &Task, &Seat)> {
        let account = self.rollers.get(&roller);
        let seats = account.into_iter().flat_map(|account| &account.seats);
        seats
            .filter_map(|(batch, round)| {
                let task = self.tasks.get(batch)?;
                let seat = task.seats.get(&(*round, roller))?;
                Some((task.seat_key(*round, roller), task, seat))
            })
            .collect()
    }

    /// Registered rollers, by address.
    pub fn rollers(&self) -> impl Iterator<Item = (&Roller, &RollerAccount)> {
        self.rollers.iter()
    }

    /// A registered roller.
    pub fn roller(&self, roller: Roller) -> Option<&RollerAccount> {
        self.rollers.get(&roller)
    }

    /// The roller for which a hot key signs now. O(n).
    pub fn roller_of_signer(&self, signer: Address) -> Option<Roller> {
        self.rollers
            .iter()
            .find(|(_, account)| account.signer == signer)
            .map(|(roller, _)| *roller)
    }

    /// T that a task would have if it were committed now, seconds. What is measured for the dials is measured by it: a task
    /// that waited long has the T of other dials.
    pub(super) fn time_limit_s(&self, task: &Task) -> u64 {
        let tau = self.controls.tau_ns_per_gas;
        deadline_s(&self.params, tau, task.prover_gas_estimate)
    }

    /// A task that the caller knows to be kept.
    pub(super) fn task(&self, batch: BatchNumber) -> &Task {
        self.tasks.get(&batch).expect("the task is kept")
    }

    /// A task that the caller knows to be kept.
    pub(super) fn task_mut(&mut self, batch: BatchNumber) -> &mut Task {
        self.tasks.get_mut(&batch).expect("the task is kept")
    }
}
