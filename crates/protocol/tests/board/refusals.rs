//! What the board refuses, and why.

use crate::world::*;
use alloy_primitives::B256;
use rollmill_protocol::{
    ScrWei,
    board::{BoardError, Event, Presence, Refusal, Verdict},
    law::Params,
};

fn refused(result: Result<Vec<rollmill_protocol::board::Action>, BoardError>) -> Refusal {
    match result {
        Err(BoardError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn strangers_and_the_unseated_are_refused() {
    let mut world = World::with_rollers(Params::devnet(), 3);
    let batch = world.commit_drawing(&[1, 2]);
    let mut submit = |batch, round, i| {
        let event = world.submission(world.seat_key(batch, round, i), Verdict::Valid);
        refused(world.try_apply(event))
    };
    assert_eq!(submit(batch, 0, 9), Refusal::NotARoller);
    assert_eq!(submit(batch, 0, 3), Refusal::NotSeated);
    assert_eq!(submit(batch, 1, 1), Refusal::NotSeated);
    assert_eq!(submit(batch + 1, 0, 1), Refusal::UnknownTask);
    let event = Event::Picked(world.seat_key(batch, 0, 3));
    assert_eq!(refused(world.try_apply(event)), Refusal::NotSeated);
}

#[test]
fn one_submission_per_seat() {
    let mut world = World::with_rollers(Params::devnet(), 3);
    let batch = world.commit_drawing(&[1, 2]);
    let seat = world.seat_key(batch, 0, 1);
    world.submit(seat, Verdict::Valid);
    let receipt = world.seat(batch, 0, 1).receipt.unwrap();
    world.now += 1;
    assert_eq!(
        refused(world.try_apply(world.submission(seat, invalid()))),
        Refusal::AlreadySubmitted(receipt)
    );
    assert_eq!(
        refused(world.try_apply(Event::Picked(seat))),
        Refusal::AlreadySubmitted(receipt)
    );
    // Also after the task was closed: the receipt stands.
    world.submit(world.seat_key(batch, 0, 2), Verdict::Valid);
    assert_eq!(
        world.board.check_submission(&seat, world.now),
        Err(Refusal::AlreadySubmitted(receipt))
    );
}

#[test]
fn the_deadline_binds_once_somebody_was_on_time() {
    let mut world = World::with_rollers(
        Params {
            expiry_multiple: 3,
            ..Params::devnet()
        },
        3,
    );
    let batch = world.commit_drawing(&[1, 2]);
    let (quick, slow) = (world.seat_key(batch, 0, 1), world.seat_key(batch, 0, 2));
    let deadline = world.seat(batch, 0, 2).deadline;
    world.submit(quick, Verdict::Valid);
    assert_eq!(world.board.check_submission(&slow, deadline), Ok(()));
    world.now = deadline + 1;
    let event = world.submission(slow, Verdict::Valid);
    assert_eq!(
        refused(world.try_apply(event)),
        Refusal::DeadlinePassed { deadline }
    );
    world.apply(Event::Tick);
    assert_eq!(
        refused(world.try_apply(world.submission(slow, Verdict::Valid))),
        Refusal::DeadlinePassed { deadline }
    );
    // Received within the deadline, but told too late: the task is closed.
    assert_eq!(
        world.board.check_submission(&slow, deadline),
        Err(Refusal::TaskClosed)
    );
}

#[test]
fn a_seat_expires() {
    let mut world = World::with_rollers(
        Params {
            expiry_multiple: 2,
            ..Params::devnet()
        },
        3,
    );
    let batch = world.commit_drawing(&[1, 2, 3]);
    let seat = world.seat_key(batch, 0, 1);
    let expired_at = world.seat(batch, 0, 1).expires_at;
    assert_eq!(world.board.check_submission(&seat, expired_at), Ok(()));
    assert_eq!(
        world.board.check_submission(&seat, expired_at + 1),
        Err(Refusal::SeatExpired { expired_at })
    );
}

#[test]
fn a_seat_lost_by_silence_is_not_handed_out_again_but_a_late_proof_is_taken() {
    let mut world = World::with_rollers(Params::devnet(), 3);
    let batch = world.commit_drawing(&[1, 2, 3]);
    let seat = world.seat_key(batch, 0, 1);
    assert_eq!(world.board.open_seats(roller(1)).len(), 1);
    world.apply(Event::PresenceChanged {
        roller: roller(1),
        presence: Presence::Lost,
    });
    world.apply(Event::PresenceChanged {
        roller: roller(1),
        presence: Presence::Alive,
    });
    assert_eq!(world.board.open_seats(roller(1)).len(), 0);
    assert!(matches!(
        refused(world.try_apply(Event::Picked(seat))),
        Refusal::SeatExpired { .. }
    ));
    world.submit(seat, Verdict::Valid);
    assert_eq!(
        world.seat(batch, 0, 1).state,
        rollmill_protocol::board::SeatState::Late
    );
    // It arrived by its deadline, which is what receipts tell L1: no ticket of the others counts twice beside it.
    world.deliver_all(batch);
    let task = world.task(batch);
    assert_eq!(task.final_entries().len(), 3);
    for entry in task.final_entries() {
        assert_eq!(entry.tickets, task.seats[&(0, entry.roller)].tickets);
    }
}

#[test]
fn an_accused_roller_submits_nothing_more() {
    let mut world = World::with_rollers(Params::devnet(), 2);
    let first = world.commit_drawing(&[1, 2]);
    let second = world.commit_drawing(&[1, 2]);
    world.submit(world.seat_key(first, 0, 1), invalid());
    let released = world.seat_key(second, 0, 1);
    assert_eq!(
        refused(world.try_apply(world.submission(released, Verdict::Valid))),
        Refusal::SeatReleased
    );
    assert_eq!(
        refused(world.try_apply(Event::Picked(released))),
        Refusal::SeatReleased
    );
}

#[test]
fn receipts_cannot_lie_about_time() {
    let mut world = World::with_rollers(Params::devnet(), 2);
    world.now += 5;
    let batch = world.commit_drawing(&[1, 2]);
    let now = world.now;
    for received_at in [now - 1, now + 1] {
        let mut event = world.submission(world.seat_key(batch, 0, 1), Verdict::Valid);
        if let Event::Submitted {
            received_at: at, ..
        } = &mut event
        {
            *at = received_at;
        }
        assert_eq!(
            world.try_apply(event),
            Err(BoardError::ReceivedAt { received_at })
        );
    }
    world.now -= 1;
    assert_eq!(
        world.try_apply(Event::Tick),
        Err(BoardError::TimeWentBack {
            now: now - 1,
            last: now
        })
    );
}

#[test]
fn l1_facts_out_of_order_are_rejected_and_repeats_are_harmless() {
    let mut world = World::with_rollers(Params::devnet(), 3);
    let commit = |batch, epoch| Event::BatchCommitted {
        batch,
        task: task_id(batch),
        l1_block: 1,
        prover_gas_estimate: 1,
        unit_price: ScrWei(1),
        epoch,
        program_version: 1,
    };
    assert_eq!(
        world.try_apply(commit(2, 1)),
        Err(BoardError::BatchOrder {
            got: 2,
            expected: 1
        })
    );
    assert_eq!(
        world.try_apply(commit(1, 7)),
        Err(BoardError::UnknownEpoch(7))
    );
    let batch = world.commit_drawing(&[1, 2, 3]);
    assert_eq!(
        world.try_apply(commit(1, 1)),
        Err(BoardError::AlreadyApplied)
    );
    assert_eq!(
        world.try_apply(Event::BeaconStored {
            l1_block: 1,
            prevrandao: B256::ZERO
        }),
        Err(BoardError::UnawaitedBeacon(1))
    );

    let settled = |batch, roller| Event::BatchSettled {
        batch,
        roller,
        reward: ScrWei(5),
        prover_gas: 1,
    };
    let diverged = |what| Err(BoardError::Divergence { what, of: batch });
    assert_eq!(
        world.try_apply(settled(batch, Some(roller(1)))),
        diverged("winner")
    );
    assert_eq!(
        world.try_apply(settled(batch + 1, None)),
        Err(BoardError::UnknownBatch(batch + 1))
    );
    world.deliver_all(batch);
    let forged = Event::EntriesConfirmed {
        batch,
        entries_hash: B256::ZERO,
        lottery_block: 1,
    };
    assert_eq!(world.try_apply(forged), diverged("entries"));
    let winner = world.settle(batch);
    assert_eq!(
        world.try_apply(settled(batch, Some(winner.roller))),
        Err(BoardError::AlreadyApplied)
    );
    assert_eq!(world.board.roller(winner.roller).unwrap().record.won, 1);
}

#[test]
fn epochs_end_in_time_and_one_by_one() {
    let mut world = World::new(Params::devnet());
    assert_eq!(
        world.try_apply(Event::EpochEnded),
        Err(BoardError::NoRollers)
    );
    world.join(1);
    assert!(world.board.is_epoch_due(world.now));
    world.apply(Event::EpochEnded);
    assert!(!world.board.is_epoch_due(world.now + 1_000_000));
    assert_eq!(
        world.try_apply(Event::EpochEnded),
        Err(BoardError::SnapshotPending(1))
    );
    let forged = Event::SnapshotConfirmed {
        epoch: 1,
        root: B256::ZERO,
    };
    assert_eq!(
        world.try_apply(forged),
        Err(BoardError::Divergence {
            what: "snapshot",
            of: 1
        })
    );
    let [rollmill_protocol::board::Action::PostSnapshot { root, .. }] =
        world.board.outstanding()[..]
    else {
        panic!()
    };
    world.apply(Event::SnapshotConfirmed { epoch: 1, root });
    assert_eq!(
        world.try_apply(Event::EpochEnded),
        Err(BoardError::EpochNotOver(world.board.epoch_due_at()))
    );
}
