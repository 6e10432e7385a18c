//! The aggregate program in its machine, on the recorded batch's proof.

#![allow(clippy::unwrap_used)]

use alloy_primitives::B256;
use rollmill_protocol::{
    ProofCommitment, PublicValues,
    aggregate::{AggregateInput, Child, Shown, fold},
};
use rollmill_zkvm::{
    VerifyError, programs,
    prove::{Aggregator, Batches, ProveError, ProverConfig},
    recorded::batch_v1,
};

/// An aggregate of the recorded batch alone.
fn input() -> AggregateInput {
    let record: serde_json::Value =
        serde_json::from_str(include_str!("fixtures/batch-v1/fixture.json")).unwrap();
    let values: PublicValues = serde_json::from_value(record["public_values"].clone()).unwrap();
    let recorded = batch_v1();
    AggregateInput {
        previous_lineage: B256::repeat_byte(7),
        children: vec![Child {
            proof: ProofCommitment::of(recorded.proof),
            values,
        }],
    }
}

/// One test, because the keys take longer to derive than all of it.
#[test]
fn the_program_folds_what_the_proofs_show_and_nothing_else() {
    let recorded = batch_v1();
    let aggregator = Aggregator::new(&programs::AGGREGATE_V1, ProverConfig::default()).unwrap();
    let execute = |input: &AggregateInput, proofs: &[&[u8]]| {
        aggregator.execute(Batches {
            input: &input.encode(),
            program: recorded.program,
            proofs,
        })
    };

    let input = input();
    let shown = Shown {
        exe: recorded.program.exe,
        vm: recorded.program.vm,
        public_values_hash: recorded.public_values_hash,
    };
    let native = fold(&input, |_| shown).unwrap();
    let execution = execute(&input, &[recorded.proof]).unwrap();
    assert_eq!(execution.public_values_hash, native.hash());

    // Another roller than the one whose proof it is.
    let mut stolen = input.clone();
    stolen.children[0].values.roller.0[0] ^= 1;
    let outcome = execute(&stolen, &[recorded.proof]);
    assert!(matches!(outcome, Err(ProveError::Rejected(_))));

    // The same batch twice.
    let mut twice = input.clone();
    twice.children.push(twice.children[0].clone());
    let outcome = execute(&twice, &[recorded.proof]);
    assert!(matches!(outcome, Err(ProveError::Rejected(_))));

    // None.
    let mut none = input.clone();
    none.children.clear();
    assert!(matches!(
        execute(&none, &[recorded.proof]),
        Err(ProveError::Rejected(_))
    ));

    // A proof that does not verify is not even run on.
    let mut damaged = recorded.proof.to_vec();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    assert!(matches!(
        execute(&input, &[&damaged]),
        Err(ProveError::Child(
            VerifyError::Invalid(_) | VerifyError::Malformed(_)
        ))
    ));
}
