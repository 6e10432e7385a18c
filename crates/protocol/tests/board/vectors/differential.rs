//! Every rule that L1 repeats, on 10,000 random cases each, as one running hash (see [`super::cases`]): Solidity makes the same
//! cases (`contracts/test/Differential.t.sol`) and must come to the same hashes. Receipts are in `crates/roller-api`, L1's
//! headers in `crates/l1`.

mod contracts;
mod draws;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use rollmill_protocol::{
    AggregateValues, Contribution, Entry, L1Message, ProofCommitment, ProofDigest, PublicValues,
    ScrWei, TaskId, Withdrawal, WithdrawalTree,
    aggregate::{contributions_hash, roll_lineage},
    blob,
    entries::{EntriesError, validate_entries},
    entries_hash,
    law::{
        Leaf, ONE, Params, Snapshot, bond,
        draw::{self, HitOutcome},
        eligibility::PassedOver,
        fine, lottery,
        quarantine::{self, QuarantineParams},
        reward, rounds,
        snapshot::Tree,
    },
    message::{alias, roll},
    withdrawal::{self, WithdrawalDomain},
};
use serde_json::Value;

use super::cases::{Case, int, run};

/// One to six rollers.
fn snapshot(case: &Case) -> Snapshot {
    snapshot_of(case, 1 + case.u64(0) % 6)
}

/// Rollers in ascending order; leaf `n` uses words `10 + 4 n` to `13 + 4 n`.
fn snapshot_of(case: &Case, count: u64) -> Snapshot {
    let leaf = |n: u64| {
        let j = 10 + 4 * n;
        let mut roller = case.address(j);
        roller.0[0] = n as u8 + 1;
        Leaf {
            roller,
            stake: ScrWei(u128::from(ONE) + (case.bits(j + 1, 100) >> (case.u64(j + 2) % 64))),
            q: 1 + case.u64(j + 3) % ONE,
            capacity: case.u32(j + 2),
        }
    };
    Snapshot::new((0..count).map(leaf).collect()).expect("sorted, with weight")
}

/// The running hashes of every rule.
pub fn all() -> Value {
    let rules = [
        run("task", |case| {
            vec![TaskId::of_batch(case.u64(0), case.address(1), case.u64(2)).0]
        }),
        run("publicValues", |case| vec![public_values(case).hash()]),
        run("lineage", |case| {
            let transition = public_values(case).transition_hash();
            vec![roll_lineage(case.word(30), transition)]
        }),
        run("proofDigest", |case| {
            let bytes = [case.word(1).0, case.word(2).0, case.word(3).0].concat();
            let proof = &bytes[..(case.u64(0) % 66) as usize];
            vec![ProofDigest::of(proof).0]
        }),
        run("contributions", contributions),
        run("aggregate", aggregate),
        run("blobPoint", |case| {
            vec![blob::point(case.word(0), case.word(1))]
        }),
        run("lottery", lottery_winner),
        run("snapshot", |case| {
            let snapshot = snapshot(case);
            let sums = [snapshot.total(), snapshot.stake_total()];
            vec![snapshot.root(), int(sums[0]), int(sums[1])]
        }),
        run("path", path),
        run("draw", hits),
        run("absent", absent),
        run("point", draws::point),
        run("atCapacity", draws::at_capacity),
        run("rounds", posted_rounds),
        run("entries", |case| {
            let list = entries(case);
            let bad = match validate_entries(&list) {
                Ok(_) => list.len(),
                Err(EntriesError::Order(first) | EntriesError::NoTickets(first)) => first,
            };
            vec![int(bad as u128)]
        }),
        run("trusted", |case| {
            vec![int(quarantine::trusted_from(case.u64(0) >> 1))]
        }),
        run("fine", |case| {
            let params = Params {
                fine_min: ScrWei(case.bits(0, 80)),
                stake_min: ScrWei(case.bits(3, 120) >> (case.u64(4) % 40)),
                ..Params::default()
            };
            let price = ScrWei(case.bits(1, 60));
            vec![int(fine::fine_full(&params, price, case.u64(2) >> 8).0)]
        }),
        run("reward", |case| {
            let k = 1 + case.u32(1) % 16;
            let amount = reward::reward(ScrWei(case.bits(0, 60)), k, case.u64(2));
            vec![int(amount.expect("below 128 bits").0)]
        }),
        run("tolerance", |case| {
            let (proven, declared) = near(case, 1 + (case.u64(0) >> 8), |declared| {
                u64::try_from(u128::from(declared) * 11 / 10).expect("below 2^60")
            });
            vec![int(reward::covered(declared, proven))]
        }),
        run("bond", bonds),
        run("accusations", |case| {
            let cost = 1 + (case.bits(1, 90) >> (case.u64(2) % 90));
            vec![int(bond::accusations_max(
                ScrWei(case.bits(0, 90)),
                ScrWei(cost),
            ))]
        }),
        run("quarantine", quarantines),
        run("dials", contracts::dials),
        contracts::dials_in_force(),
        run("pieces", contracts::pieces),
        contracts::parameters(),
        run("emission", contracts::emissions),
        run("message", messages),
        withdrawals(),
        run("withdrawalPath", withdrawal_path),
    ];
    Value::Object(rules.into_iter().collect())
}

fn public_values(case: &Case) -> PublicValues {
    PublicValues {
        program_version: case.u32(0),
        fork_id: case.u32(1),
        l1_chain_id: case.u64(2),
        rollup: case.address(3),
        l2_chain_id: case.u64(4),
        roller: case.address(5),
        task: TaskId(case.word(6)),
        first_batch: case.u64(7),
        last_batch: case.u64(8),
        previous_state_root: case.word(9),
        state_root: case.word(10),
        previous_block_hash: case.word(11),
        block_hash: case.word(12),
        data_commitment: case.word(13),
        blob_versioned_hash: case.word(14),
        z: case.word(15),
        y: case.word(16),
        previous_message_hash: case.word(17),
        message_hash: case.word(18),
        withdrawal_root: case.word(19),
        last_block: case.u64(20),
        last_timestamp: case.u64(21),
        prover_gas: case.u64(22),
        schedule_id: case.u32(23),
    }
}

fn contributions(case: &Case) -> Vec<B256> {
    let contribution = |n: u64| Contribution {
        roller: case.address(10 + 3 * n),
        prover_gas: case.u64(11 + 3 * n),
        proof: ProofCommitment(case.word(12 + 3 * n)),
    };
    let all: Vec<Contribution> = (0..case.u64(0) % 6).map(contribution).collect();
    vec![contributions_hash(&all)]
}

fn aggregate(case: &Case) -> Vec<B256> {
    let values = AggregateValues {
        range: public_values(case),
        exe: case.word(30),
        vm: case.word(31),
        previous_lineage: case.word(32),
        lineage: case.word(33),
        contributions: case.word(34),
    };
    vec![values.hash()]
}

fn lottery_winner(case: &Case) -> Vec<B256> {
    let count = 1 + case.u64(0) % 6;
    let entry = |n: u64| {
        let mut roller = case.address(10 + 3 * n);
        roller.0[0] = n as u8 + 1;
        Entry {
            roller,
            tickets: case.u32(11 + 3 * n).max(1),
            proof_digest: ProofDigest(case.word(12 + 3 * n)),
        }
    };
    let entries: Vec<Entry> = (0..count).map(entry).collect();
    let winner = lottery::winner(TaskId(case.word(1)), &entries, case.word(2)).expect("tickets");
    vec![entries_hash(&entries), winner.roller.into_word()]
}

/// The packed path of one roller, and its place in the snapshot.
fn path(case: &Case) -> Vec<B256> {
    let tree = Tree::from(snapshot(case));
    let leaves = tree.snapshot().leaves();
    let who = case.u64(1) as usize % leaves.len();
    let leaf = leaves[who];
    let paths = tree.paths_of(leaf.roller);
    vec![
        keccak256(&paths[0]),
        leaf.roller.into_word(),
        int(leaf.stake.0),
        int(leaf.weight()),
        int(leaves[..who].iter().map(Leaf::weight).sum::<u128>()),
    ]
}

/// Hits of one roller below its cap among all points that a draw of one to sixteen can take: what L1 can know of a draw.
fn hits(case: &Case) -> Vec<B256> {
    let snapshot = snapshot(case);
    let leaves = snapshot.leaves();
    let who = leaves[case.u64(1) as usize % leaves.len()].roller;
    let seed = draw::seed(TaskId(case.word(2)), case.u32(3), case.word(4));
    let k = 1 + case.u32(5) % 16;
    let drawn = draw::draw(&Params::default(), k, &snapshot, seed, |_| {
        Err(PassedOver::NotReady)
    });
    let is_hit = |hit: &&draw::Hit| hit.roller == who && hit.outcome != HitOutcome::AboveCap;
    vec![seed, int(drawn.hits.iter().filter(is_hit).count() as u128)]
}

/// The paths that show that a roller has no leaf; and whether some of the leaves show it: only if no weight stands between those on both
/// sides of it.
fn absent(case: &Case) -> Vec<B256> {
    let tree = Tree::from(snapshot(case));
    let mut roller = case.address(1);
    roller.0[0] = (case.u64(2) % 8) as u8;
    let leaves = tree.snapshot().leaves();
    let next = leaves.partition_point(|leaf| leaf.roller < roller);
    let is_shown = |position: &usize| case.u64(4) >> position & 1 == 1;
    let from = (0..next).rev().find(is_shown).map_or(0, |below| below + 1);
    let to = (next..leaves.len()).find(is_shown).unwrap_or(leaves.len());
    let between = leaves[from..to].iter().map(Leaf::weight).sum::<u128>();
    let neighbours = tree.paths_of(roller).concat();
    vec![keccak256(neighbours), int(between == 0)]
}

/// Posted rounds, some of which are not whole: are they taken, and what tickets and seats do they give?
fn posted_rounds(case: &Case) -> Vec<B256> {
    let params = Params::default();
    let k = 1 + (case.u64(1) % 3) as u32;
    let bytes = packed_rounds(case, k);
    let snapshot = snapshot(case);
    let who = snapshot.leaves()[case.u64(2) as usize % snapshot.leaves().len()].roller;
    let Ok(posted) = rounds::decode(&params, k, &bytes) else {
        return vec![B256::ZERO; 4];
    };
    let drawn = (TaskId(case.word(5)), case.word(6));
    let tickets = rounds::tickets(&params, &snapshot, drawn, &posted, who);
    let sum = tickets
        .iter()
        .fold(0u128, |sum, own| 100 * sum + u128::from(*own));
    let fits = rounds::fits(params.late_divisor, &tickets, (case.u64(4) % 7) as u32);
    let named = posted[0]
        .full
        .iter()
        .find(|full| full.roller == case.address(104));
    let seats = named.map_or(0, |full| rounds::distinct(&full.seats));
    vec![int(true), int(sum), int(fits), int(seats)]
}

/// One to three rounds for draws of `k` points; some are out of order, too short or too long, or cut.
fn packed_rounds(case: &Case, k: u32) -> Vec<u8> {
    let mut packed = Vec::new();
    for n in 0..1 + case.u64(7) % 3 {
        let j = 100 + 40 * n;
        packed.extend((case.u64(j) % 8 + 6 * n).to_be_bytes());
        let outcomes = outcomes(case, k, j);
        packed.push(outcomes.len() as u8);
        packed.extend(outcomes);
        packed.extend(named(case, j));
    }
    if case.u64(3).is_multiple_of(8) {
        packed.pop();
    }
    packed
}

fn outcomes(case: &Case, k: u32, j: u64) -> Vec<u8> {
    let mut outcomes = Vec::new();
    let mut tickets = 0;
    for byte in case.word(j + 1).iter().rev().take(8 * k as usize) {
        if tickets == k {
            break;
        }
        let code = if *byte == 255 { 8 } else { byte % 8 };
        tickets += u32::from(code == 7);
        outcomes.push(code);
    }
    match case.u64(j + 2) % 16 {
        0 => outcomes.push(0),
        1 => drop(outcomes.pop()),
        _ => {}
    }
    outcomes
}

/// Up to two rollers with up to three seats each.
fn named(case: &Case, j: u64) -> Vec<u8> {
    let rollers = case.u64(j + 3) % 3;
    let mut named = vec![rollers as u8];
    for f in 0..rollers {
        let seats = case.u64(j + 6 + f) % 4;
        named.extend(case.address(j + 4 + f));
        named.extend((seats as u16).to_be_bytes());
        for s in 0..seats {
            let random = case.bits(j + 10 + 4 * f + s, 128);
            named.extend((random as u64 % 4).to_be_bytes());
            named.extend((((random >> 64) % 3) as u32).to_be_bytes());
        }
    }
    named
}

/// A few entries, of which one may be out of order or without tickets.
fn entries(case: &Case) -> Vec<Entry> {
    let entry = |n: u64| {
        let is_elsewhere = case.u64(10 + n).is_multiple_of(16);
        let place = if is_elsewhere {
            case.u64(20 + n) % 5
        } else {
            n
        };
        Entry {
            roller: Address::with_last_byte(place as u8 + 1),
            tickets: (case.u64(30 + n) % 16) as u32,
            proof_digest: ProofDigest(int(1u8)),
        }
    };
    (0..case.u64(0) % 6).map(entry).collect()
}

fn bonds(case: &Case) -> Vec<B256> {
    let (held, one, full) = (case.bits(0, 90), case.bits(1, 88), case.bits(2, 88));
    let evidence = bond::Evidence::ALL[case.u64(3) as usize % 6];
    let required = bond::required(ScrWei(one), case.u32(4), ScrWei(full));
    let loss = bond::loss(evidence, ScrWei(held), ScrWei(one), ScrWei(full));
    vec![int(required.0), int(loss.to_roller.0), int(loss.burned.0)]
}

/// A value near what `limit` says of `whole`, or anywhere, and `whole`.
fn near(case: &Case, whole: u64, limit: impl Fn(u64) -> u64) -> (u64, u64) {
    let value = if case.u64(1).is_multiple_of(2) {
        (limit(whole) + case.u64(2) % 5).saturating_sub(2)
    } else {
        case.u64(2) >> 8
    };
    (value, whole)
}

fn quarantines(case: &Case) -> Vec<B256> {
    let (invalid, total) = near(case, case.u64(0) >> 8, |total| total / 10);
    let params = QuarantineParams {
        share: ONE / 10,
        rollers_min: 2 + case.u32(3) % 3,
    };
    let tally = quarantine::Tally {
        stake_total: ScrWei(total.into()),
        stake_invalid: ScrWei(invalid.into()),
        rollers_invalid: case.u32(4) % 6,
    };
    vec![int(quarantine::is_due(&params, &tally))]
}

fn messages(case: &Case) -> Vec<B256> {
    let message = L1Message {
        index: case.u64(0),
        sender: case.address(1),
        to: case.address(2),
        mint: U256::from_be_bytes(case.word(9).0),
        value: U256::from_be_bytes(case.word(3).0),
        gas_limit: case.u64(4),
        data: some(case, 5, 6),
    };
    vec![
        roll(case.word(7), message.hash()),
        alias(case.address(8)).into_word(),
    ]
}

/// The first bytes of word `j`, as many as word `k` says.
fn some(case: &Case, j: u64, k: u64) -> Bytes {
    Bytes::copy_from_slice(&case.word(j)[..(case.u64(k) % 33) as usize])
}

/// One tree that grows by a leaf with each case.
fn withdrawals() -> (String, Value) {
    let tree = std::cell::RefCell::new(WithdrawalTree::new());
    run("withdrawal", |case| {
        let domain = WithdrawalDomain {
            l1_chain_id: case.u64(0),
            rollup: case.address(1),
            l2_chain_id: case.u64(2),
        };
        let withdrawal = Withdrawal {
            index: case.number,
            sender: case.address(3),
            recipient: case.address(4),
            amount_wei: U256::from_be_bytes(case.word(5).0),
            data: some(case, 6, 7),
        };
        let leaf = withdrawal.leaf(&domain);
        tree.borrow_mut().append(leaf).expect("room for more");
        vec![leaf, tree.borrow().root()]
    })
}

/// The root over a few leaves, and whether the path of one of them leads there; of some one part is another.
fn withdrawal_path(case: &Case) -> Vec<B256> {
    let count = 1 + case.u64(0) % 4;
    let leaves: Vec<B256> = (0..count).map(|n| case.word(10 + n)).collect();
    let mut tree = WithdrawalTree::new();
    for leaf in &leaves {
        tree.append(*leaf).expect("room for more");
    }
    let mut index = case.u64(1) % count;
    let mut path = withdrawal::proof(&leaves, index).expect("there is such a leaf");
    let (mut leaf, mut root) = (leaves[index as usize], tree.root());
    let (level, other) = (case.u64(3), case.word(4));
    match case.u64(2) % 8 {
        0 => index ^= 1 << (level % 40),
        1 => path[(level % 32) as usize] = other,
        2 => leaf = other,
        3 => root = other,
        _ => {}
    }
    let is_in = withdrawal::verify(root, leaf, index, &path);
    vec![tree.root(), int(is_in)]
}
