//! Follows L1: takes its messages in, and says how far L1 has followed the L2.
//!
//! For each L1 block, in order: messages go into the store, a committed batch moves the tag `safe`, a settled one
//! `finalized`; then the cursor is stored. Everything is idempotent, so a crash in between repeats the block.
//! After an L1 reorganisation the messages and batch states of the lost blocks are taken back, and the tags with them. A
//! sequencer takes those L2 blocks back that executed what L1 does not give again (`rollback` says when); a node that derives the
//! chain (`derivation`) has no blocks but those that L1 holds, and takes back all that L1 took.
//! At a batch that cannot be derived it stays until L1 has dropped it: nobody can prove it.
//! What L1 settled so long ago that it cannot take it back frees the chain from the states before it ([`Tag::Irrevocable`]): no batch
//! is built, dropped or derived anew from them.
//!
//! | component | in memory | persisted | recovery |
//! |---|---|---|---|
//! | position on L1 | watcher | cursor `sequencer` | goes on after the cursor |
//! | how far L1 must be read again | height | cursor `sequencer.reread` | messages are compared again |
//! | messages | | store, by index | written again |
//! | batch states, tags | | store; chain file | written again |
//! | first batch that cannot be derived | | cursor `underivable` | read |

use alloy_primitives::B256;
use rollmill_engine::{Chain, StorageError, Tag};
use rollmill_l1::{
    Cursor, L1Block, L1Event, REORG_DEPTH_MAX, Update, WatchError, Watcher,
    contracts::{
        Rollup::{BatchCommitted, MessageSent, RollupEvents},
        Settlement::SettlementEvents,
    },
};
use rollmill_protocol::L1Message;
use rollmill_runtime::Shutdown;
use rollmill_store::{BatchRecord, BatchState, L1Place, Store, StoreError};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::{
    derivation::{Derivation, DeriveError},
    rollback::{Rollback, RollbackError},
};

/// Name of the follower's cursor in the store.
pub(crate) const CURSOR: &str = "sequencer";
/// Under this name the store keeps the [`Underivable`].
const UNDERIVABLE: &str = "underivable";
/// Name of the height up to which L1 must be read again after a reorganisation.
const REREAD: &str = "sequencer.reread";
/// What was settled so many blocks of L1 ago stays: a watcher goes back by fewer, also when it was started anew and does not know
/// by how many L1 did.
const SETTLED_FOR_GOOD: u64 = 2 * REORG_DEPTH_MAX;

/// The first committed batch that does not follow from its data. Nobody can prove it; in enforced mode L1 drops it, and what was
/// committed behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Underivable {
    /// Its number.
    pub batch: u64,
    /// Why, in words.
    pub reason: String,
}

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
    /// A batch settled that is not what its data says: the verifier accepted what it must not, or the data is hidden.
    #[error("L1 settled batch {batch}, which cannot be derived: {reason}")]
    SettledUnderivable {
        /// Batch number.
        batch: u64,
        /// Why it cannot be derived.
        reason: String,
    },
    /// L1 dropped a batch in enforced mode, so that this node's blocks are not the chain any more.
    #[error(
        "L1 dropped batch {0}: the chain goes on without it, from what `rollmill node --derive` rebuilds"
    )]
    Dropped(u64),
    /// L1 went back, and the chain cannot follow.
    #[error("cannot take blocks back")]
    Rollback(#[from] RollbackError),
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
    /// Makes the batches that are not here.
    pub(crate) derivation: Derivation,
    /// Takes the blocks of a sequencer back; without it every block is L1's.
    pub(crate) rollback: Option<Rollback>,
    /// Messages are compared with what was executed until L1 is read up to this block; see [`reread`].
    pub(crate) reread: u64,
}

/// The L1 block up to which L1 must be read again since a reorganisation; 0 when there is none.
pub(crate) async fn reread(store: &Store) -> Result<u64, FollowError> {
    let text = store.cursor(REREAD).await?;
    Ok(text
        .map(|text| serde_json::from_str(&text))
        .transpose()?
        .unwrap_or(0))
}

/// The stored cursor, if there is one.
pub(crate) async fn cursor(store: &Store) -> Result<Option<Cursor>, FollowError> {
    let text = store.cursor(CURSOR).await?;
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
}

/// The first batch that cannot be derived, if there is one.
pub(crate) async fn underivable(store: &Store) -> Result<Option<Underivable>, FollowError> {
    let text = store.cursor(UNDERIVABLE).await?;
    Ok(text.map_or(Ok(None), |text| serde_json::from_str(&text))?)
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
                self.end_reread(block.number).await?;
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
            let at = L1Place {
                transaction: logged.transaction,
                block: block.number,
            };
            let event = match &logged.event {
                L1Event::Rollup(event) => event,
                L1Event::Settlement(SettlementEvents::BatchesSettled(settled)) => {
                    for batch in settled.first..=settled.last {
                        self.settled(batch, at).await?;
                    }
                    continue;
                }
                _ => continue,
            };
            match event {
                RollupEvents::MessageSent(sent) => self.message(block.number, sent).await?,
                RollupEvents::BatchCommitted(committed) => self.committed(committed, at).await?,
                RollupEvents::BatchSettled(settled) => self.settled(settled.batch, at).await?,
                RollupEvents::BatchSettledUnpaid(settled) => {
                    self.settled(settled.batch, at).await?;
                }
                RollupEvents::BatchDropped(dropped) => self.dropped(dropped.batch, at).await?,
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
        if self.reread > 0
            && let Some(rollback) = &self.rollback
        {
            rollback.compare(&message).await?;
        }
        Ok(self
            .store
            .put_message(message.index, l1_block, &serde_json::to_string(&message)?)
            .await?)
    }

    async fn committed(&self, event: &BatchCommitted, at: L1Place) -> Result<(), FollowError> {
        let (batch, theirs) = (event.batch, event.c.blockHash);
        let known = self.store.batch(batch).await?;
        let ours = known.as_ref().map(|record| record.public_values.block_hash);
        let record = match known.filter(|_| ours == Some(theirs)) {
            Some(record) => record,
            None => match self.make(event, at, ours).await? {
                Some(record) => record,
                None => return Ok(()),
            },
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

    /// Makes a batch that is not here, or not this one: a replica derives what it does not know, a sequencer what it sent itself
    /// and dropped since. `None` when nobody can derive it, or it stands behind such a one.
    async fn make(
        &self,
        event: &BatchCommitted,
        at: L1Place,
        ours: Option<B256>,
    ) -> Result<Option<BatchRecord>, FollowError> {
        let foreign = FollowError::ForeignBatch {
            batch: event.batch,
            theirs: event.c.blockHash,
            ours,
        };
        let Some(rollback) = &self.rollback else {
            return match ours {
                None => self.derive(event, at).await,
                Some(_) => Err(foreign),
            };
        };
        if !self.store.was_sent(at.transaction).await? {
            return Err(foreign);
        }
        tracing::warn!(
            batch = event.batch,
            "L1 has a batch that was dropped here: it stands"
        );
        let alone = rollback.alone().await;
        alone.make_room(event.batch - 1).await?;
        let record = self.derivation.derive(event, at.transaction).await?;
        alone.go_on().await?;
        Ok(Some(record))
    }

    /// Derives a batch; `None` when nobody can, or it stands behind such a one.
    async fn derive(
        &self,
        event: &BatchCommitted,
        at: L1Place,
    ) -> Result<Option<BatchRecord>, FollowError> {
        let known = underivable(&self.store).await?;
        if known
            .as_ref()
            .is_some_and(|known| known.batch < event.batch)
        {
            return Ok(None);
        }
        match self.derivation.derive(event, at.transaction).await {
            Ok(record) => {
                if known.is_some() {
                    self.set_underivable(None).await?;
                }
                Ok(Some(record))
            }
            Err(error) if error.is_the_batchs() => {
                let reason = in_words(&error);
                tracing::error!(
                    batch = event.batch,
                    reason,
                    "a batch on L1 cannot be derived: the chain stays before it until L1 drops it"
                );
                self.derivation.rewind().await?;
                let batch = event.batch;
                self.set_underivable(Some(Underivable { batch, reason }))
                    .await?;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn set_underivable(&self, value: Option<Underivable>) -> Result<(), FollowError> {
        let text = serde_json::to_string(&value)?;
        Ok(self.store.set_cursor(UNDERIVABLE, &text).await?)
    }

    /// A batch that nobody proved is over: the chain goes on from where it stood before.
    async fn dropped(&self, batch: u64, at: L1Place) -> Result<(), FollowError> {
        if self.rollback.is_some() {
            return Err(FollowError::Dropped(batch));
        }
        self.derivation.drop_batch(batch, at).await?;
        self.set_underivable(None).await?;
        let last_block = self.last_block(BatchState::Settled).await?;
        self.chain.set_tag(Tag::Safe, last_block)?;
        tracing::warn!(batch, last_block, "sequencer.batch_dropped");
        Ok(())
    }

    async fn settled(&self, batch: u64, at: L1Place) -> Result<(), FollowError> {
        let Some(record) = self.store.batch(batch).await? else {
            return match underivable(&self.store).await? {
                Some(Underivable { reason, .. }) => {
                    Err(FollowError::SettledUnderivable { batch, reason })
                }
                None => Ok(()),
            };
        };
        self.store.set_batch_settled(batch, at).await?;
        self.tag(Tag::Finalized, record.last_block)?;
        let for_good = at.block.saturating_sub(SETTLED_FOR_GOOD);
        if let Some(last_block) = self.store.settled_by(for_good).await? {
            self.tag(Tag::Irrevocable, last_block)?;
        }
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

    /// L1 is read as far as before a reorganisation: what has not come back is gone.
    async fn end_reread(&mut self, l1_block: u64) -> Result<(), FollowError> {
        if self.reread == 0 || l1_block < self.reread {
            return Ok(());
        }
        if let Some(rollback) = &self.rollback {
            rollback.give_up_missing().await?;
        }
        self.set_reread(0).await
    }

    async fn set_reread(&mut self, l1_block: u64) -> Result<(), FollowError> {
        self.store
            .set_cursor(REREAD, &serde_json::to_string(&l1_block)?)
            .await?;
        self.reread = l1_block;
        Ok(())
    }

    /// Takes back what the lost blocks said.
    async fn rewind(&mut self, to: Cursor) -> Result<(), FollowError> {
        let read = cursor(&self.store).await?;
        let read = read.map_or(0, |cursor| cursor.block);
        self.set_reread(self.reread.max(read)).await?;
        let lost = self.store.drop_messages_after_block(to.block).await?;
        self.store.rewind_batches(to.block).await?;
        if self.rollback.is_none() {
            self.derivation.rewind().await?;
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

/// An error with its causes.
fn in_words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
