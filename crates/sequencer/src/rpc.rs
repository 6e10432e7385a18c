//! `rollmill_*`: what L2's JSON-RPC says beyond Ethereum's: batches, withdrawals, fees, the sequencer itself.
//!
//! The engine serves these methods and knows nothing of them. All answers come from what this node has on disk; L1 is not
//! asked, so nobody can make the node ask it. Quantities are hexadecimal, as in the rest of JSON-RPC.

pub(crate) mod activity;
mod fees;

use std::{error::Error, sync::Arc};

use alloy_eips::BlockNumberOrTag;
use alloy_primitives::{Address, B256, Bytes, U64, U256};
use jsonrpsee::{
    Methods,
    core::{RpcResult, async_trait},
    proc_macros::rpc,
    types::{ErrorObjectOwned, error::INTERNAL_ERROR_CODE},
};
use rollmill_engine::{
    Chain, Tag, TransactionPool,
    rpc::{TransactionRequest, estimate_fees},
};
use rollmill_l1::Deployment;
use rollmill_protocol::l2::{
    FEE_SCHEDULE, FEE_VAULT, L2_TOKEN_BRIDGE, PROVING_VAULT, WITHDRAWAL_QUEUE,
};
use rollmill_runtime::blocking;
use rollmill_store::{BatchRecord, BatchState, L1Place, Store, StoreError};
use serde::{Deserialize, Serialize};

use self::{
    activity::{Activity, ActivityApiServer},
    fees::{RpcFeeEstimate, RpcFees},
};
use crate::{
    BatchStats, Rollbacks, SequencerConfig, WithdrawalError, Withdrawals, batcher::CommitFields,
    fees::BatchUse,
};

pub use self::fees::{RpcBatchUse, RpcFeeSchedule};

/// The node says no; the text says why.
const SERVER_ERROR: i32 = -32000;
/// There is no proof yet; asking later can help.
const NOT_SETTLED: i32 = -32010;

/// A number, or the last that has come so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum BatchId {
    /// `sealed`, `committed` or `settled`.
    Last(BatchState),
    Number(U64),
}

/// A transaction on L1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct L1Transaction {
    hash: B256,
    block_number: U64,
}

impl From<L1Place> for L1Transaction {
    fn from(place: L1Place) -> Self {
        Self {
            hash: place.transaction,
            block_number: U64::from(place.block),
        }
    }
}

/// A batch and how far it has come.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RpcBatch {
    number: U64,
    status: BatchState,
    first_block: U64,
    last_block: U64,
    /// Task id of its proof.
    task: B256,
    program_version: U64,
    state_root: B256,
    block_hash: B256,
    withdrawal_root: B256,
    data_commitment: B256,
    /// Null when the data is calldata.
    blob_versioned_hash: Option<B256>,
    witness_hash: B256,
    /// L1 messages executed from the start of the chain to its end.
    messages_end: U64,
    transactions: U64,
    prover_gas: U64,
    data_bytes: U64,
    /// Null until this node has read it in a block of L1.
    commit_transaction: Option<L1Transaction>,
    /// Null until this node has read it in a block of L1.
    settle_transaction: Option<L1Transaction>,
}

/// How far a transaction has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum TransactionStatus {
    /// Neither in a block nor waiting for one: it never came here, or was replaced, dropped, or expired long ago.
    Unknown,
    /// No block took it in its lifetime, so it was forgotten: it has to be sent again.
    Expired,
    /// Waits for a block.
    Pending,
    /// Executed in the block that is being built; its receipt stands.
    Confirmed,
    /// In a block that is not committed on L1.
    Included,
    /// Its block is committed on L1.
    Committed,
    /// Its block is settled on L1.
    Settled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RpcTransactionStatus {
    status: TransactionStatus,
    block_number: Option<U64>,
    batch: Option<U64>,
}

/// Arguments of `Rollup.finalizeWithdrawal`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RpcWithdrawalProof {
    batch: U64,
    index: U64,
    sender: Address,
    recipient: Address,
    amount: U256,
    data: Bytes,
    /// Siblings from the leaf up.
    proof: Vec<B256>,
}

/// Who makes blocks here, and how far they have come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RpcSequencerInfo {
    l1_chain_id: U64,
    l2_chain_id: U64,
    /// The contract on L1.
    rollup: Address,
    /// The account on L1 that commits batches.
    operator: Address,
    /// L2's predeploy.
    withdrawal_queue: Address,
    /// The contract on L1 that holds tokens.
    token_bridge: Address,
    /// L2's predeploy that mints them.
    l2_token_bridge: Address,
    /// L2's predeploy that takes fees for gas and data.
    fee_vault: Address,
    /// L2's predeploy that takes fees for proving.
    proving_vault: Address,
    /// The contract on L1 that sells these for the rollers' pool.
    fee_auction: Address,
    /// L2's predeploy with the prices of data and proving.
    fee_schedule: Address,
    /// Longest wait of a transaction for its block.
    block_time_ms: U64,
    program_version: U64,
    latest_block: U64,
    safe_block: U64,
    finalized_block: U64,
    sealed_batch: Option<U64>,
    committed_batch: Option<U64>,
    settled_batch: Option<U64>,
    /// How often blocks were taken back because L1 was reorganised.
    rollbacks: U64,
    /// Pre-confirmations that were broken by that.
    broken_confirmations: U64,
}

#[rpc(server, namespace = "rollmill")]
trait RollmillApi {
    #[method(name = "sequencerInfo")]
    async fn sequencer_info(&self) -> RpcResult<RpcSequencerInfo>;

    #[method(name = "getBatch")]
    async fn batch(&self, id: BatchId) -> RpcResult<Option<RpcBatch>>;

    #[method(name = "getBatchByBlock")]
    async fn batch_by_block(&self, block: BlockNumberOrTag) -> RpcResult<Option<RpcBatch>>;

    #[method(name = "getTransactionStatus")]
    async fn transaction_status(&self, hash: B256) -> RpcResult<RpcTransactionStatus>;

    #[method(name = "getTransactionFees")]
    async fn transaction_fees(&self, hash: B256) -> RpcResult<Option<RpcFees>>;

    #[method(name = "estimateFee")]
    async fn estimate_fee(&self, request: TransactionRequest) -> RpcResult<RpcFeeEstimate>;

    #[method(name = "getFeeSchedule")]
    async fn fee_schedule(&self) -> RpcResult<RpcFeeSchedule>;

    #[method(name = "getWithdrawalProof")]
    async fn withdrawal_proof(&self, index: U64) -> RpcResult<RpcWithdrawalProof>;
}

/// What the methods read.
pub(crate) struct Rollmill<P> {
    pub(crate) chain: Chain,
    pub(crate) store: Store,
    pub(crate) deployment: Deployment,
    pub(crate) withdrawals: Arc<Withdrawals>,
    pub(crate) pool: Arc<P>,
    pub(crate) config: SequencerConfig,
}

/// The cause is logged; a client learns only that it is not its fault.
fn internal(error: impl Error + 'static) -> ErrorObjectOwned {
    tracing::error!(error = &error as &dyn Error, "rpc.internal_error");
    let text = "internal error: the node's database failed";
    ErrorObjectOwned::owned(INTERNAL_ERROR_CODE, text, None::<()>)
}

impl<P: TransactionPool> Rollmill<P> {
    pub(crate) fn methods(self) -> Methods {
        let mut all = Methods::from(Activity(self.chain.clone()).into_rpc());
        all.merge(self.into_rpc())
            .expect("no method is defined twice");
        all
    }

    async fn last(&self, state: BatchState) -> RpcResult<Option<U64>> {
        let number = self.store.last_batch(state).await.map_err(internal)?;
        Ok(number.map(U64::from))
    }

    async fn show(&self, record: Option<BatchRecord>) -> RpcResult<Option<RpcBatch>> {
        let Some(record) = record else {
            return Ok(None);
        };
        let fields: CommitFields =
            serde_json::from_value(record.commit_fields).map_err(internal)?;
        let stats: BatchStats = serde_json::from_value(record.stats).map_err(internal)?;
        let number = record.number;
        Ok(Some(RpcBatch {
            number: U64::from(number),
            status: record.state,
            first_block: U64::from(record.first_block),
            last_block: U64::from(record.last_block),
            task: record.task,
            program_version: U64::from(fields.program_version),
            state_root: fields.state_root,
            block_hash: fields.block_hash,
            withdrawal_root: fields.withdrawal_root,
            data_commitment: record.public_values.data_commitment,
            blob_versioned_hash: Some(record.public_values.blob_versioned_hash)
                .filter(|hash| !hash.is_zero()),
            witness_hash: record.witness_hash,
            messages_end: U64::from(fields.messages_end),
            transactions: U64::from(stats.transactions),
            prover_gas: U64::from(stats.prover_gas),
            data_bytes: U64::from(stats.data_bytes),
            commit_transaction: record.committed.map(L1Transaction::from),
            settle_transaction: record.settled.map(L1Transaction::from),
        }))
    }

    /// The batch that holds a block; `None` for the genesis block and for blocks that no batch holds yet.
    async fn batch_of(&self, block: u64) -> Result<Option<BatchRecord>, StoreError> {
        let last = self.store.last_batch(BatchState::Sealed).await?;
        let (mut low, mut high) = (1, last.unwrap_or(0));
        while low <= high {
            let middle = low + (high - low) / 2;
            let Some(record) = self.store.batch(middle).await? else {
                return Ok(None);
            };
            if block < record.first_block {
                high = middle - 1;
            } else if block > record.last_block {
                low = middle + 1;
            } else {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }
}

#[async_trait]
impl<P: TransactionPool> RollmillApiServer for Rollmill<P> {
    async fn sequencer_info(&self) -> RpcResult<RpcSequencerInfo> {
        let tag = |tag| self.chain.tag(tag).map(U64::from).map_err(internal);
        let config = &self.config;
        let rollbacks = Rollbacks::load(&self.store).await.map_err(internal)?;
        Ok(RpcSequencerInfo {
            l1_chain_id: U64::from(self.deployment.chain_id),
            l2_chain_id: U64::from(self.deployment.l2_chain_id),
            rollup: self.deployment.rollup,
            operator: self.deployment.operator,
            withdrawal_queue: WITHDRAWAL_QUEUE,
            token_bridge: self.deployment.token_bridge(),
            l2_token_bridge: L2_TOKEN_BRIDGE,
            fee_vault: FEE_VAULT,
            proving_vault: PROVING_VAULT,
            fee_auction: self.deployment.fee_auction(),
            fee_schedule: FEE_SCHEDULE,
            block_time_ms: U64::from(config.block_time.as_millis()),
            program_version: U64::from(config.program_version),
            latest_block: U64::from(self.chain.head().number),
            safe_block: tag(Tag::Safe)?,
            finalized_block: tag(Tag::Finalized)?,
            sealed_batch: self.last(BatchState::Sealed).await?,
            committed_batch: self.last(BatchState::Committed).await?,
            settled_batch: self.last(BatchState::Settled).await?,
            rollbacks: U64::from(rollbacks.count),
            broken_confirmations: U64::from(rollbacks.transactions),
        })
    }

    async fn batch(&self, id: BatchId) -> RpcResult<Option<RpcBatch>> {
        let number = match id {
            BatchId::Number(number) => Some(number.to()),
            BatchId::Last(state) => {
                let last = self.store.last_batch(state).await;
                last.map_err(internal)?
            }
        };
        let record = match number {
            Some(number) => self.store.batch(number).await.map_err(internal)?,
            None => None,
        };
        self.show(record).await
    }

    async fn batch_by_block(&self, block: BlockNumberOrTag) -> RpcResult<Option<RpcBatch>> {
        let record = match self.chain.resolve(block.into()).map_err(internal)? {
            Some(number) => self.batch_of(number).await.map_err(internal)?,
            None => None,
        };
        self.show(record).await
    }

    async fn transaction_status(&self, hash: B256) -> RpcResult<RpcTransactionStatus> {
        // Before the chain is asked: a transaction goes from the pool to the open block to a sealed one.
        let waits = self.pool.pending(&hash).is_some();
        let open = self.chain.open_block();
        let open = open.filter(|open| open.position(&hash).is_some());
        let Some((number, _)) = self.chain.place_of(&hash).map_err(internal)? else {
            return Ok(RpcTransactionStatus {
                status: match (&open, waits) {
                    (Some(_), _) => TransactionStatus::Confirmed,
                    (None, true) => TransactionStatus::Pending,
                    (None, false) if self.pool.has_expired(&hash) => TransactionStatus::Expired,
                    (None, false) => TransactionStatus::Unknown,
                },
                block_number: open.map(|open| U64::from(open.block.header.number)),
                batch: None,
            });
        };
        let record = self.batch_of(number).await.map_err(internal)?;
        Ok(RpcTransactionStatus {
            status: match record.as_ref().map(|record| record.state) {
                None | Some(BatchState::Sealed) => TransactionStatus::Included,
                Some(BatchState::Committed) => TransactionStatus::Committed,
                Some(BatchState::Settled) => TransactionStatus::Settled,
            },
            block_number: Some(U64::from(number)),
            batch: record.map(|record| U64::from(record.number)),
        })
    }

    async fn transaction_fees(&self, hash: B256) -> RpcResult<Option<RpcFees>> {
        let chain = self.chain.clone();
        blocking(move || fees::fees(&chain, hash)).await
    }

    async fn estimate_fee(&self, request: TransactionRequest) -> RpcResult<RpcFeeEstimate> {
        let chain = self.chain.clone();
        let estimate = blocking(move || estimate_fees(&chain, request)).await?;
        Ok(estimate.into())
    }

    async fn fee_schedule(&self) -> RpcResult<RpcFeeSchedule> {
        let recent = BatchUse::read(&self.store).await.map_err(internal)?;
        let (chain, deployment) = (self.chain.clone(), self.deployment.clone());
        let schedule = blocking(move || fees::schedule(&chain, &deployment, recent)).await;
        schedule.map_err(internal)
    }

    async fn withdrawal_proof(&self, index: U64) -> RpcResult<RpcWithdrawalProof> {
        let proven = self.withdrawals.prove(index.to()).await;
        let proven = proven.map_err(|error| match error {
            WithdrawalError::NotSettled(_) | WithdrawalError::NoBatch => {
                ErrorObjectOwned::owned(NOT_SETTLED, error.to_string(), None::<()>)
            }
            WithdrawalError::Unknown { .. } => {
                ErrorObjectOwned::owned(SERVER_ERROR, error.to_string(), None::<()>)
            }
            error => internal(error),
        })?;
        Ok(RpcWithdrawalProof {
            batch: U64::from(proven.batch),
            index: U64::from(proven.withdrawal.index),
            sender: proven.withdrawal.sender,
            recipient: proven.withdrawal.recipient,
            amount: proven.withdrawal.amount_wei,
            data: proven.withdrawal.data,
            proof: proven.path.to_vec(),
        })
    }
}
