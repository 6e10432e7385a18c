//! Which states there are, and how they are read.
//!
//! Blocks, receipts and transactions are kept for ever; of states those of the newest blocks ([`History`]), and all that a chain which
//! follows another one may have to go back to ([`Tag::Irrevocable`]). With each block that is appended a few states
//! are forgotten, in its own transaction. What they alone needed is told by [`nodes`](super::nodes).

#[cfg(test)]
mod tests;

use alloy_consensus::{EMPTY_ROOT_HASH, Header};
use alloy_primitives::{B256, Bytes};
use rollmill_stf::{
    source::{BlockHashSource, SourceError, StateSource},
    state::{StateError, StateTrie},
};

use super::{
    Chain, StorageError, Tag, corrupt,
    database::{BlockRecord, ByHash, OLDEST_STATE},
    nodes::Gone,
};

/// States that are forgotten with one block, at most. More than one, so that what has piled up (settlements that came late, a smaller
/// [`History`] than before) goes; few, because the block waits for it.
const FORGOTTEN_AT_ONCE: u64 = 2;

/// Which states are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// All.
    Archive,
    /// The newest, so many before it, and all from [`Tag::Irrevocable`] on.
    Blocks(u64),
}

/// Nodes and codes as they were when this was made: whatever the chain deletes afterwards can be read through it.
pub struct Snapshot {
    // INVARIANT: the tables are dropped before the chain, whose last handle closes their file.
    nodes: ByHash,
    codes: ByHash,
    chain: Chain,
}

impl Chain {
    /// The state after the block with this header: accounts, storage, code and proofs.
    ///
    /// # Errors
    /// [`StorageError`]; [`StorageError::Pruned`] when the state is forgotten.
    pub fn state_at(&self, header: &Header) -> Result<StateTrie<Snapshot>, StorageError> {
        Ok(StateTrie::new(self.snapshot(header)?, header.state_root))
    }

    /// What [`Chain::state_at`] reads from.
    pub(crate) fn snapshot(&self, header: &Header) -> Result<Snapshot, StorageError> {
        let (nodes, codes) = self.0.database.nodes_and_codes()?;
        let snapshot = Snapshot {
            nodes,
            codes,
            chain: self.clone(),
        };
        // A root is there exactly as long as all of its state.
        let root = header.state_root;
        if root != EMPTY_ROOT_HASH && snapshot.look_up(&snapshot.nodes, &root)?.is_none() {
            return Err(StorageError::Pruned {
                number: header.number,
                oldest: self.oldest_state()?,
            });
        }
        Ok(snapshot)
    }

    /// The oldest block whose state is there.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn oldest_state(&self) -> Result<u64, StorageError> {
        Ok(self.0.database.tag(OLDEST_STATE)?.unwrap_or(0))
    }

    /// Number of trie nodes on disk.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn node_count(&self) -> Result<u64, StorageError> {
        self.0.database.node_count()
    }

    /// Adds to a block that is to be appended what is forgotten with it.
    pub(super) fn forget_with(&self, block: &mut BlockRecord) -> Result<(), StorageError> {
        let History::Blocks(kept) = self.0.history else {
            return Ok(());
        };
        let oldest = self.oldest_state()?;
        let end = block.number.saturating_sub(kept);
        let end = end.min(self.tag(Tag::Irrevocable)?);
        let end = end.min(oldest + FORGOTTEN_AT_ONCE);
        if oldest >= end {
            return Ok(());
        }
        let gone = |number| self.gone(number, number + 1);
        block.forgotten = (oldest..end).map(gone).collect::<Result<_, _>>()?;
        block.tags.push((OLDEST_STATE, end));
        Ok(())
    }

    /// The states of the blocks after `number`, the newest first.
    pub(super) fn states_after(&self, number: u64) -> Result<Vec<Gone>, StorageError> {
        let newest_first = (number + 1..=self.head().number).rev();
        newest_first
            .map(|number| self.gone(number, number - 1))
            .collect()
    }

    fn gone(&self, number: u64, beside: u64) -> Result<Gone, StorageError> {
        let root = |number| {
            let header = self.header(number)?;
            let header = header.ok_or_else(|| corrupt(format!("header {number}")))?;
            Ok::<_, StorageError>(header.state_root)
        };
        Ok(Gone {
            root: root(number)?,
            beside: root(beside)?,
        })
    }
}

impl Snapshot {
    fn look_up(&self, table: &ByHash, hash: &B256) -> Result<Option<Bytes>, StorageError> {
        self.chain.0.database.look_up(table, hash)
    }
}

impl StateSource for Snapshot {
    fn node(&self, hash: B256) -> Result<Bytes, SourceError> {
        found(hash, self.look_up(&self.nodes, &hash))
    }

    fn code(&self, code_hash: B256) -> Result<Bytes, SourceError> {
        found(code_hash, self.look_up(&self.codes, &code_hash))
    }
}

impl BlockHashSource for Snapshot {
    fn block_hash(&self, number: u64) -> Result<B256, SourceError> {
        self.chain.block_hash(number)
    }
}

/// The newest state, and those that nothing deletes while they are needed: whoever builds a block or a batch reads here.
impl StateSource for Chain {
    fn node(&self, hash: B256) -> Result<Bytes, SourceError> {
        found(hash, self.0.database.node(&hash))
    }

    fn code(&self, code_hash: B256) -> Result<Bytes, SourceError> {
        found(code_hash, self.0.database.code(&code_hash))
    }
}

fn found(hash: B256, answer: Result<Option<Bytes>, StorageError>) -> Result<Bytes, SourceError> {
    answer.map_err(backend)?.ok_or(SourceError::Missing(hash))
}

pub(super) fn backend(error: StorageError) -> SourceError {
    SourceError::Backend(error.to_string())
}

impl From<StorageError> for StateError {
    fn from(error: StorageError) -> Self {
        Self::Source(backend(error))
    }
}
