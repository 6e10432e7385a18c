//! The event log: everything that the board decided, replayable by anybody.
//!
//! A record is (index, hash of the previous record, time, event). Its encoding is JSON in one fixed form, a record per line:
//! fields in the order of declaration, no white space, hashes in lower-case hex, amounts as decimal strings. JSON was preferred to a
//! binary form because the log is published: an auditor reads it with any tool and in any language, a later version can
//! add an event without making old logs unreadable, and 200 bytes a record is nothing beside a proof. What JSON lacks, one
//! spelling per value, is enforced: decoding refuses every line that does not encode back to the same bytes.
//!
//! `hash = keccak256(encoding)`, and each record holds the hash before it: a log that begins at [`GENESIS_HASH`] and ends at a
//! known head cannot have lost, gained or changed a line.
//!
//! The version stands in the first hash: version 2 added dials, program versions, cancelled penalties and quarantine, version 3 has the
//! quarantine from L1, version 4 takes in what rollers post there and lets accusations
//! lapse. A log of another version does not begin here and is refused at its first record.
//!
//! Rejected events are not logged: the board is as if they had never come.

use super::{Board, BoardError, event::Event};
use crate::{
    ids::UnixSeconds,
    law::params::{OutOfBounds, Params},
    words::tag,
};
use alloc::{string::String, vec::Vec};
use alloy_primitives::{B256, keccak256};
use serde::{Deserialize, Serialize};

/// Previous hash of the first record.
pub const GENESIS_HASH: B256 = tag("rollmill.log.v4");

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EventRecord {
    /// Position, from 0.
    pub index: u64,
    /// Hash of the record before, or [`GENESIS_HASH`].
    pub previous_hash: B256,
    /// When the event was applied.
    pub now: UnixSeconds,
    /// The event.
    pub event: Event,
}

/// Why bytes are no record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Not a record at all.
    #[error("not a record: {0}")]
    Json(String),
    /// A record in another spelling.
    #[error("the record is not in canonical form")]
    NotCanonical,
}

impl EventRecord {
    /// The canonical bytes, without a line break.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self)
            .expect("a record has string keys only and writing to memory cannot fail")
    }

    /// Keccak-256 of the canonical bytes.
    pub fn hash(&self) -> B256 {
        keccak256(self.encode())
    }

    /// Reads exactly what [`Self::encode`] writes.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let record: Self = serde_json::from_slice(bytes)
            .map_err(|error| RecordError::Json(alloc::format!("{error}")))?;
        if record.encode() != bytes {
            return Err(RecordError::NotCanonical);
        }
        Ok(record)
    }
}

/// Where a log ends: enough to append to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogHead {
    /// Index of the next record: the length of the log.
    pub next_index: u64,
    /// Hash of the last record, or [`GENESIS_HASH`].
    pub hash: B256,
}

impl Default for LogHead {
    fn default() -> Self {
        Self {
            next_index: 0,
            hash: GENESIS_HASH,
        }
    }
}

impl LogHead {
    /// The record of `event` as the next line, and moves the head behind it.
    pub fn append(&mut self, now: UnixSeconds, event: Event) -> EventRecord {
        let record = EventRecord {
            index: self.next_index,
            previous_hash: self.hash,
            now,
            event,
        };
        *self = Self {
            next_index: self.next_index + 1,
            hash: record.hash(),
        };
        record
    }

    /// Moves the head behind `record` if it is the next line.
    pub fn follow(&mut self, record: &EventRecord) -> Result<(), ReplayError> {
        if record.index != self.next_index || record.previous_hash != self.hash {
            return Err(ReplayError::Chain {
                index: self.next_index,
            });
        }
        *self = Self {
            next_index: self.next_index + 1,
            hash: record.hash(),
        };
        Ok(())
    }
}

/// Why a log does not lead to a board.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The law's parameters are impossible.
    #[error(transparent)]
    Params(#[from] OutOfBounds),
    /// A record is missing, was added or was changed.
    #[error("record {index} does not follow from the one before")]
    Chain {
        /// Position in the log.
        index: u64,
    },
    /// The law rejects an event that was logged as applied.
    #[error("the law rejects record {index}")]
    Rejected {
        /// Position in the log.
        index: u64,
        /// Why.
        #[source]
        error: BoardError,
    },
}

/// Rebuilds the board from a complete log; the same law gives the same board on every machine.
pub fn replay<'a>(
    params: Params,
    start: UnixSeconds,
    records: impl IntoIterator<Item = &'a EventRecord>,
) -> Result<(Board, LogHead), ReplayError> {
    let mut board = Board::new(params, start)?;
    let mut head = LogHead::default();
    for record in records {
        head.follow(record)?;
        let rejected = |error| ReplayError::Rejected {
            index: record.index,
            error,
        };
        board.apply(&record.event, record.now).map_err(rejected)?;
    }
    Ok((board, head))
}
