//! The attacks, as strategies that are played.
//!
//! Each one names the rule that is to close it. What they are worth is measured in [`crate::harness`], against honest play with
//! the same machine and the same stake. [`crate::models`] computes beside it what a play of days cannot show.

mod alone;
mod cartels;
mod insiders;

pub use alone::{
    Copying, Declining, DrainToDodge, GarbageThenDefend, IdleWhale, InvalidFlood, PostingNothing,
    ShamCapacity, Sitting, Split, Whitewashing, Withholding,
};
pub use cartels::{LateCartel, PriceCartel, PriceStrike, SlowDown};
pub use insiders::{
    AfterWinning, Drops, FalselyFull, Favouring, Grinding, HiddenRounds, MassAccusation, OwnVictim,
    Silence, Stuffing, WashProving,
};

use crate::{
    harness::Setting,
    strategy::{Full, Honest, Name, Strategy},
};

/// One name with all stake and this capacity.
fn one(capacity: u32) -> Vec<Name> {
    vec![Name {
        stake_share: 1.0,
        capacity,
    }]
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
    /// The same, and every hour a fixed pot of new SCR is divided over proven gas.
    Pot,
    /// The same, and a block of L1 is worth about what is decided by its prevrandao.
    Proposers,
    /// The same with few rollers for weeks: stakes can be unbonded.
    Weeks,
    /// All dials move, and rollers come and go with the price.
    Dials,
}

/// An attack.
#[derive(Clone, Copy)]
pub struct Attack {
    /// Makes one attacker.
    pub make: Make,
    /// What the same roller would be honestly.
    pub honest: Make,
    /// How many rollers play it: a cartel is several.
    pub attackers: usize,
    /// The rule that closes it.
    pub closed_by: &'static str,
    /// Where it is measured.
    pub arena: Arena,
    /// Does it matter what the second proof of a task costs under another name?
    pub relabels: bool,
    /// Most that it can gain per unit of honest cost where it is not closed (docs/mechanism/limits.md); else 0.
    pub bound: fn(&Setting) -> f64,
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
        honest: || Box::new(Honest),
        attackers: 1,
        closed_by,
        arena: Arena::Steady,
        relabels: false,
        bound: |_| 0.0,
    }
}

const fn split(make: Make) -> Attack {
    Attack {
        relabels: true,
        bound: free_relabel,
        ..steady(make, "exactly k points; one name proves once")
    }
}

/// Through outages they gain more, where computations are nearly shared: set above what was measured.
fn cheap_relabel(setting: &Setting) -> f64 {
    match setting.relabel {
        Some(c) if c < 0.5 => (1.0 - c) * setting.share,
        _ => 0.0,
    }
}

const fn in_arena(arena: Arena, attack: Attack) -> Attack {
    Attack { arena, ..attack }
}

const fn cartel(make: Make, closed_by: &'static str) -> Attack {
    Attack {
        attackers: 6,
        arena: Arena::Dials,
        ..steady(make, closed_by)
    }
}

/// Names that share computations for nothing gain a little by rounded-up capacities; set above what was measured.
fn free_relabel(setting: &Setting) -> f64 {
    if setting.relabel == Some(0.0) {
        0.1 * setting.share
    } else {
        0.0
    }
}

/// What nothing closes: a machine that is always busy, and every ticket of what it proves.
fn whole_rewards(setting: &Setting) -> f64 {
    f64::from(setting.k) * (1.0 + setting.margin)
}

const fn open(make: Make, bound: fn(&Setting) -> f64) -> Attack {
    Attack {
        bound,
        ..steady(make, "not closed: the audit shows it")
    }
}

const OFFERS: &str = "a hit without capacity is a declined offer";
const COURT: &str = "the very bytes clear; accuser's bond";
const DECLINES: &str = "declines of one name count up to 5 %";
const POT: &str = "a fixed pot; fees are the rewards";

/// All attacks: by rollers alone, by cartels, and with somebody in league.
pub const ALL: &[Attack] = &[
    steady(|| Box::new(InvalidFlood), "fine of 4 seats' rewards"),
    steady(|| Box::new(Copying), "roller and task are in the statement"),
    steady(|| Box::new(GarbageThenDefend), "only the very bytes clear"),
    split(|| Box::new(Split { names: 3 })),
    split(|| Box::new(Split { names: 10 })),
    Attack {
        arena: Arena::Outages,
        bound: cheap_relabel,
        ..split(|| Box::new(Split { names: 5 }))
    },
    steady(|| Box::new(AfterWinning), "L1 pays for the entry's digest"),
    steady(|| Box::new(PostingNothing), "never shown is missed"),
    steady(|| Box::new(Withholding), "no entry, no reward"),
    steady(
        || Box::new(Sitting { proves_one_of: 2 }),
        "missed seats lower q",
    ),
    steady(|| Box::new(Declining), OFFERS),
    steady(|| Box::new(IdleWhale), OFFERS),
    Attack {
        honest: || Box::new(Full),
        ..steady(|| Box::new(ShamCapacity), "2 x the proven peak")
    },
    steady(|| Box::new(DrainToDodge), "a drain lasts an hour at least"),
    steady(|| Box::new(Silence), "posted on L1, the bond pays 2 B"),
    steady(|| Box::new(Drops), "a receipt shows it, the bond pays 2 B"),
    steady(|| Box::new(MassAccusation), COURT),
    steady(|| Box::new(OwnVictim), "half of every loss is burned"),
    steady(
        || Box::new(Favouring { factor: Some(100) }),
        "a wrong draw costs 2 B",
    ),
    steady(
        || Box::new(Favouring { factor: None }),
        "entries follow from the posted draw",
    ),
    open(|| Box::new(FalselyFull), whole_rewards),
    open(|| Box::new(HiddenRounds), whole_rewards),
    in_arena(Arena::Pot, steady(|| Box::new(Stuffing), POT)),
    in_arena(Arena::Pot, steady(|| Box::new(WashProving), POT)),
    in_arena(
        Arena::Proposers,
        steady(|| Box::new(Grinding), "rewards under a beacon are capped"),
    ),
    in_arena(
        Arena::Weeks,
        steady(
            || Box::new(Whitewashing::after_72_h(false)),
            "missed seats lower q",
        ),
    ),
    in_arena(
        Arena::Weeks,
        steady(
            || Box::new(Whitewashing::after_72_h(true)),
            "q climbs in two unbondings",
        ),
    ),
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
