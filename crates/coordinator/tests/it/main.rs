//! The coordinator as rollers and L1 see it: a real server on a free port, the real client, a fed L1.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod audit;
mod charge;
mod embedded;
mod fallback;
mod harness;
mod late;
mod origin;
mod parameters;
mod pieces;
mod posted;
mod public;
mod receipts;
mod refusals;
mod restart;
mod rounds;
mod together;
mod unpaid;
