//! The databases, each used as the chain uses its own.

use std::{path::Path, thread::sleep, time::Duration};

use eyre::WrapErr;
use fjall::{KeyspaceCreateOptions, PersistMode};
use redb::{ReadableDatabase, TableDefinition};

use crate::nodes::{Hash, in_runs, value};

/// Page or block cache: that of the chain's file.
const CACHE_BYTES: usize = 128 << 20;
/// Name of the nodes.
const NODES: &str = "nodes";
/// Nodes that fjall takes at once when it is filled: a batch of it lies in memory.
const BATCH: usize = 100_000;
/// Pause between looks at what fjall's threads do.
const LOOK: Duration = Duration::from_millis(200);

/// A map from hashes to nodes, on disk.
pub trait Store {
    /// Adds the nodes of numbers below `count`; they are on disk, and nothing is left to be done for them, when this returns. Tells `progress` now and then.
    fn fill(&mut self, count: u64, progress: impl Fn(u64)) -> eyre::Result<()>;

    /// The nodes under these hashes, as one reader sees them.
    fn read(&self, hashes: &[Hash]) -> eyre::Result<Vec<Option<Vec<u8>>>>;

    /// Adds nodes and deletes others in one transaction that is on disk when this returns.
    ///
    /// As the chain does, it asks of each new node whether it was there: that is counted. It says how many were.
    fn write(&mut self, new: &[(Hash, Vec<u8>)], gone: &[Hash]) -> eyre::Result<u64>;
}

/// redb: a B-tree that is copied where it changes, in one file.
pub struct Redb(redb::Database);

const TABLE: TableDefinition<&Hash, &[u8]> = TableDefinition::new(NODES);

impl Redb {
    /// A new one in `dir`.
    pub fn create(dir: &Path) -> eyre::Result<Self> {
        let mut builder = redb::Builder::new();
        builder.set_cache_size(CACHE_BYTES);
        let database = builder.create(dir.join("nodes.redb"));
        Ok(Self(database.wrap_err("cannot create redb's file")?))
    }

    fn begin(&self) -> eyre::Result<redb::WriteTransaction> {
        let mut write = self.0.begin_write()?;
        write.set_quick_repair(true);
        Ok(write)
    }
}

impl Store for Redb {
    /// In one transaction, as the chain writes its first block.
    fn fill(&mut self, count: u64, progress: impl Fn(u64)) -> eyre::Result<()> {
        let write = self.begin()?;
        {
            let mut nodes = write.open_table(TABLE)?;
            for (done, (hash, number)) in in_runs(count).flatten().enumerate() {
                nodes.insert(&hash, value(number).as_slice())?;
                progress(done as u64);
            }
        }
        Ok(write.commit()?)
    }

    fn read(&self, hashes: &[Hash]) -> eyre::Result<Vec<Option<Vec<u8>>>> {
        let nodes = self.0.begin_read()?.open_table(TABLE)?;
        let found = hashes.iter().map(|hash| {
            let node = nodes.get(hash)?;
            Ok(node.map(|node| node.value().to_vec()))
        });
        found.collect()
    }

    fn write(&mut self, new: &[(Hash, Vec<u8>)], gone: &[Hash]) -> eyre::Result<u64> {
        let write = self.begin()?;
        let mut known = 0;
        {
            let mut nodes = write.open_table(TABLE)?;
            for (hash, node) in new {
                known += u64::from(nodes.insert(hash, node.as_slice())?.is_some());
            }
            for hash in gone {
                nodes.remove(hash)?;
            }
        }
        write.commit()?;
        Ok(known)
    }
}

/// fjall: a log-structured merge tree, in a folder of files that threads of its own merge.
pub struct Fjall {
    database: fjall::Database,
    nodes: fjall::Keyspace,
}

impl Fjall {
    /// A new one in `dir`.
    pub fn create(dir: &Path) -> eyre::Result<Self> {
        let database = fjall::Database::builder(dir).cache_size(CACHE_BYTES as u64);
        let database = database.open().wrap_err("cannot create fjall's folder")?;
        let nodes = database.keyspace(NODES, KeyspaceCreateOptions::default)?;
        Ok(Self { database, nodes })
    }

    /// Waits until its threads have nothing to do, so that blocks do not pay for what was before them.
    fn settle(&self) {
        let mut merged = None;
        loop {
            let now = self.database.compactions_completed();
            let is_busy =
                self.database.outstanding_flushes() > 0 || self.database.active_compactions() > 0;
            if !is_busy && merged == Some(now) {
                return;
            }
            merged = Some(now);
            sleep(LOOK);
        }
    }
}

impl Store for Fjall {
    fn fill(&mut self, count: u64, progress: impl Fn(u64)) -> eyre::Result<()> {
        let mut done = 0;
        for run in in_runs(count) {
            for part in run.chunks(BATCH) {
                let mut batch = self.database.batch();
                for (hash, number) in part {
                    batch.insert(&self.nodes, *hash, value(*number));
                }
                batch.commit()?;
                done += part.len() as u64;
                progress(done);
            }
        }
        self.database.persist(PersistMode::SyncAll)?;
        self.settle();
        Ok(())
    }

    fn read(&self, hashes: &[Hash]) -> eyre::Result<Vec<Option<Vec<u8>>>> {
        let found = hashes.iter().map(|hash| {
            let node = self.nodes.get(hash)?;
            Ok(node.map(|node| node.to_vec()))
        });
        found.collect()
    }

    fn write(&mut self, new: &[(Hash, Vec<u8>)], gone: &[Hash]) -> eyre::Result<u64> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        let mut known = 0;
        for (hash, node) in new {
            known += u64::from(self.nodes.contains_key(hash)?);
            batch.insert(&self.nodes, *hash, node.as_slice());
        }
        for hash in gone {
            batch.remove(&self.nodes, *hash);
        }
        batch.commit()?;
        Ok(known)
    }
}
