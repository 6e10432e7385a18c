//! Numbers of the law that L1's governor can change (`Parameters`), each with seven days' notice.
//!
//! L1 keeps for each a present value, a next one, and the time from which the next one is in force; so does the board, which hears of
//! each announcement and puts it in force by itself when its time comes, as L1 does. Nothing else of the law can change: the numbers
//! that no contract knows are what the log was begun with, and L1 has the hash of them.
//!
//! L1 refuses a unit price outside of its bounds, and steps of more than an eighth. Therefore the price keeps within announced bounds, too, from
//! the announcement on: seven days of steps lead it to where it must be when they are in force.

use super::{Board, BoardError};
use crate::{
    ids::{ScrWei, UnixSeconds},
    law::Params,
};
use serde::{Deserialize, Serialize};

/// A number that the governor can change, with its value. Others of L1's table are judged by on L1 alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Parameter {
    /// Seconds after a settlement in which submissions are judged.
    AccuseS(u64),
    /// A roller that is silent for longer gets no offers, seconds.
    HeartbeatS(u64),
    /// Smallest fine.
    FineMin(ScrWei),
    /// Least unit price.
    UnitPriceMin(ScrWei),
    /// Greatest unit price.
    UnitPriceMax(ScrWei),
}

/// What L1 keeps of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Slot<T> {
    present: T,
    next: T,
    active_from: UnixSeconds,
}

impl<T: Copy + Ord> Slot<T> {
    fn of(value: T) -> Self {
        Self {
            present: value,
            next: value,
            active_from: 0,
        }
    }

    fn at(&self, now: UnixSeconds) -> T {
        if now >= self.active_from {
            self.next
        } else {
            self.present
        }
    }

    /// In force at `now`, and what is announced.
    fn known(&self, now: UnixSeconds) -> [T; 2] {
        [self.at(now), self.next]
    }

    /// An announcement replaces one that is not in force yet.
    fn announce(&mut self, next: T, announced_at: UnixSeconds, active_from: UnixSeconds) {
        *self = Self {
            present: self.at(announced_at),
            next,
            active_from,
        };
    }
}

/// All numbers that can change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Parameters {
    accuse_s: Slot<u64>,
    heartbeat_s: Slot<u64>,
    fine_min: Slot<ScrWei>,
    unit_price_min: Slot<ScrWei>,
    unit_price_max: Slot<ScrWei>,
}

impl Parameters {
    /// What the law begins with; L1's bounds of the price are not known before it tells them.
    pub(super) fn of(law: &Params) -> Self {
        Self {
            accuse_s: Slot::of(law.accuse_s),
            heartbeat_s: Slot::of(law.heartbeat_s),
            fine_min: Slot::of(law.fine_min),
            unit_price_min: Slot::of(ScrWei::ZERO),
            unit_price_max: Slot::of(ScrWei(u128::MAX)),
        }
    }

    fn announce(&mut self, parameter: Parameter, at: UnixSeconds, active_from: UnixSeconds) {
        match parameter {
            Parameter::AccuseS(s) => self.accuse_s.announce(s, at, active_from),
            Parameter::HeartbeatS(s) => self.heartbeat_s.announce(s, at, active_from),
            Parameter::FineMin(amount) => self.fine_min.announce(amount, at, active_from),
            Parameter::UnitPriceMin(price) => self.unit_price_min.announce(price, at, active_from),
            Parameter::UnitPriceMax(price) => self.unit_price_max.announce(price, at, active_from),
        }
    }

    /// The first time after `now` at which a number changes.
    pub(super) fn next_change(&self, now: UnixSeconds) -> Option<UnixSeconds> {
        let times = [
            self.accuse_s.active_from,
            self.heartbeat_s.active_from,
            self.fine_min.active_from,
            self.unit_price_min.active_from,
            self.unit_price_max.active_from,
        ];
        times.into_iter().filter(|at| *at > now).min()
    }

    /// The law as it is in force at `now`.
    fn in_force(&self, law: &Params, now: UnixSeconds) -> Params {
        let mut params = law.clone();
        params.accuse_s = self.accuse_s.at(now);
        params.heartbeat_s = self.heartbeat_s.at(now);
        params.drain_min_s = law.drain_min_s.max(params.heartbeat_s);
        params.fine_min = self.fine_min.at(now);
        params.control.unit_price = self.price_range(law.control.unit_price, now);
        params
    }

    /// The law's range of the price, as far as L1's bounds leave it: those in force, and those announced where both can be kept.
    fn price_range(&self, (low, high): (ScrWei, ScrWei), now: UnixSeconds) -> (ScrWei, ScrWei) {
        let [present_min, next_min] = self.unit_price_min.known(now);
        let [present_max, next_max] = self.unit_price_max.known(now);
        let (mut min, mut max) = (present_min.max(next_min), present_max.min(next_max));
        if min > max {
            (min, max) = (present_min, present_max.max(present_min));
        }
        (low.clamp(min, max), high.clamp(min, max))
    }
}

impl Board {
    pub(super) fn on_parameter_announced(
        &mut self,
        parameter: Parameter,
        (announced_at, active_from): (UnixSeconds, UnixSeconds),
        now: UnixSeconds,
    ) {
        self.parameters
            .announce(parameter, announced_at, active_from);
        self.params = self.parameters.in_force(&self.law, now);
    }

    /// Puts in force what has been announced for a time since the last event. Returns the law as it was before, if that changed
    /// anything.
    pub(super) fn enter_force(&mut self, now: UnixSeconds) -> Option<Params> {
        let due = self.parameters.next_change(self.now)?;
        let params = (due <= now).then(|| self.parameters.in_force(&self.law, now))?;
        Some(core::mem::replace(&mut self.params, params))
    }

    /// The law that the log was begun with. In force is [`Self::params`].
    pub fn law(&self) -> &Params {
        &self.law
    }

    pub(super) fn check_time(&self, now: UnixSeconds) -> Result<(), BoardError> {
        if now < self.now {
            return Err(BoardError::TimeWentBack {
                now,
                last: self.now,
            });
        }
        Ok(())
    }
}
