//! Reads L1 in order: every block from a cursor on, with the events of our contracts.
//!
//! Rules:
//! - Blocks come strictly by number, each the child of the one before; a block is read when it has `confirmations`.
//! - When the parent's hash is not the one that was yielded, L1 was reorganised: the watcher yields [`Update::Rewind`]
//!   with the last block that still stands, and goes on from there. The consumer forgets what it made of later blocks.
//! - Logs are asked for by block *hash*, so that they never belong to another block than the header; they are asked
//!   for only when the header's bloom can contain one of our contracts.
//! - The watcher keeps nothing on disk. Its consumer stores the cursor together with the effects of a block, and starts
//!   the watcher with it again. After a restart the recent hashes are not known; if the cursor itself was reorganised
//!   away, the rewind goes back by [`REORG_DEPTH_MAX`], further than needed but never too short.
//! - An endpoint that fails, or does not answer in time, is asked again, for ever, with growing pauses.

use std::{collections::VecDeque, error::Error, time::Duration};

use alloy::{
    primitives::{B256, Bloom, BloomInput},
    providers::{DynProvider, Provider},
    rpc::types::{Filter, Header},
    transports::{TransportError, TransportErrorKind},
};
use serde::{Deserialize, Serialize};
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{Deployment, LoggedEvent, event::Emitters};

/// Deepest reorganisation that is followed, in blocks. Two epochs: beyond that L1 itself has lost finality.
pub const REORG_DEPTH_MAX: u64 = 64;

/// Longest wait for an answer. A block is read in no time, so a connection that is silent for longer is given up, and the log says so.
const ANSWER_MAX: Duration = Duration::from_secs(15);
const PAUSE_FIRST: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// The last L1 block that a reader has dealt with completely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Block number.
    pub block: u64,
    /// Block hash, to notice a reorganisation.
    pub hash: B256,
}

/// How a watcher reads.
#[derive(Clone, Copy, Debug)]
pub struct WatcherConfig {
    /// A block is read when it has this many confirmations; 1 reads the head, 0 counts as 1.
    pub confirmations: u64,
    /// Pause between looks at the head.
    pub poll: Duration,
}

impl Default for WatcherConfig {
    fn default() -> Self {
        Self {
            confirmations: 1,
            poll: Duration::from_millis(250),
        }
    }
}

/// One L1 block, as far as it concerns us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L1Block {
    /// Number.
    pub number: u64,
    /// Hash.
    pub hash: B256,
    /// Unix seconds.
    pub timestamp: u64,
    /// RANDAO mix (EIP-4399): beacons are made of it.
    pub prevrandao: B256,
    /// Events of our contracts in log order.
    pub events: Vec<LoggedEvent>,
}

impl L1Block {
    /// The cursor that says "dealt with up to here".
    pub fn cursor(&self) -> Cursor {
        Cursor {
            block: self.number,
            hash: self.hash,
        }
    }
}

/// What a watcher yields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// The next block.
    Block(L1Block),
    /// Blocks after this one are no longer part of L1; the next update is its successor.
    Rewind(Cursor),
}

/// The watcher cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// L1 was reorganised deeper than is followed; the operator must look at it.
    #[error("L1 was reorganised by more than {REORG_DEPTH_MAX} blocks below block {block}")]
    ReorgTooDeep {
        /// The last block that was read.
        block: u64,
    },
}

/// Reads one L1 for one consumer.
#[derive(Debug)]
pub struct Watcher {
    provider: DynProvider,
    emitters: Emitters,
    config: WatcherConfig,
    first_block: u64,
    /// Blocks that were yielded, newest last, at most [`REORG_DEPTH_MAX`] + 1.
    recent: VecDeque<Cursor>,
    head: u64,
}

impl Watcher {
    /// A watcher that goes on after `cursor`, or starts with the deployment's first block.
    pub fn new(
        provider: DynProvider,
        deployment: &Deployment,
        config: WatcherConfig,
        cursor: Option<Cursor>,
    ) -> Self {
        Self {
            provider,
            emitters: deployment.emitters(),
            config,
            first_block: deployment.block,
            recent: cursor.into_iter().collect(),
            head: 0,
        }
    }

    /// Sends every update into `updates` until the shutdown, or until the receiver is gone.
    /// The channel's bound is the consumer's: it says how many blocks may wait for it.
    pub async fn run(
        mut self,
        updates: mpsc::Sender<Update>,
        shutdown: CancellationToken,
    ) -> Result<(), WatchError> {
        loop {
            let Some(update) = shutdown.run_until_cancelled(self.next()).await else {
                return Ok(());
            };
            if updates.send(update?).await.is_err() {
                return Ok(());
            }
        }
    }

    /// The next update, as soon as there is one. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Update, WatchError> {
        let mut pause = PAUSE_FIRST;
        loop {
            match self.step().await {
                Ok(Step::Update(update)) => return Ok(update),
                Ok(Step::Wait) => {
                    pause = PAUSE_FIRST;
                    tokio::time::sleep(self.config.poll).await;
                }
                Ok(Step::TooDeep(block)) => return Err(WatchError::ReorgTooDeep { block }),
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn Error,
                        pause_ms = pause.as_millis() as u64,
                        "L1 does not answer, trying again"
                    );
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }

    async fn step(&mut self) -> Result<Step, TransportError> {
        let last = self.recent.back().copied();
        let number = last.map_or(self.first_block, |last| last.block + 1);
        let behind = self.config.confirmations.max(1) - 1;
        if number + behind > self.head {
            self.head = in_time(self.provider.get_block_number()).await?;
            if number + behind > self.head {
                return Ok(Step::Wait);
            }
        }
        let Some(header) = self.header(number).await? else {
            self.head = 0;
            return Ok(Step::Wait);
        };
        if last.is_some_and(|last| last.hash != header.parent_hash) {
            return self.rewind().await;
        }
        let Some(events) = self.events(&header).await? else {
            self.head = 0;
            return Ok(Step::Wait);
        };
        let block = L1Block {
            number,
            hash: header.hash,
            timestamp: header.timestamp,
            prevrandao: header.mix_hash,
            events,
        };
        self.recent.push_back(block.cursor());
        if self.recent.len() as u64 > REORG_DEPTH_MAX + 1 {
            self.recent.pop_front();
        }
        Ok(Step::Update(Update::Block(block)))
    }

    /// Finds the newest yielded block that still stands and goes back to it.
    async fn rewind(&mut self) -> Result<Step, TransportError> {
        let Some(newest) = self.recent.back().copied() else {
            return Ok(Step::Wait);
        };
        let mut standing = None;
        for (position, known) in self.recent.iter().enumerate().rev() {
            if self
                .header(known.block)
                .await?
                .is_some_and(|header| header.hash == known.hash)
            {
                standing = Some((position, *known));
                break;
            }
        }
        let target = match standing {
            Some((position, known)) => {
                self.recent.truncate(position + 1);
                known
            }
            None if self.recent.len() as u64 > REORG_DEPTH_MAX => {
                return Ok(Step::TooDeep(newest.block));
            }
            None => {
                let oldest = self
                    .recent
                    .front()
                    .map_or(newest.block, |oldest| oldest.block);
                let back = oldest
                    .saturating_sub(REORG_DEPTH_MAX)
                    .max(self.first_block.saturating_sub(1));
                let Some(header) = self.header(back).await? else {
                    return Ok(Step::Wait);
                };
                let target = Cursor {
                    block: back,
                    hash: header.hash,
                };
                self.recent = VecDeque::from([target]);
                target
            }
        };
        self.head = 0;
        tracing::warn!(from = newest.block, to = target.block, "L1 was reorganised");
        Ok(Step::Update(Update::Rewind(target)))
    }

    async fn header(&self, number: u64) -> Result<Option<Header>, TransportError> {
        let block = in_time(self.provider.get_block_by_number(number.into())).await?;
        Ok(block.map(|block| block.header))
    }

    /// Events of the block; `None` when its node does not have it any more.
    async fn events(&self, header: &Header) -> Result<Option<Vec<LoggedEvent>>, TransportError> {
        let addresses = self.emitters.all();
        if !addresses
            .iter()
            .any(|address| contains(&header.logs_bloom, address.as_slice()))
        {
            return Ok(Some(Vec::new()));
        }
        let filter = Filter::new()
            .at_block_hash(header.hash)
            .address(addresses.to_vec());
        let mut logs = match in_time(self.provider.get_logs(&filter)).await {
            Ok(logs) => logs,
            // The block was reorganised away in between: look again from the head.
            Err(TransportError::ErrorResp(error)) if error.message.contains("not found") => {
                return Ok(None);
            }
            Err(TransportError::ErrorResp(error)) if error.message.contains("unknown block") => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        logs.sort_by_key(|log| log.log_index);
        Ok(Some(
            logs.iter()
                .filter_map(|log| self.emitters.decode(log))
                .collect(),
        ))
    }
}

/// What L1 answers, if it does before [`ANSWER_MAX`] is over.
async fn in_time<T>(
    request: impl IntoFuture<Output = Result<T, TransportError>>,
) -> Result<T, TransportError> {
    let late = |_| {
        let limit = ANSWER_MAX.as_secs();
        TransportErrorKind::custom_str(&format!("no answer within {limit} s"))
    };
    timeout(ANSWER_MAX, request.into_future())
        .await
        .map_err(late)?
}

enum Step {
    Update(Update),
    Wait,
    TooDeep(u64),
}

fn contains(bloom: &Bloom, bytes: &[u8]) -> bool {
    bloom.contains_input(BloomInput::Raw(bytes))
}

#[cfg(test)]
mod tests;
