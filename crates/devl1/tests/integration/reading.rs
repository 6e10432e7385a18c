//! What clients read: blocks, proofs, fees, tags, codes of errors.

use alloy::{
    consensus::{constants::KECCAK_EMPTY, proofs::calculate_transaction_root},
    eips::{BlockId, BlockNumberOrTag},
    primitives::{B256, Bytes, U64, U256, keccak256},
    providers::Provider,
    rpc::types::TransactionRequest,
};
use alloy_trie::{Nibbles, TrieAccount, proof::verify_proof};

use crate::{
    contracts::{LOGGER, STORE},
    harness::{account, start, start_with},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_headers_rlp_hashes_to_its_hash_and_blocks_are_linked() {
    let node = start().await;
    node.deploy(&LOGGER).await;
    node.send(
        TransactionRequest::default()
            .to(account(1))
            .value(U256::from(1)),
    )
    .await;
    let mut parent = B256::ZERO;
    for number in 0..=2 {
        let block = node
            .provider
            .get_block_by_number(number.into())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            keccak256(alloy_rlp::encode(&block.header.inner)),
            block.header.hash
        );
        assert_eq!(block.header.parent_hash, parent);
        assert_eq!(
            block
                .withdrawals
                .as_ref()
                .map(|withdrawals| withdrawals.len()),
            Some(0)
        );
        let by_hash = node
            .provider
            .get_block_by_hash(block.header.hash)
            .full()
            .await
            .unwrap()
            .unwrap();
        let transactions: Vec<_> = by_hash
            .transactions
            .into_transactions()
            .map(|tx| tx.into_inner())
            .collect();
        assert_eq!(
            calculate_transaction_root(&transactions),
            block.header.transactions_root
        );
        parent = block.header.hash;
    }
    assert!(
        node.provider
            .get_block_by_number(3.into())
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_of_accounts_and_slots_verify_against_the_state_root() {
    let node = start().await;
    let store = node.deploy(&STORE).await;
    for slot in 0u64..20 {
        let words = [
            U256::from(slot).to_be_bytes::<32>(),
            U256::from(slot * 7).to_be_bytes(),
        ]
        .concat();
        node.send(TransactionRequest::default().to(store).input(words.into()))
            .await;
    }
    let root = node.latest().await.state_root;
    let slots = [3u64, 0, 777].map(|slot| B256::from(U256::from(slot)));
    let proof = node
        .provider
        .get_proof(store, slots.to_vec())
        .await
        .unwrap();
    let leaf = TrieAccount {
        nonce: proof.nonce,
        balance: proof.balance,
        storage_root: proof.storage_hash,
        code_hash: proof.code_hash,
    };
    let key = Nibbles::unpack(keccak256(store));
    verify_proof(
        root,
        key,
        Some(alloy_rlp::encode(leaf)),
        &proof.account_proof,
    )
    .unwrap();
    // Slot 0 holds zero and slot 777 was never written: both are proven absent.
    let values: Vec<U256> = proof.storage_proof.iter().map(|slot| slot.value).collect();
    assert_eq!(values, [U256::from(21), U256::ZERO, U256::ZERO]);
    for (slot, entry) in slots.iter().zip(&proof.storage_proof) {
        let key = Nibbles::unpack(keccak256(slot));
        let value = (!entry.value.is_zero()).then(|| alloy_rlp::encode(entry.value));
        verify_proof(proof.storage_hash, key, value, &entry.proof).unwrap();
    }
    assert_eq!(
        node.provider
            .get_storage_at(store, U256::from(3))
            .await
            .unwrap(),
        U256::from(21)
    );

    let nobody = B256::repeat_byte(9);
    let nobody = alloy::primitives::Address::from_word(nobody);
    let absent = node.provider.get_proof(nobody, vec![]).await.unwrap();
    assert_eq!(
        (absent.balance, absent.code_hash),
        (U256::ZERO, KECCAK_EMPTY)
    );
    verify_proof(
        root,
        Nibbles::unpack(keccak256(nobody)),
        None,
        &absent.account_proof,
    )
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn past_states_stay_readable() {
    let node = start().await;
    let store = node.deploy(&STORE).await;
    for value in 1u64..=3 {
        let words = [[0; 32], U256::from(value).to_be_bytes::<32>()].concat();
        node.send(TransactionRequest::default().to(store).input(words.into()))
            .await;
    }
    for value in 1u64..=3 {
        let at = node
            .provider
            .get_storage_at(store, U256::ZERO)
            .number(1 + value)
            .await
            .unwrap();
        assert_eq!(at, U256::from(value));
    }
    assert_eq!(
        node.provider
            .get_transaction_count(account(0))
            .number(2)
            .await
            .unwrap(),
        2
    );
    assert!(
        node.provider
            .get_code_at(store)
            .number(0)
            .await
            .unwrap()
            .is_empty()
    );
    let error = node
        .provider
        .get_balance(store)
        .number(99)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("header not found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn fee_history_and_prices_follow_the_blocks() {
    let node = start().await;
    for _ in 0..3 {
        node.send(
            TransactionRequest::default()
                .to(account(1))
                .value(U256::from(1)),
        )
        .await;
    }
    let history = node
        .provider
        .get_fee_history(4, BlockNumberOrTag::Latest, &[0.0, 50.0])
        .await
        .unwrap();
    assert_eq!(
        (
            history.oldest_block,
            history.gas_used_ratio.len(),
            history.base_fee_per_gas.len()
        ),
        (0, 4, 5)
    );
    assert_eq!(history.base_fee_per_blob_gas.len(), 5);
    let latest = node.latest().await;
    assert_eq!(
        history.latest_block_base_fee(),
        latest.base_fee_per_gas.map(u128::from)
    );
    let reward = history.reward.unwrap();
    assert_eq!(reward[0], [0, 0]);
    assert!(reward[3][1] > 0);
    let next = history.base_fee_per_gas[4];
    assert!(next < history.base_fee_per_gas[3]);
    let tip = node.provider.get_max_priority_fee_per_gas().await.unwrap();
    assert_eq!(node.provider.get_gas_price().await.unwrap(), next + tip);
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_follow_at_their_distances() {
    let node = start_with(|config| config.finalized_lag_blocks = 2).await;
    for _ in 0..5 {
        node.send(
            TransactionRequest::default()
                .to(account(1))
                .value(U256::from(1)),
        )
        .await;
    }
    let number = async |tag: BlockNumberOrTag| {
        node.provider
            .get_block_by_number(tag)
            .await
            .unwrap()
            .unwrap()
            .header
            .number
    };
    assert_eq!(number(BlockNumberOrTag::Latest).await, 5);
    assert_eq!(number(BlockNumberOrTag::Safe).await, 5);
    assert_eq!(number(BlockNumberOrTag::Finalized).await, 3);
    assert_eq!(number(BlockNumberOrTag::Earliest).await, 0);
    let balance = node
        .provider
        .get_balance(account(1))
        .block_id(BlockId::finalized())
        .await
        .unwrap();
    assert_eq!(
        balance + U256::from(2),
        node.provider.get_balance(account(1)).await.unwrap()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn small_methods_answer_and_unknown_ones_say_so() {
    let node = start().await;
    let ask = async |method: &'static str| {
        node.provider
            .raw_request::<_, serde_json::Value>(method.into(), ())
            .await
    };
    assert_eq!(ask("net_version").await.unwrap(), "1337001");
    assert_eq!(ask("eth_chainId").await.unwrap(), "0x1466a9");
    assert_eq!(ask("net_listening").await.unwrap(), true);
    assert_eq!(ask("eth_syncing").await.unwrap(), false);
    assert_eq!(ask("eth_accounts").await.unwrap(), serde_json::json!([]));
    assert!(
        ask("web3_clientVersion")
            .await
            .unwrap()
            .as_str()
            .unwrap()
            .starts_with("rollmill-devl1/")
    );
    for method in ["eth_sign", "eth_mining", "anvil_mine"] {
        assert_eq!(
            ask(method).await.unwrap_err().as_error_resp().unwrap().code,
            -32601,
            "{method}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn polled_filters_report_each_thing_once() {
    let node = start().await;
    let logger = node.deploy(&LOGGER).await;
    let filter = alloy::rpc::types::Filter::new().address(logger);
    let logs = node.provider.new_filter(&filter).await.unwrap();
    let blocks = node.provider.new_block_filter().await.unwrap();
    let receipt = node
        .send(
            TransactionRequest::default()
                .to(logger)
                .input(Bytes::from([1; 32]).into()),
        )
        .await;
    let seen = node
        .provider
        .get_filter_changes::<alloy::rpc::types::Log>(logs)
        .await
        .unwrap();
    assert_eq!(seen, receipt.inner.logs());
    assert!(
        node.provider
            .get_filter_changes::<alloy::rpc::types::Log>(logs)
            .await
            .unwrap()
            .is_empty()
    );
    let seen = node
        .provider
        .get_filter_changes::<B256>(blocks)
        .await
        .unwrap();
    assert_eq!(seen, [receipt.block_hash.unwrap()]);
    assert!(node.provider.uninstall_filter(logs).await.unwrap());
    let gone = node
        .provider
        .get_filter_changes::<alloy::rpc::types::Log>(logs)
        .await
        .unwrap_err();
    assert_eq!(gone.as_error_resp().unwrap().message, "filter not found");
    let first: U64 = node
        .provider
        .raw_request("eth_newBlockFilter".into(), ())
        .await
        .unwrap();
    assert!(first > U64::from(2));
}
