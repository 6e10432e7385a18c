//! A batch that no roller proves: the operator's own prover does, and L1 settles it unpaid when the time for that has come.

#![allow(clippy::unwrap_used, missing_docs)]

use alloy::{primitives::Address, providers::Provider};
use rollmill_e2e::{
    Devnet, kill, until,
    user::{account, funded, rollup, transfer, wallet},
};

/// L1's time after a commit from which anybody may settle a batch without entries, seconds (mock proofs).
const FALLBACK_S: u64 = 120;

#[tokio::test]
async fn a_devnet_without_rollers_goes_on_by_the_fallback() {
    let data = tempfile::tempdir().unwrap();
    let args = ["--proofs", "mock", "--rollers", "1", "--k", "1"];
    let args = [&args[..], &["--batch-age", "1"]].concat();
    let devnet = Devnet::start(data.path(), &args).await.unwrap();
    let l2 = funded(&devnet).await.unwrap();
    let rollup = rollup(&devnet).unwrap();
    until("the roller's settlement", async || {
        Ok((rollup.settledBatch().call().await? >= 1).then_some(()))
    })
    .await
    .unwrap();

    let roller = devnet.children().await.unwrap()[0];
    kill("-KILL", &roller.to_string()).await.unwrap();
    let before = rollup.committedBatch().call().await.unwrap();
    let sent = l2.send_transaction(transfer(Address::repeat_byte(0xf1), 1));
    sent.await.unwrap().get_receipt().await.unwrap();
    until("the commit", async || {
        let committed = rollup.committedBatch().call().await?;
        Ok((committed > before).then_some(()))
    })
    .await
    .unwrap();
    let log = data.path().join("logs/fallback.log");
    until("the fallback's proof", async || {
        let said = std::fs::read_to_string(&log)?;
        Ok(said.contains("accepted").then_some(()))
    })
    .await
    .unwrap();
    // Each block is a second later than the one before at least.
    let l1 = wallet(&devnet.l1).unwrap();
    let own = account(rollmill_e2e::user::USER).unwrap().address();
    for _ in 0..=FALLBACK_S {
        let sent = l1.send_transaction(transfer(own, 0)).await;
        assert!(sent.is_ok(), "{sent:?}");
    }
    until("the unpaid settlement", async || {
        let settled = rollup.settledBatch().call().await?;
        Ok((settled > before).then_some(()))
    })
    .await
    .unwrap();
    devnet.kill().await.unwrap();
}
