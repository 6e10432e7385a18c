//! Encoding and hashing what changed.

use super::{
    EMPTY_ROOT_HASH, NewNodes, Root, Trie,
    node::{
        Child, HASH_REFERENCE_BYTES, HASH_REFERENCE_CODE, KEY_NIBBLES, Kind, Slot,
        encode_extension, encode_leaf, list, list_payload, reference_bytes_at,
    },
};
use alloc::vec::Vec;
use alloy_primitives::{B256, Bytes, keccak256};
use alloy_rlp::EMPTY_STRING_CODE;
use core::mem;

impl Trie {
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
                let old = &self.nodes[id].rlp;
                if let Some(rlp) = self.patch_branch(old, children) {
                    rlp
                } else {
                    let (rlp, children) = self.encode_branch(old, children);
                    self.nodes[id].kind = Kind::Branch { children };
                    rlp
                }
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

    /// RLP of a branch whose node children are clean, if it is `old` but for the hashes of those: nearly always, because accounts and slots
    /// change more often than they come and go. Its slots stay as they are.
    fn patch_branch(&self, old: &[u8], children: &[Slot; 16]) -> Option<Bytes> {
        let start = self.start_of_same_layout(old, children)?;
        let mut rlp = old.to_vec();
        let mut at = start;
        for slot in children {
            if let Child::Node(id) = slot.child() {
                let hash = self.nodes[id].hash.as_slice();
                rlp[at + 1..at + HASH_REFERENCE_BYTES].copy_from_slice(hash);
            }
            at += item_bytes_at(old, at);
        }
        Some(rlp.into())
    }

    /// Where the children begin in `old`, if it is the RLP of a branch in which each of them stands where this branch needs it.
    ///
    /// INVARIANT: `old` is a whole node or nothing. If every slot finds in it what it stands for, one behind the other and up to the value,
    /// then nothing in it but hashes differs from the RLP of this branch.
    fn start_of_same_layout(&self, old: &[u8], children: &[Slot; 16]) -> Option<usize> {
        let start = list_payload(old)?;
        let mut at = start;
        for slot in children {
            let code = *old.get(at)?;
            let stands_here = match slot.child() {
                Child::Empty => code == EMPTY_STRING_CODE,
                Child::Encoded(offset) => offset == at,
                Child::Node(id) => code == HASH_REFERENCE_CODE && !self.nodes[id].is_inline(),
            };
            if !stands_here {
                return None;
            }
            at += item_bytes_at(old, at);
        }
        (old.get(at..)? == [EMPTY_STRING_CODE]).then_some(start)
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

/// Length of what stands in a child's place: nothing, or a reference.
fn item_bytes_at(rlp: &[u8], offset: usize) -> usize {
    if rlp[offset] == EMPTY_STRING_CODE {
        1
    } else {
        reference_bytes_at(rlp, offset)
    }
}
