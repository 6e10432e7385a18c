#![allow(clippy::unwrap_used)]
use super::*;
use alloc::vec;
use alloy_primitives::{Address, keccak256};
use proptest::prelude::*;

const ROLLUP: Address = Address::repeat_byte(0x0a);
const EXE: B256 = B256::repeat_byte(0xe0);
const VM: B256 = B256::repeat_byte(0xf0);

/// A word of its own for each kind of value and number.
fn word(kind: u8, number: u64) -> B256 {
    let mut bytes = [kind; 32];
    bytes[24..].copy_from_slice(&number.to_be_bytes());
    B256::new(bytes)
}

/// Batch `number` of the one chain that these tests know.
fn batch(number: u64) -> Child {
    let before = number - 1;
    Child {
        proof: ProofCommitment(word(9, number)),
        values: PublicValues {
            program_version: 1,
            fork_id: 2,
            l1_chain_id: 3,
            rollup: ROLLUP,
            l2_chain_id: 4,
            roller: Address::left_padding_from(&number.to_be_bytes()),
            task: TaskId::of_batch(3, ROLLUP, number),
            first_batch: number,
            last_batch: number,
            previous_state_root: word(1, before),
            state_root: word(1, number),
            previous_block_hash: word(2, before),
            block_hash: word(2, number),
            data_commitment: word(3, number),
            blob_versioned_hash: word(4, number),
            z: word(5, number),
            y: word(6, number),
            previous_message_hash: word(7, before),
            message_hash: word(7, number),
            withdrawal_root: word(8, number),
            last_block: number.wrapping_mul(10),
            last_timestamp: number.wrapping_add(1_000),
            prover_gas: number.wrapping_mul(100),
            schedule_id: 5,
        },
    }
}

fn chain(numbers: impl IntoIterator<Item = u64>) -> AggregateInput {
    AggregateInput {
        previous_lineage: word(0x77, 0),
        children: numbers.into_iter().map(batch).collect(),
    }
}

/// A verifier that finds for each commitment the proof of what the input says.
fn honest(input: &AggregateInput) -> impl Fn(ProofCommitment) -> Shown + use<> {
    let children = input.children.clone();
    move |proof| {
        let child = children.iter().find(|child| child.proof == proof).unwrap();
        Shown {
            exe: EXE,
            vm: VM,
            public_values_hash: child.values.hash(),
        }
    }
}

fn folded(input: &AggregateInput) -> Result<AggregateValues, FoldError> {
    fold(input, honest(input))
}

/// The chain of batches 3 to 6 after one of them was changed.
fn changed(
    index: usize,
    change: impl FnOnce(&mut PublicValues),
) -> Result<AggregateValues, FoldError> {
    let mut input = chain(3..=6);
    change(&mut input.children[index].values);
    folded(&input)
}

#[test]
fn one_batch_is_an_aggregate() {
    let input = chain([1]);
    let values = folded(&input).unwrap();
    let one = &input.children[0].values;
    assert_eq!(values.range.state_root, one.state_root);
    assert_eq!(values.range.prover_gas, one.prover_gas);
    assert_eq!(values.range.transition_hash(), {
        let mut range = one.clone();
        range.task = TaskId::default();
        for word in [
            &mut range.data_commitment,
            &mut range.blob_versioned_hash,
            &mut range.z,
            &mut range.y,
        ] {
            *word = B256::ZERO;
        }
        range.transition_hash()
    });
    assert_eq!(
        values.lineage,
        keccak256([word(0x77, 0), one.transition_hash()].concat())
    );
}

#[test]
fn a_range_begins_where_the_first_does_and_ends_where_the_last_does() {
    let input = chain(3..=6);
    let values = folded(&input).unwrap();
    let range = &values.range;
    assert_eq!((range.first_batch, range.last_batch), (3, 6));
    assert_eq!(
        (range.previous_state_root, range.state_root),
        (word(1, 2), word(1, 6))
    );
    assert_eq!(
        (range.previous_block_hash, range.block_hash),
        (word(2, 2), word(2, 6))
    );
    assert_eq!(
        (range.previous_message_hash, range.message_hash),
        (word(7, 2), word(7, 6))
    );
    assert_eq!(range.withdrawal_root, word(8, 6));
    assert_eq!((range.last_block, range.last_timestamp), (60, 1_006));
    assert_eq!(range.prover_gas, 300 + 400 + 500 + 600);
    assert_eq!(
        (range.roller, range.task),
        (Address::ZERO, TaskId::default())
    );
    assert_eq!((values.exe, values.vm), (EXE, VM));
    assert_eq!(values.previous_lineage, word(0x77, 0));
}

#[test]
fn every_batch_keeps_its_roller_its_work_and_its_proof() {
    let input = chain(3..=6);
    let contributions: Vec<Contribution> = (3..=6u64)
        .map(|number| Contribution {
            roller: Address::left_padding_from(&number.to_be_bytes()),
            prover_gas: 100 * number,
            proof: ProofCommitment(word(9, number)),
        })
        .collect();
    let hash = folded(&input).unwrap().contributions;
    assert_eq!(hash, contributions_hash(&contributions));
    let changes: [fn(&mut Contribution); 3] = [
        |contribution| contribution.roller = ROLLUP,
        |contribution| contribution.prover_gas += 1,
        |contribution| contribution.proof = ProofCommitment(word(9, 7)),
    ];
    for change in changes {
        let mut other = contributions.clone();
        change(&mut other[2]);
        assert_ne!(hash, contributions_hash(&other));
    }
    let mut swapped = contributions.clone();
    swapped.swap(0, 1);
    assert_ne!(hash, contributions_hash(&swapped));
    assert_ne!(hash, contributions_hash(&contributions[..3]));
}

#[test]
fn none_and_too_many_are_refused() {
    assert_eq!(folded(&chain([])), Err(FoldError::Count(0)));
    let most = AGGREGATE_BATCHES_MAX as u64;
    assert!(folded(&chain(1..=most)).is_ok());
    assert_eq!(
        folded(&chain(1..=most + 1)),
        Err(FoldError::Count(AGGREGATE_BATCHES_MAX + 1))
    );
}

#[test]
fn a_gap_a_duplicate_and_another_order_are_refused() {
    let number = |index| Err(FoldError::Chain(index, Gap::Number));
    assert_eq!(folded(&chain([3, 5])), number(1));
    assert_eq!(folded(&chain([3, 4, 4, 5])), number(2));
    assert_eq!(folded(&chain([4, 3])), number(1));
    assert_eq!(folded(&chain([3, 5, 4, 6])), number(1));
}

#[test]
fn the_last_number_has_no_next() {
    let mut input = chain([u64::MAX, 1]);
    let (last, next) = (
        input.children[0].values.clone(),
        &mut input.children[1].values,
    );
    next.first_batch = 0;
    next.last_batch = 0;
    next.task = TaskId::of_batch(3, ROLLUP, 0);
    next.previous_state_root = last.state_root;
    assert_eq!(folded(&input), Err(FoldError::Chain(1, Gap::Number)));
}

#[test]
fn a_batch_that_begins_elsewhere_is_refused() {
    let other = word(0xee, 0);
    let chain = |gap| Err(FoldError::Chain(2, gap));
    assert_eq!(
        changed(2, |v| v.previous_state_root = other),
        chain(Gap::State)
    );
    assert_eq!(
        changed(2, |v| v.previous_block_hash = other),
        chain(Gap::Block)
    );
    assert_eq!(
        changed(2, |v| v.previous_message_hash = other),
        chain(Gap::Messages)
    );
    // The same gap, seen from the batch before.
    assert_eq!(changed(1, |v| v.state_root = other), chain(Gap::State));
    assert_eq!(changed(1, |v| v.block_hash = other), chain(Gap::Block));
    assert_eq!(changed(1, |v| v.message_hash = other), chain(Gap::Messages));
}

#[test]
fn a_batch_of_another_deployment_or_version_is_refused() {
    let context = Err(FoldError::Chain(3, Gap::Context));
    assert_eq!(changed(3, |v| v.program_version = 9), context);
    assert_eq!(changed(3, |v| v.fork_id = 9), context);
    assert_eq!(changed(3, |v| v.schedule_id = 9), context);
    assert_eq!(changed(3, |v| v.l2_chain_id = 9), context);
    let moved = |l1_chain_id, rollup| {
        changed(3, |v| {
            (v.l1_chain_id, v.rollup) = (l1_chain_id, rollup);
            v.task = TaskId::of_batch(l1_chain_id, rollup, v.first_batch);
        })
    };
    assert_eq!(moved(9, ROLLUP), context);
    assert_eq!(moved(3, Address::ZERO), context);
}

#[test]
fn a_proof_of_another_task_or_of_a_range_is_refused() {
    let task = Err(FoldError::Task(1));
    assert_eq!(
        changed(1, |v| v.task = TaskId::of_batch(3, ROLLUP, 5)),
        task
    );
    assert_eq!(changed(1, |v| v.last_batch += 1), task);
}

#[test]
fn public_values_that_the_proof_does_not_state_are_refused() {
    let honest = honest(&chain(3..=6));
    let mut input = chain(3..=6);
    input.children[1].values.roller = ROLLUP;
    assert_eq!(fold(&input, honest), Err(FoldError::Statement(1)));
}

#[test]
fn proofs_of_two_programs_are_refused() {
    let input = chain(3..=6);
    for (exe, vm) in [(VM, VM), (EXE, EXE)] {
        let verify = |proof: ProofCommitment| {
            let shown = honest(&input)(proof);
            if proof == input.children[2].proof {
                Shown { exe, vm, ..shown }
            } else {
                shown
            }
        };
        assert_eq!(fold(&input, verify), Err(FoldError::Program(2)));
    }
}

#[test]
fn every_proof_is_verified_once() {
    let input = chain(3..=6);
    let honest = honest(&input);
    let mut seen = Vec::new();
    fold(&input, |proof| {
        seen.push(proof);
        honest(proof)
    })
    .unwrap();
    let all: Vec<ProofCommitment> = input.children.iter().map(|child| child.proof).collect();
    assert_eq!(seen, all);
}

#[test]
fn work_beyond_the_largest_number_is_refused() {
    assert_eq!(
        changed(1, |v| v.prover_gas = u64::MAX),
        Err(FoldError::ProverGas(1))
    );
}

#[test]
fn the_lineage_tells_what_every_batch_did() {
    let good = folded(&chain(3..=6)).unwrap();
    let other = word(0xee, 0);
    let lineage =
        |change: fn(&mut PublicValues, B256)| changed(1, |v| change(v, other)).unwrap().lineage;
    let changes: [fn(&mut PublicValues, B256); 7] = [
        |v, word| v.data_commitment = word,
        |v, word| v.blob_versioned_hash = word,
        |v, word| v.z = word,
        |v, word| v.y = word,
        |v, word| v.withdrawal_root = word,
        |v, _| v.last_block += 1,
        |v, _| v.last_timestamp += 1,
    ];
    for change in changes {
        assert_ne!(lineage(change), good.lineage);
    }
    // Not who proved it, nor at what measured work: L1 knows neither when the batch is committed.
    assert_eq!(lineage(|v, _| v.roller = Address::ZERO), good.lineage);
    assert_eq!(lineage(|v, _| v.prover_gas += 1), good.lineage);
}

#[test]
fn statements_of_one_and_of_many_batches_share_no_hash() {
    let values = folded(&chain([1])).unwrap();
    let bytes = values.encode();
    assert_eq!(bytes.len(), 33 * WORD_BYTES);
    assert_eq!(&bytes[..21], b"rollmill.aggregate.v1");
    assert_ne!(values.hash(), values.range.hash());
}

#[test]
fn inputs_of_other_lengths_are_refused() {
    let bytes = chain([3]).encode();
    for length in [0, WORD_BYTES, bytes.len() - 1] {
        let error = AggregateInput::decode(&bytes[..length]).unwrap_err();
        assert_eq!(error, AggregateInputError::Length(length));
    }
    let many = chain(1..=AGGREGATE_BATCHES_MAX as u64 + 1).encode();
    assert_eq!(
        AggregateInput::decode(&many),
        Err(AggregateInputError::Length(many.len()))
    );
    let mut malformed = chain([3, 4]).encode();
    *malformed.last_mut().unwrap() = 1;
    assert_eq!(
        AggregateInput::decode(&malformed),
        Err(AggregateInputError::PublicValues(
            1,
            PublicValuesError::Reserved
        ))
    );
}

proptest! {
    #[test]
    fn inputs_decode_to_what_was_encoded(first in 1u64..1_000, count in 1..=AGGREGATE_BATCHES_MAX as u64) {
        let input = chain(first..first + count);
        prop_assert_eq!(AggregateInput::decode(&input.encode()).unwrap(), input);
    }

    #[test]
    fn whatever_input_decodes_encodes_back(at in 0usize..32 + 2 * CHILD_BYTES, to: u8) {
        let mut bytes = chain([3, 4]).encode();
        bytes[at] = to;
        if let Ok(input) = AggregateInput::decode(&bytes) {
            prop_assert_eq!(input.encode(), bytes);
        }
    }

    /// However a run of batches is cut into aggregates, they follow on each other and tell the same lineage.
    #[test]
    fn aggregates_of_parts_say_what_the_aggregate_of_all_says(first in 1u64..1_000, left in 1u64..20, right in 1u64..20) {
        let (middle, end) = (first + left, first + left + right);
        let all = folded(&chain(first..end)).unwrap();
        let a = folded(&chain(first..middle)).unwrap();
        let mut rest = chain(middle..end);
        rest.previous_lineage = a.lineage;
        let b = folded(&rest).unwrap();
        prop_assert_eq!(b.lineage, all.lineage);
        prop_assert_eq!(check_follows(&a.range, &b.range), Ok(()));
        prop_assert_eq!(range(&a.range, &b.range, a.range.prover_gas + b.range.prover_gas), all.range);
    }

    /// Batches in any order but their own are no chain.
    #[test]
    fn only_the_order_of_numbers_folds(order in Just(vec![1u64, 2, 3, 4, 5]).prop_shuffle()) {
        let ordered = order.is_sorted();
        prop_assert_eq!(folded(&chain(order)).is_ok(), ordered);
    }
}
