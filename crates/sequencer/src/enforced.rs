//! The chain without its sequencer: what a replica needs to go on by itself in enforced mode.
//!
//! Nothing here asks anybody but L1. [`Replica::catch_up`] brings the chain to where L1 is; [`Replica::propose`] makes of the
//! L1 messages that wait the next batch, which whoever proves it may commit (`Enforcement.enforceBatch`). The batch is built on
//! the chain and taken off it again: it becomes part of it when L1 has it.

use std::ops::Range;

use alloy_primitives::{B256, Bytes};
use rollmill_protocol::{BatchData, BlockData, L1Message, PublicValues};
use rollmill_store::BatchRecord;

use crate::{
    BLOCK_PROVER_GAS_MAX, BLOCK_TRANSACTIONS_MAX, CommitFields, DeriveError, FollowError, L1Head,
    Replica, Underivable,
    batcher::{SealError, Tip},
    follower,
};

/// A batch that anybody may commit together with its proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnforcedBatch {
    /// The first argument of `enforceBatch`.
    pub commit: CommitFields,
    /// The batch's data.
    pub data: Bytes,
    /// What a proof must state, with the roller zero: each prover's own statement differs in that field alone.
    pub values: PublicValues,
    /// What it is proven from.
    pub witness: Bytes,
    /// Indices of its L1 messages.
    pub messages: Range<u64>,
}

impl Replica {
    /// Follows L1 up to its block `through`.
    ///
    /// # Errors
    /// [`FollowError`].
    pub async fn catch_up(&mut self, through: u64) -> Result<(), FollowError> {
        let mut at = follower::cursor(&self.follower.store).await?;
        while at.is_none_or(|at| at.block < through) {
            let update = self.follower.watcher.next().await?;
            self.follower.apply(update).await?;
            at = follower::cursor(&self.follower.store).await?;
        }
        Ok(())
    }

    /// The first committed batch that nobody can derive or prove, if there is one.
    ///
    /// # Errors
    /// [`FollowError::Store`].
    pub async fn underivable(&self) -> Result<Option<Underivable>, FollowError> {
        follower::underivable(&self.follower.store).await
    }

    /// The L1 messages that are in no batch, in their order.
    ///
    /// # Errors
    /// [`DeriveError::Store`], or stored JSON is malformed.
    pub async fn waiting(&self) -> Result<Vec<L1Message>, DeriveError> {
        let tip = Tip::load(&self.follower.store).await?;
        let store = &self.follower.store;
        let rows = store.messages_from(tip.messages_end, u32::MAX).await?;
        let messages = rows.iter().map(|(_, _, body)| serde_json::from_str(body));
        let messages: Result<Vec<_>, _> = messages.collect();
        Ok(messages.map_err(SealError::Json)?)
    }

    /// The next batch: one block with the messages that wait, from the oldest on, as many as it holds and as can be proven at
    /// once; `None` when none waits. Its time and randomness are those of `l1`.
    ///
    /// # Errors
    /// [`DeriveError`].
    pub async fn propose(
        &self,
        l1: L1Head,
        program_version: u32,
    ) -> Result<Option<EnforcedBatch>, DeriveError> {
        let tip = Tip::load(&self.follower.store).await?;
        let chain = &self.follower.chain;
        let missing = SealError::MissingBlock(tip.last_block);
        let parent = chain.header(tip.last_block)?.ok_or(missing)?;
        let mut count = that_fit(&self.waiting().await?, parent.gas_limit);
        while count > 0 {
            let block = BlockData {
                timestamp: l1.timestamp.max(parent.timestamp + 1),
                gas_limit: parent.gas_limit,
                prevrandao: l1.prevrandao,
                l1_message_count: count,
                transactions: Vec::new(),
            };
            let data = BatchData {
                blocks: vec![block],
            };
            let built = self.build(data.encode().into(), program_version).await?;
            // What one message can cost to prove is bounded by the rules.
            if count == 1 || built.values.prover_gas <= BLOCK_PROVER_GAS_MAX {
                return Ok(Some(built));
            }
            count /= 2;
        }
        Ok(None)
    }

    /// The next batch from its data, of which every byte stays.
    ///
    /// # Errors
    /// [`DeriveError`]; also when the data does not follow on the chain as it is now.
    pub async fn build(
        &self,
        data: Bytes,
        program_version: u32,
    ) -> Result<EnforcedBatch, DeriveError> {
        let derivation = &self.follower.derivation;
        let tip = Tip::load(&self.follower.store).await?;
        // In enforced mode data is calldata, whatever it was before.
        let posted = (data, B256::ZERO);
        let built = derivation.build(tip, posted, program_version).await;
        derivation.undo(tip.last_block).await?;
        let (built, record) = built?;
        let commit = commit_fields(&record)?;
        Ok(EnforcedBatch {
            messages: tip.messages_end..commit.messages_end,
            commit,
            data: record.data,
            values: record.public_values,
            witness: built.witness,
        })
    }
}

/// How many of the messages, from the first on, a block holds. Never none of some: a block holds the largest.
fn that_fit(waiting: &[L1Message], gas_limit: u64) -> u64 {
    let mut gas = 0u64;
    let fitting = waiting.iter().take_while(|message| {
        gas = gas.saturating_add(message.gas_limit);
        gas <= gas_limit
    });
    let count = fitting.count().clamp(1, BLOCK_TRANSACTIONS_MAX);
    count.min(waiting.len()) as u64
}

fn commit_fields(record: &BatchRecord) -> Result<CommitFields, DeriveError> {
    let fields = serde_json::from_value(record.commit_fields.clone());
    Ok(fields.map_err(SealError::Json)?)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, U256};

    use super::*;

    fn message(gas_limit: u64) -> L1Message {
        L1Message {
            index: 0,
            sender: Address::ZERO,
            to: Address::ZERO,
            mint: U256::ZERO,
            value: U256::ZERO,
            gas_limit,
            data: Bytes::new(),
        }
    }

    #[test]
    fn a_block_takes_what_fits_and_one_at_least() {
        let waiting = [10, 20, 30, 5].map(message);
        assert_eq!(that_fit(&waiting, 59), 2);
        assert_eq!(that_fit(&waiting, 60), 3);
        assert_eq!(that_fit(&waiting, u64::MAX), 4);
        assert_eq!(that_fit(&waiting, 9), 1);
        assert_eq!(that_fit(&[], 60), 0);
        assert_eq!(that_fit(&[u64::MAX, 1].map(message), 60), 1);
    }
}
