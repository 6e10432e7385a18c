//! The draw: who proves a task.
//!
//! `seed = H("rollmill.draw.v1", task, round, beacon)`, `x_i = uint256(H(seed, i)) mod total`. **Exactly k points** land,
//! with replacement; each is a *ticket*, and a roller hit t times proves once and holds t tickets. Not "until k distinct": with
//! replacement a name's expected share equals its weight however its stake is split, so splitting only adds proving cost
//! [stake splitting: until-distinct gives a whale in three names up to 9 % more].
//!
//! A point is drawn again when it falls
//! - on a roller that is not eligible (*passed over*), or
//! - on the part of a roller's interval above 1.25 x its share of all stake (*above the cap*): otherwise one could raise one's own
//!   probability by knocking out others' reputation. Stake bounds probability.
//!
//! At most `8 k` points are drawn; a draw that is short of tickets then goes on with what it has.

use super::{
    ONE, Params,
    eligibility::PassedOver,
    snapshot::{Leaf, Snapshot, point_of},
};
use crate::{
    ids::{Roller, Round, TaskId},
    words::{Words, tag},
};
use alloc::{collections::BTreeMap, vec::Vec};
use alloy_primitives::{B256, U512};
use serde::{Deserialize, Serialize};

const DRAW_TAG: B256 = tag("rollmill.draw.v1");

/// `H("rollmill.draw.v1", task, round, beacon)`.
pub fn seed(task: TaskId, round: Round, beacon: B256) -> B256 {
    Words::tagged(DRAW_TAG)
        .bytes32(task)
        .uint(round)
        .bytes32(beacon)
        .hash()
}

/// Point number `i`: `uint256(H(seed, i)) mod total` (`total > 0`). The bias of `mod` is below 2^-128.
pub fn point(seed: B256, i: u32, total: u128) -> u128 {
    point_of(Words::new().bytes32(seed).uint(i).hash(), total)
}

/// What became of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HitOutcome {
    /// A ticket for the roller.
    Ticket,
    /// The roller was not eligible.
    PassedOver(PassedOver),
    /// Above the cap on the roller's probability.
    AboveCap,
}

/// One point of a draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hit {
    /// The point, below the snapshot's total.
    pub point: u128,
    /// The roller on whose interval it fell.
    pub roller: Roller,
    /// What became of it.
    pub outcome: HitOutcome,
}

/// A draw: all points in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Draw {
    /// Seed.
    pub seed: B256,
    /// All points in order; point number `i` is `hits[i]`.
    pub hits: Vec<Hit>,
}

impl Draw {
    /// Tickets per roller.
    pub fn tickets(&self) -> BTreeMap<Roller, u32> {
        let mut tickets = BTreeMap::new();
        for hit in self
            .hits
            .iter()
            .filter(|hit| hit.outcome == HitOutcome::Ticket)
        {
            *tickets.entry(hit.roller).or_default() += 1;
        }
        tickets
    }

    /// Points that were passed over, with their numbers: each is to be answered for with a signed reason.
    pub fn passed_over(&self) -> impl Iterator<Item = (u32, Roller, PassedOver)> {
        let numbered = self.hits.iter().zip(0u32..);
        numbered.filter_map(|(hit, point)| match hit.outcome {
            HitOutcome::PassedOver(why) => Some((point, hit.roller, why)),
            HitOutcome::Ticket | HitOutcome::AboveCap => None,
        })
    }

    /// Rollers that were hit and passed over in a way that counts as an offer, each once.
    pub fn declined(&self) -> impl Iterator<Item = Roller> {
        let declined = self
            .hits
            .iter()
            .filter(|hit| matches!(hit.outcome, HitOutcome::PassedOver(why) if why.is_offer()));
        let rollers: BTreeMap<Roller, ()> = declined.map(|hit| (hit.roller, ())).collect();
        rollers.into_keys()
    }
}

/// Is the point at `offset` in the leaf's interval above the cap of `share_cap * stake / all stake` of the line?
fn is_above_cap(params: &Params, snapshot: &Snapshot, leaf: &Leaf, offset: u128) -> bool {
    // offset >= share_cap / ONE * stake / stake_total * total, without division.
    let product = |a: u128, b: u128, c: u64| U512::from(a) * U512::from(b) * U512::from(c);
    product(offset, snapshot.stake_total(), ONE)
        >= product(leaf.stake.0, snapshot.total(), params.share_cap)
}

/// Whom point number `i` hits, and whether it is above the cap on its probability.
pub(super) fn owner<'a>(
    params: &Params,
    snapshot: &'a Snapshot,
    seed: B256,
    i: u32,
) -> (&'a Leaf, bool) {
    let point = point(seed, i, snapshot.total());
    let located = snapshot.locate(point).expect("a point is below the total");
    let is_above = is_above_cap(params, snapshot, located.leaf, located.offset);
    (located.leaf, is_above)
}

/// Draws `k` tickets for one round of a task. `eligible` is asked once per roller: eligibility does not change within a draw.
pub fn draw(
    params: &Params,
    k: u32,
    snapshot: &Snapshot,
    seed: B256,
    mut eligible: impl FnMut(&Leaf) -> Result<(), PassedOver>,
) -> Draw {
    let mut asked: BTreeMap<Roller, Result<(), PassedOver>> = BTreeMap::new();
    let mut hits = Vec::new();
    let mut tickets = 0;
    for i in 0..k.saturating_mul(params.draws_per_point_max) {
        if tickets == k {
            break;
        }
        let point = point(seed, i, snapshot.total());
        let located = snapshot.locate(point).expect("a point is below the total");
        let leaf = located.leaf;
        let outcome = if is_above_cap(params, snapshot, leaf, located.offset) {
            HitOutcome::AboveCap
        } else {
            match *asked.entry(leaf.roller).or_insert_with(|| eligible(leaf)) {
                Ok(()) => HitOutcome::Ticket,
                Err(why) => HitOutcome::PassedOver(why),
            }
        };
        tickets += u32::from(outcome == HitOutcome::Ticket);
        hits.push(Hit {
            point,
            roller: leaf.roller,
            outcome,
        });
    }
    Draw { seed, hits }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::ids::ScrWei;
    use alloy_primitives::{Address, U256};
    use proptest::{collection::vec, prelude::*};

    fn snapshot(leaves: &[(u128, u64)]) -> Snapshot {
        let leaf = |(i, (stake, q)): (usize, &(u128, u64))| Leaf {
            roller: Address::with_last_byte(u8::try_from(i).unwrap() + 1),
            stake: ScrWei(*stake),
            q: *q,
            capacity: 1,
        };
        Snapshot::new(leaves.iter().enumerate().map(leaf).collect()).unwrap()
    }

    fn seed_number(i: u64) -> B256 {
        seed(TaskId(B256::from(U256::from(i))), 0, B256::ZERO)
    }

    /// Tickets of each roller (by its last byte minus one) over many draws.
    fn tickets_over(snapshot: &Snapshot, draws: u64) -> Vec<u64> {
        let mut tickets = alloc::vec![0u64; snapshot.leaves().len()];
        for i in 0..draws {
            for (roller, count) in
                draw(&Params::default(), 3, snapshot, seed_number(i), |_| Ok(())).tickets()
            {
                tickets[usize::from(roller[19]) - 1] += u64::from(count);
            }
        }
        tickets
    }

    proptest! {
        #[test]
        fn exactly_k_tickets_when_all_are_eligible(stakes in vec(1_000u128..1_000_000, 1..20), number: u64) {
            let leaves: Vec<_> = stakes.into_iter().map(|stake| (stake, ONE)).collect();
            let draw = draw(&Params::default(), 3, &snapshot(&leaves), seed_number(number), |_| Ok(()));
            prop_assert_eq!(draw.tickets().values().sum::<u32>(), 3);
            prop_assert_eq!(draw.hits.len(), 3);
        }

        #[test]
        fn the_ineligible_never_hold_tickets_and_the_draw_ends(stakes in vec(1_000u128..1_000_000, 1..20), number: u64, parity: bool) {
            let leaves: Vec<_> = stakes.into_iter().map(|stake| (stake, ONE)).collect();
            let eligible = |leaf: &Leaf| if leaf.roller[19].is_multiple_of(2) == parity { Ok(()) } else { Err(PassedOver::Silent) };
            let draw = draw(&Params::default(), 3, &snapshot(&leaves), seed_number(number), eligible);
            prop_assert!(draw.tickets().keys().all(|roller| (roller[19] % 2 == 0) == parity));
            prop_assert!(draw.tickets().values().sum::<u32>() <= 3);
            prop_assert!(draw.hits.len() <= 24);
        }

        #[test]
        fn splitting_a_stake_does_not_move_the_line(whale in 10_000u128..1_000_000, parts in 2u32..6, others in vec(1_000u128..1_000_000, 1..6), number: u64) {
            // The same stake under one name and under several: rounding apart, the same points hit the same owner.
            let share = whale / u128::from(parts) * 1_000;
            let whole = share * u128::from(parts);
            let mut one: Vec<(u128, u64)> = alloc::vec![(whole, ONE / 10)];
            let mut split = alloc::vec![(share, ONE / 10); parts as usize];
            let rest = others.iter().map(|stake| (stake * 1_000, ONE / 10));
            one.extend(rest.clone());
            split.extend(rest);
            let (one, split) = (snapshot(&one), snapshot(&split));
            prop_assert_eq!(one.total(), split.total());
            let hits = |snapshot: &Snapshot, below: u8| {
                let tickets = draw(&Params::default(), 3, snapshot, seed_number(number), |_| Ok(())).tickets();
                tickets.iter().filter(|(roller, _)| roller[19] <= below).map(|(_, count)| count).sum::<u32>()
            };
            prop_assert_eq!(hits(&one, 1), hits(&split, u8::try_from(parts).unwrap()));
        }
    }

    #[test]
    fn tickets_follow_weight() {
        let tickets = tickets_over(
            &snapshot(&[(10_000, ONE), (20_000, ONE), (70_000, ONE)]),
            4_000,
        );
        assert_eq!(tickets.iter().sum::<u64>(), 12_000);
        for (got, expected) in tickets.iter().zip([1_200u64, 2_400, 8_400]) {
            assert!(got.abs_diff(expected) < 250, "{got} instead of {expected}");
        }
    }

    #[test]
    fn stake_bounds_probability_when_others_lose_their_reputation() {
        // 10 % of the stake, but 53 % of the weight: the cap leaves it 12.5 % of the line; of the points that land it is
        // 12.5 / (12.5 + 47.4) = 21 %.
        let tickets = tickets_over(&snapshot(&[(10_000, ONE), (90_000, ONE / 10)]), 4_000);
        let share = tickets[0] * 1_000 / tickets.iter().sum::<u64>();
        assert!((190..230).contains(&share), "{share} per mille");
    }

    #[test]
    fn rounds_and_tasks_have_different_seeds() {
        let task = TaskId(B256::repeat_byte(1));
        assert_ne!(seed(task, 0, B256::ZERO), seed(task, 1, B256::ZERO));
        assert_ne!(
            seed(task, 0, B256::ZERO),
            seed(TaskId::default(), 0, B256::ZERO)
        );
        assert_ne!(
            seed(task, 0, B256::ZERO),
            seed(task, 0, B256::repeat_byte(1))
        );
    }
}
