//! L1 takes messages and commits back, and the sequencer follows.

use std::sync::Arc;

use alloy::primitives::{Address, B256, Bytes, U256};
use rollmill_engine::{Chain, Tag, TransactionPool, stf::fees::FeePrices};
use rollmill_l1::{BlobSource, Cursor, LoggedEvent, Update, Watcher, WatcherConfig, connect};
use rollmill_protocol::L1Message;
use rollmill_runtime::Shutdown;
use rollmill_store::{BatchRecord, BatchState, L1Attempt, Store};
use tokio::sync::watch;

use super::{
    ETHER, World,
    batcher::batcher_behind,
    deposit,
    derivation::{Layer1, committed, l1_block, logged, sent},
    fees, key, l1_place, signed, transfer,
};
use crate::{
    ACCOUNT_SLOTS, BatchPolicy, BlockLimits, FollowError, L1Head, Mempool, RollbackError,
    Rollbacks,
    builder::{AHEAD_S_MAX, Builder},
    derivation::Derivation,
    follower::{Follower, reread},
    rollback::{Gate, Rollback, sealed_messages},
};

/// Receives what the deposits bring, and has nothing else.
const POOR: u8 = 4;
/// Nobody answers there.
const NO_L1: &str = "http://127.0.0.1:1";

/// A sequencer without its clocks: its parts over one chain, as they are after a start.
struct Node {
    chain: Chain,
    store: Store,
    pool: Arc<Mempool>,
    gate: Gate,
    builder: Builder,
    follower: Follower,
}

impl Node {
    async fn start(world: &World, l1: &str) -> Self {
        Self::start_within(BlockLimits::default(), world, l1).await
    }

    async fn start_within(limits: BlockLimits, world: &World, l1: &str) -> Self {
        let (chain, store) = (world.chain(), world.store().await);
        let pool = world.pool(&chain);
        let gate = Gate::default();
        let next = sealed_messages(&chain, &store).await.unwrap();
        let builder = world
            .builder_behind((gate.clone(), limits), &chain, &pool, next)
            .await;
        let (deployment, provider) = (world.deployment(), connect(l1).unwrap());
        let watcher = WatcherConfig::default();
        let follower = Follower {
            watcher: Watcher::new(provider.clone(), &deployment, watcher, None),
            store: store.clone(),
            chain: chain.clone(),
            head: watch::Sender::new(L1Head::default()),
            reread: reread(&store).await.unwrap(),
            rollback: Some(Rollback {
                chain: chain.clone(),
                store: store.clone(),
                pool: pool.clone(),
                gate: gate.clone(),
            }),
            derivation: Derivation {
                chain: chain.clone(),
                store: store.clone(),
                deployment,
                provider,
                blobs: BlobSource::L1,
                shutdown: Shutdown::new(),
            },
        };
        Self {
            chain,
            store,
            pool,
            gate,
            builder,
            follower,
        }
    }

    /// One that never asks L1.
    async fn alone(world: &World) -> Self {
        Self::start(world, NO_L1).await
    }

    async fn reads(&mut self, number: u64, events: Vec<LoggedEvent>) -> Result<(), FollowError> {
        self.follower.apply(l1_block(number, events)).await
    }

    async fn goes_back(&mut self, number: u64) {
        let cursor = Cursor {
            block: number,
            hash: B256::with_last_byte(number as u8),
        };
        self.follower.apply(Update::Rewind(cursor)).await.unwrap();
    }

    /// Executes what L1 brought, then submits the transaction and confirms it.
    async fn takes(&mut self, raw: Bytes) -> B256 {
        self.builder.step(false).await.unwrap();
        let hash = self.pool.submit(raw).await.unwrap();
        self.builder.step(false).await.unwrap();
        hash
    }

    async fn seals(&mut self) {
        self.builder.step(true).await.unwrap();
    }

    /// Makes a batch of everything that is sealed.
    async fn batches(&self, world: &World) -> BatchRecord {
        let policy = BatchPolicy::default();
        let mut batcher =
            batcher_behind(self.gate.clone(), world, &self.chain, &self.store, policy).await;
        batcher.step(true).await.unwrap();
        let last = self.store.last_batch(BatchState::Sealed).await.unwrap();
        self.store.batch(last.unwrap()).await.unwrap().unwrap()
    }

    /// Hashes of the users' transactions in a block.
    fn users(&self, block: u64) -> Vec<B256> {
        let block = self.chain.block(block).unwrap().unwrap();
        let users = block.transactions.iter();
        let users = users.filter(|tx| tx.as_l1_message().is_none());
        users.map(|tx| tx.hash()).collect()
    }

    fn balance(&self, account: Address) -> U256 {
        let account = self.chain.newest_state().unwrap().account(account).unwrap();
        account.map_or(U256::ZERO, |account| account.balance)
    }

    async fn rollbacks(&self) -> Rollbacks {
        Rollbacks::load(&self.store).await.unwrap()
    }
}

/// A deposit for the one who has nothing else.
fn gift(index: u64, wei: u128) -> L1Message {
    L1Message {
        to: key(POOR).address(),
        mint: U256::from(wei),
        value: U256::from(wei),
        ..deposit(index, 0)
    }
}

#[tokio::test]
async fn a_message_that_comes_back_as_it_was_changes_nothing() {
    let world = World::new();
    let mut node = Node::alone(&world).await;
    node.reads(1, vec![]).await.unwrap();
    node.reads(2, vec![sent(gift(0, ETHER))]).await.unwrap();
    node.reads(3, vec![]).await.unwrap();
    node.takes(signed(POOR, transfer(0))).await;
    node.seals().await;
    let open = node.takes(signed(POOR, transfer(1))).await;
    let head = node.chain.head();

    // In a later block than before, and in time.
    node.goes_back(1).await;
    node.reads(2, vec![]).await.unwrap();
    assert_ne!(reread(&node.store).await.unwrap(), 0);
    node.reads(3, vec![sent(gift(0, ETHER))]).await.unwrap();
    assert_eq!(reread(&node.store).await.unwrap(), 0);
    assert_eq!(node.chain.head().hash(), head.hash());
    let confirmed = node.chain.open_block().unwrap();
    assert_eq!(confirmed.position(&open), Some(0));
    assert_eq!(node.rollbacks().await, Rollbacks::default());
    // What comes after it is executed after it, once.
    node.reads(4, vec![sent(gift(1, 7))]).await.unwrap();
    node.seals().await;
    node.seals().await;
    assert_eq!(sealed_messages(&node.chain, &node.store).await.unwrap(), 2);
}

#[tokio::test]
async fn another_message_in_its_place_takes_back_what_was_built_on_it() {
    let world = World::new();
    let mut node = Node::alone(&world).await;
    node.reads(1, vec![]).await.unwrap();
    let rich = node.takes(signed(1, transfer(0))).await;
    node.seals().await;
    let first = node.chain.head();
    node.reads(2, vec![sent(gift(0, ETHER)), sent(deposit(1, 9))])
        .await
        .unwrap();
    let poor = node.takes(signed(POOR, transfer(0))).await;
    let second = node.takes(signed(2, transfer(0))).await;
    node.seals().await;
    let third = node.takes(signed(3, transfer(0))).await;
    node.seals().await;
    let open = node.takes(signed(1, transfer(1))).await;
    let waits = signed(POOR, transfer(1));
    let waits = node.takes(waits).await;
    assert_eq!(node.chain.head().number, 3);
    let record = node.batches(&world).await;
    assert_eq!((record.number, record.last_block), (1, 3));

    // The gift is another one now: too small to pay for a transfer.
    node.goes_back(1).await;
    node.reads(2, vec![sent(gift(0, 5))]).await.unwrap();
    assert_eq!(node.chain.head().hash(), first.hash());
    assert!(node.chain.open_block().is_none());
    assert_eq!(node.store.batch(1).await.unwrap(), None);
    let rollbacks = Rollbacks {
        count: 1,
        blocks: 3,
        transactions: 5,
    };
    assert_eq!(node.rollbacks().await, rollbacks);
    // Until they are executed again they wait, and those who ask for a nonce hear of them.
    assert_eq!(node.pool.len(), 5);
    assert!(node.pool.pending(&third).is_some());
    assert_eq!(node.pool.pending_nonce(key(2).address()), Some(1));
    assert_eq!(node.pool.pending_nonce(key(1).address()), Some(2));

    // In their order, before a newcomer that pays more; what the lost gift paid for is gone.
    let newcomer = alloy::consensus::TxEip1559 {
        max_priority_fee_per_gas: 5_000_000_000,
        ..transfer(1)
    };
    let newcomer = node.takes(signed(3, newcomer)).await;
    node.seals().await;
    assert_eq!(node.users(1), [rich]);
    assert_eq!(node.users(2), [second, third, open, newcomer]);
    assert_eq!(node.pool.pending(&poor), None);
    assert_eq!(node.balance(key(POOR).address()), U256::from(5));
    assert_eq!(node.balance(Address::repeat_byte(0xee)), U256::ZERO);
    assert!(node.chain.taken_back().unwrap().is_empty());
    // Too early without the one before it, it waits.
    assert_eq!(node.chain.place_of(&waits).unwrap(), None);
    assert!(node.pool.pending(&waits).is_some());
    assert_eq!(node.pool.len(), 1);

    // The batch over the new blocks takes the dropped one's number.
    let record = node.batches(&world).await;
    assert_eq!((record.number, record.last_block), (1, 2));
    assert_eq!(record.public_values.block_hash, node.chain.head().hash());
    node.reads(3, vec![sent(deposit(1, 9))]).await.unwrap();
    node.seals().await;
    assert_eq!(node.balance(Address::repeat_byte(0xee)), U256::from(9));
    assert_eq!(node.rollbacks().await, rollbacks);
}

/// What a transaction pays depends on its block; what was counted for it does not.
#[tokio::test]
async fn prices_go_back_with_the_block_that_set_them() {
    let world = fees::world();
    let mut node = Node::alone(&world).await;
    let prices = |node: &Node| node.chain.fee_prices_after(&node.chain.head()).unwrap();
    node.reads(1, vec![]).await.unwrap();
    node.reads(2, vec![sent(deposit(0, 9))]).await.unwrap();
    let set = node.takes(fees::set_prices(0)).await;
    node.seals().await;
    assert_eq!(prices(&node), fees::prices());
    let paid = node.takes(signed(2, transfer(0))).await;
    node.seals().await;
    let mined = node.chain.transaction(&paid).unwrap().unwrap();
    assert_eq!(
        (mined.header.number, mined.prover_gas),
        (2, fees::PROVER_GAS)
    );

    node.goes_back(1).await;
    node.reads(2, vec![sent(deposit(0, 8))]).await.unwrap();
    assert_eq!(node.chain.head().number, 0);
    assert_eq!(prices(&node), FeePrices::default());

    // Both are executed again, now in one block: its prices are those before it.
    node.seals().await;
    assert_eq!(node.users(1), [set, paid]);
    let mined = node.chain.transaction(&paid).unwrap().unwrap();
    assert_eq!(
        (mined.header.number, mined.prover_gas),
        (1, fees::PROVER_GAS)
    );
    assert_eq!(mined.prices, FeePrices::default());
    let price = mined.header.base_fee_per_gas.unwrap() + 1_000_000_000;
    let left = U256::from(ETHER) - U256::from(21_000 * price) - U256::ONE;
    assert_eq!(node.balance(key(2).address()), left);
    assert_eq!(prices(&node), fees::prices());
    assert_eq!(node.batches(&world).await.last_block, 1);
}

#[tokio::test]
async fn a_message_that_stays_away_is_given_up_when_l1_is_read_as_far_as_before() {
    let world = World::new();
    {
        let mut node = Node::alone(&world).await;
        node.reads(1, vec![sent(deposit(0, 3))]).await.unwrap();
        node.reads(2, vec![sent(gift(1, ETHER))]).await.unwrap();
        node.reads(3, vec![]).await.unwrap();
        let poor = node.takes(signed(POOR, transfer(0))).await;
        let rich = node.takes(signed(1, transfer(0))).await;
        node.seals().await;
        assert_eq!(node.users(1), [poor, rich]);
        node.goes_back(1).await;
        node.reads(2, vec![]).await.unwrap();
        assert_eq!(node.chain.head().number, 1);
        node.store.close().await;
    }
    // It is not forgotten by a restart that there is something to wait for.
    let rich = {
        let mut node = Node::alone(&world).await;
        assert_eq!(node.chain.head().number, 1);
        let rich = node.users(1)[1];
        node.reads(3, vec![]).await.unwrap();
        assert_eq!(node.chain.head().number, 0);
        assert_eq!(node.rollbacks().await.transactions, 2);
        node.store.close().await;
        rich
    };
    // Nor what was taken back, if the end comes before it is executed again.
    let mut node = Node::alone(&world).await;
    assert_eq!(node.pool.len(), 2);
    node.seals().await;
    assert_eq!(node.users(1), [rich]);
    assert_eq!(node.balance(Address::repeat_byte(0xee)), U256::from(3));
    assert_eq!(node.balance(key(POOR).address()), U256::ZERO);
    assert!(node.pool.is_empty());
    assert_eq!(node.rollbacks().await.count, 1);
}

/// More than fits into a block is executed again over several, still before everything else.
#[tokio::test]
async fn what_has_no_room_waits_for_the_next_block_in_its_place() {
    let world = World::new();
    let mut node = Node::alone(&world).await;
    node.reads(1, vec![]).await.unwrap();
    let heavy = |nonce| alloy::consensus::TxEip1559 {
        gas_limit: 16_000_000,
        to: Address::with_last_byte(8).into(),
        value: U256::ZERO,
        input: vec![0; 192 * 30].into(),
        ..transfer(nonce)
    };
    node.reads(2, vec![sent(deposit(0, 3))]).await.unwrap();
    let first = node.takes(signed(1, heavy(0))).await;
    node.seals().await;
    let second = node.takes(signed(2, heavy(0))).await;
    let third = node.takes(signed(3, transfer(0))).await;
    node.seals().await;
    assert_eq!(node.users(2), [second, third]);

    node.goes_back(1).await;
    node.reads(2, vec![sent(deposit(0, 4))]).await.unwrap();
    node.seals().await;
    node.seals().await;
    assert_eq!(node.users(1), [first]);
    assert_eq!(node.users(2), [second, third]);
}

/// A batch must carry the blocks that are made again, too.
#[tokio::test]
async fn what_is_done_again_obeys_the_limits_of_a_block() {
    let world = World::new();
    let two_transfers = BlockLimits {
        data_bytes_max: 300,
        ..BlockLimits::default()
    };
    let mut node = Node::start_within(two_transfers, &world, NO_L1).await;
    node.reads(1, vec![]).await.unwrap();
    node.reads(2, vec![sent(deposit(0, 3))]).await.unwrap();
    let mut done = Vec::new();
    for account in 1..=3 {
        done.push(node.takes(signed(account, transfer(0))).await);
        node.seals().await;
    }
    assert_eq!(node.chain.head().number, 3);

    node.goes_back(1).await;
    node.reads(2, vec![sent(deposit(0, 4))]).await.unwrap();
    node.seals().await;
    node.seals().await;
    assert_eq!(node.users(1), done[..2]);
    assert_eq!(node.users(2), done[2..]);
}

/// The end comes when a part is executed again, and in an open block.
#[tokio::test]
async fn what_is_done_again_goes_on_after_a_kill() {
    let world = World::new();
    let mut done = Vec::new();
    {
        let mut node = Node::alone(&world).await;
        node.reads(1, vec![]).await.unwrap();
        node.reads(2, vec![sent(deposit(0, 3))]).await.unwrap();
        for nonce in 0..AHEAD_S_MAX + 4 {
            done.push(node.takes(signed(1, transfer(nonce))).await);
        }
        node.goes_back(1).await;
        node.reads(2, vec![sent(deposit(0, 4))]).await.unwrap();
        assert_eq!(node.pool.len(), done.len());
        node.store.close().await;
    }
    let one_by_one = BlockLimits {
        transactions_max: 1,
        ..BlockLimits::default()
    };
    {
        // Chain time runs as far ahead as it may.
        let mut node = Node::start_within(one_by_one, &world, NO_L1).await;
        node.seals().await;
        assert!(node.chain.open_block().is_some());
        node.store.close().await;
    }
    let mut node = Node::start_within(one_by_one, &world, NO_L1).await;
    let sealed = node.chain.head().number as usize;
    // One block holds the deposit, and one transaction is in the open block.
    assert_eq!(node.pool.len(), done.len() - sealed);
    assert!(!node.pool.is_empty());
    while !node.pool.is_empty() {
        world.clock.advance_ms(1_000);
        node.seals().await;
    }
    world.clock.advance_ms(1_000);
    node.seals().await;
    let blocks = 2..=node.chain.head().number;
    let again: Vec<B256> = blocks.flat_map(|number| node.users(number)).collect();
    assert_eq!(again, done);
    assert!(node.chain.taken_back().unwrap().is_empty());
}

/// Its nonce is far ahead of the state's, and nothing pays for it yet.
#[tokio::test]
async fn what_waits_behind_what_was_taken_back_stands_after_a_kill() {
    let world = World::new();
    let heir = 5;
    let waiting = {
        let mut node = Node::alone(&world).await;
        node.reads(1, vec![]).await.unwrap();
        node.reads(2, vec![sent(deposit(0, 3))]).await.unwrap();
        for nonce in 0..ACCOUNT_SLOTS {
            let gift = alloy::consensus::TxEip1559 {
                to: key(heir).address().into(),
                value: U256::from(ETHER / 100),
                ..transfer(nonce)
            };
            node.takes(signed(1, gift)).await;
        }
        let waiting = [
            node.pool.submit(signed(1, transfer(ACCOUNT_SLOTS))).await,
            node.pool.submit(signed(heir, transfer(0))).await,
        ];
        node.goes_back(1).await;
        node.reads(2, vec![sent(deposit(0, 4))]).await.unwrap();
        node.store.close().await;
        waiting.map(Result::unwrap)
    };
    let mut node = Node::alone(&world).await;
    let slots = ACCOUNT_SLOTS as usize;
    assert_eq!(node.pool.len(), slots + 2);
    let nonce = node.pool.pending_nonce(key(1).address());
    assert_eq!(nonce, Some(ACCOUNT_SLOTS + 1));
    // However long the first step takes, there is a second one for the same block.
    node.builder.step(false).await.unwrap();
    node.builder.step(false).await.unwrap();
    node.seals().await;
    let users = node.users(1);
    assert_eq!(users.len(), slots + 2);
    assert!(waiting.iter().all(|hash| users[slots..].contains(hash)));
    assert!(node.pool.is_empty());
}

#[tokio::test]
async fn a_batch_that_is_being_built_over_lost_blocks_is_not_recorded() {
    let world = World::new();
    let mut node = Node::alone(&world).await;
    node.reads(1, vec![]).await.unwrap();
    node.reads(2, vec![sent(gift(0, ETHER))]).await.unwrap();
    node.takes(signed(POOR, transfer(0))).await;
    node.seals().await;
    let policy = BatchPolicy::default();
    let gate = node.gate.clone();
    let mut batcher = batcher_behind(gate, &world, &node.chain, &node.store, policy).await;
    // It has looked at the block, and waits for a batch to become old enough.
    batcher.step(false).await.unwrap();
    node.goes_back(1).await;
    node.reads(2, vec![]).await.unwrap();
    assert_eq!(node.chain.head().number, 0);
    batcher.step(true).await.unwrap();
    assert_eq!(node.store.batch(1).await.unwrap(), None);
    node.takes(signed(1, transfer(0))).await;
    node.seals().await;
    batcher.step(true).await.unwrap();
    let record = node.store.batch(1).await.unwrap().unwrap();
    assert_eq!(record.public_values.block_hash, node.chain.head().hash());
}

#[tokio::test]
async fn tags_go_back_with_l1_and_the_batch_is_to_be_committed_again() {
    let world = World::new();
    let mut node = Node::alone(&world).await;
    node.reads(1, vec![sent(deposit(0, 3))]).await.unwrap();
    node.takes(signed(1, transfer(0))).await;
    node.seals().await;
    let record = node.batches(&world).await;
    let commit = logged(B256::repeat_byte(9), committed(&record));
    node.reads(2, vec![commit.clone()]).await.unwrap();
    assert_eq!(node.chain.tag(Tag::Safe).unwrap(), 1);
    node.store.set_batch_settled(1, l1_place(3)).await.unwrap();
    node.reads(3, vec![]).await.unwrap();

    node.goes_back(2).await;
    let found = node.store.batch(1).await.unwrap().unwrap();
    assert_eq!((found.state, found.settled), (BatchState::Committed, None));
    assert_eq!(node.chain.tag(Tag::Safe).unwrap(), 1);
    assert_eq!(node.chain.tag(Tag::Finalized).unwrap(), 0);
    node.goes_back(1).await;
    assert_eq!(node.chain.tag(Tag::Safe).unwrap(), 0);
    assert_eq!(node.store.batch(1).await.unwrap(), Some(record));
    node.reads(2, vec![]).await.unwrap();
    node.reads(3, vec![commit]).await.unwrap();
    assert_eq!(node.chain.tag(Tag::Safe).unwrap(), 1);
    assert_eq!(node.rollbacks().await, Rollbacks::default());
}

/// An L1 that contradicts itself: the message is gone, and the batch that executed it is not.
#[tokio::test]
async fn a_committed_batch_is_not_taken_back() {
    let world = World::new();
    let mut node = Node::alone(&world).await;
    node.reads(1, vec![]).await.unwrap();
    node.reads(2, vec![sent(gift(0, ETHER))]).await.unwrap();
    node.seals().await;
    node.batches(&world).await;
    node.store
        .set_batch_committed(1, l1_place(1))
        .await
        .unwrap();
    node.goes_back(1).await;
    let error = node.reads(2, vec![]).await.unwrap_err();
    assert!(
        matches!(
            error,
            FollowError::Rollback(RollbackError::Committed { batch: 1, index: 0 })
        ),
        "{error}"
    );
    assert_eq!(node.chain.head().number, 1);
}

/// A deposit was away for so long that its batch was dropped, and then both come back: what L1 holds counts.
#[tokio::test]
async fn a_dropped_batch_that_l1_has_in_the_end_stands() {
    let world = World::new();
    let mut l1 = Layer1::start().await;
    let mut node = Node::start(&world, NO_L1).await;
    node.follower.derivation.provider = l1.provider.clone();
    node.reads(1, vec![]).await.unwrap();
    node.reads(2, vec![sent(gift(0, ETHER))]).await.unwrap();
    let poor = node.takes(signed(POOR, transfer(0))).await;
    node.seals().await;
    let record = node.batches(&world).await;
    let commit = l1.commit(&record).await;

    node.goes_back(1).await;
    node.reads(2, vec![]).await.unwrap();
    let rich = node.takes(signed(1, transfer(0))).await;
    node.seals().await;
    let other = node.batches(&world).await;
    assert_eq!(node.users(1), [rich]);
    assert_ne!(
        other.public_values.block_hash,
        record.public_values.block_hash
    );

    // Somebody else's would be another operator's.
    let both = vec![sent(gift(0, ETHER)), commit.clone()];
    let foreign = node.reads(3, both.clone()).await.unwrap_err();
    assert!(
        matches!(foreign, FollowError::ForeignBatch { batch: 1, .. }),
        "{foreign}"
    );
    let attempt = L1Attempt {
        hash: commit.transaction,
        raw: Bytes::new(),
    };
    let operator = world.deployment().operator;
    node.store
        .record_send("commit/1", operator, 0, &attempt)
        .await
        .unwrap();
    node.reads(3, both).await.unwrap();
    assert_eq!(node.users(1), [poor]);
    assert_eq!(node.chain.head().hash(), record.public_values.block_hash);
    assert_eq!(node.chain.tag(Tag::Safe).unwrap(), 1);
    // The other transaction is executed after it.
    node.seals().await;
    assert_eq!(node.users(2), [rich]);
    assert_eq!(node.rollbacks().await.count, 2);
}
