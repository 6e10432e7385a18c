//! The product, run as its users run it.

#![allow(clippy::unwrap_used, missing_docs)]

use alloy::{
    eips::BlockNumberOrTag,
    network::{EthereumWallet, ReceiptResponse, TransactionBuilder},
    primitives::{Address, Bytes, U256, utils::parse_ether},
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::types::TransactionRequest,
    signers::local::{MnemonicBuilder, PrivateKeySigner, coins_bip39::English},
    sol,
};
use rollmill_e2e::{Anvil, Devnet, once, until};
use serde_json::Value;

sol! {
    #[sol(rpc)]
    interface IRollup {
        function sendMessage(address to, uint64 gasLimit, bytes calldata data) external payable;
    }
}

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

#[tokio::test]
async fn a_real_proof_settles_on_the_embedded_l1() {
    let data = tempfile::tempdir().unwrap();
    let args = [
        "--proofs",
        "stark",
        "--rollers",
        "1",
        "--k",
        "1",
        "--rounds",
        "1",
    ];
    let report = once(data.path(), &args).await.unwrap();
    assert_eq!(report["proofs"], "stark");
    assert_eq!(report["withdrawal"]["finalized"], true);
    let seats = report["seats"].as_array().unwrap();
    let proved = seats
        .iter()
        .find(|seat| seat["verdict"] == "valid")
        .unwrap();
    assert!(
        proved["proof_bytes"].as_u64().unwrap() > 100_000,
        "{proved}"
    );
    assert!(report["batches"][0]["instructions"].as_u64().unwrap() > 100_000);
    for settlement in report["settlements"].as_array().unwrap() {
        assert_eq!(settlement["state_root_l1"], settlement["state_root_l2"]);
    }
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

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_whole_devnet_is_killed() {
    let data = tempfile::tempdir().unwrap();
    let friend = Address::repeat_byte(0xf1);
    let before = Devnet::start(data.path(), &["--proofs", "mock"])
        .await
        .unwrap();
    let rollup = IRollup::new(before.rollup.parse().unwrap(), wallet(&before.l1));
    let deposit = rollup.sendMessage(user().address(), 100_000, Bytes::new());
    deposit
        .value(parse_ether("1").unwrap())
        .send()
        .await
        .unwrap()
        .get_receipt()
        .await
        .unwrap();
    let l2 = wallet(&before.l2);
    until("the deposit to arrive", async || {
        Ok((!l2.get_balance(user().address()).await?.is_zero()).then_some(()))
    })
    .await
    .unwrap();
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
        let settled = l2.get_block_by_number(BlockNumberOrTag::Finalized).await?;
        Ok(settled
            .is_some_and(|settled| settled.header.number >= block)
            .then_some(()))
    })
    .await
    .unwrap();
    after.kill().await.unwrap();
}
