//! What is known about tasks beside the law: which program and witness, which L1 transactions, how seats ended.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use rollmill_protocol::{
    BatchNumber, Roller, Round, TaskId, UnixSeconds,
    board::{Board, MissedBecause, Seat, SeatState, Task, pairs},
};
use rollmill_roller_api::receipts::SeatOutcome;
use serde::{Deserialize, Serialize};

use crate::log::Note;

/// Particulars of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CommitFacts {
    pub(crate) program_version: u32,
    pub(crate) witness_hash: B256,
}

/// Particulars of a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SettleFacts {
    pub(crate) state_root: B256,
    pub(crate) transaction: B256,
}

/// How the seats of a task ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Closing {
    pub(crate) task: TaskId,
    pub(crate) at: UnixSeconds,
    /// Zero when the batch settled without entries.
    pub(crate) entries_hash: B256,
    #[serde(with = "pairs")]
    pub(crate) outcomes: BTreeMap<(Round, Roller), SeatOutcome>,
}

impl Closing {
    pub(crate) fn of(task: &Task, entries_hash: B256, at: UnixSeconds) -> Self {
        let outcomes = task
            .seats
            .iter()
            .filter_map(|(name, seat)| Some((*name, seat_outcome(seat)?)));
        Self {
            task: task.id,
            at,
            entries_hash,
            outcomes: outcomes.collect(),
        }
    }
}

/// How a seat ended; `None` while it is open.
pub(crate) fn seat_outcome(seat: &Seat) -> Option<SeatOutcome> {
    Some(match &seat.state {
        SeatState::Open => return None,
        SeatState::OnTime
            if seat
                .receipt
                .is_some_and(|receipt| receipt.received_at <= seat.deadline) =>
        {
            SeatOutcome::OnTime
        }
        // Verdicts speak of the time of receipt.
        SeatState::OnTime | SeatState::Posted => SeatOutcome::Posted,
        SeatState::Late
            if seat
                .receipt
                .is_some_and(|receipt| receipt.received_at <= seat.deadline) =>
        {
            SeatOutcome::LateAfterSilence
        }
        SeatState::Late => SeatOutcome::Late,
        SeatState::Invalid { .. } => SeatOutcome::Invalid,
        SeatState::Missed {
            why: MissedBecause::DeadlinePassed | MissedBecause::NeverShown,
        } => SeatOutcome::Missed,
        SeatState::Missed {
            why: MissedBecause::HeartbeatLost,
        } => SeatOutcome::Silent,
        SeatState::Released { .. } => SeatOutcome::Released,
    })
}

/// All that was noted of the board's tasks, in memory; the log is its durable form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Facts {
    commits: BTreeMap<TaskId, CommitFacts>,
    settlements: BTreeMap<BatchNumber, SettleFacts>,
    closings: BTreeMap<TaskId, Closing>,
}

impl Facts {
    pub(crate) fn note(&mut self, note: &Note) {
        match *note {
            Note::Committed {
                task,
                program_version,
                witness_hash,
                ..
            } => {
                self.commits.insert(
                    task,
                    CommitFacts {
                        program_version,
                        witness_hash,
                    },
                );
            }
            Note::Settled {
                batch,
                state_root,
                transaction,
            } => {
                self.settlements.insert(
                    batch,
                    SettleFacts {
                        state_root,
                        transaction,
                    },
                );
            }
        }
    }

    pub(crate) fn close(&mut self, closing: Closing) {
        self.closings.insert(closing.task, closing);
    }

    pub(crate) fn closing(&self, task: TaskId) -> Option<&Closing> {
        self.closings.get(&task)
    }

    /// Forgets what the board has forgotten.
    pub(crate) fn forget(&mut self, board: &Board) {
        let is_kept = |task: TaskId| board.task_by_id(task).is_some();
        self.closings.retain(|task, _| is_kept(*task));
        self.commits.retain(|task, _| is_kept(*task));
        self.settlements
            .retain(|batch, _| board.task_by_batch(*batch).is_some());
    }

    pub(crate) fn commit(&self, task: TaskId) -> Option<&CommitFacts> {
        self.commits.get(&task)
    }

    pub(crate) fn settlement(&self, batch: BatchNumber) -> Option<&SettleFacts> {
        self.settlements.get(&batch)
    }

    pub(crate) fn is_witness(&self, hash: B256) -> bool {
        self.commits
            .values()
            .any(|commit| commit.witness_hash == hash)
    }
}
