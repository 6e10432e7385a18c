//! Making proofs, behind the feature `prove`: only the roller links it.
//!
//! [`Prover::new`] derives the keys once (seconds); [`Prover::prove`] then takes a task's inputs through four stages:
//! metered execution (cuts the run into segments whose traces fit the memory bound), one proof per segment, aggregation
//! (leaf, internal, recursive, until one proof is left and once more to shrink it), and the same verification that the
//! coordinator and L1 run. Between any two steps it asks whether it was cancelled.
//!
//! [`Aggregator`] makes one proof of several batches' proofs.
//!
//! Everything parallel runs on a rayon pool of its own, so that a roller takes the threads it was given and no more.

mod aggregate;
mod batches;
mod keys;
mod resources;
mod segments;

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use alloy_primitives::{Address, B256};
use openvm_circuit::arch::Streams;
use openvm_sdk::{F, StdIn};
use openvm_verify_stark_host::{VmStarkProof, vk::VmStarkVerifyingKey};

use crate::{ProgramCommitment, VerifyError, programs::Program, verify};

pub use batches::{Aggregator, Batches};
pub use keys::SetupError;
pub use resources::{peak_rss_bytes, reset_peak_rss};

/// Largest `segment_memory_bytes_max`, which keeps a process under 6.5 GiB resident.
///
/// OpenVM estimates the memory of its GPU backend; the CPU backend takes two to four times as much: a process
/// whose segments were estimated under 1.25 GiB took 3.3 GiB, under 1,640 MiB 6.2 GiB, under 2 GiB 7.2 GiB.
pub const SEGMENT_MEMORY_BYTES_MAX: usize = 1_640 << 20;

/// Resources of one prover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProverConfig {
    /// Threads that prove; at least 1.
    pub threads: usize,
    /// Estimated memory of a segment's proof at which execution is cut, in bytes. At most
    /// [`SEGMENT_MEMORY_BYTES_MAX`]; larger values are lowered to it.
    pub segment_memory_bytes_max: usize,
}

impl Default for ProverConfig {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            threads,
            segment_memory_bytes_max: SEGMENT_MEMORY_BYTES_MAX,
        }
    }
}

/// What a program reads: whose proof of which task, then the witness.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// Registered address of the roller.
    pub roller: Address,
    /// Task id.
    pub task: B256,
    /// Encoded witness of the batch.
    pub witness: &'a [u8],
}

impl Inputs<'_> {
    /// The two inputs in the order in which the program reads them.
    fn streams(self) -> Streams<F> {
        let mut stdin = StdIn::default();
        stdin.write_bytes(&[self.roller.as_slice(), self.task.as_slice()].concat());
        stdin.write_bytes(self.witness);
        stdin.into()
    }
}

/// Where a running proof is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The program is executed to find the segments.
    Executing,
    /// Segment `segment` of `segments` (from 0) is being proved.
    AppProving {
        /// Index of the segment, from 0.
        segment: usize,
        /// Number of segments.
        segments: usize,
    },
    /// Aggregation proof `step` of `steps` (from 0) is being made.
    Aggregating {
        /// Index of the aggregation proof, from 0.
        step: usize,
        /// Number of aggregation proofs.
        steps: usize,
    },
    /// The finished proof is being verified.
    Verifying,
}

/// A verified proof and what it took.
#[derive(Clone, Debug)]
pub struct Proven {
    /// Canonical bytes, as [`crate::verify`] reads them.
    pub proof: Vec<u8>,
    /// The 32 bytes that the program revealed.
    pub public_values_hash: B256,
    /// Instructions executed.
    pub instructions: u64,
    /// Segments proved.
    pub segments: usize,
    /// Wall-clock seconds of the stages.
    pub seconds: StageSeconds,
}

/// Wall-clock seconds of a proof's stages.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StageSeconds {
    /// Metered execution.
    pub executing: f64,
    /// All segments.
    pub app_proving: f64,
    /// All aggregation proofs.
    pub aggregating: f64,
    /// Verification.
    pub verifying: f64,
}

impl StageSeconds {
    /// Sum over the stages.
    pub fn total(&self) -> f64 {
        self.executing + self.app_proving + self.aggregating + self.verifying
    }
}

/// What a run costs, without proving it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Execution {
    /// The 32 bytes that the program revealed.
    pub public_values_hash: B256,
    /// Instructions executed.
    pub instructions: u64,
    /// Cells of all traces (rows times columns, unpadded): what proving time follows.
    pub trace_cells: u64,
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The caller's flag was raised. Try again at will.
    #[error("proving was cancelled")]
    Cancelled,
    /// The program ended with another exit code than 0 (it panics on a bad witness). The caller's fault.
    #[error("program rejects its input: exit code {0}")]
    Rejected(u32),
    /// The virtual machine could not run the program to its end.
    #[error("execution failed")]
    Execution(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A proof to be aggregated does not verify. The caller's fault.
    #[error("proof to be aggregated does not verify")]
    Child(#[source] VerifyError),
    /// The proof system failed. Stop: keys and program do not fit together.
    #[error("proving failed")]
    Proving(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The finished proof does not verify. Stop: it would be fined.
    #[error("own proof does not verify")]
    SelfCheck(#[source] VerifyError),
}

/// A program with its proving keys. Proves one task at a time.
pub struct Prover {
    commitment: ProgramCommitment,
    pool: rayon::ThreadPool,
    keys: keys::Keys,
    /// Held during a run, so that two never add up their memory.
    running: Mutex<()>,
}

impl Prover {
    /// Derives the keys of an embedded program. Takes seconds, so do it once per process, on a blocking thread.
    ///
    /// # Errors
    /// [`SetupError::Commitment`] where the derived commitments are not the embedded ones.
    pub fn new(program: &Program, config: ProverConfig) -> Result<Self, SetupError> {
        let prover = Self::of_elf(program.elf, config)?;
        require(program, prover.commitment)?;
        Ok(prover)
    }

    /// Derives the keys of any executable for the VM of `guest/vm.toml`: for the guest builder.
    pub fn of_elf(elf: &[u8], config: ProverConfig) -> Result<Self, SetupError> {
        let pool = thread_pool(config)?;
        let keys = pool.install(|| keys::derive(elf, config.segment_memory_bytes_max))?;
        Ok(Self {
            commitment: keys.commitment(),
            pool,
            keys,
            running: Mutex::new(()),
        })
    }

    /// Commitments of the program that this proves.
    pub fn commitment(&self) -> ProgramCommitment {
        self.commitment
    }

    /// Key and baseline that verify this prover's proofs.
    pub fn verifying_key(&self) -> VmStarkVerifyingKey {
        self.keys.verifying_key()
    }

    /// Runs the program without proving and counts what a proof would cost.
    pub fn execute(&self, inputs: Inputs<'_>) -> Result<Execution, ProveError> {
        self.execute_many(|execute| execute(inputs))?
    }

    /// Hands [`Self::execute`] to `run`, for many runs: the machine is made ready once, which takes longer than most of them.
    pub fn execute_many<T: Send>(
        &self,
        run: impl FnOnce(&dyn Fn(Inputs<'_>) -> Result<Execution, ProveError>) -> T + Send,
    ) -> Result<T, ProveError> {
        let _running = self.lock();
        self.pool.install(|| {
            let instance = self.keys.instance()?;
            Ok(run(&|inputs| {
                segments::execute(&instance, inputs.streams())
            }))
        })
    }

    /// Proves one task. `progress` is called at the start of each step, on a thread of the prover's pool; raising
    /// `cancel` ends the run with [`ProveError::Cancelled`] before its next step. The proof has been verified.
    pub fn prove(
        &self,
        inputs: Inputs<'_>,
        progress: &(dyn Fn(Stage) + Sync),
        cancel: &AtomicBool,
    ) -> Result<Proven, ProveError> {
        let _running = self.lock();
        self.pool
            .install(|| self.prove_in_pool(inputs, &Steps { progress, cancel }))
    }

    fn prove_in_pool(&self, inputs: Inputs<'_>, steps: &Steps<'_>) -> Result<Proven, ProveError> {
        let mut seconds = StageSeconds::default();

        steps.begin(Stage::Executing)?;
        let started = Instant::now();
        let mut instance = self.keys.instance()?;
        let cuts = segments::cut(&instance, inputs.streams())?;
        seconds.executing = started.elapsed().as_secs_f64();

        let started = Instant::now();
        let app_proof = segments::prove(&mut instance, inputs.streams(), &cuts, steps)?;
        drop(instance);
        seconds.app_proving = started.elapsed().as_secs_f64();

        let started = Instant::now();
        let stark = aggregate::aggregate(&self.keys.aggregation, app_proof, steps)?;
        seconds.aggregating = started.elapsed().as_secs_f64();

        steps.begin(Stage::Verifying)?;
        let started = Instant::now();
        let proof = sealed(&self.keys.verifying_key(), &stark, cuts.public_values_hash)?;
        seconds.verifying = started.elapsed().as_secs_f64();

        Ok(Proven {
            proof,
            public_values_hash: cuts.public_values_hash,
            instructions: cuts.instructions,
            segments: cuts.segments.len(),
            seconds,
        })
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        // It guards no data, so a panic in an earlier run leaves nothing broken.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of a finished proof, which have been verified.
fn sealed(
    key: &VmStarkVerifyingKey,
    proof: &VmStarkProof,
    public_values_hash: B256,
) -> Result<Vec<u8>, ProveError> {
    let proof = verify::seal(key, proof).map_err(ProveError::SelfCheck)?;
    verify::verify_with_key(key, public_values_hash, &proof).map_err(ProveError::SelfCheck)?;
    Ok(proof)
}

/// Is what was derived what the program was embedded with?
fn require(program: &Program, derived: ProgramCommitment) -> Result<(), SetupError> {
    if derived == program.commitment {
        return Ok(());
    }
    Err(SetupError::Commitment {
        derived: Box::new(derived),
        embedded: Box::new(program.commitment),
    })
}

fn thread_pool(config: ProverConfig) -> Result<rayon::ThreadPool, SetupError> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(config.threads.max(1))
        .thread_name(|index| format!("prove-{index}"))
        .build()
        .map_err(SetupError::Threads)
}

/// Reports steps and notices cancellation.
struct Steps<'a> {
    progress: &'a (dyn Fn(Stage) + Sync),
    cancel: &'a AtomicBool,
}

impl Steps<'_> {
    fn begin(&self, stage: Stage) -> Result<(), ProveError> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(ProveError::Cancelled);
        }
        (self.progress)(stage);
        Ok(())
    }
}
