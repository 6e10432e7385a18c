//! The time limit T of a task.
//!
//! `T = clamp(T_MIN, T_MAX, T_FIX + ceil(tau * g_est))`, from each seat's own assignment. It grows with the estimated
//! proving work, so that a heavy task can be finished at all, and is bounded above, so that nobody can sit on one for ever.
//! Rounding up favours the roller by less than a second.

use super::Params;
use crate::prover_gas::ProverGas;

/// T in seconds for a task of `estimate` prover gas.
pub fn deadline_s(params: &Params, estimate: ProverGas) -> u64 {
    let work_ns = u128::from(estimate) * u128::from(params.tau_ns_per_gas);
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
            tau_ns_per_gas: 1_000_000_000,
            ..Params::default()
        };
        assert_eq!(deadline_s(&params, 0), 10);
        assert_eq!(deadline_s(&params, 20), 25);
        assert_eq!(deadline_s(&params, 95), 100);
        assert_eq!(deadline_s(&params, u64::MAX), 100);
        assert_eq!(
            deadline_s(
                &Params {
                    tau_ns_per_gas: 1,
                    ..params
                },
                30
            ),
            10
        );
    }

    proptest! {
        #[test]
        fn never_shrinks_when_work_grows(a: u64, b: u64) {
            let params = Params::default();
            prop_assert!(deadline_s(&params, a.min(b)) <= deadline_s(&params, a.max(b)));
        }
    }
}
