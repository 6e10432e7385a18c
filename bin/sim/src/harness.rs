//! What an attack is worth: the attackers' profit against honest play with the same machines and stakes.
//!
//! A world is simulated twice with the same seed, once with the attackers honest and once not. `advantage` is
//! `(profit of the attack - profit of honest play) / cost of honest play`, over all attackers, for each of several seeds; above zero it
//! pays. Profits are expected rewards less fines, machine and interest on the stake; an idle machine costs its fixed share, so that doing
//! nothing is not free. The error is that of the mean over seeds, with the same random numbers on both sides.

use crate::{
    attacks::{Attack, Make},
    fleet::{self, Operator},
    law_market,
    outcome::Outcome,
    stats,
    world::World,
};
use rollmill_protocol::law::Params;
use serde::Serialize;

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

/// The law of an arena for an attack: dials that the attack is not about stand still.
fn law(world: &World, attack: &Attack, k: u32) -> eyre::Result<Params> {
    let mut params = world.params()?;
    params.k = k;
    if !attack.is_about_dials {
        params.control.k = (k, k);
        params.control.unit_price = (params.unit_price, params.unit_price);
    }
    params.validate()?;
    Ok(params)
}

/// The world in which attacks are measured: forty rollers, nine tenths of what they can do at k = 3, a day and a half.
pub fn arena() -> World {
    let mut world = World {
        name: "arena".into(),
        hours: 40.0,
        warmup_hours: 16.0,
        ..World::default()
    };
    world.rollers.count = 40;
    world.rollers.slots_sigma = 0.5;
    world.rollers.stake_sigma = 0.2;
    world.rollers.outages_per_day = 0.1;
    world.load.steps[0].utilisation = 0.9;
    world.law.insert("window".into(), toml::Value::Integer(100));
    world
}

/// A smaller one for tests: twenty rollers, three quarters of a day.
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

fn field(world: &World, params: &Params, attack: &Attack, share: f64) -> Vec<Operator> {
    let mut operators = fleet::honest(world, params);
    let each = share / attack.attackers as f64;
    let others = |operators: &[Operator], of: fn(&Operator) -> f64| -> f64 {
        operators[attack.attackers..].iter().map(of).sum()
    };
    let slots = others(&operators, |o| f64::from(o.slots)) * each / (1.0 - share);
    let stake = others(&operators, |o| o.stake_scr) * each / (1.0 - share);
    for operator in &mut operators[..attack.attackers] {
        operator.slots = (slots.round() as u32).max(1);
        operator.stake_scr = stake;
        operator.gas_per_s = world.rollers.gas_per_s_median;
        operator.cost_per_s =
            fleet::price_scr(params) * operator.gas_per_s / (1.0 + world.money.margin);
    }
    operators
}

fn profits(outcome: &Outcome, attackers: usize) -> (f64, f64, f64) {
    let sum = |operators: &[crate::outcome::OperatorOutcome]| {
        operators.iter().fold((0.0, 0.0), |(profit, cost), o| {
            (profit + o.profit_scr(), cost + o.cost_scr)
        })
    };
    let (profit, cost) = sum(&outcome.operators[..attackers]);
    let (others, others_cost) = sum(&outcome.operators[attackers..]);
    (profit, cost, others / others_cost)
}

/// Measures an attack.
pub fn measure(world: &World, attack: &Attack, setting: Setting) -> eyre::Result<Worth> {
    let params = law(world, attack, setting.k)?;
    let (mut advantages, mut honest, mut attacking, mut others, mut throughput) =
        (vec![], vec![], vec![], vec![], vec![]);
    for seed in 1..=setting.seeds {
        let mut world = world.with_seed(seed);
        if attack.is_about_dials {
            // Where the price moves, rollers that lose money leave: without them it has nothing to settle at. And there is a reserve:
            // in a market without one, whoever withholds capacity raises the price under any law.
            world.rollers.elastic = true;
            world.load.steps[0].utilisation *= DIALS_LOAD;
        }
        let run = |make: Option<Make>| {
            let mut operators = field(&world, &params, attack, setting.share);
            for operator in operators.iter_mut().take(attack.attackers) {
                if let Some(make) = make {
                    operator.strategy = make();
                }
            }
            law_market::run(&world, &params, operators, "attack")
        };
        let (fair, foul) = (run(None)?, run(Some(attack.make))?);
        let (fair_profit, fair_cost, fair_others) = profits(&fair, attack.attackers);
        let (foul_profit, _, foul_others) = profits(&foul, attack.attackers);
        honest.push(fair_profit / fair_cost);
        attacking.push(foul_profit / fair_cost);
        advantages.push((foul_profit - fair_profit) / fair_cost);
        others.push(foul_others - fair_others);
        throughput.push(foul.settled as f64 / fair.settled.max(1) as f64 - 1.0);
    }
    Ok(Worth {
        attack: (attack.make)().name(),
        closed_by: attack.closed_by.into(),
        share: setting.share,
        k: setting.k,
        honest: stats::mean(&honest),
        attacking: stats::mean(&attacking),
        advantage: stats::mean(&advantages),
        error: stats::standard_error(&advantages),
        others: stats::mean(&others),
        throughput: stats::mean(&throughput),
    })
}
