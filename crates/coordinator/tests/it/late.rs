//! A batch that settles without its winner, on a real L1: the operator, who has the winner's bytes, claims for it; and the roller can
//! have what L1 owes it.

use alloy::primitives::{Address, U256};
use rollmill_l1::{
    calls::{self, rewards as call},
    contracts::{Emission, RewardPool, ScrToken},
    rewards::{LateShare, Owed, RewardError, late_share, owed},
};
use rollmill_protocol::ProofDigest;
use rollmill_roller_api::SubmissionStats;
use rollmill_test_l1::{account, eventually};

use crate::{
    embedded::{EMISSION_EPOCH_S, Network, reach},
    harness::PROVER_GAS,
};

async fn balance(network: &Network, account: Address) -> U256 {
    let token = ScrToken::new(network.deployment.token, network.provider.clone());
    token.balanceOf(account).call().await.unwrap()
}

#[tokio::test]
async fn a_winner_that_was_passed_by_gets_its_reward_all_the_same() {
    let network = Network::start((2, 3_600)).await;
    let (owner, stranger) = (account(1), account(2));
    let roller = owner.address();
    let client = network.client(1);
    network.stake(owner, &client).await;
    let (task, assignment) = network.seat(&client, roller).await;
    let (values, proof) = network.proof(task, roller).await;
    let submission = client.sign_submission(assignment.seat, roller, values.hash(), &proof);
    let stats = SubmissionStats::default();
    let handed_in = client.submit(&submission, &stats, proof.clone()).await;
    handed_in.unwrap();
    // The operator cannot settle for a while.
    let objects = network.store.objects();
    objects.remove(ProofDigest::of(&proof).0).await.unwrap();

    let rollup = network.rollup();
    let deployment = &network.deployment;
    eventually("the entries", async || {
        let batch = rollup.batches(1).call().await.unwrap();
        (batch.entriesAt != 0).then_some(())
    })
    .await;
    reach(&network, rollup.unpaidFrom(1).call().await.unwrap()).await;
    let (others, other_proof) = network.proof(task, stranger.address()).await;
    let stranger = network.stranger(stranger).await;
    let call = calls::settle_unpaid(deployment.rollup, &others, other_proof);
    stranger.send("stranger", &call).await.unwrap();
    eventually("the board's notice of it", async || {
        let board = network.observer.board();
        (board.settled_through() == 1).then_some(())
    })
    .await;
    assert!(!rollup.batches(1).call().await.unwrap().paid);
    let held = eventually("the lottery", async || {
        match late_share(&stranger, deployment, 1, None).await {
            Ok(LateShare::Held(held)) => Some(held),
            // Its block is not there yet.
            Err(RewardError::Header(_)) => None,
            other => panic!("{other:?}"),
        }
    })
    .await;
    assert_eq!(held.winner.roller, roller);
    assert_eq!(held.winner.proofDigest, ProofDigest::of(&proof).0);
    let others = late_share(&stranger, deployment, 1, Some(stranger.address())).await;
    assert!(matches!(others.unwrap(), LateShare::Nothing));

    objects.put_proof(&proof).await.unwrap();
    eventually("the operator's claim for the winner", async || {
        rollup.batches(1).call().await.unwrap().paid.then_some(())
    })
    .await;
    let again = late_share(&stranger, deployment, 1, None).await.unwrap();
    assert!(matches!(again, LateShare::Nothing));
    have_it_paid(&network, roller).await;
    network.stop().await;
}

/// Brings the roller what it is owed: the reward of one batch, and the emission of the epoch in which that was paid.
async fn have_it_paid(network: &Network, roller: Address) {
    let (deployment, provider) = (&network.deployment, &network.provider);
    let emission = Emission::new(deployment.emission, provider.clone());
    let worked = emission.currentEpoch().call().await.unwrap();
    let start_s = emission.startS().call().await.unwrap();
    reach(network, start_s + (worked + 1) * EMISSION_EPOCH_S).await;
    let batch = network.rollup().batches(1).call().await.unwrap();
    let price = U256::from(batch.unitPriceWei) * U256::from(batch.k);
    let reward = price * U256::from(PROVER_GAS);
    let due = owed(provider, deployment, roller).await.unwrap();
    assert_eq!((due.credits_wei, due.arrears_wei), (reward, U256::ZERO));
    let [(epoch, share)] = due.emission[..] else {
        panic!("{due:?}")
    };
    // Nobody else has worked in that epoch.
    assert_eq!(share, emission.potWei(epoch).call().await.unwrap());

    let before = balance(network, roller).await;
    let payer = &network.sender;
    let credits = call::claim_credits(deployment.reward_pool, roller);
    payer.send("credits", &credits).await.unwrap();
    let pot = call::claim_emission(deployment.emission, epoch, roller);
    payer.send("emission", &pot).await.unwrap();
    assert_eq!(balance(network, roller).await - before, reward + share);
    let rest = owed(provider, deployment, roller).await.unwrap();
    assert_eq!(rest, Owed::default());
    let pool = RewardPool::new(deployment.reward_pool, provider.clone());
    assert_eq!(pool.totalHeld().call().await.unwrap(), U256::ZERO);
}
