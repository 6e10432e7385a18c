//! The embedded L1 as its clients see it: JSON-RPC only, on a free port, with real blocks.
#![allow(clippy::unwrap_used, missing_docs)]

mod contracts;
mod durability;
mod harness;
mod reading;
mod rules;
mod transactions;
