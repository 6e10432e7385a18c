//! A devnet that charges for data and proving: its node sets the prices, users pay them, and the batch is proven and settled.

#![allow(clippy::unwrap_used, missing_docs)]

use std::{path::Path, process::Stdio};

use alloy::{
    eips::BlockNumberOrTag,
    primitives::{Address, B256, Bytes, U256, address, utils::parse_ether},
    providers::{DynProvider, Provider},
};
use rollmill_e2e::{
    Devnet, Ended, program, run, until,
    user::{USER, account, funded, rollup, transfer},
};
use serde_json::{Value, json};
use tokio::process::Command;

const OPERATOR: u32 = 0;
/// The predeploy, and where it keeps both prices.
const FEE_SCHEDULE: Address = address!("0x0000000000000000000000000000000000524d05");
const PRICES_SLOT: U256 = U256::ZERO;
/// Of a devnet's price and one ticket for a task this is more than a price may be: it rises by steps.
const SCR_PRICE: &str = "0.0001";

async fn ask(l2: &DynProvider, method: &'static str, params: Value) -> Value {
    l2.raw_request(method.into(), params).await.unwrap()
}

fn quantity(value: &Value) -> U256 {
    value.as_str().unwrap().parse().unwrap()
}

/// `rollmill fees`, with the key of an account.
async fn fees(devnet: &Devnet, data: &Path, key: u32, args: &[&str]) -> Ended {
    let mut command = Command::new(program("rollmill").unwrap());
    command
        .args(["fees", "--scr-price", SCR_PRICE, "--json"])
        .args(["--l1-rpc", &devnet.l1, "--l2-rpc", &devnet.l2])
        .arg("--deployment")
        .arg(data.join("deployment.json"))
        .args(args)
        .env(
            "ROLLMILL_OPERATOR_KEY",
            account(key).unwrap().to_bytes().to_string(),
        )
        .stdin(Stdio::null())
        .kill_on_drop(true);
    run(command).await.unwrap()
}

async fn shown(devnet: &Devnet, data: &Path) -> Value {
    let said = fees(devnet, data, OPERATOR, &[]).await;
    assert!(said.success, "{}", said.said);
    serde_json::from_str(&said.said).unwrap()
}

/// A devnet whose node has set prices above zero. What it costs to set them the operator has brought to L2.
async fn priced(data: &Path) -> (Devnet, DynProvider) {
    let args = ["--proofs", "mock", "--rollers", "1", "--k", "1"];
    // Prices that have risen to the first step stay there for the length of a test.
    let follow = [
        "--fee-follow",
        "--scr-price",
        SCR_PRICE,
        "--fee-band",
        "50",
        "--batch-age",
        "1",
    ];
    let devnet = Devnet::start(data, &[&args[..], &follow].concat())
        .await
        .unwrap();
    let l2 = funded(&devnet).await.unwrap();
    let operator = account(OPERATOR).unwrap().address();
    let bridge = rollup(&devnet).unwrap();
    let deposit = bridge.sendMessage(operator, 100_000, Bytes::new());
    let sent = deposit.value(parse_ether("1").unwrap()).send().await;
    let receipt = sent.unwrap().get_receipt().await.unwrap();
    assert!(receipt.status());
    until("prices above zero", async || {
        let schedule = ask(&l2, "rollmill_getFeeSchedule", json!([])).await;
        let prices = ["l1GasPrice", "proverGasPrice"].map(|field| quantity(&schedule[field]));
        Ok(prices.iter().all(|price| !price.is_zero()).then_some(()))
    })
    .await
    .unwrap();
    // They are in force behind the block that sets them, which may still be open.
    until("that block to be sealed", async || {
        let head = l2.get_block_number().await?;
        let prices = l2.get_storage_at(FEE_SCHEDULE, PRICES_SLOT).number(head);
        Ok((!prices.await?.is_zero()).then_some(()))
    })
    .await
    .unwrap();
    (devnet, l2)
}

/// What a transaction paid, by its receipt; the same is what the sender misses, and what the node says.
async fn paid(l2: &DynProvider, hash: B256) -> U256 {
    let receipt = ask(l2, "eth_getTransactionReceipt", json!([hash])).await;
    let of = |field: &str| quantity(&receipt[field]);
    assert_eq!(of("l1Fee"), of("l1GasUsed") * of("l1GasPrice"));
    assert_eq!(of("provingFee"), of("proverGasUsed") * of("proverGasPrice"));
    assert!(!of("l1Fee").is_zero() && !of("provingFee").is_zero());
    let fees = ask(l2, "rollmill_getTransactionFees", json!([hash])).await;
    assert_eq!(quantity(&fees["l1DataFee"]), of("l1Fee"));
    assert_eq!(quantity(&fees["provingFee"]), of("provingFee"));
    let total = of("gasUsed") * of("effectiveGasPrice") + of("l1Fee") + of("provingFee");
    assert_eq!(quantity(&fees["total"]), total);
    total
}

#[tokio::test]
async fn users_pay_for_data_and_proving_and_the_batch_is_settled() {
    let data = tempfile::tempdir().unwrap();
    let (devnet, l2) = priced(data.path()).await;
    let user = account(USER).unwrap().address();
    let before = l2.get_balance(user).await.unwrap();
    let friend = Address::repeat_byte(0xf3);
    let sent = l2.send_transaction(transfer(friend, 7)).await.unwrap();
    let receipt = sent.get_receipt().await.unwrap();
    let total = paid(&l2, receipt.transaction_hash).await;
    let after = l2.get_balance(user).await.unwrap();
    assert_eq!(after, before - U256::from(7) - total);

    let block = receipt.block_number.unwrap();
    until("the block to be settled", async || {
        let settled = l2.get_block_by_number(BlockNumberOrTag::Finalized).await?;
        Ok(settled.filter(|settled| settled.header.number >= block))
    })
    .await
    .unwrap();

    // The verb says the same, and what is due: the operator's vault has gas and data, the rollers' has the proof.
    let fees_shown = shown(&devnet, data.path()).await;
    let schedule = ask(&l2, "rollmill_getFeeSchedule", json!([])).await;
    for (shown, asked) in [("dataWei", "l1GasPrice"), ("provingWei", "proverGasPrice")] {
        assert_eq!(
            quantity(&fees_shown["inForce"][shown]),
            quantity(&schedule[asked])
        );
    }
    let proofs = ask(
        &l2,
        "eth_getTransactionReceipt",
        json!([receipt.transaction_hash]),
    )
    .await;
    assert_eq!(
        quantity(&fees_shown["vaults"]["proofsWei"]),
        quantity(&proofs["provingFee"])
    );
    assert_eq!(fees_shown["auction"]["lotWei"], "0");
    devnet.kill().await.unwrap();
}

#[tokio::test]
async fn prices_are_set_by_hand_within_what_the_schedule_takes() {
    let data = tempfile::tempdir().unwrap();
    let (devnet, l2) = priced(data.path()).await;
    let set = ["set", "--data-wei", "5", "--proving-wei", "7"];
    let stranger = fees(&devnet, data.path(), USER, &set).await;
    assert!(!stranger.success);
    assert!(
        stranger.said.contains("the rollup's operator is"),
        "{}",
        stranger.said
    );
    let dear = ["set", "--data-wei", "1000000000001", "--proving-wei", "7"];
    let dear = fees(&devnet, data.path(), OPERATOR, &dear).await;
    assert!(
        !dear.success && dear.said.contains("TooHigh"),
        "{}",
        dear.said
    );
    let half = fees(&devnet, data.path(), OPERATOR, &["set", "--data-wei", "5"]).await;
    assert!(
        !half.success && half.said.contains("--proving-wei"),
        "{}",
        half.said
    );

    let done = fees(&devnet, data.path(), OPERATOR, &set).await;
    assert!(done.success, "{}", done.said);
    let said: Value = serde_json::from_str(&done.said).unwrap();
    assert_eq!(said["set"], json!({"dataWei": "5", "provingWei": "7"}));
    let schedule = ask(&l2, "rollmill_getFeeSchedule", json!([])).await;
    assert_eq!(quantity(&schedule["l1GasPrice"]), U256::from(5));
    assert_eq!(quantity(&schedule["proverGasPrice"]), U256::from(7));
    // They have just risen: the node waits, and so does the verb without numbers.
    let early = fees(&devnet, data.path(), OPERATOR, &["set"]).await;
    assert!(
        !early.success && early.said.contains("no step"),
        "{}",
        early.said
    );
    devnet.kill().await.unwrap();
}
