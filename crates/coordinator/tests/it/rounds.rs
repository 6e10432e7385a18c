//! Rounds as they go, well and badly.

use alloy_primitives::{B256, U256, keccak256};
use rollmill_l1::contracts::Rollup::{self, RollupEvents};
use rollmill_protocol::{
    board::{Action, Presence, SeatState as BoardSeat},
    entries_hash,
};
use rollmill_roller_api::{
    HeartbeatRequest, OfferOutcome, OfferView, PickRequest, Progress, REQUIREMENTS_FORM,
    RefusalCode, SeatId, SeatState, Stage, StopReason, TaskState, VerdictKind,
};

use crate::harness::{DEADLINE_S, World, rollup};

#[tokio::test]
async fn a_batch_is_drawn_proved_and_settled() {
    let world = World::new().await.with_snapshot().await;
    let (mut world, task) = world.with_task().await;
    for roller in &world.rollers {
        let assignment = roller.pick().await.unwrap();
        assert_eq!(
            (assignment.seat.task, assignment.roller),
            (task, roller.roller)
        );
        let mut witness = Vec::new();
        let hash = assignment.witness_hash;
        let mut download = roller.client.witness(hash, 1 << 20).await.unwrap();
        while let Some(piece) = download.next().await.unwrap() {
            witness.extend_from_slice(&piece);
        }
        assert_eq!(keccak256(&witness), hash);
        let receipt = world.deliver(roller, task).await;
        assert_eq!(
            (receipt.verdict, receipt.on_time),
            (VerdictKind::Valid, true)
        );
        assert!(roller.pick().await.is_none());
    }
    // All have reported: the task closes before its deadline.
    let entries = match &world.observer.board().outstanding()[..] {
        [
            Action::PostEntries {
                batch: 1, entries, ..
            },
        ] => entries.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(entries.len(), 3);
    let posted = Rollup::EntriesPosted {
        batch: 1,
        entriesHash: entries_hash(&entries),
        lotteryBlock: 50,
        entries: Vec::new(),
    };
    world
        .l1(vec![rollup(RollupEvents::EntriesPosted(posted))])
        .await;
    let beacon = Rollup::BeaconStored {
        l1Block: 50,
        prevrandao: B256::repeat_byte(5),
    };
    world
        .l1(vec![rollup(RollupEvents::BeaconStored(beacon))])
        .await;
    let winner = match &world.observer.board().outstanding()[..] {
        [Action::Settle { batch: 1, seat, .. }] => seat.roller,
        other => panic!("{other:?}"),
    };
    let settled = Rollup::BatchSettled {
        batch: 1,
        roller: winner,
        stateRoot: B256::repeat_byte(6),
        rewardWei: U256::from(77),
        proverGas: 5_000,
    };
    world
        .l1(vec![rollup(RollupEvents::BatchSettled(settled))])
        .await;

    let client = &world.rollers[0].client;
    let view = client.task(task).await.unwrap();
    assert_eq!((view.batch, view.state), (1, TaskState::Settled));
    assert!(
        view.seats
            .iter()
            .all(|seat| seat.state == SeatState::OnTime && seat.proof_bytes == Some(48))
    );
    assert_eq!(view.lottery.unwrap().winner, Some(winner));
    let settle = view.settle.unwrap();
    assert_eq!(
        (settle.reward_wei.0, settle.state_root),
        (77, B256::repeat_byte(6))
    );
    assert_eq!(client.tasks().await.unwrap().len(), 1);
    assert_eq!(client.status().await.unwrap().settled_batch, 1);
    assert!(world.observer.board().outstanding().is_empty());
    let record = client.roller(winner).await.unwrap();
    assert_eq!((record.offers, record.on_time, record.won), (1, 1, 1));
    assert_eq!(record.history[0].outcome, OfferOutcome::OnTime);
}

#[tokio::test]
async fn a_seat_is_delivered_until_it_reports() {
    let (world, task) = World::new().await.with_snapshot().await.with_task().await;
    let roller = &world.rollers[0];
    let first = roller.pick().await.unwrap();
    // What is in hand is not delivered; a roller that was restarted has nothing in hand.
    let in_hand = PickRequest {
        wait_ms: 0,
        in_hand: vec![first.seat],
    };
    assert_eq!(roller.client.pick(&in_hand).await.unwrap(), None);
    assert_eq!(roller.pick().await.unwrap(), first);
    let receipt = world.deliver(roller, task).await;
    assert_eq!(roller.pick().await, None);
    // The answer was lost: the same bytes give the same receipt, later as well.
    world.advance(DEADLINE_S + 5).await;
    assert_eq!(world.deliver(roller, task).await, receipt);
}

#[tokio::test]
async fn a_waiting_pick_is_answered_when_a_task_comes() {
    let world = World::new().await.with_snapshot().await;
    let client = world.rollers[1].client.clone();
    let waiting = tokio::spawn(async move {
        client
            .pick(&PickRequest {
                wait_ms: 20_000,
                in_hand: Vec::new(),
            })
            .await
    });
    let (_world, task) = world.with_task().await;
    assert_eq!(waiting.await.unwrap().unwrap().unwrap().seat.task, task);
}

#[tokio::test]
async fn an_invalid_proof_is_kept_and_goes_to_l1() {
    let (mut world, task) = World::new().await.with_snapshot().await.with_task().await;
    let (bad, other) = (&world.rollers[0], &world.rollers[1]);
    let seat = SeatId { task, round: 0 };
    // Another roller's valid proof under the own name: complete, signed, and not valid for this seat.
    let proof = world.proof(task, other.roller).await;
    let hash = world.expected(task, bad.roller).await;
    let receipt = bad.submit(seat, hash, proof.clone()).await.unwrap();
    assert_eq!(receipt.verdict, VerdictKind::Invalid);
    assert!(receipt.reason.is_some());
    assert_eq!(
        bad.submit(seat, hash, proof.clone()).await.unwrap(),
        receipt
    );
    let board = world.observer.board();
    let accused = board.outstanding();
    let [
        Action::Judge {
            batch: 1,
            seat: judged,
            proof_digest,
        },
    ] = &accused[..]
    else {
        panic!("{accused:?}")
    };
    assert_eq!(judged.roller, bad.roller);
    assert_eq!(
        world.store.objects().proof(*proof_digest).await.unwrap(),
        proof
    );
    assert!(bad.client.roller(bad.roller).await.unwrap().accused);
    let view = bad.client.task(task).await.unwrap();
    let shown = view
        .seats
        .iter()
        .find(|seat| seat.roller == bad.roller)
        .unwrap();
    assert_eq!(shown.state, SeatState::Invalid);
    assert!(
        shown
            .why
            .as_ref()
            .is_some_and(|why| why.contains("rejected"))
    );

    let judgement = crate::harness::judged(1, 0, bad.roller, proof_digest.0, false);
    world.l1(vec![judgement]).await;
    assert!(world.observer.board().outstanding().is_empty());
    let bad = &world.rollers[0];
    let record = bad.client.roller(bad.roller).await.unwrap();
    assert_eq!((record.fined_wei.0, record.accused), (10, false));
}

#[tokio::test]
async fn silence_ends_a_seat_and_late_proofs_are_late() {
    let (world, task) = World::new().await.with_snapshot().await.with_task().await;
    let (silent, slow) = (world.rollers[0].roller, &world.rollers[1]);
    let without_the_first = async |seconds: u64| {
        for _ in 0..seconds {
            world.clock.advance_ms(1_000);
            world.rollers[1].heartbeat().await;
            world.rollers[2].heartbeat().await;
        }
    };
    without_the_first(11).await;
    world
        .until(|board| board.roller(silent).unwrap().presence == Presence::Lost)
        .await;
    let board = world.observer.board();
    let seats = &board.task_by_id(task).unwrap().seats;
    assert!(matches!(
        seats[&(0, silent)].state,
        BoardSeat::Missed { .. }
    ));
    let view = slow.client.task(task).await.unwrap();
    let shown = view
        .seats
        .iter()
        .find(|seat| seat.roller == silent)
        .unwrap();
    assert!(shown.why.as_ref().is_some_and(|why| why.contains("silent")));
    assert!(!slow.client.roller(silent).await.unwrap().alive);

    // Nobody else has delivered either: the round ends without entries, and a late proof still counts as late.
    world.clock.advance_ms(1_000 * (DEADLINE_S - 10));
    world
        .until(|board| board.task_by_id(task).unwrap().rounds.len() == 2)
        .await;
    let receipt = world.deliver(slow, task).await;
    assert_eq!(
        (receipt.verdict, receipt.on_time),
        (VerdictKind::Valid, false)
    );
    // With an entry the task closes at the end of the round, and what became of each offer is on record.
    without_the_first(DEADLINE_S + 1).await;
    world
        .until(|board| !board.task_by_id(task).unwrap().is_open())
        .await;
    let record = slow.client.roller(silent).await.unwrap();
    let is_missed = |offer: &OfferView| offer.outcome == OfferOutcome::Missed;
    assert!(record.missed >= 1 && record.history.iter().any(is_missed));
}

#[tokio::test]
async fn work_that_is_lost_is_stopped() {
    let (mut world, task) = World::new().await.with_snapshot().await.with_task().await;
    let seat = SeatId { task, round: 0 };
    let progress = |seat| Progress {
        seat,
        stage: Stage::Proving,
        fraction: 0.5,
        eta_s: Some(7),
    };
    let elsewhere = SeatId {
        task: B256::repeat_byte(9).into(),
        round: 0,
    };
    let beat = HeartbeatRequest {
        ready: true,
        tasks: vec![progress(seat), progress(elsewhere)],
        awaiting: Vec::new(),
    };
    let reply = world.rollers[0].client.heartbeat(&beat).await.unwrap();
    assert_eq!(reply.stop.len(), 1);
    assert_eq!(
        (reply.stop[0].seat, reply.stop[0].reason),
        (elsewhere, StopReason::Unknown)
    );
    let view = world.rollers[1].client.task(task).await.unwrap();
    let shown = view
        .seats
        .iter()
        .find(|seat| seat.roller == world.rollers[0].roller)
        .unwrap();
    assert_eq!(
        (shown.stage, shown.fraction, shown.eta_s),
        (Some(Stage::Proving), Some(0.5), Some(7))
    );

    let settled = Rollup::BatchSettledUnpaid {
        batch: 1,
        stateRoot: B256::ZERO,
        ..Default::default()
    };
    world
        .l1(vec![rollup(RollupEvents::BatchSettledUnpaid(settled))])
        .await;
    let reply = world.rollers[0].client.heartbeat(&beat).await.unwrap();
    assert_eq!(
        reply.stop.iter().filter(|order| order.seat == seat).count(),
        1
    );
    let hash = world.expected(task, world.rollers[0].roller).await;
    let proof = world.proof(task, world.rollers[0].roller).await;
    let refused = world.rollers[0]
        .submit(seat, hash, proof)
        .await
        .unwrap_err();
    assert_eq!(refused.refusal().unwrap().code, RefusalCode::SeatClosed);
}

#[tokio::test]
async fn a_reorganisation_takes_a_task_back() {
    let world = World::new().await.with_snapshot().await;
    let before = world.observer.cursor().unwrap().block;
    let (mut world, task) = world.with_task().await;
    world.deliver(&world.rollers[0], task).await;
    world.rewind(before).await;
    assert!(world.observer.board().task_by_id(task).is_none());
    assert_eq!(world.rollers[0].pick().await, None);
    let record = world.rollers[0]
        .client
        .roller(world.rollers[0].roller)
        .await
        .unwrap();
    assert_eq!(record.offers, 0);
    let world = world.restart().await;
    assert!(world.observer.board().task_by_id(task).is_none());
}

/// What is described is there, by the method that is described.
async fn every_description_has_its_route(url: &str, document: &serde_json::Value) {
    let client = reqwest::Client::new();
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 17, "{:?}", paths.keys());
    for (path, item) in paths {
        let place = path.split('/').map(|part| match part.starts_with('{') {
            true => "0x00",
            false => part,
        });
        let place = format!("{url}{}", place.collect::<Vec<_>>().join("/"));
        for method in item.as_object().unwrap().keys() {
            let method: reqwest::Method = method.to_uppercase().parse().unwrap();
            let answer = client.request(method.clone(), &place).send().await.unwrap();
            let status = answer.status().as_u16();
            let said = answer.text().await.unwrap();
            let is_nowhere = status == 404 && said.contains("unknown_object");
            let is_there = status != 405 && !is_nowhere;
            assert!(is_there, "{method} {path}: {status} {said}");
        }
    }
}

#[tokio::test]
async fn anybody_may_read_and_the_api_describes_itself() {
    let (world, _) = World::new().await.with_snapshot().await.with_task().await;
    let requirements = world.rollers[0].client.requirements().await.unwrap();
    assert_eq!(requirements.proof_bytes_max, 48);
    assert_eq!(requirements.form, REQUIREMENTS_FORM);
    assert_eq!(requirements.roller_version_min, "0.1.0");
    assert_eq!(requirements.machine_min.memory_mib, 256);
    let get = async |path: &str| {
        let response = reqwest::get(format!("{}{path}", world.url)).await.unwrap();
        (
            response.status().as_u16(),
            response.json::<serde_json::Value>().await.unwrap(),
        )
    };
    let (status, document) = get("/openapi.json").await;
    assert_eq!(status, 200);
    every_description_has_its_route(&world.url, &document).await;
    for (path, code) in [
        ("/v1/tasks/0x00", "unknown_task"),
        (
            "/v1/rollers/0x0000000000000000000000000000000000000009",
            "unknown_roller",
        ),
        ("/nothing", "unknown_object"),
    ] {
        let (status, refusal) = get(path).await;
        assert_eq!(
            (status, refusal["code"].as_str()),
            (404, Some(code)),
            "{path}"
        );
    }
}
