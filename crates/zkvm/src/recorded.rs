//! One batch of ten signed transfers with a real proof of it, and an aggregate of that proof alone, recorded by `cargo xtask fixture`:
//! what tests verify and benchmarks execute.

use alloy_primitives::{Address, B256};
use serde::Deserialize;

use crate::ProgramCommitment;

/// A recorded run of the batch program.
#[derive(Clone, Debug, Deserialize)]
pub struct Recorded {
    /// The program that was proved.
    pub program: ProgramCommitment,
    /// The identity in the statement.
    pub roller: Address,
    /// The task in the statement.
    pub task: B256,
    /// Hash of the statement, which the program reveals.
    pub public_values_hash: B256,
    /// Instructions that the virtual machine executed.
    pub instructions: u64,
    /// Encoded witness.
    #[serde(skip)]
    pub witness: &'static [u8],
    /// Canonical bytes of the proof.
    #[serde(skip)]
    pub proof: &'static [u8],
}

/// A recorded aggregate.
#[derive(Clone, Debug, Deserialize)]
pub struct RecordedAggregate {
    /// The program that was proved.
    pub program: ProgramCommitment,
    /// The statement, as `protocol::AggregateValues`.
    pub values: serde_json::Value,
    /// Its hash, which the program reveals.
    pub public_values_hash: B256,
    /// Canonical bytes of the proof.
    #[serde(skip)]
    pub proof: &'static [u8],
}

/// The aggregate of the recorded batch.
pub fn aggregate_v1() -> RecordedAggregate {
    let recorded: RecordedAggregate =
        serde_json::from_str(include_str!("../tests/fixtures/aggregate-v1/fixture.json"))
            .expect("a committed record parses");
    RecordedAggregate {
        proof: include_bytes!("../tests/fixtures/aggregate-v1/proof.bin"),
        ..recorded
    }
}

/// Signed transfers in the recorded batch.
pub const TRANSFERS: u64 = 10;

/// The recorded batch.
pub fn batch_v1() -> Recorded {
    let recorded: Recorded =
        serde_json::from_str(include_str!("../tests/fixtures/batch-v1/fixture.json"))
            .expect("a committed record parses");
    Recorded {
        witness: include_bytes!("../tests/fixtures/batch-v1/witness.bin"),
        proof: include_bytes!("../tests/fixtures/batch-v1/proof.bin"),
        ..recorded
    }
}
