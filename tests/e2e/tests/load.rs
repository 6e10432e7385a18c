//! `rollmill load` against the L2 of a devnet.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::HashMap;

use alloy::{
    primitives::{Address, U64},
    providers::Provider,
};
use rollmill_e2e::{
    Devnet, program, run,
    user::{USER, account, funded},
};
use serde_json::Value;
use tokio::process::Command;

/// `rollmill load` at this chain.
fn load(l2: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program("rollmill").unwrap());
    command
        .args(["load", "--rpc", l2, "--max-fee", "2000000000"])
        .args(args)
        .kill_on_drop(true);
    command
}

#[tokio::test]
async fn a_load_on_l2_is_included_exactly_once() {
    let data = tempfile::tempdir().unwrap();
    let args = ["--proofs", "mock", "--rollers", "1", "--k", "1"];
    let devnet = Devnet::start(data.path(), &args).await.unwrap();

    // Nobody has ether there yet.
    let poor = run(load(&devnet.l2, &[])).await.unwrap();
    assert!(!poor.success);
    assert!(poor.said.contains("by a deposit"), "{}", poor.said);

    let l2 = funded(&devnet).await.unwrap();
    let first = l2.get_block_number().await.unwrap() + 1;
    let flags = ["--kind", "erc20", "--count", "300", "--senders", "6"];
    let mut command = load(
        &devnet.l2,
        &[&flags[..], &["--probes", "1", "--json"]].concat(),
    );
    let funder = account(USER).unwrap();
    command.env("ROLLMILL_FUNDER_KEY", funder.to_bytes().to_string());
    let output = command.output().await.unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    for field in ["submitted", "accepted", "included"] {
        assert_eq!(report[field], 300, "{field} in {report}");
    }
    for field in ["failed", "missing", "stoppedSenders"] {
        assert_eq!(report[field], 0, "{field} in {report}");
    }
    assert_eq!(report["chainId"], 1_337_002);
    let samples = report["confirmationMs"]["samples"].as_u64().unwrap();
    assert!(samples > 0);

    // The token's transfers, by sender.
    let token: Address = serde_json::from_value(report["token"].clone()).unwrap();
    let mut transfers: HashMap<Address, u64> = HashMap::new();
    let mut seen: HashMap<String, u64> = HashMap::new();
    for number in first..=l2.get_block_number().await.unwrap() {
        // As JSON: L1 messages have a type of their own.
        let number = U64::from(number);
        let receipts: Vec<Value> = l2
            .raw_request("eth_getBlockReceipts".into(), (number,))
            .await
            .unwrap();
        for receipt in receipts {
            let address = |field: &str| -> Option<Address> {
                serde_json::from_value(receipt[field].clone()).unwrap()
            };
            let hash = receipt["transactionHash"].as_str().unwrap().to_owned();
            *seen.entry(hash).or_default() += 1;
            let from = address("from").unwrap();
            if address("to") == Some(token) && from != funder.address() {
                *transfers.entry(from).or_default() += 1;
            }
        }
    }
    assert!(seen.values().all(|count| *count == 1));
    // Six senders, and the probe; its last transaction may not have been waited for, or its block not been sealed.
    assert_eq!(transfers.len(), 7);
    let sent: Vec<u64> = transfers.into_values().collect();
    assert!(
        sent.iter().filter(|count| **count == 50).count() >= 6,
        "{sent:?}"
    );
    let by_probe = sent.iter().sum::<u64>() - 300;
    assert!((samples - 1..=samples + 1).contains(&by_probe), "{sent:?}");
    devnet.kill().await.unwrap();
}
