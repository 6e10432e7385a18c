//! What `rollmill_*` says of fees: what a transaction paid, what one would pay, and what prices follow.

use alloy_consensus::Transaction as _;
use alloy_primitives::{B256, U64, U256};
use jsonrpsee::core::RpcResult;
use rollmill_engine::{Chain, rpc::FeeEstimate, stf::state::StateError};
use rollmill_l1::Deployment;
use serde::{Deserialize, Serialize};

use super::internal;
use crate::fees::{BatchUse, Schedule};

/// What a mined transaction paid, in wei. `total` is the sum of the parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RpcFees {
    gas_used: U64,
    effective_gas_price: U256,
    /// Gas times base fee.
    base_fee: U256,
    /// Gas times tip.
    priority_fee: U256,
    /// For the data on L1.
    l1_data_fee: U256,
    /// For proving.
    proving_fee: U256,
    total: U256,
}

/// What a transaction would pay in the next block, in wei. `total` is the sum of the parts; the sender must have `required` besides
/// the value it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RpcFeeEstimate {
    gas_limit: U64,
    gas_used: U64,
    base_fee_per_gas: U256,
    priority_fee_per_gas: U256,
    /// The request's; without one, twice the base fee and the tip.
    max_fee_per_gas: U256,
    /// Data gas.
    l1_gas_used: U64,
    /// Wei per data gas.
    l1_gas_price: U256,
    prover_gas_used: U64,
    /// Wei per prover gas.
    prover_gas_price: U256,
    base_fee: U256,
    priority_fee: U256,
    l1_data_fee: U256,
    proving_fee: U256,
    total: U256,
    /// The same with all of the gas limit used at `max_fee_per_gas`, and the most proving that it can cause.
    required: U256,
}

impl From<FeeEstimate> for RpcFeeEstimate {
    fn from(estimate: FeeEstimate) -> Self {
        let FeeEstimate {
            gas_limit,
            gas_used,
            prices,
            ..
        } = estimate;
        let (base_price, tip) = (U256::from(estimate.base_fee), U256::from(estimate.tip));
        let (base_fee, priority_fee) = (
            base_price * U256::from(gas_used),
            tip * U256::from(gas_used),
        );
        let l1_data_fee = prices.data_fee(estimate.data_gas);
        let proving_fee = prices.proving_fee(estimate.prover_gas);
        Self {
            gas_limit: U64::from(gas_limit),
            gas_used: U64::from(gas_used),
            base_fee_per_gas: base_price,
            priority_fee_per_gas: tip,
            max_fee_per_gas: U256::from(estimate.fee_cap),
            l1_gas_used: U64::from(estimate.data_gas),
            l1_gas_price: U256::from(prices.data_wei),
            prover_gas_used: U64::from(estimate.prover_gas),
            prover_gas_price: U256::from(prices.proving_wei),
            base_fee,
            priority_fee,
            l1_data_fee,
            proving_fee,
            total: base_fee + priority_fee + l1_data_fee + proving_fee,
            required: U256::from(estimate.fee_cap) * U256::from(gas_limit)
                + l1_data_fee
                + prices.proving_fee(estimate.prover_gas_max),
        }
    }
}

/// Prices in force, and what the newest batches used: everything of what they follow that this node knows. The rest is on L1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RpcFeeSchedule {
    /// Wei per data gas, in the blocks after this one.
    pub l1_gas_price: U256,
    /// Wei per prover gas, in the blocks after this one.
    pub prover_gas_price: U256,
    /// Until then neither rises, unix seconds.
    pub rises_from: U64,
    /// The newest batches.
    pub recent: RpcBatchUse,
}

/// What batches used, and what of it their users were charged for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RpcBatchUse {
    batches: U64,
    data_bytes: U64,
    blobs: U64,
    charged_data_gas: U64,
    prover_gas: U64,
    charged_prover_gas: U64,
}

impl From<BatchUse> for RpcBatchUse {
    fn from(of: BatchUse) -> Self {
        Self {
            batches: U64::from(of.batches),
            data_bytes: U64::from(of.data_bytes),
            blobs: U64::from(of.blobs),
            charged_data_gas: U64::from(of.charged_data_gas),
            prover_gas: U64::from(of.prover_gas),
            charged_prover_gas: U64::from(of.charged_prover_gas),
        }
    }
}

impl From<RpcBatchUse> for BatchUse {
    fn from(of: RpcBatchUse) -> Self {
        Self {
            batches: of.batches.to(),
            data_bytes: of.data_bytes.to(),
            blobs: of.blobs.to(),
            charged_data_gas: of.charged_data_gas.to(),
            prover_gas: of.prover_gas.to(),
            charged_prover_gas: of.charged_prover_gas.to(),
        }
    }
}

/// The schedule in the newest state; blocks the thread.
pub(super) fn schedule(
    chain: &Chain,
    deployment: &Deployment,
    recent: BatchUse,
) -> Result<RpcFeeSchedule, StateError> {
    let schedule = Schedule::read(chain, deployment)?;
    Ok(RpcFeeSchedule {
        l1_gas_price: U256::from(schedule.in_force.data_wei),
        prover_gas_price: U256::from(schedule.in_force.proving_wei),
        rises_from: U64::from(schedule.rises_from_s()),
        recent: recent.into(),
    })
}

/// What a mined transaction paid; `None` while it is in no block.
pub(super) fn fees(chain: &Chain, hash: B256) -> RpcResult<Option<RpcFees>> {
    let Some(mined) = chain.transaction(&hash).map_err(internal)? else {
        return Ok(None);
    };
    let receipts = chain.receipts(mined.header.number).map_err(internal)?;
    let receipts = receipts.unwrap_or_default();
    let index = mined.index as usize;
    let until = |index: usize| {
        receipts
            .get(index)
            .map(|receipt| receipt.cumulative_gas_used)
    };
    let before = index.checked_sub(1).and_then(until).unwrap_or(0);
    let gas_used = until(index).unwrap_or(before) - before;
    let base_fee = mined.header.base_fee_per_gas.unwrap_or_default();
    let price = mined.transaction.effective_gas_price(Some(base_fee));
    let gas_fee = U256::from(price) * U256::from(gas_used);
    // An L1 message bought all that it needs on L1 and pays nothing here.
    let base = U256::from(u128::from(base_fee).min(price)) * U256::from(gas_used);
    let (l1_data_fee, proving_fee) = mined.prices.paid(&mined.transaction, mined.prover_gas);
    Ok(Some(RpcFees {
        gas_used: U64::from(gas_used),
        effective_gas_price: U256::from(price),
        base_fee: base,
        priority_fee: gas_fee - base,
        l1_data_fee,
        proving_fee,
        total: gas_fee + l1_data_fee + proving_fee,
    }))
}
