//! Errors of the store: each answers whose fault it is (see [`Kind`]).

use std::{io, path::PathBuf};

use alloy_primitives::B256;

/// What a caller should do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The caller asked for something impossible; repeating it will not help.
    Caller,
    /// The database was busy or out of connections; the same call may succeed later.
    Retry,
    /// The disk or the data is damaged; the process should stop.
    Stop,
}

/// The store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder or its object folder could not be created.
    #[error("cannot use the folder {folder}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The database file could not be opened.
    #[error("cannot open the database")]
    Connect(#[source] sqlx::Error),
    /// The schema could not be brought up to date, or is newer than this program.
    #[error("cannot bring the database's schema up to date (was it written by a newer version?)")]
    Migrate(#[source] sqlx::migrate::MigrateError),
}

/// An operation on the database failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite refused or failed.
    #[error("database operation failed")]
    Database(#[from] sqlx::Error),
    /// A value read from the database does not have the form that was written.
    #[error("column {column} holds a malformed value: {why}")]
    Malformed {
        /// Name of the column.
        column: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A number does not fit into the database's signed 64 bits.
    #[error("{column} = {value} does not fit the database's 63 bits")]
    OutOfRange {
        /// Name of the column.
        column: &'static str,
        /// The value.
        value: u64,
    },
    /// The hash chain of the event log does not hold.
    #[error("the event log is damaged at event {seq}: {why}")]
    BrokenLog {
        /// Sequence number of the first bad event.
        seq: u64,
        /// What does not fit.
        why: &'static str,
    },
    /// A fact that must exist does not.
    #[error("there is no {what}")]
    Missing {
        /// What was looked for.
        what: String,
    },
    /// A fact that is written once is there already with other content.
    #[error("{what} is recorded already with other content")]
    Conflict {
        /// What was to be written.
        what: String,
    },
}

impl StoreError {
    /// Whose fault it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Database(sqlx::Error::PoolTimedOut) => Kind::Retry,
            Self::Database(sqlx::Error::Database(error)) if is_busy(error.as_ref()) => Kind::Retry,
            Self::Database(_) | Self::Malformed { .. } | Self::BrokenLog { .. } => Kind::Stop,
            Self::OutOfRange { .. } | Self::Missing { .. } | Self::Conflict { .. } => Kind::Caller,
        }
    }
}

/// SQLITE_BUSY (5) and SQLITE_LOCKED (6), with their extended codes in the higher bits.
fn is_busy(error: &dyn sqlx::error::DatabaseError) -> bool {
    error
        .code()
        .and_then(|code| code.parse::<u32>().ok())
        .is_some_and(|code| matches!(code & 0xff, 5 | 6))
}

/// An operation on an object failed.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// The file system refused or failed.
    #[error("object file operation failed")]
    Io(#[from] io::Error),
    /// Nobody has stored an object of this hash.
    #[error("there is no object {hash}")]
    Missing {
        /// keccak256 of the wanted bytes.
        hash: B256,
    },
    /// The file's bytes do not hash to its name.
    #[error("object {hash} is damaged: its bytes hash to {actual}")]
    Corrupt {
        /// keccak256 that the file is named by.
        hash: B256,
        /// keccak256 of what it holds.
        actual: B256,
    },
    /// A writer was finished with bytes that hash to something else than was expected.
    #[error("expected content {expected}, received {actual}")]
    Unexpected {
        /// keccak256 of the wanted bytes.
        expected: B256,
        /// keccak256 of the received bytes.
        actual: B256,
    },
    /// More bytes than the writer's limit.
    #[error("object exceeds {bytes_max} bytes")]
    TooLarge {
        /// The limit.
        bytes_max: u64,
    },
}

impl ObjectError {
    /// Whose fault it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Io(_) | Self::Corrupt { .. } => Kind::Stop,
            Self::Missing { .. } | Self::Unexpected { .. } | Self::TooLarge { .. } => Kind::Caller,
        }
    }
}
