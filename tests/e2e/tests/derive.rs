//! `rollmill node --derive`: the chain from L1 alone, as a process beside a devnet.

#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;

use alloy::{
    eips::BlockNumberOrTag,
    primitives::{Address, U256},
    providers::{DynProvider, Provider},
};
use rollmill_e2e::{
    Devnet, Replica, replica, run, until,
    user::{funded, meet, transfer},
};

const FRIEND: Address = Address::repeat_byte(0xf1);

/// Pays the friend one wei, and waits until L1 has the block.
async fn pay(l2: &DynProvider) {
    let sent = l2.send_transaction(transfer(FRIEND, 1)).await.unwrap();
    let receipt = sent.get_receipt().await.unwrap();
    let block = receipt.block_number.unwrap();
    until("the block to be committed", async || {
        let safe = l2.get_block_by_number(BlockNumberOrTag::Safe).await?;
        Ok(safe.filter(|safe| safe.header.number >= block).map(drop))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_replica_has_the_chain_from_l1_alone() {
    let data = tempfile::tempdir().unwrap();
    let args = ["--proofs", "mock", "--rollers", "1", "--k", "1"];
    let devnet = Devnet::start(data.path(), &[&args[..], &["--batch-age", "1"]].concat())
        .await
        .unwrap();
    let l2 = funded(&devnet).await.unwrap();
    pay(&l2).await;

    let own = tempfile::tempdir().unwrap();
    let deployment = data.path().join("deployment.json");
    let follow = async || {
        Replica::start(own.path(), &devnet.l1, &deployment)
            .await
            .unwrap()
    };
    let first = follow().await;
    let node = meet(&l2, &first).await.unwrap();
    assert_eq!(node.get_balance(FRIEND).await.unwrap(), U256::ONE);
    let refused = node.send_transaction(transfer(FRIEND, 1)).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("takes no transactions"), "{refused}");
    first.kill().await.unwrap();

    // It goes on where it was.
    pay(&l2).await;
    let again = follow().await;
    let node = meet(&l2, &again).await.unwrap();
    assert_eq!(node.get_balance(FRIEND).await.unwrap(), U256::from(2));
    again.kill().await.unwrap();

    refuses(own.path(), &devnet.l2, &deployment, "the rollup is on").await;
    refuses(
        own.path(),
        "http://127.0.0.1:1",
        &deployment,
        "no L1 answers at http://127.0.0.1:1",
    )
    .await;
    let missing = data.path().join("missing.json");
    refuses(own.path(), &devnet.l1, &missing, "missing.json").await;
    refuses_what_is_not_true(&devnet, own.path(), &deployment).await;
    // The devnet's own directories.
    for (dir, sentence) in [
        (data.path().to_path_buf(), "is a devnet's data directory"),
        (data.path().join("node"), "is a sequencer's data directory"),
    ] {
        refuses(&dir, &devnet.l1, &deployment, sentence).await;
    }
    devnet.kill().await.unwrap();
}

/// A deployment file in which one value was changed is refused before anything is read.
async fn refuses_what_is_not_true(devnet: &Devnet, data_dir: &Path, deployment: &Path) {
    let dir = tempfile::tempdir().unwrap();
    let other = "\"0x00000000000000000000000000000000000000aa\"";
    let root = format!("\"0x{}\"", "ab".repeat(32));
    for (name, value, sentence) in [
        // The operator sets the prices on L2: genesis names it.
        ("operator", other, "of its genesis is"),
        ("registry", other, "no code at"),
        ("l2ChainId", "7", "of its genesis is"),
        ("blockHash", &root, "the block hash of its genesis is"),
        ("stateRoot", &root, "the state root of its genesis is"),
        ("drawLagBlocks", "77", "the rollup's law is 0x"),
        ("block", "1000000", "they were there before"),
        ("block", "0", "they were not there yet"),
    ] {
        let text = std::fs::read_to_string(deployment).unwrap();
        let file = dir.path().join("changed.json");
        std::fs::write(&file, changed(&text, name, value)).unwrap();
        refuses(data_dir, &devnet.l1, &file, sentence).await;
    }
}

/// The file with another value for the field of this name. Not through a JSON value, which would round amounts of SCR.
fn changed(file: &str, name: &str, value: &str) -> String {
    let field = format!("\"{name}\": ");
    let lines = file
        .lines()
        .map(|line| match line.trim().strip_prefix(&field) {
            Some(old) if old.ends_with(',') => format!("{field}{value},"),
            Some(_) => format!("{field}{value}"),
            None => line.to_owned(),
        });
    let changed: String = lines.collect();
    assert_ne!(changed, file.lines().collect::<String>(), "no field {name}");
    changed
}

async fn refuses(data_dir: &Path, l1: &str, deployment: &Path, sentence: &str) {
    let command = replica(data_dir, l1, deployment).unwrap();
    let ended = run(command).await.unwrap();
    assert!(!ended.success);
    assert!(ended.said.contains(sentence), "{}", ended.said);
}
