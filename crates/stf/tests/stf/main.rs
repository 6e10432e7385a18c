//! Integration tests of the state transition.
#![allow(clippy::unwrap_used)]

mod batch;
mod chain;
mod damage;
mod fees;
mod import;
mod message;
