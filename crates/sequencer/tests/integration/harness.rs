//! A running L1 with deployed contracts, and a sequencer that can be stopped and opened again.

use std::{future::Future, path::Path, process::Stdio, time::Duration};

use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope},
    eips::eip2718::Encodable2718,
    primitives::{Address, B256, Bytes, TxKind, U256},
    providers::Provider,
    signers::{
        SignerSync,
        local::{MnemonicBuilder, PrivateKeySigner, coins_bip39::English},
    },
};
use rollmill_devl1::{DevL1, DevL1Config};
use rollmill_engine::Chain;
use rollmill_l1::{
    DeployConfig, Deployment, Parameters, ProgramRow, Sender, SenderConfig, VerifierKind, connect,
    deploy,
};
use rollmill_protocol::{l2::FORK_ID, law::Params, prover_gas::SCHEDULE_ID};
use rollmill_runtime::{Clock, Shutdown, Tasks};
use rollmill_sequencer::{GenesisConfig, Mempool, Sealer, Sequencer, SequencerConfig, Withdrawals};
use rollmill_store::Store;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};
use tokio_util::sync::CancellationToken;

pub const L1: u64 = 1_337_001;
pub const L2: u64 = 1_337_002;
pub const ETHER: u128 = 1_000_000_000_000_000_000;

const MNEMONIC: &str = "test test test test test test test test test test test junk";
/// Longest wait for anything, generous to a machine that does many things at once.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn account(index: u32) -> PrivateKeySigner {
    MnemonicBuilder::<English>::default()
        .phrase(MNEMONIC)
        .index(index)
        .unwrap()
        .build()
        .unwrap()
}

/// Waits until `probe` yields something.
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut probe: impl FnMut() -> F,
) -> T {
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    let waiting = async {
        loop {
            looks.tick().await;
            if let Some(found) = probe().await {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .unwrap_or_else(|_| panic!("{what} did not happen"))
}

/// An L1 with the test mnemonic's accounts.
pub struct Layer1 {
    pub url: String,
    running: Running,
}

enum Running {
    Embedded {
        _node: DevL1,
        shutdown: CancellationToken,
        _dir: TempDir,
    },
    Anvil {
        _process: Child,
    },
}

impl Layer1 {
    /// The embedded one, which mines on transactions and every 50 ms, so that its time passes quickly.
    pub async fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let shutdown = CancellationToken::new();
        let config = DevL1Config {
            listen: ([127, 0, 0, 1], 0).into(),
            block_time: Duration::from_millis(50),
            ..DevL1Config::in_dir(dir.path())
        };
        let node = DevL1::start(config, shutdown.clone()).await.unwrap();
        Self {
            url: node.url(),
            running: Running::Embedded {
                _node: node,
                shutdown,
                _dir: dir,
            },
        }
    }

    /// Anvil from npm, which can be reorganised. It mines each transaction by itself, and else when it is told to.
    pub async fn anvil() -> Self {
        let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contracts/node_modules");
        let anvil = tools.join(".bin/anvil");
        assert!(
            anvil.exists(),
            "{} is missing: run `npm ci --ignore-scripts` in contracts/",
            anvil.display()
        );
        let chain_id = L1.to_string();
        let args = ["--port", "0", "--chain-id", &chain_id];
        let rules = ["--hardfork", "osaka", "--enable-tx-gas-limit"];
        let mut process = Command::new(anvil)
            .args(args)
            .args(rules)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let url = loop {
            let line = lines.next_line().await.unwrap().unwrap();
            if let Some(address) = line.strip_prefix("Listening on ") {
                break format!("http://{address}");
            }
        };
        // Read on, so that anvil never waits for a full pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self {
            url,
            running: Running::Anvil { _process: process },
        }
    }

    /// A sender for a funded account.
    pub fn sender(&self, index: u32, store: &Store) -> Sender {
        let config = SenderConfig {
            poll: Duration::from_millis(10),
            bump_after: Duration::from_millis(800),
            ..Default::default()
        };
        Sender::new(
            connect(&self.url).unwrap(),
            L1,
            account(index),
            store.clone(),
            config,
        )
    }

    pub async fn balance(&self, account: Address) -> U256 {
        connect(&self.url)
            .unwrap()
            .get_balance(account)
            .await
            .unwrap()
    }
}

impl Drop for Layer1 {
    fn drop(&mut self) {
        if let Running::Embedded { shutdown, .. } = &self.running {
            shutdown.cancel();
        }
    }
}

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
    let config = DeployConfig {
        l2_chain_id: L2,
        operator: sender.address(),
        governor: Address::ZERO,
        treasury: sender.address(),
        scr_cap_wei: 100_000_000 * ETHER,
        scr_supply_wei: 100_000 * ETHER,
        pool_wei: 1_000 * ETHER,
        bond_wei: 10_000 * ETHER,
        verifier: VerifierKind::Mock,
        program: ProgramRow {
            exe_commit: B256::repeat_byte(1),
            vm_commit: B256::repeat_byte(2),
            fork_id: FORK_ID.into(),
            schedule_id: SCHEDULE_ID.into(),
        },
        law: Params::devnet(),
        parameters: Parameters {
            settle_s: 2,
            fallback_s: 5,
            claim_s: 600,
            message_gas_max: 10_000_000,
            ..Parameters::default()
        },
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
        let sequencer = Sequencer::open(parts, sender.clone(), dir, clock, config)
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
        let mut state = self.chain.state_at(&self.chain.head());
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
