//! Constants of the L2 and of its devnets.

use alloy_primitives::{Address, address};

/// Chain id of the embedded L1, which lives inside the devnet only.
pub const L1_CHAIN_ID_EMBEDDED: u64 = 1_337_001;
/// Chain id of anvil.
pub const L1_CHAIN_ID_ANVIL: u64 = 31_337;
/// Chain id of the L2 devnet.
pub const L2_CHAIN_ID_DEVNET: u64 = 1_337_002;

/// Is this an L1 on which mock proofs and development shortcuts may exist at all?
pub const fn is_devnet_l1(chain_id: u64) -> bool {
    matches!(chain_id, L1_CHAIN_ID_EMBEDDED | L1_CHAIN_ID_ANVIL)
}

/// Rules of execution as public values name them: 1 = Osaka with rollmill's messages and predeploys.
pub const FORK_ID: u32 = 1;

/// Fee recipient of every L2 block: takes gas and data fees. A predeploy whose ether anybody sends to the operator on L1.
pub const FEE_VAULT: Address = address!("0000000000000000000000000000000000524d01");
/// Predeploy that queues withdrawals; its tree root is in [`WITHDRAWAL_ROOT_SLOT`].
pub const WITHDRAWAL_QUEUE: Address = address!("0000000000000000000000000000000000524d02");
/// Storage slot of [`WITHDRAWAL_QUEUE`] that holds the root of its tree (the empty tree's root at genesis).
pub const WITHDRAWAL_ROOT_SLOT: u64 = 0;
/// Predeploy that mints and burns the twins of L1's tokens.
pub const L2_TOKEN_BRIDGE: Address = address!("0000000000000000000000000000000000524d03");
/// The code behind all those twins.
pub const BRIDGED_TOKEN: Address = address!("0000000000000000000000000000000000524d04");
/// Predeploy that holds and bounds the prices of data and of proving.
pub const FEE_SCHEDULE: Address = address!("0000000000000000000000000000000000524d05");
/// Storage slot of [`FEE_SCHEDULE`] with both prices, wei: of data in the upper 128 bits, of proving in the lower (zero at genesis).
pub const FEE_PRICES_SLOT: u64 = 0;
/// Predeploy that takes proving fees, apart from all others: anybody sends them to the auction on L1 that pays the rollers' pool.
pub const PROVING_VAULT: Address = address!("0000000000000000000000000000000000524d06");
/// Precompile of the embedded L1 that verifies a STARK; exists on that chain id only.
pub const STARK_PRECOMPILE: Address = address!("0000000000000000000000000000000000524d10");

/// EIP-2718 type of a transaction that executes an L1 message.
pub const L1_MESSAGE_TX_TYPE: u8 = 0x7E;
