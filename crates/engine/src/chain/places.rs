//! Where the nodes of a state stand, and what one state has that another has not.
//!
//! A node's *place* is its path in nibbles: in the trie of accounts, or, for a storage, behind the 64 nibbles of its account and one
//! that ends them. One state has one node in a place; one node can stand in many places, because contracts with equal storages
//! share its nodes. Nodes that are written inside their parents are part of them: none of those refers to another.

use alloy_consensus::EMPTY_ROOT_HASH;
use alloy_primitives::{B256, Bytes};
use alloy_rlp::Decodable as _;
use alloy_trie::nodes::TrieNode;
use rollmill_stf::state::TrieAccount;

use super::{StorageError, corrupt};

/// Nibbles of an account's key.
const ACCOUNT_NIBBLES: usize = 64;
/// Ends an account's key where a path in its storage follows.
const IN_STORAGE: u8 = 0;

/// See the module's documentation.
pub(super) type Place = Vec<u8>;

/// The nodes that the state of root `of` has in places where the state of root `than` has another one or none: a hash for each such
/// place. Reads these nodes, those of `than` in the same places, and no others, so the work follows what changed between the two.
pub(super) fn only_in(
    of: B256,
    than: B256,
    node: impl Fn(&B256) -> Result<Bytes, StorageError>,
) -> Result<Vec<B256>, StorageError> {
    let (mut of, mut than) = (Walk::of(of), Walk::of(than));
    let mut found = Vec::new();
    while let Some((place, hash)) = of.peek() {
        let other = than.peek();
        if let Some((before, _)) = other.filter(|(other, _)| other < place) {
            if place.starts_with(before) {
                than.enter(&node)?;
            } else {
                than.skip();
            }
            continue;
        }
        let there = other.filter(|(other, _)| other == place);
        if there.is_some_and(|(_, there)| there == hash) {
            than.skip();
            of.skip();
            continue;
        }
        if there.is_some() {
            than.enter(&node)?;
        }
        found.push(*hash);
        of.enter(&node)?;
    }
    Ok(found)
}

/// Goes through the nodes of a state in the order of their places: parents first, and what stands below a node only if it is entered.
pub(super) struct Walk {
    /// The next one is the last.
    ahead: Vec<(Place, B256)>,
}

impl Walk {
    pub(super) fn of(root: B256) -> Self {
        let is_empty = root == EMPTY_ROOT_HASH;
        let ahead = (!is_empty).then(|| (Place::new(), root));
        Self {
            ahead: ahead.into_iter().collect(),
        }
    }

    pub(super) fn peek(&self) -> Option<&(Place, B256)> {
        self.ahead.last()
    }

    /// Leaves the next node out, and what stands below it.
    fn skip(&mut self) {
        self.ahead.pop();
    }

    /// Goes on below the next node.
    pub(super) fn enter(
        &mut self,
        node: &impl Fn(&B256) -> Result<Bytes, StorageError>,
    ) -> Result<(), StorageError> {
        if let Some((place, hash)) = self.ahead.pop() {
            let below = below(&place, &node(&hash)?)
                .map_err(|error| corrupt(format!("trie node {hash}: {error}")))?;
            self.ahead.extend(below.into_iter().rev());
        }
        Ok(())
    }
}

/// What a node refers to, in the order of the places.
fn below(place: &[u8], mut node: &[u8]) -> alloy_rlp::Result<Vec<(Place, B256)>> {
    let at = |path: &[u8]| [place, path].concat();
    let only = |child: Option<(Place, B256)>| Vec::from_iter(child);
    let node = TrieNode::decode(&mut node)?;
    Ok(match node {
        TrieNode::EmptyRoot => Vec::new(),
        TrieNode::Branch(branch) => {
            let branch = branch.as_ref();
            let children = branch.children();
            children
                .filter_map(|(nibble, child)| Some((at(&[nibble]), child?.as_hash()?)))
                .collect()
        }
        TrieNode::Extension(extension) => {
            let child = extension.child.as_hash();
            only(child.map(|child| (at(&extension.key.to_vec()), child)))
        }
        TrieNode::Leaf(leaf) if place.len() <= ACCOUNT_NIBBLES => {
            let TrieAccount { storage_root, .. } = alloy_rlp::decode_exact(&leaf.value)?;
            let path = [&leaf.key.to_vec()[..], &[IN_STORAGE]].concat();
            only((storage_root != EMPTY_ROOT_HASH).then(|| (at(&path), storage_root)))
        }
        TrieNode::Leaf(_) => Vec::new(),
    })
}
