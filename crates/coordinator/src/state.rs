//! The board with what is kept beside it, and what the law decides when a record is applied.
//!
//! Applying equal records in equal order gives equal states and equal decisions: the coordinator does it while it runs and
//! again at its start, the auditor does it with the published log.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use rollmill_l1::Cursor;
use rollmill_protocol::{
    BatchNumber, UnixSeconds,
    board::{Action, Board, BoardError, Event, SeatKey, Stage, Task},
    entries_hash,
    law::{Params, params::OutOfBounds},
};

use serde::{Deserialize, Serialize};

use crate::{
    facts::{Closing, Facts, seat_outcome},
    log::{Decision, Note, Record},
};

/// A board with what is kept beside it, and how far L1 is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) board: Board,
    pub(crate) facts: Facts,
    pub(crate) l1: Option<Cursor>,
}

/// A record does not apply.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApplyError {
    #[error(transparent)]
    Refused(#[from] BoardError),
    #[error("L1 block {block} does not fit the board")]
    L1 { block: u64, source: BoardError },
}

impl State {
    pub(crate) fn new(params: Params, start: UnixSeconds) -> Result<Self, OutOfBounds> {
        let board = Board::new(params, start)?;
        Ok(Self {
            board,
            facts: Facts::default(),
            l1: None,
        })
    }

    /// The bytes of the state: equal states have equal bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a state has string keys and no floating point")
    }

    /// Applies a record and says what the law decides. For an API event the board's refusal is returned and nothing has
    /// changed; for an L1 block repeats are ignored and anything else is an error, after which the state must be dropped.
    pub(crate) fn apply(
        &mut self,
        record: &Record,
        now: UnixSeconds,
    ) -> Result<Vec<Decision>, ApplyError> {
        let cursor = |block: &u64, hash: &B256| {
            Some(Cursor {
                block: *block,
                hash: *hash,
            })
        };
        match record {
            Record::Opened { .. } | Record::Checkpoint { .. } => Ok(Vec::new()),
            Record::Event { event, .. } => Ok(self.event(event, now)?),
            Record::L1Rewind { number, hash } => {
                self.l1 = cursor(number, hash);
                Ok(Vec::new())
            }
            Record::L1Block {
                number,
                hash,
                events,
                notes,
                ..
            } => {
                let decisions = self.block(*number, events, notes, now)?;
                self.l1 = cursor(number, hash);
                Ok(decisions)
            }
        }
    }

    fn block(
        &mut self,
        number: u64,
        events: &[Event],
        notes: &[Note],
        now: UnixSeconds,
    ) -> Result<Vec<Decision>, ApplyError> {
        let mut decisions = Vec::new();
        for event in events {
            match self.event(event, now) {
                Ok(decided) => decisions.extend(decided),
                Err(BoardError::AlreadyApplied | BoardError::UnawaitedBeacon(_)) => {}
                Err(source) => {
                    return Err(ApplyError::L1 {
                        block: number,
                        source,
                    });
                }
            }
        }
        notes.iter().for_each(|note| self.facts.note(note));
        Ok(decisions)
    }

    fn event(&mut self, event: &Event, now: UnixSeconds) -> Result<Vec<Decision>, BoardError> {
        let now = now.max(self.board.now());
        let before = progress(&self.board);
        let actions = self.board.apply(event, now)?;
        let mut decisions = Vec::new();
        if let Event::Submitted { seat, .. } = event {
            decisions.extend(reported(&self.board, seat));
        }
        for task in self.board.unsettled() {
            let was = before.get(&task.batch).copied().unwrap_or_default();
            decisions.extend(drawn(task, was.rounds));
            if let Stage::Settling { winner, .. } = &task.stage
                && !was.is_settling
            {
                decisions.push(Decision::Won {
                    task: task.id,
                    winner: *winner,
                });
            }
        }
        for action in &actions {
            match action {
                Action::PostEntries { task, entries, .. } => decisions.push(Decision::Closed {
                    task: *task,
                    entries: entries.clone(),
                }),
                Action::PostSnapshot {
                    epoch,
                    root,
                    controls,
                    ..
                } => decisions.extend([
                    Decision::Weighed {
                        epoch: *epoch,
                        root: *root,
                    },
                    Decision::Controlled {
                        epoch: *epoch,
                        controls: *controls,
                    },
                ]),
                _ => {}
            }
        }
        self.note_closings(event, &actions, now);
        Ok(decisions)
    }

    /// How the seats of a task ended is written down at that moment: a later judgement of L1 changes the seat, and not
    /// what was signed.
    fn note_closings(&mut self, event: &Event, actions: &[Action], now: UnixSeconds) {
        for action in actions {
            if let Action::PostEntries { task, entries, .. } = action
                && let Some(task) = self.board.task_by_id(*task)
            {
                self.facts
                    .close(Closing::of(task, entries_hash(entries), now));
            }
        }
        if let Event::BatchSettled { batch, .. } = event
            && let Some(task) = self.board.task_by_batch(*batch)
            && self.facts.closing(task.id).is_none()
        {
            self.facts.close(Closing::of(task, B256::ZERO, now));
        }
        // These end what the board keeps of old tasks.
        if matches!(
            event,
            Event::BatchSettled { .. } | Event::SubmissionJudged { .. }
        ) {
            self.facts.forget(&self.board);
        }
    }
}

/// How far a task was.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    rounds: usize,
    is_settling: bool,
}

fn progress(board: &Board) -> BTreeMap<BatchNumber, Progress> {
    let of_task = |task: &Task| Progress {
        rounds: task.rounds.len(),
        is_settling: matches!(task.stage, Stage::Settling { .. }),
    };
    board
        .unsettled()
        .map(|task| (task.batch, of_task(task)))
        .collect()
}

fn reported(board: &Board, key: &SeatKey) -> Option<Decision> {
    let seat = board.seat(key).ok()?;
    Some(Decision::Reported {
        seat: *key,
        outcome: seat_outcome(seat)?,
    })
}

fn drawn(task: &Task, from: usize) -> impl Iterator<Item = Decision> {
    let rounds = task.rounds.iter().enumerate().skip(from);
    rounds.map(|(round, drawn)| Decision::Drawn {
        task: task.id,
        round: u32::try_from(round).expect("rounds are few"),
        deadline: drawn.deadline,
        draw: drawn.draw.clone(),
    })
}
