//! Public values: all that a proof of a batch says, and to whom it belongs.
//!
//! 26 words of Solidity `abi.encode`. The guest reveals only the Keccak-256 of these 832 bytes; whoever verifies a proof
//! builds the struct from what *it* knows (L1 state, the submission's roller and task) and compares hashes. A field that
//! is not in here is not proven, so every field has a reason:
//!
//! | words | fields | why |
//! |---|---|---|
//! | 0-2 | format, program, fork | a proof of one rule set never passes for another |
//! | 3-5 | L1 chain id, rollup, L2 chain id | no replay on another deployment |
//! | 6-7 | roller, task | the identity that is paid, the work it is paid for |
//! | 8-9 | first and last batch | range of the statement (equal for one batch) |
//! | 10-13 | state roots, block hashes before and after | the transition; proofs chain by them |
//! | 14-17 | data commitment, blob versioned hash, z, y | the data is the data on L1 (blob words zero with calldata) |
//! | 18-19 | message rolling hash before and after | L1 messages are consumed in order, none is skipped |
//! | 20 | withdrawal root | exits |
//! | 21-22 | last block number and timestamp | L1 bounds drift |
//! | 23-24 | prover gas, schedule | the reward's base |
//! | 25 | reserved | zero |

use crate::{
    ids::{BatchNumber, Roller, TaskId},
    words::{WORD_BYTES, Words},
};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, U256, keccak256};
use serde::{Deserialize, Serialize};

/// Version of this layout: the first word.
pub const FORMAT_VERSION: u32 = 1;
/// Number of words.
pub const PUBLIC_VALUES_WORDS: usize = 26;
/// Encoded length in bytes.
pub const PUBLIC_VALUES_BYTES: usize = PUBLIC_VALUES_WORDS * WORD_BYTES;

/// The statement of a batch proof. The first word (format version) and the last (reserved, zero) are constants of the
/// encoding and therefore no fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublicValues {
    /// Row of the program table on L1.
    pub program_version: u32,
    /// Rules of execution, see [`crate::l2::FORK_ID`].
    pub fork_id: u32,
    /// Chain id of L1.
    pub l1_chain_id: u64,
    /// The Rollup contract on L1.
    pub rollup: Address,
    /// Chain id of L2.
    pub l2_chain_id: u64,
    /// Who proved, and is paid.
    pub roller: Roller,
    /// What was proved.
    pub task: TaskId,
    /// First batch of the range.
    pub first_batch: BatchNumber,
    /// Last batch of the range, inclusive.
    pub last_batch: BatchNumber,
    /// State root before the first block.
    pub previous_state_root: B256,
    /// State root after the last block.
    pub state_root: B256,
    /// Hash of the parent of the first block.
    pub previous_block_hash: B256,
    /// Hash of the last block.
    pub block_hash: B256,
    /// Keccak-256 of the batch data.
    pub data_commitment: B256,
    /// Versioned hash of the blob; zero when the data is calldata.
    pub blob_versioned_hash: B256,
    /// Evaluation point of the blob's polynomial; zero with calldata.
    pub z: B256,
    /// Value at `z`; zero with calldata.
    pub y: B256,
    /// Rolling hash of the L1 messages before the range.
    pub previous_message_hash: B256,
    /// Rolling hash of the L1 messages after the range.
    pub message_hash: B256,
    /// Root of the withdrawal tree after the range.
    pub withdrawal_root: B256,
    /// Number of the last block.
    pub last_block: u64,
    /// Timestamp of the last block, Unix seconds.
    pub last_timestamp: u64,
    /// Measured proving work under `schedule_id`.
    pub prover_gas: u64,
    /// Schedule by which the prover gas was counted.
    pub schedule_id: u32,
}

/// Why bytes are no public values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublicValuesError {
    /// The length is fixed.
    #[error("public values are {PUBLIC_VALUES_BYTES} bytes, got {0}")]
    Length(usize),
    /// First word.
    #[error("format version is not {FORMAT_VERSION}")]
    FormatVersion,
    /// A word exceeds its field's type.
    #[error("word {0} does not fit its field")]
    Range(usize),
    /// Last word.
    #[error("the reserved word is not zero")]
    Reserved,
}

impl PublicValues {
    /// The 26 words, in order.
    pub fn words(&self) -> [B256; PUBLIC_VALUES_WORDS] {
        let uint = |value: u64| B256::from(U256::from(value));
        [
            uint(FORMAT_VERSION.into()),
            uint(self.program_version.into()),
            uint(self.fork_id.into()),
            uint(self.l1_chain_id),
            self.rollup.into_word(),
            uint(self.l2_chain_id),
            self.roller.into_word(),
            self.task.0,
            uint(self.first_batch),
            uint(self.last_batch),
            self.previous_state_root,
            self.state_root,
            self.previous_block_hash,
            self.block_hash,
            self.data_commitment,
            self.blob_versioned_hash,
            self.z,
            self.y,
            self.previous_message_hash,
            self.message_hash,
            self.withdrawal_root,
            uint(self.last_block),
            uint(self.last_timestamp),
            uint(self.prover_gas),
            uint(self.schedule_id.into()),
            B256::ZERO,
        ]
    }

    /// `abi.encode` of the struct: [`PUBLIC_VALUES_BYTES`] bytes.
    pub fn encode(&self) -> Vec<u8> {
        self.words()
            .into_iter()
            .fold(Words::new(), Words::bytes32)
            .into_bytes()
    }

    /// What the guest reveals: Keccak-256 of [`Self::encode`].
    pub fn hash(&self) -> B256 {
        keccak256(self.encode())
    }

    /// Reads exactly what [`Self::encode`] writes: wrong lengths, words out of range and non-zero padding are errors, so
    /// that two different byte strings never decode to the same struct.
    pub fn decode(bytes: &[u8]) -> Result<Self, PublicValuesError> {
        if bytes.len() != PUBLIC_VALUES_BYTES {
            return Err(PublicValuesError::Length(bytes.len()));
        }
        let words = WordReader(bytes);
        if words.u32(0)? != FORMAT_VERSION {
            return Err(PublicValuesError::FormatVersion);
        }
        if words.word(25) != B256::ZERO {
            return Err(PublicValuesError::Reserved);
        }
        Ok(Self {
            program_version: words.u32(1)?,
            fork_id: words.u32(2)?,
            l1_chain_id: words.u64(3)?,
            rollup: words.address(4)?,
            l2_chain_id: words.u64(5)?,
            roller: words.address(6)?,
            task: TaskId(words.word(7)),
            first_batch: words.u64(8)?,
            last_batch: words.u64(9)?,
            previous_state_root: words.word(10),
            state_root: words.word(11),
            previous_block_hash: words.word(12),
            block_hash: words.word(13),
            data_commitment: words.word(14),
            blob_versioned_hash: words.word(15),
            z: words.word(16),
            y: words.word(17),
            previous_message_hash: words.word(18),
            message_hash: words.word(19),
            withdrawal_root: words.word(20),
            last_block: words.u64(21)?,
            last_timestamp: words.u64(22)?,
            prover_gas: words.u64(23)?,
            schedule_id: words.u32(24)?,
        })
    }

    /// Hash of what is proven, whoever proves it: that of the public values without roller and prover gas, which L1 learns only with
    /// the proof.
    pub fn transition_hash(&self) -> B256 {
        let anonymous = Self {
            roller: Roller::ZERO,
            prover_gas: 0,
            ..self.clone()
        };
        anonymous.hash()
    }
}

/// Reads words of a byte string whose length was checked.
struct WordReader<'a>(&'a [u8]);

impl WordReader<'_> {
    fn word(&self, index: usize) -> B256 {
        B256::from_slice(&self.0[index * WORD_BYTES..(index + 1) * WORD_BYTES])
    }

    fn u64(&self, index: usize) -> Result<u64, PublicValuesError> {
        U256::from_be_bytes(self.word(index).0)
            .try_into()
            .map_err(|_| PublicValuesError::Range(index))
    }

    fn u32(&self, index: usize) -> Result<u32, PublicValuesError> {
        self.u64(index)?
            .try_into()
            .map_err(|_| PublicValuesError::Range(index))
    }

    fn address(&self, index: usize) -> Result<Address, PublicValuesError> {
        let word = self.word(index);
        if word[..12] != [0u8; 12] {
            return Err(PublicValuesError::Range(index));
        }
        Ok(Address::from_word(word))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn any_word_bytes() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(any::<u8>(), PUBLIC_VALUES_BYTES)
    }

    /// Keeps the bytes that each field can hold and sets the constant words.
    fn into_canonical(mut bytes: Vec<u8>) -> Vec<u8> {
        let significant = |index: usize| match index {
            0 | 25 => 0,
            1 | 2 | 24 => 4,
            3 | 5 | 8 | 9 | 21 | 22 | 23 => 8,
            4 | 6 => 20,
            _ => 32,
        };
        for index in 0..PUBLIC_VALUES_WORDS {
            let end = (index + 1) * WORD_BYTES - significant(index);
            bytes[index * WORD_BYTES..end].fill(0);
        }
        bytes[31] = 1;
        bytes
    }

    proptest! {
        #[test]
        fn decoding_is_the_exact_inverse(bytes in any_word_bytes().prop_map(into_canonical)) {
            let values = PublicValues::decode(&bytes).unwrap();
            prop_assert_eq!(values.encode(), bytes);
        }

        #[test]
        fn whatever_decodes_encodes_back(mut bytes in any_word_bytes().prop_map(into_canonical), at in 0usize..PUBLIC_VALUES_BYTES, to: u8) {
            bytes[at] = to;
            if let Ok(values) = PublicValues::decode(&bytes) {
                prop_assert_eq!(values.encode(), bytes);
            }
        }
    }

    #[test]
    fn wrong_shapes_are_refused() {
        let good = PublicValues::default().encode();
        assert_eq!(
            PublicValues::decode(&good[1..]),
            Err(PublicValuesError::Length(831))
        );
        let set = |at: usize, to: u8| {
            let mut bytes = good.clone();
            bytes[at] = to;
            PublicValues::decode(&bytes)
        };
        assert_eq!(set(31, 2), Err(PublicValuesError::FormatVersion));
        assert_eq!(
            set(PUBLIC_VALUES_BYTES - 1, 1),
            Err(PublicValuesError::Reserved)
        );
        assert_eq!(set(4 * 32, 1), Err(PublicValuesError::Range(4)));
        assert_eq!(set(23 * 32 + 23, 1), Err(PublicValuesError::Range(23)));
        assert_eq!(set(24 * 32 + 27, 1), Err(PublicValuesError::Range(24)));
    }
}
