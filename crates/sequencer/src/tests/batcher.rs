use std::sync::Arc;

use alloy::{
    providers::{Provider, ProviderBuilder},
    transports::mock::Asserter,
};
use alloy_primitives::B256;
use rollmill_engine::{
    Chain, TransactionPool,
    stf::{Identity, execute_batch},
};
use rollmill_l1::kzg::DataBlob;
use rollmill_protocol::{BatchData, PublicValues};
use rollmill_store::{BatchRecord, BatchState, Store};
use tokio::sync::{Notify, watch};

use super::{World, deposit, l1_place, put, rollup, signed, transfer};
use crate::{
    BatchPolicy, CommitFields, DataPolicy, SealError, SequencerConfig,
    batcher::{Batcher, Plan, Tip, block_data},
    rollback::Gate,
};

pub(super) async fn batcher(
    world: &World,
    chain: &Chain,
    store: &Store,
    policy: BatchPolicy,
) -> Batcher {
    batcher_behind(Gate::default(), world, chain, store, policy).await
}

pub(super) async fn batcher_behind(
    gate: Gate,
    world: &World,
    chain: &Chain,
    store: &Store,
    policy: BatchPolicy,
) -> Batcher {
    // As wide as the law's.
    let window = watch::channel(32).1;
    batcher_with(world, chain, (store, policy), (gate, window)).await
}

async fn batcher_with(
    world: &World,
    chain: &Chain,
    (store, policy): (&Store, BatchPolicy),
    (gate, window): (Gate, watch::Receiver<u32>),
) -> Batcher {
    let config = SequencerConfig {
        batch: policy,
        ..Default::default()
    };
    let parts = (chain.clone(), store.clone(), world.deployment());
    let tip = Tip::load(store).await.unwrap();
    // Nobody asks it: what carries the data is fixed.
    let l1 = ProviderBuilder::new()
        .connect_mocked_client(Asserter::new())
        .erased();
    Batcher::new(
        parts,
        world.clock.clone(),
        config,
        (Arc::new(Notify::new()), l1, window),
        gate,
        tip,
    )
}

/// Builds `blocks` blocks of one transaction each, the first with a deposit as well.
pub(super) async fn build(
    world: &World,
    chain: &Chain,
    store: &Store,
    first_nonce: u64,
    blocks: u64,
) {
    let pool = world.pool(chain);
    let next = crate::builder::next_message(chain, 0, 0).unwrap();
    put(store, &deposit(next, 10)).await;
    let mut builder = world.builder(chain, &pool, next).await;
    for nonce in first_nonce..first_nonce + blocks {
        pool.submit(signed(1, transfer(nonce))).await.unwrap();
        builder.step(true).await.unwrap();
    }
}

pub(super) fn fields(record: &BatchRecord) -> CommitFields {
    serde_json::from_value(record.commit_fields.clone()).unwrap()
}

#[tokio::test]
async fn a_batch_is_what_was_built_and_its_witness_proves_it() {
    let world = World::new();
    let (chain, store) = (world.chain(), world.store().await);
    build(&world, &chain, &store, 0, 3).await;
    batcher(&world, &chain, &store, BatchPolicy::default())
        .await
        .step(true)
        .await
        .unwrap();

    let record = store.batch(1).await.unwrap().unwrap();
    assert_eq!(
        (record.first_block, record.last_block, record.state),
        (1, 3, BatchState::Sealed)
    );
    let data = BatchData::decode(&record.data).unwrap();
    assert_eq!(data.blocks.len(), 3);
    assert_eq!(data.blocks[0].l1_message_count, 1);
    let head = chain.head();
    assert_eq!(record.public_values.block_hash, head.hash());
    assert_eq!(record.public_values.state_root, head.state_root);
    let fields = fields(&record);
    assert_eq!(
        (fields.batch, fields.last_block, fields.messages_end),
        (1, 3, 1)
    );
    assert_eq!(fields.witness_hash, record.witness_hash);

    let witness = store.objects().get(record.witness_hash).await.unwrap();
    let identity = Identity {
        roller: rollup(),
        task: record.task.into(),
    };
    let proven = execute_batch(identity, witness).unwrap();
    assert_eq!(
        proven,
        PublicValues {
            roller: rollup(),
            ..record.public_values
        }
    );
}

/// Whatever is wrong with what packs a batch: it is read again before it is posted.
#[tokio::test]
async fn what_does_not_read_as_the_blocks_is_not_posted() {
    let world = World::new();
    let (chain, store) = (world.chain(), world.store().await);
    build(&world, &chain, &store, 0, 2).await;
    let posted = |bytes: Vec<u8>| {
        let plan = Plan::new(&chain, &world.deployment(), Tip::GENESIS, 2, 1);
        plan.posted(bytes.into(), B256::ZERO).build().map(drop)
    };
    let blocks = [1, 2].map(|number| block_data(&chain.block(number).unwrap().unwrap()).0);
    let data = BatchData {
        blocks: blocks.to_vec(),
    };
    posted(data.encode()).unwrap();
    let mut cut_off = data.encode();
    cut_off.pop();
    assert!(matches!(posted(cut_off), Err(SealError::Data(_))));
    let mut other = data.clone();
    other.blocks[1].transactions.clear();
    let refused = posted(other.encode());
    let what = "batch data";
    assert!(matches!(refused, Err(SealError::Mismatch { batch: 1, what: found }) if found == what));
}

#[tokio::test]
async fn a_batch_for_a_blob_states_the_blob_of_its_data() {
    let world = World::new();
    let (chain, store) = (world.chain(), world.store().await);
    build(&world, &chain, &store, 0, 3).await;
    let mut batcher = batcher(&world, &chain, &store, BatchPolicy::default()).await;
    batcher.config.data = DataPolicy::Blobs;
    batcher.step(true).await.unwrap();

    let record = store.batch(1).await.unwrap().unwrap();
    let (values, blob) = (record.public_values, DataBlob::new(&record.data).unwrap());
    assert_eq!(values.blob_versioned_hash, blob.versioned_hash());
    assert_eq!(blob.opening(values.z).0, values.y);
    let witness = store.objects().get(record.witness_hash).await.unwrap();
    let identity = Identity {
        roller: rollup(),
        task: values.task,
    };
    let proven = execute_batch(identity, witness).unwrap();
    let expected = PublicValues {
        roller: rollup(),
        ..values
    };
    assert_eq!(proven, expected);
}

#[tokio::test]
async fn batches_chain_across_restarts() {
    let world = World::new();
    {
        let (chain, store) = (world.chain(), world.store().await);
        build(&world, &chain, &store, 0, 2).await;
        batcher(&world, &chain, &store, BatchPolicy::default())
            .await
            .step(true)
            .await
            .unwrap();
        store.close().await;
    }
    let (chain, store) = (world.chain(), world.store().await);
    build(&world, &chain, &store, 2, 2).await;
    let mut batcher = batcher(&world, &chain, &store, BatchPolicy::default()).await;
    batcher.step(true).await.unwrap();
    let first = store.batch(1).await.unwrap().unwrap();
    let second = store.batch(2).await.unwrap().unwrap();
    assert_eq!((second.first_block, second.last_block), (3, 4));
    assert_eq!(
        second.public_values.previous_state_root,
        first.public_values.state_root
    );
    assert_eq!(
        second.public_values.previous_block_hash,
        first.public_values.block_hash
    );
    assert_eq!(
        second.public_values.previous_message_hash,
        first.public_values.message_hash
    );
    assert_eq!(fields(&second).messages_end, 2);
    // Nothing is left: demand makes no empty batch.
    batcher.step(true).await.unwrap();
    assert_eq!(store.last_batch(BatchState::Sealed).await.unwrap(), Some(2));
}

/// A crash between the witness and the record: the next start seals the same blocks to the same bytes.
#[tokio::test]
async fn a_batch_that_was_not_recorded_is_sealed_again_with_the_same_content() {
    let world = World::new();
    let (chain, store) = (world.chain(), world.store().await);
    build(&world, &chain, &store, 0, 2).await;
    batcher(&world, &chain, &store, BatchPolicy::default())
        .await
        .step(true)
        .await
        .unwrap();
    let record = store.batch(1).await.unwrap().unwrap();

    let elsewhere = tempfile::TempDir::new().unwrap();
    let other = Store::open(elsewhere.path()).await.unwrap();
    let witness = store.objects().get(record.witness_hash).await.unwrap();
    other.objects().put(&witness).await.unwrap();
    batcher(&world, &chain, &other, BatchPolicy::default())
        .await
        .step(true)
        .await
        .unwrap();
    assert_eq!(other.batch(1).await.unwrap().unwrap(), record);
}

#[tokio::test]
async fn age_seals_and_the_window_of_open_batches_holds_back() {
    let world = World::new();
    let (chain, store) = (world.chain(), world.store().await);
    let policy = BatchPolicy {
        age_s_max: 30,
        blocks_max: 1,
        open_batches_max: Some(2),
        ..Default::default()
    };
    build(&world, &chain, &store, 0, 1).await;
    let mut batcher = batcher(&world, &chain, &store, policy).await;
    batcher.step(false).await.unwrap();
    assert_eq!(store.last_batch(BatchState::Sealed).await.unwrap(), None);
    world.clock.advance_ms(30_000);
    batcher.step(false).await.unwrap();
    assert_eq!(store.last_batch(BatchState::Sealed).await.unwrap(), Some(1));

    build(&world, &chain, &store, 1, 3).await;
    batcher.step(true).await.unwrap();
    assert_eq!(store.last_batch(BatchState::Sealed).await.unwrap(), Some(2));
    store.set_batch_settled(1, l1_place(9)).await.unwrap();
    batcher.step(true).await.unwrap();
    assert_eq!(store.last_batch(BatchState::Sealed).await.unwrap(), Some(3));
}

/// Three windows of batches may be open: the dial on L1 says how many that are.
#[tokio::test]
async fn more_batches_are_open_when_the_window_grows() {
    let world = World::new();
    let (chain, store) = (world.chain(), world.store().await);
    let policy = BatchPolicy {
        blocks_max: 1,
        ..Default::default()
    };
    let (dial, window) = watch::channel(1);
    build(&world, &chain, &store, 0, 7).await;
    let mut batcher =
        batcher_with(&world, &chain, (&store, policy), (Gate::default(), window)).await;
    batcher.step(true).await.unwrap();
    assert_eq!(store.last_batch(BatchState::Sealed).await.unwrap(), Some(3));
    dial.send_replace(2);
    batcher.step(true).await.unwrap();
    assert_eq!(store.last_batch(BatchState::Sealed).await.unwrap(), Some(6));
}

#[tokio::test]
async fn exact_prover_gas_makes_a_batch_smaller() {
    let world = World::new();
    let (chain, store) = (world.chain(), world.store().await);
    build(&world, &chain, &store, 0, 4).await;
    // What four blocks really cost; the estimate from their headers is lower.
    let elsewhere = tempfile::TempDir::new().unwrap();
    let other = Store::open(elsewhere.path()).await.unwrap();
    batcher(&world, &chain, &other, BatchPolicy::default())
        .await
        .step(true)
        .await
        .unwrap();
    let whole = other.batch(1).await.unwrap().unwrap();
    assert_eq!(whole.last_block, 4);

    let prover_gas_max = whole.public_values.prover_gas - 1;
    let policy = BatchPolicy {
        prover_gas_max,
        ..Default::default()
    };
    batcher(&world, &chain, &store, policy)
        .await
        .step(true)
        .await
        .unwrap();
    let first = store.batch(1).await.unwrap().unwrap();
    assert_eq!(first.last_block, 2);
    assert!(first.public_values.prover_gas <= prover_gas_max);
    assert_eq!(store.batch(2).await.unwrap().unwrap().last_block, 4);
}
