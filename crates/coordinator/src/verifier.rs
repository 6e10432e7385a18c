//! Verification on a bounded number of blocking threads.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use alloy_primitives::{B256, Bytes};
use rollmill_roller_api::ProofKind;
use rollmill_zkvm::{VerifyError, mock::MockProof, programs};
use tokio::sync::Semaphore;

/// What the verifier says about complete bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verification {
    /// Accepted.
    Valid,
    /// Rejected, and why.
    Invalid(String),
}

/// Nothing can be said about the bytes; it is not the roller's fault.
#[derive(Debug, thiserror::Error)]
pub enum VerifierError {
    /// The batch pins a program that this build does not have: stop, update the coordinator.
    #[error("no program of version {0} in this build")]
    UnknownProgram(u32),
    /// The build's tables do not fit together: stop.
    #[error("the verifier is not set up for this program")]
    Setup(#[source] VerifyError),
    /// The verifying thread is gone (the process ends).
    #[error("the verifier was stopped")]
    Stopped,
}

/// A pool of verifiers. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Verifier {
    kind: ProofKind,
    permits: Arc<Semaphore>,
}

impl Verifier {
    pub(crate) fn new(kind: ProofKind, parallel: usize) -> Self {
        Self {
            kind,
            permits: Arc::new(Semaphore::new(parallel.max(1))),
        }
    }

    /// Verifies `proof` of the public values with hash `public_values_hash`. The hash is the coordinator's own: nothing
    /// that the prover sent takes part but the proof's bytes.
    pub(crate) async fn verify(
        &self,
        program_version: u32,
        public_values_hash: B256,
        proof: Bytes,
    ) -> Result<(Verification, Duration), VerifierError> {
        let _permit = self
            .permits
            .acquire()
            .await
            .map_err(|_| VerifierError::Stopped)?;
        let kind = self.kind;
        tokio::task::spawn_blocking(move || {
            let started = Instant::now();
            let verification = verify(kind, program_version, public_values_hash, &proof)?;
            Ok((verification, started.elapsed()))
        })
        .await
        .map_err(|_| VerifierError::Stopped)?
    }
}

fn verify(
    kind: ProofKind,
    program_version: u32,
    public_values_hash: B256,
    proof: &[u8],
) -> Result<Verification, VerifierError> {
    match kind {
        ProofKind::Mock => Ok(match MockProof::verify(proof, public_values_hash) {
            Ok(()) => Verification::Valid,
            Err(error) => Verification::Invalid(error.to_string()),
        }),
        ProofKind::Stark => {
            let program = programs::by_version(program_version)
                .ok_or(VerifierError::UnknownProgram(program_version))?;
            match rollmill_zkvm::verify(&program.commitment, public_values_hash, proof) {
                Ok(()) => Ok(Verification::Valid),
                Err(error @ (VerifyError::Unset | VerifyError::UnknownVm(_))) => {
                    Err(VerifierError::Setup(error))
                }
                Err(error) => Ok(Verification::Invalid(error.to_string())),
            }
        }
    }
}
