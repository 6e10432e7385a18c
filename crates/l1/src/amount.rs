//! Amounts as people read them: in whole units, with the decimals that they have and the unit's name.

use alloy::primitives::{U256, utils::format_ether};

/// `0.5 ether`, of so many wei.
pub fn ether(wei: U256) -> String {
    in_units(wei, "ether")
}

/// `1000 SCR`, of so many SCR-wei.
pub fn scr(wei: U256) -> String {
    in_units(wei, "SCR")
}

/// `0.25`, of so many wei: for sentences that name the unit.
pub fn digits(wei: U256) -> String {
    let digits = format_ether(wei);
    digits
        .trim_end_matches('0')
        .trim_end_matches('.')
        .to_owned()
}

/// Whole units of so many wei, with a float's digits: for metrics, never for money.
pub fn units(wei: U256) -> f64 {
    f64::from(wei) / 1e18
}

fn in_units(wei: U256, unit: &str) -> String {
    format!("{} {unit}", digits(wei))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_the_decimals_that_they_need() {
        let one = 1_000_000_000_000_000_000u128;
        assert_eq!(scr(U256::from(1_000) * U256::from(one)), "1000 SCR");
        assert_eq!(ether(U256::from(one / 4)), "0.25 ether");
        assert_eq!(ether(U256::ONE), "0.000000000000000001 ether");
        assert_eq!(scr(U256::ZERO), "0 SCR");
        assert_eq!(units(U256::from(one / 4)), 0.25);
        let much =
            "115792089237316195423570985008687907853269984665640564039457.584007913129639935";
        assert_eq!(scr(U256::MAX), format!("{much} SCR"));
    }
}
