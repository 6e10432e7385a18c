//! Indexes over the kept tasks, so that no event costs a walk over all of them.
//!
//! Everything here follows from the tasks: [`Keys::of`] says under what a task is filed, [`Index::file`] moves it there.
//!
//! INVARIANT: between two events every kept task is filed under exactly the keys that [`Keys::of`] gives, and nothing else is.

use super::{Stage, Task};
use crate::ids::{BatchNumber, UnixSeconds};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use serde::{Deserialize, Serialize};

/// Under what a task is filed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Keys {
    is_queued: bool,
    is_in_window: bool,
    beacon: Option<u64>,
    wakeup: Option<UnixSeconds>,
}

impl Keys {
    fn of(task: &Task) -> Self {
        Self {
            is_queued: matches!(task.stage, Stage::Queued),
            is_in_window: task.is_in_window(),
            beacon: task.awaited_beacon(),
            wakeup: task.wakeup(),
        }
    }
}

/// Tasks by what they wait for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Index {
    filed: BTreeMap<BatchNumber, Keys>,
    queued: BTreeSet<BatchNumber>,
    in_window: u32,
    beacons: BTreeSet<(u64, BatchNumber)>,
    wakeups: BTreeSet<(UnixSeconds, BatchNumber)>,
}

impl Index {
    /// Files a task anew after it changed.
    pub(super) fn file(&mut self, task: &Task) {
        let batch = task.batch;
        let keys = Keys::of(task);
        let before = if keys == Keys::default() {
            self.filed.remove(&batch)
        } else {
            self.filed.insert(batch, keys)
        };
        let before = before.unwrap_or_default();
        if before == keys {
            return;
        }
        if before.is_queued {
            self.queued.remove(&batch);
        }
        if keys.is_queued {
            self.queued.insert(batch);
        }
        self.in_window -= u32::from(before.is_in_window);
        self.in_window += u32::from(keys.is_in_window);
        if let Some(beacon) = before.beacon {
            self.beacons.remove(&(beacon, batch));
        }
        if let Some(beacon) = keys.beacon {
            self.beacons.insert((beacon, batch));
        }
        if let Some(wakeup) = before.wakeup {
            self.wakeups.remove(&(wakeup, batch));
        }
        if let Some(wakeup) = keys.wakeup {
            self.wakeups.insert((wakeup, batch));
        }
    }

    /// The oldest task that waits for room in the window.
    pub(super) fn next_queued(&self) -> Option<BatchNumber> {
        self.queued.first().copied()
    }

    /// Tasks that wait for room in the window.
    pub(super) fn queued(&self) -> u32 {
        u32::try_from(self.queued.len()).unwrap_or(u32::MAX)
    }

    /// Tasks that occupy the window.
    pub(super) fn in_window(&self) -> u32 {
        self.in_window
    }

    /// Does a task wait for the prevrandao of this block?
    pub(super) fn is_beacon_awaited(&self, l1_block: u64) -> bool {
        self.beacons
            .range((l1_block, 0)..=(l1_block, BatchNumber::MAX))
            .next()
            .is_some()
    }

    /// Tasks that wait for the prevrandao of this block, oldest first.
    pub(super) fn waiting_for(&self, l1_block: u64) -> Vec<BatchNumber> {
        let range = (l1_block, 0)..=(l1_block, BatchNumber::MAX);
        self.beacons.range(range).map(|(_, batch)| *batch).collect()
    }

    /// Blocks that are waited for, each once, in order.
    pub(super) fn beacons(&self) -> Vec<u64> {
        let mut blocks: Vec<u64> = self.beacons.iter().map(|(block, _)| *block).collect();
        blocks.dedup();
        blocks
    }

    /// When the first task has something to do.
    pub(super) fn next_wakeup(&self) -> Option<UnixSeconds> {
        self.wakeups.first().map(|(at, _)| *at)
    }

    /// Tasks that have something to do at `now`, oldest batch first.
    pub(super) fn due(&self, now: UnixSeconds) -> BTreeSet<BatchNumber> {
        let due = self.wakeups.range(..=(now, BatchNumber::MAX));
        due.map(|(_, batch)| *batch).collect()
    }
}
