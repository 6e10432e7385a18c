//! What survives the end of the process.

use rollmill_coordinator::audit::{LawOnL1, audit};
use rollmill_protocol::{
    TaskId,
    board::{Action, SeatState},
};
use rollmill_roller_api::RefusalCode;
use rollmill_store::{SubmissionRecord, Verdict};

use crate::harness::World;

#[tokio::test]
async fn replaying_the_log_gives_an_equal_board() {
    let (world, task) = World::new().await.with_snapshot().await.with_task().await;
    let picked = world.rollers[0].pick().await.unwrap();
    let receipt = world.deliver(&world.rollers[1], task).await;
    let before = (
        world.observer.board(),
        world.observer.head(),
        world.observer.cursor(),
    );

    let world = world.restart().await;
    let after = (
        world.observer.board(),
        world.observer.head(),
        world.observer.cursor(),
    );
    assert_eq!(after, before);
    assert_eq!(world.rollers[0].pick().await.unwrap(), picked);
    assert_eq!(world.deliver(&world.rollers[1], task).await, receipt);
}

/// The process ends after the submission is recorded and before its event is.
#[tokio::test]
async fn a_recorded_submission_without_its_event_is_completed() {
    let (world, task) = World::new().await.with_snapshot().await.with_task().await;
    let roller = world.rollers[0].roller;
    let receipt = world.deliver(&world.rollers[1], task).await;
    let model = world
        .store
        .submission(task.0, 0, world.rollers[1].roller)
        .await
        .unwrap()
        .unwrap();
    let proof = world.proof(task, roller).await;
    let record = SubmissionRecord {
        roller,
        proof_digest: world.store.objects().put(&proof).await.unwrap(),
        public_values_hash: world.expected(task, roller).await,
        verdict: Verdict::Valid,
        receipt: serde_json::to_value(&receipt).unwrap(),
        ..model
    };
    world.store.record_submission(&record).await.unwrap();

    let world = world.restart().await;
    world
        .until(|board| {
            board.task_by_id(task).unwrap().seats[&(0, roller)].state == SeatState::OnTime
        })
        .await;
    assert_eq!(world.rollers[0].pick().await, None);
}

/// The process ends between an event and the action that it leads to.
#[tokio::test]
async fn outstanding_actions_are_outstanding_after_a_restart() {
    let (world, task) = World::new().await.with_snapshot().await.with_task().await;
    for roller in &world.rollers {
        world.deliver(roller, task).await;
    }
    let before = world.observer.board().outstanding();
    assert!(matches!(&before[..], [Action::PostEntries { .. }]));
    let world = world.restart().await;
    assert_eq!(world.observer.board().outstanding(), before);
}

#[tokio::test]
async fn a_used_nonce_stays_used() {
    let world = World::new().await.with_snapshot().await;
    let request = crate::refusals::signed_heartbeat(&world, 50);
    assert_eq!(request.send(&world).await, None);
    let world = world.restart().await;
    assert_eq!(request.send(&world).await, Some(RefusalCode::ReplayedNonce));
}

/// L1 took the task back and has it again: the seat is another one of the same name, and its proof counts again.
#[tokio::test]
async fn a_submission_counts_again_after_a_reorganisation() {
    let world = World::new().await.with_snapshot().await;
    let before = world.observer.cursor().unwrap().block;
    let (mut world, task) = world.with_task().await;
    let receipt = world.deliver(&world.rollers[0], task).await;
    world.rewind(before).await;
    let (world, again) = world.with_task().await;
    assert_eq!(again, task);
    assert_eq!(
        world.deliver(&world.rollers[0], task).await.proof_digest,
        receipt.proof_digest
    );
    let board = world.observer.board();
    let seat = &board.task_by_id(task).unwrap().seats[&(0, world.rollers[0].roller)];
    assert_eq!(seat.state, SeatState::OnTime);
}

/// At every moment of a round the process is killed: what it leaves on disk leads to the same board, to the same answers
/// and receipts, to the end of the round, and to a log that passes the audit.
#[tokio::test]
async fn a_kill_at_any_moment_of_a_round_loses_nothing() {
    let (mut world, task) = World::new().await.with_snapshot().await.with_task().await;
    finishes_after_a_kill(&world, task).await;
    for number in 0..world.rollers.len() {
        let picked = world.rollers[number].pick().await.unwrap();
        let killed = world.crashed().await;
        assert_eq!(killed.rollers[number].pick().await.unwrap(), picked);
        finishes_after_a_kill(&world, task).await;

        let answer = world.deliver(&world.rollers[number], task).await;
        let killed = world.crashed().await;
        assert_eq!(killed.deliver(&killed.rollers[number], task).await, answer);
        finishes_after_a_kill(&world, task).await;
    }
    while !world.observer.board().outstanding().is_empty() {
        world.step_on_l1().await;
        finishes_after_a_kill(&world, task).await;
    }
}

async fn finishes_after_a_kill(world: &World, task: TaskId) {
    let mut killed = world.crashed().await;
    let seen = |world: &World| {
        (
            world.observer.board(),
            world.observer.head(),
            world.observer.cursor(),
        )
    };
    assert_eq!(seen(&killed), seen(world));
    for roller in &killed.rollers {
        if roller.pick().await.is_some() {
            killed.deliver(roller, task).await;
        }
    }
    killed.settle_on_l1().await;
    assert_eq!(killed.observer.board().settled_through(), 1);
    let law = LawOnL1::from(&killed.params);
    let passed = audit(&killed.log().await, &killed.l1_history(), &law).unwrap();
    assert_eq!(passed.settlements, 1);
}
