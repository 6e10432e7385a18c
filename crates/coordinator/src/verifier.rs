//! Verification on a bounded number of blocking threads.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use alloy_primitives::{B256, Bytes};
use rollmill_roller_api::ProofKind;
use rollmill_runtime::metrics::{
    Counter, Family, Gauge, Histogram, Labels, Registry, add, exponential_buckets, metric,
};
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
    parallel: usize,
    permits: Arc<Semaphore>,
    metrics: VerifierMetrics,
}

/// What the pool counts.
#[derive(Clone, Debug)]
struct VerifierMetrics {
    waiting: Gauge,
    working: Gauge,
    verified: Family<Labels<1>, Counter>,
    seconds: Histogram,
}

/// Proofs that wait for the pool, and that are verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verifying {
    /// Received, and no thread has taken them yet.
    pub waiting: u64,
    /// With a thread.
    pub working: u64,
}

/// Counts up now, and down when it goes out of scope.
struct Counted(Gauge);

impl Counted {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Verifier {
    pub(crate) fn new(kind: ProofKind, parallel: usize) -> Self {
        let parallel = parallel.max(1);
        let metrics = VerifierMetrics {
            waiting: Gauge::default(),
            working: Gauge::default(),
            verified: Family::default(),
            // A millisecond to half a minute: a STARK takes 13 to 17 ms.
            seconds: Histogram::new(exponential_buckets(0.001, 2.0, 16)),
        };
        Self {
            kind,
            parallel,
            permits: Arc::new(Semaphore::new(parallel)),
            metrics,
        }
    }

    /// Registers what the pool counts.
    pub(crate) fn register(&self, registry: &mut Registry) {
        let VerifierMetrics {
            waiting,
            working,
            verified,
            seconds,
        } = &self.metrics;
        let help = "Proofs that were received and wait for the verifier";
        add(registry, ("verification_waiting", "proofs"), help, waiting);
        let help = "Proofs that are being verified";
        add(registry, ("verification_working", "proofs"), help, working);
        let help = "Proofs that can be verified at the same time";
        let most: Gauge = metric(registry, ("verification_limit", "proofs"), help);
        most.set(i64::try_from(self.parallel).unwrap_or(i64::MAX));
        for verdict in ["valid", "invalid", "error"] {
            drop(verified.get_or_create(&[("verdict", verdict)]));
        }
        let help = "Proofs that the verifier has looked at; error says nothing about the proof";
        add(registry, ("verified", "proofs"), help, verified);
        let help = "What the verification of one proof took";
        add(registry, ("verification", "seconds"), help, seconds);
    }

    /// How much there is to verify now.
    pub(crate) fn load(&self) -> Verifying {
        let count = |gauge: &Gauge| u64::try_from(gauge.get()).unwrap_or(0);
        Verifying {
            waiting: count(&self.metrics.waiting),
            working: count(&self.metrics.working),
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
        let waiting = Counted::new(&self.metrics.waiting);
        let _permit = self
            .permits
            .acquire()
            .await
            .map_err(|_| VerifierError::Stopped)?;
        drop(waiting);
        let _working = Counted::new(&self.metrics.working);
        let kind = self.kind;
        let verifying = tokio::task::spawn_blocking(move || {
            let started = Instant::now();
            let verified = verify(kind, program_version, public_values_hash, &proof);
            (verified, started.elapsed())
        });
        let (verified, took) = verifying.await.map_err(|_| VerifierError::Stopped)?;
        self.metrics.seconds.observe(took.as_secs_f64());
        let verdict = match &verified {
            Ok(Verification::Valid) => "valid",
            Ok(Verification::Invalid(_)) => "invalid",
            Err(_) => "error",
        };
        let verdict = [("verdict", verdict)];
        self.metrics.verified.get_or_create(&verdict).inc();
        Ok((verified?, took))
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
