//! The statement: what a witness proves, and that nothing but the right witness proves it.

use crate::chain::*;
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, bytes, keccak256};
use rollmill_protocol::{
    BatchData, L1Message, PublicValues, TaskId,
    batch::BATCH_DATA_BYTES_MAX,
    blob::{BLOB_DATA_BYTES_MAX, BlobBinding, BlobError, coefficient_count},
    message::roll,
    prover_gas::{PER_BLOB_COEFFICIENT, PER_WITNESS_BYTE},
};
use rollmill_stf::{
    BatchError, BuiltBatch, Transaction,
    batch::batch_data,
    build_witness, execute_batch,
    witness::{Preimages, Witness, WitnessError, WitnessPart},
};

/// Two blocks: a deposit, transfers, a creation, stores, a clearing of a slot, a revert and a block hash.
fn chain() -> (Chain, Vec<L1Message>) {
    let mut chain = Chain::new();
    let deposit = message(0, 5);
    let word = |value: u64| B256::from(U256::from(value));
    let store = |value: u64, slot: u64| Bytes::from([word(value), word(slot)].concat());
    chain.extend([
        recovered(&deposit),
        Tx {
            value: U256::from(7),
            ..Tx::default()
        }
        .sign(user(1)),
        Tx {
            nonce: 1,
            value: U256::from(8),
            ..Tx::default()
        }
        .sign(user(1)),
        // Init code that returns the one-byte code 00.
        Tx {
            to: TxKind::Create,
            input: bytes!("60015ff3"),
            ..Tx::default()
        }
        .sign(user(2)),
        Tx {
            to: TxKind::Call(STORE),
            input: store(3, 1),
            ..Tx::default()
        }
        .sign(user(3)),
        Tx {
            to: TxKind::Call(STORE),
            input: store(4, 2),
            ..Tx::default()
        }
        .sign(user(4)),
    ]);
    chain.extend([
        Tx {
            to: TxKind::Call(REVERTER),
            input: bytes!("deadbeef"),
            ..Tx::default()
        }
        .sign(user(5)),
        Tx {
            to: TxKind::Call(STORE),
            input: store(0, 1),
            ..Tx::default()
        }
        .sign(user(6)),
        Tx {
            to: TxKind::Call(HASHER),
            input: Bytes::from(word(1)),
            ..Tx::default()
        }
        .sign(user(7)),
        Tx {
            value: U256::from(9),
            ..Tx::default()
        }
        .sign(user(8)),
    ]);
    (chain, vec![deposit])
}

fn build(chain: &Chain, messages: Vec<L1Message>) -> BuiltBatch {
    build_witness(
        &chain.source,
        &chain.headers[0],
        batch_data(&chain.blocks).encode().into(),
        messages,
        context(chain),
    )
    .unwrap()
}

pub fn witness() -> (Chain, Witness) {
    let (chain, messages) = chain();
    let built = build(&chain, messages);
    let witness = Witness::decode(built.witness).unwrap();
    (chain, witness)
}

fn execute(witness: &Witness) -> Result<PublicValues, BatchError> {
    execute_batch(identity(&witness.context), witness.encode().into())
}

#[test]
fn the_witness_proves_what_the_chain_did() {
    let (chain, messages) = chain();
    let built = build(&chain, messages.clone());
    let identity = identity(&context(&chain));
    let values = execute_batch(identity, built.witness.clone()).unwrap();

    assert_eq!(values.roller, identity.roller);
    assert_eq!(
        PublicValues {
            roller: Address::ZERO,
            ..values.clone()
        },
        built.public_values
    );
    assert_eq!(values.task, identity.task);
    assert_eq!(values.block_hash, chain.tip().hash_slow());
    assert_eq!(values.state_root, chain.tip().state_root);
    assert_eq!(values.previous_block_hash, chain.headers[0].hash_slow());
    assert_eq!(values.previous_state_root, chain.headers[0].state_root);
    assert_eq!(
        values.message_hash,
        roll(values.previous_message_hash, messages[0].hash())
    );
    assert_eq!(
        values.data_commitment,
        keccak256(batch_data(&chain.blocks).encode())
    );
    assert_eq!((values.last_block, values.last_timestamp), (2, 1_004));
    assert_eq!(
        values.withdrawal_root,
        rollmill_protocol::WithdrawalTree::default().root()
    );
    assert_eq!(Some(values.prover_gas), built.work.prover_gas());
    assert_eq!(
        (
            built.work.blocks,
            built.work.transactions,
            built.work.signatures
        ),
        (2, 10, 9)
    );
    assert!(
        chain
            .blocks
            .iter()
            .all(|block| block.body.transactions.len() >= 4)
    );
}

#[test]
fn every_item_of_a_witness_is_needed() {
    let (_, witness) = witness();
    assert!(witness.nodes.len() > 10 && witness.codes.len() == 4);
    for skipped in 0..witness.nodes.len() {
        let nodes = witness
            .nodes
            .iter()
            .enumerate()
            .filter(|(index, _)| *index != skipped);
        let without = Witness {
            nodes: nodes.map(|(_, node)| node.clone()).collect(),
            ..witness.clone()
        };
        execute(&without).unwrap_err();
    }
    for skipped in 0..witness.codes.len() {
        let codes = witness
            .codes
            .iter()
            .enumerate()
            .filter(|(index, _)| *index != skipped);
        let without = Witness {
            codes: codes.map(|(_, code)| code.clone()).collect(),
            ..witness.clone()
        };
        execute(&without).unwrap_err();
    }
    let without = Witness {
        messages: Vec::new(),
        ..witness.clone()
    };
    assert_eq!(execute(&without), Err(BatchError::MissingMessage(0)));
}

/// The state is a million accounts; the witness of two transfers is the paths of the accounts that they touch.
#[test]
fn a_witness_among_a_million_accounts_holds_only_the_paths_of_its_block() {
    let mut chain = Chain::among(1_000_000);
    let transfer = Tx {
        value: U256::from(7),
        ..Tx::default()
    };
    chain.extend([transfer.clone().sign(user(1)), transfer.sign(user(2))]);
    let built = build(&chain, Vec::new());
    let witness = Witness::decode(built.witness).unwrap();
    // Two senders, the recipient, the fee vault, the fee schedule, the history contract with a slot, the withdrawal queue with a
    // slot: each six to eight nodes deep.
    assert!(
        (20..=7 * 8 + 2).contains(&witness.nodes.len()),
        "{} nodes",
        witness.nodes.len()
    );
    let values = execute(&witness).unwrap();
    assert_eq!(values.state_root, chain.tip().state_root);
}

#[test]
fn superfluous_items_are_errors() {
    let (chain, witness) = witness();
    let with = |items: &Preimages| {
        items
            .iter()
            .cloned()
            .chain([bytes!("c0ffee")])
            .collect::<Preimages>()
    };
    let superfluous = |witness: Witness, expected: WitnessPart| {
        let error = execute(&witness).unwrap_err();
        assert!(
            matches!(error, BatchError::Witness(WitnessError::Superfluous { part, .. }) if part == expected),
            "{error}"
        );
    };
    superfluous(
        Witness {
            nodes: with(&witness.nodes),
            ..witness.clone()
        },
        WitnessPart::Node,
    );
    superfluous(
        Witness {
            codes: with(&witness.codes),
            ..witness.clone()
        },
        WitnessPart::Code,
    );
    let messages = witness
        .messages
        .iter()
        .cloned()
        .chain([message(1, 1)])
        .collect();
    superfluous(
        Witness {
            messages,
            ..witness.clone()
        },
        WitnessPart::Message,
    );

    // The second block alone, with the header of its grandparent.
    let data = batch_data(&chain.blocks[1..]);
    let built = build_witness(
        &chain.source,
        &chain.headers[1],
        data.encode().into(),
        Vec::new(),
        context(&chain),
    )
    .unwrap();
    let mut second = Witness::decode(built.witness).unwrap();
    execute(&second).unwrap();
    second
        .ancestors
        .push(alloy_rlp::encode(&chain.headers[0]).into());
    superfluous(second, WitnessPart::Header);
}

#[test]
fn messages_cannot_be_changed_or_made_up() {
    let (chain, witness) = witness();
    let honest = execute(&witness).unwrap();
    let mut changed = witness.clone();
    changed.messages[0].gas_limit += 1;
    // It may execute, but not under the message hash that L1 holds.
    assert_ne!(execute(&changed).unwrap().message_hash, honest.message_hash);

    let minting = Transaction::from(message(0, 1_000)).encoded_2718();
    let mut data = batch_data(&chain.blocks);
    data.blocks[0].transactions[0] = minting.into();
    let forged = Witness {
        batch_data: data.encode().into(),
        ..witness
    };
    assert_eq!(
        execute(&forged),
        Err(BatchError::Malformed { block: 1, index: 0 })
    );
}

#[test]
fn another_parent_is_another_statement() {
    let (chain, witness) = witness();
    let mut parent = chain.headers[0].clone();
    parent.extra_data = bytes!("01");
    let other = Witness {
        parent_header: alloy_rlp::encode(&parent).into(),
        ..witness.clone()
    };
    // The history contract stores the parent's hash, so even the state differs.
    let values = execute(&other).unwrap();
    assert_ne!(values.previous_block_hash, chain.headers[0].hash_slow());
    assert_ne!(values.state_root, chain.tip().state_root);

    parent.state_root = B256::repeat_byte(1);
    let other = Witness {
        parent_header: alloy_rlp::encode(&parent).into(),
        ..witness.clone()
    };
    execute(&other).unwrap_err();
    let other = Witness {
        parent_header: bytes!("c0"),
        ..witness
    };
    execute(&other).unwrap_err();
}

#[test]
fn identity_and_context_are_checked() {
    let (chain, witness) = witness();
    let own = identity(&context(&chain));
    let bytes = || Bytes::from(witness.encode());
    let task = TaskId(B256::repeat_byte(9));
    let wrong = rollmill_stf::Identity { task, ..own };
    assert_eq!(
        execute_batch(wrong, bytes()),
        Err(BatchError::Task {
            expected: own.task,
            got: task
        })
    );
    let nobody = rollmill_stf::Identity {
        roller: Address::ZERO,
        ..own
    };
    assert_eq!(execute_batch(nobody, bytes()), Err(BatchError::ZeroRoller));

    let with = |change: fn(&mut Witness)| {
        let mut other = witness.clone();
        change(&mut other);
        execute_batch(own, other.encode().into()).unwrap_err()
    };
    assert_eq!(
        with(|witness| witness.context.fork_id += 1),
        BatchError::Fork(2)
    );
    assert_eq!(
        with(|witness| witness.context.schedule_id += 1),
        BatchError::Schedule(2)
    );
    assert!(matches!(
        with(|witness| witness.context.batch += 1),
        BatchError::Task { .. }
    ));
    assert!(matches!(
        with(|witness| witness.context.l1_chain_id += 1),
        BatchError::Task { .. }
    ));
    assert!(matches!(
        with(|witness| witness.context.rollup = Address::ZERO),
        BatchError::Task { .. }
    ));
    // Another chain id makes the signatures invalid.
    assert!(matches!(
        with(|witness| witness.context.l2_chain_id += 1),
        BatchError::Rejected {
            block: 1,
            index: 1,
            ..
        }
    ));
}

#[test]
fn data_that_is_no_valid_block_has_no_public_values() {
    let (_, witness) = witness();
    let honest = BatchData::decode(&witness.batch_data).unwrap();
    let with = |change: fn(&mut BatchData)| {
        let mut data = honest.clone();
        change(&mut data);
        execute(&Witness {
            batch_data: data.encode().into(),
            ..witness.clone()
        })
        .unwrap_err()
    };
    with(|data| data.blocks[0].timestamp = 1_000);
    with(|data| data.blocks[1].timestamp = data.blocks[0].timestamp);
    with(|data| data.blocks[0].gas_limit += 30_000);
    with(|data| data.blocks[0].l1_message_count = 0);
    with(|data| data.blocks[0].transactions.swap(0, 1));
    with(|data| data.blocks[0].transactions[0] = bytes!("02c0"));
    with(|data| data.blocks.clear());
    with(|data| {
        let again = data.blocks[0].transactions[0].clone();
        data.blocks[0].transactions.push(again);
    });
    assert!(matches!(
        execute(&Witness {
            batch_data: bytes!("01"),
            ..witness.clone()
        }),
        Err(BatchError::Data(_))
    ));
}

/// A statement about a blob is one about calldata, and three words and the prover gas of evaluating it.
#[test]
fn the_statement_about_a_blob_names_it_and_the_datas_value() {
    let (_, witness) = witness();
    let about_calldata = execute(&witness).unwrap();
    let (data, hash) = (witness.batch_data.clone(), B256::repeat_byte(1));
    let mut witness = witness;
    witness.context.blob_versioned_hash = hash;
    let values = execute(&witness).unwrap();
    let binding = BlobBinding::new(hash, &data, keccak256(&data)).unwrap();
    assert_eq!(
        values,
        PublicValues {
            blob_versioned_hash: hash,
            z: binding.z,
            y: binding.y,
            prover_gas: about_calldata.prover_gas
                + 32 * PER_WITNESS_BYTE
                + coefficient_count(data.len()) as u64 * PER_BLOB_COEFFICIENT,
            ..about_calldata
        }
    );
}

#[test]
fn data_that_no_blob_holds_has_no_statement_about_a_blob() {
    let (chain, messages) = chain();
    let mut data = batch_data(&chain.blocks);
    // Bytes that are no transaction are kept whole; that they are none would be found only later.
    let noise = (0..BLOB_DATA_BYTES_MAX as u32).map(|n| keccak256(n.to_le_bytes())[0]);
    data.blocks[1].transactions.push(noise.collect());
    let encoded = Bytes::from(data.encode());
    assert!((BLOB_DATA_BYTES_MAX + 1..BATCH_DATA_BYTES_MAX).contains(&encoded.len()));
    let mut context = context(&chain);
    context.blob_versioned_hash = B256::repeat_byte(1);
    let length = encoded.len();
    let built = build_witness(&chain.source, &chain.headers[0], encoded, messages, context);
    assert_eq!(
        built.unwrap_err(),
        BatchError::Blob(BlobError::TooLong(length))
    );
}

#[test]
fn a_batch_cannot_be_built_with_the_wrong_messages() {
    let (chain, messages) = chain();
    let data = batch_data(&chain.blocks);
    let build = |messages| {
        build_witness(
            &chain.source,
            &chain.headers[0],
            data.encode().into(),
            messages,
            context(&chain),
        )
    };
    assert_eq!(
        build(Vec::new()).unwrap_err(),
        BatchError::MissingMessage(0)
    );
    let extra = [messages, vec![message(1, 1)]].concat();
    assert!(matches!(
        build(extra).unwrap_err(),
        BatchError::Witness(WitnessError::Superfluous {
            part: WitnessPart::Message,
            index: 1
        })
    ));
}

#[test]
fn the_history_contract_answers_blockhash() {
    let (chain, _) = chain();
    let slot = chain.state().storage(HASHER, U256::ZERO).unwrap();
    assert_eq!(B256::from(slot), chain.headers[0].hash_slow());
    assert_eq!(
        keccak256(alloy_rlp::encode(&chain.headers[0])),
        chain.headers[0].hash_slow()
    );
}
