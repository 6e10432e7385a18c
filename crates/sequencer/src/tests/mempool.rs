use std::sync::Arc;

use alloy::{
    consensus::{TxEip1559, TxLegacy},
    primitives::{Bytes, TxKind, U256, keccak256},
};
use rollmill_engine::{Chain, PoolError, TransactionPool};

use super::{ETHER, L2, World, key, signed, transfer};
use crate::{ACCOUNT_SLOTS, LIFETIME_S, Mempool, PoolPolicy};

/// What the pool says to account 1's transaction.
async fn refusal(pool: &Arc<Mempool>, transaction: TxEip1559) -> PoolError {
    pool.submit(signed(1, transaction)).await.unwrap_err()
}

fn fresh() -> (World, Chain, Arc<Mempool>) {
    let world = World::new();
    let chain = world.chain();
    let pool = world.pool(&chain);
    (world, chain, pool)
}

#[tokio::test]
async fn a_transaction_of_another_chain_or_form_is_refused() {
    let (_world, _chain, pool) = fresh();
    let error = refusal(
        &pool,
        TxEip1559 {
            chain_id: 1,
            ..transfer(0)
        },
    )
    .await;
    assert!(matches!(error, PoolError::ChainId { have: 1, want: L2 }));
    let legacy = TxLegacy {
        gas_price: 10_000_000_000,
        gas_limit: 21_000,
        to: TxKind::Create,
        ..Default::default()
    };
    let error = pool.submit(signed(1, legacy)).await.unwrap_err();
    assert!(matches!(error, PoolError::Unprotected));
    let error = pool
        .submit(Bytes::from_static(&[2, 0xc0]))
        .await
        .unwrap_err();
    assert!(matches!(error, PoolError::Decode(_)));
    // An L1 message can only come from L1.
    let mut message = vec![0x7e];
    message.extend([0xc0]);
    assert!(pool.submit(message.into()).await.is_err());
    assert!(pool.is_empty());
}

#[tokio::test]
async fn gas_and_fees_are_checked() {
    let (_world, _chain, pool) = fresh();
    let error = refusal(
        &pool,
        TxEip1559 {
            gas_limit: 20_999,
            ..transfer(0)
        },
    )
    .await;
    assert!(matches!(
        error,
        PoolError::IntrinsicGas {
            gas: 20_999,
            needed: 21_000
        }
    ));
    let error = refusal(
        &pool,
        TxEip1559 {
            gas_limit: 16_777_217,
            ..transfer(0)
        },
    )
    .await;
    assert!(matches!(error, PoolError::TransactionGasCap { .. }));
    let error = refusal(
        &pool,
        TxEip1559 {
            max_fee_per_gas: 1,
            max_priority_fee_per_gas: 1,
            ..transfer(0)
        },
    )
    .await;
    assert!(matches!(error, PoolError::FeeCapTooLow { .. }));
    let error = refusal(
        &pool,
        TxEip1559 {
            max_priority_fee_per_gas: 20_000_000_000,
            ..transfer(0)
        },
    )
    .await;
    assert!(matches!(error, PoolError::TipAboveFeeCap));
    let input = Bytes::from(vec![1; 140_000]);
    let error = refusal(
        &pool,
        TxEip1559 {
            gas_limit: 10_000_000,
            input,
            ..transfer(0)
        },
    )
    .await;
    assert!(matches!(error, PoolError::Oversized { .. }));
}

#[tokio::test]
async fn nonces_are_bounded_on_both_sides() {
    let (world, chain, pool) = fresh();
    let error = refusal(&pool, transfer(ACCOUNT_SLOTS)).await;
    assert!(matches!(
        error,
        PoolError::NonceTooHigh {
            nonce: 16,
            limit: 16
        }
    ));
    pool.submit(signed(1, transfer(0))).await.unwrap();
    world
        .builder(&chain, &pool, 0)
        .await
        .step(true)
        .await
        .unwrap();
    let error = refusal(
        &pool,
        TxEip1559 {
            value: U256::from(2),
            ..transfer(0)
        },
    )
    .await;
    assert!(matches!(
        error,
        PoolError::NonceTooLow { next: 1, nonce: 0 }
    ));
}

#[tokio::test]
async fn an_account_pays_for_all_that_it_has_waiting() {
    let (_world, _chain, pool) = fresh();
    let half = U256::from(ETHER / 2);
    let error = refusal(
        &pool,
        TxEip1559 {
            value: U256::from(ETHER),
            ..transfer(0)
        },
    )
    .await;
    assert!(matches!(error, PoolError::InsufficientFunds { .. }));
    pool.submit(signed(
        1,
        TxEip1559 {
            value: half,
            ..transfer(0)
        },
    ))
    .await
    .unwrap();
    // Alone it could be paid for, after the first it cannot.
    let error = refusal(
        &pool,
        TxEip1559 {
            value: half,
            ..transfer(1)
        },
    )
    .await;
    assert!(matches!(error, PoolError::InsufficientFunds { .. }));
    pool.submit(signed(
        2,
        TxEip1559 {
            value: half,
            ..transfer(0)
        },
    ))
    .await
    .unwrap();
}

#[tokio::test]
async fn a_replacement_pays_a_tenth_more_of_both() {
    let (_world, _chain, pool) = fresh();
    let first = pool.submit(signed(1, transfer(0))).await.unwrap();
    assert!(matches!(
        refusal(&pool, transfer(0)).await,
        PoolError::AlreadyKnown
    ));
    let fee_only = TxEip1559 {
        max_fee_per_gas: 11_000_000_000,
        ..transfer(0)
    };
    assert!(matches!(
        refusal(&pool, fee_only).await,
        PoolError::Underpriced
    ));
    let both = TxEip1559 {
        max_fee_per_gas: 11_000_000_000,
        max_priority_fee_per_gas: 1_100_000_000,
        ..transfer(0)
    };
    let second = pool.submit(signed(1, both)).await.unwrap();
    assert!(pool.pending(&first).is_none() && pool.pending(&second).is_some());
    assert_eq!(pool.len(), 1);
}

#[tokio::test]
async fn pending_nonces_end_at_a_gap_and_blocks_take_the_best_first() {
    let (_world, _chain, pool) = fresh();
    for nonce in [0, 1, 3] {
        pool.submit(signed(1, transfer(nonce))).await.unwrap();
    }
    let dear = TxEip1559 {
        max_priority_fee_per_gas: 2_000_000_000,
        ..transfer(0)
    };
    pool.submit(signed(2, dear)).await.unwrap();
    assert_eq!(pool.pending_nonce(key(1).address()), Some(2));
    assert_eq!(pool.pending_nonce(key(3).address()), None);
    let order: Vec<_> = pool.executable(10).iter().map(|tx| tx.signer()).collect();
    assert_eq!(
        order,
        [key(2).address(), key(1).address(), key(1).address()]
    );
    assert_eq!(pool.executable(1).len(), 1);
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_restart_until_it_is_in_a_block() {
    let (world, chain, pool) = fresh();
    let raws = [
        signed(1, transfer(0)),
        signed(1, transfer(1)),
        signed(2, transfer(0)),
    ];
    for raw in &raws {
        assert_eq!(pool.submit(raw.clone()).await.unwrap(), keccak256(raw));
    }
    drop((pool, chain));

    let chain = world.chain();
    let pool = world.pool(&chain);
    let mut builder = world.builder(&chain, &pool, 0).await;
    assert!(
        raws.iter()
            .all(|raw| pool.pending(&keccak256(raw)).is_some())
    );
    // The block is durable before the journal hears of it: a crash in between leaves both.
    builder.step(true).await.unwrap();
    assert_eq!(chain.head().number, 1);
    assert!(pool.is_empty());
    drop((builder, pool, chain));

    let chain = world.chain();
    let pool = world.pool(&chain);
    world.builder(&chain, &pool, 0).await;
    assert!(pool.is_empty());
    assert!(
        raws.iter()
            .all(|raw| chain.place_of(&keccak256(raw)).unwrap().is_some())
    );
}

#[tokio::test]
async fn a_full_pool_takes_replacements_only() {
    let world = World::new();
    let chain = world.chain();
    let policy = PoolPolicy {
        transactions_max: ACCOUNT_SLOTS as usize,
        ..Default::default()
    };
    let pool = world.pool_of(&chain, policy);
    for nonce in 0..ACCOUNT_SLOTS {
        pool.submit(signed(1, transfer(nonce))).await.unwrap();
    }
    // The account's own limit, and the pool's.
    let error = refusal(&pool, transfer(ACCOUNT_SLOTS)).await;
    assert!(matches!(error, PoolError::NonceTooHigh { .. }));
    let error = pool.submit(signed(2, transfer(0))).await.unwrap_err();
    assert!(matches!(error, PoolError::Full));
    let dearer = TxEip1559 {
        max_fee_per_gas: 11_000_000_000,
        max_priority_fee_per_gas: 1_100_000_000,
        ..transfer(3)
    };
    pool.submit(signed(1, dearer)).await.unwrap();
    assert_eq!(pool.len(), ACCOUNT_SLOTS as usize);

    world
        .builder(&chain, &pool, 0)
        .await
        .step(true)
        .await
        .unwrap();
    pool.submit(signed(2, transfer(0))).await.unwrap();
}

#[tokio::test]
async fn what_waits_for_a_nonce_makes_room_for_what_can_be_executed() {
    let world = World::new();
    let chain = world.chain();
    let policy = PoolPolicy {
        transactions_max: 4,
        ..Default::default()
    };
    let pool = world.pool_of(&chain, policy);
    let mut behind = Vec::new();
    for (account, nonce) in [(1, 1), (1, 2), (2, 2), (2, 3)] {
        behind.push(pool.submit(signed(account, transfer(nonce))).await.unwrap());
    }
    let error = pool.submit(signed(3, transfer(1))).await.unwrap_err();
    assert!(matches!(error, PoolError::Full));
    // The oldest goes first, but not for its own account: it may be what that waits for.
    let mut executable = Vec::new();
    for (account, nonce, gone) in [(3, 0, 0), (3, 1, 1), (2, 0, 9), (1, 0, 2), (1, 1, 3)] {
        let sent = pool.submit(signed(account, transfer(nonce))).await;
        match behind.get(gone) {
            None => assert!(matches!(sent, Err(PoolError::Full))),
            Some(gone) => {
                executable.push(sent.unwrap());
                assert!(pool.pending(gone).is_none() && pool.has_expired(gone));
            }
        }
    }
    assert_eq!(pool.len(), 4);
    let error = pool.submit(signed(2, transfer(0))).await.unwrap_err();
    assert!(matches!(error, PoolError::Full));

    drop((pool, chain));
    let chain = world.chain();
    let pool = world.pool_of(&chain, policy);
    pool.restore();
    assert_eq!(pool.len(), 4);
    let waits = |hash| pool.pending(hash).is_some();
    assert!(executable.iter().all(waits));
}

#[tokio::test]
async fn what_no_block_takes_in_its_lifetime_is_forgotten() {
    let (world, _chain, pool) = fresh();
    let early = pool.submit(signed(1, transfer(1))).await.unwrap();
    world.clock.advance_ms(1_000);
    let late = pool.submit(signed(1, transfer(2))).await.unwrap();
    let waits = |hash| pool.pending(&hash).is_some();
    world.clock.advance_ms(1_000 * (LIFETIME_S - 1) - 1);
    pool.expire();
    assert!(waits(early) && !pool.has_expired(&early));
    world.clock.advance_ms(1);
    pool.expire();
    assert!(!waits(early) && pool.has_expired(&early));
    assert!(waits(late) && !pool.has_expired(&late));
    // Who still wants it sends it again; it begins anew.
    assert_eq!(pool.submit(signed(1, transfer(1))).await.unwrap(), early);
    world.clock.advance_ms(1_000);
    pool.expire();
    assert!(waits(early) && !waits(late) && pool.has_expired(&late));
}

#[tokio::test]
async fn a_lifetime_goes_on_through_restarts() {
    let (world, chain, pool) = fresh();
    let half_ms = 500 * LIFETIME_S;
    let first = pool.submit(signed(1, transfer(1))).await.unwrap();
    world.clock.advance_ms(half_ms);
    drop((pool, chain));

    let chain = world.chain();
    let pool = world.pool(&chain);
    pool.restore();
    let second = pool.submit(signed(1, transfer(2))).await.unwrap();
    assert!(pool.pending(&first).is_some());
    world.clock.advance_ms(half_ms);
    pool.expire();
    assert!(pool.pending(&first).is_none());
    drop((pool, chain));

    // The second one's time ends while nobody looks.
    world.clock.advance_ms(half_ms);
    let chain = world.chain();
    let pool = world.pool(&chain);
    pool.restore();
    assert!(pool.is_empty() && pool.has_expired(&second));
    // It was forgotten before the restart: nobody knows it any more.
    assert!(!pool.has_expired(&first));
    drop((pool, chain));
    let chain = world.chain();
    let pool = world.pool(&chain);
    pool.restore();
    assert!(!pool.has_expired(&second));
}
