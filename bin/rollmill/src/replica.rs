//! `rollmill node --derive`: a node that rebuilds the chain from L1 alone, follows it, and answers JSON-RPC.
//!
//! Nobody is asked but L1: no sequencer, no coordinator. What it needs to know of the rollup stands in the deployment file.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use alloy::{primitives::Address, providers::Provider};
use eyre::{WrapErr, ensure};
use rollmill_engine::{Chain, rpc::RpcConfig};
use rollmill_l1::{Deployment, WatcherConfig, connect};
use rollmill_runtime::{LogFormat, Shutdown, Tasks, init_tracing, write_ready_file};
use rollmill_sequencer::{GenesisConfig, Replica, SequencerConfig};
use rollmill_store::Store;
use serde::Serialize;

use crate::node::serve_l2;

/// Flags of `rollmill node`; each is also an environment variable.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Rebuild the chain from what is committed on L1.
    #[arg(long, env = "ROLLMILL_DERIVE", required = true)]
    derive: bool,
    /// JSON-RPC endpoint of L1.
    #[arg(
        long,
        env = "ROLLMILL_L1_RPC",
        value_name = "URL",
        default_value = "http://127.0.0.1:8545"
    )]
    l1_rpc: String,
    /// File that names the rollup's contracts.
    #[arg(long, env = "ROLLMILL_DEPLOYMENT", value_name = "FILE")]
    deployment: PathBuf,
    /// Keep the chain in this directory, and go on from what it holds.
    #[arg(long, env = "ROLLMILL_DATA_DIR", value_name = "DIR")]
    data_dir: PathBuf,
    /// Where L2's JSON-RPC listens; port 0 takes a free one.
    #[arg(long, env = "ROLLMILL_L2_LISTEN", value_name = "ADDRESS", default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, 9545)))]
    listen: SocketAddr,
    /// Read a block of L1 when it has this many confirmations.
    #[arg(
        long,
        env = "ROLLMILL_L1_CONFIRMATIONS",
        value_name = "BLOCKS",
        default_value_t = 1
    )]
    confirmations: u64,
    /// Form of the log on standard error: human or json [default: human].
    #[arg(long, env = "ROLLMILL_LOG_FORMAT")]
    log_format: Option<LogFormat>,
    /// Write the addresses to this file when JSON-RPC answers.
    #[arg(long, env = "ROLLMILL_READY_FILE", value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

/// Content of the ready file.
#[derive(Debug, Serialize)]
struct Ready<'a> {
    l2: &'a str,
    rollup: Address,
}

/// Follows L1 until a signal or a failure.
pub async fn run(args: Args) -> eyre::Result<()> {
    init_tracing(args.log_format.unwrap_or_default(), "info")?;
    let shutdown = Shutdown::new();
    shutdown.listen_for_signals();
    let mut tasks = Tasks::new(shutdown.clone());
    let Some(started) = shutdown.run_until(start(&args, &mut tasks)).await else {
        return Ok(());
    };
    let (l2, rollup) = started?;
    tracing::info!(%l2, "ready");
    if let Some(path) = &args.ready_file {
        write_ready_file(path, &Ready { l2: &l2, rollup })?;
    }
    Ok(tasks.join().await?)
}

/// Returns L2's URL and the Rollup contract.
async fn start(args: &Args, tasks: &mut Tasks) -> eyre::Result<(String, Address)> {
    let deployment = Deployment::open(&args.deployment)?;
    let genesis = genesis(&deployment)?;
    let l1 = connect(&args.l1_rpc)?;
    let chain_id = l1.get_chain_id().await;
    let chain_id = chain_id.wrap_err_with(|| format!("no L1 answers at {}", args.l1_rpc))?;
    ensure!(
        chain_id == deployment.chain_id,
        "the chain at {} has id {chain_id}, the rollup is on {}",
        args.l1_rpc,
        deployment.chain_id
    );
    let store = Store::open(&args.data_dir).await?;
    let path = args.data_dir.join("l2.redb");
    let spec = genesis.chain_spec();
    let chain = tokio::task::spawn_blocking(move || Chain::open(&path, &spec)).await??;
    let config = SequencerConfig {
        watcher: WatcherConfig {
            confirmations: args.confirmations,
            ..WatcherConfig::default()
        },
        ..SequencerConfig::default()
    };
    let rollup = deployment.rollup;
    let replica = Replica::open((chain.clone(), store, deployment), l1, config, tasks)
        .await
        .wrap_err("cannot open the replica")?;
    let rpc = RpcConfig {
        listen: args.listen,
        ..crate::node::rpc_config()
    };
    let l2 = serve_l2(chain, (replica.pool(), replica.methods()), rpc, tasks).await?;
    replica.spawn(tasks);
    Ok((l2, rollup))
}

/// L2's block 0, which must be the one that L1 was told of.
fn genesis(deployment: &Deployment) -> eyre::Result<GenesisConfig> {
    let config = GenesisConfig {
        l2_chain_id: deployment.l2_chain_id,
        l1_chain_id: deployment.chain_id,
        rollup: deployment.rollup,
        timestamp: deployment.genesis.timestamp,
        accounts: Vec::new(),
    };
    let made = config.l1_genesis().map_err(eyre::Report::msg)?;
    ensure!(
        made.block_hash == deployment.genesis.block_hash,
        "the deployment's block 0 is {}, this program makes {}",
        deployment.genesis.block_hash,
        made.block_hash
    );
    Ok(config)
}
