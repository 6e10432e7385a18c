use alloy::{
    consensus::TxEip1559,
    primitives::{Address, B256, U256, keccak256},
};
use rollmill_engine::TransactionPool;

use super::{ETHER, GENESIS_S, World, deposit, put, signed, transfer};
use crate::{
    AHEAD_S_MAX, BuildError,
    builder::{Builder, next_message},
};

#[tokio::test]
async fn nothing_to_do_makes_no_block() {
    let world = World::new();
    let chain = world.chain();
    let pool = world.pool(&chain);
    world.builder(&chain, &pool, 0).await.tick().await.unwrap();
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
    builder.tick().await.unwrap();

    let block = chain.block(1).unwrap().unwrap();
    assert_eq!(block.header.timestamp, GENESIS_S + 100);
    assert_eq!(block.header.mix_hash, B256::repeat_byte(7));
    let indices: Vec<_> = block
        .transactions
        .iter()
        .map(|tx| tx.as_l1_message().map(|m| m.index))
        .collect();
    assert_eq!(indices, [Some(0), Some(1), None]);
    let mut state = chain.state_at(&chain.head());
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
    builder.tick().await.unwrap();
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
        .tick()
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
    builder.tick().await.unwrap();
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
    builder.tick().await.unwrap();
    assert_eq!(chain.block(1).unwrap().unwrap().transactions.len(), 2);
}

async fn tick_with_one(builder: &mut Builder, nonce: u64) {
    builder
        .pool
        .submit(signed(1, transfer(nonce)))
        .await
        .unwrap();
    builder.tick().await.unwrap();
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
    let head = chain.head();
    assert_eq!(
        (head.number, head.timestamp),
        (AHEAD_S_MAX + 1, GENESIS_S + 100 + AHEAD_S_MAX)
    );
    tick_with_one(&mut builder, AHEAD_S_MAX + 1).await;
    assert_eq!(chain.head().number, AHEAD_S_MAX + 1);
    world.clock.advance_ms(1_000);
    builder.tick().await.unwrap();
    assert_eq!(chain.head().number, AHEAD_S_MAX + 2);
}
