//! A batch: what the guest proves, and how the host prepares it.
//!
//! Model: [`execute_batch`] is the statement. From an identity and a witness it derives the public values, or fails; it
//! reads nothing else. [`build_witness`] runs the same blocks on a full state, records what they ask for, and returns the
//! witness with the public values that [`execute_batch`] will find. Both go through one function, `run`, so that the
//! native result and the proven one cannot differ, prover gas included.
//!
//! SOUNDNESS: what the caller supplies is either an input of the public values (identity, context with the blob, data commitment,
//! parent hash, message hashes) or a preimage of something that is. L1 compares all of them with its own state.

use crate::{
    block::{BlockError, BlockExecutor, PushError, TxRejection},
    evm::code_words,
    header::BlockAttributes,
    rules::{RollmillRules, Rules},
    source::{BlockHashSource, RecordingSource, StateSource},
    state::{StateError, StateTrie},
    transaction::{Block, EthereumTransaction, Transaction},
    witness::{Preimages, StatementContext, Witness, WitnessError, WitnessSource},
};
use alloc::vec::Vec;
use alloy_consensus::{
    Header,
    transaction::{Recovered, SignerRecoverable},
};
use alloy_eips::eip2718::{Decodable2718, Encodable2718};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use rollmill_protocol::{
    BatchData, BlockData, L1Message, PublicValues, TaskId, WorkCounts,
    batch::BatchDataError,
    blob::{BlobBinding, BlobError, coefficient_count},
    l2::{FORK_ID, WITHDRAWAL_QUEUE, WITHDRAWAL_ROOT_SLOT},
    message::roll,
    prover_gas::SCHEDULE_ID,
};

/// For whom a batch is proven, and as what. The guest reads it before anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The roller that will be paid.
    pub roller: Address,
    /// The task that it was drawn for.
    pub task: TaskId,
}

/// Why a batch has no public values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// The witness is malformed, or holds something that the batch does not need.
    #[error(transparent)]
    Witness(#[from] WitnessError),
    /// The batch data is malformed.
    #[error(transparent)]
    Data(#[from] BatchDataError),
    /// The batch data is in no blob.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// Nobody can be paid at the zero address.
    #[error("the roller is the zero address")]
    ZeroRoller,
    /// The task is not this batch of this rollup.
    #[error("task {got} is not that of the witness, {expected}")]
    Task {
        /// Derived from the witness.
        expected: TaskId,
        /// The identity's.
        got: TaskId,
    },
    /// The witness is for other rules than this program's.
    #[error("fork {0} is not executed by this program")]
    Fork(u32),
    /// The witness is for another schedule than this program's.
    #[error("prover-gas schedule {0} is not counted by this program")]
    Schedule(u32),
    /// The parent is no header.
    #[error("malformed parent header")]
    Parent,
    /// The data counts more messages than there are.
    #[error("L1 message {0} of the batch is missing")]
    MissingMessage(usize),
    /// Bytes that are no signed transaction. An L1 message among the raw transactions is one of these: only L1 mints.
    #[error("transaction {index} of block {block} is malformed")]
    Malformed {
        /// Number of the block.
        block: u64,
        /// Index in the block's data, messages not counted.
        index: usize,
    },
    /// A signature that recovers to nobody, or is not canonical (EIP-2).
    #[error("transaction {index} of block {block} has no valid signature")]
    Signature {
        /// Number of the block.
        block: u64,
        /// Index in the block's data, messages not counted.
        index: usize,
    },
    /// A transaction that may not be where it is.
    #[error("transaction {index} of block {block}: {rejection}")]
    Rejected {
        /// Number of the block.
        block: u64,
        /// Index in the block, messages counted.
        index: usize,
        /// Why.
        rejection: TxRejection,
    },
    /// A block cannot be executed; with a witness most often because something is missing from it.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// The state could not be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// The withdrawal queue has no root: the genesis is not a rollup's.
    #[error("the withdrawal queue has no root")]
    NoWithdrawalRoot,
    /// The batch is larger than prover gas can express.
    #[error("prover gas exceeds 64 bits")]
    ProverGas,
}

/// The public values of the batch in `witness`, for `identity`. Missing and superfluous items are errors alike.
pub fn execute_batch(identity: Identity, witness: Bytes) -> Result<PublicValues, BatchError> {
    if identity.roller.is_zero() {
        return Err(BatchError::ZeroRoller);
    }
    let witness_bytes = witness.len();
    let witness = Witness::decode(witness)?;
    let task = check_context(&witness.context)?;
    if identity.task != task {
        return Err(BatchError::Task {
            expected: task,
            got: identity.task,
        });
    }
    let parent: Header =
        alloy_rlp::decode_exact(&witness.parent_header).map_err(|_| BatchError::Parent)?;
    let source = WitnessSource::new(&witness, parent.number)?;
    let data = BatchData::decode(&witness.batch_data)?;
    let posted = Posted::new(&witness.context, &witness.batch_data)?;
    let start = Start {
        parent: &parent,
        parent_hash: source.parent_hash(),
    };
    let end = run(
        &witness.context,
        start,
        &data,
        |position| source.message(position),
        &source,
    )?;
    source.finish()?;
    let work = end.work(&posted, &witness, witness_bytes);
    end.public_values(identity, start, &work, &witness.context, &posted)
}

/// A batch ready to be committed and proven.
#[derive(Clone, Debug)]
pub struct BuiltBatch {
    /// Encoded witness, the same for every roller.
    pub witness: Bytes,
    /// Public values with the zero address as roller; a roller's differ in that field alone.
    pub public_values: PublicValues,
    /// The work from which the prover gas follows.
    pub work: WorkCounts,
}

/// Executes a batch, given by the bytes that are posted, on the state of `source` after `parent` and records what it needs.
/// `messages` are exactly the L1 messages that the data counts. The caller compares the block hash in the public values with
/// that of the chain.
pub fn build_witness<S: StateSource + BlockHashSource>(
    source: S,
    parent: &Header,
    batch_data: Bytes,
    messages: Vec<L1Message>,
    context: StatementContext,
) -> Result<BuiltBatch, BatchError> {
    let task = check_context(&context)?;
    let data = BatchData::decode(&batch_data)?;
    let posted = Posted::new(&context, &batch_data)?;
    let recording = RecordingSource::new(source);
    let start = Start {
        parent,
        parent_hash: parent.hash_slow(),
    };
    let mut used = 0;
    let message = |position: usize| {
        used = position + 1;
        messages.get(position)
    };
    let end = run(&context, start, &data, message, &recording)?;
    if let Some(index) = (used < messages.len()).then_some(used) {
        let part = crate::witness::WitnessPart::Message;
        return Err(WitnessError::Superfluous { part, index }.into());
    }
    let witness = Witness {
        context,
        parent_header: alloy_rlp::encode(parent).into(),
        ancestors: Vec::new(),
        nodes: Preimages::default(),
        codes: Preimages::default(),
        batch_data,
        messages,
    }
    .with_recorded(recording.into_recorded());
    let encoded = Bytes::from(witness.encode());
    let identity = Identity {
        roller: Address::ZERO,
        task,
    };
    let work = end.work(&posted, &witness, encoded.len());
    let public_values = end.public_values(identity, start, &work, &witness.context, &posted)?;
    Ok(BuiltBatch {
        witness: encoded,
        public_values,
        work,
    })
}

/// Batch data of consecutive L2 blocks.
pub fn batch_data<'a>(blocks: impl IntoIterator<Item = &'a Block>) -> BatchData {
    let blocks = blocks.into_iter().map(|block| {
        let (messages, transactions): (Vec<_>, Vec<_>) = block
            .body
            .transactions
            .iter()
            .partition(|tx| tx.as_l1_message().is_some());
        BlockData {
            timestamp: block.header.timestamp,
            gas_limit: block.header.gas_limit,
            prevrandao: block.header.mix_hash,
            l1_message_count: messages.len() as u64,
            transactions: transactions
                .into_iter()
                .map(|tx| tx.encoded_2718().into())
                .collect(),
        }
    });
    BatchData {
        blocks: blocks.collect(),
    }
}

/// Checks that this program executes such a batch; returns the batch's task.
fn check_context(context: &StatementContext) -> Result<TaskId, BatchError> {
    if context.fork_id != FORK_ID {
        return Err(BatchError::Fork(context.fork_id));
    }
    if context.schedule_id != SCHEDULE_ID {
        return Err(BatchError::Schedule(context.schedule_id));
    }
    Ok(TaskId::of_batch(
        context.l1_chain_id,
        context.rollup,
        context.batch,
    ))
}

/// Where a batch starts.
#[derive(Clone, Copy)]
struct Start<'a> {
    parent: &'a Header,
    parent_hash: B256,
}

/// The data of a batch, as L1 has it.
struct Posted {
    commitment: B256,
    /// Zero for calldata.
    blob: BlobBinding,
    coefficients: u64,
}

impl Posted {
    fn new(context: &StatementContext, data: &[u8]) -> Result<Self, BlobError> {
        let (commitment, versioned_hash) = (keccak256(data), context.blob_versioned_hash);
        if versioned_hash.is_zero() {
            return Ok(Self {
                commitment,
                blob: BlobBinding::default(),
                coefficients: 0,
            });
        }
        Ok(Self {
            commitment,
            blob: BlobBinding::new(versioned_hash, data, commitment)?,
            coefficients: coefficient_count(data.len()) as u64,
        })
    }
}

/// Where a batch ends.
struct End {
    header: Header,
    hash: B256,
    message_hash: B256,
    withdrawal_root: B256,
    /// Of the blocks alone.
    work: WorkCounts,
}

impl End {
    /// All the work: also that of the witness and of the blob.
    fn work(&self, posted: &Posted, witness: &Witness, witness_bytes: usize) -> WorkCounts {
        let codes = witness.codes.iter();
        WorkCounts {
            witness_bytes: witness_bytes as u64,
            code_words: codes.map(|code| code_words(code.len())).sum(),
            blob_coefficients: posted.coefficients,
            ..self.work
        }
    }

    fn public_values(
        &self,
        identity: Identity,
        start: Start<'_>,
        work: &WorkCounts,
        context: &StatementContext,
        posted: &Posted,
    ) -> Result<PublicValues, BatchError> {
        Ok(PublicValues {
            program_version: context.program_version,
            fork_id: context.fork_id,
            l1_chain_id: context.l1_chain_id,
            rollup: context.rollup,
            l2_chain_id: context.l2_chain_id,
            roller: identity.roller,
            task: identity.task,
            first_batch: context.batch,
            last_batch: context.batch,
            previous_state_root: start.parent.state_root,
            state_root: self.header.state_root,
            previous_block_hash: start.parent_hash,
            block_hash: self.hash,
            data_commitment: posted.commitment,
            blob_versioned_hash: posted.blob.versioned_hash,
            z: posted.blob.z,
            y: posted.blob.y,
            previous_message_hash: context.previous_message_hash,
            message_hash: self.message_hash,
            withdrawal_root: self.withdrawal_root,
            last_block: self.header.number,
            last_timestamp: self.header.timestamp,
            prover_gas: work.prover_gas().ok_or(BatchError::ProverGas)?,
            schedule_id: context.schedule_id,
        })
    }
}

/// Executes the blocks of a batch. `message(i)` is the batch's i-th L1 message.
fn run<'m, S: StateSource + BlockHashSource>(
    context: &StatementContext,
    start: Start<'_>,
    data: &BatchData,
    mut message: impl FnMut(usize) -> Option<&'m L1Message>,
    source: &S,
) -> Result<End, BatchError> {
    let rules = Rules::Rollmill(RollmillRules {
        chain_id: context.l2_chain_id,
    });
    let mut state = StateTrie::new(source, start.parent.state_root);
    let mut end = End {
        header: start.parent.clone(),
        hash: start.parent_hash,
        message_hash: context.previous_message_hash,
        withdrawal_root: B256::ZERO,
        work: WorkCounts::default(),
    };
    let mut position = 0;
    for block in &data.blocks {
        let attributes =
            BlockAttributes::rollmill(block.timestamp, block.prevrandao, block.gas_limit);
        let mut executor =
            BlockExecutor::begin(&rules, &end.header, end.hash, attributes, state, source)?;
        fill_block(&mut executor, block, || {
            let message = message(position).ok_or(BatchError::MissingMessage(position))?;
            position += 1;
            end.message_hash = roll(end.message_hash, message.hash());
            Ok(message)
        })?;
        let (executed, after) = executor.finish()?;
        state = after;
        end.work = end
            .work
            .checked_add(&executed.work)
            .ok_or(BatchError::ProverGas)?;
        (end.header, end.hash) = (executed.header, executed.hash);
    }
    end.withdrawal_root = state
        .storage(WITHDRAWAL_QUEUE, U256::from(WITHDRAWAL_ROOT_SLOT))?
        .into();
    if end.withdrawal_root.is_zero() {
        return Err(BatchError::NoWithdrawalRoot);
    }
    Ok(end)
}

/// Executes what batch data says of a block: as many of `next_message` as it counts, then its signed transactions.
pub fn fill_block<'m, S: StateSource, B: BlockHashSource>(
    executor: &mut BlockExecutor<S, B>,
    data: &BlockData,
    mut next_message: impl FnMut() -> Result<&'m L1Message, BatchError>,
) -> Result<(), BatchError> {
    for _ in 0..data.l1_message_count {
        let message = next_message()?;
        push(
            executor,
            Recovered::new_unchecked(Transaction::from(message.clone()), message.sender),
        )?;
    }
    executor.reserve(data.transactions.len());
    for (index, raw) in data.transactions.iter().enumerate() {
        let transaction = decode(executor.header().number, index, raw)?;
        push(executor, transaction)?;
    }
    Ok(())
}

fn push<S: StateSource, B: BlockHashSource>(
    executor: &mut BlockExecutor<S, B>,
    transaction: Recovered<Transaction>,
) -> Result<(), BatchError> {
    let (block, index) = (executor.header().number, executor.transaction_count());
    match executor.push(transaction) {
        Ok(_) => Ok(()),
        Err(PushError::Rejected(rejection)) => Err(BatchError::Rejected {
            block,
            index,
            rejection,
        }),
        Err(PushError::Block(error)) => Err(error.into()),
    }
}

/// SOUNDNESS: the raw bytes are decoded as a *signed* transaction; type 0x7E does not decode, so data cannot mint.
fn decode(block: u64, index: usize, raw: &[u8]) -> Result<Recovered<Transaction>, BatchError> {
    let transaction = EthereumTransaction::decode_2718_exact(raw)
        .map_err(|_| BatchError::Malformed { block, index })?;
    let sender = transaction
        .recover_signer()
        .map_err(|_| BatchError::Signature { block, index })?;
    Ok(Recovered::new_unchecked(transaction.into(), sender))
}
