//! The first block of the L2.
//!
//! It holds the withdrawal predeploy with an empty tree and the identity of the rollup, the token bridge with the address of its
//! other half on L1 and the code of the tokens that it creates, the fee schedule with prices of zero and the operator, both fee
//! vaults with their recipients on L1, the contract in which the rules keep block hashes (EIP-2935), and the accounts that the
//! configuration funds: none by default, ETH comes from L1.
//!
//! The bridge and the fee auction on L1 are created by Rollup's constructor, so their addresses follow from Rollup's, and nobody
//! can be there first.

use std::collections::BTreeMap;

use alloy_eips::eip2935::{HISTORY_STORAGE_ADDRESS, HISTORY_STORAGE_CODE};
use alloy_genesis::{Genesis, GenesisAccount};
use alloy_primitives::{Address, B256, U256};
use rollmill_engine::{
    ChainSpec,
    chain::genesis_header,
    stf::{RollmillRules, Rules},
};
use rollmill_l1::{
    Genesis as L1Genesis,
    contracts::{BridgedToken, FeeSchedule, FeeVault, L2TokenBridge, WithdrawalQueue},
    fee_auction, token_bridge,
};
use rollmill_protocol::{
    l2::{
        BRIDGED_TOKEN, FEE_SCHEDULE, FEE_VAULT, L2_TOKEN_BRIDGE, PROVING_VAULT, WITHDRAWAL_QUEUE,
        WITHDRAWAL_ROOT_SLOT,
    },
    withdrawal::empty_root,
};

/// Gas limit of every L2 block: one full transaction of 16.78 M gas and room beside it. Proving time, not bandwidth, is
/// what a block's gas costs here.
pub const BLOCK_GAS_LIMIT: u64 = 30_000_000;

/// The predeploy's slots after the root: who may pay the withdrawals.
const SLOT_L1_CHAIN_ID: u64 = 1;
const SLOT_ROLLUP: u64 = 2;
const SLOT_L2_CHAIN_ID: u64 = 3;
/// The token bridge's slot with the address of the one on L1.
const SLOT_L1_BRIDGE: u64 = 0;
/// The fee schedule's slot with the account that sets the prices (lowest 160 bits), and above it the time at which one rose last.
pub(crate) const SLOT_OPERATOR: u64 = 1;
/// A fee vault's slot with the account on L1 that gets its ether.
const SLOT_RECIPIENT: u64 = 0;

/// What makes one L2 another than its neighbour.
#[derive(Clone, Debug)]
pub struct GenesisConfig {
    /// L2's chain id.
    pub l2_chain_id: u64,
    /// L1's chain id.
    pub l1_chain_id: u64,
    /// The Rollup contract on L1.
    pub rollup: Address,
    /// The account that sets the prices of data and proving on L2, and gets the fees for gas and data on L1: the one that commits
    /// batches.
    pub operator: Address,
    /// Timestamp of block 0, Unix seconds. Not after the L1 block that deploys Rollup.
    pub timestamp: u64,
    /// Accounts with ETH that no deposit backs: for tests only, withdrawals of it would take what others deposited.
    pub accounts: Vec<(Address, U256)>,
}

impl GenesisConfig {
    /// The same genesis for another Rollup contract.
    pub fn of_rollup(&self, rollup: Address) -> Self {
        Self {
            rollup,
            ..self.clone()
        }
    }

    /// Rules and block 0.
    pub fn chain_spec(&self) -> ChainSpec {
        let funded = self.accounts.iter().map(|(address, balance)| {
            (
                *address,
                GenesisAccount {
                    balance: *balance,
                    ..Default::default()
                },
            )
        });
        let genesis = Genesis {
            timestamp: self.timestamp,
            gas_limit: BLOCK_GAS_LIMIT,
            coinbase: FEE_VAULT,
            alloc: self.predeploys().into_iter().chain(funded).collect(),
            ..Default::default()
        };
        ChainSpec {
            rules: Rules::Rollmill(RollmillRules {
                chain_id: self.l2_chain_id,
            }),
            genesis,
        }
    }

    /// The contracts that every L2 begins with.
    fn predeploys(&self) -> [(Address, GenesisAccount); 7] {
        let word = |value: u64| B256::from(U256::from(value));
        let slot = word;
        let storage = BTreeMap::from([
            (slot(WITHDRAWAL_ROOT_SLOT), empty_root()),
            (slot(SLOT_L1_CHAIN_ID), word(self.l1_chain_id)),
            (slot(SLOT_ROLLUP), self.rollup.into_word()),
            (slot(SLOT_L2_CHAIN_ID), word(self.l2_chain_id)),
        ]);
        let naming = |at: u64, account: Address| BTreeMap::from([(slot(at), account.into_word())]);
        let contract = |code, storage| GenesisAccount {
            nonce: Some(1),
            code: Some(code),
            storage,
            ..Default::default()
        };
        let bridge = naming(SLOT_L1_BRIDGE, token_bridge(self.rollup));
        let fees = naming(SLOT_OPERATOR, self.operator);
        let vault = |recipient| {
            let code = FeeVault::DEPLOYED_BYTECODE.clone();
            contract(code, Some(naming(SLOT_RECIPIENT, recipient)))
        };
        [
            (
                HISTORY_STORAGE_ADDRESS,
                contract(HISTORY_STORAGE_CODE.clone(), None),
            ),
            (
                WITHDRAWAL_QUEUE,
                contract(WithdrawalQueue::DEPLOYED_BYTECODE.clone(), Some(storage)),
            ),
            (
                L2_TOKEN_BRIDGE,
                contract(L2TokenBridge::DEPLOYED_BYTECODE.clone(), Some(bridge)),
            ),
            (
                BRIDGED_TOKEN,
                contract(BridgedToken::DEPLOYED_BYTECODE.clone(), None),
            ),
            (
                FEE_SCHEDULE,
                contract(FeeSchedule::DEPLOYED_BYTECODE.clone(), Some(fees)),
            ),
            (FEE_VAULT, vault(self.operator)),
            (PROVING_VAULT, vault(fee_auction(self.rollup))),
        ]
    }

    /// What L1 is told of block 0. The error is a sentence about an account that cannot be part of a state.
    pub fn l1_genesis(&self) -> Result<L1Genesis, String> {
        let header = genesis_header(&self.chain_spec().genesis)?;
        Ok(L1Genesis {
            state_root: header.state_root,
            block_hash: header.hash(),
            withdrawal_root: empty_root(),
            timestamp: header.timestamp,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_part_of_the_identity_is_in_the_genesis_hash() {
        let config = GenesisConfig {
            l2_chain_id: 1,
            l1_chain_id: 2,
            rollup: Address::repeat_byte(3),
            operator: Address::repeat_byte(5),
            timestamp: 4,
            accounts: Vec::new(),
        };
        let hash = |config: &GenesisConfig| config.l1_genesis().unwrap().block_hash;
        let first = hash(&config);
        assert_eq!(first, hash(&config));
        assert_ne!(
            first,
            hash(&GenesisConfig {
                l2_chain_id: 9,
                ..config.clone()
            })
        );
        assert_ne!(
            first,
            hash(&GenesisConfig {
                l1_chain_id: 9,
                ..config.clone()
            })
        );
        assert_ne!(
            first,
            hash(&GenesisConfig {
                rollup: Address::repeat_byte(9),
                ..config.clone()
            })
        );
        assert_ne!(
            first,
            hash(&GenesisConfig {
                operator: Address::repeat_byte(9),
                ..config.clone()
            })
        );
        assert_ne!(
            first,
            hash(&GenesisConfig {
                timestamp: 9,
                ..config.clone()
            })
        );
        assert_ne!(
            first,
            hash(&GenesisConfig {
                accounts: vec![(Address::ZERO, U256::ONE)],
                ..config
            })
        );
    }
}
