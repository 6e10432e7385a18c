//! Quarantine of a program version: many invalid proofs at once are our bug, not the rollers'.
//!
//! L1 decides on it, because L1 alone takes stake: `Court` counts the rollers that it fined for a version, by the epoch that their
//! batches pinned. When they hold more than `SHARE` (10 %) of all stake, and are at least `ROLLERS_MIN` (3), the version is quarantined
//! until two more snapshots are on L1 ([`trusted_from`]). By stake and not by number, because names are free [amnesty by many names];
//! by verdicts of L1 and not of the operator, so that no lie of its quarantines anything.
//!
//! The board follows L1's event and counts the same epochs. In quarantine fines pause: nobody is brought before L1, the version's tasks
//! go to the fallback, and the accused stay out of the draw. Afterwards the accusations go on where they stopped, so that a flood of
//! garbage gains no pardon by being large; what was our fault is cleared by evidence on L1, and what L1 judges no more, because its time for the
//! batch is over, lapses. The first one to be fined then
//! quarantines the version again, so that a bug that stays costs one fine in two epochs.
//!
//! [`is_due`] is the reference for `Court` and what the simulator's L1 runs.

use super::{ONE, Ratio};
use crate::ids::ScrWei;
use serde::{Deserialize, Serialize};

/// When a version is quarantined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QuarantineParams {
    /// Share of all stake above which failures are ours.
    pub share: Ratio,
    /// Least number of rollers with an invalid proof.
    pub rollers_min: u32,
}

/// Invalid proofs for one version in one epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All stake.
    pub stake_total: ScrWei,
    /// Stake of the rollers with an invalid proof.
    pub stake_invalid: ScrWei,
    /// Number of those.
    pub rollers_invalid: u32,
}

/// Is the version to be quarantined?
pub fn is_due(params: &QuarantineParams, tally: &Tally) -> bool {
    let product = |amount: u128, ratio: u64| {
        alloy_primitives::U256::from(amount) * alloy_primitives::U256::from(ratio)
    };
    tally.rollers_invalid >= params.rollers_min
        && product(tally.stake_invalid.0, ONE) > product(tally.stake_total.0, params.share)
}

/// Epochs after the running one in which a quarantine still holds (`AmountsLib.QUARANTINE_EPOCHS`).
const QUARANTINE_EPOCHS: u64 = 1;

/// The epoch in which a version is trusted again that is quarantined while `epoch` is the last one on L1.
pub fn trusted_from(epoch: u64) -> u64 {
    epoch.saturating_add(QUARANTINE_EPOCHS + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMS: QuarantineParams = QuarantineParams {
        share: ONE / 10,
        rollers_min: 3,
    };

    fn tally(total: u128, invalid: u128, rollers_invalid: u32) -> Tally {
        Tally {
            stake_total: ScrWei(total),
            stake_invalid: ScrWei(invalid),
            rollers_invalid,
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

    #[test]
    fn it_holds_for_the_running_and_the_next_epoch() {
        assert_eq!(trusted_from(7), 9);
        assert_eq!(trusted_from(u64::MAX), u64::MAX);
    }
}
