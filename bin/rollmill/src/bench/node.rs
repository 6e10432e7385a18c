//! `rollmill bench node`: the sequencer alone, on an embedded L1, as something to put load on.
//!
//! It is the sequencer of every node: mempool with its journal, builder, batcher, JSON-RPC. What differs: one account of the well-known
//! mnemonic has ether that nobody deposited; a block holds what its gas limit allows, whatever proving it would take, and
//! no batches are made of blocks. With `--batches`, blocks are bounded by a batch's data, and batches are prepared with their
//! witnesses, checked, and never committed. No coordinator runs.

use std::{path::PathBuf, time::Duration};

use alloy::providers::Provider;
use alloy_primitives::{Address, U256};
use eyre::WrapErr;
use rollmill_engine::{Chain, rpc::RpcConfig};
use rollmill_l1::{BlobSource, Sender, SenderConfig, connect, deploy};
use rollmill_protocol::l2::L2_CHAIN_ID_DEVNET;
use rollmill_roller_api::ProofKind;
use rollmill_runtime::{
    Clock, LogFormat, ReadyFile, Shutdown, Tasks, blocking, init_tracing, outln,
};
use rollmill_sequencer::{BatchPolicy, BlockLimits, Sequencer, SequencerConfig};
use rollmill_store::Store;
use serde::Serialize;

use crate::{
    devnet::{accounts::Role, embedded_l1, ports::localhost},
    node::{rpc_config, serve_l2},
    settings::{Choice, Numbers, deploy_config, genesis_config},
};

/// Wei of the account that pays for the load: a million ether.
const FUNDS_WEI: u128 = 1_000_000 * 10u128.pow(18);

/// Bytes of a block's transactions where no batch must carry them: half of what a block may have on Ethereum (EIP-7934).
const BLOCK_DATA_BYTES: usize = 4 << 20;

/// Flags of `rollmill bench node`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Port of L2's JSON-RPC; 0 takes a free one.
    #[arg(long, default_value_t = 9545)]
    port: u16,
    /// Gas limit of every block.
    #[arg(long, default_value_t = 2_000_000_000)]
    block_gas: u64,
    /// Longest time from a transaction to its block, milliseconds.
    #[arg(
        long,
        default_value_t = 250,
        value_name = "MS",
        value_parser = clap::value_parser!(u64).range(1..=60_000)
    )]
    block_time: u64,
    /// Prepare batches with their witnesses beside the blocks, which then hold what a batch's data may.
    #[arg(long)]
    batches: bool,
    /// Keep everything in this directory [default: a temporary one].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Write the address to this file when JSON-RPC answers.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

#[derive(Serialize)]
struct Ready<'a> {
    l2: &'a str,
}

/// Serves until a signal or a failure.
pub async fn run(args: Args) -> eyre::Result<()> {
    init_tracing(LogFormat::Human, "warn")?;
    let shutdown = Shutdown::new();
    shutdown.listen_for_signals();
    let ready_file = args.ready_file.as_deref().map(ReadyFile::claim);
    let mut ready_file = ready_file.transpose()?;
    let temporary = tempfile::tempdir().wrap_err("cannot make a temporary directory")?;
    let data_dir = args.data_dir.clone();
    let data_dir = data_dir.unwrap_or_else(|| temporary.path().to_path_buf());
    let mut tasks = Tasks::new(shutdown.clone());
    let Some(started) = shutdown.run_until(start(&args, data_dir, &mut tasks)).await else {
        return Ok(());
    };
    let l2 = started?;
    outln!("L2 {l2}");
    if let Some(file) = &mut ready_file {
        file.write(&Ready { l2: &l2 })?;
    }
    Ok(tasks.join().await?)
}

/// Returns L2's URL.
async fn start(args: &Args, data_dir: PathBuf, tasks: &mut Tasks) -> eyre::Result<String> {
    let l1_url = embedded_l1::start(localhost(0), data_dir.join("l1"), tasks).await?;
    let l1 = connect(&l1_url)?;
    let chain_id = l1.get_chain_id().await?;
    let store = Store::open(data_dir.join("node")).await?;
    let operator = Role::Operator.signer()?;
    let config = SenderConfig::default();
    let sender = Sender::new(l1.clone(), chain_id, operator, store.clone(), config);
    let operator = sender.address();
    let mut genesis = genesis_config(&l1, chain_id, L2_CHAIN_ID_DEVNET, operator).await?;
    let funded = Role::Load.signer()?.address();
    genesis.accounts.push((funded, U256::from(FUNDS_WEI)));
    let choice = Choice {
        proofs: ProofKind::Mock,
        k: 1,
    };
    let numbers = Numbers::of_devnet(&choice);
    let accounts = (operator, Address::ZERO);
    let contracts = deploy_config((choice.proofs, numbers), L2_CHAIN_ID_DEVNET, accounts);
    let file = data_dir.join("deployment.json");
    let deployment = deploy(&sender, &contracts, &file, |rollup| {
        genesis
            .of_rollup(rollup)
            .l1_genesis()
            .expect("the genesis of a devnet has no invalid account")
    })
    .await?;
    let mut spec = genesis.of_rollup(deployment.rollup).chain_spec();
    spec.genesis.gas_limit = args.block_gas;
    let path = data_dir.join("node/l2.redb");
    let chain = blocking(move || Chain::open(&path, &spec)).await?;
    let sequencer = Sequencer::open(
        (chain.clone(), store, deployment),
        (sender, BlobSource::default()),
        &data_dir.join("node"),
        Clock::System,
        sequencer_config(args),
    )
    .await
    .wrap_err("cannot open the sequencer")?;
    let rpc = RpcConfig {
        listen: localhost(args.port),
        ..rpc_config()
    };
    let l2 = serve_l2(chain, (sequencer.pool(), sequencer.methods()), rpc, tasks).await?;
    sequencer.spawn(tasks);
    Ok(l2.url)
}

fn sequencer_config(args: &Args) -> SequencerConfig {
    let default = SequencerConfig::default();
    SequencerConfig {
        block_time: Duration::from_millis(args.block_time),
        block: BlockLimits {
            transactions_max: usize::MAX,
            prover_gas_max: u64::MAX,
            data_bytes_max: if args.batches {
                default.block.data_bytes_max
            } else {
                BLOCK_DATA_BYTES
            },
        },
        batch: BatchPolicy {
            // None is ever settled.
            open_batches_max: Some(if args.batches { u64::MAX } else { 0 }),
            ..default.batch
        },
        // An epoch that never comes: nothing is committed.
        commit_epoch_min: u64::MAX,
        ..default
    }
}
