//! One block with a witness instead of a state, under any rules.
//!
//! [`record_block`] executes a block on a full state and returns, besides the verdict, the witness of what the execution
//! asked for; [`replay_block`] executes it again on that witness alone. A refused block has a witness too: it is refused
//! again for the same reason. Batches of the rollup go through [`crate::batch`]; this is how every Ethereum fixture is
//! also run statelessly, and how a single block is audited.

use crate::{
    block::ExecutedBlock,
    import::{ImportError, execute_block},
    rules::Rules,
    source::{BlockHashSource, RecordingSource, StateSource},
    state::StateTrie,
    transaction::Block,
    witness::{Witness, WitnessError, WitnessSource, ancestors_needed},
};
use alloc::vec::Vec;
use alloy_consensus::Header;
use alloy_primitives::Bytes;

/// Why a block could not be replayed on its witness.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The witness is malformed or holds something that the block does not need.
    #[error(transparent)]
    Witness(#[from] WitnessError),
    /// The witness's parent is no header.
    #[error("malformed parent header")]
    Parent,
    /// The block is refused, or something is missing from the witness.
    #[error(transparent)]
    Import(#[from] ImportError),
}

/// Executes `block` on the state of `source` after `parent`. `ancestor(n)` is the header of block `n`, asked for when the
/// block read the hashes of blocks before its parent.
pub fn record_block<S: StateSource + BlockHashSource>(
    rules: &Rules,
    parent: &Header,
    block: Block,
    source: S,
    ancestor: impl Fn(u64) -> Option<Header>,
) -> (Result<ExecutedBlock, ImportError>, Witness) {
    let recording = RecordingSource::new(source);
    let state = StateTrie::new(&recording, parent.state_root);
    let verdict = execute_block(rules, parent, parent.hash_slow(), block, state, &recording);
    let verdict = verdict.map(|(executed, _)| executed);
    let recorded = recording.into_recorded();
    let needed = ancestors_needed(parent.number, recorded.lowest_block_hash);
    let ancestors =
        (1..=needed).map_while(|distance| ancestor(parent.number.checked_sub(distance)?));
    let witness = Witness {
        parent_header: alloy_rlp::encode(parent).into(),
        ancestors: ancestors
            .map(|header| alloy_rlp::encode(header).into())
            .collect::<Vec<Bytes>>(),
        ..Witness::default()
    };
    (verdict, witness.with_recorded(recorded))
}

/// Executes `block` on an encoded witness. Every item of the witness must be used.
pub fn replay_block(
    rules: &Rules,
    witness: Bytes,
    block: Block,
) -> Result<ExecutedBlock, ReplayError> {
    let witness = Witness::decode(witness)?;
    let parent: Header =
        alloy_rlp::decode_exact(&witness.parent_header).map_err(|_| ReplayError::Parent)?;
    let source = WitnessSource::new(&witness, parent.number)?;
    let state = StateTrie::new(&source, parent.state_root);
    let (executed, _) = execute_block(rules, &parent, source.parent_hash(), block, state, &source)?;
    source.finish()?;
    Ok(executed)
}
