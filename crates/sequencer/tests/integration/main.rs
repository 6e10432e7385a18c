//! The sequencer and the way to L1 against the embedded L1, and anvil where L1 goes back: real contracts, real blocks, mock proofs.
#![allow(clippy::unwrap_used, missing_docs)]

mod blobs;
mod bridge;
mod fees;
mod harness;
mod origin;
mod reorganisation;
mod replica;
mod round;
mod sender;
