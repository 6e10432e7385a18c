//! Brings evidence before L1. Anybody may, without a bond; half of what the operator loses is the damaged roller's (the pool's where
//! nobody in particular is damaged), half is burned. Repeating it is harmless: L1 takes one charge for a task and a roller.

use alloy::{contract::Error as ContractError, sol_types::SolEvent};
use alloy_primitives::{B256, U256};
use rollmill_l1::{
    Deployment, SendError, Sender,
    contracts::{
        Evidence::{self as Contract, OperatorCharged},
        OperatorBond::BondSlashed,
    },
    purpose,
};

use super::Evidence;

/// Evidence could not be brought before L1.
#[derive(Debug, thiserror::Error)]
pub enum ChargeError {
    /// L1 does not answer: try again.
    #[error("cannot read the contracts on L1")]
    Read(#[from] ContractError),
    /// L1 does not take it, or did not answer.
    #[error(transparent)]
    Send(#[from] SendError),
}

/// What L1 says of evidence before anything is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It would take it, for so much gas.
    Takes {
        /// Gas.
        gas: u64,
    },
    /// It would not.
    Refuses {
        /// The contract's reason in words.
        reason: String,
    },
    /// The operator was charged for this roller in this task before.
    Known,
}

/// What a charge came to. Amounts in SCR-wei.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Charged {
    /// The transaction.
    pub transaction: B256,
    /// What the operator lost: as much of what the charge costs as its bond had.
    pub lost_wei: U256,
    /// The part that was burned; the rest was paid.
    pub burned_wei: U256,
}

/// Would L1 take it now?
///
/// # Errors
/// L1 does not answer.
pub async fn ask(
    sender: &Sender,
    deployment: &Deployment,
    evidence: &Evidence,
) -> Result<Answer, ChargeError> {
    let contract = Contract::new(deployment.evidence, sender.provider());
    let charged = contract.charged(evidence.task.0, evidence.roller);
    if charged.call().await? {
        return Ok(Answer::Known);
    }
    let purpose = purpose::charge(evidence.batch, evidence.roller);
    match sender.estimate(&purpose, &evidence.call(deployment)).await {
        Ok(gas) => Ok(Answer::Takes { gas }),
        Err(SendError::Reverted { reason, .. }) => Ok(Answer::Refuses { reason }),
        Err(error) => Err(error.into()),
    }
}

/// Charges the operator; what was charged by this sender before is not sent again.
///
/// # Errors
/// [`ChargeError`]: among others L1 refuses it, or somebody was faster.
pub async fn charge(
    sender: &Sender,
    deployment: &Deployment,
    evidence: &Evidence,
) -> Result<Charged, ChargeError> {
    let purpose = purpose::charge(evidence.batch, evidence.roller);
    let mined = sender.send(&purpose, &evidence.call(deployment)).await?;
    let mut charged = Charged {
        transaction: mined.hash,
        ..Charged::default()
    };
    for log in mined.receipt.logs() {
        if let Ok(event) = OperatorCharged::decode_log(&log.inner) {
            charged.lost_wei = event.lostWei;
        } else if let Ok(event) = BondSlashed::decode_log(&log.inner) {
            charged.burned_wei = event.burnedWei;
        }
    }
    Ok(charged)
}
