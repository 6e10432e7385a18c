//! Logs by filter: headers' blooms decide which blocks are read at all.

use alloy_consensus::{BlockHeader as _, Header, Sealed};
use alloy_primitives::B256;
use alloy_rpc_types_eth::{Filter, FilterBlockOption, Log};
use thiserror::Error;

use super::{Chain, StorageError, corrupt};
use crate::call::{Deadline, EVM_TIME_MAX};

/// Most logs one query returns.
pub const LOGS_MAX: usize = 20_000;
/// Most blocks one query spans.
pub const LOG_BLOCKS_MAX: u64 = 100_000;
/// The clock is looked at once in so many blocks.
const LOOK_EVERY: u64 = 64;

/// Why a log query failed.
#[derive(Debug, Error)]
pub enum LogsError {
    /// The block hash is unknown.
    #[error("unknown block")]
    UnknownBlock,
    /// `fromBlock` is above `toBlock`.
    #[error("invalid block range params")]
    Range,
    /// More than [`LOG_BLOCKS_MAX`] blocks.
    #[error("query exceeds max block range {LOG_BLOCKS_MAX}")]
    TooManyBlocks,
    /// More than [`LOGS_MAX`] results; the caller asks again for fewer blocks.
    #[error("query exceeds max results {LOGS_MAX}, retry with the range {first}-{last}")]
    TooManyLogs {
        /// First block of a range that fits.
        first: u64,
        /// Its last block.
        last: u64,
    },
    /// It was not done in time; the caller asks again for fewer blocks.
    #[error("query took too long, retry with the range {first}-{last}")]
    TooSlow {
        /// First block of a range that was done in time.
        first: u64,
        /// Its last block.
        last: u64,
    },
    /// The disk failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Chain {
    /// The logs that match, in order. Bounds above the newest block mean the newest one. Blocks the thread, as long as a call may take.
    ///
    /// # Errors
    /// [`LogsError`].
    pub fn logs(&self, filter: &Filter) -> Result<Vec<Log>, LogsError> {
        let (first, last) = match filter.block_option {
            FilterBlockOption::AtBlockHash(hash) => {
                let number = self.number_of(&hash)?.ok_or(LogsError::UnknownBlock)?;
                (number, number)
            }
            FilterBlockOption::Range {
                from_block,
                to_block,
            } => {
                let head = self.head().number;
                let resolve = |bound: Option<_>| match bound {
                    // A number above the newest block is a question about the future: nothing is there yet.
                    Some(alloy_eips::BlockNumberOrTag::Number(number)) => Ok(number),
                    Some(tag) => self
                        .resolve_number(tag)
                        .map(|number| number.unwrap_or(head)),
                    None => Ok(head),
                };
                let (first, last) = (resolve(from_block)?, resolve(to_block)?);
                if first > last {
                    return Err(LogsError::Range);
                }
                (first, last.min(head))
            }
        };
        if last.saturating_sub(first) >= LOG_BLOCKS_MAX {
            return Err(LogsError::TooManyBlocks);
        }
        let deadline = Deadline::after(EVM_TIME_MAX);
        self.logs_between(filter, first, last, deadline)
    }

    fn logs_between(
        &self,
        filter: &Filter,
        first: u64,
        last: u64,
        deadline: Deadline,
    ) -> Result<Vec<Log>, LogsError> {
        let mut logs = Vec::new();
        for number in first..=last {
            let done = number - first;
            if done > 0 && done.is_multiple_of(LOOK_EVERY) && deadline.is_over() {
                return Err(LogsError::TooSlow {
                    first,
                    last: number - 1,
                });
            }
            let header = self
                .header(number)?
                .ok_or_else(|| corrupt(format!("header {number}")))?;
            if !filter.matches_bloom(header.logs_bloom()) {
                continue;
            }
            logs.extend(
                self.block_logs(&header)?
                    .into_iter()
                    .filter(|log| filter.matches(&log.inner)),
            );
            // What one block holds is always answered: there is no smaller question.
            if logs.len() > LOGS_MAX && number > first {
                return Err(LogsError::TooManyLogs {
                    first,
                    last: number - 1,
                });
            }
        }
        Ok(logs)
    }

    /// All logs of a block with their places.
    pub(crate) fn block_logs(&self, header: &Sealed<Header>) -> Result<Vec<Log>, StorageError> {
        let missing = || corrupt(format!("block {}", header.number));
        let receipts = self.receipts(header.number)?.ok_or_else(missing)?;
        let hashes: Vec<B256> = self
            .block(header.number)?
            .ok_or_else(missing)?
            .transactions
            .iter()
            .map(|tx| tx.hash())
            .collect();
        let mut logs = Vec::new();
        for (index, (receipt, hash)) in receipts.into_iter().zip(hashes).enumerate() {
            for log in receipt.logs {
                logs.push(Log {
                    inner: log,
                    block_hash: Some(header.hash()),
                    block_number: Some(header.number),
                    block_timestamp: Some(header.timestamp),
                    transaction_hash: Some(hash),
                    transaction_index: Some(index as u64),
                    log_index: Some(logs.len() as u64),
                    removed: false,
                });
            }
        }
        Ok(logs)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use super::*;
    use crate::chain::example;

    #[test]
    fn a_query_without_time_left_names_the_range_that_was_done() {
        let dir = tempfile::tempdir().unwrap();
        let chain = example::chain(dir.path());
        example::append(&chain, 70);
        let ask = |last, time| {
            let filter = Filter::new();
            chain.logs_between(&filter, 3, last, Deadline::after(time))
        };
        assert!(ask(70, EVM_TIME_MAX).unwrap().is_empty());
        // The clock is not looked at before.
        assert!(ask(66, Duration::ZERO).unwrap().is_empty());
        let error = ask(67, Duration::ZERO).unwrap_err();
        assert!(matches!(error, LogsError::TooSlow { first: 3, last: 66 }));
        let said = "query took too long, retry with the range 3-66";
        assert_eq!(error.to_string(), said);
    }
}
