use std::sync::Arc;

use alloy::{
    consensus::TxEip1559,
    primitives::{Address, B256, Bytes, TxKind, U256, keccak256},
    providers::{DynProvider, Provider},
    sol_types::SolCall,
};
use rollmill_engine::{
    Chain, TransactionPool,
    rpc::{Methods, RpcConfig, RpcServer, serve},
    stf::fees::FeePrices,
};
use rollmill_l1::{Deployment, Sender, SenderConfig, connect, contracts::FeeSchedule::setCall};
use rollmill_protocol::{
    l2::{FEE_SCHEDULE, FEE_VAULT, PROVING_VAULT},
    prover_gas::{PER_EVM_GAS, PER_SIGNATURE, PER_TRANSACTION, transaction_max},
};
use rollmill_store::Store;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{ETHER, World, batcher::batcher, key, rpc::methods, signed, transfer};
use crate::{
    BatchPolicy, Mempool,
    fees::{BatchUse, Costs, FeeError, FeeFollower, FeePolicy},
};

const DATA_WEI: u64 = 1_000_000_000;
const PROVING_WEI: u64 = 100_000;
/// Of a transfer.
pub(super) const PROVER_GAS: u64 = PER_TRANSACTION + PER_SIGNATURE + 21_000 * PER_EVM_GAS;

/// Its clock is late enough for prices to rise.
pub(super) fn world() -> World {
    let world = World::new();
    world.clock.advance_ms(3_600_000);
    world
}

/// What [`set_prices`] sets.
pub(super) fn prices() -> FeePrices {
    FeePrices {
        data_wei: DATA_WEI.into(),
        proving_wei: PROVING_WEI.into(),
    }
}

/// Account 1, the operator, sets the prices.
pub(super) fn set_prices(nonce: u64) -> Bytes {
    let call = setCall {
        dataWei: DATA_WEI.into(),
        provingWei: PROVING_WEI.into(),
    };
    let transaction = TxEip1559 {
        to: TxKind::Call(FEE_SCHEDULE),
        value: U256::ZERO,
        gas_limit: 100_000,
        input: call.abi_encode().into(),
        ..transfer(nonce)
    };
    signed(1, transaction)
}

async fn serve_l2(
    chain: &Chain,
    pool: &Arc<Mempool>,
    methods: Methods,
    shutdown: &CancellationToken,
) -> (RpcServer, DynProvider) {
    let config = RpcConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        client_version: "test".to_owned(),
        priority_fee_wei: 0,
    };
    let (chain, pool) = (chain.clone(), pool.clone());
    let server = serve(chain, pool, config, methods, shutdown.clone())
        .await
        .unwrap();
    let provider = connect(&server.url()).unwrap();
    (server, provider)
}

async fn ask(provider: &DynProvider, method: &'static str, params: Value) -> Value {
    provider.raw_request(method.into(), params).await.unwrap()
}

fn quantity(value: &Value) -> U256 {
    value.as_str().unwrap().parse().unwrap()
}

/// L1 gas of the bytes.
fn data_gas(raw: &[u8]) -> u64 {
    let zeros = raw.iter().filter(|byte| **byte == 0).count() as u64;
    40 * raw.len() as u64 - 30 * zeros
}

fn balance(chain: &Chain, address: Address) -> U256 {
    let account = chain.newest_state().unwrap().account(address).unwrap();
    account.map_or(U256::ZERO, |account| account.balance)
}

/// Also who has nothing; and without a price, it is the one that wallets choose.
async fn whoever_asks_is_told_the_same(provider: &DynProvider, mut request: Value, rich: &Value) {
    request[0]["from"] = json!(Address::repeat_byte(0x50));
    let poor = ask(provider, "rollmill_estimateFee", request.clone()).await;
    assert_eq!(&poor, rich);
    for price in ["maxFeePerGas", "maxPriorityFeePerGas"] {
        request[0].as_object_mut().unwrap().remove(price);
    }
    let unpriced = ask(provider, "rollmill_estimateFee", request).await;
    let base_fee = quantity(&unpriced["baseFeePerGas"]);
    let cap = base_fee * U256::from(2);
    assert_eq!(quantity(&unpriced["maxFeePerGas"]), cap);
    assert_eq!(quantity(&unpriced["required"]), required(&unpriced, cap));
}

/// What the sender of a transfer must have at a price of gas.
fn required(estimate: &Value, price: U256) -> U256 {
    let held = U256::from(transaction_max(21_000, 1, 0));
    let gas = U256::from(21_000) * price;
    gas + quantity(&estimate["l1DataFee"]) + held * U256::from(PROVING_WEI)
}

#[tokio::test]
async fn a_transfer_pays_the_same_wherever_one_looks() {
    let world = world();
    let (chain, store) = (world.chain(), world.store().await);
    let pool = world.pool(&chain);
    let shutdown = CancellationToken::new();
    let own = methods(&world, &chain, &store, pool.clone());
    let (_server, provider) = serve_l2(&chain, &pool, own, &shutdown).await;
    let mut builder = world.builder(&chain, &pool, 0).await;

    // What sets the prices pays those before it.
    let set = pool.submit(set_prices(0)).await.unwrap();
    builder.step(true).await.unwrap();
    let receipt = ask(&provider, "eth_getTransactionReceipt", json!([set])).await;
    assert_eq!(receipt["status"], "0x1");
    for field in ["l1GasPrice", "l1Fee", "proverGasPrice", "provingFee"] {
        assert_eq!(receipt[field], "0x0", "{field}");
    }
    let raw = signed(2, transfer(0));
    let sender = key(2).address();
    let request = json!([{
        "from": sender, "to": Address::repeat_byte(0xaa), "value": "0x1",
        "maxFeePerGas": "0x2540be400", "maxPriorityFeePerGas": "0x3b9aca00",
    }]);
    let estimate = ask(&provider, "rollmill_estimateFee", request.clone()).await;
    whoever_asks_is_told_the_same(&provider, request, &estimate).await;
    let vaults = [FEE_VAULT, PROVING_VAULT];
    let before = vaults.map(|vault| balance(&chain, vault));

    let hash = pool.submit(raw.clone()).await.unwrap();
    builder.step(true).await.unwrap();
    let header = chain.head();
    let price = header.base_fee_per_gas.unwrap() + 1_000_000_000;
    let (l1_gas, gas) = (data_gas(&raw), U256::from(21_000 * price));
    let l1_fee = U256::from(l1_gas) * U256::from(DATA_WEI);
    let proving = U256::from(PROVER_GAS) * U256::from(PROVING_WEI);
    let paid = gas + l1_fee + proving;
    assert_eq!(
        balance(&chain, sender),
        U256::from(ETHER) - U256::ONE - paid
    );
    let [fees, proofs] = before;
    assert_eq!(
        vaults.map(|vault| balance(&chain, vault)),
        [fees + gas + l1_fee, proofs + proving]
    );

    let receipt = ask(&provider, "eth_getTransactionReceipt", json!([hash])).await;
    let expected = [
        ("l1GasUsed", U256::from(l1_gas)),
        ("l1GasPrice", U256::from(DATA_WEI)),
        ("l1Fee", l1_fee),
        ("proverGasUsed", U256::from(PROVER_GAS)),
        ("proverGasPrice", U256::from(PROVING_WEI)),
        ("provingFee", proving),
    ];
    for (field, value) in expected {
        assert_eq!(quantity(&receipt[field]), value, "{field}");
    }
    let fees = ask(&provider, "rollmill_getTransactionFees", json!([hash])).await;
    for (field, value) in [
        ("l1DataFee", l1_fee),
        ("provingFee", proving),
        ("total", paid),
    ] {
        assert_eq!(quantity(&fees[field]), value, "{field}");
    }

    // The estimate knows all but the signature's zeros.
    assert_eq!(estimate["gasLimit"], "0x5208");
    assert_eq!(quantity(&estimate["provingFee"]), proving);
    let most = quantity(&estimate["l1DataFee"]);
    let zeros = U256::from(66 * 30) * U256::from(DATA_WEI);
    assert!(most >= l1_fee && most <= l1_fee + zeros, "{most} {l1_fee}");
    let limit = U256::from(10_000_000_000u64);
    assert_eq!(quantity(&estimate["required"]), required(&estimate, limit));

    // Running it again under a tracer ends where the block ended.
    let tracer = json!([hash, {"tracer": "prestateTracer", "tracerConfig": {"diffMode": true}}]);
    let trace = ask(&provider, "debug_traceTransaction", tracer).await;
    for account in [sender, FEE_VAULT, PROVING_VAULT] {
        let key = account.to_string().to_lowercase();
        let after = quantity(&trace["post"][key.as_str()]["balance"]);
        assert_eq!(after, balance(&chain, account), "{account}");
    }

    // And so does the proof: the batcher executes what it seals statelessly, and compares.
    let mut batcher = batcher(&world, &chain, &store, BatchPolicy::default()).await;
    batcher.step(true).await.unwrap();
    assert_eq!(batcher.tip.last_block, 2);

    // The batch says what its users were charged for.
    let schedule = ask(&provider, "rollmill_getFeeSchedule", json!([])).await;
    let blocks = [1, 2].map(|number| chain.block(number).unwrap().unwrap());
    let prover_gas: u64 = blocks.iter().flat_map(|block| &block.prover_gas).sum();
    let batch = store.batch(1).await.unwrap().unwrap();
    let recent = &schedule["recent"];
    for (field, value) in [
        ("batches", 1),
        ("dataBytes", batch.data.len() as u64),
        ("chargedDataGas", data_gas(&set_prices(0)) + l1_gas),
        ("proverGas", batch.public_values.prover_gas),
        ("chargedProverGas", prover_gas),
    ] {
        assert_eq!(quantity(&recent[field]), U256::from(value), "{field}");
    }
    assert_eq!(quantity(&schedule["l1GasPrice"]), U256::from(DATA_WEI));
    assert_eq!(
        quantity(&schedule["proverGasPrice"]),
        U256::from(PROVING_WEI)
    );
    // An hour after the block in which they rose, and a minute.
    let rose_s = blocks[0].header.timestamp;
    assert_eq!(quantity(&schedule["risesFrom"]), U256::from(rose_s + 3_660));
    shutdown.cancel();
}

const POLICY: FeePolicy = FeePolicy {
    scr_price_wei: 100_000_000_000_000,
    margin_percent: 10,
    band_percent: 10,
};

/// 10 gwei on L1, and 3e7 wei for a prover gas.
const COSTS: Costs = Costs {
    l1_gas_wei: 10_000_000_000,
    l1_blob_gas_wei: 0,
    reward_scr_wei: 300_000_000_000,
    recent: BatchUse {
        batches: 0,
        data_bytes: 0,
        blobs: 0,
        charged_data_gas: 0,
        prover_gas: 0,
        charged_prover_gas: 0,
    },
};

/// What sets prices as this account. It asks no L1.
fn follower(
    world: &World,
    (chain, pool, store): (&Chain, &Arc<Mempool>, &Store),
    operator: u8,
) -> FeeFollower {
    let deployment = Deployment {
        operator: key(operator).address(),
        ..world.deployment()
    };
    let nowhere = connect("http://127.0.0.1:1").unwrap();
    let config = SenderConfig::default();
    let sender = Sender::new(nowhere, 1, key(operator), store.clone(), config);
    FeeFollower::new(
        (chain.clone(), store.clone(), deployment),
        pool.clone(),
        (world.clock.clone(), sender),
        POLICY,
    )
}

/// The real predeploy takes every step, and each rise is an hour behind the one before.
#[tokio::test]
async fn prices_go_where_costs_are_and_the_schedule_refuses_no_step() {
    let world = world();
    let (chain, store) = (world.chain(), world.store().await);
    let pool = world.pool(&chain);
    let follower = follower(&world, (&chain, &pool, &store), 1);
    let mut builder = world.builder(&chain, &pool, 0).await;
    let should = FeePrices {
        data_wei: 11_000_000_000,
        proving_wei: 33_000_000,
    };
    assert_eq!(COSTS.prices(&POLICY), should);
    let mut path = vec![FeePrices::default()];
    for _ in 0..12 {
        // Asked twice, and again when it is done: it is sent once.
        follower.follow(&COSTS).await.unwrap();
        follower.follow(&COSTS).await.unwrap();
        assert!(pool.len() <= 1);
        builder.step(true).await.unwrap();
        follower.follow(&COSTS).await.unwrap();
        assert!(pool.is_empty());
        path.push(chain.fee_prices_after(&chain.head()).unwrap());
        world.clock.advance_ms(3_660_000);
    }
    let data: Vec<u128> = path.iter().map(|prices| prices.data_wei).collect();
    let gwei = |n: u128| n * 1_000_000_000;
    assert_eq!(data[..6], [0, 1, 2, 4, 8, 11].map(gwei));
    assert_eq!(path[9].proving_wei, 25_600_000);
    assert!(path[10..].iter().all(|prices| *prices == should));
    let head = chain.head().number;
    assert_eq!(head, 10);
    for number in 1..=head {
        let receipts = chain.receipts(number).unwrap().unwrap();
        assert!(
            receipts.len() == 1 && receipts[0].success,
            "block {number}: {receipts:?}"
        );
    }

    // Within the band nothing happens; below it prices fall at once.
    let near = Costs {
        l1_gas_wei: COSTS.l1_gas_wei * 95 / 100,
        ..COSTS
    };
    follower.follow(&near).await.unwrap();
    assert!(pool.is_empty());
    let cheap = Costs {
        l1_gas_wei: COSTS.l1_gas_wei / 10,
        ..COSTS
    };
    follower.follow(&cheap).await.unwrap();
    builder.step(true).await.unwrap();
    let fallen = chain.fee_prices_after(&chain.head()).unwrap();
    assert_eq!(
        (fallen.data_wei, fallen.proving_wei),
        (gwei(11) / 10, 33_000_000)
    );
}

#[tokio::test]
async fn an_operator_without_ether_on_l2_is_told_so() {
    let world = world();
    let (chain, store) = (world.chain(), world.store().await);
    let pool = world.pool(&chain);
    let poor = follower(&world, (&chain, &pool, &store), 9);
    let refused = poor.follow(&COSTS).await.unwrap_err();
    let FeeError::Pool(reason) = refused else {
        panic!("{refused}");
    };
    let reason = reason.to_string();
    assert!(reason.starts_with("insufficient funds"), "{reason}");
}

#[tokio::test]
async fn the_open_block_shows_what_was_paid() {
    let world = world();
    let (chain, store) = (world.chain(), world.store().await);
    let pool = world.pool(&chain);
    let shutdown = CancellationToken::new();
    let own = methods(&world, &chain, &store, pool.clone());
    let (_server, provider) = serve_l2(&chain, &pool, own, &shutdown).await;
    let mut builder = world.builder(&chain, &pool, 0).await;
    pool.submit(set_prices(0)).await.unwrap();
    pool.arrived().await;
    builder.step(true).await.unwrap();

    let raw = signed(2, transfer(0));
    let hash = keccak256(&raw);
    let params = json!([raw, "0x4e20"]);
    let sent =
        tokio::spawn(async move { ask(&provider, "eth_sendRawTransactionSync", params).await });
    pool.arrived().await;
    builder.step(false).await.unwrap();
    let receipt = sent.await.unwrap();
    assert_eq!(receipt["transactionHash"], json!(hash));
    assert_eq!(receipt["blockHash"], json!(B256::ZERO));
    assert_eq!(quantity(&receipt["l1GasUsed"]), U256::from(data_gas(&raw)));
    assert_eq!(
        quantity(&receipt["provingFee"]),
        U256::from(PROVER_GAS * PROVING_WEI)
    );
    shutdown.cancel();
}

#[tokio::test]
async fn the_pool_refuses_who_cannot_pay_for_data_and_proving() {
    let world = world();
    let chain = world.chain();
    let pool = world.pool(&chain);
    let mut builder = world.builder(&chain, &pool, 0).await;
    let everything = |nonce| TxEip1559 {
        value: U256::from(ETHER) - U256::from(21_000 * 10_000_000_000u64),
        ..transfer(nonce)
    };
    pool.submit(signed(2, everything(0))).await.unwrap();
    pool.submit(set_prices(0)).await.unwrap();
    builder.step(true).await.unwrap();
    assert_eq!(chain.block(1).unwrap().unwrap().transactions.len(), 2);

    let raw = signed(3, everything(0));
    let error = pool.submit(raw.clone()).await.unwrap_err().to_string();
    let most = data_gas(&raw) * DATA_WEI + transaction_max(21_000, 1, 0) * PROVING_WEI;
    let expected = format!(
        "insufficient funds for gas * price + value: balance {ETHER}, tx cost {}, overshot {most}",
        ETHER + u128::from(most)
    );
    assert_eq!(error, expected);
    let value = everything(0).value - U256::from(2 * most);
    let less = TxEip1559 {
        value,
        ..everything(0)
    };
    pool.submit(signed(3, less)).await.unwrap();
    builder.step(true).await.unwrap();
    assert_eq!(
        balance(&chain, Address::repeat_byte(0xaa)),
        everything(0).value + value
    );
}
