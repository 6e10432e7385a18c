//! How a board is made again of the log ([`crate::log`]) that the store keeps.
//!
//! One record is one durable write. A record of an L1 block holds all that the block means to us, so that the cursor of
//! the watcher and the effects of a block cannot part. A reorganisation of L1 is a record, too: replaying then leaves out
//! the blocks that L1 took back, and what was built on them (a submission for a task that is gone) fails to apply and
//! is left out as well.

use alloy_primitives::B256;
use rollmill_protocol::{
    UnixSeconds,
    board::BoardError,
    law::{Params, params::OutOfBounds},
};
use rollmill_store::{EventRecord, Store, StoreError, genesis_hash};

use crate::{
    log::Record,
    state::{ApplyError, State},
};

/// Records read at once while the log is replayed.
const REPLAY_CHUNK: u32 = 1_000;

/// The board cannot be made or carried on: stop.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record of the log is not ours.
    #[error("record {seq} of the event log is not readable")]
    Unreadable {
        /// Sequence number.
        seq: u64,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The log does not begin with its law, or the law has changed since.
    #[error("the event log was begun under other parameters of the law")]
    OtherLaw,
    /// The law's parameters are out of bounds.
    #[error(transparent)]
    Params(#[from] OutOfBounds),
    /// L1 and the board do not agree: the operator must look at it.
    #[error("L1 block {block} does not fit the board")]
    L1 {
        /// Number.
        block: u64,
        /// Why.
        #[source]
        source: BoardError,
    },
}

/// The log as it is read back.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) records: Vec<(UnixSeconds, Record)>,
    pub(crate) last: Option<(u64, B256)>,
}

/// Reads and checks the whole log.
pub(crate) async fn read(store: &Store) -> Result<Log, JournalError> {
    let mut log = Log::default();
    loop {
        let (seq, hash) = log.last.unwrap_or((0, genesis_hash()));
        let chunk = store.events(seq, hash, REPLAY_CHUNK).await?;
        if chunk.is_empty() {
            return Ok(log);
        }
        for EventRecord {
            seq,
            at_unix_ms,
            body,
            hash,
        } in chunk
        {
            let record = serde_json::from_str(&body)
                .map_err(|source| JournalError::Unreadable { seq, source })?;
            log.records.push((at_unix_ms / 1000, record));
            log.last = Some((seq, hash));
        }
    }
}

/// Makes the state that the records lead to. Equal records give an equal state.
pub(crate) fn replay(
    params: &Params,
    records: &[(UnixSeconds, Record)],
) -> Result<State, JournalError> {
    let mut state = match records.first() {
        Some((_, Record::Opened { start, params: law })) if **law == *params => {
            State::new(params.clone(), *start)?
        }
        _ => return Err(JournalError::OtherLaw),
    };
    let rewinds = standing_up_to(records);
    let was_rewound = rewinds.iter().any(|standing| *standing != u64::MAX);
    for ((now, record), standing) in records.iter().zip(rewinds) {
        if matches!(record, Record::L1Block { number, .. } if *number > standing) {
            continue;
        }
        match state.apply(record, *now) {
            Ok(_) => {}
            // Was built on a block that L1 took back.
            Err(ApplyError::Refused(error)) if was_rewound => {
                tracing::debug!(%error, "left out while replaying after a reorganisation");
            }
            Err(ApplyError::Refused(source)) => return Err(JournalError::L1 { block: 0, source }),
            Err(ApplyError::L1 { block, source }) => {
                return Err(JournalError::L1 { block, source });
            }
        }
    }
    Ok(state)
}

/// For each record the highest L1 block that no later rewind took back.
pub(crate) fn standing_up_to(records: &[(UnixSeconds, Record)]) -> Vec<u64> {
    let mut standing = u64::MAX;
    let mut limits: Vec<u64> = records
        .iter()
        .rev()
        .map(|(_, record)| {
            let limit = standing;
            if let Record::L1Rewind { number, .. } = record {
                standing = standing.min(*number);
            }
            limit
        })
        .collect();
    limits.reverse();
    limits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(number: u64) -> (UnixSeconds, Record) {
        let (events, notes) = (Vec::new(), Vec::new());
        (
            0,
            Record::L1Block {
                number,
                hash: B256::ZERO,
                events,
                notes,
                decisions: Vec::new(),
            },
        )
    }

    fn rewind(number: u64) -> (UnixSeconds, Record) {
        (
            0,
            Record::L1Rewind {
                number,
                hash: B256::ZERO,
            },
        )
    }

    #[test]
    fn blocks_stand_unless_a_later_rewind_took_them_back() {
        let records = [
            block(1),
            block(2),
            rewind(1),
            block(2),
            block(3),
            rewind(2),
            block(3),
        ];
        let standing = standing_up_to(&records);
        let stands: Vec<bool> = records
            .iter()
            .zip(standing)
            .map(|((_, record), limit)| match record {
                Record::L1Block { number, .. } => *number <= limit,
                _ => true,
            })
            .collect();
        assert_eq!(stands, [true, false, true, true, false, true, true]);
    }

    #[test]
    fn a_log_of_another_law_is_refused() {
        let params = Params::devnet();
        let opened = Record::Opened {
            start: 5,
            params: Box::new(params.clone()),
        };
        let records = [(5, opened), block(1)];
        assert!(replay(&params, &records).is_ok_and(|state| state.l1.is_some()));
        let other = Params {
            k: params.k + 1,
            ..params.clone()
        };
        assert!(matches!(
            replay(&other, &records),
            Err(JournalError::OtherLaw)
        ));
        assert!(matches!(
            replay(&params, &records[1..]),
            Err(JournalError::OtherLaw)
        ));
    }
}
