//! The product, run as its users run it.

#![allow(clippy::unwrap_used, missing_docs)]

use std::time::Duration;

use alloy::{
    eips::BlockNumberOrTag,
    network::ReceiptResponse,
    primitives::{Address, U256},
    providers::{DynProvider, Provider},
    rpc::types::Block,
    transports::http::reqwest,
};
use rollmill_e2e::{
    Anvil, Devnet, devnet, once, run, until, until_within,
    user::{funded, rollup, transfer, wallet},
};
use serde_json::Value;

/// Minutes on two idle cores, and no more than this on busy ones.
const PROVING: Duration = Duration::from_secs(3_600);

/// Reputation ratio that every roller begins with, of 10^9.
const RATIO_AT_FIRST: u64 = 100_000_000;

/// What both scripted rounds must have done, on whatever L1 and with whatever proofs.
fn assert_both_rounds(report: &Value) {
    assert_eq!(report["withdrawal"]["finalized"], true);
    for settlement in report["settlements"].as_array().unwrap() {
        assert_eq!(settlement["state_root_l1"], settlement["state_root_l2"]);
    }
    let verdicts: Vec<&str> = report["seats"]
        .as_array()
        .unwrap()
        .iter()
        .map(|seat| seat["verdict"].as_str().unwrap())
        .collect();
    assert!(verdicts.contains(&"valid"), "{verdicts:?}");
    assert!(
        verdicts.contains(&"invalid"),
        "the saboteur's proof was not judged: {verdicts:?}"
    );
    let mut seats = report["seats"].as_array().unwrap().iter();
    let killed = seats.find(|seat| seat["verdict"] == "missed");
    let killed = killed.expect("the killed roller's seat did not end");
    assert_eq!(
        killed["why"],
        "The roller fell silent while it held the seat."
    );
    let killed = killed["roller"].as_str().unwrap();
    let ratio = report["reputation"][killed].as_u64().unwrap();
    assert!(ratio < RATIO_AT_FIRST, "{ratio}");
    assert_eq!(report["fines"].as_array().unwrap().len(), 1);
    assert_ne!(report["fines"][0]["scr_wei"], "0");
    let rewards = report["rewards"].as_array().unwrap();
    let claimed = rewards.iter().any(|reward| reward["claimed_wei"] != "0");
    assert!(claimed, "no winner claimed its reward");
    for lottery in report["lotteries"].as_array().unwrap() {
        let paid = |reward: &&Value| reward["roller"] == lottery["winner"];
        let reward = rewards.iter().find(paid).expect("a winner is not paid");
        assert_ne!(reward["scr_wei"], "0");
    }
    assert_complete(report);
    assert_all_counted(report);
}

/// Everything that was built is counted, and by the end a batch has it.
fn assert_all_counted(report: &Value) {
    let batches = report["batches"].as_array().unwrap();
    let in_batches: u64 = batches.iter().map(|row| row["txs"].as_u64().unwrap()).sum();
    let transactions = report["transactions"].as_u64().unwrap();
    // A deposit, ten transactions and a withdrawal; three in each batch behind them.
    assert!(transactions >= 15, "{transactions}");
    assert!(transactions >= in_batches, "{transactions}, {in_batches}");
    assert!(report["blocks"].as_u64().unwrap() >= batches.len() as u64);
    for batch in batches {
        let is_proved = report["proofs"] == "stark";
        assert_eq!(batch["instructions"].is_u64(), is_proved, "{batch}");
    }
}

/// Every figure that the report promises is there.
fn assert_complete(report: &Value) {
    let present = |of: &Value, fields: &[&str]| {
        for field in fields {
            assert!(!of[*field].is_null(), "`{field}` is missing in {of}");
        }
    };
    present(
        report,
        &["version", "proofs", "l1", "blocks", "transactions"],
    );
    present(&report["chain_ids"], &["l1", "l2"]);
    present(&report["withdrawal"], &["l2_tx", "l1_tx", "finalized"]);
    let rows: [(&str, &[&str]); 6] = [
        (
            "batches",
            &[
                "number",
                "txs",
                "evm_gas",
                "prover_gas",
                "witness_bytes",
                "program_commitment",
            ],
        ),
        ("draws", &["task", "round", "seed", "weights_root"]),
        ("lotteries", &["task", "beacon", "winner"]),
        (
            "settlements",
            &["batch", "tx", "l1_gas", "state_root_l1", "state_root_l2"],
        ),
        ("rewards", &["roller", "scr_wei", "claimed_wei"]),
        ("fines", &["task", "roller", "scr_wei", "l1_tx"]),
    ];
    for (table, fields) in rows {
        let rows = report[table].as_array().unwrap();
        assert!(!rows.is_empty(), "{table}");
        rows.iter().for_each(|row| present(row, fields));
    }
    for draw in report["draws"].as_array().unwrap() {
        assert!(!draw["points"].as_array().unwrap().is_empty());
    }
    for seat in report["seats"].as_array().unwrap() {
        present(seat, &["task", "round", "roller", "tickets", "verdict"]);
        if seat["verdict"] == "valid" {
            present(
                seat,
                &[
                    "prove_seconds",
                    "verify_ms",
                    "proof_bytes",
                    "peak_rss_bytes",
                ],
            );
        }
    }
    let stages = [
        "deploy",
        "stake",
        "deposit",
        "transactions",
        "withdrawal",
        "commit",
        "draw",
        "prove",
        "lottery",
        "settle",
        "claim",
        "finalize withdrawal",
        "kill a roller",
        "fine",
        "total",
    ];
    present(&report["wall_seconds"], &stages);
}

#[tokio::test]
async fn mock_rounds_on_the_embedded_l1() {
    let data = tempfile::tempdir().unwrap();
    let report = once(data.path(), &["--proofs", "mock"]).await.unwrap();
    assert_eq!(report["l1"], "embedded");
    assert_both_rounds(&report);

    // A network has one saboteur, and the first round can be had again.
    let again = run(devnet(data.path(), &["--proofs", "mock", "--once"]).unwrap());
    let again = again.await.unwrap();
    assert!(!again.success, "{}", again.said);
    let sentence = "step `stake` failed: round 2 was run in this data directory before";
    assert!(again.said.contains(sentence), "{}", again.said);
    let more = once(data.path(), &["--proofs", "mock", "--rounds", "1"]);
    let more = more.await.unwrap();
    assert_eq!(more["withdrawal"]["finalized"], true);
    assert_ne!(more["withdrawal"]["l1_tx"], report["withdrawal"]["l1_tx"]);
    for grows in ["blocks", "transactions"] {
        assert!(more[grows].as_u64() > report[grows].as_u64(), "{grows}");
    }
}

/// With batches in blobs.
#[tokio::test]
async fn mock_rounds_on_anvil() {
    let anvil = Anvil::start().await.unwrap();
    let data = tempfile::tempdir().unwrap();
    let own = ["--l1-rpc", anvil.url.as_str(), "--data", "blobs"];
    let report = once(data.path(), &[&["--proofs", "mock"][..], &own].concat())
        .await
        .unwrap();
    assert_eq!(report["l1"], anvil.url.as_str());
    assert_both_rounds(&report);
}

/// The newest settled block, once it is not below `block`.
async fn settled(l2: &DynProvider, block: u64) -> eyre::Result<Option<Block>> {
    let settled = l2.get_block_by_number(BlockNumberOrTag::Finalized).await?;
    Ok(settled.filter(|settled| settled.header.number >= block))
}

#[tokio::test]
async fn a_real_proof_settles_a_small_batch() {
    let data = tempfile::tempdir().unwrap();
    let args = ["--proofs", "stark", "--rollers", "1", "--k", "1"];
    let devnet = Devnet::start(data.path(), &args).await.unwrap();
    let l2 = funded(&devnet).await.unwrap();
    let friend = Address::repeat_byte(0xf2);
    let sent = l2.send_transaction(transfer(friend, 1)).await.unwrap();
    let block = sent.get_receipt().await.unwrap().block_number().unwrap();
    let proved = until_within(PROVING, "the block to be settled", async || {
        settled(&l2, block).await
    })
    .await
    .unwrap();
    let rollup = rollup(&devnet).unwrap();
    assert!(rollup.settledBatch().call().await.unwrap() >= 1);
    assert_eq!(
        rollup.stateRoot().call().await.unwrap(),
        proved.header.state_root
    );
    assert_figures_of_real_proofs(&devnet).await;
    devnet.kill().await.unwrap();
}

/// What only a real proof has: instructions, and seconds, memory and bytes that are not nothing.
async fn assert_figures_of_real_proofs(devnet: &Devnet) {
    let tasks = reqwest::get(format!("{}/v1/tasks", devnet.coordinator));
    let tasks = tasks.await.unwrap().text().await.unwrap();
    let tasks: Value = serde_json::from_str(&tasks).unwrap();
    let seats = tasks.as_array().unwrap().iter();
    let proved = seats
        .flat_map(|task| task["seats"].as_array().unwrap())
        .find(|seat| seat["state"] == "on_time")
        .unwrap_or_else(|| panic!("no proof was on time: {tasks}"));
    for (figure, least) in [
        ("instructions", 100_000.0),
        ("proofBytes", 100_000.0),
        ("peakRssBytes", 1e9),
        ("proveSeconds", 1.0),
        ("verifyMs", 1.0),
    ] {
        let number = proved[figure].as_f64();
        assert!(
            number.is_some_and(|number| number > least),
            "{figure}: {proved}"
        );
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_whole_devnet_is_killed() {
    let data = tempfile::tempdir().unwrap();
    let friend = Address::repeat_byte(0xf1);
    let before = Devnet::start(data.path(), &["--proofs", "mock"])
        .await
        .unwrap();
    let l2 = funded(&before).await.unwrap();
    let included = l2.send_transaction(transfer(friend, 1)).await.unwrap();
    let included = included.get_receipt().await.unwrap();
    // Acknowledged by its hash alone, and then the power goes.
    let acknowledged = l2.send_transaction(transfer(friend, 2)).await.unwrap();
    let acknowledged = *acknowledged.tx_hash();
    before.kill().await.unwrap();

    let after = Devnet::start(data.path(), &["--proofs", "mock"])
        .await
        .unwrap();
    let l2 = wallet(&after.l2).unwrap();
    let kept = l2
        .get_transaction_receipt(included.transaction_hash)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(kept.block_hash, included.block_hash);
    let receipt = until("the acknowledged transaction", async || {
        Ok(l2.get_transaction_receipt(acknowledged).await?)
    })
    .await
    .unwrap();
    assert!(receipt.status());
    assert_eq!(l2.get_balance(friend).await.unwrap(), U256::from(3));
    let block = receipt.block_number().unwrap();
    until("the block to be settled", async || {
        settled(&l2, block).await
    })
    .await
    .unwrap();
    after.kill().await.unwrap();
}
