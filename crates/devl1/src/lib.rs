//! The embedded L1 of a devnet: one process-local Ethereum chain under Osaka's rules, reached by JSON-RPC only.
//!
//! Model: one miner makes blocks, at once when a transaction arrives and otherwise every `block_time`; nothing is ever
//! reorganised; state is durable, so a restart from the same data directory continues the chain. Rules are Ethereum's
//! (caps, floors, system contracts), so that what works here is not refused elsewhere; what is ours is listed:
//!
//! - `prevrandao` is `keccak256(parent's prevrandao ++ number)`: it changes every block and anybody can predict it, which
//!   is good enough for development only. The parent beacon root is the parent's hash, for want of a beacon chain.
//! - Timestamps are the wall clock, but at least the parent's plus one. A burst of transactions, each mined at once, can push them
//!   ahead of the clock by twelve seconds; then transactions wait for the clock and share blocks. A new chain begins 45 seconds
//!   behind the clock, because it begins with a burst (unless `block_time` is below a second: then the chain's time runs faster by
//!   intent).
//! - `safe` and `finalized` follow the newest block at fixed distances.
//! - Precompiles can be added ([`DevL1Config::precompiles`]); they belong to this chain only.
//! - Transactions up to [`TRANSACTION_BYTES_MAX`] are accepted: a proof fits into calldata. Blobs are kept beside the chain for ever,
//!   and given by `anvil_getBlobByHash`: there is no consensus client to ask.

mod blobs;
mod config;
mod miner;
mod pace;
mod pool;

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use alloy_consensus::transaction::Recovered;
use alloy_eips::{eip2718::EIP4844_TX_TYPE_ID, eip7825::MAX_TX_GAS_LIMIT_OSAKA};
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY};
use rollmill_engine::stf::{Transaction, fees::FeePrices, header::next_base_fee};
use rollmill_engine::{
    Chain, OpenError, PoolError, TransactionPool,
    pool::{Announcements, Limits, PoolContent, Sender, admit, check, check_size, decode},
    rpc::{RpcConfig, RpcServer, ServeError, serve},
};
use thiserror::Error;
use tokio::{
    sync::Notify,
    task::{JoinHandle, spawn_blocking},
};
use tokio_util::sync::CancellationToken;

pub use config::{DevL1Config, TEST_ACCOUNTS};
pub use miner::MineError;
pub use rollmill_engine::stf::rules::{
    ChainPrecompileFn, ChainPrecompileOutcome, ChainPrecompiles,
};

use blobs::Blobs;
use miner::Miner;
use pool::Pool;

/// Longest raw transaction, bytes. The gas cap of a transaction pays for less than half of it.
pub const TRANSACTION_BYTES_MAX: usize = 1 << 20;

/// How long the last requests may keep the chain's file open after the server has ended.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// Why the embedded L1 did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// Its data directory cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is no directory for blobs.
    #[error("cannot use {0} for blobs")]
    Blobs(PathBuf, #[source] io::Error),
    /// Its port cannot be used.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// A running embedded L1.
#[derive(Debug)]
pub struct DevL1 {
    chain: Chain,
    server: RpcServer,
    miner: JoinHandle<Result<(), MineError>>,
}

impl DevL1 {
    /// Opens or creates the chain in the data directory, starts the miner and the server. Cancelling `shutdown` ends both:
    /// accepted transactions are mined first.
    ///
    /// # Errors
    /// [`StartError`]: the data directory or the port is in use, or holds another chain.
    pub async fn start(
        config: DevL1Config,
        shutdown: CancellationToken,
    ) -> Result<Self, StartError> {
        let (path, spec) = (config.data_dir.join("l1.redb"), config.chain_spec());
        let opened = spawn_blocking(move || Chain::open(&path, &spec)).await;
        let chain = opened.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        let dir = config.data_dir.join("blobs");
        let blobs = Blobs::open(dir.clone()).map_err(|error| StartError::Blobs(dir, error))?;
        let intake = Arc::new(Intake {
            chain: chain.clone(),
            blobs: Arc::new(blobs),
            pool: Pool::default(),
            arrived: Notify::new(),
            announcements: Announcements::default(),
        });
        let serving = shutdown.child_token();
        let rpc = RpcConfig {
            listen: config.listen,
            client_version: format!("rollmill-devl1/{}", env!("CARGO_PKG_VERSION")),
            priority_fee_wei: config.priority_fee_wei,
        };
        let server = serve(
            chain.clone(),
            intake.clone(),
            rpc,
            intake.blobs.clone().methods(),
            serving.clone(),
        )
        .await?;
        let miner = Miner::new(&config, intake);
        let miner = tokio::spawn(async move {
            // A miner that fails takes the server with it.
            let _stop_serving = serving.drop_guard();
            miner.run(shutdown).await
        });
        Ok(Self {
            chain,
            server,
            miner,
        })
    }

    /// The chain, for reading.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The address the server is bound to.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The JSON-RPC URL.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Waits until the chain has ended and its file is closed (for a while: whoever else holds a handle on the chain keeps
    /// it open).
    ///
    /// # Errors
    /// [`MineError`] when the miner failed instead of being told to stop.
    pub async fn stopped(self) -> Result<(), MineError> {
        let mined = self
            .miner
            .await
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        self.server.stopped().await;
        if !self.chain.close(CLOSE_PATIENCE).await {
            tracing::warn!("devl1.file_still_open");
        }
        mined
    }
}

/// Where JSON-RPC hands transactions in and the miner takes them out.
#[derive(Debug)]
struct Intake {
    chain: Chain,
    blobs: Arc<Blobs>,
    pool: Pool,
    arrived: Notify,
    announcements: Announcements,
}

impl Intake {
    fn accept(&self, raw: &Bytes) -> Result<B256, PoolError> {
        let head = self.chain.head();
        let limits = Limits {
            chain_id: self.chain.chain_id(),
            block_gas: head.gas_limit,
            transaction_gas: MAX_TX_GAS_LIMIT_OSAKA,
            base_fee: next_base_fee(&head),
            transaction_bytes: TRANSACTION_BYTES_MAX,
        };
        let (transaction, sidecar) = if raw.first() == Some(&EIP4844_TX_TYPE_ID) {
            check_size(raw, &limits)?;
            let (transaction, sidecar) = blobs::take_apart(raw)?;
            (check(transaction, &limits)?, Some(sidecar))
        } else {
            (decode(raw, &limits)?, None)
        };
        let sender = self.sender(transaction.signer())?;
        admit(&transaction, &sender, &FeePrices::default())?;
        if let Some(sidecar) = sidecar {
            self.blobs.keep(&sidecar).map_err(PoolError::Disk)?;
        }
        let hash = self.pool.insert(transaction, sender.nonce)?;
        self.arrived.notify_one();
        self.announcements.announce(hash);
        Ok(hash)
    }

    fn sender(&self, address: Address) -> Result<Sender, PoolError> {
        let mut state = self.chain.state_at(&self.chain.head())?;
        let account = state.account(address)?.unwrap_or_default();
        let has_code = account.code_hash != KECCAK256_EMPTY && {
            let code = state.code(account.code_hash)?;
            !code.starts_with(&alloy_eips::eip7702::constants::EIP7702_DELEGATION_DESIGNATOR)
        };
        Ok(Sender {
            nonce: account.nonce,
            balance: account.balance,
            has_code,
        })
    }

    fn nonce(&self, address: Address) -> Result<u64, PoolError> {
        Ok(self
            .chain
            .state_at(&self.chain.head())?
            .account(address)?
            .unwrap_or_default()
            .nonce)
    }
}

impl TransactionPool for Intake {
    async fn submit(self: &Arc<Self>, raw: Bytes) -> Result<B256, PoolError> {
        let intake = self.clone();
        let accepted = spawn_blocking(move || intake.accept(&raw)).await;
        accepted.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    fn pending_nonce(&self, account: Address) -> Option<u64> {
        let next = self.nonce(account).ok()?;
        self.pool.pending_nonce(account, next)
    }

    fn pending(&self, hash: &B256) -> Option<Recovered<Transaction>> {
        self.pool.by_hash(hash)
    }

    fn content(&self) -> PoolContent {
        self.pool
            .content(|account| self.nonce(account).unwrap_or(u64::MAX))
    }

    fn announcements(&self) -> &Announcements {
        &self.announcements
    }
}
