//! Method by method: shapes, values and refusals, as JSON.

use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope},
    eips::eip2718::Encodable2718,
    primitives::{Bytes, TxKind, U256, keccak256},
    rpc::types::TransactionRequest,
    signers::SignerSync,
};
use serde_json::{Value, json};

use crate::{
    contracts::{LOGGER, REVERTER, STORE},
    harness::{account, signer, start},
};

/// A signed transfer of one wei from account 0 to account 1.
fn transfer(nonce: u64) -> (Bytes, String) {
    let tx = TxEip1559 {
        chain_id: 1_337_001,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 3_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        to: TxKind::Call(account(1)),
        value: U256::from(1),
        ..TxEip1559::default()
    };
    let signature = signer(0).sign_hash_sync(&tx.signature_hash()).unwrap();
    let raw = TxEnvelope::from(tx.into_signed(signature)).encoded_2718();
    let hash = keccak256(&raw).to_string();
    (raw.into(), hash)
}

/// Every method that `docs/developer/rpc.md` lists as served by every node.
const METHODS: &str = "web3_clientVersion web3_sha3 net_version net_listening net_peerCount rpc_modules \
    eth_chainId eth_syncing eth_accounts eth_blockNumber eth_gasPrice eth_maxPriorityFeePerGas eth_blobBaseFee \
    eth_feeHistory eth_getBalance eth_getTransactionCount eth_getCode eth_getAccountInfo eth_getStorageAt eth_getProof \
    eth_getBlockByNumber eth_getBlockByHash eth_getBlockTransactionCountByNumber eth_getBlockTransactionCountByHash \
    eth_getUncleCountByBlockNumber eth_getUncleCountByBlockHash eth_getTransactionByHash \
    eth_getTransactionByBlockNumberAndIndex eth_getTransactionByBlockHashAndIndex eth_getRawTransactionByHash \
    eth_getTransactionReceipt eth_getBlockReceipts eth_getLogs eth_call eth_estimateGas eth_createAccessList \
    eth_simulateV1 eth_sendRawTransaction eth_sendRawTransactionSync eth_fillTransaction eth_newFilter \
    eth_newBlockFilter eth_newPendingTransactionFilter eth_getFilterChanges eth_getFilterLogs eth_uninstallFilter \
    eth_subscribe eth_unsubscribe txpool_status txpool_content txpool_contentFrom txpool_inspect \
    debug_traceTransaction debug_traceBlockByNumber debug_traceBlockByHash debug_traceCall debug_executionWitness \
    debug_getRawHeader debug_getRawReceipts";

#[tokio::test(flavor = "multi_thread")]
async fn every_documented_method_is_there() {
    use alloy::providers::Provider as _;
    let node = start().await;
    let documented = include_str!("../../../../docs/developer/rpc.md");
    for method in METHODS.split_whitespace() {
        let answer = node.provider.raw_request::<_, Value>(method.into(), ());
        let code = answer
            .await
            .err()
            .map(|error| error.as_error_resp().unwrap().code);
        assert_ne!(code, Some(-32601), "{method}");
        assert!(
            documented.contains(&format!("`{method}`")),
            "{method} is not documented"
        );
    }
    let modules = node.ask("rpc_modules", json!([])).await;
    assert_eq!(
        modules,
        json!({"anvil": "1.0", "debug": "1.0", "eth": "1.0", "net": "1.0", "rpc": "1.0", "txpool": "1.0", "web3": "1.0"})
    );
    let hash = node.ask("web3_sha3", json!(["0x68656c6c6f"])).await;
    assert_eq!(hash, keccak256("hello").to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_parameters_and_unknown_blocks_have_their_codes() {
    let node = start().await;
    for (method, params, code) in [
        ("eth_getBalance", json!(["0x12"]), -32602),
        ("eth_getBlockByNumber", json!(["soon", false]), -32602),
        ("eth_feeHistory", json!(["0x1", "latest", [50, 10]]), -32602),
        ("eth_getBalance", json!([account(0), "0x99"]), -32001),
        (
            "eth_getLogs",
            json!([{"fromBlock": "0x2", "toBlock": "0x1"}]),
            -32602,
        ),
        (
            "eth_getLogs",
            json!([{"blockHash": keccak256("nothing")}]),
            -32000,
        ),
        ("eth_getFilterChanges", json!(["0x99"]), -32000),
        (
            "debug_traceTransaction",
            json!([keccak256("nothing")]),
            -32000,
        ),
    ] {
        assert_eq!(
            node.refusal(method, params.clone()).await.0,
            code,
            "{method} {params}"
        );
    }
    for (method, params) in [
        ("eth_getBlockByNumber", json!(["0x99", false])),
        (
            "eth_getTransactionByBlockNumberAndIndex",
            json!(["latest", "0x0"]),
        ),
        ("eth_getTransactionReceipt", json!([keccak256("nothing")])),
        ("eth_getRawTransactionByHash", json!([keccak256("nothing")])),
        (
            "eth_getUncleCountByBlockHash",
            json!([keccak256("nothing")]),
        ),
    ] {
        assert_eq!(node.ask(method, params).await, Value::Null, "{method}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_found_by_its_place_and_by_its_bytes() {
    let node = start().await;
    let (raw, hash) = transfer(0);
    assert_eq!(
        node.ask("eth_sendRawTransactionSync", json!([raw])).await["transactionHash"],
        hash
    );
    let by_hash = node.ask("eth_getTransactionByHash", json!([hash])).await;
    let block = by_hash["blockHash"].clone();
    for (method, id) in [
        ("eth_getTransactionByBlockNumberAndIndex", json!("0x1")),
        ("eth_getTransactionByBlockHashAndIndex", block.clone()),
    ] {
        assert_eq!(
            node.ask(method, json!([id, "0x0"])).await,
            by_hash,
            "{method}"
        );
        assert_eq!(
            node.ask(method, json!([id, "0x1"])).await,
            Value::Null,
            "{method}"
        );
    }
    assert_eq!(
        node.ask("eth_getRawTransactionByHash", json!([hash])).await,
        json!(raw)
    );
    assert_eq!(
        node.ask("eth_getUncleCountByBlockNumber", json!(["0x1"]))
            .await,
        "0x0"
    );
    assert_eq!(
        node.ask("eth_getBlockTransactionCountByHash", json!([block]))
            .await,
        "0x1"
    );
    let receipts = node.ask("eth_getBlockReceipts", json!(["latest"])).await;
    let receipt = node.ask("eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(receipts, json!([receipt]));

    let header: String =
        serde_json::from_value(node.ask("debug_getRawHeader", json!(["0x1"])).await).unwrap();
    let header: Bytes = header.parse().unwrap();
    assert_eq!(json!(keccak256(header)), block);
    let raw_receipts = node.ask("debug_getRawReceipts", json!(["0x1"])).await;
    assert!(raw_receipts[0].as_str().unwrap().starts_with("0x02"));
}

#[tokio::test(flavor = "multi_thread")]
async fn sending_in_one_request_waits_for_the_receipt_and_names_a_gap() {
    let node = start().await;
    let (gap, gap_hash) = transfer(1);
    let (code, _, data) = node
        .refusal("eth_sendRawTransactionSync", json!([gap, 5_000]))
        .await;
    assert_eq!((code, data), (5, Some(json!(gap_hash))));
    let (raw, hash) = transfer(0);
    let receipt = node
        .ask("eth_sendRawTransactionSync", json!([raw, "0x2710"]))
        .await;
    assert_eq!(
        receipt,
        node.ask("eth_getTransactionReceipt", json!([hash])).await
    );
    assert_eq!(receipt["status"], "0x1");
    // A refusal is that of eth_sendRawTransaction, and immediate.
    let (code, text, _) = node
        .refusal("eth_sendRawTransactionSync", json!([raw]))
        .await;
    assert_eq!(
        (code, text.as_str()),
        (-32000, "nonce too low: next nonce 2, tx nonce 0")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pool_shows_what_waits() {
    let node = start().await;
    let filter = node.ask("eth_newPendingTransactionFilter", json!([])).await;
    assert_eq!(
        node.ask("txpool_status", json!([])).await,
        json!({"pending": "0x0", "queued": "0x0"})
    );
    let (raw, hash) = transfer(2);
    node.ask("eth_sendRawTransaction", json!([raw])).await;
    assert_eq!(
        node.ask("txpool_status", json!([])).await,
        json!({"pending": "0x0", "queued": "0x1"})
    );
    let sender = account(0).to_string();
    let content = node.ask("txpool_content", json!([])).await;
    let queued = content["queued"].as_object().unwrap();
    let (address, by_nonce) = queued.iter().next().unwrap();
    assert!(address.eq_ignore_ascii_case(&sender));
    assert_eq!(by_nonce["2"]["hash"], hash);
    assert_eq!(by_nonce["2"]["blockNumber"], Value::Null);
    let from = node.ask("txpool_contentFrom", json!([account(0)])).await;
    assert_eq!(from, json!({"pending": {}, "queued": by_nonce}));
    assert_eq!(
        node.ask("txpool_contentFrom", json!([account(1)])).await,
        json!({"pending": {}, "queued": {}})
    );
    let inspected = node.ask("txpool_inspect", json!([])).await;
    assert_eq!(
        inspected["queued"][address]["2"],
        format!("{}: 1 wei + 21000 gas × 3000000000 wei", account(1))
    );
    assert_eq!(
        node.ask("eth_getFilterChanges", json!([filter])).await,
        json!([hash])
    );
    assert_eq!(
        node.ask("eth_getFilterChanges", json!([filter])).await,
        json!([])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_list_names_what_is_touched() {
    let node = start().await;
    let store = node.deploy(&STORE).await;
    let words = [
        U256::from(5).to_be_bytes::<32>(),
        U256::from(9).to_be_bytes::<32>(),
    ]
    .concat();
    let request = json!({"from": account(0), "to": store, "data": Bytes::from(words)});
    let made = node.ask("eth_createAccessList", json!([request])).await;
    let slot = format!("0x{:064x}", 5);
    assert_eq!(
        made["accessList"],
        json!([{"address": store, "storageKeys": [slot]}])
    );
    assert!(made.get("error").is_none());
    // The gas is that of the transaction with the list: 21,000 + data + list + cold store and so on.
    let mut with_list = request.clone();
    with_list["accessList"] = made["accessList"].clone();
    let gas = |value: &Value| u64::from_str_radix(&value.as_str().unwrap()[2..], 16).unwrap();
    let estimate = node.ask("eth_estimateGas", json!([with_list])).await;
    assert!(gas(&estimate) >= gas(&made["gasUsed"]));

    let reverter = node.deploy(&REVERTER).await;
    let made = node
        .ask(
            "eth_createAccessList",
            json!([{"from": account(0), "to": reverter}]),
        )
        .await;
    assert_eq!(
        (made["error"].as_str(), &made["accessList"]),
        (Some("execution reverted"), &json!([]))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_filled_in() {
    let node = start().await;
    node.send(TransactionRequest::default().to(account(1)))
        .await;
    let filled = node
        .ask(
            "eth_fillTransaction",
            json!([{"from": account(0), "to": account(1), "value": "0x1"}]),
        )
        .await;
    let tx = &filled["tx"];
    for (field, value) in [
        ("nonce", "0x1"),
        ("gas", "0x5208"),
        ("chainId", "0x1466a9"),
        ("maxPriorityFeePerGas", "0x3b9aca00"),
        ("value", "0x1"),
        ("type", "0x2"),
    ] {
        assert_eq!(tx[field], value, "{field}");
    }
    assert!(filled["raw"].as_str().unwrap().starts_with("0x02"));
    let (code, text, _) = node
        .refusal(
            "eth_fillTransaction",
            json!([{"from": account(0), "to": account(1), "chainId": "0x1"}]),
        )
        .await;
    assert_eq!(
        (code, text.as_str()),
        (
            -32602,
            "chainId does not match node's (have=1, want=1337001)"
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_shown_whole() {
    let node = start().await;
    let logger = node.deploy(&LOGGER).await;
    assert_eq!(
        node.ask("eth_getAccountInfo", json!([logger, "latest"]))
            .await,
        json!({"balance": "0x0", "nonce": "0x1", "code": LOGGER})
    );
    assert_eq!(
        node.ask("eth_getAccountInfo", json!([logger, "earliest"]))
            .await,
        json!({"balance": "0x0", "nonce": "0x0", "code": "0x"})
    );
}
