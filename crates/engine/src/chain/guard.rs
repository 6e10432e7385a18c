//! What redb says of a file that is not as it wrote it.
//!
//! redb has a checksum for every page, and looks at it when somebody asks for a check of the whole file, or when it has to
//! repair a file; not when it opens one in the ordinary way, nor when it reads. A page that the disk gives back otherwise than it was
//! written can make it panic then. Everything that is done with such a file is done through here, so that this is an
//! error like any other: the task that met it ends with a sentence that names the file.
//!
//! It is no check: a page that still reads like one is believed. What a sequencer commits was proven from its witness before.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use super::{StorageError, corrupt};

/// Runs `work` on the file at `path`: that redb cannot read a page is an error that names the file, also where redb panics.
pub(super) fn guarded<T>(
    path: &Path,
    work: impl FnOnce() -> Result<T, StorageError>,
) -> Result<T, StorageError> {
    let damaged = |what: &str| corrupt(format!("{}: {what}", path.display()));
    // redb looks after what a panic leaves behind: the next opening finds the pages of a transaction that was cut off.
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Err(StorageError::Database(error))) => Err(match *error {
            redb::Error::Corrupted(what) => damaged(&what),
            other => StorageError::Database(Box::new(other)),
        }),
        Ok(done) => done,
        Err(panic) => Err(damaged(words_of(&*panic))),
    }
}

fn words_of(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    let words = owned.or_else(|| panic.downcast_ref::<&str>().copied());
    words.unwrap_or("redb panicked")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn said(work: impl FnOnce() -> Result<u8, StorageError>) -> String {
        guarded(Path::new("a/chain.redb"), work)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn what_is_wrong_with_pages_names_the_file_and_nothing_else_does() {
        let done = guarded(Path::new("a/chain.redb"), || Ok(7));
        assert_eq!(done.unwrap(), 7);
        let of_redb = |error: redb::Error| said(|| Err(StorageError::Database(Box::new(error))));
        let page = "the database is damaged: a/chain.redb: page 3";
        assert_eq!(said(|| panic!("page 3")), page);
        let number = 3;
        assert_eq!(said(|| panic!("page {number}")), page);
        assert_eq!(of_redb(redb::Error::Corrupted("page 3".into())), page);
        let full = redb::Error::Io(std::io::ErrorKind::StorageFull.into());
        assert_eq!(of_redb(full), "the database failed");
    }
}
