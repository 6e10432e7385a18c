//! The mempool's memory on disk: raw transactions that were acknowledged and are not known to be in a block, and since when.
//!
//! Model: one redb file, one writing thread. The thread takes everything that waits in its channel, writes it in **one**
//! transaction, and answers when that is on disk: under load many acknowledgements share one flush.
//! Removing is housekeeping only: a transaction that is in a block is recognised by its nonce when the file is read again. So it
//! flushes nothing by itself, and goes with the next transaction that is written.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    thread::JoinHandle,
};

use alloy_primitives::{B256, Bytes};
use redb::{Database, DatabaseError, ReadableTable, TableDefinition};
use rollmill_engine::{StorageError, chain::File};
use tokio::sync::{mpsc, oneshot};

/// transaction hash -> raw EIP-2718 bytes.
const TRANSACTIONS: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("transactions");
/// transaction hash -> when it arrived, Unix seconds.
const ARRIVALS: TableDefinition<&[u8; 32], u64> = TableDefinition::new("arrivals");

/// Commands that may wait, and so the most that share one flush. Beyond it, clients wait for the disk.
const QUEUE: usize = 1024;

/// Removals that may wait for a transaction to go with. After a kill so many are read in vain.
const REMOVALS_WAITING_MAX: usize = 1024;

/// The pool is small; redb's default of 1 GiB is for other things.
const CACHE_BYTES: usize = 16 << 20;

/// The journal's file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process has it open.
    #[error("{0} is in use by another process")]
    InUse(String),
    /// The disk failed, or the file is damaged.
    #[error("the mempool's journal {} failed", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: StorageError,
    },
    /// The thread could not be started.
    #[error("cannot start the journal's thread")]
    Thread(#[from] std::io::Error),
}

/// An acknowledged transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) hash: B256,
    /// EIP-2718 bytes.
    pub(crate) raw: Bytes,
    /// When it arrived, Unix seconds.
    pub(crate) since_unix_s: u64,
}

enum Command {
    Add {
        transaction: Kept,
        done: oneshot::Sender<()>,
    },
    Remove(Vec<B256>),
}

/// Handle on the writing thread. Dropping it waits until everything is written.
#[derive(Debug)]
pub struct Journal {
    commands: Option<mpsc::Sender<Command>>,
    thread: Option<JoinHandle<()>>,
}

impl Journal {
    /// Opens or creates the journal at `path` and reads what it holds. What has no time of arrival gets `now_unix_s`.
    /// Blocks the thread.
    pub(crate) fn open(path: &Path, now_unix_s: u64) -> Result<(Self, Vec<Kept>), JournalError> {
        let failed = |source| JournalError::Database {
            path: path.to_path_buf(),
            source,
        };
        let file = match File::open(path, CACHE_BYTES).map_err(failed)? {
            Ok(file) => file,
            Err(DatabaseError::DatabaseAlreadyOpen) => {
                return Err(JournalError::InUse(path.display().to_string()));
            }
            Err(error) => return Err(failed(error.into())),
        };
        let kept = file.run(|database| read(database, now_unix_s));
        let kept = kept.map_err(failed)?;
        let (commands, waiting) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("mempool-journal".to_owned())
            .spawn(move || write_all(&file, waiting))?;
        Ok((
            Self {
                commands: Some(commands),
                thread: Some(thread),
            },
            kept,
        ))
    }

    /// Writes a transaction; `true` when it is on disk, `false` when the journal has ended.
    pub(crate) async fn add(&self, transaction: Kept) -> bool {
        let (done, written) = oneshot::channel();
        let Some(commands) = &self.commands else {
            return false;
        };
        commands
            .send(Command::Add { transaction, done })
            .await
            .is_ok()
            && written.await.is_ok()
    }

    /// The same for a thread that may wait, which the runtime's may not.
    pub(crate) fn add_blocking(&self, transaction: Kept) -> bool {
        let (done, written) = oneshot::channel();
        let Some(commands) = &self.commands else {
            return false;
        };
        let command = Command::Add { transaction, done };
        commands.blocking_send(command).is_ok() && written.blocking_recv().is_ok()
    }

    /// Forgets transactions, at some time soon. A full queue drops the request: the next start cleans up.
    pub fn remove(&self, hashes: Vec<B256>) {
        if let Some(commands) = &self.commands
            && !hashes.is_empty()
        {
            let _ = commands.try_send(Command::Remove(hashes));
        }
    }

    /// Completes when the thread has ended, which it only does when the disk failed.
    pub async fn ended(&self) {
        if let Some(commands) = &self.commands {
            commands.closed().await;
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was printed where it happened, and nobody waits for its acknowledgements any more.
            let _ = thread.join();
        }
    }
}

fn write_all(file: &File, mut waiting: mpsc::Receiver<Command>) {
    let mut removed = HashSet::new();
    loop {
        let first = waiting.blocking_recv();
        let is_end = first.is_none();
        let mut added = Vec::new();
        let mut sort = |command| match command {
            Command::Add { transaction, done } => {
                // Removed earlier, and sent again.
                removed.remove(&transaction.hash);
                added.push((transaction, done));
            }
            Command::Remove(hashes) => removed.extend(hashes),
        };
        first.into_iter().for_each(&mut sort);
        let more = std::iter::from_fn(|| waiting.try_recv().ok());
        more.take(QUEUE).for_each(&mut sort);
        if is_end || !added.is_empty() || removed.len() > REMOVALS_WAITING_MAX {
            let rows = added.iter().map(|(transaction, _)| transaction);
            if let Err(error) = file.run(|database| write(database, rows, &removed)) {
                // Closing the channel tells everybody: no acknowledgement, and the process ends.
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "mempool.journal_failed"
                );
                return;
            }
            removed.clear();
        }
        for (_, done) in added {
            // A client that went away does not need its acknowledgement.
            let _ = done.send(());
        }
        if is_end {
            return;
        }
    }
}

fn read(database: &Database, now_unix_s: u64) -> Result<Vec<Kept>, StorageError> {
    let mut kept = Vec::new();
    let write = database.begin_write()?;
    {
        let transactions = write.open_table(TRANSACTIONS)?;
        let mut arrivals = write.open_table(ARRIVALS)?;
        for entry in transactions.iter()? {
            let (hash, raw) = entry?;
            let known = arrivals.get(hash.value())?.map(|since| since.value());
            if known.is_none() {
                arrivals.insert(hash.value(), now_unix_s)?;
            }
            kept.push(Kept {
                hash: B256::from(*hash.value()),
                raw: Bytes::copy_from_slice(raw.value()),
                since_unix_s: known.unwrap_or(now_unix_s),
            });
        }
    }
    write.commit()?;
    Ok(kept)
}

/// What is in both was removed after it was added.
fn write<'a>(
    database: &Database,
    added: impl Iterator<Item = &'a Kept>,
    removed: &HashSet<B256>,
) -> Result<(), StorageError> {
    let write = database.begin_write()?;
    {
        let mut transactions = write.open_table(TRANSACTIONS)?;
        let mut arrivals = write.open_table(ARRIVALS)?;
        for kept in added {
            transactions.insert(&kept.hash.0, kept.raw.as_ref())?;
            arrivals.insert(&kept.hash.0, kept.since_unix_s)?;
        }
        for hash in removed {
            transactions.remove(&hash.0)?;
            arrivals.remove(&hash.0)?;
        }
    }
    write.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn kept(byte: u8) -> Kept {
        Kept {
            hash: B256::repeat_byte(byte),
            raw: Bytes::from(vec![byte; 5]),
            since_unix_s: 1_000 + u64::from(byte),
        }
    }

    #[tokio::test]
    async fn what_was_acknowledged_is_there_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mempool.redb");
        let (journal, found) = Journal::open(&path, 5).unwrap();
        assert!(found.is_empty());
        for byte in 1..=3 {
            assert!(journal.add(kept(byte)).await);
        }
        journal.remove(vec![kept(2).hash]);
        assert!(matches!(
            Journal::open(&path, 5),
            Err(JournalError::InUse(_))
        ));
        drop(journal);
        let (_journal, found) = Journal::open(&path, 5).unwrap();
        assert_eq!(found, [kept(1), kept(3)]);
    }

    #[test]
    fn a_transaction_without_a_time_gets_one_and_keeps_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mempool.redb");
        let old = Database::create(&path).unwrap();
        let write = old.begin_write().unwrap();
        let mut table = write.open_table(TRANSACTIONS).unwrap();
        table.insert(&kept(1).hash.0, kept(1).raw.as_ref()).unwrap();
        drop(table);
        write.commit().unwrap();
        drop(old);
        for now in [7, 8] {
            let (_, found) = Journal::open(&path, now).unwrap();
            assert_eq!(found[0].since_unix_s, 7);
        }
    }

    #[tokio::test]
    async fn what_was_removed_and_sent_again_is_there_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mempool.redb");
        let (journal, _) = Journal::open(&path, 5).unwrap();
        assert!(journal.add(kept(1)).await);
        journal.remove(vec![kept(1).hash]);
        assert!(journal.add(kept(1)).await);
        drop(journal);
        let (_journal, found) = Journal::open(&path, 5).unwrap();
        assert_eq!(found, [kept(1)]);
    }

    #[test]
    fn a_scratched_page_is_an_error_that_names_the_file() {
        const PAGE_BYTES: usize = 4_096;
        let dir = tempfile::tempdir().unwrap();
        let whole = dir.path().join("whole.redb");
        let (journal, _) = Journal::open(&whole, 5).unwrap();
        for byte in 1..=9 {
            assert!(journal.add_blocking(kept(byte)));
        }
        drop(journal);
        let bytes = std::fs::read(&whole).unwrap();
        let mut noticed = 0;
        // Behind the head of the file; pages that were never written are zero.
        for (page, content) in bytes.chunks(PAGE_BYTES).enumerate().skip(1) {
            if content.iter().all(|byte| *byte == 0) {
                continue;
            }
            let path = dir.path().join(format!("scratched-{page}.redb"));
            let mut scratched = bytes.clone();
            scratched[page * PAGE_BYTES..][..content.len()].fill(0xff);
            std::fs::write(&path, scratched).unwrap();
            match Journal::open(&path, 5) {
                Err(error) => {
                    let expected = format!("the mempool's journal {} failed", path.display());
                    assert_eq!(error.to_string(), expected);
                    noticed += 1;
                }
                // What cannot be written is not acknowledged.
                Ok((journal, _)) => drop(journal.add_blocking(kept(10))),
            }
        }
        assert!(noticed >= 2, "{noticed}");
    }
}
