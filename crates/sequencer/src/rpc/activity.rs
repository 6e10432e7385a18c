//! `rollmill_getAddressTransactions`: what an account sent and received, newest first.
//!
//! There is no index by address. A question reads a stretch of blocks from its end downwards and says where the next one goes on, so
//! that each costs the same, however long the chain is.

use alloy_consensus::{Transaction as _, Typed2718 as _, transaction::Recovered};
use alloy_primitives::{Address, B256, U64, U256};
use jsonrpsee::{
    core::{RpcResult, async_trait},
    proc_macros::rpc,
};
use rollmill_engine::{Chain, StorageError, StoredBlock, stf::Transaction};
use rollmill_runtime::blocking;
use serde::Serialize;

use super::internal;

/// Blocks that are read for one answer at most.
const BLOCKS_MAX: u64 = 1_000;
/// Transactions that are looked at for one answer, up to the end of a block.
const LOOKED_AT_MAX: usize = 20_000;
/// Transactions in one answer, up to the end of a block.
const FOUND_MAX: usize = 50;

/// A transaction that an account sent or that was sent to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RpcMove {
    hash: B256,
    block_number: U64,
    timestamp: U64,
    from: Address,
    /// Null where it creates a contract.
    to: Option<Address>,
    value: U256,
    r#type: U64,
}

/// A stretch of an account's transactions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RpcActivity {
    /// Newest first.
    transactions: Vec<RpcMove>,
    /// Ask again with this for what is older; null when the chain's beginning is reached.
    before: Option<U64>,
}

#[rpc(server, namespace = "rollmill")]
pub(super) trait ActivityApi {
    #[method(name = "getAddressTransactions")]
    async fn activity(&self, address: Address, before: Option<U64>) -> RpcResult<RpcActivity>;
}

/// What the method reads.
pub(super) struct Activity(pub(super) Chain);

#[async_trait]
impl ActivityApiServer for Activity {
    async fn activity(&self, address: Address, before: Option<U64>) -> RpcResult<RpcActivity> {
        let chain = self.0.clone();
        let before = before.map(|before| before.to::<u64>());
        let found = blocking(move || activity(&chain, address, before, BLOCKS_MAX)).await;
        found.map_err(internal)
    }
}

/// Reads so many blocks below `before`, or from the newest one, downwards.
pub(crate) fn activity(
    chain: &Chain,
    address: Address,
    before: Option<u64>,
    blocks_max: u64,
) -> Result<RpcActivity, StorageError> {
    let end = chain.head().number + 1;
    let end = before.map_or(end, |before| before.min(end));
    let mut found = RpcActivity::default();
    let mut looked_at = 0;
    for number in (end.saturating_sub(blocks_max)..end).rev() {
        found.before = (number > 0).then(|| U64::from(number));
        // One that was taken back in this moment.
        let Some(block) = chain.block(number)? else {
            continue;
        };
        looked_at += block.transactions.len();
        let transactions = block.transactions.iter().rev();
        let own = transactions.filter(|transaction| concerns(transaction, address));
        let moves = own.map(|transaction| shown(&block, transaction));
        found.transactions.extend(moves);
        if looked_at >= LOOKED_AT_MAX || found.transactions.len() >= FOUND_MAX {
            break;
        }
    }
    Ok(found)
}

fn concerns(transaction: &Recovered<Transaction>, address: Address) -> bool {
    transaction.signer() == address || transaction.to() == Some(address)
}

fn shown(block: &StoredBlock, transaction: &Recovered<Transaction>) -> RpcMove {
    RpcMove {
        hash: transaction.hash(),
        block_number: U64::from(block.header.number),
        timestamp: U64::from(block.header.timestamp),
        from: transaction.signer(),
        to: transaction.to(),
        value: transaction.value(),
        r#type: U64::from(transaction.ty()),
    }
}
