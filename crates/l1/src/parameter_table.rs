//! The numbers that L1's governor can change, as the contract Parameters has them.

use alloy::{contract::Error as ContractError, primitives::U256, providers::DynProvider};

use crate::{Deployment, contracts::Parameters, creations::first_values};

/// One of them. Times are seconds, amounts SCR-wei.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GovernedNumber {
    /// Name in the contract's `Key`.
    pub name: &'static str,
    /// In force at L1's newest block.
    pub value: U256,
    /// What was announced last.
    pub announced: U256,
    /// From when that is in force, unix seconds; 0: since the deployment.
    pub active_from_s: u64,
    /// Least value that can be announced.
    pub min: U256,
    /// Greatest value that can be announced.
    pub max: U256,
}

impl GovernedNumber {
    /// What is announced and not in force at `now_unix_s`.
    pub fn change(&self, now_unix_s: u64) -> Option<(U256, u64)> {
        (self.active_from_s > now_unix_s).then_some((self.announced, self.active_from_s))
    }
}

/// All of them, in the order of `Key`.
///
/// # Errors
/// L1 does not answer.
pub async fn governed_numbers(
    l1: &DynProvider,
    deployment: &Deployment,
) -> Result<Vec<GovernedNumber>, ContractError> {
    let contract = Parameters::new(deployment.parameter_table, l1);
    let names = first_values(&deployment.law, &deployment.parameters);
    let mut numbers = Vec::with_capacity(names.len());
    for (key, (name, _)) in (0u8..).zip(names) {
        let (value, announced, bounds) = tokio::try_join!(
            async { contract.value(key).call().await },
            async { contract.announced(key).call().await },
            async { contract.bounds(key).call().await },
        )?;
        numbers.push(GovernedNumber {
            name,
            value,
            announced: announced.value_,
            active_from_s: announced.activeFromS,
            min: bounds.min,
            max: bounds.max,
        });
    }
    Ok(numbers)
}
