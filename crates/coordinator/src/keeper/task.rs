//! The one task that owns the board.
//!
//! Everything that happens goes through it in one order: it applies an event to its own state, appends the event and what
//! the law decided to the log, and only when that is durable shows a copy of the state and answers the caller. Readers
//! see the last shown state and never wait for a write. A failure to append ends the process: what others see may not get
//! ahead of the log.
//!
//! Time: an event carries the time at which it was applied, so that replaying gives the same board. The board is not
//! given a tick while a submission that has been received is still with the verifier, because receipt decides on
//! lateness and not the verifier's queue.

use std::sync::{Arc, PoisonError, RwLock, atomic::Ordering};

use alloy_primitives::B256;
use rollmill_l1::{Cursor, Update};
use rollmill_protocol::{
    UnixSeconds,
    board::{BoardError, Event},
    law::Params,
};
use rollmill_runtime::{Clock, Shutdown};
use rollmill_store::Store;
use tokio::sync::{mpsc, watch};

use super::{Command, Keeper, Shown, submitted_event};
use crate::{
    journal::{self, JournalError},
    l1_feed,
    log::Record,
    state::{ApplyError, State},
};

/// API events that may wait for the keeper; each is one request that waits for its answer, so this bounds requests.
const COMMANDS_MAX: usize = 256;

/// See [`KeeperTask::is_epoch_due`].
const FIRST_EPOCH_QUIET_MS: u64 = 3_000;

/// L1 blocks that may wait for the keeper.
const UPDATES_MAX: usize = 64;

/// The task behind a [`Keeper`].
#[derive(Debug)]
pub(crate) struct KeeperTask {
    keeper: Keeper,
    params: Params,
    store: Store,
    clock: Clock,
    tick: std::time::Duration,
    state: State,
    head: (u64, B256),
    registry_changed_unix_ms: u64,
    commands: mpsc::Receiver<Command>,
    updates: mpsc::Receiver<Update>,
    changed: watch::Sender<u64>,
    shutdown: Shutdown,
}

/// Opens the board from the log.
pub(crate) async fn open(
    params: Params,
    store: Store,
    clock: Clock,
    tick: std::time::Duration,
    shutdown: Shutdown,
) -> Result<(Keeper, mpsc::Sender<Update>, KeeperTask), JournalError> {
    let (state, head) = match journal::restore(&params, &store).await? {
        Some(restored) => restored,
        None => {
            let start = clock.now_unix_s();
            let opened = Record::Opened {
                start,
                params: Box::new(params.clone()),
            };
            let head = append(&store, None, clock.now_unix_ms(), &opened).await?;
            (State::new(params.clone(), start)?, head)
        }
    };
    let (commands, receive_commands) = mpsc::channel(COMMANDS_MAX);
    let (updates, receive_updates) = mpsc::channel(UPDATES_MAX);
    let (changed, changes) = watch::channel(head.0);
    let shown = Arc::new(RwLock::new(Shown {
        state: Arc::new(state.clone()),
        head,
    }));
    let keeper = Keeper {
        shown,
        commands,
        changes,
        verifying: Arc::default(),
    };
    let task = KeeperTask {
        keeper: keeper.clone(),
        params,
        store,
        clock,
        tick,
        state,
        head,
        registry_changed_unix_ms: 0,
        commands: receive_commands,
        updates: receive_updates,
        changed,
        shutdown,
    };
    Ok((keeper, updates, task))
}

async fn append(
    store: &Store,
    last: Option<(u64, B256)>,
    now_unix_ms: u64,
    record: &Record,
) -> Result<(u64, B256), JournalError> {
    let body = serde_json::to_string(record).expect("records have string keys and finite numbers");
    let appended = store.append_event(last, now_unix_ms, body).await?;
    Ok((appended.seq, appended.hash))
}

/// A record was not kept.
#[derive(Debug, thiserror::Error)]
enum KeepError {
    /// The board refuses it; nothing has changed.
    #[error(transparent)]
    Refused(BoardError),
    /// The process ends.
    #[error(transparent)]
    Stop(#[from] JournalError),
}

impl KeeperTask {
    /// Runs until the shutdown.
    pub(crate) async fn run(mut self) -> Result<(), JournalError> {
        self.complete_submissions().await?;
        let mut ticks = tokio::time::interval(self.tick);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => return Ok(()),
                Some(command) = self.commands.recv() => {
                    let answer = self.event(command.event).await?;
                    // The caller may have gone away; the event stands.
                    let _ = command.reply.send(answer);
                }
                Some(update) = self.updates.recv() => self.l1(update).await?,
                _ = ticks.tick() => self.time().await?,
            }
        }
    }

    /// An event of the API or of time.
    async fn event(&mut self, event: Event) -> Result<Result<(), BoardError>, JournalError> {
        let record = Record::Event {
            event,
            decisions: Vec::new(),
        };
        match self.apply(record).await {
            Ok(()) => Ok(Ok(())),
            Err(KeepError::Refused(error)) => Ok(Err(error)),
            Err(KeepError::Stop(error)) => Err(error),
        }
    }

    async fn l1(&mut self, update: Update) -> Result<(), JournalError> {
        let now_unix_ms = self.clock.now_unix_ms();
        match update {
            Update::Block(block) => {
                let record = l1_feed::record(&block);
                if l1_feed::concerns_rollers(&record) {
                    self.registry_changed_unix_ms = now_unix_ms;
                }
                match self.apply(record).await {
                    Ok(()) => Ok(()),
                    Err(KeepError::Refused(source)) => Err(JournalError::L1 {
                        block: block.number,
                        source,
                    }),
                    Err(KeepError::Stop(error)) => Err(error),
                }
            }
            Update::Rewind(Cursor {
                block: number,
                hash,
            }) => {
                tracing::warn!(
                    l1_block = number,
                    "L1 was reorganised, making the board anew"
                );
                let record = Record::L1Rewind { number, hash };
                self.head = append(&self.store, Some(self.head), now_unix_ms, &record).await?;
                let restored = journal::restore(&self.params, &self.store).await?;
                (self.state, self.head) = restored.expect("the log has its first record");
                self.publish();
                Ok(())
            }
        }
    }

    /// Deadlines and epochs, once every received submission has its verdict.
    async fn time(&mut self) -> Result<(), JournalError> {
        if self.keeper.verifying.load(Ordering::SeqCst) > 0 {
            return Ok(());
        }
        let now = self.clock.now_unix_s();
        if self.is_epoch_due(now) {
            match self.event(Event::EpochEnded).await? {
                Ok(()) => self.checkpoint().await?,
                Err(error) => tracing::warn!(%error, "the epoch does not end"),
            }
        }
        if self.state.board.next_wakeup().is_some_and(|at| at <= now)
            && let Err(error) = self.event(Event::Tick).await?
        {
            tracing::warn!(%error, "the board refuses a tick");
        }
        Ok(())
    }

    /// The first snapshot waits until nobody has registered, staked or become ready for a while: who comes together at
    /// the start of a network is drawn together.
    fn is_epoch_due(&self, now: UnixSeconds) -> bool {
        let quiet_ms = self
            .clock
            .now_unix_ms()
            .saturating_sub(self.registry_changed_unix_ms);
        let is_quiet = self.state.board.epoch() > 0 || quiet_ms >= FIRST_EPOCH_QUIET_MS;
        is_quiet && self.state.board.is_epoch_due(now)
    }

    /// Applies a record, makes it durable with what the law decided, then shows the state that it leads to.
    ///
    /// INVARIANT: a refused event leaves the state as it was; after any other failure the process ends.
    async fn apply(&mut self, mut record: Record) -> Result<(), KeepError> {
        let now_unix_ms = self.clock.now_unix_ms();
        let decided = match self.state.apply(&record, now_unix_ms / 1000) {
            Ok(decided) => decided,
            Err(ApplyError::Refused(error)) => return Err(KeepError::Refused(error)),
            Err(ApplyError::L1 { block, source }) => {
                return Err(JournalError::L1 { block, source }.into());
            }
        };
        match &mut record {
            Record::Event { decisions, .. } | Record::L1Block { decisions, .. } => {
                *decisions = decided;
            }
            Record::Opened { .. } | Record::L1Rewind { .. } | Record::Checkpoint { .. } => {}
        }
        self.head = append(&self.store, Some(self.head), now_unix_ms, &record).await?;
        self.publish();
        Ok(())
    }

    /// Keeps the state as it is now, so that a start need not read the log from its beginning.
    async fn checkpoint(&mut self) -> Result<(), JournalError> {
        let older = journal::checkpoints(&self.store).await?;
        let objects = self.store.objects();
        let state = objects.put(&self.state.encode()).await?;
        let (now_unix_ms, record) = (self.clock.now_unix_ms(), Record::Checkpoint { state });
        self.head = append(&self.store, Some(self.head), now_unix_ms, &record).await?;
        for name in older.into_iter().skip(journal::CHECKPOINTS_KEPT - 1) {
            objects.remove(name).await?;
        }
        self.publish();
        Ok(())
    }

    fn publish(&self) {
        let shown = Shown {
            state: Arc::new(self.state.clone()),
            head: self.head,
        };
        *self
            .keeper
            .shown
            .write()
            .unwrap_or_else(PoisonError::into_inner) = shown;
        self.changed.send_replace(self.head.0);
    }

    /// A crash between the record of a submission and its event: the event is made up for, with the time of receipt.
    async fn complete_submissions(&mut self) -> Result<(), JournalError> {
        let unsettled: Vec<_> = self.state.board.unsettled().map(|task| task.id).collect();
        for task in unsettled {
            for record in self.store.submissions_of(task.0).await? {
                let event = submitted_event(&record);
                match self.event(event).await? {
                    Ok(()) => {
                        tracing::info!(%task, roller = %record.roller, "completed a submission")
                    }
                    Err(BoardError::AlreadyApplied | BoardError::Refused(_)) => {}
                    Err(error) => {
                        tracing::warn!(%task, %error, "a stored submission does not apply")
                    }
                }
            }
        }
        Ok(())
    }
}
