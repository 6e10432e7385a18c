//! Who is there: heartbeats and reported progress, in memory.
//!
//! A heartbeat is not an event of the board (each event costs an fsync); only what changes the law's view is: a roller
//! that is there again, one that drains, one that fell silent. After a restart every roller is given the full time
//! again before it counts as silent.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rollmill_protocol::Roller;
use rollmill_roller_api::{HeartbeatRequest, Progress, SeatId};
use tokio::sync::watch;

/// What a roller said last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Presence {
    /// When.
    pub(crate) heartbeat_unix_ms: u64,
    /// Progress of its work.
    pub(crate) tasks: Vec<Progress>,
}

/// All rollers that were heard since the start.
#[derive(Debug, Default)]
pub(crate) struct Presences {
    heard: Mutex<BTreeMap<Roller, Presence>>,
    /// How many heartbeats told of work.
    reports: watch::Sender<u64>,
}

impl Presences {
    /// Notes a heartbeat.
    pub(crate) fn heard(&self, roller: Roller, heartbeat: HeartbeatRequest, now_unix_ms: u64) {
        let is_report = !heartbeat.tasks.is_empty();
        let presence = Presence {
            heartbeat_unix_ms: now_unix_ms,
            tasks: heartbeat.tasks,
        };
        self.lock().insert(roller, presence);
        if is_report {
            self.reports.send_modify(|reports| *reports += 1);
        }
    }

    /// Wakes with every heartbeat that tells of work.
    pub(crate) fn reports(&self) -> watch::Receiver<u64> {
        self.reports.subscribe()
    }

    /// Counts `roller` as heard now, without news: at the start for those who were there before.
    pub(crate) fn assume(&self, roller: Roller, now_unix_ms: u64) {
        self.lock().entry(roller).or_default().heartbeat_unix_ms = now_unix_ms;
    }

    /// Last news of a roller.
    pub(crate) fn last(&self, roller: Roller) -> Option<Presence> {
        self.lock().get(&roller).cloned()
    }

    /// Last reported progress on a seat.
    pub(crate) fn progress(&self, roller: Roller, seat: SeatId) -> Option<Progress> {
        let presences = self.lock();
        presences
            .get(&roller)?
            .tasks
            .iter()
            .find(|progress| progress.seat == seat)
            .copied()
    }

    /// Whether the last heartbeat is at most `silence_s` old.
    pub(crate) fn is_alive(&self, roller: Roller, now_unix_ms: u64, silence_s: u64) -> bool {
        self.lock().get(&roller).is_some_and(|presence| {
            now_unix_ms.saturating_sub(presence.heartbeat_unix_ms) <= silence_s * 1000
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Roller, Presence>> {
        // The map is whole after every single operation on it.
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
