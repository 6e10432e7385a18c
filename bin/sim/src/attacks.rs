//! The attacks that are played by rollers, as strategies.
//!
//! Each one names the rule that is to close it. What they are worth is measured in [`crate::harness`], against honest play with
//! the same machine and the same stake. What L1 proposers and users do, and wrongs of the operator that leave evidence on L1 alone, is
//! no play: [`crate::models`] computes it.

use crate::strategy::{Intake, Means, Move, Name, Plan, SeatOffer, Strategy, Submission, View};

/// One name with all stake and this capacity.
fn one(capacity: u32) -> Vec<Name> {
    vec![Name {
        stake_share: 1.0,
        capacity,
    }]
}

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

/// Its stake under `names` names, each with its part of the machine [draw with replacement]. A proof for a second name of the same
/// task costs `relabel` of a whole one.
#[derive(Clone, Copy, Debug)]
pub struct Split {
    /// How many names.
    pub names: u32,
    /// Cost of the second proof of a task, as a share.
    pub relabel: f64,
}

impl Split {
    const fn new(names: u32, relabel: f64) -> Self {
        Self { names, relabel }
    }
}

impl Strategy for Split {
    fn name(&self) -> String {
        format!("split in {} (c = {})", self.names, self.relabel)
    }

    fn names(&self, means: &Means) -> Vec<Name> {
        let name = Name {
            stake_share: 1.0 / f64::from(self.names),
            capacity: means.capacity().div_ceil(self.names),
        };
        vec![name; self.names as usize]
    }

    fn relabel_cost(&self) -> f64 {
        self.relabel
    }
}

/// Has the operator of the rollup enter digests of nothing and proves only what wins [L1 pays for the very digest of the entries].
#[derive(Clone, Copy, Debug, Default)]
pub struct AfterWinning;

impl Strategy for AfterWinning {
    fn name(&self) -> String {
        "prove after winning".into()
    }

    fn on_seat(&mut self, _seat: &SeatOffer, _view: &View) -> Plan {
        Plan::EnterUnproved
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
    const fn new(renames: bool) -> Self {
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

/// The operator of the rollup gives no receipts where its own rollers have tickets, so that they win more often [posting on L1, bond].
#[derive(Clone, Copy, Debug, Default)]
pub struct Silence;

impl Strategy for Silence {
    fn name(&self) -> String {
        "operator's silence".into()
    }

    fn has_operator(&self) -> bool {
        true
    }

    fn intake(&mut self, submission: &Submission) -> Intake {
        if submission.own_tickets > 0 {
            Intake::Refuse
        } else {
            Intake::Take
        }
    }
}

/// The operator of the rollup accuses whoever submits a valid proof where its own rollers have tickets [a defence is the very bytes,
/// the accuser's bond, as many accusations as the operator's bond covers].
#[derive(Clone, Copy, Debug, Default)]
pub struct MassAccusation;

impl Strategy for MassAccusation {
    fn name(&self) -> String {
        "mass accusation".into()
    }

    fn has_operator(&self) -> bool {
        true
    }

    fn intake(&mut self, submission: &Submission) -> Intake {
        if submission.own_tickets > 0 {
            Intake::Accuse
        } else {
            Intake::Take
        }
    }
}

/// A strategy made anew for each simulation.
pub type Make = fn() -> Box<dyn Strategy>;

/// The kind of world in which an attack is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Arena {
    /// Price and k stand still, so that small differences are seen.
    Steady,
    /// The same, and everybody fails a few times a day.
    Outages,
    /// The same with few rollers for weeks: stakes can be unbonded.
    Weeks,
    /// All dials move, and rollers come and go with the price.
    Dials,
}

/// An attack by rollers.
#[derive(Clone, Copy)]
pub struct Attack {
    /// Makes one attacker.
    pub make: Make,
    /// How many rollers play it: a cartel is several.
    pub attackers: usize,
    /// The rule that closes it.
    pub closed_by: &'static str,
    /// Where it is measured.
    pub arena: Arena,
    /// Most that it can gain per unit of honest cost and share of all machines where it is not closed (docs/mechanism/limits.md);
    /// else 0.
    pub bound_per_share: f64,
}

impl Attack {
    /// For tables and worlds.
    pub fn name(&self) -> String {
        (self.make)().name()
    }
}

const fn steady(make: Make, closed_by: &'static str) -> Attack {
    Attack {
        make,
        attackers: 1,
        closed_by,
        arena: Arena::Steady,
        bound_per_share: 0.0,
    }
}

const fn split(make: Make) -> Attack {
    steady(make, "exactly k points; one name proves once")
}

const fn cartel(make: Make, closed_by: &'static str) -> Attack {
    Attack {
        make,
        attackers: 6,
        closed_by,
        arena: Arena::Dials,
        bound_per_share: 0.0,
    }
}

/// Names that share computations for nothing gain a little by rounded-up capacities; set above what was measured.
const FREE_RELABEL: f64 = 0.1;

const OFFERS: &str = "a hit without capacity is a declined offer";
const COURT: &str = "the very bytes clear; accuser's bond";
const DECLINES: &str = "declines of one name count up to 5 %";

/// All attacks by rollers, alone or with the operator of the rollup.
pub const ALL: &[Attack] = &[
    steady(|| Box::new(InvalidFlood), "fine of 4 seats' rewards"),
    steady(|| Box::new(Copying), "roller and task are in the statement"),
    steady(|| Box::new(GarbageThenDefend), "only the very bytes clear"),
    split(|| Box::new(Split::new(3, 1.0))),
    split(|| Box::new(Split::new(3, 0.5))),
    split(|| Box::new(Split::new(3, 0.25))),
    Attack {
        bound_per_share: FREE_RELABEL,
        ..split(|| Box::new(Split::new(3, 0.0)))
    },
    split(|| Box::new(Split::new(10, 1.0))),
    Attack {
        bound_per_share: FREE_RELABEL,
        ..split(|| Box::new(Split::new(10, 0.0)))
    },
    Attack {
        arena: Arena::Outages,
        ..split(|| Box::new(Split::new(5, 1.0)))
    },
    steady(|| Box::new(AfterWinning), "L1 pays for the entry's digest"),
    steady(|| Box::new(Withholding), "no entry, no reward"),
    steady(
        || Box::new(Sitting { proves_one_of: 2 }),
        "missed seats lower q",
    ),
    steady(|| Box::new(Declining), OFFERS),
    steady(|| Box::new(IdleWhale), OFFERS),
    steady(|| Box::new(ShamCapacity), "2 x the proven peak"),
    steady(|| Box::new(DrainToDodge), "a drain lasts an hour at least"),
    steady(|| Box::new(Silence), "posted on L1, the bond pays 2 B"),
    steady(|| Box::new(MassAccusation), COURT),
    Attack {
        arena: Arena::Weeks,
        ..steady(
            || Box::new(Whitewashing::new(false)),
            "missed seats lower q",
        )
    },
    Attack {
        arena: Arena::Weeks,
        ..steady(
            || Box::new(Whitewashing::new(true)),
            "q climbs in two unbondings",
        )
    },
    cartel(|| Box::new(SlowDown), "load by the median roller"),
    cartel(
        || Box::new(LateCartel { one_of: 5 }),
        "load by the median roller",
    ),
    cartel(
        || Box::new(LateCartel { one_of: 10 }),
        "load by the median roller",
    ),
    cartel(|| Box::new(PriceCartel { below: 1.0 }), DECLINES),
    cartel(
        || Box::new(PriceStrike { below: 1.0 }),
        "a drain is no demand",
    ),
];

/// The attack of that name.
pub fn find(name: &str) -> Option<&'static Attack> {
    ALL.iter().find(|attack| attack.name() == name)
}
