//! Accepting a block that somebody else built.

use crate::{
    block::{BlockError, BlockExecutor, ExecutedBlock, PushError, TxRejection},
    header::{BLOCK_BYTES_MAX, BlockAttributes, HeaderError, validate_header},
    rules::{Fork, Rules},
    source::{BlockHashSource, StateSource},
    state::StateTrie,
    transaction::Block,
};
use alloc::vec::Vec;
use alloy_consensus::{
    Header,
    transaction::{Recovered, SignerRecoverable},
};
use alloy_primitives::{Address, B256};
use alloy_rlp::Encodable;

/// Why a block is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// The header is invalid whatever the block contains.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// Ommers died with the Merge.
    #[error("a block has no ommers")]
    Ommers,
    /// More bytes than EIP-7934 allows.
    #[error("block of {0} bytes exceeds {BLOCK_BYTES_MAX}")]
    TooLarge(usize),
    /// A signature that recovers to nobody, or is not canonical (EIP-2).
    #[error("transaction {0} has no valid signature")]
    Signature(usize),
    /// A transaction that may not be where it is.
    #[error("transaction {index}: {rejection}")]
    Transaction {
        /// Its index in the block.
        index: usize,
        /// Why.
        rejection: TxRejection,
    },
    /// The block cannot be executed.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// The header claims something else than execution found.
    #[error("{0} differs from what execution found")]
    Mismatch(&'static str),
}

/// Checks `block` against its parent and its own header by executing it on the state after its parent. Returns what
/// execution found, and the state after the block.
pub fn execute_block<S: StateSource, B: BlockHashSource>(
    rules: &Rules,
    parent: &Header,
    parent_hash: B256,
    block: Block,
    state: StateTrie<S>,
    block_hashes: B,
) -> Result<(ExecutedBlock, StateTrie<S>), ImportError> {
    let senders = recover_senders(&block)?;
    execute_block_with_senders(
        rules,
        parent,
        parent_hash,
        block,
        senders,
        state,
        block_hashes,
    )
}

/// As [`execute_block`], for a caller that has recovered the senders already.
pub fn execute_block_with_senders<S: StateSource, B: BlockHashSource>(
    rules: &Rules,
    parent: &Header,
    parent_hash: B256,
    block: Block,
    senders: Vec<Address>,
    state: StateTrie<S>,
    block_hashes: B,
) -> Result<(ExecutedBlock, StateTrie<S>), ImportError> {
    validate_header(rules, parent, parent_hash, &block.header)?;
    if !block.body.ommers.is_empty() {
        return Err(ImportError::Ommers);
    }
    let bytes = block.length();
    if rules.fork(block.header.timestamp) >= Fork::Osaka && bytes > BLOCK_BYTES_MAX {
        return Err(ImportError::TooLarge(bytes));
    }
    let Block { header, body } = block;
    let attributes =
        BlockAttributes::of_header(&header, body.withdrawals.map(|withdrawals| withdrawals.0));
    let mut executor =
        BlockExecutor::begin(rules, parent, parent_hash, attributes, state, block_hashes)?;
    for (index, (transaction, sender)) in body.transactions.into_iter().zip(senders).enumerate() {
        executor
            .push(Recovered::new_unchecked(transaction, sender))
            .map_err(|error| match error {
                PushError::Rejected(rejection) => ImportError::Transaction { index, rejection },
                PushError::Block(error) => error.into(),
            })?;
    }
    let (executed, state) = executor.finish()?;
    compare(&header, &executed.header)?;
    Ok((executed, state))
}

/// The sender of each transaction.
pub fn recover_senders(block: &Block) -> Result<Vec<Address>, ImportError> {
    let recover = |(index, tx): (usize, &crate::transaction::Transaction)| {
        tx.recover_signer()
            .map_err(|_| ImportError::Signature(index))
    };
    block
        .body
        .transactions
        .iter()
        .enumerate()
        .map(recover)
        .collect()
}

/// Names the first field in which the two differ.
fn compare(given: &Header, found: &Header) -> Result<(), ImportError> {
    let fields = [
        (given.gas_used == found.gas_used, "gas used"),
        (
            given.transactions_root == found.transactions_root,
            "transactions root",
        ),
        (given.receipts_root == found.receipts_root, "receipts root"),
        (given.logs_bloom == found.logs_bloom, "logs bloom"),
        (
            given.withdrawals_root == found.withdrawals_root,
            "withdrawals root",
        ),
        (given.blob_gas_used == found.blob_gas_used, "blob gas used"),
        (given.requests_hash == found.requests_hash, "requests hash"),
        (given.state_root == found.state_root, "state root"),
        (given == found, "header"),
    ];
    match fields.iter().find(|(equal, _)| !equal) {
        Some((_, field)) => Err(ImportError::Mismatch(field)),
        None => Ok(()),
    }
}
