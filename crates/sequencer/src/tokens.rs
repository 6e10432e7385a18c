//! Tokens of L1 on L2, as the chain's state has them.
//!
//! Model: the twin of a token is a clone of one predeploy, which the token bridge creates with the token's address as salt: its
//! address is known before it exists. What somebody has, and which deposits were executed, is read where the contracts keep it.

use std::collections::BTreeMap;

use alloy::sol_types::SolCall;
use alloy_primitives::{Address, B256, U256, keccak256};
use rollmill_engine::{Chain, stf::state::StateError};
use rollmill_l1::contracts::L2TokenBridge::finalizeDepositCall;
use rollmill_protocol::{
    L1Message,
    l2::{BRIDGED_TOKEN, L2_TOKEN_BRIDGE},
    message::alias,
};

/// A twin's balances, by holder.
const SLOT_BALANCES: U256 = U256::ZERO;
/// A twin's token on L1, behind the five of ERC20; its decimals lie above it in the same slot.
const SLOT_L1_TOKEN: U256 = U256::from_limbs([5, 0, 0, 0]);
/// The bridge's executed deposits, by number.
const SLOT_EXECUTED: U256 = U256::ONE;

/// Address on L2 of the twin of a token on L1, whether it exists yet or not.
pub fn twin_of(l1_token: Address) -> Address {
    // What creates a clone (ERC-1167) of the predeploy.
    let creation = [
        &alloy_primitives::hex!("3d602d80600a3d3981f3363d3d373d3d3d363d73")[..],
        BRIDGED_TOKEN.as_slice(),
        &alloy_primitives::hex!("5af43d82803e903d91602b57fd5bf3"),
    ]
    .concat();
    L2_TOKEN_BRIDGE.create2(l1_token.into_word(), keccak256(creation))
}

/// The token on L1 whose twin stands at an address of L2; `None` if no twin does.
///
/// # Errors
/// [`StateError`]: the chain's file failed.
pub fn l1_token_of(chain: &Chain, address: Address) -> Result<Option<Address>, StateError> {
    let mut state = chain.state_at(&chain.head())?;
    let slot = state.storage(address, SLOT_L1_TOKEN)?;
    let l1_token = Address::from_word(slot.into());
    // Any contract may write there what it wants; only a twin's own address follows from it.
    Ok((twin_of(l1_token) == address).then_some(l1_token))
}

/// What an account has of the twin of `l1_token` at the newest block.
///
/// # Errors
/// [`StateError`]: the chain's file failed.
pub fn balance_of(chain: &Chain, l1_token: Address, holder: Address) -> Result<U256, StateError> {
    let mut state = chain.state_at(&chain.head())?;
    state.storage(twin_of(l1_token), entry(SLOT_BALANCES, holder.into_word()))
}

/// What the deposits among the messages that wait will bring an account of the twin of `l1_token`.
///
/// # Errors
/// [`StateError`]: the chain's file failed.
pub fn arriving(
    chain: &Chain,
    (l1_bridge, l1_token): (Address, Address),
    holder: Address,
    waiting: &[L1Message],
) -> Result<U256, StateError> {
    let mut state = chain.state_at(&chain.head())?;
    // Anybody can send a deposit's message again: each counts once, and not if it was executed before.
    let mut amounts = BTreeMap::new();
    let of_bridge =
        |message: &&L1Message| message.sender == alias(l1_bridge) && message.to == L2_TOKEN_BRIDGE;
    for message in waiting.iter().filter(of_bridge) {
        let Ok(finalizeDepositCall { d }) = finalizeDepositCall::abi_decode(&message.data) else {
            continue;
        };
        let number = B256::from(U256::from(d.id));
        let executed = state.storage(L2_TOKEN_BRIDGE, entry(SLOT_EXECUTED, number))?;
        if d.l1Token == l1_token && d.to == holder && executed.is_zero() {
            amounts.insert(d.id, d.amount);
        }
    }
    let amounts = amounts.into_values();
    Ok(amounts.fold(U256::ZERO, U256::saturating_add))
}

/// Where Solidity keeps the entry of a mapping.
fn entry(mapping: U256, key: B256) -> U256 {
    let place = [key.0, mapping.to_be_bytes()].concat();
    keccak256(place).into()
}
