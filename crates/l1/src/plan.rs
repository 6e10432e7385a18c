//! What deploying would do, without doing it.

use std::path::Path;

use alloy::primitives::{Address, Bytes};

use crate::{
    DeployConfig, DeployError, Deployment, Genesis, Sender,
    creations::planned,
    deploy::{funding, recognised},
};

/// What [`deploy`](crate::deploy()) would do.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The contracts, and where they will be or are.
    pub deployment: Deployment,
    /// What would be sent; `None` when the deployment file shows that everything is there.
    pub sends: Option<Sends>,
}

/// Transactions that would be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sends {
    /// How many.
    pub transactions: usize,
    /// About as much gas as they need.
    pub gas: u64,
}

/// What [`deploy`](crate::deploy()) would do with the same arguments. Nothing is sent or written.
///
/// # Errors
/// [`DeployError`], as of [`deploy`](crate::deploy()).
pub async fn plan(
    sender: &Sender,
    config: &DeployConfig,
    file: &Path,
    genesis: impl Fn(Address) -> Genesis,
) -> Result<Planned, DeployError> {
    if let Some(deployment) = recognised(sender, config, file, &genesis).await? {
        return Ok(Planned {
            deployment,
            sends: None,
        });
    }
    config.law.validate_on(sender.chain_id())?;
    let (deployment, creations) = planned(sender, config, &genesis).await?;
    let funding = funding(sender, config, &deployment);
    let created: u64 = creations
        .iter()
        .map(|creation| creation_gas(&creation.code))
        .sum();
    let sends = Sends {
        transactions: creations.len() + funding.len(),
        gas: created + FUNDING_GAS * funding.len() as u64,
    };
    Ok(Planned {
        deployment,
        sends: Some(sends),
    })
}

/// An estimate, from above, of the gas of one transaction that moves SCR.
const FUNDING_GAS: u64 = 150_000;

/// An estimate of a creation's gas from above: what it runs cannot be known before those that it calls are there.
fn creation_gas(code: &Bytes) -> u64 {
    /// A transaction, a contract, and what our constructors store.
    const FIXED: u64 = 53_000 + 500_000;
    /// Calldata (EIP-7623's floor) and code that stays.
    const PER_BYTE: u64 = 40 + 200;
    FIXED + PER_BYTE * code.len() as u64
}
