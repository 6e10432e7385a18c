//! The coordinator: the board's way to rollers and to L1.
//!
//! Model: the keeper owns the board, `rollmill_protocol::board`, which is the law as a pure state machine. Events
//! come from three sides: L1 (the watcher's blocks), rollers (the HTTP API) and the clock. Each is appended to a durable
//! log before anybody learns of its effects. What the board wants done on L1 is done by workers that can be started again
//! at any time.
//!
//! | part | in memory | durable | after a restart |
//! |---|---|---|---|
//! | board | state machine | event log, and the state at each epoch's end | the log behind the last state is replayed |
//! | L1 reader | the watcher's recent blocks | cursor = last L1 record of the log | goes on after the cursor |
//! | L1 actions | one worker per outstanding action | purposes in the L1 sender's table | the board lists what is outstanding |
//! | late shares | batches that need nothing more | the same table | L1 says what is held |
//! | submissions | seats in work | proof object, record, event | a record without its event is completed |
//! | heartbeats | last one per roller | changes of presence in the log | everybody has the full time again |
//! | request nonces | | table, until they expire | |

mod actions;
mod api;
pub mod audit;
mod config;
mod epochs;
mod facts;
mod journal;
mod keeper;
mod l1_feed;
mod late;
pub mod log;
mod operator;
mod presence;
mod state;
mod statement;
mod verifier;
mod views;

use std::{net::SocketAddr, sync::Arc};

use alloy_primitives::B256;
use axum::Router;
use rollmill_l1::{
    Cursor, Deployment, DynProvider, Sender, Update, Watcher, WatcherConfig, contracts::Rollup,
};
use rollmill_protocol::{
    board::{Action, Board, Presence},
    law::Params,
};
use rollmill_runtime::{Clock, Shutdown, Tasks, metrics::Registry};
use rollmill_store::Store;
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
};

pub use api::openapi;
pub use config::CoordinatorConfig;
pub use journal::JournalError;
pub use operator::OperatorSigner;
pub use verifier::Verifying;

use crate::{
    actions::Actions,
    api::App,
    keeper::{Keeper, KeeperTask},
    late::LateShares,
    presence::Presences,
    verifier::Verifier,
};

/// Used-up nonces are cleared this often.
const NONCE_SWEEP_TICKS: u64 = 300;

/// The coordinator could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The board could not be made from the log.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The API's address is taken or not ours.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// L1 does not answer, or its contract is another: try again, or look at the deployment file.
    #[error("L1 does not say which epoch it has")]
    Epoch(#[from] alloy::contract::Error),
    /// Rollers were drawn by a coordinator whose log is not here: what follows from it can be made from nothing else.
    #[error(
        "L1 has the snapshot of epoch {posted}, the coordinator's log in this data directory goes as far as epoch {logged}: \
         it is not the log of the coordinator that ran last, or an old copy; bring that one's data directory"
    )]
    NotOurLog {
        /// The newest epoch on L1.
        posted: u64,
        /// The newest one that the log decided on.
        logged: u64,
    },
}

/// Access to L1 for the coordinator.
#[derive(Debug)]
pub struct L1Access {
    /// JSON-RPC.
    pub provider: DynProvider,
    /// Sends the operator's transactions. The same handle as the sequencer's: one account has one sender.
    pub sender: Sender,
    /// The contracts.
    pub deployment: Deployment,
    /// How L1 is read.
    pub watcher: WatcherConfig,
}

/// A coordinator whose board is restored and whose port is bound; nothing runs yet.
#[derive(Debug)]
pub struct Coordinator {
    app: App,
    keeper_task: KeeperTask,
    updates: mpsc::Sender<Update>,
    listener: TcpListener,
    address: SocketAddr,
}

impl Coordinator {
    /// Restores the board from the store's log, under the law `params`, and binds the API's port.
    pub async fn open(
        config: CoordinatorConfig,
        params: Params,
        store: Store,
        clock: Clock,
        shutdown: Shutdown,
    ) -> Result<Self, StartError> {
        let (keeper, updates, keeper_task) = keeper::open(
            params,
            store.clone(),
            clock.clone(),
            config.tick,
            shutdown.clone(),
        )
        .await?;
        let listen = config.listen;
        let unbound = |source| StartError::Listen {
            address: listen,
            source,
        };
        let listener = TcpListener::bind(listen).await.map_err(unbound)?;
        let address = listener.local_addr().map_err(unbound)?;
        Ok(Self {
            app: App::new(config, store, keeper, clock, shutdown),
            keeper_task,
            updates,
            listener,
            address,
        })
    }

    /// Where the API listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks L1 whether it has epochs that this log did not decide on. The log is written before a snapshot is sent, so it is never
    /// behind the L1 that its coordinator works on.
    ///
    /// # Errors
    /// [`StartError`]: among them, that the log is not this rollup's, or an old one.
    pub async fn check_epoch(
        &self,
        l1: &DynProvider,
        deployment: &Deployment,
    ) -> Result<(), StartError> {
        let logged = self.app.board.read(|state| {
            let mut outstanding = state.board.outstanding().into_iter();
            let posting = outstanding.find_map(|action| match action {
                Action::PostSnapshot { epoch, .. } => Some(epoch),
                _ => None,
            });
            posting.unwrap_or_else(|| state.board.epoch())
        });
        let rollup = Rollup::new(deployment.rollup, l1);
        let posted = rollup.currentEpoch().call().await?;
        if posted > logged {
            return Err(StartError::NotOurLog { posted, logged });
        }
        Ok(())
    }

    /// The last L1 block that the board has dealt with.
    pub fn cursor(&self) -> Option<Cursor> {
        self.app.board.read(|state| state.l1)
    }

    /// A look at the board from inside the process.
    pub fn observer(&self) -> Observer {
        Observer {
            keeper: self.app.board.clone(),
            presences: self.app.presences.clone(),
            verifier: self.app.verifier.clone(),
        }
    }

    /// What anybody may read by HTTP, for a server at another address: nothing that a roller signs.
    pub fn public_api(&self) -> Router {
        self.app.clone().public()
    }

    /// Runs the coordinator against L1.
    pub fn spawn(self, l1: L1Access, tasks: &mut Tasks) {
        let watcher = Watcher::new(l1.provider, &l1.deployment, l1.watcher, self.cursor());
        let (updates, app) = (self.updates.clone(), &self.app);
        tasks.spawn(
            "coordinator.watcher",
            watcher.run(updates, app.shutdown.token()),
        );
        let late = LateShares {
            keeper: app.board.clone(),
            store: app.store.clone(),
            sender: l1.sender.clone(),
            deployment: l1.deployment.clone(),
            retry: app.config.l1_retry,
            shutdown: app.shutdown.clone(),
        };
        tasks.spawn("coordinator.late_shares", late.run());
        let actions = Actions {
            keeper: app.board.clone(),
            store: app.store.clone(),
            sender: l1.sender,
            deployment: l1.deployment,
            fallback: app.config.fallback,
            piece_leaves: app.config.piece_leaves,
            retry: app.config.l1_retry,
            shutdown: app.shutdown.clone(),
        };
        tasks.spawn("coordinator.l1_actions", actions.run());
        self.spawn_without_l1(tasks);
    }

    /// Runs everything but the ways from and to L1; whoever holds the returned channel feeds L1's blocks.
    pub fn spawn_without_l1(self, tasks: &mut Tasks) -> mpsc::Sender<Update> {
        let app = self.app;
        let now_unix_ms = app.clock.now_unix_ms();
        app.board.read(|state| {
            for (roller, account) in state.board.rollers() {
                if account.presence != Presence::Lost {
                    app.presences.assume(*roller, now_unix_ms);
                }
            }
        });
        let sweeper = Sweeper {
            keeper: app.board.clone(),
            store: app.store.clone(),
            presences: app.presences.clone(),
            clock: app.clock.clone(),
            tick: app.config.tick,
            shutdown: app.shutdown.clone(),
        };
        tasks.spawn("coordinator.board", self.keeper_task.run());
        tasks.spawn("coordinator.presence", sweeper.run());
        let shutdown = app.shutdown.clone();
        tasks.spawn("coordinator.api", serve(self.listener, app, shutdown));
        self.updates
    }
}

/// Looks at the board; sees only what is durable.
#[derive(Clone, Debug)]
pub struct Observer {
    keeper: Keeper,
    presences: Arc<Presences>,
    verifier: Verifier,
}

impl Observer {
    /// The board as it is now.
    pub fn board(&self) -> Board {
        self.keeper.state().board.clone()
    }

    /// What `look` sees on the board as it is now, without a copy of it.
    pub fn look<T>(&self, look: impl FnOnce(&Board) -> T) -> T {
        look(&self.keeper.state().board)
    }

    /// Registers what the coordinator counts.
    pub fn register(&self, registry: &mut Registry) {
        self.verifier.register(registry);
    }

    /// How much the verifier has to do.
    pub fn verifying(&self) -> Verifying {
        self.verifier.load()
    }

    /// Number and hash of the log's last record.
    pub fn head(&self) -> (u64, B256) {
        self.keeper.head()
    }

    /// The last L1 block that the board has dealt with.
    pub fn cursor(&self) -> Option<Cursor> {
        self.keeper.state().l1
    }

    /// Wakes with every change.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.keeper.changes()
    }

    /// Wakes with every report of a roller on its work, which changes nothing on the board.
    pub fn reports(&self) -> watch::Receiver<u64> {
        self.presences.reports()
    }
}

async fn serve(listener: TcpListener, app: App, shutdown: Shutdown) -> std::io::Result<()> {
    let ended = shutdown.clone();
    let server = axum::serve(listener, app.router())
        .with_graceful_shutdown(async move { ended.cancelled().await });
    tokio::select! {
        ended = server.into_future() => ended,
        // Connections that are kept open by the other side must not hold up the end.
        () = async { shutdown.cancelled().await; tokio::time::sleep(DRAIN).await } => Ok(()),
    }
}

/// How long running requests may take to end after the shutdown begins.
const DRAIN: std::time::Duration = std::time::Duration::from_secs(2);

/// Notices silence and clears away nonces.
struct Sweeper {
    keeper: Keeper,
    store: Store,
    presences: Arc<Presences>,
    clock: Clock,
    tick: std::time::Duration,
    shutdown: Shutdown,
}

impl Sweeper {
    async fn run(self) -> Result<(), rollmill_store::StoreError> {
        let mut ticks = tokio::time::interval(self.tick);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for number in 0u64.. {
            if self.shutdown.run_until(ticks.tick()).await.is_none() {
                break;
            }
            self.mark_silent().await;
            if number % NONCE_SWEEP_TICKS == 0 {
                self.store.forget_nonces(self.clock.now_unix_s()).await?;
            }
        }
        Ok(())
    }

    async fn mark_silent(&self) {
        let now_unix_ms = self.clock.now_unix_ms();
        let silent: Vec<_> = self.keeper.read(|state| {
            let silence_s = state.board.params().heartbeat_s;
            let known = state.board.rollers();
            let lost = known.filter(|(roller, account)| {
                account.presence != Presence::Lost
                    && !self.presences.is_alive(**roller, now_unix_ms, silence_s)
            });
            lost.map(|(roller, _)| *roller).collect()
        });
        for roller in silent {
            if let Err(error) = self.keeper.presence(roller, Presence::Lost).await {
                tracing::debug!(%roller, %error, "cannot note the silence of a roller");
            }
        }
    }
}
