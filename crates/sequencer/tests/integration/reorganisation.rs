//! L1 is reorganised by one block, by seven, and by all that is followed: the sequencer goes back with it and goes on.

use alloy::{
    consensus::{SignableTransaction, Transaction, TxEip1559, TxEnvelope},
    eips::eip2718::{Decodable2718, Encodable2718},
    primitives::{Address, Bytes, U256},
    signers::SignerSync,
};
use rollmill_engine::{Tag, TransactionPool};
use rollmill_l1::{Call, Cursor, REORG_DEPTH_MAX, Sender, contracts::Rollup};
use rollmill_sequencer::{Rollbacks, SequencerConfig};
use rollmill_store::{BatchState, L1Place, Store};
use rollmill_test_l1::{ETHER, Instead, L1, Layer1, account, eventually};
use tempfile::TempDir;

use crate::{
    harness::{Node, l2_transaction},
    round::{config, settle, tag_reaches_head, wait_for},
};

const FRIEND: Address = Address::repeat_byte(0xf1);

/// Somebody with an account on L1, and with a memory of their own.
struct User {
    sender: Sender,
    store: Store,
    _dir: TempDir,
}

impl User {
    async fn new(l1: &Layer1, index: u32) -> Self {
        let dir = TempDir::new().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        Self {
            sender: l1.sender(index, &store),
            store,
            _dir: dir,
        }
    }

    /// Returns the L1 block.
    async fn deposits(&self, node: &Node, purpose: &str, to: Address, wei: u128) -> u64 {
        let call = Rollup::sendMessageCall {
            to,
            gasLimit: 100_000,
            data: Bytes::new(),
        };
        let fee = 100_000 * node.deployment.parameters.message_gas_price_wei;
        let call = Call::new(node.deployment.rollup, &call).with_value(U256::from(wei + fee));
        self.sender.send(purpose, &call).await.unwrap().block
    }

    /// Pays on L2 from L1. Returns the L1 block.
    async fn forces(&self, node: &Node, purpose: &str, to: Address, wei: u128) -> u64 {
        let call = Rollup::forceTransactionCall {
            to,
            value: U256::from(wei),
            gasLimit: 100_000,
            data: Bytes::new(),
        };
        let fee = 100_000 * node.deployment.parameters.message_gas_price_wei;
        let call = Call::new(node.deployment.rollup, &call).with_value(U256::from(fee));
        self.sender.send(purpose, &call).await.unwrap().block
    }

    /// What was sent.
    async fn raw(&self, purpose: &str) -> Bytes {
        let send = self.store.send(purpose).await.unwrap().unwrap();
        send.attempts.last().unwrap().raw.clone()
    }
}

/// The transaction with another value, signed by the same account.
fn with_value(raw: &Bytes, value: u128, signer: u32) -> Bytes {
    let envelope = TxEnvelope::decode_2718_exact(raw).unwrap();
    let transaction = TxEip1559 {
        value: U256::from(value),
        ..envelope.as_eip1559().unwrap().tx().clone()
    };
    signed(transaction, signer)
}

async fn rollbacks(node: &Node) -> Rollbacks {
    Rollbacks::load(&node.store).await.unwrap()
}

/// The sequencer has read L1 as it is now.
async fn has_read(l1: &Layer1, node: &Node) {
    let head = l1.head().await;
    eventually("the node to read L1", || async {
        let cursor = node.store.cursor("sequencer").await.unwrap()?;
        let cursor: Cursor = serde_json::from_str(&cursor).unwrap();
        (cursor.block >= head).then_some(())
    })
    .await;
}

async fn has(node: &Node, account: Address, wei: u128) {
    eventually("the balance on L2", || async {
        (node.l2_balance(account) == U256::from(wei)).then_some(())
    })
    .await;
}

/// Nothing goes to L1: commits wait for a snapshot that nobody posts.
fn without_commits() -> SequencerConfig {
    SequencerConfig {
        commit_epoch_min: 1,
        ..config()
    }
}

/// Commits and settles what there is, by a node that was started anew, and compares the state with L1's.
async fn goes_on(l1: &Layer1, node: Node, dir: &TempDir) {
    node.stop().await;
    let node = Node::start(l1, dir.path(), config()).await;
    node.sealer.seal();
    wait_for(&node, 1, BatchState::Committed).await;
    tag_reaches_head(&node, Tag::Safe).await;
    settle(&node, 1).await;
    wait_for(&node, 1, BatchState::Settled).await;
    let rollup = Rollup::new(node.deployment.rollup, node.sender.provider().clone());
    let settled = rollup.stateRoot().call().await.unwrap();
    assert_eq!(settled, node.chain.head().state_root);
    node.stop().await;
}

/// A deposit and a payment forced from L1 are lost, replaced, and given again as they were.
async fn messages_go_back(depth: u64) {
    let (l1, dir) = (Layer1::anvil().await, TempDir::new().unwrap());
    let node = Node::start(&l1, dir.path(), without_commits()).await;
    let (user, rich) = (User::new(&l1, 7).await, User::new(&l1, 6).await);
    let giver = User::new(&l1, 8).await;
    let poor = account(5);
    user.deposits(&node, "rich", rich.sender.address(), 3 * ETHER)
        .await;
    has(&node, rich.sender.address(), 3 * ETHER).await;

    // What is given again as it was changes nothing.
    let block = user.deposits(&node, "poor", poor.address(), ETHER).await;
    has(&node, poor.address(), ETHER).await;
    let gift = user.raw("poor").await;
    l1.bury(block, depth).await;
    has_read(&l1, &node).await;
    let stranger = payment(9, 0, &gift);
    l1.reorganise(depth, Instead::Blocks(&[stranger, gift]))
        .await;
    has_read(&l1, &node).await;
    assert_eq!(rollbacks(&node).await, Rollbacks::default());
    assert_eq!(node.l2_balance(poor.address()), U256::from(ETHER));

    // What depends on the gift goes with it, what does not is done again; a batch over both is dropped.
    let of_poor = l2_transaction(&poor, 0, FRIEND, ETHER / 2, Bytes::new());
    let of_poor = node.pool.submit(of_poor).await.unwrap();
    let of_rich = l2_transaction(&account(6), 0, FRIEND, 1, Bytes::new());
    let of_rich = node.pool.submit(of_rich).await.unwrap();
    has(&node, FRIEND, ETHER / 2 + 1).await;
    node.sealer.seal();
    wait_for(&node, 1, BatchState::Sealed).await;
    let dropped = node.store.batch(1).await.unwrap().unwrap();
    l1.reorganise(depth + 1, Instead::Blocks(&[])).await;
    has(&node, FRIEND, 1).await;
    assert_eq!(node.l2_balance(poor.address()), U256::ZERO);
    assert_eq!(node.chain.place_of(&of_poor).unwrap(), None);
    assert!(node.pool.pending(&of_poor).is_none());
    assert!(node.chain.place_of(&of_rich).unwrap().is_some());
    let broken = rollbacks(&node).await;
    assert_eq!((broken.count, broken.transactions), (1, 2));
    let batch = node.store.batch(1).await.unwrap();
    assert_ne!(
        batch.map(|batch| batch.public_values.block_hash),
        Some(dropped.public_values.block_hash)
    );

    // Another amount in the place of a deposit; L1 is shorter for a while in between.
    let before = node.l2_balance(FRIEND);
    let block = rich.forces(&node, "force", FRIEND, ETHER).await;
    has(&node, FRIEND, ETHER + 1).await;
    l1.bury(block, depth).await;
    has_read(&l1, &node).await;
    l1.reorganise(depth, Instead::Nothing).await;
    eventually("the forced payment to be taken back", || async {
        (node.l2_balance(FRIEND) == before).then_some(())
    })
    .await;
    let block = giver
        .deposits(&node, "another", poor.address(), 2 * ETHER)
        .await;
    has(&node, poor.address(), 2 * ETHER).await;
    let other = with_value(&giver.raw("another").await, ETHER, 8);
    let fee = 100_000 * node.deployment.parameters.message_gas_price_wei;
    l1.bury(block, depth).await;
    has_read(&l1, &node).await;
    l1.reorganise(depth, Instead::Blocks(&[other])).await;
    has(&node, poor.address(), ETHER - fee).await;
    assert_eq!(rollbacks(&node).await.count, 3);
    goes_on(&l1, node, &dir).await;
}

/// A commit is lost, and lost again with its nonce; then the settlement.
async fn batches_go_back(depth: u64) {
    let (l1, dir) = (Layer1::anvil().await, TempDir::new().unwrap());
    let node = Node::start(&l1, dir.path(), config()).await;
    let user = User::new(&l1, 7).await;
    user.deposits(&node, "deposit", FRIEND, ETHER).await;
    has(&node, FRIEND, ETHER).await;
    node.sealer.seal();
    wait_for(&node, 1, BatchState::Committed).await;
    tag_reaches_head(&node, Tag::Safe).await;
    let first = committed(&node).await;
    let head = node.chain.head();

    l1.bury(first.block, depth).await;
    has_read(&l1, &node).await;
    l1.reorganise(depth, Instead::Blocks(&[])).await;
    let second = committed_elsewhere(&node, first).await;
    assert_eq!(second.transaction, first.transaction);

    // The operator's account pays somebody with the nonce of the commit.
    l1.bury(second.block, depth).await;
    has_read(&l1, &node).await;
    let send = node.store.send("commit/1").await.unwrap().unwrap();
    let raw = send.attempts.last().unwrap().raw.clone();
    let elsewhere = payment(0, send.nonce, &raw);
    l1.reorganise(depth, Instead::Blocks(&[elsewhere])).await;
    let third = committed_elsewhere(&node, second).await;
    assert_ne!(third.transaction, first.transaction);
    let rollup = Rollup::new(node.deployment.rollup, node.sender.provider().clone());
    let on_l1 = rollup.batches(1).call().await.unwrap();
    assert_eq!(on_l1.blockHash, head.hash());

    settle(&node, 1).await;
    wait_for(&node, 1, BatchState::Settled).await;
    tag_reaches_head(&node, Tag::Finalized).await;
    let place = node.store.batch(1).await.unwrap().unwrap().settled.unwrap();
    l1.bury(place.block, depth).await;
    has_read(&l1, &node).await;
    l1.reorganise(depth, Instead::Blocks(&[])).await;
    eventually("the settlement to be taken back", || async {
        (node.chain.tag(Tag::Finalized).unwrap() == 0).then_some(())
    })
    .await;
    assert_eq!(rollup.settledBatch().call().await.unwrap(), 0);
    tag_reaches_head(&node, Tag::Safe).await;
    settle(&node, 1).await;
    wait_for(&node, 1, BatchState::Settled).await;
    tag_reaches_head(&node, Tag::Finalized).await;
    assert_eq!(rollup.stateRoot().call().await.unwrap(), head.state_root);
    assert_eq!(rollbacks(&node).await, Rollbacks::default());
    assert_eq!(node.chain.head().hash(), head.hash());
    node.stop().await;
}

async fn committed(node: &Node) -> L1Place {
    let record = node.store.batch(1).await.unwrap().unwrap();
    record.committed.unwrap()
}

/// Where the batch is committed, when that is not the old place any more.
async fn committed_elsewhere(node: &Node, old: L1Place) -> L1Place {
    let place = eventually("the batch to be committed again", || async {
        let record = node.store.batch(1).await.unwrap().unwrap();
        record.committed.filter(|place| *place != old)
    })
    .await;
    tag_reaches_head(node, Tag::Safe).await;
    place
}

/// Pays the friend on L1, for the fees of another transaction.
fn payment(signer: u32, nonce: u64, like: &Bytes) -> Bytes {
    let like = TxEnvelope::decode_2718_exact(like).unwrap();
    let transaction = TxEip1559 {
        chain_id: L1,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: like.max_fee_per_gas(),
        max_priority_fee_per_gas: like.max_priority_fee_per_gas().unwrap(),
        to: FRIEND.into(),
        value: U256::ONE,
        ..Default::default()
    };
    signed(transaction, signer)
}

fn signed(transaction: TxEip1559, signer: u32) -> Bytes {
    let hash = transaction.signature_hash();
    let signature = account(signer).sign_hash_sync(&hash).unwrap();
    TxEnvelope::from(transaction.into_signed(signature))
        .encoded_2718()
        .into()
}

#[tokio::test]
async fn messages_go_back_by_one_block() {
    messages_go_back(1).await;
}

#[tokio::test]
async fn messages_go_back_by_seven_blocks() {
    messages_go_back(7).await;
}

#[tokio::test]
async fn messages_go_back_as_far_as_l1_is_followed() {
    messages_go_back(REORG_DEPTH_MAX - 1).await;
}

#[tokio::test]
async fn batches_go_back_by_one_block() {
    batches_go_back(1).await;
}

#[tokio::test]
async fn batches_go_back_by_seven_blocks() {
    batches_go_back(7).await;
}

#[tokio::test]
async fn batches_go_back_as_far_as_l1_is_followed() {
    batches_go_back(REORG_DEPTH_MAX).await;
}
