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
use tokio::{task::spawn_blocking, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{DevL1Config, Intake};

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

/// What a round of mining did.
enum Round {
    /// Nothing to mine and no empty block wanted.
    Idle,
    /// A block.
    Mined {
        /// Chain time is ahead of the clock.
        ahead: bool,
        /// Transactions did not fit and can be mined next.
        left: bool,
    },
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
        let mut next_interval = Instant::now() + self.block_time;
        loop {
            let empty = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                () = self.intake.arrived.notified() => false,
                () = tokio::time::sleep_until(next_interval) => true,
            };
            if let Some(pause) = self.mine_all(empty).await? {
                next_interval = Instant::now() + pause;
            }
        }
        self.mine_all(false).await?;
        Ok(())
    }

    /// Mines blocks until nothing executable is left. Returns the time until the next interval block, `None` if there was
    /// nothing to mine.
    async fn mine_all(self: &Arc<Self>, mut empty: bool) -> Result<Option<Duration>, MineError> {
        let mut pause = None;
        loop {
            let (miner, now_s) = (self.clone(), unix_seconds());
            let round = spawn_blocking(move || miner.mine(now_s, empty)).await;
            match round.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))? {
                Round::Idle => return Ok(pause),
                Round::Mined { ahead, left } => {
                    pause = Some(interval(self.block_time, ahead));
                    if !left {
                        return Ok(pause);
                    }
                }
            }
            empty = false;
        }
    }

    /// Makes one block at this time, if there is something to put into it or `empty` blocks are wanted.
    fn mine(&self, now_s: u64, empty: bool) -> Result<Round, MineError> {
        let Intake { chain, pool, .. } = &*self.intake;
        let ready = pool.executable(|account| self.intake.nonce(account))?;
        if ready.is_empty() && !empty {
            return Ok(Round::Idle);
        }
        let parent = chain.head();
        let attributes = BlockAttributes {
            timestamp: next_timestamp(now_s, parent.timestamp),
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
                    left |= matches!(rejection, TxRejection::BlockGas { .. });
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
            ahead: head.timestamp > now_s,
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
            | TxRejection::Invalid(
                InvalidTransaction::GasPriceLessThanBasefee
                    | InvalidTransaction::NonceTooHigh { .. }
            )
    )
}

/// The clock, but after the parent.
fn next_timestamp(now_s: u64, parent_s: u64) -> u64 {
    now_s.max(parent_s + 1)
}

/// Development-grade randomness: different in every block, and predictable.
fn next_randao(parent: &Header) -> B256 {
    let mut input = [0; 40];
    input[..32].copy_from_slice(parent.mix_hash.as_slice());
    input[32..].copy_from_slice(&(parent.number + 1).to_be_bytes());
    keccak256(input)
}

/// Time from a block to the interval block after it: a quarter longer while the clock has to catch up.
fn interval(block_time: Duration, ahead: bool) -> Duration {
    if ahead && block_time >= Duration::from_secs(1) {
        block_time + block_time / 4
    } else {
        block_time
    }
}

fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_the_clock_but_never_stands_still() {
        assert_eq!(next_timestamp(100, 50), 100);
        assert_eq!(next_timestamp(100, 100), 101);
        assert_eq!(next_timestamp(100, 130), 131);
    }

    #[test]
    fn interval_blocks_wait_longer_while_the_chain_is_ahead() {
        let second = Duration::from_secs(1);
        assert_eq!(interval(second, false), second);
        assert_eq!(interval(second, true), Duration::from_millis(1_250));
        assert_eq!(interval(second / 5, true), second / 5);
    }
}
