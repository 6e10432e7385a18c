//! The operator's bond: the sequencer is answerable, too.
//!
//! `required = 2 * (rewards inside the challenge window) + WINDOW * F`: whatever it could keep from rollers in the time in which it
//! can be challenged is covered twice, and so is a fine for each open task. No commits while the bond is short.
//!
//! A proven wrong costs, by kind of evidence:
//!
//! | evidence | amount |
//! |---|---|
//! | contradictory receipts, a draw not from the snapshot, a false pass-over | `max(2 B, F)` |
//! | a posted submission that was dropped, a settlement later than `SETTLE_S` with a receipt, a lottery beacon that nobody stored | `2 B` |
//!
//! Half of it (rounded up) goes to the damaged roller, half is burned: a roller gets at least the whole reward of which it was
//! deprived of a chance, and nobody can earn by being the operator's victim on purpose, because half is gone [own victim].
//! Open accusations are limited to `floor(bond / cost of a rebuttal)` [mass accusation].

use crate::ids::ScrWei;
use serde::{Deserialize, Serialize};

/// What is held against the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Evidence {
    /// Two signed receipts that cannot both be true.
    ContradictoryReceipts,
    /// A seat or an entry that does not follow from the snapshot and the beacon, or a draw that was not posted.
    WrongDraw,
    /// A roller was passed over for a reason that did not hold.
    FalsePassOver,
    /// A submission was posted on L1 in time and neither entered nor rejected.
    DroppedSubmission,
    /// A winner with a receipt was not settled within `SETTLE_S`.
    LateSettlement,
    /// Nobody stored the lottery's beacon while it could be proven.
    LostBeacon,
}

impl Evidence {
    /// All kinds, in the order of L1's `Offence`.
    pub const ALL: [Self; 6] = [
        Self::ContradictoryReceipts,
        Self::WrongDraw,
        Self::FalsePassOver,
        Self::DroppedSubmission,
        Self::LateSettlement,
        Self::LostBeacon,
    ];
}

/// A loss of the bond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// To the roller that was damaged.
    pub to_roller: ScrWei,
    /// Destroyed.
    pub burned: ScrWei,
}

/// Bond below which nothing may be committed. Saturates.
pub fn required(rewards_challengeable: ScrWei, window: u32, fine_full: ScrWei) -> ScrWei {
    let fines = fine_full.0.saturating_mul(window.into());
    ScrWei(
        rewards_challengeable
            .0
            .saturating_mul(2)
            .saturating_add(fines),
    )
}

/// What a proven wrong takes from a bond, for a task with this reward and this full fine.
pub fn loss(evidence: Evidence, bond: ScrWei, reward: ScrWei, fine_full: ScrWei) -> Loss {
    let twice = ScrWei(reward.0.saturating_mul(2));
    let amount = match evidence {
        Evidence::ContradictoryReceipts | Evidence::WrongDraw | Evidence::FalsePassOver => {
            twice.max(fine_full)
        }
        Evidence::DroppedSubmission | Evidence::LateSettlement | Evidence::LostBeacon => twice,
    };
    let amount = amount.min(bond).0;
    let burned = amount / 2;
    Loss {
        to_roller: ScrWei(amount - burned),
        burned: ScrWei(burned),
    }
}

/// Accusations that may be open at once.
pub fn accusations_max(bond: ScrWei, rebuttal_cost: ScrWei) -> u128 {
    bond.0.checked_div(rebuttal_cost.0).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_loss_is_halved_exactly_and_never_exceeds_the_bond(bond: u128, reward: u128, fine: u128) {
            for evidence in Evidence::ALL {
                let loss = loss(evidence, ScrWei(bond), ScrWei(reward), ScrWei(fine));
                let sum = loss.to_roller.checked_add(loss.burned).map(|sum| sum.0);
                prop_assert!(sum.is_some_and(|sum| sum <= bond));
                prop_assert!(loss.to_roller.0 - loss.burned.0 <= 1);
            }
        }

        #[test]
        fn the_required_bond_covers_every_reward_it_could_withhold(rewards in 0u64.., window in 1u32..1_024, fine in 0u64..) {
            let required = required(ScrWei(rewards.into()), window, ScrWei(fine.into()));
            prop_assert!(required.0 >= 2 * u128::from(rewards));
        }
    }

    #[test]
    fn the_table_of_evidence() {
        let (bond, reward, fine) = (ScrWei(1_000), ScrWei(15), ScrWei(40));
        let total = |evidence| {
            let loss = loss(evidence, bond, reward, fine);
            loss.to_roller.0 + loss.burned.0
        };
        assert_eq!(total(Evidence::WrongDraw), 40);
        assert_eq!(total(Evidence::FalsePassOver), 40);
        assert_eq!(total(Evidence::ContradictoryReceipts), 40);
        assert_eq!(total(Evidence::DroppedSubmission), 30);
        assert_eq!(total(Evidence::LateSettlement), 30);
        assert_eq!(total(Evidence::LostBeacon), 30);
        assert_eq!(required(ScrWei(100), 32, fine), ScrWei(200 + 32 * 40));
    }

    #[test]
    fn accusations_beyond_the_bond_are_too_many() {
        assert_eq!(accusations_max(ScrWei(1_000), ScrWei(300)), 3);
        assert_eq!(accusations_max(ScrWei(1_000), ScrWei::ZERO), 0);
    }
}
