//! Every rule that L1 repeats, on 10,000 random cases each, as one running hash: Solidity makes the same cases from the same
//! seed (`contracts/test/Differential.t.sol`) and must come to the same hashes.
//!
//! Random word `j` of case `i` of a rule is `keccak256("rollmill.differential.v1", rule, i, j)` in 32-byte words. The running
//! hash starts at 0 and takes in the words of each result: `keccak256(running ++ results)`. It is written down after every
//! thousand cases, so that a difference is found within a thousand. Hashes instead of the cases themselves: the file
//! stays small, and neither side can be fitted to the other's output.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use rollmill_protocol::{
    Entry, L1Message, ProofDigest, PublicValues, ScrWei, TaskId, Withdrawal, WithdrawalTree,
    entries_hash,
    law::{
        Leaf, ONE, Params, Snapshot, bond,
        draw::{self, HitOutcome},
        eligibility::PassedOver,
        emission::{self, EmissionParams, SettledWork},
        fine, lottery, reward,
    },
    message::{alias, roll},
    withdrawal::WithdrawalDomain,
};
use serde_json::{Value, json};

/// Cases of each rule.
const CASES: u64 = 10_000;
/// Cases between two hashes that are written down.
const STRIDE: u64 = 1_000;
const TAG: &str = "rollmill.differential.v1";

/// The random words of one case.
struct Case {
    rule: B256,
    number: u64,
}

fn name_word(name: &str) -> B256 {
    B256::right_padding_from(name.as_bytes())
}

fn int(value: impl Into<u128>) -> B256 {
    B256::from(U256::from(value.into()))
}

impl Case {
    fn word(&self, j: u64) -> B256 {
        let words = [name_word(TAG), self.rule, int(self.number), int(j)];
        keccak256(words.concat_bytes())
    }

    /// The low `bits` bits of word `j`.
    fn bits(&self, j: u64, bits: u32) -> u128 {
        let low = U256::from_be_bytes(self.word(j).0) & ((U256::from(1) << bits) - U256::from(1));
        low.to()
    }

    fn u64(&self, j: u64) -> u64 {
        self.bits(j, 64) as u64
    }

    fn u32(&self, j: u64) -> u32 {
        self.bits(j, 32) as u32
    }

    fn address(&self, j: u64) -> Address {
        Address::from_slice(&self.word(j)[12..])
    }

    /// One to six rollers in ascending order; leaf `n` uses words `10 + 4 n` to `13 + 4 n`.
    fn snapshot(&self) -> Snapshot {
        let count = 1 + self.u64(0) % 6;
        let leaf = |n: u64| {
            let j = 10 + 4 * n;
            let mut roller = self.address(j);
            roller.0[0] = n as u8 + 1;
            Leaf {
                roller,
                stake: ScrWei(u128::from(ONE) + (self.bits(j + 1, 100) >> (self.u64(j + 2) % 64))),
                q: 1 + self.u64(j + 3) % ONE,
                capacity: self.u32(j + 2),
            }
        };
        Snapshot::new((0..count).map(leaf).collect()).expect("sorted, with weight")
    }
}

trait ConcatBytes {
    fn concat_bytes(&self) -> Vec<u8>;
}

impl ConcatBytes for [B256] {
    fn concat_bytes(&self) -> Vec<u8> {
        self.iter().flat_map(|word| word.0).collect()
    }
}

fn run(name: &'static str, rule: impl Fn(&Case) -> Vec<B256>) -> (String, Value) {
    let mut running = B256::ZERO;
    let mut hashes = Vec::new();
    for number in 0..CASES {
        let case = Case {
            rule: name_word(name),
            number,
        };
        let mut words = vec![running];
        words.extend(rule(&case));
        running = keccak256(words.concat_bytes());
        if (number + 1) % STRIDE == 0 {
            hashes.push(running.to_string());
        }
    }
    (name.to_owned(), json!(hashes))
}

/// The running hashes of every rule.
pub fn all() -> Value {
    let rules = [
        run("task", |case| {
            vec![TaskId::of_batch(case.u64(0), case.address(1), case.u64(2)).0]
        }),
        run("publicValues", public_values),
        run("lottery", lottery_winner),
        run("snapshot", |case| {
            let snapshot = case.snapshot();
            vec![snapshot.root(), int(snapshot.total())]
        }),
        run("draw", hits),
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
        run("bond", bonds),
        run("emission", emissions),
        run("message", messages),
        withdrawals(),
    ];
    Value::Object(rules.into_iter().collect())
}

fn public_values(case: &Case) -> Vec<B256> {
    let values = PublicValues {
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

/// Hits of one roller below its cap among all points that a draw of three can take: what L1 can know of a draw.
fn hits(case: &Case) -> Vec<B256> {
    let snapshot = case.snapshot();
    let leaves = snapshot.leaves();
    let who = leaves[case.u64(1) as usize % leaves.len()].roller;
    let seed = draw::seed(TaskId(case.word(2)), case.u32(3), case.word(4));
    let drawn = draw::draw(&Params::default(), 3, &snapshot, seed, |_| {
        Err(PassedOver::NotReady)
    });
    let is_hit = |hit: &&draw::Hit| hit.roller == who && hit.outcome != HitOutcome::AboveCap;
    vec![seed, int(drawn.hits.iter().filter(is_hit).count() as u128)]
}

fn bonds(case: &Case) -> Vec<B256> {
    let (held, one, full) = (case.bits(0, 90), case.bits(1, 88), case.bits(2, 88));
    let evidence = if case.u64(3).is_multiple_of(2) {
        bond::Evidence::FalsePassOver
    } else {
        bond::Evidence::DroppedSubmission
    };
    let required = bond::required(ScrWei(one), case.u32(4), ScrWei(full));
    let loss = bond::loss(evidence, ScrWei(held), ScrWei(one), ScrWei(full));
    vec![int(required.0), int(loss.to_roller.0), int(loss.burned.0)]
}

fn emissions(case: &Case) -> Vec<B256> {
    let params = EmissionParams {
        pot: ScrWei(case.bits(0, 96)),
        halving_epochs: 1 + case.u64(1) % 2_000,
        batch_gas_max: u64::MAX,
    };
    let pot = emission::pot(&params, case.u64(2) % 300_000);
    let mut work = SettledWork::default();
    let [one, other] = [case.address(3), Address::ZERO];
    work.count(&params, one, 1 + (case.u64(4) >> 1));
    work.count(&params, other, case.u64(5) >> 1);
    let shares = work.divide(pot);
    let share = shares.iter().find(|(roller, _)| *roller == one);
    vec![int(pot.0), int(share.expect("it worked").1.0)]
}

fn messages(case: &Case) -> Vec<B256> {
    let message = L1Message {
        index: case.u64(0),
        sender: case.address(1),
        to: case.address(2),
        mint: U256::from_be_bytes(case.word(9).0),
        value: U256::from_be_bytes(case.word(3).0),
        gas_limit: case.u64(4),
        data: Bytes::copy_from_slice(&case.word(5)[..(case.u64(6) % 33) as usize]),
    };
    vec![
        roll(case.word(7), message.hash()),
        alias(case.address(8)).into_word(),
    ]
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
        };
        let leaf = withdrawal.leaf(&domain);
        tree.borrow_mut().append(leaf).expect("room for more");
        vec![leaf, tree.borrow().root()]
    })
}
