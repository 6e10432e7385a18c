//! Worlds: what is simulated, as a TOML file.
//!
//! Every field has a default, so a file says only what is special about it. `[law]` overrides parameters of the law by their names in
//! the event log (`challengeS = 0`, `control.k = [3, 3]`).

use crate::{attacks, rng::Rng};
use rollmill_protocol::law::Params;
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

/// The rollers of a world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rollers {
    /// How many.
    pub count: usize,
    /// Median number of proofs that one makes at once (log-normal, at least 1).
    pub slots_median: f64,
    /// Sigma of its logarithm.
    pub slots_sigma: f64,
    /// Median prover gas per second of one slot (log-normal).
    pub gas_per_s_median: f64,
    /// Sigma of its logarithm.
    pub gas_per_s_sigma: f64,
    /// Sigma of the logarithm of one proof's time around its mean.
    pub noise_sigma: f64,
    /// Seconds from assignment to start and from end to receipt, together.
    pub latency_s: f64,
    /// Share of all slots that the first roller owns; 0 for no whale.
    pub whale_share: f64,
    /// How stakes follow capacity.
    pub stake: StakeRule,
    /// Median stake, SCR.
    pub stake_scr_median: f64,
    /// Sigma of the logarithm of a stake, or of its ratio to capacity.
    pub stake_sigma: f64,
    /// Outages of one roller at a time, per day.
    pub outages_per_day: f64,
    /// Mean length of one, minutes.
    pub outage_minutes: f64,
    /// Churn: times per day that one roller leaves the draw for a while.
    pub absences_per_day: f64,
    /// Mean length of an absence, hours.
    pub absence_hours: f64,
    /// Maintenance, announced by a drain: minutes per day; 0 for none.
    pub maintenance_minutes: f64,
    /// Leave while the price is below their costs, and come back.
    pub elastic: bool,
}

impl Rollers {
    /// Outages of one roller: from and until, in hours, in order of their beginning.
    pub fn outages(&self, rng: &mut Rng, hours: f64) -> Vec<(f64, f64)> {
        spans(rng, hours, self.outages_per_day, self.outage_minutes / 60.0)
    }

    /// Absences of one roller, likewise; they do not overlap.
    pub fn absences(&self, rng: &mut Rng, hours: f64) -> Vec<(f64, f64)> {
        let mut absences = spans(rng, hours, self.absences_per_day, self.absence_hours);
        let mut free_from = 0.0;
        absences.retain(|(from_h, until_h)| {
            let is_free = *from_h >= free_from;
            if is_free {
                free_from = *until_h;
            }
            is_free
        });
        absences
    }
}

/// Spans that begin `per_day` times a day and last `mean_h` hours in the mean.
fn spans(rng: &mut Rng, hours: f64, per_day: f64, mean_h: f64) -> Vec<(f64, f64)> {
    let mut spans = Vec::new();
    if per_day <= 0.0 {
        return spans;
    }
    let mut hour = 0.0;
    loop {
        hour += rng.exponential(24.0 / per_day);
        if hour > hours {
            return spans;
        }
        spans.push((hour, hour + rng.exponential(mean_h)));
    }
}

/// How stakes follow capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StakeRule {
    /// Everybody the same.
    Equal,
    /// In proportion to capacity, times a log-normal factor.
    Proportional,
    /// Log-normal, whatever the capacity.
    Independent,
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
    /// Rewards come from what users pay for proving. Else from a pool that was filled once, and whoever collects the fees commits
    /// batches of his own for nothing.
    pub fees_fill_pool: bool,
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

impl Default for Rollers {
    fn default() -> Self {
        Self {
            count: 100,
            slots_median: 4.0,
            slots_sigma: 0.9,
            gas_per_s_median: 25_000.0,
            gas_per_s_sigma: 0.1,
            noise_sigma: 0.05,
            latency_s: 2.0,
            whale_share: 0.0,
            stake: StakeRule::Proportional,
            stake_scr_median: 20_000.0,
            stake_sigma: 0.5,
            outages_per_day: 0.2,
            outage_minutes: 20.0,
            absences_per_day: 0.0,
            absence_hours: 6.0,
            maintenance_minutes: 0.0,
            elastic: false,
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
            fees_fill_pool: true,
            beacon_cap_scr: 1_000.0,
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
        BuiltIn::Arena => include_str!("../worlds/arena.toml"),
        BuiltIn::Comparison => include_str!("../worlds/comparison.toml"),
        BuiltIn::Convergence => include_str!("../worlds/convergence.toml"),
        BuiltIn::Fairness => include_str!("../worlds/fairness.toml"),
        BuiltIn::Halved => include_str!("../worlds/halved.toml"),
        BuiltIn::Large => include_str!("../worlds/large.toml"),
        BuiltIn::LoadStep => include_str!("../worlds/load-step.toml"),
        BuiltIn::Outage => include_str!("../worlds/outage.toml"),
        BuiltIn::Scaling => include_str!("../worlds/scaling.toml"),
        BuiltIn::Slower => include_str!("../worlds/slower.toml"),
        BuiltIn::Unequal => include_str!("../worlds/unequal.toml"),
    };
    World::parse(text).expect("the worlds in the folder are worlds")
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
