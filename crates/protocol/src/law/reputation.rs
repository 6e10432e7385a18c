//! The reputation ratio q: what a roller's stake is worth in the draw.
//!
//! q moves once per epoch, from what was *offered* to the roller in it. Every hit of the draw is an offer of weight
//! `w = min(ONE, floor(ONE * g / g_ref))`, at least 1, so that a shower of tiny tasks earns nothing [tiny tasks]; also
//! a hit that was passed over for lack of capacity is one, as declined [idle whale]. In this order:
//!
//! 1. recovery: below `Q_INIT`, `q += floor((Q_INIT - Q_MIN) * elapsed / recovery)`, at most to `Q_INIT`. Coming back under a new
//!    name is never better than waiting \[whitewashing\].
//! 2. gain: `q += floor(A * min(w_on_time, GAIN_SEATS * ONE) * (floor(sqrt(q * ONE)) - q) / ONE^2)`. Without the cap a busy roller's gain
//!    grows with its seats while its penalties do not, and q ends near 1 whatever it declines.
//! 3. declined: `q -= ceil(q * D * w_declined / (ONE * w_offered))`, at least to `Q_MIN`. It follows from the published log.
//! 4. failures: for each epoch that ended `CHALLENGE_S` ago, with that epoch's offers,
//!    `q -= ceil(q * (L w_late + M w_missed + I w_invalid) / (ONE * w_offered))`, at least to `Q_MIN`. They rest on the
//!    operator's word, so evidence on L1 can cancel one before it counts \[silence\].
//!
//! Penalties are linear in the *share* of offers that went wrong: an outage costs a big roller and its split copy the
//! same [outage compounding], and q settles where load meets real capacity. No stake is lost here.
//!
//! Why a root: q rests where the gain makes up for the declines, `D * declined / offered = A' * (sqrt(1 / q) - 1)`. A roller that has staked more
//! than its machines are worth has a lower q, and must be seen to decline more to keep it there: the less that share depends on q,
//! the nearer is reputation to capacity, whatever is staked. With a gain of `1 - q` the share goes with `1 / q`, and reputation with
//! about the root of the excess stake. With one of `q` it would not depend on q at all, but then nothing holds the level
//! of all q, which swing when tasks wait and are drawn by old snapshots. Near 1 the gain is `A / 2 * (1 - q)`.

use super::{ONE, Params, Ratio};
use crate::prover_gas::ProverGas;
use alloy_primitives::U256;
use serde::{Deserialize, Serialize};

/// Weight of an offer of `estimate` prover gas, in parts of [`ONE`]; from 1 to [`ONE`].
pub fn offer_weight(params: &Params, estimate: ProverGas) -> u64 {
    let scaled = u128::from(estimate) * u128::from(ONE) / u128::from(params.reference_prover_gas);
    u64::try_from(scaled).unwrap_or(ONE).clamp(1, ONE)
}

/// How an offer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OfferOutcome {
    /// A valid proof within the deadline.
    OnTime,
    /// A valid proof after it.
    Late,
    /// No proof.
    Missed,
    /// A proof that the verifier rejected.
    Invalid,
    /// Drawn, but without free capacity.
    Declined,
}

/// Offers of one roller in one epoch: sums of weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EpochOffers {
    /// All of them.
    pub offered: u64,
    /// Those that ended on time.
    pub on_time: u64,
    /// Late.
    pub late: u64,
    /// Missed.
    pub missed: u64,
    /// Invalid.
    pub invalid: u64,
    /// Declined.
    pub declined: u64,
}

impl EpochOffers {
    fn sum_mut(&mut self, outcome: OfferOutcome) -> &mut u64 {
        match outcome {
            OfferOutcome::OnTime => &mut self.on_time,
            OfferOutcome::Late => &mut self.late,
            OfferOutcome::Missed => &mut self.missed,
            OfferOutcome::Invalid => &mut self.invalid,
            OfferOutcome::Declined => &mut self.declined,
        }
    }

    /// Did anything go wrong that rests on the operator's word?
    pub fn has_failures(&self) -> bool {
        self.late != 0 || self.missed != 0 || self.invalid != 0
    }

    /// Counts an offer. Saturates after 18 billion full-weight offers in one epoch.
    pub fn count(&mut self, outcome: OfferOutcome, weight: u64) {
        self.offered = self.offered.saturating_add(weight);
        let sum = self.sum_mut(outcome);
        *sum = sum.saturating_add(weight);
    }

    /// Takes an offer back: evidence on L1 has overturned its outcome. An offer of an earlier epoch stays.
    pub fn take_back(&mut self, outcome: OfferOutcome, weight: u64) {
        if *self.sum_mut(outcome) >= weight {
            *self.sum_mut(outcome) -= weight;
            self.offered = self.offered.saturating_sub(weight);
        }
    }
}

/// q after an epoch with these `offers` that lasted `elapsed_s` seconds; `matured` are the offers of epochs whose challenge time
/// has passed since the last epoch's end.
pub fn after_epoch<'a>(
    params: &Params,
    q: Ratio,
    offers: &EpochOffers,
    matured: impl IntoIterator<Item = &'a EpochOffers>,
    elapsed_s: u64,
) -> Ratio {
    let q = gained(params, recovered(params, q, elapsed_s), offers);
    let declined = [(params.penalty_declined, offers.declined)];
    let q = penalised(params, q, &declined, offers.offered);
    matured.into_iter().fold(q, |q, past| {
        let failed = [
            (params.penalty_late, past.late),
            (params.penalty_missed, past.missed),
            (params.penalty_invalid, past.invalid),
        ];
        penalised(params, q, &failed, past.offered)
    })
}

fn recovered(params: &Params, q: Ratio, elapsed_s: u64) -> Ratio {
    if q >= params.q_init {
        return q;
    }
    let span = u128::from(params.q_init - params.q_min);
    let climb = span * u128::from(elapsed_s) / u128::from(params.recovery_s);
    let climb = u64::try_from(climb).unwrap_or(u64::MAX);
    q.saturating_add(climb).min(params.q_init)
}

fn gained(params: &Params, q: Ratio, offers: &EpochOffers) -> Ratio {
    let root = (u128::from(q) * u128::from(ONE)).isqrt();
    let room = U256::from(root.saturating_sub(q.into()));
    let counted =
        u128::from(offers.on_time).min(u128::from(params.gain_seats_max) * u128::from(ONE));
    let gain = U256::from(params.gain_on_time) * U256::from(counted) * room;
    let gain = gain / (U256::from(ONE) * U256::from(ONE));
    q.saturating_add(u64::try_from(gain).unwrap_or(u64::MAX))
        .min(ONE)
}

fn penalised(params: &Params, q: Ratio, wrong: &[(Ratio, u64)], offered: u64) -> Ratio {
    if offered == 0 {
        return q;
    }
    let wrong = wrong.iter().fold(U256::ZERO, |sum, (penalty, weight)| {
        sum + U256::from(*penalty) * U256::from(*weight)
    });
    let loss = (U256::from(q) * wrong).div_ceil(U256::from(ONE) * U256::from(offered));
    q.saturating_sub(u64::try_from(loss).unwrap_or(u64::MAX))
        .max(params.q_min)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAY_S: u64 = 86_400;

    fn offers(outcome: OfferOutcome, seats: u64) -> EpochOffers {
        let mut offers = EpochOffers::default();
        (0..seats).for_each(|_| offers.count(outcome, ONE));
        offers
    }

    prop_compose! {
        fn any_offers()(counts in proptest::array::uniform5(0u64..1_000), weight in 1..=ONE) -> EpochOffers {
            let mut offers = EpochOffers::default();
            let outcomes = [OfferOutcome::OnTime, OfferOutcome::Late, OfferOutcome::Missed, OfferOutcome::Invalid, OfferOutcome::Declined];
            for (outcome, count) in outcomes.into_iter().zip(counts) {
                (0..count).for_each(|_| offers.count(outcome, weight));
            }
            offers
        }
    }

    proptest! {
        #[test]
        fn q_stays_within_its_bounds(q in ONE / 100..=ONE, offers in any_offers(), elapsed_s in 0..100 * DAY_S) {
            let params = Params::default();
            let after = after_epoch(&params, q, &offers, [&offers, &offers], elapsed_s);
            prop_assert!((params.q_min..=ONE).contains(&after), "{}", after);
        }

        #[test]
        fn a_penalty_depends_on_the_share_and_not_on_the_number(q in ONE / 10..=ONE, good in 1u64..50, bad in 1u64..50, times in 2u64..10) {
            let params = Params { gain_on_time: 0, ..Params::default() };
            let mixed = |times: u64| {
                let mut mixed = offers(OfferOutcome::OnTime, good * times);
                (0..bad * times).for_each(|_| mixed.count(OfferOutcome::Missed, ONE));
                after_epoch(&params, q, &mixed, [&mixed], 0)
            };
            prop_assert_eq!(mixed(1), mixed(times));
        }

        #[test]
        fn more_failures_never_help(q in ONE / 100..=ONE, offers in any_offers()) {
            let params = Params::default();
            for outcome in [OfferOutcome::Late, OfferOutcome::Missed, OfferOutcome::Invalid, OfferOutcome::Declined] {
                // One on-time offer turned into a failed one.
                let mut worse = offers;
                worse.take_back(OfferOutcome::OnTime, ONE.min(offers.on_time));
                worse.count(outcome, ONE.min(offers.on_time));
                prop_assert!(after_epoch(&params, q, &worse, [&worse], 0) <= after_epoch(&params, q, &offers, [&offers], 0));
            }
        }
    }

    #[test]
    fn the_rates_are_those_of_the_law() {
        let params = Params::default();
        let q = ONE / 2;
        let after =
            |outcome| after_epoch(&params, q, &offers(outcome, 4), [&offers(outcome, 4)], 0);
        // Three seats of 4 % each of sqrt(1 / 2) - 1 / 2.
        assert_eq!(after(OfferOutcome::OnTime), q + 24_852_813);
        assert_eq!(after(OfferOutcome::Declined), q - q / 4);
        assert_eq!(after(OfferOutcome::Late), q - q / 10);
        assert_eq!(after(OfferOutcome::Missed), q - q / 4);
        assert_eq!(after(OfferOutcome::Invalid), q - q / 2);
        assert_eq!(
            after_epoch(&params, q, &EpochOffers::default(), [], DAY_S),
            q
        );
    }

    #[test]
    fn a_failure_counts_when_its_epoch_has_matured_and_a_decline_at_once() {
        let params = Params::default();
        let q = ONE / 2;
        let missed = offers(OfferOutcome::Missed, 4);
        assert_eq!(after_epoch(&params, q, &missed, [], 0), q);
        assert_eq!(
            after_epoch(&params, q, &EpochOffers::default(), [&missed], 0),
            q - q / 4
        );
        let declined = offers(OfferOutcome::Declined, 4);
        assert_eq!(after_epoch(&params, q, &declined, [], 0), q - q / 4);
        assert!(missed.has_failures() && !declined.has_failures());
    }

    #[test]
    fn seats_beyond_the_cap_gain_nothing() {
        let params = Params {
            gain_seats_max: 5,
            ..Params::default()
        };
        let after = |seats| {
            after_epoch(
                &params,
                ONE / 2,
                &offers(OfferOutcome::OnTime, seats),
                [],
                0,
            )
        };
        assert!(after(4) < after(5));
        assert_eq!(after(5), after(500));
    }

    /// Reputation, in parts of what one unit of stake is, of a roller that does 20 proofs an epoch and is hit 50 times for each unit.
    fn settled(params: &Params, stake: u64) -> u64 {
        let mut q = params.q_init;
        for _ in 0..500 {
            let hits = 50 * stake * q;
            let on_time = hits.min(20 * ONE);
            let epoch = EpochOffers {
                offered: hits,
                on_time,
                declined: hits - on_time,
                ..EpochOffers::default()
            };
            q = after_epoch(params, q, &epoch, [], 0);
        }
        stake * q
    }

    #[test]
    fn stake_beyond_ones_machines_counts_little() {
        let params = Params::default();
        let [one, four] = [1, 4].map(|stake| settled(&params, stake));
        assert!((ONE / 100 * 49..ONE / 100 * 51).contains(&one), "{one}");
        assert!(four < 2 * one, "{four} of {one}");
    }

    #[test]
    fn the_lowest_ratio_recovers_in_the_recovery_time() {
        let params = Params::default();
        let after = |elapsed_s| {
            after_epoch(
                &params,
                params.q_min,
                &EpochOffers::default(),
                [],
                elapsed_s,
            )
        };
        assert_eq!(after(params.recovery_s), params.q_init);
        assert_eq!(
            after(params.recovery_s / 2),
            params.q_min + (params.q_init - params.q_min) / 2
        );
        assert_eq!(after(10 * params.recovery_s), params.q_init);
    }

    #[test]
    fn an_offer_weighs_its_work() {
        let params = Params {
            reference_prover_gas: 1_000,
            ..Params::default()
        };
        assert_eq!(offer_weight(&params, 0), 1);
        assert_eq!(offer_weight(&params, 500), ONE / 2);
        assert_eq!(offer_weight(&params, u64::MAX), ONE);
    }
}
