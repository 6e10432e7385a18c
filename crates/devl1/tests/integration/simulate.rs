//! `eth_simulateV1`.

use alloy::primitives::{B256, U256, keccak256};
use serde_json::{Value, json};

use crate::{
    contracts::{BLOCKHASH, LOGGER, REVERTER},
    harness::{account, start},
};

fn number(value: &Value) -> u64 {
    u64::from_str_radix(&value.as_str().unwrap()[2..], 16).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_follow_one_another_and_change_nothing() {
    let node = start().await;
    let logger = node.deploy(&LOGGER).await;
    let base = node.latest().await;
    let poor = "0x00000000000000000000000000000000000000aa";
    let blocks = json!([
        {"calls": [
            {"from": account(0), "to": poor, "value": "0x64"},
            {"from": account(0), "to": logger, "input": B256::repeat_byte(7)},
        ]},
        // Two blocks later: the gap is filled. What the first block paid in is there.
        {"blockOverrides": {"number": U256::from(base.number + 3)}, "calls": [{"from": poor, "to": account(1), "value": "0x63"}]},
    ]);
    let simulated = node
        .ask(
            "eth_simulateV1",
            json!([{"blockStateCalls": blocks}, "latest"]),
        )
        .await;
    let simulated = simulated.as_array().unwrap();
    assert_eq!(simulated.len(), 3);
    let mut parent = (json!(base.hash()), base.timestamp);
    for (block, expected) in simulated.iter().zip(base.number + 1..) {
        assert_eq!(number(&block["number"]), expected);
        assert_eq!(block["parentHash"], parent.0);
        assert_eq!(number(&block["timestamp"]), parent.1 + 12);
        assert_eq!(block["baseFeePerGas"], "0x0");
        parent = (block["hash"].clone(), number(&block["timestamp"]));
    }
    let calls = &simulated[0]["calls"];
    assert_eq!(
        calls[0],
        json!({"returnData": "0x", "logs": [], "gasUsed": "0x5208", "status": "0x1"})
    );
    assert_eq!(calls[1]["logs"][0]["address"], json!(logger));
    assert_eq!(calls[1]["logs"][0]["blockHash"], simulated[0]["hash"]);
    assert_eq!(
        calls[1]["logs"][0]["transactionHash"],
        simulated[0]["transactions"][1]
    );
    assert_eq!(
        number(&simulated[0]["gasUsed"]),
        21_000 + number(&calls[1]["gasUsed"])
    );
    assert_eq!(simulated[1]["calls"], json!([]));
    assert_eq!(simulated[2]["calls"][0]["status"], "0x1");
    assert_eq!(node.latest().await.hash(), base.hash());
    assert_eq!(node.ask("eth_getBalance", json!([poor])).await, "0x0");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_fail_alone_and_see_the_simulated_chain() {
    let node = start().await;
    let (reverter, hashes) = (node.deploy(&REVERTER).await, node.deploy(&BLOCKHASH).await);
    let base = node.latest().await.number;
    let asked = B256::from(U256::from(base + 1));
    let blocks = json!([
        {"calls": [{"to": reverter, "input": "0x1234"}, {"to": account(1), "from": account(0), "value": "0x5"}]},
        {"calls": [{"to": hashes, "input": asked}]},
    ]);
    let simulated = node
        .ask(
            "eth_simulateV1",
            json!([{"blockStateCalls": blocks, "traceTransfers": true, "returnFullTransactions": true}]),
        )
        .await;
    let calls = &simulated[0]["calls"];
    assert_eq!(calls[0]["status"], "0x0");
    assert_eq!(calls[0]["returnData"], "0x1234");
    assert_eq!(
        calls[0]["error"],
        json!({"code": 3, "message": "execution reverted", "data": "0x1234"})
    );
    let transfer = &calls[1]["logs"][0];
    assert_eq!(
        transfer["address"],
        "0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
    );
    assert_eq!(
        transfer["topics"][0],
        json!(keccak256("Transfer(address,address,uint256)"))
    );
    assert_eq!(simulated[0]["transactions"][1]["value"], "0x5");
    assert_eq!(simulated[1]["calls"][0]["returnData"], simulated[0]["hash"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_simulated_has_its_code() {
    let node = start().await;
    node.deploy(&LOGGER).await;
    let base = node.latest().await;
    let poor = "0x00000000000000000000000000000000000000aa";
    let one = |block: Value| json!([{"blockStateCalls": [block]}]);
    let strict =
        |call: Value| json!([{"validation": true, "blockStateCalls": [{"calls": [call]}]}]);
    for (params, code) in [
        (json!([{"blockStateCalls": []}]), -32602),
        (
            one(json!({"blockOverrides": {"number": U256::from(base.number)}})),
            -38020,
        ),
        (
            one(json!({"blockOverrides": {"number": U256::from(base.number + 257)}})),
            -38026,
        ),
        (
            one(json!({"blockOverrides": {"time": U256::from(base.timestamp)}})),
            -38021,
        ),
        (
            one(json!({"calls": [{"from": poor, "to": poor, "value": "0x1"}]})),
            -38014,
        ),
        (
            one(json!({"calls": [{"from": poor, "to": poor, "gas": "0xffffffffff"}]})),
            -38015,
        ),
        (
            one(json!({"calls": [{"from": poor, "to": poor, "gas": "0x5000"}]})),
            -38013,
        ),
        (
            strict(
                json!({"from": account(0), "to": poor, "nonce": "0x0", "maxFeePerGas": "0x77359400"}),
            ),
            -38010,
        ),
        (
            strict(
                json!({"from": account(0), "to": poor, "nonce": "0x9", "maxFeePerGas": "0x77359400"}),
            ),
            -38011,
        ),
        (strict(json!({"from": account(0), "to": poor})), -38012),
    ] {
        let (found, text, _) = node.refusal("eth_simulateV1", params.clone()).await;
        assert_eq!(found, code, "{params}: {text}");
    }
}
