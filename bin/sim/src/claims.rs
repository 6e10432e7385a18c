//! What the law promises its rollers and its chain, each as a world and a number.

use crate::{
    outcome::{Outcome, Sample},
    policy::Policy,
    stats,
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

/// How much is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// What the promises say.
    Full,
    /// One or two seeds, fewer rollers, shorter worlds: for tests.
    Quick,
}

impl Effort {
    fn seeds(self, full: u64, quick: u64) -> u64 {
        match self {
            Self::Full => full,
            Self::Quick => quick,
        }
    }

    /// A world of this size in tests: rollers, with their part of the first window, hours, and hours of warm-up.
    fn sized(self, world: World, count: usize, (hours, warmup_hours): (f64, f64)) -> World {
        if self == Self::Full {
            return world;
        }
        let mut small = World {
            hours,
            warmup_hours,
            ..world
        };
        let part = count as f64 / small.rollers.count as f64;
        small.rollers.count = count;
        if let Some(toml::Value::Integer(window)) = small.law.get_mut("window") {
            *window = (*window as f64 * part).ceil() as i64;
        }
        small
    }
}

/// Seeds 1 to `seeds` of a world.
fn play(world: &World, seeds: u64) -> eyre::Result<Vec<Outcome>> {
    let seeds = 1..=seeds;
    seeds
        .map(|seed| Policy::Law.run(&world.with_seed(seed)))
        .collect()
}

/// A measure is at least `least` in all outcomes.
fn at_least(
    promise: &str,
    outcomes: &[Outcome],
    of: fn(&Outcome) -> f64,
    (least, digits): (f64, usize),
) -> Claim {
    let values: Vec<f64> = outcomes.iter().map(of).collect();
    let all: Vec<String> = values
        .iter()
        .map(|value| format!("{value:.digits$}"))
        .collect();
    Claim {
        promise: promise.into(),
        measured: all.join(", "),
        is_kept: values.iter().all(|value| *value >= least),
    }
}

/// Jain's index of reward over power is at least `least` in all outcomes; beside it the plain one, in which each roller counts alike.
fn fair(promise: &str, outcomes: &[Outcome], least: f64) -> Claim {
    let claim = at_least(promise, outcomes, Outcome::jain, (least, 4));
    let alike = outcomes.iter().map(Outcome::jain_alike);
    let alike: Vec<String> = alike.map(|index| format!("{index:.4}")).collect();
    Claim {
        measured: format!("{} ({})", claim.measured, alike.join(", ")),
        ..claim
    }
}

/// Runs all worlds and compares.
pub fn all(effort: Effort) -> eyre::Result<Vec<Claim>> {
    let mut claims = vec![convergence(effort)?];
    claims.extend(fairness(effort)?);
    claims.extend(reserve(effort)?);
    claims.push(bounded(effort)?);
    claims.push(scaling(effort)?);
    claims.extend(outage(effort)?);
    claims.extend(shocks(effort)?);
    Ok(claims)
}

/// With equal stakes the rank correlation of reputation with power reaches 0.95 within 50 proofs of the median roller, and stays
/// there, in each seed.
pub fn convergence(effort: Effort) -> eyre::Result<Claim> {
    let world = built_in(BuiltIn::Convergence);
    let outcomes = play(&world, effort.seeds(10, 2))?;
    let reached = outcomes.iter().map(Outcome::converged_at_tasks);
    let reached: Vec<f64> = reached.map(|at| at.unwrap_or(f64::INFINITY)).collect();
    let all: Vec<String> = reached.iter().map(|tasks| format!("{tasks:.0}")).collect();
    Ok(Claim {
        promise: "rank correlation of reputation with power >= 0.95 within 50 proofs of the median roller, for good, in all seeds".into(),
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

/// Jain's index of reward over power, where machines are busy.
pub fn fairness(effort: Effort) -> eyre::Result<Vec<Claim>> {
    let sigmas = [(0.05, 0.9), (0.05, 0.3), (0.3, 0.9), (0.3, 0.3)];
    let played = usize::try_from(effort.seeds(4, 1))?;
    let claims = sigmas[..played].iter().map(|(stake_sigma, slots_sigma)| {
        let world = effort.sized(stakes(*stake_sigma, *slots_sigma), 40, (48.0, 24.0));
        let promise = format!(
            "Jain's index of reward over power >= 0.98, capacity with sigma {slots_sigma}, stake over capacity with sigma {stake_sigma}"
        );
        let outcomes = play(&world, effort.seeds(3, 1))?;
        Ok(fair(&promise, &outcomes, 0.98))
    });
    claims.collect()
}

/// The same where a fifth of the machines is not needed: rewards and ranks follow stakes, and the bound is what stakes miss capacity
/// by (docs/mechanism/limits.md).
pub fn reserve(effort: Effort) -> eyre::Result<Vec<Claim>> {
    let outcomes = |stake_sigma| {
        let mut world = stakes(stake_sigma, 0.9);
        world.load.steps[0].utilisation = 0.8;
        let world = effort.sized(world, 40, (48.0, 24.0));
        play(&world, effort.seeds(3, 1))
    };
    let with = |promise: &str| {
        format!("with a fifth of the machines in reserve, capacity with sigma 0.9: {promise}")
    };
    let near = outcomes(0.05)?;
    let mut claims = vec![
        fair(
            &with("Jain's index >= 0.98, stake over capacity with sigma 0.05"),
            &near,
            0.98,
        ),
        at_least(
            &with(
                "rank correlation of reputation with power >= 0.95, stake over capacity with sigma 0.05",
            ),
            &near,
            Outcome::reputation_power,
            (0.95, 3),
        ),
    ];
    if effort == Effort::Full {
        claims.push(fair(
            &with("Jain's index >= 0.94, stake over capacity with sigma 0.3"),
            &outcomes(0.3)?,
            0.94,
        ));
    }
    Ok(claims)
}

/// Where stakes have nothing to do with capacity, reputation is power as far as the stake goes.
pub fn bounded(effort: Effort) -> eyre::Result<Claim> {
    let world = built_in(BuiltIn::Unequal);
    let outcomes = play(&world, effort.seeds(5, 1))?;
    let promise = "stakes that have nothing to do with capacity: rank correlation of reputation with power, as far as the stake goes, >= 0.9";
    Ok(at_least(
        promise,
        &outcomes,
        Outcome::reputation_bounded,
        (0.9, 3),
    ))
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

/// Twice the rollers, twice the batches per hour, until the load is met.
pub fn scaling(effort: Effort) -> eyre::Result<Claim> {
    let (counts, load_of): (&[usize], usize) = match effort {
        Effort::Full => (&[25, 50, 100, 200], 120),
        Effort::Quick => (&[12, 24], 30),
    };
    let mut rates = vec![];
    for &count in counts {
        let outcome = Policy::Law.run(&scaling_world(count, load_of)?)?;
        rates.push((count, outcome.settled_per_hour()));
    }
    let table: Vec<String> = rates
        .iter()
        .map(|(count, rate)| format!("{count}: {rate:.0}/h"))
        .collect();
    let pairs = rates.windows(2).filter(|pair| pair[1].0 <= load_of);
    let doubled: Vec<f64> = pairs.map(|pair| pair[1].1 / pair[0].1).collect();
    let factors: Vec<String> = doubled
        .iter()
        .map(|factor| format!("x{factor:.2}"))
        .collect();
    Ok(Claim {
        promise: "doubling the rollers doubles the batches per hour until the load is met".into(),
        measured: format!(
            "{} ({}, then the load is met)",
            table.join(", "),
            factors.join(", ")
        ),
        is_kept: doubled.iter().all(|factor| (1.85..2.15).contains(factor)),
    })
}

/// An outage of 30 % for an hour costs no stake, and nobody waits longer than T_MAX and a round.
pub fn outage(effort: Effort) -> eyre::Result<Vec<Claim>> {
    let mut world = effort.sized(built_in(BuiltIn::Outage), 100, (12.0, 6.0));
    if effort == Effort::Quick {
        world.outages[0].from_h = world.warmup_hours + 2.0;
    }
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

/// Epochs in which the dials have to settle after a shock.
const SETTLE_EPOCHS: usize = 20;

/// Epochs after a world's shock until T, k, the window and the price have settled, for seeds 1 to `seeds`.
pub fn settling(world: &World, seeds: u64) -> eyre::Result<Vec<[usize; 4]>> {
    let params = world.params()?;
    let shock = world.shocks.first();
    let hour = shock.map_or(0.0, |shock| shock.at_h);
    let outcomes = play(world, seeds)?;
    let settled = outcomes.iter();
    Ok(settled
        .map(|outcome| settled_after(outcome, hour, &params))
        .collect())
}

/// Dials settle after capacity has halved: by half of the machines, and further by their speed.
pub fn shocks(effort: Effort) -> eyre::Result<Vec<Claim>> {
    let of = |name: &str, world: BuiltIn| -> eyre::Result<Claim> {
        let settled = settling(&built_in(world), effort.seeds(5, 1))?;
        let latest = |dial: usize| settled.iter().map(|dials| dials[dial]).max().unwrap_or(0);
        let [t, k, window, price] = [0, 1, 2, 3].map(latest);
        Ok(Claim {
            promise: format!(
                "T, window and price within a step of where they end, and k there, from {SETTLE_EPOCHS} epochs after {name} on, in all seeds"
            ),
            measured: format!(
                "epochs until then, at most: T {t}, k {k}, window {window}, price {price}"
            ),
            is_kept: settled.iter().flatten().all(|at| *at <= SETTLE_EPOCHS),
        })
    };
    Ok(vec![
        of("half of the machines were gone", BuiltIn::Halved)?,
        of("all machines took three times as long", BuiltIn::Slower)?,
    ])
}

/// Epochs at the end of a world whose median is where a dial ends.
const END_EPOCHS: usize = 30;

/// Epochs after `hour` until T, k, the window and the price stay, up to the world's end, within one step of where they end.
fn settled_after(outcome: &Outcome, hour: f64, params: &Params) -> [usize; 4] {
    let after = outcome.samples.iter().filter(|sample| sample.hour > hour);
    let after: Vec<&Sample> = after.collect();
    let end = &after[after.len().saturating_sub(END_EPOCHS)..];
    let step = 1.0 + params.control.step as f64 / 1e9;
    let dials: [fn(&Sample) -> f64; 4] = [
        |s| s.time_limit_s,
        |s| f64::from(s.k),
        |s| f64::from(s.window),
        |s| s.price,
    ];
    let bands = [step, 1.0, step, step];
    [0, 1, 2, 3].map(|i| {
        let (dial, band) = (dials[i], bands[i]);
        let values: Vec<f64> = end.iter().map(|sample| dial(sample)).collect();
        let median = stats::percentile(&values, 0.5);
        let is_off = |sample: &&Sample| {
            let ratio = dial(sample) / median;
            ratio > band + 1e-9 || ratio < 1.0 / band - 1e-9
        };
        after.iter().rposition(is_off).map_or(0, |at| at + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dial_that_moves_late_has_not_settled() {
        let price = |epoch: usize| match epoch {
            0..5 => 2.0,
            70..75 => 1.2,
            _ => 1.0,
        };
        let sample = |epoch: usize| Sample {
            hour: epoch as f64 + 1.0,
            k: if epoch < 3 { 3 } else { 2 },
            window: 100,
            time_limit_s: 1_000.0,
            price: price(epoch),
            ..Sample::default()
        };
        let outcome = Outcome {
            samples: (0..150).map(sample).collect(),
            ..Outcome::default()
        };
        let params = Params::default();
        assert_eq!(settled_after(&outcome, 0.0, &params), [0, 3, 0, 75]);
        assert_eq!(settled_after(&outcome, 80.0, &params), [0, 0, 0, 0]);
    }
}
