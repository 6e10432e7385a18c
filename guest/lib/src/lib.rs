//! Library of the guest programs: everything that a program needs around the state transition, testable natively.
//!
//! - [`identity`]: the first input of every program: whose proof this is and of which task.
//! - [`prelude`]: makes the execution trace depend on the identity.
//! - [`crypto`]: routes signature recovery to the zkVM's elliptic-curve instructions.
//! - `keccak`: routes `keccak256` of `alloy-primitives` to the Keccak instructions, through its hook `native-keccak`.
//!
//! Rule: a program's `main` reads, decodes, calls the state transition and reveals; all else lives here or in `stf`.
#![cfg_attr(not(test), no_std)]
extern crate alloc;
// Linked for what it defines.
#[cfg(target_os = "zkvm")]
use rollmill_guest_memory as _;

pub mod crypto;
pub mod identity;
#[cfg(any(test, target_os = "zkvm"))]
mod keccak;
pub mod prelude;
