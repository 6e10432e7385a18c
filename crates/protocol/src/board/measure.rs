//! What the board measures in an epoch for the dials.

use super::roller::RollerAccount;
use crate::{
    ids::{Roller, UnixSeconds},
    law::{
        ONE, Params, Ratio,
        control::{EpochMeasure, RollerMeasure},
        eligibility::capacity_proven,
    },
};
use alloc::collections::BTreeMap;
use serde::{Deserialize, Serialize};

/// Bins of a [`Completions`] histogram; the last holds everything at or after the deadline.
const BINS: usize = 16;

/// Tasks of which k remembers a miss: when there were more, old ones fade by half.
const TASKS_REMEMBERED: u64 = 8_000;

/// How much of their time a roller's valid proofs took: a histogram of completion / T in sixteenths, T as it would be today.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completions([u16; BINS]);

impl Completions {
    /// Counts a proof that took `taken_s` of `limit_s` seconds (> 0).
    pub(super) fn count(&mut self, taken_s: u64, limit_s: u64) {
        let bin = u128::from(taken_s) * BINS as u128 / u128::from(limit_s.max(1));
        let bin = usize::try_from(bin).unwrap_or(BINS).min(BINS - 1);
        self.0[bin] = self.0[bin].saturating_add(1);
    }

    /// Upper edge of the median's bin.
    pub fn median(&self) -> Option<Ratio> {
        let all: u32 = self.0.iter().copied().map(u32::from).sum();
        if all == 0 {
            return None;
        }
        let mut below = 0;
        let bin = self.0.iter().zip(1u64..).find_map(|(count, edge)| {
            below += u32::from(*count);
            (2 * below >= all).then_some(edge)
        });
        bin.map(|edge| ONE * edge / BINS as u64)
    }
}

/// Counts of the running epoch, over all rollers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Measured {
    tickets: u64,
    seat_s: u64,
    queued_before: u32,
    open_peak: u32,
    tasks: Tasks,
    /// Those of former epochs that are remembered for k.
    tasks_before: Tasks,
}

/// Tasks that ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Tasks {
    all: u64,
    missed: u64,
}

impl Measured {
    /// Counts the seats of a round: tickets of a task of this weight, each seat with `time_s` seconds of deadline.
    pub(super) fn seated(&mut self, tickets: &BTreeMap<Roller, u32>, weight: u64, time_s: u64) {
        let drawn: u64 = tickets.values().copied().map(u64::from).sum();
        let seat_s = time_s.saturating_mul(tickets.len() as u64);
        self.tickets = self.tickets.saturating_add(drawn.saturating_mul(weight));
        self.seat_s = self.seat_s.saturating_add(seat_s);
    }

    pub(super) fn opened(&mut self, in_window: u32) {
        self.open_peak = self.open_peak.max(in_window);
    }

    pub(super) fn ended(&mut self, is_missed: bool) {
        self.tasks.all += 1;
        self.tasks.missed += u64::from(is_missed);
    }

    /// Without the rollers and the queue.
    pub(super) fn measure(&self, elapsed_s: u64) -> EpochMeasure {
        EpochMeasure {
            rollers: alloc::vec::Vec::new(),
            tickets: self.tickets,
            seat_s: self.seat_s,
            elapsed_s,
            open_peak: self.open_peak,
            queued: 0,
            queued_before: self.queued_before,
            tasks: self.tasks_before.all + self.tasks.all,
            tasks_missed: self.tasks_before.missed + self.tasks.missed,
        }
    }

    /// Begins a new epoch. Tasks are remembered over epochs until k moves, because misses are rare; those of an epoch that says nothing
    /// about k are not.
    pub(super) fn end_epoch(
        &mut self,
        (has_k_moved, counts_for_k): (bool, bool),
        in_window: u32,
        queued: u32,
    ) {
        (self.tickets, self.seat_s) = (0, 0);
        (self.open_peak, self.queued_before) = (in_window, queued);
        let ended = core::mem::take(&mut self.tasks);
        let before = &mut self.tasks_before;
        if has_k_moved {
            *before = Tasks::default();
        } else if counts_for_k {
            before.all += ended.all;
            before.missed += ended.missed;
        }
        if before.all > TASKS_REMEMBERED {
            before.all /= 2;
            before.missed /= 2;
        }
    }
}

impl RollerAccount {
    /// What the roller did in the running epoch.
    pub(super) fn measure(&self, params: &Params, now: UnixSeconds) -> RollerMeasure {
        let is_there = self.is_leaf(params) && self.is_heard() && now >= self.rests_until;
        RollerMeasure {
            stake: self.stake,
            on_time: self.offers.on_time,
            failed: self.offers.late.saturating_add(self.offers.missed),
            declined: self.offers.declined,
            completion: self.completions.median(),
            capacity: if is_there {
                capacity_proven(params, self.capacity, self.peak())
            } else {
                0
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_its_bins_upper_edge() {
        let mut completions = Completions::default();
        assert_eq!(completions.median(), None);
        completions.count(0, 160);
        assert_eq!(completions.median(), Some(ONE / 16));
        completions.count(79, 160);
        completions.count(79, 160);
        assert_eq!(completions.median(), Some(ONE / 2));
        (0..10).for_each(|_| completions.count(1_000, 160));
        assert_eq!(completions.median(), Some(ONE));
    }

    #[test]
    fn misses_are_remembered_until_k_moves() {
        let mut measured = Measured::default();
        let k = |measured: &Measured| {
            let measure = measured.measure(60);
            (measure.tasks, measure.tasks_missed)
        };
        measured.ended(true);
        measured.end_epoch((false, true), 7, 5);
        assert_eq!((k(&measured), measured.open_peak), ((1, 1), 7));
        assert_eq!(measured.measure(60).queued_before, 5);
        (0..TASKS_REMEMBERED).for_each(|_| measured.ended(false));
        measured.end_epoch((false, true), 0, 0);
        assert_eq!(k(&measured), (TASKS_REMEMBERED / 2, 0));
        measured.end_epoch((true, true), 0, 0);
        assert_eq!(k(&measured), (0, 0));
    }

    #[test]
    fn an_epoch_that_says_nothing_about_k_is_not_remembered() {
        let mut measured = Measured::default();
        measured.ended(false);
        measured.end_epoch((false, true), 0, 0);
        (0..9).for_each(|_| measured.ended(true));
        measured.end_epoch((false, false), 0, 0);
        let measure = measured.measure(60);
        assert_eq!((measure.tasks, measure.tasks_missed), (1, 0));
    }
}
