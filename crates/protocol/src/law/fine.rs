//! What an invalid proof costs.
//!
//! `F = min(stake, stake_min / 2, max(F_MIN, multiple * B / k))` where `B / k = unit_price * g_est` is one seat's expected reward: in
//! proportion to what was at stake, never a share of the whole deposit, so that one bug or one bad disk cannot ruin an
//! honest roller, while a flood of garbage costs more than it could ever earn [invalid flood]. Lateness and silence
//! cost no stake at all. Half of the least stake is the most for one proof, whatever price, work and parameters are: then no choice of
//! them takes a stake away, and a greater fine would deter nothing, because silence harms a task as much and is free.

use super::Params;
use crate::{ids::ScrWei, prover_gas::ProverGas};

/// A fine is at most one part in this many of the least stake that is drawn.
pub const STAKE_DIVISOR: u128 = 2;

/// The fine before it is limited by the roller's stake: the amount of stake that one open seat binds. Rounded down.
pub fn fine_full(params: &Params, unit_price: ScrWei, estimate: ProverGas) -> ScrWei {
    let per_seat = unit_price.0.saturating_mul(u128::from(estimate));
    let due = per_seat
        .saturating_mul(u128::from(params.fine_multiple))
        .max(params.fine_min.0);
    ScrWei(due.min(params.stake_min.0 / STAKE_DIVISOR))
}

/// The fine of a roller with `stake`.
pub fn fine(params: &Params, unit_price: ScrWei, estimate: ProverGas, stake: ScrWei) -> ScrWei {
    fine_full(params, unit_price, estimate).min(stake)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_proportional_between_its_bounds() {
        let params = Params {
            fine_min: ScrWei(10),
            ..Params::default()
        };
        let stake = ScrWei(1_000);
        assert_eq!(fine(&params, ScrWei(1), 1, stake), ScrWei(10));
        assert_eq!(fine(&params, ScrWei(1), 100, stake), ScrWei(400));
        assert_eq!(fine(&params, ScrWei(2), 100, stake), ScrWei(800));
        assert_eq!(fine(&params, ScrWei(3), 100, stake), stake);
        assert_eq!(
            fine(&params, ScrWei(u128::MAX), u64::MAX, ScrWei(5)),
            ScrWei(5)
        );
    }

    #[test]
    fn is_half_of_the_least_stake_at_most() {
        let params = Params::default();
        let half = ScrWei(params.stake_min.0 / 2);
        assert_eq!(fine_full(&params, ScrWei(u128::MAX), u64::MAX), half);
        let greedy = Params {
            fine_min: ScrWei(u128::MAX),
            ..params
        };
        assert_eq!(fine_full(&greedy, ScrWei(1), 1), half);
    }
}
