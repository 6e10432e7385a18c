//! The operator's word as rollers get it: with every answer, the same at every repeat, and whole when examined.

use rollmill_protocol::board::SeatState;
use rollmill_roller_api::{
    HeartbeatRequest, PickRequest, SeatId,
    receipts::{SeatOutcome, SignedReceipt, examine},
};

use crate::harness::{DEADLINE_S, TestRoller, World, operator};

/// One heartbeat with its receipts.
async fn heard(roller: &TestRoller, awaiting: Vec<SeatId>) -> Vec<SignedReceipt> {
    let beat = HeartbeatRequest {
        ready: true,
        tasks: Vec::new(),
        awaiting,
    };
    let reply = roller.client.heartbeat(&beat).await.unwrap();
    roller.asker().heartbeat(&beat, &reply).unwrap()
}

#[tokio::test]
async fn a_round_leaves_a_pile_of_receipts_that_hangs_together() {
    let (mut world, task) = World::new().await.with_snapshot().await.with_task().await;
    let seat = SeatId { task, round: 0 };
    let mut piles = Vec::new();
    for roller in &world.rollers {
        let asker = roller.asker();
        let mut pile = heard(roller, vec![seat]).await;
        assert_eq!(pile.len(), 1, "nothing is closed yet");
        let assignment = roller.pick().await.unwrap();
        pile.extend(asker.assignment(&assignment).unwrap());

        let proof = world.proof(task, roller.roller).await;
        let hash = world.expected(task, roller.roller).await;
        let asked = roller
            .client
            .sign_submission(seat, roller.roller, hash, &proof);
        let reply = roller.submit(seat, hash, proof).await.unwrap();
        pile.extend(asker.submission(&asked, &reply).unwrap());
        piles.push(pile);
    }
    world.settle_on_l1().await;
    for (roller, mut pile) in world.rollers.iter().zip(piles) {
        let closed = heard(roller, vec![seat]).await;
        let Some(SignedReceipt::Close(close)) = closed.get(1) else {
            panic!("{closed:?}")
        };
        assert_eq!(close.receipt.outcome, u8::from(SeatOutcome::OnTime));
        pile.extend(closed);
        let findings = examine(&pile, roller.client.domain(), operator().address());
        assert_eq!(findings, []);
        assert_eq!(pile.len(), 6);
    }
}

#[tokio::test]
async fn receipts_are_the_same_at_every_repeat_and_after_a_restart() {
    let (world, task) = World::new().await.with_snapshot().await.with_task().await;
    let first = world.rollers[0].pick().await.unwrap();
    assert!(first.receipt.is_some());
    let submitted = world.deliver(&world.rollers[1], task).await;
    let world = world.restart().await;
    assert_eq!(world.rollers[0].pick().await.unwrap(), first);
    assert_eq!(world.deliver(&world.rollers[1], task).await, submitted);
    assert!(submitted.received.is_some() && submitted.judged.is_some());
}

#[tokio::test]
async fn a_rejected_proof_is_received_and_called_invalid() {
    let (mut world, task) = World::new().await.with_snapshot().await.with_task().await;
    let seat = SeatId { task, round: 0 };
    let reply = world.cheat(&world.rollers[0], seat).await;
    assert!(!reply.judged.unwrap().receipt.valid);
    world.deliver(&world.rollers[1], task).await;
    world.deliver(&world.rollers[2], task).await;
    world.settle_on_l1().await;
    let closed = heard(&world.rollers[0], vec![seat]).await;
    let Some(SignedReceipt::Close(close)) = closed.get(1) else {
        panic!("{closed:?}")
    };
    assert_eq!(close.receipt.outcome, u8::from(SeatOutcome::Invalid));
}

/// The end of a seat is said as it was when the task closed, whatever L1 says of its proof later.
#[tokio::test]
async fn the_end_of_a_seat_is_said_once() {
    let (mut world, task) = World::new().await.with_snapshot().await.with_task().await;
    let seat = SeatId { task, round: 0 };
    let reply = world.cheat(&world.rollers[0], seat).await;
    world.deliver(&world.rollers[1], task).await;
    world.deliver(&world.rollers[2], task).await;
    let before = heard(&world.rollers[0], vec![seat]).await;
    let roller = world.rollers[0].roller;
    let overturned = crate::harness::judged(1, 0, roller, reply.proof_digest.0, true);
    world.l1(vec![overturned]).await;
    let board = world.observer.board();
    let state = &board.task_by_id(task).unwrap().seats[&(0, roller)].state;
    assert!(matches!(state, SeatState::Released { .. }));
    let after = heard(&world.rollers[0], vec![seat]).await;
    assert_eq!(after.get(1), before.get(1));
    assert!(after.get(1).is_some());
    let world = world.restart().await;
    let again = heard(&world.rollers[0], vec![seat]).await;
    assert_eq!(again.get(1), before.get(1));
}

#[tokio::test]
async fn an_assignment_shows_who_was_passed_over() {
    let mut world = World::new().await.with_snapshot().await;
    // The first roller falls silent, so that points that hit it are passed over.
    for _ in 0..11 {
        world.clock.advance_ms(1_000);
        world.rollers[1].heartbeat().await;
        world.rollers[2].heartbeat().await;
    }
    let silent = world.rollers[0].roller;
    world
        .until(|board| {
            board.roller(silent).unwrap().presence == rollmill_protocol::board::Presence::Lost
        })
        .await;
    let mut passed_over = Vec::new();
    for _ in 0..8 {
        let task = world.commit().await;
        world.settle_on_l1().await;
        for roller in &world.rollers[1..] {
            let picked = roller.client.pick(&PickRequest::default()).await.unwrap();
            let Some(assignment) = picked.filter(|assignment| assignment.seat.task == task) else {
                continue;
            };
            let receipts = roller.asker().assignment(&assignment).unwrap();
            passed_over.extend(receipts.into_iter().filter_map(|receipt| match receipt {
                SignedReceipt::PassOver(signed) => Some(signed.receipt),
                _ => None,
            }));
            world.deliver(roller, task).await;
        }
        world.settle_on_l1().await;
    }
    assert!(!passed_over.is_empty());
    for hit in passed_over.iter().filter(|hit| hit.roller == silent) {
        assert_eq!(hit.reason, 2, "silent");
    }
    assert!(passed_over.iter().any(|hit| hit.roller == silent));
}

#[tokio::test]
async fn a_late_proof_is_called_late() {
    let (world, task) = World::new().await.with_snapshot().await.with_task().await;
    world.advance(DEADLINE_S + 1).await;
    let reply = world.deliver(&world.rollers[0], task).await;
    let (received, judged) = (reply.received.unwrap(), reply.judged.unwrap());
    assert!(!judged.receipt.onTime && judged.receipt.valid);
    let assigned = world.observer.board().task_by_id(task).unwrap().seats
        [&(0, world.rollers[0].roller)]
        .deadline;
    assert!(received.receipt.receivedAt > assigned);
}
