//! The product, run as its users run it.

#![allow(clippy::unwrap_used, missing_docs)]

use std::time::Duration;

use alloy::{
    eips::BlockNumberOrTag,
    network::{EthereumWallet, ReceiptResponse, TransactionBuilder},
    primitives::{Address, Bytes, U256, utils::parse_ether},
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::types::{Block, TransactionRequest},
    signers::local::{MnemonicBuilder, PrivateKeySigner, coins_bip39::English},
    sol,
};
use rollmill_e2e::{Anvil, Devnet, once, until, until_within};
use serde_json::Value;

sol! {
    #[sol(rpc)]
    interface IRollup {
        function sendMessage(address to, uint64 gasLimit, bytes calldata data) external payable;
        function settledBatch() external view returns (uint64);
        function stateRoot() external view returns (bytes32);
    }
}

/// Minutes on two idle cores, and no more than this on busy ones.
const PROVING: Duration = Duration::from_secs(3_600);

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
    assert!(
        verdicts.contains(&"missed"),
        "the killed roller's seat did not end: {verdicts:?}"
    );
    assert_eq!(report["fines"].as_array().unwrap().len(), 1);
    assert_ne!(report["fines"][0]["scr_wei"], "0");
    let claimed = report["rewards"]
        .as_array()
        .unwrap()
        .iter()
        .any(|reward| reward["claimed_wei"] != "0");
    assert!(claimed, "no winner claimed its reward");
}

#[tokio::test]
async fn mock_rounds_on_the_embedded_l1() {
    let data = tempfile::tempdir().unwrap();
    let report = once(data.path(), &["--proofs", "mock"]).await.unwrap();
    assert_eq!(report["l1"], "embedded");
    assert_both_rounds(&report);
}

#[tokio::test]
async fn mock_rounds_on_anvil() {
    let anvil = Anvil::start().await.unwrap();
    let data = tempfile::tempdir().unwrap();
    let report = once(data.path(), &["--proofs", "mock", "--l1-rpc", &anvil.url])
        .await
        .unwrap();
    assert_eq!(report["l1"], anvil.url.as_str());
    assert_both_rounds(&report);
}

/// An account of the well-known mnemonic that no part of the devnet uses for itself.
fn user() -> PrivateKeySigner {
    let phrase = "test test test test test test test test test test test junk";
    let builder = MnemonicBuilder::<English>::default().phrase(phrase);
    builder.index(9).unwrap().build().unwrap()
}

fn wallet(url: &str) -> DynProvider {
    let wallet = EthereumWallet::from(user());
    let provider = ProviderBuilder::new().wallet(wallet);
    provider.connect_http(url.parse().unwrap()).erased()
}

fn transfer(to: Address, wei: u64) -> TransactionRequest {
    TransactionRequest::default()
        .with_to(to)
        .with_value(U256::from(wei))
}

/// The user's wallet on L2, after a deposit has filled it.
async fn funded(devnet: &Devnet) -> DynProvider {
    let rollup = IRollup::new(devnet.rollup.parse().unwrap(), wallet(&devnet.l1));
    let deposit = rollup.sendMessage(user().address(), 100_000, Bytes::new());
    let deposit = deposit.value(parse_ether("1").unwrap());
    let sent = deposit.send().await.unwrap();
    sent.get_receipt().await.unwrap();
    let l2 = wallet(&devnet.l2);
    until("the deposit to arrive", async || {
        Ok((!l2.get_balance(user().address()).await?.is_zero()).then_some(()))
    })
    .await
    .unwrap();
    l2
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
    let l2 = funded(&devnet).await;
    let friend = Address::repeat_byte(0xf2);
    let sent = l2.send_transaction(transfer(friend, 1)).await.unwrap();
    let block = sent.get_receipt().await.unwrap().block_number().unwrap();
    let proved = until_within(PROVING, "the block to be settled", async || {
        settled(&l2, block).await
    })
    .await
    .unwrap();
    let rollup = IRollup::new(devnet.rollup.parse().unwrap(), wallet(&devnet.l1));
    assert!(rollup.settledBatch().call().await.unwrap() >= 1);
    assert_eq!(
        rollup.stateRoot().call().await.unwrap(),
        proved.header.state_root
    );
    devnet.kill().await.unwrap();
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_whole_devnet_is_killed() {
    let data = tempfile::tempdir().unwrap();
    let friend = Address::repeat_byte(0xf1);
    let before = Devnet::start(data.path(), &["--proofs", "mock"])
        .await
        .unwrap();
    let l2 = funded(&before).await;
    let included = l2.send_transaction(transfer(friend, 1)).await.unwrap();
    let included = included.get_receipt().await.unwrap();
    // Acknowledged by its hash alone, and then the power goes.
    let acknowledged = l2.send_transaction(transfer(friend, 2)).await.unwrap();
    let acknowledged = *acknowledged.tx_hash();
    before.kill().await.unwrap();

    let after = Devnet::start(data.path(), &["--proofs", "mock"])
        .await
        .unwrap();
    let l2 = wallet(&after.l2);
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
