//! The published log: facts in, decisions out, hash chained, one JSON object per line.
//!
//! A line is `{"seq", "atUnixMs", "hash", "body"}`. `body` is a [`Record`] exactly as it was hashed: a *fact* (an L1 block, a
//! submission with its verdict, a presence, the passing of time) together with the [`Decision`]s that the law drew from
//! it. The facts alone determine the decisions; they are written down so that an auditor who applies the law to the facts
//! has something to compare with ([`crate::audit`]). For the chain of hashes see [`rollmill_store::EventRecord`].
//!
//! JSON, and not a binary form, because the log is published: an auditor reads it with any tool and in any language. What JSON lacks, one
//! spelling per value, is enforced ([`LogLine::record`]). Rejected events are not in it: the board is as if they had never come.
//!
//! The version stands in the first hash, so that a log of another one does not begin here:
//!
//! | version | what it brought |
//! |---|---|
//! | 1 | facts and decisions |
//! | 2 | dials, program versions, cancelled penalties, quarantine |
//! | 3 | the quarantine is L1's |
//! | 4 | what rollers post on L1; accusations that lapse; checkpoints |
//! | 5 | dials and announced parameters, as L1 has them; draws of k points however few rollers are there, and draining as a reason of its own; gains by the root of q, and k by proofs that never come; the tag names the version (`rollmill.event.v1` before) |

use alloy_primitives::B256;
use rollmill_protocol::{
    BatchNumber, Entry, Round, TaskId, UnixSeconds,
    board::{Event, SeatKey},
    law::{Controls, Params, draw::Draw},
};
use rollmill_roller_api::receipts::SeatOutcome;
use rollmill_store::{EventRecord, next_event_hash};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// One record of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Record {
    /// The first record: when the log begins, and under which law.
    Opened {
        /// Start of the first epoch.
        start: UnixSeconds,
        /// The numbers of the law; another law needs another log.
        params: Box<Params>,
    },
    /// An L1 block was read.
    L1Block {
        /// Number.
        number: u64,
        /// Hash.
        hash: B256,
        /// What it means to the board, in log order.
        events: Vec<Event>,
        /// What else is kept of it.
        notes: Vec<Note>,
        /// What followed.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        decisions: Vec<Decision>,
    },
    /// L1 took back the blocks after this one.
    L1Rewind {
        /// Last block that stands.
        number: u64,
        /// Its hash.
        hash: B256,
    },
    /// The state that the records up to here lead to. A start goes on from the last one; the auditor makes it anew.
    Checkpoint {
        /// Hash of its encoding, which the coordinator keeps.
        state: B256,
    },
    /// Something happened on the API or by the passing of time.
    Event {
        /// What.
        event: Event,
        /// What followed.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        decisions: Vec<Decision>,
    },
}

/// What the coordinator keeps of L1 beside the board: the law does not depend on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Note {
    /// Particulars of a commit.
    Committed {
        /// Task.
        task: TaskId,
        /// Batch.
        batch: BatchNumber,
        /// Row of the program table.
        program_version: u32,
        /// Name of the witness.
        witness_hash: B256,
        /// L1 transaction.
        transaction: B256,
    },
    /// Particulars of a settlement.
    Settled {
        /// Batch.
        batch: BatchNumber,
        /// State root that L1 holds now.
        state_root: B256,
        /// L1 transaction.
        transaction: B256,
    },
}

/// What the law decided, as far as anybody gains or loses by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Decision {
    /// A round was drawn.
    Drawn {
        /// Task.
        task: TaskId,
        /// Round.
        round: Round,
        /// Deadline of its seats.
        deadline: UnixSeconds,
        /// All points and what became of them.
        draw: Draw,
    },
    /// A submission was counted.
    Reported {
        /// Seat.
        seat: SeatKey,
        /// As what.
        outcome: SeatOutcome,
    },
    /// A task was closed.
    Closed {
        /// Task.
        task: TaskId,
        /// Final entries.
        entries: Vec<Entry>,
    },
    /// A lottery was decided.
    Won {
        /// Task.
        task: TaskId,
        /// The winning entry.
        winner: Entry,
    },
    /// Reputations moved, and the next snapshot was drawn up.
    Weighed {
        /// Epoch.
        epoch: u64,
        /// Root of the Merkle-sum tree over all reputations.
        root: B256,
    },
    /// The dials of an epoch were set.
    Controlled {
        /// Epoch.
        epoch: u64,
        /// Its dials.
        controls: Controls,
    },
}

/// A line of the published log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogLine {
    /// Position, from 1 without gaps.
    pub seq: u64,
    /// The coordinator's clock.
    pub at_unix_ms: u64,
    /// Head of the chain after this line.
    pub hash: B256,
    /// The record, in the very bytes that are hashed.
    pub body: Box<RawValue>,
}

impl LogLine {
    /// The hash that this line must have behind one with the hash `previous`.
    pub fn expected_hash(&self, previous: B256) -> B256 {
        next_event_hash(previous, self.seq, self.at_unix_ms, self.body.get())
    }

    /// Reads the record.
    ///
    /// # Errors
    /// The body is no record, or not in its one spelling: fields in the order of declaration, no white space.
    pub fn record(&self) -> serde_json::Result<Record> {
        let record: Record = serde_json::from_str(self.body.get())?;
        if serde_json::to_string(&record)? == self.body.get() {
            Ok(record)
        } else {
            Err(serde::de::Error::custom("the record has another spelling"))
        }
    }
}

impl TryFrom<EventRecord> for LogLine {
    type Error = serde_json::Error;

    fn try_from(record: EventRecord) -> Result<Self, serde_json::Error> {
        Ok(Self {
            seq: record.seq,
            at_unix_ms: record.at_unix_ms,
            hash: record.hash,
            body: RawValue::from_string(record.body)?,
        })
    }
}
