//! What L1's contract says of posted rounds (`contracts/test/DifferentialDraws.t.sol`).

use alloy_primitives::{B256, keccak256};
use rollmill_protocol::{
    BatchNumber, Round, TaskId,
    law::{
        Params,
        draw::{self, Draw, Hit, HitOutcome},
        eligibility::PassedOver,
        rounds::{self, Full},
    },
};

use super::super::cases::{Case, int};
use super::{packed_rounds, snapshot, snapshot_of};

/// Whom a point of posted rounds hits, and what became of it; nothing where there are no such rounds, no such point, or no leaf to
/// show it by: in some cases that of the first roller is all there is.
pub(super) fn point(case: &Case) -> Vec<B256> {
    let params = Params::default();
    let k = 1 + (case.u64(1) % 3) as u32;
    let (round, point) = (case.u64(8) % 3, (case.u64(9) % 12) as usize);
    let posted = rounds::decode(&params, k, &packed_rounds(case, k)).unwrap_or_default();
    let posted = posted.get(round as usize);
    let said = posted.and_then(|posted| Some((posted.drawn_at, *posted.outcomes.get(point)?)));
    let snapshot = snapshot(case);
    // A task's number is its id here.
    let task = TaskId(int(case.number + 1));
    let seed = draw::seed(task, round as u32, case.word(6));
    let drawn = draw::draw(&params, 3, &snapshot, seed, |_| Err(PassedOver::NotReady));
    let hit = drawn.hits[point];
    let is_shown = !case.u64(4).is_multiple_of(8) || hit.roller == snapshot.leaves()[0].roller;
    match said.filter(|_| is_shown) {
        None => vec![B256::ZERO; 4],
        Some((drawn_at, outcome)) => vec![
            hit.roller.into_word(),
            int(drawn_at),
            int(code(outcome)),
            int(hit.outcome == HitOutcome::AboveCap),
        ],
    }
}

fn code(outcome: HitOutcome) -> u8 {
    match outcome {
        HitOutcome::PassedOver(why) => why.code(),
        HitOutcome::AboveCap => 6,
        HitOutcome::Ticket => 7,
    }
}

/// Who was passed over as at capacity, and what charges the operator with it: too few seats, a seat of a batch that was over or to
/// come, or one that had been delivered. The rounds as they are packed are part of it.
pub(super) fn at_capacity(case: &Case) -> Vec<B256> {
    let declared = (case.u64(1) % 5) as u32;
    let passed_at = 1_000_000_000 + u64::from(case.u32(2));
    let roller = snapshot_of(case, 1).leaves()[0].roller;
    let seats = (0..case.u64(7) % 5).map(|n| seat(case, n)).collect();
    let full = [Full { roller, seats }];
    let hit = |outcome| Hit {
        point: 0,
        roller,
        outcome,
    };
    let draw = Draw {
        seed: B256::ZERO,
        hits: vec![
            hit(HitOutcome::PassedOver(PassedOver::AtCapacity)),
            hit(HitOutcome::Ticket),
        ],
    };
    let mut packed = Vec::new();
    rounds::encode_into(&mut packed, passed_at, &draw, &full);
    let committed_at = near(case, 3, passed_at + rounds::SEEN_S);
    let settled_at = near(case, 5, passed_at - rounds::SEEN_S);
    let received_at = passed_at - rounds::VERIFIED_S + case.u64(8) % 5 - 2;
    let seats = &full[0].seats;
    let is_named = !seats.is_empty();
    let is_over = rounds::is_over(committed_at, settled_at, passed_at);
    vec![
        keccak256(packed),
        int(!rounds::may_be_full(declared, seats)),
        int(is_named && is_over),
        int(is_named && rounds::was_delivered(received_at, passed_at)),
    ]
}

/// A seat of one of three batches and rounds.
fn seat(case: &Case, n: u64) -> (BatchNumber, Round) {
    let random = case.bits(100 + n, 128);
    (20_000 + random as u64 % 3, ((random >> 64) % 3) as u32)
}

/// A time at a limit, or none.
fn near(case: &Case, j: u64, limit: u64) -> Option<u64> {
    (!case.u64(j).is_multiple_of(4)).then(|| limit + case.u64(j + 1) % 5 - 2)
}
