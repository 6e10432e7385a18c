//! Quarantine of a program version: many invalid proofs at once are our bug, not the rollers'.
//!
//! A version is quarantined when, within one epoch, rollers whose submissions for it were rejected hold more than
//! `SHARE` (10 %) of the stake of all rollers that submitted for it, and are at least `ROLLERS_MIN` (3). By stake and not by number,
//! because names are free [amnesty by many names].
//!
//! In quarantine fines pause: nobody is brought before L1, the version's tasks go to the fallback, and the accused stay out of the
//! draw. When the quarantine is lifted the accusations go on where they stopped, so a flood of garbage gains no pardon by
//! being large; what was our fault is cleared by evidence on L1.

use super::{ONE, Ratio};
use crate::ids::ScrWei;
use serde::{Deserialize, Serialize};

/// When a version is quarantined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QuarantineParams {
    /// Share of the submitters' stake above which their failures are ours.
    pub share: Ratio,
    /// Least number of rollers with a rejected submission.
    pub rollers_min: u32,
}

/// Submissions for one version in one epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Stake of all rollers that submitted.
    pub stake_submitted: ScrWei,
    /// Stake of those with a rejected submission.
    pub stake_rejected: ScrWei,
    /// Number of those.
    pub rollers_rejected: u32,
}

/// Is the version to be quarantined?
pub fn is_due(params: &QuarantineParams, tally: &Tally) -> bool {
    let product = |amount: u128, ratio: u64| {
        alloy_primitives::U256::from(amount) * alloy_primitives::U256::from(ratio)
    };
    tally.rollers_rejected >= params.rollers_min
        && product(tally.stake_rejected.0, ONE) > product(tally.stake_submitted.0, params.share)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMS: QuarantineParams = QuarantineParams {
        share: ONE / 10,
        rollers_min: 3,
    };

    fn tally(submitted: u128, rejected: u128, rollers_rejected: u32) -> Tally {
        Tally {
            stake_submitted: ScrWei(submitted),
            stake_rejected: ScrWei(rejected),
            rollers_rejected,
        }
    }

    #[test]
    fn more_than_a_tenth_of_the_stake_in_three_names() {
        assert!(is_due(&PARAMS, &tally(1_000, 101, 3)));
        assert!(!is_due(&PARAMS, &tally(1_000, 100, 3)));
        assert!(!is_due(&PARAMS, &tally(1_000, 1_000, 2)));
        assert!(!is_due(&PARAMS, &tally(0, 0, 0)));
    }

    #[test]
    fn names_without_stake_do_not_count() {
        assert!(!is_due(&PARAMS, &tally(1_000_000, 10, 500)));
        assert!(is_due(&PARAMS, &tally(u128::MAX, u128::MAX, 3)));
    }
}
