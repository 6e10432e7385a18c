//! A redb file: opened, used, and closed with errors that name it.

use std::path::{Path, PathBuf};

use redb::{Database as Redb, DatabaseError};

use super::{StorageError, guard::guarded};

/// An open file. Reads see the last committed transaction; at most one write runs at a time. A page that redb cannot read is an error
/// that names the file, also where redb panics.
#[derive(Debug)]
pub struct File {
    /// `None` only while it is dropped.
    redb: Option<Redb>,
    path: PathBuf,
}

impl Drop for File {
    /// Closing writes, too, and there is nobody to tell.
    fn drop(&mut self) {
        let redb = self.redb.take();
        let closed = guarded(&self.path, || {
            drop(redb);
            Ok(())
        });
        if let Err(error) = closed {
            tracing::error!(%error, "a database was not closed");
        }
    }
}

impl File {
    /// Opens or creates the file at `path`, with so much memory for its pages. Blocks the thread.
    ///
    /// # Errors
    /// The inner one is redb's answer, which tells whether somebody else has it open; the outer one is of a damaged page.
    pub fn open(
        path: &Path,
        cache_bytes: usize,
    ) -> Result<Result<Self, DatabaseError>, StorageError> {
        let mut builder = Redb::builder();
        builder.set_cache_size(cache_bytes);
        let opened = guarded(path, || Ok(builder.create(path)))?;
        Ok(opened.map(|redb| Self {
            redb: Some(redb),
            path: path.to_path_buf(),
        }))
    }

    /// Reads or writes. Blocks the thread.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn run<T>(
        &self,
        work: impl FnOnce(&Redb) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let redb = self.redb.as_ref().expect("it is there until it is dropped");
        guarded(&self.path, || work(redb))
    }
}
