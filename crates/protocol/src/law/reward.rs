//! What one batch pays.
//!
//! `B = unit_price * k * g` with the *proven* prover gas g. Pay follows proving work, not EVM gas; the factor k keeps a
//! seat's expected income the same when more rollers are drawn for safety. The unit price is fixed when the batch is
//! committed. Exact: no division.
//!
//! The pool pays for a tenth more than what was declared at the commit, at most; the operator's bond pays what exceeds it
//! [under-declared work].

use crate::{ids::ScrWei, prover_gas::ProverGas};

/// The reward of a batch; `None` when it exceeds 128 bits.
pub fn reward(unit_price: ScrWei, k: u32, proven: ProverGas) -> Option<ScrWei> {
    unit_price
        .0
        .checked_mul(u128::from(k))?
        .checked_mul(u128::from(proven))
        .map(ScrWei)
}

/// The part of the proven prover gas that was declared, with a tenth of tolerance, rounded down.
pub fn covered(declared: ProverGas, proven: ProverGas) -> ProverGas {
    let tolerated = u128::from(declared) * 11 / 10;
    proven.min(u64::try_from(tolerated).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_more_than_declared_is_covered() {
        assert_eq!(covered(100, 110), 110);
        assert_eq!(covered(100, 111), 110);
        assert_eq!(covered(9, 10), 9, "9.9 is rounded down");
        assert_eq!(covered(u64::MAX, u64::MAX), u64::MAX);
        assert_eq!(covered(0, 1), 0);
    }

    #[test]
    fn is_linear_and_checked() {
        assert_eq!(reward(ScrWei(7), 3, 1_000), Some(ScrWei(21_000)));
        assert_eq!(reward(ScrWei(u128::MAX), 2, 1), None);
    }
}
