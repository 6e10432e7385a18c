//! Durable state of the sequencer, the coordinator and the roller, behind one cloneable handle.
//!
//! Model: a folder with one SQLite database (`rollmill.sqlite`: small, transactional facts) and one folder of
//! content-addressed files (`objects/`: witnesses and proofs, named by the keccak256 of their bytes).
//!
//! Rules:
//! - what a method has returned `Ok` for survives `kill -9` and a power cut (WAL with `synchronous = FULL`; files are
//!   fsynced before they get their name);
//! - facts that are written once (sends, submissions, events, nonces) are refused a second time, with what is already
//!   there, so that every caller can be repeated after a crash;
//! - objects are verified when they are read: a rotten file is an error, never content;
//! - the schema has a version; a database written by a newer version is refused.

mod batches;
mod cursors;
mod error;
mod event_log;
mod l1_messages;
mod l1_sends;
mod nonces;
mod objects;
mod row;
mod submissions;

use std::{path::Path, time::Duration};

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

pub use batches::{BatchRecord, BatchState, L1Place};
pub use error::{Kind, ObjectError, OpenError, StoreError};
pub use event_log::{EventRecord, genesis_hash, next_event_hash};
pub use l1_sends::{L1Attempt, L1Send, L1SendState};
pub use objects::{ObjectWriter, Objects, StoredObject};
pub use submissions::{Recorded, SubmissionRecord, Verdict};

/// Connections of one process: SQLite has one writer at a time, the others read beside it.
const CONNECTIONS_MAX: u32 = 4;

/// How long a writer waits for another writer before the operation fails with [`Kind::Retry`].
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Handle to the durable state; clones share the same connections.
#[derive(Clone, Debug)]
pub struct Store {
    pool: SqlitePool,
    objects: Objects,
}

/// The steps that lead to the schema, oldest first. A step that was released never changes.
fn migrations() -> Migrator {
    let step = |version, name: &'static str, sql: &'static str| {
        let sql = sql.into_sql_str();
        Migration::new(version, name.into(), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(vec![
        step(1, "init", include_str!("../migrations/0001_init.sql")),
        step(
            2,
            "batch l1",
            include_str!("../migrations/0002_batch_l1.sql"),
        ),
    ])
}

impl Store {
    /// Opens the store in `folder`, creating it and bringing its schema up to date where needed.
    ///
    /// # Errors
    /// [`OpenError`] when the folder cannot be written, the database is not ours or was written by a newer version.
    pub async fn open(folder: impl AsRef<Path>) -> Result<Self, OpenError> {
        let folder = folder.as_ref();
        std::fs::create_dir_all(folder).map_err(|source| OpenError::Folder {
            folder: folder.to_owned(),
            source,
        })?;
        let objects =
            Objects::open(folder.join("objects")).map_err(|source| OpenError::Folder {
                folder: folder.to_owned(),
                source,
            })?;
        let options = SqliteConnectOptions::new()
            .filename(folder.join("rollmill.sqlite"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .connect_with(options)
            .await
            .map_err(OpenError::Connect)?;
        migrations().run(&pool).await.map_err(OpenError::Migrate)?;
        Ok(Self { pool, objects })
    }

    /// The content-addressed files of this store.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// Closes all connections; later operations fail. What was acknowledged is durable without it.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
