//! `debug_*`: what happened inside.

use std::cell::RefCell;

use alloy_consensus::{BlockBody, TxReceipt};
use alloy_eips::{BlockId, BlockNumberOrTag, eip2718::Encodable2718, eip4895::Withdrawals};
use alloy_primitives::{B256, Bytes};
use alloy_rpc_types_eth::TransactionRequest;
use alloy_rpc_types_trace::geth::{
    GethDebugTracingCallOptions, GethDebugTracingOptions, GethTrace, TraceResult,
};
use jsonrpsee::core::RpcResult;
use rollmill_stf::{Block, stateless::record_block};
use serde::Serialize;

use super::{
    api::DebugApiServer,
    error::RpcError,
    node::{Node, Shared},
};
use crate::{
    call::{self, Simulation},
    chain::{StoredBlock, corrupt},
    pool::TransactionPool,
    trace::{self, TraceError},
};

/// Everything that executing a block reads: enough to execute it again without a state. `keys` (preimages of hashed keys)
/// is there for readers of the format and empty: whoever executes makes them itself.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ExecutionWitness {
    /// Trie nodes of the state before the block.
    state: Vec<Bytes>,
    /// Codes.
    codes: Vec<Bytes>,
    keys: Vec<Bytes>,
    /// RLP of headers in ascending order, the last is the parent's.
    headers: Vec<Bytes>,
}

impl<P: TransactionPool> Shared<P> {
    /// A block that must be there.
    fn known_block(&self, id: BlockId) -> Result<StoredBlock, RpcError> {
        self.stored_block(id)?.ok_or(RpcError::HeaderNotFound)
    }

    fn trace_block(
        &self,
        id: BlockId,
        options: Option<GethDebugTracingOptions>,
    ) -> Result<Vec<TraceResult>, RpcError> {
        let block = self.known_block(id)?;
        Ok(trace::trace_block(
            &self.chain,
            &block,
            &options.unwrap_or_default(),
        )?)
    }

    fn trace_future(
        &self,
        request: TransactionRequest,
        block: Option<BlockId>,
        options: GethDebugTracingCallOptions,
    ) -> Result<GethTrace, RpcError> {
        let mut place = self.place(block)?;
        place.state_overrides = options.state_overrides;
        place.block_overrides = options.block_overrides.map(Box::new);
        let mut inspector = trace::inspector(&options.tracing_options)?;
        let mut simulation = Simulation::new(&self.chain, place)?;
        let transaction = simulation.call_transaction(request)?;
        let outcome = simulation.inspect(transaction.clone(), &mut inspector)?;
        let traced = inspector.get_result(
            None,
            &transaction,
            &simulation.block,
            &outcome,
            &mut call::Shared(RefCell::new(&mut simulation.database)),
        );
        Ok(traced.map_err(|error| TraceError::Tracer(error.to_string()))?)
    }

    fn witness(&self, id: BlockId) -> Result<ExecutionWitness, RpcError> {
        let StoredBlock {
            header,
            transactions,
            ..
        } = self.known_block(id)?;
        let number = header.number;
        let parent = number
            .checked_sub(1)
            .ok_or_else(|| RpcError::InvalidParams("the genesis block was not executed".into()))?;
        let parent = self
            .chain
            .header(parent)?
            .ok_or_else(|| corrupt(format!("header {parent}")))?;
        let withdrawals = header.withdrawals_root.map(|_| Withdrawals::default());
        let block = Block {
            header: header.into_inner(),
            body: BlockBody {
                transactions: transactions
                    .into_iter()
                    .map(|transaction| transaction.into_inner())
                    .collect(),
                ommers: Vec::new(),
                withdrawals,
            },
        };
        let ancestor = |number| {
            self.chain
                .header(number)
                .ok()?
                .map(|header| header.into_inner())
        };
        let (verdict, witness) = record_block(
            self.chain.rules(),
            &parent,
            block,
            self.chain.snapshot(&parent)?,
            ancestor,
        );
        verdict.map_err(|error| corrupt(format!("block {number} does not run again: {error}")))?;
        let headers = witness.ancestors.iter().rev();
        Ok(ExecutionWitness {
            state: witness.nodes.iter().cloned().collect(),
            codes: witness.codes.iter().cloned().collect(),
            keys: Vec::new(),
            headers: headers.chain([&witness.parent_header]).cloned().collect(),
        })
    }
}

impl<P: TransactionPool> DebugApiServer for Node<P> {
    fn trace_transaction(
        &self,
        hash: B256,
        options: Option<GethDebugTracingOptions>,
    ) -> RpcResult<GethTrace> {
        let place = self.chain.place_of(&hash)?;
        let (number, index) = place.ok_or(RpcError::TransactionNotFound)?;
        let block = self.known_block(number.into())?;
        let options = options.unwrap_or_default();
        let traced = trace::trace_transaction(&self.chain, &block, index as usize, &options);
        Ok(traced?)
    }

    fn trace_block_by_number(
        &self,
        number: BlockNumberOrTag,
        options: Option<GethDebugTracingOptions>,
    ) -> RpcResult<Vec<TraceResult>> {
        Ok(self.trace_block(number.into(), options)?)
    }

    fn trace_block_by_hash(
        &self,
        hash: B256,
        options: Option<GethDebugTracingOptions>,
    ) -> RpcResult<Vec<TraceResult>> {
        Ok(self.trace_block(hash.into(), options)?)
    }

    fn trace_call(
        &self,
        request: TransactionRequest,
        block: Option<BlockId>,
        options: Option<GethDebugTracingCallOptions>,
    ) -> RpcResult<GethTrace> {
        Ok(self.trace_future(request, block, options.unwrap_or_default())?)
    }

    fn execution_witness(&self, number: BlockNumberOrTag) -> RpcResult<ExecutionWitness> {
        Ok(self.witness(number.into())?)
    }

    fn raw_header(&self, block: BlockId) -> RpcResult<Bytes> {
        let header = self.header(Some(block))?;
        Ok(alloy_rlp::encode(header.inner()).into())
    }

    fn raw_receipts(&self, block: BlockId) -> RpcResult<Vec<Bytes>> {
        let number = self.header(Some(block))?.number;
        let receipts = self.chain.receipts(number)?;
        Ok(receipts
            .unwrap_or_default()
            .iter()
            .map(|receipt| receipt.with_bloom_ref().encoded_2718().into())
            .collect())
    }
}
