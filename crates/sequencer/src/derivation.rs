//! Rebuilds the chain from L1 alone, batch by batch, as they are committed.
//!
//! | what | where it is on L1 |
//! |---|---|
//! | L1 messages | events `MessageSent` |
//! | times, randomness, transactions of the blocks | calldata of `Rollup.commit`, event `BatchEnforced`, or the blob of event `BlobCommitted`, bound by the commit's data commitment |
//! | what they must lead to | event `BatchCommitted`: last block, its hash, state root, withdrawal root, messages |
//!
//! Every block is executed again; a batch whose data leads anywhere else than its commit says is an error, because it can
//! never be proven: the chain stays where it is until L1 drops the batch (`follower`). What is derived is recorded like a
//! batch of one's own, witness included: whoever has derived a chain can prove withdrawals from it, and go on as its
//! sequencer.
//!
//! A blob is no part of L1's chain: it is asked for where blobs are kept ([`BlobSource`]), and what comes is compared with its hash.
//! One that is not there yet, or not any more, is waited for, because the batch is as valid as before.
//!
//! A crash leaves blocks of a batch without its record: they are compared with the batch's data, and go if they differ. When
//! L1 takes a commit back, its batch and blocks go, too.

use alloy_primitives::{B256, Bytes, keccak256};
use rollmill_engine::{
    AppendError, Chain, StorageError,
    stf::{BatchError, BlockAttributes, BlockError, BuiltBatch, ExecutedBlock, fill_block},
};
use rollmill_l1::{
    BlobSource, Deployment, DynProvider,
    calls::{self, Posted},
    contracts::Rollup::BatchCommitted,
};
use rollmill_protocol::{
    BatchData, BlockData, L1Message, PublicValues, TaskId,
    batch::BatchDataError,
    blob::{BlobError, unpack},
};
use rollmill_runtime::{Backoff, Shutdown, blocking, retry};
use rollmill_store::{BatchRecord, BatchState, L1Place, ObjectError, Store, StoreError};

use crate::{
    BatchStats,
    batcher::{CommitFields, Plan, SealError, Tip, block_data},
};

/// The chain cannot be derived; the process must stop.
#[derive(Debug, thiserror::Error)]
pub enum DeriveError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The witness cannot be written.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The chain's file failed.
    #[error(transparent)]
    Chain(#[from] StorageError),
    /// A block cannot be appended.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The batch cannot be executed again from its witness, or stored JSON is malformed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A batch before this one was not read: the data directory is of another chain, or its cursor is wrong.
    #[error("L1 commits batch {found}, the next one to derive is {expected}")]
    Gap {
        /// Batch on L1.
        found: u64,
        /// The one that follows what is here.
        expected: u64,
    },
    /// The data is not where it is looked for: the commit was made by a contract in between.
    #[error("the data of batch {batch} is not in L1's transaction {transaction}")]
    NotCalldata {
        /// Batch number.
        batch: u64,
        /// The transaction that committed it.
        transaction: B256,
    },
    /// The blob is that of no data.
    #[error("the blob of batch {batch} holds no data")]
    Blob {
        /// Batch number.
        batch: u64,
        /// Why.
        source: BlobError,
    },
    /// No batch data.
    #[error("the data of batch {batch} does not decode")]
    Data {
        /// Batch number.
        batch: u64,
        /// Why.
        source: BatchDataError,
    },
    /// The batch counts messages that L1 does not have.
    #[error("batch {batch} executes L1 message {index}, which L1 does not have")]
    NoMessage {
        /// Batch number.
        batch: u64,
        /// Index in the queue.
        index: u64,
    },
    /// The data breaks the rules.
    #[error("batch {batch} cannot be executed")]
    Execute {
        /// Batch number.
        batch: u64,
        /// Why.
        source: BatchError,
    },
    /// The commit says something else than its data leads to.
    #[error("batch {batch} does not lead to what L1's commit says: {what} differs")]
    Differs {
        /// Batch number.
        batch: u64,
        /// The field.
        what: &'static str,
    },
    /// The process is ending; the batch is derived by the next one.
    #[error("shut down while asking L1")]
    Shutdown,
}

impl DeriveError {
    /// Whether the batch is to blame: no node can derive it, and nobody prove it.
    pub(crate) fn is_the_batchs(&self) -> bool {
        match self {
            // The disk, not the batch.
            Self::Execute { source, .. } => !matches!(
                source,
                BatchError::State(_) | BatchError::Block(BlockError::State(_))
            ),
            Self::NotCalldata { .. }
            | Self::Blob { .. }
            | Self::Data { .. }
            | Self::NoMessage { .. }
            | Self::Differs { .. } => true,
            _ => false,
        }
    }
}

/// Derives batches for the follower of L1.
#[derive(Debug)]
pub(crate) struct Derivation {
    pub(crate) chain: Chain,
    pub(crate) store: Store,
    pub(crate) deployment: Deployment,
    pub(crate) provider: DynProvider,
    pub(crate) blobs: BlobSource,
    pub(crate) shutdown: Shutdown,
}

impl Derivation {
    /// Executes a committed batch, which must follow on the last recorded one, and records it as sealed.
    pub(crate) async fn derive(
        &self,
        committed: &BatchCommitted,
        transaction: B256,
    ) -> Result<BatchRecord, DeriveError> {
        let tip = Tip::load(&self.store).await?;
        let batch = committed.batch;
        if batch != tip.batch + 1 {
            return Err(DeriveError::Gap {
                found: batch,
                expected: tip.batch + 1,
            });
        }
        let posted = self.data(committed, transaction).await?;
        let version = committed.c.programVersion;
        let (built, record) = self.build(tip, posted, version).await?;
        compare(committed, &record)?;
        self.store.objects().put(&built.witness).await?;
        self.store.record_batch(&record).await?;
        tracing::info!(
            batch,
            blocks = record.last_block - tip.last_block,
            last_block = record.last_block,
            "sequencer.batch_derived"
        );
        Ok(record)
    }

    /// Executes the batch after `tip`, given by the bytes that are posted and the versioned hash of their blob (zero for calldata):
    /// its blocks become the chain's newest. Builds it.
    pub(crate) async fn build(
        &self,
        tip: Tip,
        (posted, versioned_hash): (Bytes, B256),
        program_version: u32,
    ) -> Result<(BuiltBatch, BatchRecord), DeriveError> {
        let batch = tip.batch + 1;
        let data = BatchData::decode(&posted);
        let data = data.map_err(|source| DeriveError::Data { batch, source })?;
        let messages = self.messages(batch, &data, tip.messages_end).await?;
        let last_block = tip.last_block + data.blocks.len() as u64;
        let work = Work {
            chain: self.chain.clone(),
            batch,
            first: tip.last_block + 1,
            data,
            messages,
        };
        blocking(move || work.execute()).await?;
        let (chain, deployment) = (&self.chain, &self.deployment);
        let plan = Plan::new(chain, deployment, tip, last_block, program_version);
        let plan = plan.posted(posted, versioned_hash);
        Ok(blocking(move || plan.build()).await?)
    }

    /// Forgets a batch that L1 dropped, and all behind it, with their blocks. What stays is a settled batch without blocks, as
    /// on L1. One that is dropped already stays as it is.
    pub(crate) async fn drop_batch(&self, batch: u64, at: L1Place) -> Result<(), DeriveError> {
        let known = self.store.batch(batch).await?;
        if known.is_none_or(|record| record.state != BatchState::Settled) {
            self.store.drop_batches_after(batch - 1).await?;
            let tip = Tip::load(&self.store).await?;
            if batch != tip.batch + 1 {
                return Err(DeriveError::Gap {
                    found: batch,
                    expected: tip.batch + 1,
                });
            }
            let record = self.empty(tip).await?;
            self.store.record_batch(&record).await?;
            self.store.set_batch_committed(batch, at).await?;
            self.store.set_batch_settled(batch, at).await?;
        }
        let last_block = Tip::load(&self.store).await?.last_block;
        self.undo(last_block).await
    }

    /// The batch after `tip`, without blocks.
    async fn empty(&self, tip: Tip) -> Result<BatchRecord, DeriveError> {
        let previous = self.store.batch(tip.batch).await?;
        let withdrawal_root = previous.map_or(self.deployment.genesis.withdrawal_root, |record| {
            record.public_values.withdrawal_root
        });
        let missing = SealError::MissingBlock(tip.last_block);
        let header = self.chain.header(tip.last_block)?.ok_or(missing)?;
        let batch = tip.batch + 1;
        let (l1_chain_id, rollup) = (self.deployment.chain_id, self.deployment.rollup);
        let public_values = PublicValues {
            l1_chain_id,
            rollup,
            l2_chain_id: self.deployment.l2_chain_id,
            task: TaskId::of_batch(l1_chain_id, rollup, batch),
            first_batch: batch,
            last_batch: batch,
            previous_state_root: header.state_root,
            state_root: header.state_root,
            previous_block_hash: header.hash(),
            block_hash: header.hash(),
            previous_message_hash: tip.message_hash,
            message_hash: tip.message_hash,
            withdrawal_root,
            last_block: tip.last_block,
            last_timestamp: header.timestamp,
            ..PublicValues::default()
        };
        let fields = CommitFields {
            batch,
            program_version: 0,
            last_block: tip.last_block,
            last_timestamp: header.timestamp,
            state_root: header.state_root,
            block_hash: header.hash(),
            withdrawal_root,
            messages_end: tip.messages_end,
            prover_gas_estimate: 0,
            witness_hash: B256::ZERO,
        };
        Ok(BatchRecord {
            number: batch,
            first_block: tip.last_block + 1,
            last_block: tip.last_block,
            state: BatchState::Sealed,
            task: public_values.task.0,
            witness_hash: B256::ZERO,
            data: Bytes::new(),
            commit_fields: serde_json::to_value(&fields).map_err(SealError::Json)?,
            public_values,
            stats: serde_json::to_value(BatchStats::default()).map_err(SealError::Json)?,
            committed: None,
            settled: None,
        })
    }

    /// Takes the blocks after `last_block` back.
    pub(crate) async fn undo(&self, last_block: u64) -> Result<(), DeriveError> {
        if self.chain.head().number > last_block {
            let chain = self.chain.clone();
            blocking(move || chain.rewind(last_block)).await?;
        }
        Ok(())
    }

    /// Forgets the batches that are not committed any more, and their blocks.
    pub(crate) async fn rewind(&self) -> Result<(), DeriveError> {
        let committed = self.store.last_batch(BatchState::Committed).await?;
        let committed = committed.unwrap_or(0);
        let lost = self.store.drop_batches_after(committed).await?;
        let last_block = Tip::load(&self.store).await?.last_block;
        self.undo(last_block).await?;
        tracing::warn!(
            batch = committed,
            last_block,
            lost,
            "sequencer.derivation_rewind"
        );
        Ok(())
    }

    /// The batch's data, from the transaction that committed it or from its blob, whose versioned hash comes along; else zero.
    async fn data(
        &self,
        committed: &BatchCommitted,
        transaction: B256,
    ) -> Result<(Bytes, B256), DeriveError> {
        let place = (committed.batch, transaction);
        let ask = || calls::committed_data(&self.provider, &self.deployment, place);
        let posted = retry("batch data", Backoff::FOREVER, &self.shutdown, ask).await;
        match posted.map_err(|_| DeriveError::Shutdown)? {
            Some(Posted::Data(data)) if keccak256(&data) == committed.dataCommitment => {
                Ok((data, B256::ZERO))
            }
            Some(Posted::Blob {
                versioned_hash,
                l1_block,
            }) => {
                let data = self.in_blob(committed, (l1_block, versioned_hash)).await?;
                Ok((data, versioned_hash))
            }
            _ => Err(DeriveError::NotCalldata {
                batch: committed.batch,
                transaction,
            }),
        }
    }

    /// The data in a blob, which must be what the commit says.
    async fn in_blob(
        &self,
        committed: &BatchCommitted,
        place: (u64, B256),
    ) -> Result<Bytes, DeriveError> {
        let batch = committed.batch;
        let ask = || self.blobs.blob(&self.provider, place);
        let blob = retry("blob", Backoff::FOREVER, &self.shutdown, ask).await;
        let blob = blob.map_err(|_| DeriveError::Shutdown)?;
        let data = unpack(&blob).map_err(|source| DeriveError::Blob { batch, source })?;
        if keccak256(&data) != committed.dataCommitment {
            return Err(DeriveError::Differs {
                batch,
                what: "data commitment",
            });
        }
        Ok(data.into())
    }

    /// The L1 messages that the batch executes.
    async fn messages(
        &self,
        batch: u64,
        data: &BatchData,
        from: u64,
    ) -> Result<Vec<L1Message>, DeriveError> {
        let count = data.blocks.iter().fold(0u64, |sum, block| {
            sum.saturating_add(block.l1_message_count)
        });
        let missing = |index| DeriveError::NoMessage { batch, index };
        let limit = u32::try_from(count).map_err(|_| missing(from + count))?;
        let mut messages = Vec::new();
        for (index, _, body) in self.store.messages_from(from, limit).await? {
            let message: L1Message = serde_json::from_str(&body).map_err(SealError::Json)?;
            if index != from + messages.len() as u64 || message.index != index {
                break;
            }
            messages.push(message);
        }
        if (messages.len() as u64) < count {
            return Err(missing(from + messages.len() as u64));
        }
        Ok(messages)
    }
}

/// The commit's claims against what its data led to.
fn compare(committed: &BatchCommitted, record: &BatchRecord) -> Result<(), DeriveError> {
    let fields: CommitFields =
        serde_json::from_value(record.commit_fields.clone()).map_err(SealError::Json)?;
    let (claim, values) = (&committed.c, &record.public_values);
    let equal = [
        ("last block", claim.lastBlock == fields.last_block),
        ("timestamp", claim.lastTimestamp == fields.last_timestamp),
        ("state root", claim.stateRoot == fields.state_root),
        ("block hash", claim.blockHash == fields.block_hash),
        (
            "withdrawal root",
            claim.withdrawalRoot == fields.withdrawal_root,
        ),
        ("messages", claim.messagesEnd == fields.messages_end),
        ("message hash", committed.messageHash == values.message_hash),
        (
            "data commitment",
            committed.dataCommitment == values.data_commitment,
        ),
        ("task", committed.task == record.task),
    ];
    match equal.into_iter().find(|(_, equal)| !equal) {
        Some((what, _)) => Err(DeriveError::Differs {
            batch: committed.batch,
            what,
        }),
        None => Ok(()),
    }
}

/// A batch to execute, on a blocking thread.
struct Work {
    chain: Chain,
    batch: u64,
    first: u64,
    data: BatchData,
    messages: Vec<L1Message>,
}

impl Work {
    fn execute(self) -> Result<(), DeriveError> {
        let mut rest = self.messages.as_slice();
        for (number, data) in (self.first..).zip(&self.data.blocks) {
            let messages;
            // The sum of all counts is the number of messages.
            (messages, rest) = rest.split_at(data.l1_message_count as usize);
            if self.chain.head().number >= number {
                let found = self.chain.block(number)?.as_ref().map(block_data);
                if found.is_some_and(|found| (&found.0, &found.1[..]) == (data, messages)) {
                    continue;
                }
                self.chain.rewind(number - 1)?;
            }
            let executed = self.block(data, messages);
            let executed = executed.map_err(|source| DeriveError::Execute {
                batch: self.batch,
                source,
            })?;
            self.chain.append(&executed, &[])?;
        }
        Ok(())
    }

    fn block(&self, data: &BlockData, messages: &[L1Message]) -> Result<ExecutedBlock, BatchError> {
        let attributes = BlockAttributes::rollmill(data.timestamp, data.prevrandao, data.gas_limit);
        let mut block = self.chain.begin_block(attributes)?;
        let mut left = messages.iter();
        fill_block(&mut block, data, || {
            left.next()
                .ok_or(BatchError::MissingMessage(messages.len()))
        })?;
        let (executed, _) = block.finish()?;
        Ok(executed)
    }
}
