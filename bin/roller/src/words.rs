//! Figures as people say them.

pub use rollmill_l1::digits as amount;

/// A duration in its largest unit that is not a fraction, rounded up.
pub fn duration(seconds: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let unit = UNITS.iter().find(|(length, _)| seconds >= 2 * length);
    let (length, name) = unit.copied().unwrap_or((1, "second"));
    rollmill_runtime::counted(seconds.div_ceil(length), name)
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
}
