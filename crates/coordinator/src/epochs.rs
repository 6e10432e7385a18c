//! The dials of the last epochs, for whoever wants to see how they moved: the board keeps those alone that its tasks need, the log
//! has all. What was read of the log is remembered, so that a question reads only what came since the last one.

use std::collections::VecDeque;

use rollmill_roller_api::EpochView;
use rollmill_store::{EventRecord, Store, StoreError};
use tokio::sync::Mutex;

use crate::log::{Decision, Record};

/// Epochs that are remembered: a week of the default law's.
const EPOCHS_MAX: u32 = 504;

/// How a body begins that is the end of an epoch, a [`Record::Event`].
const EPOCH_ENDED: &str = "{\"event\":{\"event\":\"epochEnded\"";

/// The log cannot be read: stop.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EpochsError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("record {seq} of the event log is not readable")]
    Unreadable {
        seq: u64,
        #[source]
        source: serde_json::Error,
    },
}

/// What was read of the log.
#[derive(Debug, Default)]
pub(crate) struct Epochs(Mutex<Read>);

#[derive(Debug, Default)]
struct Read {
    /// Up to this record.
    seq: u64,
    /// Oldest first.
    epochs: VecDeque<EpochView>,
}

impl Epochs {
    /// The newest epochs, oldest first, in a log that goes as far as record `head`.
    pub(crate) async fn newest(
        &self,
        store: &Store,
        head: u64,
    ) -> Result<Vec<EpochView>, EpochsError> {
        let mut read = self.0.lock().await;
        if read.seq < head {
            let found = store.newest_events(EPOCH_ENDED, read.seq, EPOCHS_MAX);
            for record in found.await?.into_iter().rev() {
                read.seq = read.seq.max(record.seq);
                read.note(ended(&record)?);
            }
            read.seq = read.seq.max(head);
        }
        Ok(read.epochs.iter().cloned().collect())
    }
}

impl Read {
    /// An epoch that comes again replaces what L1 took back with the first one.
    fn note(&mut self, epoch: Option<EpochView>) {
        let Some(epoch) = epoch else { return };
        self.epochs.retain(|earlier| earlier.epoch < epoch.epoch);
        self.epochs.push_back(epoch);
        while self.epochs.len() > EPOCHS_MAX as usize {
            self.epochs.pop_front();
        }
    }
}

/// What a record says of the epoch that it begins.
fn ended(record: &EventRecord) -> Result<Option<EpochView>, EpochsError> {
    let parsed: Result<Record, _> = serde_json::from_str(&record.body);
    let parsed = parsed.map_err(|source| EpochsError::Unreadable {
        seq: record.seq,
        source,
    })?;
    let Record::Event { decisions, .. } = parsed else {
        return Ok(None);
    };
    let root = decisions.iter().find_map(|decision| match decision {
        Decision::Weighed { root, .. } => Some(*root),
        _ => None,
    });
    let dials = decisions.iter().find_map(|decision| match decision {
        Decision::Controlled { epoch, controls } => Some((*epoch, *controls)),
        _ => None,
    });
    let found = root
        .zip(dials)
        .map(|(weights_root, (epoch, controls))| EpochView {
            epoch,
            at_unix_s: record.at_unix_ms / 1000,
            weights_root,
            tau_ns_per_gas: controls.tau_ns_per_gas,
            k: controls.k,
            window: controls.window,
            unit_price_wei: controls.unit_price,
        });
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloy_primitives::B256;
    use rollmill_protocol::{
        board::Event,
        law::{Controls, Params},
    };
    use rollmill_store::genesis_hash;

    use super::*;

    async fn append(store: &Store, record: &Record, at_unix_ms: u64) -> u64 {
        let events = store.events(0, genesis_hash(), u32::MAX).await.unwrap();
        let last = events.last().map(|event| (event.seq, event.hash));
        let body = serde_json::to_string(record).unwrap();
        store
            .append_event(last, at_unix_ms, body)
            .await
            .unwrap()
            .seq
    }

    fn end_of(epoch: u64, window: u32) -> Record {
        let controls = Controls {
            window,
            ..Controls::initial(&Params::devnet())
        };
        let root = B256::with_last_byte(epoch as u8);
        Record::Event {
            event: Event::EpochEnded,
            decisions: vec![
                Decision::Weighed { epoch, root },
                Decision::Controlled { epoch, controls },
            ],
        }
    }

    fn tick() -> Record {
        Record::Event {
            event: Event::Tick,
            decisions: Vec::new(),
        }
    }

    #[tokio::test]
    async fn the_log_tells_the_dials_of_each_epoch_and_of_one_that_came_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let epochs = Epochs::default();
        assert_eq!(epochs.newest(&store, 0).await.unwrap(), []);
        append(&store, &end_of(1, 4), 1_000).await;
        let head = append(&store, &tick(), 1_500).await;
        let known = epochs.newest(&store, head).await.unwrap();
        assert_eq!((known[0].epoch, known[0].window), (1, 4));
        assert_eq!((known[0].at_unix_s, known[0].k), (1, Params::devnet().k));
        assert_eq!(known[0].weights_root, B256::with_last_byte(1));

        for (epoch, window) in [(2, 5), (3, 6), (2, 7)] {
            append(&store, &end_of(epoch, window), 2_000).await;
        }
        let windows = |known: Vec<EpochView>| -> Vec<(u64, u32)> {
            let pairs = known.iter().map(|epoch| (epoch.epoch, epoch.window));
            pairs.collect()
        };
        let known = epochs.newest(&store, 5).await.unwrap();
        assert_eq!(windows(known), [(1, 4), (2, 7)]);
        // Whoever begins to read now finds the same.
        let known = Epochs::default().newest(&store, 5).await.unwrap();
        assert_eq!(windows(known), [(1, 4), (2, 7)]);
    }
}
