//! Native verification of a STARK, safe on any bytes.
//!
//! A proof travels as its commitment, 32 bytes, and the canonical encoding of OpenVM's proof structure, uncompressed: it is random
//! field elements, of which zstd saves an eighth, and a compressed form would need its own bounds and would change with the
//! compressor's version. The commitment is what the aggregate program knows the proof by: what the verifier's transcript ends in, with
//! the key that it verified under. Nobody knows it before the whole proof exists, so whoever named it had made that proof. The
//! rules here:
//!
//! 1. the length is bounded before anything is read;
//! 2. decoding consumes every byte, and encoding the result gives the same bytes: one proof, one form;
//! 3. program *and* VM commitment are the caller's; zero is refused for both and for the public values hash;
//! 4. the revealed 32 bytes are compared here: the library binds their number, not their content;
//! 5. the library asserts the exit code 0, the aggregation layer and the keys of every layer against the baseline;
//! 6. the commitment is the proof's;
//! 7. a panic in the library is a rejection.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
};

use alloy_primitives::B256;
use openvm_stark_backend::{
    TranscriptHistory,
    codec::{Decode, Encode},
    p3_field::PrimeField32,
};
use openvm_stark_sdk::config::baby_bear_poseidon2::{
    BabyBearPoseidon2Config, DIGEST_SIZE, default_duplex_sponge_recorder,
    poseidon2_compress_with_capacity,
};
use openvm_verify_stark_host::{VmStarkProof, verify_vm_stark_proof_pvs, vk::VmStarkVerifyingKey};

use crate::{
    ProgramCommitment,
    commitment::{digest_bytes, digest_of, hash_digests},
    programs::verifying_key_of_vm,
};

/// Longest proof that is looked at, in bytes.
pub const PROOF_BYTES_MAX: usize = 512 * 1024;

/// Number of bytes that a program reveals.
pub(crate) const REVEALED_BYTES: usize = 32;

/// Why a proof was not accepted. All are the prover's fault but [`VerifyError::UnknownVm`].
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A commitment or the public values hash is zero or no canonical digest: never a real one.
    #[error("program commitment, VM commitment or public values hash is zero or not canonical")]
    Unset,
    /// No verifying key for this VM in this build: a newer program version.
    #[error("no verifying key for VM {0}")]
    UnknownVm(B256),
    /// Longer than [`PROOF_BYTES_MAX`].
    #[error("proof of {0} bytes is too long")]
    TooLong(usize),
    /// Begins with another commitment than its own.
    #[error("proof begins with the commitment of another")]
    Commitment,
    /// Not the encoding of a proof.
    #[error("proof does not decode")]
    Malformed(#[source] io::Error),
    /// Decodes, but the same proof encodes otherwise.
    #[error("proof is not encoded canonically")]
    NotCanonical,
    /// Reveals other bytes than the expected hash.
    #[error("proof reveals other public values")]
    PublicValues,
    /// The proof system says no.
    #[error("proof is invalid: {0}")]
    Invalid(String),
    /// The verifier panicked on it.
    #[error("proof made the verifier panic")]
    Panicked,
}

/// Checks that `proof` shows: `program` ran to exit code 0 and revealed `public_values_hash`.
///
/// Takes some 20 ms of CPU and is bounded for any input. Call it on a blocking thread.
pub fn verify(
    program: &ProgramCommitment,
    public_values_hash: B256,
    proof: &[u8],
) -> Result<(), VerifyError> {
    if public_values_hash.is_zero() {
        return Err(VerifyError::Unset);
    }
    if proof.len() > PROOF_BYTES_MAX {
        return Err(VerifyError::TooLong(proof.len()));
    }
    verify_with_key(&key_of(program)?, public_values_hash, proof)
}

/// The key that verifies proofs of this program.
pub(crate) fn key_of(program: &ProgramCommitment) -> Result<VmStarkVerifyingKey, VerifyError> {
    if program.has_zero() {
        return Err(VerifyError::Unset);
    }
    let app_exe_commit = digest_of(program.exe).map_err(|_| VerifyError::Unset)?;
    let key = verifying_key_of_vm(program.vm).ok_or(VerifyError::UnknownVm(program.vm))?;
    // SOUNDNESS: the baseline's program commitment is the caller's, not the one the key file was written with.
    let mut key = key.clone();
    key.baseline.app_exe_commit = app_exe_commit;
    Ok(key)
}

/// [`verify`] with a given key, whose baseline holds the program commitment.
pub(crate) fn verify_with_key(
    key: &VmStarkVerifyingKey,
    public_values_hash: B256,
    proof: &[u8],
) -> Result<(), VerifyError> {
    guarded(|| verify_unguarded(key, public_values_hash, proof))
}

/// What the library says about a proof, which may make it panic. Nothing that `judge` touches may outlive that.
pub(crate) fn guarded<T>(judge: impl FnOnce() -> Result<T, VerifyError>) -> Result<T, VerifyError> {
    catch_unwind(AssertUnwindSafe(judge)).unwrap_or(Err(VerifyError::Panicked))
}

fn verify_unguarded(
    key: &VmStarkVerifyingKey,
    public_values_hash: B256,
    bytes: &[u8],
) -> Result<(), VerifyError> {
    let (commitment, proof) = open(bytes)?;
    let revealed = &proof.user_pvs_proof.public_values;
    // SOUNDNESS: each revealed element must be exactly the expected byte; elements of 256 and more match none.
    let matches = revealed.len() == REVEALED_BYTES
        && revealed
            .iter()
            .zip(public_values_hash)
            .all(|(element, byte)| element.as_canonical_u32() == u32::from(byte));
    if !matches {
        return Err(VerifyError::PublicValues);
    }
    // SOUNDNESS: entries and contributions name proofs by what stands here.
    if commitment_to(key, &proof)? != commitment {
        return Err(VerifyError::Commitment);
    }
    verify_vm_stark_proof_pvs(key, &proof).map_err(|error| VerifyError::Invalid(error.to_string()))
}

/// What the transcript of the verifier ends in, hashed with the recursive key: verifies the last layer's STARK, but not what it says of the
/// layers below it.
fn commitment_to(key: &VmStarkVerifyingKey, proof: &VmStarkProof) -> Result<B256, VerifyError> {
    let config = BabyBearPoseidon2Config::default_from_params(key.mvk.inner.params.clone());
    let mut transcript = default_duplex_sponge_recorder();
    openvm_stark_backend::verifier::verify(&config, &key.mvk, &proof.inner, &mut transcript)
        .map_err(|error| VerifyError::Invalid(error.to_string()))?;
    let log = transcript.into_log();
    let end = log.perm_results().last().expect("a verifier hashes");
    let (left, right) = end.split_at(DIGEST_SIZE);
    let digest = |half: &[_]| half.try_into().expect("half a state is a digest");
    let (end, _) = poseidon2_compress_with_capacity(digest(left), digest(right));
    let recursive = key.baseline.internal_recursive_vk_commit.cached_commit;
    Ok(digest_bytes(&hash_digests([end, recursive])))
}

/// Bytes of a proof that verifies under this key, as [`verify`] reads them.
#[cfg(all(feature = "prove", not(test)))]
pub(crate) fn seal(
    key: &VmStarkVerifyingKey,
    proof: &VmStarkProof,
) -> Result<Vec<u8>, VerifyError> {
    let commitment = guarded(|| commitment_to(key, proof))?;
    Ok([commitment.as_slice(), &encode(proof)].concat())
}

/// The commitment that a proof's bytes begin with, and the proof.
pub(crate) fn open(bytes: &[u8]) -> Result<(B256, VmStarkProof), VerifyError> {
    let split = bytes.split_first_chunk::<{ B256::len_bytes() }>();
    let (commitment, body) =
        split.ok_or_else(|| VerifyError::Malformed(io::ErrorKind::UnexpectedEof.into()))?;
    Ok((B256::from(*commitment), decode(body)?))
}

/// Canonical bytes of a proof's body.
fn encode(proof: &VmStarkProof) -> Vec<u8> {
    proof
        .encode_to_vec()
        .expect("writing to memory does not fail")
}

fn decode(bytes: &[u8]) -> Result<VmStarkProof, VerifyError> {
    let proof = VmStarkProof::decode_from_bytes(bytes).map_err(VerifyError::Malformed)?;
    // SOUNDNESS: the decoder reads any non-zero byte as `true`, so bytes alone do not name a proof until this holds.
    if encode(&proof) != bytes {
        return Err(VerifyError::NotCanonical);
    }
    Ok(proof)
}
