//! Batches that settle together, on a real L1: the statement that the protocol folds is the one that L1 expects, and the operator brings
//! each winner its reward.

use alloy::primitives::U256;
use rollmill_l1::{
    calls,
    contracts::{RewardPool, Settlement},
};
use rollmill_protocol::{
    ProofCommitment, ProofDigest, PublicValues, TaskId,
    aggregate::{AggregateInput, AggregateValues, Child, Contribution, Shown, fold},
};
use rollmill_roller_api::{Assignment, Client, HeartbeatRequest, PickRequest, SubmissionStats};
use rollmill_test_l1::{account, eventually};
use rollmill_zkvm::mock::MockProof;

use crate::{
    embedded::{Network, reach},
    harness::PROVER_GAS,
};

/// What the aggregate program makes of these batches.
async fn folded(network: &Network, batches: &[(PublicValues, ProofCommitment)]) -> AggregateValues {
    let program = network.rollup().programs(1).call().await.unwrap();
    let children = batches.iter().map(|(values, proof)| Child {
        proof: *proof,
        values: values.clone(),
    });
    let input = AggregateInput {
        previous_lineage: Default::default(),
        children: children.collect(),
    };
    let shown = |proof| {
        let child = input.children.iter().find(|child| child.proof == proof);
        Shown {
            exe: program.exeCommit,
            vm: program.vmCommit,
            public_values_hash: child.unwrap().values.hash(),
        }
    };
    fold(&input, shown).unwrap()
}

/// Commits a batch and waits for its seat.
async fn next_seat(network: &Network, client: &Client, batch: u64) -> (TaskId, Assignment) {
    let task = network.commit(batch).await;
    let beat = HeartbeatRequest {
        ready: true,
        ..HeartbeatRequest::default()
    };
    let assignment = eventually("the next seat", async || {
        client.heartbeat(&beat).await.unwrap();
        client.pick(&PickRequest::default()).await.unwrap()
    })
    .await;
    (task, assignment)
}

#[tokio::test]
async fn winners_of_batches_that_settled_together_are_paid_by_the_operator() {
    let network = Network::start((2, 3_600)).await;
    let owner = account(1);
    let roller = owner.address();
    let client = network.client(1);
    network.stake(owner, &client).await;
    let objects = network.store.objects();
    let (mut batches, mut contributions, mut proofs) = (Vec::new(), Vec::new(), Vec::new());
    for batch in [1, 2] {
        let (task, assignment) = match batch {
            1 => network.seat(&client, roller).await,
            _ => next_seat(&network, &client, batch).await,
        };
        let (values, proof) = network.proof(task, roller).await;
        let submission = client.sign_submission(assignment.seat, roller, values.hash(), &proof);
        let stats = SubmissionStats::default();
        let handed_in = client.submit(&submission, &stats, proof.clone()).await;
        handed_in.unwrap();
        // The operator cannot settle singly.
        objects.remove(ProofDigest::of(&proof).0).await.unwrap();
        let commitment = ProofCommitment::of(&proof);
        batches.push((values, commitment));
        contributions.push(Contribution {
            roller,
            prover_gas: PROVER_GAS,
            proof: commitment,
        });
        proofs.push(proof);
    }
    let rollup = network.rollup();
    eventually("the entries", async || {
        let through = rollup.enteredThrough().call().await.unwrap();
        (through == 2).then_some(())
    })
    .await;
    reach(&network, rollup.unpaidFrom(2).call().await.unwrap()).await;

    let statement = folded(&network, &batches).await;
    let aggregate = MockProof {
        public_values_hash: statement.hash(),
    };
    let deployment = &network.deployment;
    let proof = aggregate.encode().into();
    let call = calls::settle_many(deployment.settlement, (1, 2), &contributions, proof);
    let stranger = network.stranger(account(2)).await;
    stranger.send("stranger", &call).await.unwrap();
    eventually("the board's notice of it", async || {
        let board = network.observer.board();
        (board.settled_through() == 2).then_some(())
    })
    .await;
    let settlement = Settlement::new(deployment.settlement, &network.provider);
    assert!(settlement.isOpen(2).call().await.unwrap());

    for proof in proofs {
        objects.put_proof(&proof).await.unwrap();
    }
    for batch in [1, 2] {
        eventually("the operator's claim for the winner", async || {
            rollup
                .batches(batch)
                .call()
                .await
                .unwrap()
                .paid
                .then_some(())
        })
        .await;
        assert!(!settlement.isOpen(batch).call().await.unwrap());
    }
    let batch = rollup.batches(1).call().await.unwrap();
    let reward = U256::from(batch.unitPriceWei) * U256::from(batch.k) * U256::from(PROVER_GAS);
    let pool = RewardPool::new(deployment.reward_pool, &network.provider);
    let credits = pool.credits(roller).call().await.unwrap();
    assert_eq!(credits, reward + reward);
    network.stop().await;
}
