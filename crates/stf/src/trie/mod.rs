//! A lazily loaded Keccak Merkle-Patricia trie over 32-byte keys.
//!
//! Model: a [`Trie`] starts as a root hash. A node is fetched from the [`StateSource`](crate::source::StateSource) when a key's path first leads
//! through it, is decoded once, and then lives in an arena. Changing a key marks the nodes on its path dirty;
//! [`Trie::commit`] encodes and hashes the dirty nodes alone and yields them. So the work of a block follows the keys it
//! touches, never the size of the state.
//!
//! Rules:
//! - All keys are 32 bytes (the caller hashes addresses and slots). Two simplifications follow. No key is the prefix of
//!   another, so branches hold no value. And a node that has a path stores a whole representative key instead of a
//!   slice of nibbles: with the node's depth, which every walk knows, the path is a range of that key, so that splitting and
//!   collapsing move no nibbles at all, and the path of a leaf is always aligned to bytes.
//! - After every operation the trie has its canonical shape. Which nodes an operation loads depends only on the content of the
//!   trie and the order of operations; the callers fix that order, because a witness is the set of loaded nodes.
//! - Nodes shorter than 32 bytes stand inline in their parents, as the yellow paper demands (appendix D).
//! - Errors leave a trie unchanged and usable.
//!
//! A trie lives as long as a block, a batch or a call. It only grows; nodes that fell away are not reused.

mod commit;
mod node;
mod ops;
#[cfg(test)]
mod tests;

pub use alloy_trie::EMPTY_ROOT_HASH;

use crate::source::SourceError;
use alloc::vec::Vec;
use alloy_primitives::{B256, Bytes};
use node::Node;

/// Why a trie could not be walked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrieError {
    /// The source did not give a node.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Bytes that are no canonical trie node, at this depth (in nibbles) of this key's path.
    #[error("malformed trie node at depth {depth} on the path of {key}")]
    Malformed {
        /// The key whose path was walked.
        key: B256,
        /// Depth of the node in nibbles.
        depth: usize,
    },
}

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct Trie {
    /// Every node that was loaded or made; a node's index never changes.
    nodes: Vec<Node>,
    /// Nothing, a node in `nodes`, or (only before the first access) unloaded.
    root: Root,
    /// Hash of the last committed state.
    root_hash: B256,
    /// Steps of the last walk that changed something, kept so that the next one needs no memory.
    path: Vec<ops::Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Root {
    Empty,
    Unloaded,
    Loaded(usize),
}

/// Trie nodes as (hash, RLP), children before their parents.
pub type NewNodes = Vec<(B256, Bytes)>;
