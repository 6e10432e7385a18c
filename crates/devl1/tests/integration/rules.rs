//! Osaka's rules, and what the embedded L1 adds to them.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alloy::{
    eips::{BlockId, eip2935::HISTORY_STORAGE_ADDRESS, eip4788::BEACON_ROOTS_ADDRESS},
    primitives::{Address, B256, Bytes, TxKind, U256, address, keccak256},
    providers::Provider,
    rpc::types::{TransactionRequest, state::StateOverride},
};
use rollmill_devl1::{ChainPrecompileOutcome, ChainPrecompiles, TEST_ACCOUNTS};

use crate::{
    contracts::{BLOCKHASH, RANDAO},
    harness::{account, config, start, start_in, start_with},
};

const PRECOMPILE: Address = address!("0000000000000000000000000000000000524d10");

fn word(number: u64) -> Bytes {
    U256::from(number).to_be_bytes::<32>().into()
}

#[test]
fn the_test_accounts_are_the_mnemonics() {
    for (index, address) in (0..).zip(TEST_ACCOUNTS) {
        assert_eq!(account(index), address);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn randomness_changes_with_every_block_and_contracts_see_the_headers() {
    let node = start().await;
    let randao = node.deploy(&RANDAO).await;
    let mut seen = Vec::new();
    for number in 1..=4u64 {
        let header = node
            .provider
            .get_block_by_number(number.into())
            .await
            .unwrap();
        if header.is_none() {
            node.send(TransactionRequest::default().to(randao)).await;
        }
        let header = node
            .provider
            .get_block_by_number(number.into())
            .await
            .unwrap()
            .unwrap()
            .header;
        let call = TransactionRequest::default().to(randao);
        let output = node
            .provider
            .call(call)
            .block(BlockId::number(number))
            .await
            .unwrap();
        assert_eq!(B256::from_slice(&output), header.mix_hash);
        seen.push(header.mix_hash);
    }
    seen.dedup();
    assert_eq!(seen.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn block_hashes_are_readable_by_opcode_and_from_history() {
    let node = start().await;
    let blockhash = node.deploy(&BLOCKHASH).await;
    node.send(TransactionRequest::default().to(account(1)))
        .await;
    node.send(TransactionRequest::default().to(account(1)))
        .await;
    for number in 0..3u64 {
        let expected = node
            .provider
            .get_block_by_number(number.into())
            .await
            .unwrap()
            .unwrap()
            .header
            .hash;
        for contract in [blockhash, HISTORY_STORAGE_ADDRESS] {
            let call = TransactionRequest::default()
                .to(contract)
                .input(word(number).into());
            let output = node.provider.call(call).await.unwrap();
            assert_eq!(
                B256::from_slice(&output),
                expected,
                "block {number} from {contract}"
            );
        }
    }
    // In the pending block, BLOCKHASH knows the newest one too.
    let latest = node.latest().await;
    let call = TransactionRequest::default()
        .to(blockhash)
        .input(word(latest.number).into());
    let output = node
        .provider
        .call(call.clone())
        .block(BlockId::pending())
        .await
        .unwrap();
    assert_eq!(B256::from_slice(&output), latest.hash());
    let output = node
        .provider
        .call(call)
        .block(BlockId::latest())
        .await
        .unwrap();
    assert!(B256::from_slice(&output).is_zero());
    // EIP-4788: the parent beacon root of this block, by its timestamp.
    let call = TransactionRequest::default()
        .to(BEACON_ROOTS_ADDRESS)
        .input(word(latest.timestamp).into());
    let output = node.provider.call(call).await.unwrap();
    assert_eq!(
        Some(B256::from_slice(&output)),
        latest.parent_beacon_block_root
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_injected_precompile_is_callable_and_charges_gas() {
    let hash: Arc<rollmill_devl1::ChainPrecompileFn> = Arc::new(|input: &[u8], gas_limit| {
        if gas_limit < 5_000 {
            return ChainPrecompileOutcome::OutOfGas;
        }
        ChainPrecompileOutcome::Success {
            gas_used: 5_000,
            output: keccak256(input).0.into(),
        }
    });
    let node = start_with(|config| {
        config.precompiles = ChainPrecompiles::default().with(PRECOMPILE, hash);
    })
    .await;
    let call = TransactionRequest::default()
        .to(PRECOMPILE)
        .input(word(5).into());
    assert_eq!(
        node.provider.call(call.clone()).await.unwrap(),
        Bytes::from(keccak256(word(5)).0)
    );
    let receipt = node.send(call.clone()).await;
    assert!(receipt.status());
    assert!(receipt.gas_used > 26_000, "{}", receipt.gas_used);
    assert!(node.provider.call(call.gas_limit(24_000)).await.is_err());
    // On another chain there is nothing at the address.
    let plain = start().await;
    let call = TransactionRequest::default()
        .to(PRECOMPILE)
        .input(word(5).into());
    assert!(plain.provider.call(call).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_carry_every_field_of_osaka() {
    let node = start().await;
    node.send(TransactionRequest::default().to(account(1)))
        .await;
    let header = node.latest().await;
    assert_eq!(
        (header.blob_gas_used, header.excess_blob_gas),
        (Some(0), Some(0))
    );
    assert!(header.requests_hash.is_some() && header.withdrawals_root.is_some());
    assert_eq!(header.parent_beacon_block_root, Some(header.parent_hash));
    assert_eq!(header.gas_limit, 60_000_000);
    assert!(header.difficulty.is_zero());
}

#[tokio::test(flavor = "multi_thread")]
async fn interval_blocks_come_by_themselves_and_time_only_grows() {
    let node = start_with(|config| config.block_time = Duration::from_millis(20)).await;
    let mut heads = node.node.chain().subscribe();
    let mut last = node.node.chain().head().timestamp;
    for _ in 0..5 {
        heads.changed().await.unwrap();
        let head = heads.borrow_and_update().clone();
        assert!(head.timestamp > last);
        last = head.timestamp;
    }
}

fn unix_s() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_stays_near_the_clock_and_then_shares_blocks() {
    let node = start().await;
    let transfer = || TransactionRequest::default().to(account(1));
    node.send(transfer()).await;
    // A chain that has blocks has no head start any more.
    let dir = node.stop().await;
    let config = config(&dir);
    let node = start_in(dir, config).await;
    for _ in 0..14 {
        node.send(transfer()).await;
        let timestamp = node.latest().await.timestamp;
        assert!(timestamp <= unix_s() + 12, "{timestamp}");
    }
    let mut sent = Vec::new();
    for _ in 0..5 {
        sent.push(node.provider.send_transaction(transfer()).await.unwrap());
    }
    let mut blocks = BTreeSet::new();
    for transaction in sent {
        let receipt = transaction.get_receipt().await.unwrap();
        blocks.insert(receipt.block_number.unwrap());
    }
    // The clock's second may end while they are sent.
    assert!(blocks.len() <= 2, "{blocks:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_may_pretend_to_have_money_but_not_spend_it() {
    let node = start().await;
    let poor = Address::repeat_byte(7);
    let call = TransactionRequest::default()
        .from(poor)
        .to(account(1))
        .value(U256::from(1));
    let error = node.provider.call(call.clone()).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("insufficient funds for gas * price + value"),
        "{error}"
    );
    let rich = alloy::rpc::types::state::AccountOverride {
        balance: Some(U256::MAX),
        ..Default::default()
    };
    let overrides = StateOverride::from_iter([(poor, rich)]);
    assert!(
        node.provider
            .call(call)
            .overrides(overrides)
            .await
            .unwrap()
            .is_empty()
    );
    // An estimate never exceeds the cap of a transaction (EIP-7825).
    let huge = TransactionRequest::default()
        .from(account(0))
        .input(vec![0xfe].into());
    let huge = TransactionRequest {
        to: Some(TxKind::Create),
        ..huge
    };
    assert!(node.provider.estimate_gas(huge).await.is_err());
}
