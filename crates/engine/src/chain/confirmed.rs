//! What was confirmed and is in no block yet, in a file of its own beside the chain's.
//!
//! Every receipt waits for it to be on disk. The chain's file flushes twice for each transaction and writes down which of its pages are free, so
//! that a large file opens at once after a kill; this one flushes once, and is small enough to be looked through.
//!
//! Nobody deletes a record: neither sealing the block nor taking blocks back writes two files. A record says what it continues, and is
//! one of the present as long as that is the newest block and nothing was taken back since ([`Beginning`]).

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use alloy_consensus::Header;
use alloy_rlp::{RlpDecodable, RlpEncodable};
use redb::{ReadableDatabase, ReadableTable, TableDefinition};

use super::{StorageError, corrupt, file::File, guard::guarded};

/// Its page cache: it holds one block.
const CACHE_BYTES: usize = 16 << 20;
/// 0 -> RLP of the block's [`Beginning`], n -> its n-th transaction and sender.
const OPEN: TableDefinition<u64, &[u8]> = TableDefinition::new("open");

/// What a block was begun with.
#[derive(Clone, Debug, RlpEncodable, RlpDecodable)]
pub(super) struct Beginning {
    /// How often the chain had been taken back before.
    pub rewinds: u64,
    /// It has no roots.
    pub header: Header,
}

/// The open block's beginning, and its transactions in their order.
pub(super) type OpenRecord = (Beginning, Vec<Vec<u8>>);

/// The file, which is made when something is confirmed: whoever follows another chain needs none.
pub(super) struct ConfirmedFile {
    path: PathBuf,
    file: Mutex<Option<File>>,
}

impl ConfirmedFile {
    /// That of the chain in the file at `chain`.
    pub(super) fn beside(chain: &Path) -> Self {
        Self {
            path: chain.with_extension("open.redb"),
            file: Mutex::new(None),
        }
    }

    fn run<T>(
        &self,
        work: impl FnOnce(&redb::Database) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if file.is_none() {
            let opened = guarded(&self.path, || Ok(File::open(&self.path, CACHE_BYTES)??));
            *file = Some(opened?);
        }
        file.as_ref().expect("it was opened above").run(work)
    }

    /// Writes what is new in the open block: how it was begun when it is a new one, and transactions by position, from 0. It is on
    /// disk when this returns.
    pub(super) fn write(
        &self,
        beginning: Option<&Beginning>,
        transactions: &[(u64, Vec<u8>)],
    ) -> Result<(), StorageError> {
        self.run(|redb| {
            let write = redb.begin_write()?;
            {
                if beginning.is_some() {
                    write.delete_table(OPEN)?;
                }
                let mut open = write.open_table(OPEN)?;
                if let Some(beginning) = beginning {
                    open.insert(0, alloy_rlp::encode(beginning).as_slice())?;
                }
                for (position, transaction) in transactions {
                    open.insert(position + 1, transaction.as_slice())?;
                }
            }
            Ok(write.commit()?)
        })
    }

    /// The record, of the present or not.
    pub(super) fn read(&self) -> Result<Option<OpenRecord>, StorageError> {
        if !self.path.exists() {
            return Ok(None);
        }
        self.run(|redb| {
            let open = match redb.begin_read()?.open_table(OPEN) {
                Ok(open) => open,
                // The process ended between making the file and writing to it.
                Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            let rows = open.iter()?;
            let mut rows = rows.map(|row| Ok(row?.1.value().to_vec()));
            let beginning: Option<Result<Vec<u8>, StorageError>> = rows.next();
            let Some(beginning) = beginning.transpose()? else {
                return Ok(None);
            };
            let beginning = alloy_rlp::decode_exact(&beginning)
                .map_err(|error| corrupt(format!("confirmed block: {error}")))?;
            Ok(Some((
                beginning,
                rows.collect::<Result<_, StorageError>>()?,
            )))
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::chain::example::scratched;

    #[test]
    fn a_scratched_page_is_an_error_that_names_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let chain = dir.path().join("chain.redb");
        let beginning = Beginning {
            rewinds: 1,
            header: Header::default(),
        };
        let transactions: Vec<_> = (0..9).map(|position| (position, vec![7; 900])).collect();
        ConfirmedFile::beside(&chain)
            .write(Some(&beginning), &transactions)
            .unwrap();
        let whole = ConfirmedFile::beside(&chain);
        assert_eq!(whole.read().unwrap().unwrap().1.len(), 9);
        drop(whole);
        let mut noticed = 0;
        for path in scratched(&dir.path().join("chain.open.redb")) {
            let file = ConfirmedFile {
                path: path.clone(),
                file: Mutex::default(),
            };
            let read = file.read().map(drop);
            let done = read.and_then(|()| file.write(None, &[(9, vec![7; 900])]));
            if let Err(error) = done {
                let said = error.to_string();
                assert!(said.contains(&path.display().to_string()), "{said}");
                noticed += 1;
            }
        }
        assert!(noticed >= 2, "{noticed}");
    }
}
