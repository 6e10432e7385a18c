//! What a roller can do alone.

use super::one;
use crate::strategy::{Means, Move, Name, Plan, SeatOffer, Strategy, View};

/// Answers every seat with garbage [fine, judgement].
#[derive(Clone, Copy, Debug, Default)]
pub struct InvalidFlood;

impl Strategy for InvalidFlood {
    fn name(&self) -> String {
        "invalid flood".into()
    }

    fn on_seat(&mut self, _seat: &SeatOffer, _view: &View) -> Plan {
        Plan::SubmitGarbage
    }
}

/// Submits somebody else's proof for every other seat: it names another roller, so that it is invalid for the seat [identity in the
/// statement]. The other half of its seats it proves, so that it has a reputation to be drawn with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Copying;

impl Strategy for Copying {
    fn name(&self) -> String {
        "copying".into()
    }

    fn on_seat(&mut self, _seat: &SeatOffer, view: &View) -> Plan {
        if view.seats.is_multiple_of(2) {
            Plan::SubmitGarbage
        } else {
            Plan::Prove
        }
    }
}

/// Proves, signs garbage, and brings the proof when it is accused, to have the accuser's bond [a defence is the very bytes; bonds are
/// burned].
#[derive(Clone, Copy, Debug, Default)]
pub struct GarbageThenDefend;

impl Strategy for GarbageThenDefend {
    fn name(&self) -> String {
        "garbage, then defend".into()
    }

    fn on_seat(&mut self, _seat: &SeatOffer, _view: &View) -> Plan {
        Plan::GarbageThenDefend
    }
}

/// Its stake under `names` names, each with its part of the machine [draw with replacement].
#[derive(Clone, Copy, Debug)]
pub struct Split {
    /// How many names.
    pub names: u32,
}

impl Strategy for Split {
    fn name(&self) -> String {
        format!("split in {}", self.names)
    }

    fn names(&self, means: &Means) -> Vec<Name> {
        let name = Name {
            stake_share: 1.0 / f64::from(self.names),
            capacity: means.capacity().div_ceil(self.names),
        };
        vec![name; self.names as usize]
    }
}

/// Proves and keeps the proof for itself [rounds, fallback].
#[derive(Clone, Copy, Debug, Default)]
pub struct Withholding;

impl Strategy for Withholding {
    fn name(&self) -> String {
        "withholding".into()
    }

    fn on_seat(&mut self, _seat: &SeatOffer, _view: &View) -> Plan {
        Plan::ProveAndWithhold
    }
}

/// Takes a share of its seats and does nothing with the rest [penalty for missed seats].
#[derive(Clone, Copy, Debug)]
pub struct Sitting {
    /// Proves one seat of this many.
    pub proves_one_of: u64,
}

impl Strategy for Sitting {
    fn name(&self) -> String {
        format!("sitting (proves 1 of {})", self.proves_one_of)
    }

    fn on_seat(&mut self, _seat: &SeatOffer, view: &View) -> Plan {
        if view.seats.is_multiple_of(self.proves_one_of) {
            Plan::Prove
        } else {
            Plan::Ignore
        }
    }
}

/// Declares a third of its capacity, so that two of three offers pass it over [declined offers].
#[derive(Clone, Copy, Debug, Default)]
pub struct Declining;

impl Strategy for Declining {
    fn name(&self) -> String {
        "declining 2/3".into()
    }

    fn names(&self, means: &Means) -> Vec<Name> {
        one((means.capacity() / 3).max(1))
    }
}

/// Keeps its machine for one proof at a time and lives from its stake [idle whale].
#[derive(Clone, Copy, Debug, Default)]
pub struct IdleWhale;

impl Strategy for IdleWhale {
    fn name(&self) -> String {
        "idle whale".into()
    }

    fn names(&self, _means: &Means) -> Vec<Name> {
        one(1)
    }
}

/// Declares ten times its capacity [peak of proven concurrency].
#[derive(Clone, Copy, Debug, Default)]
pub struct ShamCapacity;

impl Strategy for ShamCapacity {
    fn name(&self) -> String {
        "sham capacity x10".into()
    }

    fn names(&self, means: &Means) -> Vec<Name> {
        one(means.capacity() * 10)
    }
}

/// Announces a drain whenever its machine is full, so that it never declines [rest after a drain].
#[derive(Clone, Copy, Debug, Default)]
pub struct DrainToDodge;

impl Strategy for DrainToDodge {
    fn name(&self) -> String {
        "drain to dodge".into()
    }

    fn on_change(&mut self, view: &View) -> Option<Move> {
        let is_full = view.busy >= view.slots;
        Some(if is_full { Move::Drain } else { Move::Return })
    }
}

/// Does nothing for its seats in the first `lazy_h` hours, and then either works its way up again or comes back under a new name
/// [start at 10 %, recovery as fast as two unbondings].
#[derive(Clone, Copy, Debug)]
pub struct Whitewashing {
    /// Hours of idleness.
    pub lazy_h: f64,
    /// Does it come back under a new name?
    pub renames: bool,
}

impl Whitewashing {
    /// Three days of idleness.
    pub const fn after_72_h(renames: bool) -> Self {
        Self {
            lazy_h: 72.0,
            renames,
        }
    }
}

impl Strategy for Whitewashing {
    fn name(&self) -> String {
        let after = if self.renames {
            "under a new name"
        } else {
            "under the old name"
        };
        format!("idle for {} h, then honest {after}", self.lazy_h)
    }

    fn on_seat(&mut self, _seat: &SeatOffer, view: &View) -> Plan {
        if view.hour < self.lazy_h {
            Plan::Ignore
        } else {
            Plan::Prove
        }
    }

    fn on_change(&mut self, view: &View) -> Option<Move> {
        let is_time = self.renames && !view.is_renamed && view.hour >= self.lazy_h;
        is_time.then_some(Move::Rename)
    }
}

/// Posts digests of nothing on L1 for every other seat and proves the rest [a posted digest whose bytes never come is a missed seat].
#[derive(Clone, Copy, Debug, Default)]
pub struct PostingNothing;

impl Strategy for PostingNothing {
    fn name(&self) -> String {
        "posting digests of nothing".into()
    }

    fn on_seat(&mut self, _seat: &SeatOffer, view: &View) -> Plan {
        if view.seats.is_multiple_of(2) {
            Plan::PostNothing
        } else {
            Plan::Prove
        }
    }
}
