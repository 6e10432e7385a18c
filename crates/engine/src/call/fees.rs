//! What a transaction would pay beyond its gas, by trying it.

use alloy_consensus::{SignableTransaction as _, Transaction as _};
use alloy_primitives::{Address, Signature, TxKind, U256};
use alloy_rpc_types_eth::{
    TransactionRequest,
    state::{AccountOverride, StateOverride},
};
use revm::context::result::ExecutionResult;
use rollmill_stf::{
    Transaction,
    evm::WorkMeter,
    fees::{FeePrices, data_gas, prover_gas_max, transaction_work},
    header::next_base_fee,
    transaction::EthereumTransaction,
};

use super::{CallError, CallPlace, Simulation, estimate, halted};
use crate::chain::Chain;

/// More wei than there are on any chain, and little enough that nothing overflows.
const ENOUGH_WEI: U256 = U256::from_limbs([0, 0, 1, 0]);

/// What a transaction would use in the next block, and the prices there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeEstimate {
    /// Gas limit with which it succeeds, as `eth_estimateGas` has it.
    pub gas_limit: u64,
    /// Gas that it uses under that limit.
    pub gas_used: u64,
    /// Wei per gas that every transaction pays.
    pub base_fee: u64,
    /// Wei per gas on top, as the request has it.
    pub tip: u128,
    /// The most wei per gas that it may pay, as the request has it; if it names none, what wallets choose: twice the base fee, and
    /// the tip.
    pub fee_cap: u128,
    /// Data gas of the signed transaction, its signature taken to have no zeros.
    pub data_gas: u64,
    /// Prover gas.
    pub prover_gas: u64,
    /// The most prover gas that the gas limit can cause.
    pub prover_gas_max: u64,
    /// Prices of the two.
    pub prices: FeePrices,
}

/// Tries the request in the next block. Whether its sender can pay is not asked: who asks what it takes may be about to bring it.
pub(crate) fn estimate_fees(
    chain: &Chain,
    mut request: TransactionRequest,
) -> Result<FeeEstimate, CallError> {
    let head = chain.head();
    let prices = chain.fee_prices_after(&head)?;
    let base_fee = next_base_fee(&head);
    let sender = request.from.unwrap_or_default();
    let gas_limit = estimate(chain, request.clone(), where_it_can_pay(chain, sender)?)?;
    request.gas = Some(gas_limit);

    let mut simulation = Simulation::new(chain, where_it_can_pay(chain, sender)?)?;
    let env = simulation.transaction(request.clone())?;
    let (result, meter) = simulation.run_metered(env)?;
    match &result {
        ExecutionResult::Success { .. } => {}
        ExecutionResult::Revert { output, .. } => return Err(CallError::Reverted(output.clone())),
        ExecutionResult::Halt { reason, .. } => return Err(halted(reason)),
    }
    complete(chain, &mut request, base_fee)?;
    let transaction = signed(request)?;
    let gas_used = result.tx_gas_used();
    let start = WorkMeter::default();
    let work = transaction_work(&transaction, gas_used, &start, &meter);
    Ok(FeeEstimate {
        gas_limit,
        gas_used,
        base_fee,
        tip: transaction
            .effective_tip_per_gas(base_fee)
            .unwrap_or_default(),
        fee_cap: transaction.max_fee_per_gas(),
        data_gas: data_gas(&transaction),
        prover_gas: work.without_base().unwrap_or(u64::MAX),
        prover_gas_max: prover_gas_max(&transaction),
        prices,
    })
}

/// The next block, in which the sender has enough besides what it has.
fn where_it_can_pay(chain: &Chain, sender: Address) -> Result<CallPlace, CallError> {
    let account = chain.newest_state()?.account(sender);
    let account = account.map_err(|error| CallError::State(error.to_string()))?;
    let has = account.map_or(U256::ZERO, |account| account.balance);
    let rich = AccountOverride {
        balance: Some(has.saturating_add(ENOUGH_WEI)),
        ..AccountOverride::default()
    };
    Ok(CallPlace {
        state_overrides: Some(StateOverride::from_iter([(sender, rich)])),
        ..CallPlace::after(chain)?
    })
}

/// The request with a signature that is no one's, as long as they come.
fn signed(request: TransactionRequest) -> Result<Transaction, CallError> {
    let transaction = request.build_consensus_tx();
    let transaction = transaction.map_err(|error| CallError::Invalid(error.error))?;
    let signature = Signature::new(U256::MAX, U256::MAX, true);
    let transaction: EthereumTransaction = transaction.into_signed(signature).into();
    Ok(transaction.into())
}

/// Fills in what decides about the transaction's length.
fn complete(
    chain: &Chain,
    request: &mut TransactionRequest,
    base_fee: u64,
) -> Result<(), CallError> {
    let sender = request.from.unwrap_or_default();
    if request.nonce.is_none() {
        let account = chain.newest_state()?.account(sender);
        let account = account.map_err(|error| CallError::State(error.to_string()))?;
        request.nonce = Some(account.map_or(0, |account| account.nonce));
    }
    request.chain_id.get_or_insert(chain.chain_id());
    request.to.get_or_insert(TxKind::Create);
    if request.gas_price.is_none() {
        let tip = *request.max_priority_fee_per_gas.get_or_insert(0);
        request
            .max_fee_per_gas
            .get_or_insert(tip.saturating_add(u128::from(base_fee) * 2));
    }
    Ok(())
}
