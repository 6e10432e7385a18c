//! How a board is made again of the log ([`crate::log`]) that the store keeps.
//!
//! One record is one durable write. A record of an L1 block holds all that the block means to us, so that the cursor of
//! the watcher and the effects of a block cannot part. A reorganisation of L1 is a record, too: replaying then leaves out
//! the blocks that L1 took back, and what was built on them (a submission for a task that is gone) fails to apply and
//! is left out as well.
//!
//! At the end of each epoch the state itself is kept, as an object that a record of the log names: a start reads the newest one
//! that stands and the records behind it. What a checkpoint says follows from the records before it; the audit checks that it does.

use alloy_primitives::B256;
use rollmill_protocol::{
    UnixSeconds,
    board::BoardError,
    law::{Params, params::OutOfBounds},
};
use rollmill_store::{EventRecord, ObjectError, Store, StoreError, genesis_hash};

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
    /// A state could not be kept.
    #[error(transparent)]
    Object(#[from] ObjectError),
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

/// How a body begins that is a [`Record::Checkpoint`].
const CHECKPOINT: &str = "{\"checkpoint\":";

/// Newest checkpoints whose states are kept: a reorganisation of L1 may take back what the last one rests on.
pub(crate) const CHECKPOINTS_KEPT: usize = 2;

/// A record with the time at which it was applied.
type Timed = (UnixSeconds, Record);

/// The state that the store's log leads to, with the head of the log; `None` when there is no record.
pub(crate) async fn restore(
    params: &Params,
    store: &Store,
) -> Result<Option<(State, (u64, B256))>, JournalError> {
    for (checkpoint, name) in newest(store).await? {
        let Some(mut state) = kept_state(store, name).await else {
            continue;
        };
        if state.board.law() != params {
            return Err(JournalError::OtherLaw);
        }
        let (tail, head) = read(store, (checkpoint.seq, checkpoint.hash)).await?;
        if stands(&state, &tail) {
            go_on(&mut state, &tail)?;
            return Ok(Some((state, head)));
        }
    }
    let (records, head) = read(store, (0, genesis_hash())).await?;
    if records.is_empty() {
        return Ok(None);
    }
    Ok(Some((replay(params, &records)?, head)))
}

/// The states of the newest checkpoints, newest first.
pub(crate) async fn checkpoints(store: &Store) -> Result<Vec<B256>, JournalError> {
    let newest = newest(store).await?;
    Ok(newest.into_iter().map(|(_, name)| name).collect())
}

/// The newest checkpoints and the names of their states.
async fn newest(store: &Store) -> Result<Vec<(EventRecord, B256)>, JournalError> {
    let limit = u32::try_from(CHECKPOINTS_KEPT).expect("a few");
    let mut found = Vec::new();
    for checkpoint in store.newest_events(CHECKPOINT, 0, limit).await? {
        if let Record::Checkpoint { state } = parse(&checkpoint)? {
            found.push((checkpoint, state));
        }
    }
    Ok(found)
}

/// The state of a checkpoint, if it is still there and of this version.
async fn kept_state(store: &Store, name: B256) -> Option<State> {
    let bytes = store.objects().get(name).await;
    let bytes = bytes.inspect_err(|error| {
        tracing::warn!(%name, %error, "the state of a checkpoint is lost, going further back");
    });
    let state = serde_json::from_slice(&bytes.ok()?);
    let state = state.inspect_err(|error| {
        tracing::warn!(%name, %error, "a checkpoint is of another version, going further back");
    });
    state.ok()
}

/// Reads the records behind a head, checking the chain; and the head behind them.
async fn read(
    store: &Store,
    mut head: (u64, B256),
) -> Result<(Vec<Timed>, (u64, B256)), JournalError> {
    let mut records = Vec::new();
    loop {
        let chunk = store.events(head.0, head.1, REPLAY_CHUNK).await?;
        if chunk.is_empty() {
            return Ok((records, head));
        }
        for record in chunk {
            records.push((record.at_unix_ms / 1000, parse(&record)?));
            head = (record.seq, record.hash);
        }
    }
}

fn parse(record: &EventRecord) -> Result<Record, JournalError> {
    let seq = record.seq;
    serde_json::from_str(&record.body).map_err(|source| JournalError::Unreadable { seq, source })
}

/// Does L1 still have all that a state rests on?
fn stands(state: &State, tail: &[Timed]) -> bool {
    let read = state.l1.map_or(0, |cursor| cursor.block);
    let mut rewinds = tail.iter().filter_map(|(_, record)| match record {
        Record::L1Rewind { number, .. } => Some(*number),
        _ => None,
    });
    rewinds.all(|number| number >= read)
}

/// Makes the state that a whole log leads to. Equal records give an equal state.
pub(crate) fn replay(params: &Params, records: &[Timed]) -> Result<State, JournalError> {
    let Some(((_, Record::Opened { start, params: law }), rest)) = records.split_first() else {
        return Err(JournalError::OtherLaw);
    };
    if **law != *params {
        return Err(JournalError::OtherLaw);
    }
    let mut state = State::new(params.clone(), *start)?;
    go_on(&mut state, rest)?;
    Ok(state)
}

/// Applies further records.
fn go_on(state: &mut State, records: &[Timed]) -> Result<(), JournalError> {
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
    Ok(())
}

/// For each record the highest L1 block that no later rewind took back.
pub(crate) fn standing_up_to(records: &[Timed]) -> Vec<u64> {
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
