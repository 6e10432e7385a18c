//! `eth_estimateGas`: by trying.

use alloy_rpc_types_eth::TransactionRequest;
use revm::context::{
    Cfg as _, TxEnv,
    result::{ExecutionResult, HaltReason},
};

use super::{CallError, CallPlace, Simulation, halted};
use crate::{chain::Chain, rpc::CALL_GAS_MAX};

/// Gas of a transfer to an account without code.
const TRANSFER_GAS: u64 = 21_000;
/// An estimate is at most this many parts in a thousand above the least gas that works.
const ESTIMATE_ERROR_PER_MILLE: u64 = 15;

/// The least gas limit (within [`ESTIMATE_ERROR_PER_MILLE`]) with which a transaction succeeds.
pub(crate) fn estimate(
    chain: &Chain,
    request: TransactionRequest,
    place: CallPlace,
) -> Result<u64, CallError> {
    let mut simulation = Simulation::new(chain, place)?;
    let asked = request.gas;
    let mut transaction = simulation.transaction(request)?;
    let mut high = asked
        .unwrap_or(simulation.block.gas_limit)
        .min(CALL_GAS_MAX);
    high = high.min(simulation.cfg.tx_gas_limit_cap());
    if let Some(affordable) = simulation.affordable_gas(&transaction)? {
        high = high.min(affordable);
    }
    if transaction.data.is_empty()
        && transaction.authorization_list.is_empty()
        && high >= TRANSFER_GAS
    {
        let plain =
            transaction.access_list.0.is_empty() && !simulation.has_code(transaction.kind)?;
        let try_transfer = TxEnv {
            gas_limit: TRANSFER_GAS,
            ..transaction.clone()
        };
        if plain && simulation.run(try_transfer)?.is_success() {
            return Ok(TRANSFER_GAS);
        }
    }
    transaction.gas_limit = high;
    let gas = match simulation.run(transaction.clone()) {
        Ok(ExecutionResult::Success { gas, .. }) => gas,
        Ok(ExecutionResult::Revert { output, .. }) => return Err(CallError::Reverted(output)),
        Ok(ExecutionResult::Halt {
            reason: HaltReason::OutOfGas(_),
            ..
        }) => return Err(CallError::Allowance(high)),
        Ok(ExecutionResult::Halt { reason, .. }) => return Err(halted(&reason)),
        Err(CallError::IntrinsicGas(_)) => return Err(CallError::Allowance(high)),
        Err(error) => return Err(error),
    };
    // A call keeps a 64th of the gas back, so what was spent may be too little as a limit: try a little more first.
    let spent = gas.total_gas_spent().max(gas.tx_gas_used());
    let guess = (spent.saturating_add(2_300)).saturating_mul(64) / 63;
    search(
        &mut simulation,
        &transaction,
        gas.tx_gas_used().saturating_sub(1),
        high,
        guess,
    )
}

/// Binary search between a limit that fails (`low`) and one that works (`high`), beginning at `guess`.
fn search(
    simulation: &mut Simulation<'_>,
    transaction: &TxEnv,
    mut low: u64,
    mut high: u64,
    guess: u64,
) -> Result<u64, CallError> {
    let mut middle = guess;
    while low + 1 < high
        && (high - low).saturating_mul(1_000) > high.saturating_mul(ESTIMATE_ERROR_PER_MILLE)
    {
        middle = middle.clamp(low + 1, high - 1);
        let attempt = TxEnv {
            gas_limit: middle,
            ..transaction.clone()
        };
        let works = match simulation.run(attempt) {
            Ok(result) => result.is_success(),
            Err(error @ (CallError::State(_) | CallError::Timeout)) => return Err(error),
            Err(_) => false,
        };
        if works {
            high = middle;
        } else {
            low = middle;
        }
        middle = low + (high - low) / 2;
    }
    Ok(high)
}
