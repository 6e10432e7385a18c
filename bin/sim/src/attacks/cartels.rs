//! What several rollers can do together, to move the dials.

use super::one;
use crate::strategy::{Means, Move, Name, Plan, SeatOffer, Strategy, View};

/// Holds every proof back until shortly before the deadline, so that T is raised for all and tasks stay open and hold the price up
/// [medians over rollers].
#[derive(Clone, Copy, Debug, Default)]
pub struct SlowDown;

impl Strategy for SlowDown {
    fn name(&self) -> String {
        "slow-down cartel".into()
    }

    fn on_seat(&mut self, _seat: &SeatOffer, _view: &View) -> Plan {
        Plan::ProveAndHold(0.95)
    }
}

/// Delivers one proof of `one_of` a little too late, so that seats seem to fail for want of time, T goes up to its end and the price
/// after it [T never exceeds three times what the median roller takes; a price rises only under load].
#[derive(Clone, Copy, Debug)]
pub struct LateCartel {
    /// Late with one seat of this many.
    pub one_of: u64,
}

impl Strategy for LateCartel {
    fn name(&self) -> String {
        format!("late cartel (1 of {})", self.one_of)
    }

    fn on_seat(&mut self, _seat: &SeatOffer, view: &View) -> Plan {
        if view.seats.is_multiple_of(self.one_of) {
            Plan::ProveAndHold(1.02)
        } else {
            Plan::Prove
        }
    }
}

/// Declares one seat while the price is below `below` times the first one, and its true capacity above it [capped declines, bounds
/// of the price].
#[derive(Clone, Copy, Debug)]
pub struct PriceCartel {
    /// The price that it wants.
    pub below: f64,
}

impl Strategy for PriceCartel {
    fn name(&self) -> String {
        format!("price cartel (declines below {})", self.below)
    }

    fn names(&self, means: &Means) -> Vec<Name> {
        let is_on_strike = means.price < self.below;
        one(if is_on_strike { 1 } else { means.capacity() })
    }
}

/// Drains while the price is below `below` times the first one, so that its absence is no decline [rest after a drain, bounds of the
/// price].
#[derive(Clone, Copy, Debug)]
pub struct PriceStrike {
    /// The price that it wants.
    pub below: f64,
}

impl Strategy for PriceStrike {
    fn name(&self) -> String {
        format!("price cartel (drains below {})", self.below)
    }

    fn on_change(&mut self, view: &View) -> Option<Move> {
        let is_on_strike = view.price < self.below;
        Some(if is_on_strike {
            Move::Drain
        } else {
            Move::Return
        })
    }
}
