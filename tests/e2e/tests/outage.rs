//! An L1 that does not answer for a while: L2 goes on confirming, and what it did meanwhile is settled afterwards.

#![allow(clippy::unwrap_used, missing_docs)]

use std::fs::File;

use alloy::{
    eips::BlockNumberOrTag,
    primitives::{Address, U256},
    providers::Provider,
};
use rollmill_e2e::{
    Anvil, Devnet, devnet,
    proxy::{self, Line},
    until,
    user::{funded, transfer},
};
use tokio::sync::watch;

/// Transactions while L1 is down, each in a block of its own.
const TRANSACTIONS: u64 = 3;

#[tokio::test]
async fn l2_goes_on_while_l1_is_down_and_settles_afterwards() {
    let friend = Address::repeat_byte(0xf1);
    let anvil = Anvil::start().await.unwrap();
    let upstream = anvil.url.strip_prefix("http://").unwrap().to_owned();
    let (line, is_line) = watch::channel(Line::Open);
    let l1 = proxy::line(upstream, is_line).await.unwrap();
    let l1 = format!("http://{l1}");
    let data = tempfile::tempdir().unwrap();
    let args = [
        "--proofs",
        "mock",
        "--rollers",
        "1",
        "--k",
        "1",
        "--batch-age",
        "1",
        "--l1-rpc",
        &l1,
    ];
    let mut command = devnet(data.path(), &args).unwrap();
    let said = data.path().join("said.txt");
    command.stderr(File::create(&said).unwrap());
    let running = Devnet::from_command(command, data.path()).await.unwrap();
    let l2 = funded(&running).await.unwrap();

    line.send_replace(Line::Cut);
    let mut last = 0;
    for _ in 0..TRANSACTIONS {
        let sent = l2.send_transaction(transfer(friend, 1)).await.unwrap();
        let receipt = sent.get_receipt().await.unwrap();
        last = receipt.block_number.unwrap();
    }
    let paid = l2.get_balance(friend).await.unwrap();
    assert_eq!(paid, U256::from(TRANSACTIONS));
    until("the node to say that L1 is down", async || {
        let said = std::fs::read_to_string(&said)?;
        Ok(said.contains("L1 does not answer").then_some(()))
    })
    .await
    .unwrap();
    let settled = async || l2.get_block_by_number(BlockNumberOrTag::Finalized).await;
    let before = settled().await.unwrap().unwrap();
    assert!(before.header.number < last);

    line.send_replace(Line::Open);
    until("the blocks of the outage to be settled", async || {
        let settled = settled().await?;
        Ok(settled.filter(|settled| settled.header.number >= last))
    })
    .await
    .unwrap();
    running.kill().await.unwrap();
}
