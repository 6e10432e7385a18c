//! Stake and capacity that suit a machine, under the law and the dials of a rollup.
//!
//! A capacity above what the machine proves within T ends in late proofs, one below what its stake is drawn for in declined seats. Each seat
//! binds a fine's worth of stake.

use alloy_primitives::U256;
use eyre::ensure;
use rollmill_protocol::{
    ScrWei,
    law::{Params, deadline::deadline_s, fine::fine_full},
    prover_gas::ProverGas,
};
use rollmill_runtime::counted;

use crate::words;

/// Dials in force.
#[derive(Clone, Copy, Debug)]
pub struct Dials {
    /// SCR-wei per prover gas.
    pub unit_price_wei: u128,
    /// Nanoseconds of T per prover gas.
    pub tau_ns_per_gas: u64,
    /// Tasks open at once.
    pub window: u32,
}

/// What is proposed.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// Stake, SCR-wei.
    pub stake_wei: U256,
    /// Proofs at once.
    pub capacity: u32,
    /// Why.
    pub says: String,
}

/// Proposes, for a batch of `prover_gas` that takes `prove_seconds` here, if that was measured. Fails if the machine cannot prove it
/// within T.
pub fn propose(
    law: &Params,
    dials: Dials,
    prover_gas: ProverGas,
    prove_seconds: Option<f64>,
) -> eyre::Result<Proposal> {
    let limit_s = deadline_s(law, dials.tau_ns_per_gas, prover_gas);
    let limit = words::duration(limit_s);
    let (capacity, measured) = match prove_seconds {
        None => (1, "was not measured: one proof at a time".to_owned()),
        Some(seconds) => {
            let fits = (limit_s as f64 / seconds) as u32;
            ensure!(
                fits > 0,
                "a proof of the recorded batch takes {seconds:.0} s here, and T for it is {limit_s} s: this machine is too slow"
            );
            let capacity = fits.min(dials.window);
            let proofs = counted(capacity, "proof");
            (
                capacity,
                format!("takes {seconds:.0} s here: {proofs} in that time"),
            )
        }
    };
    let bound = fine_full(law, ScrWei(dials.unit_price_wei), prover_gas);
    let stake = bound.0.saturating_mul(capacity.into()).max(law.stake_min.0);
    // Whole SCR, rounded up.
    let stake_scr = stake.div_ceil(ScrWei::ONE_SCR.0);
    let says = format!(
        "T for the recorded batch is {limit}, and it {measured}\neach proof in work binds {} SCR, and with less than {} SCR nobody is drawn",
        words::amount(U256::from(bound.0)),
        words::amount(U256::from(law.stake_min.0))
    );
    Ok(Proposal {
        stake_wei: U256::from(stake_scr) * U256::from(ScrWei::ONE_SCR.0),
        capacity,
        says,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::registry::scr;

    /// T is 280 s for 10^9 gas, the fine 400 SCR.
    fn proposed(prove_seconds: Option<f64>) -> Result<Proposal, String> {
        let dials = Dials {
            unit_price_wei: 100_000_000_000,
            tau_ns_per_gas: 100,
            window: 4,
        };
        let proposed = propose(&Params::default(), dials, 1_000_000_000, prove_seconds);
        proposed.map_err(|error| error.to_string())
    }

    #[test]
    fn capacity_is_what_fits_into_t_and_stake_covers_it() {
        for (seconds, capacity, stake_scr) in [
            (Some(280.0), 1, 1_000),
            (Some(140.0), 2, 1_000),
            (Some(90.0), 3, 1_200),
            // Not more than are ever open at once.
            (Some(1.0), 4, 1_600),
            (None, 1, 1_000),
        ] {
            let proposal = proposed(seconds).unwrap();
            assert_eq!(proposal.capacity, capacity, "{seconds:?}");
            assert_eq!(proposal.stake_wei, scr(stake_scr), "{seconds:?}");
        }
    }

    #[test]
    fn a_machine_that_is_too_slow_is_told_so() {
        let refused = proposed(Some(281.0)).unwrap_err();
        assert!(refused.ends_with("this machine is too slow"), "{refused}");
    }
}
