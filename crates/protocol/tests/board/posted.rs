//! Digests on L1 that stand for proofs which nobody took.

use crate::world::*;
use alloy_primitives::B256;
use rollmill_protocol::{
    BatchNumber, Entry, ProofDigest, ScrWei,
    board::{
        Action, BoardError, Event, MissedBecause, Presence, Receipt, Refusal, ReleasedBecause,
        SeatState, Stage, Verdict,
    },
    law::{Params, lottery},
};

const NEVER_SHOWN: SeatState = SeatState::Missed {
    why: MissedBecause::NeverShown,
};

/// Rollers 1 and 2 deliver and roller 3 posts: the task is closed.
fn closed_by_a_post() -> (World, BatchNumber) {
    let mut world = World::with_rollers(Params::devnet(), 3);
    let batch = world.commit_drawing(&[1, 2, 3]);
    for i in [1, 2] {
        world.submit(world.seat_key(batch, 0, i), Verdict::Valid);
    }
    world.now = world.seat(batch, 0, 3).deadline;
    let actions = world.apply(world.post(batch, world.seat_key(batch, 0, 3), 1));
    assert!(matches!(&actions[..], [Action::PostEntries { .. }]));
    (world, batch)
}

/// Entries to L1, and a lottery that roller `i` wins.
fn drawn_for(world: &mut World, batch: BatchNumber, i: u8) -> Vec<Action> {
    let entries = world.task(batch).final_entries().to_vec();
    world.confirm_entries(batch);
    let wins = |beacon: &B256| {
        let winner = lottery::winner(task_id(batch), &entries, *beacon);
        winner.unwrap().roller == roller(i)
    };
    let beacon = (0..).map(beacon).find(wins).unwrap();
    world.store_beacon(batch, beacon)
}

fn settled(batch: BatchNumber, i: Option<u8>) -> Event {
    Event::BatchSettled {
        batch,
        roller: i.map(roller),
        reward: ScrWei(5),
        prover_gas: PROVER_GAS,
    }
}

fn entry(world: &World, batch: BatchNumber, i: u8) -> Option<Entry> {
    let mut entries = world.task(batch).final_entries().iter();
    entries.find(|entry| entry.roller == roller(i)).copied()
}

/// (on time, missed, invalid) of a roller.
fn record(world: &World, i: u8) -> (u64, u64, u64) {
    let record = world.board.roller(roller(i)).unwrap().record;
    (record.on_time, record.missed, record.invalid)
}

#[test]
fn a_posted_digest_is_an_entry_and_its_bytes_may_come_late() {
    let (mut world, batch) = closed_by_a_post();
    let seat = world.seat_key(batch, 0, 3);
    assert_eq!(world.task(batch).final_entries().len(), 3);
    let entered = entry(&world, batch, 3).unwrap();
    assert_eq!((entered.tickets, entered.proof_digest), (1, digest(&seat)));
    assert_eq!(record(&world, 3), (0, 0, 0), "it has not ended yet");
    assert_eq!(world.board.open_seats(roller(3)).len(), 0);

    world.confirm_entries(batch);
    world.now += 1_000;
    assert_eq!(world.submit(seat, Verdict::Valid), []);
    assert_eq!(world.seat(batch, 0, 3).state, SeatState::OnTime);
    assert_eq!(record(&world, 3), (1, 0, 0));
    assert_eq!(world.replayed(), world.board);
}

#[test]
fn the_winners_bytes_settle_whenever_they_come() {
    let (mut world, batch) = closed_by_a_post();
    let (seat, task) = (world.seat_key(batch, 0, 3), task_id(batch));
    let actions = drawn_for(&mut world, batch, 3);
    assert_eq!(actions, [Action::StartFallback { batch, task }]);
    assert_eq!(world.board.outstanding(), actions);
    world.now += 1_000;
    let actions = world.submit(seat, Verdict::Valid);
    let [Action::Settle { seat: settles, .. }] = &actions[..] else {
        panic!("{actions:?}")
    };
    assert_eq!(*settles, seat);
    assert_eq!(world.board.outstanding(), actions);
    world.apply(settled(batch, Some(3)));
    assert_eq!(record(&world, 3), (1, 0, 0));
    assert_eq!(world.replayed(), world.board);
}

#[test]
fn a_winner_without_bytes_settles_itself_or_has_missed() {
    let (mut world, batch) = closed_by_a_post();
    drawn_for(&mut world, batch, 3);
    let mut alone = World::new(world.params.clone());
    for (now, event) in &world.records {
        alone.now = *now;
        alone.apply(event.clone());
    }
    alone.apply(settled(batch, Some(3)));
    assert_eq!(alone.seat(batch, 0, 3).state, SeatState::OnTime);
    assert_eq!(record(&alone, 3), (1, 0, 0));

    world.apply(settled(batch, None));
    assert_eq!(world.seat(batch, 0, 3).state, NEVER_SHOWN);
    assert_eq!(record(&world, 3), (0, 1, 0));
    assert!(world.board.outstanding().is_empty());
    let event = world.submission(world.seat_key(batch, 0, 3), Verdict::Valid);
    assert!(world.try_apply(event).is_err(), "the batch is settled");
}

#[test]
fn bytes_that_fail_are_judged_and_settle_nothing() {
    let (mut world, batch) = closed_by_a_post();
    let (seat, task) = (world.seat_key(batch, 0, 3), task_id(batch));
    drawn_for(&mut world, batch, 3);
    let actions = world.submit(seat, invalid());
    assert!(matches!(&actions[..], [Action::Judge { seat: judged, .. }] if *judged == seat));
    assert_eq!(record(&world, 3), (0, 0, 1));
    let outstanding = world.board.outstanding();
    assert!(outstanding.contains(&Action::StartFallback { batch, task }));
    assert!(
        !outstanding
            .iter()
            .any(|action| matches!(action, Action::Settle { .. }))
    );
}

#[test]
fn only_the_posted_bytes_are_taken() {
    let (mut world, batch) = closed_by_a_post();
    let seat = world.seat_key(batch, 0, 3);
    let posted = Refusal::AlreadyPosted(digest(&seat));
    let other = Event::Submitted {
        seat,
        proof_digest: ProofDigest(B256::repeat_byte(9)),
        public_values_hash: B256::ZERO,
        received_at: world.now,
        verdict: Verdict::Valid,
    };
    assert_eq!(world.try_apply(other), Err(posted.into()));
    assert_eq!(world.try_apply(Event::Picked(seat)), Err(posted.into()));
}

#[test]
fn late_strange_and_second_posts_are_of_no_consequence() {
    let mut world = World::with_rollers(Params::devnet(), 3);
    let batch = world.commit_drawing(&[1, 2]);
    let (first, second) = (world.seat_key(batch, 0, 1), world.seat_key(batch, 0, 2));
    let ignored = Err(BoardError::AlreadyApplied);
    let stranger = world.post(batch, world.seat_key(batch, 0, 3), 0);
    assert_eq!(world.try_apply(stranger), ignored);
    let unknown = world.post(batch + 1, first, 0);
    assert_eq!(
        world.try_apply(unknown),
        Err(BoardError::UnknownBatch(batch + 1))
    );
    world.submit(first, Verdict::Valid);
    assert_eq!(world.try_apply(world.post(batch, first, 0)), ignored);

    world.now = world.seat(batch, 0, 2).deadline + 1;
    assert_eq!(world.try_apply(world.post(batch, second, 0)), ignored);
    world.apply(world.post(batch, second, 1));
    assert_eq!(world.try_apply(world.post(batch, second, 1)), ignored);
}

/// L1 refuses a list of entries with it: one roller could keep all others from their lottery.
#[test]
fn the_digest_zero_is_no_entry() {
    let mut world = World::with_rollers(Params::devnet(), 3);
    let batch = world.commit_drawing(&[1, 2]);
    let nothing = Event::SubmissionPosted {
        batch,
        round: 0,
        roller: roller(2),
        proof_digest: ProofDigest::default(),
        posted_at: world.now,
    };
    let ignored = Err(BoardError::AlreadyApplied);
    assert_eq!(world.try_apply(nothing), ignored);
    world.submit(world.seat_key(batch, 0, 1), Verdict::Valid);
    world.now = world.seat(batch, 0, 2).deadline + 1;
    world.apply(Event::Tick);
    let entries = world.task(batch).final_entries();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].roller, roller(1));
}

#[test]
fn a_post_that_is_read_after_the_closing_joins_until_l1_has_entries() {
    let closed = || {
        let mut world = World::with_rollers(Params::devnet(), 3);
        let batch = world.commit_drawing(&[1, 2, 3]);
        world.submit(world.seat_key(batch, 0, 1), Verdict::Valid);
        world.apply(Event::PresenceChanged {
            roller: roller(2),
            presence: Presence::Lost,
        });
        world.now = world.seat(batch, 0, 3).deadline + 1;
        world.apply(Event::Tick);
        assert_eq!(
            (record(&world, 2), record(&world, 3)),
            ((0, 1, 0), (0, 1, 0))
        );
        assert_eq!(world.task(batch).posts_until(), Some(world.now - 1));
        (world, batch)
    };
    let confirm = |world: &mut World, batch, entries: &[Entry]| {
        world.apply(Event::EntriesConfirmed {
            batch,
            entries_hash: rollmill_protocol::entries_hash(entries),
            lottery_block: 1_000,
        });
    };
    let (mut world, batch) = closed();
    let former = world.task(batch).final_entries().to_vec();
    for i in [3, 2] {
        let actions = world.apply(world.post(batch, world.seat_key(batch, 0, i), 1));
        assert!(matches!(&actions[..], [Action::PostEntries { .. }]));
        assert_eq!(record(&world, i), (0, 0, 0), "the miss is taken back");
    }
    assert_eq!(world.task(batch).final_entries().len(), 3);
    assert_eq!(world.task(batch).posts_until(), None);
    let amended = world.task(batch).final_entries().to_vec();
    confirm(&mut world, batch, &amended);
    assert_eq!(world.task(batch).final_entries(), amended);

    // The transaction with the former list was on its way.
    let (mut world, batch) = closed();
    world.apply(world.post(batch, world.seat_key(batch, 0, 3), 1));
    confirm(&mut world, batch, &former);
    assert_eq!(world.task(batch).final_entries(), former);
    let late = world.post(batch, world.seat_key(batch, 0, 2), 1);
    assert_eq!(world.try_apply(late), Err(BoardError::AlreadyApplied));
    assert!(matches!(
        world.task(batch).stage,
        Stage::AwaitingLottery { .. }
    ));
    assert_eq!(world.replayed(), world.board);
}

#[test]
fn a_miss_that_has_counted_counts_once() {
    let mut world = World::with_rollers(Params::devnet(), 3);
    let batch = world.commit_drawing(&[1, 2, 3]);
    world.submit(world.seat_key(batch, 0, 1), Verdict::Valid);
    world.now = world.seat(batch, 0, 3).deadline + 1;
    world.apply(Event::Tick);
    let age_s = world.board.epoch_due_at().max(world.now) - world.now + 1;
    world.end_epoch();
    world.apply(world.post(batch, world.seat_key(batch, 0, 3), age_s));
    world.submit(world.seat_key(batch, 0, 3), Verdict::Valid);
    assert_eq!(record(&world, 3), (0, 1, 0));
}

#[test]
fn a_late_proof_is_on_time_when_its_post_is_read() {
    let params = Params {
        expiry_multiple: 3,
        ..Params::devnet()
    };
    let mut world = World::with_rollers(params, 3);
    let batch = world.commit_drawing(&[1, 2, 3]);
    world.now = world.seat(batch, 0, 1).deadline + 5;
    world.apply(Event::Tick);
    let seat = world.seat_key(batch, 0, 1);
    world.submit(seat, Verdict::Valid);
    assert_eq!(world.seat(batch, 0, 1).state, SeatState::Late);
    world.apply(world.post(batch, seat, 6));
    assert_eq!(world.seat(batch, 0, 1).state, SeatState::OnTime);
    let Some(Receipt { received_at, .. }) = world.seat(batch, 0, 1).receipt else {
        panic!("the receipt stands")
    };
    assert_eq!(received_at, world.now);
}

#[test]
fn a_roller_accused_elsewhere_posts_for_the_seat_that_it_lost() {
    let mut world = World::with_rollers(Params::devnet(), 2);
    let first = world.commit_drawing(&[1, 2]);
    let second = world.commit_drawing(&[1, 2]);
    world.submit(world.seat_key(first, 0, 1), invalid());
    let lost = world.seat_key(second, 0, 1);
    assert!(matches!(
        world.seat(second, 0, 1).state,
        SeatState::Released { .. }
    ));
    world.apply(world.post(second, lost, 0));
    assert_eq!(world.seat(second, 0, 1).state, SeatState::Posted);
    assert_eq!(
        world.board.check_submission(&lost, world.now),
        Err(Refusal::Accused)
    );
    world.submit(world.seat_key(second, 0, 2), Verdict::Valid);
    assert!(entry(&world, second, 1).is_some());
}

#[test]
fn what_l1s_verifier_accepted_was_shown() {
    let judged = |world: &World, batch, proof_digest| Event::SubmissionJudged {
        batch,
        round: 0,
        roller: world.seat_key(batch, 0, 3).roller,
        proof_digest,
        valid: true,
        fine: ScrWei::ZERO,
    };
    let ignored = Err(BoardError::AlreadyApplied);
    let (mut world, batch) = closed_by_a_post();
    let digest = digest(&world.seat_key(batch, 0, 3));
    let other = judged(&world, batch, ProofDigest(B256::ZERO));
    assert_eq!(world.try_apply(other), ignored);
    world.apply(judged(&world, batch, digest));
    assert_eq!(world.try_apply(judged(&world, batch, digest)), ignored);
    drawn_for(&mut world, batch, 1);
    world.apply(settled(batch, Some(1)));
    assert_eq!(record(&world, 3), (1, 0, 0));

    // The same after the settlement: the miss is taken back.
    let (mut world, batch) = closed_by_a_post();
    drawn_for(&mut world, batch, 1);
    world.apply(settled(batch, Some(1)));
    assert_eq!(record(&world, 3), (0, 1, 0));
    world.apply(judged(&world, batch, digest));
    let shown = SeatState::Released {
        why: ReleasedBecause::ShownOnL1,
    };
    assert_eq!(world.seat(batch, 0, 3).state, shown);
    assert_eq!(record(&world, 3), (0, 0, 0));
    assert_eq!(world.replayed(), world.board);
}
