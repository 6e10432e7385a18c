//! `eth_createAccessList`: what a transaction touches, as a list that it can declare in advance.

use alloy_eips::eip2930::AccessList;
use alloy_primitives::U256;
use alloy_rpc_types_eth::{AccessListResult, TransactionRequest};
use revm::context::result::ExecutionResult;
use revm_inspectors::access_list::AccessListInspector;

use super::{CallError, CallPlace, Simulation, halted};
use crate::chain::Chain;

/// The accounts and slots that the transaction touches when it is run with this very list, and the gas it then uses. A
/// transaction can look at its gas and touch more; the list only grows, and is tried until it does not.
pub(crate) fn create_access_list(
    chain: &Chain,
    mut request: TransactionRequest,
    place: CallPlace,
) -> Result<AccessListResult, CallError> {
    let mut simulation = Simulation::new(chain, place)?;
    // A list makes a transaction of type 1 at least.
    request.transaction_type = request.transaction_type.filter(|ty| *ty > 0);
    let mut list = request.access_list.take().unwrap_or_default();
    loop {
        request.access_list = Some(list.clone());
        let transaction = simulation.call_transaction(request.clone())?;
        let mut inspector = AccessListInspector::new(list.clone());
        let outcome = simulation.inspect(transaction, &mut inspector)?.result;
        let touched = in_order(inspector.into_access_list());
        if touched == list {
            return Ok(AccessListResult {
                access_list: list,
                gas_used: U256::from(outcome.tx_gas_used()),
                error: failure(&outcome),
            });
        }
        list = touched;
    }
}

fn in_order(mut list: AccessList) -> AccessList {
    list.0.sort_unstable_by_key(|item| item.address);
    for item in &mut list.0 {
        item.storage_keys.sort_unstable();
        item.storage_keys.dedup();
    }
    list
}

fn failure(outcome: &ExecutionResult) -> Option<String> {
    match outcome {
        ExecutionResult::Success { .. } => None,
        ExecutionResult::Revert { output, .. } => {
            Some(CallError::Reverted(output.clone()).to_string())
        }
        ExecutionResult::Halt { reason, .. } => Some(halted(reason).to_string()),
    }
}
