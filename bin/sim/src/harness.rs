//! What an attack is worth: the attackers' profit against honest play with the same machines and stakes.
//!
//! A world is simulated twice with the same seed, once with the attackers honest and once not. `advantage` is
//! `(profit of the attack - profit of honest play) / cost of honest play`, over all attackers, for each of several seeds; above zero it
//! pays. Profits are expected rewards less fines, machine and interest on the stake; an idle machine costs its fixed share, so that doing
//! nothing is not free. The error is that of the mean over seeds, with the same random numbers on both sides.
//!
//! An attack is *closed* when the 95 % interval of its advantage ends below [`TOLERANCE`] over its bound, and *pays* when it begins above
//! the bound; until one of them is so, more seeds are played. Of a hundred attacks that gain nothing, a few seem to pay in so few seeds that
//! they are closed by: none is said to pay by fewer than `SEEDS_SURE`. Where prices stand still the margin moves nobody: one simulation
//! serves all margins.

use crate::{
    attacks::{Arena, Attack, Make},
    fleet::{self, Seats},
    law_market,
    outcome::{OperatorOutcome, Outcome},
    stats,
    world::{self, World},
};
use rollmill_protocol::law::Params;
use serde::Serialize;
use std::collections::BTreeMap;

/// What is not yet a profit, per unit of cost.
const PAYS: f64 = 0.001;
/// An advantage above this is found: below it an attack counts as closed.
pub const TOLERANCE: f64 = 0.02;
/// An attack that loses more than this in the mean of [`SEEDS_MIN`] seeds is not measured in more of them.
const CLEAR_LOSS: f64 = 0.3;
const SEEDS_MIN: u64 = 3;
/// Seeds by which an attack that seems to pay is believed to.
const SEEDS_SURE: u64 = 32;
/// Margin in simulations that serve all margins.
const MARGIN_PLAYED: f64 = 0.5;

/// What is known of an attack's profit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Verdict {
    /// It gains nothing, or not more than its bound, with 95 % confidence.
    Closed,
    /// It gains more than its bound, with 95 % confidence.
    Pays,
    /// More seeds are needed to tell.
    Unclear,
}

/// What an attack is worth in one setting.
#[derive(Clone, Debug, Serialize)]
pub struct Worth {
    /// Attack.
    pub attack: String,
    /// Rule that closes it.
    pub closed_by: String,
    /// Share of all machines and stake that the attackers own.
    pub share: f64,
    /// Tickets per task at first.
    pub k: u32,
    /// Margin.
    pub margin: f64,
    /// Cost of a second proof of a task under another name, as a share of a whole one, where that matters.
    pub relabel: Option<f64>,
    /// Profit per unit of cost when honest.
    pub honest: f64,
    /// Profit per unit of honest cost when attacking.
    pub attacking: f64,
    /// Seeds.
    pub seeds: usize,
    /// Most that theory lets it gain; 0 for nothing.
    pub bound: f64,
    /// Mean advantage over the seeds.
    pub advantage: f64,
    /// Standard error of that mean.
    pub error: f64,
    /// What is known of it.
    pub verdict: Verdict,
    /// What it costs the others: change of the honest rollers' profit per unit of their cost.
    pub others: f64,
    /// Change of the batches settled per hour, as a share.
    pub throughput: f64,
    /// Mean price under attack over that of honest play, less one.
    pub price: f64,
}

impl Worth {
    /// Does it pay beyond doubt, within its bound or not?
    pub fn pays(&self) -> bool {
        verdict(self.seeds, self.advantage, self.error, 0.0) == Verdict::Pays
    }

    /// Is it not shown to be closed?
    pub fn is_open(&self) -> bool {
        self.verdict != Verdict::Closed
    }
}

/// What `seeds` values with this mean and this standard error of it say.
fn verdict(seeds: usize, mean: f64, error: f64, bound: f64) -> Verdict {
    let half = stats::t95(seeds) * error;
    if seeds < 2 {
        Verdict::Unclear
    } else if mean - half > bound + PAYS {
        Verdict::Pays
    } else if mean + half < bound + TOLERANCE {
        Verdict::Closed
    } else {
        Verdict::Unclear
    }
}

/// How an attack is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting {
    /// Share of machines and stake that all attackers own together.
    pub share: f64,
    /// Seeds at least; a clear loss is seen in fewer.
    pub seeds: u64,
    /// Seeds at most, while it is unclear whether it pays.
    pub seeds_max: u64,
    /// Tickets per task at first.
    pub k: u32,
    /// What the median roller earns over its costs when it is busy all the time.
    pub margin: f64,
    /// Cost of a second proof of a task under another name; what the strategy assumes without it.
    pub relabel: Option<f64>,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            share: 0.1,
            seeds: 8,
            seeds_max: 100,
            k: 3,
            margin: 0.5,
            relabel: None,
        }
    }
}

/// The settings of the tables: shares, k, margins and re-label costs, where they matter. Weeks take long and do not depend on k; where
/// the dials move, k moves by itself.
pub fn grid(attack: &Attack, seeds: u64) -> Vec<Setting> {
    let (ks, margins): (&[u32], &[f64]) = match attack.arena {
        Arena::Steady | Arena::Outages | Arena::Pot | Arena::Proposers => (&[2, 3, 5], &[0.5, 0.1]),
        Arena::Weeks => (&[3], &[0.5, 0.1]),
        Arena::Dials => (&[3], &[0.5]),
    };
    let relabels: &[Option<f64>] = if attack.relabels {
        &[Some(1.0), Some(0.5), Some(0.25), Some(0.0)]
    } else {
        &[None]
    };
    let mut settings = vec![];
    for &relabel in relabels {
        for share in [0.1, 0.3] {
            for &k in ks {
                settings.extend(margins.iter().map(|&margin| Setting {
                    share,
                    seeds,
                    k,
                    margin,
                    relabel,
                    ..Setting::default()
                }));
            }
        }
    }
    settings
}

/// Load of an arena for attacks on the dials, of that for others.
const DIALS_LOAD: f64 = 0.6;
/// Outages of one roller per day where attacks through outages are measured.
const OUTAGES_PER_DAY: f64 = 6.0;

/// New SCR in an hour, about half of what fees come to in the small arena.
const POT_SCR_PER_HOUR: f64 = 400.0;
/// Most rewards under one beacon where proposers play, and at most what an L1 block is worth, in ordinary batches.
const BEACON_CAP_BATCHES: f64 = 2.0;

/// The law of an arena: dials that the attack is not about stand still.
fn law(world: &World, attack: &Attack, k: u32) -> eyre::Result<Params> {
    let mut params = world.params()?;
    params.k = k;
    if attack.arena != Arena::Dials {
        params.control.k = (k, k);
        params.control.unit_price = (params.unit_price, params.unit_price);
    }
    params.validate()?;
    Ok(params)
}

/// The world in which an attack is measured.
fn world_of(arena: &World, attack: &Attack, params: &Params, seed: u64) -> World {
    let mut world = arena.with_seed(seed);
    let rollers = &mut world.rollers;
    match attack.arena {
        Arena::Steady => {}
        Arena::Outages => rollers.outages_per_day = OUTAGES_PER_DAY,
        Arena::Pot => {
            world.emission.pot_scr = POT_SCR_PER_HOUR;
            world.emission.epoch_hours = 1.0;
        }
        Arena::Proposers => {
            let work = f64::from(params.k) * world.load.gas as f64;
            let cap_scr = BEACON_CAP_BATCHES * fleet::price_scr(params) * work;
            world.l1.beacon_cap_scr = cap_scr;
            world.l1.block_reward_scr = world.l1.block_reward_scr.min(cap_scr);
        }
        Arena::Weeks => {
            // Few rollers and batches of four times the work, or it would take for ever.
            rollers.count = 12;
            (world.hours, world.warmup_hours) = (21.0 * 24.0, 0.0);
            (world.load.gas, world.load.heavy_share) = (40_000_000, 0.0);
        }
        Arena::Dials => {
            // Enough rollers for a median, and a day after the price has settled.
            (rollers.count, rollers.elastic) = (40, true);
            (world.hours, world.warmup_hours) = (40.0, 16.0);
            // Where the price moves, rollers that lose money leave: without them it has nothing to settle at. And there is a
            // reserve: in a market without one, whoever withholds capacity raises the price under any law.
            world.load.steps[0].utilisation *= DIALS_LOAD;
        }
    }
    world
}

/// The world in which attacks are measured: forty rollers, nine tenths of what they can do at k = 3, a day and a half.
pub fn arena() -> World {
    world::built_in(world::BuiltIn::Arena)
}

/// A smaller one for tests and grids: twenty rollers, three quarters of a day.
pub fn small_arena() -> World {
    let mut world = World {
        name: "small arena".into(),
        hours: 20.0,
        warmup_hours: 8.0,
        ..arena()
    };
    world.rollers.count = 20;
    world.law.insert("window".into(), toml::Value::Integer(50));
    world
}

/// What one simulation came to, with machines priced at one margin.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    /// Rewards less fines.
    earned: f64,
    machines: f64,
    interest: f64,
}

impl Sum {
    fn of(operators: &[OperatorOutcome]) -> Self {
        operators.iter().fold(Self::default(), |sum, o| Self {
            earned: sum.earned + o.income_scr - o.fines_scr,
            machines: sum.machines + o.cost_scr - o.interest_scr,
            interest: sum.interest + o.interest_scr,
        })
    }

    /// The same with machines at this multiple of their price.
    fn at(self, factor: f64) -> Self {
        Self {
            machines: self.machines * factor,
            ..self
        }
    }

    fn cost(&self) -> f64 {
        self.machines + self.interest
    }

    fn profit(&self) -> f64 {
        self.earned - self.cost()
    }
}

/// What one simulation came to for attackers and others.
#[derive(Clone, Copy, Debug)]
struct Side {
    attackers: Sum,
    others: Sum,
    settled: f64,
    price: f64,
}

impl Side {
    fn of(outcome: &Outcome, attackers: usize) -> Self {
        Self {
            attackers: Sum::of(&outcome.operators[..attackers]),
            others: Sum::of(&outcome.operators[attackers..]),
            settled: outcome.settled.max(1) as f64,
            price: outcome.price_mean(),
        }
    }

    /// The same with machines at this multiple of their price.
    fn at(self, factor: f64) -> Self {
        Self {
            attackers: self.attackers.at(factor),
            others: self.others.at(factor),
            ..self
        }
    }
}

/// Advantage of an attack in one seed.
fn advantage((fair, foul): &(Side, Side)) -> f64 {
    (foul.attackers.profit() - fair.attackers.profit()) / fair.attackers.cost()
}

/// Measures one attack.
pub fn measure(world: &World, attack: &Attack, setting: Setting) -> eyre::Result<Worth> {
    Harness::new(world).measure(attack, setting)
}

/// What tells simulations apart: the strategy's name, attackers, arena, share, margin and re-label cost (in millionths), k and seed.
type Key = (String, usize, Arena, [u64; 3], u32, u64);

/// Measures attacks in one world; nothing is simulated twice.
pub struct Harness<'w> {
    world: &'w World,
    played: BTreeMap<Key, Side>,
}

impl<'w> Harness<'w> {
    /// Nothing measured yet.
    pub fn new(world: &'w World) -> Self {
        Self {
            world,
            played: BTreeMap::new(),
        }
    }

    /// Measures an attack.
    pub fn measure(&mut self, attack: &Attack, setting: Setting) -> eyre::Result<Worth> {
        let bound = (attack.bound)(&setting);
        let mut sides: Vec<(Side, Side)> = vec![];
        for seed in 1..=setting.seeds_max {
            let fair = self.side(attack, setting, seed, false)?;
            sides.push((fair, self.side(attack, setting, seed, true)?));
            let advantages: Vec<f64> = sides.iter().map(advantage).collect();
            let (mean, error) = (stats::mean(&advantages), stats::standard_error(&advantages));
            let is_clear_loss = seed >= SEEDS_MIN && mean < -CLEAR_LOSS;
            let is_clear = match verdict(sides.len(), mean, error, bound) {
                Verdict::Closed => is_clear_loss || seed >= setting.seeds,
                Verdict::Pays => seed >= SEEDS_SURE,
                Verdict::Unclear => false,
            };
            if is_clear {
                break;
            }
        }
        Ok(worth(attack, setting, &sides))
    }

    /// One simulation, unless it was made.
    fn side(
        &mut self,
        attack: &Attack,
        setting: Setting,
        seed: u64,
        is_attack: bool,
    ) -> eyre::Result<Side> {
        // Whoever leaves when the price is below its costs plays at its own margin.
        let played = match attack.arena {
            Arena::Dials => setting.margin,
            _ => MARGIN_PLAYED,
        };
        let millionths = |value: f64| (value * 1e6).round() as u64;
        let relabel = setting.relabel.map_or(u64::MAX, millionths);
        let make = if is_attack {
            attack.make
        } else {
            attack.honest
        };
        let key = (
            make().name(),
            attack.attackers,
            attack.arena,
            [
                millionths(setting.share),
                millionths(played),
                if is_attack { relabel } else { 0 },
            ],
            setting.k,
            seed,
        );
        let side = match self.played.get(&key) {
            Some(side) => *side,
            None => {
                let side = self.play(attack, setting, (played, seed), make)?;
                self.played.insert(key, side);
                side
            }
        };
        Ok(side.at((1.0 + played) / (1.0 + setting.margin)))
    }

    fn play(
        &self,
        attack: &Attack,
        setting: Setting,
        (margin, seed): (f64, u64),
        make: Make,
    ) -> eyre::Result<Side> {
        let params = law(self.world, attack, setting.k)?;
        let mut world = world_of(self.world, attack, &params, seed);
        world.money.margin = margin;
        world.relabel = setting.relabel;
        let mut operators = fleet::honest(&world, &params);
        let group = Seats {
            count: attack.attackers,
            share: setting.share,
        };
        fleet::make_room(&mut operators, &world, &params, &[group]);
        fleet::arm(&mut operators[..attack.attackers], make);
        let outcome = law_market::run(&world, &params, operators, "attack")?;
        Ok(Side::of(&outcome, attack.attackers))
    }
}

/// What the sides of several seeds say.
fn worth(attack: &Attack, setting: Setting, sides: &[(Side, Side)]) -> Worth {
    let over_seeds = |of: fn(&(Side, Side)) -> f64| sides.iter().map(of).collect::<Vec<f64>>();
    let advantages = over_seeds(advantage);
    let (mean, error) = (stats::mean(&advantages), stats::standard_error(&advantages));
    let bound = (attack.bound)(&setting);
    let of = |of| stats::mean(&over_seeds(of));
    let others = |side: &Side| side.others.profit() / side.others.cost();
    Worth {
        attack: attack.name(),
        closed_by: attack.closed_by.into(),
        share: setting.share,
        k: setting.k,
        margin: setting.margin,
        relabel: setting.relabel,
        seeds: sides.len(),
        bound,
        honest: of(|(fair, _)| fair.attackers.profit() / fair.attackers.cost()),
        attacking: of(|(fair, foul)| foul.attackers.profit() / fair.attackers.cost()),
        advantage: mean,
        error,
        verdict: verdict(sides.len(), mean, error, bound),
        others: stats::mean(
            &sides
                .iter()
                .map(|(fair, foul)| others(foul) - others(fair))
                .collect::<Vec<f64>>(),
        ),
        throughput: of(|(fair, foul)| foul.settled / fair.settled - 1.0),
        price: of(|(fair, foul)| foul.price / fair.price - 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_needs_its_whole_interval_on_one_side() {
        let of = |mean, error| verdict(8, mean, error, 0.0);
        assert_eq!(of(0.0, 0.001), Verdict::Closed);
        assert_eq!(of(0.0197, 0.0208), Verdict::Unclear, "could be 0.07");
        assert_eq!(of(0.015, 0.003), Verdict::Pays, "small, but sure");
        assert_eq!(of(-0.2, 0.2), Verdict::Unclear);
        assert_eq!(verdict(1, -1.0, 0.0, 0.0), Verdict::Unclear);
        assert_eq!(verdict(8, 0.05, 0.001, 0.05), Verdict::Closed, "its bound");
    }
}
