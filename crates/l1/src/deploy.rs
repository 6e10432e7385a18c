//! Puts the contracts on L1, once.
//!
//! The contracts name each other in their constructors, and the L2's genesis, which Rollup's constructor takes, holds
//! Rollup's address. So the addresses are computed first, from the deployer's nonces, then the genesis, then the
//! contracts are created in that order. Each creation has a purpose (`deploy/Rollup`), so a crash in between goes on where it was.
//! A deployment file that exists is not believed: what it says is compared with L1 ([`verify`]).

use std::{io, path::Path};

use alloy::{
    contract::Error as ContractError,
    primitives::{Address, B256, U256},
    providers::Provider,
    transports::TransportError,
};
use rollmill_protocol::law::{Params, params::OutOfBounds};

use crate::{
    Call, Deployment, Genesis, Parameters, SendError, Sender, VerifyError,
    contracts::{OperatorBond, Rollup, ScrToken, Settlement},
    creations::{Creation, planned, purpose},
    verify,
};

/// Which verifier the program table names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifierKind {
    /// Real proofs, by the precompile of the embedded L1.
    StarkPrecompile,
    /// Mock proofs; its constructor refuses every chain but the two devnets.
    Mock,
}

/// Version 1 of the program table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramRow {
    /// Commitment of the program.
    pub exe_commit: B256,
    /// Commitment of the VM.
    pub vm_commit: B256,
    /// Execution rules.
    pub fork_id: u64,
    /// Prover-gas schedule.
    pub schedule_id: u64,
}

/// Version 1 of the table of aggregate programs. Its verifier is that of the batches' proofs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AggregateRow {
    /// Commitment of the program.
    pub exe_commit: B256,
    /// Commitment of the VM.
    pub vm_commit: B256,
}

/// What to deploy.
#[derive(Clone, Debug)]
pub struct DeployConfig {
    /// L2's chain id.
    pub l2_chain_id: u64,
    /// Commits batches, posts snapshots and entries.
    pub operator: Address,
    /// Announces parameters and program versions; zero closes both tables.
    pub governor: Address,
    /// Receives the whole supply of SCR, less what the pool gets.
    pub treasury: Address,
    /// Cap of SCR, SCR-wei.
    pub scr_cap_wei: u128,
    /// SCR minted at once for the treasury, SCR-wei. What is ever emitted is minted besides.
    pub scr_supply_wei: u128,
    /// SCR that the treasury sends to the reward pool, SCR-wei. Sent only when the treasury is the deployer.
    pub pool_wei: u128,
    /// SCR that the treasury deposits as the operator's bond, SCR-wei. Deposited only when the treasury is the deployer.
    pub bond_wei: u128,
    /// Verifier of version 1.
    pub verifier: VerifierKind,
    /// Version 1 of the program table.
    pub program: ProgramRow,
    /// Version 1 of the table of aggregate programs.
    pub aggregate: AggregateRow,
    /// The law.
    pub law: Params,
    /// Constants.
    pub parameters: Parameters,
}

/// The contracts could not be deployed or recognised.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The deployment file cannot be read or written.
    #[error("deployment file {path}")]
    File {
        /// Its path.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// L1 does not answer.
    #[error("L1 does not answer")]
    Rpc(#[from] TransportError),
    /// The law's numbers are impossible.
    #[error("the law that is to be deployed")]
    Law(#[from] OutOfBounds),
    /// A creation failed.
    #[error(transparent)]
    Send(#[from] SendError),
    /// A view call failed.
    #[error("cannot read the deployed contracts")]
    Call(#[from] ContractError),
    /// This L1 is not the one that the sender is for.
    #[error("L1 has chain id {found}, expected {expected}")]
    WrongChain {
        /// L1's.
        found: u64,
        /// The sender's.
        expected: u64,
    },
    /// The file is not true of this L1: it is of another one, or of one that was started anew.
    #[error("{path} does not describe what is on this L1; choose another data directory")]
    Untrue {
        /// The file.
        path: String,
        /// What differs.
        source: VerifyError,
    },
    /// The transactions on record were sent again, and have made something else: they are of another L1.
    #[error(
        "what was sent is not the deployment that was asked for: the record of transactions in the data directory is of another \
         L1, or of one that was started anew; choose another data directory"
    )]
    OtherRecord(#[source] VerifyError),
    /// The L2 genesis differs from the one on L1.
    #[error(
        "L1 was deployed with L2 genesis {deployed:?}, this configuration makes {configured:?}"
    )]
    OtherGenesis {
        /// On L1.
        deployed: Box<Genesis>,
        /// Here.
        configured: Box<Genesis>,
    },
    /// The deployment proves another program, or verifies proofs of another kind.
    #[error(
        "{path} names a deployment whose program 1 is not this one's: it was made by another version, or for another kind \
         of proofs; choose another data directory"
    )]
    OtherProgram {
        /// The file.
        path: String,
    },
    /// The deployment is there, and was made with another choice.
    #[error("{path} names a deployment with {field} {deployed}, not {asked}: that is chosen once")]
    OtherChoice {
        /// The file.
        path: String,
        /// What differs.
        field: String,
        /// As it was deployed.
        deployed: String,
        /// As it was asked for now.
        asked: String,
    },
    /// A contract was created elsewhere than computed: the deployer's account is used by somebody else.
    #[error(
        "{name} was created at {found}, not at {expected}: the deployer's account is used elsewhere"
    )]
    WrongAddress {
        /// Contract.
        name: &'static str,
        /// Where it is.
        found: Address,
        /// Where it should be.
        expected: Address,
    },
}

/// Deploys the contracts with `sender`'s account, or recognises the deployment that `file` names.
/// `genesis` computes L2's block 0 from the Rollup's address; it must give the same for the same address, always.
pub async fn deploy(
    sender: &Sender,
    config: &DeployConfig,
    file: &Path,
    genesis: impl Fn(Address) -> Genesis,
) -> Result<Deployment, DeployError> {
    if let Some(deployment) = recognised(sender, config, file, &genesis).await? {
        return Ok(deployment);
    }
    config.law.validate_on(sender.chain_id())?;
    let deployment = create(sender, config, &genesis).await?;
    for (purpose, call) in funding(sender, config, &deployment) {
        sender.send(purpose, &call).await?;
    }
    // A purpose is never sent with other content: a record of another L1 deploys that one's rollup again.
    let made = verify(sender.provider(), &deployment).await;
    made.map_err(DeployError::OtherRecord)?;
    deployment.write(file).map_err(unusable(file))?;
    tracing::info!(rollup = %deployment.rollup, l1_block = deployment.block, "l1.deployed");
    Ok(deployment)
}

/// What fills the reward pool and the operator's bond, with its purposes; nothing when the treasury is not `sender`'s.
pub(crate) fn funding(
    sender: &Sender,
    config: &DeployConfig,
    deployment: &Deployment,
) -> Vec<(&'static str, Call)> {
    let mut calls = Vec::new();
    if config.treasury != sender.address() {
        return calls;
    }
    if config.pool_wei > 0 {
        let transfer = ScrToken::transferCall {
            to: deployment.reward_pool,
            value: U256::from(config.pool_wei),
        };
        calls.push(("deploy/fund-pool", Call::new(deployment.token, &transfer)));
    }
    if config.bond_wei > 0 {
        let amount = U256::from(config.bond_wei);
        let approve = ScrToken::approveCall {
            spender: deployment.bond,
            value: amount,
        };
        let deposit = OperatorBond::depositCall { amountWei: amount };
        calls.push(("deploy/approve-bond", Call::new(deployment.token, &approve)));
        calls.push(("deploy/deposit-bond", Call::new(deployment.bond, &deposit)));
    }
    calls
}

/// The deployment that `file` names, after a look at `sender`'s L1; `None` when there is no such file.
pub(crate) async fn recognised(
    sender: &Sender,
    config: &DeployConfig,
    file: &Path,
    genesis: &impl Fn(Address) -> Genesis,
) -> Result<Option<Deployment>, DeployError> {
    let found = sender.provider().get_chain_id().await?;
    if found != sender.chain_id() {
        return Err(DeployError::WrongChain {
            found,
            expected: sender.chain_id(),
        });
    }
    let Some(deployment) = Deployment::read(file).map_err(unusable(file))? else {
        return Ok(None);
    };
    recognise(sender, config, &deployment, file, genesis).await?;
    Ok(Some(deployment))
}

fn unusable(file: &Path) -> impl Fn(io::Error) -> DeployError {
    let path = file.display().to_string();
    move |source| DeployError::File {
        path: path.clone(),
        source,
    }
}

async fn recognise(
    sender: &Sender,
    config: &DeployConfig,
    deployment: &Deployment,
    file: &Path,
    genesis: &impl Fn(Address) -> Genesis,
) -> Result<(), DeployError> {
    let untrue = |source| DeployError::Untrue {
        path: file.display().to_string(),
        source,
    };
    let checked = verify(sender.provider(), deployment).await;
    checked.map_err(untrue)?;
    let rollup = deployment.rollup;
    let deployed = Rollup::new(rollup, sender.provider().clone());
    let program = deployed.programs(1).call().await?;
    let settlement = Settlement::new(deployment.settlement, sender.provider().clone());
    let aggregate = settlement.programs(1).call().await?;
    let (asked, asked_aggregate) = (config.program, config.aggregate);
    if (program.exeCommit, program.vmCommit) != (asked.exe_commit, asked.vm_commit)
        || (aggregate.exeCommit, aggregate.vmCommit)
            != (asked_aggregate.exe_commit, asked_aggregate.vm_commit)
    {
        return Err(DeployError::OtherProgram {
            path: file.display().to_string(),
        });
    }
    if let Some((field, deployed, asked)) = first_difference(config, deployment) {
        return Err(DeployError::OtherChoice {
            path: file.display().to_string(),
            field,
            deployed,
            asked,
        });
    }
    let configured = genesis(rollup);
    if configured != deployment.genesis {
        return Err(DeployError::OtherGenesis {
            deployed: Box::new(deployment.genesis),
            configured: Box::new(configured),
        });
    }
    Ok(())
}

/// The first choice that was another when the contracts were deployed: its name in the deployment file, then, and now.
fn first_difference(
    config: &DeployConfig,
    deployment: &Deployment,
) -> Option<(String, String, String)> {
    // One field a line. Not a JSON value: it holds no numbers of 128 bits.
    let lines = |(law, parameters): (&Params, &Parameters), chain: u64, accounts: [Address; 2]| {
        let [operator, governor] = accounts;
        let law = serde_json::to_string_pretty(law).expect("numbers are JSON");
        let parameters = serde_json::to_string_pretty(parameters).expect("numbers are JSON");
        format!(
            "\"l2ChainId\": {chain}\n\"operator\": {operator}\n\"governor\": {governor}\n{law}\n{parameters}"
        )
    };
    let deployed = lines(
        (&deployment.law, &deployment.parameters),
        deployment.l2_chain_id,
        [deployment.operator, deployment.governor],
    );
    let asked = lines(
        (&config.law, &config.parameters),
        config.l2_chain_id,
        [config.operator, config.governor],
    );
    let field = |line: &str| {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let bare = |text: &str| text.trim_matches([' ', '"', ',']).to_owned();
        (bare(name), bare(value))
    };
    let mut pairs = deployed.lines().zip(asked.lines());
    let (then, now) = pairs.find(|(then, now)| then != now)?;
    let ((name, then), (_, now)) = (field(then), field(now));
    Some((name, then, now))
}

async fn create(
    sender: &Sender,
    config: &DeployConfig,
    genesis: &impl Fn(Address) -> Genesis,
) -> Result<Deployment, DeployError> {
    let (mut deployment, creations) = planned(sender, config, genesis).await?;
    for Creation {
        name,
        address: expected,
        code,
    } in creations
    {
        let mined = sender.send(&purpose(name), &Call::create(code)).await?;
        let found = mined.receipt.contract_address.unwrap_or_default();
        if found != expected {
            return Err(DeployError::WrongAddress {
                name,
                found,
                expected,
            });
        }
        if found == deployment.token {
            deployment.block = mined.block;
        }
        tracing::debug!(name, address = %found, gas = mined.gas_used, "l1.created");
    }
    Ok(deployment)
}
