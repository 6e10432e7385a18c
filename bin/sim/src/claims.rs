//! What the law promises its rollers and its chain, each as a world and a number.

use crate::{
    outcome::{Outcome, Sample},
    policy::Policy,
    world::{BuiltIn, World, built_in},
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

/// `count` rollers and the load that `load_of` of them could carry.
fn scaling_world(count: usize, load_of: usize) -> eyre::Result<World> {
    let mut world = built_in(BuiltIn::Scaling);
    world.name = format!("{count} rollers");
    world.rollers.count = count;
    let window = toml::Value::Integer(i64::try_from(count * 5 / 2)?);
    world.law.insert("window".into(), window);
    world.fix_k(3);
    world.load.steps[0].utilisation = load_of as f64 / count as f64;
    Ok(world)
}

/// Runs all worlds and compares.
pub fn all() -> eyre::Result<Vec<Claim>> {
    let mut claims = vec![convergence()?];
    claims.extend(fairness()?);
    claims.push(reserve()?);
    claims.push(scaling()?);
    claims.extend(outage()?);
    claims.push(shock()?);
    Ok(claims)
}

/// With equal stakes the rank correlation of reputation with power reaches 0.95 within 50 proofs of the median roller, and stays
/// there, in each of ten seeds.
pub fn convergence() -> eyre::Result<Claim> {
    let world = built_in(BuiltIn::Convergence);
    let mut reached = vec![];
    for seed in 1..=10 {
        let outcome = Policy::Law.run(&world.with_seed(seed))?;
        reached.push(outcome.converged_at_tasks().unwrap_or(f64::INFINITY));
    }
    let all: Vec<String> = reached.iter().map(|tasks| format!("{tasks:.0}")).collect();
    Ok(Claim {
        promise: "rank correlation of reputation with power >= 0.95 within 50 proofs of the median roller, for good, in all of ten seeds".into(),
        measured: format!("{} proofs", all.join(", ")),
        is_kept: reached.iter().all(|tasks| *tasks <= 50.0),
    })
}

/// The world of fairness with these sigmas of stake over capacity and of capacity.
fn stakes(stake_sigma: f64, slots_sigma: f64) -> World {
    let mut world = built_in(BuiltIn::Fairness);
    (world.rollers.stake_sigma, world.rollers.slots_sigma) = (stake_sigma, slots_sigma);
    world
}

/// Jain's index of reward over power is at least `least` in each of three seeds of a world.
fn jain(promise: String, world: &World, least: f64) -> eyre::Result<Claim> {
    let mut jains = vec![];
    for seed in 1..=3 {
        jains.push(Policy::Law.run(&world.with_seed(seed))?.jain());
    }
    let all: Vec<String> = jains.iter().map(|jain| format!("{jain:.4}")).collect();
    Ok(Claim {
        promise,
        measured: all.join(", "),
        is_kept: jains.iter().all(|jain| *jain >= least),
    })
}

/// Jain's index of reward over power, where machines are busy.
pub fn fairness() -> eyre::Result<Vec<Claim>> {
    let sigmas = [(0.05, 0.9), (0.05, 0.3), (0.3, 0.9), (0.3, 0.3)];
    let claims = sigmas.map(|(stake_sigma, slots_sigma)| {
        let promise = format!(
            "Jain's index of reward over power >= 0.98, capacity with sigma {slots_sigma}, stake over capacity with sigma {stake_sigma}"
        );
        jain(promise, &stakes(stake_sigma, slots_sigma), 0.98)
    });
    claims.into_iter().collect()
}

/// The same where a fifth of the machines is not needed: rewards follow stakes, and the bound is what stakes miss capacity by
/// (docs/mechanism/limits.md).
pub fn reserve() -> eyre::Result<Claim> {
    let mut world = stakes(0.3, 0.9);
    world.load.steps[0].utilisation = 0.8;
    let promise = "with a fifth of the machines in reserve >= 0.94, capacity with sigma 0.9, stake over capacity with sigma 0.3";
    jain(promise.into(), &world, 0.94)
}

/// Twice the rollers, twice the batches per hour, until the load is met.
pub fn scaling() -> eyre::Result<Claim> {
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
    Ok(Claim {
        promise: "doubling the rollers doubles the batches per hour until the load is met".into(),
        measured: format!(
            "{} (x{:.2}, x{:.2}, then the load is met)",
            table.join(", "),
            doubled(0),
            doubled(1)
        ),
        is_kept: (1.85..2.15).contains(&doubled(0)) && (1.85..2.15).contains(&doubled(1)),
    })
}

/// An outage of 30 % for an hour costs no stake, and nobody waits longer than T_MAX and a round.
pub fn outage() -> eyre::Result<Vec<Claim>> {
    let world = built_in(BuiltIn::Outage);
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
    let world = built_in(BuiltIn::Halved);
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
