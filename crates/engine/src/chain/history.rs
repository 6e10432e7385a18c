//! The states of blocks, as readers have them.

use alloy_consensus::{EMPTY_ROOT_HASH, Header};
use alloy_primitives::{B256, Bytes};
use rollmill_stf::{
    source::{BlockHashSource, SourceError, StateSource},
    state::{StateError, StateTrie},
};

use super::{Chain, StorageError, corrupt, database::ByHash};

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
    /// [`StorageError`].
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
        let root = header.state_root;
        if root != EMPTY_ROOT_HASH && snapshot.look_up(&snapshot.nodes, &root)?.is_none() {
            return Err(corrupt(format!("no state after block {}", header.number)));
        }
        Ok(snapshot)
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
