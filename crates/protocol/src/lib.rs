//! The law of rollmill, written once.
//!
//! Everything on which two parties must agree byte for byte or number for number stands here: the *formats* (ids, public
//! values, batch data, messages, withdrawals, entries) and, in `law` and `board`, the *mechanism* (snapshot, draw, deadline,
//! lottery, reputation, fine, reward, and the task board that strings them together).
//!
//! The mechanism is behind the feature `law`, because the guest needs the formats only: it does not compile the rest, and
//! the guest's binary does not change with it.
//!
//! Rules of this crate:
//! - `no_std` with `alloc`; no I/O, no clock, no randomness: time and beacons are arguments.
//! - Integers only, checked arithmetic, and each division says which way it rounds.
//! - Ordered collections only, so that the same events give the same bytes on every machine.
//! - Where L1 repeats a rule, this is the reference that the Solidity is tested against (`vectors/*.json`).
//!
//! All hashes are Keccak-256 over 32-byte words as Solidity's `abi.encode` lays them out; see [`words`].

#![no_std]
extern crate alloc;

pub mod aggregate;
pub mod batch;
pub mod blob;
#[cfg(feature = "law")]
pub mod board;
pub mod entries;
pub mod ids;
pub mod l2;
#[cfg(feature = "law")]
pub mod law;
pub mod message;
pub mod prover_gas;
pub mod public_values;
pub mod withdrawal;
pub mod words;

pub use aggregate::{AggregateValues, Contribution};
pub use batch::{BatchData, BlockData};
pub use entries::{Entry, entries_hash};
pub use ids::{
    BatchNumber, ProofCommitment, ProofDigest, Roller, Round, ScrWei, TaskId, UnixSeconds,
};
pub use message::L1Message;
pub use prover_gas::{ProverGas, WorkCounts};
pub use public_values::PublicValues;
pub use withdrawal::{Withdrawal, WithdrawalTree};
