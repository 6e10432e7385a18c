//! From a deposit to a paid withdrawal, and through restarts.

use std::time::Duration;

use alloy::{
    primitives::{Address, Bytes, U256},
    sol_types::SolCall,
};
use rollmill_engine::{Tag, TransactionPool};
use rollmill_l1::header_rlp;
use rollmill_l1::{
    Call, SendError, calls,
    contracts::{Rollup, WithdrawalQueue},
};
use rollmill_protocol::{PublicValues, l2::WITHDRAWAL_QUEUE};
use rollmill_sequencer::{BatchPolicy, SequencerConfig, WithdrawalError, WithdrawalProof};
use rollmill_store::BatchState;
use rollmill_test_l1::{ETHER, Layer1, account, eventually};
use tempfile::TempDir;

use crate::harness::{Node, l2_transaction};

/// Batches are sealed on demand only.
pub fn config() -> SequencerConfig {
    SequencerConfig {
        block_time: Duration::from_millis(20),
        batch: BatchPolicy {
            age_s_max: 1_000_000,
            ..Default::default()
        },
        ..Default::default()
    }
}

pub async fn deposit(node: &Node, to: Address, wei: u128) {
    let gas_limit = 100_000;
    let call = Rollup::sendMessageCall {
        to,
        gasLimit: gas_limit,
        data: Bytes::new(),
    };
    let fee = u128::from(gas_limit) * node.deployment.parameters.message_gas_price_wei;
    let call = Call::new(node.deployment.rollup, &call).with_value(U256::from(wei + fee));
    node.sender
        .send(&format!("deposit/{to}/{wei}"), &call)
        .await
        .unwrap();
}

async fn state_of(node: &Node, batch: u64) -> Option<BatchState> {
    node.store
        .batch(batch)
        .await
        .unwrap()
        .map(|record| record.state)
}

pub async fn wait_for(node: &Node, batch: u64, state: BatchState) {
    eventually(&format!("batch {batch} {state:?}"), || async {
        (state_of(node, batch).await == Some(state)).then_some(())
    })
    .await;
}

/// Settles with a mock proof as anybody may after the winner's time.
pub async fn settle(node: &Node, batch: u64) {
    let record = node.store.batch(batch).await.unwrap().unwrap();
    let values = PublicValues {
        roller: node.sender.address(),
        ..record.public_values
    };
    let proof = [b"rollmill.mock.v1".as_slice(), values.hash().as_slice()].concat();
    let call = calls::settle_unpaid(node.deployment.rollup, &values, proof.into());
    eventually("the time to settle", || async {
        node.sender.simulate("settle", &call).await.ok()
    })
    .await;
    node.sender
        .send(&format!("settle/{batch}"), &call)
        .await
        .unwrap();
}

/// Pays a proven withdrawal out.
pub fn finalize(node: &Node, proof: &WithdrawalProof) -> Call {
    let call = Rollup::finalizeWithdrawalCall {
        batch: proof.batch,
        w: proof.withdrawal.clone().into(),
        proof: proof.path,
    };
    Call::new(node.deployment.rollup, &call)
}

/// Tags follow the record of a batch, not the other way round.
pub async fn tag_reaches_head(node: &Node, tag: Tag) {
    eventually("the tag at the newest block", || async {
        (node.chain.tag(tag).unwrap() == node.chain.head().number).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_deposit_becomes_a_withdrawal_that_l1_pays() {
    let (l1, dir) = (Layer1::start().await, TempDir::new().unwrap());
    let node = Node::start(&l1, dir.path(), config()).await;
    let user = account(5);
    deposit(&node, user.address(), ETHER).await;
    eventually("the deposit on L2", || async {
        (node.l2_balance(user.address()) == U256::from(ETHER)).then_some(())
    })
    .await;

    let recipient = Address::repeat_byte(0xcc);
    let input = WithdrawalQueue::initiateWithdrawalCall { recipient }
        .abi_encode()
        .into();
    let raw = l2_transaction(&user, 0, WITHDRAWAL_QUEUE, ETHER / 4, input);
    let hash = node.pool.submit(raw).await.unwrap();
    let (block, index) = eventually("the withdrawal's block", || async {
        node.chain.place_of(&hash).unwrap()
    })
    .await;
    assert!(node.chain.receipts(block).unwrap().unwrap()[index as usize].success);
    assert!(matches!(
        node.withdrawals.prove(0).await,
        Err(WithdrawalError::NotSettled(0))
    ));
    assert!(matches!(
        node.withdrawals.prove(1).await,
        Err(WithdrawalError::NoBatch)
    ));

    node.sealer.seal();
    wait_for(&node, 1, BatchState::Committed).await;
    tag_reaches_head(&node, Tag::Safe).await;
    assert_eq!(node.chain.tag(Tag::Finalized).unwrap(), 0);
    settle(&node, 1).await;
    wait_for(&node, 1, BatchState::Settled).await;
    tag_reaches_head(&node, Tag::Finalized).await;
    let rollup = Rollup::new(node.deployment.rollup, node.sender.provider().clone());
    assert_eq!(
        rollup.stateRoot().call().await.unwrap(),
        node.chain.head().state_root
    );

    let proof = node.withdrawals.prove(0).await.unwrap();
    let call = finalize(&node, &proof);
    node.sender.send("withdrawal/0", &call).await.unwrap();
    assert_eq!(l1.balance(recipient).await, U256::from(ETHER / 4));
    let again = node
        .sender
        .send("withdrawal/0/again", &call)
        .await
        .unwrap_err();
    assert!(again.to_string().contains("AlreadyFinalized"), "{again}");
    node.stop().await;
}

/// The operator takes no transaction of the user's, and the user's ether leaves all the same.
#[tokio::test]
async fn a_forced_withdrawal_needs_nobody_at_the_sequencer() {
    let (l1, dir) = (Layer1::start().await, TempDir::new().unwrap());
    let node = Node::start(&l1, dir.path(), config()).await;
    let user = l1.sender(5, &node.store);
    deposit(&node, user.address(), ETHER).await;
    eventually("the deposit on L2", || async {
        (node.l2_balance(user.address()) == U256::from(ETHER)).then_some(())
    })
    .await;

    let recipient = Address::repeat_byte(0xcd);
    let gas_limit = 500_000;
    let force = Rollup::forceTransactionCall {
        to: WITHDRAWAL_QUEUE,
        value: U256::from(ETHER),
        gasLimit: gas_limit,
        data: WithdrawalQueue::initiateWithdrawalCall { recipient }
            .abi_encode()
            .into(),
    };
    let fee = u128::from(gas_limit) * node.deployment.parameters.message_gas_price_wei;
    let force = Call::new(node.deployment.rollup, &force).with_value(U256::from(fee));
    user.send("force", &force).await.unwrap();
    eventually("the ether to leave L2", || async {
        node.l2_balance(user.address()).is_zero().then_some(())
    })
    .await;
    node.sealer.seal();
    wait_for(&node, 1, BatchState::Committed).await;
    settle(&node, 1).await;
    wait_for(&node, 1, BatchState::Settled).await;

    let proof = node.withdrawals.prove(0).await.unwrap();
    assert_eq!(proof.withdrawal.sender, user.address());
    let call = finalize(&node, &proof);
    user.send("withdrawal", &call).await.unwrap();
    assert_eq!(l1.balance(recipient).await, U256::from(ETHER));
    node.stop().await;
}

/// The header's RLP is what L1 itself hashes: beacons can be proven.
#[tokio::test]
async fn headers_prove_beacons() {
    let (l1, dir) = (Layer1::start().await, TempDir::new().unwrap());
    let node = Node::start(&l1, dir.path(), config()).await;
    let (headers, number) = (node.sender.provider(), node.deployment.block);
    let (rlp, header) = header_rlp(headers, number).await.unwrap();
    assert_eq!(header.number, number);
    let store = |rlp: Bytes| {
        let call = Rollup::storeBeaconCall { headerRlp: rlp };
        Call::new(node.deployment.rollup, &call)
    };
    let mut changed = rlp.to_vec();
    changed[40] ^= 1;
    let refused = node
        .sender
        .send("beacon/changed", &store(changed.into()))
        .await;
    assert!(
        matches!(refused, Err(SendError::Reverted { .. })),
        "{refused:?}"
    );
    node.sender.send("beacon", &store(rlp)).await.unwrap();
    let rollup = Rollup::new(node.deployment.rollup, headers.clone());
    assert_eq!(
        rollup.beacons(number).call().await.unwrap(),
        header.mix_hash
    );
    node.stop().await;
}

#[tokio::test]
async fn a_restart_goes_on_where_it_was() {
    let (l1, dir) = (Layer1::start().await, TempDir::new().unwrap());
    // Commits wait for a snapshot that nobody posts: the batch is sealed and no more.
    let waiting = SequencerConfig {
        commit_epoch_min: 1,
        ..config()
    };
    let node = Node::start(&l1, dir.path(), waiting).await;
    let user = account(5);
    deposit(&node, user.address(), ETHER).await;
    eventually("the deposit on L2", || async {
        (!node.l2_balance(user.address()).is_zero()).then_some(())
    })
    .await;
    node.sealer.seal();
    wait_for(&node, 1, BatchState::Sealed).await;
    let sealed = node.store.batch(1).await.unwrap().unwrap();
    let head = node.chain.head().number;
    node.stop().await;

    // Committed after the restart, with the same content; the message is not executed twice.
    let node = Node::start(&l1, dir.path(), config()).await;
    wait_for(&node, 1, BatchState::Committed).await;
    let rollup = Rollup::new(node.deployment.rollup, node.sender.provider().clone());
    let committed = rollup.batches(1).call().await.unwrap();
    assert_eq!(committed.blockHash, sealed.public_values.block_hash);
    assert_eq!(
        committed.dataCommitment,
        sealed.public_values.data_commitment
    );
    assert_eq!(node.chain.head().number, head);
    node.stop().await;

    // And on: a second batch follows the first.
    let node = Node::start(&l1, dir.path(), config()).await;
    deposit(&node, user.address(), 2 * ETHER).await;
    let raw = l2_transaction(&user, 0, Address::repeat_byte(1), 1, Bytes::new());
    let hash = node.pool.submit(raw).await.unwrap();
    eventually("both on L2", || async {
        let is_sealed = node.chain.place_of(&hash).unwrap().is_some();
        (node.l2_balance(user.address()) > U256::from(2 * ETHER) && is_sealed).then_some(())
    })
    .await;
    node.sealer.seal();
    wait_for(&node, 2, BatchState::Committed).await;
    settle(&node, 1).await;
    settle(&node, 2).await;
    wait_for(&node, 2, BatchState::Settled).await;
    assert_eq!(
        rollup.stateRoot().call().await.unwrap(),
        node.chain.head().state_root
    );
    node.stop().await;
}
