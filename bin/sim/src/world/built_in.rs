//! The worlds of `bin/sim/worlds` that the program itself needs.

use super::World;

/// A world that the report, the claims and the attacks need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuiltIn {
    /// Attacks.
    Arena,
    /// Policies side by side.
    Comparison,
    /// Reputation finds capacity.
    Convergence,
    /// Reward follows capacity.
    Fairness,
    /// Half of the machines are gone.
    Halved,
    /// As many rollers and tasks as the simulator is built for.
    Large,
    /// Load steps up and down.
    LoadStep,
    /// A third of the rollers is gone for an hour.
    Outage,
    /// Rollers that are alike.
    Scaling,
    /// Every machine takes three times as long.
    Slower,
    /// q finds capacity over stake.
    Unequal,
}

/// Reads a built-in world; its file is in `bin/sim/worlds`.
pub fn built_in(world: BuiltIn) -> World {
    let text = match world {
        BuiltIn::Arena => include_str!("../../worlds/arena.toml"),
        BuiltIn::Comparison => include_str!("../../worlds/comparison.toml"),
        BuiltIn::Convergence => include_str!("../../worlds/convergence.toml"),
        BuiltIn::Fairness => include_str!("../../worlds/fairness.toml"),
        BuiltIn::Halved => include_str!("../../worlds/halved.toml"),
        BuiltIn::Large => include_str!("../../worlds/large.toml"),
        BuiltIn::LoadStep => include_str!("../../worlds/load-step.toml"),
        BuiltIn::Outage => include_str!("../../worlds/outage.toml"),
        BuiltIn::Scaling => include_str!("../../worlds/scaling.toml"),
        BuiltIn::Slower => include_str!("../../worlds/slower.toml"),
        BuiltIn::Unequal => include_str!("../../worlds/unequal.toml"),
    };
    World::parse(text).expect("the worlds in the folder are worlds")
}
