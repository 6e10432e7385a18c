//! Trie nodes on disk: which states still need one, and when it goes.
//!
//! Model: a node is stored once, under its hash, in however many places of however many states it stands (see
//! [`places`](super::places)). States that follow one another and have it in the same place *hold* it together, once. How often
//! it is held is written down where that is more than once, which is rare: equal storages of two contracts, a slot that got an
//! earlier value back.
//!
//! | what happens | what the node in a place is held |
//! |---|---|
//! | a state is added, and the one before it has another node there or none | once more |
//! | the oldest state is forgotten, and the next one has another node there or none | once less |
//! | the newest state is taken back, and the one before it has another node there or none | once less |
//!
//! INVARIANT: a node that nobody holds is deleted, and no other; so every state from the oldest to the newest can be read to its last
//! leaf, and nothing else is kept.
//!
//! The state transition yields a new node for each place of the first row and for no other, because it writes down a path exactly
//! when what stands below it changed. The exception would be a storage that is emptied and filled again in one block, which no
//! fork since Cancun allows (EIP-6780): it would hold what it has as before once too often, and that would stay.
//!
//! Codes are not counted, and stay: an account keeps its code, but for delegations of 23 bytes.

use alloy_primitives::{B256, Bytes};
use redb::{ReadableTable, Table, WriteTransaction};

use super::{
    StorageError, corrupt,
    database::{HOLDS, NODES},
    places::only_in,
};

/// The oldest or the newest state, which goes, and the one beside it, which stays.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gone {
    /// Root of what goes.
    pub root: B256,
    /// Root of what stays.
    pub beside: B256,
}

/// The nodes in a write transaction.
pub(super) struct Nodes<'a> {
    nodes: Table<'a, &'static [u8; 32], &'static [u8]>,
    /// How often a node is held, if more than once.
    holds: Table<'a, &'static [u8; 32], u64>,
}

impl<'a> Nodes<'a> {
    pub(super) fn open(write: &'a WriteTransaction) -> Result<Self, StorageError> {
        Ok(Self {
            nodes: write.open_table(NODES)?,
            holds: write.open_table(HOLDS)?,
        })
    }

    /// Adds what a new state has and the one before has not: a node for each place.
    pub(super) fn hold(&mut self, new: &[(B256, Bytes)]) -> Result<(), StorageError> {
        for (hash, node) in new {
            if self.nodes.insert(&hash.0, node.as_ref())?.is_some() {
                let held = self.held(hash)?;
                self.holds.insert(&hash.0, held + 1)?;
            }
        }
        Ok(())
    }

    /// Gives up states, one after the other: what each has and the one beside it has not.
    pub(super) fn release(&mut self, states: &[Gone]) -> Result<(), StorageError> {
        for Gone { root, beside } in states {
            for hash in only_in(*root, *beside, |hash| self.node(hash))? {
                self.release_node(&hash)?;
            }
        }
        Ok(())
    }

    fn release_node(&mut self, hash: &B256) -> Result<(), StorageError> {
        match self.held(hash)? {
            1 => {
                self.nodes.remove(&hash.0)?;
            }
            2 => {
                self.holds.remove(&hash.0)?;
            }
            held => {
                self.holds.insert(&hash.0, held - 1)?;
            }
        }
        Ok(())
    }

    /// How often a node is held that is there.
    fn held(&self, hash: &B256) -> Result<u64, StorageError> {
        let held = self.holds.get(&hash.0)?;
        Ok(held.map_or(1, |held| held.value()))
    }

    fn node(&self, hash: &B256) -> Result<Bytes, StorageError> {
        let node = self.nodes.get(&hash.0)?;
        let node = node.ok_or_else(|| corrupt(format!("trie node {hash} is missing")))?;
        Ok(Bytes::copy_from_slice(node.value()))
    }
}
