//! The batch program: the blocks of one batch lead from the old state to the new one.
//!
//! Inputs: the identity (roller, then task), then the witness. Reveals the hash of the public values. A bad input panics,
//! which ends the run with another exit code than 0, and no verifier accepts that.
#![no_std]
#![no_main]

use openvm::io::{read_vec, reveal_bytes32};
use rollmill_guest::{crypto, identity, prelude::Prelude};
use rollmill_stf::execute_batch;

openvm::entry!(main);

fn main() {
    let identity = identity::decode(&read_vec()).expect("the identity has 52 bytes");
    Prelude::derive(&identity).run();
    crypto::install();
    let public_values =
        execute_batch(identity, read_vec().into()).expect("the witness is that of a valid batch");
    reveal_bytes32(public_values.hash().0);
}
