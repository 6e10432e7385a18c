//! A proof that no coordinator asks for: `rollmill escape` writes down what it needs, `roller prove` proves it.
//!
//! They meet in a folder: [`Statement::FILE`] says what the proof must state, [`Statement::WITNESS`] is what it is made from,
//! [`Statement::PROOF`] is the proof.

use alloy_primitives::{Address, B256, Bytes};
use rollmill_protocol::TaskId;
use serde::{Deserialize, Serialize};

/// What a proof must state, and the batch that it is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Statement {
    /// Batch number.
    pub batch: u64,
    /// In whose name it is proven.
    pub roller: Address,
    /// The batch's task.
    pub task: TaskId,
    /// What the program must reveal.
    pub public_values_hash: B256,
    /// The block that the batch follows on.
    pub previous_block_hash: B256,
    /// The batch's data.
    pub data: Bytes,
}

impl Statement {
    /// Name of its own file, JSON.
    pub const FILE: &str = "statement.json";
    /// Name of the witness's file.
    pub const WITNESS: &str = "witness.bin";
    /// Name of the proof's file.
    pub const PROOF: &str = "proof.bin";
}
