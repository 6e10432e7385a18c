//! Library of the guest programs: everything that a program needs around the state transition, testable natively.
//!
//! - [`identity`]: the first input of every program: whose proof this is and of which task.
//! - [`prelude`]: makes the execution trace depend on the identity.
//! - [`crypto`]: routes signature recovery to the zkVM's elliptic-curve instructions; `keccak256` of
//!   `alloy-primitives` reaches the Keccak instruction through its `native-keccak` hook by itself.
//!
//! Rule: a program's `main` reads, decodes, calls the state transition and reveals; all else lives here or in `stf`.
#![cfg_attr(not(test), no_std)]
extern crate alloc;
// Linked for `native_keccak256`, the hook that `alloy-primitives` calls.
use openvm_keccak256 as _;

pub mod crypto;
pub mod identity;
pub mod prelude;
