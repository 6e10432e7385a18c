//! 32-byte words: the one way in which rollmill hashes structured data.
//!
//! A message is a sequence of static Solidity values, each in its own big-endian word, exactly as `abi.encode` writes
//! them; the hash is Keccak-256 of the concatenation. Each hash starts with a *tag* word (an ASCII name with a version,
//! left-aligned), so that no two meanings can ever share a preimage.

use alloc::vec::Vec;
use alloy_primitives::{Address, B256, U256, keccak256};

/// Bytes in one word.
pub const WORD_BYTES: usize = 32;

/// An ASCII name as a left-aligned word: `bytes32("name")` in Solidity.
///
/// Fails to compile in a `const` (and panics elsewhere) when the name is longer than a word.
pub const fn tag(name: &str) -> B256 {
    let bytes = name.as_bytes();
    assert!(bytes.len() <= WORD_BYTES, "a tag is at most 32 bytes");
    let mut word = [0u8; WORD_BYTES];
    let mut i = 0;
    while i < bytes.len() {
        word[i] = bytes[i];
        i += 1;
    }
    B256::new(word)
}

/// A sequence of words under construction.
#[derive(Clone, Debug, Default)]
pub struct Words(Vec<u8>);

impl Words {
    /// An empty sequence.
    pub fn new() -> Self {
        Self::default()
    }

    /// A sequence that begins with a tag word.
    pub fn tagged(tag: B256) -> Self {
        Self::new().bytes32(tag)
    }

    /// Appends a `bytes32`.
    pub fn bytes32(mut self, word: impl Into<B256>) -> Self {
        self.0.extend_from_slice(word.into().as_slice());
        self
    }

    /// Appends an unsigned integer that fits 64 bits (`uint8` to `uint64` in Solidity).
    pub fn uint(self, value: impl Into<u64>) -> Self {
        self.uint256(U256::from(value.into()))
    }

    /// Appends an unsigned integer that fits 128 bits.
    pub fn uint128(self, value: impl Into<u128>) -> Self {
        self.uint256(U256::from(value.into()))
    }

    /// Appends a `uint256`.
    pub fn uint256(mut self, value: U256) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes::<WORD_BYTES>());
        self
    }

    /// Appends an `address`, right-aligned.
    pub fn address(self, address: Address) -> Self {
        self.bytes32(address.into_word())
    }

    /// The bytes so far; their length is a multiple of [`WORD_BYTES`].
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Keccak-256 of the bytes so far.
    pub fn hash(&self) -> B256 {
        keccak256(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_laid_out_as_solidity_does() {
        let bytes = Words::tagged(tag("ab"))
            .uint(1u64)
            .address(Address::repeat_byte(0xee))
            .into_bytes();
        assert_eq!(bytes.len(), 3 * WORD_BYTES);
        assert_eq!(&bytes[..3], b"ab\0");
        assert_eq!(bytes[63], 1);
        assert_eq!(&bytes[64..76], &[0u8; 12]);
        assert_eq!(&bytes[76..], &[0xee; 20]);
    }
}
