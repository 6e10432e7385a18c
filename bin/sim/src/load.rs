//! Arrivals of batches: Poisson in steps, with heavy batches among them, and bursts.

use crate::{fleet::Operator, rng::Rng, world::World};

/// A batch that is going to be committed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arrival {
    /// Milliseconds since the beginning.
    pub at_ms: u64,
    /// Prover gas.
    pub gas: u64,
}

/// All batches of a world for a fleet that makes `k` proofs of each.
pub fn arrivals(world: &World, operators: &[Operator], k: u32) -> Vec<Arrival> {
    let load = &world.load;
    let mut rng = Rng::stream(world.seed, "load");
    let power: f64 = operators.iter().map(Operator::power).sum();
    let mean_gas = load.gas as f64 * (1.0 + load.heavy_share * (load.heavy_factor - 1.0));
    let per_s = power / (f64::from(k) * mean_gas);
    let mut arrivals = Vec::new();
    let arrival = |at_s: f64, factor: f64| Arrival {
        at_ms: (at_s * 1e3) as u64,
        gas: (load.gas as f64 * factor) as u64,
    };
    for (i, step) in load.steps.iter().enumerate() {
        let until_h = load
            .steps
            .get(i + 1)
            .map_or(world.hours, |next| next.from_h)
            .min(world.hours);
        let rate = per_s * step.utilisation;
        let mut at_s = step.from_h * 3_600.0;
        if rate <= 0.0 {
            continue;
        }
        loop {
            at_s += rng.exponential(1.0 / rate);
            if at_s >= until_h * 3_600.0 {
                break;
            }
            let is_heavy = rng.chance(load.heavy_share);
            let factor = if is_heavy { load.heavy_factor } else { 1.0 };
            arrivals.push(arrival(at_s, factor));
        }
    }
    for burst in &load.bursts {
        arrivals.extend((0..burst.batches).map(|_| arrival(burst.at_h * 3_600.0, 1.0)));
    }
    arrivals.sort_by_key(|arrival| arrival.at_ms);
    if load.tasks_max > 0 {
        arrivals.truncate(usize::try_from(load.tasks_max).unwrap_or(usize::MAX));
    }
    arrivals
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        fleet,
        world::{Burst, LoadStep},
    };

    #[test]
    fn steps_change_the_rate_and_the_limit_holds() {
        let mut world = World {
            hours: 200.0,
            ..World::default()
        };
        world.load.steps = vec![
            LoadStep {
                from_h: 0.0,
                utilisation: 0.3,
            },
            LoadStep {
                from_h: 100.0,
                utilisation: 0.6,
            },
        ];
        let fleet = fleet::honest(&world, &world.params().unwrap());
        let all = arrivals(&world, &fleet, 3);
        let first = all
            .iter()
            .filter(|arrival| arrival.at_ms < 100 * 3_600_000)
            .count() as f64;
        let second = all.len() as f64 - first;
        assert!((second / first - 2.0).abs() < 0.1, "{first} then {second}");
        world.load.bursts = vec![Burst {
            at_h: 50.0,
            batches: 300,
        }];
        let burst = arrivals(&world, &fleet, 3);
        assert_eq!(burst.len(), all.len() + 300);
        assert!(burst.is_sorted_by_key(|arrival| arrival.at_ms));
        let heavy = all
            .iter()
            .filter(|arrival| arrival.gas > world.load.gas)
            .count() as f64;
        assert!((heavy / all.len() as f64 - 0.05).abs() < 0.01);
        world.load.tasks_max = 10;
        assert_eq!(arrivals(&world, &fleet, 3).len(), 10);
    }
}
