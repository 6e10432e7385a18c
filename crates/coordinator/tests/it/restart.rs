//! What survives the end of the process.

use alloy_primitives::B256;
use rollmill_coordinator::{
    audit::{Subject, audit},
    log::Record,
};
use rollmill_protocol::{
    TaskId,
    board::{Action, SeatState},
    law::Params,
};
use rollmill_roller_api::RefusalCode;
use rollmill_store::{Store, SubmissionRecord, Verdict};

use crate::harness::{World, params};

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

/// The states of the checkpoints in the log, oldest first.
async fn checkpoints(world: &World) -> Vec<B256> {
    let lines = world.log().await;
    let states = lines
        .iter()
        .filter_map(|line| match line.record().unwrap() {
            Record::Checkpoint { state } => Some(state),
            _ => None,
        });
    states.collect()
}

/// Four epochs, and a task in work.
async fn after_some_epochs() -> (World, TaskId) {
    let law = Params {
        epoch_s: 5,
        ..params()
    };
    let mut world = World::under(law, 100).await.with_snapshot().await;
    while world.observer.board().epoch() < 4 {
        world.advance(1).await;
        world.settle_on_l1().await;
    }
    let (world, task) = world.with_task().await;
    world.deliver(&world.rollers[1], task).await;
    (world, task)
}

#[tokio::test]
async fn a_start_from_a_checkpoint_equals_one_from_the_whole_log() {
    let (world, _) = after_some_epochs().await;
    let states = checkpoints(&world).await;
    assert!(states.len() >= 4);
    let objects = world.store.objects();
    for (age, state) in states.iter().rev().enumerate() {
        assert_eq!(objects.contains(*state).await.unwrap(), age < 2);
    }
    let mut boards = vec![world.observer.board()];
    let mut world = world.restart().await;
    boards.push(world.observer.board());
    for state in states.iter().rev().take(2) {
        world.store.objects().remove(*state).await.unwrap();
        world = world.restart().await;
        boards.push(world.observer.board());
    }
    assert!(boards.iter().all(|board| *board == boards[0]));
}

/// What the object holds is what the start goes on from: whoever names another state is found by the audit, not here.
#[tokio::test]
async fn a_start_goes_on_from_the_newest_checkpoint() {
    let (world, _) = after_some_epochs().await;
    let state = *checkpoints(&world).await.last().unwrap();
    let bytes = world.store.objects().get(state).await.unwrap();
    let mut forged: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let roller = format!("{:#x}", world.rollers[2].roller);
    forged["board"]["rollers"][&roller]["capacity"] = 77.into();
    let forged = serde_json::to_vec(&forged).unwrap();
    let state = world.store.objects().put(&forged).await.unwrap();
    let record = serde_json::to_string(&Record::Checkpoint { state }).unwrap();
    let (observer, now_unix_ms) = (world.observer.clone(), world.clock.now_unix_s() * 1_000);
    let named = async |store: &Store| {
        let head = Some(observer.head());
        store.append_event(head, now_unix_ms, record).await.unwrap();
    };
    let world = world.restart_after(named).await;
    let (seq, _) = world.observer.head();
    let board = world.observer.board();
    assert_eq!(board.roller(world.rollers[2].roller).unwrap().capacity, 77);
    let found = audit(&world.log().await, &world.l1_history(), &world.params).unwrap_err();
    assert_eq!((found.seq, found.subject), (seq, Subject::Checkpoint));
}

/// L1 takes back what the newest checkpoint rests on.
#[tokio::test]
async fn a_reorganisation_below_a_checkpoint_goes_further_back() {
    let world = World::new().await;
    let mut world = world.with_snapshot().await;
    world.rewind(1).await;
    assert_eq!(world.observer.board().epoch(), 0);
    world.rewind(0).await;
    let board = world.observer.board();
    assert_eq!(board.rollers().count(), 0);
    assert_eq!(world.restart().await.observer.board(), board);
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
        proof_digest: world.store.objects().put_proof(&proof).await.unwrap().0,
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

/// L1 takes each step of a round back once, the entries, the beacons and the settlement: the board wants the same done again, and
/// the round ends as if nothing had been.
#[tokio::test]
async fn a_round_survives_that_l1_takes_each_of_its_steps_back() {
    let (mut world, task) = World::new().await.with_snapshot().await.with_task().await;
    let mut taken_back = 0;
    for number in 0..world.rollers.len() {
        if world.rollers[number].pick().await.is_some() {
            world.deliver(&world.rollers[number], task).await;
        }
    }
    while !world.observer.board().outstanding().is_empty() {
        let (wanted, before) = (
            world.observer.board().outstanding(),
            world.observer.cursor().unwrap().block,
        );
        world.step_on_l1().await;
        world.rewind(before).await;
        assert_eq!(world.observer.board().outstanding(), wanted);
        taken_back += 1;
        world.step_on_l1().await;
    }
    // Entries, lottery beacon, settlement.
    assert_eq!(taken_back, 3);
    let settled = world.observer.cursor().unwrap().block;
    assert_eq!(world.observer.board().settled_through(), 1);
    world.rewind(settled - 1).await;
    assert_eq!(world.observer.board().settled_through(), 0);
    let mut world = world.restart().await;
    world.settle_on_l1().await;
    assert_eq!(world.observer.board().settled_through(), 1);
    let passed = audit(&world.log().await, &world.l1_history(), &world.params).unwrap();
    assert_eq!(passed.tasks, 1);
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
    let passed = audit(&killed.log().await, &killed.l1_history(), &killed.params).unwrap();
    assert_eq!(passed.settlements, 1);
}
