//! Stopping, being killed, and going on.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use alloy::{primitives::U256, providers::Provider, rpc::types::TransactionRequest};
use rollmill_devl1::{DevL1, DevL1Config, StartError};
use rollmill_engine::OpenError;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::{
    contracts::LOGGER,
    harness::{NEVER, account, config, provider, start, start_in},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_everything_and_goes_on() {
    let node = start().await;
    let logger = node.deploy(&LOGGER).await;
    let receipt = node.send(TransactionRequest::default().to(logger)).await;
    let head = node.latest().await;
    let dir = node.stop().await;

    let config = config(&dir);
    let node = start_in(dir, config).await;
    assert_eq!(node.latest().await, head);
    assert_eq!(
        node.provider
            .get_transaction_receipt(receipt.transaction_hash)
            .await
            .unwrap(),
        Some(receipt.clone())
    );
    assert_eq!(node.provider.get_code_at(logger).await.unwrap(), LOGGER);
    let filter = alloy::rpc::types::Filter::new()
        .address(logger)
        .from_block(0);
    assert_eq!(
        node.provider.get_logs(&filter).await.unwrap(),
        receipt.inner.logs()
    );
    let next = node.send(TransactionRequest::default().to(logger)).await;
    assert_eq!(next.block_number, Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_and_another_chain_are_refused_with_a_sentence() {
    let node = start().await;
    let refused = |config: DevL1Config| async {
        let error = DevL1::start(config, CancellationToken::new())
            .await
            .unwrap_err();
        let StartError::Open(error) = error else {
            panic!("{error}")
        };
        error
    };
    let error = refused(config(&node.dir)).await;
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("another process is running on this data directory")
    );
    let dir = node.stop().await;
    let error = refused(DevL1Config {
        chain_id: 5,
        ..config(&dir)
    })
    .await;
    assert!(matches!(error, OpenError::Genesis { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_refused_with_a_sentence() {
    let node = start().await;
    let dir = TempDir::new().unwrap();
    let config = DevL1Config {
        listen: node.node.address(),
        ..config(&dir)
    };
    let error = DevL1::start(config, CancellationToken::new())
        .await
        .unwrap_err();
    assert!(matches!(error, StartError::Serve(_)));
    assert!(
        error.to_string().starts_with("cannot listen on 127.0.0.1:"),
        "{error}"
    );
}

/// Directory for [`the_process_that_is_killed`]; without it that test has nothing to do.
const VICTIM_DIR: &str = "ROLLMILL_DEVL1_VICTIM_DIR";

#[tokio::test(flavor = "multi_thread")]
async fn after_kill_9_every_receipt_that_was_shown_is_there() {
    let dir = TempDir::new().unwrap();
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "durability::the_process_that_is_killed",
            "--nocapture",
        ])
        .env(VICTIM_DIR, dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let url = lines
        .map_while(Result::ok)
        .find_map(|line| Some(line.split_once("listening on ")?.1.to_owned()));
    let client = provider(&url.unwrap(), 0);
    let mut shown = Vec::new();
    for _ in 0..5 {
        let request = TransactionRequest::default()
            .to(account(1))
            .value(U256::from(1));
        shown.push(
            client
                .send_transaction(request)
                .await
                .unwrap()
                .get_receipt()
                .await
                .unwrap(),
        );
    }
    victim.kill().unwrap();
    victim.wait().unwrap();

    let config = config(&dir);
    let node = start_in(dir, config).await;
    for receipt in shown {
        let found = node
            .provider
            .get_transaction_receipt(receipt.transaction_hash)
            .await
            .unwrap();
        assert_eq!(found, Some(receipt));
    }
    let next = node
        .send(TransactionRequest::default().to(account(1)))
        .await;
    assert_eq!(next.block_number, Some(6));
}

/// Not a test by itself: what [`after_kill_9_every_receipt_that_was_shown_is_there`] runs and kills.
#[tokio::test(flavor = "multi_thread")]
async fn the_process_that_is_killed() {
    let Some(dir) = std::env::var_os(VICTIM_DIR) else {
        return;
    };
    let config = DevL1Config {
        listen: ([127, 0, 0, 1], 0).into(),
        block_time: NEVER,
        ..DevL1Config::in_dir(dir)
    };
    let node = DevL1::start(config, CancellationToken::new())
        .await
        .unwrap();
    println!("listening on {}", node.url());
    node.stopped().await.unwrap();
}
