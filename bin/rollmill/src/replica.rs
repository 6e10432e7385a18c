//! `rollmill node --derive`: a node that rebuilds the chain from L1 alone, follows it, and answers JSON-RPC.
//!
//! Nobody is asked but L1: no sequencer, no coordinator. What it needs to know of the rollup stands in the deployment file.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use alloy::primitives::Address;
use eyre::{WrapErr, ensure};
use rollmill_engine::{Chain, rpc::RpcConfig};
use rollmill_l1::{Deployment, WatcherConfig, verify};
use rollmill_runtime::{LogFormat, ReadyFile, Shutdown, Tasks, init_tracing};
use rollmill_sequencer::{GenesisConfig, MEMPOOL_FILE, Replica, SequencerConfig, check_origin};
use rollmill_store::Store;
use serde::Serialize;

use crate::node::{CHAIN_FILE, connect_l1, rpc_config, serve_l2};

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
    let ready_file = args.ready_file.as_deref().map(ReadyFile::claim);
    let mut ready_file = ready_file.transpose()?;
    let mut tasks = Tasks::new(shutdown.clone());
    let Some(started) = shutdown.run_until(start(&args, &mut tasks)).await else {
        return Ok(());
    };
    let (l2, rollup) = started?;
    tracing::info!(%l2, "ready");
    if let Some(file) = &mut ready_file {
        file.write(&Ready { l2: &l2, rollup })?;
    }
    Ok(tasks.join().await?)
}

/// Returns L2's URL and the Rollup contract.
async fn start(args: &Args, tasks: &mut Tasks) -> eyre::Result<(String, Address)> {
    check_directory(&args.data_dir)?;
    let file = args.deployment.display();
    let deployment = Deployment::open(&args.deployment)?;
    let genesis = genesis(&deployment).wrap_err_with(|| format!("{file} is not usable"))?;
    let (l1, _) = connect_l1(&args.l1_rpc).await?;
    verify(&l1, &deployment)
        .await
        .wrap_err_with(|| format!("{file} does not describe what is on {}", args.l1_rpc))?;
    let store = Store::open(&args.data_dir).await?;
    check_origin(&store, &l1)
        .await
        .wrap_err_with(|| format!("cannot go on in {}", args.data_dir.display()))?;
    let path = args.data_dir.join(CHAIN_FILE);
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
        ..rpc_config()
    };
    let l2 = serve_l2(chain, (replica.pool(), replica.methods()), rpc, tasks).await?;
    replica.spawn(tasks);
    Ok((l2, rollup))
}

/// A replica has nothing but what L1 has, and takes back what L1 does not have: it must not work on what somebody else made.
fn check_directory(dir: &Path) -> eyre::Result<()> {
    ensure!(
        !dir.join("node").join(CHAIN_FILE).exists(),
        "{} is a devnet's data directory: choose another one",
        dir.display()
    );
    ensure!(
        !dir.join(MEMPOOL_FILE).exists(),
        "{} is a sequencer's data directory, whose blocks that are not committed yet would be lost: choose another one",
        dir.display()
    );
    Ok(())
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
    let (told, made) = (
        deployment.genesis,
        config.l1_genesis().map_err(eyre::Report::msg)?,
    );
    for (what, told, made) in [
        ("block hash", told.block_hash, made.block_hash),
        ("state root", told.state_root, made.state_root),
        (
            "withdrawal root",
            told.withdrawal_root,
            made.withdrawal_root,
        ),
    ] {
        ensure!(
            told == made,
            "the {what} of its genesis is {told}, this program makes {made}"
        );
    }
    Ok(config)
}
