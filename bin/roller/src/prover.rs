//! Making a proof of a seat: a real STARK, or on development networks a mock.
//!
//! What the proof must state is known before ([`crate::statement`]), so that a proof of anything else never leaves the machine.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use alloy_primitives::{B256, Bytes};
use clap::Args;
use eyre::{WrapErr, bail, ensure};
use rollmill_protocol::{Roller, TaskId};
use rollmill_roller_api::{ProofKind, Stage, SubmissionStats};
use rollmill_zkvm::{
    mock::MockProof,
    programs,
    prove::{
        Inputs, ProveError, Prover as StarkProver, ProverConfig, peak_rss_bytes, reset_peak_rss,
    },
};

use crate::{config::RunArgs, progress::Reached};

/// How long a mock prover pretends without looking whether it was cancelled.
const MOCK_STEP: Duration = Duration::from_millis(50);

/// What a prover may use.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct ProverArgs {
    /// Threads that prove [default: all].
    #[arg(long, env = "ROLLMILL_PROVER_THREADS")]
    pub threads: Option<usize>,
    /// Memory of one segment's proof in MiB, as the proof system estimates it [default and most: 1640].
    #[arg(long, env = "ROLLMILL_SEGMENT_MEMORY_MIB")]
    pub segment_memory_mib: Option<usize>,
}

impl ProverArgs {
    /// With the default where nothing is said.
    pub fn config(&self) -> ProverConfig {
        let default = ProverConfig::default();
        ProverConfig {
            threads: self.threads.map_or(default.threads, |n| n.max(1)),
            segment_memory_bytes_max: self
                .segment_memory_mib
                .map_or(default.segment_memory_bytes_max, |mib| {
                    mib.saturating_mul(1 << 20)
                }),
        }
    }
}

/// A prover of one kind.
pub enum Prover {
    /// Real proofs.
    Stark(Box<StarkProver>),
    /// Real proofs, by a prover that is set up when the first one is asked for: seldom, and hundreds of megabytes.
    Later(ProverConfig, Mutex<Option<Arc<StarkProver>>>),
    /// Proofs that only development networks accept, after pretending to work.
    Mock(Duration),
}

/// What to prove.
#[derive(Clone, Debug)]
pub struct Job {
    /// The identity that is paid.
    pub roller: Roller,
    /// Task.
    pub task: TaskId,
    /// Encoded witness.
    pub witness: Bytes,
    /// What the proof must reveal.
    pub public_values_hash: B256,
}

/// A proof that was verified here.
#[derive(Clone, Debug)]
pub struct Proof {
    /// What it reveals.
    pub public_values_hash: B256,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What it took.
    pub stats: SubmissionStats,
}

impl Prover {
    /// Sets the prover up. Takes seconds: call it on a blocking thread.
    pub fn new(args: &RunArgs) -> eyre::Result<Self> {
        let config = args.prover.config();
        match args.proofs {
            ProofKind::Mock => Ok(Self::Mock(Duration::from_secs_f64(args.mock_prove_seconds))),
            ProofKind::Stark if args.fallback => Ok(Self::Later(config, Mutex::default())),
            ProofKind::Stark => Ok(Self::Stark(Box::new(set_up(config)?))),
        }
    }

    /// Proves. `None` when it was cancelled. Blocks for seconds to minutes.
    pub fn prove(
        &self,
        job: &Job,
        report: &(dyn Fn(Reached) + Sync),
        cancel: &AtomicBool,
    ) -> eyre::Result<Option<Proof>> {
        reset_peak_rss();
        let expected = job.public_values_hash;
        let Some(mut proof) = (match self {
            Self::Stark(prover) => prove_stark(prover, job, report, cancel)?,
            Self::Later(config, made) => prove_stark(&*later(*config, made)?, job, report, cancel)?,
            Self::Mock(pretend) => prove_mock(expected, *pretend, report, cancel)?,
        }) else {
            return Ok(None);
        };
        ensure!(
            proof.public_values_hash == expected,
            "the program revealed {} where native execution says {expected}",
            proof.public_values_hash
        );
        proof.stats.peak_rss_bytes = peak_rss_bytes().unwrap_or_default();
        Ok(Some(proof))
    }
}

/// The prover, which is set up if it is not yet.
fn later(
    config: ProverConfig,
    made: &Mutex<Option<Arc<StarkProver>>>,
) -> eyre::Result<Arc<StarkProver>> {
    // The prover is either whole or not there.
    let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(prover) = &*made {
        return Ok(prover.clone());
    }
    let prover = Arc::new(set_up(config)?);
    Ok(made.insert(prover).clone())
}

fn set_up(config: ProverConfig) -> eyre::Result<StarkProver> {
    StarkProver::new(&programs::BATCH_V1, config).wrap_err("cannot set up the prover")
}

/// Shares of the whole time, for the progress bar: measured on two cores.
fn reached(stage: rollmill_zkvm::prove::Stage) -> Reached {
    use rollmill_zkvm::prove::Stage as Zk;
    let share = |done: usize, of: usize| done as f64 / of.max(1) as f64;
    let (stage, fraction, part) = match stage {
        Zk::Executing => (Stage::Executing, 0.01, None),
        Zk::AppProving { segment, segments } => (
            Stage::Proving,
            0.02 + 0.48 * share(segment, segments),
            Some((segment, segments)),
        ),
        Zk::Aggregating { step, steps } => (
            Stage::Aggregating,
            0.50 + 0.47 * share(step, steps),
            Some((step, steps)),
        ),
        Zk::Verifying => (Stage::Verifying, 0.98, None),
    };
    Reached {
        stage,
        fraction,
        part,
    }
}

fn prove_stark(
    prover: &StarkProver,
    job: &Job,
    report: &(dyn Fn(Reached) + Sync),
    cancel: &AtomicBool,
) -> eyre::Result<Option<Proof>> {
    let inputs = Inputs {
        roller: job.roller,
        task: job.task.0,
        witness: &job.witness,
    };
    let progress = |stage| report(reached(stage));
    match prover.prove(inputs, &progress, cancel) {
        Ok(proven) => Ok(Some(Proof {
            public_values_hash: proven.public_values_hash,
            bytes: proven.proof,
            stats: SubmissionStats {
                prove_seconds: proven.seconds.total(),
                instructions: proven.instructions,
                peak_rss_bytes: 0,
                verify_ms: proven.seconds.verifying * 1000.0,
            },
        })),
        Err(ProveError::Cancelled) => Ok(None),
        Err(error) => Err(error).wrap_err("proving failed"),
    }
}

fn prove_mock(
    public_values_hash: B256,
    pretend: Duration,
    report: &(dyn Fn(Reached) + Sync),
    cancel: &AtomicBool,
) -> eyre::Result<Option<Proof>> {
    let started = Instant::now();
    loop {
        if cancel.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let elapsed = started.elapsed();
        if elapsed >= pretend {
            break;
        }
        let done = elapsed.as_secs_f64() / pretend.as_secs_f64();
        let stage = if done < 0.5 {
            Stage::Proving
        } else {
            Stage::Aggregating
        };
        report(mock_reached(stage, 0.97 * done));
        std::thread::sleep(MOCK_STEP.min(pretend - elapsed));
    }
    report(mock_reached(Stage::Verifying, 0.98));
    let bytes = MockProof { public_values_hash }.encode();
    if let Err(error) = MockProof::verify(&bytes, public_values_hash) {
        bail!("own mock proof does not verify: {error}");
    }
    let prove_seconds = started.elapsed().as_secs_f64();
    Ok(Some(Proof {
        public_values_hash,
        bytes,
        stats: SubmissionStats {
            prove_seconds,
            ..SubmissionStats::default()
        },
    }))
}

fn mock_reached(stage: Stage, fraction: f64) -> Reached {
    Reached {
        stage,
        fraction,
        part: None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_mock_proof_can_be_cancelled_and_verifies() {
        let hash = B256::repeat_byte(7);
        let report = |_| {};
        let long = Duration::from_secs(3600);
        let cancelled = prove_mock(hash, long, &report, &AtomicBool::new(true)).unwrap();
        assert!(cancelled.is_none());
        let proof = prove_mock(hash, Duration::ZERO, &report, &AtomicBool::new(false))
            .unwrap()
            .unwrap();
        MockProof::verify(&proof.bytes, hash).unwrap();
    }

    #[test]
    fn progress_grows_through_the_stages() {
        use rollmill_zkvm::prove::Stage as Zk;
        let stages = [
            Zk::Executing,
            Zk::AppProving {
                segment: 0,
                segments: 2,
            },
            Zk::AppProving {
                segment: 1,
                segments: 2,
            },
            Zk::Aggregating { step: 0, steps: 5 },
            Zk::Aggregating { step: 4, steps: 5 },
            Zk::Verifying,
        ];
        let fractions = stages.map(|stage| reached(stage).fraction);
        assert!(fractions.is_sorted_by(|a, b| a < b), "{fractions:?}");
        assert!(
            fractions
                .iter()
                .all(|fraction| (0.0..1.0).contains(fraction))
        );
    }
}
