//! Batches whose data is in blobs: from the sealed batch to L1's own statement of it, and back to the chain.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use alloy::{
    eips::{
        eip4844::{
            Blob,
            c_kzg::{Bytes32, ethereum_kzg_settings},
        },
        eip7594::BlobTransactionSidecarEip7594,
    },
    primitives::{Address, B256, Bytes, keccak256},
    providers::Provider,
};
use axum::{Json, Router, http::StatusCode, routing::get};
use rollmill_engine::TransactionPool;
use rollmill_l1::{
    BlobSource, Call, calls, connect,
    contracts::Rollup::{self, commitBlobCall},
    kzg,
};
use rollmill_protocol::{
    PublicValues,
    blob::{point, unpack},
};
use rollmill_sequencer::{
    BLOB_COMMIT_GAS, COMMIT_GAS, CommitFields, DataPolicy, Replica, SequencerConfig,
};
use rollmill_store::{BatchRecord, BatchState, Store};
use rollmill_test_l1::{ETHER, Instead, Layer1, account, eventually};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    harness::{Node, genesis, l2_transaction},
    replica::Running,
    round::{config, deposit, settle, wait_for},
};

fn in_blobs() -> SequencerConfig {
    SequencerConfig {
        data: DataPolicy::Blobs,
        ..config()
    }
}

/// Executes a deposit and a payment, and seals them.
async fn seal_a_batch(node: &Node) {
    let user = account(5);
    deposit(node, user.address(), ETHER).await;
    eventually("the deposit on L2", || async {
        (!node.l2_balance(user.address()).is_zero()).then_some(())
    })
    .await;
    let raw = l2_transaction(&user, 0, Address::repeat_byte(1), 1, Bytes::new());
    let hash = node.pool.submit(raw).await.unwrap();
    eventually("the payment's block", || async {
        node.chain.place_of(&hash).unwrap()
    })
    .await;
    node.sealer.seal();
}

async fn record(node: &Node, batch: u64) -> BatchRecord {
    node.store.batch(batch).await.unwrap().unwrap()
}

/// What L1 would settle is what the node's witness leads to; and the data is in the transaction's blob and not in its calldata.
async fn is_on_l1(node: &Node, batch: u64) {
    let record = record(node, batch).await;
    let (l1, ours) = (node.sender.provider(), record.public_values.clone());
    let asked = (batch, ours.roller, ours.prover_gas);
    let told = calls::expected_public_values(l1, node.deployment.rollup, asked).await;
    assert_eq!(told.unwrap(), ours);
    assert!(!ours.blob_versioned_hash.is_zero());
    let committed = record.committed.unwrap();
    let asked = [committed.transaction];
    let transaction: Value = l1
        .raw_request("eth_getTransactionByHash".into(), asked)
        .await
        .unwrap();
    let hash = ours.blob_versioned_hash;
    assert_eq!(transaction["blobVersionedHashes"], json!([hash]));
    let input: Bytes = serde_json::from_value(transaction["input"].clone()).unwrap();
    assert!(!input.windows(32).any(|part| part == &record.data[..32]));
    let blob = BlobSource::L1
        .blob(l1, (committed.block, hash))
        .await
        .unwrap();
    assert_eq!(unpack(&blob).unwrap(), record.data);
}

/// The replica has the same batch, and the same chain.
async fn is_derived(replica: &Running, node: &Node, batch: u64) {
    let ours = record(node, batch).await;
    replica.reaches(ours.last_block).await;
    assert_eq!(replica.chain.head().hash(), ours.public_values.block_hash);
    let theirs = eventually("the batch's record", || async {
        let record = replica.store.batch(batch).await.unwrap();
        record.filter(|record| record.state >= BatchState::Committed)
    })
    .await;
    assert_eq!(theirs.public_values, ours.public_values);
    assert_eq!(
        (theirs.data, theirs.witness_hash),
        (ours.data, ours.witness_hash)
    );
}

async fn a_round(l1: Layer1) {
    let (dir, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let node = Node::start(&l1, dir.path(), in_blobs()).await;
    seal_a_batch(&node).await;
    wait_for(&node, 1, BatchState::Committed).await;
    is_on_l1(&node, 1).await;
    let replica = Running::start(&l1, &node, elsewhere.path()).await;
    is_derived(&replica, &node, 1).await;
    settle(&node, 1).await;
    wait_for(&node, 1, BatchState::Settled).await;

    // The next one as calldata, by a node that was started with another choice.
    node.stop().await;
    let node = Node::start(&l1, dir.path(), config()).await;
    seal_a_payment(&node, 1).await;
    wait_for(&node, 2, BatchState::Committed).await;
    let values = record(&node, 2).await.public_values;
    assert_eq!(
        (values.blob_versioned_hash, values.z, values.y),
        Default::default()
    );
    is_derived(&replica, &node, 2).await;
    settle(&node, 2).await;
    wait_for(&node, 2, BatchState::Settled).await;

    // And one in a blob again, which differs from it in nothing else.
    node.stop().await;
    let node = Node::start(&l1, dir.path(), in_blobs()).await;
    seal_a_payment(&node, 2).await;
    wait_for(&node, 3, BatchState::Committed).await;
    is_on_l1(&node, 3).await;
    gas_is_what_is_reckoned_with(&node, 2, 3).await;
    replica.stop().await;
    node.stop().await;
}

/// Executes a payment, and seals it.
async fn seal_a_payment(node: &Node, nonce: u64) {
    let raw = l2_transaction(&account(5), nonce, Address::repeat_byte(1), 1, Bytes::new());
    let hash = node.pool.submit(raw).await.unwrap();
    eventually("the payment's block", || async {
        node.chain.place_of(&hash).unwrap()
    })
    .await;
    node.sealer.seal();
}

/// What a commit took on L1, without what every transaction takes.
async fn commit_gas(node: &Node, batch: u64) -> u64 {
    let hash = record(node, batch).await.committed.unwrap().transaction;
    let receipt = node.sender.provider().get_transaction_receipt(hash);
    receipt.await.unwrap().unwrap().gas_used - 21_000
}

/// The numbers by which a batch's carrier is chosen, and users are charged, are L1's within a twentieth.
async fn gas_is_what_is_reckoned_with(node: &Node, calldata: u64, blob: u64) {
    let data = record(node, calldata).await.data;
    let zeros = data.iter().filter(|byte| **byte == 0).count() as u64;
    let data_gas = 4 * zeros + 16 * (data.len() as u64 - zeros);
    let without_data = commit_gas(node, calldata).await - data_gas;
    let more = commit_gas(node, blob).await - without_data;
    let is_near = |reckoned: u64, is: u64| reckoned.abs_diff(is) <= reckoned / 20;
    assert!(
        is_near(COMMIT_GAS, without_data) && is_near(BLOB_COMMIT_GAS, more),
        "a commit takes {without_data} gas, and with a blob {more} more"
    );
}

#[tokio::test]
async fn a_batch_in_a_blob_settles_and_is_derived_on_the_embedded_l1() {
    a_round(Layer1::start().await).await;
}

#[tokio::test]
async fn a_batch_in_a_blob_settles_and_is_derived_on_anvil() {
    a_round(Layer1::anvil().await).await;
}

/// The blob goes with the transaction when L1 takes it back and gets it again.
#[tokio::test]
async fn a_blob_comes_back_after_a_reorganisation() {
    let (l1, dir) = (Layer1::anvil().await, TempDir::new().unwrap());
    let node = Node::start(&l1, dir.path(), in_blobs()).await;
    seal_a_batch(&node).await;
    wait_for(&node, 1, BatchState::Committed).await;
    l1.reorganise(1, Instead::Blocks(&[])).await;
    let rollup = Rollup::new(node.deployment.rollup, node.sender.provider().clone());
    eventually("the commit after the reorganisation", || async {
        (rollup.committedBatch().call().await.unwrap() == 1).then_some(())
    })
    .await;
    wait_for(&node, 1, BatchState::Committed).await;
    is_on_l1(&node, 1).await;
    node.stop().await;
}

/// What is sealed for a blob is committed so by the next process, whatever that would choose.
#[tokio::test]
async fn a_sealed_batch_keeps_its_carrier() {
    let (l1, dir) = (Layer1::start().await, TempDir::new().unwrap());
    let waiting = SequencerConfig {
        commit_epoch_min: 1,
        ..in_blobs()
    };
    let node = Node::start(&l1, dir.path(), waiting).await;
    seal_a_batch(&node).await;
    wait_for(&node, 1, BatchState::Sealed).await;
    node.stop().await;
    let node = Node::start(&l1, dir.path(), config()).await;
    wait_for(&node, 1, BatchState::Committed).await;
    is_on_l1(&node, 1).await;
    node.stop().await;
}

/// A consensus client that gives what `given` holds from the second question on.
async fn beacon(given: Bytes) -> (BlobSource, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let blobs = move || {
        let is_there = count.fetch_add(1, Ordering::SeqCst) > 0;
        let blobs = [given.clone()];
        async move {
            if is_there {
                Ok(Json(json!({ "data": blobs })))
            } else {
                Err(StatusCode::NOT_FOUND)
            }
        }
    };
    let genesis = json!({ "data": { "genesis_time": "1" } });
    let spec = json!({ "data": { "SECONDS_PER_SLOT": "1" } });
    let fixed = |answer: Value| get(move || async move { Json(answer) });
    let router = Router::new()
        .route("/eth/v1/beacon/genesis", fixed(genesis))
        .route("/eth/v1/config/spec", fixed(spec))
        .route("/eth/v1/beacon/blobs/{slot}", get(blobs));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (BlobSource::new(Some(&url)).unwrap(), asked)
}

#[tokio::test]
async fn a_blob_that_is_not_there_yet_is_waited_for() {
    let (l1, dir) = (Layer1::start().await, TempDir::new().unwrap());
    let node = Node::start(&l1, dir.path(), in_blobs()).await;
    seal_a_batch(&node).await;
    wait_for(&node, 1, BatchState::Committed).await;
    let values = record(&node, 1).await.public_values;
    let place = (0, values.blob_versioned_hash);
    let blob = BlobSource::L1.blob(node.sender.provider(), place).await;
    let (source, asked) = beacon(blob.unwrap()).await;
    let elsewhere = TempDir::new().unwrap();
    let replica = Running::start_with(&l1, &node, elsewhere.path(), source).await;
    is_derived(&replica, &node, 1).await;
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    replica.stop().await;
    node.stop().await;
}

/// What an operator commits that cheats with a blob, and what L1 and everybody else make of it.
async fn cheated(sidecar: BlobTransactionSidecarEip7594, why: &str) {
    let (l1, dir) = (Layer1::start().await, TempDir::new().unwrap());
    let waiting = SequencerConfig {
        commit_epoch_min: 1,
        ..in_blobs()
    };
    let node = Node::start(&l1, dir.path(), waiting).await;
    seal_a_batch(&node).await;
    wait_for(&node, 1, BatchState::Sealed).await;
    let record = record(&node, 1).await;
    let fields: CommitFields = serde_json::from_value(record.commit_fields.clone()).unwrap();

    let hash = sidecar.versioned_hashes().next().unwrap();
    let commitment = record.public_values.data_commitment;
    let z = point(hash, commitment);
    let settings = ethereum_kzg_settings(0);
    let blob = alloy::eips::eip4844::c_kzg::Blob::from_bytes(sidecar.blobs[0].as_slice()).unwrap();
    let (proof, y) = settings
        .compute_kzg_proof(&blob, &Bytes32::new(z.0))
        .unwrap();
    let opening = [
        sidecar.commitments[0].as_slice(),
        proof.to_bytes().as_slice(),
    ]
    .concat();
    let call = commitBlobCall {
        c: (&fields).into(),
        dataCommitment: commitment,
        y: B256::new(*y),
        opening: opening.into(),
    };
    // L1 takes it: what it says of the blob is true. That the blob holds the data is the proof's matter.
    let call = Call::new(node.deployment.rollup, &call).with_blob(sidecar);
    let mined = node.sender.send("cheat", &call).await.unwrap();

    let asked = (1, Address::ZERO, record.public_values.prover_gas);
    let provider = node.sender.provider();
    let told = calls::expected_public_values(provider, node.deployment.rollup, asked).await;
    let told = told.unwrap();
    assert_eq!((told.blob_versioned_hash, told.z), (hash, z));
    let honest = rollmill_protocol::blob::BlobBinding::new(hash, &record.data, commitment).unwrap();
    assert_eq!(told.z, honest.z);
    assert_ne!(told.y, honest.y);
    let provable = PublicValues {
        blob_versioned_hash: hash,
        z,
        y: honest.y,
        ..told
    };
    let proof = [b"rollmill.mock.v1".as_slice(), provable.hash().as_slice()].concat();
    let call = calls::settle_unpaid(node.deployment.rollup, &provable, proof.into());
    let refused = eventually("the time to settle", || async {
        let refused = node
            .sender
            .simulate("settle", &call)
            .await
            .unwrap_err()
            .to_string();
        (!refused.contains("TooEarly")).then_some(refused)
    })
    .await;
    assert!(refused.contains("PublicValuesMismatch"), "{refused}");

    let elsewhere = TempDir::new().unwrap();
    let store = Store::open(elsewhere.path().join("store")).await.unwrap();
    let spec = genesis(node.deployment.rollup).chain_spec();
    let chain = rollmill_engine::Chain::open(&elsewhere.path().join("l2.redb"), &spec).unwrap();
    let tasks = rollmill_runtime::Tasks::new(rollmill_runtime::Shutdown::new());
    let parts = (chain.clone(), store, node.deployment.clone());
    let reading = (connect(&l1.url).unwrap(), BlobSource::L1);
    let replica = Replica::open(parts, reading, SequencerConfig::default(), &tasks).await;
    let mut replica = replica.unwrap();
    replica.catch_up(mined.block).await.unwrap();
    let underivable = replica.underivable().await.unwrap().unwrap();
    assert_eq!(underivable.batch, 1);
    assert!(underivable.reason.contains(why), "{}", underivable.reason);
    assert_eq!(chain.head().number, 0);
    node.stop().await;
}

#[tokio::test]
async fn a_blob_of_no_data_is_neither_derived_nor_proven() {
    let blobs = vec![Blob::repeat_byte(7)];
    let sidecar = BlobTransactionSidecarEip7594::try_from_blobs_with_settings(
        blobs,
        ethereum_kzg_settings(0),
    );
    cheated(sidecar.unwrap(), "holds no data").await;
}

#[tokio::test]
async fn a_blob_of_other_data_is_neither_derived_nor_proven() {
    let other = kzg::DataBlob::new(b"the data of another batch").unwrap();
    cheated(other.sidecar(), "data commitment differs").await;
}

/// A blob is not worth its price for little data, and calldata is not for much.
#[tokio::test]
async fn the_cheaper_carrier_is_taken() {
    let (l1, dir) = (Layer1::start().await, TempDir::new().unwrap());
    let auto = SequencerConfig {
        data: DataPolicy::Auto,
        ..config()
    };
    let node = Node::start(&l1, dir.path(), auto).await;
    seal_a_batch(&node).await;
    wait_for(&node, 1, BatchState::Committed).await;
    assert_eq!(
        record(&node, 1).await.public_values.blob_versioned_hash,
        B256::ZERO
    );
    settle(&node, 1).await;
    wait_for(&node, 1, BatchState::Settled).await;
    // Bytes that nothing compresses.
    let noise: Vec<u8> = (0..300u32)
        .flat_map(|n| keccak256(n.to_le_bytes()).0)
        .collect();
    let input = Bytes::from(noise);
    let raw = l2_transaction(&account(5), 1, Address::repeat_byte(1), 1, input);
    let hash = node.pool.submit(raw).await.unwrap();
    eventually("the block of much data", || async {
        node.chain.place_of(&hash).unwrap()
    })
    .await;
    node.sealer.seal();
    wait_for(&node, 2, BatchState::Committed).await;
    is_on_l1(&node, 2).await;
    node.stop().await;
}
