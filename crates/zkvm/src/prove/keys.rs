//! Proving keys and commitments, derived from the executable and `guest/vm.toml`.

use std::sync::Arc;

use openvm_circuit::{
    arch::VmInstance, system::program::trace::compute_exe_commit_from_mem_config,
};
use openvm_sdk::{
    Sdk, SdkError,
    config::{AggregationSystemParams, AppConfig},
    prover::{AggProver, vm::new_local_prover},
};
use openvm_sdk_config::{SdkVmConfig, SdkVmCpuBuilder};
use openvm_stark_sdk::config::{
    app_params_with_100_bits_security, baby_bear_poseidon2::BabyBearPoseidon2CpuEngine,
};
use openvm_verify_stark_host::vk::{VerificationBaseline, VmStarkVerifyingKey};

use super::SEGMENT_MEMORY_BYTES_MAX;
use crate::{ProgramCommitment, commitment::commitment_of};

/// The virtual machine of batch program version 1; see there.
const VM_CONFIG: &str = include_str!("../../../../guest/vm.toml");

/// log2 of the rows of the committed matrix. Part of the VM's key, so one value for the network. The default of 24
/// makes every small commitment pay for 2^24 rows; 20 proves a segment of 4 GiB as fast and starts in under a second.
const LOG_STACKED_HEIGHT: usize = 20;

pub(super) type Engine = BabyBearPoseidon2CpuEngine;
/// The program in the virtual machine, with the machine's keys.
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
        derived: ProgramCommitment,
        /// From the manifest.
        embedded: ProgramCommitment,
    },
}

/// Aggregation keys; the machine's own are in the [`Instance`].
pub(super) struct Keys {
    pub(super) aggregation: Arc<AggProver>,
}

pub(super) fn derive(
    elf: &[u8],
    segment_memory_bytes_max: usize,
) -> Result<(Keys, Instance), SetupError> {
    let program = |error: SdkError| SetupError::Program(Box::new(error));
    let mut vm_config =
        SdkVmConfig::from_toml(VM_CONFIG).map_err(|error| SetupError::Config(error.to_string()))?;
    vm_config
        .system
        .config
        .set_segmentation_max_memory(segment_memory_bytes_max.min(SEGMENT_MEMORY_BYTES_MAX));
    let app_config = AppConfig::new(
        vm_config,
        app_params_with_100_bits_security(LOG_STACKED_HEIGHT),
    );
    let sdk = Sdk::new(app_config, AggregationSystemParams::default()).map_err(program)?;
    let exe = sdk.convert_to_exe(elf).map_err(program)?;
    let instance = new_local_prover::<Engine, _>(SdkVmCpuBuilder, &sdk.app_pk().app_vm_pk, exe)
        .map_err(|error| SetupError::Program(Box::new(error)))?;
    Ok((
        Keys {
            aggregation: sdk.agg_prover(),
        },
        instance,
    ))
}

impl Keys {
    pub(super) fn commitment(&self, instance: &Instance) -> ProgramCommitment {
        let vm = commitment_of(&self.aggregation.vm_or_hook_commit());
        ProgramCommitment {
            exe: commitment_of(&exe_commit(instance)),
            vm,
        }
    }

    pub(super) fn verifying_key(&self, instance: &Instance) -> VmStarkVerifyingKey {
        let aggregation = &self.aggregation;
        let system = instance.vm.config().as_ref();
        VmStarkVerifyingKey {
            mvk: aggregation
                .internal_recursive_prover
                .get_vk()
                .as_ref()
                .clone(),
            baseline: VerificationBaseline {
                app_exe_commit: exe_commit(instance),
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
                expected_def_hook_commit: None,
            },
        }
    }
}

fn exe_commit(instance: &Instance) -> openvm_stark_sdk::config::baby_bear_poseidon2::Digest {
    let memory_config = &instance.vm.config().as_ref().memory_config;
    compute_exe_commit_from_mem_config(instance.program_commitment(), instance.exe(), memory_config)
}
