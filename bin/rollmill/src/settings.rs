//! What a rollup is made of where a network would decide: durations, amounts, the law's numbers. Written once, for devnets, for
//! `rollmill deploy` and for `rollmill node`; what the contracts fixed is read from the deployment file. The numbers are those
//! of development chains, because no other L1 verifies a proof yet.

use std::time::Duration;

use alloy::{
    eips::BlockNumberOrTag,
    providers::{DynProvider, Provider},
};
use alloy_primitives::{Address, keccak256};
use eyre::{bail, ensure, eyre};
use rollmill_l1::{
    DeployConfig, Deployment, Incentives, Parameters, ProgramRow, VerifierKind, WatcherConfig,
    contracts::Rollup,
};
use rollmill_protocol::{
    ScrWei, l2,
    law::{Params, control::ControlParams},
    prover_gas,
};
use rollmill_roller_api::ProofKind;
use rollmill_sequencer::{BatchPolicy, GenesisConfig, LIFETIME_S, PoolPolicy, SequencerConfig};
use rollmill_zkvm::{ProgramCommitment, mock, programs::BATCH_V1};

/// SCR in existence, and the part of it that the reward pool begins with.
const SUPPLY_SCR: u64 = 100_000_000;
const POOL_SCR: u64 = 10_000_000;
/// The operator's bond: covers the rewards of some thousand small batches at once.
const BOND_SCR: u64 = 10_000_000;

/// Seconds in which a roller is heard, with real and with mock proofs.
const HEARTBEAT_STARK_S: u64 = 30;
const HEARTBEAT_MOCK_S: u64 = 3;

/// Nanoseconds of T for each prover gas with mock proofs, which take no time: a person waits for what is late.
const TAU_MOCK_NS_PER_GAS: u64 = 100_000;

/// What whoever deploys a rollup chooses.
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

/// L2's block 0 of a rollup that is deployed, which must be the one that L1 was told of.
pub fn genesis(deployment: &Deployment) -> eyre::Result<GenesisConfig> {
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

/// L2's block 0 of a rollup that is to be deployed. It follows from L1's, so that it is the same at every attempt.
pub async fn genesis_config(
    l1: &DynProvider,
    l1_chain_id: u64,
    l2_chain_id: u64,
) -> eyre::Result<GenesisConfig> {
    let block = l1
        .get_block_by_number(BlockNumberOrTag::Number(0))
        .await?
        .ok_or_else(|| eyre!("L1 has no block 0"))?;
    Ok(GenesisConfig {
        l2_chain_id,
        l1_chain_id,
        rollup: Address::ZERO,
        timestamp: block.header.timestamp,
        accounts: Vec::new(),
    })
}

/// What is deployed.
pub fn deploy_config(choice: &Choice, l2_chain_id: u64, operator: Address) -> DeployConfig {
    let scr = |amount: u64| u128::from(amount) * 10u128.pow(18);
    let commitment = commitment(choice.proofs);
    DeployConfig {
        l2_chain_id,
        operator,
        governor: Address::ZERO,
        treasury: operator,
        scr_cap_wei: scr(SUPPLY_SCR) + incentives(choice.proofs).emission_wei(),
        scr_supply_wei: scr(SUPPLY_SCR),
        pool_wei: scr(POOL_SCR),
        bond_wei: scr(BOND_SCR),
        verifier: match choice.proofs {
            ProofKind::Stark => VerifierKind::StarkPrecompile,
            ProofKind::Mock => VerifierKind::Mock,
        },
        program: ProgramRow {
            exe_commit: commitment.exe,
            vm_commit: commitment.vm,
            fork_id: u64::from(l2::FORK_ID),
            schedule_id: u64::from(prover_gas::SCHEDULE_ID),
        },
        parameters: parameters(choice),
    }
}

/// Constants of the contracts: short, where a person waits for them.
fn parameters(choice: &Choice) -> Parameters {
    let law = Params::devnet();
    let (lag_blocks, settle_s, fallback_s) = match choice.proofs {
        ProofKind::Mock => (1, 60, 120),
        ProofKind::Stark => (2, 600, 3 * law.t_max_s),
    };
    Parameters {
        draw_lag: lag_blocks,
        lottery_lag: lag_blocks,
        k: choice.k,
        settle_s,
        fallback_s,
        claim_s: 600,
        accuse_s: 600,
        force_s: 3_600,
        future_s: 60,
        program_delay_s: 7 * 24 * 3_600,
        unbond_s: 7 * 24 * 3_600,
        unit_price_wei: 1_000_000_000_000,
        fine_wei_min: law.fine_min.0,
        stake_wei_min: law.stake_min.0,
        message_gas_price_wei: 1_000_000_000,
        message_gas_max: 5_000_000,
        incentives: incentives(choice.proofs),
    }
}

/// Dials, bounds and emission: an emission epoch is short enough to be seen.
fn incentives(proofs: ProofKind) -> Incentives {
    let law = Params::devnet();
    Incentives {
        heartbeat_s: match proofs {
            ProofKind::Stark => HEARTBEAT_STARK_S,
            ProofKind::Mock => HEARTBEAT_MOCK_S,
        },
        tau_ns_per_gas: match proofs {
            ProofKind::Stark => law.tau_ns_per_gas,
            ProofKind::Mock => TAU_MOCK_NS_PER_GAS,
        },
        window: law.window,
        emission_epoch_s: 600,
        ..Incentives::default()
    }
}

/// The law's numbers: what L1 fixed, and durations that suit the kind of proofs.
pub fn law(proofs: ProofKind, l1: &Parameters) -> Params {
    let devnet = Params::devnet();
    let unit_price = ScrWei(l1.unit_price_wei);
    let devnet = Params {
        k: l1.k,
        draw_lag_blocks: l1.draw_lag,
        lottery_lag_blocks: l1.lottery_lag,
        accuse_s: l1.accuse_s,
        unit_price,
        // k and price stay what the contracts were deployed with.
        control: ControlParams {
            k: (l1.k, l1.k),
            unit_price: (unit_price, unit_price),
            ..devnet.control.clone()
        },
        ..devnet
    };
    match proofs {
        // Three rollers that share two cores may be slow to say that they live.
        ProofKind::Stark => Params {
            heartbeat_s: HEARTBEAT_STARK_S,
            ..devnet
        },
        ProofKind::Mock => Params {
            t_min_s: 5,
            t_fix_s: 10,
            tau_ns_per_gas: TAU_MOCK_NS_PER_GAS,
            control: ControlParams {
                tau_ns_per_gas: (TAU_MOCK_NS_PER_GAS, devnet.control.tau_ns_per_gas.1),
                ..devnet.control
            },
            heartbeat_s: HEARTBEAT_MOCK_S,
            epoch_s: 3,
            ..devnet
        },
    }
}

/// Blocks and batches.
pub fn sequencer_config(
    pace: &Pace,
    l1_confirmations: u64,
    fallback: Option<Address>,
) -> SequencerConfig {
    let default = SequencerConfig::default();
    SequencerConfig {
        block_time: Duration::from_millis(pace.block_time),
        batch: BatchPolicy {
            age_s_max: pace.batch_age,
            ..default.batch
        },
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
        ..default
    }
}
