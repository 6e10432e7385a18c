//! A running chain and its clients.

use std::time::Duration;

use alloy::{
    consensus::{Header, Sealed},
    eips::BlockNumberOrTag,
    network::EthereumWallet,
    primitives::{Address, Bytes},
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::types::{TransactionReceipt, TransactionRequest},
    signers::local::{MnemonicBuilder, PrivateKeySigner},
};
use rollmill_devl1::{DevL1, DevL1Config};
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::contracts::deploying;

const MNEMONIC: &str = "test test test test test test test test test test test junk";

/// No interval block comes by itself within a test.
pub const NEVER: Duration = Duration::from_secs(3_600);

pub struct Running {
    pub node: DevL1,
    pub shutdown: CancellationToken,
    pub dir: TempDir,
    /// Signs for account 0.
    pub provider: DynProvider,
}

/// A configuration on a free port, in a fresh directory, that mines on transactions alone.
pub fn config(dir: &TempDir) -> DevL1Config {
    DevL1Config {
        listen: ([127, 0, 0, 1], 0).into(),
        block_time: NEVER,
        ..DevL1Config::in_dir(dir.path())
    }
}

pub async fn start() -> Running {
    start_with(|_| {}).await
}

pub async fn start_with(adjust: impl FnOnce(&mut DevL1Config)) -> Running {
    let dir = TempDir::new().unwrap();
    let mut config = config(&dir);
    adjust(&mut config);
    start_in(dir, config).await
}

pub async fn start_in(dir: TempDir, config: DevL1Config) -> Running {
    let shutdown = CancellationToken::new();
    let node = DevL1::start(config, shutdown.clone()).await.unwrap();
    let provider = provider(&node.url(), 0);
    Running {
        node,
        shutdown,
        dir,
        provider,
    }
}

impl Running {
    /// Ends the node as Ctrl-C does and returns its directory.
    pub async fn stop(self) -> TempDir {
        self.shutdown.cancel();
        self.node.stopped().await.unwrap();
        self.dir
    }

    pub async fn deploy(&self, runtime: &Bytes) -> Address {
        let request = TransactionRequest::default().input(deploying(runtime).into());
        let request = TransactionRequest {
            to: Some(alloy::primitives::TxKind::Create),
            ..request
        };
        let receipt = self.send(request).await;
        assert!(receipt.status());
        receipt.contract_address.unwrap()
    }

    pub async fn send(&self, request: TransactionRequest) -> TransactionReceipt {
        self.provider
            .send_transaction(request)
            .await
            .unwrap()
            .get_receipt()
            .await
            .unwrap()
    }

    /// Any method, by name; what it answers as JSON.
    pub async fn ask(&self, method: &'static str, params: Value) -> Value {
        self.provider
            .raw_request(method.into(), params)
            .await
            .unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Any method that refuses: its code, text and data.
    pub async fn refusal(
        &self,
        method: &'static str,
        params: Value,
    ) -> (i64, String, Option<Value>) {
        let answer = self.provider.raw_request::<_, Value>(method.into(), params);
        let error = answer.await.unwrap_err();
        let error = error.as_error_resp().unwrap().clone();
        let data = error
            .data
            .map(|data| serde_json::from_str(data.get()).unwrap());
        (error.code, error.message.into_owned(), data)
    }

    pub async fn latest(&self) -> Sealed<Header> {
        let block = self
            .provider
            .get_block_by_number(BlockNumberOrTag::Latest)
            .await
            .unwrap()
            .unwrap();
        block.into_sealed_header()
    }
}

pub fn signer(index: u32) -> PrivateKeySigner {
    MnemonicBuilder::from_phrase(MNEMONIC)
        .index(index)
        .unwrap()
        .build()
        .unwrap()
}

/// A client as others use it, with its defaults but for a shorter polling interval.
pub fn provider(url: &str, account: u32) -> DynProvider {
    let wallet = EthereumWallet::from(signer(account));
    let provider = ProviderBuilder::new()
        .wallet(wallet)
        .connect_http(url.parse().unwrap());
    provider
        .client()
        .set_poll_interval(Duration::from_millis(10));
    provider.erased()
}

pub fn account(index: u32) -> Address {
    signer(index).address()
}
