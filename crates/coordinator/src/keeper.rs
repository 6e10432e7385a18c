//! Access to the board: readers see the last durable state, writers wait until their event is durable.

mod task;

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicUsize, Ordering},
};

use alloy_primitives::{Address, B256};
use rollmill_protocol::{
    ProofDigest, Roller, UnixSeconds,
    board::{BoardError, Event, Presence, Refusal, SeatKey, Verdict},
};
use rollmill_roller_api::{
    Assignment, Progress, RefusalCode, SeatId, StopOrder, StopReason, TaskKind,
    receipts::{AssignmentReceipt, CloseReceipt, PassOverReceipt},
};
use rollmill_store::SubmissionRecord;
use tokio::sync::{mpsc, oneshot, watch};

pub(crate) use task::{KeeperTask, open};

use crate::{api::Refused, operator, state::State};

/// Access to the board; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Keeper {
    shown: Arc<RwLock<Shown>>,
    commands: mpsc::Sender<Command>,
    changes: watch::Receiver<u64>,
    verifying: Arc<AtomicUsize>,
}

/// What readers see.
#[derive(Debug)]
struct Shown {
    state: Arc<State>,
    head: (u64, B256),
}

/// An event of the API on its way to the board.
#[derive(Debug)]
struct Command {
    event: Event,
    reply: oneshot::Sender<Result<(), BoardError>>,
}

/// An event was not applied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeeperError {
    /// The board refuses it.
    #[error(transparent)]
    Refused(#[from] BoardError),
    /// The process ends.
    #[error("the board has stopped")]
    Stopped,
}

/// A seat for its roller, with what is to be signed for it.
#[derive(Clone, Debug)]
pub(crate) struct Offered {
    /// Without receipts.
    pub(crate) assignment: Assignment,
    pub(crate) receipt: AssignmentReceipt,
    pub(crate) passed_over: Vec<PassOverReceipt>,
}

/// What intake must know about a seat.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeatFacts {
    /// Takes a submission at the time that was asked about.
    pub(crate) open: bool,
    /// Has submitted.
    pub(crate) reported: bool,
    /// Takes only the bytes of this proof, whose digest is on L1.
    pub(crate) posted: Option<ProofDigest>,
    pub(crate) deadline_unix_s: UnixSeconds,
    pub(crate) program_version: u32,
}

impl Keeper {
    /// Reads the last shown state.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.state())
    }

    /// The last shown state.
    pub(crate) fn state(&self) -> Arc<State> {
        self.shown
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .state
            .clone()
    }

    /// Number and hash of the log's last record.
    pub(crate) fn head(&self) -> (u64, B256) {
        self.shown
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .head
    }

    /// Wakes with every shown change.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    /// The roller that a key signs for.
    pub(crate) fn roller_of(&self, signer: Address) -> Option<Roller> {
        self.read(|state| state.board.roller_of_signer(signer))
    }

    /// Whether an object is the witness of a task.
    pub(crate) fn is_witness(&self, hash: B256) -> bool {
        self.read(|state| state.facts.is_witness(hash))
    }

    /// Applies an event, durably.
    pub(crate) async fn apply(&self, event: Event) -> Result<(), KeeperError> {
        let (reply, answer) = oneshot::channel();
        let command = Command { event, reply };
        self.commands
            .send(command)
            .await
            .map_err(|_| KeeperError::Stopped)?;
        Ok(answer.await.map_err(|_| KeeperError::Stopped)??)
    }

    /// Is a roller kept out of draws for an earlier drain?
    pub(crate) fn is_resting(&self, roller: Roller, now: UnixSeconds) -> bool {
        self.read(|state| {
            let account = state.board.roller(roller);
            account.is_some_and(|account| now < account.rests_until)
        })
    }

    /// A roller was heard: an event only if that changes what the board knows.
    pub(crate) async fn heard(&self, roller: Roller, ready: bool) -> Result<(), KeeperError> {
        let presence = if ready {
            Presence::Alive
        } else {
            Presence::Draining
        };
        self.presence(roller, presence).await
    }

    /// Tells the board of a presence, if it does not know.
    pub(crate) async fn presence(
        &self,
        roller: Roller,
        presence: Presence,
    ) -> Result<(), KeeperError> {
        let known = self.read(|state| state.board.roller(roller).map(|account| account.presence));
        if known.is_none_or(|known| known == presence) {
            return Ok(());
        }
        tracing::info!(%roller, ?presence, "coordinator.presence");
        ignore_repeats(
            self.apply(Event::PresenceChanged { roller, presence })
                .await,
        )
    }

    /// A roller fetched a seat; `false` when it lost the seat in this moment.
    pub(crate) async fn picked(&self, seat: SeatId, roller: Roller) -> Result<bool, KeeperError> {
        let key = key(seat, roller);
        let is_first = |state: &State| {
            state
                .board
                .seat(&key)
                .is_ok_and(|seat| seat.picked_at.is_none())
        };
        if !self.read(is_first) {
            return Ok(true);
        }
        match self.apply(Event::Picked(key)).await {
            Err(KeeperError::Refused(BoardError::Refused(_))) => Ok(false),
            other => ignore_repeats(other).map(|()| true),
        }
    }

    /// A submission is recorded.
    pub(crate) async fn submitted(&self, record: &SubmissionRecord) -> Result<(), KeeperError> {
        ignore_repeats(self.apply(submitted_event(record)).await)
    }

    /// Holds back deadlines while a received submission is verified.
    pub(crate) fn hold_time(&self) -> TimeHeld {
        self.verifying.fetch_add(1, Ordering::SeqCst);
        TimeHeld(self.verifying.clone())
    }

    /// The oldest seat of `roller` that has not reported and is not in its hands.
    pub(crate) fn assignment(&self, roller: Roller, in_hand: &[SeatId]) -> Option<Offered> {
        let state = self.state();
        let seats = state.board.open_seats(roller);
        seats.into_iter().find_map(|(key, task, seat)| {
            let id = SeatId {
                task: key.task,
                round: key.round,
            };
            let commit = state.facts.commit(key.task)?;
            if in_hand.contains(&id) {
                return None;
            }
            let assignment = Assignment {
                kind: TaskKind::Seat,
                seat: id,
                batch: task.batch,
                roller,
                tickets: seat.tickets,
                program_version: commit.program_version,
                witness_hash: commit.witness_hash,
                prover_gas_estimate: task.prover_gas_estimate,
                assigned_unix_s: seat.assigned_at,
                deadline_unix_s: seat.deadline,
                receipt: None,
                passed_over: Vec::new(),
            };
            Some(Offered {
                assignment,
                receipt: operator::assignment(task, key.round, roller)?,
                passed_over: operator::passed_over(task, key.round),
            })
        })
    }

    /// What is to be signed for those of the awaited seats whose task is closed.
    pub(crate) fn closings(&self, roller: Roller, awaiting: &[SeatId]) -> Vec<CloseReceipt> {
        let state = self.state();
        let closed = awaiting
            .iter()
            .filter_map(|seat| operator::close(state.facts.closing(seat.task)?, *seat, roller));
        closed.collect()
    }

    /// Which of the reported work is lost.
    pub(crate) fn stop_orders(&self, roller: Roller, work: &[Progress]) -> Vec<StopOrder> {
        let state = self.state();
        let orders = work.iter().filter_map(|progress| {
            let seat = progress.seat;
            stop_reason(&state, seat, roller).map(|reason| StopOrder { seat, reason })
        });
        orders.collect()
    }

    /// What intake must know about a seat, or why there is none.
    pub(crate) fn seat(
        &self,
        id: SeatId,
        roller: Roller,
        received_at: UnixSeconds,
    ) -> Result<SeatFacts, Refused> {
        let state = self.state();
        let key = key(id, roller);
        let commit = state
            .facts
            .commit(id.task)
            .ok_or(RefusalCode::UnknownTask)?;
        let seat = state.board.seat(&key).map_err(refused)?;
        let refusal = state
            .board
            .check_submission(&key, received_at.max(seat.assigned_at))
            .err();
        Ok(SeatFacts {
            open: refusal.is_none(),
            reported: seat.receipt.is_some(),
            posted: seat.posted.map(|posted| posted.proof_digest),
            deadline_unix_s: seat.deadline,
            program_version: commit.program_version,
        })
    }
}

/// See [`Keeper::hold_time`].
#[derive(Debug)]
pub(crate) struct TimeHeld(Arc<AtomicUsize>);

impl Drop for TimeHeld {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn key(seat: SeatId, roller: Roller) -> SeatKey {
    SeatKey {
        task: seat.task,
        round: seat.round,
        roller,
    }
}

fn ignore_repeats(result: Result<(), KeeperError>) -> Result<(), KeeperError> {
    match result {
        Err(KeeperError::Refused(BoardError::AlreadyApplied)) => Ok(()),
        other => other,
    }
}

/// The board's refusals in the words of the API.
pub(crate) fn refused(refusal: Refusal) -> Refused {
    let code = match refusal {
        Refusal::NotARoller => RefusalCode::UnknownSigner,
        Refusal::UnknownTask => RefusalCode::UnknownTask,
        Refusal::NotSeated => RefusalCode::NotSeated,
        Refusal::AlreadySubmitted(_) | Refusal::AlreadyPosted(_) => RefusalCode::OtherSubmission,
        Refusal::DeadlinePassed { .. }
        | Refusal::SeatExpired { .. }
        | Refusal::TaskClosed
        | Refusal::SeatReleased
        | Refusal::Accused => RefusalCode::SeatClosed,
    };
    Refused::because(code, refusal)
}

fn stop_reason(state: &State, seat: SeatId, roller: Roller) -> Option<StopReason> {
    let refusal = match state.board.seat(&key(seat, roller)) {
        Ok(_) => state
            .board
            .check_submission(&key(seat, roller), state.board.now())
            .err()?,
        Err(refusal) => refusal,
    };
    Some(match refusal {
        Refusal::UnknownTask => StopReason::Unknown,
        Refusal::NotARoller | Refusal::NotSeated => StopReason::NotSeated,
        Refusal::AlreadySubmitted(_) | Refusal::AlreadyPosted(_) => StopReason::Reported,
        Refusal::TaskClosed => StopReason::Settled,
        Refusal::DeadlinePassed { .. }
        | Refusal::SeatExpired { .. }
        | Refusal::SeatReleased
        | Refusal::Accused => StopReason::Expired,
    })
}

fn submitted_event(record: &SubmissionRecord) -> Event {
    let verdict = match record.verdict {
        rollmill_store::Verdict::Valid => Verdict::Valid,
        rollmill_store::Verdict::Invalid => Verdict::Invalid {
            reason: record.reason.clone().unwrap_or_default(),
        },
    };
    Event::Submitted {
        seat: SeatKey {
            task: record.task.into(),
            round: record.round,
            roller: record.roller,
        },
        proof_digest: ProofDigest(record.proof_digest),
        public_values_hash: record.public_values_hash,
        received_at: record.received_unix_ms / 1000,
        verdict,
    }
}
