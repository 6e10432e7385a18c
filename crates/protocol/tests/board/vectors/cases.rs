//! Random cases that Rust and Solidity make from the same seed, and the running hash of what a rule says about them.
//!
//! Random word `j` of case `i` of a rule is `keccak256("rollmill.differential.v1", rule, i, j)` in 32-byte words. The running
//! hash starts at 0 and takes in the words of each result: `keccak256(running ++ results)`. It is written down after every
//! thousand cases, so that a difference is found within a thousand. Hashes instead of the cases themselves: the file
//! stays small, and neither side can be fitted to the other's output.
//!
//! The crates whose rules L1 repeats include this file (`protocol`, `roller-api`, `l1`); `contracts/test/Cases.sol` is its counterpart.
#![allow(dead_code, reason = "each includer takes what its rules need")]

use super::primitives::{Address, B256, U256, keccak256};
use serde_json::{Value, json};

/// Cases of each rule.
const CASES: u64 = 10_000;
/// Cases between two hashes that are written down.
const STRIDE: u64 = 1_000;
const TAG: &str = "rollmill.differential.v1";

/// The random words of one case.
pub struct Case {
    rule: B256,
    /// From 0 on.
    pub number: u64,
}

fn name_word(name: &str) -> B256 {
    B256::right_padding_from(name.as_bytes())
}

fn concatenated(words: &[B256]) -> Vec<u8> {
    words.iter().flat_map(|word| word.0).collect()
}

/// An integer as a word.
pub fn int(value: impl Into<u128>) -> B256 {
    B256::from(U256::from(value.into()))
}

impl Case {
    pub fn word(&self, j: u64) -> B256 {
        let words = [name_word(TAG), self.rule, int(self.number), int(j)];
        keccak256(concatenated(&words))
    }

    /// The low `bits` bits of word `j`.
    pub fn bits(&self, j: u64, bits: u32) -> u128 {
        let low = U256::from_be_bytes(self.word(j).0) & ((U256::from(1) << bits) - U256::from(1));
        low.to()
    }

    pub fn u64(&self, j: u64) -> u64 {
        self.bits(j, 64) as u64
    }

    pub fn u32(&self, j: u64) -> u32 {
        self.bits(j, 32) as u32
    }

    pub fn address(&self, j: u64) -> Address {
        Address::from_slice(&self.word(j)[12..])
    }
}

/// The running hashes of one rule, by its name.
pub fn run(name: &'static str, rule: impl Fn(&Case) -> Vec<B256>) -> (String, Value) {
    let mut running = B256::ZERO;
    let mut hashes = Vec::new();
    for number in 0..CASES {
        let case = Case {
            rule: name_word(name),
            number,
        };
        let mut words = vec![running];
        words.extend(rule(&case));
        running = keccak256(concatenated(&words));
        if (number + 1) % STRIDE == 0 {
            hashes.push(running.to_string());
        }
    }
    (name.to_owned(), json!(hashes))
}
