//! The policies that are compared, by name.

use crate::{fleet, law_market, outcome::Outcome, rivals, world::World};
use rollmill_protocol::law::{ONE, Params};

/// A way to choose who proves and who is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Policy {
    /// The law of `rollmill_protocol`.
    Law,
    /// Everybody proves everything, the first valid proof wins.
    Race,
    /// Rollers take turns.
    RoundRobin,
    /// The lowest ask gets the task.
    Auction,
    /// The board with q fixed at 1: stake decides.
    StakeOnly,
    /// The board with q fixed at 1 and equal stakes.
    Uniform,
}

impl Policy {
    /// All of them, the law first.
    pub const ALL: [Self; 6] = [
        Self::Law,
        Self::Race,
        Self::RoundRobin,
        Self::Auction,
        Self::StakeOnly,
        Self::Uniform,
    ];

    /// For tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Law => "this law",
            Self::Race => "race",
            Self::RoundRobin => "round robin",
            Self::Auction => "lowest price",
            Self::StakeOnly => "stake only",
            Self::Uniform => "uniform",
        }
    }

    /// Simulates a world under the policy. The attackers of a world play only where there is a board.
    pub fn run(self, world: &World) -> eyre::Result<Outcome> {
        let params = world.params()?;
        let operators = fleet::operators(world, &params)?;
        match self {
            Self::Law => law_market::run(world, &params, operators, self.name()),
            Self::StakeOnly => {
                law_market::run(world, &without_reputation(params), operators, self.name())
            }
            Self::Uniform => {
                let mut operators = operators;
                operators
                    .iter_mut()
                    .for_each(|operator| operator.stake_scr = world.rollers.stake_scr_median);
                law_market::run(world, &without_reputation(params), operators, self.name())
            }
            Self::Race => Ok(rivals::run(world, &params, operators, rivals::Rule::Race)),
            Self::RoundRobin => Ok(rivals::run(
                world,
                &params,
                operators,
                rivals::Rule::RoundRobin,
            )),
            Self::Auction => Ok(rivals::run(
                world,
                &params,
                operators,
                rivals::Rule::Auction,
            )),
        }
    }
}

/// The law with q fixed at 1.
fn without_reputation(params: Params) -> Params {
    Params {
        q_min: ONE,
        q_init: ONE,
        penalty_declined: 0,
        penalty_late: 0,
        penalty_missed: 0,
        penalty_invalid: 0,
        ..params
    }
}
