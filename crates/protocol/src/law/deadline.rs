//! The time limit T of a task.
//!
//! `T = clamp(T_MIN, T_MAX, T_FIX + ceil(tau * g_est))`, from each seat's own assignment. It grows with the estimated
//! proving work, so that a heavy task can be finished at all, and is bounded above, so that nobody can sit on one for ever.
//! tau is a dial ([`super::control`]); a task keeps the tau of the epoch that its commit pinned. Rounding up favours the roller
//! by less than a second.

use super::Params;
use crate::prover_gas::ProverGas;

/// T in seconds for a task of `estimate` prover gas at `tau_ns_per_gas`.
pub fn deadline_s(params: &Params, tau_ns_per_gas: u64, estimate: ProverGas) -> u64 {
    let work_ns = u128::from(estimate) * u128::from(tau_ns_per_gas);
    let work_s = u64::try_from(work_ns.div_ceil(1_000_000_000)).unwrap_or(u64::MAX);
    params
        .t_fix_s
        .saturating_add(work_s)
        .clamp(params.t_min_s, params.t_max_s)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn grows_with_work_between_its_bounds() {
        let params = Params {
            t_min_s: 10,
            t_max_s: 100,
            t_fix_s: 5,
            ..Params::default()
        };
        let at_one_second = |gas| deadline_s(&params, 1_000_000_000, gas);
        assert_eq!(at_one_second(0), 10);
        assert_eq!(at_one_second(20), 25);
        assert_eq!(at_one_second(95), 100);
        assert_eq!(at_one_second(u64::MAX), 100);
        assert_eq!(deadline_s(&params, 1, 30), 10);
    }

    proptest! {
        #[test]
        fn never_shrinks_when_work_grows(tau: u64, a: u64, b: u64) {
            let params = Params::default();
            prop_assert!(deadline_s(&params, tau, a.min(b)) <= deadline_s(&params, tau, a.max(b)));
        }
    }
}
