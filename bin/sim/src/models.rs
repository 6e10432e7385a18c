//! What days of play cannot show, computed with the law's own functions: a name's choice over weeks from every height of reputation, and
//! a proposer's over several blocks in a row with the best policy. Both are also played, as strategies of [`crate::attacks`].
//!
//! Each attack is a [`Model`], in units that cancel, so that no price is needed. Beside them: what computing together saves
//! ([`merged_cost`], [`coalition_cost`]).

use crate::grinding::{self, Beacon};
use rollmill_protocol::law::{
    Params,
    reputation::{EpochOffers, OfferOutcome, after_epoch},
};
use serde::Serialize;

/// What an attack is worth by computation.
#[derive(Clone, Debug, Serialize)]
pub struct Model {
    /// Attack.
    pub attack: String,
    /// Rule that closes it.
    pub closed_by: String,
    /// The setting.
    pub setting: String,
    /// Gain over honest play, in the unit named by `unit`; negative is a loss.
    pub advantage: f64,
    /// Most that it can gain where it is not closed (docs/mechanism/limits.md); else 0.
    pub bound: f64,
    /// Unit of the gain.
    pub unit: &'static str,
}

impl Model {
    fn new(
        attack: &str,
        closed_by: &str,
        setting: String,
        advantage: f64,
        unit: &'static str,
    ) -> Self {
        Self {
            attack: attack.into(),
            closed_by: closed_by.into(),
            setting,
            advantage,
            bound: 0.0,
            unit,
        }
    }

    /// Does it gain anything, within its bound or not?
    pub fn gains(&self) -> bool {
        self.advantage > 1e-9
    }

    /// Does it gain more than its bound?
    pub fn pays(&self) -> bool {
        self.advantage > self.bound + 1e-9
    }
}

/// All of them under these parameters.
pub fn all(params: &Params) -> Vec<Model> {
    let mut models = vec![];
    for q in [params.q_min, params.q_init / 2] {
        models.push(whitewashing(params, q));
    }
    for beacon in [Beacon::Draw, Beacon::Lottery] {
        for (share, slots) in [(0.1, 1), (0.3, 2), (0.5, 3)] {
            models.push(beacon_grinding(params, beacon, share, slots));
        }
    }
    for (share, busy) in [(0.1, 0.5), (0.1, 0.9), (0.3, 0.5), (0.3, 0.9)] {
        models.push(falsely_full(share, busy));
    }
    models
}

/// Income of an idle-able stake over four weeks in units of `q_init` for one week: coming back under a new name means a week of
/// unbonding without income, then `q_init`; staying means to work upwards from `q` at once.
fn whitewashing(params: &Params, q: u64) -> Model {
    let epochs = 4 * 7 * 86_400 / params.epoch_s;
    let unbonding = 7 * 86_400 / params.epoch_s;
    let mut offers = EpochOffers::default();
    offers.count(OfferOutcome::OnTime, 500_000_000);
    let income = |mut q: u64, idle: u64| {
        let mut sum = 0.0;
        for _ in idle..epochs {
            sum += q as f64 / params.q_init as f64;
            q = after_epoch(params, q, &offers, [], params.epoch_s);
        }
        sum / unbonding as f64
    };
    let advantage = income(params.q_init, unbonding) - income(q, 0);
    let setting = format!("q = {:.1} % before, 28 days", q as f64 / 1e7);
    Model::new(
        "whitewashing",
        "q creeps back in the time of two unbondings",
        setting,
        advantage,
        "weeks of income at q0",
    )
}

/// See [`grinding`]: real choices over the beacons of up to three slots in a row.
fn beacon_grinding(params: &Params, beacon: Beacon, share: f64, slots: u32) -> Model {
    let (attack, of) = match beacon {
        Beacon::Draw => ("grinding the draw", "reputation"),
        Beacon::Lottery => ("grinding the lottery", "tickets"),
    };
    let setting = format!(
        "{:.0} % of the {of}, {slots} slots in a row, 1 block reward under the beacon",
        share * 100.0
    );
    Model::new(
        attack,
        "own rewards under one beacon <= one L1 block reward",
        setting,
        grinding::gain(&grinding::values(params, beacon, share), 1.0, slots),
        "L1 block rewards",
    )
}

/// An operator calls at capacity whoever holds two seats, where such rollers take `busy` of the other hits. At most it gives its own roller all
/// tickets.
fn falsely_full(share: f64, busy: f64) -> Model {
    let setting = format!(
        "{:.0} % of the reputation, {:.0} % of the other hits on rollers with two seats",
        share * 100.0,
        busy * 100.0
    );
    let model = Model::new(
        "favouring (falsely full)",
        "not closed: the audit shows it",
        setting,
        favoured_share(share, busy) / share - 1.0,
        "honest tickets",
    );
    Model {
        bound: 1.0 / share - 1.0,
        ..model
    }
}

/// The share of the tickets that an operator can give its own roller without any evidence against it: it calls at capacity whoever holds
/// two open seats, though it has shown more capacity, where such rollers take `busy` of the other hits. `share` is what the draw gives.
fn favoured_share(share: f64, busy: f64) -> f64 {
    share / (share + (1.0 - share) * (1.0 - busy))
}

/// Proving cost per ticket of one name with this share of the reputation, over that of a name so small that it never holds two
/// tickets: `P(at least one of k) / (k share)`. It is what a merged pool saves; no law over names can see it.
pub fn merged_cost(share: f64, k: u32) -> f64 {
    (1.0 - (1.0 - share).powi(k as i32)) / (f64::from(k) * share)
}

/// The same for a coalition of many small names with this joint share that share computations at re-label cost `c`.
pub fn coalition_cost(share: f64, k: u32, relabel: f64) -> f64 {
    let merged = merged_cost(share, k);
    merged + relabel * (1.0 - merged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_pays_under_the_default_law() {
        for model in all(&Params::default()) {
            assert!(
                !model.pays(),
                "{} pays {} {} ({})",
                model.attack,
                model.advantage,
                model.unit,
                model.setting
            );
        }
    }

    #[test]
    fn a_worse_law_would_be_found_out() {
        // A new name that starts at 90 % while an old one creeps back over a year.
        let params = Params {
            q_init: 900_000_000,
            recovery_s: 365 * 86_400,
            gain_on_time: 1,
            ..Params::default()
        };
        assert!(whitewashing(&params, params.q_min).pays());
    }

    /// The figures of `docs/mechanism/limits.md`.
    #[test]
    fn what_no_evidence_shows_is_bounded_by_the_idle() {
        assert_eq!(favoured_share(0.1, 0.0), 0.1);
        assert!((favoured_share(0.1, 0.5) - 0.18).abs() < 0.005);
        assert!((favoured_share(0.1, 0.9) - 0.53).abs() < 0.005);
    }

    #[test]
    fn sharing_costs_never_beats_one_name() {
        for k in [2, 3, 5] {
            for share in [0.01, 0.1, 0.3] {
                assert!(coalition_cost(share, k, 0.0) <= coalition_cost(share, k, 0.5));
                assert!((coalition_cost(share, k, 0.0) - merged_cost(share, k)).abs() < 1e-12);
                assert!((coalition_cost(share, k, 1.0) - 1.0).abs() < 1e-12);
            }
        }
        assert!((merged_cost(0.3, 3) - 0.73).abs() < 0.001);
    }
}
