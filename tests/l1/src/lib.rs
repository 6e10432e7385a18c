//! A real L1 for the tests of the crates that speak to one: the embedded one in the test's own process, or anvil, which can be
//! reorganised. With the accounts that development chains fund, and with what a test deploys.

// A test that cannot set up its L1 has failed.
#![allow(clippy::unwrap_used)]

mod reorganise;

use std::{future::Future, path::Path, process::Stdio, time::Duration};

use alloy::{
    primitives::{Address, B256, U256},
    providers::Provider,
    signers::local::{MnemonicBuilder, PrivateKeySigner, coins_bip39::English},
};
use rollmill_devl1::{DevL1, DevL1Config};
use rollmill_l1::{
    AggregateRow, DeployConfig, Deployment, DynProvider, Genesis, Parameters, ProgramRow, Sender,
    SenderConfig, VerifierKind, connect,
};
use rollmill_protocol::{
    l2::{FORK_ID, L1_CHAIN_ID_EMBEDDED, L2_CHAIN_ID_DEVNET},
    law::Params,
    prover_gas::SCHEDULE_ID,
};
use rollmill_store::Store;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};
use tokio_util::sync::CancellationToken;

pub use reorganise::Instead;

/// L1's chain id, on anvil as well.
pub const L1: u64 = L1_CHAIN_ID_EMBEDDED;
/// L2's.
pub const L2: u64 = L2_CHAIN_ID_DEVNET;
/// Wei of one ether, SCR-wei of one SCR.
pub const ETHER: u128 = 1_000_000_000_000_000_000;
/// Longest wait for anything, generous to a machine that does many things at once.
const PATIENCE: Duration = Duration::from_secs(60);

/// An account of the well-known mnemonic, which development chains fund.
pub fn account(index: u32) -> PrivateKeySigner {
    MnemonicBuilder::<English>::default()
        .phrase("test test test test test test test test test test test junk")
        .index(index)
        .unwrap()
        .build()
        .unwrap()
}

/// Waits until `probe` yields something.
///
/// # Panics
/// It does not within a minute.
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

/// A rollup that takes mock proofs of a program that is none, operated by an account that holds the SCR; nobody governs it.
pub fn deploy_config(operator: Address, law: Params, parameters: Parameters) -> DeployConfig {
    DeployConfig {
        l2_chain_id: L2,
        operator,
        governor: Address::ZERO,
        treasury: operator,
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
        aggregate: AggregateRow {
            exe_commit: B256::repeat_byte(3),
            vm_commit: B256::repeat_byte(4),
        },
        law,
        parameters,
    }
}

/// A rollup of which nothing is on any L1, for tests that ask none.
pub fn nowhere() -> Deployment {
    let contract = Address::repeat_byte;
    Deployment {
        chain_id: L1,
        l2_chain_id: L2,
        block: 1,
        rollup: contract(1),
        registry: contract(2),
        reward_pool: contract(3),
        token: contract(4),
        verifier: contract(5),
        operator: contract(6),
        parameter_table: contract(7),
        control: contract(8),
        bond: contract(9),
        emission: contract(10),
        court: contract(11),
        evidence: contract(12),
        enforcement: contract(13),
        draws: contract(14),
        settlement: contract(15),
        governor: Address::ZERO,
        genesis: Genesis {
            state_root: B256::ZERO,
            block_hash: B256::ZERO,
            withdrawal_root: B256::ZERO,
            timestamp: 0,
        },
        law: Params::devnet(),
        parameters: Parameters::default(),
    }
}

/// An L1; it ends with this value.
#[derive(Debug)]
pub struct Layer1 {
    /// Its JSON-RPC.
    pub url: String,
    running: Running,
}

#[derive(Debug)]
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
    ///
    /// # Panics
    /// It is not installed.
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

    /// For reading.
    pub fn provider(&self) -> DynProvider {
        connect(&self.url).unwrap()
    }

    /// A sender for an account of the mnemonic.
    pub fn sender(&self, index: u32, store: &Store) -> Sender {
        self.sender_of(account(index), store)
    }

    /// A sender for any account. It is impatient, because this L1 is quick.
    pub fn sender_of(&self, signer: PrivateKeySigner, store: &Store) -> Sender {
        let config = SenderConfig {
            poll: Duration::from_millis(10),
            bump_after: Duration::from_millis(800),
            ..SenderConfig::default()
        };
        Sender::new(self.provider(), L1, signer, store.clone(), config)
    }

    /// An account's wei.
    pub async fn balance(&self, account: Address) -> U256 {
        self.provider().get_balance(account).await.unwrap()
    }
}

impl Drop for Layer1 {
    fn drop(&mut self) {
        if let Running::Embedded { shutdown, .. } = &self.running {
            shutdown.cancel();
        }
    }
}
