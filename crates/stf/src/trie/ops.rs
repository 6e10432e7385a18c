//! Operations on the trie: walk, get, insert, remove, commit, prove.

use super::{
    EMPTY_ROOT_HASH, NewNodes, Root, Trie, TrieError,
    node::{
        Child, KEY_NIBBLES, Kind, Node, Reference, Slot, common_nibbles, decode, encode_extension,
        encode_leaf, list, nibble, reference_at, reference_bytes_at, set_nibble,
    },
};
use crate::source::StateSource;
use alloc::vec::Vec;
use alloy_primitives::{B256, Bytes, keccak256};
use alloy_rlp::EMPTY_STRING_CODE;
use core::mem;

/// A node on the path of a key.
#[derive(Clone, Copy, Debug)]
struct Step {
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
        let mut path = Vec::with_capacity(16);
        let end = self.walk(source, &key, |step| path.push(step))?;
        let Some(&Step { id, depth }) = path.last() else {
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
        self.mark_dirty(&path);
        Ok(true)
    }

    /// Removes `key`. Says whether it was there. Where a branch is left with one child, that child is loaded, because
    /// its own shape decides what takes the branch's place.
    pub fn remove(&mut self, source: &impl StateSource, key: &B256) -> Result<bool, TrieError> {
        let mut path = Vec::with_capacity(16);
        if self.walk(source, key, |step| path.push(step))? != End::Found {
            return Ok(false);
        }
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
                (Some(only), None) => self.collapse(source, &mut path, key, only)?,
                (Some(_), Some(_)) => *self.slot_mut(id, removed) = Slot::EMPTY,
            }
            self.mark_dirty(&path);
            return Ok(true);
        }
        self.root = Root::Empty;
        Ok(true)
    }

    /// Encodes and hashes what changed since the last commit. Appends the new nodes (hash, RLP) to `new_nodes`, children
    /// before parents, and returns the new root.
    pub fn commit_into(&mut self, new_nodes: &mut NewNodes) -> B256 {
        match self.root {
            Root::Empty => self.root_hash = EMPTY_ROOT_HASH,
            Root::Loaded(id) if self.nodes[id].dirty => {
                self.seal(id, 0, true, new_nodes);
                self.root_hash = self.nodes[id].hash;
            }
            Root::Unloaded | Root::Loaded(_) => {}
        }
        self.root_hash
    }

    /// [`Self::commit_into`] a new list.
    pub fn commit(&mut self) -> (B256, NewNodes) {
        let mut new_nodes = Vec::new();
        (self.commit_into(&mut new_nodes), new_nodes)
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
        self.nodes.push(Node {
            kind,
            rlp,
            hash,
            dirty: false,
        });
        Ok(self.nodes.len() - 1)
    }

    /// Adds a new node.
    fn add(&mut self, kind: Kind, rlp: Bytes) -> usize {
        self.nodes.push(Node::new(kind, rlp));
        self.nodes.len() - 1
    }

    fn slot(&self, id: usize, index: usize) -> Slot {
        match &self.nodes[id].kind {
            Kind::Branch { children } => children[index],
            Kind::Extension { child, .. } => *child,
            Kind::Leaf { .. } | Kind::Gone => Slot::EMPTY,
        }
    }

    /// A branch's slot `index`, or an extension's only one.
    fn slot_mut(&mut self, id: usize, index: usize) -> &mut Slot {
        match &mut self.nodes[id].kind {
            Kind::Branch { children } => &mut children[index],
            Kind::Extension { child, .. } => child,
            Kind::Leaf { .. } | Kind::Gone => unreachable!("leaves have no children"),
        }
    }

    fn mark_dirty(&mut self, path: &[Step]) {
        for step in path {
            self.nodes[step.id].dirty = true;
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

    /// Encodes and hashes the dirty nodes from `id` down.
    fn seal(&mut self, id: usize, depth: usize, is_root: bool, new_nodes: &mut NewNodes) {
        let (below, slots) = match &self.nodes[id].kind {
            Kind::Branch { .. } => (depth + 1, 16),
            Kind::Extension { end, .. } => (*end, 1),
            Kind::Leaf { .. } | Kind::Gone => (KEY_NIBBLES, 0),
        };
        for index in 0..slots {
            if let Child::Node(child) = self.slot(id, index).child()
                && self.nodes[child].dirty
            {
                self.seal(child, below, false, new_nodes);
            }
        }
        let rlp = match &self.nodes[id].kind {
            Kind::Branch { children } => {
                let (rlp, children) = self.encode_branch(&self.nodes[id].rlp, children);
                self.nodes[id].kind = Kind::Branch { children };
                rlp
            }
            Kind::Extension { prefix, end, child } => {
                let mut reference = Vec::with_capacity(33);
                self.write_reference(&self.nodes[id].rlp, *child, &mut reference);
                let (rlp, encoded) = encode_extension(prefix, depth, *end, &reference);
                if matches!(child.child(), Child::Encoded(_)) {
                    *self.slot_mut(id, 0) = encoded;
                }
                rlp
            }
            Kind::Leaf { key, value } => encode_leaf(key, depth, value),
            Kind::Gone => unreachable!("no slot leads to a node whose content moved"),
        };
        let node = &mut self.nodes[id];
        node.rlp = rlp;
        node.dirty = false;
        if is_root || !node.is_inline() {
            node.hash = keccak256(&node.rlp);
            new_nodes.push((node.hash, node.rlp.clone()));
        }
    }

    /// RLP of a branch whose node children are clean and whose unvisited ones stand in `old`; and its slots, moved to
    /// the new RLP. What stands together in `old` is copied together: mostly everything before and after one child.
    fn encode_branch(&self, old: &[u8], children: &[Slot; 16]) -> (Bytes, [Slot; 16]) {
        let references = children.iter().map(|slot| self.reference_bytes(old, *slot));
        let mut out = list(references.sum::<usize>() + 1);
        let mut moved = *children;
        let mut run = 0..0;
        for slot in &mut moved {
            match slot.child() {
                Child::Encoded(offset) => {
                    if offset != run.end {
                        out.extend_from_slice(&old[mem::replace(&mut run, offset..offset)]);
                    }
                    *slot = Slot::encoded(out.len() + run.len());
                    run.end += reference_bytes_at(old, offset);
                }
                // The byte of an empty slot, whatever it stood for.
                Child::Empty if !run.is_empty() && old.get(run.end) == Some(&EMPTY_STRING_CODE) => {
                    run.end += 1;
                }
                Child::Empty | Child::Node(_) => {
                    out.extend_from_slice(&old[mem::replace(&mut run, 0..0)]);
                    self.write_reference(old, *slot, &mut out);
                }
            }
        }
        out.extend_from_slice(&old[run]);
        out.push(EMPTY_STRING_CODE);
        (out.into(), moved)
    }

    fn reference_bytes(&self, parent: &[u8], slot: Slot) -> usize {
        match slot.child() {
            Child::Empty => 1,
            Child::Encoded(offset) => reference_bytes_at(parent, offset),
            Child::Node(id) => self.nodes[id].reference_bytes(),
        }
    }

    fn write_reference(&self, parent: &[u8], slot: Slot, out: &mut Vec<u8>) {
        match slot.child() {
            Child::Empty => out.push(EMPTY_STRING_CODE),
            Child::Encoded(offset) => {
                out.extend_from_slice(&parent[offset..offset + reference_bytes_at(parent, offset)]);
            }
            Child::Node(id) => self.nodes[id].write_reference(out),
        }
    }
}
