//! Who makes blocks, and when.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes, keccak256};
use rollmill_engine::stf::{BlockAttributes, BlockError, PushError, TxRejection};
use rollmill_engine::{AppendError, PoolError, Tag};
use thiserror::Error;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use crate::{DevL1Config, Intake, pace::Pace};

/// Shown in every block.
const EXTRA_DATA: &[u8] = b"rollmill devl1";

/// Why mining ended. The chain stays as the last block left it.
#[derive(Debug, Error)]
pub enum MineError {
    /// The block could not be executed.
    #[error("embedded L1 cannot build its next block")]
    Build(#[from] BlockError),
    /// The block could not be written.
    #[error("embedded L1 cannot store its next block")]
    Append(#[from] AppendError),
    /// The senders' accounts could not be read.
    #[error("embedded L1 cannot read its state")]
    State(#[from] PoolError),
}

/// Why a block is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// Transactions have arrived.
    Transactions,
    /// It is its time, whether there are transactions or not.
    Interval,
    /// It is the last chance for what was accepted.
    End,
}

/// What a round of mining did.
enum Round {
    /// Nothing to mine and no empty block wanted.
    Idle,
    /// There is something, which waits for the clock.
    Held,
    /// A block; `left` when transactions did not fit and can be mined next.
    Mined { left: bool },
}

/// See the crate's documentation for the rules of time.
pub(crate) struct Miner {
    intake: Arc<Intake>,
    block_time: Duration,
    gas_limit: u64,
    safe_lag_blocks: u64,
    finalized_lag_blocks: u64,
}

impl Miner {
    pub(crate) fn new(config: &DevL1Config, intake: Arc<Intake>) -> Arc<Self> {
        Arc::new(Self {
            intake,
            block_time: config.block_time,
            gas_limit: config.gas_limit,
            safe_lag_blocks: config.safe_lag_blocks,
            finalized_lag_blocks: config.finalized_lag_blocks,
        })
    }

    /// Mines until `shutdown`, and then once more what was accepted.
    pub(crate) async fn run(self: Arc<Self>, shutdown: CancellationToken) -> Result<(), MineError> {
        let is_new = self.intake.chain.head().number == 0;
        let mut pace = Pace::new(self.block_time, is_new);
        let mut is_held = false;
        loop {
            let why = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                () = self.intake.arrived.notified(), if !is_held => Why::Transactions,
                () = tokio::time::sleep(until_next_second()), if is_held => Why::Transactions,
                () = tokio::time::sleep_until(pace.next_interval()) => Why::Interval,
            };
            is_held = self.mine_all(why, &mut pace).await?;
        }
        self.mine_all(Why::End, &mut pace).await?;
        Ok(())
    }

    /// Mines blocks until nothing executable is left. Returns whether there is something that waits for the clock.
    async fn mine_all(self: &Arc<Self>, mut why: Why, pace: &mut Pace) -> Result<bool, MineError> {
        loop {
            let now_s = since_epoch().as_secs();
            let timestamp = pace.timestamp(now_s, self.intake.chain.head().timestamp);
            let holds = why == Why::Transactions && pace.holds(now_s, timestamp);
            let miner = self.clone();
            let round = spawn_blocking(move || miner.mine(timestamp, why == Why::Interval, holds));
            match round
                .await
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?
            {
                Round::Idle => return Ok(false),
                Round::Held => return Ok(true),
                Round::Mined { left } => {
                    pace.mined(now_s, timestamp, why == Why::Interval);
                    if !left {
                        return Ok(false);
                    }
                }
            }
            if why == Why::Interval {
                why = Why::Transactions;
            }
        }
    }

    /// Makes one block at this time, if there is something to put into it that is not held, or `empty` blocks are wanted.
    fn mine(&self, timestamp: u64, empty: bool, holds: bool) -> Result<Round, MineError> {
        let Intake { chain, pool, .. } = &*self.intake;
        let ready = pool.executable(|account| self.intake.nonce(account))?;
        if ready.is_empty() && !empty {
            return Ok(Round::Idle);
        }
        if holds {
            return Ok(Round::Held);
        }
        let parent = chain.head();
        let attributes = BlockAttributes {
            timestamp,
            beneficiary: Address::ZERO,
            prev_randao: next_randao(&parent),
            gas_limit: self.gas_limit,
            extra_data: Bytes::from_static(EXTRA_DATA),
            parent_beacon_block_root: Some(parent.hash()),
            withdrawals: Some(Vec::new()),
        };
        let mut block = chain.begin_block(attributes)?;
        let mut left = false;
        for transaction in ready {
            let hash = transaction.hash();
            match block.push(transaction) {
                Ok(_) => {}
                Err(PushError::Rejected(rejection)) if waits(&rejection) => {
                    left |= matches!(
                        rejection,
                        TxRejection::BlockGas { .. } | TxRejection::BlockBlobGas { .. }
                    );
                }
                Err(PushError::Rejected(rejection)) => {
                    tracing::warn!(%hash, %rejection, "devl1.transaction_dropped");
                    pool.remove(&hash);
                }
                Err(PushError::Block(error)) => return Err(error.into()),
            }
        }
        let nothing = block.transaction_count() == 0;
        if nothing && !empty {
            return Ok(Round::Idle);
        }
        let (executed, _) = block.finish()?;
        let number = executed.header.number;
        let tags = [
            (Tag::Safe, number.saturating_sub(self.safe_lag_blocks)),
            (
                Tag::Finalized,
                number.saturating_sub(self.finalized_lag_blocks),
            ),
        ];
        let head = chain.append(&executed, &tags)?;
        for transaction in &executed.transactions {
            pool.remove(&transaction.hash());
        }
        tracing::debug!(
            number,
            transactions = executed.transactions.len(),
            gas = head.gas_used,
            "devl1.block"
        );
        Ok(Round::Mined {
            left: left && !nothing,
        })
    }
}

/// Whether a transaction that is refused now can be mined later as it is.
fn waits(rejection: &TxRejection) -> bool {
    use revm::context::result::InvalidTransaction;
    matches!(
        rejection,
        TxRejection::BlockGas { .. }
            | TxRejection::BlockBlobGas { .. }
            | TxRejection::Invalid(
                InvalidTransaction::GasPriceLessThanBasefee
                    | InvalidTransaction::BlobGasPriceGreaterThanMax { .. }
                    | InvalidTransaction::NonceTooHigh { .. }
            )
    )
}

/// Development-grade randomness: different in every block, and predictable.
fn next_randao(parent: &Header) -> B256 {
    let mut input = [0; 40];
    input[..32].copy_from_slice(parent.mix_hash.as_slice());
    input[32..].copy_from_slice(&(parent.number + 1).to_be_bytes());
    keccak256(input)
}

fn until_next_second() -> Duration {
    Duration::from_secs(1) - Duration::from_nanos(since_epoch().subsec_nanos().into())
}

fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
