//! The embedded L1 as its clients see it: JSON-RPC only, on a free port, with real blocks.
#![allow(clippy::unwrap_used, missing_docs)]

mod blobs;
mod contracts;
mod debug;
mod durability;
mod harness;
mod methods;
mod reading;
mod rules;
mod shapes;
mod simulate;
mod socket;
mod transactions;
