//! Sending: what is mined, what waits, what is refused and how.

use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope},
    eips::{BlockId, eip2718::Encodable2718},
    primitives::{Bytes, TxKind, U256, b256},
    providers::Provider,
    rpc::types::{Filter, TransactionRequest},
    signers::SignerSync,
    transports::RpcError,
};

use crate::{
    contracts::{LOGGER, REVERTER, error_string},
    harness::{Running, account, signer, start},
};

/// A signed transfer of one wei from account 0 to account 1.
fn transfer(nonce: u64, max_fee_gwei: u128) -> TxEip1559 {
    TxEip1559 {
        chain_id: 1_337_001,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: max_fee_gwei * 1_000_000_000,
        max_priority_fee_per_gas: max_fee_gwei * 1_000_000_000,
        to: TxKind::Call(account(1)),
        value: U256::from(1),
        ..TxEip1559::default()
    }
}

fn signed(tx: TxEip1559) -> Bytes {
    let signature = signer(0).sign_hash_sync(&tx.signature_hash()).unwrap();
    TxEnvelope::from(tx.into_signed(signature))
        .encoded_2718()
        .into()
}

async fn refused(node: &Running, raw: Bytes) -> (i64, String) {
    let error = node.provider.send_raw_transaction(&raw).await.unwrap_err();
    let RpcError::ErrorResp(payload) = error else {
        panic!("{error}")
    };
    (payload.code, payload.message.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_is_mined_at_once() {
    let node = start().await;
    let before = node.provider.get_balance(account(1)).await.unwrap();
    let receipt = node
        .send(
            TransactionRequest::default()
                .to(account(1))
                .value(U256::from(7)),
        )
        .await;
    assert!(receipt.status());
    assert_eq!(receipt.gas_used, 21_000);
    assert_eq!(receipt.block_number, Some(1));
    assert_eq!(
        node.provider.get_balance(account(1)).await.unwrap(),
        before + U256::from(7)
    );
    let mined = node
        .provider
        .get_transaction_by_hash(receipt.transaction_hash)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(mined.block_hash, receipt.block_hash);
    assert_eq!(mined.inner.signer(), account(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_found_by_address_topic_and_range_and_by_nothing_else() {
    let node = start().await;
    let logger = node.deploy(&LOGGER).await;
    for value in 1u64..=3 {
        let input = Bytes::from(U256::from(value).to_be_bytes::<32>());
        node.send(TransactionRequest::default().to(logger).input(input.into()))
            .await;
    }
    let topic = b256!("0000000000000000000000000000000000000000000000000000000000000011");
    let all = Filter::new()
        .address(logger)
        .event_signature(topic)
        .from_block(0);
    let logs = node.provider.get_logs(&all).await.unwrap();
    let data: Vec<U256> = logs
        .iter()
        .map(|log| U256::from_be_slice(&log.data().data))
        .collect();
    assert_eq!(data, [U256::from(1), U256::from(2), U256::from(3)]);
    assert_eq!(logs[0].topics()[1], account(0).into_word());
    assert_eq!(logs[1].block_number, Some(3));

    let one = node
        .provider
        .get_logs(&all.clone().from_block(3).to_block(3))
        .await
        .unwrap();
    assert_eq!(one, logs[1..2]);
    let by_hash = Filter::new().at_block_hash(logs[2].block_hash.unwrap());
    assert_eq!(node.provider.get_logs(&by_hash).await.unwrap(), logs[2..]);
    let other = all.clone().topic1(account(5).into_word());
    assert!(node.provider.get_logs(&other).await.unwrap().is_empty());

    let receipts = node
        .provider
        .get_block_receipts(BlockId::number(3))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(receipts[0].inner.logs(), &logs[1..2]);
    let block = node
        .provider
        .get_block(BlockId::number(3))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(block.header.logs_bloom, *receipts[0].inner.logs_bloom());
}

#[tokio::test(flavor = "multi_thread")]
async fn reverts_carry_their_data_in_calls_and_estimates() {
    let node = start().await;
    let reverter = node.deploy(&REVERTER).await;
    let input = error_string("no such luck");
    let request = TransactionRequest::default()
        .to(reverter)
        .input(input.clone().into());
    for error in [
        node.provider.call(request.clone()).await.unwrap_err(),
        node.provider
            .estimate_gas(request.clone())
            .await
            .map(|_| ())
            .unwrap_err(),
    ] {
        let payload = error.as_error_resp().unwrap();
        assert_eq!(
            (payload.code, payload.message.as_ref()),
            (3, "execution reverted: no such luck")
        );
        assert_eq!(payload.as_revert_data().unwrap(), input);
    }
    // With a gas limit of its own it is mined, and fails.
    let receipt = node.send(request.gas_limit(100_000)).await;
    assert!(!receipt.status());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_estimate_is_enough_and_not_much_more() {
    let node = start().await;
    let logger = node.deploy(&LOGGER).await;
    let request = TransactionRequest::default().to(logger).from(account(0));
    let estimate = node.provider.estimate_gas(request.clone()).await.unwrap();
    let receipt = node.send(request.gas_limit(estimate)).await;
    assert!(receipt.status());
    assert!(
        estimate <= receipt.gas_used * 102 / 100,
        "{estimate} for {}",
        receipt.gas_used
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nonces_gaps_wait_and_replacements_pay_more() {
    let node = start().await;
    let later = signed(transfer(1, 3));
    let hash = *node
        .provider
        .send_raw_transaction(&later)
        .await
        .unwrap()
        .tx_hash();
    let waiting = node
        .provider
        .get_transaction_by_hash(hash)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(waiting.block_number, None);
    assert_eq!(
        refused(&node, later).await,
        (-32000, "already known".into())
    );

    assert_eq!(
        refused(
            &node,
            signed(TxEip1559 {
                value: U256::from(2),
                ..transfer(1, 3)
            })
        )
        .await
        .1,
        "replacement transaction underpriced"
    );
    let replacement = signed(transfer(1, 4));
    let replacement = *node
        .provider
        .send_raw_transaction(&replacement)
        .await
        .unwrap()
        .tx_hash();
    assert!(
        node.provider
            .get_transaction_by_hash(hash)
            .await
            .unwrap()
            .is_none()
    );

    // The gap closes: both are mined, in one block.
    let first = node
        .provider
        .send_raw_transaction(&signed(transfer(0, 3)))
        .await
        .unwrap();
    let first = first.get_receipt().await.unwrap();
    let second = node
        .provider
        .get_transaction_receipt(replacement)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(first.block_number, second.block_number);
    assert_eq!(
        node.provider
            .get_transaction_count(account(0))
            .await
            .unwrap(),
        2
    );

    let (code, text) = refused(&node, signed(transfer(0, 9))).await;
    assert_eq!(code, -32000);
    assert_eq!(text, "nonce too low: next nonce 2, tx nonce 0");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_a_rule_is_refused_with_the_text_that_clients_match() {
    let node = start().await;
    let broke = TxEip1559 {
        value: U256::from(10).pow(U256::from(24)),
        ..transfer(0, 3)
    };
    let cases = [
        (signed(broke), "insufficient funds for gas * price + value"),
        (
            signed(TxEip1559 {
                gas_limit: 20_999,
                ..transfer(0, 3)
            }),
            "intrinsic gas too low",
        ),
        (
            signed(TxEip1559 {
                gas_limit: 16_777_217,
                ..transfer(0, 3)
            }),
            "transaction gas limit too high",
        ),
        (
            signed(TxEip1559 {
                chain_id: 1,
                ..transfer(0, 3)
            }),
            "invalid chain id for signer",
        ),
        (
            signed(TxEip1559 {
                max_fee_per_gas: 1,
                max_priority_fee_per_gas: 1,
                ..transfer(0, 3)
            }),
            "max fee per gas less than block base fee",
        ),
        (
            signed(TxEip1559 {
                max_priority_fee_per_gas: 4_000_000_000,
                ..transfer(0, 3)
            }),
            "max priority fee per gas higher than max fee per gas",
        ),
        (
            signed(TxEip1559 {
                input: vec![1; 1_000].into(),
                gas_limit: 50_000,
                ..transfer(0, 3)
            }),
            "insufficient gas for floor data gas cost",
        ),
        (Bytes::from_static(&[0x02, 0xc0]), "rlp: "),
        (Bytes::from_static(&[0x7e, 0xc0]), "rlp: "),
    ];
    for (raw, text) in cases {
        let (code, message) = refused(&node, raw).await;
        assert_eq!(code, -32000, "{message}");
        assert!(message.starts_with(text), "{message:?} instead of {text:?}");
    }
    assert_eq!(node.provider.get_block_number().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_fits_into_calldata() {
    let node = start().await;
    // 40 gas per byte: what a proof of 320 KB costs under EIP-7623.
    let data: Bytes = vec![0xab; 320 << 10].into();
    let tx = TxEip1559 {
        input: data.clone(),
        gas_limit: 16_777_216,
        to: TxKind::Call(account(2)),
        ..transfer(0, 3)
    };
    let receipt = node
        .provider
        .send_raw_transaction(&signed(tx))
        .await
        .unwrap()
        .get_receipt()
        .await
        .unwrap();
    assert!(receipt.status());
    assert_eq!(receipt.gas_used, 21_000 + 40 * data.len() as u64);
}
