//! An operator that does not answer to a finished proof: its roller puts the digest on L1 in time, and there it is an entry.

#![allow(clippy::unwrap_used, missing_docs)]

use std::process::Stdio;

use alloy::{
    primitives::{Address, U256},
    providers::Provider,
    rpc::types::Filter,
    signers::local::PrivateKeySigner,
    sol,
    sol_types::SolEvent,
};
use rollmill_e2e::{
    Devnet, kill, program, proxy, until,
    user::{funded, transfer, wallet},
};
use serde_json::Value;
use tokio::process::Command;

sol! {
    event SubmissionPosted(
        uint64 indexed batch,
        address indexed roller,
        uint32 round,
        bytes32 publicValuesHash,
        bytes32 proofDigest,
        string location
    );

    struct Entry {
        address roller;
        uint32 tickets;
        bytes32 proofDigest;
    }

    event EntriesPosted(uint64 indexed batch, bytes32 entriesHash, uint64 lotteryBlock, Entry[] entries);
}

#[tokio::test]
async fn a_proof_that_is_not_taken_stands_on_l1_and_is_entered() {
    let data = tempfile::tempdir().unwrap();
    let args = ["--proofs", "mock", "--rollers", "1", "--k", "1"];
    let devnet = Devnet::start(data.path(), &args).await.unwrap();
    let key_file = data.path().join("keys/roller-1-signer");
    let key = std::fs::read_to_string(&key_file).unwrap();
    let signer: PrivateKeySigner = key.trim().parse().unwrap();
    let l1 = wallet(&devnet.l1).unwrap();
    let mut gas = transfer(signer.address(), 0);
    gas.value = Some(U256::from(10u128.pow(18)));
    l1.send_transaction(gas)
        .await
        .unwrap()
        .watch()
        .await
        .unwrap();

    // The same roller, whose submissions nobody answers.
    for child in devnet.children().await.unwrap() {
        kill("-KILL", &child.to_string()).await.unwrap();
    }
    let upstream = devnet.coordinator.strip_prefix("http://").unwrap();
    let silent = proxy::dropping(upstream.to_owned(), "/submissions")
        .await
        .unwrap();
    let deployment = data.path().join("deployment.json");
    let _roller = Command::new(program("roller").unwrap())
        .args(["run", "--proofs", "mock", "--l1-rpc", &devnet.l1])
        .args(["--coordinator", &format!("http://{silent}")])
        .arg("--deployment")
        .arg(&deployment)
        .arg("--data-dir")
        .arg(data.path().join("silenced"))
        .arg("--signer-key-file")
        .arg(&key_file)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let l2 = funded(&devnet).await.unwrap();
    let sent = l2
        .send_transaction(transfer(Address::repeat_byte(0xf1), 1))
        .await;
    sent.unwrap().get_receipt().await.unwrap();

    let contracts: Value = serde_json::from_slice(&std::fs::read(&deployment).unwrap()).unwrap();
    let evidence: Address = contracts["evidence"].as_str().unwrap().parse().unwrap();
    let posted = Filter::new()
        .address(evidence)
        .event_signature(SubmissionPosted::SIGNATURE_HASH)
        .from_block(0);
    let log = until("the submission on L1", async || {
        Ok(l1.get_logs(&posted).await?.into_iter().next())
    })
    .await
    .unwrap();
    let event = SubmissionPosted::decode_log(&log.inner).unwrap();
    assert_eq!(event.batch, 1);
    assert!(!event.proofDigest.is_zero());

    let rollup: Address = contracts["rollup"].as_str().unwrap().parse().unwrap();
    let entered = Filter::new()
        .address(rollup)
        .event_signature(EntriesPosted::SIGNATURE_HASH)
        .from_block(0);
    let log = until("its entry", async || {
        Ok(l1.get_logs(&entered).await?.into_iter().next())
    })
    .await
    .unwrap();
    let entries = EntriesPosted::decode_log(&log.inner).unwrap().data.entries;
    let digests: Vec<_> = entries.iter().map(|entry| entry.proofDigest).collect();
    assert_eq!(digests, [event.proofDigest]);
    devnet.kill().await.unwrap();
}
