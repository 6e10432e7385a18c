//! Worlds: what is simulated, as a TOML file.
//!
//! Every field has a default, so a file says only what is special about it. `[law]` overrides parameters of the law by their names in
//! the event log (`challengeS = 0`, `control.k = [3, 3]`).

mod built_in;
mod rollers;

pub use built_in::{BuiltIn, built_in};
pub use rollers::{Rollers, StakeRule};

use crate::attacks;
use rollmill_protocol::law::{Params, lottery};
use serde::{Deserialize, Serialize};

/// A world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct World {
    /// Name for tables.
    pub name: String,
    /// Seed of everything that is random.
    pub seed: u64,
    /// Simulated time, hours.
    pub hours: f64,
    /// Hours at the beginning that are not measured.
    pub warmup_hours: f64,
    /// Rollers.
    pub rollers: Rollers,
    /// Work.
    pub load: Load,
    /// Outages of many at once.
    pub outages: Vec<Outage>,
    /// Changes of everybody's capacity.
    pub shocks: Vec<Shock>,
    /// Rollers that play an attack. They take the places of the first ones.
    pub attackers: Vec<Attackers>,
    /// Money.
    pub money: Money,
    /// What L1 does.
    pub l1: L1Rules,
    /// New SCR for proving.
    pub emission: Emission,
    /// Cost of a second proof of a task under another name, as a share of a whole one; what each strategy assumes without it.
    pub relabel: Option<f64>,
    /// Overrides of the law.
    pub law: toml::Table,
}

/// The work of a world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Load {
    /// Prover gas of an ordinary batch.
    pub gas: u64,
    /// Share of batches that are heavy.
    pub heavy_share: f64,
    /// How many times heavier.
    pub heavy_factor: f64,
    /// Steps, in order of their beginning.
    pub steps: Vec<LoadStep>,
    /// Batches that are committed all at once.
    pub bursts: Vec<Burst>,
    /// Most tasks in all; 0 for no limit.
    pub tasks_max: u64,
}

/// A burst of the load.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Burst {
    /// Comes at this hour.
    pub at_h: f64,
    /// So many batches.
    pub batches: u64,
}

/// A step of the load.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadStep {
    /// Begins at this hour.
    pub from_h: f64,
    /// Batches per hour as a multiple of what all slots could prove k times over; above 1 is more than can be done.
    pub utilisation: f64,
}

/// An outage that hits many at once.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outage {
    /// Begins at this hour.
    pub from_h: f64,
    /// Lasts this long, hours.
    pub hours: f64,
    /// Share of rollers that it hits.
    pub share: f64,
}

/// A change of everybody's capacity.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shock {
    /// Comes at this hour.
    pub at_h: f64,
    /// Slots are multiplied by this (rounded, at least 1), of what they were at first.
    #[serde(default = "unchanged")]
    pub slots_factor: f64,
    /// Prover gas per second of a slot is multiplied by this; what a second costs stays.
    #[serde(default = "unchanged")]
    pub speed_factor: f64,
}

fn unchanged() -> f64 {
    1.0
}

/// Rollers that play an attack.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attackers {
    /// Name of the strategy, as `sim attacks` prints it.
    pub strategy: String,
    /// How many.
    #[serde(default = "one")]
    pub count: usize,
    /// Share of all slots and of all stake that they own together.
    pub share: f64,
}

fn one() -> usize {
    1
}

/// What L1 and its contracts do, beyond the board.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct L1Rules {
    /// Pays only for the proof whose digest is in the entries.
    pub digest_binding: bool,
    /// Takes a refused submission from its roller, and charges the operator's bond.
    pub posting: bool,
    /// Minutes after which a batch settles without its winner (`SETTLE_S`).
    pub settle_minutes: f64,
    /// Hours until unbonded stake is free (`UNBOND_S`).
    pub unbond_hours: f64,
    /// Bond of an accuser, SCR.
    pub accusation_bond_scr: f64,
    /// Share of the rewards that what users pay for proving covers, by the operator's price. The rest comes from a pool that was filled
    /// once, so that one's own batches cost so much less.
    pub fees_cover: f64,
    /// Most rewards under one lottery beacon, SCR (`BeaconCapWei`); a single batch may pay more.
    pub beacon_cap_scr: f64,
    /// What a proposer loses with a skipped block, SCR.
    pub block_reward_scr: f64,
}

/// New SCR for proving: a fixed pot, divided over settled prover gas.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Emission {
    /// Pot of an emission epoch, SCR; 0 for none.
    pub pot_scr: f64,
    /// Length of an emission epoch, hours.
    pub epoch_hours: f64,
    /// Most prover gas of a batch that counts.
    pub gas_max: u64,
}

/// Money of a world.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Money {
    /// What the median roller earns over its costs when it is busy all the time.
    pub margin: f64,
    /// Share of a busy slot's cost that an idle slot costs, too.
    pub fixed_share: f64,
    /// Cost of stake per year.
    pub stake_interest: f64,
    /// Sigma of the logarithm of costs.
    pub cost_sigma: f64,
}

impl Default for World {
    fn default() -> Self {
        Self {
            name: "default".into(),
            seed: 1,
            hours: 48.0,
            warmup_hours: 24.0,
            rollers: Rollers::default(),
            load: Load::default(),
            outages: Vec::new(),
            shocks: Vec::new(),
            attackers: Vec::new(),
            money: Money::default(),
            l1: L1Rules::default(),
            emission: Emission::default(),
            relabel: None,
            law: toml::Table::new(),
        }
    }
}

impl Default for Load {
    fn default() -> Self {
        let steps = vec![LoadStep {
            from_h: 0.0,
            utilisation: 0.6,
        }];
        Self {
            gas: 10_000_000,
            heavy_share: 0.05,
            heavy_factor: 3.0,
            steps,
            bursts: Vec::new(),
            tasks_max: 0,
        }
    }
}

impl Default for L1Rules {
    fn default() -> Self {
        Self {
            digest_binding: true,
            posting: true,
            settle_minutes: 60.0,
            unbond_hours: 168.0,
            accusation_bond_scr: 1_000.0,
            fees_cover: 1.0,
            beacon_cap_scr: lottery::BEACON_CAP.0 as f64 / 1e18,
            block_reward_scr: 1_000.0,
        }
    }
}

impl Default for Emission {
    fn default() -> Self {
        Self {
            pot_scr: 0.0,
            epoch_hours: 24.0,
            gas_max: 1_000_000_000,
        }
    }
}

impl Default for Money {
    fn default() -> Self {
        Self {
            margin: 0.5,
            fixed_share: 0.4,
            stake_interest: 0.05,
            cost_sigma: 0.15,
        }
    }
}

impl World {
    /// Reads a world.
    pub fn parse(text: &str) -> eyre::Result<Self> {
        let world: Self = toml::from_str(text)?;
        world.params()?;
        eyre::ensure!(world.rollers.count > 0, "a world has rollers");
        eyre::ensure!(
            world.warmup_hours < world.hours,
            "the warm-up is longer than the world"
        );
        let (count, share) = world.attackers.iter().fold((0, 0.0), |sum, group| {
            (sum.0 + group.count, sum.1 + group.share)
        });
        eyre::ensure!(
            count < world.rollers.count && share < 1.0,
            "a world has honest rollers"
        );
        for group in &world.attackers {
            eyre::ensure!(
                attacks::find(&group.strategy).is_some() && group.count > 0 && group.share > 0.0,
                "no attackers play {:?}",
                group.strategy
            );
        }
        Ok(world)
    }

    /// The law of this world: the default with the world's overrides.
    pub fn params(&self) -> eyre::Result<Params> {
        let mut law = serde_json::to_value(Params::default())?;
        merge(&mut law, &serde_json::to_value(&self.law)?, "law")?;
        let params: Params = serde_json::from_value(law)?;
        params.validate()?;
        Ok(params)
    }

    /// Fixes k, so that worlds of different size are compared at the same redundancy.
    pub fn fix_k(&mut self, k: i64) {
        let range = toml::Value::Array(vec![k.into(), k.into()]);
        let control = self
            .law
            .entry("control")
            .or_insert_with(|| toml::Table::new().into());
        if let Some(control) = control.as_table_mut() {
            control.insert("k".into(), range);
        }
    }

    /// The same world with another seed.
    pub fn with_seed(&self, seed: u64) -> Self {
        Self {
            seed,
            ..self.clone()
        }
    }
}

fn merge(law: &mut serde_json::Value, over: &serde_json::Value, path: &str) -> eyre::Result<()> {
    match (law.as_object_mut(), over.as_object()) {
        (Some(law), Some(over)) => {
            for (name, value) in over {
                let path = format!("{path}.{name}");
                let Some(slot) = law.get_mut(name) else {
                    eyre::bail!("the law has no parameter {path}");
                };
                merge(slot, value, &path)?;
            }
        }
        _ => *law = over.clone(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_says_only_what_is_special() {
        let world = World::parse(
            "name = 'x'\n[rollers]\ncount = 7\n[law]\nchallengeS = 5\ncontrol.k = [3, 3]",
        )
        .unwrap();
        assert_eq!((world.rollers.count, world.rollers.slots_median), (7, 4.0));
        let params = world.params().unwrap();
        assert_eq!((params.challenge_s, params.control.k), (5, (3, 3)));
        assert_eq!(params.epoch_s, Params::default().epoch_s);
    }

    #[test]
    fn what_the_law_does_not_know_or_allow_is_refused() {
        assert!(World::parse("[law]\nnoSuchThing = 1").is_err());
        assert!(World::parse("[law]\nqInit = 2000000000").is_err());
        assert!(World::parse("typo = 1").is_err());
        let attackers = |strategy, share| {
            World::parse(&format!(
                "[[attackers]]\nstrategy = '{strategy}'\nshare = {share}"
            ))
        };
        assert!(attackers("copying", 0.2).is_ok());
        assert!(attackers("copying", 1.0).is_err());
        assert!(attackers("no such attack", 0.2).is_err());
        assert!(World::parse("[rollers]\ncount = 0").is_err());
    }
}
