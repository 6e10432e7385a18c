//! The snapshot of an epoch: who can be drawn, with which weight.
//!
//! A leaf is (roller, stake, q, capacity); its weight is its reputation `R = floor(stake * q / ONE)`: proportional to the
//! deposit at first and bounded by it always. Leaves are sorted by roller and stand side by side on a line of length
//! *total*; a point on that line names a roller. The root of a Merkle-*sum* tree commits to the line: a path proves not only
//! that a leaf is in the snapshot, but which interval of the line is its own, so anybody can re-check a draw
//! from the root on L1 and the published leaves.
//!
//! Padding to a power of two has hash 0 and sum 0. Locating a point is a binary search over prefix sums.
//!
//! L1 judges draws by paths ([`Tree::paths_of`]). A path is packed, big-endian:
//!
//! ```text
//! path = leaf 48 | index 4 | node beside it, from the leaf up: (hash 32 | sum 16)*
//! ```

use super::{Ratio, mul_ratio_floor};
use crate::{
    ids::{Roller, ScrWei},
    law::ONE,
    words::{Words, tag},
};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};

const LEAF_TAG: B256 = tag("rollmill.leaf.v1");
const NODE_TAG: B256 = tag("rollmill.node.v1");

/// Bytes of one posted leaf: roller 20, stake 16, q 8, capacity 4, big-endian.
pub const LEAF_BYTES: usize = 48;
/// Most leaves of a snapshot (the path has at most 20 nodes).
pub const LEAVES_MAX: usize = 1 << 20;

/// One roller in a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Leaf {
    /// Identity.
    pub roller: Roller,
    /// Stake that counts.
    pub stake: ScrWei,
    /// Reputation ratio.
    pub q: Ratio,
    /// Declared capacity.
    pub capacity: u32,
}

impl Leaf {
    /// Reputation `floor(stake * q / ONE)`; for `q <= ONE` never more than the stake.
    pub fn weight(&self) -> u128 {
        mul_ratio_floor(self.stake.0, self.q.min(ONE))
            .expect("a ratio of at most one does not enlarge")
    }

    /// `H("rollmill.leaf.v1", roller, stake, q, capacity, weight)`.
    pub fn hash(&self) -> B256 {
        Words::tagged(LEAF_TAG)
            .address(self.roller)
            .uint128(self.stake.0)
            .uint(self.q)
            .uint(self.capacity)
            .uint128(self.weight())
            .hash()
    }

    fn node(&self) -> Node {
        Node {
            hash: self.hash(),
            sum: self.weight(),
        }
    }

    fn encode_into(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.roller.as_slice());
        out.extend_from_slice(&self.stake.0.to_be_bytes());
        out.extend_from_slice(&self.q.to_be_bytes());
        out.extend_from_slice(&self.capacity.to_be_bytes());
    }

    fn decode(bytes: &[u8; LEAF_BYTES]) -> Self {
        let field = |range: core::ops::Range<usize>| &bytes[range];
        let invariant = "the ranges have the fields' lengths";
        Self {
            roller: Address::from_slice(field(0..20)),
            stake: ScrWei(u128::from_be_bytes(
                field(20..36).try_into().expect(invariant),
            )),
            q: u64::from_be_bytes(field(36..44).try_into().expect(invariant)),
            capacity: u32::from_be_bytes(field(44..48).try_into().expect(invariant)),
        }
    }
}

/// A node of the tree: its hash and the sum of the weights below.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Node {
    /// Hash.
    pub hash: B256,
    /// Sum of the weights of the leaves below.
    #[serde(with = "sum_as_amount")]
    pub sum: u128,
}

/// A weight is an amount of SCR; written as one.
mod sum_as_amount {
    use super::ScrWei;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(sum: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        ScrWei(*sum).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<u128, D::Error> {
        ScrWei::deserialize(deserializer).map(|amount| amount.0)
    }
}

impl Node {
    /// `H("rollmill.node.v1", left hash, left sum, right hash, right sum)` with the sum of both; `None` on overflow.
    fn parent(left: Self, right: Self) -> Option<Self> {
        let hash = Words::tagged(NODE_TAG)
            .bytes32(left.hash)
            .uint128(left.sum)
            .bytes32(right.hash)
            .uint128(right.sum)
            .hash();
        Some(Self {
            hash,
            sum: left.sum.checked_add(right.sum)?,
        })
    }
}

/// Why leaves are no snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// No leaf, or more than [`LEAVES_MAX`].
    #[error("a snapshot has 1 to {LEAVES_MAX} leaves")]
    Count,
    /// Rollers must strictly ascend.
    #[error("leaf {0} is not in strictly ascending order of rollers")]
    Order(usize),
    /// A ratio above 1.
    #[error("leaf {0} has a ratio above one")]
    Ratio(usize),
    /// Stakes add up to more than 128 bits.
    #[error("the stakes exceed 128 bits")]
    Overflow,
    /// No weight at all: nobody could be drawn.
    #[error("the snapshot has no weight")]
    NoWeight,
    /// Posted bytes are not a multiple of [`LEAF_BYTES`].
    #[error("{0} bytes are not a whole number of leaves")]
    Length(usize),
}

/// A snapshot with everything that a draw needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    leaves: Vec<Leaf>,
    /// `ends[i]` is where the interval of leaf `i` ends (exclusive) and that of leaf `i + 1` begins.
    ends: Vec<u128>,
    stake_total: u128,
    root: B256,
}

/// Where a point fell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Located<'a> {
    /// Position among the leaves.
    pub index: usize,
    /// The leaf whose interval holds the point.
    pub leaf: &'a Leaf,
    /// Distance from the interval's beginning; below the leaf's weight.
    pub offset: u128,
}

impl Snapshot {
    /// Builds a snapshot from leaves in strictly ascending order of rollers.
    pub fn new(leaves: Vec<Leaf>) -> Result<Self, SnapshotError> {
        if leaves.is_empty() || leaves.len() > LEAVES_MAX {
            return Err(SnapshotError::Count);
        }
        let mut ends = Vec::with_capacity(leaves.len());
        let mut stake_total = 0u128;
        let mut end = 0u128;
        for (i, leaf) in leaves.iter().enumerate() {
            if i > 0 && leaves[i - 1].roller >= leaf.roller {
                return Err(SnapshotError::Order(i));
            }
            if leaf.q > ONE {
                return Err(SnapshotError::Ratio(i));
            }
            stake_total = stake_total
                .checked_add(leaf.stake.0)
                .ok_or(SnapshotError::Overflow)?;
            // Weights are at most stakes, so their sum fits when the stakes' does.
            end += leaf.weight();
            ends.push(end);
        }
        if end == 0 {
            return Err(SnapshotError::NoWeight);
        }
        let root = levels(&leaves)
            .last()
            .and_then(|level| level.first())
            .map_or(B256::ZERO, |node| node.hash);
        Ok(Self {
            leaves,
            ends,
            stake_total,
            root,
        })
    }

    /// Root of the Merkle-sum tree: what L1 holds.
    pub fn root(&self) -> B256 {
        self.root
    }

    /// Sum of the weights: what L1 holds.
    pub fn total(&self) -> u128 {
        *self.ends.last().expect("a snapshot has a leaf")
    }

    /// Sum of the stakes.
    pub fn stake_total(&self) -> u128 {
        self.stake_total
    }

    /// Leaves in order.
    pub fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    /// The leaf whose interval holds `point`; `None` from [`Self::total`] on. O(log n).
    pub fn locate(&self, point: u128) -> Option<Located<'_>> {
        let index = self.ends.partition_point(|end| *end <= point);
        let leaf = self.leaves.get(index)?;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        Some(Located {
            index,
            leaf,
            offset: point - start,
        })
    }

    /// Siblings from the leaf at `index` up to the root; `None` when there is no such leaf. O(n): for auditors.
    pub fn path(&self, index: usize) -> Option<Vec<Node>> {
        (index < self.leaves.len()).then(|| siblings(&levels(&self.leaves), index))
    }

    /// The bytes that are posted on L1: [`LEAF_BYTES`] per leaf.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.leaves.len() * LEAF_BYTES);
        for leaf in &self.leaves {
            leaf.encode_into(&mut out);
        }
        out
    }

    /// Reads posted bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let (leaves, rest) = bytes.as_chunks::<LEAF_BYTES>();
        if !rest.is_empty() {
            return Err(SnapshotError::Length(bytes.len()));
        }
        if leaves.len() > LEAVES_MAX {
            return Err(SnapshotError::Count);
        }
        Self::new(leaves.iter().map(Leaf::decode).collect())
    }
}

/// A snapshot with all nodes of its tree: for those who show many paths.
#[derive(Clone, Debug)]
pub struct Tree {
    snapshot: Snapshot,
    levels: Vec<Vec<Node>>,
}

impl From<Snapshot> for Tree {
    fn from(snapshot: Snapshot) -> Self {
        Self {
            levels: levels(&snapshot.leaves),
            snapshot,
        }
    }
}

impl Tree {
    /// The snapshot.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// What shows L1 the place of a roller: the packed path of its leaf, or, if it has none, those of the leaves between which it would
    /// stand. O(log n).
    pub fn paths_of(&self, roller: Roller) -> Vec<Vec<u8>> {
        let leaves = &self.snapshot.leaves;
        let shown = match leaves.binary_search_by_key(&roller, |leaf| leaf.roller) {
            Ok(own) => own..own + 1,
            Err(next) => next.saturating_sub(1)..leaves.len().min(next + 1),
        };
        shown.map(|index| self.packed_path(index)).collect()
    }

    fn packed_path(&self, index: usize) -> Vec<u8> {
        let mut packed = Vec::new();
        self.snapshot.leaves[index].encode_into(&mut packed);
        let number = u32::try_from(index).expect("a snapshot has at most 2^20 leaves");
        packed.extend_from_slice(&number.to_be_bytes());
        for node in siblings(&self.levels, index) {
            packed.extend_from_slice(node.hash.as_slice());
            packed.extend_from_slice(&node.sum.to_be_bytes());
        }
        packed
    }
}

/// Siblings from the leaf at `index` up to the root, which is the last level.
fn siblings(levels: &[Vec<Node>], index: usize) -> Vec<Node> {
    let below_root = levels.split_last().map_or(&[][..], |(_, below)| below);
    let mut position = index;
    let path = below_root.iter().map(|level| {
        let sibling = level[position ^ 1];
        position /= 2;
        sibling
    });
    path.collect()
}

/// All levels of the tree, leaves first, each padded to an even length (the root's level has one node).
fn levels(leaves: &[Leaf]) -> Vec<Vec<Node>> {
    let mut padding = Node::default();
    let mut level: Vec<Node> = leaves.iter().map(Leaf::node).collect();
    let mut levels = Vec::new();
    let parent = |left, right| Node::parent(left, right).expect("the sum of all weights fits");
    while level.len() > 1 {
        if level.len() % 2 == 1 {
            level.push(padding);
        }
        let above = level
            .as_chunks::<2>()
            .0
            .iter()
            .map(|[left, right]| parent(*left, *right))
            .collect();
        levels.push(core::mem::replace(&mut level, above));
        padding = parent(padding, padding);
    }
    levels.push(level);
    levels
}

/// Checks that `leaf` stands at position `index` under a root with sum `total`; returns where its interval begins.
///
/// `None` when the path does not lead there.
pub fn verify_path(
    root: B256,
    total: u128,
    leaf: &Leaf,
    index: usize,
    path: &[Node],
) -> Option<u128> {
    if leaf.q > ONE || path.len() >= usize::BITS as usize || index >> path.len() != 0 {
        return None;
    }
    let mut start = 0u128;
    let mut node = leaf.node();
    for (height, sibling) in path.iter().enumerate() {
        node = if index >> height & 1 == 1 {
            start = start.checked_add(sibling.sum)?;
            Node::parent(*sibling, node)?
        } else {
            Node::parent(node, *sibling)?
        };
    }
    (node
        == Node {
            hash: root,
            sum: total,
        })
    .then_some(start)
}

/// `hash mod total` for a total of at most 128 bits (> 0).
pub(crate) fn point_of(hash: B256, total: u128) -> u128 {
    (U256::from_be_bytes(hash.0) % U256::from(total)).to::<u128>()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::{collection::vec, prelude::*};

    pub(crate) fn leaf(i: usize, stake: u64, q: Ratio) -> Leaf {
        Leaf {
            roller: Address::from_word(B256::from(U256::from(i + 1))),
            stake: ScrWei(stake.into()),
            q,
            capacity: 1,
        }
    }

    fn any_leaves() -> impl Strategy<Value = Vec<Leaf>> {
        vec((1_000_000_000u64..u64::MAX, 1..=ONE), 1..40).prop_map(|raw| {
            raw.into_iter()
                .enumerate()
                .map(|(i, (stake, q))| leaf(i, stake, q))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn every_point_belongs_to_the_leaf_that_its_path_proves(leaves in any_leaves(), at: prop::sample::Index) {
            let snapshot = Snapshot::new(leaves).unwrap();
            let point = at.index(usize::try_from(snapshot.total().min(usize::MAX as u128)).unwrap()) as u128;
            let located = snapshot.locate(point).unwrap();
            let path = snapshot.path(located.index).unwrap();
            let start = verify_path(snapshot.root(), snapshot.total(), located.leaf, located.index, &path).unwrap();
            prop_assert_eq!(start + located.offset, point);
            prop_assert!(located.offset < located.leaf.weight());
        }

        #[test]
        fn a_changed_leaf_position_or_sum_has_no_path(leaves in any_leaves(), at: prop::sample::Index) {
            let snapshot = Snapshot::new(leaves).unwrap();
            let index = at.index(snapshot.leaves().len());
            let good = snapshot.leaves()[index];
            let path = snapshot.path(index).unwrap();
            let (root, total) = (snapshot.root(), snapshot.total());
            for changed in [Leaf { q: good.q - 1, ..good }, Leaf { capacity: 2, ..good }, Leaf { stake: ScrWei(good.stake.0 + 1), ..good }] {
                prop_assert_eq!(verify_path(root, total, &changed, index, &path), None);
            }
            prop_assert_eq!(verify_path(root, total + 1, &good, index, &path), None);
            prop_assert_eq!(verify_path(root, total, &good, index ^ 1, &path), None);
            prop_assert_eq!(verify_path(root, total, &good, index + (1 << path.len()), &path), None);
            for i in 0..path.len() {
                let mut path = path.clone();
                path[i].sum += 1;
                prop_assert_eq!(verify_path(root, total, &good, index, &path), None);
            }
        }

        #[test]
        fn posted_bytes_decode_to_the_same_snapshot(leaves in any_leaves()) {
            let snapshot = Snapshot::new(leaves).unwrap();
            prop_assert_eq!(Snapshot::decode(&snapshot.encode()).unwrap(), snapshot);
        }

        #[test]
        fn weight_never_exceeds_stake(stake: u128, q in 0..=ONE) {
            let leaf = Leaf { roller: Address::ZERO, stake: ScrWei(stake), q, capacity: 0 };
            prop_assert!(leaf.weight() <= stake);
        }
    }

    #[test]
    fn who_has_no_leaf_is_shown_by_those_between_which_it_would_stand() {
        let leaves: Vec<Leaf> = [1, 3, 5].into_iter().map(|i| leaf(i, 9, ONE)).collect();
        let tree = Tree::from(Snapshot::new(leaves.clone()).unwrap());
        let shown = |i: usize| {
            let paths = tree.paths_of(leaf(i, 0, 0).roller);
            let rollers = paths.iter().map(|path| Address::from_slice(&path[..20]));
            rollers.collect::<Vec<_>>()
        };
        let [one, three, five] = [0, 1, 2].map(|i: usize| leaves[i].roller);
        assert_eq!(shown(3), [three]);
        assert_eq!(shown(0), [one]);
        assert_eq!(shown(2), [one, three]);
        assert_eq!(shown(6), [five]);
    }

    #[test]
    fn a_packed_path_is_the_leaf_its_number_and_its_siblings() {
        let leaves: Vec<Leaf> = (0..3).map(|i| leaf(i, 9, ONE)).collect();
        let snapshot = Snapshot::new(leaves.clone()).unwrap();
        let tree = Tree::from(snapshot.clone());
        let [path] = &tree.paths_of(leaves[2].roller)[..] else {
            panic!("it has a leaf")
        };
        let mut expected = snapshot.encode()[2 * LEAF_BYTES..].to_vec();
        expected.extend([0, 0, 0, 2]);
        for node in snapshot.path(2).unwrap() {
            expected.extend(node.hash);
            expected.extend(node.sum.to_be_bytes());
        }
        assert_eq!(*path, expected);
        assert_eq!(path.len(), LEAF_BYTES + 4 + 2 * 48);
    }

    #[test]
    fn malformed_leaves_are_refused() {
        assert_eq!(Snapshot::new(Vec::new()), Err(SnapshotError::Count));
        assert_eq!(
            Snapshot::new(alloc::vec![leaf(1, 9, ONE), leaf(1, 9, ONE)]),
            Err(SnapshotError::Order(1))
        );
        assert_eq!(
            Snapshot::new(alloc::vec![leaf(1, 9, ONE + 1)]),
            Err(SnapshotError::Ratio(0))
        );
        assert_eq!(
            Snapshot::new(alloc::vec![leaf(1, 9, 1)]),
            Err(SnapshotError::NoWeight)
        );
        let whale = |i| Leaf {
            stake: ScrWei(u128::MAX),
            ..leaf(i, 0, ONE)
        };
        assert_eq!(
            Snapshot::new(alloc::vec![whale(1), whale(2)]),
            Err(SnapshotError::Overflow)
        );
        assert_eq!(Snapshot::decode(&[0; 47]), Err(SnapshotError::Length(47)));
    }

    #[test]
    fn the_line_has_no_gaps() {
        let snapshot =
            Snapshot::new(alloc::vec![leaf(0, 2, ONE), leaf(1, 1, 1), leaf(2, 3, ONE)]).unwrap();
        assert_eq!(snapshot.total(), 5);
        let owners: Vec<_> = (0..5)
            .map(|point| snapshot.locate(point).unwrap().index)
            .collect();
        assert_eq!(owners, [0, 0, 2, 2, 2]);
        assert_eq!(snapshot.locate(5), None);
    }
}
