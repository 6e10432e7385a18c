//! A load on the embedded L1, and what the chain then holds.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::Path};

use alloy::{
    consensus::Transaction as _,
    network::TransactionResponse,
    providers::{DynProvider, Provider},
};
use alloy_primitives::{Address, B256, U256};
use clap::Parser;
use rollmill_l1::contracts::ExampleToken;
use rollmill_runtime::{Shutdown, Tasks};
use tempfile::TempDir;

use super::{Args, TOKENS_EACH, keys, measure, report::Report};
use crate::devnet::{accounts::Role, embedded_l1, ports::localhost};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: Args,
}

/// Writes a secret that only its owner can read.
pub(super) fn write_key(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn args(url: &str, more: &[&str]) -> Args {
    let flags = [&["load", "--rpc", url], more].concat();
    Cli::try_parse_from(flags).unwrap().args
}

struct L1 {
    url: String,
    provider: DynProvider,
    shutdown: Shutdown,
    tasks: Tasks,
    _dir: TempDir,
}

impl L1 {
    async fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let shutdown = Shutdown::new();
        let mut tasks = Tasks::new(shutdown.clone());
        let data = dir.path().to_path_buf();
        let url = embedded_l1::start(localhost(0), data, &mut tasks)
            .await
            .unwrap();
        Self {
            provider: rollmill_l1::connect(&url).unwrap(),
            url,
            shutdown,
            tasks,
            _dir: dir,
        }
    }

    async fn load(&self, more: &[&str]) -> eyre::Result<Report> {
        let (report, outcome) = measure(args(&self.url, more), &Shutdown::new()).await?;
        outcome.map(|()| report)
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.tasks.join().await.unwrap();
    }

    /// (sender, nonce) -> (recipient, wei) of every transaction; fails if one is there twice.
    async fn transactions(&self) -> BTreeMap<(Address, u64), (Option<Address>, U256)> {
        let mut all = BTreeMap::new();
        for number in 0..=self.provider.get_block_number().await.unwrap() {
            let block = self.provider.get_block_by_number(number.into()).full();
            for transaction in block.await.unwrap().unwrap().transactions.txns() {
                let key = (transaction.from(), transaction.nonce());
                let value = (transaction.to(), transaction.value());
                assert_eq!(all.insert(key, value), None);
            }
        }
        all
    }
}

fn sender(seed: &str, index: u32) -> Address {
    keys::sender(&Role::Load.signer().unwrap(), seed, index).address()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_accepted_transfer_is_in_the_chain_exactly_once() {
    let l1 = L1::start().await;
    let flags = ["--count", "200", "--senders", "7", "--batch", "5"];
    let report = l1
        .load(&[&flags[..], &["--probes", "0"]].concat())
        .await
        .unwrap();
    assert_eq!(
        (report.submitted, report.accepted, report.included),
        (200, 200, 200)
    );
    assert_eq!((report.missing, report.failed), (0, Some(0)));
    assert!(report.refused.is_empty(), "{:?}", report.refused);
    assert_eq!(report.inclusion_ms.unwrap().samples, 200);
    assert_eq!(report.submit_ms.unwrap().samples, 200);
    assert_eq!(report.confirmation_ms, None);

    let transactions = l1.transactions().await;
    // 200 = 4 x 29 + 3 x 28.
    for index in 0..7 {
        let share = if index < 4 { 29 } else { 28 };
        let address = sender("1", index);
        let recipient = sender("1", (index + 1) % 7);
        for nonce in 0..share {
            let expected = (Some(recipient), U256::ONE);
            assert_eq!(transactions[&(address, nonce)], expected);
        }
        assert!(!transactions.contains_key(&(address, share)));
    }

    // Again with the same senders: their nonces go on.
    let again = ["--count", "7", "--senders", "7", "--probes", "0"];
    assert_eq!(l1.load(&again).await.unwrap().included, 7);
    let next = l1.provider.get_transaction_count(sender("1", 0));
    assert_eq!(next.await.unwrap(), 30);
    l1.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_arrive() {
    let l1 = L1::start().await;
    let flags = ["--kind", "erc20", "--count", "100", "--senders", "3"];
    let report = l1
        .load(&[&flags[..], &["--seed", "tokens", "--probes", "0"]].concat())
        .await
        .unwrap();
    assert_eq!((report.included, report.failed), (100, Some(0)));
    let token = ExampleToken::new(report.token.unwrap(), l1.provider.clone());
    // 34, 33 and 33 sent, each to the next.
    for (index, change) in [(0, -1), (1, 1), (2, 0)] {
        let owner = sender("tokens", index);
        let balance = token.balanceOf(owner).call().await.unwrap();
        let expected = i128::from(TOKENS_EACH) + change;
        assert_eq!(balance, U256::from(expected.unsigned_abs()));
    }
    l1.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_is_kept_to_and_probes_wait_beside_it() {
    let l1 = L1::start().await;
    let flags = ["--rate", "100", "--duration", "1", "--senders", "4"];
    let report = l1.load(&flags).await.unwrap();
    assert!(report.submitted <= 100, "{}", report.submitted);
    assert_eq!(report.included, report.accepted);
    assert!(report.confirmation_ms.unwrap().samples > 0);
    l1.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_load_says_what_it_has() {
    let l1 = L1::start().await;
    let shutdown = Shutdown::new();
    let (stop, provider) = (shutdown.clone(), l1.provider.clone());
    let watching = tokio::spawn(async move {
        let mut looks = tokio::time::interval(std::time::Duration::from_millis(20));
        while provider
            .get_transaction_count(sender("1", 0))
            .await
            .unwrap()
            < 5
        {
            looks.tick().await;
        }
        stop.cancel();
    });
    let args = args(&l1.url, &["--duration", "600", "--senders", "2"]);
    let (report, outcome) = measure(args, &shutdown).await.unwrap();
    watching.await.unwrap();
    outcome.unwrap();
    assert!(report.interrupted);
    assert!(report.accepted >= 5, "{}", report.accepted);
    assert!(
        serde_json::to_string(&report)
            .unwrap()
            .contains("inclusionMs")
    );
    assert!(report.to_string().contains("included per second"));
    l1.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_begun_is_refused_with_its_reason() {
    let l1 = L1::start().await;
    let refusal = async |more: &[&str]| format!("{:#}", l1.load(more).await.unwrap_err());

    let file = l1._dir.path().join("key");
    write_key(&file, &B256::repeat_byte(3).to_string());
    let poor = refusal(&["--funder-key-file", file.to_str().unwrap()]).await;
    assert!(poor.contains("has 0 ether"), "{poor}");
    assert!(poor.contains("on chain 1337001"), "{poor}");
    let cheap = refusal(&["--max-fee", "1"]).await;
    assert!(cheap.contains("max fee per gas less than"), "{cheap}");
    // Nothing was sent.
    assert!(l1.transactions().await.is_empty());

    let nowhere = args("http://127.0.0.1:1", &[]);
    let error = measure(nowhere, &Shutdown::new()).await.unwrap_err();
    let error = format!("{error:#}");
    assert!(error.contains("http://127.0.0.1:1"), "{error}");
    let no_url = measure(args("nowhere", &[]), &Shutdown::new()).await;
    assert!(no_url.unwrap_err().to_string().contains("is no URL"));
    l1.stop().await;
}
