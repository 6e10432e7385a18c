//! Everything that decodes bytes of strangers: it refuses them or reads exactly what was written, and never panics.

#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;

use alloy::{
    eips::{
        Decodable2718, Encodable2718,
        eip2930::{AccessList, AccessListItem},
        eip7702::Authorization,
    },
    network::{
        EthereumWallet, NetworkTransactionBuilder, TransactionBuilder, TransactionBuilder7702,
    },
    primitives::{Address, B256, Bytes, U256},
    rpc::types::TransactionRequest,
    signers::{SignerSync, local::PrivateKeySigner},
};
use proptest::{prop_assert, prop_assert_eq, test_runner::TestCaseResult};
use rollmill_engine::{
    Chain,
    pool::{self, Limits},
    rpc::{self, Methods, RpcConfig},
};
use rollmill_fuzz::{Language, fuzz};
use rollmill_l1::BlobSource;
use rollmill_protocol::{BatchData, BlockData, TaskId, batch::BATCH_DATA_VERSION_PLAIN};
use rollmill_runtime::{Shutdown, Tasks};
use rollmill_sequencer::{GenesisConfig, Replica, SequencerConfig};
use rollmill_stf::{Identity, Transaction, execute_batch, witness::Witness};
use rollmill_store::Store;
use rollmill_zkvm::recorded;
use serde_json::{Value, json};

const CHAIN_ID: u64 = 1_337_002;

/// Prefixes of RLP, type bytes, and words of little-endian lengths.
fn words() -> Vec<Vec<u8>> {
    let words: [&[u8]; 12] = [
        &[0x80],
        &[0xc0],
        &[0x81, 0x00],
        &[0xb8, 0x38],
        &[0xbf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0xf8, 0x38],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x02],
        &[0x7e],
        &[0xff, 0xff, 0xff, 0x7f],
        &[0x00, 0x00, 0x00, 0x80],
        &[0; 32],
    ];
    words.map(<[u8]>::to_vec).to_vec()
}

fn recorded_witness() -> Bytes {
    Bytes::from_static(recorded::batch_v1().witness)
}

/// One transaction of each type that users sign.
fn signed_transactions() -> Vec<Vec<u8>> {
    let signer = PrivateKeySigner::from_bytes(&B256::repeat_byte(7)).unwrap();
    let base = TransactionRequest::default()
        .with_to(Address::repeat_byte(2))
        .with_value(U256::from(3))
        .with_nonce(4)
        .with_chain_id(CHAIN_ID)
        .with_gas_limit(100_000)
        .with_input(vec![5; 40]);
    let list = AccessList(vec![AccessListItem {
        address: Address::repeat_byte(6),
        storage_keys: vec![B256::ZERO, B256::repeat_byte(8)],
    }]);
    let fees = base
        .clone()
        .with_max_fee_per_gas(2_000_000_000)
        .with_max_priority_fee_per_gas(1);
    let authorization = Authorization {
        chain_id: U256::from(CHAIN_ID),
        address: Address::repeat_byte(9),
        nonce: 1,
    };
    let signature = signer
        .sign_hash_sync(&authorization.signature_hash())
        .unwrap();
    let authorizations = vec![authorization.into_signed(signature)];
    let legacy = base.with_gas_price(2_000_000_000);
    let requests = [
        legacy.clone(),
        legacy.with_access_list(list.clone()),
        fees.clone().with_access_list(list),
        fees.clone().with_authorization_list(authorizations),
        fees,
    ];
    let wallet = EthereumWallet::from(signer);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let signed = requests.map(|request| runtime.block_on(request.build(&wallet)).unwrap());
    signed.map(|signed| signed.encoded_2718()).to_vec()
}

#[test]
fn transactions() {
    let limits = Limits {
        chain_id: CHAIN_ID,
        block_gas: 30_000_000,
        transaction_gas: 16_777_216,
        base_fee: 1_000_000_000,
        transaction_bytes: 131_072,
    };
    let seeds = signed_transactions();
    for seed in &seeds {
        pool::decode(&seed.clone().into(), &limits).unwrap();
    }
    let language = Language {
        seeds,
        words: words(),
    };
    fuzz("transactions", language, |raw| {
        if let Ok(transaction) = Transaction::decode_2718_exact(&raw) {
            prop_assert_eq!(transaction.encoded_2718(), raw.as_ref());
        }
        if let Ok(transaction) = pool::decode(&raw, &limits) {
            prop_assert_eq!(transaction.encoded_2718(), raw.as_ref());
        }
        Ok(())
    });
}

#[test]
fn batches() {
    let synthetic = BatchData {
        blocks: (1..=3)
            .map(|number| BlockData {
                timestamp: number,
                gas_limit: 30_000_000,
                prevrandao: B256::repeat_byte(1),
                l1_message_count: number,
                transactions: vec![vec![2; 60].into(); number as usize],
            })
            .collect(),
    };
    let recorded = Witness::decode(recorded_witness()).unwrap().batch_data;
    let seeds = vec![
        synthetic.encode_plain(),
        synthetic.encode(),
        recorded.to_vec(),
    ];
    for seed in &seeds {
        BatchData::decode(seed).unwrap();
    }
    let language = Language {
        seeds,
        words: words(),
    };
    fuzz("batches", language, |bytes| {
        if let Ok(batch) = BatchData::decode(&bytes) {
            // What is compressed can be said in several ways.
            if bytes[0] == BATCH_DATA_VERSION_PLAIN {
                prop_assert_eq!(batch.encode_plain(), bytes.as_ref());
            } else {
                prop_assert_eq!(BatchData::decode(&batch.encode()), Ok(batch));
            }
        }
        Ok(())
    });
}

/// Another witness leads to another statement, or to none.
#[test]
fn witnesses() {
    let recorded = recorded::batch_v1();
    let identity = Identity {
        roller: recorded.roller,
        task: TaskId(recorded.task),
    };
    let statement = execute_batch(identity, recorded_witness()).unwrap();
    assert_eq!(statement.hash(), recorded.public_values_hash);
    let mut about_a_blob = Witness::decode(recorded_witness()).unwrap();
    about_a_blob.context.blob_versioned_hash = B256::repeat_byte(1);
    let language = Language {
        seeds: vec![recorded.witness.to_vec(), about_a_blob.encode()],
        words: words(),
    };
    fuzz("witnesses", language, |bytes| {
        if let Ok(witness) = Witness::decode(bytes.clone()) {
            prop_assert_eq!(witness.encode(), bytes.as_ref());
        }
        if let Ok(values) = execute_batch(identity, bytes.clone())
            && *bytes != *recorded.witness
        {
            prop_assert!(values.hash() != recorded.public_values_hash);
        }
        Ok(())
    });
}

/// Requests as clients send them, of every shape of parameters.
fn requests() -> Vec<Vec<u8>> {
    let someone = Address::repeat_byte(1);
    let call =
        json!({"from": someone, "to": someone, "value": "0x1", "gas": "0x5208", "data": "0x6001"});
    let methods: [(&str, Value); 31] = [
        ("eth_chainId", json!([])),
        ("eth_getBalance", json!([someone, "latest"])),
        ("eth_getStorageAt", json!([someone, "0x0", "0x0"])),
        ("eth_getTransactionCount", json!([someone, "pending"])),
        ("eth_getCode", json!([someone, {"blockNumber": "0x0"}])),
        (
            "eth_getProof",
            json!([someone, ["0x0", B256::ZERO], "latest"]),
        ),
        ("eth_getBlockByNumber", json!(["0x0", true])),
        ("eth_getBlockByHash", json!([B256::ZERO, false])),
        ("eth_getBlockReceipts", json!(["finalized"])),
        (
            "eth_getTransactionByBlockNumberAndIndex",
            json!(["0x0", "0x0"]),
        ),
        ("eth_getTransactionReceipt", json!([B256::ZERO])),
        (
            "eth_getLogs",
            json!([{"fromBlock": "0x0", "toBlock": "latest", "address": [someone], "topics": [null, [B256::ZERO]]}]),
        ),
        ("eth_newFilter", json!([{"blockHash": B256::ZERO}])),
        ("eth_feeHistory", json!(["0x4", "latest", [10.0, 90.0]])),
        (
            "eth_call",
            json!([call, "latest", {someone.to_string(): {"balance": "0xff", "code": "0x6000", "stateDiff": {}}}]),
        ),
        ("eth_estimateGas", json!([call])),
        ("eth_createAccessList", json!([call, "latest"])),
        (
            "eth_simulateV1",
            json!([{"blockStateCalls": [{"blockOverrides": {"time": "0x6a000000"}, "stateOverrides": {}, "calls": [call]}], "validation": false, "traceTransfers": true}, "latest"]),
        ),
        ("eth_sendRawTransaction", json!(["0x02f8"])),
        (
            "debug_traceCall",
            json!([call, "latest", {"tracer": "callTracer", "tracerConfig": {"withLog": true}}]),
        ),
        (
            "debug_traceBlockByNumber",
            json!(["0x0", {"tracer": "prestateTracer"}]),
        ),
        ("rollmill_sequencerInfo", json!([])),
        ("rollmill_getBatch", json!(["0x1"])),
        ("rollmill_getBatch", json!(["settled"])),
        ("rollmill_getBatchByBlock", json!(["latest"])),
        ("rollmill_getTransactionStatus", json!([B256::ZERO])),
        ("rollmill_getTransactionFees", json!([B256::ZERO])),
        ("rollmill_getAddressTransactions", json!([someone, "0x1"])),
        ("rollmill_estimateFee", json!([call])),
        ("rollmill_getFeeSchedule", json!([])),
        ("rollmill_getWithdrawalProof", json!(["0x0"])),
    ];
    methods
        .map(|(method, params)| {
            let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
            request.to_string().into_bytes()
        })
        .to_vec()
}

fn json_words() -> Vec<Vec<u8>> {
    let words = [
        "null",
        "true",
        "-1",
        "1e999",
        "0.5",
        "18446744073709551616",
        "[]",
        "{}",
        "\"0x\"",
        "\"\"",
        "\"0x0\"",
        "\"pending\"",
        "\"earliest\"",
        "\"safe\"",
        "\"0xffffffffffffffff\"",
        "\"0x10000000000000000\"",
        "\\u0000",
        "[[[[[[[[[[",
        "{\"a\":",
        "\"0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\"",
        ",",
        "\"blockHash\":null,",
        "0",
    ];
    words.map(|word| word.as_bytes().to_vec()).to_vec()
}

/// A node of L2 at its first block, which follows an L1 that nobody asks.
async fn node(dir: &Path) -> Methods {
    let deployment = rollmill_test_l1::nowhere();
    let genesis = GenesisConfig {
        l2_chain_id: deployment.l2_chain_id,
        l1_chain_id: deployment.chain_id,
        rollup: deployment.rollup,
        operator: deployment.operator,
        timestamp: deployment.genesis.timestamp,
        accounts: Vec::new(),
    };
    let chain = Chain::open(&dir.join("chain.redb"), &genesis.chain_spec()).unwrap();
    let store = Store::open(dir.join("store")).await.unwrap();
    let l1 = rollmill_l1::connect("http://127.0.0.1:1").unwrap();
    let tasks = Tasks::new(Shutdown::new());
    let replica = Replica::open(
        (chain.clone(), store, deployment),
        (l1, BlobSource::default()),
        SequencerConfig::default(),
        &tasks,
    );
    let replica = replica.await.unwrap();
    let config = RpcConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        client_version: "rollmill".into(),
        priority_fee_wei: 1,
    };
    rpc::methods(chain, replica.pool(), &config, replica.methods())
}

/// What a request is answered with: a result, or an error that is the caller's fault.
fn check_answer(answer: &str) -> TestCaseResult {
    const INTERNAL_ERROR: i64 = -32_603;
    let answer: Value = serde_json::from_str(answer).unwrap();
    let error = &answer["error"];
    prop_assert!(
        !answer["result"].is_null() || error["code"].is_i64() || answer.get("result").is_some()
    );
    prop_assert!(error["code"] != INTERNAL_ERROR, "{}", error);
    Ok(())
}

#[test]
fn requests_of_json_rpc() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let _entered = runtime.enter();
    let methods = runtime.block_on(node(dir.path()));
    let seeds = requests();
    for method in methods.method_names() {
        let name = json!(method).to_string();
        let is_asked = |seed: &Vec<u8>| String::from_utf8_lossy(seed).contains(&name);
        assert!(
            !method.starts_with("rollmill_") || seeds.iter().any(is_asked),
            "{method}"
        );
    }
    let language = Language {
        seeds,
        words: json_words(),
    };
    fuzz("requests of JSON-RPC", language, |bytes| {
        let Ok(text) = std::str::from_utf8(&bytes) else {
            return Ok(());
        };
        match runtime.block_on(methods.raw_json_request(text, 1)) {
            Ok((answer, _)) => check_answer(answer.get()),
            // No request at all.
            Err(_) => Ok(()),
        }
    });
}
