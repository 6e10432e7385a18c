//! What wallets ask about prices: next base fee, fee history.

use alloy_consensus::{BlockHeader as _, Header, Transaction as _, transaction::Recovered};
use alloy_rpc_types_eth::FeeHistory;
use rollmill_stf::{Receipt, Rules, Transaction, header::next_base_fee};

use crate::chain::{Chain, StorageError, corrupt};

/// Most blocks one `eth_feeHistory` covers; more are cut, as in go-ethereum.
pub(crate) const FEE_HISTORY_BLOCKS_MAX: u64 = 1_024;
/// Most percentiles one `eth_feeHistory` takes.
pub(crate) const PERCENTILES_MAX: usize = 100;

/// Fees of the `count` blocks that end with `newest`, and of the one after it.
pub(crate) fn history(
    chain: &Chain,
    count: u64,
    newest: u64,
    percentiles: Option<&[f64]>,
) -> Result<FeeHistory, StorageError> {
    let count = count.min(FEE_HISTORY_BLOCKS_MAX).min(newest + 1);
    let oldest = newest + 1 - count;
    let mut history = FeeHistory {
        oldest_block: oldest,
        ..FeeHistory::default()
    };
    let mut rewards = percentiles.map(|_| Vec::new());
    let mut last = None;
    for number in oldest..=newest {
        let header = chain
            .header(number)?
            .ok_or_else(|| corrupt(format!("header {number}")))?;
        history
            .base_fee_per_gas
            .push(header.base_fee_per_gas.unwrap_or_default().into());
        history
            .gas_used_ratio
            .push(ratio(header.gas_used, header.gas_limit));
        history
            .base_fee_per_blob_gas
            .push(blob_fee(chain.rules(), &header));
        let blob_gas_max = chain
            .rules()
            .blob_params(header.timestamp)
            .map(|params| params.max_blob_gas_per_block());
        history.blob_gas_used_ratio.push(ratio(
            header.blob_gas_used.unwrap_or_default(),
            blob_gas_max.unwrap_or_default(),
        ));
        if let (Some(rewards), Some(percentiles)) = (&mut rewards, percentiles) {
            rewards.push(block_rewards(chain, &header, percentiles)?);
        }
        last = Some(header);
    }
    if let Some(header) = last {
        history.base_fee_per_gas.push(next_base_fee(&header).into());
        let next_blob_fee = chain
            .rules()
            .blob_params(header.timestamp)
            .and_then(|params| header.next_block_blob_fee(params));
        history
            .base_fee_per_blob_gas
            .push(next_blob_fee.unwrap_or_default());
    }
    history.reward = rewards;
    Ok(history)
}

fn blob_fee(rules: &Rules, header: &Header) -> u128 {
    rules
        .blob_params(header.timestamp)
        .and_then(|params| header.blob_fee(params))
        .unwrap_or_default()
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

fn block_rewards(
    chain: &Chain,
    header: &Header,
    percentiles: &[f64],
) -> Result<Vec<u128>, StorageError> {
    let missing = || corrupt(format!("block {}", header.number));
    let transactions = chain
        .block(header.number)?
        .ok_or_else(missing)?
        .transactions;
    let receipts = chain.receipts(header.number)?.ok_or_else(missing)?;
    Ok(reward_percentiles(
        header,
        &transactions,
        &receipts,
        percentiles,
    ))
}

/// Tip per gas at each percentile of the block's gas, transactions in order of their tips; zeros for an empty block.
fn reward_percentiles(
    header: &Header,
    transactions: &[Recovered<Transaction>],
    receipts: &[Receipt],
    percentiles: &[f64],
) -> Vec<u128> {
    let base_fee = header.base_fee_per_gas().unwrap_or_default();
    let mut gas_before = 0;
    let mut tips: Vec<(u128, u64)> = transactions
        .iter()
        .zip(receipts)
        .map(|(tx, receipt)| {
            let gas = receipt.cumulative_gas_used - gas_before;
            gas_before = receipt.cumulative_gas_used;
            (tx.effective_tip_per_gas(base_fee).unwrap_or_default(), gas)
        })
        .collect();
    tips.sort_unstable();
    let at = |percentile: &f64| {
        let threshold = (header.gas_used as f64 * percentile / 100.0) as u64;
        let mut gas = 0;
        let reached = tips.iter().find(|(_, used)| {
            gas += used;
            gas >= threshold
        });
        reached.or(tips.last()).map_or(0, |(tip, _)| *tip)
    };
    percentiles.iter().map(at).collect()
}
