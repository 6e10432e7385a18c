//! Execution of the program, and one proof for each segment of it.

use alloy_primitives::B256;
use openvm_circuit::{
    arch::{
        ContinuationVmProof, ExecutionError, Streams, execution_mode::Segment,
        hasher::poseidon2::vm_poseidon2_hasher,
    },
    system::memory::{
        merkle::public_values::{UserPublicValuesProof, extract_public_values},
        online::GuestMemory,
    },
};
use openvm_sdk::{F, SC};
use openvm_stark_backend::StarkEngine;

use super::{Execution, ProveError, Stage, Steps, keys::Instance};
use crate::verify::REVEALED_BYTES;

/// Where a run is cut into segments, and what it reveals.
pub(super) struct Cuts {
    pub(super) segments: Vec<Segment>,
    pub(super) instructions: u64,
    pub(super) public_values_hash: B256,
}

pub(super) fn execute(instance: &Instance, inputs: Streams<F>) -> Result<Execution, ProveError> {
    let vm = &instance.vm;
    let interpreter = vm
        .metered_cost_interpreter(instance.exe())
        .map_err(failed)?;
    let (cost, state) = interpreter
        .execute_metered_cost(inputs, vm.build_metered_cost_ctx())
        .map_err(rejected)?;
    Ok(Execution {
        public_values_hash: revealed(&state.memory),
        instructions: cost.instret,
        trace_cells: cost.cost,
    })
}

pub(super) fn cut(instance: &Instance, inputs: Streams<F>) -> Result<Cuts, ProveError> {
    let vm = &instance.vm;
    let interpreter = vm.metered_interpreter(instance.exe()).map_err(failed)?;
    let (segments, state) = interpreter
        .execute_metered(inputs, vm.build_metered_ctx(instance.exe()))
        .map_err(rejected)?;
    let instructions = segments.iter().map(|segment| segment.num_insns).sum();
    Ok(Cuts {
        segments,
        instructions,
        public_values_hash: revealed(&state.memory),
    })
}

pub(super) fn prove(
    instance: &mut Instance,
    inputs: Streams<F>,
    cuts: &Cuts,
    steps: &Steps<'_>,
) -> Result<ContinuationVmProof<SC>, ProveError> {
    let mut state = instance.vm.create_initial_state(instance.exe(), inputs);
    let segments = cuts.segments.len();
    let mut per_segment = Vec::with_capacity(segments);
    for (index, segment) in cuts.segments.iter().enumerate() {
        steps.begin(Stage::AppProving {
            segment: index,
            segments,
        })?;
        let vm = &mut instance.vm;
        vm.transport_init_memory_to_device(&state.memory);
        let run = vm
            .execute_preflight(
                &mut instance.interpreter,
                state,
                Some(segment.num_insns),
                &segment.trace_heights,
            )
            .map_err(failed)?;
        state = run.to_state;
        let traces = vm
            .generate_proving_ctx(run.system_records, run.record_arenas)
            .map_err(proving)?;
        per_segment.push(vm.engine.prove(vm.pk(), traces).map_err(proving)?);
    }
    let system = instance.vm.config().as_ref();
    let user_public_values = UserPublicValuesProof::compute(
        system.memory_config.memory_dimensions(),
        system.num_public_values,
        &vm_poseidon2_hasher(),
        &state.memory.memory,
        instance
            .vm
            .memory_top_tree()
            .expect("a run leaves its memory tree"),
    );
    Ok(ContinuationVmProof {
        per_segment,
        user_public_values,
    })
}

fn revealed(memory: &GuestMemory) -> B256 {
    B256::from_slice(&extract_public_values(REVEALED_BYTES, &memory.memory))
}

fn rejected(error: ExecutionError) -> ProveError {
    match error {
        ExecutionError::FailedWithExitCode(code) => ProveError::Rejected(code),
        other => failed(other),
    }
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> ProveError {
    ProveError::Execution(Box::new(error))
}

fn proving(error: impl std::error::Error + Send + Sync + 'static) -> ProveError {
    ProveError::Proving(Box::new(error))
}
