//! Proofs of consecutive batches become one.
//!
//! The aggregate program runs on a machine of its own, which has the deferral extension: the program names the proofs, circuits beside
//! the machine verify them two by two up to one, and the last layers join that with the proof of the run. Those circuits know one
//! verifying key, the last layer's, which is the same for every program whose machine is aggregated with the same parameters.

use std::sync::Arc;

use alloy_primitives::B256;
use openvm_sdk::{
    DeferralInput, DeferralSetup, Sdk, SdkError, StdIn,
    config::AggregationConfig,
    prover::{DeferralAggProver, MultiDeferralCircuitProver, StarkProver},
};
use openvm_sdk_config::{SdkVmConfig, SdkVmCpuBuilder, deferral::SupportedDeferral};
use openvm_stark_sdk::config::hook_params_with_100_bits_security;
use openvm_verify_stark_circuit::{
    default_verify_stark_circuit_params,
    extension::get_deferral_state,
    prover::{DeferredVerifyCpuCircuitProver, DeferredVerifyCpuProver},
};
use openvm_verify_stark_host::{VmStarkProof, vk::VmStarkVerifyingKey};

use super::{
    Execution, ProveError, ProverConfig, SetupError,
    keys::{Engine, Keys, app_config},
    require, sealed, segments, thread_pool,
};
use crate::{
    ProgramCommitment, VerifyError,
    programs::{BATCH_V1, Program},
    verify::{self, guarded, key_of},
};

/// Index of the circuit that verifies batches' proofs.
const VERIFY_CIRCUIT: usize = 0;

/// What the aggregate program is about.
#[derive(Clone, Copy, Debug)]
pub struct Batches<'a> {
    /// What the program reads. It names the proofs, each by the commitment that it begins with.
    pub input: &'a [u8],
    /// The program that proved the batches.
    pub program: ProgramCommitment,
    /// The proofs, as [`crate::verify`] reads them.
    pub proofs: &'a [&'a [u8]],
}

/// The aggregate program with its proving keys.
pub struct Aggregator {
    pool: rayon::ThreadPool,
    keys: Keys,
    deferral: Arc<DeferralAggProver>,
}

impl Aggregator {
    /// Derives the keys of the embedded program. Takes tens of seconds, so do it once per process, on a blocking thread.
    ///
    /// # Errors
    /// [`SetupError::Commitment`] where the derived commitments are not the embedded ones.
    pub fn new(program: &Program, config: ProverConfig) -> Result<Self, SetupError> {
        let aggregator = Self::of_elf(program.elf, config)?;
        require(program, aggregator.commitment())?;
        Ok(aggregator)
    }

    /// Derives the keys of any executable for the aggregate program's machine: for the guest builder.
    pub fn of_elf(elf: &[u8], config: ProverConfig) -> Result<Self, SetupError> {
        let pool = thread_pool(config)?;
        let (keys, deferral) = pool.install(|| derive(elf, config.segment_memory_bytes_max))?;
        Ok(Self {
            pool,
            keys,
            deferral,
        })
    }

    /// Commitments of the program that this proves.
    pub fn commitment(&self) -> ProgramCommitment {
        self.keys.commitment()
    }

    /// Key and baseline that verify this program's proofs.
    pub fn verifying_key(&self) -> VmStarkVerifyingKey {
        self.keys.verifying_key()
    }

    /// Runs the program without proving and counts what a proof of the run would cost. The batches' proofs are verified natively.
    ///
    /// # Panics
    /// If the input names a proof that is not among the proofs.
    pub fn execute(&self, batches: Batches<'_>) -> Result<Execution, ProveError> {
        self.pool.install(|| {
            let (stdin, _) = self.inputs(batches)?;
            segments::execute(&self.keys.instance()?, stdin.into())
        })
    }

    /// Proves the aggregate; the proof has been verified. It reveals `public_values_hash`.
    ///
    /// # Panics
    /// If the input names a proof that is not among the proofs.
    pub fn prove(
        &self,
        batches: Batches<'_>,
        public_values_hash: B256,
    ) -> Result<Vec<u8>, ProveError> {
        self.pool.install(|| {
            let (stdin, deferred) = self.inputs(batches)?;
            let mut prover = StarkProver::<Engine, _>::new(
                SdkVmCpuBuilder,
                &self.keys.machine,
                self.keys.exe.clone(),
                self.keys.aggregation.clone(),
                DeferralSetup::Active(self.deferral.clone()),
            )
            .map_err(proving)?;
            let (proof, _) = prover.prove(stdin, &[deferred]).map_err(proving)?;
            drop(prover);
            sealed(&self.keys.verifying_key(), &proof, public_values_hash)
        })
    }

    /// What the machine reads, and what the circuits beside it verify.
    fn inputs(&self, batches: Batches<'_>) -> Result<(StdIn, DeferralInput), ProveError> {
        let key = key_of(&batches.program).map_err(ProveError::Child)?;
        let recursive = key.baseline.internal_recursive_vk_commit.cached_commit;
        let verified = guarded(|| {
            let opened = batches.proofs.iter().map(|proof| verify::open(proof));
            let proofs = opened.map(|opened| opened.map(|(_, proof)| proof));
            let proofs: Vec<VmStarkProof> = proofs.collect::<Result<_, _>>()?;
            let state = get_deferral_state(&key, &proofs, recursive, VERIFY_CIRCUIT as u32)
                .map_err(|report| VerifyError::Invalid(report.to_string()))?;
            Ok((proofs, state))
        });
        let (proofs, state) = verified.map_err(ProveError::Child)?;
        let mut stdin = StdIn::from_bytes(batches.input);
        stdin.deferrals = vec![state];
        Ok((stdin, DeferralInput::from_inputs(&proofs)))
    }
}

/// Keys of the machine, and what verifies batches' proofs beside it.
fn derive(
    elf: &[u8],
    segment_memory_bytes_max: usize,
) -> Result<(Keys, Arc<DeferralAggProver>), SetupError> {
    let deferral = deferral();
    let circuits = deferral
        .multi_deferral_circuit_prover
        .make_config(vec![SupportedDeferral::VerifyStark]);
    let machine = SdkVmConfig::builder()
        .system(Default::default())
        .rv32i(Default::default())
        .rv32m(Default::default())
        .io(Default::default())
        .keccak(Default::default())
        .deferral(circuits)
        .build()
        .optimize();
    let sdk = Sdk::builder()
        .app_config(app_config(machine, segment_memory_bytes_max))
        .agg_params(AggregationConfig::default().params)
        .deferral_agg_prover(deferral)
        .build()
        .map_err(|error: SdkError| SetupError::Program(Box::new(error)))?;
    let deferral = sdk
        .deferral_agg_prover()
        .expect("the machine was built with it");
    Ok((Keys::new(&sdk, elf)?, deferral))
}

/// The circuit that verifies batches' proofs, and those that aggregate it.
fn deferral() -> DeferralAggProver {
    let child = BATCH_V1.verifying_key();
    let recursive = child.baseline.internal_recursive_vk_commit.cached_commit;
    let circuit = DeferredVerifyCpuProver::new::<Engine>(
        Arc::new(child.mvk.clone()),
        recursive.into(),
        default_verify_stark_circuit_params(),
        child.baseline.memory_dimensions,
        child.baseline.num_user_pvs,
        // Batches' proofs rely on no others.
        None,
        VERIFY_CIRCUIT,
    );
    // SOUNDNESS: proofs are named by the commitments that they begin with only if this is the key that those take in.
    assert_eq!(
        circuit.get_cached_commit(),
        recursive,
        "one commitment to one key"
    );
    let config = AggregationConfig::default();
    let circuits = MultiDeferralCircuitProver::new(
        DeferredVerifyCpuCircuitProver::new(circuit),
        config.clone(),
        hook_params_with_100_bits_security(),
    );
    DeferralAggProver::new(config, Arc::new(circuits))
}

fn proving(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ProveError {
    ProveError::Proving(error.into())
}
