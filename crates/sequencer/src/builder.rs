//! Makes L2 blocks: transactions are confirmed as they come, blocks are sealed by the clock.
//!
//! Rules:
//! - A block is opened when there is something to put into it: L1 messages first, in their order, none ever left out; then
//!   transactions by tip, as they arrive, until the block's gas or one of its [`BlockLimits`] is used up.
//! - What was executed is confirmed ([`Chain::confirm`]): on disk in its order before a receipt can be seen.
//! - Every block time what is open is sealed ([`Chain::append`]). Time: a block's timestamp is the clock's second, or one more
//!   than its parent's. Under load, ticks shorter than a second let chain time run ahead of the clock, by at most
//!   [`AHEAD_S_MAX`]; then blocks stay open for longer, and transactions are confirmed all the same. So it is, with an alarm in
//!   the log, when the clock was set back; when it was set forward, the next block is later, and nothing else changes.
//! - Randomness is the prevrandao of the newest L1 block that this node has read when it opens the block.
//! - When blocks were taken back ([`crate::rollback`]), it begins anew from what the chain's file and the store say, as after a start.
//!
//! | component | in memory | persisted | recovery |
//! |---|---|---|---|
//! | next L1 message | its index | batches, blocks | last batch's end, then a scan of the blocks after it |
//! | open block | executor | a file of its own: header, transactions in order | executed again in that order |
//! | chain | newest header | chain file | the file shows the last complete block |

mod assembly;
mod draft;

use std::sync::Arc;

use alloy_primitives::B256;
use rollmill_engine::{
    AppendError, Chain, PoolError, StorageError,
    stf::{BlockError, TxRejection},
};
use rollmill_protocol::{L1Message, batch::BATCH_DATA_BYTES_MAX};
use rollmill_runtime::{Clock, Shutdown};
use rollmill_store::{Store, StoreError};
use tokio::{sync::watch, time::MissedTickBehavior};

pub use self::assembly::confirmed_at_once;
use self::assembly::{Assembly, Inputs};
use crate::{
    L1Head, Mempool, SequencerConfig,
    rollback::{Gate, RollbackError, sealed_messages},
};

/// Transactions and L1 messages of a block at most, unless [`BlockLimits`] say otherwise.
pub const BLOCK_TRANSACTIONS_MAX: usize = 1_000;
/// Proving work of a block, without its witness: what a batch may hold. A single transaction that is more, within what the rules let it be
/// ([`rollmill_protocol::prover_gas::EXECUTION_MAX`]), is a block of its own.
pub const BLOCK_PROVER_GAS_MAX: u64 = 30_000_000;
/// Bytes of a block's transactions in its batch: what L1 takes in one commit, less what frames them.
pub const BLOCK_DATA_BYTES_MAX: usize = BATCH_DATA_BYTES_MAX - 1_000;

/// What a block may hold beside its gas limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockLimits {
    /// Transactions and L1 messages.
    pub transactions_max: usize,
    /// Proving work, without the block's witness, of more than one transaction or message. What a batch may hold: a block is never divided.
    pub prover_gas_max: u64,
    /// Bytes that the transactions add to a batch's data. One batch must carry them: a block that none can carry would hold up
    /// the chain for ever.
    pub data_bytes_max: usize,
}

impl Default for BlockLimits {
    fn default() -> Self {
        Self {
            transactions_max: BLOCK_TRANSACTIONS_MAX,
            prover_gas_max: BLOCK_PROVER_GAS_MAX,
            data_bytes_max: BLOCK_DATA_BYTES_MAX,
        }
    }
}

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
    /// The store of L1 messages failed.
    #[error("cannot read the L1 messages")]
    Store(#[from] StoreError),
    /// The chain's file failed.
    #[error(transparent)]
    Chain(#[from] StorageError),
    /// Where the chain was taken back to cannot be read.
    #[error("cannot go on after a rollback")]
    Rollback(#[from] RollbackError),
    /// What was taken back cannot be kept.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// A stored message does not have the form that was written, or is not the next one.
    #[error("L1 message {index}: {why}")]
    Message {
        /// Index in the queue.
        index: u64,
        /// What is wrong.
        why: String,
    },
    /// A confirmed transaction is refused when it is executed again: the chain's file, or this program, is another.
    #[error("the confirmed transaction {hash} is refused after the restart: {rejection}")]
    ConfirmedRefused {
        /// Its hash.
        hash: B256,
        /// Why.
        rejection: TxRejection,
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
    pub(crate) pool: Arc<Mempool>,
    chain: Chain,
    store: Store,
    l1: watch::Receiver<L1Head>,
    clock: Clock,
    gate: Gate,
    /// Rollbacks that it has followed.
    generation: u64,
    /// Index of the next L1 message to execute.
    pub(crate) next_message: u64,
    assembly: Assembly,
    /// The log knows that the clock is behind the chain.
    pub(crate) is_clock_behind: bool,
}

impl Builder {
    /// A builder that goes on with the open block of the last process, if there is one.
    pub(crate) async fn open(
        chain: Chain,
        pool: Arc<Mempool>,
        store: Store,
        l1: watch::Receiver<L1Head>,
        clock: Clock,
        gate: Gate,
        (limits, next_message): (BlockLimits, u64),
    ) -> Result<Self, BuildError> {
        let mut assembly = Assembly::start(chain.clone(), pool.clone(), limits);
        let recovered = assembly.recover().await?;
        Ok(Self {
            pool,
            chain,
            store,
            l1,
            clock,
            generation: gate.generation(),
            gate,
            next_message: next_message + recovered,
            assembly,
            is_clock_behind: false,
        })
    }

    pub(crate) async fn run(
        mut self,
        config: SequencerConfig,
        shutdown: Shutdown,
    ) -> Result<(), BuildError> {
        let pool = self.pool.clone();
        let mut ticks = tokio::time::interval(config.block_time);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let seal = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                _ = ticks.tick() => true,
                () = pool.arrived() => false,
            };
            self.step(seal).await?;
        }
    }

    /// Confirms what waits; seals the block if it is full or `seal` says so, and then opens the next one for what is left.
    pub(crate) async fn step(&mut self, mut seal: bool) -> Result<(), BuildError> {
        let _entered = self.gate.enter().await;
        if self.generation != self.gate.generation() {
            self.begin_anew().await?;
        }
        self.look_at_clock();
        loop {
            let is_full = self.extend().await?;
            if !(seal || is_full) {
                return Ok(());
            }
            // The next block's timestamp is one more at least.
            let limit_s = self.clock.now_unix_s() + AHEAD_S_MAX;
            if !self.assembly.seal(limit_s).await? {
                return Ok(());
            }
            seal = false;
        }
    }

    /// Says once that the clock is behind the chain by more than building alone leads to, and once that it is no more.
    fn look_at_clock(&mut self) {
        let ahead_s = self
            .chain
            .head()
            .timestamp
            .saturating_sub(self.clock.now_unix_s());
        let is_behind = ahead_s > AHEAD_S_MAX;
        if is_behind == self.is_clock_behind {
            return;
        }
        self.is_clock_behind = is_behind;
        if is_behind {
            tracing::error!(
                ahead_s,
                "the clock was set back behind the newest block: no block is sealed until it has caught up"
            );
        } else {
            tracing::info!("the clock has caught up with the newest block");
        }
    }

    async fn begin_anew(&mut self) -> Result<(), BuildError> {
        self.assembly.reset().await;
        self.next_message = sealed_messages(&self.chain, &self.store).await?;
        self.generation = self.gate.generation();
        Ok(())
    }

    /// Confirms what waits, in a new block if none is open. Returns whether something is left because the block is full.
    async fn extend(&mut self) -> Result<bool, BuildError> {
        let messages = if self.assembly.is_open() {
            Vec::new()
        } else {
            messages(&self.store, self.next_message).await?
        };
        let inputs = Inputs {
            now_s: self.clock.now_unix_s(),
            prevrandao: self.l1.borrow().prevrandao,
            messages,
        };
        let extended = self.assembly.extend(inputs).await?;
        self.next_message += extended.messages;
        if extended.is_interrupted {
            self.pool.wake();
        }
        Ok(extended.is_full)
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
