//! What a rollup is made of where a network would decide. Written once, for devnets, for `rollmill deploy` and for `rollmill node`;
//! the law and what the contracts fixed are read from the deployment file afterwards.

pub mod fees;
mod numbers;

use std::time::Duration;

use alloy::{
    eips::BlockNumberOrTag,
    providers::{DynProvider, Provider},
};
use alloy_primitives::{Address, keccak256};
use eyre::{bail, ensure, eyre};
use rollmill_engine::History;
use rollmill_l1::{
    AggregateRow, DeployConfig, Deployment, ProgramRow, VerifierKind, WatcherConfig,
    contracts::Rollup,
};
use rollmill_protocol::{l2, prover_gas};
use rollmill_roller_api::ProofKind;
use rollmill_sequencer::{
    BatchPolicy, DataPolicy, GenesisConfig, LIFETIME_S, PoolPolicy, SequencerConfig,
};
use rollmill_zkvm::{
    ProgramCommitment, mock,
    programs::{AGGREGATE_V1, BATCH_V1},
};

use self::fees::Follow;

pub use numbers::{Numbers, TABLES};

/// SCR in existence, and the part of it that the reward pool begins with.
const SUPPLY_SCR: u64 = 100_000_000;
const POOL_SCR: u64 = 10_000_000;
/// The operator's bond: covers the rewards of some thousand small batches at once.
const BOND_SCR: u64 = 10_000_000;

/// States that are kept: forty minutes of the fastest blocks, and more than contracts can ask for by block hash (EIP-2935: 8,191).
const HISTORY_BLOCKS: u64 = 10_000;

/// What whoever starts a devnet chooses of its rollup.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Choice {
    /// Kind of proofs: stark (real) or mock (no time, no soundness).
    #[arg(long, env = "ROLLMILL_PROOFS", default_value_t = ProofKind::Stark)]
    pub proofs: ProofKind,
    /// Tickets drawn for each task.
    #[arg(long, env = "ROLLMILL_K", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=16))]
    pub k: u32,
}

/// How long users wait for what.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Pace {
    /// Longest time from a transaction to its L2 block, milliseconds.
    #[arg(
        long,
        env = "ROLLMILL_BLOCK_TIME",
        default_value_t = 250,
        value_name = "MS",
        value_parser = clap::value_parser!(u64).range(1..=60_000)
    )]
    pub block_time: u64,
    /// Age of its oldest block at which a batch is sealed, seconds.
    #[arg(
        long,
        env = "ROLLMILL_BATCH_AGE",
        default_value_t = 15,
        value_name = "S"
    )]
    pub batch_age: u64,
    /// A transaction that no block takes for so long is forgotten, seconds.
    #[arg(
        long,
        env = "ROLLMILL_TRANSACTION_LIFETIME",
        default_value_t = LIFETIME_S,
        value_name = "S",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub transaction_lifetime: u64,
    /// Batches that may wait for their settlement, until then blocks wait for their batch [default: three times the dial WINDOW on L1].
    #[arg(long, env = "ROLLMILL_OPEN_BATCHES", value_name = "BATCHES")]
    pub open_batches: Option<u64>,
}

/// How batches reach L1.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Posting {
    /// What carries a batch's data to L1: calldata, blobs, or auto, which takes what costs less.
    #[arg(
        long,
        env = "ROLLMILL_DATA",
        value_name = "CARRIER",
        default_value_t = DataPolicy::Calldata
    )]
    pub data: DataPolicy,
}

/// What a node remembers. Blocks, receipts and transactions are never forgotten.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Memory {
    /// Keep the states of so many blocks before the newest one, to answer calls and proofs at them. States that are needed for batches which
    /// are not settled, or which L1 can take back, are kept longer.
    #[arg(
        long,
        env = "ROLLMILL_HISTORY",
        value_name = "BLOCKS",
        default_value_t = HISTORY_BLOCKS,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub history: u64,
    /// Keep the states of all blocks.
    #[arg(long, env = "ROLLMILL_ARCHIVE")]
    pub archive: bool,
}

impl From<Memory> for History {
    fn from(memory: Memory) -> Self {
        match memory {
            Memory { archive: true, .. } => Self::Archive,
            Memory { history, .. } => Self::Blocks(history),
        }
    }
}

/// Fails with a sentence if no proof of this kind can be verified on this L1.
pub fn check_proofs(proofs: ProofKind, l1_chain_id: u64) -> eyre::Result<()> {
    match proofs {
        ProofKind::Stark => ensure!(
            l1_chain_id == l2::L1_CHAIN_ID_EMBEDDED,
            "only the embedded L1 of a devnet verifies STARKs, this chain has id {l1_chain_id}: add --proofs mock on a \
             development chain"
        ),
        ProofKind::Mock => ensure!(
            l2::is_devnet_l1(l1_chain_id),
            "mock proofs prove nothing, and the chain id {l1_chain_id} is no development chain's"
        ),
    }
    Ok(())
}

/// The kind of proofs that a rollup was deployed for.
pub async fn proof_kind(l1: &DynProvider, rollup: Address) -> eyre::Result<ProofKind> {
    let program = Rollup::new(rollup, l1.clone()).programs(1).call().await?;
    for kind in [ProofKind::Stark, ProofKind::Mock] {
        let commitment = commitment(kind);
        if (program.exeCommit, program.vmCommit) == (commitment.exe, commitment.vm) {
            return Ok(kind);
        }
    }
    bail!("the rollup's program 1 is not this version's: it was deployed by another one")
}

/// Version 1 of the program table.
pub fn commitment(proofs: ProofKind) -> ProgramCommitment {
    match proofs {
        ProofKind::Stark => BATCH_V1.commitment,
        // Mock proofs prove no program.
        ProofKind::Mock => ProgramCommitment {
            exe: keccak256(mock::TAG),
            vm: keccak256(mock::TAG),
        },
    }
}

/// Version 1 of the table of aggregate programs.
fn aggregate_commitment(proofs: ProofKind) -> ProgramCommitment {
    match proofs {
        ProofKind::Stark => AGGREGATE_V1.commitment,
        ProofKind::Mock => commitment(proofs),
    }
}

/// L2's block 0 of a rollup that is deployed, which must be the one that L1 was told of.
pub fn genesis(deployment: &Deployment) -> eyre::Result<GenesisConfig> {
    let config = GenesisConfig {
        l2_chain_id: deployment.l2_chain_id,
        l1_chain_id: deployment.chain_id,
        rollup: deployment.rollup,
        operator: deployment.operator,
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

/// L2's block 0 of a rollup that is to be deployed. It follows from L1's, so that it is the same at every attempt.
pub async fn genesis_config(
    l1: &DynProvider,
    l1_chain_id: u64,
    l2_chain_id: u64,
    operator: Address,
) -> eyre::Result<GenesisConfig> {
    let block = l1
        .get_block_by_number(BlockNumberOrTag::Number(0))
        .await?
        .ok_or_else(|| eyre!("L1 has no block 0"))?;
    Ok(GenesisConfig {
        l2_chain_id,
        l1_chain_id,
        rollup: Address::ZERO,
        operator,
        timestamp: block.header.timestamp,
        accounts: Vec::new(),
    })
}

/// What is deployed.
pub fn deploy_config(
    (proofs, numbers): (ProofKind, Numbers),
    l2_chain_id: u64,
    (operator, governor): (Address, Address),
) -> DeployConfig {
    let scr = |amount: u64| u128::from(amount) * 10u128.pow(18);
    let (commitment, aggregate) = (commitment(proofs), aggregate_commitment(proofs));
    let Numbers { law, parameters } = numbers;
    DeployConfig {
        l2_chain_id,
        operator,
        governor,
        treasury: operator,
        scr_cap_wei: scr(SUPPLY_SCR) + parameters.incentives.emission_wei(),
        scr_supply_wei: scr(SUPPLY_SCR),
        pool_wei: scr(POOL_SCR),
        bond_wei: scr(BOND_SCR),
        verifier: match proofs {
            ProofKind::Stark => VerifierKind::StarkPrecompile,
            ProofKind::Mock => VerifierKind::Mock,
        },
        program: ProgramRow {
            exe_commit: commitment.exe,
            vm_commit: commitment.vm,
            fork_id: u64::from(l2::FORK_ID),
            schedule_id: u64::from(prover_gas::SCHEDULE_ID),
        },
        aggregate: AggregateRow {
            exe_commit: aggregate.exe,
            vm_commit: aggregate.vm,
        },
        law,
        parameters,
    }
}

/// Blocks, batches and prices. The error is a sentence about what is missing.
pub fn sequencer_config(
    (pace, posting, fees): (&Pace, Posting, &Follow),
    l1_confirmations: u64,
    fallback: Option<Address>,
) -> eyre::Result<SequencerConfig> {
    let default = SequencerConfig::default();
    Ok(SequencerConfig {
        block_time: Duration::from_millis(pace.block_time),
        batch: BatchPolicy {
            age_s_max: pace.batch_age,
            open_batches_max: pace.open_batches,
            ..default.batch
        },
        data: posting.data,
        pool: PoolPolicy {
            lifetime: Duration::from_secs(pace.transaction_lifetime),
            ..default.pool
        },
        // Nobody can be drawn before the first snapshot, and without a prover of its own nobody else proves.
        commit_epoch_min: if fallback.is_some() { 0 } else { 1 },
        watcher: WatcherConfig {
            confirmations: l1_confirmations,
            ..default.watcher
        },
        fees: fees.policy()?,
        ..default
    })
}
