//! Trie nodes that nobody hashed: as random as a state's, made of their numbers.
//!
//! Sizes are those of a large state, of which nearly all nodes are accounts (104 to 115 bytes) and branches of few children (83 to 250).
//! A hash tells nothing about when its node was added, so numbers need not be mixed for keys to be.

/// A node's hash: its key.
pub type Hash = [u8; 32];

/// Sizes of nodes, bytes.
const BYTES_MIN: u64 = 110;
const BYTES_MAX: u64 = 140;
/// Nodes that are sorted together.
const RUN: u64 = 1 << 20;
/// A number without common factors with any count of nodes that people choose: spreads what is read and deleted over all ages.
const SPREAD: u64 = 2_654_435_761;

/// SplitMix64 of a node's number.
struct Words(u64);

impl Iterator for Words {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Some(word ^ (word >> 31))
    }
}

impl Words {
    fn of(number: u64) -> Self {
        // Far from one another, so that no two nodes share words.
        Self(number.wrapping_mul(0xd134_2543_de82_ef95))
    }

    fn bytes(self, count: usize) -> Vec<u8> {
        let bytes = self.flat_map(u64::to_le_bytes);
        bytes.take(count).collect()
    }
}

/// The key of a node.
pub fn hash(number: u64) -> Hash {
    let mut hash = Hash::default();
    for (bytes, word) in hash.chunks_exact_mut(8).zip(Words::of(number)) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    hash
}

/// What is stored under it.
pub fn value(number: u64) -> Vec<u8> {
    let mut words = Words::of(!number);
    let bytes = BYTES_MIN + words.next().unwrap_or_default() % (BYTES_MAX - BYTES_MIN + 1);
    words.bytes(bytes as usize)
}

/// All nodes of numbers below `count`, in runs by hash: whoever has so many to write sorts as many as memory takes, and each page is looked
/// for once in a run.
pub fn in_runs(count: u64) -> impl Iterator<Item = Vec<(Hash, u64)>> {
    (0..count).step_by(RUN as usize).map(move |from| {
        let numbers = from..count.min(from + RUN);
        let mut run: Vec<(Hash, u64)> = numbers.map(|number| (hash(number), number)).collect();
        run.sort_unstable();
        run
    })
}

/// The nodes of a state that changes: those it begins with, and as many new ones in each block as go.
#[derive(Debug)]
pub struct State {
    /// Nodes that it began with, of numbers below.
    first: u64,
    /// Nodes that were deleted.
    gone: u64,
    /// Nodes that were ever there.
    all: u64,
}

impl State {
    /// A state of so many nodes.
    pub fn new(first: u64) -> Self {
        Self {
            first,
            gone: 0,
            all: first,
        }
    }

    /// Nodes that it holds.
    pub fn len(&self) -> u64 {
        self.all - self.gone
    }

    /// Numbers of `count` nodes that it holds, of all ages; others for each `salt`.
    pub fn some(&self, count: u64, salt: u64) -> Vec<u64> {
        let picks = Words::of(salt).take(count as usize);
        picks
            .map(|pick| self.number_at(self.gone + pick % self.len()))
            .collect()
    }

    /// Numbers of the next `count` new nodes, and of as many that go for them.
    pub fn change(&mut self, count: u64) -> (Vec<u64>, Vec<u64>) {
        let new = (self.all..self.all + count).collect();
        let gone = self.gone..self.gone + count;
        let gone = gone.map(|place| self.number_at(place)).collect();
        self.all += count;
        self.gone += count;
        (new, gone)
    }

    /// The first nodes go in another order than they came.
    fn number_at(&self, place: u64) -> u64 {
        if place < self.first {
            place.wrapping_mul(SPREAD) % self.first
        } else {
            place
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn nodes_are_told_apart_and_have_their_sizes() {
        let hashes: HashSet<Hash> = (0..10_000).map(hash).collect();
        assert_eq!(hashes.len(), 10_000);
        let sizes: HashSet<usize> = (0..10_000).map(|number| value(number).len()).collect();
        assert_eq!(sizes, (110..=140).collect());
        assert_eq!(value(7), value(7));
    }

    #[test]
    fn runs_hold_each_node_once() {
        let runs: Vec<Vec<(Hash, u64)>> = in_runs(RUN + 3).collect();
        assert_eq!(runs.iter().map(Vec::len).collect::<Vec<_>>(), [1 << 20, 3]);
        assert!(runs.iter().all(|run| run.is_sorted()));
        let numbers: HashSet<u64> = runs.iter().flatten().map(|(_, number)| *number).collect();
        assert_eq!(numbers, (0..RUN + 3).collect());
    }

    #[test]
    fn what_goes_was_there_and_goes_once() {
        let mut state = State::new(100);
        let mut there: HashSet<u64> = (0..100).collect();
        for salt in 0..30 {
            assert_eq!(there.len() as u64, state.len());
            let some = state.some(50, salt);
            assert!(some.iter().all(|number| there.contains(number)));
            let (new, gone) = state.change(7);
            assert_eq!((new.len(), gone.len()), (7, 7));
            assert!(gone.iter().all(|number| there.remove(number)));
            there.extend(new);
        }
    }
}
