//! What is created on L1, in which order and with which arguments: as data, before anything is sent.
//!
//! A contract that Rollup's constructor creates (Messenger, TokenBridge, FeeAuction) is part of Rollup's creation.

use alloy::{
    primitives::{Address, Bytes, U256, aliases::U96},
    providers::Provider,
    sol_types::SolConstructor,
};
use rollmill_protocol::law::Params;

use crate::{
    DeployConfig, DeployError, Deployment, Genesis, Parameters, Sender, VerifierKind,
    contracts::{
        Control, Court, Draws, Emission, Enforcement, Evidence, MockVerifier, OperatorBond,
        Parameters as Table, RewardPool, RollerRegistry, Rollup, ScrToken, Settlement,
        StarkPrecompileVerifier,
    },
};

/// Names and order of the creations. A constructor calls only what was created before it.
const ORDER: [&str; 14] = [
    "ScrToken",
    "Parameters",
    "Control",
    "RewardPool",
    "RollerRegistry",
    "OperatorBond",
    "Emission",
    "Court",
    "Evidence",
    "Draws",
    "Enforcement",
    "Verifier",
    "Settlement",
    "Rollup",
];

/// One contract that is to be created.
pub(crate) struct Creation {
    pub(crate) name: &'static str,
    /// Where it will be.
    pub(crate) address: Address,
    /// With the constructor's arguments.
    pub(crate) code: Bytes,
}

/// The contracts with the addresses that they will have, and how they are created, in this order.
pub(crate) async fn planned(
    sender: &Sender,
    config: &DeployConfig,
    genesis: &impl Fn(Address) -> Genesis,
) -> Result<(Deployment, Vec<Creation>), DeployError> {
    let first = sender.nonce_of(&purpose(ORDER[0])).await?;
    let at = |position: u64| sender.address().create(first + position);
    let block = sender.provider().get_block_number().await?;
    let deployment = Deployment {
        chain_id: sender.chain_id(),
        l2_chain_id: config.l2_chain_id,
        block,
        token: at(0),
        parameter_table: at(1),
        control: at(2),
        reward_pool: at(3),
        registry: at(4),
        bond: at(5),
        emission: at(6),
        court: at(7),
        evidence: at(8),
        draws: at(9),
        enforcement: at(10),
        verifier: at(11),
        settlement: at(12),
        rollup: at(13),
        operator: config.operator,
        governor: config.governor,
        genesis: genesis(at(13)),
        law: config.law.clone(),
        parameters: config.parameters.clone(),
    };
    let codes = ORDER.into_iter().zip(creation_codes(config, &deployment));
    let creations = codes.zip(0..).map(|((name, code), position)| Creation {
        name,
        address: at(position),
        code,
    });
    let creations = creations.collect();
    Ok((deployment, creations))
}

/// The purpose under which a contract is created.
pub(crate) fn purpose(name: &str) -> String {
    format!("deploy/{name}")
}

/// The struct `Contracts` of a binding: `sol!` makes one in each.
macro_rules! contracts {
    ($binding:ident, $deployment:expr) => {
        $binding::Contracts {
            token: $deployment.token,
            parameters: $deployment.parameter_table,
            control: $deployment.control,
            rewardPool: $deployment.reward_pool,
            registry: $deployment.registry,
            bond: $deployment.bond,
            emission: $deployment.emission,
            court: $deployment.court,
            evidence: $deployment.evidence,
            draws: $deployment.draws,
            enforcement: $deployment.enforcement,
            settlement: $deployment.settlement,
            rollup: $deployment.rollup,
        }
    };
}

/// Creation code of a binding followed by its constructor's arguments.
macro_rules! creation {
    ($binding:ident { $($argument:ident: $value:expr),* $(,)? }) => {{
        let arguments = $binding::constructorCall { $($argument: $value),* }.abi_encode();
        Bytes::from([$binding::BYTECODE.as_ref(), &arguments].concat())
    }};
}

/// Creation code with constructor arguments, in the order of [`ORDER`].
fn creation_codes(config: &DeployConfig, deployment: &Deployment) -> [Bytes; 14] {
    let d = deployment;
    let incentives = &config.parameters.incentives;
    let scr = ScrToken::ScrTokenParams {
        capWei: U256::from(config.scr_cap_wei),
        recipient: config.treasury,
        amountWei: U256::from(config.scr_supply_wei),
        emission: d.emission,
        emissionWei: U256::from(incentives.emission_wei()),
    };
    let law = &config.law;
    let dials = Control::Dials {
        unitPriceWei: law.unit_price.0,
        tauNsPerGas: law.tau_ns_per_gas,
        window: law.window,
        k: law.k,
    };
    let registry = RollerRegistry::RegistryParams {
        stakeMinWei: U256::from(law.stake_min.0),
        unbondS: config.parameters.unbond_s,
    };
    let emission = Emission::EmissionParams {
        epochS: incentives.emission_epoch_s,
        halvingEpochs: incentives.emission_halving_epochs,
        potWei: incentives.emission_pot_wei,
    };
    // What does not fit is out of bounds, and its constructor says so.
    let values =
        first_values(law, &config.parameters).map(|(_, value)| U96::saturating_from(value));
    [
        creation!(ScrToken { p: scr }),
        creation!(Table {
            governor_: config.governor,
            initial: values.to_vec()
        }),
        creation!(Control {
            c: contracts!(Control, d),
            initial: dials,
            lawHash_: law.hash()
        }),
        creation!(RewardPool {
            c: contracts!(RewardPool, d)
        }),
        creation!(RollerRegistry {
            c: contracts!(RollerRegistry, d),
            p: registry
        }),
        creation!(OperatorBond {
            c: contracts!(OperatorBond, d)
        }),
        creation!(Emission {
            c: contracts!(Emission, d),
            p: emission
        }),
        creation!(Court {
            c: contracts!(Court, d)
        }),
        creation!(Evidence {
            c: contracts!(Evidence, d)
        }),
        creation!(Draws {
            c: contracts!(Draws, d)
        }),
        creation!(Enforcement {
            c: contracts!(Enforcement, d)
        }),
        match config.verifier {
            VerifierKind::StarkPrecompile => StarkPrecompileVerifier::BYTECODE.clone(),
            VerifierKind::Mock => MockVerifier::BYTECODE.clone(),
        },
        creation!(Settlement {
            c: contracts!(Settlement, d),
            p: settlement_params(config, d)
        }),
        creation!(Rollup {
            c: contracts!(Rollup, d),
            p: rollup_params(config, d)
        }),
    ]
}

/// Names and first values of the table Parameters, in the order of its `Key`.
pub fn first_values(law: &Params, parameters: &Parameters) -> [(&'static str, u128); 19] {
    let incentives = &parameters.incentives;
    [
        ("SettleS", parameters.settle_s.into()),
        ("FallbackS", parameters.fallback_s.into()),
        ("ClaimS", parameters.claim_s.into()),
        ("AccuseS", law.accuse_s.into()),
        ("DefendS", incentives.defend_s.into()),
        ("HeartbeatS", law.heartbeat_s.into()),
        ("FineMinWei", law.fine_min.0),
        ("RebuttalBondWei", incentives.rebuttal_bond_wei),
        ("RebuttalCostWei", incentives.rebuttal_cost_wei),
        ("AccuserCostWei", incentives.accuser_cost_wei),
        ("UnitPriceMinWei", incentives.unit_price_wei_min),
        ("UnitPriceMaxWei", incentives.unit_price_wei_max),
        ("ProverGasMax", incentives.prover_gas_max.into()),
        ("BeaconCapWei", incentives.beacon_cap_wei),
        ("EmissionGasMax", incentives.emission_gas_max.into()),
        ("QuarantineRollersMin", law.quarantine.rollers_min.into()),
        ("ForceDelayS", incentives.force_delay_s.into()),
        ("LivenessS", incentives.liveness_s.into()),
        ("DropS", incentives.drop_s.into()),
    ]
}

fn settlement_params(
    config: &DeployConfig,
    deployment: &Deployment,
) -> Settlement::SettlementParams {
    Settlement::SettlementParams {
        governor: config.governor,
        programDelayS: config.parameters.program_delay_s,
        programs: vec![Settlement::Program {
            exeCommit: config.aggregate.exe_commit,
            vmCommit: config.aggregate.vm_commit,
            verifier: deployment.verifier,
            // Those of the batches.
            forkId: 0,
            scheduleId: 0,
            activeFromS: 0,
        }],
    }
}

fn rollup_params(config: &DeployConfig, deployment: &Deployment) -> Rollup::RollupParams {
    let Parameters {
        force_s,
        future_s,
        program_delay_s,
        message_gas_price_wei,
        message_gas_max,
        ..
    } = config.parameters;
    Rollup::RollupParams {
        operator: config.operator,
        governor: config.governor,
        l2ChainId: config.l2_chain_id,
        genesisStateRoot: deployment.genesis.state_root,
        genesisBlockHash: deployment.genesis.block_hash,
        genesisWithdrawalRoot: deployment.genesis.withdrawal_root,
        genesisTimestamp: deployment.genesis.timestamp,
        drawLag: config.law.draw_lag_blocks,
        lotteryLag: config.law.lottery_lag_blocks,
        forceS: force_s,
        futureS: future_s,
        programDelayS: program_delay_s,
        messageGasPriceWei: message_gas_price_wei,
        messageGasMax: message_gas_max,
        programs: vec![Rollup::Program {
            exeCommit: config.program.exe_commit,
            vmCommit: config.program.vm_commit,
            verifier: deployment.verifier,
            forkId: config.program.fork_id,
            scheduleId: config.program.schedule_id,
            activeFromS: 0,
        }],
    }
}
