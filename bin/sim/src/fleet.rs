//! The operators of a world: machines, stakes, costs.

use crate::{
    attacks::{self, Make},
    rng::Rng,
    strategy::{Honest, Maintained, Strategy},
    world::{Money, StakeRule, World},
};
use rollmill_protocol::{board, law::Params};

/// An operator.
pub struct Operator {
    /// Proofs at once, at first.
    pub slots: u32,
    /// Prover gas per second of one slot.
    pub gas_per_s: f64,
    /// Stake, SCR.
    pub stake_scr: f64,
    /// Cost of a busy slot, SCR per second.
    pub cost_per_s: f64,
    /// What it does.
    pub strategy: Box<dyn Strategy>,
}

impl Operator {
    /// Prover gas per second of all slots.
    pub fn power(&self) -> f64 {
        f64::from(self.slots) * self.gas_per_s
    }

    /// Costs of its machine in these hours, of which slots were at work for `busy_ms`, SCR.
    pub fn cost_scr(&self, money: &Money, hours: f64, busy_ms: u64) -> f64 {
        let all_s = f64::from(self.slots) * hours * 3_600.0;
        let busy_s = busy_ms as f64 / 1e3;
        self.cost_per_s * (all_s * money.fixed_share + busy_s * (1.0 - money.fixed_share))
    }
}

/// First unit price of a law, SCR per prover gas.
pub fn price_scr(params: &Params) -> f64 {
    params.unit_price.0 as f64 / 1e18
}

/// Honest operators as the world describes them.
pub fn honest(world: &World, params: &Params) -> Vec<Operator> {
    let rollers = &world.rollers;
    let mut rng = Rng::stream(world.seed, "fleet");
    let mut maintenance = Rng::stream(world.seed, "maintenance");
    let cost_per_s = price_scr(params) * rollers.gas_per_s_median / (1.0 + world.money.margin);
    let mut operators: Vec<Operator> = (0..rollers.count)
        .map(|_| {
            let slots = rng.log_normal(rollers.slots_median, rollers.slots_sigma);
            Operator {
                slots: (slots.round() as u32).max(1),
                gas_per_s: rng.log_normal(rollers.gas_per_s_median, rollers.gas_per_s_sigma),
                stake_scr: rng.log_normal(1.0, rollers.stake_sigma),
                cost_per_s: cost_per_s * rng.log_normal(1.0, world.money.cost_sigma),
                strategy: honest_strategy(world, &mut maintenance),
            }
        })
        .collect();
    if rollers.whale_share > 0.0 {
        give_share(&mut operators, 0, rollers.whale_share);
    }
    let least = params.stake_min.0 as f64 / 1e18;
    for operator in &mut operators {
        let relative = match rollers.stake {
            StakeRule::Equal => 1.0,
            StakeRule::Independent => operator.stake_scr,
            StakeRule::Proportional => {
                operator.stake_scr * operator.power()
                    / rollers.slots_median
                    / rollers.gas_per_s_median
            }
        };
        operator.stake_scr = (relative * rollers.stake_scr_median).max(least);
    }
    operators
}

fn honest_strategy(world: &World, rng: &mut Rng) -> Box<dyn Strategy> {
    let minutes = world.rollers.maintenance_minutes;
    if minutes > 0.0 {
        let at_h = rng.uniform() * 24.0;
        Box::new(Maintained { at_h, minutes })
    } else {
        Box::new(Honest)
    }
}

/// The operators of a world: the honest ones, the first of them replaced by the world's attackers.
pub fn operators(world: &World, params: &Params) -> eyre::Result<Vec<Operator>> {
    let mut operators = honest(world, params);
    let seats: Vec<Seats> = world
        .attackers
        .iter()
        .map(|group| Seats {
            count: group.count,
            share: group.share,
        })
        .collect();
    make_room(&mut operators, world, params, &seats);
    let mut first = 0;
    for group in &world.attackers {
        let attack = attacks::find(&group.strategy)
            .ok_or_else(|| eyre::eyre!("no attack is called {:?}", group.strategy))?;
        arm(&mut operators[first..first + group.count], attack.make);
        first += group.count;
    }
    Ok(operators)
}

/// Places of a group of attackers.
#[derive(Clone, Copy, Debug)]
pub struct Seats {
    /// How many operators.
    pub count: usize,
    /// Share of all slots and stake that they own together.
    pub share: f64,
}

/// Gives the first operators, group by group, equal shares of slots and stake, the median speed and its cost.
pub fn make_room(operators: &mut [Operator], world: &World, params: &Params, groups: &[Seats]) {
    let attackers: usize = groups.iter().map(|group| group.count).sum();
    let left = 1.0 - groups.iter().map(|group| group.share).sum::<f64>();
    let others = &operators[attackers..];
    let slots: f64 = others.iter().map(|o| f64::from(o.slots)).sum();
    let stake: f64 = others.iter().map(|o| o.stake_scr).sum();
    let mut first = 0;
    for group in groups {
        let each = group.share / group.count as f64 / left;
        for operator in &mut operators[first..first + group.count] {
            operator.slots = ((slots * each).round() as u32).max(1);
            operator.stake_scr = stake * each;
            operator.gas_per_s = world.rollers.gas_per_s_median;
            operator.cost_per_s =
                price_scr(params) * operator.gas_per_s / (1.0 + world.money.margin);
        }
        first += group.count;
    }
}

/// Lets operators play an attack.
pub fn arm(operators: &mut [Operator], make: Make) {
    for operator in operators {
        operator.strategy = make();
    }
}

/// Gives operator `i` this share of all slots.
pub fn give_share(operators: &mut [Operator], i: usize, share: f64) {
    let others: u32 =
        operators.iter().map(|operator| operator.slots).sum::<u32>() - operators[i].slots;
    operators[i].slots = ((share / (1.0 - share) * f64::from(others)).round() as u32).max(1);
}

/// A board's registered rollers are 20-byte addresses; the simulator numbers its names.
pub fn address(name: usize) -> rollmill_protocol::Roller {
    let number = u64::try_from(name).unwrap_or(u64::MAX);
    let word = alloy_primitives::keccak256(number.to_be_bytes());
    rollmill_protocol::Roller::from_word(word)
}

/// Counted seats of a board's roller, for reports.
pub fn record(board: &board::Board, name: usize) -> board::Record {
    board
        .roller(address(name))
        .map_or_else(board::Record::default, |account| account.record)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_whale_owns_its_share() {
        let mut world = World::default();
        world.rollers.whale_share = 0.3;
        let fleet = honest(&world, &world.params().unwrap());
        let slots: u32 = fleet.iter().map(|operator| operator.slots).sum();
        assert!((f64::from(fleet[0].slots) / f64::from(slots) - 0.3).abs() < 0.01);
        assert!(
            fleet
                .iter()
                .all(|operator| operator.stake_scr >= 1_000.0 && operator.slots >= 1)
        );
    }
}
