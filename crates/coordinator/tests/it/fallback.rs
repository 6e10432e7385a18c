//! When no roller delivers, the operator's own prover does: over the same API, verified in the same way, unpaid.

use alloy_primitives::{B256, U256, keccak256};
use rollmill_l1::contracts::Rollup::{self, RollupEvents};
use rollmill_protocol::{TaskId, board::Action};
use rollmill_roller_api::{
    FALLBACK_ROUND, HeartbeatRequest, PickRequest, Progress, RefusalCode, SeatId, Stage,
    StopReason, TaskKind, TaskState, VerdictKind,
};
use rollmill_zkvm::mock::MockProof;

use crate::harness::{DEADLINE_S, World, params, rollup};

/// A world whose first task nobody delivers, at the moment when the fallback is called.
async fn abandoned() -> (World, TaskId) {
    let multiple = u64::from(params().fallback_multiple);
    let wait_s = (DEADLINE_S + 1) * multiple;
    let world = World::under(params(), wait_s + 100).await;
    let (world, task) = world.with_snapshot().await.with_task().await;
    world.advance(wait_s).await;
    world
        .until(|board| {
            let mut wanted = board.outstanding().into_iter();
            wanted.any(|action| matches!(action, Action::StartFallback { .. }))
        })
        .await;
    (world, task)
}

fn seat(task: TaskId) -> SeatId {
    SeatId {
        task,
        round: FALLBACK_ROUND,
    }
}

fn unpaid(world: &World) -> rollmill_l1::L1Event {
    rollup(RollupEvents::BatchSettledUnpaid(
        Rollup::BatchSettledUnpaid {
            batch: 1,
            roller: world.fallback().roller,
            stateRoot: B256::repeat_byte(6),
            proverGas: 5_000,
        },
    ))
}

#[tokio::test]
async fn the_fallback_proves_what_no_roller_delivers_and_rollers_go_on() {
    let (mut world, task) = abandoned().await;
    let prover = world.fallback();
    let work = prover.pick().await.unwrap();
    assert_eq!((work.kind, work.seat), (TaskKind::Fallback, seat(task)));
    assert_eq!((work.roller, work.tickets), (prover.roller, 0));
    let mut witness = Vec::new();
    let hash = work.witness_hash;
    let mut download = prover.client.witness(hash, 1 << 20).await.unwrap();
    while let Some(piece) = download.next().await.unwrap() {
        witness.extend_from_slice(&piece);
    }
    assert_eq!(keccak256(&witness), hash);

    // The statement names the fallback's own address.
    let reply = world.deliver_in(&prover, seat(task)).await;
    assert_eq!(
        (reply.verdict, reply.roller),
        (VerdictKind::Valid, prover.roller)
    );
    assert_eq!(
        world.deliver_in(&prover, seat(task)).await,
        reply,
        "a repeat"
    );
    assert_eq!(prover.pick().await, None, "delivered once");
    let record = world
        .store
        .submission(task.0, FALLBACK_ROUND, prover.roller)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        record.public_values_hash,
        world.expected(task, prover.roller).await
    );

    let event = unpaid(&world);
    world.l1(vec![event]).await;
    assert_eq!(world.observer.board().settled_through(), 1);
    let view = prover.client.task(task).await.unwrap();
    assert_eq!(view.state, TaskState::Settled);
    let settle = view.settle.unwrap();
    assert_eq!((settle.roller, settle.reward_wei.0), (None, 0));

    // The next batch is the rollers' again.
    let (mut world, next) = world.with_task().await;
    assert_eq!(world.fallback().pick().await, None);
    for roller in &world.rollers {
        world.deliver(roller, next).await;
    }
    world.settle_on_l1().await;
    assert_eq!(world.observer.board().settled_through(), 2);
}

#[tokio::test]
async fn the_fallbacks_proof_survives_a_restart() {
    let (world, task) = abandoned().await;
    let reply = world.deliver_in(&world.fallback(), seat(task)).await;
    let world = world.restart().await;
    assert_eq!(world.fallback().pick().await, None);
    assert_eq!(world.deliver_in(&world.fallback(), seat(task)).await, reply);
}

#[tokio::test]
async fn the_fallback_is_offered_nothing_before_its_time_and_rollers_never_its_work() {
    let (world, task) = World::new().await.with_snapshot().await.with_task().await;
    let prover = world.fallback();
    assert_eq!(prover.pick().await, None);
    let refused = async |roller, seat: SeatId| {
        let proof = world.proof(task, prover.roller).await;
        let hash = world.expected(task, prover.roller).await;
        let refused: rollmill_roller_api::ClientError =
            crate::harness::TestRoller::submit(roller, seat, hash, proof)
                .await
                .unwrap_err();
        refused.refusal().unwrap().code
    };
    assert_eq!(refused(&prover, seat(task)).await, RefusalCode::SeatClosed);
    let drawn = SeatId { task, round: 0 };
    assert_eq!(refused(&prover, drawn).await, RefusalCode::NotSeated);
    assert_eq!(
        refused(&world.rollers[0], seat(task)).await,
        RefusalCode::NotSeated
    );
}

#[tokio::test]
async fn a_fallback_proof_that_does_not_verify_accuses_nobody() {
    let (world, task) = abandoned().await;
    let prover = world.fallback();
    let garbage = MockProof {
        public_values_hash: B256::from(U256::from(1)),
    };
    let hash = world.expected(task, prover.roller).await;
    let reply = prover
        .submit(seat(task), hash, garbage.encode().into())
        .await
        .unwrap();
    assert_eq!(reply.verdict, VerdictKind::Invalid);
    let wanted = world.observer.board().outstanding();
    assert!(
        !wanted
            .iter()
            .any(|action| matches!(action, Action::Judge { .. }))
    );
    let picked = prover.pick().await.unwrap();
    assert_eq!(picked.seat, seat(task), "offered again");
    let other = world.proof(task, world.rollers[0].roller).await;
    let foreign = world.expected(task, world.rollers[0].roller).await;
    let refused = prover.submit(seat(task), foreign, other).await.unwrap_err();
    assert_eq!(
        refused.refusal().unwrap().code,
        RefusalCode::WrongPublicValues
    );
}

#[tokio::test]
async fn the_fallback_stops_when_its_batch_is_settled() {
    let (mut world, task) = abandoned().await;
    let prover = world.fallback();
    let beat = HeartbeatRequest {
        ready: true,
        tasks: vec![Progress {
            seat: seat(task),
            stage: Stage::Proving,
            fraction: 0.5,
            eta_s: None,
        }],
        awaiting: Vec::new(),
    };
    let reply = prover.client.heartbeat(&beat).await.unwrap();
    assert!(reply.stop.is_empty() && reply.receipt.is_none());
    let in_hand = PickRequest {
        wait_ms: 0,
        in_hand: vec![seat(task)],
    };
    assert_eq!(prover.client.pick(&in_hand).await.unwrap(), None);
    let event = unpaid(&world);
    world.l1(vec![event]).await;
    let reply = prover.client.heartbeat(&beat).await.unwrap();
    assert_eq!(reply.stop[0].reason, StopReason::Settled);
}
