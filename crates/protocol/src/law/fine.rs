//! What an invalid proof costs.
//!
//! `F = min(stake, max(F_MIN, multiple * B / k))` where `B / k = unit_price * g_est` is one seat's expected reward: in
//! proportion to what was at stake, never a share of the whole deposit, so that one bug or one bad disk cannot ruin an
//! honest roller, while a flood of garbage costs more than it could ever earn [invalid flood]. Lateness and silence
//! cost no stake at all. Exact: no division.

use super::Params;
use crate::{ids::ScrWei, prover_gas::ProverGas};

/// The fine before it is limited by the stake: the amount of stake that one open seat binds.
///
/// Saturates: a fine is in any case limited by the stake.
pub fn fine_full(params: &Params, unit_price: ScrWei, estimate: ProverGas) -> ScrWei {
    let per_seat = unit_price.0.saturating_mul(u128::from(estimate));
    ScrWei(
        per_seat
            .saturating_mul(u128::from(params.fine_multiple))
            .max(params.fine_min.0),
    )
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
}
