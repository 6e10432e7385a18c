//! The machine: how a block changes the state, executed by the node and proven by the guest.
//!
//! | module | what |
//! |---|---|
//! | [`rules`] | which chain: Ethereum's rules by fork, or the rollup's |
//! | [`transaction`] | Ethereum's envelope and the L1-message transaction; receipts |
//! | [`header`] | what a parent fixes about its child |
//! | [`block`] | building a block transaction by transaction |
//! | [`import`] | accepting a block that somebody else built |
//! | [`batch`] | the statement that is proven, and preparing its witness |
//! | [`stateless`] | one block on a witness, under any rules |
//! | [`case`] | that, or one transaction, as bytes: Ethereum's fixtures for the zkVM |
//! | [`source`], [`trie`], [`state`], [`witness`] | state loaded piece by piece, and changed |
//! | [`fees`] | what users of the rollup pay beyond gas |
//! | [`evm`] | revm with our handler, precompiles and meters |
//!
//! Rules: `no_std` with `alloc`, because the guest is this crate; nothing here reads a clock, a random number or an
//! environment; what is not in the arguments is not in the result.

#![cfg_attr(not(feature = "std"), no_std)]
extern crate alloc;

pub mod batch;
pub mod block;
pub mod case;
pub mod evm;
pub mod fees;
pub mod header;
pub mod import;
mod overlay;
pub mod rules;
pub mod source;
pub mod state;
pub mod stateless;
mod system;
pub mod transaction;
pub mod trie;
pub mod witness;

pub use batch::{BatchError, BuiltBatch, Identity, build_witness, execute_batch, fill_block};
pub use block::{BlockError, BlockExecutor, ExecutedBlock, PushError, TxOutcome, TxRejection};
pub use header::BlockAttributes;
pub use import::{ImportError, execute_block};
pub use rules::{EthereumRules, Fork, RollmillRules, Rules};
pub use transaction::{
    Block, Receipt, RecoveredTransaction, Transaction, TransactionType, TxL1Message,
};
