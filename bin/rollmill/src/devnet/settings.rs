//! What a devnet chooses where a network would decide: durations, amounts, addresses. Nothing else differs from one.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use alloy::{
    eips::BlockNumberOrTag,
    providers::{DynProvider, Provider},
};
use alloy_primitives::{Address, keccak256};
use eyre::{WrapErr, eyre};
use rollmill_l1::{DeployConfig, Incentives, Parameters, ProgramRow, VerifierKind};
use rollmill_protocol::{
    ScrWei, l2,
    law::{Params, control::ControlParams},
    prover_gas,
};
use rollmill_roller_api::ProofKind;
use rollmill_sequencer::{BatchPolicy, GenesisConfig, SequencerConfig};
use rollmill_zkvm::{ProgramCommitment, mock, programs::BATCH_V1};

use super::Args;

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

/// L2's block 0 follows from L1's, so that it is the same at every start.
pub async fn genesis_config(l1: &DynProvider, l1_chain_id: u64) -> eyre::Result<GenesisConfig> {
    let block = l1
        .get_block_by_number(BlockNumberOrTag::Number(0))
        .await?
        .ok_or_else(|| eyre!("L1 has no block 0"))?;
    Ok(GenesisConfig {
        l2_chain_id: l2::L2_CHAIN_ID_DEVNET,
        l1_chain_id,
        rollup: Address::ZERO,
        timestamp: block.header.timestamp,
        accounts: Vec::new(),
    })
}

/// What is deployed.
pub fn deploy_config(args: &Args, operator: Address) -> DeployConfig {
    let scr = |amount: u64| u128::from(amount) * 10u128.pow(18);
    let commitment = match args.proofs {
        ProofKind::Stark => BATCH_V1.commitment,
        // Mock proofs prove no program.
        ProofKind::Mock => ProgramCommitment {
            exe: keccak256(mock::TAG),
            vm: keccak256(mock::TAG),
        },
    };
    DeployConfig {
        l2_chain_id: l2::L2_CHAIN_ID_DEVNET,
        operator,
        governor: Address::ZERO,
        treasury: operator,
        scr_cap_wei: scr(SUPPLY_SCR) + incentives(args).emission_wei(),
        scr_supply_wei: scr(SUPPLY_SCR),
        pool_wei: scr(POOL_SCR),
        bond_wei: scr(BOND_SCR),
        verifier: match args.proofs {
            ProofKind::Stark => VerifierKind::StarkPrecompile,
            ProofKind::Mock => VerifierKind::Mock,
        },
        program: ProgramRow {
            exe_commit: commitment.exe,
            vm_commit: commitment.vm,
            fork_id: u64::from(l2::FORK_ID),
            schedule_id: u64::from(prover_gas::SCHEDULE_ID),
        },
        parameters: parameters(args),
    }
}

/// Constants of a devnet's contracts: short, where a person waits for them.
fn parameters(args: &Args) -> Parameters {
    let law = Params::devnet();
    let (lag_blocks, settle_s, fallback_s) = match args.proofs {
        ProofKind::Mock => (1, 60, 120),
        ProofKind::Stark => (2, 600, 3 * law.t_max_s),
    };
    Parameters {
        draw_lag: lag_blocks,
        lottery_lag: lag_blocks,
        k: args.k,
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
        incentives: incentives(args),
    }
}

/// Dials, bounds and emission: an emission epoch is short enough to be seen.
fn incentives(args: &Args) -> Incentives {
    let law = Params::devnet();
    Incentives {
        heartbeat_s: match args.proofs {
            ProofKind::Stark => HEARTBEAT_STARK_S,
            ProofKind::Mock => HEARTBEAT_MOCK_S,
        },
        tau_ns_per_gas: match args.proofs {
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

/// Blocks and batches, shortened for a person who waits for them.
pub fn sequencer_config(args: &Args) -> SequencerConfig {
    let default = SequencerConfig::default();
    SequencerConfig {
        block_time: Duration::from_millis(args.block_time),
        batch: BatchPolicy {
            age_s_max: args.batch_age,
            ..default.batch
        },
        // Nobody can be drawn before the first snapshot.
        commit_epoch_min: 1,
        ..default
    }
}

/// Fails with a sentence if one of the devnet's ports is taken: before anything is started.
pub fn check_ports(args: &Args) -> eyre::Result<()> {
    let l1 = args
        .l1_rpc
        .is_none()
        .then_some(("L1", "--l1-port", args.l1_port));
    let others = [
        ("L2", "--l2-port", args.l2_port),
        (
            "the coordinator",
            "--coordinator-port",
            args.coordinator_port,
        ),
    ];
    // Held together, so that two of them are not the same.
    let mut held = Vec::new();
    for (who, flag, port) in l1.into_iter().chain(others) {
        held.push(std::net::TcpListener::bind(localhost(port)).wrap_err_with(|| {
            format!("port {port}, meant for {who}, is taken: choose another with {flag} (0 takes a free one)")
        })?);
    }
    Ok(())
}

/// This machine only; port 0 takes a free one.
pub fn localhost(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}
