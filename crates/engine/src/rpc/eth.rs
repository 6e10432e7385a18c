//! `eth_*` for what is on the chain.

use alloy_eips::{BlockId, BlockNumberOrTag, eip2718::Encodable2718};
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U64, U128, U256};
use alloy_rpc_types_eth::{
    AccountInfo, EIP1186AccountProofResponse, EIP1186StorageProof, FeeHistory, Filter, Index, Log,
};
use alloy_serde::JsonStorageKey;
use jsonrpsee::core::RpcResult;
use revm::Database as _;

use super::{
    api::EthApiServer,
    error::RpcError,
    node::{Node, Shared},
    types::{self, RpcBlock, RpcReceipt, RpcTransaction},
};
use crate::{fees, pool::TransactionPool};

/// Most slots one `eth_getProof` proves.
const PROOF_SLOTS_MAX: usize = 1_024;

impl<P: TransactionPool> Shared<P> {
    fn rpc_block(&self, id: BlockId, full: Option<bool>) -> RpcResult<Option<RpcBlock>> {
        Ok(self
            .stored_block(id)?
            .map(|block| types::block(block, full.unwrap_or_default())))
    }

    fn transaction_count_of(&self, id: BlockId) -> RpcResult<Option<U64>> {
        let block = self.stored_block(id)?;
        Ok(block.map(|block| U64::from(block.transactions.len())))
    }

    /// Zero for every block that is there: no chain of ours has uncles.
    fn uncle_count_of(&self, id: BlockId) -> RpcResult<Option<U64>> {
        let number = self.chain.resolve(id)?;
        Ok(number.map(|_| U64::ZERO))
    }

    fn transaction_at(&self, id: BlockId, index: Index) -> RpcResult<Option<RpcTransaction>> {
        let Some(block) = self.stored_block(id)? else {
            return Ok(None);
        };
        let transaction = block.transactions.into_iter().nth(index.into());
        Ok(transaction.map(|transaction| {
            let place = types::place(&block.header, index.0 as u64, transaction.hash());
            RpcTransaction::new(transaction, place)
        }))
    }
}

/// The slot in the shape it was asked in.
fn slot(key: &JsonStorageKey) -> U256 {
    match key {
        JsonStorageKey::Hash(hash) => U256::from_be_bytes(hash.0),
        JsonStorageKey::Number(number) => *number,
    }
}

impl<P: TransactionPool> EthApiServer for Node<P> {
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
        Ok(history?)
    }

    fn balance(&self, address: Address, block: Option<BlockId>) -> RpcResult<U256> {
        let account = self.state(block)?.account(address);
        let account = account.map_err(RpcError::from)?;
        Ok(account.map(|account| account.balance).unwrap_or_default())
    }

    fn transaction_count(&self, address: Address, block: Option<BlockId>) -> RpcResult<U64> {
        // The pool before the state: what has left the pool is in the newest state already.
        let is_pending = block == Some(BlockId::pending());
        let waiting = is_pending.then(|| self.pool.pending_nonce(address));
        let account = self.state(block)?.account(address);
        let account = account.map_err(RpcError::from)?;
        let mined = account.map(|account| account.nonce).unwrap_or_default();
        let next = waiting.flatten().unwrap_or_default();
        Ok(U64::from(next.max(mined)))
    }

    fn code(&self, address: Address, block: Option<BlockId>) -> RpcResult<Bytes> {
        let mut state = self.state(block)?;
        match state.account(address).map_err(RpcError::from)? {
            Some(account) if account.code_hash != KECCAK256_EMPTY => {
                Ok(state.code(account.code_hash).map_err(RpcError::from)?)
            }
            _ => Ok(Bytes::new()),
        }
    }

    fn account_info(&self, address: Address, block: Option<BlockId>) -> RpcResult<AccountInfo> {
        let mut state = self.state(block)?;
        let Some(account) = state.account(address).map_err(RpcError::from)? else {
            return Ok(AccountInfo {
                balance: U256::ZERO,
                nonce: 0,
                code: Bytes::new(),
            });
        };
        Ok(AccountInfo {
            balance: account.balance,
            nonce: account.nonce,
            code: state.code(account.code_hash).map_err(RpcError::from)?,
        })
    }

    fn storage_at(
        &self,
        address: Address,
        key: JsonStorageKey,
        block: Option<BlockId>,
    ) -> RpcResult<B256> {
        let value = self.state(block)?.storage(address, slot(&key));
        Ok(value.map_err(RpcError::from)?.into())
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
            .state_at(&header)?
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
        self.transaction_count_of(number.into())
    }

    fn block_transaction_count_by_hash(&self, hash: B256) -> RpcResult<Option<U64>> {
        self.transaction_count_of(hash.into())
    }

    fn uncle_count_by_number(&self, number: BlockNumberOrTag) -> RpcResult<Option<U64>> {
        self.uncle_count_of(number.into())
    }

    fn uncle_count_by_hash(&self, hash: B256) -> RpcResult<Option<U64>> {
        self.uncle_count_of(hash.into())
    }

    fn transaction_by_hash(&self, hash: B256) -> RpcResult<Option<RpcTransaction>> {
        // Before the chain is asked: a block may be sealed in between.
        let waiting = self.unmined(&hash);
        if let Some(mined) = self.chain.transaction(&hash)? {
            let place = types::place(&mined.header, mined.index.into(), hash);
            return Ok(Some(RpcTransaction::new(mined.transaction, place)));
        }
        Ok(waiting.map(|tx| RpcTransaction::new(tx, types::unmined(hash))))
    }

    fn transaction_by_number_and_index(
        &self,
        number: BlockNumberOrTag,
        index: Index,
    ) -> RpcResult<Option<RpcTransaction>> {
        self.transaction_at(number.into(), index)
    }

    fn transaction_by_block_hash_and_index(
        &self,
        hash: B256,
        index: Index,
    ) -> RpcResult<Option<RpcTransaction>> {
        self.transaction_at(hash.into(), index)
    }

    fn raw_transaction_by_hash(&self, hash: B256) -> RpcResult<Option<Bytes>> {
        let waiting = self.unmined(&hash);
        let mined = self.chain.transaction(&hash)?;
        let found = mined.map(|mined| mined.transaction).or(waiting);
        Ok(found.map(|transaction| transaction.encoded_2718().into()))
    }

    fn transaction_receipt(&self, hash: B256) -> RpcResult<Option<RpcReceipt>> {
        Ok(self.receipt(&hash)?)
    }

    fn block_receipts(&self, block: BlockId) -> RpcResult<Option<Vec<RpcReceipt>>> {
        match self.stored_block(block)? {
            Some(block) => Ok(Some(self.receipts(&block)?)),
            None => Ok(None),
        }
    }

    fn logs(&self, filter: Filter) -> RpcResult<Vec<Log>> {
        Ok(self.chain.logs(&filter)?)
    }
}
