//! A node that has nothing but L1 reaches the sequencer's chain, follows it, and can take its place.

use std::{path::Path, time::Duration};

use alloy::primitives::{Address, Bytes};
use rollmill_engine::{Chain, Tag, TransactionPool};
use rollmill_l1::BlobSource;
use rollmill_runtime::{Clock, Shutdown, TaskError, Tasks};
use rollmill_sequencer::{BatchPolicy, Replica, SequencerConfig};
use rollmill_store::{BatchState, Store};
use rollmill_test_l1::{ETHER, Layer1, account, eventually};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::{
    harness::{Node, genesis, l2_transaction},
    round::{deposit, settle, wait_for},
};

/// Blocks of the sequencer: a thousand, and some more.
const BLOCKS: u64 = 1_000;

pub struct Running {
    pub chain: Chain,
    pub store: Store,
    shutdown: Shutdown,
    tasks: JoinHandle<Result<(), TaskError>>,
}

impl Running {
    /// A replica of the node's rollup, in a folder of its own with the layout of a sequencer's.
    pub async fn start(l1: &Layer1, node: &Node, dir: &Path) -> Self {
        Self::start_with(l1, node, dir, BlobSource::L1).await
    }

    /// The same with blobs from elsewhere.
    pub async fn start_with(l1: &Layer1, node: &Node, dir: &Path, blobs: BlobSource) -> Self {
        let store = Store::open(dir.join("store")).await.unwrap();
        let deployment = node.deployment.clone();
        let spec = genesis(deployment.rollup).chain_spec();
        let chain = Chain::open(&dir.join("l2.redb"), &spec).unwrap();
        let shutdown = Shutdown::new();
        let mut tasks = Tasks::new(shutdown.clone());
        let provider = l1.provider();
        let parts = (chain.clone(), store.clone(), deployment);
        let reading = (provider, blobs);
        let replica = Replica::open(parts, reading, SequencerConfig::default(), &tasks);
        replica.await.unwrap().spawn(&mut tasks);
        Self {
            chain,
            store,
            shutdown,
            tasks: tokio::spawn(tasks.join()),
        }
    }

    pub async fn reaches(&self, block: u64) {
        let mut heads = self.chain.subscribe();
        let reached = heads.wait_for(|head| head.number >= block);
        let reached = tokio::time::timeout(Duration::from_secs(120), reached).await;
        assert_eq!(reached.unwrap().unwrap().number, block);
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        self.tasks.await.unwrap().unwrap();
        self.store.close().await;
        assert!(self.chain.close(Duration::from_secs(10)).await);
    }
}

#[tokio::test]
async fn a_thousand_blocks_are_rebuilt_from_l1_and_its_sequencer_replaced() {
    let (l1, dir) = (Layer1::start().await, TempDir::new().unwrap());
    let clock = Clock::manual(genesis(Address::ZERO).timestamp + 1);
    let config = SequencerConfig {
        block_time: Duration::from_millis(1),
        batch: BatchPolicy {
            age_s_max: 1_000_000,
            open_batches_max: Some(1_000),
            ..Default::default()
        },
        ..Default::default()
    };
    let node = Node::start_at(&l1, dir.path(), config, clock.clone()).await;
    let user = account(5);
    deposit(&node, user.address(), ETHER).await;
    let mut heads = node.chain.subscribe();
    heads.wait_for(|head| head.number == 1).await.unwrap();
    for nonce in 0..BLOCKS {
        clock.advance_ms(1_000);
        let raw = l2_transaction(&user, nonce, Address::repeat_byte(1), 1, Bytes::new());
        node.pool.submit(raw).await.unwrap();
        let sealed = heads.wait_for(|head| head.number == nonce + 2).await;
        drop(sealed.unwrap());
    }
    let head = node.chain.head().number;
    node.sealer.seal();
    let last = eventually("all blocks in batches", || async {
        let last = node
            .store
            .last_batch(BatchState::Committed)
            .await
            .unwrap()?;
        let record = node.store.batch(last).await.unwrap().unwrap();
        (record.last_block == head).then_some(last)
    })
    .await;

    let elsewhere = TempDir::new().unwrap();
    let replica = Running::start(&l1, &node, elsewhere.path()).await;
    replica.reaches(head).await;
    for number in 0..=head {
        assert_eq!(
            replica.chain.header(number).unwrap().unwrap().hash(),
            node.chain.header(number).unwrap().unwrap().hash(),
            "block {number}"
        );
    }
    settle(&node, 1).await;
    let first = node.store.batch(1).await.unwrap().unwrap();
    eventually("the settled batch on the replica", || async {
        (replica.chain.tag(Tag::Finalized).unwrap() == first.last_block).then_some(())
    })
    .await;
    wait_for(&node, 1, BatchState::Settled).await;

    // The operator's machine is gone; its key goes on with what the replica has.
    replica.stop().await;
    let deployment = "deployment.json";
    std::fs::copy(
        dir.path().join(deployment),
        elsewhere.path().join(deployment),
    )
    .unwrap();
    node.stop().await;
    let node = Node::start_at(&l1, elsewhere.path(), config, clock.clone()).await;
    clock.advance_ms(1_000);
    let raw = l2_transaction(&user, BLOCKS, Address::repeat_byte(1), 1, Bytes::new());
    let hash = node.pool.submit(raw).await.unwrap();
    let block = eventually("a block of the new sequencer", || async {
        node.chain.place_of(&hash).unwrap()
    })
    .await;
    assert_eq!(block, (head + 1, 0));
    node.sealer.seal();
    wait_for(&node, last + 1, BatchState::Committed).await;
    node.stop().await;
}
