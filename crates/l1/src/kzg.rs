//! KZG commitments and proofs of blobs (EIP-4844, EIP-7594) over Ethereum's trusted setup, by the library that Ethereum's clients use.

use alloy::{
    eips::{
        eip4844::{
            Blob,
            c_kzg::{self, KzgSettings, ethereum_kzg_settings},
            kzg_to_versioned_hash,
        },
        eip7594::BlobTransactionSidecarEip7594,
    },
    primitives::{B256, Bytes},
};
use rollmill_protocol::blob::{BlobError, pack};

/// Why making these cannot fail.
const CANONICAL: &str = "what is packed is below the modulus";

/// Without tables: they would take 96 MiB, and spare a batch a tenth of a second.
fn settings() -> &'static KzgSettings {
    ethereum_kzg_settings(0)
}

/// The blob of a batch's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataBlob {
    blob: Box<c_kzg::Blob>,
    commitment: [u8; 48],
}

impl DataBlob {
    /// The blob of this data. Takes some hundredths of a second.
    ///
    /// # Errors
    /// [`BlobError::TooLong`].
    pub fn new(data: &[u8]) -> Result<Self, BlobError> {
        let blob = Box::new(c_kzg::Blob::from_bytes(&pack(data)?).expect(CANONICAL));
        let commitment = settings().blob_to_kzg_commitment(&blob).expect(CANONICAL);
        Ok(Self {
            blob,
            commitment: commitment.to_bytes().into_inner(),
        })
    }

    /// By this L1 knows the blob.
    pub fn versioned_hash(&self) -> B256 {
        kzg_to_versioned_hash(&self.commitment)
    }

    /// The value of the blob's polynomial at `z`, with what proves it to the precompile of EIP-4844: commitment and proof, 48 bytes each.
    ///
    /// # Panics
    /// `z` is not below the field's modulus.
    pub fn opening(&self, z: B256) -> (B256, Bytes) {
        let opened = settings().compute_kzg_proof(&self.blob, &c_kzg::Bytes32::new(z.0));
        let (proof, y) = opened.expect("the point is below the modulus");
        let proof = proof.to_bytes().into_inner();
        let opening = [self.commitment, proof].concat();
        (B256::new(*y), opening.into())
    }

    /// What a transaction with the blob takes along. Takes some tenths of a second.
    pub fn sidecar(&self) -> BlobTransactionSidecarEip7594 {
        let blobs = vec![Blob::from_slice(self.blob.as_slice())];
        BlobTransactionSidecarEip7594::try_from_blobs_with_settings(blobs, settings())
            .expect(CANONICAL)
    }
}

/// Versioned hash of a blob that somebody gave; `None` if it is none.
pub fn versioned_hash(blob: &[u8]) -> Option<B256> {
    let blob = Box::new(c_kzg::Blob::from_bytes(blob).ok()?);
    let commitment = settings().blob_to_kzg_commitment(&blob).ok()?;
    Some(kzg_to_versioned_hash(&commitment.to_bytes().into_inner()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloy::primitives::keccak256;
    use rollmill_protocol::blob::{BLOB_BYTES, BLOB_DATA_BYTES_MAX, BlobBinding, unpack};

    use super::*;

    fn data(length: usize) -> Vec<u8> {
        (0..length).map(|n| (n * n + length) as u8).collect()
    }

    /// The proof's arithmetic and the library's lead to the same value.
    #[test]
    fn the_value_that_is_proven_is_the_blobs() {
        for length in [0, 1, 27, 28, 31, 1_000, 40_000, BLOB_DATA_BYTES_MAX] {
            let data = data(length);
            let blob = DataBlob::new(&data).unwrap();
            let hash = blob.versioned_hash();
            let binding = BlobBinding::new(hash, &data, keccak256(&data)).unwrap();
            let (y, opening) = blob.opening(binding.z);
            assert_eq!(y, binding.y, "{length}");
            let (commitment, proof) = opening.split_at(48);
            let bytes48 = |bytes: &[u8]| c_kzg::Bytes48::from_bytes(bytes).unwrap();
            let holds = |y: B256| {
                let (z, y) = (c_kzg::Bytes32::new(binding.z.0), c_kzg::Bytes32::new(y.0));
                settings()
                    .verify_kzg_proof(&bytes48(commitment), &z, &y, &bytes48(proof))
                    .unwrap()
            };
            assert!(holds(y));
            assert!(!holds(B256::with_last_byte(7)));
        }
    }

    #[test]
    fn a_blob_is_known_by_its_hash_and_no_other_bytes_have_it() {
        let blob = DataBlob::new(b"data").unwrap();
        let mut bytes = blob.blob.to_vec();
        assert_eq!(versioned_hash(&bytes), Some(blob.versioned_hash()));
        assert_eq!(unpack(&bytes).unwrap(), b"data");
        bytes[BLOB_BYTES - 1] ^= 1;
        let other = versioned_hash(&bytes);
        assert!(other.is_some() && other != Some(blob.versioned_hash()));
        bytes[0] = 0xff;
        assert_eq!(versioned_hash(&bytes), None);
        assert_eq!(versioned_hash(&bytes[1..]), None);
    }

    #[test]
    fn the_sidecar_is_what_pools_take() {
        let blob = DataBlob::new(&data(1_000)).unwrap();
        let sidecar = blob.sidecar();
        let hashes = [blob.versioned_hash()];
        sidecar.validate(&hashes, settings()).unwrap();
        assert!(sidecar.validate(&[B256::ZERO], settings()).is_err());
    }

    #[test]
    fn data_that_is_too_long_has_no_blob() {
        let long = vec![0; BLOB_DATA_BYTES_MAX + 1];
        assert_eq!(
            DataBlob::new(&long),
            Err(BlobError::TooLong(BLOB_DATA_BYTES_MAX + 1))
        );
    }
}
