//! A pile of receipts as rollers keep it: one JSON object a line, in the order of arrival.

use std::collections::BTreeSet;

use alloy::sol_types::Eip712Domain;
use alloy_primitives::Address;

use super::{NotSigned, SignedReceipt};

/// A line of a file that is no receipt.
#[derive(Debug, thiserror::Error)]
#[error("line {line} is no receipt")]
pub struct NoReceipt {
    /// Its number, from 1.
    pub line: u64,
    /// What is wrong with it.
    source: serde_json::Error,
}

/// The receipts in a file's bytes, and how many bytes their lines have: what follows is a line that a crash cut off.
///
/// # Errors
/// [`NoReceipt`]: a whole line is something else.
pub fn parse(bytes: &[u8]) -> Result<(Vec<SignedReceipt>, usize), NoReceipt> {
    let end = bytes.iter().rposition(|byte| *byte == b'\n');
    let whole = end.map_or(0, |end| end + 1);
    let lines = bytes[..whole].split_inclusive(|byte| *byte == b'\n');
    let receipts = (1..).zip(lines).map(|(line, json)| {
        serde_json::from_slice(json).map_err(|source| NoReceipt { line, source })
    });
    Ok((receipts.collect::<Result<_, _>>()?, whole))
}

/// Not one receipt of a pile binds the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Foreign {
    /// Nobody signed them for this rollup: under a foreign domain each signature names another address.
    #[error(
        "the receipts ({count}) are of another rollup, or altered: the operator {operator} of this one has signed none"
    )]
    Rollup {
        /// How many there are.
        count: usize,
        /// Whose signature counts.
        operator: Address,
    },
    /// Somebody else signed them for this rollup.
    #[error("the receipts are all signed by {signer}, and not by the operator {operator}")]
    Operator {
        /// Who signed them.
        signer: Address,
        /// Whose signature counts.
        operator: Address,
    },
}

/// The receipts of a pile that bind `operator`.
///
/// # Errors
/// [`Foreign`]: the pile is not empty, and none does.
pub fn binding(
    mut pile: Vec<SignedReceipt>,
    domain: &Eip712Domain,
    operator: Address,
) -> Result<Vec<SignedReceipt>, Foreign> {
    let count = pile.len();
    let mut others = BTreeSet::new();
    pile.retain(|receipt| match receipt.check(domain, operator) {
        Ok(()) => true,
        Err(NotSigned::Other { signer, .. }) => {
            others.insert(signer);
            false
        }
        Err(NotSigned::Signature(_)) => false,
    });
    if count == 0 || !pile.is_empty() {
        return Ok(pile);
    }
    Err(match (others.first(), others.len()) {
        // One receipt alone names one address in any case.
        (Some(signer), 1) if count > 1 => Foreign::Operator {
            signer: *signer,
            operator,
        },
        _ => Foreign::Rollup { count, operator },
    })
}
