//! Which program on which virtual machine: the pair that L1's program table pins.

use alloy_primitives::{B256, U256};
use openvm_stark_backend::p3_field::{PrimeCharacteristicRing, PrimeField32};
use openvm_stark_sdk::config::baby_bear_poseidon2::{
    DIGEST_SIZE, Digest, F, poseidon2_compress_with_capacity,
};
use serde::{Deserialize, Serialize};

/// Commitments of a program and of its virtual machine.
///
/// Each is a digest of eight field elements, written as the big-endian number whose base-p digits they are, least
/// significant first (p = the BabyBear prime), which is how OpenVM shows `app_exe_commit` and `app_vm_commit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProgramCommitment {
    /// Code, initial memory and entry point.
    pub exe: B256,
    /// Virtual machine with its extensions and parameters, and the aggregation circuits up to the recursive one.
    pub vm: B256,
}

impl ProgramCommitment {
    /// Whether either half is zero: what an unset storage slot holds, and never a real commitment.
    pub fn has_zero(&self) -> bool {
        self.exe.is_zero() || self.vm.is_zero()
    }
}

/// The 32 bytes are not the canonical form of a digest: the number is p^8 or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a canonical digest")]
pub struct NotADigest;

/// Base-p digits of a commitment.
pub(crate) fn digest_of(commitment: B256) -> Result<Digest, NotADigest> {
    let order = U256::from(F::ORDER_U32);
    let mut rest = U256::from_be_bytes(commitment.0);
    let mut digest = [F::ZERO; DIGEST_SIZE];
    for digit in &mut digest {
        let (quotient, remainder) = rest.div_rem(order);
        *digit = F::from_u32(remainder.to::<u32>());
        rest = quotient;
    }
    if rest.is_zero() {
        Ok(digest)
    } else {
        Err(NotADigest)
    }
}

/// Inverse of [`digest_of`]. p^8 < 2^248, so it never overflows.
pub(crate) fn commitment_of(digest: &Digest) -> B256 {
    let order = U256::from(F::ORDER_U32);
    let number = digest.iter().rev().fold(U256::ZERO, |sum, digit| {
        sum * order + U256::from(digit.as_canonical_u32())
    });
    B256::from(number.to_be_bytes())
}

/// A digest as the deferral extension writes it: each element in four bytes, least significant first.
pub(crate) fn digest_bytes(digest: &Digest) -> B256 {
    let mut bytes = B256::ZERO;
    for (own, element) in bytes.chunks_exact_mut(4).zip(digest) {
        own.copy_from_slice(&element.as_canonical_u32().to_le_bytes());
    }
    bytes
}

/// Poseidon2 over digests, as OpenVM hashes slices: a sponge whose rate is one digest, so that each block replaces the rate and the
/// capacity goes on.
pub(crate) fn hash_digests(blocks: impl IntoIterator<Item = Digest>) -> Digest {
    let empty = (Digest::default(), Digest::default());
    let (digest, _) = blocks.into_iter().fold(empty, |(_, capacity), block| {
        poseidon2_compress_with_capacity(block, capacity)
    });
    digest
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn digests_round_trip(digits in prop::array::uniform8(0..F::ORDER_U32)) {
            let digest = digits.map(F::from_u32);
            prop_assert_eq!(digest_of(commitment_of(&digest)).unwrap(), digest);
        }
    }

    #[test]
    fn numbers_beyond_the_digits_are_refused() {
        let largest = commitment_of(&[F::from_u32(F::ORDER_U32 - 1); DIGEST_SIZE]);
        assert!(digest_of(largest).is_ok());
        let next = U256::from_be_bytes(largest.0) + U256::from(1);
        assert_eq!(digest_of(B256::from(next.to_be_bytes())), Err(NotADigest));
        assert_eq!(digest_of(B256::repeat_byte(0xff)), Err(NotADigest));
    }
}
