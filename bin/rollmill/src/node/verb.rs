//! `rollmill node`: the rollup of a deployment file over any L1. With the operator's key it sequences and coordinates rollers; with
//! `--derive` it rebuilds the chain from L1 alone. Both begin with the same comparison of file, L1 and data directory.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use alloy_primitives::Address;
use eyre::{WrapErr, ensure};
use rollmill_coordinator::OperatorSigner;
use rollmill_l1::{BlobSource, Deployment, DynProvider, Sender, SenderConfig, load_key, verify};
use rollmill_runtime::{LogFormat, ReadyFile, Shutdown, Tasks, init_tracing};
use rollmill_sequencer::{GenesisConfig, MEMPOOL_FILE, SequencerConfig};
use rollmill_store::Store;
use serde::Serialize;
use tokio::task::spawn_blocking;

use super::{
    CHAIN_FILE, Listen, Node, NodeConfig, OPERATOR_KEY, Source, connect_l1,
    fallback::{self, FallbackProver},
};
use crate::{
    dashboard,
    devnet::roller_binary::find_or_build,
    replica,
    roller_process::RollerRun,
    settings::{Memory, Pace, Posting, fees::Follow, genesis, proof_kind, sequencer_config},
};

/// Flags of `rollmill node`; each is also an environment variable and a field of the configuration file.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub(super) source: Source,
    /// Make no blocks: rebuild the chain from what is committed on L1, and follow it.
    #[arg(long, env = "ROLLMILL_DERIVE")]
    pub(super) derive: bool,
    /// File with the operator's private key in hex. Without it the key is taken from ROLLMILL_OPERATOR_KEY.
    #[arg(long, env = "ROLLMILL_OPERATOR_KEY_FILE", value_name = "FILE")]
    pub(super) operator_key_file: Option<PathBuf>,
    /// Address of the operator's own prover, which runs elsewhere. Without a prover of its own the first batch waits until a roller can be drawn.
    #[arg(long, env = "ROLLMILL_FALLBACK", value_name = "ADDRESS")]
    pub(super) fallback: Option<Address>,
    /// File with the key of the operator's own prover in hex: the node runs it, as a process of its own.
    #[arg(
        long,
        env = "ROLLMILL_FALLBACK_KEY_FILE",
        value_name = "FILE",
        conflicts_with = "fallback"
    )]
    pub(super) fallback_key_file: Option<PathBuf>,
    #[command(flatten)]
    pace: Pace,
    #[command(flatten)]
    posting: Posting,
    /// Beacon API of L1's consensus client, or of an archive of blobs: where the data of batches is that is in blobs. A development L1
    /// gives its blobs itself.
    #[arg(long, env = "ROLLMILL_L1_BEACON", value_name = "URL")]
    pub(super) l1_beacon: Option<String>,
    #[command(flatten)]
    fees: Follow,
    #[command(flatten)]
    memory: Memory,
    /// Where L2's JSON-RPC listens; port 0 takes a free one.
    #[arg(long, env = "ROLLMILL_L2_LISTEN", value_name = "ADDRESS", default_value_t = local(9545))]
    pub(super) listen: SocketAddr,
    /// Where the coordinator's API listens; port 0 takes a free one.
    #[arg(long, env = "ROLLMILL_COORDINATOR_LISTEN", value_name = "ADDRESS", default_value_t = local(9650))]
    pub(super) coordinator_listen: SocketAddr,
    /// Where the dashboard listens; port 0 takes a free one [default: 127.0.0.1:9660, and none with --derive].
    #[arg(long, env = "ROLLMILL_DASHBOARD_LISTEN", value_name = "ADDRESS")]
    dashboard_listen: Option<SocketAddr>,
    /// Serve no dashboard.
    #[arg(long, env = "ROLLMILL_NO_DASHBOARD")]
    no_dashboard: bool,
    /// Explorer of L1, to whose pages the dashboard's L1 transactions, blocks and addresses are links (URL/tx/0x...).
    #[arg(long, env = "ROLLMILL_L1_EXPLORER", value_name = "URL")]
    l1_explorer: Option<String>,
    /// Tell metrics for Prometheus (/metrics) and health (/health) here; port 0 takes a free one. For the operator: not behind the public
    /// addresses.
    #[arg(long, env = "ROLLMILL_METRICS", value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
    /// Tell the way of each batch, from its first block to its settlement, to the OpenTelemetry collector here (OTLP over HTTP).
    #[arg(
        long,
        env = "ROLLMILL_OTLP",
        value_name = "URL",
        conflicts_with = "derive"
    )]
    otlp: Option<String>,
    /// Form of the log on standard error: human or json [default: human].
    #[arg(long, env = "ROLLMILL_LOG_FORMAT")]
    log_format: Option<LogFormat>,
    /// Write the addresses to this file when everything answers.
    #[arg(long, env = "ROLLMILL_READY_FILE", value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

impl Args {
    pub(super) fn sequencer(&self, fallback: Option<Address>) -> eyre::Result<SequencerConfig> {
        let choices = (&self.pace, self.posting, &self.fees);
        sequencer_config(choices, self.source.confirmations, fallback)
    }

    /// Where everything listens but the coordinator.
    fn listen(&self) -> Listen {
        Listen {
            l2: self.listen,
            dashboard: self.dashboard(),
            metrics: self.metrics,
        }
    }

    /// Where the dashboard listens, if there is one.
    pub(super) fn dashboard(&self) -> Option<SocketAddr> {
        if self.no_dashboard {
            return None;
        }
        let by_default = (!self.derive).then(|| local(dashboard::PORT));
        self.dashboard_listen.or(by_default)
    }
}

fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Content of the ready file.
#[derive(Debug, Serialize)]
struct Ready {
    l2: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    coordinator: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dashboard: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<String>,
    rollup: Address,
}

/// What both kinds of node begin with, compared with each other.
pub struct Found {
    /// The contracts.
    pub deployment: Deployment,
    /// L2's block 0.
    pub genesis: GenesisConfig,
    /// L1.
    pub l1: DynProvider,
    /// What the data directory has on record.
    pub store: Store,
}

/// Runs until a signal or a failure.
pub async fn run(args: Args) -> eyre::Result<()> {
    init_tracing(args.log_format.unwrap_or_default(), "info")?;
    let ready_file = args.ready_file.as_deref().map(ReadyFile::claim);
    let mut ready_file = ready_file.transpose()?;
    let shutdown = Shutdown::new();
    shutdown.listen_for_signals();
    let mut tasks = Tasks::new(shutdown.clone());
    let Some(started) = shutdown.run_until(start(&args, &mut tasks)).await else {
        return Ok(());
    };
    let ready = started?;
    let (coordinator, dashboard) = (&ready.coordinator, &ready.dashboard);
    let metrics = &ready.metrics;
    tracing::info!(l2 = ready.l2, coordinator, dashboard, metrics, "ready");
    if let Some(file) = &mut ready_file {
        file.write(&ready)?;
    }
    Ok(tasks.join().await?)
}

async fn start(args: &Args, tasks: &mut Tasks) -> eyre::Result<Ready> {
    check_directory(&args.source.data_dir, args.derive)?;
    let blobs = BlobSource::new(args.l1_beacon.as_deref())?;
    let found = find(&args.source).await?;
    let rollup = found.deployment.rollup;
    if args.derive {
        let config = args.sequencer(args.fallback)?;
        let place = (args.source.data_dir.as_path(), args.memory.into());
        let serving = (args.listen(), args.l1_explorer.clone());
        let urls = replica::start(found, (config, blobs), place, serving, tasks).await?;
        return Ok(Ready {
            l2: urls.l2,
            coordinator: None,
            dashboard: urls.dashboard,
            metrics: urls.metrics,
            rollup,
        });
    }
    let node = sequence(args, (found, blobs), tasks).await?;
    Ok(Ready {
        l2: node.l2_url,
        coordinator: Some(node.coordinator_url),
        dashboard: node.dashboard_url,
        metrics: node.metrics_url,
        rollup,
    })
}

/// A node must not work in what something else made. A replica has nothing but what L1 has, and takes back what L1 does not have.
pub fn check_directory(dir: &Path, derives: bool) -> eyre::Result<()> {
    ensure!(
        !dir.join("node").join(CHAIN_FILE).exists(),
        "{} is a devnet's data directory: choose another one",
        dir.display()
    );
    ensure!(
        !(derives && dir.join(MEMPOOL_FILE).exists()),
        "{} is a sequencer's data directory, whose blocks that are not committed yet would be lost: choose another one",
        dir.display()
    );
    Ok(())
}

/// Reads the deployment file and compares it with this program and with L1.
async fn find(source: &Source) -> eyre::Result<Found> {
    let file = source.deployment.display();
    let deployment = Deployment::open(&source.deployment)?;
    let genesis = genesis(&deployment).wrap_err_with(|| format!("{file} is not usable"))?;
    let (l1, _) = connect_l1(&source.l1_rpc).await?;
    verify(&l1, &deployment)
        .await
        .wrap_err_with(|| format!("{file} does not describe what is on {}", source.l1_rpc))?;
    Ok(Found {
        deployment,
        genesis,
        l1,
        store: Store::open(&source.data_dir).await?,
    })
}

async fn sequence(
    args: &Args,
    (found, blobs): (Found, BlobSource),
    tasks: &mut Tasks,
) -> eyre::Result<Node> {
    let Found {
        deployment,
        genesis,
        l1,
        store,
    } = found;
    let operator = load_key(args.operator_key_file.as_deref(), OPERATOR_KEY)?;
    ensure!(
        operator.address() == deployment.operator,
        "the key is of {}, the rollup's operator is {}",
        operator.address(),
        deployment.operator
    );
    let proofs = proof_kind(&l1, deployment.rollup).await?;
    let fallback = match &args.fallback_key_file {
        Some(file) => Some(fallback::address(file)?),
        None => args.fallback,
    };
    let sender = Sender::new(
        l1,
        deployment.chain_id,
        operator.clone(),
        store.clone(),
        SenderConfig {
            confirmations: args.source.confirmations,
            ..SenderConfig::default()
        },
    );
    let node = NodeConfig {
        data_dir: args.source.data_dir.clone(),
        store,
        sender,
        blobs,
        operator: OperatorSigner::new(operator),
        fallback,
        proofs,
        genesis,
        sequencer: args.sequencer(fallback)?,
        history: args.memory.into(),
        deployment,
        listen: args.listen(),
        coordinator_listen: args.coordinator_listen,
        l1_explorer: args.l1_explorer.clone(),
        otlp: args.otlp.clone(),
    };
    let node = super::start(node, tasks).await?;
    if let Some(key_file) = &args.fallback_key_file {
        let prover = RollerRun {
            program: spawn_blocking(find_or_build).await??,
            coordinator: node.coordinator_url.clone(),
            l1_rpc: args.source.l1_rpc.clone(),
            deployment: args.source.deployment.clone(),
            data_dir: PathBuf::new(),
            key_file: key_file.clone(),
            proofs,
        };
        let prover = FallbackProver::new(prover, &args.source.data_dir)?;
        let shutdown = tasks.shutdown().clone();
        tasks.spawn("fallback prover", prover.keep(shutdown));
    }
    Ok(node)
}
