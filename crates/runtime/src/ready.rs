//! Ready files: a process that listens on port 0 tells its parent where, when it is really ready. The file goes with the process.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;

/// A ready file could not be written; the parent would wait in vain, so the process should stop.
#[derive(Debug, thiserror::Error)]
pub enum ReadyError {
    /// The content has no JSON form (a programming error).
    #[error("the ready file's content has no JSON form")]
    Encode(#[from] serde_json::Error),
    /// The file system refused.
    #[error("cannot write the ready file {}", path.display())]
    Write {
        /// The path that was asked for.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
}

/// The place of a ready file, and the file once it is written. When this goes, the file goes, unless another process has written
/// its own there.
#[derive(Debug)]
pub struct ReadyFile {
    path: PathBuf,
    written: Option<Vec<u8>>,
}

impl ReadyFile {
    /// Makes sure that a file can be written at `path`, and removes what an earlier process left there: nobody shall take it
    /// for this one's.
    ///
    /// # Errors
    /// [`ReadyError::Write`].
    pub fn claim(path: &Path) -> Result<Self, ReadyError> {
        let claimed = fill(path, b"").and_then(fs::remove_file);
        let claimed = claimed.and_then(|()| match path.symlink_metadata() {
            Ok(old) if old.is_file() => fs::remove_file(path),
            _ => Ok(()),
        });
        claimed.map_err(|source| ReadyError::Write {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            written: None,
        })
    }

    /// Writes `content` as JSON by an atomic rename: a reader sees nothing or all of it.
    ///
    /// # Errors
    /// [`ReadyError`].
    pub fn write(&mut self, content: &impl Serialize) -> Result<(), ReadyError> {
        let json = serde_json::to_vec_pretty(content)?;
        let written = fill(&self.path, &json).and_then(|file| fs::rename(file, &self.path));
        written.map_err(|source| ReadyError::Write {
            path: self.path.clone(),
            source,
        })?;
        self.written = Some(json);
        Ok(())
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        if self.written.is_some() && fs::read(&self.path).ok() == self.written {
            // Somebody may have removed it meanwhile.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Writes a file beside `path`, and returns where.
fn fill(path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut name = path
        .file_name()
        .ok_or(io::ErrorKind::InvalidInput)?
        .to_owned();
    name.push(".tmp");
    let temporary = path.with_file_name(name);
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(temporary)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    use super::{ReadyError, ReadyFile};

    #[test]
    fn a_ready_file_replaces_the_old_one_and_goes_with_its_process() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sub/ready.json");
        let names = || fs::read_dir(path.parent().unwrap()).unwrap().count();
        fs::create_dir(path.parent().unwrap()).unwrap();
        fs::write(&path, "an earlier process's").unwrap();
        let mut ready = ReadyFile::claim(&path).unwrap();
        assert_eq!(names(), 0);
        ready.write(&["127.0.0.1:1"]).unwrap();
        ready.write(&["127.0.0.1:2"]).unwrap();
        let read: Vec<String> = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(
            (read.as_slice(), names()),
            (&["127.0.0.1:2".to_owned()][..], 1)
        );
        drop(ready);
        assert_eq!(names(), 0);
    }

    #[test]
    fn another_process_s_ready_file_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ready.json");
        let mut old = ReadyFile::claim(&path).unwrap();
        old.write(&["old"]).unwrap();
        let mut new = ReadyFile::claim(&path).unwrap();
        new.write(&["new"]).unwrap();
        drop(old);
        assert!(path.exists());
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named_at_once() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        let inside = dir.path().join("file/ready.json");
        let Err(error @ ReadyError::Write { .. }) = ReadyFile::claim(&inside) else {
            panic!("a file is no folder");
        };
        assert!(error.to_string().ends_with("file/ready.json"), "{error}");
    }
}
