//! The mempool's memory on disk: raw transactions that were acknowledged and are not known to be in a block.
//!
//! Model: one redb file, one writing thread. The thread takes everything that waits in its channel, writes it in **one**
//! transaction, and answers when that is on disk: under load many acknowledgements share one flush.
//! Removing is housekeeping only: a transaction that is in a block is recognised by its nonce when the file is read again.

use std::{path::Path, thread::JoinHandle};

use alloy_primitives::{B256, Bytes};
use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition};
use tokio::sync::{mpsc, oneshot};

/// transaction hash -> raw EIP-2718 bytes.
const TRANSACTIONS: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("transactions");

/// Commands that may wait, and so the most that share one flush. Beyond it, clients wait for the disk.
const QUEUE: usize = 1024;

/// The pool is small; redb's default of 1 GiB is for other things.
const CACHE_BYTES: usize = 16 << 20;

/// The journal's file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process has it open.
    #[error("{0} is in use by another process")]
    InUse(String),
    /// The disk failed, or the file is damaged.
    #[error("mempool journal: {0}")]
    Database(#[source] Box<redb::Error>),
    /// The thread could not be started.
    #[error("cannot start the journal's thread")]
    Thread(#[from] std::io::Error),
}

macro_rules! from_redb {
    ($($error:ty),*) => {$(
        impl From<$error> for JournalError {
            fn from(error: $error) -> Self {
                Self::Database(Box::new(error.into()))
            }
        }
    )*};
}
from_redb!(
    redb::TransactionError,
    redb::TableError,
    redb::StorageError,
    redb::CommitError
);

enum Command {
    Add {
        hash: B256,
        raw: Bytes,
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
    /// Opens or creates the journal at `path` and reads what it holds. Blocks the thread.
    pub fn open(path: &Path) -> Result<(Self, Vec<(B256, Bytes)>), JournalError> {
        let database = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .create(path)
            .map_err(|error| match error {
                DatabaseError::DatabaseAlreadyOpen => {
                    JournalError::InUse(path.display().to_string())
                }
                other => JournalError::Database(Box::new(other.into())),
            })?;
        let write = database.begin_write()?;
        write.open_table(TRANSACTIONS)?;
        write.commit()?;
        let mut kept = Vec::new();
        for entry in database.begin_read()?.open_table(TRANSACTIONS)?.iter()? {
            let (hash, raw) = entry?;
            kept.push((
                B256::from(*hash.value()),
                Bytes::copy_from_slice(raw.value()),
            ));
        }
        let (commands, waiting) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("mempool-journal".to_owned())
            .spawn(move || write_all(&database, waiting))?;
        Ok((
            Self {
                commands: Some(commands),
                thread: Some(thread),
            },
            kept,
        ))
    }

    /// Writes a transaction; `true` when it is on disk, `false` when the journal has ended.
    pub async fn add(&self, hash: B256, raw: Bytes) -> bool {
        let (done, written) = oneshot::channel();
        let Some(commands) = &self.commands else {
            return false;
        };
        commands
            .send(Command::Add { hash, raw, done })
            .await
            .is_ok()
            && written.await.is_ok()
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

fn write_all(database: &Database, mut waiting: mpsc::Receiver<Command>) {
    while let Some(first) = waiting.blocking_recv() {
        let mut commands = vec![first];
        while commands.len() < QUEUE
            && let Ok(next) = waiting.try_recv()
        {
            commands.push(next);
        }
        if let Err(error) = write(database, &commands) {
            // Closing the channel tells everybody: no acknowledgement, and the process ends.
            tracing::error!(%error, "mempool.journal_failed");
            return;
        }
        for command in commands {
            if let Command::Add { done, .. } = command {
                // A client that went away does not need its acknowledgement.
                let _ = done.send(());
            }
        }
    }
}

fn write(database: &Database, commands: &[Command]) -> Result<(), JournalError> {
    let write = database.begin_write()?;
    {
        let mut table = write.open_table(TRANSACTIONS)?;
        for command in commands {
            match command {
                Command::Add { hash, raw, .. } => {
                    table.insert(&hash.0, raw.as_ref())?;
                }
                Command::Remove(hashes) => {
                    for hash in hashes {
                        table.remove(&hash.0)?;
                    }
                }
            }
        }
    }
    write.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test]
    async fn what_was_acknowledged_is_there_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mempool.redb");
        let (journal, kept) = Journal::open(&path).unwrap();
        assert!(kept.is_empty());
        let hashes = [1, 2, 3].map(B256::repeat_byte);
        for hash in hashes {
            assert!(journal.add(hash, Bytes::copy_from_slice(&hash[..5])).await);
        }
        journal.remove(vec![hashes[1]]);
        assert!(matches!(Journal::open(&path), Err(JournalError::InUse(_))));
        drop(journal);
        let (_journal, kept) = Journal::open(&path).unwrap();
        assert_eq!(
            kept,
            [hashes[0], hashes[2]].map(|hash| (hash, Bytes::copy_from_slice(&hash[..5])))
        );
    }
}
