//! What the operator says of a task's draws on L1.
//!
//! With the entries of a task it posts all rounds of its draw: when each was drawn, and what became of each point, in a byte. Where
//! the points fall follows from beacon and snapshot, so that the tickets of everybody follow from what was posted ([`tickets`]), and
//! an entry that does not fit them ([`fits`]) is evidence against the operator's bond. A round must be whole, k
//! tickets or `8 k` points: it cannot end when it suits the operator.
//!
//! A point that gave no ticket has a reason for which the operator answers as if it had signed it. For who was passed over as at
//! capacity the seats are named that bind it: by the draws of their own tasks anybody can show a seat that is none, that was over
//! ([`is_over`]) or delivered ([`was_delivered`]), and fewer than [`SEATS_LEAST`] of them (or than were declared) never are all of a
//! counted capacity ([`may_be_full`]).
//!
//! ```text
//! round  = drawnAt 8 | points 1 | an outcome of 1 byte per point | rollers 1 | roller*
//! roller = address 20 | seats 2 | seat*
//! seat   = batch 8 | round 4
//! ```
//! Big-endian. An outcome is the code of a [`PassedOver`], 6 above the cap, 7 a ticket. `RoundsLib` on L1 repeats this module.

use super::{
    Params, Snapshot,
    draw::{self, Draw, HitOutcome},
    eligibility::PassedOver,
};
use crate::ids::{BatchNumber, Roller, Round, TaskId, UnixSeconds};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

const ABOVE_CAP: u8 = 6;
const TICKET: u8 = 7;

/// Seats that whoever has declared as many may hold without having shown anything (`Draws.SEATS_LEAST`).
pub const SEATS_LEAST: u32 = 2;

/// The operator may not have known before what L1 showed within this time, seconds (`Draws.SEEN_S`).
pub const SEEN_S: u64 = 15 * 60;

/// The operator has verified what it received this time before, seconds (`Draws.VERIFIED_S`).
pub const VERIFIED_S: u64 = 2 * 60;

/// Who was passed over as at capacity, and the seats that bound it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Full {
    /// Roller.
    pub roller: Roller,
    /// Its open seats, ascending.
    pub seats: Vec<(BatchNumber, Round)>,
}

/// A round as it is posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostedRound {
    /// When it was drawn.
    pub drawn_at: UnixSeconds,
    /// What became of each point.
    pub outcomes: Vec<HitOutcome>,
    /// Who was at capacity.
    pub full: Vec<Full>,
}

/// Why bytes are no posted rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the round at byte {0} is not whole")]
pub struct RoundsError(pub usize);

/// Packs a round.
pub fn encode_into(out: &mut Vec<u8>, drawn_at: UnixSeconds, draw: &Draw, full: &[Full]) {
    out.extend_from_slice(&drawn_at.to_be_bytes());
    out.push(u8::try_from(draw.hits.len()).unwrap_or(u8::MAX));
    out.extend(draw.hits.iter().map(|hit| code(hit.outcome)));
    out.push(u8::try_from(full.len()).unwrap_or(u8::MAX));
    for Full { roller, seats } in full {
        out.extend_from_slice(roller.as_slice());
        let count = u16::try_from(seats.len()).unwrap_or(u16::MAX);
        out.extend_from_slice(&count.to_be_bytes());
        for (batch, round) in seats.iter().take(count.into()) {
            out.extend_from_slice(&batch.to_be_bytes());
            out.extend_from_slice(&round.to_be_bytes());
        }
    }
}

fn code(outcome: HitOutcome) -> u8 {
    match outcome {
        HitOutcome::PassedOver(why) => why.code(),
        HitOutcome::AboveCap => ABOVE_CAP,
        HitOutcome::Ticket => TICKET,
    }
}

fn outcome(code: u8) -> Option<HitOutcome> {
    match code {
        ABOVE_CAP => Some(HitOutcome::AboveCap),
        TICKET => Some(HitOutcome::Ticket),
        _ => PassedOver::of_code(code).map(HitOutcome::PassedOver),
    }
}

/// Reads the posted rounds of draws of `k` points, at least one, in the order of time.
pub fn decode(params: &Params, k: u32, bytes: &[u8]) -> Result<Vec<PostedRound>, RoundsError> {
    let mut rounds: Vec<PostedRound> = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() || rounds.is_empty() {
        let error = RoundsError(bytes.len() - rest.len());
        let round = take_round(&mut rest).ok_or(error)?;
        let is_next = rounds
            .last()
            .is_none_or(|last| last.drawn_at <= round.drawn_at);
        if !is_next || !is_whole(params, k, &round.outcomes) {
            return Err(error);
        }
        rounds.push(round);
    }
    Ok(rounds)
}

fn take_round(rest: &mut &[u8]) -> Option<PostedRound> {
    let drawn_at = u64::from_be_bytes(take(rest)?);
    let [points] = take(rest)?;
    let codes = rest.split_off(..usize::from(points))?;
    let outcomes = codes.iter().map(|code| outcome(*code));
    let outcomes = outcomes.collect::<Option<_>>()?;
    let [rollers] = take(rest)?;
    let full = (0..rollers).map(|_| take_full(rest)).collect::<Option<_>>();
    Some(PostedRound {
        drawn_at,
        outcomes,
        full: full?,
    })
}

fn take_full(rest: &mut &[u8]) -> Option<Full> {
    let roller = Address::from(take::<20>(rest)?);
    let count = u16::from_be_bytes(take(rest)?);
    let seat = |_| {
        let batch = u64::from_be_bytes(take(rest)?);
        Some((batch, u32::from_be_bytes(take(rest)?)))
    };
    let seats = (0..count).map(seat).collect::<Option<_>>()?;
    Some(Full { roller, seats })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(*head)
}

/// Does a draw of `k` end here, and not before?
fn is_whole(params: &Params, k: u32, outcomes: &[HitOutcome]) -> bool {
    let is_ticket = |outcome: &&HitOutcome| **outcome == HitOutcome::Ticket;
    let tickets = outcomes.iter().filter(is_ticket).count();
    let (k, most) = (k as usize, k.saturating_mul(params.draws_per_point_max));
    if tickets == k {
        return outcomes.last().is_none_or(|last| is_ticket(&last));
    }
    tickets < k && outcomes.len() == most as usize
}

/// Tickets of a roller in each posted round.
pub fn tickets(
    params: &Params,
    snapshot: &Snapshot,
    (task, beacon): (TaskId, B256),
    rounds: &[PostedRound],
    roller: Roller,
) -> Vec<u32> {
    let of_round = |(number, round): (u32, &PostedRound)| {
        let seed = draw::seed(task, number, beacon);
        let is_own = |(i, outcome): &(u32, &HitOutcome)| {
            let (leaf, is_above_cap) = draw::owner(params, snapshot, seed, *i);
            **outcome == HitOutcome::Ticket && leaf.roller == roller && !is_above_cap
        };
        let own = (0..).zip(&round.outcomes).filter(is_own).count();
        u32::try_from(own).expect("a round has at most 255 points")
    };
    (0..).zip(rounds).map(of_round).collect()
}

/// Can an entry with so many tickets be of a roller that has these in the rounds of a draw?
///
/// Those of one of its seats; and twice as many only where there were several rounds, because without there are no late proofs beside
/// which on-time ones count twice.
pub fn fits(late_divisor: u32, tickets: &[u32], entered: u32) -> bool {
    let is_repeated = tickets.len() > 1;
    tickets.iter().any(|own| {
        *own > 0
            && (entered == *own || (is_repeated && Some(entered) == own.checked_mul(late_divisor)))
    })
}

/// How many seats are really named: each only once, in ascending order.
pub fn distinct(seats: &[(BatchNumber, Round)]) -> u32 {
    let mut last = None;
    let mut found = 0;
    for seat in seats {
        if last.is_none_or(|last| last < seat) {
            (found, last) = (found + 1, Some(seat));
        }
    }
    found
}

/// Do the named seats explain that a roller with this declared capacity was at capacity? Only as far as L1 can know: what a
/// roller has shown is not there.
pub fn may_be_full(declared: u32, seats: &[(BatchNumber, Round)]) -> bool {
    distinct(seats) >= declared.min(SEATS_LEAST)
}

/// Could a seat of a batch that was committed and settled at these times bind nobody's capacity at `at`, whatever clock the operator
/// goes by?
pub fn is_over(
    committed_at: Option<UnixSeconds>,
    settled_at: Option<UnixSeconds>,
    at: UnixSeconds,
) -> bool {
    let had_settled = settled_at.is_some_and(|settled| settled.saturating_add(SEEN_S) < at);
    let is_to_come = committed_at.is_none_or(|committed| committed > at.saturating_add(SEEN_S));
    had_settled || is_to_come
}

/// Did the operator know by `at` the proof of a seat that it received at this time?
pub fn was_delivered(received_at: UnixSeconds, at: UnixSeconds) -> bool {
    received_at.saturating_add(VERIFIED_S) < at
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        ids::ScrWei,
        law::{Leaf, ONE},
    };
    use proptest::{collection::vec, prelude::*};

    fn snapshot(rollers: u8) -> Snapshot {
        let leaf = |i: u8| Leaf {
            roller: Address::with_last_byte(i + 1),
            stake: ScrWei(1_000_000 * u128::from(i + 1)),
            q: ONE,
            capacity: 1,
        };
        Snapshot::new((0..rollers).map(leaf).collect()).unwrap()
    }

    fn drawn(number: u32, snapshot: &Snapshot, full: Roller) -> Draw {
        let seed = draw::seed(TaskId::default(), number, B256::ZERO);
        draw::draw(&Params::default(), 3, snapshot, seed, |leaf| {
            if leaf.roller == full {
                Err(PassedOver::AtCapacity)
            } else {
                Ok(())
            }
        })
    }

    proptest! {
        #[test]
        fn the_tickets_of_a_draw_follow_from_what_was_posted(rollers in 1u8..6, full in 1u8..7, repeated in 1u32..4, times in vec(0u64..100, 4)) {
            let (params, snapshot) = (Params::default(), snapshot(rollers));
            let named = [Full { roller: Address::with_last_byte(full), seats: alloc::vec![(7, 0), (9, 1)] }];
            let draws: Vec<_> = (0..repeated).map(|number| drawn(number, &snapshot, named[0].roller)).collect();
            let mut bytes = Vec::new();
            let mut time = 0;
            for (draw, more) in draws.iter().zip(times) {
                time += more;
                encode_into(&mut bytes, time, draw, &named);
            }
            let rounds = decode(&params, 3, &bytes).unwrap();
            prop_assert_eq!(rounds.last().unwrap().drawn_at, time);
            prop_assert_eq!(&rounds[0].full[..], &named[..]);
            for leaf in snapshot.leaves() {
                let expected: Vec<u32> = draws.iter().map(|draw| draw.tickets().get(&leaf.roller).copied().unwrap_or(0)).collect();
                prop_assert_eq!(tickets(&params, &snapshot, (TaskId::default(), B256::ZERO), &rounds, leaf.roller), expected);
            }
        }

        #[test]
        fn cut_or_lengthened_bytes_are_refused(full in 1u8..4, cut in 1usize..12) {
            let (params, snapshot) = (Params::default(), snapshot(3));
            let mut bytes = Vec::new();
            encode_into(&mut bytes, 5, &drawn(0, &snapshot, Address::with_last_byte(full)), &[]);
            prop_assert!(decode(&params, 3, &bytes).is_ok());
            prop_assert!(decode(&params, 3, &bytes[..bytes.len() - cut]).is_err());
            let end = bytes.len();
            bytes.resize(end + cut, 0);
            prop_assert_eq!(decode(&params, 3, &bytes), Err(RoundsError(end)));
        }
    }

    #[test]
    fn a_round_goes_on_until_k_tickets_or_all_points() {
        let params = Params::default();
        let round = |outcomes: &[u8]| {
            let points = u8::try_from(outcomes.len()).unwrap();
            let bytes = [&[0; 8], &[points][..], outcomes, &[0]].concat();
            decode(&params, 2, &bytes).map(|rounds| rounds[0].outcomes.len())
        };
        assert_eq!(round(&[7, 7]), Ok(2));
        assert_eq!(round(&[0, 5, 6, 7, 7]), Ok(5));
        assert_eq!(round(&[0; 16]), Ok(16));
        assert_eq!(round(&[7]), Err(RoundsError(0)), "too early");
        assert_eq!(round(&[7, 7, 0]), Err(RoundsError(0)), "behind the last");
        assert_eq!(round(&[7, 7, 7]), Err(RoundsError(0)), "more than k");
        assert_eq!(round(&[0; 15]), Err(RoundsError(0)), "too few points");
        assert_eq!(round(&[8, 7, 7]), Err(RoundsError(0)), "no such outcome");
        assert_eq!(decode(&params, 2, &[]), Err(RoundsError(0)), "nothing");
    }

    #[test]
    fn rounds_are_in_the_order_of_time() {
        let round = |time: u64| [&time.to_be_bytes()[..], &[1, 7, 0]].concat();
        let rounds = |times: [u64; 2]| {
            let bytes = times.map(round).concat();
            decode(&Params::default(), 1, &bytes).map(|rounds| rounds.len())
        };
        assert_eq!(rounds([3, 3]), Ok(2));
        assert_eq!(rounds([3, 2]), Err(RoundsError(11)));
    }

    #[test]
    fn an_entry_has_the_tickets_of_a_seat() {
        assert!(fits(2, &[2], 2));
        assert!(!fits(2, &[2], 4), "nobody can be late beside it");
        assert!(!fits(2, &[2], 1));
        assert!(!fits(2, &[0], 0), "no seat");
        assert!(fits(2, &[2, 0], 4));
        assert!(fits(2, &[0, 1], 2));
        assert!(!fits(2, &[2, 1], 3), "of two seats the better one counts");
        assert!(!fits(2, &[], 1));
    }

    #[test]
    fn capacity_is_bound_by_different_seats() {
        assert_eq!(distinct(&[]), 0);
        assert_eq!(distinct(&[(1, 0), (1, 0)]), 1);
        assert_eq!(distinct(&[(1, 0), (1, 1), (2, 0)]), 3);
        assert_eq!(distinct(&[(2, 0), (1, 0), (1, 1)]), 1, "not ascending");
        assert!(may_be_full(9, &[(1, 0), (2, 0)]));
        assert!(!may_be_full(9, &[(1, 0)]));
        assert!(may_be_full(1, &[(1, 0)]));
        assert!(!may_be_full(1, &[]));
    }

    #[test]
    fn a_seat_is_over_or_to_come_beyond_what_clocks_can_hide() {
        let at = 10_000;
        let (before, behind) = (at - SEEN_S, at + SEEN_S);
        assert!(!is_over(Some(before), None, at));
        assert!(!is_over(Some(1), Some(before), at));
        assert!(is_over(Some(1), Some(before - 1), at));
        assert!(!is_over(Some(behind), None, at));
        assert!(is_over(Some(behind + 1), None, at));
        assert!(is_over(None, None, at));
        assert!(!was_delivered(at - VERIFIED_S, at));
        assert!(was_delivered(at - VERIFIED_S - 1, at));
    }
}
