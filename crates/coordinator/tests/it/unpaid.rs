//! The fallback's proof on a real L1. No roller is registered, so nobody can be drawn; the operator's own prover proves, and
//! `Rollup.settleUnpaid` settles batch after batch when `unpaidFrom` has passed.

use rollmill_protocol::TaskId;
use rollmill_roller_api::{Client, FALLBACK_ROUND, PickRequest, SeatId, SubmissionStats, TaskKind};
use rollmill_test_l1::eventually;

use crate::{
    embedded::Network,
    harness::{L1_CHAIN_ID, fallback},
};

/// The fallback prover takes one task and delivers its proof.
async fn prove(client: &Client, network: &Network, task: TaskId) {
    let pick = PickRequest {
        wait_ms: 10_000,
        in_hand: Vec::new(),
    };
    let work = eventually("the call for the fallback", async || {
        client.pick(&pick).await.unwrap()
    })
    .await;
    let seat = SeatId {
        task,
        round: FALLBACK_ROUND,
    };
    assert_eq!((work.kind, work.seat), (TaskKind::Fallback, seat));
    let (values, proof) = network.proof(task, client.signer()).await;
    let submission = client.sign_submission(seat, client.signer(), values.hash(), &proof);
    let stats = SubmissionStats::default();
    client.submit(&submission, &stats, proof).await.unwrap();
}

#[tokio::test]
async fn batches_that_nobody_else_proves_settle_unpaid_on_l1() {
    let network = Network::start((2, 5)).await;
    let client = Client::new(
        &network.url,
        fallback(),
        L1_CHAIN_ID,
        network.deployment.rollup,
    )
    .unwrap();
    let rollup = network.rollup();
    for batch in 1..=2 {
        let task = network.commit(batch).await;
        prove(&client, &network, task).await;
        eventually("the unpaid settlement", async || {
            (rollup.settledBatch().call().await.unwrap() == batch).then_some(())
        })
        .await;
        let from = rollup.unpaidFrom(batch).call().await.unwrap();
        let settled_at = rollup.batches(batch).call().await.unwrap().settledAt;
        assert!(
            settled_at >= from,
            "settled at {settled_at}, not before {from}"
        );
        eventually("the board's notice of it", async || {
            (network.observer.board().settled_through() == batch).then_some(())
        })
        .await;
    }
    let paid = rollup.batches(2).call().await.unwrap().paid;
    assert!(!paid);
    network.stop().await;
}
