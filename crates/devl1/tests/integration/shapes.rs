//! The shape of each answer, method by method, as the OpenRPC document of ethereum/execution-apis has it: every field that it asks
//! for, in its form, and no field that it does not know.
//!
//! A template stands for the answers that fit it: `Q` is a quantity, `D` data, `D32` data of 32 bytes, `B` a truth value, `R` a ratio;
//! with `?` behind it null fits, too. A list fits when all its members fit the one of the template. A field whose name ends with `?` may be
//! missing.

use alloy::{
    eips::eip2930::{AccessList, AccessListItem},
    network::TransactionBuilder,
    primitives::B256,
    rpc::types::{TransactionReceipt, TransactionRequest},
};
use serde_json::{Value, json};

use crate::{
    contracts::{LOGGER, STORE},
    harness::{Running, account, start},
};

fn is_hex(text: &str) -> bool {
    let digits = text.strip_prefix("0x");
    let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    digits.is_some_and(|digits| digits.bytes().all(lower))
}

fn is_quantity(text: &str) -> bool {
    is_hex(text) && (text == "0x0" || (text.len() > 2 && !text.starts_with("0x0")))
}

fn is_data(text: &str, bytes: Option<usize>) -> bool {
    let is_long = bytes.is_none_or(|bytes| text.len() == 2 + 2 * bytes);
    is_hex(text) && text.len().is_multiple_of(2) && is_long
}

/// Whether a value that is no list and no object has the form that a word names.
fn has_form(word: &str, value: &Value) -> bool {
    if let Some(word) = word.strip_suffix('?') {
        return value.is_null() || has_form(word, value);
    }
    match (word.split_at(1), value) {
        (("Q", ""), Value::String(text)) => is_quantity(text),
        (("D", ""), Value::String(text)) => is_data(text, None),
        (("D", bytes), Value::String(text)) => is_data(text, bytes.parse().ok()),
        (("B", ""), Value::Bool(_)) => true,
        (("R", ""), Value::Number(ratio)) => ratio
            .as_f64()
            .is_some_and(|ratio| (0.0..=1.0).contains(&ratio)),
        _ => false,
    }
}

/// Fails with the first place at which a value does not fit.
fn fits(template: &Value, value: &Value, place: &str) {
    match (template, value) {
        (Value::String(word), _) => {
            assert!(has_form(word, value), "{place} is {value}, not {word}")
        }
        (Value::Array(members), Value::Array(values)) => {
            assert!(
                members.len() == 1 || values.is_empty(),
                "{place} is not empty"
            );
            for (number, value) in values.iter().enumerate() {
                fits(&members[0], value, &format!("{place}[{number}]"));
            }
        }
        (Value::Object(fields), Value::Object(values)) => {
            for (name, template) in fields {
                let name_alone = name.trim_end_matches('?');
                match values.get(name_alone) {
                    Some(value) => fits(template, value, &format!("{place}.{name_alone}")),
                    None => assert!(name.ends_with('?'), "{place} has no {name}"),
                }
            }
            for name in values.keys() {
                let is_known = fields
                    .keys()
                    .any(|known| known.trim_end_matches('?') == name);
                assert!(is_known, "{place} has a field {name}");
            }
        }
        _ => assert_eq!(template, value, "{place}"),
    }
}

fn log() -> Value {
    json!({
        "removed": "B", "logIndex": "Q", "transactionIndex": "Q", "transactionHash": "D32", "blockHash": "D32",
        "blockNumber": "Q", "blockTimestamp?": "Q", "address": "D20", "data": "D", "topics": ["D32"],
    })
}

fn receipt() -> Value {
    json!({
        "type": "Q", "transactionHash": "D32", "transactionIndex": "Q", "blockHash": "D32", "blockNumber": "Q", "from": "D20",
        "to": "D20?", "cumulativeGasUsed": "Q", "gasUsed": "Q", "contractAddress": "D20?", "logs": [log()], "logsBloom": "D256",
        "status": "Q", "effectiveGasPrice": "Q",
    })
}

/// What all transactions have, and what one of this type has besides.
fn transaction(own: Value) -> Value {
    let mut all = json!({
        "type": "Q", "nonce": "Q", "to": "D20?", "gas": "Q", "value": "Q", "input": "D", "gasPrice": "Q", "chainId": "Q", "v": "Q",
        "r": "Q", "s": "Q", "hash": "D32", "from": "D20", "blockHash": "D32", "blockNumber": "Q", "transactionIndex": "Q",
        "blockTimestamp?": "Q",
    });
    let fields = all.as_object_mut().unwrap();
    fields.extend(own.as_object().unwrap().clone());
    all
}

fn access_list() -> Value {
    json!([{"address": "D20", "storageKeys": ["D32"]}])
}

fn dynamic_fee() -> Value {
    transaction(json!({
        "yParity": "Q", "accessList": access_list(), "maxFeePerGas": "Q", "maxPriorityFeePerGas": "Q",
    }))
}

fn block(transaction: Value) -> Value {
    json!({
        "hash": "D32", "parentHash": "D32", "sha3Uncles": "D32", "miner": "D20", "stateRoot": "D32", "transactionsRoot": "D32",
        "receiptsRoot": "D32", "logsBloom": "D256", "difficulty": "Q", "number": "Q", "gasLimit": "Q", "gasUsed": "Q",
        "timestamp": "Q", "extraData": "D", "mixHash": "D32", "nonce": "D8", "baseFeePerGas": "Q", "withdrawalsRoot": "D32",
        "blobGasUsed": "Q", "excessBlobGas": "Q", "parentBeaconBlockRoot": "D32", "requestsHash": "D32", "size": "Q",
        "transactions": [transaction], "withdrawals": [], "uncles": [],
    })
}

/// One transaction of each kind that needs no sidecar, with what it looks like.
async fn sent(node: &Running) -> Vec<(TransactionReceipt, Value)> {
    let logger = node.deploy(&LOGGER).await;
    let call = TransactionRequest::default().with_to(logger);
    let list = AccessList(vec![AccessListItem {
        address: logger,
        storage_keys: vec![B256::ZERO],
    }]);
    let price = 3_000_000_000;
    let kinds = [
        (call.clone().with_gas_price(price), transaction(json!({}))),
        (
            call.clone().with_gas_price(price).with_access_list(list),
            transaction(json!({"yParity": "Q", "accessList": access_list()})),
        ),
        (call, dynamic_fee()),
    ];
    let mut sent = Vec::new();
    for (request, shape) in kinds {
        sent.push((node.send(request).await, shape));
    }
    sent
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_transactions_receipts_and_logs() {
    let node = start().await;
    for (kind, (found, shape)) in sent(&node).await.into_iter().enumerate() {
        assert_eq!(found.transaction_type() as usize, kind);
        let (hash, number) = (found.transaction_hash, found.block_number.unwrap());
        let (place, in_block) = (json!([hash]), format!("{number:#x}"));
        for (method, params, shape) in [
            ("eth_getTransactionByHash", place.clone(), &shape),
            (
                "eth_getTransactionByBlockHashAndIndex",
                json!([found.block_hash, "0x0"]),
                &shape,
            ),
            ("eth_getTransactionReceipt", place, &receipt()),
            (
                "eth_getBlockReceipts",
                json!([in_block]),
                &json!([receipt()]),
            ),
            (
                "eth_getBlockByNumber",
                json!([in_block, true]),
                &block(shape.clone()),
            ),
            (
                "eth_getBlockByHash",
                json!([found.block_hash, false]),
                &block(json!("D32")),
            ),
            (
                "eth_getLogs",
                json!([{"blockHash": found.block_hash}]),
                &json!([log()]),
            ),
        ] {
            let answer = node.ask(method, params).await;
            fits(shape, &answer, method);
        }
        let logs = node
            .ask("eth_getLogs", json!([{"blockHash": found.block_hash}]))
            .await;
        assert_eq!(logs.as_array().map(Vec::len), Some(1));
    }
}

/// Asks each question, and holds the answer against its shape.
async fn all_fit(node: &Running, questions: Vec<(&'static str, Value, Value)>) {
    for (method, params, shape) in questions {
        let answer = node.ask(method, params).await;
        fits(&shape, &answer, method);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn states_and_prices() {
    let node = start().await;
    let store = node.deploy(&STORE).await;
    let fee_history = json!({
        "oldestBlock": "Q", "baseFeePerGas": ["Q"], "baseFeePerBlobGas": ["Q"], "gasUsedRatio": ["R"], "blobGasUsedRatio": ["R"],
        "reward": [["Q"]],
    });
    let proof = json!({
        "address": "D20", "accountProof": ["D"], "balance": "Q", "codeHash": "D32", "nonce": "Q", "storageHash": "D32",
        "storageProof": [{"key": "D32", "value": "Q", "proof": ["D"]}],
    });
    let (quantity, latest) = (json!("Q"), json!([account(0), "latest"]));
    let questions = vec![
        ("eth_chainId", json!([]), quantity.clone()),
        ("eth_syncing", json!([]), json!("B")),
        ("eth_accounts", json!([]), json!([])),
        ("eth_blockNumber", json!([]), quantity.clone()),
        ("eth_gasPrice", json!([]), quantity.clone()),
        ("eth_maxPriorityFeePerGas", json!([]), quantity.clone()),
        ("eth_blobBaseFee", json!([]), quantity.clone()),
        (
            "eth_feeHistory",
            json!(["0x2", "latest", [10, 90]]),
            fee_history,
        ),
        ("eth_getBalance", latest.clone(), quantity.clone()),
        ("eth_getTransactionCount", latest, quantity.clone()),
        ("eth_getCode", json!([store, "latest"]), json!("D")),
        (
            "eth_getStorageAt",
            json!([store, "0x0", "latest"]),
            json!("D32"),
        ),
        (
            "eth_getProof",
            json!([store, [B256::ZERO], "latest"]),
            proof,
        ),
        (
            "eth_getBlockTransactionCountByNumber",
            json!(["latest"]),
            quantity.clone(),
        ),
        (
            "eth_getUncleCountByBlockNumber",
            json!(["latest"]),
            quantity,
        ),
        ("debug_getRawHeader", json!(["latest"]), json!("D")),
        ("debug_getRawReceipts", json!(["latest"]), json!(["D"])),
        (
            "txpool_status",
            json!([]),
            json!({"pending": "Q", "queued": "Q"}),
        ),
    ];
    all_fit(&node, questions).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_and_filters() {
    let node = start().await;
    let store = node.deploy(&STORE).await;
    let call = json!({"from": account(0), "to": store, "data": B256::with_last_byte(7)});
    let mut simulated = block(json!("D32"));
    simulated["calls"] = json!([
        {"returnData": "D", "logs": [log()], "gasUsed": "Q", "status": "Q", "maxUsedGas?": "Q"},
    ]);
    let listed = json!({"accessList": access_list(), "gasUsed": "Q"});
    let questions = vec![
        ("eth_call", json!([call, "latest"]), json!("D")),
        ("eth_estimateGas", json!([call]), json!("Q")),
        ("eth_createAccessList", json!([call, "latest"]), listed),
        (
            "eth_simulateV1",
            json!([{"blockStateCalls": [{"calls": [call]}]}, "latest"]),
            json!([simulated]),
        ),
        ("eth_newFilter", json!([{}]), json!("Q")),
        ("eth_newBlockFilter", json!([]), json!("Q")),
    ];
    all_fit(&node, questions).await;
    let filter = node.ask("eth_newBlockFilter", json!([])).await;
    node.send(TransactionRequest::default().with_to(account(1)))
        .await;
    let changes = node.ask("eth_getFilterChanges", json!([filter])).await;
    fits(&json!(["D32"]), &changes, "eth_getFilterChanges");
    assert_eq!(changes.as_array().map(Vec::len), Some(1));
}

#[test]
#[should_panic(expected = "block.number is \"0x01\", not Q")]
fn a_quantity_has_no_leading_zero() {
    fits(&json!({"number": "Q"}), &json!({"number": "0x01"}), "block");
}

#[test]
#[should_panic(expected = "block has a field size")]
fn a_field_that_nobody_knows_does_not_fit() {
    fits(
        &json!({"number": "Q"}),
        &json!({"number": "0x1", "size": "0x2"}),
        "block",
    );
}
