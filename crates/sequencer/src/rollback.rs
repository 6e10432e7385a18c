//! What L1 takes back: how final each thing is, and how the sequencer goes back with L1.
//!
//! | what a user sees | it holds unless | then |
//! |---|---|---|
//! | confirmed, sealed (`latest`) | L1 takes back an L1 message that was executed in this block or one before it | executed again without it |
//! | committed (`safe`) | L1 takes the commit back | the same batch is committed again; or as above |
//! | settled (`finalized`) | L1 takes the settlement back | it is settled again |
//!
//! A pre-confirmation depends on L1 in one way only: by the L1 messages (deposits, forced transactions) that were executed before
//! it. A message is executed when its L1 block has `confirmations` ([`rollmill_l1::WatcherConfig`]), so no reorganisation of fewer
//! blocks breaks a pre-confirmation: the price of waiting is that deposits arrive later, and nothing else does. Deeper than
//! [`rollmill_l1::REORG_DEPTH_MAX`], two of L1's epochs, L1 itself is not final any more, and the process stops. So nothing that
//! is on L1 for so long, a settlement included, is ever taken back here.
//!
//! A block keeps the randomness it was begun with, whatever becomes of the L1 block that it came from.
//!
//! Rules:
//! - When L1 is reorganised, its messages are forgotten and read again. One that comes back as it was executed changes nothing. One
//!   that comes back different takes back, at once, the blocks from the one that executed it. One that has not come back when
//!   L1 is read as far as it was before takes them back then: a transaction may come back in a later block than it was in.
//! - Batches over blocks that are taken back go with them. None of them is on L1: the messages of a batch are on L1 before its
//!   commit, so L1 takes back the commit before them.
//! - A batch on L1 that this node did make, and dropped since (its messages were away for a while), stands: the node's own blocks
//!   make room, and it is derived.
//! - Transactions of users in the blocks taken back are executed again, in their order, before all others
//!   ([`crate::mempool`]). The broken pre-confirmations are logged and counted ([`Rollbacks`]).
//!
//! | component | in memory | persisted | recovery |
//! |---|---|---|---|
//! | how far L1 must be read again | height | cursor `sequencer.reread`, before anything is forgotten | the L1 block is read again and judged again |
//! | blocks taken back | | first batches, then blocks and open block with their transactions in one write | as above |
//! | the parts that build on the chain | [`Gate`] | | they begin anew from what is on disk |

use std::sync::Arc;

use rollmill_engine::{Chain, PoolError, StorageError, StoredBlock, stf::Transaction};
use rollmill_protocol::L1Message;
use rollmill_runtime::blocking;
use rollmill_store::{BatchState, Store, StoreError};
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, watch};

use crate::{Mempool, SealError, batcher::Tip, builder::next_message};

/// Name of the counters in the store.
const COUNTERS: &str = "sequencer.rollbacks";

/// The chain cannot be taken back.
#[derive(Debug, thiserror::Error)]
pub enum RollbackError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The chain's file failed.
    #[error(transparent)]
    Chain(#[from] StorageError),
    /// The last batch cannot be read.
    #[error(transparent)]
    Batch(Box<SealError>),
    /// The pool cannot follow.
    #[error("the pool cannot follow")]
    Pool(#[from] PoolError),
    /// The counters are malformed.
    #[error("stored JSON is malformed")]
    Json(#[from] serde_json::Error),
    /// L1 holds a batch that executed another message than L1 holds.
    #[error("batch {batch} is committed on L1, but not with the L1 message {index} that L1 has")]
    Committed {
        /// Batch number.
        batch: u64,
        /// Index in the queue.
        index: u64,
    },
}

impl From<SealError> for RollbackError {
    fn from(error: SealError) -> Self {
        Self::Batch(Box::new(error))
    }
}

/// What was taken back since the data directory was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rollbacks {
    /// How often.
    pub count: u64,
    /// Blocks, an open one included.
    pub blocks: u64,
    /// Transactions of users whose pre-confirmation was broken; one counts as often as that happened.
    pub transactions: u64,
}

impl Rollbacks {
    /// What the store has.
    pub async fn load(store: &Store) -> Result<Self, RollbackError> {
        let text = store.cursor(COUNTERS).await?;
        let counters = text.map(|text| serde_json::from_str(&text)).transpose()?;
        Ok(counters.unwrap_or_default())
    }
}

/// Keeps blocks from being taken back under whoever builds on them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate(Arc<GateInner>);

#[derive(Debug, Default)]
struct GateInner {
    chain: Arc<RwLock<()>>,
    /// How often blocks were taken back since the start.
    generation: watch::Sender<u64>,
}

impl Gate {
    /// No block is taken back before the guard is dropped. Hold it for a step of work, not for a wait.
    pub(crate) async fn enter(&self) -> OwnedRwLockReadGuard<()> {
        self.0.chain.clone().read_owned().await
    }

    /// Who finds another number than at the last look begins anew.
    pub(crate) fn generation(&self) -> u64 {
        *self.0.generation.borrow()
    }

    /// Wakes when blocks were taken back.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.0.generation.subscribe()
    }
}

/// The right to take blocks back, while nobody builds on them.
#[derive(Debug)]
pub(crate) struct Alone<'a> {
    rollback: &'a Rollback,
    _guard: OwnedRwLockWriteGuard<()>,
}

/// Takes blocks back for the follower of L1.
#[derive(Debug)]
pub(crate) struct Rollback {
    pub(crate) chain: Chain,
    pub(crate) store: Store,
    pub(crate) pool: Arc<Mempool>,
    pub(crate) gate: Gate,
}

impl Rollback {
    /// Waits until nobody builds on the chain.
    pub(crate) async fn alone(&self) -> Alone<'_> {
        Alone {
            rollback: self,
            _guard: self.gate.0.chain.clone().write_owned().await,
        }
    }

    /// Takes back the blocks that executed another message in the place of this one, if there are any.
    pub(crate) async fn compare(&self, message: &L1Message) -> Result<(), RollbackError> {
        let hash = Transaction::from(message.clone()).hash();
        let is_open = |chain: &Chain| {
            let open = chain.open_block();
            open.is_some_and(|open| open.position(&hash).is_some())
        };
        // Asked in this order, because a block is sealed meanwhile. What was executed stays: only this task takes it back.
        if is_open(&self.chain) || self.chain.place_of(&hash)?.is_some() {
            return Ok(());
        }
        let alone = self.alone().await;
        if message.index < self.executed().await? {
            tracing::warn!(message = message.index, "L1 has another message now");
            alone.undo_from(message.index).await?;
        }
        Ok(())
    }

    /// Takes back the blocks that executed messages which L1 does not have any more, if there are any.
    pub(crate) async fn give_up_missing(&self) -> Result<(), RollbackError> {
        let alone = self.alone().await;
        let known = self.store.messages_end().await?;
        if known < self.executed().await? {
            tracing::warn!(message = known, "L1 does not have the message any more");
            alone.undo_from(known).await?;
        }
        Ok(())
    }

    /// Messages executed up to the newest state.
    async fn executed(&self) -> Result<u64, RollbackError> {
        let sealed = sealed_messages(&self.chain, &self.store).await?;
        let open = self.chain.open_block();
        Ok(sealed + open.map_or(0, |open| messages_in(&open.block)))
    }
}

/// L1 messages executed up to the newest sealed block.
pub(crate) async fn sealed_messages(chain: &Chain, store: &Store) -> Result<u64, RollbackError> {
    let tip = Tip::load(store).await?;
    Ok(next_message(chain, tip.messages_end, tip.last_block)?)
}

fn messages_in(block: &StoredBlock) -> u64 {
    let messages = block.transactions.iter();
    messages.filter(|tx| tx.as_l1_message().is_some()).count() as u64
}

impl Alone<'_> {
    /// Takes back the blocks from the one that executed message `index`.
    async fn undo_from(&self, index: u64) -> Result<(), RollbackError> {
        let Rollback { chain, store, .. } = self.rollback;
        let mut executed = sealed_messages(chain, store).await?;
        let mut last_block = chain.head().number;
        while executed > index
            && let Some(block) = chain.block(last_block)?
        {
            executed -= messages_in(&block);
            last_block -= 1;
        }
        let mut batch = store.last_batch(BatchState::Sealed).await?.unwrap_or(0);
        while let Some(record) = store.batch(batch).await?
            && record.last_block > last_block
        {
            if record.state != BatchState::Sealed {
                return Err(RollbackError::Committed { batch, index });
            }
            batch -= 1;
        }
        self.take_back(batch, last_block).await?;
        self.go_on().await
    }

    /// Takes back the batches after `batch` and the blocks after its last one. The caller puts others in their place, and
    /// then says [`Alone::go_on`].
    pub(crate) async fn make_room(&self, batch: u64) -> Result<(), RollbackError> {
        let store = &self.rollback.store;
        let last_block = match store.batch(batch).await? {
            Some(record) => record.last_block,
            None => 0,
        };
        self.take_back(batch, last_block).await
    }

    async fn take_back(&self, batch: u64, last_block: u64) -> Result<(), RollbackError> {
        let Rollback { chain, store, .. } = self.rollback;
        let blocks = chain.head().number - last_block + u64::from(chain.open_block().is_some());
        if blocks == 0 {
            return Ok(());
        }
        store.drop_batches_after(batch).await?;
        let taken = chain.clone();
        let transactions = blocking(move || {
            taken.take_back(last_block)?;
            Ok::<_, StorageError>(taken.taken_back()?.len() as u64)
        })
        .await?;
        let before = Rollbacks::load(store).await?;
        let counters = Rollbacks {
            count: before.count + 1,
            blocks: before.blocks + blocks,
            transactions: before.transactions + transactions,
        };
        store
            .set_cursor(COUNTERS, &serde_json::to_string(&counters)?)
            .await?;
        tracing::warn!(
            last_block,
            batch,
            blocks,
            broken_confirmations = transactions,
            "sequencer.rolled_back"
        );
        Ok(())
    }

    /// The chain stands again: everybody begins anew on it.
    pub(crate) async fn go_on(&self) -> Result<(), RollbackError> {
        let pool = self.rollback.pool.clone();
        blocking(move || pool.follow_back()).await?;
        let generation = &self.rollback.gate.0.generation;
        generation.send_modify(|generation| *generation += 1);
        Ok(())
    }
}
