//! Batch data: the minimum that must be on L1 so that anybody can rebuild the chain.
//!
//! `0x01 ++ rlp([block...])`, `block = [timestamp, gasLimit, prevrandao, l1MessageCount, [raw EIP-2718 transaction...]]`.
//! L1 messages come first in a block and are only counted: their content is on L1 already. Block numbers, parent hashes
//! and base fees follow from the parent.
//!
//! Decoding is bounded before it allocates and canonical: whatever decodes encodes back to the same bytes. Whether the
//! blocks are *valid* is the state transition's business, not the codec's.

use alloc::vec::Vec;
use alloy_primitives::{B256, Bytes, keccak256};
use alloy_rlp::{Decodable, Encodable, Header};
use serde::{Deserialize, Serialize};

/// Version byte in front of the RLP.
pub const BATCH_DATA_VERSION: u8 = 1;
/// Most bytes of a batch: calldata at the floor of 40 gas per byte must fit one L1 transaction of 16,777,216 gas.
pub const BATCH_DATA_BYTES_MAX: usize = 400_000;
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
    #[error("batch data version is not {BATCH_DATA_VERSION}")]
    Version,
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
    /// Not canonical RLP of the expected shape.
    #[error("batch data is not canonical: {0}")]
    Rlp(alloy_rlp::Error),
}

impl From<alloy_rlp::Error> for BatchDataError {
    fn from(error: alloy_rlp::Error) -> Self {
        Self::Rlp(error)
    }
}

impl BatchData {
    /// The bytes that go to L1. Bounds are checked by [`Self::decode`]; a batcher decodes what it is about to post.
    pub fn encode(&self) -> Vec<u8> {
        let payload_length = self.blocks.iter().map(BlockData::encoded_length).sum();
        let mut out = Vec::with_capacity(payload_length + 8);
        out.push(BATCH_DATA_VERSION);
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

    /// Keccak-256 of the encoding: what L1 pins and the proof binds.
    pub fn commitment(&self) -> B256 {
        keccak256(self.encode())
    }

    /// Reads exactly what [`Self::encode`] writes, within the bounds of this module.
    pub fn decode(bytes: &[u8]) -> Result<Self, BatchDataError> {
        if bytes.len() > BATCH_DATA_BYTES_MAX {
            return Err(BatchDataError::TooLong(bytes.len()));
        }
        let Some((&BATCH_DATA_VERSION, mut rest)) = bytes.split_first() else {
            return Err(BatchDataError::Version);
        };
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
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::{collection::vec, prelude::*};

    prop_compose! {
        fn any_block()(
            timestamp: u64,
            gas_limit: u64,
            prevrandao: [u8; 32],
            l1_message_count: u64,
            transactions in vec(vec(any::<u8>(), 1..200), 0..5),
        ) -> BlockData {
            let transactions = transactions.into_iter().map(Bytes::from).collect();
            BlockData { timestamp, gas_limit, prevrandao: prevrandao.into(), l1_message_count, transactions }
        }
    }

    proptest! {
        #[test]
        fn decoding_is_the_exact_inverse(blocks in vec(any_block(), 1..6)) {
            let data = BatchData { blocks };
            prop_assert_eq!(BatchData::decode(&data.encode()).unwrap(), data);
        }

        #[test]
        fn whatever_decodes_is_canonical(blocks in vec(any_block(), 1..4), at: prop::sample::Index, to: u8) {
            let mut bytes = BatchData { blocks }.encode();
            let at = at.index(bytes.len());
            bytes[at] = to;
            if let Ok(data) = BatchData::decode(&bytes) {
                prop_assert_eq!(data.encode(), bytes);
            }
        }

        #[test]
        fn noise_never_panics(bytes in vec(any::<u8>(), 0..300)) {
            let _ = BatchData::decode(&bytes);
        }
    }

    #[test]
    fn bounds_and_shape_are_enforced() {
        let one = BatchData {
            blocks: alloc::vec![BlockData::default()],
        };
        let good = one.encode();
        assert_eq!(BatchData::decode(&[]), Err(BatchDataError::Version));
        assert_eq!(BatchData::decode(&[2, 0xc0]), Err(BatchDataError::Version));
        assert_eq!(
            BatchData::decode(&[1, 0xc0]),
            Err(BatchDataError::BlockCount)
        );
        let mut trailing = good.clone();
        trailing.push(0);
        assert_eq!(
            BatchData::decode(&trailing),
            Err(BatchDataError::Rlp(alloy_rlp::Error::UnexpectedLength))
        );
        assert!(matches!(
            BatchData::decode(&good[..good.len() - 1]),
            Err(BatchDataError::Rlp(_))
        ));
        assert_eq!(
            BatchData::decode(&alloc::vec![1; BATCH_DATA_BYTES_MAX + 1]),
            Err(BatchDataError::TooLong(BATCH_DATA_BYTES_MAX + 1))
        );
        let many = BatchData {
            blocks: alloc::vec![BlockData::default(); BATCH_BLOCKS_MAX + 1],
        };
        assert_eq!(
            BatchData::decode(&many.encode()),
            Err(BatchDataError::BlockCount)
        );
        for length in [0, TRANSACTION_BYTES_MAX + 1] {
            let block = BlockData {
                transactions: alloc::vec![Bytes::from(alloc::vec![1; length])],
                ..BlockData::default()
            };
            let data = BatchData {
                blocks: alloc::vec![block],
            };
            assert_eq!(
                BatchData::decode(&data.encode()),
                Err(BatchDataError::TransactionLength {
                    block: 0,
                    transaction: 0
                })
            );
        }
    }
}
