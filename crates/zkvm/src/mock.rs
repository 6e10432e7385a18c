//! Mock proofs, for devnets that test everything but the proving.
//!
//! A mock proof proves nothing: anybody can write one. It is a type of its own, [`crate::verify`] rejects its bytes, and
//! the contract that accepts it refuses to be deployed on any chain but the two devnet chains.

use alloy_primitives::B256;

/// First bytes of every mock proof.
pub const TAG: &[u8; 16] = b"rollmill.mock.v1";
/// Length of a mock proof: the tag, then the public values hash.
pub const MOCK_PROOF_BYTES: usize = TAG.len() + 32;

/// A claim of public values, without proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MockProof {
    /// The hash that a real proof would reveal.
    pub public_values_hash: B256,
}

/// The bytes are no mock proof, or one of other public values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MockError {
    /// Wrong length or tag.
    #[error("not a mock proof")]
    Malformed,
    /// A mock proof of something else.
    #[error("mock proof of other public values: {0}")]
    PublicValues(B256),
}

impl MockProof {
    /// Tag, then hash.
    pub fn encode(&self) -> Vec<u8> {
        [&TAG[..], self.public_values_hash.as_slice()].concat()
    }

    /// Accepts exactly what [`MockProof::encode`] writes.
    pub fn decode(bytes: &[u8]) -> Result<Self, MockError> {
        let hash = bytes.strip_prefix(TAG).ok_or(MockError::Malformed)?;
        let public_values_hash = B256::try_from(hash).map_err(|_| MockError::Malformed)?;
        Ok(Self { public_values_hash })
    }

    /// Accepts the mock proof of these public values, and only it.
    pub fn verify(bytes: &[u8], public_values_hash: B256) -> Result<(), MockError> {
        let proof = Self::decode(bytes)?;
        if proof.public_values_hash != public_values_hash {
            return Err(MockError::PublicValues(proof.public_values_hash));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_its_own_bytes_only() {
        let hash = B256::repeat_byte(7);
        let bytes = MockProof {
            public_values_hash: hash,
        }
        .encode();
        assert_eq!(bytes.len(), MOCK_PROOF_BYTES);
        assert_eq!(MockProof::verify(&bytes, hash), Ok(()));
        assert_eq!(
            MockProof::verify(&bytes, B256::ZERO),
            Err(MockError::PublicValues(hash))
        );
        assert_eq!(
            MockProof::verify(&bytes[..47], hash),
            Err(MockError::Malformed)
        );
        assert_eq!(
            MockProof::verify(&[&bytes[..], &[0]].concat(), hash),
            Err(MockError::Malformed)
        );
        assert_eq!(
            MockProof::verify(&[0; MOCK_PROOF_BYTES], B256::ZERO),
            Err(MockError::Malformed)
        );
    }
}
