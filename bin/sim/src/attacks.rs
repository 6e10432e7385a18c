//! The attacks that are played by rollers, as strategies.
//!
//! Each one names the rule that is to close it. What they are worth is measured in [`crate::harness`], against honest play with
//! the same machine and the same stake. Attacks by the operator, by L1 proposers and by users are computed in [`crate::models`].

use crate::strategy::{Means, Move, Name, Plan, SeatOffer, Strategy, View};

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

/// Submits somebody else's proof: it names another roller, so that it is invalid for the seat [identity in the statement].
#[derive(Clone, Copy, Debug, Default)]
pub struct Copying;

impl Strategy for Copying {
    fn name(&self) -> String {
        "copying".into()
    }

    fn on_seat(&mut self, seat: &SeatOffer, _view: &View) -> Plan {
        // Every other seat honestly, so that there is a reputation to be drawn with.
        if seat.gas.is_multiple_of(2) && seat.tickets == 1 {
            Plan::SubmitGarbage
        } else {
            Plan::Prove
        }
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

/// Proves nothing before it knows that it has won: it never has an entry [entries before the beacon, digests].
#[derive(Clone, Copy, Debug, Default)]
pub struct AfterWinning;

impl Strategy for AfterWinning {
    fn name(&self) -> String {
        "prove after winning".into()
    }

    fn on_seat(&mut self, _seat: &SeatOffer, _view: &View) -> Plan {
        // The lottery comes after the entries, and the entries after T.
        Plan::ProveAndHold(1.5)
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

/// Holds every proof back until shortly before the deadline, so that T is raised for all [capped medians].
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

/// Declines on purpose while the price is below twice the first [capped declines, bounds of the price].
#[derive(Clone, Copy, Debug, Default)]
pub struct PriceCartel;

impl Strategy for PriceCartel {
    fn name(&self) -> String {
        "price cartel".into()
    }

    fn names(&self, _means: &Means) -> Vec<Name> {
        one(1)
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

/// A strategy made anew for each simulation.
pub type Make = fn() -> Box<dyn Strategy>;

/// An attack by rollers.
#[derive(Clone, Copy)]
pub struct Attack {
    /// Makes one attacker.
    pub make: Make,
    /// How many rollers play it: a cartel is several.
    pub attackers: usize,
    /// The rule that closes it.
    pub closed_by: &'static str,
    /// Is it about the dials? Then price and k move in its arena; else they stand still, so that small differences are seen.
    pub is_about_dials: bool,
}

/// All attacks by rollers, as they are played by default.
pub const ALL: &[Attack] = &[
    Attack {
        make: || Box::new(InvalidFlood),
        attackers: 1,
        closed_by: "fine of 4 seats' rewards, judged on L1",
        is_about_dials: false,
    },
    Attack {
        make: || Box::new(Copying),
        attackers: 1,
        closed_by: "roller and task are in the proven statement",
        is_about_dials: false,
    },
    Attack {
        make: || {
            Box::new(Split {
                names: 3,
                relabel: 1.0,
            })
        },
        attackers: 1,
        closed_by: "exactly k points with replacement",
        is_about_dials: false,
    },
    Attack {
        make: || {
            Box::new(Split {
                names: 10,
                relabel: 1.0,
            })
        },
        attackers: 1,
        closed_by: "exactly k points with replacement",
        is_about_dials: false,
    },
    Attack {
        make: || {
            Box::new(Split {
                names: 3,
                relabel: 0.5,
            })
        },
        attackers: 1,
        closed_by: "one name proves once for all its tickets",
        is_about_dials: false,
    },
    Attack {
        make: || {
            Box::new(Split {
                names: 3,
                relabel: 0.25,
            })
        },
        attackers: 1,
        closed_by: "one name proves once for all its tickets",
        is_about_dials: false,
    },
    Attack {
        make: || {
            Box::new(Split {
                names: 3,
                relabel: 0.0,
            })
        },
        attackers: 1,
        closed_by: "one name proves once for all its tickets",
        is_about_dials: false,
    },
    Attack {
        make: || Box::new(AfterWinning),
        attackers: 1,
        closed_by: "entries with digests before the beacon",
        is_about_dials: false,
    },
    Attack {
        make: || Box::new(Withholding),
        attackers: 1,
        closed_by: "no entry, no reward; missed seats lower q",
        is_about_dials: false,
    },
    Attack {
        make: || Box::new(Sitting { proves_one_of: 2 }),
        attackers: 1,
        closed_by: "missed seats lower q",
        is_about_dials: false,
    },
    Attack {
        make: || Box::new(Declining),
        attackers: 1,
        closed_by: "a hit without capacity is a declined offer",
        is_about_dials: false,
    },
    Attack {
        make: || Box::new(IdleWhale),
        attackers: 1,
        closed_by: "a hit without capacity is a declined offer",
        is_about_dials: false,
    },
    Attack {
        make: || Box::new(ShamCapacity),
        attackers: 1,
        closed_by: "1.25 x the proven peak",
        is_about_dials: false,
    },
    Attack {
        make: || Box::new(DrainToDodge),
        attackers: 1,
        closed_by: "a drain lasts an hour at least",
        is_about_dials: false,
    },
    Attack {
        make: || Box::new(SlowDown),
        attackers: 6,
        closed_by: "capped medians over rollers",
        is_about_dials: true,
    },
    Attack {
        make: || Box::new(PriceCartel),
        attackers: 6,
        closed_by: "declines of one name count up to 5 %",
        is_about_dials: true,
    },
];
