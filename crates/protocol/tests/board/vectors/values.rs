//! The golden vectors as values; written by `examples/vectors.rs`, compared by `tests/main.rs`.

mod cases;
mod differential;

use alloy_primitives as primitives;
use alloy_primitives::{Address, B256, Bytes, U256, bytes, hex, keccak256};
use rollmill_protocol::{
    BatchData, BlockData, Entry, L1Message, ProofCommitment, ProofDigest, PublicValues, ScrWei,
    TaskId, Withdrawal, WithdrawalTree,
    aggregate::{AggregateInput, Child, Shown, fold},
    entries_hash,
    law::{Leaf, ONE, Params, Snapshot, draw, fine, lottery, reward, snapshot::Tree},
    message::{EMPTY_MESSAGE_HASH, alias, roll},
    withdrawal::{self, WithdrawalDomain},
};
use serde_json::{Value, json};

const L1_CHAIN_ID: u64 = 1_337_001;
const L2_CHAIN_ID: u64 = 1_337_002;

/// A word that is recognised at a glance.
fn word(byte: u8) -> B256 {
    B256::repeat_byte(byte)
}

fn account(byte: u8) -> Address {
    Address::repeat_byte(byte)
}

fn rollup() -> Address {
    account(0x0a)
}

fn hex0x(bytes: impl AsRef<[u8]>) -> String {
    hex::encode_prefixed(bytes)
}

/// Name and content of every file.
pub fn all() -> [(&'static str, Value); 12] {
    [
        ("public_values", public_values()),
        ("aggregate", aggregate()),
        ("task", task()),
        ("draw", draw_points()),
        ("proof", proof()),
        ("entries", entries_and_lottery()),
        ("messages", messages()),
        ("withdrawals", withdrawals()),
        ("snapshot", snapshot()),
        ("batch", batch()),
        ("amounts", amounts()),
        ("differential", differential::all()),
    ]
}

fn public_values() -> Value {
    let values = distinct_values();
    json!({
        "words": values.words(),
        "encoded": hex0x(values.encode()),
        "hash": values.hash(),
        "transitionHash": values.transition_hash(),
        "values": values,
    })
}

/// A distinct value in each field, so that no two fields can be exchanged unnoticed.
fn distinct_values() -> PublicValues {
    PublicValues {
        program_version: 2,
        fork_id: 3,
        l1_chain_id: 4,
        rollup: account(0x05),
        l2_chain_id: 6,
        roller: account(0x07),
        task: TaskId(word(0x08)),
        first_batch: 9,
        last_batch: 10,
        previous_state_root: word(0x0b),
        state_root: word(0x0c),
        previous_block_hash: word(0x0d),
        block_hash: word(0x0e),
        data_commitment: word(0x0f),
        blob_versioned_hash: word(0x10),
        z: word(0x11),
        y: word(0x12),
        previous_message_hash: word(0x13),
        message_hash: word(0x14),
        withdrawal_root: word(0x15),
        last_block: 22,
        last_timestamp: 23,
        prover_gas: 24,
        schedule_id: 25,
    }
}

/// Two batches, folded as the aggregate program does, with what L1 computes of them.
fn aggregate() -> Value {
    let child = |batch: u64| {
        let mut values = distinct_values();
        (values.first_batch, values.last_batch) = (batch, batch);
        values.task = TaskId::of_batch(values.l1_chain_id, values.rollup, batch);
        let proof = ProofCommitment(B256::from(U256::from(batch)));
        Child { proof, values }
    };
    let mut children = vec![child(9), child(10)];
    let (before, next) = children.split_at_mut(1);
    let (before, next) = (&before[0].values, &mut next[0].values);
    next.previous_state_root = before.state_root;
    next.previous_block_hash = before.block_hash;
    next.previous_message_hash = before.message_hash;
    next.state_root = word(0x2c);
    next.roller = account(0x27);
    next.prover_gas = 240;
    let input = AggregateInput {
        previous_lineage: word(0x77),
        children,
    };
    let shown = |proof| {
        let child = input.children.iter().find(|child| child.proof == proof);
        Shown {
            exe: word(0xe0),
            vm: word(0xf0),
            public_values_hash: child.expect("one of the two").values.hash(),
        }
    };
    let values = fold(&input, shown).expect("the two follow on each other");
    json!({
        "input": hex0x(input.encode()),
        "rollers": input.children.iter().map(|child| child.values.roller).collect::<Vec<_>>(),
        "proverGas": input.children.iter().map(|child| child.values.prover_gas).collect::<Vec<_>>(),
        "proofs": input.children.iter().map(|child| child.proof).collect::<Vec<_>>(),
        "transitions": input.children.iter().map(|child| child.values.transition_hash()).collect::<Vec<_>>(),
        "range": hex0x(values.range.encode()),
        "encoded": hex0x(values.encode()),
        "hash": values.hash(),
        "values": values,
    })
}

fn task() -> Value {
    json!({
        "l1ChainId": L1_CHAIN_ID,
        "rollup": rollup(),
        "batch": 7,
        "task": TaskId::of_batch(L1_CHAIN_ID, rollup(), 7),
    })
}

fn draw_points() -> Value {
    let task = TaskId::of_batch(L1_CHAIN_ID, rollup(), 7);
    let seed = draw::seed(task, 1, word(0xbe));
    let total = 123_456_789_012_345_678_901_234_567u128;
    json!({
        "task": task,
        "round": 1,
        "beacon": word(0xbe),
        "seed": seed,
        "total": total.to_string(),
        "points": (0..4).map(|i| draw::point(seed, i, total).to_string()).collect::<Vec<_>>(),
    })
}

/// Nothing, less than a commitment, a commitment alone, and one with a body.
fn proof() -> Value {
    let proofs = [
        Vec::new(),
        b"short".to_vec(),
        vec![7; 32],
        [&[9; 32][..], b"body"].concat(),
    ];
    json!({
        "proofs": proofs.iter().map(hex0x).collect::<Vec<_>>(),
        "commitments": proofs.iter().map(|proof| ProofCommitment::of(proof)).collect::<Vec<_>>(),
        "digests": proofs.iter().map(|proof| ProofDigest::of(proof)).collect::<Vec<_>>(),
    })
}

fn entries() -> Vec<Entry> {
    let entry = |byte: u8, tickets| Entry {
        roller: account(byte),
        tickets,
        proof_digest: ProofDigest(word(byte)),
    };
    vec![entry(0x11, 1), entry(0x22, 2), entry(0x33, 3)]
}

fn entries_and_lottery() -> Value {
    let task = TaskId::of_batch(L1_CHAIN_ID, rollup(), 7);
    let beacons: Vec<B256> = (0..12u64).map(|i| keccak256(i.to_be_bytes())).collect();
    let winner = |beacon: &B256| {
        lottery::winner(task, &entries(), *beacon)
            .expect("well-formed entries")
            .roller
    };
    json!({
        "task": task,
        "rollers": entries().iter().map(|entry| entry.roller).collect::<Vec<_>>(),
        "tickets": entries().iter().map(|entry| entry.tickets).collect::<Vec<_>>(),
        "proofDigests": entries().iter().map(|entry| entry.proof_digest).collect::<Vec<_>>(),
        "entriesHash": entries_hash(&entries()),
        "emptyEntriesHash": entries_hash(&[]),
        "winners": beacons.iter().map(winner).collect::<Vec<_>>(),
        "beacons": beacons,
    })
}

fn messages() -> Value {
    let message = |index: u64, data: &'static [u8]| L1Message {
        index,
        sender: account(0x51),
        to: account(0x52),
        mint: U256::from(1_000_000_009u64) * U256::from(index),
        value: U256::from(1_000_000_007u64) * U256::from(index + 1),
        gas_limit: 100_000 + index,
        data: Bytes::from_static(data),
    };
    let queue = [
        message(0, b""),
        message(1, b"\x01\x02\x03"),
        message(2, &[0xab; 40]),
    ];
    let mut rolling = vec![EMPTY_MESSAGE_HASH];
    for message in &queue {
        rolling.push(roll(rolling[rolling.len() - 1], message.hash()));
    }
    json!({
        "emptyHash": EMPTY_MESSAGE_HASH,
        "senders": queue.iter().map(|message| message.sender).collect::<Vec<_>>(),
        "mints": queue.iter().map(|message| message.mint).collect::<Vec<_>>(),
        "tos": queue.iter().map(|message| message.to).collect::<Vec<_>>(),
        "values": queue.iter().map(|message| message.value.to_string()).collect::<Vec<_>>(),
        "gasLimits": queue.iter().map(|message| message.gas_limit).collect::<Vec<_>>(),
        "datas": queue.iter().map(|message| hex0x(&message.data)).collect::<Vec<_>>(),
        "hashes": queue.iter().map(L1Message::hash).collect::<Vec<_>>(),
        "rollingHashes": rolling[1..],
        "contract": account(0xff),
        "aliased": alias(account(0xff)),
    })
}

fn withdrawals() -> Value {
    let domain = WithdrawalDomain {
        l1_chain_id: L1_CHAIN_ID,
        rollup: rollup(),
        l2_chain_id: L2_CHAIN_ID,
    };
    let withdrawal = |index: u64| Withdrawal {
        index,
        sender: account(0x61),
        recipient: account(0x62),
        amount_wei: U256::from(10u64).pow(U256::from(18u64)) + U256::from(index),
        data: vec![0xda; index as usize].into(),
    };
    let all: Vec<Withdrawal> = (0..5).map(withdrawal).collect();
    let leaves: Vec<B256> = all
        .iter()
        .map(|withdrawal| withdrawal.leaf(&domain))
        .collect();
    let mut tree = WithdrawalTree::new();
    let root_after = |leaf: &B256| {
        tree.append(*leaf).expect("room");
        tree.root()
    };
    let roots: Vec<B256> = leaves.iter().map(root_after).collect();
    let path = |i: u64| withdrawal::proof(&leaves, i).expect("the leaf exists");
    let mut value = json!({
        "l1ChainId": domain.l1_chain_id,
        "rollup": domain.rollup,
        "l2ChainId": domain.l2_chain_id,
        "senders": all.iter().map(|withdrawal| withdrawal.sender).collect::<Vec<_>>(),
        "recipients": all.iter().map(|withdrawal| withdrawal.recipient).collect::<Vec<_>>(),
        "amountsWei": all.iter().map(|withdrawal| withdrawal.amount_wei.to_string()).collect::<Vec<_>>(),
        "datas": all.iter().map(|withdrawal| hex0x(&withdrawal.data)).collect::<Vec<_>>(),
        "emptyRoot": withdrawal::empty_root(),
        "rootsAfter": roots,
        "root": tree.root(),
        "leaves": leaves,
    });
    for i in 0..5 {
        value[format!("proof{i}")] = json!(path(i));
    }
    value
}

fn snapshot() -> Value {
    let leaf = |byte: u8, scr: u64, q| Leaf {
        roller: account(byte),
        stake: ScrWei::from_scr(scr),
        q,
        capacity: byte.into(),
    };
    let leaves = vec![
        leaf(0x11, 1_000, ONE / 10),
        leaf(0x22, 2_500, ONE / 3),
        leaf(0x33, 1, 1),
        leaf(0x44, 40_000, ONE),
        leaf(0x55, 7, ONE / 7),
    ];
    let snapshot = Snapshot::new(leaves).expect("well-formed leaves");
    let nodes = |i: usize| snapshot.path(i).expect("the leaf exists");
    json!({
        "rollers": snapshot.leaves().iter().map(|leaf| leaf.roller).collect::<Vec<_>>(),
        "stakes": snapshot.leaves().iter().map(|leaf| leaf.stake.to_string()).collect::<Vec<_>>(),
        "qs": snapshot.leaves().iter().map(|leaf| leaf.q).collect::<Vec<_>>(),
        "capacities": snapshot.leaves().iter().map(|leaf| leaf.capacity).collect::<Vec<_>>(),
        "weights": snapshot.leaves().iter().map(|leaf| leaf.weight().to_string()).collect::<Vec<_>>(),
        "leafHashes": snapshot.leaves().iter().map(Leaf::hash).collect::<Vec<_>>(),
        "packed": hex0x(snapshot.encode()),
        "root": snapshot.root(),
        "total": snapshot.total().to_string(),
        "path": hex0x(Tree::from(snapshot.clone()).paths_of(snapshot.leaves()[4].roller).remove(0)),
        "pathIndex": 4,
        "pathHashes": nodes(4).iter().map(|node| node.hash).collect::<Vec<_>>(),
        "pathSums": nodes(4).iter().map(|node| node.sum.to_string()).collect::<Vec<_>>(),
    })
}

fn batch() -> Value {
    let blocks = vec![
        BlockData {
            timestamp: 1_700_000_000,
            gas_limit: 30_000_000,
            prevrandao: word(0x01),
            l1_message_count: 2,
            transactions: vec![],
        },
        BlockData {
            timestamp: 1_700_000_001,
            gas_limit: 30_000_000,
            prevrandao: word(0x02),
            l1_message_count: 0,
            transactions: vec![
                Bytes::from_static(&[0x02, 0xc0]),
                Bytes::from(vec![0x7f; 60]),
                // The example of EIP-155.
                bytes!(
                    "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef6134"
                    "0bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3"
                    "dc64214b297fb1966a3b6d83"
                ),
            ],
        },
    ];
    let data = BatchData { blocks };
    let encoded = data.encode_plain();
    // What version 2 means is fixed, which bytes an encoder chooses for it is not: these are zlib's.
    let compressed = hex!(
        "0281cd0128ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa63627667cbe9d8997f761aecb703304b38"
        "00ccf555c9f3dc64214b297fb1966a3b6d83db11d4921afc91a185f1e4e186058c0400530363c3022602a081b919e89006ce"
        "86b6569615e227189a9b82383a3b781f6cdbbc3c858141b5a161ea14532c60875313d3811d36f514800600"
    );
    assert_eq!(BatchData::decode(&compressed).as_ref(), Ok(&data));
    json!({
        "encoded": hex0x(&encoded),
        "commitment": keccak256(&encoded),
        "compressed": hex0x(compressed),
        "blocks": data,
    })
}

/// Rewards and fines: unit price, k, prover gas, stake.
fn amounts() -> Value {
    let params = Params {
        fine_min: ScrWei::from_scr(10),
        fine_multiple: 4,
        ..Params::default()
    };
    let cases = [
        (1u128, 3u32, 1_000_000u64, ScrWei::from_scr(1_000)),
        (1_000_000_000_000, 3, 5_000_000, ScrWei::from_scr(1_000)),
        (1_000_000_000_000, 5, 4_000_000_000, ScrWei::from_scr(1_000)),
        (7, 2, 0, ScrWei::from_scr(5)),
    ];
    let rewards =
        cases.map(|(price, k, gas, _)| reward::reward(ScrWei(price), k, gas).expect("small"));
    let fines = cases.map(|(price, _, gas, stake)| fine::fine(&params, ScrWei(price), gas, stake));
    json!({
        "fineMinWei": params.fine_min,
        "unitPricesWei": cases.map(|case| case.0.to_string()),
        "ks": cases.map(|case| case.1),
        "proverGas": cases.map(|case| case.2),
        "stakesWei": cases.map(|case| case.3),
        "rewardsWei": rewards,
        "finesWei": fines,
    })
}
