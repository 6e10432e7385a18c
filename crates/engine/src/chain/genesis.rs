//! The first block: its state built through the same trie as every later one, its header from the configuration.

use alloy_consensus::{
    EMPTY_OMMER_ROOT_HASH, EMPTY_ROOT_HASH, Header, Sealable, Sealed, constants::KECCAK_EMPTY,
};
use alloy_eips::{eip1559::INITIAL_BASE_FEE, eip7685::EMPTY_REQUESTS_HASH};
use alloy_genesis::{Genesis, GenesisAccount};
use alloy_primitives::{B256, U256, keccak256};
use rollmill_stf::{
    source::MemorySource,
    state::{AccountChange, AccountFields, StateChanges, StateTrie, StateUpdate},
};

use super::{ChainSpec, database::BlockRecord, record};

/// The header of the genesis block of a chain, without opening a database.
///
/// # Errors
/// A sentence about the account that cannot be part of a state.
pub fn genesis_header(genesis: &Genesis) -> Result<Sealed<Header>, String> {
    Ok(build(genesis)?.0.seal_slow())
}

pub(super) fn genesis_record(spec: &ChainSpec) -> Result<BlockRecord, String> {
    let (header, state) = build(&spec.genesis)?;
    Ok(record::empty_block(&header, state.nodes, state.codes))
}

fn build(genesis: &Genesis) -> Result<(Header, StateUpdate), String> {
    let mut changes = StateChanges::default();
    for (address, account) in &genesis.alloc {
        let code = account.code.clone().filter(|code| !code.is_empty());
        let code_hash = code.as_ref().map_or(KECCAK_EMPTY, keccak256);
        changes.accounts.push(AccountChange {
            address: *address,
            account: Some(AccountFields {
                nonce: account.nonce.unwrap_or_default(),
                balance: account.balance,
                code_hash,
            }),
            wipe_storage: false,
            storage: storage(account),
        });
        changes.codes.extend(code.map(|code| (code_hash, code)));
    }
    let mut trie = StateTrie::new(MemorySource::default(), EMPTY_ROOT_HASH);
    let state = trie.apply(changes).map_err(|error| error.to_string())?;
    Ok((header(genesis, state.root), state))
}

fn storage(account: &GenesisAccount) -> Vec<(U256, U256)> {
    let slots = account.storage.iter().flatten();
    slots
        .map(|(slot, value)| (U256::from_be_bytes(slot.0), U256::from_be_bytes(value.0)))
        .collect()
}

/// Fields of every fork up to Osaka are present; those that a genesis file leaves out have their values of an empty
/// first block.
fn header(genesis: &Genesis, state_root: B256) -> Header {
    Header {
        parent_hash: B256::ZERO,
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        beneficiary: genesis.coinbase,
        state_root,
        transactions_root: EMPTY_ROOT_HASH,
        receipts_root: EMPTY_ROOT_HASH,
        difficulty: U256::ZERO,
        number: 0,
        gas_limit: genesis.gas_limit,
        timestamp: genesis.timestamp,
        extra_data: genesis.extra_data.clone(),
        mix_hash: genesis.mix_hash,
        nonce: genesis.nonce.to_be_bytes().into(),
        base_fee_per_gas: Some(
            genesis
                .base_fee_per_gas
                .and_then(|fee| u64::try_from(fee).ok())
                .unwrap_or(INITIAL_BASE_FEE),
        ),
        withdrawals_root: Some(EMPTY_ROOT_HASH),
        blob_gas_used: Some(0),
        excess_blob_gas: Some(genesis.excess_blob_gas.unwrap_or_default()),
        parent_beacon_block_root: Some(B256::ZERO),
        requests_hash: Some(EMPTY_REQUESTS_HASH),
        ..Header::default()
    }
}
