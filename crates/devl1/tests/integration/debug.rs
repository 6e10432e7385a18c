//! Traces and witnesses of mined transactions.

use alloy::{
    primitives::{B256, Bytes, U256, keccak256},
    rpc::types::TransactionRequest,
};
use serde_json::{Value, json};

use crate::{
    contracts::{CALLER, REVERTER, STORE},
    harness::{account, start},
};

fn word(value: impl Into<U256>) -> [u8; 32] {
    value.into().to_be_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_trace_shows_each_frame_and_the_receipts_gas() {
    let node = start().await;
    let (caller, reverter) = (node.deploy(&CALLER).await, node.deploy(&REVERTER).await);
    let target = B256::left_padding_from(reverter.as_slice());
    let request = TransactionRequest::default()
        .to(caller)
        .value(U256::from(1))
        .input(Bytes::from(target.0).into());
    let receipt = node.send(request.clone()).await;
    assert!(receipt.status());
    let options = json!({"tracer": "callTracer"});
    let trace = node
        .ask(
            "debug_traceTransaction",
            json!([receipt.transaction_hash, options]),
        )
        .await;
    assert_eq!(trace["type"], "CALL");
    assert_eq!(trace["from"], json!(account(0)));
    assert_eq!(trace["to"], json!(caller));
    assert_eq!(trace["gasUsed"], format!("{:#x}", receipt.gas_used));
    let inner = &trace["calls"][0];
    assert_eq!(
        (&inner["from"], &inner["to"]),
        (&json!(caller), &json!(reverter))
    );
    assert_eq!(
        (inner["value"].as_str(), inner["error"].as_str()),
        (Some("0x1"), Some("execution reverted"))
    );

    let block = receipt.block_number.unwrap();
    let by_number = node
        .ask(
            "debug_traceBlockByNumber",
            json!([format!("{block:#x}"), options]),
        )
        .await;
    assert_eq!(
        by_number,
        json!([{"txHash": receipt.transaction_hash, "result": trace}])
    );
    let by_hash = node
        .ask(
            "debug_traceBlockByHash",
            json!([receipt.block_hash, options]),
        )
        .await;
    assert_eq!(by_hash, by_number);

    // The same as a call that was never sent.
    let call = json!({"from": account(0), "to": caller, "value": "0x1", "input": target});
    let called = node
        .ask("debug_traceCall", json!([call, "latest", options]))
        .await;
    assert_eq!(called["calls"][0]["error"], "execution reverted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_traced_on_the_state_before_it() {
    let node = start().await;
    let store = node.deploy(&STORE).await;
    let set = |value: u64| {
        TransactionRequest::default()
            .to(store)
            .input(Bytes::from([word(U256::from(3)), word(U256::from(value))].concat()).into())
    };
    node.send(set(5)).await;
    let second = node.send(set(8)).await;
    node.send(set(13)).await;
    let slot = format!("0x{:064x}", 3);
    let diff = json!({"tracer": "prestateTracer", "tracerConfig": {"diffMode": true}});
    let trace = node
        .ask(
            "debug_traceTransaction",
            json!([second.transaction_hash, diff]),
        )
        .await;
    let at = |side: &str| {
        let accounts = trace[side].as_object().unwrap();
        let found = accounts
            .iter()
            .find(|(address, _)| address.parse() == Ok(store));
        found.unwrap().1["storage"][&slot].clone()
    };
    assert_eq!(at("pre"), json!(B256::from(U256::from(5))));
    assert_eq!(at("post"), json!(B256::from(U256::from(8))));
    // Everything the sender paid is in the difference.
    let balance = |side: &str| -> U256 {
        let accounts = trace[side].as_object().unwrap();
        let found = accounts
            .iter()
            .find(|(address, _)| address.parse() == Ok(account(0)));
        serde_json::from_value(found.unwrap().1["balance"].clone()).unwrap()
    };
    let paid = U256::from(second.gas_used) * U256::from(second.effective_gas_price);
    assert_eq!(balance("pre") - balance("post"), paid);

    let before = node
        .ask(
            "debug_traceTransaction",
            json!([second.transaction_hash, {"tracer": "prestateTracer"}]),
        )
        .await;
    let account = before
        .as_object()
        .unwrap()
        .iter()
        .find(|(address, _)| address.parse() == Ok(store));
    assert_eq!(
        account.unwrap().1["storage"][&slot],
        json!(B256::from(U256::from(5)))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn other_tracers_and_the_genesis_block_are_refused() {
    let node = start().await;
    let receipt = node
        .send(TransactionRequest::default().to(account(1)))
        .await;
    let hash = receipt.transaction_hash;
    for params in [
        json!([hash]),
        json!([hash, {"tracer": "mightyTracer"}]),
        json!([hash, {"tracer": "callTracer", "tracerConfig": {"onlyTopCall": "perhaps"}}]),
    ] {
        let (code, text, _) = node.refusal("debug_traceTransaction", params.clone()).await;
        assert_eq!(code, -32602, "{params}: {text}");
    }
    let options = json!({"tracer": "callTracer"});
    let (code, ..) = node
        .refusal("debug_traceBlockByNumber", json!(["earliest", options]))
        .await;
    assert_eq!(code, -32602);
    let (code, ..) = node
        .refusal("debug_executionWitness", json!(["earliest"]))
        .await;
    assert_eq!(code, -32602);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_holds_what_the_block_read() {
    let node = start().await;
    let store = node.deploy(&STORE).await;
    let parent = node.latest().await;
    let input = [word(U256::from(3)), word(U256::from(5))].concat();
    let request = TransactionRequest::default().to(store);
    let receipt = node.send(request.input(Bytes::from(input).into())).await;
    let number = format!("{:#x}", receipt.block_number.unwrap());
    let witness = node.ask("debug_executionWitness", json!([number])).await;
    let hashes = |part: &str| -> Vec<B256> {
        let items: Vec<Bytes> = serde_json::from_value(witness[part].clone()).unwrap();
        items.iter().map(keccak256).collect()
    };
    assert!(hashes("state").contains(&parent.state_root));
    assert!(hashes("codes").contains(&keccak256(&STORE)));
    assert_eq!(hashes("headers").last(), Some(&parent.hash()));
    assert_eq!(witness["keys"], Value::Array(Vec::new()));
}
