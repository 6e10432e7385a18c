//! Batch data: the minimum that must be on L1 so that anybody can rebuild the chain.
//!
//! | version | bytes |
//! |---|---|
//! | 1 | `0x01 ++ rlp([block...])`, `block = [timestamp, gasLimit, prevrandao, l1MessageCount, [raw EIP-2718 transaction...]]` |
//! | 2 | `0x02 ++` signatures and compressed columns: the same blocks, sorted by field (`compressed`) |
//!
//! L1 messages come first in a block and are only counted: their content is on L1 already. Block numbers, parent hashes
//! and base fees follow from the parent.
//!
//! Decoding is a total function: bounded before it allocates, the same on every machine, never a panic. Version 1 is
//! canonical: whatever decodes encodes back to the same bytes. Version 2 is not, as nothing compressed is: several encodings mean
//! the same blocks. What L1 pins is the bytes that were posted, so whoever re-executes a batch keeps those and does not encode again.
//! Whether the blocks are *valid* is the state transition's business, not the codec's.

mod columns;
mod compressed;

use alloc::vec::Vec;
use alloy_primitives::{B256, Bytes};
use alloy_rlp::{Decodable, Encodable, Header};
use serde::{Deserialize, Serialize};

/// Version byte of plain RLP.
pub const BATCH_DATA_VERSION_PLAIN: u8 = 1;
/// Version byte of compressed columns.
pub const BATCH_DATA_VERSION_COMPRESSED: u8 = 2;
/// Most bytes of a batch as it is posted: calldata at the floor of 40 gas per byte must fit one L1 transaction of 16,777,216 gas.
pub const BATCH_DATA_BYTES_MAX: usize = 400_000;
/// Most bytes that version 2 decompresses to: room for the signatures of a full batch and some ten times compressed calldata. The
/// transactions that it holds are longer by their signatures and RLP headers alone, so memory is bounded by a small multiple.
pub const BATCH_COLUMN_BYTES_MAX: usize = 1_000_000;
/// Most blocks of a batch.
pub const BATCH_BLOCKS_MAX: usize = 4_096;
/// Most bytes of one transaction, as geth's pool has it.
pub const TRANSACTION_BYTES_MAX: usize = 131_072;

/// One L2 block, reduced to what does not follow from its parent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BlockData {
    /// Unix seconds.
    pub timestamp: u64,
    /// Gas limit.
    pub gas_limit: u64,
    /// Mix hash: randomness taken from L1.
    pub prevrandao: B256,
    /// L1 messages executed at the start of the block.
    pub l1_message_count: u64,
    /// Raw EIP-2718 transactions, after the messages.
    pub transactions: Vec<Bytes>,
}

/// The data of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BatchData {
    /// Consecutive blocks, at least one.
    pub blocks: Vec<BlockData>,
}

/// Why bytes are no batch data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchDataError {
    /// Over [`BATCH_DATA_BYTES_MAX`].
    #[error("batch data of {0} bytes exceeds {BATCH_DATA_BYTES_MAX}")]
    TooLong(usize),
    /// First byte.
    #[error("batch data of an unknown version")]
    Version,
    /// Version 2 claims to decompress to more than [`BATCH_COLUMN_BYTES_MAX`].
    #[error("batch data decompresses to {0} bytes, more than {BATCH_COLUMN_BYTES_MAX}")]
    Decompressed(u64),
    /// What follows the signatures is not one DEFLATE stream of the length that was claimed.
    #[error("compressed batch data is damaged")]
    Deflate,
    /// A transaction of no known layout.
    #[error("transaction {transaction} of block {block} is of an unknown kind")]
    Kind {
        /// Index of the block in the batch.
        block: usize,
        /// Index among the block's raw transactions.
        transaction: usize,
    },
    /// No block, or more than [`BATCH_BLOCKS_MAX`].
    #[error("a batch has 1 to {BATCH_BLOCKS_MAX} blocks")]
    BlockCount,
    /// A transaction is empty or over [`TRANSACTION_BYTES_MAX`].
    #[error("transaction {transaction} of block {block} is empty or too long")]
    TransactionLength {
        /// Index of the block in the batch.
        block: usize,
        /// Index among the block's raw transactions.
        transaction: usize,
    },
    /// Not canonical RLP of the expected shape, or something is left over.
    #[error("batch data is not canonical: {0}")]
    Rlp(alloy_rlp::Error),
}

impl From<alloy_rlp::Error> for BatchDataError {
    fn from(error: alloy_rlp::Error) -> Self {
        Self::Rlp(error)
    }
}

impl BatchData {
    /// The bytes that go to L1: the shorter of the two versions. Bounds are checked by [`Self::decode`]; a batcher decodes what
    /// it is about to post.
    pub fn encode(&self) -> Vec<u8> {
        let plain = self.encode_plain();
        match compressed::encode(self) {
            Some(compressed) if compressed.len() < plain.len() => compressed,
            _ => plain,
        }
    }

    /// Version 1.
    pub fn encode_plain(&self) -> Vec<u8> {
        let payload_length = self.blocks.iter().map(BlockData::encoded_length).sum();
        let mut out = Vec::with_capacity(payload_length + 8);
        out.push(BATCH_DATA_VERSION_PLAIN);
        Header {
            list: true,
            payload_length,
        }
        .encode(&mut out);
        for block in &self.blocks {
            block.encode_into(&mut out);
        }
        out
    }

    /// Reads either version, within the bounds of this module.
    pub fn decode(bytes: &[u8]) -> Result<Self, BatchDataError> {
        if bytes.len() > BATCH_DATA_BYTES_MAX {
            return Err(BatchDataError::TooLong(bytes.len()));
        }
        match bytes.split_first() {
            Some((&BATCH_DATA_VERSION_PLAIN, rest)) => Self::decode_plain(rest),
            Some((&BATCH_DATA_VERSION_COMPRESSED, rest)) => compressed::decode(rest),
            _ => Err(BatchDataError::Version),
        }
    }

    fn decode_plain(mut rest: &[u8]) -> Result<Self, BatchDataError> {
        let mut payload = list_payload(&mut rest)?;
        if !rest.is_empty() {
            return Err(alloy_rlp::Error::UnexpectedLength.into());
        }
        let mut blocks = Vec::new();
        while !payload.is_empty() {
            if blocks.len() == BATCH_BLOCKS_MAX {
                return Err(BatchDataError::BlockCount);
            }
            blocks.push(BlockData::decode(&mut payload, blocks.len())?);
        }
        if blocks.is_empty() {
            return Err(BatchDataError::BlockCount);
        }
        Ok(Self { blocks })
    }
}

impl BlockData {
    fn transactions_length(&self) -> usize {
        self.transactions.iter().map(|raw| raw.0.length()).sum()
    }

    fn payload_length(&self) -> usize {
        let transactions = self.transactions_length();
        self.timestamp.length()
            + self.gas_limit.length()
            + self.prevrandao.0.length()
            + self.l1_message_count.length()
            + Header {
                list: true,
                payload_length: transactions,
            }
            .length()
            + transactions
    }

    fn encoded_length(&self) -> usize {
        let payload_length = self.payload_length();
        Header {
            list: true,
            payload_length,
        }
        .length()
            + payload_length
    }

    fn encode_into(&self, out: &mut Vec<u8>) {
        Header {
            list: true,
            payload_length: self.payload_length(),
        }
        .encode(out);
        self.timestamp.encode(out);
        self.gas_limit.encode(out);
        self.prevrandao.0.encode(out);
        self.l1_message_count.encode(out);
        Header {
            list: true,
            payload_length: self.transactions_length(),
        }
        .encode(out);
        for raw in &self.transactions {
            raw.0.encode(out);
        }
    }

    fn decode(buf: &mut &[u8], block: usize) -> Result<Self, BatchDataError> {
        let mut fields = list_payload(buf)?;
        let timestamp = u64::decode(&mut fields)?;
        let gas_limit = u64::decode(&mut fields)?;
        let prevrandao = B256::new(<[u8; 32]>::decode(&mut fields)?);
        let l1_message_count = u64::decode(&mut fields)?;
        let mut raws = list_payload(&mut fields)?;
        if !fields.is_empty() {
            return Err(alloy_rlp::Error::UnexpectedLength.into());
        }
        let mut transactions = Vec::new();
        while !raws.is_empty() {
            let raw = Header::decode_bytes(&mut raws, false)?;
            if raw.is_empty() || raw.len() > TRANSACTION_BYTES_MAX {
                return Err(BatchDataError::TransactionLength {
                    block,
                    transaction: transactions.len(),
                });
            }
            transactions.push(Bytes::copy_from_slice(raw));
        }
        Ok(Self {
            timestamp,
            gas_limit,
            prevrandao,
            l1_message_count,
            transactions,
        })
    }
}

/// Takes one RLP list off the front of `buf` and returns its payload.
fn list_payload<'a>(buf: &mut &'a [u8]) -> alloy_rlp::Result<&'a [u8]> {
    Header::decode_bytes(buf, true)
}

#[cfg(test)]
mod tests;
