//! The only crate that names a zkVM: OpenVM 2.
//!
//! - [`verify`] checks a proof natively, in some 20 ms; always linked, by the coordinator, the embedded L1 and rollers.
//! - [`prove`] (feature `prove`) makes one; only the roller links it.
//! - [`programs`] holds the guest programs, their commitments and the verifying keys of their virtual machines, as
//!   `cargo xtask guest` wrote them.
//! - [`recorded`] is one batch with its proof, for tests and benchmarks.
//! - [`stark_precompile`] is the body of the embedded L1's precompile: bytes in, accepted or not.
//! - [`mock`] stands in for proofs on devnets; a mock proof is a different type and no verifier here accepts it.
//!
//! A proof shows that one program, named by its [`ProgramCommitment`], ran on one virtual machine, ended with exit code
//! 0 and revealed 32 bytes: the hash of the public values.

mod commitment;
pub mod mock;
mod precompile;
pub mod programs;
// Its generic code takes minutes to compile, and no unit test calls it.
#[cfg(all(feature = "prove", not(test)))]
pub mod prove;
pub mod recorded;
mod verify;

pub use commitment::{NotADigest, ProgramCommitment};
pub use precompile::{PRECOMPILE_HEADER_BYTES, stark_precompile};
pub use verify::{PROOF_BYTES_MAX, VerifyError, verify};
