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
    /// Profit per unit of cost when honest.
    pub honest: f64,
    /// Profit per unit of honest cost when attacking.
    pub attacking: f64,
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
    /// Does it pay beyond doubt and by more than a thousandth of the cost?
    pub fn pays(&self) -> bool {
        self.advantage > 2.0 * self.error + 0.001
    }
}

/// How an attack is measured.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Share of machines and stake that all attackers own together.
    pub share: f64,
    /// Seeds.
    pub seeds: u64,
    /// Tickets per task at first.
    pub k: u32,
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
            // Where the price moves, rollers that lose money leave: without them it has nothing to settle at. And there is a
            // reserve: in a market without one, whoever withholds capacity raises the price under any law.
            rollers.elastic = true;
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

/// Measures one attack.
pub fn measure(world: &World, attack: &Attack, setting: Setting) -> eyre::Result<Worth> {
    Harness::new(world).measure(attack, setting)
}

/// Measures attacks in one world; honest play is simulated once for all attacks that it is the same for.
pub struct Harness<'w> {
    world: &'w World,
    /// By attackers, arena, share (in millionths), k and seed.
    honest: BTreeMap<(usize, Arena, u64, u32, u64), Side>,
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
        let sides = (1..=setting.seeds)
            .map(|seed| {
                Ok((
                    self.honest(attack, setting, seed)?,
                    self.run(attack, setting, seed, true)?,
                ))
            })
            .collect::<eyre::Result<Vec<(Side, Side)>>>()?;
        let over_seeds = |of: fn(&(Side, Side)) -> f64| sides.iter().map(of).collect::<Vec<f64>>();
        let advantages = over_seeds(|(fair, foul)| (foul.profit - fair.profit) / fair.cost);
        let mean = |of| stats::mean(&over_seeds(of));
        Ok(Worth {
            attack: attack.name(),
            closed_by: attack.closed_by.into(),
            share: setting.share,
            k: setting.k,
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
        let share = (setting.share * 1e6).round() as u64;
        let key = (attack.attackers, attack.arena, share, setting.k, seed);
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
        let world = world_of(self.world, attack, seed);
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
