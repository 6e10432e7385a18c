//! Proofs with which L1 pays a withdrawal.
//!
//! Model: the predeploy's events, in order, are the leaves of the tree. A proof belongs to a batch: it is the path of the leaf in the tree
//! as of the batch's last block, and leads to the root that the batch committed. Leaves are read from the chain
//! once and kept with their owners and the numbers of their blocks (60 bytes each), because a withdrawal's data can be long; everything can be
//! rebuilt from the chain at any time, and is when the chain went back.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use alloy::sol_types::SolEvent;
use alloy_primitives::{Address, B256};
use rollmill_engine::{Chain, StorageError};
use rollmill_l1::contracts::{
    L2TokenBridge::WithdrawalInitiated as TokensWithdrawn, WithdrawalQueue::WithdrawalInitiated,
};
use rollmill_protocol::{
    Withdrawal,
    l2::{L2_TOKEN_BRIDGE, WITHDRAWAL_QUEUE},
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

/// A withdrawal on L2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Initiated {
    /// What L1 is told.
    pub withdrawal: Withdrawal,
    /// Who gave up the ether or the tokens: its sender, or for whom the token bridge sent it.
    pub owner: Address,
    /// Its block.
    pub block: u64,
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
    leaves: Vec<B256>,
    /// Owner and block of each.
    origins: Vec<(Address, u64)>,
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
        let block = known.block_of(index).ok_or_else(unknown)?;
        let record = record
            .filter(|record| record.last_block >= block)
            .ok_or(WithdrawalError::NotSettled(index))?;
        let root = record.public_values.withdrawal_root;
        let of_block = self.in_block(block)?.into_iter();
        let proven = of_block
            .map(|initiated| initiated.withdrawal)
            .find(|withdrawal| withdrawal.index == index)
            .and_then(|withdrawal| {
                let path = proof(known.leaves_up_to(record.last_block), index)?;
                let leaf = withdrawal.leaf(&self.domain);
                verify(root, leaf, index, &path).then_some((withdrawal, path))
            });
        let (withdrawal, path) = proven.ok_or(WithdrawalError::Root {
            index,
            batch: record.number,
        })?;
        Ok(WithdrawalProof {
            batch: record.number,
            withdrawal,
            path,
        })
    }

    /// All withdrawals of an account, in order.
    pub fn of(&self, owner: Address) -> Result<Vec<Initiated>, StorageError> {
        let blocks = self.read()?.blocks_of(owner);
        let mut found = Vec::new();
        for block in blocks {
            let initiated = self.in_block(block)?.into_iter();
            found.extend(initiated.filter(|initiated| initiated.owner == owner));
        }
        Ok(found)
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
            for initiated in self.in_block(number)? {
                known.leaves.push(initiated.withdrawal.leaf(&self.domain));
                known.origins.push((initiated.owner, number));
            }
            known.block = number;
        }
        known.hash = head.hash();
        Ok(known)
    }

    fn in_block(&self, number: u64) -> Result<Vec<Initiated>, StorageError> {
        let Some(header) = self.chain.header(number)? else {
            return Ok(Vec::new());
        };
        let input = alloy_primitives::BloomInput::Raw(WITHDRAWAL_QUEUE.as_slice());
        if !header.logs_bloom.contains_input(input) {
            return Ok(Vec::new());
        }
        let receipts = self.chain.receipts(number)?.unwrap_or_default();
        let mut found: Vec<Initiated> = Vec::new();
        for log in receipts.iter().flat_map(|receipt| &receipt.logs) {
            if log.address == WITHDRAWAL_QUEUE {
                let event = WithdrawalInitiated::decode_log(log).ok();
                found.extend(event.map(|event| Initiated::new(event.data.into(), number)));
            } else if log.address == L2_TOKEN_BRIDGE {
                // The bridge says whose tokens they were right after the queue has said that the bridge withdraws.
                let event = TokensWithdrawn::decode_log(log).ok();
                if let (Some(event), Some(last)) = (event, found.last_mut()) {
                    last.owner = event.from;
                }
            }
        }
        Ok(found)
    }
}

impl Initiated {
    fn new(withdrawal: Withdrawal, block: u64) -> Self {
        Self {
            owner: withdrawal.sender,
            withdrawal,
            block,
        }
    }
}

impl Known {
    fn block_of(&self, index: u64) -> Option<u64> {
        let origin = self.origins.get(usize::try_from(index).ok()?);
        origin.map(|(_, block)| *block)
    }

    /// The blocks in which an account has withdrawn.
    fn blocks_of(&self, owner: Address) -> BTreeSet<u64> {
        let mine = self.origins.iter().filter(|(of, _)| *of == owner);
        mine.map(|(_, block)| *block).collect()
    }

    fn leaves_up_to(&self, block: u64) -> &[B256] {
        let count = self.origins.partition_point(|(_, at)| *at <= block);
        &self.leaves[..count]
    }
}
