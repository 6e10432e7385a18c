//! The task board: one pure state machine that strings the rules of [`crate::law`] together.
//!
//! `apply(event, now)` changes the board and says what is to be done; nothing else changes it. The coordinator drives it with facts
//! of L1 and of its API, a simulator with invented ones; both run this very code, and the same facts in the same order rebuild it:
//! the coordinator publishes them as its log.
//!
//! # The life of a task
//!
//! ```text
//! BatchCommitted    AwaitingBeacon   StoreBeacon(commit block + DRAW_LAG)
//! BeaconStored      Queued           until the window has room
//!                   Open             round drawn: Assigned for each seat; Picked, Submitted, PresenceChanged, Tick
//!                   Closed           all seats reported or T over, and there are entries: PostEntries
//! EntriesConfirmed  AwaitingLottery  StoreBeacon(entries block + LOTTERY_LAG)
//! BeaconStored      Settling         the winner is known: Settle, in batch order
//! BatchSettled      Settled
//! ```
//! A round that ends without entries is followed by the next, at once. After `fallback_multiple` x T no more rounds are
//! drawn and the fallback proves, unpaid; a late proof still closes the task. Whatever L1 settles is settled. With fewer rollers
//! there than k the fallback joins at once (degraded mode). A digest that its roller put on L1 in time reports for its seat (`posted`);
//! if such an entry wins and its bytes are not here, the fallback proves meanwhile. Tasks of a program version that L1 quarantined are its alone.
//!
//! # An epoch
//!
//! At its end reputations move ([`crate::law::reputation`]), and the law sets the dials of the next one ([`crate::law::control`]), which
//! begins when its snapshot is confirmed on L1. In force is what L1 has in force: the dials that were posted there, whoever posted
//! what; whether they are the law's, the audit says. Where nothing was posted, L1's stay, and so do the board's. A task keeps snapshot, k and T of
//! the epoch that its commit pinned. Numbers that L1's governor announces come into force at their time (`parameters`).
//!
//! # Invariants
//! - INVARIANT: a rejected event leaves the board as it was. Handlers check first and change afterwards.
//! - INVARIANT: every action that must not be lost follows from the state ([`Board::outstanding`]), so a crash between an
//!   event and its actions loses nothing.
//! - INVARIANT: batches are settled one by one in order, each once; nobody is paid twice.
//! - INVARIANT: open seats of a roller stay within its counted capacity at the time of each draw; open tasks within the window.
//! - No event walks over all tasks or all rollers, but for the end of an epoch; see `index`.
//! - Ordered maps only; no clock, no randomness: equal events give equal boards.

pub mod error;
pub mod event;
pub mod pairs;
pub mod roller;
pub mod task;

mod epoch;
mod index;
mod l1;
mod measure;
mod parameters;
mod posted;
mod quarantine;
mod query;
mod rounds;
mod seats;

pub use epoch::Epoch;
pub use error::{BoardError, Receipt, Refusal, SeatKey};
pub use event::{Action, Alarm, Event, Presence, Verdict};
pub use parameters::Parameter;
pub use roller::{Offer, PastEpoch, Record, RollerAccount};
pub use task::{
    Lottery, MissedBecause, Posted, ReleasedBecause, RoundDraw, Seat, SeatState, Stage, Task,
};

use crate::{
    ids::{BatchNumber, Roller, TaskId, UnixSeconds},
    law::{Controls, Params, params::OutOfBounds},
};
use alloc::{collections::BTreeMap, vec::Vec};
use index::Index;
use measure::Measured;
use parameters::Parameters;
use serde::{Deserialize, Serialize};

/// Settled tasks that are kept for queries and for judgements to come.
pub const SETTLED_TASKS_KEPT: u64 = 256;

/// The board. Serialized it is a state to go on from: equal boards have equal bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Board {
    /// As the log was begun.
    law: Params,
    /// What L1 can change of it.
    parameters: Parameters,
    /// In force: the law with what L1 has changed.
    params: Params,
    now: UnixSeconds,
    /// Last epoch whose snapshot is on L1; 0 before the first.
    epoch: u64,
    epoch_started_at: UnixSeconds,
    /// `epoch + 1`, on its way to L1.
    epoch_pending: Option<Epoch>,
    /// Confirmed epochs: the last one and those that kept tasks pin.
    epochs: BTreeMap<u64, Epoch>,
    /// Kept tasks by pinned epoch; no entry for 0.
    epoch_tasks: BTreeMap<u64, u32>,
    /// Dials in force on L1: those that were posted for the last confirmed epoch, or before it.
    controls: Controls,
    /// Dials that are on L1 and come into force with the snapshot of their epoch, the next one.
    dials_posted: Option<(u64, Controls)>,
    measured: Measured,
    rollers: BTreeMap<Roller, RollerAccount>,
    /// Rollers that could take a seat now, capacity apart.
    present: u32,
    /// Program versions in quarantine, and the epoch in which each is trusted again.
    quarantines: BTreeMap<u32, u64>,
    /// Kept tasks; every unsettled one is among them.
    tasks: BTreeMap<BatchNumber, Task>,
    batch_of_task: BTreeMap<TaskId, BatchNumber>,
    committed_through: BatchNumber,
    settled_through: BatchNumber,
    index: Index,
}

impl Board {
    /// An empty board at time `start`, under `params`.
    pub fn new(params: Params, start: UnixSeconds) -> Result<Self, OutOfBounds> {
        params.validate()?;
        let controls = Controls::initial(&params);
        Ok(Self {
            law: params.clone(),
            parameters: Parameters::of(&params),
            params,
            now: start,
            epoch: 0,
            epoch_started_at: start,
            epoch_pending: None,
            epochs: BTreeMap::new(),
            epoch_tasks: BTreeMap::new(),
            controls,
            dials_posted: None,
            measured: Measured::default(),
            rollers: BTreeMap::new(),
            present: 0,
            quarantines: BTreeMap::new(),
            tasks: BTreeMap::new(),
            batch_of_task: BTreeMap::new(),
            committed_through: 0,
            settled_through: 0,
            index: Index::default(),
        })
    }

    /// Applies one event at time `now` (not before the last event's) and returns what is to be done.
    ///
    /// On an error the board is unchanged.
    pub fn apply(&mut self, event: &Event, now: UnixSeconds) -> Result<Vec<Action>, BoardError> {
        self.check_time(now)?;
        let mut turn = Turn {
            now,
            actions: Vec::new(),
        };
        let former = self.enter_force(now);
        if let Err(error) = self.handle(event, &mut turn) {
            if let Some(params) = former {
                self.params = params;
            }
            return Err(error);
        }
        self.now = now;
        Ok(turn.actions)
    }

    fn handle(&mut self, event: &Event, turn: &mut Turn) -> Result<(), BoardError> {
        match event {
            Event::PresenceChanged { roller, presence } => {
                self.on_presence(*roller, *presence, turn)?;
            }
            Event::Picked(seat) => self.on_picked(seat, turn.now)?,
            Event::Submitted {
                seat,
                proof_digest,
                public_values_hash,
                received_at,
                verdict,
            } => {
                let receipt = Receipt {
                    proof_digest: *proof_digest,
                    public_values_hash: *public_values_hash,
                    received_at: *received_at,
                };
                self.on_submitted(seat, receipt, verdict, turn)?;
            }
            Event::EpochEnded => self.on_epoch_ended(turn)?,
            Event::Tick => self.on_tick(turn),
            of_l1 => self.on_l1(of_l1, turn)?,
        }
        Ok(())
    }

    fn on_l1(&mut self, event: &Event, turn: &mut Turn) -> Result<(), BoardError> {
        match event {
            Event::RollerRegistered { .. }
            | Event::SignerChanged { .. }
            | Event::CapacityChanged { .. }
            | Event::StakeChanged { .. }
            | Event::ReadyChanged { .. } => self.on_registry(event)?,
            Event::DialsPosted { epoch, controls } => self.on_dials_posted(*epoch, *controls)?,
            Event::ParameterAnnounced {
                parameter,
                announced_at,
                active_from,
            } => {
                let times = (*announced_at, *active_from);
                self.on_parameter_announced(*parameter, times, turn.now);
            }
            Event::SnapshotConfirmed { epoch, root } => {
                self.on_snapshot_confirmed(*epoch, *root, turn)?;
            }
            Event::BatchCommitted { .. } => self.on_batch_committed(event, turn)?,
            Event::BeaconStored {
                l1_block,
                prevrandao,
            } => self.on_beacon(*l1_block, *prevrandao, turn)?,
            Event::EntriesConfirmed {
                batch,
                entries_hash,
                lottery_block,
            } => {
                let lottery = Lottery {
                    entries_hash: *entries_hash,
                    block: *lottery_block,
                };
                self.on_entries_confirmed(*batch, lottery, turn)?;
            }
            Event::BatchSettled { .. } => self.on_settled(event, turn)?,
            Event::SubmissionJudged { .. } => self.on_judged(event)?,
            Event::SubmissionPosted {
                batch,
                round,
                roller,
                proof_digest,
                posted_at,
            } => {
                let posted = Posted {
                    proof_digest: *proof_digest,
                    posted_at: *posted_at,
                    is_shown: false,
                    is_counted: false,
                };
                self.on_posted(*batch, (*round, *roller), posted, turn)?;
            }
            Event::OperatorCharged { batch, roller } => {
                self.on_operator_charged(*batch, *roller)?;
            }
            Event::VersionQuarantined { program_version } => {
                self.on_version_quarantined(*program_version, turn)?;
            }
            Event::PresenceChanged { .. }
            | Event::Picked(_)
            | Event::Submitted { .. }
            | Event::EpochEnded
            | Event::Tick => unreachable!("only facts of L1 are passed here"),
        }
        Ok(())
    }
}

/// What is passed along while one event is applied.
struct Turn {
    now: UnixSeconds,
    actions: Vec<Action>,
}
