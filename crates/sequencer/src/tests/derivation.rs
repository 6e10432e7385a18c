//! Batches of one world, committed as calldata on a real L1, derived in another.

use alloy::{
    primitives::{Address, B256, Bytes, U256, keccak256},
    providers::{DynProvider, Provider},
    sol_types::SolCall,
};
use rollmill_engine::{Chain, Tag};
use rollmill_l1::{
    BlobSource, Cursor, L1Block, L1Event, LoggedEvent, Update, Watcher, WatcherConfig,
    contracts::Rollup::{
        BatchCommitted, BatchDropped, BatchSettledUnpaid, Commit, MessageSent, RollupEvents,
        commitCall,
    },
};
use rollmill_protocol::L1Message;
use rollmill_runtime::Shutdown;
use rollmill_store::{BatchRecord, BatchState, Store};
use rollmill_test_l1::account;
use tokio::sync::watch;

use super::{
    World,
    batcher::{batcher, build, fields},
    deposit,
};
use crate::{
    BatchPolicy, DeriveError, FollowError, L1Head,
    derivation::Derivation,
    follower::{self, Follower},
    rollback::{Gate, Rollback},
};

/// An L1 without contracts: commits are calldata sent to nobody.
pub(super) struct Layer1 {
    pub(super) provider: DynProvider,
    sent: u64,
    _node: rollmill_test_l1::Layer1,
}

impl Layer1 {
    pub(super) async fn start() -> Self {
        let node = rollmill_test_l1::Layer1::start().await;
        Self {
            provider: node.provider(),
            sent: 0,
            _node: node,
        }
    }

    /// Sends `input` in a transaction; returns its hash.
    async fn send(&mut self, input: Bytes) -> B256 {
        let transaction = alloy::consensus::TxEip1559 {
            chain_id: self.provider.get_chain_id().await.unwrap(),
            nonce: self.sent,
            gas_limit: 10_000_000,
            max_fee_per_gas: 100_000_000_000,
            max_priority_fee_per_gas: 1_000_000_000,
            to: super::rollup().into(),
            value: U256::ZERO,
            access_list: Default::default(),
            input,
        };
        self.sent += 1;
        let raw = super::sign(&account(0), transaction);
        let pending = self.provider.send_raw_transaction(&raw).await.unwrap();
        *pending.tx_hash()
    }

    /// Commits a batch, and says so as the contract would.
    pub(super) async fn commit(&mut self, record: &BatchRecord) -> LoggedEvent {
        let call = commitCall {
            c: Commit::from(&fields(record)),
            data: record.data.clone(),
        };
        let transaction = self.send(call.abi_encode().into()).await;
        logged(transaction, committed(record))
    }
}

pub(super) fn committed(record: &BatchRecord) -> BatchCommitted {
    BatchCommitted {
        batch: record.number,
        task: record.task,
        c: Commit::from(&fields(record)),
        dataCommitment: keccak256(&record.data),
        previousMessageHash: record.public_values.previous_message_hash,
        messageHash: record.public_values.message_hash,
        unitPriceWei: U256::ONE,
        epoch: 1,
    }
}

pub(super) fn logged(transaction: B256, event: BatchCommitted) -> LoggedEvent {
    LoggedEvent {
        event: L1Event::Rollup(RollupEvents::BatchCommitted(event)),
        transaction,
        log_index: 0,
    }
}

pub(super) fn sent(message: L1Message) -> LoggedEvent {
    let event = MessageSent {
        index: message.index,
        sender: message.sender,
        to: message.to,
        mint: message.mint,
        value: message.value,
        gasLimit: message.gas_limit,
        data: message.data,
        rollingHash: B256::ZERO,
    };
    LoggedEvent {
        event: L1Event::Rollup(RollupEvents::MessageSent(event)),
        transaction: B256::ZERO,
        log_index: 0,
    }
}

pub(super) fn l1_block(number: u64, events: Vec<LoggedEvent>) -> Update {
    Update::Block(L1Block {
        number,
        hash: B256::with_last_byte(number as u8),
        timestamp: number,
        prevrandao: B256::ZERO,
        events,
    })
}

/// A node that knows nothing but L1.
struct Node {
    world: World,
    chain: Chain,
    store: Store,
    follower: Follower,
}

impl Node {
    async fn new(l1: &Layer1) -> Self {
        let world = World::new();
        let (chain, store) = (world.chain(), world.store().await);
        let (deployment, provider) = (world.deployment(), l1.provider.clone());
        let follower = Follower {
            watcher: Watcher::new(
                provider.clone(),
                &deployment,
                WatcherConfig::default(),
                None,
            ),
            store: store.clone(),
            chain: chain.clone(),
            head: watch::Sender::new(L1Head::default()),
            derivation: Derivation {
                chain: chain.clone(),
                store: store.clone(),
                deployment,
                provider,
                blobs: BlobSource::L1,
                shutdown: Shutdown::new(),
            },
            rollback: None,
            reread: 0,
        };
        Self {
            world,
            chain,
            store,
            follower,
        }
    }

    /// What deriving the block's batches meets. The follower makes less of it: see the test at the end.
    async fn derive(&mut self, number: u64, events: Vec<LoggedEvent>) -> Result<(), DeriveError> {
        let (commits, rest): (Vec<_>, Vec<_>) = events.into_iter().partition(|logged| {
            matches!(
                logged.event,
                L1Event::Rollup(RollupEvents::BatchCommitted(_))
            )
        });
        self.follower.apply(l1_block(number, rest)).await.unwrap();
        for logged in &commits {
            let L1Event::Rollup(RollupEvents::BatchCommitted(event)) = &logged.event else {
                continue;
            };
            if self.store.batch(event.batch).await.unwrap().is_none() {
                let derivation = &self.follower.derivation;
                derivation.derive(event, logged.transaction).await?;
            }
        }
        let applied = self.follower.apply(l1_block(number, commits)).await;
        applied.unwrap();
        Ok(())
    }

    /// The follower reads an L1 block.
    async fn reads(&mut self, number: u64, events: Vec<LoggedEvent>) -> Result<(), FollowError> {
        self.follower.apply(l1_block(number, events)).await
    }
}

/// Batches of three blocks and of two, each with a deposit; the second world's second batch pays nobody.
async fn batches(second_blocks: u64) -> (World, Chain, Vec<BatchRecord>) {
    let world = World::new();
    let (chain, store) = (world.chain(), world.store().await);
    build(&world, &chain, &store, 0, 3).await;
    let mut batcher = batcher(&world, &chain, &store, BatchPolicy::default()).await;
    batcher.step(true).await.unwrap();
    build(&world, &chain, &store, 3, second_blocks).await;
    batcher.step(true).await.unwrap();
    let records = store.batches(1, 9).await.unwrap();
    assert_eq!(records.len(), 2);
    (world, chain, records)
}

#[tokio::test]
async fn what_is_committed_becomes_the_same_chain() {
    let (_world, built, records) = batches(2).await;
    let mut l1 = Layer1::start().await;
    let mut node = Node::new(&l1).await;
    let first = l1.commit(&records[0]).await;
    let events = vec![sent(deposit(0, 10)), sent(deposit(1, 10)), first.clone()];
    node.derive(1, events).await.unwrap();
    assert_eq!(node.chain.head().number, 3);
    assert_eq!(node.chain.tag(Tag::Safe).unwrap(), 3);
    let second = l1.commit(&records[1]).await;
    node.derive(2, vec![second]).await.unwrap();
    assert_eq!(node.chain.head().hash(), built.head().hash());
    // It is recorded as its sequencer has it, and where L1 has it.
    let record = node.store.batch(1).await.unwrap().unwrap();
    let place = record.committed.unwrap();
    assert_eq!((place.transaction, place.block), (first.transaction, 1));
    assert_eq!(
        record,
        BatchRecord {
            state: BatchState::Committed,
            committed: Some(place),
            ..records[0].clone()
        }
    );
    let objects = node.store.objects();
    assert!(objects.get(record.witness_hash).await.is_ok());
    // L1 blocks that are read again change nothing.
    node.derive(1, vec![first]).await.unwrap();
    assert_eq!(node.chain.head().hash(), built.head().hash());
}

#[tokio::test]
async fn a_claim_that_does_not_follow_from_the_data_is_refused() {
    type Change = fn(&mut BatchCommitted);
    let (_world, _, records) = batches(2).await;
    let mut l1 = Layer1::start().await;
    let honest = l1.commit(&records[0]).await;
    let cases: [(&str, Change); 8] = [
        ("last block", |event| event.c.lastBlock = 2),
        ("timestamp", |event| event.c.lastTimestamp += 1),
        ("state root", |event| event.c.stateRoot = B256::ZERO),
        ("block hash", |event| event.c.blockHash = B256::ZERO),
        ("withdrawal root", |event| {
            event.c.withdrawalRoot = B256::ZERO;
        }),
        ("messages", |event| event.c.messagesEnd += 1),
        ("message hash", |event| event.messageHash = B256::ZERO),
        ("task", |event| event.task = B256::ZERO),
    ];
    for (field, change) in cases {
        let mut node = Node::new(&l1).await;
        let mut event = committed(&records[0]);
        change(&mut event);
        let events = vec![sent(deposit(0, 10)), logged(honest.transaction, event)];
        let refused = node.derive(1, events).await.unwrap_err();
        assert!(
            matches!(refused, DeriveError::Differs { batch: 1, what } if what == field),
            "{field}: {refused}"
        );
        assert_eq!(node.store.batch(1).await.unwrap(), None);
    }
}

#[tokio::test]
async fn what_cannot_be_derived_is_named() {
    let (_world, _, records) = batches(2).await;
    let mut l1 = Layer1::start().await;
    let (first, second) = (l1.commit(&records[0]).await, l1.commit(&records[1]).await);
    let mut node = Node::new(&l1).await;

    let gap = node.derive(1, vec![second.clone()]).await.unwrap_err();
    assert!(
        matches!(
            gap,
            DeriveError::Gap {
                found: 2,
                expected: 1
            }
        ),
        "{gap}"
    );
    let missing = node.derive(1, vec![first.clone()]).await.unwrap_err();
    assert!(
        matches!(missing, DeriveError::NoMessage { batch: 1, index: 0 }),
        "{missing}"
    );
    // The calldata of another batch, and no commit at all.
    let other = logged(second.transaction, committed(&records[0]));
    let plain = l1.send(Bytes::from_static(b"no commit")).await;
    for event in [other, logged(plain, committed(&records[0]))] {
        let refused = node.derive(1, vec![event]).await.unwrap_err();
        assert!(
            matches!(refused, DeriveError::NotCalldata { batch: 1, .. }),
            "{refused}"
        );
    }
    // Another message than the one that was executed leads elsewhere.
    let events = vec![sent(deposit(0, 11)), first.clone()];
    let refused = node.derive(1, events).await.unwrap_err();
    assert!(matches!(refused, DeriveError::Differs { .. }), "{refused}");
    // What that left behind does not stay.
    let events = vec![sent(deposit(0, 10)), first];
    node.derive(1, events).await.unwrap();
    assert_eq!(
        node.chain.head().hash(),
        records[0].public_values.block_hash
    );
}

#[tokio::test]
async fn batch_data_that_breaks_the_rules_is_refused() {
    let (_world, _, records) = batches(2).await;
    let mut l1 = Layer1::start().await;
    let whole = rollmill_protocol::BatchData::decode(&records[0].data).unwrap();
    // A transaction twice: its nonce is used.
    let mut data = whole.clone();
    let again = data.blocks[0].transactions[0].clone();
    data.blocks[1].transactions.push(again);
    let twice = BatchRecord {
        data: data.encode().into(),
        ..records[0].clone()
    };
    let noise = BatchRecord {
        data: Bytes::from_static(b"noise"),
        ..records[0].clone()
    };
    let mut node = Node::new(&l1).await;
    let event = l1.commit(&twice).await;
    let refused = node
        .derive(1, vec![sent(deposit(0, 10)), event])
        .await
        .unwrap_err();
    assert!(
        matches!(refused, DeriveError::Execute { batch: 1, .. }),
        "{refused}"
    );
    let event = l1.commit(&noise).await;
    let refused = node.derive(1, vec![event]).await.unwrap_err();
    assert!(
        matches!(refused, DeriveError::Data { batch: 1, .. }),
        "{refused}"
    );
}

/// What is on L1 counts, not what this node would have posted.
#[tokio::test]
async fn a_batch_of_either_version_is_kept_as_it_was_posted() {
    let (_world, built, records) = batches(2).await;
    let mut l1 = Layer1::start().await;
    let mut node = Node::new(&l1).await;
    let data = rollmill_protocol::BatchData::decode(&records[0].data).unwrap();
    let plain = BatchRecord {
        data: data.encode_plain().into(),
        ..records[0].clone()
    };
    assert_eq!((records[0].data[0], plain.data[0]), (2, 1));
    assert!(records[0].data.len() < plain.data.len());
    let first = l1.commit(&plain).await;
    let second = l1.commit(&records[1]).await;
    let events = vec![sent(deposit(0, 10)), first, sent(deposit(1, 10)), second];
    node.derive(1, events).await.unwrap();
    assert_eq!(node.chain.head().hash(), built.head().hash());
    for (posted, expected) in [(1, &plain.data), (2, &records[1].data)] {
        let derived = node.store.batch(posted).await.unwrap().unwrap();
        assert_eq!(&derived.data, expected);
        let commitment = derived.public_values.data_commitment;
        assert_eq!(commitment, keccak256(expected));
    }
}

#[tokio::test]
async fn a_crash_before_the_record_leaves_nothing_in_the_way() {
    let (_world, built, records) = batches(2).await;
    let mut l1 = Layer1::start().await;
    let mut node = Node::new(&l1).await;
    let events = vec![
        sent(deposit(0, 10)),
        sent(deposit(1, 10)),
        l1.commit(&records[0]).await,
        l1.commit(&records[1]).await,
    ];
    node.derive(1, events.clone()).await.unwrap();
    node.store.drop_batches_after(0).await.unwrap();
    node.derive(1, events.clone()).await.unwrap();
    assert_eq!(node.chain.head().hash(), built.head().hash());

    // Blocks that are not the batch's make room.
    node.store.drop_batches_after(0).await.unwrap();
    node.chain.rewind(1).unwrap();
    build(&node.world, &node.chain, &node.store, 1, 1).await;
    assert_ne!(
        node.chain.head().hash(),
        built.header(2).unwrap().unwrap().hash()
    );
    node.derive(1, events).await.unwrap();
    assert_eq!(node.chain.head().hash(), built.head().hash());
}

#[tokio::test]
async fn a_reorganisation_of_l1_takes_its_batches_and_blocks_back() {
    let (_world, built, records) = batches(2).await;
    let (_other_world, other, others) = batches(4).await;
    assert_eq!(records[0], others[0]);
    let mut l1 = Layer1::start().await;
    let mut node = Node::new(&l1).await;
    let first = l1.commit(&records[0]).await;
    let second = l1.commit(&records[1]).await;
    node.derive(1, vec![sent(deposit(0, 10)), first])
        .await
        .unwrap();
    node.derive(2, vec![sent(deposit(1, 10)), second])
        .await
        .unwrap();
    assert_eq!(node.chain.head().hash(), built.head().hash());
    let lost = node.chain.block(5).unwrap().unwrap();

    let back = Cursor {
        block: 1,
        hash: B256::with_last_byte(1),
    };
    node.follower.apply(Update::Rewind(back)).await.unwrap();
    assert_eq!(node.chain.head().number, 3);
    assert_eq!(node.chain.tag(Tag::Safe).unwrap(), 3);
    assert_eq!(
        node.store.last_batch(BatchState::Sealed).await.unwrap(),
        Some(1)
    );
    // Nothing finds the lost blocks.
    let transaction = lost.transactions[0].hash();
    assert_eq!(node.chain.place_of(&transaction).unwrap(), None);
    assert_eq!(node.chain.number_of(&lost.header.hash()).unwrap(), None);
    assert!(node.chain.block(5).unwrap().is_none());

    let second = l1.commit(&others[1]).await;
    node.derive(2, vec![sent(deposit(1, 10)), second])
        .await
        .unwrap();
    assert_eq!(node.chain.head().number, 7);
    assert_eq!(node.chain.head().hash(), other.head().hash());
}

/// An event of Rollup about a batch.
fn rollup_event(event: RollupEvents) -> LoggedEvent {
    LoggedEvent {
        event: L1Event::Rollup(event),
        transaction: B256::repeat_byte(9),
        log_index: 0,
    }
}

fn settled(batch: u64) -> LoggedEvent {
    rollup_event(RollupEvents::BatchSettledUnpaid(BatchSettledUnpaid {
        batch,
        roller: Address::ZERO,
        stateRoot: B256::ZERO,
        proverGas: 0,
    }))
}

fn dropped(batch: u64) -> LoggedEvent {
    rollup_event(RollupEvents::BatchDropped(BatchDropped { batch }))
}

/// The states before it are needed no more; those behind it may be, however old they are.
#[tokio::test]
async fn a_batch_that_l1_settled_long_ago_is_irrevocable() {
    let (_world, _built, records) = batches(2).await;
    let mut l1 = Layer1::start().await;
    let mut node = Node::new(&l1).await;
    let first = l1.commit(&records[0]).await;
    let second = l1.commit(&records[1]).await;
    let events = vec![sent(deposit(0, 10)), sent(deposit(1, 10)), first, second];
    node.reads(2, events).await.unwrap();
    node.reads(3, vec![settled(1)]).await.unwrap();
    let irrevocable = |node: &Node| node.chain.tag(Tag::Irrevocable).unwrap();
    // A watcher that was started anew goes back by up to 127 blocks.
    node.reads(130, vec![settled(2)]).await.unwrap();
    assert_eq!(node.chain.tag(Tag::Finalized).unwrap(), 5);
    assert_eq!(irrevocable(&node), 0);
    node.reads(131, vec![settled(2)]).await.unwrap();
    assert_eq!(irrevocable(&node), 3);
    let back = Cursor {
        block: 4,
        hash: B256::with_last_byte(4),
    };
    node.follower.apply(Update::Rewind(back)).await.unwrap();
    assert_eq!(node.chain.tag(Tag::Finalized).unwrap(), 3);
    assert_eq!(irrevocable(&node), 3);
}

/// What nobody can prove holds up nobody for ever: the chain waits before it, and goes on when L1 has dropped it.
#[tokio::test]
async fn a_batch_that_cannot_be_derived_is_waited_out() {
    let (_world, built, records) = batches(2).await;
    let mut l1 = Layer1::start().await;
    let mut node = Node::new(&l1).await;
    let messages = vec![sent(deposit(0, 10)), sent(deposit(1, 10))];
    node.reads(1, messages).await.unwrap();

    // The operator claims another state than its data leads to, and commits on.
    let honest = l1.commit(&records[0]).await;
    let mut claim = committed(&records[0]);
    claim.c.stateRoot = B256::repeat_byte(6);
    let second = l1.commit(&records[1]).await;
    let events = vec![logged(honest.transaction, claim), second];
    node.reads(2, events).await.unwrap();
    let stuck = follower::underivable(&node.store).await.unwrap().unwrap();
    assert_eq!(stuck.batch, 1);
    assert!(stuck.reason.contains("state root"), "{}", stuck.reason);
    assert_eq!(node.chain.head().number, 0);
    assert_eq!(node.chain.tag(Tag::Safe).unwrap(), 0);
    assert_eq!(node.store.batches(1, 9).await.unwrap(), []);

    // Were it settled all the same, something would be wrong.
    let refused = node.reads(3, vec![settled(1)]).await.unwrap_err();
    assert!(
        matches!(refused, FollowError::SettledUnderivable { batch: 1, .. }),
        "{refused}"
    );

    node.reads(4, vec![dropped(1), dropped(2)]).await.unwrap();
    assert_eq!(follower::underivable(&node.store).await.unwrap(), None);
    let empty = node.store.batch(2).await.unwrap().unwrap();
    assert_eq!((empty.first_block, empty.last_block), (1, 0));
    assert_eq!(empty.state, BatchState::Settled);
    assert_eq!(
        empty.public_values.withdrawal_root,
        node.world.deployment().genesis.withdrawal_root
    );
    // L1 blocks that are read again change nothing.
    node.reads(4, vec![dropped(1), dropped(2)]).await.unwrap();
    assert_eq!(node.store.batch(2).await.unwrap(), Some(empty));

    // The same blocks under the next number.
    let derivation = &node.follower.derivation;
    let tip = crate::batcher::Tip::load(&node.store).await.unwrap();
    let posted = (records[0].data.clone(), B256::ZERO);
    let (_, third) = derivation.build(tip, posted, 1).await.unwrap();
    derivation.undo(0).await.unwrap();
    assert_eq!((third.number, third.first_block), (3, 1));
    assert_eq!(node.chain.head().number, 0);
    let third = l1.commit(&third).await;
    node.reads(5, vec![third]).await.unwrap();
    assert_eq!(
        node.chain.head().hash(),
        built.header(3).unwrap().unwrap().hash()
    );
    assert_eq!(node.chain.tag(Tag::Safe).unwrap(), 3);
}

/// What was derived and then dropped is not part of the chain any more.
#[tokio::test]
async fn a_dropped_batch_takes_its_blocks_with_it() {
    let (_world, built, records) = batches(2).await;
    let mut l1 = Layer1::start().await;
    let mut node = Node::new(&l1).await;
    let events = vec![
        sent(deposit(0, 10)),
        sent(deposit(1, 10)),
        l1.commit(&records[0]).await,
        l1.commit(&records[1]).await,
    ];
    node.reads(1, events).await.unwrap();
    assert_eq!(node.chain.head().hash(), built.head().hash());
    node.reads(2, vec![dropped(1), dropped(2)]).await.unwrap();
    assert_eq!(node.chain.head().number, 0);
    assert_eq!(node.chain.tag(Tag::Safe).unwrap(), 0);

    // A sequencer's own blocks cannot go: it stops.
    let mut sequencer = Node::new(&l1).await;
    sequencer.follower.rollback = Some(Rollback {
        chain: sequencer.chain.clone(),
        store: sequencer.store.clone(),
        pool: sequencer.world.pool(&sequencer.chain),
        gate: Gate::default(),
    });
    let refused = sequencer.reads(1, vec![dropped(1)]).await.unwrap_err();
    assert!(matches!(refused, FollowError::Dropped(1)), "{refused}");
}
