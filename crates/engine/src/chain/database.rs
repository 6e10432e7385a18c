//! The chain's file: one redb database, its tables and its one way of writing.
//!
//! Model: everything that a block adds (header, body, receipts, index entries, trie nodes, codes) is written by **one**
//! write transaction that is on disk before it is acknowledged; after a crash the file shows the last acknowledged block
//! and nothing of a later one. Trie nodes and codes are stored under their Keccak-256 hash; what becomes of nodes that only old
//! states need stands in [`nodes`](super::nodes).
//!
//! A page that is not what was written is an error that names the file, see [`guard`](super::guard).
//!
//! Everything here is bytes; `chain` knows what they mean.

use std::path::Path;

use alloy_primitives::{B256, Bytes};
use redb::{
    Database as Redb, DatabaseError, ReadOnlyTable, ReadableDatabase, ReadableTable,
    ReadableTableMetadata, TableDefinition,
};

use super::{
    OpenError, StorageError, Tag, corrupt,
    file::File,
    nodes::{Gone, Nodes},
};

/// Version of the tables below; a file of another version is refused.
pub(super) const SCHEMA_VERSION: u64 = 5;
/// redb's page cache. Far below its default of 1 GiB: a devnet runs two chains beside provers that need the memory.
const CACHE_BYTES: usize = 128 << 20;

/// schema -> version, genesis -> hash, rewinds -> how often blocks were taken back, see the `META_*` keys.
const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
/// number -> RLP of the header.
const HEADERS: TableDefinition<u64, &[u8]> = TableDefinition::new("headers");
/// number -> RLP of the body: raw transactions, their senders and their prover gas, the block's prices.
const BODIES: TableDefinition<u64, &[u8]> = TableDefinition::new("bodies");
/// number -> RLP list of receipts in consensus encoding with their blooms.
const RECEIPTS: TableDefinition<u64, &[u8]> = TableDefinition::new("receipts");
/// block hash -> number.
const NUMBERS: TableDefinition<&[u8; 32], u64> = TableDefinition::new("numbers");
/// transaction hash -> (block number, index in it).
const TRANSACTIONS: TableDefinition<&[u8; 32], (u64, u32)> = TableDefinition::new("transactions");
/// hash -> RLP of a trie node.
pub(super) const NODES: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("nodes");
/// hash -> how often the node is held, if more than once.
pub(super) const HOLDS: TableDefinition<&[u8; 32], u64> = TableDefinition::new("holds");
/// hash -> code.
const CODES: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("codes");
/// n -> the n-th transaction and sender of blocks that were taken back. Created when the first one is.
const TAKEN_BACK: TableDefinition<u64, &[u8]> = TableDefinition::new("taken_back");
/// "safe" | "finalized" | "irrevocable" | "oldest_state" -> block number.
const TAGS: TableDefinition<&str, u64> = TableDefinition::new("tags");

/// In [`TAGS`]: the oldest block whose state is there; the genesis block's when nothing is said.
pub(super) const OLDEST_STATE: &str = "oldest_state";
const META_SCHEMA: &str = "schema";
const META_GENESIS: &str = "genesis";
const META_REWINDS: &str = "rewinds";

/// Everything one block adds, ready to be written.
#[derive(Debug)]
pub(super) struct BlockRecord {
    pub number: u64,
    pub hash: B256,
    pub header: Vec<u8>,
    pub body: Vec<u8>,
    pub receipts: Vec<u8>,
    pub transactions: Vec<B256>,
    pub nodes: Vec<(B256, Bytes)>,
    pub codes: Vec<(B256, Bytes)>,
    /// States that are forgotten with it, the oldest first.
    pub forgotten: Vec<Gone>,
    /// Tags that move with the block.
    pub tags: Vec<(&'static str, u64)>,
}

/// A table of trie nodes or codes as it was when it was opened.
pub(super) type ByHash = ReadOnlyTable<&'static [u8; 32], &'static [u8]>;

/// The open file. Reads see the last committed block; at most one write runs at a time.
pub(super) struct Database(File);

impl Database {
    /// Opens or creates the file at `path` and its folder.
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let name = || path.display().to_string();
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| OpenError::Open {
                path: name(),
                source: Box::new(redb::Error::Io(error)),
            })?;
        }
        match File::open(path, CACHE_BYTES)? {
            Ok(file) => Ok(Self(file)),
            Err(DatabaseError::DatabaseAlreadyOpen) => Err(OpenError::InUse { path: name() }),
            Err(error) => Err(OpenError::Open {
                path: name(),
                source: Box::new(error.into()),
            }),
        }
    }

    fn run<T>(
        &self,
        work: impl FnOnce(&Redb) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        self.0.run(work)
    }

    /// (schema version, genesis hash) of the file, `None` when it is new.
    pub(super) fn identity(&self) -> Result<Option<(u64, B256)>, StorageError> {
        self.run(identity)
    }

    /// Writes the genesis block and the identity of the chain, which creates all tables.
    pub(super) fn initialize(&self, genesis: &BlockRecord) -> Result<(), StorageError> {
        self.write(genesis, |write| {
            let mut meta = write.open_table(META)?;
            meta.insert(META_SCHEMA, SCHEMA_VERSION.to_be_bytes().as_slice())?;
            meta.insert(META_GENESIS, genesis.hash.as_slice())?;
            Ok(())
        })
    }

    /// Writes one block; it is on disk when this returns.
    pub(super) fn append(&self, block: &BlockRecord) -> Result<(), StorageError> {
        self.write(block, |_| Ok(()))
    }

    fn write(
        &self,
        block: &BlockRecord,
        also: impl FnOnce(&redb::WriteTransaction) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        self.run(|redb| {
            let mut write = redb.begin_write()?;
            // Saves the allocator with each commit, so that opening after a kill does not walk the whole file.
            write.set_quick_repair(true);
            {
                write
                    .open_table(HEADERS)?
                    .insert(block.number, block.header.as_slice())?;
                write
                    .open_table(BODIES)?
                    .insert(block.number, block.body.as_slice())?;
                write
                    .open_table(RECEIPTS)?
                    .insert(block.number, block.receipts.as_slice())?;
                write
                    .open_table(NUMBERS)?
                    .insert(&block.hash.0, block.number)?;
                let mut transactions = write.open_table(TRANSACTIONS)?;
                for (index, hash) in (0u32..).zip(&block.transactions) {
                    transactions.insert(&hash.0, (block.number, index))?;
                }
                let mut nodes = Nodes::open(&write)?;
                nodes.hold(&block.nodes)?;
                nodes.release(&block.forgotten)?;
                let mut codes = write.open_table(CODES)?;
                for (hash, code) in &block.codes {
                    codes.insert(&hash.0, code.as_ref())?;
                }
                let mut tags = write.open_table(TAGS)?;
                for (tag, number) in &block.tags {
                    tags.insert(*tag, *number)?;
                }
            }
            also(&write)?;
            write.commit()?;
            Ok(())
        })
    }

    /// Removes the blocks after `number` with everything that finds them, and their states, which are `gone`, the newest first. Nothing
    /// that was confirmed before is of the present any more: it is counted.
    /// `kept`, if given, becomes what is taken back, in the same transaction.
    pub(super) fn rewind(
        &self,
        number: u64,
        gone: &[Gone],
        kept: Option<&[Vec<u8>]>,
    ) -> Result<(), StorageError> {
        self.run(|redb| {
            let write = redb.begin_write()?;
            if let Some(kept) = kept {
                write.delete_table(TAKEN_BACK)?;
                let mut table = write.open_table(TAKEN_BACK)?;
                for (position, row) in (0..).zip(kept) {
                    table.insert(position, row.as_slice())?;
                }
            }
            {
                let lost = number + 1..;
                let mut numbers = write.open_table(NUMBERS)?;
                numbers.retain(|_, block| block <= number)?;
                let mut transactions = write.open_table(TRANSACTIONS)?;
                transactions.retain(|_, (block, _)| block <= number)?;
                for table in [HEADERS, BODIES, RECEIPTS] {
                    let mut table = write.open_table(table)?;
                    table.retain_in(lost.clone(), |_, _| false)?;
                }
                Nodes::open(&write)?.release(gone)?;
                let mut tags = write.open_table(TAGS)?;
                for tag in [Tag::Safe, Tag::Finalized, Tag::Irrevocable].map(Tag::key) {
                    if tags.get(tag)?.is_some_and(|block| block.value() > number) {
                        tags.insert(tag, number)?;
                    }
                }
                let mut meta = write.open_table(META)?;
                let rewinds = number_in(&meta, META_REWINDS)?.unwrap_or(0) + 1;
                meta.insert(META_REWINDS, rewinds.to_be_bytes().as_slice())?;
            }
            write.commit()?;
            Ok(())
        })
    }

    /// How often blocks were taken back.
    pub(super) fn rewinds(&self) -> Result<u64, StorageError> {
        self.run(|redb| {
            let meta = redb.begin_read()?.open_table(META)?;
            Ok(number_in(&meta, META_REWINDS)?.unwrap_or(0))
        })
    }

    /// What was taken back, in its order.
    pub(super) fn taken_back(&self) -> Result<Vec<Vec<u8>>, StorageError> {
        self.run(|redb| {
            let table = match redb.begin_read()?.open_table(TAKEN_BACK) {
                Ok(table) => table,
                Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
                Err(error) => return Err(error.into()),
            };
            let rows = table.iter()?;
            rows.map(|row| Ok(row?.1.value().to_vec())).collect()
        })
    }

    pub(super) fn forget_taken_back(&self) -> Result<(), StorageError> {
        self.run(|redb| {
            let write = redb.begin_write()?;
            write.delete_table(TAKEN_BACK)?;
            write.commit()?;
            Ok(())
        })
    }

    pub(super) fn set_tag(&self, tag: &'static str, number: u64) -> Result<(), StorageError> {
        self.run(|redb| {
            let write = redb.begin_write()?;
            write.open_table(TAGS)?.insert(tag, number)?;
            write.commit()?;
            Ok(())
        })
    }

    pub(super) fn tag(&self, tag: &'static str) -> Result<Option<u64>, StorageError> {
        self.run(|redb| {
            Ok(redb
                .begin_read()?
                .open_table(TAGS)?
                .get(tag)?
                .map(|number| number.value()))
        })
    }

    /// Number of the newest block.
    pub(super) fn last_number(&self) -> Result<u64, StorageError> {
        self.run(|redb| {
            let headers = redb.begin_read()?.open_table(HEADERS)?;
            let last = headers.last()?.ok_or_else(|| corrupt("no header"))?;
            Ok(last.0.value())
        })
    }

    pub(super) fn header(&self, number: u64) -> Result<Option<Vec<u8>>, StorageError> {
        self.by_number(HEADERS, number)
    }

    pub(super) fn body(&self, number: u64) -> Result<Option<Vec<u8>>, StorageError> {
        self.by_number(BODIES, number)
    }

    pub(super) fn receipts(&self, number: u64) -> Result<Option<Vec<u8>>, StorageError> {
        self.by_number(RECEIPTS, number)
    }

    pub(super) fn number(&self, block: &B256) -> Result<Option<u64>, StorageError> {
        self.run(|redb| {
            Ok(redb
                .begin_read()?
                .open_table(NUMBERS)?
                .get(&block.0)?
                .map(|number| number.value()))
        })
    }

    pub(super) fn transaction(&self, hash: &B256) -> Result<Option<(u64, u32)>, StorageError> {
        self.run(|redb| {
            Ok(redb
                .begin_read()?
                .open_table(TRANSACTIONS)?
                .get(&hash.0)?
                .map(|place| place.value()))
        })
    }

    pub(super) fn node(&self, hash: &B256) -> Result<Option<Bytes>, StorageError> {
        self.by_hash(NODES, hash)
    }

    /// Number of trie nodes.
    pub(super) fn node_count(&self) -> Result<u64, StorageError> {
        self.run(|redb| Ok(redb.begin_read()?.open_table(NODES)?.len()?))
    }

    /// How often each node is held.
    #[cfg(test)]
    pub(super) fn holds(&self) -> Result<std::collections::BTreeMap<B256, u64>, StorageError> {
        self.run(|redb| {
            let read = redb.begin_read()?;
            let mut holds = std::collections::BTreeMap::new();
            for row in read.open_table(NODES)?.iter()? {
                holds.insert(B256::from(row?.0.value()), 1);
            }
            for row in read.open_table(HOLDS)?.iter()? {
                let (hash, held) = row?;
                holds.insert(B256::from(hash.value()), held.value());
            }
            Ok(holds)
        })
    }

    pub(super) fn code(&self, hash: &B256) -> Result<Option<Bytes>, StorageError> {
        self.by_hash(CODES, hash)
    }

    fn by_number(
        &self,
        table: TableDefinition<u64, &[u8]>,
        number: u64,
    ) -> Result<Option<Vec<u8>>, StorageError> {
        self.run(|redb| {
            Ok(redb
                .begin_read()?
                .open_table(table)?
                .get(number)?
                .map(|bytes| bytes.value().to_vec()))
        })
    }

    fn by_hash(
        &self,
        table: TableDefinition<'_, &'static [u8; 32], &'static [u8]>,
        hash: &B256,
    ) -> Result<Option<Bytes>, StorageError> {
        self.run(|redb| value_of(&redb.begin_read()?.open_table(table)?, hash))
    }

    /// Trie nodes and codes as they are now.
    pub(super) fn nodes_and_codes(&self) -> Result<(ByHash, ByHash), StorageError> {
        self.run(|redb| {
            let read = redb.begin_read()?;
            Ok((read.open_table(NODES)?, read.open_table(CODES)?))
        })
    }

    /// A value of one of [`Self::nodes_and_codes`].
    pub(super) fn look_up(
        &self,
        table: &ByHash,
        hash: &B256,
    ) -> Result<Option<Bytes>, StorageError> {
        self.run(|_| value_of(table, hash))
    }
}

fn value_of(table: &ByHash, hash: &B256) -> Result<Option<Bytes>, StorageError> {
    let value = table.get(&hash.0)?;
    Ok(value.map(|bytes| Bytes::copy_from_slice(bytes.value())))
}

/// A number in [`META`].
fn number_in(
    meta: &impl ReadableTable<&'static str, &'static [u8]>,
    key: &str,
) -> Result<Option<u64>, StorageError> {
    let Some(bytes) = meta.get(key)? else {
        return Ok(None);
    };
    let bytes = bytes.value().try_into();
    let bytes = bytes.map_err(|_| corrupt(format!("{key} is no number")))?;
    Ok(Some(u64::from_be_bytes(bytes)))
}

fn identity(redb: &Redb) -> Result<Option<(u64, B256)>, StorageError> {
    let read = redb.begin_read()?;
    let meta = match read.open_table(META) {
        Ok(meta) => meta,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let schema = number_in(&meta, META_SCHEMA)?.ok_or_else(|| corrupt("no schema version"))?;
    let genesis = meta
        .get(META_GENESIS)?
        .ok_or_else(|| corrupt("no genesis hash"))?;
    let genesis = B256::try_from(genesis.value()).map_err(|_| corrupt("genesis hash"))?;
    Ok(Some((schema, genesis)))
}
