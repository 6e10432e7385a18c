//! The node: sequencer and coordinator in one process, wired here and nowhere else: a devnet and `rollmill node` start the same one.
//!
//! They do not see each other. They meet in the store (a batch's record and its witness, written before the commit) and on L1
//! (the commit's event), and share the operator's sender, because one account has one sender.

pub mod check;
mod fallback;
pub mod verb;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use alloy::providers::{DynProvider, Provider};
use alloy_primitives::Address;
use eyre::{WrapErr, ensure};
use rollmill_coordinator::{Coordinator, CoordinatorConfig, L1Access, OperatorSigner};
use rollmill_engine::{
    Chain, History, TransactionPool,
    rpc::{self, Calls, Methods, RpcConfig},
};
use rollmill_l1::{BlobSource, Deployment, Sender};
use rollmill_protocol::law::Params;
use rollmill_roller_api::ProofKind;
use rollmill_runtime::{Clock, Shutdown, Tasks};
use rollmill_sequencer::{
    GenesisConfig, OriginError, Sealer, Sequencer, SequencerConfig, check_batches, check_origin,
};
use rollmill_store::Store;

use crate::{
    dashboard::{self, L1, Sources},
    metrics::{self, Sequencing, Watched},
    traces,
};

/// The chain, in a node's data directory.
pub const CHAIN_FILE: &str = "l2.redb";

/// The environment variable with the operator's key.
pub const OPERATOR_KEY: &str = "ROLLMILL_OPERATOR_KEY";

/// Which rollup, on which L1, and where the node's memory is.
#[derive(Clone, Debug, clap::Args)]
pub struct Source {
    /// JSON-RPC endpoint of L1.
    #[arg(
        long,
        env = "ROLLMILL_L1_RPC",
        value_name = "URL",
        default_value = "http://127.0.0.1:8545"
    )]
    pub l1_rpc: String,
    /// File that names the rollup's contracts.
    #[arg(long, env = "ROLLMILL_DEPLOYMENT", value_name = "FILE")]
    pub deployment: PathBuf,
    /// The node's directory: chain, and what was sent to L1. It goes on from what is there.
    #[arg(long, env = "ROLLMILL_DATA_DIR", value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Blocks and transactions of L1 count when they have this many confirmations.
    #[arg(
        long,
        env = "ROLLMILL_L1_CONFIRMATIONS",
        value_name = "BLOCKS",
        default_value_t = 1
    )]
    pub confirmations: u64,
}

/// Everything that a node needs to know.
#[derive(Debug)]
pub struct NodeConfig {
    /// Holds the chain, the mempool's journal, the store.
    pub data_dir: PathBuf,
    /// What the node records.
    pub store: Store,
    /// The operator's account on L1.
    pub sender: Sender,
    /// Where the blobs of L1's transactions are.
    pub blobs: BlobSource,
    /// The same account's key, for receipts.
    pub operator: OperatorSigner,
    /// The operator's own prover, if there is one.
    pub fallback: Option<Address>,
    /// The contracts.
    pub deployment: Deployment,
    /// L2's block 0.
    pub genesis: GenesisConfig,
    /// Kind of proofs that the deployment's verifier takes.
    pub proofs: ProofKind,
    /// How blocks and batches are made.
    pub sequencer: SequencerConfig,
    /// Which states are kept.
    pub history: History,
    /// Where it listens.
    pub listen: Listen,
    /// Where the coordinator's API listens; port 0 takes a free one.
    pub coordinator_listen: SocketAddr,
    /// Explorer of L1, for the dashboard's links.
    pub l1_explorer: Option<String>,
    /// Base URL of the collector that is told the way of each batch, if one is.
    pub otlp: Option<String>,
}

/// Where any node listens; port 0 takes a free one.
#[derive(Clone, Copy, Debug)]
pub struct Listen {
    /// L2's JSON-RPC.
    pub l2: SocketAddr,
    /// The dashboard, if there is one.
    pub dashboard: Option<SocketAddr>,
    /// Metrics and health, if they are told.
    pub metrics: Option<SocketAddr>,
}

/// A running node.
#[derive(Debug)]
pub struct Node {
    /// L2's JSON-RPC.
    pub l2_url: String,
    /// The coordinator's API.
    pub coordinator_url: String,
    /// The dashboard, if there is one.
    pub dashboard_url: Option<String>,
    /// Metrics and health, if they are told.
    pub metrics_url: Option<String>,
    /// Seals batches on demand.
    pub sealer: Sealer,
}

/// Opens every part, wires them and starts them as supervised tasks. Nothing is served before L1 has been asked whether the data
/// directory is the one that the rollup was run from, and the mempool's journal, which makes it a sequencer's, is begun after that.
pub async fn start(config: NodeConfig, tasks: &mut Tasks) -> eyre::Result<Node> {
    let cannot_go_on = format!("cannot go on in {}", config.data_dir.display());
    check_l1(&config)
        .await
        .wrap_err_with(|| cannot_go_on.clone())?;
    let clock = Clock::System;
    let watcher = config.sequencer.watcher;
    let NodeConfig {
        store,
        sender,
        deployment,
        ..
    } = config;
    let coordinator_config = CoordinatorConfig {
        listen: config.coordinator_listen,
        fallback: config.fallback,
        ..coordinator_config(config.proofs, config.operator, &deployment)?
    };
    let chain_path = config.data_dir.join(CHAIN_FILE);
    let spec = config.genesis.chain_spec();
    let open = move || Chain::open_keeping(config.history, &chain_path, &spec);
    let chain = rollmill_runtime::blocking(open).await?;

    let law = (coordinator_config, deployment.law.clone());
    let parts = (store.clone(), clock.clone(), tasks.shutdown().clone());
    let coordinator = open_coordinator(law, parts).await?;
    coordinator
        .check_epoch(sender.provider(), &deployment)
        .await
        .wrap_err(cannot_go_on)?;

    let sequencer = Sequencer::open(
        (chain.clone(), store.clone(), deployment.clone()),
        (sender.clone(), config.blobs),
        &config.data_dir,
        clock,
        config.sequencer,
    )
    .await
    .wrap_err("cannot open the sequencer")?;

    let parts = (coordinator.observer(), store.clone(), chain.clone());
    traces::start(config.otlp.as_deref(), parts, tasks)?;
    let watched = Watched {
        data_dir: config.data_dir,
        sequencing: Some(Sequencing {
            observer: coordinator.observer(),
            pool: sequencer.pool(),
            l1: (store, sender.clone(), deployment.clone()),
        }),
    };
    let provider = sender.provider().clone();
    let chains = (chain, provider.clone(), deployment.clone());
    let parts = (&sequencer, &coordinator);
    let serving = (config.listen, config.l1_explorer, watched);
    let node = serve(chains, parts, serving, tasks).await?;
    sequencer.spawn(tasks);
    coordinator.spawn(
        L1Access {
            provider,
            sender,
            deployment,
            watcher,
        },
        tasks,
    );
    Ok(node)
}

async fn open_coordinator(
    (config, law): (CoordinatorConfig, Params),
    (store, clock, shutdown): (Store, Clock, Shutdown),
) -> eyre::Result<Coordinator> {
    let coordinator = Coordinator::open(config, law, store, clock, shutdown);
    coordinator.await.wrap_err("cannot open the coordinator")
}

/// Serves what others ask for: L2's JSON-RPC, the dashboard that shows it and the coordinator, and metrics.
async fn serve(
    (chain, l1, deployment): (Chain, DynProvider, Deployment),
    (sequencer, coordinator): (&Sequencer, &Coordinator),
    (listen, l1_explorer, watched): (Listen, Option<String>, Watched),
    tasks: &mut Tasks,
) -> eyre::Result<Node> {
    let rpc = RpcConfig {
        listen: listen.l2,
        ..rpc_config()
    };
    let pool_and_methods = (sequencer.pool(), sequencer.methods());
    let l2 = serve_l2(chain.clone(), pool_and_methods, rpc, tasks).await?;
    let l2_parts = (chain.clone(), l2.calls);
    let metrics_url = metrics::start(listen.metrics, l2_parts, watched, tasks).await?;
    let sources = Sources {
        chain,
        methods: l2.methods,
        l1: L1 {
            provider: l1,
            deployment,
            l2_url: l2.url.clone(),
            explorer: l1_explorer,
        },
        coordinator: Some((coordinator.public_api(), coordinator.observer())),
    };
    Ok(Node {
        l2_url: l2.url,
        coordinator_url: format!("http://{}", coordinator.address()),
        dashboard_url: dashboard::start(listen.dashboard, sources, tasks).await?,
        metrics_url,
        sealer: sequencer.sealer(),
    })
}

/// Whether this is the L1 that the data directory has read, and whether all its batches are from there.
async fn check_l1(config: &NodeConfig) -> Result<(), OriginError> {
    let l1 = config.sender.provider();
    check_origin(&config.store, l1).await?;
    check_batches(&config.store, &config.deployment, l1).await
}

/// L1's JSON-RPC with its chain id; an error is a sentence that names the URL.
pub async fn connect_l1(url: &str) -> eyre::Result<(DynProvider, u64)> {
    let l1 = rollmill_l1::connect(url)?;
    let chain_id = l1.get_chain_id().await;
    let chain_id = chain_id.wrap_err_with(|| format!("no L1 answers at {url}"))?;
    Ok((l1, chain_id))
}

/// How L2's JSON-RPC is served; the caller says where.
pub fn rpc_config() -> RpcConfig {
    RpcConfig {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        client_version: format!("rollmill/{}", env!("CARGO_PKG_VERSION")),
        priority_fee_wei: 0,
    }
}

/// L2's JSON-RPC, as it is served.
#[derive(Debug)]
pub struct L2 {
    /// Where.
    pub url: String,
    /// What it answers with.
    pub methods: Methods,
    /// How often it was asked what.
    pub calls: Calls,
}

/// Serves L2's JSON-RPC with the methods that are not Ethereum's.
pub async fn serve_l2<P: TransactionPool>(
    chain: Chain,
    (pool, methods): (Arc<P>, Methods),
    config: RpcConfig,
    tasks: &mut Tasks,
) -> eyre::Result<L2> {
    let stop = tasks.shutdown().token();
    let server = rpc::serve(chain, pool, config, methods, stop)
        .await
        .wrap_err("cannot serve L2's JSON-RPC")?;
    let l2 = L2 {
        url: server.url(),
        methods: server.methods(),
        calls: server.calls(),
    };
    tasks.spawn("l2.rpc", async move {
        server.stopped().await;
        Ok::<(), std::convert::Infallible>(())
    });
    Ok(l2)
}

/// What the coordinator must know of the deployment. Receipts bind nobody unless the operator on L1 signs them.
fn coordinator_config(
    proofs: ProofKind,
    operator: OperatorSigner,
    deployment: &Deployment,
) -> eyre::Result<CoordinatorConfig> {
    ensure!(
        operator.address() == deployment.operator,
        "receipts would be signed by {}, the operator on L1 is {}",
        operator.address(),
        deployment.operator
    );
    Ok(CoordinatorConfig::new(
        proofs,
        deployment.chain_id,
        deployment.rollup,
        deployment.l2_chain_id,
        operator,
    ))
}
