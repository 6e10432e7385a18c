//! Builds one batch from chosen blocks: data, witness, record; and checks that what would be posted and proven is what was
//! built.

use std::ops::RangeInclusive;

use alloy_eips::Encodable2718;
use alloy_primitives::{Address, B256, Bytes};
use rollmill_engine::{
    Chain, StoredBlock,
    stf::{
        BuiltBatch, Identity, build_witness, execute_batch, fees::data_gas,
        witness::StatementContext,
    },
};
use rollmill_l1::Deployment;
use rollmill_protocol::{
    BatchData, BlockData, L1Message, PublicValues, l2::FORK_ID, prover_gas::SCHEDULE_ID,
};
use rollmill_store::{BatchRecord, BatchState};

use super::{BatchStats, CommitFields, SealError, Tip, carrier::Carrier};

/// A batch to build, on a blocking thread.
pub(crate) struct Plan {
    chain: Chain,
    tip: Tip,
    blocks: RangeInclusive<u64>,
    operator: Address,
    context: StatementContext,
    posting: Posting,
}

/// The bytes that are posted, and how.
enum Posting {
    /// What this node makes of the blocks.
    Own(Carrier),
    /// These, in the blob of this versioned hash; zero for calldata.
    Given(Bytes, B256),
}

impl Plan {
    /// The blocks after the tip, up to `last_block`.
    pub(crate) fn new(
        chain: &Chain,
        deployment: &Deployment,
        tip: Tip,
        last_block: u64,
        program_version: u32,
    ) -> Self {
        Self {
            chain: chain.clone(),
            tip,
            blocks: tip.last_block + 1..=last_block,
            operator: deployment.operator,
            context: StatementContext {
                program_version,
                fork_id: FORK_ID,
                schedule_id: SCHEDULE_ID,
                l1_chain_id: deployment.chain_id,
                l2_chain_id: chain.chain_id(),
                batch: tip.batch + 1,
                rollup: deployment.rollup,
                previous_message_hash: tip.message_hash,
                blob_versioned_hash: B256::ZERO,
            },
            posting: Posting::Own(Carrier::Calldata),
        }
    }

    /// The batch's data is what this node makes of the blocks, carried so.
    pub(crate) fn carried(self, carrier: Carrier) -> Self {
        Self {
            posting: Posting::Own(carrier),
            ..self
        }
    }

    /// The batch's data is these bytes, in the blob of this versioned hash or, with zero, as calldata: they mean the same blocks, and
    /// need not be what this node would post.
    pub(crate) fn posted(self, data: Bytes, versioned_hash: B256) -> Self {
        Self {
            posting: Posting::Given(data, versioned_hash),
            ..self
        }
    }

    /// The batch and its record, checked; nothing is written yet.
    pub(crate) fn build(mut self) -> Result<(BuiltBatch, BatchRecord), SealError> {
        let (data, messages, mut stats) = self.collect()?;
        let (encoded, versioned_hash) = match &self.posting {
            Posting::Given(posted, versioned_hash) => (posted.clone(), *versioned_hash),
            Posting::Own(carrier) => {
                let encoded = Bytes::from(data.encode());
                let versioned_hash = carrier.blob(&encoded);
                (encoded, versioned_hash)
            }
        };
        self.context.blob_versioned_hash = versioned_hash;
        // INVARIANT: what is posted decodes to exactly the blocks that were built.
        if BatchData::decode(&encoded)? != data {
            return Err(self.mismatch("batch data"));
        }
        let parent = self.chain.header(self.tip.last_block)?;
        let parent = parent.ok_or(SealError::MissingBlock(self.tip.last_block))?;
        let messages_end = self.tip.messages_end + messages.len() as u64;
        let failed = |source| SealError::Batch {
            blocks: self.blocks.clone(),
            source,
        };
        let built = build_witness(
            self.chain.clone(),
            &parent,
            encoded.clone(),
            messages,
            self.context.clone(),
        )
        .map_err(failed)?;
        self.check(&built)?;
        let values = built.public_values.clone();
        let witness_hash = alloy_primitives::keccak256(&built.witness);
        let fields = CommitFields {
            batch: self.context.batch,
            program_version: values.program_version,
            last_block: values.last_block,
            last_timestamp: values.last_timestamp,
            state_root: values.state_root,
            block_hash: values.block_hash,
            withdrawal_root: values.withdrawal_root,
            messages_end,
            prover_gas_estimate: values.prover_gas,
            witness_hash,
        };
        stats.prover_gas = values.prover_gas;
        stats.witness_bytes = built.witness.len() as u64;
        stats.data_bytes = encoded.len() as u64;
        let record = BatchRecord {
            number: self.context.batch,
            first_block: *self.blocks.start(),
            last_block: *self.blocks.end(),
            state: BatchState::Sealed,
            task: values.task.0,
            witness_hash,
            data: encoded,
            commit_fields: serde_json::to_value(&fields)?,
            public_values: values,
            stats: serde_json::to_value(stats)?,
            committed: None,
            settled: None,
        };
        Ok((built, record))
    }

    fn collect(&self) -> Result<(BatchData, Vec<L1Message>, BatchStats), SealError> {
        let (mut blocks, mut messages, mut stats) = (Vec::new(), Vec::new(), BatchStats::default());
        for number in self.blocks.clone() {
            let block = self
                .chain
                .block(number)?
                .ok_or(SealError::MissingBlock(number))?;
            let (data, executed) = block_data(&block);
            stats.blocks += 1;
            stats.transactions += block.transactions.len() as u64;
            stats.messages += executed.len() as u64;
            stats.evm_gas += block.header.gas_used;
            for (transaction, prover_gas) in block.transactions.iter().zip(&block.prover_gas) {
                if transaction.as_l1_message().is_none() {
                    stats.charged_data_gas += data_gas(transaction);
                    stats.charged_prover_gas += prover_gas;
                }
            }
            blocks.push(data);
            messages.extend(executed);
        }
        Ok((BatchData { blocks }, messages, stats))
    }

    /// Compares the witness's result with the chain, and with the stateless execution of the very bytes.
    fn check(&self, built: &BuiltBatch) -> Result<(), SealError> {
        let values = &built.public_values;
        let last = *self.blocks.end();
        let header = self
            .chain
            .header(last)?
            .ok_or(SealError::MissingBlock(last))?;
        if values.block_hash != header.hash() {
            return Err(self.mismatch("block hash"));
        }
        if values.state_root != header.state_root || values.last_block != last {
            return Err(self.mismatch("state root or last block"));
        }
        let identity = Identity {
            roller: self.operator,
            task: values.task,
        };
        let stateless =
            execute_batch(identity, built.witness.clone()).map_err(|source| SealError::Batch {
                blocks: self.blocks.clone(),
                source,
            })?;
        if stateless
            != (PublicValues {
                roller: self.operator,
                ..values.clone()
            })
        {
            return Err(self.mismatch("stateless execution"));
        }
        Ok(())
    }

    fn mismatch(&self, what: &'static str) -> SealError {
        SealError::Mismatch {
            batch: self.context.batch,
            what,
        }
    }
}

/// What L1 is told of a block, and the L1 messages that it executed.
pub(crate) fn block_data(block: &StoredBlock) -> (BlockData, Vec<L1Message>) {
    let (mut messages, mut transactions) = (Vec::new(), Vec::new());
    for transaction in &block.transactions {
        match transaction.as_l1_message() {
            Some(message) => messages.push(L1Message::from(message.clone())),
            None => transactions.push(transaction.encoded_2718().into()),
        }
    }
    let data = BlockData {
        timestamp: block.header.timestamp,
        gas_limit: block.header.gas_limit,
        prevrandao: block.header.mix_hash,
        l1_message_count: messages.len() as u64,
        transactions,
    };
    (data, messages)
}
