//! A sequencer over contracts on a real L1, which can be stopped and opened again.

use std::path::Path;

use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope},
    eips::eip2718::Encodable2718,
    primitives::{Address, Bytes, TxKind, U256},
    signers::{SignerSync, local::PrivateKeySigner},
};
use rollmill_engine::Chain;
use rollmill_l1::{BlobSource, DeployConfig, Deployment, Parameters, Sender, deploy};
use rollmill_protocol::law::Params;
use rollmill_runtime::{Clock, Shutdown, Tasks};
use rollmill_sequencer::{GenesisConfig, Mempool, Sealer, Sequencer, SequencerConfig, Withdrawals};
use rollmill_store::Store;
use rollmill_test_l1::{ETHER, L1, L2, Layer1, account, deploy_config};

pub fn genesis(rollup: Address) -> GenesisConfig {
    GenesisConfig {
        l2_chain_id: L2,
        l1_chain_id: L1,
        rollup,
        operator: account(0).address(),
        timestamp: 1_767_225_600,
        accounts: Vec::new(),
    }
}

pub async fn deployed(sender: &Sender, dir: &Path) -> Deployment {
    let parameters = Parameters {
        settle_s: 2,
        fallback_s: 5,
        claim_s: 600,
        message_gas_max: 10_000_000,
        ..Parameters::default()
    };
    let config = DeployConfig {
        // An auction of fees begins dearly.
        scr_supply_wei: 50_000_000 * ETHER,
        ..deploy_config(sender.address(), Params::devnet(), parameters)
    };
    let file = dir.join("deployment.json");
    deploy(sender, &config, &file, |rollup| {
        genesis(rollup).l1_genesis().unwrap()
    })
    .await
    .unwrap()
}

/// A running sequencer.
pub struct Node {
    pub chain: Chain,
    pub store: Store,
    pub sender: Sender,
    pub pool: std::sync::Arc<Mempool>,
    pub sealer: Sealer,
    pub withdrawals: std::sync::Arc<Withdrawals>,
    pub deployment: Deployment,
    shutdown: Shutdown,
    running: tokio::task::JoinHandle<Result<(), rollmill_runtime::TaskError>>,
}

impl Node {
    /// Opens everything in `dir` and starts it, as a process does.
    pub async fn start(l1: &Layer1, dir: &Path, config: SequencerConfig) -> Self {
        Self::start_at(l1, dir, config, Clock::System).await
    }

    /// The same by another clock.
    pub async fn start_at(l1: &Layer1, dir: &Path, config: SequencerConfig, clock: Clock) -> Self {
        let store = Store::open(dir.join("store")).await.unwrap();
        let sender = l1.sender(0, &store);
        let deployment = deployed(&sender, dir).await;
        let chain = Chain::open(
            &dir.join("l2.redb"),
            &genesis(deployment.rollup).chain_spec(),
        )
        .unwrap();
        let parts = (chain.clone(), store.clone(), deployment.clone());
        let writing = (sender.clone(), BlobSource::L1);
        let sequencer = Sequencer::open(parts, writing, dir, clock, config)
            .await
            .unwrap();
        let (pool, sealer, withdrawals) = (
            sequencer.pool(),
            sequencer.sealer(),
            sequencer.withdrawals(),
        );
        let shutdown = Shutdown::new();
        let mut tasks = Tasks::new(shutdown.clone());
        sequencer.spawn(&mut tasks);
        let running = tokio::spawn(tasks.join());
        Self {
            chain,
            store,
            sender,
            pool,
            sealer,
            withdrawals,
            deployment,
            shutdown,
            running,
        }
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        self.running.await.unwrap().unwrap();
        self.store.close().await;
    }

    pub fn l2_balance(&self, account: Address) -> U256 {
        let mut state = self.chain.state_at(&self.chain.head()).unwrap();
        state.account(account).unwrap().unwrap_or_default().balance
    }
}

/// A signed L2 transaction.
pub fn l2_transaction(
    key: &PrivateKeySigner,
    nonce: u64,
    to: Address,
    value: u128,
    input: Bytes,
) -> Bytes {
    let transaction = TxEip1559 {
        chain_id: L2,
        nonce,
        gas_limit: 500_000,
        max_fee_per_gas: 10_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        to: TxKind::Call(to),
        value: U256::from(value),
        access_list: Default::default(),
        input,
    };
    let signature = key.sign_hash_sync(&transaction.signature_hash()).unwrap();
    TxEnvelope::from(transaction.into_signed(signature))
        .encoded_2718()
        .into()
}
