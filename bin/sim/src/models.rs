//! Attacks that are formulas here and not played: by users, by L1 proposers, wrongs of the operator that leave their evidence on L1
//! alone, and a name's choice over weeks. Computed with the law's own functions; what is played is in [`crate::attacks`].
//!
//! Each returns a [`Model`]: what honest play yields, what the attack yields, and the bound that makes the difference negative. All
//! are in units that cancel (one reward B = 1, one epoch's pot = 1), so that no price is needed.

use crate::grinding::{self, Beacon};
use alloy_primitives::Address;
use rollmill_protocol::{
    ScrWei,
    law::{
        Params, bond,
        emission::{EmissionParams, SettledWork},
        fine::fine_full,
        reputation::{EpochOffers, OfferOutcome, after_epoch},
    },
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
            unit,
        }
    }

    /// Does it pay?
    pub fn pays(&self) -> bool {
        self.advantage > 1e-9
    }
}

/// All of them under these parameters.
pub fn all(params: &Params) -> Vec<Model> {
    let mut models = vec![];
    for q in [params.q_min, params.q_init / 2] {
        models.push(whitewashing(params, q));
    }
    for share in [0.05, 0.3, 0.9] {
        models.push(stuffing(share));
    }
    for beacon in [Beacon::Draw, Beacon::Lottery] {
        for (share, slots) in [(0.1, 1), (0.3, 2), (0.5, 3)] {
            models.push(beacon_grinding(params, beacon, share, slots));
        }
    }
    for (own, seats) in [(1, 3), (2, 3), (1, 2)] {
        models.push(dropping(params, own, seats));
    }
    models.extend([0.02, 0.1, 0.3].map(|share| favouring(params, share)));
    models.extend([0.1, 0.3].map(|share| operator_as_victim(params, share)));
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

/// A user with this share of all proving stuffs as many batches of its own again: fees go to all rollers, the pot does not grow.
fn stuffing(share: f64) -> Model {
    let emission = EmissionParams {
        pot: ScrWei::from_scr(1_000_000),
        halving_epochs: 1_000,
        batch_gas_max: u64::MAX,
    };
    let (own, others) = (Address::repeat_byte(1), Address::repeat_byte(2));
    let pot_share = |times: u64| {
        let mut work = SettledWork::default();
        let of = |share: f64| (share * 1e9) as u64 * times;
        work.count(&emission, own, of(share));
        work.count(&emission, others, of(1.0 - share));
        let shares = work.divide(emission.pot);
        shares[0].1.0 as f64 / emission.pot.0 as f64
    };
    // Fees of the stuffed batches: one unit, of which its own rollers earn their share back.
    let advantage = pot_share(2) - pot_share(1) - (1.0 - share);
    let setting = format!("{:.0} % of the proving, doubles the load", share * 100.0);
    Model::new(
        "wash proving, stuffing",
        "a fixed pot per epoch",
        setting,
        advantage,
        "fees of the stuffed batches",
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

/// The operator drops one honest submission of `seats` so that its own `own` tickets win more often. The roller posts it on L1, and the
/// bond pays.
fn dropping(params: &Params, own: u32, seats: u32) -> Model {
    let reward = ScrWei::from_scr(30);
    let before = f64::from(own) / f64::from(seats);
    let after = f64::from(own) / f64::from(seats - 1);
    let fine = fine_full(params, params.unit_price, params.reference_prover_gas);
    let loss = bond::loss(
        bond::Evidence::DroppedSubmission,
        ScrWei::from_scr(1_000_000),
        reward,
        fine,
    );
    let lost = (loss.to_roller.0 + loss.burned.0) as f64 / reward.0 as f64;
    let setting = format!("own {own} of {seats} tickets");
    Model::new(
        "operator drops a proof",
        "posted on L1, the bond pays 2 B",
        setting,
        after - before - lost,
        "rewards B",
    )
}

/// The operator enters its own roller, which has this share of the reputation, alone. Anybody shows from L1 that the entry does not follow
/// from the draw, or who was passed over shows that the posted reason is false: one charge in any case.
fn favouring(params: &Params, share: f64) -> Model {
    let reward = ScrWei::from_scr(30);
    let fine = fine_full(params, params.unit_price, params.reference_prover_gas);
    let bond = ScrWei::from_scr(1_000_000);
    let kinds = [bond::Evidence::WrongDraw, bond::Evidence::FalsePassOver];
    let losses = kinds.map(|kind| bond::loss(kind, bond, reward, fine));
    let lost = losses.map(|loss| (loss.to_roller.0 + loss.burned.0) as f64 / reward.0 as f64);
    let setting = format!(
        "the whole lottery for {:.0} % of the reputation",
        share * 100.0
    );
    Model::new(
        "operator favours itself",
        "the draw is posted, and follows from L1",
        setting,
        1.0 - share - lost[0].min(lost[1]),
        "rewards B",
    )
}

/// The share of the tickets that an operator can give its own roller without any evidence against it: it calls at capacity whoever holds
/// two open seats, though it has shown more capacity, where such rollers take `busy` of the other hits. `share` is what the draw gives.
pub fn favoured_share(share: f64, busy: f64) -> f64 {
    share / (share + (1.0 - share) * (1.0 - busy))
}

/// The operator wrongs a roller of its own to be paid by its own bond: half is burned.
fn operator_as_victim(params: &Params, share: f64) -> Model {
    let reward = ScrWei::from_scr(30);
    let fine = fine_full(params, params.unit_price, params.reference_prover_gas);
    let loss = bond::loss(
        bond::Evidence::FalsePassOver,
        ScrWei::from_scr(1_000_000),
        reward,
        fine,
    );
    let advantage = -(loss.burned.0 as f64) / reward.0 as f64;
    let setting = format!("own roller with {:.0} % of the reputation", share * 100.0);
    Model::new(
        "operator as its own victim",
        "half of every loss is burned",
        setting,
        advantage,
        "rewards B",
    )
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
