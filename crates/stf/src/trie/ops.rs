//! Operations on the trie: walk, get, insert, remove, prove.

use super::{
    EMPTY_ROOT_HASH, Root, Trie, TrieError,
    node::{
        Child, Kind, Node, Reference, Slot, common_nibbles, decode, nibble, reference_at,
        set_nibble,
    },
};
use crate::source::StateSource;
use alloc::vec::Vec;
use alloy_primitives::{B256, Bytes};
use core::mem;

/// Room for nodes that a trie takes with its first one, so that it does not grow by steps: what it would leave behind is lost to the
/// batch program, whose memory is never given back, while room that is not used costs nothing.
const FIRST_NODES: usize = 64;

/// A node on the path of a key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    id: usize,
    depth: usize,
}

/// Where the path of a key ends; the last [`Step`] is the node that decided it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The trie is empty; there is no step.
    EmptyTrie,
    /// At the leaf of this key.
    Found,
    /// At the leaf of another key.
    OtherLeaf,
    /// At an extension that leads elsewhere.
    Diverged,
    /// At a branch without a child for the key's nibble.
    NoChild,
}

impl Trie {
    /// The trie without keys.
    pub const fn empty() -> Self {
        Self {
            nodes: Vec::new(),
            root: Root::Empty,
            root_hash: EMPTY_ROOT_HASH,
            path: Vec::new(),
        }
    }

    /// The trie of this root; nothing is loaded yet.
    pub fn open(root_hash: B256) -> Self {
        let root = if root_hash == EMPTY_ROOT_HASH {
            Root::Empty
        } else {
            Root::Unloaded
        };
        Self {
            nodes: Vec::new(),
            root,
            root_hash,
            path: Vec::new(),
        }
    }

    /// Root of the last committed content.
    pub const fn root_hash(&self) -> B256 {
        self.root_hash
    }

    /// The value of `key`.
    pub fn get(
        &mut self,
        source: &impl StateSource,
        key: &B256,
    ) -> Result<Option<&Bytes>, TrieError> {
        let mut last = None;
        if self.walk(source, key, |step| last = Some(step.id))? != End::Found {
            return Ok(None);
        }
        Ok(last.and_then(|id| match &self.nodes[id].kind {
            Kind::Leaf { value, .. } => Some(value),
            _ => None,
        }))
    }

    /// Sets the value (1 to 65,535 bytes) of `key`. Says whether that changed anything.
    pub fn insert(
        &mut self,
        source: &impl StateSource,
        key: B256,
        value: Bytes,
    ) -> Result<bool, TrieError> {
        let end = self.walk_path(source, &key)?;
        let Some(&Step { id, depth }) = self.path.last() else {
            let id = self.add(Kind::Leaf { key, value }, Bytes::new());
            self.root = Root::Loaded(id);
            return Ok(true);
        };
        match end {
            End::EmptyTrie => {}
            End::Found => {
                if matches!(&self.nodes[id].kind, Kind::Leaf { value: old, .. } if *old == value) {
                    return Ok(false);
                }
                self.nodes[id].kind = Kind::Leaf { key, value };
            }
            End::NoChild => {
                let leaf = self.add(Kind::Leaf { key, value }, Bytes::new());
                *self.slot_mut(id, nibble(&key, depth)) = Slot::node(leaf);
            }
            End::OtherLeaf | End::Diverged => self.split(id, depth, key, value),
        }
        mark_dirty(&mut self.nodes, &self.path);
        Ok(true)
    }

    /// Removes `key`. Says whether it was there. Where a branch is left with one child, that child is loaded, because
    /// its own shape decides what takes the branch's place.
    pub fn remove(&mut self, source: &impl StateSource, key: &B256) -> Result<bool, TrieError> {
        if self.walk_path(source, key)? != End::Found {
            return Ok(false);
        }
        let mut path = mem::take(&mut self.path);
        let removed = self.remove_end(source, key, &mut path);
        self.path = path;
        removed.map(|()| true)
    }

    /// Removes the leaf of `key`, to which `path` leads, and what it leaves without a purpose above it.
    fn remove_end(
        &mut self,
        source: &impl StateSource,
        key: &B256,
        path: &mut Vec<Step>,
    ) -> Result<(), TrieError> {
        path.pop();
        while let Some(&Step { id, depth }) = path.last() {
            let Kind::Branch { children } = &self.nodes[id].kind else {
                // An extension whose branch is gone: `decode` lets no branch with fewer than two children in, and a
                // branch is collapsed as soon as it has one.
                path.pop();
                continue;
            };
            let removed = nibble(key, depth);
            let mut others =
                (0..16).filter(|index| *index != removed && children[*index] != Slot::EMPTY);
            match (others.next(), others.next()) {
                (None, _) => {
                    path.pop();
                    continue;
                }
                (Some(only), None) => self.collapse(source, path, key, only)?,
                (Some(_), Some(_)) => *self.slot_mut(id, removed) = Slot::EMPTY,
            }
            mark_dirty(&mut self.nodes, path);
            return Ok(());
        }
        self.root = Root::Empty;
        Ok(())
    }

    /// Nodes from the root towards `key`, as `eth_getProof` gives them (inline nodes are inside their parents). It shows the
    /// value of the key, or that it has none; the empty trie needs no node.
    ///
    /// The trie must be committed: a changed node has no encoding yet.
    pub fn proof(
        &mut self,
        source: &impl StateSource,
        key: &B256,
    ) -> Result<Vec<Bytes>, TrieError> {
        let mut path = Vec::with_capacity(16);
        self.walk(source, key, |step| path.push(step))?;
        let nodes = path.iter().map(|step| (step.depth, &self.nodes[step.id]));
        Ok(nodes
            .inspect(|(_, node)| debug_assert!(!node.dirty, "proof of an uncommitted trie"))
            .filter(|(depth, node)| *depth == 0 || !node.is_inline())
            .map(|(_, node)| node.rlp.clone())
            .collect())
    }

    /// [`Self::walk`], with its steps in `self.path`.
    fn walk_path(&mut self, source: &impl StateSource, key: &B256) -> Result<End, TrieError> {
        let mut path = mem::take(&mut self.path);
        path.clear();
        let end = self.walk(source, key, |step| path.push(step));
        self.path = path;
        end
    }

    /// Follows `key` as far as the trie goes, loading what is on the way.
    fn walk(
        &mut self,
        source: &impl StateSource,
        key: &B256,
        mut visit: impl FnMut(Step),
    ) -> Result<End, TrieError> {
        let mut id = match self.root {
            Root::Empty => return Ok(End::EmptyTrie),
            Root::Loaded(id) => id,
            Root::Unloaded => {
                let id = self.load(source, Reference::Hash(self.root_hash), key, 0)?;
                self.root = Root::Loaded(id);
                id
            }
        };
        let mut depth = 0;
        loop {
            visit(Step { id, depth });
            let index = match &self.nodes[id].kind {
                Kind::Leaf { key: own, .. } => {
                    return Ok(if own == key {
                        End::Found
                    } else {
                        End::OtherLeaf
                    });
                }
                Kind::Extension { prefix, end, .. } => {
                    if common_nibbles(prefix, key) < *end {
                        return Ok(End::Diverged);
                    }
                    depth = *end;
                    0
                }
                Kind::Branch { children } => {
                    let index = nibble(key, depth);
                    if children[index] == Slot::EMPTY {
                        return Ok(End::NoChild);
                    }
                    depth += 1;
                    index
                }
                Kind::Gone => unreachable!("no slot leads to a node whose content moved"),
            };
            id = self.follow(source, id, index, key, depth)?;
        }
    }

    /// The child in a non-empty slot, loaded if need be. `depth` is the child's, `key` leads through it.
    fn follow(
        &mut self,
        source: &impl StateSource,
        parent: usize,
        index: usize,
        key: &B256,
        depth: usize,
    ) -> Result<usize, TrieError> {
        let id = match self.slot(parent, index).child() {
            Child::Node(id) => return Ok(id),
            Child::Encoded(offset) => self.load(
                source,
                reference_at(&self.nodes[parent].rlp, offset),
                key,
                depth,
            )?,
            Child::Empty => unreachable!("only called for children that are there"),
        };
        *self.slot_mut(parent, index) = Slot::node(id);
        Ok(id)
    }

    /// Brings a node into the arena.
    fn load(
        &mut self,
        source: &impl StateSource,
        reference: Reference,
        key: &B256,
        depth: usize,
    ) -> Result<usize, TrieError> {
        let (rlp, hash) = match reference {
            Reference::Hash(hash) => (source.node(hash)?, hash),
            Reference::Inline(rlp) => (rlp, B256::ZERO),
        };
        let kind = decode(&rlp, key, depth).ok_or(TrieError::Malformed { key: *key, depth })?;
        Ok(self.push(Node {
            kind,
            rlp,
            hash,
            dirty: false,
        }))
    }

    /// Adds a new node.
    fn add(&mut self, kind: Kind, rlp: Bytes) -> usize {
        self.push(Node::new(kind, rlp))
    }

    fn push(&mut self, node: Node) -> usize {
        if self.nodes.capacity() == 0 {
            self.nodes.reserve_exact(FIRST_NODES);
        }
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    pub(super) fn slot(&self, id: usize, index: usize) -> Slot {
        match &self.nodes[id].kind {
            Kind::Branch { children } => children[index],
            Kind::Extension { child, .. } => *child,
            Kind::Leaf { .. } | Kind::Gone => Slot::EMPTY,
        }
    }

    /// A branch's slot `index`, or an extension's only one.
    pub(super) fn slot_mut(&mut self, id: usize, index: usize) -> &mut Slot {
        match &mut self.nodes[id].kind {
            Kind::Branch { children } => &mut children[index],
            Kind::Extension { child, .. } => child,
            Kind::Leaf { .. } | Kind::Gone => unreachable!("leaves have no children"),
        }
    }

    /// Takes a node's content away, to put it elsewhere.
    fn take(&mut self, id: usize) -> (Kind, Bytes) {
        let node = &mut self.nodes[id];
        (
            mem::replace(&mut node.kind, Kind::Gone),
            mem::take(&mut node.rlp),
        )
    }

    /// Makes room for `key` where the leaf or extension `id` leads elsewhere: a branch at the first nibble that
    /// differs, under an extension if that is deeper than `id`.
    fn split(&mut self, id: usize, depth: usize, key: B256, value: Bytes) {
        let (old, rlp) = self.take(id);
        let mut branch_rlp = Bytes::new();
        let (fork, old_index, old_slot) = match old {
            Kind::Leaf { key: old_key, .. } => {
                let fork = common_nibbles(&old_key, &key);
                (fork, nibble(&old_key, fork), Slot::node(self.add(old, rlp)))
            }
            Kind::Extension { prefix, end, child } => {
                let fork = common_nibbles(&prefix, &key);
                let slot = if fork + 1 == end {
                    // The extension's child becomes the branch's; an unvisited one still stands in the extension's RLP.
                    branch_rlp = rlp;
                    child
                } else {
                    Slot::node(self.add(Kind::Extension { prefix, end, child }, rlp))
                };
                (fork, nibble(&prefix, fork), slot)
            }
            Kind::Branch { .. } | Kind::Gone => {
                unreachable!("only leaves and extensions lead elsewhere")
            }
        };
        let leaf = self.add(Kind::Leaf { key, value }, Bytes::new());
        let mut children = [Slot::EMPTY; 16];
        children[old_index] = old_slot;
        children[nibble(&key, fork)] = Slot::node(leaf);
        let branch = Kind::Branch { children };
        let (kind, rlp) = if fork > depth {
            let child = Slot::node(self.add(branch, branch_rlp));
            (
                Kind::Extension {
                    prefix: key,
                    end: fork,
                    child,
                },
                Bytes::new(),
            )
        } else {
            (branch, branch_rlp)
        };
        self.nodes[id] = Node::new(kind, rlp);
    }

    /// Replaces the branch at the end of `path` by its child `only`, the last that is left to it. `key` is the key that
    /// leaves.
    fn collapse(
        &mut self,
        source: &impl StateSource,
        path: &mut Vec<Step>,
        key: &B256,
        only: usize,
    ) -> Result<(), TrieError> {
        let Some(Step { id, depth }) = path.last().copied() else {
            return Ok(());
        };
        let mut prefix = *key;
        set_nibble(&mut prefix, depth, only);
        let child = self.follow(source, id, only, &prefix, depth + 1)?;
        let (kind, rlp) = if matches!(self.nodes[child].kind, Kind::Branch { .. }) {
            (
                Kind::Extension {
                    prefix,
                    end: depth + 1,
                    child: Slot::node(child),
                },
                Bytes::new(),
            )
        } else {
            self.take(child)
        };
        // What takes the branch's place is a leaf or an extension; both swallow an extension above them.
        let above = path.len().checked_sub(2).map(|index| path[index].id);
        let target = match above {
            Some(above) if matches!(self.nodes[above].kind, Kind::Extension { .. }) => {
                path.pop();
                self.take(id);
                above
            }
            _ => id,
        };
        self.nodes[target] = Node::new(kind, rlp);
        Ok(())
    }
}

fn mark_dirty(nodes: &mut [Node], path: &[Step]) {
    for step in path {
        nodes[step.id].dirty = true;
    }
}
