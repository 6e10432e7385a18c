//! Who this process is to the coordinator: a registered roller, or the operator's own fallback prover.

use eyre::{WrapErr, ensure};
use rollmill_l1::{
    Deployment, connect,
    contracts::{RollerRegistry, Rollup},
};
use rollmill_protocol::Roller;
use rollmill_roller_api::{Client, ProofKind, Requirements, TaskKind, receipts::Asker};
use rollmill_zkvm::programs;

use crate::config::RunArgs;

/// Identity and kind of the work.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The address that proofs state.
    pub roller: Roller,
    /// Which work is taken.
    pub kind: TaskKind,
    /// Checks the operator's receipts; the fallback prover is the operator and gets none.
    pub asker: Option<Asker>,
}

impl Identity {
    /// Asks L1, and not the coordinator, who could name another roller and another operator.
    pub async fn of(
        args: &RunArgs,
        client: &Client,
        deployment: &Deployment,
    ) -> eyre::Result<Self> {
        if args.fallback {
            return Ok(Self {
                roller: client.signer(),
                kind: TaskKind::Fallback,
                asker: None,
            });
        }
        let l1 = connect(&args.chain.l1_rpc)?;
        let unreadable = || format!("cannot read the contracts at {}", args.chain.l1_rpc);
        let registry = RollerRegistry::new(deployment.registry, l1.clone());
        let roller = registry
            .rollerOf(client.signer())
            .call()
            .await
            .wrap_err_with(unreadable)?;
        ensure!(
            !roller.is_zero(),
            "the signer {} belongs to no registered roller: run `roller stake` first",
            client.signer()
        );
        let rollup = Rollup::new(deployment.rollup, l1);
        let operator = rollup.operator().call().await.wrap_err_with(unreadable)?;
        ensure!(
            operator == deployment.operator,
            "L1 names the operator {operator}, the deployment file names {}",
            deployment.operator
        );
        Ok(Self {
            roller,
            kind: TaskKind::Seat,
            asker: Some(Asker {
                domain: client.domain().clone(),
                operator,
                roller,
            }),
        })
    }

    /// Would the coordinator give this process any work?
    pub fn check(&self, requirements: &Requirements) -> eyre::Result<()> {
        match &self.asker {
            Some(asker) => ensure!(
                requirements.operator == asker.operator,
                "the coordinator signs as {}, the operator on L1 is {}",
                requirements.operator,
                asker.operator
            ),
            None => ensure!(
                requirements.fallback == Some(self.roller),
                "the coordinator does not take {} for its fallback prover",
                self.roller
            ),
        }
        Ok(())
    }
}

/// Whether coordinator, deployment and this build speak of the same thing.
pub fn check_build(
    requirements: &Requirements,
    deployment: &Deployment,
    proofs: ProofKind,
) -> eyre::Result<()> {
    check_rollup(requirements, deployment)?;
    ensure!(
        requirements.proofs == proofs,
        "the coordinator takes {} proofs, this roller is told to make {proofs} proofs",
        requirements.proofs
    );
    check_programs(requirements)
}

/// Whether the coordinator serves the rollup of the deployment file.
pub fn check_rollup(requirements: &Requirements, deployment: &Deployment) -> eyre::Result<()> {
    ensure!(
        (requirements.l1_chain_id, requirements.rollup) == (deployment.chain_id, deployment.rollup),
        "the coordinator serves the rollup {} on chain {}, the deployment file names {} on chain {}",
        requirements.rollup,
        requirements.l1_chain_id,
        deployment.rollup,
        deployment.chain_id
    );
    Ok(())
}

/// Whether this build has every program that can be asked for. Mock proofs are of none.
pub fn check_programs(requirements: &Requirements) -> eyre::Result<()> {
    for asked in &requirements.programs {
        let known = programs::by_version(asked.version).is_some_and(|program| {
            program.commitment.exe == asked.exe_commit && program.commitment.vm == asked.vm_commit
        });
        ensure!(
            known,
            "this build does not have version {} of the program: update the roller",
            asked.version
        );
    }
    Ok(())
}
