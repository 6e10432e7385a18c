//! Proofs whose digests are on L1 because nobody took them.

use alloy_primitives::{B256, Bytes, U256};
use rollmill_coordinator::{
    audit::{Subject, audit},
    log::Record,
};
use rollmill_l1::{
    Call, L1Event, calls,
    contracts::{
        Draws,
        Evidence::{self, EvidenceEvents},
        Rollup::{self, RollupEvents},
    },
};
use rollmill_protocol::{
    ProofDigest, TaskId,
    board::{Action, Event, SeatState as BoardSeat},
    law::snapshot::Tree,
};
use rollmill_roller_api::{
    Assignment, FALLBACK_ROUND, HeartbeatRequest, RefusalCode, SeatId, SeatState, SignedSubmission,
    SubmissionStats, TaskKind,
    receipts::{SeatOutcome, SignedReceipt, examine},
};
use rollmill_test_l1::{account, eventually};
use rollmill_zkvm::mock::MockProof;
use serde_json::value::RawValue;

use crate::{
    audit::rechain,
    embedded::Network,
    harness::{DEADLINE_S, TestRoller, World, operator, params, rollup},
};

/// A world whose clock can be moved on by a few deadlines.
async fn seated() -> (World, TaskId) {
    let world = World::under(params(), 200).await;
    world.with_snapshot().await.with_task().await
}

/// What L1 shows when a roller posts a proof for its seat in the first round.
fn post(roller: &TestRoller, batch: u64, proof: &Bytes) -> L1Event {
    L1Event::Evidence(EvidenceEvents::SubmissionPosted(
        Evidence::SubmissionPosted {
            batch,
            roller: roller.roller,
            round: 0,
            publicValuesHash: B256::ZERO,
            proofDigest: ProofDigest::of(proof).0,
            location: String::new(),
        },
    ))
}

fn state(world: &World, task: TaskId, roller: usize) -> BoardSeat {
    let board = world.observer.board();
    let seats = &board.task_by_id(task).unwrap().seats;
    seats[&(0, world.rollers[roller].roller)].state.clone()
}

fn passes(world: &World, lines: &[rollmill_coordinator::log::LogLine]) -> u64 {
    audit(lines, &world.l1_history(), &world.params)
        .unwrap()
        .settlements
}

#[tokio::test]
async fn a_posted_proof_is_an_entry_and_its_bytes_are_taken_after_the_deadline() {
    let (mut world, task) = seated().await;
    let seat = SeatId { task, round: 0 };
    let mut pile = {
        let silenced = &world.rollers[2];
        let assignment = silenced.pick().await.unwrap();
        silenced.asker().assignment(&assignment).unwrap()
    };
    for roller in &world.rollers[..2] {
        world.deliver(roller, task).await;
    }
    let proof = world.proof(task, world.rollers[2].roller).await;
    let event = post(&world.rollers[2], 1, &proof);
    world.l1(vec![event]).await;
    let outstanding = world.observer.board().outstanding();
    let [Action::PostEntries { entries, .. }] = &outstanding[..] else {
        panic!("{outstanding:?}")
    };
    let digests: Vec<ProofDigest> = entries.iter().map(|entry| entry.proof_digest).collect();
    assert_eq!(digests.len(), 3);
    assert!(digests.contains(&ProofDigest::of(&proof)));
    let view = world.rollers[0].client.task(task).await.unwrap();
    let shown = view
        .seats
        .iter()
        .find(|seat| seat.roller == world.rollers[2].roller);
    let shown = shown.unwrap();
    assert_eq!(shown.state, SeatState::Posted);
    assert_eq!(shown.proof_digest, Some(ProofDigest::of(&proof)));

    world.advance(DEADLINE_S + 5).await;
    let silenced = &world.rollers[2];
    let hash = world.expected(task, silenced.roller).await;
    let other: Bytes = MockProof {
        public_values_hash: B256::repeat_byte(0xba),
    }
    .encode()
    .into();
    let refused = silenced.submit(seat, hash, other).await.unwrap_err();
    let refusal = refused.refusal().unwrap();
    assert_eq!(refusal.code, RefusalCode::OtherSubmission);
    let asked = silenced
        .client
        .sign_submission(seat, silenced.roller, hash, &proof);
    let reply = silenced.submit(seat, hash, proof).await.unwrap();
    assert!(
        !reply.on_time,
        "what the receipt says is the time of receipt"
    );
    assert_eq!(state(&world, task, 2), BoardSeat::OnTime);

    pile.extend(silenced.asker().submission(&asked, &reply).unwrap());
    world.settle_on_l1().await;
    let beat = HeartbeatRequest {
        ready: true,
        awaiting: vec![seat],
        ..HeartbeatRequest::default()
    };
    let silenced = &world.rollers[2];
    let heard = silenced.client.heartbeat(&beat).await.unwrap();
    pile.extend(silenced.asker().heartbeat(&beat, &heard).unwrap());
    let Some(SignedReceipt::Close(close)) = pile.last() else {
        panic!("{pile:?}")
    };
    assert_eq!(close.receipt.outcome, u8::from(SeatOutcome::Posted));
    let domain = silenced.client.domain();
    assert_eq!(examine(&pile, domain, operator().address()), []);
    assert_eq!(passes(&world, &world.log().await), 1);
    let board = world.observer.board();
    assert_eq!(world.restart().await.observer.board(), board);
}

#[tokio::test]
async fn a_winner_whose_bytes_never_come_leaves_the_batch_to_the_fallback() {
    let (mut world, task) = seated().await;
    let nothing = Bytes::from_static(b"the digest of nothing");
    let events = world.rollers.iter().map(|roller| post(roller, 1, &nothing));
    let events = events.collect();
    world.l1(events).await;
    world.settle_on_l1().await;
    let outstanding = world.observer.board().outstanding();
    assert_eq!(outstanding, [Action::StartFallback { batch: 1, task }]);

    let prover = world.fallback();
    let work = prover.pick().await.unwrap();
    assert_eq!(work.kind, TaskKind::Fallback);
    let seat = SeatId {
        task,
        round: FALLBACK_ROUND,
    };
    world.deliver_in(&prover, seat).await;
    let settled = Rollup::BatchSettledUnpaid {
        batch: 1,
        roller: prover.roller,
        stateRoot: B256::repeat_byte(6),
        proverGas: 5_000,
    };
    let settled = rollup(RollupEvents::BatchSettledUnpaid(settled));
    world.l1(vec![settled]).await;
    let board = world.observer.board();
    assert!(board.outstanding().is_empty());
    for roller in &world.rollers {
        assert_eq!(board.roller(roller.roller).unwrap().record.missed, 1);
    }
    assert_eq!(passes(&world, &world.log().await), 1);
}

#[tokio::test]
async fn late_posts_change_nothing_and_forgotten_ones_are_found() {
    let (mut world, task) = seated().await;
    let proof = world.proof(task, world.rollers[2].roller).await;
    let (in_time, late) = (
        post(&world.rollers[2], 1, &proof),
        post(&world.rollers[1], 1, &proof),
    );
    world.l1(vec![in_time]).await;
    world.deliver(&world.rollers[0], task).await;
    world.advance(DEADLINE_S + 1).await;
    world
        .until(|board| !board.task_by_id(task).unwrap().is_open())
        .await;
    world.l1(vec![late]).await;
    assert!(matches!(state(&world, task, 1), BoardSeat::Missed { .. }));
    assert_eq!(state(&world, task, 2), BoardSeat::Posted);
    world.deliver(&world.rollers[2], task).await;
    world.settle_on_l1().await;
    let mut lines = world.log().await;
    assert_eq!(passes(&world, &lines), 1);

    // An operator that does not say so.
    let mut left_out = None;
    for line in &mut lines {
        let mut record = line.record().unwrap();
        if let Record::L1Block {
            events, decisions, ..
        } = &mut record
        {
            let before = events.len();
            events.retain(|event| !matches!(event, Event::SubmissionPosted { .. }));
            if events.len() < before {
                decisions.clear();
                left_out.get_or_insert(line.seq);
                line.body = RawValue::from_string(serde_json::to_string(&record).unwrap()).unwrap();
            }
        }
    }
    rechain(&mut lines);
    let found = audit(&lines, &world.l1_history(), &world.params).unwrap_err();
    assert_eq!((Some(found.seq), found.subject), (left_out, Subject::L1));
}

fn post_call(network: &Network, assignment: &Assignment, submission: &SignedSubmission) -> Call {
    let signed = assignment.receipt.as_ref().unwrap();
    calls::evidence::post_submission(
        network.deployment.evidence,
        assignment.batch,
        (
            calls::same(&submission.message()),
            submission.signature.clone(),
        ),
        (calls::same(&signed.receipt), signed.signature.clone()),
        "https://proofs.example".to_owned(),
    )
}

/// The whole way on a real L1: the digest is posted, entered and drawn; the bytes come only then, and are paid.
#[tokio::test]
async fn a_proof_that_was_posted_on_l1_is_paid_there() {
    let network = Network::start((600, 600)).await;
    let client = network.client(1);
    let owner = network.sender.address();
    network.stake(account(0), &client).await;
    let (task, assignment) = network.seat(&client, owner).await;
    let beat = HeartbeatRequest {
        ready: true,
        ..HeartbeatRequest::default()
    };
    let (values, proof) = network.proof(task, owner).await;
    let submission = client.sign_submission(assignment.seat, owner, values.hash(), &proof);
    let call = post_call(&network, &assignment, &submission);
    network.sender.send("post", &call).await.unwrap();

    let rollup = network.rollup();
    eventually("the entries and their lottery", async || {
        client.heartbeat(&beat).await.unwrap();
        let board = network.observer.board();
        board.task_by_id(task)?.is_winner_absent().then_some(())
    })
    .await;
    assert!(
        !rollup
            .batches(1)
            .call()
            .await
            .unwrap()
            .entriesHash
            .is_zero()
    );
    // L1 comes to the same tickets from the draw that was posted before them.
    let board = network.observer.board();
    let paths = Tree::from(board.snapshot(1).unwrap().clone()).paths_of(owner);
    let posted = Draws::PostedDraw {
        rounds: board.task_by_id(task).unwrap().posted_rounds(),
        paths: paths.into_iter().map(Into::into).collect(),
    };
    let draws = Draws::new(network.deployment.draws, network.provider.clone());
    let found = draws.ticketsOf(1, posted, owner).call().await.unwrap();
    assert_eq!(found.tickets, [U256::from(assignment.tickets)]);
    assert_eq!(found.drawnAt, [assignment.assigned_unix_s]);
    let stats = SubmissionStats::default();
    client.submit(&submission, &stats, proof).await.unwrap();
    eventually("the settlement", async || {
        rollup.batches(1).call().await.unwrap().paid.then_some(())
    })
    .await;
    eventually("the board's notice of it", async || {
        let board = network.observer.board();
        (board.roller(owner)?.record.won == 1).then_some(())
    })
    .await;
    network.stop().await;
}
