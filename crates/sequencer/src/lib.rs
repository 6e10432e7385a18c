//! The operator of the L2: takes transactions, makes blocks, cuts batches, commits them on L1.
//!
//! ```text
//! JSON-RPC -> Mempool -> Builder -> Chain (durable block) -> Batcher -> Store (witness, batch) -> Committer -> L1
//!                ^         ^  L1 messages, prevrandao                                                          |
//!                |         +---------------------------- Follower <------------------------------ events ------+
//!                +--- the operator's prices --- FeeFollower <---- what L1 asks for gas and gives for proofs ---+
//! ```
//!
//! Each arrow is a durable write, so each part can be killed at any point and goes on where it was; the table of each
//! part stands in its module. Nothing here knows of rollers: the coordinator reads the same L1 events and the same store.
//! How final each thing is, and what happens when L1 takes something back, stands in `rollback`.
//! An error of a part is a reason to stop the process, and says why; what can be cured by waiting is retried inside.

mod batcher;
mod builder;
mod committer;
mod derivation;
mod enforced;
pub mod fees;
mod follower;
mod genesis;
mod journal;
mod mempool;
mod origin;
mod replica;
mod rollback;
mod rpc;
pub mod tokens;
mod window;
mod withdrawals;

#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rollmill_engine::{Chain, StorageError, rpc::Methods};
use rollmill_l1::{BlobSource, Deployment, DynProvider, Sender, Watcher, WatcherConfig};
use rollmill_runtime::{Clock, Shutdown, Tasks, blocking};
use rollmill_store::Store;
use tokio::sync::{Notify, watch};

pub use batcher::{
    BLOB_COMMIT_GAS, BatchPolicy, BatchStats, COMMIT_GAS, CommitFields, DataPolicy, SealError,
};
pub use builder::{
    AHEAD_S_MAX, BLOCK_DATA_BYTES_MAX, BLOCK_PROVER_GAS_MAX, BLOCK_TRANSACTIONS_MAX, BlockLimits,
    BuildError, confirmed_at_once,
};
pub use committer::CommitError;
pub use derivation::DeriveError;
pub use enforced::EnforcedBatch;
pub use follower::{FollowError, L1Head, Underivable};
pub use genesis::{BLOCK_GAS_LIMIT, GenesisConfig};
pub use journal::JournalError;
pub use mempool::{
    ACCOUNT_SLOTS, LIFETIME_S, Mempool, MempoolError, POOL_TRANSACTIONS_MAX, PoolPolicy,
};
pub use origin::{OriginError, check_batches, check_origin};
pub use replica::Replica;
pub use rollback::{RollbackError, Rollbacks};
pub use rpc::{RpcBatchUse, RpcFeeSchedule};
pub use withdrawals::{Initiated, WithdrawalError, WithdrawalProof, Withdrawals};

use batcher::{Batcher, Tip};
use builder::Builder;
use committer::Committer;
use derivation::Derivation;
use fees::{FeeFollower, FeePolicy};
use follower::Follower;
use rollback::{Gate, Rollback, sealed_messages};
use rpc::Rollmill;
use window::WindowReader;

/// The mempool's journal, in a sequencer's data directory and in no other.
pub const MEMPOOL_FILE: &str = "mempool.redb";

/// How the sequencer works. Defaults run a devnet.
#[derive(Clone, Copy, Debug)]
pub struct SequencerConfig {
    /// Longest wait of a transaction for its block.
    pub block_time: Duration,
    /// How many transactions wait for a block, and for how long.
    pub pool: PoolPolicy,
    /// How much goes into a block.
    pub block: BlockLimits,
    /// When batches are sealed.
    pub batch: BatchPolicy,
    /// What carries their data to L1.
    pub data: DataPolicy,
    /// Row of the program table that batches are committed for.
    pub program_version: u32,
    /// Batches are committed once L1 has a snapshot of this epoch to draw rollers from. Zero does not wait: without a
    /// snapshot nobody can be drawn for a batch, and it settles unpaid.
    pub commit_epoch_min: u64,
    /// How L1 is read.
    pub watcher: WatcherConfig,
    /// How L2's prices of data and proving follow what both cost; `None` leaves them to whoever sets them by hand.
    pub fees: Option<FeePolicy>,
}

impl Default for SequencerConfig {
    fn default() -> Self {
        Self {
            block_time: Duration::from_millis(250),
            pool: PoolPolicy::default(),
            block: BlockLimits::default(),
            batch: BatchPolicy::default(),
            data: DataPolicy::default(),
            program_version: 1,
            commit_epoch_min: 0,
            watcher: WatcherConfig::default(),
            fees: None,
        }
    }
}

/// The sequencer could not be started.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The mempool's journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The chain's file.
    #[error(transparent)]
    Chain(#[from] StorageError),
    /// What was confirmed and is in no block yet.
    #[error("cannot open the block that was open")]
    OpenBlock(#[from] BuildError),
    /// The recorded batches.
    #[error(transparent)]
    Batches(#[from] SealError),
    /// What was taken back before the start.
    #[error(transparent)]
    Rollback(#[from] RollbackError),
    /// The position on L1.
    #[error(transparent)]
    L1(#[from] FollowError),
    /// The chain ends before the last recorded batch: its file was lost or replaced.
    #[error(
        "batch {batch} ends with block {last_block}, the chain ends with {head}: the chain file is not the store's"
    )]
    ChainBehind {
        /// Last recorded batch.
        batch: u64,
        /// Its last block.
        last_block: u64,
        /// Newest block of the chain.
        head: u64,
    },
}

/// The parts of the sequencer, opened and not yet running.
pub struct Sequencer {
    pool: Arc<Mempool>,
    demand: Arc<Notify>,
    withdrawals: Arc<Withdrawals>,
    methods: Methods,
    config: SequencerConfig,
    builder: Builder,
    batcher: Batcher,
    committer: Committer,
    follower: Follower,
    window: WindowReader,
    fees: Option<FeeFollower>,
}

/// Asks the batcher to seal; see [`Sequencer::sealer`].
#[derive(Clone, Debug)]
pub struct Sealer(Arc<Notify>);

impl Sealer {
    /// Everything up to the newest block becomes a batch now, however young and small (while the window is not full).
    pub fn seal(&self) {
        self.0.notify_one();
    }
}

impl Sequencer {
    /// Opens the sequencer of `deployment` over its chain and store; the mempool's journal is in `data_dir`.
    /// `sender` must be the operator's account; `blobs` has those of its L1.
    pub async fn open(
        (chain, store, deployment): (Chain, Store, Deployment),
        (sender, blobs): (Sender, BlobSource),
        data_dir: &Path,
        clock: Clock,
        config: SequencerConfig,
    ) -> Result<Self, OpenError> {
        let tip = tip_of(&chain, &store).await?;
        let path = data_dir.join(MEMPOOL_FILE);
        let pool = open_pool(chain.clone(), path, clock.clone(), config.pool).await?;
        let provider = sender.provider().clone();
        let head = watch::Sender::new(L1Head::default());
        let gate = Gate::default();
        let next_message = sealed_messages(&chain, &store).await?;
        let builder = Builder::open(
            chain.clone(),
            pool.clone(),
            store.clone(),
            head.subscribe(),
            clock.clone(),
            gate.clone(),
            (config.block, next_message),
        )
        .await?;
        let parts = (chain.clone(), store.clone(), deployment.clone());
        let rollback = Rollback {
            chain: chain.clone(),
            store: store.clone(),
            pool: pool.clone(),
            gate: gate.clone(),
        };
        let reading = (provider.clone(), blobs, config.watcher);
        let follower = follow(parts, reading, head, rollback).await?;
        let parts = (chain, store.clone(), deployment.clone());
        let fees = config.fees.map(|policy| {
            FeeFollower::new(
                parts.clone(),
                pool.clone(),
                (clock.clone(), sender.clone()),
                policy,
            )
        });
        let (withdrawals, methods) = namespace(parts.clone(), pool.clone(), config);
        let demand = Arc::new(Notify::new());
        let window = WindowReader::new(sender.provider().clone(), &deployment);
        let signals = (demand.clone(), provider, window.subscribe());
        let batcher = Batcher::new(parts, clock, config, signals, gate.clone(), tip);
        let committer = Committer {
            store,
            sender,
            deployment,
            sealed: batcher.sealed.subscribe(),
            gate,
            epoch_min: config.commit_epoch_min,
        };
        Ok(Self {
            pool,
            demand,
            withdrawals,
            methods,
            config,
            builder,
            batcher,
            committer,
            follower,
            window,
            fees,
        })
    }

    /// The pool, for JSON-RPC.
    pub fn pool(&self) -> Arc<Mempool> {
        self.pool.clone()
    }

    /// A handle that seals batches on demand.
    pub fn sealer(&self) -> Sealer {
        Sealer(self.demand.clone())
    }

    /// The namespace `rollmill`, to be served beside Ethereum's methods.
    pub fn methods(&self) -> Methods {
        self.methods.clone()
    }

    /// Makes withdrawal proofs.
    pub fn withdrawals(&self) -> Arc<Withdrawals> {
        self.withdrawals.clone()
    }

    /// Starts every part as a supervised task.
    pub fn spawn(self, tasks: &mut Tasks) {
        let shutdown = tasks.shutdown().clone();
        let Self {
            pool,
            config,
            builder,
            batcher,
            committer,
            mut follower,
            window,
            fees,
            ..
        } = self;
        follower.derivation.shutdown = shutdown.clone();
        let stop = shutdown.clone();
        tasks.spawn("sequencer.mempool", async move {
            stop.run_until(pool.watch()).await.unwrap_or(Ok(()))
        });
        tasks.spawn("sequencer.l1", follower.run(shutdown.clone()));
        tasks.spawn("sequencer.blocks", builder.run(config, shutdown.clone()));
        tasks.spawn("sequencer.batches", batcher.run(shutdown.clone()));
        tasks.spawn("sequencer.window", window.run(shutdown.clone()));
        if let Some(fees) = fees {
            tasks.spawn("sequencer.fees", fees.run(shutdown.clone()));
        }
        tasks.spawn("sequencer.commits", committer.run(shutdown));
    }
}

/// The last recorded batch, which the chain must hold.
async fn tip_of(chain: &Chain, store: &Store) -> Result<Tip, OpenError> {
    let tip = Tip::load(store).await?;
    let head = chain.head().number;
    if head < tip.last_block {
        return Err(OpenError::ChainBehind {
            batch: tip.batch,
            last_block: tip.last_block,
            head,
        });
    }
    Ok(tip)
}

/// The methods of the namespace `rollmill`, and the withdrawals that they prove.
fn namespace(
    (chain, store, deployment): (Chain, Store, Deployment),
    pool: Arc<Mempool>,
    config: SequencerConfig,
) -> (Arc<Withdrawals>, Methods) {
    let withdrawals = Arc::new(Withdrawals::new(
        chain.clone(),
        store.clone(),
        deployment.withdrawal_domain(),
    ));
    let methods = Rollmill {
        chain,
        store,
        deployment,
        withdrawals: withdrawals.clone(),
        pool,
        config,
    };
    (withdrawals, methods.methods())
}

/// A follower of L1 that goes on where the last process was.
async fn follow(
    (chain, store, deployment): (Chain, Store, Deployment),
    (provider, blobs, watcher): (DynProvider, BlobSource, WatcherConfig),
    head: watch::Sender<L1Head>,
    rollback: Rollback,
) -> Result<Follower, FollowError> {
    let cursor = follower::cursor(&store).await?;
    Ok(Follower {
        watcher: Watcher::new(provider.clone(), &deployment, watcher, cursor),
        head,
        reread: follower::reread(&store).await?,
        rollback: Some(rollback),
        derivation: Derivation {
            chain: chain.clone(),
            store: store.clone(),
            deployment,
            provider,
            blobs,
            // Another one comes with the tasks.
            shutdown: Shutdown::new(),
        },
        store,
        chain,
    })
}

/// Reading the journal back takes a while: not on the runtime's threads.
async fn open_pool(
    chain: Chain,
    path: PathBuf,
    clock: Clock,
    policy: PoolPolicy,
) -> Result<Arc<Mempool>, JournalError> {
    blocking(move || Mempool::open(chain, &path, clock, policy)).await
}
