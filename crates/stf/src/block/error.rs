//! Why a transaction is refused, or a block cannot be.

use crate::{header::HeaderError, state::StateError};
use alloc::string::String;
use alloy_primitives::Address;
use revm::context::result::InvalidTransaction;

/// Why a transaction may not be in the block at this place. The block stays as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TxRejection {
    /// Invalid under the rules or against the sender's account.
    #[error("{0}")]
    Invalid(InvalidTransaction),
    /// Its gas limit exceeds what is left of the block's.
    #[error("gas limit {gas_limit} exceeds the block's remaining {available}")]
    BlockGas {
        /// The transaction's.
        gas_limit: u64,
        /// Left in the block.
        available: u64,
    },
    /// Its blobs exceed what is left of the block's.
    #[error("blob gas {blob_gas} exceeds the block's remaining {available}")]
    BlockBlobGas {
        /// The transaction's.
        blob_gas: u64,
        /// Left in the block.
        available: u64,
    },
    /// Whoever builds the block wants less proving work in it.
    #[error("proving it is more work than the block has left")]
    Work,
    /// The rollup has no blobs.
    #[error("blob transactions are not accepted on this chain")]
    Blobs,
    /// Only the rollup executes L1 messages.
    #[error("L1 messages do not exist on this chain")]
    Message,
    /// A message behind an ordinary transaction.
    #[error("L1 messages come before all other transactions of a block")]
    MessageOrder,
}

/// Why pushing a transaction failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The transaction is refused; the block goes on without it.
    #[error(transparent)]
    Rejected(#[from] TxRejection),
    /// The block cannot go on.
    #[error(transparent)]
    Block(#[from] BlockError),
}

impl From<StateError> for PushError {
    fn from(error: StateError) -> Self {
        Self::Block(error.into())
    }
}

/// Why a block cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// The attributes do not fit the parent.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The state could not be read: missing from the witness, or the database failed.
    #[error(transparent)]
    State(#[from] StateError),
    /// The EVM met a condition that is no transaction's fault.
    #[error("EVM failure: {0}")]
    Evm(String),
    /// A system contract that must exist and succeed does not (EIP-7002, EIP-7251).
    #[error("system contract {0} is missing or failed")]
    SystemCall(Address),
    /// A deposit event of another layout (EIP-6110).
    #[error("malformed deposit event")]
    Deposit,
}
