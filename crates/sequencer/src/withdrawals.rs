//! Proofs with which L1 pays a withdrawal.
//!
//! Model: the predeploy's events, in order, are the leaves of the tree. A proof belongs to a batch: it is the path of the leaf in the tree
//! as of the batch's last block, and leads to the root that the batch committed. Leaves are read from the chain
//! once and kept (32 bytes each); everything can be rebuilt from the chain at any time, and is when the chain went back.

use std::sync::{Mutex, PoisonError};

use alloy::sol_types::SolEvent;
use alloy_primitives::{Address, B256};
use rollmill_engine::{Chain, StorageError};
use rollmill_l1::contracts::WithdrawalQueue::WithdrawalInitiated;
use rollmill_protocol::{
    Withdrawal,
    l2::WITHDRAWAL_QUEUE,
    withdrawal::{TREE_DEPTH, WithdrawalDomain, proof, verify},
};
use rollmill_store::{BatchState, Store, StoreError};
use serde::{Deserialize, Serialize};

/// Arguments of `Rollup.finalizeWithdrawal`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WithdrawalProof {
    /// The settled batch whose root the path leads to.
    pub batch: u64,
    /// The withdrawal.
    pub withdrawal: Withdrawal,
    /// Siblings from the leaf up.
    pub path: [B256; TREE_DEPTH],
}

/// There is no proof.
#[derive(Debug, thiserror::Error)]
pub enum WithdrawalError {
    /// No such withdrawal on L2 (yet): the caller's fault, or too early.
    #[error("there is no withdrawal {index} up to L2 block {block}, the newest here")]
    Unknown {
        /// Index that was asked for.
        index: u64,
        /// Newest block of the chain.
        block: u64,
    },
    /// No batch is here: the node has just begun, to read L1 or to make blocks. Try again later.
    #[error("this node has no batch yet, so it can prove no withdrawal: ask again when it has")]
    NoBatch,
    /// It is in no settled batch yet: try again later.
    #[error("withdrawal {0} is in no settled batch yet")]
    NotSettled(u64),
    /// The chain's file failed.
    #[error(transparent)]
    Chain(#[from] StorageError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The events do not make up the tree whose root the batch has: a damaged chain file.
    #[error("withdrawal {index} does not lead to the root of batch {batch}")]
    Root {
        /// Index of the withdrawal.
        index: u64,
        /// The batch.
        batch: u64,
    },
}

/// Makes proofs from the chain.
#[derive(Debug)]
pub struct Withdrawals {
    chain: Chain,
    store: Store,
    domain: WithdrawalDomain,
    known: Mutex<Known>,
}

/// What was read up to (and including) a block.
#[derive(Debug, Default)]
struct Known {
    block: u64,
    /// The block's hash: the chain takes blocks back when L1 does.
    hash: B256,
    /// (withdrawal, its block), in order.
    withdrawals: Vec<(Withdrawal, u64)>,
    leaves: Vec<B256>,
}

impl Withdrawals {
    /// Proofs for the rollup `domain`.
    pub fn new(chain: Chain, store: Store, domain: WithdrawalDomain) -> Self {
        Self {
            chain,
            store,
            domain,
            known: Mutex::default(),
        }
    }

    /// The proof of withdrawal `index` at the last settled batch.
    pub async fn prove(&self, index: u64) -> Result<WithdrawalProof, WithdrawalError> {
        let none_yet = self.store.last_batch(BatchState::Sealed).await?.is_none();
        let settled = self.store.last_batch(BatchState::Settled).await?;
        let record = match settled {
            Some(number) => self.store.batch(number).await?,
            None => None,
        };
        let known = self.read()?;
        let unknown = || match none_yet {
            true => WithdrawalError::NoBatch,
            false => WithdrawalError::Unknown {
                index,
                block: known.block,
            },
        };
        let (withdrawal, block) = known.get(index).ok_or_else(unknown)?;
        let record = record
            .filter(|record| record.last_block >= block)
            .ok_or(WithdrawalError::NotSettled(index))?;
        let root = record.public_values.withdrawal_root;
        let leaves = known.leaves_up_to(record.last_block);
        let path = proof(leaves, index)
            .filter(|path| verify(root, withdrawal.leaf(&self.domain), index, path));
        let path = path.ok_or(WithdrawalError::Root {
            index,
            batch: record.number,
        })?;
        Ok(WithdrawalProof {
            batch: record.number,
            withdrawal,
            path,
        })
    }

    /// All withdrawals of an account, with their blocks.
    pub fn of(&self, sender: Address) -> Result<Vec<(Withdrawal, u64)>, StorageError> {
        let known = self.read()?;
        let mine = known
            .withdrawals
            .iter()
            .filter(|(withdrawal, _)| withdrawal.sender == sender);
        Ok(mine.copied().collect())
    }

    /// Reads the blocks since the last time.
    fn read(&self) -> Result<std::sync::MutexGuard<'_, Known>, StorageError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.block > 0 {
            let found = self.chain.header(known.block)?;
            if found.is_none_or(|header| header.hash() != known.hash) {
                *known = Known::default();
            }
        }
        let head = self.chain.head();
        for number in known.block + 1..=head.number {
            for withdrawal in self.in_block(number)? {
                known.leaves.push(withdrawal.leaf(&self.domain));
                known.withdrawals.push((withdrawal, number));
            }
            known.block = number;
        }
        known.hash = head.hash();
        Ok(known)
    }

    fn in_block(&self, number: u64) -> Result<Vec<Withdrawal>, StorageError> {
        let Some(header) = self.chain.header(number)? else {
            return Ok(Vec::new());
        };
        let input = alloy_primitives::BloomInput::Raw(WITHDRAWAL_QUEUE.as_slice());
        if !header.logs_bloom.contains_input(input) {
            return Ok(Vec::new());
        }
        let receipts = self.chain.receipts(number)?.unwrap_or_default();
        let logs = receipts
            .iter()
            .flat_map(|receipt| &receipt.logs)
            .filter(|log| log.address == WITHDRAWAL_QUEUE);
        let events = logs.filter_map(|log| WithdrawalInitiated::decode_log(log).ok());
        Ok(events
            .map(|event| Withdrawal {
                index: event.index.saturating_to(),
                sender: event.sender,
                recipient: event.recipient,
                amount_wei: event.amountWei,
            })
            .collect())
    }
}

impl Known {
    fn get(&self, index: u64) -> Option<(Withdrawal, u64)> {
        self.withdrawals.get(usize::try_from(index).ok()?).copied()
    }

    fn leaves_up_to(&self, block: u64) -> &[B256] {
        let count = self.withdrawals.partition_point(|(_, at)| *at <= block);
        &self.leaves[..count]
    }
}
