//! `eth_*` for what would happen.

use alloy_eips::BlockId;
use alloy_primitives::{Bytes, U64};
use alloy_rpc_types_eth::{
    AccessListResult, BlockOverrides, TransactionRequest,
    simulate::{SimulatePayload, SimulatedBlock},
    state::StateOverride,
};
use jsonrpsee::core::RpcResult;

use super::{
    api::EthCallApiServer,
    error::RpcError,
    node::{Node, Shared},
    simulate,
    types::RpcBlock,
};
use crate::{
    call::{self, CallPlace},
    pool::TransactionPool,
};

impl<P: TransactionPool> Shared<P> {
    /// Where a call runs: in the block after the newest for "pending", at the end of what is confirmed for "latest", else in
    /// the block named.
    pub(super) fn place(&self, block: Option<BlockId>) -> Result<CallPlace, RpcError> {
        let block = block.unwrap_or_default();
        Ok(if block.is_pending() {
            CallPlace::after(&self.chain)?
        } else if block.is_latest() {
            CallPlace::newest(&self.chain)?
        } else {
            CallPlace::at(&self.chain, &*self.header(Some(block))?)?
        })
    }

    /// Where a future transaction is tried. It runs in the next block at the earliest, so that is where: there BLOCKHASH
    /// knows the newest block, as it will when the transaction is mined.
    pub(super) fn future_place(&self, block: Option<BlockId>) -> Result<CallPlace, RpcError> {
        let block = block.filter(|block| *block != BlockId::latest());
        self.place(Some(block.unwrap_or(BlockId::pending())))
    }
}

impl<P: TransactionPool> EthCallApiServer for Node<P> {
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
        Ok(call::call(&self.chain, request, place)?)
    }

    fn estimate_gas(
        &self,
        request: TransactionRequest,
        block: Option<BlockId>,
        state_overrides: Option<StateOverride>,
    ) -> RpcResult<U64> {
        let mut place = self.future_place(block)?;
        place.state_overrides = state_overrides;
        let gas = call::estimate(&self.chain, request, place)?;
        Ok(U64::from(gas))
    }

    fn create_access_list(
        &self,
        request: TransactionRequest,
        block: Option<BlockId>,
        state_overrides: Option<StateOverride>,
    ) -> RpcResult<AccessListResult> {
        let mut place = self.future_place(block)?;
        place.state_overrides = state_overrides;
        Ok(call::create_access_list(&self.chain, request, place)?)
    }

    fn simulate(
        &self,
        payload: SimulatePayload,
        block: Option<BlockId>,
    ) -> RpcResult<Vec<SimulatedBlock<RpcBlock>>> {
        let base = self.header(block)?;
        Ok(simulate::simulate(&self.chain, base, payload)?)
    }
}
