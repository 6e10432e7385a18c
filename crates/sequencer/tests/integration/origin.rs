//! What is refused before a node begins: deployment files that are not true, and data directories of another L1.

use std::path::Path;

use alloy::{
    primitives::{Address, B256, Bytes},
    providers::Provider,
};
use rollmill_l1::{Cursor, Deployment, DynProvider, REORG_DEPTH_MAX, VerifyError, purpose, verify};
use rollmill_sequencer::{OriginError, SequencerConfig, check_batches, check_origin};
use rollmill_store::{BatchState, L1Attempt, Store};
use rollmill_test_l1::{ETHER, Layer1, account, eventually};
use tempfile::TempDir;

use crate::{
    harness::{Node, deployed},
    round::{deposit, wait_for},
};

type Change = fn(&mut Deployment);

#[tokio::test]
async fn a_deployment_must_be_what_l1_has() {
    let (l1, dir) = (Layer1::start().await, TempDir::new().unwrap());
    let store = Store::open(dir.path().join("store")).await.unwrap();
    let truth = deployed(&l1.sender(0, &store), dir.path()).await;
    let here = l1.provider();
    verify(&here, &truth).await.unwrap();

    let fresh = Layer1::start().await;
    let error = verify(&fresh.provider(), &truth).await.unwrap_err();
    let missing =
        matches!(error, VerifyError::NoCode { name: "Rollup", address } if address == truth.rollup);
    assert!(missing, "{error}");

    let refusal = async |change: Change| {
        let mut changed = truth.clone();
        change(&mut changed);
        verify(&here, &changed).await.unwrap_err()
    };
    let error = refusal(|d| d.chain_id = 5).await;
    assert!(matches!(error, VerifyError::WrongChain { expected: 5, .. }));
    // Another contract of ours at Rollup's address.
    let error = refusal(|d| d.rollup = d.token).await;
    assert!(matches!(
        error,
        VerifyError::OtherContract { name: "Rollup", .. }
    ));
    let error = refusal(|d| d.block += 1).await;
    assert!(matches!(error, VerifyError::BlockTooLate { .. }));
    let error = refusal(|d| d.block = 1_000_000).await;
    assert!(matches!(
        error,
        VerifyError::BlockTooLate { block: 1_000_000 }
    ));
    let error = refusal(|d| d.block -= 1).await;
    assert!(matches!(error, VerifyError::BlockTooEarly { .. }));

    let changes: [(&str, Change); 19] = [
        ("genesis block hash", |d| d.genesis.block_hash = B256::ZERO),
        ("genesis state root", |d| d.genesis.state_root = B256::ZERO),
        ("genesis timestamp", |d| d.genesis.timestamp += 1),
        ("L2 chain id", |d| d.l2_chain_id += 1),
        ("operator", |d| d.operator = Address::ZERO),
        ("registry", |d| d.registry = d.token),
        ("verifier", |d| d.verifier = d.token),
        ("token", |d| d.token = d.court),
        ("evidence", |d| d.evidence = d.court),
        ("draws", |d| d.draws = d.court),
        ("gas limit of a message", |d| {
            d.parameters.message_gas_max += 1
        }),
        // Numbers that no contract knows, and one that three of them know.
        ("law", |d| d.law.q_init += 1),
        ("law", |d| d.law.fine_min.0 += 1),
        ("governor", |d| d.governor = d.operator),
        ("SettleS", |d| d.parameters.settle_s += 1),
        ("DropS", |d| d.parameters.incentives.drop_s += 1),
        ("time of unbonding", |d| d.parameters.unbond_s += 1),
        ("emission epoch", |d| {
            d.parameters.incentives.emission_epoch_s += 1
        }),
        ("first pot of the emission", |d| {
            d.parameters.incentives.emission_pot_wei += 1
        }),
    ];
    for (name, change) in changes {
        match refusal(change).await {
            VerifyError::Differs {
                what,
                found,
                expected,
            } => {
                assert_eq!(what, name);
                assert_ne!(found, expected);
            }
            other => panic!("{name}: {other}"),
        }
    }
}

/// Waits until L1 ends with this block or a later one, and returns that block's hash.
async fn reaches(l1: &DynProvider, block: u64) -> B256 {
    eventually("the L1 block", || async {
        let found = l1.get_block_by_number(block.into()).await.unwrap();
        found.map(|block| block.header.hash)
    })
    .await
}

/// Says that L1 was read up to here.
async fn set_cursor(store: &Store, block: u64, hash: B256) {
    let cursor = serde_json::to_string(&Cursor { block, hash }).unwrap();
    store.set_cursor("sequencer", &cursor).await.unwrap();
}

/// A sequencer whose first batch is on L1.
async fn with_a_batch(l1: &Layer1, dir: &Path) -> Node {
    let node = Node::start(l1, dir, SequencerConfig::default()).await;
    deposit(&node, account(5).address(), ETHER).await;
    let mut heads = node.chain.subscribe();
    heads.wait_for(|head| head.number >= 1).await.unwrap();
    node.sealer.seal();
    wait_for(&node, 1, BatchState::Committed).await;
    node
}

#[tokio::test]
async fn who_sequences_has_every_batch_of_l1() {
    let (l1, dir) = (Layer1::start().await, TempDir::new().unwrap());
    let here = l1.provider();
    let empty = Store::open(dir.path().join("empty")).await.unwrap();
    let sender = l1.sender(0, &empty);
    let deployment = deployed(&sender, dir.path()).await;
    check_batches(&empty, &deployment, &here).await.unwrap();

    let node = with_a_batch(&l1, dir.path()).await;
    assert_eq!(node.deployment.rollup, deployment.rollup);
    check_batches(&node.store, &deployment, &here)
        .await
        .unwrap();
    let error = check_batches(&empty, &deployment, &here).await.unwrap_err();
    let refused = matches!(
        error,
        OriginError::NotOurs {
            committed: 1,
            here: 0
        }
    );
    assert!(refused, "{error}");
    // It was sent from here, and taken back since: L1 has it again.
    let attempt = L1Attempt {
        hash: B256::repeat_byte(1),
        raw: Bytes::new(),
    };
    let purpose = purpose::commit(1);
    let sent = empty.record_send(&purpose, Address::ZERO, 0, &attempt);
    sent.await.unwrap();
    check_batches(&empty, &deployment, &here).await.unwrap();
    node.stop().await;
}

#[tokio::test]
async fn a_data_directory_belongs_to_the_l1_that_it_was_read_from() {
    let (l1, dir) = (Layer1::start().await, TempDir::new().unwrap());
    let here = l1.provider();
    let empty = Store::open(dir.path().join("empty")).await.unwrap();
    check_origin(&empty, &here).await.unwrap();

    let node = with_a_batch(&l1, dir.path()).await;
    let record = node.store.batch(1).await.unwrap().unwrap();
    let committed = record.committed.unwrap().block;
    node.stop().await;
    let store = Store::open(dir.path().join("store")).await.unwrap();
    check_origin(&store, &here).await.unwrap();

    // Within the reach of a reorganisation nothing speaks against this L1, nor for another.
    let near = committed + REORG_DEPTH_MAX - 1;
    let far = near + 1;
    let hash = reaches(&here, far).await;
    set_cursor(&store, near, B256::ZERO).await;
    check_origin(&store, &here).await.unwrap();
    // Beyond it the commit tells.
    set_cursor(&store, far, hash).await;
    check_origin(&store, &here).await.unwrap();
    set_cursor(&store, far, B256::ZERO).await;
    check_origin(&store, &here).await.unwrap();

    let anew = Layer1::start().await;
    let there = anew.provider();
    let ends = there.get_block_number().await.unwrap();
    set_cursor(&store, ends + 10 * REORG_DEPTH_MAX, B256::ZERO).await;
    let error = check_origin(&store, &there).await.unwrap_err();
    assert!(matches!(error, OriginError::Shorter { .. }), "{error}");
    reaches(&there, far).await;
    set_cursor(&store, far, hash).await;
    let error = check_origin(&store, &there).await.unwrap_err();
    let other = matches!(error, OriginError::OtherL1 { batch: 1, block, .. } if block == committed);
    assert!(other, "{error}");
}
