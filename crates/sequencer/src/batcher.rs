//! Cuts the chain into batches and prepares each for L1 and for the rollers.
//!
//! A batch is sealed when its oldest block is old enough, when it is big enough (bytes, estimated prover gas, blocks), or
//! on demand; and only while fewer than `open_batches_max` batches wait for their settlement. Users are not affected by
//! that: blocks go on.
//!
//! Order of writing, so that every crash leaves something that the next start completes:
//!
//! | step | durable after it | after a crash here |
//! |---|---|---|
//! | choose blocks, build the witness, check it | nothing | the same blocks (or more) are sealed again |
//! | put the witness | object by content hash | an object that nothing names; written again with the same name |
//! | record the batch (`sealed`) | batch | committed from the record, with the same content |
//! | commit on L1 (`committer`) | `l1_sends`, L1 | the sender recognises its transaction |
//! | event on L1 (`follower`) | `committed` | the event is read again |
//!
//! When blocks were taken back ([`crate::rollback`]), a batch that was being built over them is not recorded, and the batcher begins
//! anew after the last recorded one.
//!
//! INVARIANT: what is recorded was decoded again and compared with the blocks, and proven statelessly from the very
//! witness bytes by the same code as the guest's, with the same public values, prover gas included.

mod carrier;
mod choice;
mod plan;

use std::{ops::RangeInclusive, sync::Arc, time::Duration};

use alloy_primitives::B256;
use rollmill_engine::{
    Chain, StorageError,
    stf::{BatchError, BuiltBatch},
};
use rollmill_l1::{Deployment, DynProvider, contracts::Rollup};
use rollmill_protocol::{batch::BatchDataError, message::EMPTY_MESSAGE_HASH};
use rollmill_runtime::{Clock, Shutdown, blocking};
use rollmill_store::{BatchRecord, BatchState, ObjectError, Store, StoreError};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};

use self::{
    carrier::Carrier,
    choice::{Candidate, choose},
};
use crate::{SequencerConfig, rollback::Gate};

pub use self::{
    carrier::{BLOB_COMMIT_GAS, COMMIT_GAS, DataPolicy},
    choice::BatchPolicy,
};
pub(crate) use self::{
    choice::data_bytes,
    plan::{Plan, block_data},
};

/// Pause between looks at the age of the oldest block.
const POLL: Duration = Duration::from_millis(200);

/// Arguments of `Rollup.commit`, kept with the batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommitFields {
    /// Batch number.
    pub batch: u64,
    /// Program that must prove it.
    pub program_version: u32,
    /// Last L2 block.
    pub last_block: u64,
    /// Its timestamp, Unix seconds.
    pub last_timestamp: u64,
    /// Its state root.
    pub state_root: B256,
    /// Its hash.
    pub block_hash: B256,
    /// Root of the withdrawal tree after it.
    pub withdrawal_root: B256,
    /// L1 messages executed from the start of the chain to its end.
    pub messages_end: u64,
    /// Prover gas.
    pub prover_gas_estimate: u64,
    /// Content hash of the witness.
    pub witness_hash: B256,
}

impl From<&CommitFields> for Rollup::Commit {
    fn from(fields: &CommitFields) -> Self {
        Self {
            batch: fields.batch,
            programVersion: fields.program_version,
            lastBlock: fields.last_block,
            lastTimestamp: fields.last_timestamp,
            stateRoot: fields.state_root,
            blockHash: fields.block_hash,
            withdrawalRoot: fields.withdrawal_root,
            messagesEnd: fields.messages_end,
            proverGasEstimate: fields.prover_gas_estimate,
            witnessHash: fields.witness_hash,
        }
    }
}

/// Figures of a batch, for reports and for what its users are charged. A record of an earlier version lacks the newest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BatchStats {
    /// L2 blocks.
    pub blocks: u64,
    /// Transactions, L1 messages included.
    pub transactions: u64,
    /// L1 messages.
    pub messages: u64,
    /// EVM gas used.
    pub evm_gas: u64,
    /// Exact prover gas.
    pub prover_gas: u64,
    /// Witness.
    pub witness_bytes: u64,
    /// Batch data.
    pub data_bytes: u64,
    /// Data gas that its users pay for.
    pub charged_data_gas: u64,
    /// Prover gas that its users pay for: the rest of the batch's they share.
    pub charged_prover_gas: u64,
}

/// No batch can be made; the process must stop.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The chain's file failed.
    #[error(transparent)]
    Chain(#[from] StorageError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The witness cannot be written.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// Stored JSON is malformed.
    #[error("stored JSON is malformed")]
    Json(#[from] serde_json::Error),
    /// The blocks cannot be executed again, or not from their witness.
    #[error("blocks {blocks:?} cannot be executed again")]
    Batch {
        /// The blocks.
        blocks: RangeInclusive<u64>,
        /// Why.
        source: BatchError,
    },
    /// The batch data does not decode.
    #[error("batch data does not decode")]
    Data(#[from] BatchDataError),
    /// What would be posted, or proven, is not what was built.
    #[error("batch {batch} is not the chain that was built: {what} differs")]
    Mismatch {
        /// Number of the batch.
        batch: u64,
        /// The field.
        what: &'static str,
    },
    /// A block that must be there is not.
    #[error("block {0} is missing")]
    MissingBlock(u64),
}

/// What the next batch follows on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tip {
    pub(crate) batch: u64,
    pub(crate) last_block: u64,
    pub(crate) messages_end: u64,
    pub(crate) message_hash: B256,
}

impl Tip {
    pub(crate) const GENESIS: Self = Self {
        batch: 0,
        last_block: 0,
        messages_end: 0,
        message_hash: EMPTY_MESSAGE_HASH,
    };

    /// After the last recorded batch.
    pub(crate) async fn load(store: &Store) -> Result<Self, SealError> {
        let Some(number) = store.last_batch(BatchState::Sealed).await? else {
            return Ok(Self::GENESIS);
        };
        let Some(record) = store.batch(number).await? else {
            return Ok(Self::GENESIS);
        };
        Self::after(&record)
    }

    fn after(record: &BatchRecord) -> Result<Self, SealError> {
        let fields: CommitFields = serde_json::from_value(record.commit_fields.clone())?;
        Ok(Self {
            batch: record.number,
            last_block: record.last_block,
            messages_end: fields.messages_end,
            message_hash: record.public_values.message_hash,
        })
    }
}

pub(crate) struct Batcher {
    pub(crate) chain: Chain,
    pub(crate) store: Store,
    pub(crate) deployment: Deployment,
    pub(crate) clock: Clock,
    pub(crate) config: SequencerConfig,
    pub(crate) demand: Arc<Notify>,
    /// Is asked for its prices.
    l1: DynProvider,
    /// The dial WINDOW on L1.
    window: watch::Receiver<u32>,
    /// Number of the last sealed batch, for the committer.
    pub(crate) sealed: watch::Sender<u64>,
    pub(crate) tip: Tip,
    candidates: Vec<Candidate>,
    gate: Gate,
    /// Rollbacks that it has followed.
    generation: u64,
}

impl Batcher {
    pub(crate) fn new(
        (chain, store, deployment): (Chain, Store, Deployment),
        clock: Clock,
        config: SequencerConfig,
        (demand, l1, window): (Arc<Notify>, DynProvider, watch::Receiver<u32>),
        gate: Gate,
        tip: Tip,
    ) -> Self {
        let sealed = watch::Sender::new(tip.batch);
        Self {
            chain,
            store,
            deployment,
            clock,
            config,
            demand,
            l1,
            window,
            sealed,
            tip,
            candidates: Vec::new(),
            generation: gate.generation(),
            gate,
        }
    }

    pub(crate) async fn run(mut self, shutdown: Shutdown) -> Result<(), SealError> {
        let demand = self.demand.clone();
        loop {
            let demanded = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                () = demand.notified() => true,
                () = tokio::time::sleep(POLL) => false,
            };
            self.step(demanded).await?;
        }
    }

    /// Seals what is due. On demand that is everything up to the newest block.
    pub(crate) async fn step(&mut self, demanded: bool) -> Result<(), SealError> {
        loop {
            self.look().await?;
            let count = choose(
                &self.config.batch,
                &self.candidates,
                self.clock.now_unix_s(),
                demanded,
            );
            if count == 0 || self.is_window_full().await? {
                return Ok(());
            }
            self.seal(count).await?;
        }
    }

    async fn is_window_full(&self) -> Result<bool, SealError> {
        let settled = self
            .store
            .last_batch(BatchState::Settled)
            .await?
            .unwrap_or(0);
        let window = *self.window.borrow();
        let policy = &self.config.batch;
        Ok(policy.is_window_full(self.tip.batch, settled, window))
    }

    /// Reads the blocks that were built since the last look.
    async fn look(&mut self) -> Result<(), SealError> {
        let _entered = self.gate.enter().await;
        if self.generation != self.gate.generation() {
            self.generation = self.gate.generation();
            self.tip = Tip::load(&self.store).await?;
            self.candidates.clear();
        }
        let head = self.chain.head().number;
        let mut next = self.tip.last_block + 1 + self.candidates.len() as u64;
        while next <= head {
            let block = self
                .chain
                .block(next)?
                .ok_or(SealError::MissingBlock(next))?;
            self.candidates.push(Candidate::of(&block));
            next += 1;
        }
        Ok(())
    }

    /// Makes the first `count` candidates a batch; fewer when their exact prover gas is over the limit.
    async fn seal(&mut self, count: usize) -> Result<(), SealError> {
        let built = self.build(count).await;
        let _entered = self.gate.enter().await;
        if self.generation != self.gate.generation() {
            // Blocks went away while they were read: neither the batch nor an error of it means anything.
            return Ok(());
        }
        let (work, record, count) = built?;
        let stored = self.store.objects().put(&work.witness).await?;
        if stored != record.witness_hash {
            return Err(SealError::Mismatch {
                batch: record.number,
                what: "witness hash",
            });
        }
        self.store.record_batch(&record).await?;
        self.tip = Tip::after(&record)?;
        self.candidates.drain(..count);
        self.sealed.send_replace(record.number);
        tracing::info!(
            batch = record.number,
            blocks = count,
            last_block = record.last_block,
            prover_gas = record.public_values.prover_gas,
            witness_bytes = work.witness.len(),
            "sequencer.batch_sealed"
        );
        Ok(())
    }

    async fn build(&self, mut count: usize) -> Result<(BuiltBatch, BatchRecord, usize), SealError> {
        let carrier = Carrier::choose(self.config.data, &self.l1).await;
        loop {
            let plan = self.plan(count).carried(carrier);
            let (work, record) = blocking(move || plan.build()).await?;
            if count == 1 || record.public_values.prover_gas <= self.config.batch.prover_gas_max {
                return Ok((work, record, count));
            }
            count /= 2;
        }
    }

    fn plan(&self, count: usize) -> Plan {
        let last_block = self.tip.last_block + count as u64;
        Plan::new(
            &self.chain,
            &self.deployment,
            self.tip,
            last_block,
            self.config.program_version,
        )
    }
}
