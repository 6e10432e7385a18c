//! Follows L1: takes its messages in, and says how far L1 has followed the L2.
//!
//! For each L1 block, in order: messages go into the store, a committed batch moves the tag `safe`, a settled one
//! `finalized`; then the cursor is stored. Everything is idempotent, so a crash in between repeats the block.
//! After an L1 reorganisation the messages and batch states of the lost blocks are taken back. The L2 blocks of a
//! sequencer are not: a batch that was executed with messages which L1 then changed is caught before it is committed (see
//! `committer`). A node that derives the chain (`derivation`) has no blocks but those that L1 holds, and takes them back, too.
//!
//! | component | in memory | persisted | recovery |
//! |---|---|---|---|
//! | position on L1 | watcher | cursor `sequencer` | goes on after the cursor |
//! | messages | | store, by index | written again |
//! | batch states, tags | | store; chain file | written again |

use alloy_primitives::B256;
use rollmill_engine::{Chain, StorageError, Tag};
use rollmill_l1::{
    Cursor, L1Block, L1Event, Update, WatchError, Watcher,
    contracts::Rollup::{BatchCommitted, MessageSent, RollupEvents},
};
use rollmill_protocol::L1Message;
use rollmill_runtime::Shutdown;
use rollmill_store::{BatchState, L1Place, Store, StoreError};
use tokio::sync::watch;

use crate::derivation::{Derivation, DeriveError};

/// Name of the follower's cursor in the store.
pub(crate) const CURSOR: &str = "sequencer";

/// The newest L1 block that was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct L1Head {
    /// Number.
    pub number: u64,
    /// Unix seconds.
    pub timestamp: u64,
    /// Randomness.
    pub prevrandao: B256,
}

/// L1 cannot be followed any more; the process must stop and the operator look.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// L1 was reorganised too deeply.
    #[error(transparent)]
    Watch(#[from] WatchError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The chain's file failed.
    #[error(transparent)]
    Chain(#[from] StorageError),
    /// The stored cursor or a message has no JSON form.
    #[error("stored JSON is malformed")]
    Json(#[from] serde_json::Error),
    /// A batch cannot be derived.
    #[error("cannot derive the chain from L1")]
    Derive(#[from] DeriveError),
    /// L1 holds a batch that this node did not make: another operator, or a lost data directory.
    #[error("L1 holds batch {batch} with L2 block {theirs}, this node has {ours:?}")]
    ForeignBatch {
        /// Batch number.
        batch: u64,
        /// Hash of its last block on L1.
        theirs: B256,
        /// Hash of its last block here, if it was sealed here.
        ours: Option<B256>,
    },
}

#[derive(Debug)]
pub(crate) struct Follower {
    pub(crate) watcher: Watcher,
    pub(crate) store: Store,
    pub(crate) chain: Chain,
    pub(crate) head: watch::Sender<L1Head>,
    /// Makes the batches that are not here; a sequencer has made them all.
    pub(crate) derivation: Option<Derivation>,
}

/// The stored cursor, if there is one.
pub(crate) async fn cursor(store: &Store) -> Result<Option<Cursor>, FollowError> {
    let text = store.cursor(CURSOR).await?;
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
}

impl Follower {
    pub(crate) async fn run(mut self, shutdown: Shutdown) -> Result<(), FollowError> {
        while let Some(update) = shutdown.run_until(self.watcher.next()).await {
            match self.apply(update?).await {
                Err(FollowError::Derive(DeriveError::Shutdown)) => return Ok(()),
                result => result?,
            }
        }
        Ok(())
    }

    pub(crate) async fn apply(&mut self, update: Update) -> Result<(), FollowError> {
        let cursor = match &update {
            Update::Block(block) => {
                self.block(block).await?;
                block.cursor()
            }
            Update::Rewind(cursor) => {
                self.rewind(*cursor).await?;
                *cursor
            }
        };
        self.store
            .set_cursor(CURSOR, &serde_json::to_string(&cursor)?)
            .await?;
        if let Update::Block(block) = update {
            let L1Block {
                number,
                timestamp,
                prevrandao,
                ..
            } = block;
            self.head.send_replace(L1Head {
                number,
                timestamp,
                prevrandao,
            });
        }
        Ok(())
    }

    async fn block(&self, block: &L1Block) -> Result<(), FollowError> {
        for logged in &block.events {
            let L1Event::Rollup(event) = &logged.event else {
                continue;
            };
            let at = L1Place {
                transaction: logged.transaction,
                block: block.number,
            };
            match event {
                RollupEvents::MessageSent(sent) => self.message(block.number, sent).await?,
                RollupEvents::BatchCommitted(committed) => self.committed(committed, at).await?,
                RollupEvents::BatchSettled(settled) => self.settled(settled.batch, at).await?,
                RollupEvents::BatchSettledUnpaid(settled) => {
                    self.settled(settled.batch, at).await?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn message(&self, l1_block: u64, sent: &MessageSent) -> Result<(), FollowError> {
        let message = L1Message {
            index: sent.index,
            sender: sent.sender,
            to: sent.to,
            mint: sent.mint,
            value: sent.value,
            gas_limit: sent.gasLimit,
            data: sent.data.clone(),
        };
        tracing::info!(index = message.index, mint = %message.mint, value = %message.value, l1_block, "sequencer.l1_message");
        Ok(self
            .store
            .put_message(message.index, l1_block, &serde_json::to_string(&message)?)
            .await?)
    }

    async fn committed(&self, event: &BatchCommitted, at: L1Place) -> Result<(), FollowError> {
        let (batch, theirs) = (event.batch, event.c.blockHash);
        let record = match (self.store.batch(batch).await?, &self.derivation) {
            (None, Some(derivation)) => Some(derivation.derive(event, at.transaction).await?),
            (record, _) => record,
        };
        let ours = record
            .as_ref()
            .map(|record| record.public_values.block_hash);
        let Some(record) = record.filter(|_| ours == Some(theirs)) else {
            return Err(FollowError::ForeignBatch {
                batch,
                theirs,
                ours,
            });
        };
        self.store.set_batch_committed(batch, at).await?;
        self.tag(Tag::Safe, record.last_block)?;
        tracing::info!(
            batch,
            last_block = record.last_block,
            "sequencer.batch_committed"
        );
        Ok(())
    }

    async fn settled(&self, batch: u64, at: L1Place) -> Result<(), FollowError> {
        let Some(record) = self.store.batch(batch).await? else {
            return Ok(());
        };
        self.store.set_batch_settled(batch, at).await?;
        self.tag(Tag::Finalized, record.last_block)?;
        tracing::info!(
            batch,
            last_block = record.last_block,
            "sequencer.batch_settled"
        );
        Ok(())
    }

    /// Moves a tag forward; a block that is read again does not move it back.
    fn tag(&self, tag: Tag, block: u64) -> Result<(), StorageError> {
        if block > self.chain.tag(tag)? {
            self.chain.set_tag(tag, block)
        } else {
            Ok(())
        }
    }

    /// Takes back what the lost blocks said.
    async fn rewind(&self, to: Cursor) -> Result<(), FollowError> {
        let lost = self.store.drop_messages_after_block(to.block).await?;
        self.store.rewind_batches(to.block).await?;
        if let Some(derivation) = &self.derivation {
            derivation.rewind().await?;
        }
        let (safe, finalized) = (
            self.last_block(BatchState::Committed).await?,
            self.last_block(BatchState::Settled).await?,
        );
        tracing::warn!(
            l1_block = to.block,
            lost_messages = lost,
            safe,
            finalized,
            "sequencer.l1_rewind"
        );
        self.chain.set_tag(Tag::Safe, safe)?;
        Ok(self.chain.set_tag(Tag::Finalized, finalized)?)
    }

    /// Last block of the last batch that has come so far; 0 when none has.
    async fn last_block(&self, state: BatchState) -> Result<u64, StoreError> {
        let Some(number) = self.store.last_batch(state).await? else {
            return Ok(0);
        };
        let record = self.store.batch(number).await?;
        Ok(record.map_or(0, |record| record.last_block))
    }
}
