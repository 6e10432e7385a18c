//! What a transaction came to.

use alloc::vec::Vec;
use alloy_primitives::{Bytes, Log};
use revm::context::result::{ExecutionResult, HaltReason};
use rollmill_protocol::ProverGas;

/// What became of a pushed transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxOutcome {
    /// It ran to its end without reverting.
    pub success: bool,
    /// Gas used, refunds deducted.
    pub gas_used: u64,
    /// Prover gas counted for it.
    pub prover_gas: ProverGas,
    /// Return or revert data; empty when it halted.
    pub output: Bytes,
    /// Why it halted, if it did.
    pub halt: Option<HaltReason>,
}

impl TxOutcome {
    /// With the logs, which only a success has.
    pub(super) fn of(result: ExecutionResult, prover_gas: ProverGas) -> (Self, Vec<Log>) {
        let success = result.is_success();
        let gas_used = result.tx_gas_used();
        match result {
            ExecutionResult::Success { output, logs, .. } => (
                Self {
                    success,
                    gas_used,
                    prover_gas,
                    output: output.into_data(),
                    halt: None,
                },
                logs,
            ),
            ExecutionResult::Revert { output, .. } => (
                Self {
                    success,
                    gas_used,
                    prover_gas,
                    output,
                    halt: None,
                },
                Vec::new(),
            ),
            ExecutionResult::Halt { reason, .. } => (
                Self {
                    success,
                    gas_used,
                    prover_gas,
                    output: Bytes::new(),
                    halt: Some(reason),
                },
                Vec::new(),
            ),
        }
    }
}
