//! The aggregate program: the proofs of consecutive batches become one.
//!
//! Input: lineage and batches (`rollmill_protocol::aggregate`). The proofs themselves are not read: the machine's deferral extension
//! answers for the commitment of each, and circuits beside the machine's verify it. Reveals the hash of the aggregate values. A bad
//! input panics, which ends the run with another exit code than 0, and no verifier accepts that.
#![no_std]
#![no_main]

use openvm::io::{read_vec, reveal_bytes32};
// Linked for the hashing that it defines.
use rollmill_guest as _;
use rollmill_guest_deferred::verify;
use rollmill_protocol::aggregate::{AggregateInput, fold};

openvm::entry!(main);

fn main() {
    let input = AggregateInput::decode(&read_vec()).expect("the input is that of an aggregate");
    let values = fold(&input, verify).expect("the batches follow on each other");
    reveal_bytes32(values.hash().0);
}
