//! What deploying would do, without doing it.

use std::path::Path;

use alloy::primitives::{Address, Bytes};

use crate::{
    DeployConfig, DeployError, Deployment, Genesis, Sender,
    deploy::{planned, recognise},
};

/// What [`deploy`](crate::deploy()) would do.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The contracts, and where they will be or are.
    pub deployment: Deployment,
    /// About as much gas as creating them needs; `None` when the deployment file shows that they are there.
    pub gas: Option<u64>,
}

/// What [`deploy`](crate::deploy()) would do with the same arguments. Nothing is sent or written.
///
/// # Errors
/// [`DeployError`], as of [`deploy`](crate::deploy()).
pub async fn plan(
    sender: &Sender,
    config: &DeployConfig,
    file: &Path,
    genesis: impl FnOnce(Address) -> Genesis,
) -> Result<Planned, DeployError> {
    let read = Deployment::read(file).map_err(|source| DeployError::File {
        path: file.display().to_string(),
        source,
    })?;
    if let Some(deployment) = read {
        recognise(sender, config, &deployment, file, genesis).await?;
        return Ok(Planned {
            deployment,
            gas: None,
        });
    }
    let (deployment, creations) = planned(sender, config, genesis).await?;
    let gas = creations
        .iter()
        .map(|creation| creation_gas(&creation.code))
        .sum();
    Ok(Planned {
        deployment,
        gas: Some(gas),
    })
}

/// An estimate of a creation's gas from above: what it runs cannot be known before those that it calls are there.
fn creation_gas(code: &Bytes) -> u64 {
    /// A transaction, a contract, and what our constructors store.
    const FIXED: u64 = 53_000 + 500_000;
    /// Calldata (EIP-7623's floor) and code that stays.
    const PER_BYTE: u64 = 40 + 200;
    FIXED + PER_BYTE * code.len() as u64
}
