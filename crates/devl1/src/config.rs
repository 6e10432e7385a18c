//! What can be configured, and the genesis block that follows from it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use alloy_eips::{
    eip2935::{HISTORY_STORAGE_ADDRESS, HISTORY_STORAGE_CODE},
    eip4788::{BEACON_ROOTS_ADDRESS, BEACON_ROOTS_CODE},
    eip7002::{WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, WITHDRAWAL_REQUEST_PREDEPLOY_CODE},
    eip7251::{CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, CONSOLIDATION_REQUEST_PREDEPLOY_CODE},
};
use alloy_genesis::{Genesis, GenesisAccount};
use alloy_primitives::{Address, B256, U256, address};
use rollmill_engine::ChainSpec;
use rollmill_engine::stf::{EthereumRules, Fork, Rules, rules::ChainPrecompiles};

/// The first ten accounts of the well-known mnemonic "test test test test test test test test test test test junk".
pub const TEST_ACCOUNTS: [Address; 10] = [
    address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
    address!("70997970C51812dc3A010C7d01b50e0d17dc79C8"),
    address!("3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"),
    address!("90F79bf6EB2c4f870365E785982E1f101E93b906"),
    address!("15d34AAf54267DB7D7c367839AAf71A00a2C6A65"),
    address!("9965507D1a55bcC2695C58ba16FB37d819B0A4dc"),
    address!("976EA74026E726554dB657fA54763abd0C3a0aa9"),
    address!("14dC79964da2C08b23698B3D3cc7Ca32193d9955"),
    address!("23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f"),
    address!("a0Ee7A142d267C1f36714E4a8F75612F20a79720"),
];

/// Timestamp of the genesis block, seconds: fixed, so that the same configuration is the same chain tomorrow.
const GENESIS_TIMESTAMP: u64 = 1_767_225_600;
/// 10,000 ETH.
const TEST_ACCOUNT_WEI: u128 = 10_000 * 10u128.pow(18);

/// Configuration of the embedded L1. Defaults run a devnet on this machine.
#[derive(Clone, Debug)]
pub struct DevL1Config {
    /// Directory of the chain's file; created if missing.
    pub data_dir: PathBuf,
    /// Address of the JSON-RPC server; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Chain id. Default 1337001.
    pub chain_id: u64,
    /// Longest time between two blocks. Default 1 s.
    pub block_time: Duration,
    /// Gas limit of every block. Default 60 M; at least 36 M carries what mainnet once did.
    pub gas_limit: u64,
    /// Distance of the `safe` tag from the newest block, in blocks. Default 0.
    pub safe_lag_blocks: u64,
    /// Distance of the `finalized` tag from the newest block, in blocks. Default 4.
    pub finalized_lag_blocks: u64,
    /// Tip that the node suggests, wei per gas. Default 1 gwei.
    pub priority_fee_wei: u128,
    /// Accounts of the genesis block and their wei. Default: [`TEST_ACCOUNTS`] with 10,000 ETH each.
    pub accounts: Vec<(Address, U256)>,
    /// Precompiles beside Ethereum's, e.g. the verifier of the devnet's proofs.
    pub precompiles: ChainPrecompiles,
}

impl DevL1Config {
    /// The defaults, with the chain in this directory.
    pub fn in_dir(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            listen: (Ipv4Addr::LOCALHOST, 8545).into(),
            chain_id: 1_337_001,
            block_time: Duration::from_secs(1),
            gas_limit: 60_000_000,
            safe_lag_blocks: 0,
            finalized_lag_blocks: 4,
            priority_fee_wei: 1_000_000_000,
            accounts: TEST_ACCOUNTS
                .map(|account| (account, U256::from(TEST_ACCOUNT_WEI)))
                .into(),
            precompiles: ChainPrecompiles::default(),
        }
    }

    /// Rules and genesis block.
    pub(crate) fn chain_spec(&self) -> ChainSpec {
        let rules = EthereumRules {
            precompiles: self.precompiles.clone(),
            ..EthereumRules::at_fork(self.chain_id, Fork::Osaka)
        };
        let funded = self.accounts.iter().map(|(account, wei)| {
            (
                *account,
                GenesisAccount {
                    balance: *wei,
                    ..GenesisAccount::default()
                },
            )
        });
        let genesis = Genesis {
            timestamp: GENESIS_TIMESTAMP,
            gas_limit: self.gas_limit,
            // Two chains that differ in their id differ in their genesis, so neither opens the other's file.
            mix_hash: B256::from(U256::from(self.chain_id)),
            alloc: funded.chain(system_contracts()).collect(),
            ..Genesis::default()
        };
        ChainSpec {
            rules: Rules::Ethereum(rules),
            genesis,
        }
    }
}

/// The contracts that Osaka's blocks call before and after their transactions.
fn system_contracts() -> impl Iterator<Item = (Address, GenesisAccount)> {
    let contracts = [
        (BEACON_ROOTS_ADDRESS, &BEACON_ROOTS_CODE),
        (HISTORY_STORAGE_ADDRESS, &HISTORY_STORAGE_CODE),
        (
            WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
            &WITHDRAWAL_REQUEST_PREDEPLOY_CODE,
        ),
        (
            CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
            &CONSOLIDATION_REQUEST_PREDEPLOY_CODE,
        ),
    ];
    contracts.into_iter().map(|(address, code)| {
        (
            address,
            GenesisAccount {
                nonce: Some(1),
                code: Some((*code).clone()),
                ..GenesisAccount::default()
            },
        )
    })
}
