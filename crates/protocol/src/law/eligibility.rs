//! Who may take one more seat.
//!
//! A roller is eligible while its open seats are fewer than its *counted* capacity:
//! `min(declared, ceil(HEADROOM * peak), floor(stake / F))`, where *peak* is the most proofs that it had in work at once when it
//! delivered on time in the last eight epochs; a newcomer counts 2, one in work and one that waits. Declaring more than one can do earns nothing
//! [sham capacity], and open seats never bind more stake than there is to be fined. The product rounds up, so that a peak of
//! 1 allows 2 and everybody can grow.
//!
//! A drain stops offers at once and without penalty, but not for less than `DRAIN_MIN_S`: otherwise one could drain whenever one's
//! machines are busy and never be seen to decline [drain to dodge].
//!
//! Whoever passes a roller over answers for its reason, which is signed and posted on L1 ([`super::rounds`]): what L1 or the operator's
//! own receipts contradict is evidence there (`Draws`), and the audit makes every draw again.

use super::{ONE, Params};
use crate::ids::ScrWei;
use serde::{Deserialize, Serialize};

/// What decides on one roller for one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Has declared itself ready on L1.
    pub ready: bool,
    /// Drains, or rests after a drain.
    pub draining: bool,
    /// Stake now, not in the snapshot: unbonding and fines count at once.
    pub stake: ScrWei,
    /// Capacity declared on L1.
    pub capacity_declared: u32,
    /// Most proofs in work at once when it delivered on time; 0 for a newcomer.
    pub peak: u32,
    /// Seats that it holds now.
    pub seats_open: u32,
    /// Was heard within the heartbeat time.
    pub alive: bool,
    /// Has sent an invalid proof on which L1 has not decided yet.
    pub accused: bool,
}

/// Why a roller that was hit does not get the seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PassedOver {
    /// It is not ready on L1.
    NotReady,
    /// Its stake fell below the minimum.
    StakeTooLow,
    /// No heartbeat.
    Silent,
    /// It is accused of an invalid proof.
    Accused,
    /// All of its counted capacity is in use. The only reason that counts as an offer: see [`Self::is_offer`].
    AtCapacity,
    /// It drains, or did so too short a time ago.
    Draining,
}

/// All reasons, each at the place of its code.
const REASONS: [PassedOver; 6] = [
    PassedOver::NotReady,
    PassedOver::StakeTooLow,
    PassedOver::Silent,
    PassedOver::Accused,
    PassedOver::AtCapacity,
    PassedOver::Draining,
];

impl PassedOver {
    /// Does the hit count as a (declined) offer?
    ///
    /// Only lack of capacity does: a whale that is drawn more often than it can work must sink to its real size [idle
    /// whale]. The other reasons are known beforehand and stop offers without penalty.
    pub fn is_offer(self) -> bool {
        self == Self::AtCapacity
    }

    /// The code in receipts and in posted draws.
    pub fn code(self) -> u8 {
        match self {
            Self::NotReady => 0,
            Self::StakeTooLow => 1,
            Self::Silent => 2,
            Self::Accused => 3,
            Self::AtCapacity => 4,
            Self::Draining => 5,
        }
    }

    /// The reason with this code.
    pub fn of_code(code: u8) -> Option<Self> {
        REASONS.get(usize::from(code)).copied()
    }
}

/// Seats that a roller has shown that it can fill: `min(declared, ceil(headroom * peak))`, at least a newcomer's.
pub fn capacity_proven(params: &Params, declared: u32, peak: u32) -> u32 {
    let proven = match peak {
        0 => params.capacity_newcomer,
        peak => {
            let headroom = (u64::from(peak) * params.capacity_headroom).div_ceil(ONE);
            u32::try_from(headroom)
                .unwrap_or(u32::MAX)
                .max(params.capacity_newcomer)
        }
    };
    declared.min(proven)
}

/// Seats that a roller may hold at once, for tasks whose full fine is `fine_full` (> 0).
pub fn capacity_counted(params: &Params, candidate: &Candidate, fine_full: ScrWei) -> u32 {
    let proven = capacity_proven(params, candidate.capacity_declared, candidate.peak);
    let covered = candidate
        .stake
        .0
        .checked_div(fine_full.0)
        .unwrap_or(u128::MAX);
    let covered = u32::try_from(covered).unwrap_or(u32::MAX);
    proven.min(covered)
}

/// May the roller take one more seat?
pub fn check(params: &Params, candidate: &Candidate, fine_full: ScrWei) -> Result<(), PassedOver> {
    if !candidate.ready {
        return Err(PassedOver::NotReady);
    }
    if candidate.stake < params.stake_min {
        return Err(PassedOver::StakeTooLow);
    }
    if candidate.accused {
        return Err(PassedOver::Accused);
    }
    if candidate.draining {
        return Err(PassedOver::Draining);
    }
    if !candidate.alive {
        return Err(PassedOver::Silent);
    }
    if candidate.seats_open >= capacity_counted(params, candidate, fine_full) {
        return Err(PassedOver::AtCapacity);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Newcomers count one seat, others a quarter more than they have shown.
    fn params() -> Params {
        Params {
            capacity_headroom: ONE / 4 * 5,
            capacity_newcomer: 1,
            ..Params::default()
        }
    }

    fn candidate() -> Candidate {
        Candidate {
            ready: true,
            draining: false,
            stake: ScrWei::from_scr(1_000),
            capacity_declared: 10,
            peak: 0,
            seats_open: 0,
            alive: true,
            accused: false,
        }
    }

    #[test]
    fn capacity_is_the_least_of_declared_proven_and_covered() {
        let params = params();
        let small = ScrWei(1);
        let counted = |candidate: Candidate, fine| capacity_counted(&params, &candidate, fine);
        assert_eq!(counted(candidate(), small), 1);
        assert_eq!(
            counted(
                Candidate {
                    peak: 1,
                    ..candidate()
                },
                small
            ),
            2
        );
        assert_eq!(
            counted(
                Candidate {
                    peak: 2,
                    ..candidate()
                },
                small
            ),
            3
        );
        assert_eq!(
            counted(
                Candidate {
                    peak: 4,
                    ..candidate()
                },
                small
            ),
            5
        );
        assert_eq!(
            counted(
                Candidate {
                    peak: 100,
                    ..candidate()
                },
                small
            ),
            10
        );
        assert_eq!(
            counted(
                Candidate {
                    peak: 8,
                    ..candidate()
                },
                ScrWei::from_scr(300)
            ),
            3
        );
        assert_eq!(
            counted(
                Candidate {
                    peak: u32::MAX,
                    capacity_declared: u32::MAX,
                    ..candidate()
                },
                small
            ),
            u32::MAX
        );
    }

    #[test]
    fn each_reason_has_its_code() {
        for (code, reason) in (0..).zip(REASONS) {
            assert_eq!(reason.code(), code);
            assert_eq!(PassedOver::of_code(code), Some(reason));
        }
        assert_eq!(PassedOver::of_code(6), None);
    }

    #[test]
    fn each_reason_is_named() {
        let params = params();
        let verdict = |candidate: Candidate| check(&params, &candidate, ScrWei(1));
        assert_eq!(verdict(candidate()), Ok(()));
        assert_eq!(
            verdict(Candidate {
                ready: false,
                ..candidate()
            }),
            Err(PassedOver::NotReady)
        );
        assert_eq!(
            verdict(Candidate {
                stake: ScrWei(1),
                ..candidate()
            }),
            Err(PassedOver::StakeTooLow)
        );
        assert_eq!(
            verdict(Candidate {
                accused: true,
                ..candidate()
            }),
            Err(PassedOver::Accused)
        );
        assert_eq!(
            verdict(Candidate {
                draining: true,
                ..candidate()
            }),
            Err(PassedOver::Draining)
        );
        assert_eq!(
            verdict(Candidate {
                alive: false,
                ..candidate()
            }),
            Err(PassedOver::Silent)
        );
        assert_eq!(
            verdict(Candidate {
                seats_open: 1,
                ..candidate()
            }),
            Err(PassedOver::AtCapacity)
        );
    }
}
