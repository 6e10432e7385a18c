//! `web3_*`, `net_*`, `rpc_*`: what the node is. And the state that all methods share.

use std::{collections::BTreeMap, ops::Deref, sync::Arc};

use alloy_consensus::{Header, Sealed, transaction::Recovered};
use alloy_eips::BlockId;
use alloy_primitives::{B256, Bytes, U64, keccak256};
use jsonrpsee::core::RpcResult;
use rollmill_stf::{Receipt, Transaction};

use super::{
    RpcConfig,
    api::NodeApiServer,
    error::RpcError,
    filters::Filters,
    types::{self, BlockPrices, RpcReceipt},
};
use crate::{
    chain::{Chain, StateView, StoredBlock, corrupt},
    pool::TransactionPool,
};

/// Namespaces and their versions.
pub(super) type Modules = BTreeMap<String, String>;

/// What the methods work on; clones share it.
pub(super) struct Node<P>(Arc<Shared<P>>);

impl<P> Clone for Node<P> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<P> Deref for Node<P> {
    type Target = Shared<P>;

    fn deref(&self) -> &Shared<P> {
        &self.0
    }
}

pub(super) struct Shared<P> {
    pub(super) chain: Chain,
    pub(super) pool: Arc<P>,
    pub(super) filters: Filters,
    pub(super) priority_fee_wei: u128,
    client_version: String,
    namespaces: Vec<String>,
}

impl<P: TransactionPool> Node<P> {
    /// `namespaces` are those that are served beside the ones of this crate.
    pub(super) fn new(
        chain: Chain,
        pool: Arc<P>,
        config: &RpcConfig,
        namespaces: Vec<String>,
    ) -> Self {
        Self(Arc::new(Shared {
            chain,
            pool,
            filters: Filters::default(),
            priority_fee_wei: config.priority_fee_wei,
            client_version: config.client_version.clone(),
            namespaces,
        }))
    }
}

impl<P: TransactionPool> Shared<P> {
    /// The header a block parameter means; the newest when it is absent.
    pub(super) fn header(&self, block: Option<BlockId>) -> Result<Sealed<Header>, RpcError> {
        let number = self
            .chain
            .resolve(block.unwrap_or_default())?
            .ok_or(RpcError::HeaderNotFound)?;
        self.chain.header(number)?.ok_or(RpcError::HeaderNotFound)
    }

    /// The state that a block parameter means: with what is confirmed after the newest block for "latest" and "pending".
    pub(super) fn state(&self, block: Option<BlockId>) -> Result<StateView, RpcError> {
        let block = block.unwrap_or_default();
        if block.is_latest() || block.is_pending() {
            return Ok(self.chain.newest_state()?);
        }
        Ok(self.chain.view_at(&*self.header(Some(block))?)?)
    }

    pub(super) fn stored_block(&self, id: BlockId) -> Result<Option<StoredBlock>, RpcError> {
        match self.chain.resolve(id)? {
            Some(number) => Ok(self.chain.block(number)?),
            None => Ok(None),
        }
    }

    pub(super) fn receipts(&self, block: &StoredBlock) -> Result<Vec<RpcReceipt>, RpcError> {
        let receipts = self.stored_receipts(block.header.number)?;
        Ok(types::receipts(block, receipts, self.prices(block)))
    }

    fn stored_receipts(&self, number: u64) -> Result<Vec<Receipt>, RpcError> {
        let receipts = self.chain.receipts(number)?;
        Ok(receipts.ok_or_else(|| corrupt(format!("receipts of block {number}")))?)
    }

    /// What the receipts of a block, sealed or open, are priced by.
    fn prices(&self, block: &StoredBlock) -> BlockPrices {
        let rules = self.chain.rules();
        BlockPrices {
            blobs: rules.blob_params(block.header.timestamp),
            fees: rules.is_rollmill().then_some(block.prices),
        }
    }

    /// A transaction that is confirmed or waits, and is in no block yet.
    pub(super) fn unmined(&self, hash: &B256) -> Option<Recovered<Transaction>> {
        let open = self.chain.open_block();
        let confirmed = open.and_then(|open| {
            let position = open.position(hash)?;
            open.block.transactions.get(position).cloned()
        });
        confirmed.or_else(|| self.pool.pending(hash))
    }

    /// The receipt of a transaction that is confirmed, in a block or not yet.
    pub(super) fn confirmed_receipt(&self, hash: &B256) -> Result<Option<RpcReceipt>, RpcError> {
        if let Some(open) = self.chain.open_block()
            && let Some(position) = open.position(hash)
        {
            let prices = self.prices(&open.block);
            return Ok(types::receipt_at(
                &open.block,
                &open.receipts,
                position,
                prices,
            ));
        }
        self.receipt(hash)
    }

    /// The receipt of a mined transaction.
    pub(super) fn receipt(&self, hash: &B256) -> Result<Option<RpcReceipt>, RpcError> {
        let Some((number, index)) = self.chain.place_of(hash)? else {
            return Ok(None);
        };
        let Some(block) = self.stored_block(number.into())? else {
            return Ok(None);
        };
        let receipts = self.stored_receipts(number)?;
        let prices = self.prices(&block);
        Ok(types::receipt_at(&block, &receipts, index as usize, prices))
    }
}

impl<P: TransactionPool> NodeApiServer for Node<P> {
    fn client_version(&self) -> RpcResult<String> {
        Ok(self.client_version.clone())
    }

    fn sha3(&self, data: Bytes) -> RpcResult<B256> {
        Ok(keccak256(data))
    }

    fn net_version(&self) -> RpcResult<String> {
        Ok(self.chain.chain_id().to_string())
    }

    fn net_listening(&self) -> RpcResult<bool> {
        Ok(true)
    }

    fn peer_count(&self) -> RpcResult<U64> {
        // Nodes of this chain have no peers: they meet on L1.
        Ok(U64::ZERO)
    }

    fn modules(&self) -> RpcResult<Modules> {
        let own = ["debug", "eth", "net", "rpc", "txpool", "web3"].map(String::from);
        let all = own.into_iter().chain(self.namespaces.iter().cloned());
        Ok(all.map(|name| (name, "1.0".into())).collect())
    }
}
