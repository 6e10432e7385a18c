//! New SCR for proving: a fixed pot per epoch.
//!
//! `pot(e) = floor(POT / 2^floor(e / HALVING))`, and nothing any more once it is below one unit; so all pots together stay below
//! `2 * POT * HALVING`, which is the hard cap. An epoch's pot is divided over the prover gas of rollup batches that settled in it:
//! `floor(pot * g_roller / g_total)`, the remainder is never minted. Because the pot does not grow with the work, heavy batches of
//! one's own only divide it finer: whoever stuffs the chain pays for the proofs of all and gets his old share [wash
//! proving, stuffing]. A batch counts up to `GAS_MAX`, and rollers that are linked to the sequencer do not count at all.

use crate::{
    ids::{Roller, ScrWei},
    prover_gas::ProverGas,
};
use alloc::{collections::BTreeMap, vec::Vec};
use alloy_primitives::U256;
use serde::{Deserialize, Serialize};

/// The schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EmissionParams {
    /// Pot of the first epoch.
    pub pot: ScrWei,
    /// Epochs after which the pot halves.
    pub halving_epochs: u64,
    /// Most prover gas of one batch that counts.
    pub batch_gas_max: ProverGas,
}

/// Pot of epoch `epoch`, from 0.
pub fn pot(params: &EmissionParams, epoch: u64) -> ScrWei {
    let halvings = epoch / params.halving_epochs.max(1);
    let shift = u32::try_from(halvings).unwrap_or(u32::MAX);
    ScrWei(params.pot.0.checked_shr(shift).unwrap_or(0))
}

/// What can ever be minted: all pots together never exceed it. Saturates.
pub fn cap(params: &EmissionParams) -> ScrWei {
    let cap = params
        .pot
        .0
        .saturating_mul(2)
        .saturating_mul(params.halving_epochs.max(1).into());
    ScrWei(cap)
}

/// Settled work of an epoch, by roller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettledWork {
    of: BTreeMap<Roller, u128>,
    total: u128,
}

impl SettledWork {
    /// Counts a settled batch.
    pub fn count(&mut self, params: &EmissionParams, roller: Roller, gas: ProverGas) {
        let gas = u128::from(gas.min(params.batch_gas_max));
        *self.of.entry(roller).or_default() += gas;
        self.total += gas;
    }

    /// Divides a pot; each share rounds down, so that the sum never exceeds it.
    pub fn divide(&self, pot: ScrWei) -> Vec<(Roller, ScrWei)> {
        let share = |gas: u128| {
            let share = U256::from(pot.0) * U256::from(gas) / U256::from(self.total.max(1));
            ScrWei(u128::try_from(share).expect("a share is at most the pot"))
        };
        self.of
            .iter()
            .map(|(roller, gas)| (*roller, share(*gas)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::Address;
    use proptest::{collection::vec, prelude::*};

    const PARAMS: EmissionParams = EmissionParams {
        pot: ScrWei::from_scr(1_000),
        halving_epochs: 100,
        batch_gas_max: 1_000,
    };

    proptest! {
        #[test]
        fn shares_never_exceed_the_pot(gas in vec((0u8..8, 0u64..5_000), 0..50), amount: u128) {
            let mut work = SettledWork::default();
            gas.iter().for_each(|(roller, gas)| work.count(&PARAMS, Address::repeat_byte(*roller), *gas));
            let shares = work.divide(ScrWei(amount));
            let sum = shares.iter().fold(U256::ZERO, |sum, (_, share)| sum + U256::from(share.0));
            prop_assert!(sum <= U256::from(amount));
        }

        #[test]
        fn stuffing_does_not_raise_the_stuffers_share(own in 1u64..1_000, others in 1u64..1_000, times in 1u64..50) {
            // Whoever proves a tenth of everything proves a tenth of what he stuffs; the rest of his fees is others' income.
            let emission = |stuffed: u64| {
                let mut work = SettledWork::default();
                (0..times * stuffed).for_each(|_| {
                    work.count(&PARAMS, Address::repeat_byte(1), own);
                    work.count(&PARAMS, Address::repeat_byte(2), others);
                });
                work.count(&PARAMS, Address::repeat_byte(1), own);
                work.count(&PARAMS, Address::repeat_byte(2), others);
                work.divide(PARAMS.pot)[0].1
            };
            prop_assert_eq!(emission(0), emission(1));
        }
    }

    #[test]
    fn pots_halve_and_end_below_the_cap() {
        assert_eq!(pot(&PARAMS, 0), PARAMS.pot);
        assert_eq!(pot(&PARAMS, 99), PARAMS.pot);
        assert_eq!(pot(&PARAMS, 100), ScrWei::from_scr(500));
        assert_eq!(pot(&PARAMS, u64::MAX), ScrWei::ZERO);
        let minted: u128 = (0..20_000).map(|epoch| pot(&PARAMS, epoch).0).sum();
        assert!(minted <= cap(&PARAMS).0 && minted > cap(&PARAMS).0 / 100 * 99);
    }

    #[test]
    fn a_batch_counts_up_to_its_cap() {
        let mut work = SettledWork::default();
        work.count(&PARAMS, Address::repeat_byte(1), 1_000_000);
        work.count(&PARAMS, Address::repeat_byte(2), 1_000);
        let shares = work.divide(ScrWei(10));
        assert_eq!((shares[0].1, shares[1].1), (ScrWei(5), ScrWei(5)));
        assert_eq!(SettledWork::default().divide(PARAMS.pot), []);
    }
}
