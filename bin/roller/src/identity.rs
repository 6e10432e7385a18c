//! Who this process is to the coordinator: a registered roller, or the operator's own fallback prover.

use eyre::{WrapErr, ensure};
use rollmill_l1::{
    Deployment, connect,
    contracts::{RollerRegistry, Rollup},
};
use rollmill_protocol::Roller;
use rollmill_roller_api::{Client, Requirements, TaskKind, receipts::Asker};

use crate::config::RunConfig;

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
        config: &RunConfig,
        client: &Client,
        deployment: &Deployment,
    ) -> eyre::Result<Self> {
        if config.fallback {
            return Ok(Self {
                roller: client.signer(),
                kind: TaskKind::Fallback,
                asker: None,
            });
        }
        let l1 = connect(&config.l1_rpc)?;
        let unreadable = || format!("cannot read the contracts at {}", config.l1_rpc);
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
