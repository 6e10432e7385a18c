//! What anybody may read is enough to follow the network and to draw again.

use alloy_primitives::Address;
use rollmill_protocol::{
    TaskId,
    law::{Leaf, Params, Snapshot, draw},
};
use rollmill_roller_api::{
    Client, DialsView, EpochView, HeartbeatRequest, LeafView, PointOutcome, Progress, RollerView,
    SeatId, SnapshotView, Stage, StatusView, TaskView, WeightView,
};
use serde::de::DeserializeOwned;

use crate::harness::World;

async fn get<T: DeserializeOwned>(world: &World, path: &str) -> T {
    let url = format!("{}{path}", world.url);
    reqwest::get(url).await.unwrap().json().await.unwrap()
}

async fn status_of(world: &World, path: &str) -> u16 {
    let response = reqwest::get(format!("{}{path}", world.url)).await.unwrap();
    response.status().as_u16()
}

#[tokio::test]
async fn rollers_are_listed_page_by_page() {
    let world = World::new().await.with_snapshot().await;
    let listed = async |query: &str| -> Vec<Address> {
        let rollers: Vec<RollerView> = get(&world, &format!("/v1/rollers{query}")).await;
        assert!(rollers.iter().all(|roller| roller.history.is_empty()));
        rollers.iter().map(|roller| roller.roller).collect()
    };
    let [first, second, third] = [1, 2, 3].map(Address::repeat_byte);
    assert_eq!(listed("").await, [first, second, third]);
    assert_eq!(listed("?limit=2").await, [first, second]);
    assert_eq!(listed(&format!("?after={second}")).await, [third]);
    assert_eq!(listed(&format!("?after={third}")).await, [Address::ZERO; 0]);
    assert_eq!(status_of(&world, "/v1/rollers?after=somebody").await, 400);
}

#[tokio::test]
async fn a_roller_s_weights_are_those_of_the_snapshots_that_are_kept() {
    let world = World::new().await.with_snapshot().await;
    let board = world.observer.board();
    let snapshot = board.snapshot(1).unwrap();
    let leaf = snapshot.leaves()[1];
    let path = format!("/v1/rollers/{}/weights", leaf.roller);
    let weights: Vec<WeightView> = get(&world, &path).await;
    let [weight] = &weights[..] else {
        panic!("{} epochs", weights.len())
    };
    assert_eq!(
        (weight.epoch, weight.stake_wei, weight.q),
        (1, leaf.stake, leaf.q)
    );
    assert_eq!(weight.total_wei.0, snapshot.total());
    let stranger = format!("/v1/rollers/{}/weights", Address::repeat_byte(9));
    let none: Vec<WeightView> = get(&world, &stranger).await;
    assert_eq!(none, []);
    assert_eq!(status_of(&world, "/v1/rollers/somebody/weights").await, 400);
}

#[tokio::test]
async fn a_draw_is_made_again_from_what_is_published() {
    let (world, task) = World::new().await.with_snapshot().await.with_task().await;
    let view: TaskView = get(&world, &format!("/v1/tasks/{task}")).await;
    let law: Params = get(&world, "/v1/law").await;
    assert_eq!(law, world.params);
    let [drawn] = &view.draws[..] else {
        panic!("{} draws", view.draws.len())
    };
    let path = format!("/v1/epochs/{}", drawn.epoch);
    let published: SnapshotView = get(&world, &path).await;
    let leaf = |leaf: &LeafView| Leaf {
        roller: leaf.roller,
        stake: leaf.stake_wei,
        q: leaf.q,
        capacity: leaf.capacity,
    };
    let snapshot = Snapshot::new(published.leaves.iter().map(leaf).collect()).unwrap();
    assert_eq!(snapshot.root(), drawn.weights_root);
    assert_eq!(snapshot.root(), published.weights_root);
    assert_eq!(snapshot.total().to_string(), drawn.total);
    assert_eq!(published.total, drawn.total);
    assert_eq!(published.leaves_total, 3);

    assert_eq!(drawn.seed, draw::seed(task, drawn.round, drawn.beacon));
    let again = draw::draw(&law, published.k, &snapshot, drawn.seed, |_| Ok(()));
    let points: Vec<_> = again.hits.iter().map(|hit| hit.point.to_string()).collect();
    let told: Vec<_> = drawn.points.iter().map(|point| &point.point[..]).collect();
    assert_eq!(points, told);
    let tickets = drawn
        .points
        .iter()
        .filter(|point| point.outcome == PointOutcome::Ticket);
    assert_eq!(tickets.count(), law.k as usize);
    assert!(drawn.points.iter().all(|point| point.why.is_none()));

    // A page behind the last leaf, an epoch that is not kept, and one that is none.
    let behind: SnapshotView = get(&world, &format!("{path}?from=3")).await;
    assert_eq!((behind.leaves_total, behind.leaves.len()), (3, 0));
    assert_eq!(status_of(&world, "/v1/epochs/9").await, 404);
    assert_eq!(status_of(&world, "/v1/epochs/now").await, 400);
}

#[tokio::test]
async fn whoever_is_passed_over_is_told_why() {
    let mut world = World::new().await.with_snapshot().await;
    let silent = world.rollers[0].roller;
    for _ in 0..=world.params.heartbeat_s {
        world.clock.advance_ms(1_000);
        for roller in &world.rollers[1..] {
            roller.heartbeat().await;
        }
    }
    world.until(|board| board.rollers_present() == 2).await;
    // Batches until one of their points falls on the silent roller.
    let passed_over = loop {
        let task: TaskId = world.commit().await;
        assert!(world.step_on_l1().await);
        let view: TaskView = get(&world, &format!("/v1/tasks/{task}")).await;
        let mut points = view.draws.into_iter().flat_map(|draw| draw.points);
        if let Some(point) = points.find(|point| point.roller == silent) {
            break point;
        }
    };
    assert_eq!(passed_over.outcome, PointOutcome::PassedOver);
    assert_eq!(passed_over.why.unwrap(), "The roller is silent.");
}

#[tokio::test]
async fn the_dials_of_each_epoch_are_listed() {
    let world = World::new().await;
    let none: Vec<EpochView> = get(&world, "/v1/epochs").await;
    assert_eq!(none, []);
    let world = world.with_snapshot().await;
    let epochs: Vec<EpochView> = get(&world, "/v1/epochs").await;
    let board = world.observer.board();
    let controls = board.controls();
    assert_eq!(epochs.len(), 1);
    assert_eq!(epochs[0].epoch, 1);
    assert_eq!(epochs[0].weights_root, board.snapshot(1).unwrap().root());
    assert_eq!(
        (epochs[0].k, epochs[0].window, epochs[0].unit_price_wei),
        (controls.k, controls.window, controls.unit_price)
    );
}

#[tokio::test]
async fn the_dials_are_shown_with_what_would_follow() {
    let (world, _) = World::new().await.with_snapshot().await.with_task().await;
    let dials: DialsView = get(&world, "/v1/dials").await;
    let board = world.observer.board();
    let in_force = board.controls();
    assert_eq!((dials.epoch, dials.ends_unix_s), (1, board.epoch_due_at()));
    assert_eq!(
        (dials.in_force.k, dials.in_force.tau_ns_per_gas),
        (in_force.k, in_force.tau_ns_per_gas)
    );
    let (measure, next) = board.dials_ahead(world.clock.now_unix_s());
    assert_eq!(
        (dials.next.window, dials.next.unit_price_wei),
        (next.window, next.unit_price)
    );
    assert_eq!(dials.measure.capacity, measure.capacity());
    assert_eq!(dials.on_the_way, None);
    let status: StatusView = get(&world, "/v1/status").await;
    assert_eq!((status.rollers_present, status.degraded), (3, false));
    assert_eq!(status.tasks_open, 1);
}

#[tokio::test]
async fn lists_that_come_in_pages_are_read_to_their_end() {
    let world = World::new().await.with_snapshot().await;
    let client = Client::anybody(&world.url).unwrap();
    let rollers = client.rollers().await.unwrap();
    let names: Vec<Address> = rollers.iter().map(|roller| roller.roller).collect();
    assert_eq!(names, [1, 2, 3].map(Address::repeat_byte));
    let snapshot = client.snapshot(1).await.unwrap();
    assert_eq!(snapshot.leaves.len() as u64, snapshot.leaves_total);
    let law: Params = client.law().await.unwrap();
    assert_eq!(law, world.params);
}

#[tokio::test]
async fn tasks_are_listed_newest_and_open_ones() {
    let (mut world, first) = World::new().await.with_snapshot().await.with_task().await;
    for roller in &world.rollers {
        world.deliver(roller, first).await;
    }
    world.settle_on_l1().await;
    let second = world.commit().await;
    let listed = async |query: &str| -> Vec<TaskId> {
        let tasks: Vec<TaskView> = get(&world, &format!("/v1/tasks{query}")).await;
        tasks.iter().map(|task| task.task).collect()
    };
    assert_eq!(listed("").await, [first, second]);
    assert_eq!(listed("?limit=1").await, [second]);
    assert_eq!(listed("?open=true").await, [second]);
    assert_eq!(listed("?open=false").await, [first]);
}

#[tokio::test]
async fn a_report_on_work_is_news_and_a_bare_heartbeat_is_none() {
    let (world, task) = World::new().await.with_snapshot().await.with_task().await;
    let mut reports = world.observer.reports();
    world.heartbeats().await;
    assert!(!reports.has_changed().unwrap());
    let beat = HeartbeatRequest {
        ready: true,
        tasks: vec![Progress {
            seat: SeatId { task, round: 0 },
            stage: Stage::Proving,
            fraction: 0.5,
            eta_s: Some(3),
        }],
        ..HeartbeatRequest::default()
    };
    world.rollers[0].client.heartbeat(&beat).await.unwrap();
    assert!(reports.has_changed().unwrap());
    reports.borrow_and_update();
    let view: TaskView = get(&world, &format!("/v1/tasks/{task}")).await;
    let working = view.seats.iter().filter(|seat| seat.fraction == Some(0.5));
    assert_eq!(working.count(), 1);
}
