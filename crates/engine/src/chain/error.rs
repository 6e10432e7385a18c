//! What goes wrong with the chain's file.

use alloy_primitives::B256;
use thiserror::Error;

use super::database::SCHEMA_VERSION;

/// A file of the chain does not answer: a full or broken disk or a damaged file, which is nothing the caller did; or it has forgotten
/// what was asked for.
#[derive(Debug, Error)]
pub enum StorageError {
    /// redb refused.
    #[error("the database failed")]
    Database(#[from] Box<redb::Error>),
    /// A record is there and cannot be decoded, or one that must be there is missing.
    #[error("the database is damaged: {0}")]
    Corrupt(String),
    /// The state was forgotten, or its block was taken back. The text begins as go-ethereum's does, which clients look for.
    #[error(
        "missing trie node: the state of block {number} is not available, this node has those of block {oldest} and later ones; \
         an archive node has all"
    )]
    Pruned {
        /// The block.
        number: u64,
        /// The oldest block whose state is there.
        oldest: u64,
    },
}

macro_rules! from_redb {
    ($($error:ty),*) => {$(
        impl From<$error> for StorageError {
            fn from(error: $error) -> Self {
                Self::Database(Box::new(error.into()))
            }
        }
    )*};
}
from_redb!(
    redb::DatabaseError,
    redb::TransactionError,
    redb::TableError,
    redb::StorageError,
    redb::CommitError
);

/// Why a database could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process (or this one) has the file open.
    #[error(
        "{path} is in use: another process is running on this data directory; stop it or choose another one"
    )]
    InUse {
        /// The file.
        path: String,
    },
    /// The file was written by another version of this program.
    #[error(
        "{path} has schema {found}, this program reads {SCHEMA_VERSION}; use a fresh data directory"
    )]
    Schema {
        /// The file.
        path: String,
        /// The version it carries.
        found: u64,
    },
    /// The file belongs to a chain with another genesis block.
    #[error(
        "{path} belongs to another chain: its genesis is {found}, this configuration's is {expected}"
    )]
    Genesis {
        /// The file.
        path: String,
        /// Hash of the genesis block in the file.
        found: B256,
        /// Hash of the genesis block of the configuration.
        expected: B256,
    },
    /// The file or its folder could not be created or opened.
    #[error("cannot open {path}")]
    Open {
        /// The file.
        path: String,
        /// The cause.
        source: Box<redb::Error>,
    },
    /// Building the genesis state failed.
    #[error("genesis state: {0}")]
    State(String),
    /// Reading or writing failed after the file was opened.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

pub(crate) fn corrupt(what: impl Into<String>) -> StorageError {
    StorageError::Corrupt(what.into())
}
