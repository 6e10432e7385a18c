//! Inputs that begin as good ones and end as bad ones, for everything that reads bytes of strangers.
//!
//! Model: a seed that its reader accepts is changed by a few mutations; random bytes alone would be refused at their first
//! byte. `ROLLMILL_FUZZ_INPUTS` is how many inputs a target gets (`cargo xtask fuzz`); a failing one is shrunk and printed.

use std::sync::Arc;

use alloy_primitives::Bytes;
use proptest::{
    collection::vec,
    prelude::{Strategy, any, prop_oneof},
    sample::Index,
    test_runner::{Config, TestCaseResult, TestRunner},
};

/// Inputs of a target in an ordinary test run.
const INPUTS: u32 = 2_000;
/// After so many inputs a long run says where it is.
const ROUND: u32 = 500_000;
/// Most mutations of one input.
const MUTATIONS_MAX: usize = 6;
/// Longest range that one mutation removes or repeats, bytes.
const RANGE_MAX: usize = 64;
/// Numbers at which lengths and counters break.
const EDGES: [u64; 10] = [
    0,
    1,
    0x37,
    0x38,
    0x7f,
    0x80,
    0xff,
    1 << 16,
    u32::MAX as u64,
    u64::MAX,
];

/// One change of an input. Positions are fractions of its length, so that every change fits every input.
#[derive(Clone, Debug)]
enum Mutation {
    /// One byte becomes another.
    Set(Index, u8),
    /// A number of 1, 2, 4 or 8 bytes, in either byte order, is written over what is there.
    Number(Index, Index, u32, bool),
    /// A range is taken away.
    Remove(Index, usize),
    /// A range comes twice.
    Repeat(Index, usize),
    /// A word of the target's language is put in; over as many bytes if the flag is set.
    Word(Index, Index, bool),
    /// The end is that of another seed.
    Splice(Index, Index),
    /// The end is missing.
    Truncate(Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = any::<Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        (at(), at(), 0..4u32, any::<bool>())
            .prop_map(|(at, edge, log, big)| Mutation::Number(at, edge, log, big)),
        (at(), 1..RANGE_MAX).prop_map(|(at, length)| Mutation::Remove(at, length)),
        (at(), 1..RANGE_MAX).prop_map(|(at, length)| Mutation::Repeat(at, length)),
        (at(), at(), any::<bool>()).prop_map(|(at, word, over)| Mutation::Word(at, word, over)),
        (at(), at()).prop_map(|(at, other)| Mutation::Splice(at, other)),
        at().prop_map(Mutation::Truncate),
    ]
}

/// What a target's inputs are made of.
#[derive(Debug)]
pub struct Language {
    /// Inputs that the target accepts; at least one.
    pub seeds: Vec<Vec<u8>>,
    /// Byte strings that mean something to it; at least one.
    pub words: Vec<Vec<u8>>,
}

impl Language {
    fn change(&self, input: &mut Vec<u8>, mutation: &Mutation) {
        // One more, so that there is a position in an empty input and behind the last byte.
        let place = |at: &Index, input: &[u8]| at.index(input.len() + 1);
        let range = |at: &Index, length: usize, input: &[u8]| {
            let from = place(at, input);
            from..input.len().min(from + length)
        };
        match mutation {
            Mutation::Set(at, byte) => {
                let at = place(at, input);
                write(input, at, &[*byte]);
            }
            Mutation::Number(at, edge, log, big) => {
                let at = place(at, input);
                let (number, width) = (EDGES[edge.index(EDGES.len())], 1 << log);
                let (big_endian, little_endian) = (number.to_be_bytes(), number.to_le_bytes());
                let bytes = if *big {
                    &big_endian[8 - width..]
                } else {
                    &little_endian[..width]
                };
                write(input, at, bytes);
            }
            Mutation::Remove(at, length) => drop(input.drain(range(at, *length, input))),
            Mutation::Repeat(at, length) => {
                let range = range(at, *length, input);
                let (end, copy) = (range.end, input[range].to_vec());
                input.splice(end..end, copy);
            }
            Mutation::Word(at, word, over) => {
                let word = &self.words[word.index(self.words.len())];
                let length = if *over { word.len() } else { 0 };
                input.splice(range(at, length, input), word.iter().copied());
            }
            Mutation::Splice(at, other) => {
                let other = &self.seeds[other.index(self.seeds.len())];
                let at = place(at, input);
                input.truncate(at);
                input.extend_from_slice(other.get(at..).unwrap_or_default());
            }
            Mutation::Truncate(at) => input.truncate(place(at, input)),
        }
    }
}

fn write(input: &mut [u8], at: usize, bytes: &[u8]) {
    for (to, from) in input.iter_mut().skip(at).zip(bytes) {
        *to = *from;
    }
}

fn inputs(language: Language) -> impl Strategy<Value = Bytes> {
    let language = Arc::new(language);
    (any::<Index>(), vec(mutation(), 1..=MUTATIONS_MAX)).prop_map(move |(seed, mutations)| {
        let mut input = language.seeds[seed.index(language.seeds.len())].clone();
        for mutation in &mutations {
            language.change(&mut input, mutation);
        }
        input.into()
    })
}

/// Checks `target` on inputs of this language.
///
/// # Panics
/// With the smallest failing input found, if `check` fails or panics on one, or if `ROLLMILL_FUZZ_INPUTS` is no number.
pub fn fuzz(target: &str, language: Language, check: impl Fn(Bytes) -> TestCaseResult) {
    let wanted = match std::env::var("ROLLMILL_FUZZ_INPUTS") {
        Ok(count) => count.parse().expect("ROLLMILL_FUZZ_INPUTS is a number"),
        Err(_) => INPUTS,
    };
    let inputs = inputs(language);
    let mut done = 0;
    while done < wanted {
        let cases = ROUND.min(wanted - done);
        let config = Config {
            cases,
            failure_persistence: None,
            ..Config::default()
        };
        if let Err(failure) = TestRunner::new(config).run(&inputs, &check) {
            panic!("{target}: {failure}");
        }
        done += cases;
        println!("{target}: {done} of {wanted} inputs");
    }
}
