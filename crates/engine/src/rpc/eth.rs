//! The methods.

use std::sync::Arc;

use alloy_consensus::{Header, Sealed};
use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U64, U128, U256};
use alloy_rpc_types_eth::{
    BlockOverrides, EIP1186AccountProofResponse, EIP1186StorageProof, FeeHistory, Filter, Log,
    TransactionRequest, state::StateOverride,
};
use alloy_serde::JsonStorageKey;
use jsonrpsee::core::{RpcResult, async_trait};

use super::{
    RpcConfig,
    api::EthApiServer,
    error::RpcError,
    filters::{Changes, Filters},
    types::{self, RpcBlock, RpcReceipt, RpcTransaction},
};
use crate::{
    call::{self, CallPlace},
    chain::{Chain, StoredBlock, corrupt},
    fees,
    pool::TransactionPool,
};

/// Most slots one `eth_getProof` proves.
const PROOF_SLOTS_MAX: usize = 1_024;

pub(super) struct Eth<P> {
    chain: Chain,
    pool: Arc<P>,
    filters: Filters,
    client_version: String,
    priority_fee_wei: u128,
}

impl<P: TransactionPool> Eth<P> {
    pub(super) fn new(chain: Chain, pool: Arc<P>, config: &RpcConfig) -> Self {
        Self {
            chain,
            pool,
            filters: Filters::default(),
            client_version: config.client_version.clone(),
            priority_fee_wei: config.priority_fee_wei,
        }
    }

    /// The header a block parameter means; the newest when it is absent.
    fn header(&self, block: Option<BlockId>) -> Result<Sealed<Header>, RpcError> {
        let number = self
            .chain
            .resolve(block.unwrap_or_default())?
            .ok_or(RpcError::HeaderNotFound)?;
        self.chain.header(number)?.ok_or(RpcError::HeaderNotFound)
    }

    fn stored_block(&self, id: BlockId) -> Result<Option<StoredBlock>, RpcError> {
        match self.chain.resolve(id)? {
            Some(number) => Ok(self.chain.block(number)?),
            None => Ok(None),
        }
    }

    fn rpc_block(&self, id: BlockId, full: Option<bool>) -> RpcResult<Option<RpcBlock>> {
        Ok(self
            .stored_block(id)?
            .map(|block| types::block(block, full.unwrap_or_default())))
    }

    fn rpc_receipts(&self, block: &StoredBlock) -> Result<Vec<RpcReceipt>, RpcError> {
        let number = block.header.number;
        let receipts = self
            .chain
            .receipts(number)?
            .ok_or_else(|| corrupt(format!("receipts of block {number}")))?;
        Ok(types::receipts(
            block,
            receipts,
            self.chain.rules().blob_params(block.header.timestamp),
        ))
    }

    /// Where a call runs: in the block after the newest for "pending", else in the block named.
    fn place(&self, block: Option<BlockId>) -> Result<CallPlace, RpcError> {
        if block == Some(BlockId::pending()) {
            return Ok(CallPlace::after(&self.chain.head()));
        }
        Ok(CallPlace::at(self.header(block)?))
    }
}

/// The slot in the shape it was asked in.
fn slot(key: &JsonStorageKey) -> U256 {
    match key {
        JsonStorageKey::Hash(hash) => U256::from_be_bytes(hash.0),
        JsonStorageKey::Number(number) => *number,
    }
}

#[async_trait]
impl<P: TransactionPool> EthApiServer for Eth<P> {
    fn client_version(&self) -> RpcResult<String> {
        Ok(self.client_version.clone())
    }

    fn net_version(&self) -> RpcResult<String> {
        Ok(self.chain.chain_id().to_string())
    }

    fn net_listening(&self) -> RpcResult<bool> {
        Ok(true)
    }

    fn chain_id(&self) -> RpcResult<U64> {
        Ok(U64::from(self.chain.chain_id()))
    }

    fn syncing(&self) -> RpcResult<bool> {
        Ok(false)
    }

    fn accounts(&self) -> RpcResult<Vec<Address>> {
        // The node holds no keys.
        Ok(Vec::new())
    }

    fn block_number(&self) -> RpcResult<U64> {
        Ok(U64::from(self.chain.head().number))
    }

    fn gas_price(&self) -> RpcResult<U128> {
        let base_fee = rollmill_stf::header::next_base_fee(&self.chain.head());
        Ok(U128::from(
            u128::from(base_fee).saturating_add(self.priority_fee_wei),
        ))
    }

    fn max_priority_fee_per_gas(&self) -> RpcResult<U128> {
        Ok(U128::from(self.priority_fee_wei))
    }

    fn blob_base_fee(&self) -> RpcResult<U128> {
        let head = self.chain.head();
        let params = self.chain.rules().blob_params(head.timestamp);
        Ok(U128::from(
            params
                .and_then(|params| head.next_block_blob_fee(params))
                .unwrap_or_default(),
        ))
    }

    fn fee_history(
        &self,
        block_count: U64,
        newest_block: BlockNumberOrTag,
        reward_percentiles: Option<Vec<f64>>,
    ) -> RpcResult<FeeHistory> {
        let percentiles = reward_percentiles.as_deref();
        if percentiles.is_some_and(|list| list.len() > fees::PERCENTILES_MAX) {
            return Err(RpcError::InvalidParams("too many reward percentiles".into()).into());
        }
        let valid =
            |list: &[f64]| list.is_sorted() && list.iter().all(|p| (0.0..=100.0).contains(p));
        if !percentiles.is_none_or(valid) {
            return Err(RpcError::InvalidParams("invalid reward percentile".into()).into());
        }
        let newest = self.header(Some(newest_block.into()))?;
        let history = fees::history(&self.chain, block_count.to(), newest.number, percentiles);
        Ok(history.map_err(RpcError::from)?)
    }

    fn balance(&self, address: Address, block: Option<BlockId>) -> RpcResult<U256> {
        let header = self.header(block)?;
        let account = self
            .chain
            .state_at(&header)
            .account(address)
            .map_err(RpcError::from)?;
        Ok(account.map(|account| account.balance).unwrap_or_default())
    }

    fn transaction_count(&self, address: Address, block: Option<BlockId>) -> RpcResult<U64> {
        let header = self.header(block)?;
        let account = self
            .chain
            .state_at(&header)
            .account(address)
            .map_err(RpcError::from)?;
        let mined = account.map(|account| account.nonce).unwrap_or_default();
        if block == Some(BlockId::pending()) {
            let pending = self.pool.pending_nonce(address).unwrap_or_default();
            return Ok(U64::from(pending.max(mined)));
        }
        Ok(U64::from(mined))
    }

    fn code(&self, address: Address, block: Option<BlockId>) -> RpcResult<Bytes> {
        let header = self.header(block)?;
        let mut state = self.chain.state_at(&header);
        match state.account(address).map_err(RpcError::from)? {
            Some(account) if account.code_hash != KECCAK256_EMPTY => {
                Ok(state.code(account.code_hash).map_err(RpcError::from)?)
            }
            _ => Ok(Bytes::new()),
        }
    }

    fn storage_at(
        &self,
        address: Address,
        key: JsonStorageKey,
        block: Option<BlockId>,
    ) -> RpcResult<B256> {
        let header = self.header(block)?;
        let value = self
            .chain
            .state_at(&header)
            .storage(address, slot(&key))
            .map_err(RpcError::from)?;
        Ok(value.into())
    }

    fn proof(
        &self,
        address: Address,
        keys: Vec<JsonStorageKey>,
        block: Option<BlockId>,
    ) -> RpcResult<EIP1186AccountProofResponse> {
        if keys.len() > PROOF_SLOTS_MAX {
            return Err(RpcError::InvalidParams(format!(
                "more than {PROOF_SLOTS_MAX} storage keys"
            ))
            .into());
        }
        let header = self.header(block)?;
        let slots: Vec<U256> = keys.iter().map(slot).collect();
        let proof = self
            .chain
            .state_at(&header)
            .proof(address, &slots)
            .map_err(RpcError::from)?;
        let storage_proof = keys
            .into_iter()
            .zip(proof.storage)
            .map(|(key, slot)| EIP1186StorageProof {
                key,
                value: slot.value,
                proof: slot.proof,
            })
            .collect();
        let account = proof.account.unwrap_or_default();
        Ok(EIP1186AccountProofResponse {
            address,
            balance: account.balance,
            code_hash: account.code_hash,
            nonce: account.nonce,
            storage_hash: account.storage_root,
            account_proof: proof.proof,
            storage_proof,
        })
    }

    fn call(
        &self,
        request: TransactionRequest,
        block: Option<BlockId>,
        state_overrides: Option<StateOverride>,
        block_overrides: Option<Box<BlockOverrides>>,
    ) -> RpcResult<Bytes> {
        let mut place = self.place(block)?;
        place.state_overrides = state_overrides;
        place.block_overrides = block_overrides;
        Ok(call::call(&self.chain, request, place).map_err(RpcError::from)?)
    }

    fn estimate_gas(
        &self,
        request: TransactionRequest,
        block: Option<BlockId>,
        state_overrides: Option<StateOverride>,
    ) -> RpcResult<U64> {
        // What is estimated runs in the next block at the earliest, so that is where it is tried: there BLOCKHASH knows
        // the newest block, as it will when the transaction is mined.
        let block = block
            .filter(|block| *block != BlockId::latest())
            .unwrap_or(BlockId::pending());
        let mut place = self.place(Some(block))?;
        place.state_overrides = state_overrides;
        Ok(U64::from(
            call::estimate(&self.chain, request, place).map_err(RpcError::from)?,
        ))
    }

    async fn send_raw_transaction(&self, raw: Bytes) -> RpcResult<B256> {
        Ok(self.pool.submit(raw).await.map_err(RpcError::from)?)
    }

    fn block_by_number(
        &self,
        number: BlockNumberOrTag,
        full: Option<bool>,
    ) -> RpcResult<Option<RpcBlock>> {
        self.rpc_block(number.into(), full)
    }

    fn block_by_hash(&self, hash: B256, full: Option<bool>) -> RpcResult<Option<RpcBlock>> {
        self.rpc_block(hash.into(), full)
    }

    fn block_transaction_count_by_number(
        &self,
        number: BlockNumberOrTag,
    ) -> RpcResult<Option<U64>> {
        Ok(self
            .stored_block(number.into())?
            .map(|block| U64::from(block.transactions.len())))
    }

    fn block_transaction_count_by_hash(&self, hash: B256) -> RpcResult<Option<U64>> {
        Ok(self
            .stored_block(hash.into())?
            .map(|block| U64::from(block.transactions.len())))
    }

    fn transaction_by_hash(&self, hash: B256) -> RpcResult<Option<RpcTransaction>> {
        if let Some(mined) = self.chain.transaction(&hash).map_err(RpcError::from)? {
            let place = types::place(&mined.header, mined.index.into(), hash);
            return Ok(Some(RpcTransaction::new(mined.transaction, place)));
        }
        let waiting = self.pool.pending(&hash);
        Ok(waiting.map(|tx| RpcTransaction::new(tx, types::unmined(hash))))
    }

    fn transaction_receipt(&self, hash: B256) -> RpcResult<Option<RpcReceipt>> {
        let Some((number, index)) = self.chain.place_of(&hash).map_err(RpcError::from)? else {
            return Ok(None);
        };
        let Some(block) = self.stored_block(number.into())? else {
            return Ok(None);
        };
        Ok(self.rpc_receipts(&block)?.into_iter().nth(index as usize))
    }

    fn block_receipts(&self, block: BlockId) -> RpcResult<Option<Vec<RpcReceipt>>> {
        match self.stored_block(block)? {
            Some(block) => Ok(Some(self.rpc_receipts(&block)?)),
            None => Ok(None),
        }
    }

    fn logs(&self, filter: Filter) -> RpcResult<Vec<Log>> {
        Ok(self.chain.logs(&filter).map_err(RpcError::from)?)
    }

    fn new_filter(&self, filter: Filter) -> RpcResult<U64> {
        Ok(U64::from(self.filters.install_logs(&self.chain, filter)))
    }

    fn new_block_filter(&self) -> RpcResult<U64> {
        Ok(U64::from(self.filters.install_blocks(&self.chain)))
    }

    fn filter_changes(&self, id: U64) -> RpcResult<Changes> {
        Ok(self.filters.changes(&self.chain, id.to())?)
    }

    fn filter_logs(&self, id: U64) -> RpcResult<Vec<Log>> {
        Ok(self.filters.logs(&self.chain, id.to())?)
    }

    fn uninstall_filter(&self, id: U64) -> RpcResult<bool> {
        Ok(self.filters.uninstall(id.to()))
    }
}
