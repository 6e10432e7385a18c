//! A node that has the chain from L1 alone and makes no blocks: it derives what is committed, answers JSON-RPC and proves
//! withdrawals. It trusts nobody: every block is executed again. Its data directory is a sequencer's, so whoever has the
//! operator's key can go on from it.

use std::sync::Arc;

use rollmill_engine::{Chain, pool::NoPool, rpc::Methods};
use rollmill_l1::{BlobSource, Deployment, DynProvider, Watcher};
use rollmill_runtime::Tasks;
use rollmill_store::Store;
use tokio::sync::watch;

use crate::{
    L1Head, OpenError, SequencerConfig, Withdrawals,
    derivation::Derivation,
    follower::{self, Follower},
    rpc::Rollmill,
};

/// The parts of a replica, opened and not yet running.
pub struct Replica {
    pool: Arc<NoPool>,
    methods: Methods,
    pub(crate) follower: Follower,
}

impl Replica {
    /// Opens the replica of `deployment` over its chain and store; it reads L1 and the blobs of its transactions. Of `config` it needs how L1 is read, and shows the rest.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(
        (chain, store, deployment): (Chain, Store, Deployment),
        (provider, blobs): (DynProvider, BlobSource),
        config: SequencerConfig,
        tasks: &Tasks,
    ) -> Result<Self, OpenError> {
        let cursor = follower::cursor(&store).await?;
        let pool = Arc::new(NoPool::default());
        let domain = deployment.withdrawal_domain();
        let withdrawals = Withdrawals::new(chain.clone(), store.clone(), domain);
        let methods = Rollmill {
            chain: chain.clone(),
            store: store.clone(),
            deployment: deployment.clone(),
            withdrawals: Arc::new(withdrawals),
            pool: pool.clone(),
            config,
        }
        .methods();
        let watcher = Watcher::new(provider.clone(), &deployment, config.watcher, cursor);
        let derivation = Derivation {
            chain: chain.clone(),
            store: store.clone(),
            deployment,
            provider,
            blobs,
            shutdown: tasks.shutdown().clone(),
        };
        Ok(Self {
            pool,
            methods,
            follower: Follower {
                watcher,
                store,
                chain,
                head: watch::Sender::new(L1Head::default()),
                derivation,
                rollback: None,
                reread: 0,
            },
        })
    }

    /// The pool, for JSON-RPC: it takes no transactions.
    pub fn pool(&self) -> Arc<NoPool> {
        self.pool.clone()
    }

    /// The namespace `rollmill`, to be served beside Ethereum's methods.
    pub fn methods(&self) -> Methods {
        self.methods.clone()
    }

    /// Starts to follow L1 as a supervised task.
    pub fn spawn(self, tasks: &mut Tasks) {
        let shutdown = tasks.shutdown().clone();
        tasks.spawn("replica.l1", self.follower.run(shutdown));
    }
}
