//! `kill -9` of a whole devnet at random points under load, again and again: nothing that was acknowledged is lost, no sealed
//! block changes, and L1 alone leads to the same chain afterwards. A disk that takes no more ends it as well, and it says so.
//!
//! `ROLLMILL_KILLS` is how often (5), `ROLLMILL_SEED` where (1): `cargo xtask kills`.

#![allow(clippy::unwrap_used, missing_docs)]

use std::{fs::File, path::Path, process::Stdio, str::FromStr};

use alloy::{
    eips::{BlockNumberOrTag, Encodable2718},
    network::{EthereumWallet, NetworkTransactionBuilder, TransactionBuilder},
    primitives::{Address, B256, Bytes, U256, keccak256},
    providers::{DynProvider, Provider},
    signers::local::PrivateKeySigner,
};
use eyre::{WrapErr, ensure};
use rollmill_e2e::{
    Devnet, Replica, devnet, until,
    user::{USER, account, funded, meet, transfer, wallet},
};
use tokio::{process::Command, sync::watch};

const FRIEND: Address = Address::repeat_byte(0xf1);
/// Most transactions between two kills.
const LOAD_MAX: u64 = 200;
/// Transactions of one account that the pool keeps.
const WAITING_MAX: u64 = 16;
/// Largest file of the small disk, in bytes: a little more than L1 has after the contracts are deployed.
const FILE_BYTES_MAX: u64 = 12 << 20;
/// Zeros in each transaction that fills it.
const FILL_BYTES: usize = 32 << 10;
/// The node's own failure, by JSON-RPC.
const INTERNAL_ERROR: i64 = -32603;
/// A block is looked at, to be compared after the kill, once in so many transactions.
const LOOK_EVERY: u64 = 8;

/// What the user was told, and must find again.
#[derive(Default)]
struct Told {
    /// Hash of each transaction that was acknowledged, by nonce; the last may have been sent without an answer.
    transactions: Vec<B256>,
    /// The newest sealed block.
    block: Option<(u64, B256)>,
}

struct User {
    signer: PrivateKeySigner,
    chain_id: u64,
    /// Nonce of its first transaction; the deposit has used those before.
    first: u64,
    /// Zeros that every transaction carries.
    data_bytes: usize,
}

impl User {
    async fn new(l2: &DynProvider, data_bytes: usize) -> eyre::Result<Self> {
        let signer = account(USER)?;
        Ok(Self {
            chain_id: l2.get_chain_id().await?,
            first: l2.get_transaction_count(signer.address()).await?,
            signer,
            data_bytes,
        })
    }

    /// The `index`-th transfer of one wei: the same bytes whenever it is asked for.
    async fn signed(&self, index: usize) -> eyre::Result<(B256, Bytes)> {
        let wallet = EthereumWallet::from(self.signer.clone());
        let request = transfer(FRIEND, 1)
            .with_chain_id(self.chain_id)
            .with_nonce(self.first + index as u64)
            .with_input(vec![0; self.data_bytes])
            .with_gas_limit(21_000 + 10 * self.data_bytes as u64)
            .with_max_fee_per_gas(2_000_000_000)
            .with_max_priority_fee_per_gas(1);
        let signed = request.build(&wallet).await?;
        Ok((*signed.tx_hash(), signed.encoded_2718().into()))
    }

    /// Sends one transaction after the other until the node does not answer; says after each how many were acknowledged.
    async fn load(&self, l2: &DynProvider, told: &mut Told, count: &watch::Sender<u64>) {
        let mut acknowledged = 0;
        loop {
            let (hash, raw) = self.signed(told.transactions.len()).await.unwrap();
            match l2.send_raw_transaction(&raw).await {
                Ok(sent) => assert_eq!(*sent.tx_hash(), hash),
                Err(error) => match error.as_error_resp() {
                    // More than may wait for one account: the disk is slower than the load.
                    Some(refused) if refused.message.starts_with("nonce too high") => {
                        if self.room(l2, told).await.is_err() {
                            return;
                        }
                        continue;
                    }
                    Some(refused) if refused.code == INTERNAL_ERROR => return,
                    Some(refused) => panic!("the node refuses: {refused:?}"),
                    None => return,
                },
            }
            told.transactions.push(hash);
            acknowledged += 1;
            if acknowledged % LOOK_EVERY == 0
                && let Ok(Some(block)) = l2.get_block_by_number(BlockNumberOrTag::Latest).await
            {
                told.block = Some((block.header.number, block.header.hash));
            }
            count.send_replace(acknowledged);
        }
    }

    /// Waits until all but the last few transactions are confirmed.
    async fn room(&self, l2: &DynProvider, told: &Told) -> eyre::Result<()> {
        let sent = self.first + told.transactions.len() as u64;
        until("room in the pool", async || {
            let confirmed = l2.get_transaction_count(self.signer.address()).await?;
            Ok((sent < confirmed + WAITING_MAX).then_some(()))
        })
        .await
    }

    /// After a restart: what was told still holds. The last transaction may have arrived without an answer.
    async fn check(&self, l2: &DynProvider, told: &mut Told) -> eyre::Result<()> {
        let pending = l2
            .get_transaction_count(self.signer.address())
            .pending()
            .await?;
        let (pending, known) = (pending - self.first, told.transactions.len());
        ensure!(
            pending == known as u64 || pending == known as u64 + 1,
            "{known} transactions were acknowledged, and the node knows {pending}"
        );
        if pending > known as u64 {
            told.transactions.push(self.signed(known).await?.0);
        }
        let Some((number, hash)) = told.block else {
            return Ok(());
        };
        let block = l2.get_block_by_number(number.into()).await?;
        let found = block.map(|block| block.header.hash);
        ensure!(
            found == Some(hash),
            "block {number} was {hash} and is {found:?}"
        );
        Ok(())
    }
}

/// Of the devnet, which starts from the same data each time, and forgets states as early as it may.
const ARGS: [&str; 10] = [
    "--proofs",
    "mock",
    "--rollers",
    "1",
    "--k",
    "1",
    "--batch-age",
    "1",
    "--history",
    "1",
];

/// Every transaction is in the chain once, and its money has arrived.
async fn assert_included(l2: &DynProvider, told: &Told) -> eyre::Result<()> {
    let all = U256::from(told.transactions.len());
    until("all transactions to be included", async || {
        Ok((l2.get_balance(FRIEND).await? >= all).then_some(()))
    })
    .await?;
    let mut newest = 0;
    for hash in &told.transactions {
        // The balance is the open block's; a receipt is there when it is sealed.
        let receipt = until("a receipt", async || {
            Ok(l2.get_transaction_receipt(*hash).await?)
        })
        .await
        .wrap_err_with(|| format!("{hash} has no receipt"))?;
        ensure!(receipt.status(), "{hash} failed");
        newest = newest.max(receipt.block_number.unwrap_or_default());
    }
    ensure!(l2.get_balance(FRIEND).await? == all, "money of nobody");
    until("the last block to be settled", async || {
        let settled = l2.get_block_by_number(BlockNumberOrTag::Finalized).await?;
        Ok(settled
            .filter(|settled| settled.header.number >= newest)
            .map(drop))
    })
    .await
}

fn setting(name: &str, default: u64) -> eyre::Result<u64> {
    match std::env::var(name) {
        Ok(value) => u64::from_str(&value).wrap_err_with(|| format!("{name}={value}")),
        Err(_) => Ok(default),
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_at_any_point() {
    let (times, seed) = (setting("ROLLMILL_KILLS", 5), setting("ROLLMILL_SEED", 1));
    let (times, seed) = (times.unwrap(), seed.unwrap());
    let data = tempfile::tempdir().unwrap();
    let mut devnet = Devnet::start(data.path(), &ARGS).await.unwrap();
    let mut l2 = funded(&devnet).await.unwrap();
    let user = User::new(&l2, 0).await.unwrap();
    let mut told = Told::default();
    for kill in 0..times {
        let random = keccak256([seed.to_be_bytes(), kill.to_be_bytes()].concat());
        let after = U256::from_be_bytes(random.0) % U256::from(LOAD_MAX);
        let (count, mut seen) = watch::channel(0);
        let power_cut = async {
            seen.wait_for(|count| U256::from(*count) > after)
                .await
                .unwrap();
            devnet.kill().await.unwrap();
        };
        tokio::join!(user.load(&l2, &mut told, &count), power_cut);
        println!(
            "kill {} of {times}: {} acknowledged, newest block {:?}",
            kill + 1,
            told.transactions.len(),
            told.block
        );
        devnet = Devnet::start(data.path(), &ARGS).await.unwrap();
        l2 = wallet(&devnet.l2).unwrap();
        user.check(&l2, &mut told).await.unwrap();
    }
    assert_included(&l2, &told).await.unwrap();

    let own = tempfile::tempdir().unwrap();
    let deployment = data.path().join("deployment.json");
    let replica = Replica::start(own.path(), &devnet.l1, &deployment)
        .await
        .unwrap();
    meet(&l2, &replica).await.unwrap();
    replica.kill().await.unwrap();
    devnet.kill().await.unwrap();
}

/// A devnet none of whose files grows beyond [`FILE_BYTES_MAX`]; what it says goes to `said`.
async fn start_on_a_small_disk(data: &Path, said: File) -> eyre::Result<Devnet> {
    let unlimited = devnet(data, &ARGS)?;
    let unlimited = unlimited.as_std();
    let mut limited = Command::new("bash");
    let script = format!(
        "trap '' XFSZ; ulimit -f {}; exec \"$@\"",
        FILE_BYTES_MAX >> 10
    );
    limited
        .args(["-c", &script, "bash"])
        .arg(unlimited.get_program())
        .args(unlimited.get_args())
        .stdin(Stdio::null())
        .stderr(said)
        .kill_on_drop(true);
    Devnet::from_command(limited, data).await
}

#[tokio::test]
async fn a_full_disk_is_told_and_loses_nothing() {
    let data = tempfile::tempdir().unwrap();
    let said = data.path().join("said.txt");
    let small = start_on_a_small_disk(data.path(), File::create(&said).unwrap());
    let small = small.await.unwrap();
    let l2 = funded(&small).await.unwrap();
    let user = User::new(&l2, FILL_BYTES).await.unwrap();
    let mut told = Told::default();
    user.load(&l2, &mut told, &watch::channel(0).0).await;
    assert!(!small.ends().await.unwrap());
    let said = std::fs::read_to_string(&said).unwrap();
    assert!(said.contains("File too large"), "{said}");

    let large = Devnet::start(data.path(), &ARGS).await.unwrap();
    let l2 = wallet(&large.l2).unwrap();
    user.check(&l2, &mut told).await.unwrap();
    assert_included(&l2, &told).await.unwrap();
    large.kill().await.unwrap();
}
