//! Proving keys and commitments, derived from the executable and `guest/vm.toml`.

use std::sync::Arc;

use openvm_circuit::{
    arch::{VirtualMachineError, VmInstance, instructions::exe::VmExe},
    system::program::trace::compute_exe_commit_from_mem_config,
};
use openvm_sdk::{
    F, Sdk, SdkError,
    config::{AggregationSystemParams, AppConfig},
    prover::{
        AggProver,
        vm::{new_local_prover, types::VmProvingKey},
    },
};
use openvm_sdk_config::{SdkVmConfig, SdkVmCpuBuilder};
use openvm_stark_sdk::config::{
    app_params_with_100_bits_security,
    baby_bear_poseidon2::{BabyBearPoseidon2CpuEngine, Digest},
};
use openvm_verify_stark_host::vk::{VerificationBaseline, VmStarkVerifyingKey};

use super::{ProveError, SEGMENT_MEMORY_BYTES_MAX};
use crate::{ProgramCommitment, commitment::commitment_of};

/// The virtual machine of batch program version 1; see there.
const VM_CONFIG: &str = include_str!("../../../../guest/vm.toml");

/// log2 of the rows of the committed matrix. Part of the VM's key, so one value for the network. The default of 24
/// makes every small commitment pay for 2^24 rows; 20 proves as fast and starts in under a second.
const LOG_STACKED_HEIGHT: usize = 20;

pub(super) type Engine = BabyBearPoseidon2CpuEngine;
/// The program in the virtual machine, ready to run. It may not move between threads, so each run makes its own.
pub(super) type Instance = VmInstance<Engine, SdkVmCpuBuilder>;

/// Why there is no prover. All mean: stop, this build is broken; but [`SetupError::Threads`], which may pass.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Threads could not be started.
    #[error("proving threads could not be started")]
    Threads(#[source] rayon::ThreadPoolBuildError),
    /// `guest/vm.toml` does not parse.
    #[error("VM configuration does not parse: {0}")]
    Config(String),
    /// The executable does not fit the VM.
    #[error("executable does not fit the VM")]
    Program(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The executable has other commitments than recorded.
    #[error("derived commitments {derived:?} are not the embedded {embedded:?}")]
    Commitment {
        /// From the executable and the configuration.
        derived: Box<ProgramCommitment>,
        /// From the manifest.
        embedded: Box<ProgramCommitment>,
    },
}

/// All that is derived once.
pub(super) struct Keys {
    pub(super) machine: Arc<VmProvingKey<SdkVmConfig>>,
    pub(super) exe: Arc<VmExe<F>>,
    exe_commit: Digest,
    pub(super) aggregation: Arc<AggProver>,
    /// Of a machine with the deferral extension: commitment to the keys of what is proved beside it.
    deferral_hook: Option<Digest>,
}

/// Keys of the batch program's machine, `guest/vm.toml`.
pub(super) fn derive(elf: &[u8], segment_memory_bytes_max: usize) -> Result<Keys, SetupError> {
    let program = |error: SdkError| SetupError::Program(Box::new(error));
    let machine =
        SdkVmConfig::from_toml(VM_CONFIG).map_err(|error| SetupError::Config(error.to_string()))?;
    let app_config = app_config(machine, segment_memory_bytes_max);
    let sdk = Sdk::new(app_config, AggregationSystemParams::default()).map_err(program)?;
    Keys::new(&sdk, elf)
}

/// A machine with what all of ours have in common.
pub(super) fn app_config(
    mut machine: SdkVmConfig,
    segment_memory_bytes_max: usize,
) -> AppConfig<SdkVmConfig> {
    machine
        .system
        .config
        .set_segmentation_max_memory(segment_memory_bytes_max.min(SEGMENT_MEMORY_BYTES_MAX));
    AppConfig::new(
        machine,
        app_params_with_100_bits_security(LOG_STACKED_HEIGHT),
    )
}

fn instance(
    machine: &VmProvingKey<SdkVmConfig>,
    exe: &Arc<VmExe<F>>,
) -> Result<Instance, VirtualMachineError> {
    new_local_prover(SdkVmCpuBuilder, machine, exe.clone())
}

impl Keys {
    pub(super) fn new(sdk: &Sdk, elf: &[u8]) -> Result<Self, SetupError> {
        let exe = sdk
            .convert_to_exe(elf)
            .map_err(|error| SetupError::Program(Box::new(error)))?;
        let machine = sdk.app_pk().app_vm_pk.clone();
        let instance =
            instance(&machine, &exe).map_err(|error| SetupError::Program(Box::new(error)))?;
        let memory_config = &machine.vm_config.system.config.memory_config;
        let exe_commit =
            compute_exe_commit_from_mem_config(instance.program_commitment(), &exe, memory_config);
        Ok(Self {
            machine,
            exe,
            exe_commit,
            aggregation: sdk.agg_prover(),
            deferral_hook: sdk.def_hook_commit(),
        })
    }

    pub(super) fn instance(&self) -> Result<Instance, ProveError> {
        instance(&self.machine, &self.exe).map_err(|error| ProveError::Execution(Box::new(error)))
    }

    pub(super) fn commitment(&self) -> ProgramCommitment {
        ProgramCommitment {
            exe: commitment_of(&self.exe_commit),
            vm: commitment_of(&self.aggregation.vm_or_hook_commit()),
        }
    }

    pub(super) fn verifying_key(&self) -> VmStarkVerifyingKey {
        let aggregation = &self.aggregation;
        let system = &self.machine.vm_config.system.config;
        VmStarkVerifyingKey {
            mvk: aggregation
                .internal_recursive_prover
                .get_vk()
                .as_ref()
                .clone(),
            baseline: VerificationBaseline {
                app_exe_commit: self.exe_commit,
                memory_dimensions: system.memory_config.memory_dimensions(),
                num_user_pvs: system.num_public_values,
                app_vk_commit: aggregation.leaf_prover.get_vk_commit(false),
                leaf_vk_commit: aggregation.internal_for_leaf_prover.get_vk_commit(false),
                internal_for_leaf_vk_commit: aggregation
                    .internal_recursive_prover
                    .get_vk_commit(false),
                internal_recursive_vk_commit: aggregation
                    .internal_recursive_prover
                    .get_vk_commit(true),
                expected_def_hook_commit: self.deferral_hook,
            },
        }
    }
}
