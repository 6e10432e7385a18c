//! Makes L2 blocks: one loop, one tick, one durable write per block.
//!
//! Rules:
//! - A tick builds a block when there is something to put into it: L1 messages first, in their order, none ever left
//!   out; then transactions by tip until the block's gas, or [`BLOCK_TRANSACTIONS_MAX`], is used up.
//! - A block counts when [`Chain::append`] has returned: it is on disk before a receipt can be seen.
//! - Time: a block's timestamp is the clock's second, or one more than its parent's. Under load, ticks shorter than a
//!   second let chain time run ahead of the clock, by at most [`AHEAD_S_MAX`]; then blocks wait.
//! - Randomness is the prevrandao of the newest L1 block that this node has read.
//!
//! | component | in memory | persisted | recovery |
//! |---|---|---|---|
//! | next L1 message | its index | batches, blocks | last batch's end, then a scan of the blocks after it |
//! | chain | newest header | chain file | the file shows the last complete block |

use std::sync::Arc;

use alloy_consensus::transaction::Recovered;
use alloy_primitives::B256;
use revm::context::result::InvalidTransaction;
use rollmill_engine::{
    AppendError, Chain, PoolError, StorageError,
    stf::{BlockAttributes, BlockError, BlockExecutor, PushError, Transaction, TxRejection},
};
use rollmill_protocol::L1Message;
use rollmill_runtime::{Clock, Shutdown};
use rollmill_store::{Store, StoreError};
use tokio::{sync::watch, task::spawn_blocking, time::MissedTickBehavior};

use crate::{L1Head, Mempool, SequencerConfig};

/// Transactions taken from the pool for one block; what does not fit waits for the next tick.
pub const BLOCK_TRANSACTIONS_MAX: usize = 1_000;
/// L1 messages read for one block.
const BLOCK_MESSAGES_MAX: u32 = 256;
/// How far a block's timestamp may be ahead of the clock, seconds.
pub const AHEAD_S_MAX: u64 = 8;

/// Block production cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The block cannot be executed.
    #[error("cannot build the next block")]
    Block(#[from] BlockError),
    /// The block cannot be written.
    #[error("cannot store the next block")]
    Append(#[from] AppendError),
    /// The pool cannot read the chain's state.
    #[error("cannot read the accounts of waiting transactions")]
    Pool(#[from] PoolError),
    /// The store of L1 messages failed.
    #[error("cannot read the L1 messages")]
    Store(#[from] StoreError),
    /// The chain's file failed.
    #[error(transparent)]
    Chain(#[from] StorageError),
    /// A stored message does not have the form that was written, or is not the next one.
    #[error("L1 message {index}: {why}")]
    Message {
        /// Index in the queue.
        index: u64,
        /// What is wrong.
        why: String,
    },
    /// A valid L1 message was refused by the executor, which would hold up the queue for ever.
    #[error("L1 message {index} was refused: {rejection}")]
    MessageRefused {
        /// Index in the queue.
        index: u64,
        /// Why.
        rejection: TxRejection,
    },
}

/// The block builder.
#[derive(Debug)]
pub(crate) struct Builder {
    pub(crate) chain: Chain,
    pub(crate) pool: Arc<Mempool>,
    pub(crate) store: Store,
    pub(crate) l1: watch::Receiver<L1Head>,
    pub(crate) clock: Clock,
    /// Index of the next L1 message to execute.
    pub(crate) next_message: u64,
}

/// What goes into a block besides pool transactions.
struct Inputs {
    now_s: u64,
    prevrandao: B256,
    messages: Vec<L1Message>,
}

impl Builder {
    pub(crate) async fn run(
        mut self,
        config: SequencerConfig,
        shutdown: Shutdown,
    ) -> Result<(), BuildError> {
        let mut ticks = tokio::time::interval(config.block_time);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while shutdown.run_until(ticks.tick()).await.is_some() {
            self.tick().await?;
        }
        Ok(())
    }

    /// One tick: at most one block.
    pub(crate) async fn tick(&mut self) -> Result<(), BuildError> {
        let prevrandao = self.l1.borrow().prevrandao;
        let messages = messages(&self.store, self.next_message).await?;
        let inputs = Inputs {
            now_s: self.clock.now_unix_s(),
            prevrandao,
            messages,
        };
        let (chain, pool) = (self.chain.clone(), self.pool.clone());
        let built = spawn_blocking(move || build(&chain, &pool, inputs)).await;
        let executed =
            built.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        self.next_message += executed;
        Ok(())
    }
}

async fn messages(store: &Store, from: u64) -> Result<Vec<L1Message>, BuildError> {
    let rows = store.messages_from(from, BLOCK_MESSAGES_MAX).await?;
    let mut messages = Vec::with_capacity(rows.len());
    for (expected, (index, _, body)) in (from..).zip(rows) {
        let message: L1Message =
            serde_json::from_str(&body).map_err(|error| BuildError::Message {
                index,
                why: error.to_string(),
            })?;
        if index != expected || message.index != expected {
            return Err(BuildError::Message {
                index,
                why: format!("expected message {expected}"),
            });
        }
        messages.push(message);
    }
    Ok(messages)
}

/// Builds and stores the next block if there is something to put into it; returns how many L1 messages it executed.
fn build(chain: &Chain, pool: &Mempool, inputs: Inputs) -> Result<u64, BuildError> {
    let parent = chain.head();
    let timestamp = inputs.now_s.max(parent.timestamp + 1);
    if timestamp > inputs.now_s + AHEAD_S_MAX || (inputs.messages.is_empty() && pool.is_empty()) {
        return Ok(0);
    }
    let ready = pool.executable(BLOCK_TRANSACTIONS_MAX)?;
    if ready.is_empty() && inputs.messages.is_empty() {
        return Ok(0);
    }
    let attributes = BlockAttributes::rollmill(timestamp, inputs.prevrandao, parent.gas_limit);
    let mut block = chain.begin_block(attributes)?;
    let executed_messages = push_messages(&mut block, inputs.messages)?;
    let refused = push_transactions(&mut block, ready)?;
    if block.transaction_count() > 0 {
        let (executed, _) = block.finish()?;
        let head = chain.append(&executed, &[])?;
        pool.remove(
            executed
                .transactions
                .iter()
                .map(Transaction::hash)
                .collect(),
        );
        tracing::info!(
            block = head.number,
            transactions = executed.transactions.len(),
            messages = executed_messages,
            gas = head.gas_used,
            "sequencer.block"
        );
    }
    pool.remove(refused);
    Ok(executed_messages)
}

/// INVARIANT: messages are executed in order and none is left out; one that does not fit waits for the next block, and
/// those behind it with it.
fn push_messages(
    block: &mut BlockExecutor<Chain, Chain>,
    messages: Vec<L1Message>,
) -> Result<u64, BuildError> {
    let mut executed = 0;
    for message in messages {
        let (index, sender) = (message.index, message.sender);
        match block.push(Recovered::new_unchecked(Transaction::from(message), sender)) {
            Ok(_) => executed += 1,
            Err(PushError::Rejected(TxRejection::BlockGas { .. })) if executed > 0 => break,
            Err(PushError::Rejected(rejection)) => {
                return Err(BuildError::MessageRefused { index, rejection });
            }
            Err(PushError::Block(error)) => return Err(error.into()),
        }
    }
    Ok(executed)
}

/// Returns the hashes of the transactions that can never be executed as they are.
fn push_transactions(
    block: &mut BlockExecutor<Chain, Chain>,
    ready: Vec<Recovered<Transaction>>,
) -> Result<Vec<B256>, BuildError> {
    let mut refused = Vec::new();
    for transaction in ready {
        let hash = transaction.hash();
        match block.push(transaction) {
            Ok(_) => {}
            Err(PushError::Rejected(rejection)) if waits(&rejection) => {}
            Err(PushError::Rejected(rejection)) => {
                tracing::warn!(%hash, %rejection, "mempool.dropped");
                refused.push(hash);
            }
            Err(PushError::Block(error)) => return Err(error.into()),
        }
    }
    Ok(refused)
}

/// Whether a transaction that is refused now can be executed later as it is.
fn waits(rejection: &TxRejection) -> bool {
    matches!(
        rejection,
        TxRejection::BlockGas { .. }
            | TxRejection::Invalid(
                InvalidTransaction::GasPriceLessThanBasefee
                    | InvalidTransaction::NonceTooHigh { .. }
            )
    )
}

/// Index of the L1 message after those executed up to the newest block, when `known` were executed up to block `from`.
pub(crate) fn next_message(chain: &Chain, known: u64, from: u64) -> Result<u64, StorageError> {
    let mut next = known;
    for number in from + 1..=chain.head().number {
        let block = chain
            .block(number)?
            .into_iter()
            .flat_map(|block| block.transactions);
        next += block
            .filter(|transaction| transaction.as_l1_message().is_some())
            .count() as u64;
    }
    Ok(next)
}
