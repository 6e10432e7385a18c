//! What data and proving should cost, and the step towards it that the fee schedule takes. Pure: what things cost is an argument.
//!
//! | price | follows |
//! |---|---|
//! | data | L1's prices of gas and of blob gas, times what the newest batches' data took there of both, over the data gas that their users were charged for |
//! | proving | what rollers get for one prover gas (unit price times k) in ether, times the prover gas of the newest batches over that which was counted for their users |
//!
//! So all users together pay what all batches together cost: what the compressor saves, and the roots and witnesses that they share,
//! are in the price. A batch that holds next to nothing costs many times what is charged for; that is the operator's, who
//! could have waited for more: at most [`SHARED_MAX`] times the charged units are passed on.
//!
//! The schedule on L2 bounds what comes of it ([`step`]): a price may fall to anything, and rise to twice what it was, or to a first step
//! if that is more, once an hour.

use alloy_eips::eip4844::DATA_GAS_PER_BLOB;
use alloy_primitives::U256;
use rollmill_engine::stf::fees::FeePrices;

use crate::batcher::BLOB_COMMIT_GAS;

/// Seconds from one rise to the next by the schedule, and those for which a block can be open at most: its timestamp counts.
pub(crate) const RISE_S: u64 = 3_600 + 60;
/// Most units of a batch that one charged unit pays for.
const SHARED_MAX: u64 = 4;
/// SCR-wei of one SCR.
const SCR: u64 = 1_000_000_000_000_000_000;

/// What the schedule takes; a test compares it with the contract.
struct Bounds {
    /// Reached at once from any price below its half.
    step_wei: u128,
    /// Never exceeded.
    max_wei: u128,
}

const DATA: Bounds = Bounds {
    step_wei: 1_000_000_000,
    max_wei: 1_000_000_000_000,
};
const PROVING: Bounds = Bounds {
    step_wei: 100_000,
    max_wei: 100_000_000,
};

impl Bounds {
    fn most_after(&self, wei: u128) -> u128 {
        wei.saturating_mul(2).max(self.step_wei).min(self.max_wei)
    }
}

/// How the operator charges for what things cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeePolicy {
    /// Wei of ether for one SCR.
    pub scr_price_wei: u128,
    /// Charged on top of the costs, per cent.
    pub margin_percent: u32,
    /// A price stays while it is within so many per cent of what it should be.
    pub band_percent: u32,
}

/// What the newest batches used, and what of it their users were charged for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchUse {
    /// How many batches.
    pub batches: u64,
    /// Their data on L1 that is calldata.
    pub data_bytes: u64,
    /// How many have their data in a blob.
    pub blobs: u64,
    /// Data gas that users were charged for.
    pub charged_data_gas: u64,
    /// Prover gas.
    pub prover_gas: u64,
    /// Of which users were charged for so much.
    pub charged_prover_gas: u64,
}

/// What data and proving cost the operator and the rollers' pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Costs {
    /// Wei for one gas on L1.
    pub l1_gas_wei: u128,
    /// Wei for one gas of a blob there.
    pub l1_blob_gas_wei: u128,
    /// SCR-wei that rollers get for one prover gas: the unit price times k.
    pub reward_scr_wei: u128,
    /// How much of both the newest batches used.
    pub recent: BatchUse,
}

impl Costs {
    /// What users should pay, rounded up, within what the schedule takes at all.
    pub fn prices(&self, policy: &FeePolicy) -> FeePrices {
        let recent = &self.recent;
        let margin = U256::from(100) + U256::from(policy.margin_percent);
        let price = |(cost, charged): (U256, U256), bounds: &Bounds| {
            let wei = cost
                .saturating_mul(margin)
                .div_ceil(charged * U256::from(100));
            wei.saturating_to::<u128>().min(bounds.max_wei)
        };
        let reward = U256::from(self.reward_scr_wei);
        let reward = reward.saturating_mul(U256::from(policy.scr_price_wei));
        let reward = reward.div_ceil(U256::from(SCR));
        let proving = reward.saturating_mul(U256::from(recent.prover_gas));
        let l1_gas = U256::from(self.l1_gas_wei);
        let data = shared(self.data_wei(), recent.charged_data_gas, l1_gas);
        FeePrices {
            data_wei: price(data, &DATA),
            proving_wei: price(shared(proving, recent.charged_prover_gas, reward), &PROVING),
        }
    }

    /// What the newest batches' data took on L1: calldata at the floor (EIP-7623), whose compressed bytes are hardly ever zero, and blobs.
    fn data_wei(&self) -> U256 {
        const GAS_PER_BYTE: u64 = 40;
        let BatchUse {
            data_bytes, blobs, ..
        } = self.recent;
        let gas = data_bytes.saturating_mul(GAS_PER_BYTE);
        let gas = gas.saturating_add(blobs.saturating_mul(BLOB_COMMIT_GAS));
        let blob_gas = blobs.saturating_mul(DATA_GAS_PER_BLOB);
        let wei = |gas: u64, price: u128| U256::from(gas).saturating_mul(U256::from(price));
        wei(gas, self.l1_gas_wei).saturating_add(wei(blob_gas, self.l1_blob_gas_wei))
    }
}

/// What units cost of which so many were charged for, as a fraction: a unit's own price until one was, and not more than [`SHARED_MAX`] times
/// that price.
fn shared(cost: U256, charged: u64, price: U256) -> (U256, U256) {
    if charged == 0 {
        return (price, U256::ONE);
    }
    let charged = U256::from(charged);
    let most = price.saturating_mul(charged * U256::from(SHARED_MAX));
    (cost.min(most), charged)
}

/// The prices to set now on the way from those in force to those that should be: each that is off by more than the band goes as far as it
/// may. None when there is nothing to change, or what is too low may not rise yet.
pub fn step(
    in_force: FeePrices,
    should: FeePrices,
    may_rise: bool,
    band_percent: u32,
) -> Option<FeePrices> {
    let towards = |is: u128, should: u128, bounds: &Bounds| {
        let off = is.abs_diff(should).saturating_mul(100);
        if off <= should.saturating_mul(band_percent.into()) {
            return is;
        }
        let most = if may_rise { bounds.most_after(is) } else { is };
        should.min(most)
    };
    let next = FeePrices {
        data_wei: towards(in_force.data_wei, should.data_wei, &DATA),
        proving_wei: towards(in_force.proving_wei, should.proving_wei, &PROVING),
    };
    (next != in_force).then_some(next)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POLICY: FeePolicy = FeePolicy {
        // A ten-thousandth of an ether.
        scr_price_wei: 100_000_000_000_000,
        margin_percent: 10,
        band_percent: 10,
    };

    fn prices(data_wei: u128, proving_wei: u128) -> FeePrices {
        FeePrices {
            data_wei,
            proving_wei,
        }
    }

    /// 10 gwei on L1; the default unit price three times.
    fn costs() -> Costs {
        Costs {
            l1_gas_wei: 10_000_000_000,
            l1_blob_gas_wei: 1_000_000_000,
            reward_scr_wei: 300_000_000_000,
            recent: BatchUse {
                batches: 1,
                data_bytes: 920,
                blobs: 0,
                charged_data_gas: 47_000,
                prover_gas: 1_000_000,
                charged_prover_gas: 560_000,
            },
        }
    }

    #[test]
    fn users_pay_what_batches_cost_and_the_margin() {
        // 36,800 gas of L1 for 47,000; 3e7 wei for a prover gas, of which 100 are used for 56 that are charged.
        let expected = prices(8_612_765_958, 58_928_572);
        assert_eq!(costs().prices(&POLICY), expected);
        let at_cost = FeePolicy {
            margin_percent: 0,
            ..POLICY
        };
        assert_eq!(costs().prices(&at_cost), prices(7_829_787_235, 53_571_429));
    }

    #[test]
    fn until_somebody_was_charged_a_unit_costs_a_unit() {
        let new = Costs {
            recent: BatchUse::default(),
            ..costs()
        };
        assert_eq!(new.prices(&POLICY), prices(11_000_000_000, 33_000_000));
        // Messages alone use both and are charged neither.
        let messages = BatchUse {
            batches: 1,
            data_bytes: 100,
            prover_gas: 1_000_000,
            ..BatchUse::default()
        };
        let of_messages = Costs {
            recent: messages,
            ..new
        };
        assert_eq!(of_messages.prices(&POLICY), new.prices(&POLICY));
    }

    #[test]
    fn users_do_not_pay_for_batches_that_are_nearly_empty() {
        let mut empty = costs();
        empty.recent.data_bytes = 1_000_000;
        empty.recent.prover_gas = u64::MAX;
        let shared = empty.prices(&POLICY);
        assert_eq!(shared.data_wei, 4 * 11_000_000_000);
        assert_eq!(shared.proving_wei, PROVING.max_wei);
        empty.reward_scr_wei /= 10;
        assert_eq!(empty.prices(&POLICY).proving_wei, 4 * 3_300_000);
    }

    #[test]
    fn data_in_blobs_costs_what_blobs_cost() {
        let mut in_blobs = costs();
        (in_blobs.recent.data_bytes, in_blobs.recent.blobs) = (0, 1);
        in_blobs.recent.charged_data_gas = 1_000_000;
        // 100,000 gas at 10 gwei and 131,072 of the blob at 1 gwei, for a million charged, and a tenth more.
        assert_eq!(in_blobs.prices(&POLICY).data_wei, 1_244_179_200);
    }

    #[test]
    fn prices_stop_at_the_schedules_bounds() {
        let absurd = Costs {
            l1_gas_wei: u128::MAX,
            reward_scr_wei: u128::MAX,
            ..costs()
        };
        let policy = FeePolicy {
            scr_price_wei: u128::MAX,
            margin_percent: u32::MAX,
            ..POLICY
        };
        let highest = prices(DATA.max_wei, PROVING.max_wei);
        assert_eq!(absurd.prices(&policy), highest);
        assert_eq!(Costs::default().prices(&policy), prices(0, 0));
    }

    #[test]
    fn prices_stay_within_the_band() {
        let should = prices(1_000, 1_000);
        for near in [prices(900, 1_000), prices(1_100, 900), prices(1_000, 1_100)] {
            assert_eq!(step(near, should, true, 10), None, "{near:?}");
        }
        for off in [prices(899, 1_000), prices(1_000, 1_101), prices(0, 1_000)] {
            assert_eq!(step(off, should, true, 10), Some(should), "{off:?}");
        }
        // One that is near does not follow the other.
        let off = prices(500, 950);
        assert_eq!(step(off, should, true, 10), Some(prices(1_000, 950)));
    }

    #[test]
    fn what_may_not_rise_waits_and_what_is_too_high_falls() {
        let should = prices(50_000_000_000, 70_000);
        let is = prices(10_000_000_000, 90_000);
        let falls = prices(10_000_000_000, 70_000);
        assert_eq!(step(is, should, false, 10), Some(falls));
        assert_eq!(step(falls, should, false, 10), None);
        let rises = prices(20_000_000_000, 70_000);
        assert_eq!(step(falls, should, true, 10), Some(rises));
        // From nothing to the first step at once.
        let first = prices(1_000_000_000, 70_000);
        assert_eq!(step(prices(0, 0), should, true, 10), Some(first));
    }

    fn any_price(bounds: Bounds) -> impl Strategy<Value = u128> {
        prop_oneof![0..=bounds.max_wei, 0..=2 * bounds.step_wei, Just(0)]
    }

    fn any_prices() -> impl Strategy<Value = FeePrices> {
        (any_price(DATA), any_price(PROVING)).prop_map(|(data, proving)| prices(data, proving))
    }

    proptest! {
        /// The rules of the contract, in its own words.
        #[test]
        fn no_step_is_refused(is in any_prices(), should in any_prices(), may_rise in any::<bool>(), band in 1..=100u32) {
            let Some(next) = step(is, should, may_rise, band) else {
                return Ok(());
            };
            prop_assert_ne!(next, is);
            for (from, to, first, max) in [
                (is.data_wei, next.data_wei, 1_000_000_000, 1_000_000_000_000),
                (is.proving_wei, next.proving_wei, 100_000, 100_000_000),
            ] {
                prop_assert!(to <= from || (may_rise && to <= max && to <= first.max(2 * from)));
            }
        }

        /// Ten doublings are the whole way.
        #[test]
        fn prices_arrive(is in any_prices(), should in any_prices(), band in 1..=100u32) {
            let mut is = is;
            for _ in 0..11 {
                is = step(is, should, true, band).unwrap_or(is);
            }
            prop_assert_eq!(step(is, should, true, band), None);
            let near = |is: u128, should: u128| is.abs_diff(should) * 100 <= should * u128::from(band);
            prop_assert!(near(is.data_wei, should.data_wei) && near(is.proving_wei, should.proving_wei));
        }

        /// What all users of those batches would have paid covers what L1 and the pool paid for them.
        #[test]
        fn users_pay_no_less_than_batches_cost(
            l1_gas_wei in 1..100_000_000_000u128,
            reward_scr_wei in 1..1_000_000_000_000u128,
            charged_data_gas in 1..1_000_000_000u64,
            charged_prover_gas in 1..1_000_000_000u64,
            (bytes, gas) in (0..100u64, 0..400u64),
        ) {
            // Up to four times what is charged for.
            let recent = BatchUse {
                batches: 1,
                data_bytes: charged_data_gas * bytes / 1_000,
                blobs: 0,
                charged_data_gas,
                prover_gas: charged_prover_gas * gas / 100,
                charged_prover_gas,
            };
            let costs = Costs { l1_gas_wei, l1_blob_gas_wei: 0, reward_scr_wei, recent };
            let at_cost = FeePolicy { margin_percent: 0, ..POLICY };
            let FeePrices { data_wei, proving_wei } = costs.prices(&at_cost);
            let data = l1_gas_wei * u128::from(40 * recent.data_bytes);
            prop_assert!(data_wei * u128::from(charged_data_gas) >= data || data_wei == DATA.max_wei);
            let proving = reward_scr_wei * u128::from(recent.prover_gas) / 10_000;
            prop_assert!(proving_wei * u128::from(charged_prover_gas) >= proving || proving_wei == PROVING.max_wei);
        }
    }
}
