//! Ready files: a process that listens on port 0 tells its parent where, when it is really ready.

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

/// Writes `content` as JSON to `path` by an atomic rename: a reader sees nothing or all of it.
pub fn write_ready_file(path: &Path, content: &impl Serialize) -> Result<(), ReadyError> {
    let json = serde_json::to_vec_pretty(content)?;
    replace(path, &json).map_err(|source| ReadyError::Write {
        path: path.to_owned(),
        source,
    })
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
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
    fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::write_ready_file;

    #[test]
    fn ready_file_replaces_the_old_one_and_leaves_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sub/ready.json");
        write_ready_file(&path, &["127.0.0.1:1"]).unwrap();
        write_ready_file(&path, &["127.0.0.1:2"]).unwrap();
        let read: Vec<String> = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(read, ["127.0.0.1:2"]);
        assert_eq!(
            std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1
        );
    }
}
