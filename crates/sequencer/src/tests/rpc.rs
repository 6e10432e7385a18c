use std::sync::Arc;

use alloy::primitives::{Address, B256};
use rollmill_engine::{Chain, TransactionPool, rpc::Methods};
use rollmill_store::Store;
use serde_json::{Value, json};

use super::{
    World,
    batcher::{batcher, build},
    key, l1_place, rollup, signed, transfer,
};
use crate::{
    BatchPolicy, LIFETIME_S, Mempool, SequencerConfig, Withdrawals,
    rpc::{Rollmill, activity::activity},
};

pub(super) fn methods(world: &World, chain: &Chain, store: &Store, pool: Arc<Mempool>) -> Methods {
    let deployment = world.deployment();
    let domain = deployment.withdrawal_domain();
    Rollmill {
        chain: chain.clone(),
        store: store.clone(),
        withdrawals: Arc::new(Withdrawals::new(chain.clone(), store.clone(), domain)),
        deployment,
        pool,
        config: SequencerConfig::default(),
    }
    .methods()
}

/// The whole answer: `result` or `error`.
async fn answer(methods: &Methods, method: &str, params: Value) -> Value {
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let (answer, _) = methods
        .raw_json_request(&request.to_string(), 1)
        .await
        .unwrap();
    serde_json::from_str(answer.get()).unwrap()
}

async fn ask(methods: &Methods, method: &str, params: Value) -> Value {
    let mut answer = answer(methods, method, params).await;
    assert!(answer.get("error").is_none(), "{method}: {answer}");
    answer["result"].take()
}

#[tokio::test]
async fn batches_are_found_by_number_status_and_block() {
    let world = World::new();
    let (chain, store) = (world.chain(), world.store().await);
    build(&world, &chain, &store, 0, 2).await;
    let mut batcher = batcher(&world, &chain, &store, BatchPolicy::default()).await;
    batcher.step(true).await.unwrap();
    build(&world, &chain, &store, 2, 3).await;
    batcher.step(true).await.unwrap();
    build(&world, &chain, &store, 5, 1).await;
    store.set_batch_committed(1, l1_place(8)).await.unwrap();
    store.set_batch_settled(1, l1_place(9)).await.unwrap();
    let methods = methods(&world, &chain, &store, world.pool(&chain));

    let first = ask(&methods, "rollmill_getBatch", json!(["0x1"])).await;
    for (field, value) in [
        ("number", json!("0x1")),
        ("status", json!("settled")),
        ("firstBlock", json!("0x1")),
        ("lastBlock", json!("0x2")),
        (
            "commitTransaction",
            json!({"hash": l1_place(8).transaction, "blockNumber": "0x8"}),
        ),
        (
            "settleTransaction",
            json!({"hash": l1_place(9).transaction, "blockNumber": "0x9"}),
        ),
    ] {
        assert_eq!(first[field], value, "{field}");
    }
    let second = ask(&methods, "rollmill_getBatch", json!([2])).await;
    assert_eq!(
        (
            &second["status"],
            &second["commitTransaction"],
            &second["settleTransaction"]
        ),
        (&json!("sealed"), &Value::Null, &Value::Null)
    );
    for (id, batch) in [
        ("sealed", &second),
        ("committed", &first),
        ("settled", &first),
        ("0x3", &Value::Null),
        ("0xffffffffffffffff", &Value::Null),
    ] {
        assert_eq!(
            &ask(&methods, "rollmill_getBatch", json!([id])).await,
            batch,
            "{id}"
        );
    }
    for (block, batch) in [
        ("0x0", &Value::Null),
        ("0x1", &first),
        ("0x2", &first),
        ("0x3", &second),
        ("0x5", &second),
        ("0x6", &Value::Null),
        ("0x99", &Value::Null),
        ("latest", &Value::Null),
    ] {
        let found = ask(&methods, "rollmill_getBatchByBlock", json!([block])).await;
        assert_eq!(&found, batch, "{block}");
    }
    let bad = answer(&methods, "rollmill_getBatch", json!(["tomorrow"])).await;
    assert_eq!(bad["error"]["code"], -32602);
}

#[tokio::test]
async fn a_transaction_says_how_far_it_has_come_and_what_it_paid() {
    let world = World::new();
    let (chain, store) = (world.chain(), world.store().await);
    build(&world, &chain, &store, 0, 1).await;
    let mut batcher = batcher(&world, &chain, &store, BatchPolicy::default()).await;
    batcher.step(true).await.unwrap();
    let pool = world.pool(&chain);
    let waiting = pool.submit(signed(1, transfer(1))).await.unwrap();
    let methods = methods(&world, &chain, &store, pool.clone());
    let block = chain.block(1).unwrap().unwrap();
    let (deposit, mined) = (block.transactions[0].hash(), block.transactions[1].hash());

    let status =
        async |hash: B256| ask(&methods, "rollmill_getTransactionStatus", json!([hash])).await;
    let nowhere = |status| json!({"status": status, "blockNumber": null, "batch": null});
    assert_eq!(status(B256::ZERO).await, nowhere("unknown"));
    assert_eq!(status(waiting).await, nowhere("pending"));
    let batched = |status| json!({"status": status, "blockNumber": "0x1", "batch": "0x1"});
    assert_eq!(status(mined).await, batched("included"));
    store.set_batch_committed(1, l1_place(8)).await.unwrap();
    assert_eq!(status(mined).await, batched("committed"));
    store.set_batch_settled(1, l1_place(9)).await.unwrap();
    assert_eq!(status(mined).await, batched("settled"));

    let base_fee = block.header.base_fee_per_gas.unwrap();
    let fees = ask(&methods, "rollmill_getTransactionFees", json!([mined])).await;
    let wei = |value: u64| json!(format!("{value:#x}"));
    assert_eq!(fees["gasUsed"], wei(21_000));
    assert_eq!(fees["baseFee"], wei(21_000 * base_fee));
    assert_eq!(fees["priorityFee"], wei(21_000 * 1_000_000_000));
    assert_eq!(fees["total"], wei(21_000 * (base_fee + 1_000_000_000)));
    assert_eq!(
        (&fees["l1DataFee"], &fees["provingFee"]),
        (&wei(0), &wei(0))
    );
    // Bought on L1.
    let free = ask(&methods, "rollmill_getTransactionFees", json!([deposit])).await;
    assert_eq!((&free["gasUsed"], &free["total"]), (&wei(21_000), &wei(0)));
    let none = ask(&methods, "rollmill_getTransactionFees", json!([waiting])).await;
    assert_eq!(none, Value::Null);

    world.clock.advance_ms(1_000 * LIFETIME_S);
    pool.expire();
    assert_eq!(status(waiting).await, nowhere("expired"));
}

#[tokio::test]
async fn an_address_finds_what_it_sent_and_received_stretch_by_stretch() {
    let world = World::new();
    let (chain, store) = (world.chain(), world.store().await);
    build(&world, &chain, &store, 0, 3).await;
    let methods = methods(&world, &chain, &store, world.pool(&chain));
    let found =
        async |params: Value| ask(&methods, "rollmill_getAddressTransactions", params).await;
    let sender = key(1).address();
    let (receiver, depositor) = (Address::repeat_byte(0xaa), Address::repeat_byte(0xee));
    for account in [sender, receiver] {
        let all = found(json!([account])).await;
        assert_eq!(all["before"], Value::Null);
        let transactions = all["transactions"].as_array().unwrap();
        assert_eq!(transactions.len(), 3);
        for (transaction, number) in transactions.iter().zip([3u64, 2, 1]) {
            assert_eq!(transaction["blockNumber"], format!("{number:#x}"));
            assert_eq!(transaction["from"], json!(sender));
            assert_eq!(transaction["to"], json!(receiver));
            assert_eq!(
                (&transaction["value"], &transaction["type"]),
                (&json!("0x1"), &json!("0x2"))
            );
        }
    }
    let deposits = found(json!([depositor])).await;
    assert_eq!(deposits["transactions"][0]["type"], "0x7e");
    assert_eq!(deposits["transactions"].as_array().unwrap().len(), 1);
    let older = found(json!([sender, "0x3"])).await;
    assert_eq!(older["transactions"][0]["blockNumber"], "0x2");
    let nothing = json!({"transactions": [], "before": null});
    assert_eq!(found(json!([Address::ZERO])).await, nothing);
    assert_eq!(found(json!([sender, "0x0"])).await, nothing);

    // A stretch of two blocks says where the next one begins.
    let stretch = |before| json!(activity(&chain, sender, before, 2).unwrap());
    let newest = stretch(None);
    assert_eq!(newest["transactions"].as_array().unwrap().len(), 2);
    assert_eq!(newest["before"], "0x2");
    let rest = stretch(Some(2));
    assert_eq!(rest["transactions"].as_array().unwrap().len(), 1);
    assert_eq!(rest["before"], Value::Null);
}

#[tokio::test]
async fn the_sequencer_says_who_it_is_and_withdrawals_are_refused_by_reason() {
    let world = World::new();
    let (chain, store) = (world.chain(), world.store().await);
    build(&world, &chain, &store, 0, 1).await;
    let methods = methods(&world, &chain, &store, world.pool(&chain));
    let info = ask(&methods, "rollmill_sequencerInfo", json!([])).await;
    for (field, value) in [
        ("l1ChainId", json!("0x1466a9")),
        ("l2ChainId", json!("0x1466aa")),
        ("rollup", json!(rollup())),
        (
            "withdrawalQueue",
            json!("0x0000000000000000000000000000000000524d02"),
        ),
        ("tokenBridge", json!(rollup().create(2))),
        (
            "l2TokenBridge",
            json!("0x0000000000000000000000000000000000524d03"),
        ),
        (
            "feeVault",
            json!("0x0000000000000000000000000000000000524d01"),
        ),
        (
            "provingVault",
            json!("0x0000000000000000000000000000000000524d06"),
        ),
        ("feeAuction", json!(rollup().create(3))),
        (
            "feeSchedule",
            json!("0x0000000000000000000000000000000000524d05"),
        ),
        ("blockTimeMs", json!("0xfa")),
        ("latestBlock", json!("0x1")),
        ("safeBlock", json!("0x0")),
        ("sealedBatch", Value::Null),
    ] {
        assert_eq!(info[field], value, "{field}");
    }
    let refused = async || {
        let mut answer = answer(&methods, "rollmill_getWithdrawalProof", json!(["0x0"])).await;
        answer["error"].take()
    };
    // Nothing is known yet, and later it may.
    let early = refused().await;
    assert_eq!(early["code"], -32010);
    let text = early["message"].as_str().unwrap();
    assert!(text.starts_with("this node has no batch yet"), "{text}");
    let mut batcher = batcher(&world, &chain, &store, BatchPolicy::default()).await;
    batcher.step(true).await.unwrap();
    let unknown = refused().await;
    assert_eq!(unknown["code"], -32000);
    let text = "there is no withdrawal 0 up to L2 block 1, the newest here";
    assert_eq!(unknown["message"], text);
}
