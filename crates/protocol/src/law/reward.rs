//! What one batch pays.
//!
//! `B = unit_price * k * g` with the *proven* prover gas g. Pay follows proving work, not EVM gas; the factor k keeps a
//! seat's expected income the same when more rollers are drawn for safety. The unit price is fixed when the batch is
//! committed. Exact: no division.

use crate::{ids::ScrWei, prover_gas::ProverGas};

/// The reward of a batch; `None` when it exceeds 128 bits.
pub fn reward(unit_price: ScrWei, k: u32, proven: ProverGas) -> Option<ScrWei> {
    unit_price
        .0
        .checked_mul(u128::from(k))?
        .checked_mul(u128::from(proven))
        .map(ScrWei)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_linear_and_checked() {
        assert_eq!(reward(ScrWei(7), 3, 1_000), Some(ScrWei(21_000)));
        assert_eq!(reward(ScrWei(u128::MAX), 2, 1), None);
    }
}
