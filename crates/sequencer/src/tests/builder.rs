use std::sync::atomic::Ordering;

use alloy::{
    consensus::TxEip1559,
    primitives::{Address, B256, Bytes, TxKind, U256, keccak256},
};
use rollmill_engine::{Chain, PoolError, StateView, TransactionPool};
use rollmill_protocol::{
    BatchData, L1Message,
    prover_gas::{EXECUTION_MAX, PRECOMPILES},
};
use rollmill_runtime::Clock;

use super::{ETHER, GENESIS_S, World, deposit, key, put, signed, transfer};
use crate::{
    ACCOUNT_SLOTS, AHEAD_S_MAX, BLOCK_PROVER_GAS_MAX, BlockLimits, BuildError,
    batcher::block_data,
    builder::{Builder, next_message},
};

#[tokio::test]
async fn nothing_to_do_makes_no_block() {
    let world = World::new();
    let chain = world.chain();
    let pool = world.pool(&chain);
    world
        .builder(&chain, &pool, 0)
        .await
        .step(true)
        .await
        .unwrap();
    assert_eq!(chain.head().number, 0);
}

#[tokio::test]
async fn messages_come_first_and_in_order_and_mint() {
    let world = World::new();
    let chain = world.chain();
    let pool = world.pool(&chain);
    let store = world.store().await;
    pool.submit(signed(1, transfer(0))).await.unwrap();
    put(&store, &deposit(1, 20)).await;
    put(&store, &deposit(0, 10)).await;
    let mut builder = world.builder(&chain, &pool, 0).await;
    builder.step(true).await.unwrap();

    let block = chain.block(1).unwrap().unwrap();
    assert_eq!(block.header.timestamp, GENESIS_S + 100);
    assert_eq!(block.header.mix_hash, B256::repeat_byte(7));
    let indices: Vec<_> = block
        .transactions
        .iter()
        .map(|tx| tx.as_l1_message().map(|m| m.index))
        .collect();
    assert_eq!(indices, [Some(0), Some(1), None]);
    let mut state = chain.state_at(&chain.head()).unwrap();
    let minted = state.account(Address::repeat_byte(0xee)).unwrap().unwrap();
    assert_eq!(minted.balance, U256::from(30));
    assert!(
        chain
            .receipts(1)
            .unwrap()
            .unwrap()
            .iter()
            .all(|receipt| receipt.success)
    );

    // They are not executed again, neither by this builder nor by the one after a restart.
    builder.step(true).await.unwrap();
    assert_eq!(chain.head().number, 1);
    assert_eq!(next_message(&chain, 0, 0).unwrap(), 2);
    assert_eq!(next_message(&chain, 2, 1).unwrap(), 2);
}

#[tokio::test]
async fn a_missing_message_stops_the_builder() {
    let world = World::new();
    let chain = world.chain();
    let pool = world.pool(&chain);
    put(&world.store().await, &deposit(1, 10)).await;
    let error = world
        .builder(&chain, &pool, 0)
        .await
        .step(true)
        .await
        .unwrap_err();
    assert!(matches!(error, BuildError::Message { index: 1, .. }));
    assert_eq!(chain.head().number, 0);
}

#[tokio::test]
async fn a_gap_waits_until_it_is_closed() {
    let world = World::new();
    let chain = world.chain();
    let pool = world.pool(&chain);
    let raw = signed(1, transfer(1));
    pool.submit(raw.clone()).await.unwrap();
    let mut builder = world.builder(&chain, &pool, 0).await;
    builder.step(true).await.unwrap();
    // A nonce gap: no block, nothing lost.
    assert_eq!(chain.head().number, 0);
    assert!(pool.pending(&keccak256(&raw)).is_some());
    let rest = U256::from(ETHER - 2 * 21_000 * 10_000_000_000 - 1);
    pool.submit(signed(
        1,
        TxEip1559 {
            value: rest,
            ..transfer(0)
        },
    ))
    .await
    .unwrap();
    builder.step(true).await.unwrap();
    assert_eq!(chain.block(1).unwrap().unwrap().transactions.len(), 2);
}

#[tokio::test]
async fn a_transaction_is_confirmed_before_its_block_is_sealed() {
    let world = World::new();
    let chain = world.chain();
    let pool = world.pool(&chain);
    let mut builder = world.builder(&chain, &pool, 0).await;
    let raw = signed(1, transfer(0));
    pool.submit(raw.clone()).await.unwrap();
    builder.step(false).await.unwrap();

    // No block yet, and the receipt is there; so is what it did, for whoever asks for the newest state.
    assert_eq!(chain.head().number, 0);
    let open = chain.open_block().unwrap();
    assert_eq!(open.position(&keccak256(&raw)), Some(0));
    assert!(open.receipts[0].success);
    assert_eq!(open.block.header.number, 1);
    let balance = |view: &mut StateView| {
        let account = view.account(Address::repeat_byte(0xaa)).unwrap();
        account.map(|account| account.balance)
    };
    assert_eq!(balance(&mut chain.newest_state().unwrap()), Some(U256::ONE));
    assert_eq!(balance(&mut chain.view_at(&chain.head()).unwrap()), None);
    // The pool goes on from there: neither again nor instead.
    assert!(pool.is_empty());
    assert_eq!(pool.pending_nonce(key(1).address()), None);
    let again = pool
        .submit(signed(
            1,
            TxEip1559 {
                value: U256::from(2),
                ..transfer(0)
            },
        ))
        .await;
    assert!(matches!(
        again,
        Err(PoolError::NonceTooLow { next: 1, nonce: 0 })
    ));

    pool.submit(signed(1, transfer(1))).await.unwrap();
    builder.step(false).await.unwrap();
    assert_eq!(chain.open_block().unwrap().receipts.len(), 2);
    builder.step(true).await.unwrap();
    assert!(chain.open_block().is_none());
    let block = chain.block(1).unwrap().unwrap();
    assert_eq!(block.transactions.len(), 2);
    assert_eq!(
        balance(&mut chain.newest_state().unwrap()),
        Some(U256::from(2))
    );
}

#[tokio::test]
async fn what_was_confirmed_stands_after_a_kill() {
    let world = World::new();
    put(&world.store().await, &deposit(0, 10)).await;
    let (order, header) = {
        let chain = world.chain();
        let pool = world.pool(&chain);
        let mut builder = world.builder(&chain, &pool, 0).await;
        // The dearer one comes second.
        pool.submit(signed(1, transfer(0))).await.unwrap();
        builder.step(false).await.unwrap();
        let dear = TxEip1559 {
            max_priority_fee_per_gas: 5_000_000_000,
            ..transfer(0)
        };
        pool.submit(signed(2, dear)).await.unwrap();
        builder.step(false).await.unwrap();
        let open = chain.open_block().unwrap();
        let order: Vec<_> = open.block.transactions.iter().map(|tx| tx.hash()).collect();
        (order, open.block.header.clone())
    };
    assert_eq!(order.len(), 3);

    let chain = world.chain();
    let pool = world.pool(&chain);
    world.clock.advance_ms(5_000);
    let mut builder = world.builder(&chain, &pool, 0).await;
    assert_eq!(builder.next_message, 1);
    let open = chain.open_block().unwrap();
    assert_eq!(open.block.header.timestamp, header.timestamp);
    builder.step(true).await.unwrap();
    let block = chain.block(1).unwrap().unwrap();
    let sealed: Vec<_> = block.transactions.iter().map(|tx| tx.hash()).collect();
    assert_eq!(sealed, order);
    assert_eq!(block.header.timestamp, header.timestamp);
    assert_eq!(block.header.gas_used, header.gas_used);
    // With its block the record is one of the past.
    assert!(chain.confirmed().unwrap().is_none());
    builder.step(true).await.unwrap();
    assert_eq!(chain.head().number, 1);
}

/// Nobody deletes the record of what was confirmed: it tells itself when it is one of the past.
#[tokio::test]
async fn a_record_holds_after_a_kill_and_not_after_a_rollback() {
    let world = World::new();
    let chain = world.chain();
    let pool = world.pool(&chain);
    let mut builder = world.builder(&chain, &pool, 0).await;
    let raw = signed(1, transfer(0));
    pool.submit(raw.clone()).await.unwrap();
    builder.step(false).await.unwrap();
    let recorded = |chain: &Chain| -> Vec<B256> {
        let confirmed = chain.confirmed().unwrap().into_iter();
        let transactions = confirmed.flat_map(|confirmed| confirmed.transactions);
        transactions.map(|transaction| transaction.hash()).collect()
    };
    assert_eq!(recorded(&chain), [keccak256(&raw)]);

    // The files as a kill leaves them, closed by nobody.
    let killed = tempfile::tempdir().unwrap();
    for file in ["l2.redb", "l2.open.redb"] {
        std::fs::copy(world.path().join(file), killed.path().join(file)).unwrap();
    }
    let after = Chain::open(&killed.path().join("l2.redb"), &world.spec).unwrap();
    assert_eq!(recorded(&after), [keccak256(&raw)]);

    // The newest block stays the one that it continues.
    chain.take_back(0).unwrap();
    assert_eq!(recorded(&chain), [B256::ZERO; 0]);
    assert_eq!(chain.taken_back().unwrap().len(), 1);
    drop((builder, pool));
    assert!(chain.close(std::time::Duration::from_secs(60)).await);
    assert_eq!(recorded(&world.chain()), [B256::ZERO; 0]);
}

/// What waits behind confirmed transactions has a nonce too high for the last sealed state, and may spend what only the open
/// block brought.
#[tokio::test]
async fn what_waits_behind_confirmed_transactions_stands_after_a_kill() {
    let world = World::new();
    let rich = L1Message {
        to: key(9).address(),
        ..deposit(0, ETHER as u64)
    };
    put(&world.store().await, &rich).await;
    let waiting = {
        let chain = world.chain();
        let pool = world.pool(&chain);
        let mut builder = world.builder(&chain, &pool, 0).await;
        for nonce in 0..ACCOUNT_SLOTS {
            pool.submit(signed(1, transfer(nonce))).await.unwrap();
        }
        builder.step(false).await.unwrap();
        assert!(pool.is_empty());
        [
            pool.submit(signed(1, transfer(ACCOUNT_SLOTS))).await,
            pool.submit(signed(9, transfer(0))).await,
        ]
        .map(Result::unwrap)
    };

    let chain = world.chain();
    assert_eq!(chain.head().number, 0);
    let pool = world.pool(&chain);
    let mut builder = world.builder(&chain, &pool, 0).await;
    assert_eq!(
        pool.pending_nonce(key(1).address()),
        Some(ACCOUNT_SLOTS + 1)
    );
    builder.step(true).await.unwrap();
    for hash in waiting {
        assert!(chain.place_of(&hash).unwrap().is_some());
    }
}

/// A forced transaction uses the nonce that a waiting one has: the pool follows.
#[tokio::test]
async fn the_pool_follows_what_messages_do_to_its_accounts() {
    let world = World::new();
    let chain = world.chain();
    let pool = world.pool(&chain);
    let first = pool.submit(signed(1, transfer(0))).await.unwrap();
    let second = pool.submit(signed(1, transfer(1))).await.unwrap();
    let forced = L1Message {
        sender: key(1).address(),
        ..deposit(0, 10)
    };
    put(&world.store().await, &forced).await;
    let mut builder = world.builder(&chain, &pool, 0).await;
    builder.step(true).await.unwrap();
    let block = chain.block(1).unwrap().unwrap();
    let hashes: Vec<_> = block.transactions.iter().map(|tx| tx.hash()).collect();
    assert_eq!(hashes[1..], [second]);
    assert!(pool.is_empty());
    assert_eq!(chain.place_of(&first).unwrap(), None);
}

/// Of the pairing precompile: cheap to run, dear to prove.
const PAIRING: Address = Address::with_last_byte(8);

/// Input of the fewest pairs that are more work than this.
fn pairs_above(prover_gas: u64) -> Bytes {
    let work = &PRECOMPILES[7];
    let input = |pairs: usize| vec![0; 192 * pairs];
    let each = |bytes: usize| u64::from(work.call) + u64::from(work.byte) * bytes as u64;
    let above = (0..)
        .map(input)
        .find(|input| each(input.len()) > prover_gas);
    above.expect("a pair has its price").into()
}

fn pairings(input: Bytes) -> TxEip1559 {
    TxEip1559 {
        gas_limit: 16_000_000,
        to: TxKind::Call(PAIRING),
        value: U256::ZERO,
        input,
        ..transfer(0)
    }
}

/// What is more than a block holds is a block of its own; what is more than a transaction may be fails in one.
#[tokio::test]
async fn a_block_holds_only_what_can_be_proved() {
    let world = World::new();
    let chain = world.chain();
    let pool = world.pool(&chain);
    let mut builder = world.builder(&chain, &pool, 0).await;
    let mut sent = Vec::new();
    for (account, nonce, above) in [
        (1, 0, BLOCK_PROVER_GAS_MAX),
        (2, 0, BLOCK_PROVER_GAS_MAX / 2),
        (3, 0, BLOCK_PROVER_GAS_MAX / 2),
        (3, 1, EXECUTION_MAX),
    ] {
        let transaction = TxEip1559 {
            nonce,
            ..pairings(pairs_above(above))
        };
        sent.push(pool.submit(signed(account, transaction)).await.unwrap());
    }
    for _ in &sent {
        builder.step(true).await.unwrap();
    }
    let hashes = |number| -> Vec<B256> {
        let block = chain.block(number).unwrap().unwrap();
        block.transactions.iter().map(|tx| tx.hash()).collect()
    };
    assert_eq!(hashes(1), sent[..1]);
    assert_eq!(hashes(2), sent[1..2]);
    let rest = (3..=chain.head().number).flat_map(|number| {
        let receipts = chain.receipts(number).unwrap().unwrap();
        let succeeded: Vec<_> = receipts.iter().map(|receipt| receipt.success).collect();
        hashes(number).into_iter().zip(succeeded)
    });
    let rest: Vec<_> = rest.collect();
    assert_eq!(rest, [(sent[2], true), (sent[3], false)]);
    assert!(pool.is_empty());
}

#[tokio::test]
async fn a_message_that_is_much_to_prove_is_in_a_block_of_its_own() {
    let world = World::new();
    let chain = world.chain();
    let pool = world.pool(&chain);
    let store = world.store().await;
    let much = L1Message {
        to: PAIRING,
        gas_limit: 5_000_000,
        data: pairs_above(BLOCK_PROVER_GAS_MAX),
        ..deposit(1, 0)
    };
    for message in [deposit(0, 10), much, deposit(2, 30)] {
        put(&store, &message).await;
    }
    let mut builder = world.builder(&chain, &pool, 0).await;
    for number in 1..=3u64 {
        builder.step(true).await.unwrap();
        let block = chain.block(number).unwrap().unwrap();
        let indices = block.transactions.iter().map(|tx| tx.as_l1_message());
        let indices: Vec<_> = indices.map(|message| message.unwrap().index).collect();
        assert_eq!(indices, [number - 1]);
        assert!(chain.receipts(number).unwrap().unwrap()[0].success);
    }
}

#[tokio::test]
async fn a_block_holds_what_its_limits_allow() {
    let world = World::new();
    let chain = world.chain();
    let pool = world.pool(&chain);
    let limits = BlockLimits {
        transactions_max: 2,
        ..BlockLimits::default()
    };
    let mut builder = world.builder_within(limits, &chain, &pool, 0).await;
    for nonce in 0..3 {
        pool.submit(signed(1, transfer(nonce))).await.unwrap();
    }
    builder.step(true).await.unwrap();
    builder.step(true).await.unwrap();
    let count = |number| chain.block(number).unwrap().unwrap().transactions.len();
    assert_eq!((count(1), count(2), chain.head().number), (2, 1, 2));
}

/// Cheap in gas and in proving, and too much for one commit.
#[tokio::test]
async fn a_block_holds_only_what_a_batch_can_carry() {
    let world = World::new();
    let chain = world.chain();
    let pool = world.pool(&chain);
    let mut builder = world.builder(&chain, &pool, 0).await;
    for nonce in 0..4 {
        let zeros = TxEip1559 {
            gas_limit: 1_300_000,
            input: vec![0; 120_000].into(),
            ..transfer(nonce)
        };
        pool.submit(signed(1, zeros)).await.unwrap();
    }
    builder.step(true).await.unwrap();
    builder.step(true).await.unwrap();
    for (number, count) in [(1, 3), (2, 1)] {
        let block = chain.block(number).unwrap().unwrap();
        assert_eq!(block.transactions.len(), count);
        let (data, _) = block_data(&block);
        let batch = BatchData { blocks: vec![data] };
        assert_eq!(BatchData::decode(&batch.encode()).unwrap(), batch);
    }
    assert_eq!(chain.head().number, 2);
}

/// One transaction in a block of its own, while there is time for another block.
async fn tick_with_one(builder: &mut Builder, nonce: u64) {
    builder
        .pool
        .submit(signed(1, transfer(nonce)))
        .await
        .unwrap();
    builder.step(true).await.unwrap();
}

#[tokio::test]
async fn chain_time_runs_ahead_of_the_clock_by_a_bound() {
    let world = World::new();
    let chain = world.chain();
    let pool = world.pool(&chain);
    let mut builder = world.builder(&chain, &pool, 0).await;
    for nonce in 0..=AHEAD_S_MAX {
        tick_with_one(&mut builder, nonce).await;
    }
    // The last one is confirmed, in a block that stays open.
    let head = chain.head();
    assert_eq!(
        (head.number, head.timestamp),
        (AHEAD_S_MAX, GENESIS_S + 100 + AHEAD_S_MAX - 1)
    );
    tick_with_one(&mut builder, AHEAD_S_MAX + 1).await;
    assert_eq!(chain.head().number, AHEAD_S_MAX);
    assert_eq!(chain.open_block().unwrap().receipts.len(), 2);
    world.clock.advance_ms(1_000);
    builder.step(true).await.unwrap();
    assert_eq!(chain.head().number, AHEAD_S_MAX + 1);
}

#[tokio::test]
async fn a_clock_that_jumps_holds_up_blocks_and_loses_nothing() {
    const HOUR_S: u64 = 3_600;
    let world = World::new();
    let chain = world.chain();
    let pool = world.pool(&chain);
    let mut builder = world.builder(&chain, &pool, 0).await;
    world.clock.advance_ms(HOUR_S * 1_000);
    tick_with_one(&mut builder, 0).await;
    let late = GENESIS_S + 100 + HOUR_S;
    assert_eq!((chain.head().number, chain.head().timestamp), (1, late));

    let Clock::Manual(clock_ms) = &world.clock else {
        panic!("the world's clock is moved by hand");
    };
    clock_ms.store((GENESIS_S + 100) * 1_000, Ordering::SeqCst);
    tick_with_one(&mut builder, 1).await;
    assert!(builder.is_clock_behind);
    assert_eq!((chain.head().number, pool.len()), (1, 1));

    world.clock.advance_ms(HOUR_S * 1_000);
    builder.step(true).await.unwrap();
    assert!(!builder.is_clock_behind);
    let head = chain.head();
    assert_eq!((head.number, head.timestamp, pool.len()), (2, late + 1, 0));
}
