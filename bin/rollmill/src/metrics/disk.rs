//! What a node's directory takes, and what is left for it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rollmill_runtime::{
    free_bytes,
    metrics::{Family, Gauge, Labels, Registry, metric},
};
use rollmill_sequencer::MEMPOOL_FILE;

use super::set;
use crate::node::CHAIN_FILE;

/// Files of a data directory, by what is in them; a database's journal belongs to it.
const FILES: [(&str, &str); 4] = [
    ("chain", CHAIN_FILE),
    ("mempool", MEMPOOL_FILE),
    ("records", "rollmill.sqlite"),
    ("records_journal", "rollmill.sqlite-wal"),
];

/// The metrics of one directory.
#[derive(Debug)]
pub struct DiskMetrics {
    data_dir: PathBuf,
    databases: Family<Labels<1>, Gauge>,
    free: Gauge,
}

impl DiskMetrics {
    /// Registers them.
    pub fn new(data_dir: &Path, registry: &mut Registry) -> Self {
        let help = "Size of the databases in the data directory";
        let databases = metric(registry, ("database", "bytes"), help);
        let help = "What may still be written where the data directory is";
        let free = metric(registry, ("disk_free", "bytes"), help);
        Self {
            data_dir: data_dir.to_owned(),
            databases,
            free,
        }
    }

    /// Looks at the disk, and returns what is free on it, as far as the system tells.
    pub fn show(&self) -> Option<u64> {
        for (database, name) in FILES {
            let bytes = fs::metadata(self.data_dir.join(name)).map_or(0, |file| file.len());
            let shown = self.databases.get_or_create(&[("database", database)]);
            set(&shown, bytes);
        }
        let free = free_bytes(&self.data_dir);
        set(&self.free, free.unwrap_or_default());
        free
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn databases_and_free_space_are_those_of_the_data_directory() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(CHAIN_FILE), [0; 7]).unwrap();
        let disk = DiskMetrics::new(dir.path(), &mut Registry::default());
        assert!(disk.show().unwrap() > 0);
        let bytes = |name| disk.databases.get_or_create(&[("database", name)]).get();
        assert_eq!((bytes("chain"), bytes("mempool")), (7, 0));
        assert!(disk.free.get() > 0);
    }
}
