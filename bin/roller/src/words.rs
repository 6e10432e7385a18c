//! Figures as people say them.

use alloy_primitives::{U256, utils::format_ether};

/// A duration in its largest unit that is not a fraction, rounded up.
pub fn duration(seconds: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let unit = UNITS.iter().find(|(length, _)| seconds >= 2 * length);
    let (length, name) = unit.copied().unwrap_or((1, "second"));
    rollmill_runtime::counted(seconds.div_ceil(length), name)
}

/// An amount of SCR or ether without the zeros behind.
pub fn amount(wei: impl Into<U256>) -> String {
    let text = format_ether(wei.into());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_in_units_that_people_use() {
        for (seconds, words) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (119, "119 seconds"),
            (121, "3 minutes"),
            (7_200, "2 hours"),
            (172_800, "2 days"),
            (1_296_001, "16 days"),
        ] {
            assert_eq!(duration(seconds), words);
        }
    }

    #[test]
    fn amounts_have_no_idle_zeros() {
        let scr = U256::from(10).pow(U256::from(18));
        assert_eq!(amount(scr * U256::from(1_000)), "1000");
        assert_eq!(amount(scr / U256::from(4)), "0.25");
        assert_eq!(amount(U256::ZERO), "0");
        assert_eq!(amount(U256::from(1)), "0.000000000000000001");
    }
}
