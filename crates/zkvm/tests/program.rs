//! The committed program in its machine, without a proof: what it refuses, and what a blob takes.

#![allow(clippy::unwrap_used)]

use alloy_primitives::{B256, Bytes};
use rollmill_protocol::{
    TaskId,
    blob::coefficient_count,
    prover_gas::{CELLS, PER_BLOB_COEFFICIENT},
};
use rollmill_stf::{Identity, execute_batch, witness::Witness};
use rollmill_zkvm::{
    programs::BATCH_V1,
    prove::{Execution, Inputs, ProveError, Prover, ProverConfig},
    recorded::batch_v1 as recorded,
};

/// Runs the program on a witness of the recorded task.
fn run(prover: &Prover, witness: &[u8]) -> Result<Execution, ProveError> {
    let recorded = recorded();
    prover.execute(Inputs {
        roller: recorded.roller,
        task: recorded.task,
        witness,
    })
}

/// One test, because deriving the keys takes most of its time.
#[test]
fn the_program_ends_without_a_statement_or_with_the_native_one() {
    let prover = Prover::new(&BATCH_V1, ProverConfig::default()).unwrap();
    let recorded = recorded();
    let about_calldata = run(&prover, recorded.witness).unwrap();
    assert_eq!(
        about_calldata.public_values_hash,
        recorded.public_values_hash
    );
    refuses_what_it_cannot_execute(&prover, recorded.witness);
    takes_for_a_blob_what_is_counted(&prover, recorded.witness, about_calldata);
}

/// SOUNDNESS: no run that panics or ends early has the exit code that verifiers ask for.
fn refuses_what_it_cannot_execute(prover: &Prover, witness: &[u8]) {
    let mut altered = witness.to_vec();
    altered[witness.len() / 2] ^= 1;
    for bad in [&altered[..], &witness[..witness.len() - 8]] {
        let ended = run(prover, bad);
        assert!(
            matches!(ended, Err(ProveError::Rejected(code)) if code != 0),
            "{ended:?}"
        );
    }
}

/// What the schedule counts for a coefficient, within the factor that it may err by.
fn takes_for_a_blob_what_is_counted(prover: &Prover, witness: &[u8], about_calldata: Execution) {
    let mut witness = Witness::decode(Bytes::copy_from_slice(witness)).unwrap();
    witness.context.blob_versioned_hash = B256::repeat_byte(1);
    let coefficients = coefficient_count(witness.batch_data.len()) as u64;
    let witness = Bytes::from(witness.encode());
    let about_blob = run(prover, &witness).unwrap();
    let recorded = recorded();
    let identity = Identity {
        roller: recorded.roller,
        task: TaskId(recorded.task),
    };
    let native = execute_batch(identity, witness).unwrap();
    assert_eq!(about_blob.public_values_hash, native.hash());
    let each = (about_blob.trace_cells - about_calldata.trace_cells) / CELLS / coefficients;
    assert!(
        (PER_BLOB_COEFFICIENT / 2..=PER_BLOB_COEFFICIENT * 3 / 2).contains(&each),
        "a coefficient takes {each} prover gas"
    );
}
