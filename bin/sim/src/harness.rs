//! What an attack is worth: the attackers' profit against honest play with the same machines and stakes.
//!
//! A world is simulated twice with the same seed, once with the attackers honest and once not. `advantage` is
//! `(profit of the attack - profit of honest play) / cost of honest play`, over all attackers, for each of several seeds; above zero it
//! pays. Profits are expected rewards less fines, machine and interest on the stake; an idle machine costs its fixed share, so that doing
//! nothing is not free. The error is that of the mean over seeds, with the same random numbers on both sides.

use crate::{
    attacks::{Arena, Attack},
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
/// An attack that loses more than this in the mean of [`SEEDS_MIN`] seeds is not measured in more of them.
const CLEAR_LOSS: f64 = 0.3;
const SEEDS_MIN: u64 = 3;

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
    /// What it costs the others: change of the honest rollers' profit per unit of their cost.
    pub others: f64,
    /// Change of the batches settled per hour, as a share.
    pub throughput: f64,
    /// Mean price under attack over that of honest play, less one.
    pub price: f64,
}

impl Worth {
    /// The least that it gains with 95 % confidence, beyond a thousandth of the cost.
    fn gain_at_least(&self) -> f64 {
        self.advantage - stats::t95(self.seeds) * self.error - PAYS
    }

    /// Does it pay beyond doubt?
    pub fn pays(&self) -> bool {
        self.gain_at_least() > 0.0
    }

    /// Does it pay beyond doubt more than theory says that it can?
    pub fn exceeds_bound(&self) -> bool {
        self.gain_at_least() > self.bound
    }
}

/// How an attack is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting {
    /// Share of machines and stake that all attackers own together.
    pub share: f64,
    /// Seeds at most; a clear loss is seen in fewer.
    pub seeds: u64,
    /// Tickets per task at first.
    pub k: u32,
    /// What the median roller earns over its costs when it is busy all the time.
    pub margin: f64,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            share: 0.1,
            seeds: 8,
            k: 3,
            margin: 0.5,
        }
    }
}

/// The settings in which an attack is measured beyond the default one: shares and k, and a thin margin. Weeks and dials take long and
/// do not depend on k or on the margin.
pub fn grid(attack: &Attack, seeds: u64) -> Vec<Setting> {
    let default = Setting {
        seeds,
        ..Setting::default()
    };
    let mut settings = vec![];
    for share in [0.1, 0.3] {
        let ks: &[u32] = match attack.arena {
            Arena::Steady | Arena::Outages => &[2, 3, 5],
            Arena::Weeks | Arena::Dials => &[3],
        };
        settings.extend(ks.iter().map(|&k| Setting {
            share,
            k,
            ..default
        }));
    }
    if attack.arena == Arena::Steady {
        settings.push(Setting {
            margin: 0.1,
            ..default
        });
    }
    settings
}

/// Load of an arena for attacks on the dials, of that for others.
const DIALS_LOAD: f64 = 0.6;
/// Outages of one roller per day where attacks through outages are measured.
const OUTAGES_PER_DAY: f64 = 6.0;

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
fn world_of(arena: &World, attack: &Attack, seed: u64) -> World {
    let mut world = arena.with_seed(seed);
    let rollers = &mut world.rollers;
    match attack.arena {
        Arena::Steady => {}
        Arena::Outages => rollers.outages_per_day = OUTAGES_PER_DAY,
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

/// What one simulation came to for attackers and others.
#[derive(Clone, Copy, Debug)]
struct Side {
    profit: f64,
    cost: f64,
    others: f64,
    settled: f64,
    price: f64,
}

impl Side {
    fn of(outcome: &Outcome, attackers: usize) -> Self {
        let sum = |operators: &[OperatorOutcome]| {
            operators.iter().fold((0.0, 0.0), |(profit, cost), o| {
                (profit + o.profit_scr(), cost + o.cost_scr)
            })
        };
        let (profit, cost) = sum(&outcome.operators[..attackers]);
        let (others, others_cost) = sum(&outcome.operators[attackers..]);
        Self {
            profit,
            cost,
            others: others / others_cost,
            settled: outcome.settled.max(1) as f64,
            price: outcome.price_mean(),
        }
    }
}

/// Advantage of an attack in one seed.
fn advantage((fair, foul): &(Side, Side)) -> f64 {
    (foul.profit - fair.profit) / fair.cost
}

/// Measures one attack.
pub fn measure(world: &World, attack: &Attack, setting: Setting) -> eyre::Result<Worth> {
    Harness::new(world).measure(attack, setting)
}

/// Measures attacks in one world; honest play is simulated once for all attacks that it is the same for.
pub struct Harness<'w> {
    world: &'w World,
    /// By attackers, arena, share and margin (in millionths), k and seed.
    honest: BTreeMap<(usize, Arena, u64, u64, u32, u64), Side>,
}

impl<'w> Harness<'w> {
    /// Nothing measured yet.
    pub fn new(world: &'w World) -> Self {
        Self {
            world,
            honest: BTreeMap::new(),
        }
    }

    /// Measures an attack.
    pub fn measure(&mut self, attack: &Attack, setting: Setting) -> eyre::Result<Worth> {
        let mut sides: Vec<(Side, Side)> = vec![];
        for seed in 1..=setting.seeds {
            let fair = self.honest(attack, setting, seed)?;
            sides.push((fair, self.run(attack, setting, seed, true)?));
            let advantages: Vec<f64> = sides.iter().map(advantage).collect();
            if seed >= SEEDS_MIN && stats::mean(&advantages) < -CLEAR_LOSS {
                break;
            }
        }
        let over_seeds = |of: fn(&(Side, Side)) -> f64| sides.iter().map(of).collect::<Vec<f64>>();
        let advantages = over_seeds(advantage);
        let mean = |of| stats::mean(&over_seeds(of));
        Ok(Worth {
            attack: attack.name(),
            closed_by: attack.closed_by.into(),
            share: setting.share,
            k: setting.k,
            margin: setting.margin,
            seeds: sides.len(),
            bound: attack.bound_per_share * setting.share,
            honest: mean(|(fair, _)| fair.profit / fair.cost),
            attacking: mean(|(fair, foul)| foul.profit / fair.cost),
            advantage: stats::mean(&advantages),
            error: stats::standard_error(&advantages),
            others: mean(|(fair, foul)| foul.others - fair.others),
            throughput: mean(|(fair, foul)| foul.settled / fair.settled - 1.0),
            price: mean(|(fair, foul)| foul.price / fair.price - 1.0),
        })
    }

    fn honest(&mut self, attack: &Attack, setting: Setting, seed: u64) -> eyre::Result<Side> {
        let millionths = |value: f64| (value * 1e6).round() as u64;
        let (share, margin) = (millionths(setting.share), millionths(setting.margin));
        let key = (
            attack.attackers,
            attack.arena,
            share,
            margin,
            setting.k,
            seed,
        );
        if let Some(side) = self.honest.get(&key) {
            return Ok(*side);
        }
        let side = self.run(attack, setting, seed, false)?;
        self.honest.insert(key, side);
        Ok(side)
    }

    fn run(
        &self,
        attack: &Attack,
        setting: Setting,
        seed: u64,
        is_attack: bool,
    ) -> eyre::Result<Side> {
        let params = law(self.world, attack, setting.k)?;
        let mut world = world_of(self.world, attack, seed);
        world.money.margin = setting.margin;
        let mut operators = fleet::honest(&world, &params);
        let group = Seats {
            count: attack.attackers,
            share: setting.share,
        };
        fleet::make_room(&mut operators, &world, &params, &[group]);
        if is_attack {
            fleet::arm(&mut operators[..attack.attackers], attack.make);
        }
        let outcome = law_market::run(&world, &params, operators, "attack")?;
        Ok(Side::of(&outcome, attack.attackers))
    }
}
