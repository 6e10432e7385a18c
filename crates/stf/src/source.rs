//! Where state comes from: trie nodes and codes by hash, and block hashes by number.
//!
//! Model: the state transition asks a [`StateSource`] for a node the moment it first needs it, and never twice for the same
//! place in a trie. There are three sources: a database (in the node), a witness ([`crate::witness::WitnessSource`], in
//! the guest) and [`RecordingSource`], which passes everything on and remembers what was asked: that memory *is* the
//! witness. [`MemorySource`] keeps nodes in maps, for genesis and for fixtures.
//!
//! Rule: a source is trusted to return the preimage of the hash it was asked for. The witness earns that trust by hashing
//! each item once when it is decoded; a database by having written it.

use alloc::{collections::BTreeMap, string::String, sync::Arc, vec::Vec};
use alloy_primitives::{B256, Bytes, map::B256Map};
use core::cell::{Cell, RefCell};

/// Why a source has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The source has no node or code of this hash: with a witness the witness is incomplete, with a database the state
    /// of that root is not there (unknown or pruned).
    #[error("missing the preimage of {0}")]
    Missing(B256),
    /// The source does not know the hash of this block: with a witness an ancestor header is missing.
    #[error("missing the header that gives the hash of block {0}")]
    MissingBlockHash(u64),
    /// The database failed; the text is its own.
    #[error("state source failed: {0}")]
    Backend(String),
}

/// Trie nodes and codes by their Keccak-256.
pub trait StateSource {
    /// RLP of the trie node whose hash is `hash`.
    fn node(&self, hash: B256) -> Result<Bytes, SourceError>;

    /// The code whose hash is `code_hash`. Never asked for the hash of the empty code.
    fn code(&self, code_hash: B256) -> Result<Bytes, SourceError>;
}

/// Block hashes by number, for BLOCKHASH and for EIP-2935.
pub trait BlockHashSource {
    /// Hash of block `number` on the chain that is executed.
    fn block_hash(&self, number: u64) -> Result<B256, SourceError>;
}

impl<T: StateSource + ?Sized> StateSource for &T {
    fn node(&self, hash: B256) -> Result<Bytes, SourceError> {
        (**self).node(hash)
    }

    fn code(&self, code_hash: B256) -> Result<Bytes, SourceError> {
        (**self).code(code_hash)
    }
}

impl<T: StateSource + ?Sized> StateSource for Arc<T> {
    fn node(&self, hash: B256) -> Result<Bytes, SourceError> {
        (**self).node(hash)
    }

    fn code(&self, code_hash: B256) -> Result<Bytes, SourceError> {
        (**self).code(code_hash)
    }
}

impl<T: BlockHashSource + ?Sized> BlockHashSource for &T {
    fn block_hash(&self, number: u64) -> Result<B256, SourceError> {
        (**self).block_hash(number)
    }
}

impl<T: BlockHashSource + ?Sized> BlockHashSource for Arc<T> {
    fn block_hash(&self, number: u64) -> Result<B256, SourceError> {
        (**self).block_hash(number)
    }
}

/// Nodes, codes and block hashes in maps.
#[derive(Clone, Debug, Default)]
pub struct MemorySource {
    nodes: B256Map<Bytes>,
    codes: B256Map<Bytes>,
    block_hashes: BTreeMap<u64, B256>,
}

impl MemorySource {
    /// Adds what applying changes to a state produced.
    pub fn insert_update(&mut self, update: &crate::state::StateUpdate) {
        self.insert_nodes(update.nodes.iter().cloned());
        self.codes.extend(update.codes.iter().cloned());
    }

    /// Adds trie nodes as (hash, RLP).
    pub fn insert_nodes(&mut self, nodes: impl IntoIterator<Item = (B256, Bytes)>) {
        self.nodes.extend(nodes);
    }

    /// Adds a code as (hash, bytes).
    pub fn insert_code(&mut self, code_hash: B256, code: Bytes) {
        self.codes.insert(code_hash, code);
    }

    /// Adds the hash of block `number`.
    pub fn insert_block_hash(&mut self, number: u64, hash: B256) {
        self.block_hashes.insert(number, hash);
    }

    /// Number of nodes held.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }
}

impl StateSource for MemorySource {
    fn node(&self, hash: B256) -> Result<Bytes, SourceError> {
        self.nodes
            .get(&hash)
            .cloned()
            .ok_or(SourceError::Missing(hash))
    }

    fn code(&self, code_hash: B256) -> Result<Bytes, SourceError> {
        self.codes
            .get(&code_hash)
            .cloned()
            .ok_or(SourceError::Missing(code_hash))
    }
}

impl BlockHashSource for MemorySource {
    fn block_hash(&self, number: u64) -> Result<B256, SourceError> {
        self.block_hashes
            .get(&number)
            .copied()
            .ok_or(SourceError::MissingBlockHash(number))
    }
}

/// What a run asked of its sources: exactly the pre-state that the same run needs again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Trie nodes by hash.
    pub nodes: BTreeMap<B256, Bytes>,
    /// Codes by hash.
    pub codes: BTreeMap<B256, Bytes>,
    /// Lowest block number whose hash was asked; `None` when none was.
    pub lowest_block_hash: Option<u64>,
}

impl Recorded {
    /// The nodes alone, in the order of their hashes.
    pub fn node_list(&self) -> Vec<Bytes> {
        self.nodes.values().cloned().collect()
    }
}

/// Passes every question on to `inner` and remembers the answers.
#[derive(Debug, Default)]
pub struct RecordingSource<S> {
    inner: S,
    nodes: RefCell<BTreeMap<B256, Bytes>>,
    codes: RefCell<BTreeMap<B256, Bytes>>,
    lowest_block_hash: Cell<Option<u64>>,
}

impl<S> RecordingSource<S> {
    /// Starts recording what is asked of `inner`.
    pub const fn new(inner: S) -> Self {
        Self {
            inner,
            nodes: RefCell::new(BTreeMap::new()),
            codes: RefCell::new(BTreeMap::new()),
            lowest_block_hash: Cell::new(None),
        }
    }

    /// Ends the recording.
    pub fn into_recorded(self) -> Recorded {
        Recorded {
            nodes: self.nodes.into_inner(),
            codes: self.codes.into_inner(),
            lowest_block_hash: self.lowest_block_hash.get(),
        }
    }
}

impl<S: StateSource> StateSource for RecordingSource<S> {
    fn node(&self, hash: B256) -> Result<Bytes, SourceError> {
        let node = self.inner.node(hash)?;
        self.nodes.borrow_mut().insert(hash, node.clone());
        Ok(node)
    }

    fn code(&self, code_hash: B256) -> Result<Bytes, SourceError> {
        let code = self.inner.code(code_hash)?;
        self.codes.borrow_mut().insert(code_hash, code.clone());
        Ok(code)
    }
}

impl<S: BlockHashSource> BlockHashSource for RecordingSource<S> {
    fn block_hash(&self, number: u64) -> Result<B256, SourceError> {
        let hash = self.inner.block_hash(number)?;
        let lowest = self
            .lowest_block_hash
            .get()
            .map_or(number, |lowest| lowest.min(number));
        self.lowest_block_hash.set(Some(lowest));
        Ok(hash)
    }
}
