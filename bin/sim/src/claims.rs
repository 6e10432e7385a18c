//! What the law promises its rollers and its chain, each as a world and a number.

use crate::{
    outcome::{Outcome, Sample},
    policy::Policy,
    world::{LoadStep, Outage, Shock, StakeRule, World},
};
use rollmill_protocol::law::Params;
use serde::Serialize;

/// A promise and what was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Claim {
    /// The promise.
    pub promise: String,
    /// What was measured.
    pub measured: String,
    /// Is it kept?
    pub is_kept: bool,
}

fn set(world: &mut World, name: &str, value: i64) {
    world.law.insert(name.into(), toml::Value::Integer(value));
}

/// Equal stakes and enough load to feel capacity: reputation has to find it.
pub fn convergence_world() -> World {
    let mut world = World {
        name: "convergence".into(),
        hours: 10.0,
        warmup_hours: 2.0,
        ..World::default()
    };
    world.rollers.stake = StakeRule::Equal;
    world.load.steps[0].utilisation = 1.2;
    set(&mut world, "window", 250);
    world
}

/// Stakes in proportion to capacity, as whoever is rational chooses them.
pub fn fairness_world() -> World {
    let mut world = World {
        name: "fairness".into(),
        hours: 120.0,
        warmup_hours: 24.0,
        ..World::default()
    };
    world.rollers.stake_sigma = 0.05;
    world.load.steps[0].utilisation = 1.2;
    set(&mut world, "window", 250);
    world
}

/// `count` rollers and the load that `load_of` of them could carry.
pub fn scaling_world(count: usize, load_of: usize) -> eyre::Result<World> {
    let mut world = World {
        name: format!("{count} rollers"),
        hours: 30.0,
        warmup_hours: 18.0,
        ..World::default()
    };
    world.rollers.count = count;
    // Alike, so that the number of rollers is their capacity.
    world.rollers.slots_sigma = 0.0;
    set(&mut world, "window", i64::try_from(count * 5 / 2)?);
    world.fix_k(3);
    world.load.steps[0].utilisation = load_of as f64 / count as f64;
    Ok(world)
}

/// 30 % of the rollers are gone for an hour, all at once.
pub fn outage_world() -> World {
    let mut world = World {
        name: "outage".into(),
        hours: 48.0,
        warmup_hours: 24.0,
        ..World::default()
    };
    world.rollers.outages_per_day = 0.0;
    world.load.steps[0].utilisation = 0.9;
    world.outages = vec![Outage {
        from_h: 30.0,
        hours: 1.0,
        share: 0.3,
    }];
    set(&mut world, "window", 250);
    world
}

/// Everybody's capacity halves; rollers leave while they lose money.
pub fn shock_world() -> World {
    let mut world = World {
        name: "halved capacity".into(),
        hours: 110.0,
        warmup_hours: 24.0,
        ..World::default()
    };
    world.rollers.elastic = true;
    world.load.steps = vec![LoadStep {
        from_h: 0.0,
        utilisation: 0.7,
    }];
    world.shocks = vec![Shock {
        at_h: 60.0,
        slots_factor: 0.5,
    }];
    set(&mut world, "window", 200);
    world
}

/// Runs all worlds and compares.
pub fn all() -> eyre::Result<Vec<Claim>> {
    let mut claims = vec![convergence()?, fairness()?];
    claims.extend(scaling()?);
    claims.extend(outage()?);
    claims.push(shock()?);
    Ok(claims)
}

/// Reputation's rank correlation with power reaches 0.95 within 50 proofs of the median roller, in most of five seeds.
pub fn convergence() -> eyre::Result<Claim> {
    let mut reached = vec![];
    for seed in 1..=5 {
        let outcome = Policy::Law.run(&convergence_world().with_seed(seed))?;
        reached.push(outcome.converged_at_tasks.unwrap_or(f64::INFINITY));
    }
    let all: Vec<String> = reached.iter().map(|tasks| format!("{tasks:.0}")).collect();
    reached.sort_by(f64::total_cmp);
    Ok(Claim {
        promise: "rank correlation of reputation with power >= 0.95 within 50 proofs of the median roller".into(),
        measured: format!("{} proofs in five seeds, median {:.0}", all.join(", "), reached[2]),
        is_kept: reached[2] <= 50.0,
    })
}

/// Jain's index of reward over power.
pub fn fairness() -> eyre::Result<Claim> {
    let outcome = Policy::Law.run(&fairness_world())?;
    Ok(Claim {
        promise: "Jain's index of reward over power >= 0.98".into(),
        measured: format!("{:.4}", outcome.jain()),
        is_kept: outcome.jain() >= 0.98,
    })
}

/// Twice the rollers, twice the batches per hour, until the load is met.
pub fn scaling() -> eyre::Result<Vec<Claim>> {
    let mut rates = vec![];
    for count in [25, 50, 100, 200] {
        rates.push((
            count,
            Policy::Law
                .run(&scaling_world(count, 120)?)?
                .settled_per_hour(),
        ));
    }
    let doubled = |i: usize| rates[i + 1].1 / rates[i].1;
    let table: Vec<String> = rates
        .iter()
        .map(|(count, rate)| format!("{count}: {rate:.0}/h"))
        .collect();
    let loaded = Claim {
        promise: "doubling the rollers doubles the batches per hour until the load is met".into(),
        measured: format!(
            "{} (x{:.2}, x{:.2}, then the load is met)",
            table.join(", "),
            doubled(0),
            doubled(1)
        ),
        is_kept: (1.85..2.15).contains(&doubled(0)) && (1.85..2.15).contains(&doubled(1)),
    };
    Ok(vec![loaded])
}

/// An outage of 30 % for an hour costs no stake, and nobody waits longer than T_MAX and a round.
pub fn outage() -> eyre::Result<Vec<Claim>> {
    let world = outage_world();
    let params = world.params()?;
    let outcome = Policy::Law.run(&world)?;
    let bound_s = longest_wait_s(&params, &world);
    Ok(vec![
        Claim {
            promise: "an outage of 30 % of the rollers for an hour costs no stake".into(),
            measured: format!("{} SCR fined", outcome.fined_scr),
            is_kept: outcome.fined_scr == 0.0,
        },
        Claim {
            promise: "in it the chain never waits longer than T_MAX and a round".into(),
            measured: format!(
                "{:.0} s of {bound_s:.0} s from opening to settlement",
                outcome.open_to_settle_s_max
            ),
            is_kept: outcome.open_to_settle_s_max <= bound_s,
        },
    ])
}

/// T_MAX, one more round of an ordinary batch, and L1's lags.
fn longest_wait_s(params: &Params, world: &World) -> f64 {
    let round =
        rollmill_protocol::law::deadline::deadline_s(params, params.tau_ns_per_gas, world.load.gas);
    let l1 = 12 * (params.lottery_lag_blocks + 3);
    (params.t_max_s + round + l1) as f64
}

/// Dials settle within 20 epochs after capacity has halved.
pub fn shock() -> eyre::Result<Claim> {
    let world = shock_world();
    let params = world.params()?;
    let outcome = Policy::Law.run(&world)?;
    let epochs = settled_after(&outcome, world.shocks[0].at_h, &params);
    Ok(Claim {
        promise: "T, k, window and price settle within 20 epochs after capacity has halved".into(),
        measured: epochs.map_or("not at all".into(), |epochs| format!("{epochs} epochs")),
        is_kept: epochs.is_some_and(|epochs| epochs <= 20),
    })
}

/// Epochs after `hour` until every dial stays within two steps of where it ends.
fn settled_after(outcome: &Outcome, hour: f64, params: &Params) -> Option<usize> {
    let after: Vec<&Sample> = outcome
        .samples
        .iter()
        .filter(|sample| sample.hour > hour)
        .collect();
    let tail = after.len().checked_sub(10)?;
    let band = 1.0 + 2.0 * params.control.step as f64 / 1e9;
    let dials: [fn(&Sample) -> f64; 4] = [
        |s| s.time_limit_s,
        |s| f64::from(s.k),
        |s| f64::from(s.window),
        |s| s.price,
    ];
    let settled = dials.iter().map(|dial| {
        let mut last: Vec<f64> = after[tail..].iter().map(|sample| dial(sample)).collect();
        last.sort_by(f64::total_cmp);
        let end = last[last.len() / 2];
        let is_off = |sample: &&Sample| dial(sample) > end * band || dial(sample) < end / band;
        after.iter().rposition(is_off).map_or(0, |at| at + 1)
    });
    settled.max().filter(|epochs| *epochs < tail)
}
