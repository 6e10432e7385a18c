//! What the defences cost honest rollers: worlds without attackers, with each rule on and off.
//!
//! Price and k stand still and the load is the same, so that a difference is the rule's. Rollers maintain their machines for twenty
//! minutes a day, announced by a drain.

use crate::{
    outcome::Columns,
    policy::Policy,
    stats,
    world::{BuiltIn, World, built_in},
};
use serde::Serialize;

/// A rule, and the law without it.
#[derive(Clone, Copy, Debug)]
struct Defence {
    rule: &'static str,
    /// Overrides of the law that switch it off, or as far off as its bounds allow.
    off: &'static str,
}

const ALL: &[Defence] = &[
    Defence {
        rule: "k - 1 = 2 redundant proofs",
        off: "k = 1\ncontrol.k = [1, 1]",
    },
    Defence {
        rule: "a point's probability <= 1.25 x the share of stake",
        off: "shareCap = 10000000000",
    },
    Defence {
        rule: "declines lower q",
        off: "penaltyDeclined = 0",
    },
    Defence {
        rule: "late and missed seats lower q",
        off: "penaltyLate = 0\npenaltyMissed = 0\npenaltyDeclined = 0",
    },
    Defence {
        rule: "open seats <= stake / F",
        off: "fineMultiple = 1\nfineMin = '1'",
    },
    Defence {
        rule: "open seats <= 2 x proven peak, newcomers 2",
        off: "capacityHeadroom = 16000000000\ncapacityNewcomer = 16",
    },
    Defence {
        rule: "window follows capacity",
        off: "window = 65536\ncontrol.window = [65536, 65536]",
    },
    Defence {
        rule: "a drain lasts an hour at least",
        off: "drainMinS = 30",
    },
    Defence {
        rule: "beacons four blocks after the facts",
        off: "drawLagBlocks = 1\nlotteryLagBlocks = 1",
    },
];

/// What a rule costs: with it, less without it, in the mean over seeds.
#[derive(Clone, Debug, Serialize)]
pub struct DefenceCost {
    /// Rule.
    pub rule: String,
    /// Profit of all rollers per unit of their costs.
    pub profit: f64,
    /// Standard error of it.
    pub error: f64,
    /// Rewards per batch, which are fees, as a share.
    pub reward_per_batch: f64,
    /// Costs of machines per batch, as a share.
    pub cost_per_batch: f64,
    /// Batches per hour, as a share.
    pub settled: f64,
    /// Median time from commit to settlement, seconds.
    pub latency_s: f64,
    /// Jain's index of reward over power.
    pub jain: f64,
    /// Share of seats on time.
    pub on_time: f64,
}

/// The honest world with these overrides of the law.
fn world(overrides: &str, seed: u64) -> eyre::Result<World> {
    let mut world = built_in(BuiltIn::Arena).with_seed(seed);
    world.name = "defences".into();
    world.rollers.maintenance_minutes = 20.0;
    world.law.extend(toml::from_str::<toml::Table>(
        "control.k = [3, 3]\ncontrol.unitPrice = ['100000000000', '100000000000']",
    )?);
    let usual = world.params()?.k;
    for (name, value) in toml::from_str::<toml::Table>(overrides)? {
        match (world.law.get_mut(&name), value) {
            (Some(toml::Value::Table(old)), toml::Value::Table(new)) => old.extend(new),
            (_, value) => {
                world.law.insert(name, value);
            }
        }
    }
    // Utilisation is of what can be proved k times over.
    world.load.steps[0].utilisation *= f64::from(world.params()?.k) / f64::from(usual);
    Ok(world)
}

fn columns(overrides: &str, seed: u64) -> eyre::Result<Columns> {
    let outcome = Policy::Law.run(&world(overrides, seed)?)?;
    Ok(outcome.columns())
}

/// Measures every rule over these seeds.
pub fn all(seeds: u64) -> eyre::Result<Vec<DefenceCost>> {
    let with: Vec<Columns> = (1..=seeds)
        .map(|seed| columns("", seed))
        .collect::<eyre::Result<_>>()?;
    let cost = |defence: &Defence| {
        let without: Vec<Columns> = (1..=seeds)
            .map(|seed| columns(defence.off, seed))
            .collect::<eyre::Result<_>>()?;
        let differences = |of: fn(&Columns, &Columns) -> f64| -> Vec<f64> {
            let pairs = with.iter().zip(&without);
            pairs.map(|(on, off)| of(on, off)).collect()
        };
        let mean = |of| stats::mean(&differences(of));
        let profits = differences(|on, off| on.profit_per_cost - off.profit_per_cost);
        Ok(DefenceCost {
            rule: defence.rule.into(),
            profit: stats::mean(&profits),
            error: stats::standard_error(&profits),
            reward_per_batch: mean(|on, off| on.reward_per_batch / off.reward_per_batch - 1.0),
            cost_per_batch: mean(|on, off| on.cost_per_batch / off.cost_per_batch - 1.0),
            settled: mean(|on, off| on.settled_per_hour / off.settled_per_hour - 1.0),
            latency_s: mean(|on, off| on.latency_s_p50 - off.latency_s_p50),
            jain: mean(|on, off| on.jain - off.jain),
            on_time: mean(|on, off| on.on_time_rate - off.on_time_rate),
        })
    };
    ALL.iter().map(cost).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_rule_can_be_switched_off() {
        let on = world("", 1).unwrap();
        for defence in ALL {
            let off = world(defence.off, 1).unwrap();
            assert_ne!(
                off.params().unwrap(),
                on.params().unwrap(),
                "{}",
                defence.rule
            );
            let batches = |world: &World| {
                world.load.steps[0].utilisation / f64::from(world.params().unwrap().k)
            };
            assert!((batches(&off) - batches(&on)).abs() < 1e-12);
        }
    }
}
