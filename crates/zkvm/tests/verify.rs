//! The recorded proof is accepted; whatever is not exactly it is rejected.
//!
//! The fixture is written by `cargo xtask fixture`.

#![allow(clippy::unwrap_used)]

use alloy_primitives::{B256, keccak256};
use rollmill_protocol::{AggregateValues, PublicValues};
use rollmill_zkvm::{
    PROOF_BYTES_MAX, ProgramCommitment, VerifyError,
    mock::MockProof,
    programs,
    recorded::{Recorded, RecordedAggregate, aggregate_v1, batch_v1 as fixture},
    stark_precompile, verify,
};

static PROOF: &[u8] = include_bytes!("fixtures/batch-v1/proof.bin");

fn outcome(proof: &[u8]) -> Result<(), VerifyError> {
    let fixture = fixture();
    verify(&fixture.program, fixture.public_values_hash, proof)
}

#[test]
fn the_recorded_proof_is_accepted() {
    let fixture = fixture();
    assert_eq!(fixture.program, programs::BATCH_V1.commitment);
    let record: serde_json::Value =
        serde_json::from_str(include_str!("fixtures/batch-v1/fixture.json")).unwrap();
    let statement: PublicValues = serde_json::from_value(record["public_values"].clone()).unwrap();
    assert_eq!(statement.hash(), fixture.public_values_hash);
    assert_eq!(record["proof_bytes"], PROOF.len());
    assert_eq!(record["proof_keccak"], keccak256(PROOF).to_string());
    outcome(PROOF).unwrap();
}

#[test]
fn other_public_values_are_rejected() {
    let fixture = fixture();
    for at in 0..32 {
        let mut hash = fixture.public_values_hash;
        hash[at] ^= 1;
        assert!(matches!(
            verify(&fixture.program, hash, PROOF),
            Err(VerifyError::PublicValues)
        ));
    }
}

#[test]
fn other_programs_are_rejected() {
    let Recorded {
        program,
        public_values_hash,
        ..
    } = fixture();
    // The lowest digit of the commitment: still canonical, another program.
    let mut exe = program.exe;
    exe[31] ^= 1;
    let other = ProgramCommitment { exe, ..program };
    assert!(matches!(
        verify(&other, public_values_hash, PROOF),
        Err(VerifyError::Invalid(_))
    ));

    let mut vm = program.vm;
    vm[31] ^= 1;
    let other = ProgramCommitment { vm, ..program };
    assert!(matches!(
        verify(&other, public_values_hash, PROOF),
        Err(VerifyError::UnknownVm(_))
    ));

    let swapped = ProgramCommitment {
        exe: program.vm,
        vm: program.exe,
    };
    assert!(verify(&swapped, public_values_hash, PROOF).is_err());
    let overflow = ProgramCommitment {
        exe: B256::repeat_byte(0xff),
        ..program
    };
    assert!(matches!(
        verify(&overflow, public_values_hash, PROOF),
        Err(VerifyError::Unset)
    ));
}

#[test]
fn zero_is_rejected_everywhere() {
    let Recorded {
        program,
        public_values_hash,
        ..
    } = fixture();
    let zero = B256::ZERO;
    for program in [
        ProgramCommitment {
            exe: zero,
            ..program
        },
        ProgramCommitment {
            vm: zero,
            ..program
        },
    ] {
        assert!(matches!(
            verify(&program, public_values_hash, PROOF),
            Err(VerifyError::Unset)
        ));
    }
    assert!(matches!(
        verify(&program, zero, PROOF),
        Err(VerifyError::Unset)
    ));
    assert!(outcome(&[]).is_err());
    assert!(outcome(&vec![0; PROOF.len()]).is_err());
}

#[test]
fn other_lengths_are_rejected() {
    for cut in [1, 4, 32, 1024, PROOF.len() / 2, PROOF.len() - 1] {
        assert!(
            outcome(&PROOF[..PROOF.len() - cut]).is_err(),
            "truncated by {cut}"
        );
    }
    for extra in [&[0][..], &[0; 4], &[0xff; 32], PROOF] {
        assert!(
            outcome(&[PROOF, extra].concat()).is_err(),
            "extended by {}",
            extra.len()
        );
    }
    let long = vec![0; PROOF_BYTES_MAX + 1];
    assert!(matches!(outcome(&long), Err(VerifyError::TooLong(_))));
}

/// One changed bit in each of 256 places spread over all regions of the encoding, and at both ends.
#[test]
fn each_mutation_is_rejected() {
    let spread = (0..256).map(|index| index * PROOF.len() / 256);
    let ends = (0..64).chain(PROOF.len() - 64..PROOF.len());
    for at in spread.chain(ends) {
        for bit in [0, 7] {
            let mut proof = PROOF.to_vec();
            proof[at] ^= 1 << bit;
            assert!(outcome(&proof).is_err(), "bit {bit} of byte {at}");
        }
    }
}

/// Lengths inside the encoding that claim more than there is must cost neither memory nor time.
#[test]
fn claimed_lengths_are_harmless() {
    for at in (0..PROOF.len() - 4).step_by(PROOF.len() / 64) {
        let mut proof = PROOF.to_vec();
        proof[at..at + 4].copy_from_slice(&[0xff; 4]);
        assert!(outcome(&proof).is_err(), "at {at}");
    }
}

/// A proof that relies on another proof: recorded, too, of the recorded batch alone.
#[test]
fn an_aggregate_proof_is_accepted_for_its_own_statement_alone() {
    let RecordedAggregate {
        program,
        values,
        public_values_hash,
        proof,
    } = aggregate_v1();
    let values: AggregateValues = serde_json::from_value(values).unwrap();
    assert_eq!(values.hash(), public_values_hash);
    assert_eq!(program.vm, programs::AGGREGATE_V1.commitment.vm);
    verify(&program, values.hash(), proof).unwrap();
    let input = [&[program.exe, program.vm, values.hash()].concat(), proof].concat();
    assert!(stark_precompile(&input));

    // The statement of the batch is not that of the aggregate, nor is its program or machine.
    assert!(verify(&program, values.range.hash(), proof).is_err());
    let batch = fixture().program;
    assert!(verify(&batch, values.hash(), proof).is_err());
    let other_machine = ProgramCommitment {
        vm: batch.vm,
        ..program
    };
    assert!(verify(&other_machine, values.hash(), proof).is_err());
    let other_program = ProgramCommitment {
        exe: batch.exe,
        ..program
    };
    assert!(verify(&other_program, values.hash(), proof).is_err());

    // What connects the run with the proofs that it relies on is at the end.
    for back in [1, 2, 9, 100, 1_000, 2_000] {
        let mut damaged = proof.to_vec();
        let at = damaged.len() - back;
        damaged[at] ^= 1;
        let outcome = verify(&program, values.hash(), &damaged);
        assert!(outcome.is_err(), "{back} bytes before the end");
    }
}

/// The aggregate program reads it as field elements of the proof system, four bytes each.
#[test]
fn a_proof_begins_with_its_own_commitment() {
    for element in PROOF[..32].chunks_exact(4) {
        assert!(u32::from_le_bytes(element.try_into().unwrap()) < 0x7800_0001);
    }
    for at in 0..32 {
        let mut other = PROOF.to_vec();
        other[at] ^= 1;
        assert!(matches!(outcome(&other), Err(VerifyError::Commitment)));
    }
    assert!(outcome(&PROOF[32..]).is_err());
    for short in [0, 31, 32] {
        let outcome = outcome(&PROOF[..short]);
        assert!(matches!(outcome, Err(VerifyError::Malformed(_))));
    }
}

/// The flag before the deferral's paths: the library takes any byte but 0 for 1.
#[test]
fn a_second_form_of_the_same_proof_is_rejected() {
    let RecordedAggregate {
        program,
        public_values_hash,
        proof,
        ..
    } = aggregate_v1();
    let is_second_form = |at: usize| {
        let mut second = proof.to_vec();
        second[at] = 2;
        let outcome = verify(&program, public_values_hash, &second);
        matches!(outcome, Err(VerifyError::NotCanonical))
    };
    let mut end = proof.len() - 4_096..proof.len();
    assert!(end.any(|at| proof[at] == 1 && is_second_form(at)));
}

#[test]
fn compressed_and_mock_proofs_are_rejected() {
    // A zstd frame (here: magic number, then a header that promises 4 GiB) is just a malformed proof.
    let bomb = [
        0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0,
    ];
    assert!(outcome(&bomb).is_err());
    let Recorded {
        program,
        public_values_hash,
        ..
    } = fixture();
    let mock = MockProof { public_values_hash }.encode();
    assert!(verify(&program, public_values_hash, &mock).is_err());
}

#[test]
fn the_precompile_answers_any_input() {
    let Recorded {
        program,
        public_values_hash,
        ..
    } = fixture();
    let header = [program.exe, program.vm, public_values_hash].concat();
    let input = [&header, PROOF].concat();
    assert!(stark_precompile(&input));
    for length in [0, 1, 31, 32, 95, 96, 97, input.len() - 1] {
        assert!(!stark_precompile(&input[..length]), "{length} bytes");
    }
    for at in 0..96 {
        let mut other = input.clone();
        other[at] ^= 1;
        assert!(!stark_precompile(&other), "byte {at} of the header");
    }
    assert!(!stark_precompile(&[&input[..], &[0]].concat()));
}
