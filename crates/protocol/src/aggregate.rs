//! Aggregate: what one proof says about consecutive batches, and whom it pays.
//!
//! The aggregate program verifies the proof of each batch and [`fold`]s what they state. Nothing is taken on trust from whoever runs
//! it: a batch counts only with public values whose hash its proof revealed. What is left is the size of one statement however many
//! batches it covers, 33 words of Solidity `abi.encode`, of which the program reveals the Keccak-256:
//!
//! | words | fields | why |
//! |---|---|---|
//! | 0 | tag | no statement of a batch is one of many |
//! | 1-26 | [`PublicValues`] of the range | first to last batch; without roller, task and data, which are each batch's own |
//! | 27-28 | commitments of the program and the machine that proved the batches | L1 compares them with its program table |
//! | 29-30 | lineage before and after | each batch is the one that L1 has the data of: two words on L1 stand for all of them |
//! | 31 | hash of the contributions | whose proof of each batch it was, how much work, and which proof |
//! | 32 | claims root | zero; room for what other programs than the batch program prove |
//!
//! A contribution names its proof by a [`ProofCommitment`], which existed only with that proof: so L1 can pay for the proof that was
//! entered in the lottery, and for no other that the same roller made after it had won.

use crate::{
    ids::{ProofCommitment, Roller, TaskId},
    public_values::{PUBLIC_VALUES_BYTES, PublicValues, PublicValuesError},
    words::{WORD_BYTES, Words, tag},
};
use alloc::vec::Vec;
use alloy_primitives::{B256, U256};
use serde::{Deserialize, Serialize};

/// Most batches that one proof covers.
pub const AGGREGATE_BATCHES_MAX: usize = 64;
/// Encoded length of a [`Child`] in bytes.
const CHILD_BYTES: usize = WORD_BYTES + PUBLIC_VALUES_BYTES;

const AGGREGATE_TAG: B256 = tag("rollmill.aggregate.v1");

/// A batch's proof, by its commitment, and what it is said to state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// Names the proof.
    pub proof: ProofCommitment,
    /// What it states, if the hash of this is what it reveals.
    pub values: PublicValues,
}

/// Input of the aggregate program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AggregateInput {
    /// Lineage before the first batch, as L1 has it. Any value: the statement repeats it.
    pub previous_lineage: B256,
    /// The batches, in order.
    pub children: Vec<Child>,
}

/// What a verified proof shows: a program ran to its end on a machine, and revealed 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Commitment of the program, as L1's program table has it.
    pub exe: B256,
    /// Commitment of the machine, as L1's program table has it.
    pub vm: B256,
    /// What it revealed.
    pub public_values_hash: B256,
}

/// What one batch contributes: Solidity's `Contribution{address roller; uint64 proverGas; bytes32 proof}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Contribution {
    /// Who proved, and is paid.
    pub roller: Roller,
    /// Proven work.
    pub prover_gas: u64,
    /// Which proof it was.
    pub proof: ProofCommitment,
}

/// The statement of an aggregate proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AggregateValues {
    /// From before the first batch to after the last, and the prover gas of all. Roller, task, data commitment and the words of
    /// the blob are zero.
    pub range: PublicValues,
    /// Commitment of the program that proved the batches.
    pub exe: B256,
    /// Commitment of the machine that it ran on.
    pub vm: B256,
    /// Lineage before the first batch.
    pub previous_lineage: B256,
    /// Lineage after the last batch.
    pub lineage: B256,
    /// [`contributions_hash`] of the batches' contributions.
    pub contributions: B256,
}

/// Why batches' proofs do not add up to one statement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// None or more than [`AGGREGATE_BATCHES_MAX`].
    #[error("an aggregate covers 1 to {AGGREGATE_BATCHES_MAX} batches, got {0}")]
    Count(usize),
    /// The proof reveals the hash of other public values.
    #[error("proof {0} states something else")]
    Statement(usize),
    /// The proof is of another program or machine than the first.
    #[error("proof {0} is of another program than the first")]
    Program(usize),
    /// It covers more than one batch, or names another task than that batch's.
    #[error("proof {0} is not of one batch's task")]
    Task(usize),
    /// The batch does not follow the one before it.
    #[error("batch {0} does not follow: {1}")]
    Chain(usize, Gap),
    /// Not even all batches together have so much work.
    #[error("prover gas overflows at batch {0}")]
    ProverGas(usize),
}

/// In what a batch does not follow another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Gap {
    /// Other rules, chain or deployment.
    #[error("other program version, rules, schedule, chain or rollup")]
    Context,
    /// Not the next number.
    #[error("not the next number")]
    Number,
    /// Begins in another state.
    #[error("other state")]
    State,
    /// Begins on another block.
    #[error("other block")]
    Block,
    /// Begins with other L1 messages consumed.
    #[error("other L1 messages")]
    Messages,
}

/// Why bytes are no [`AggregateInput`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AggregateInputError {
    /// Not a word and 1 to [`AGGREGATE_BATCHES_MAX`] batches of fixed length.
    #[error("no aggregate input has {0} bytes")]
    Length(usize),
    /// Public values of one batch.
    #[error("public values of batch {0}")]
    PublicValues(usize, #[source] PublicValuesError),
}

impl AggregateInput {
    /// The lineage, then for each batch the proof's commitment and the encoded public values.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.previous_lineage.to_vec();
        for child in &self.children {
            bytes.extend_from_slice(child.proof.0.as_slice());
            bytes.extend(child.values.encode());
        }
        bytes
    }

    /// Reads exactly what [`Self::encode`] writes of 1 to [`AGGREGATE_BATCHES_MAX`] batches.
    pub fn decode(bytes: &[u8]) -> Result<Self, AggregateInputError> {
        let length = AggregateInputError::Length(bytes.len());
        let Some((lineage, children)) = bytes.split_at_checked(WORD_BYTES) else {
            return Err(length);
        };
        let (children, rest) = children.as_chunks::<CHILD_BYTES>();
        if !rest.is_empty() || !(1..=AGGREGATE_BATCHES_MAX).contains(&children.len()) {
            return Err(length);
        }
        let children = children.iter().enumerate().map(|(index, child)| {
            let (proof, values) = child.split_at(WORD_BYTES);
            let values = PublicValues::decode(values)
                .map_err(|error| AggregateInputError::PublicValues(index, error))?;
            let proof = ProofCommitment(B256::from_slice(proof));
            Ok(Child { proof, values })
        });
        Ok(Self {
            previous_lineage: B256::from_slice(lineage),
            children: children.collect::<Result<_, _>>()?,
        })
    }
}

impl AggregateValues {
    /// `abi.encode` of the struct, between tag and claims root.
    pub fn encode(&self) -> Vec<u8> {
        let words = self.range.words().into_iter();
        words
            .fold(Words::tagged(AGGREGATE_TAG), Words::bytes32)
            .bytes32(self.exe)
            .bytes32(self.vm)
            .bytes32(self.previous_lineage)
            .bytes32(self.lineage)
            .bytes32(self.contributions)
            .bytes32(B256::ZERO)
            .into_bytes()
    }

    /// What the aggregate program reveals: Keccak-256 of [`Self::encode`].
    pub fn hash(&self) -> B256 {
        alloy_primitives::keccak256(self.encode())
    }
}

/// Lineage after a batch: `keccak256(lineage before it ++ its transition)`, see [`PublicValues::transition_hash`].
pub fn roll_lineage(previous: B256, transition: B256) -> B256 {
    Words::new().bytes32(previous).bytes32(transition).hash()
}

/// `keccak256(abi.encode(Contribution[]))`: offset, length, then three words each.
pub fn contributions_hash(contributions: &[Contribution]) -> B256 {
    let head = Words::new()
        .uint(32u64)
        .uint256(U256::from(contributions.len()));
    contributions
        .iter()
        .fold(head, |words, contribution| {
            words
                .address(contribution.roller)
                .uint(contribution.prover_gas)
                .bytes32(contribution.proof)
        })
        .hash()
}

/// Folds the statements of consecutive batches, each of which `verify` has seen a valid proof of.
///
/// SOUNDNESS: `verify` does not return for a commitment without a valid proof, and what it returns is what that proof shows.
pub fn fold(
    input: &AggregateInput,
    mut verify: impl FnMut(ProofCommitment) -> Shown,
) -> Result<AggregateValues, FoldError> {
    let children = &input.children;
    let count = FoldError::Count(children.len());
    if children.len() > AGGREGATE_BATCHES_MAX {
        return Err(count);
    }
    let (Some(first), Some(last)) = (children.first(), children.last()) else {
        return Err(count);
    };
    let program = verify(first.proof);
    let mut lineage = input.previous_lineage;
    let mut prover_gas = 0u64;
    let mut contributions = Vec::with_capacity(children.len());
    for (index, child) in children.iter().enumerate() {
        let shown = if index == 0 {
            program
        } else {
            verify(child.proof)
        };
        check_child(index, child, &shown, &program)?;
        if let Some(before) = index.checked_sub(1) {
            check_follows(&children[before].values, &child.values)
                .map_err(|gap| FoldError::Chain(index, gap))?;
        }
        lineage = roll_lineage(lineage, child.values.transition_hash());
        prover_gas = prover_gas
            .checked_add(child.values.prover_gas)
            .ok_or(FoldError::ProverGas(index))?;
        contributions.push(Contribution {
            roller: child.values.roller,
            prover_gas: child.values.prover_gas,
            proof: child.proof,
        });
    }
    Ok(AggregateValues {
        range: range(&first.values, &last.values, prover_gas),
        exe: program.exe,
        vm: program.vm,
        previous_lineage: input.previous_lineage,
        lineage,
        contributions: contributions_hash(&contributions),
    })
}

/// Is this proof one of a single batch, by the program of the others, and of these public values?
fn check_child(
    index: usize,
    child: &Child,
    shown: &Shown,
    program: &Shown,
) -> Result<(), FoldError> {
    let values = &child.values;
    // SOUNDNESS: from here on the public values are what the proof states, and not what somebody says that it does.
    if values.hash() != shown.public_values_hash {
        return Err(FoldError::Statement(index));
    }
    if (shown.exe, shown.vm) != (program.exe, program.vm) {
        return Err(FoldError::Program(index));
    }
    let task = TaskId::of_batch(values.l1_chain_id, values.rollup, values.first_batch);
    if values.first_batch != values.last_batch || values.task != task {
        return Err(FoldError::Task(index));
    }
    Ok(())
}

fn check_follows(before: &PublicValues, next: &PublicValues) -> Result<(), Gap> {
    let context = |values: &PublicValues| {
        let rules = (values.program_version, values.fork_id, values.schedule_id);
        (rules, values.l1_chain_id, values.rollup, values.l2_chain_id)
    };
    if context(next) != context(before) {
        return Err(Gap::Context);
    }
    if before.last_batch.checked_add(1) != Some(next.first_batch) {
        return Err(Gap::Number);
    }
    if next.previous_state_root != before.state_root {
        return Err(Gap::State);
    }
    if next.previous_block_hash != before.block_hash {
        return Err(Gap::Block);
    }
    if next.previous_message_hash != before.message_hash {
        return Err(Gap::Messages);
    }
    Ok(())
}

/// From before `first` to after `last`.
fn range(first: &PublicValues, last: &PublicValues, prover_gas: u64) -> PublicValues {
    PublicValues {
        roller: Roller::ZERO,
        task: TaskId::default(),
        first_batch: first.first_batch,
        previous_state_root: first.previous_state_root,
        previous_block_hash: first.previous_block_hash,
        previous_message_hash: first.previous_message_hash,
        data_commitment: B256::ZERO,
        blob_versioned_hash: B256::ZERO,
        z: B256::ZERO,
        y: B256::ZERO,
        prover_gas,
        ..last.clone()
    }
}

#[cfg(test)]
mod tests;
