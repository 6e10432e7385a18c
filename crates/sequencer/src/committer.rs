//! Commits sealed batches on L1, in order.
//!
//! The record in the store is all that is committed, so a batch that was sealed before a crash is committed after it with
//! the same content; so is one whose commit L1 took back. Before each commit L1 is asked two things: whether it has the batch
//! already, and whether the messages that the batch executed are still the messages of L1's queue. If either answer is not
//! what this node expects, the follower of L1 is about to read why, and to take blocks back ([`crate::rollback`]) or to stop the
//! process: the commit waits. A rollback ends a waiting commit; what it dropped is not committed, and the next batch of its
//! number takes its place in the nonce.
//! Reverts are not hopeless: a batch from a clock ahead of L1's fits a few L1 blocks later. They are retried and reported.

use std::time::Duration;

use alloy_primitives::{B256, keccak256};
use rollmill_l1::{Call, Deployment, SendError, Sender, calls, contracts::Rollup, purpose};
use rollmill_protocol::blob::BlobError;
use rollmill_runtime::{Backoff, Shutdown, blocking};
use rollmill_store::{BatchRecord, BatchState, Store, StoreError};
use tokio::sync::watch;

use crate::{CommitFields, rollback::Gate};

/// Pause between looks for batches that an L1 reorganisation took back.
const POLL: Duration = Duration::from_secs(2);
/// Pause between looks for the first snapshot of rollers.
const POLL_SNAPSHOT: Duration = Duration::from_millis(200);

/// A batch cannot be committed, now or for ever.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// L1 does not answer or refuses: tried again.
    #[error(transparent)]
    Send(#[from] SendError),
    /// L1 does not answer: tried again.
    #[error("cannot ask L1")]
    Ask(#[from] alloy::contract::Error),
    /// The store failed: stop.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stored commit is malformed: stop.
    #[error("stored JSON is malformed")]
    Json(#[from] serde_json::Error),
    /// What is recorded to be in a blob fits none: stop.
    #[error("the recorded data of batch {batch} is in no blob")]
    Blob {
        /// Batch number.
        batch: u64,
        /// Why.
        source: BlobError,
    },
    /// L1 has another batch of this number: the follower will say what that means.
    #[error("L1 has another batch {batch}: data {theirs}, ours is {ours}")]
    Foreign {
        /// Batch number.
        batch: u64,
        /// L1's data commitment.
        theirs: B256,
        /// Ours.
        ours: B256,
    },
    /// L1's queue is not what the batch executed: an L1 reorganisation changed a message, which the follower will read.
    #[error(
        "the messages that batch {batch} executed are not L1's: rolling hash {ours}, L1 has {theirs}"
    )]
    Messages {
        /// Batch number.
        batch: u64,
        /// Rolling hash after the batch.
        ours: B256,
        /// L1's rolling hash after as many messages.
        theirs: B256,
    },
}

impl CommitError {
    fn is_temporary(&self) -> bool {
        match self {
            Self::Ask(_) | Self::Foreign { .. } | Self::Messages { .. } => true,
            Self::Send(error) => {
                error.is_temporary() || matches!(error, SendError::Reverted { .. })
            }
            Self::Store(_) | Self::Json(_) | Self::Blob { .. } => false,
        }
    }
}

pub(crate) struct Committer {
    pub(crate) store: Store,
    pub(crate) sender: Sender,
    pub(crate) deployment: Deployment,
    pub(crate) sealed: watch::Receiver<u64>,
    pub(crate) gate: Gate,
    /// Commits wait until L1 has a snapshot of this epoch.
    pub(crate) epoch_min: u64,
}

impl Committer {
    pub(crate) async fn run(mut self, shutdown: Shutdown) -> Result<(), CommitError> {
        let (mut may_commit, mut failures) = (false, 0u32);
        let mut rollbacks = self.gate.subscribe();
        loop {
            may_commit = may_commit || self.has_snapshot().await;
            let mut pause = if may_commit { POLL } else { POLL_SNAPSHOT };
            if may_commit {
                let committed = tokio::select! {
                    () = shutdown.cancelled() => return Ok(()),
                    committed = self.commit_all() => committed,
                    _ = rollbacks.changed() => continue,
                };
                match committed {
                    Ok(()) => failures = 0,
                    Err(error) if error.is_temporary() => {
                        failures = failures.saturating_add(1);
                        pause = Backoff::FOREVER.wait(failures);
                        tracing::warn!(%error, failures, wait_ms = pause.as_millis() as u64, "commit failed, trying again");
                    }
                    Err(error) => return Err(error),
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                changed = self.sealed.changed() => if changed.is_err() {
                    // The batcher ended, with its own error or by the shutdown.
                    shutdown.cancelled().await;
                    return Ok(());
                },
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Whether rollers can be drawn: the coordinator posts the first snapshot some time after its start.
    async fn has_snapshot(&self) -> bool {
        let rollup = Rollup::new(self.deployment.rollup, self.sender.provider().clone());
        match rollup.currentEpoch().call().await {
            Ok(epoch) => epoch >= self.epoch_min,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot ask L1 for its epoch, trying again"
                );
                false
            }
        }
    }

    /// Commits every sealed batch, in order, up to the first that cannot be committed.
    async fn commit_all(&self) -> Result<(), CommitError> {
        for record in self.store.batches_in_state(BatchState::Sealed).await? {
            self.commit(&record).await?;
        }
        Ok(())
    }

    async fn commit(&self, record: &BatchRecord) -> Result<(), CommitError> {
        let batch = record.number;
        let rollup = Rollup::new(self.deployment.rollup, self.sender.provider().clone());
        let ours = keccak256(&record.data);
        if rollup.committedBatch().call().await? >= batch {
            let theirs = rollup.batches(batch).call().await?.dataCommitment;
            return if theirs == ours {
                Ok(())
            } else {
                Err(CommitError::Foreign {
                    batch,
                    theirs,
                    ours,
                })
            };
        }
        let fields: CommitFields = serde_json::from_value(record.commit_fields.clone())?;
        let ours = record.public_values.message_hash;
        let theirs = rollup.messageHashAt(fields.messages_end).call().await?;
        if theirs != ours {
            return Err(CommitError::Messages {
                batch,
                ours,
                theirs,
            });
        }
        let call = self.call(record, (&fields).into()).await?;
        let mined = self.sender.send(&purpose::commit(batch), &call).await?;
        tracing::info!(batch, l1_block = mined.block, l1_gas = mined.gas_used, hash = %mined.hash, "sequencer.commit");
        Ok(())
    }

    /// The commit, with the data as the record says: in a blob or not.
    async fn call(
        &self,
        record: &BatchRecord,
        commit: Rollup::Commit,
    ) -> Result<Call, CommitError> {
        let (rollup, data) = (self.deployment.rollup, record.data.clone());
        let values = record.public_values.clone();
        if values.blob_versioned_hash.is_zero() {
            return Ok(calls::commit(rollup, commit, data));
        }
        let call = blocking(move || calls::commit_blob(rollup, commit, &data, &values)).await;
        call.map_err(|source| CommitError::Blob {
            batch: record.number,
            source,
        })
    }
}
