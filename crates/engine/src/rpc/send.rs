//! `eth_*` for transactions on their way.

use std::time::Duration;

use alloy_consensus::Transaction as _;
use alloy_eips::{BlockId, eip2718::Encodable2718};
use alloy_primitives::{B256, Bytes};
use alloy_rpc_types_eth::{Index, TransactionRequest};
use jsonrpsee::core::{RpcResult, async_trait};
use rollmill_stf::header::next_base_fee;
use serde::Serialize;
use tokio::{task::spawn_blocking, time::timeout};

use super::{
    api::EthSendApiServer,
    error::RpcError,
    node::{Node, Shared},
    types::{self, RpcReceipt, RpcTransaction},
};
use crate::{call, pool::TransactionPool};

/// How long `eth_sendRawTransactionSync` waits when it is not told (EIP-7966's recommendation).
pub const SYNC_WAIT_DEFAULT: Duration = Duration::from_secs(2);
/// How long it waits at most.
pub const SYNC_WAIT_MAX: Duration = Duration::from_secs(20);

/// Answer of `eth_fillTransaction`: an unsigned transaction, its signature zero.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Filled {
    raw: Bytes,
    tx: RpcTransaction,
}

impl<P: TransactionPool> Node<P> {
    /// Waits until the transaction is confirmed, or in a block.
    async fn confirmed(&self, hash: B256) -> Result<RpcReceipt, RpcError> {
        let mut news = self.chain.subscribe_open();
        loop {
            // Seen before the question, so what comes in between wakes us.
            news.mark_unchanged();
            let node = self.clone();
            let found = spawn_blocking(move || node.confirmed_receipt(&hash)).await;
            let found = found.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
            if let Some(receipt) = found? {
                return Ok(receipt);
            }
            if news.changed().await.is_err() {
                return Err(RpcError::Pool(crate::PoolError::Closed));
            }
        }
    }

    /// Whether a transaction before this one is missing, so that no block can take it.
    fn waits_for_nonce(&self, hash: &B256) -> bool {
        let Some(transaction) = self.pool.pending(hash) else {
            return false;
        };
        let next = self.pool.pending_nonce(transaction.signer());
        next.is_none_or(|next| transaction.nonce() >= next)
            && self
                .confirmed_receipt(hash)
                .is_ok_and(|receipt| receipt.is_none())
    }
}

impl<P: TransactionPool> Shared<P> {
    /// Fills in what the request leaves out, as a wallet would.
    fn fill(&self, mut request: TransactionRequest) -> Result<Filled, RpcError> {
        let sender = request.from.unwrap_or_default();
        let head = self.chain.head();
        if request.nonce.is_none() {
            // The pool before the state: what has left the pool is in the newest state already.
            let waiting = self.pool.pending_nonce(sender);
            let account = self.chain.newest_state()?.account(sender)?;
            let mined = account.map_or(0, |account| account.nonce);
            request.nonce = Some(waiting.unwrap_or(mined).max(mined));
        }
        let chain_id = self.chain.chain_id();
        if *request.chain_id.get_or_insert(chain_id) != chain_id {
            return Err(RpcError::InvalidParams(format!(
                "chainId does not match node's (have={}, want={chain_id})",
                request.chain_id.unwrap_or_default()
            )));
        }
        if request.gas_price.is_none() {
            let tip = *request
                .max_priority_fee_per_gas
                .get_or_insert(self.priority_fee_wei);
            // Twice the base fee outlives six full blocks, as go-ethereum has it.
            let cap = u128::from(next_base_fee(&head)) * 2 + tip;
            let cap = *request.max_fee_per_gas.get_or_insert(cap);
            if cap < tip {
                return Err(RpcError::InvalidParams(format!(
                    "maxFeePerGas ({cap}) < maxPriorityFeePerGas ({tip})"
                )));
            }
        }
        if request.gas.is_none() {
            let place = self.place(Some(BlockId::pending()))?;
            request.gas = Some(call::estimate(&self.chain, request.clone(), place)?);
        }
        let transaction = request
            .build_typed_simulate_transaction()
            .map_err(|error| RpcError::InvalidParams(error.to_string()))?;
        let transaction = rollmill_stf::Transaction::from(transaction);
        let raw = transaction.encoded_2718().into();
        let info = types::unmined(transaction.hash());
        let unsigned = alloy_consensus::transaction::Recovered::new_unchecked(transaction, sender);
        Ok(Filled {
            raw,
            tx: RpcTransaction::new(unsigned, info),
        })
    }
}

#[async_trait]
impl<P: TransactionPool> EthSendApiServer for Node<P> {
    async fn send_raw_transaction(&self, raw: Bytes) -> RpcResult<B256> {
        Ok(self.pool.submit(raw).await?)
    }

    async fn send_raw_transaction_sync(
        &self,
        raw: Bytes,
        timeout_ms: Option<Index>,
    ) -> RpcResult<RpcReceipt> {
        let asked = timeout_ms.map(|Index(ms)| Duration::from_millis(ms as u64));
        let patience = asked
            .filter(|asked| !asked.is_zero() && *asked <= SYNC_WAIT_MAX)
            .unwrap_or(SYNC_WAIT_DEFAULT);
        let hash = self.pool.submit(raw).await?;
        let node = self.clone();
        let waits = spawn_blocking(move || node.waits_for_nonce(&hash)).await;
        if waits.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())) {
            return Err(RpcError::NotReady(hash).into());
        }
        match timeout(patience, self.confirmed(hash)).await {
            Ok(receipt) => Ok(receipt?),
            Err(_) => Err(RpcError::NotMined { hash, patience }.into()),
        }
    }

    fn fill_transaction(&self, request: TransactionRequest) -> RpcResult<Filled> {
        Ok(self.fill(request)?)
    }
}
