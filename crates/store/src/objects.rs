//! Content-addressed files: the name is the keccak256 of the bytes, or for a proof its digest.
//!
//! Writing: a temporary file in the same folder, fsync, rename to the name, fsync of the folder. So a file that has a
//! name is complete; what a crash leaves behind are temporary files, which are removed at the next start.
//! Reading: the bytes are hashed again; a file that was damaged is an error.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use alloy_primitives::{B256, Bytes, Keccak256, keccak256};
use rollmill_protocol::ProofDigest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::ObjectError;

const TEMPORARY: &str = "tmp-";

/// Bytes read at once while a file is verified.
const CHUNK_BYTES: usize = 64 * 1024;

/// A folder of objects; clones share it.
#[derive(Clone, Debug)]
pub struct Objects {
    folder: Arc<PathBuf>,
    counter: Arc<AtomicU64>,
}

/// What was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// keccak256 of the bytes.
    pub hash: B256,
    /// How many bytes.
    pub bytes: u64,
}

impl Objects {
    /// Opens (and creates) a folder of objects and removes what unfinished writers left. One process at a time.
    pub fn open(folder: impl Into<PathBuf>) -> io::Result<Self> {
        let folder = folder.into();
        std::fs::create_dir_all(&folder)?;
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(Self {
            folder: Arc::new(folder),
            counter: Arc::default(),
        })
    }

    /// A folder that another process writes into: to read from only. Nothing is created or removed.
    pub fn of_another(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: Arc::new(folder.into()),
            counter: Arc::default(),
        }
    }

    /// Stores `bytes` and returns their hash. Storing the same bytes again is free.
    pub async fn put(&self, bytes: &[u8]) -> Result<B256, ObjectError> {
        let hash = keccak256(bytes);
        if matches!(self.get(hash).await, Ok(found) if found.len() == bytes.len()) {
            return Ok(hash);
        }
        let mut writer = self.writer(bytes.len() as u64).await?;
        writer.write(bytes).await?;
        Ok(writer.finish(Some(hash)).await?.hash)
    }

    /// Stores a proof and returns its digest. Storing the same proof again is free.
    pub async fn put_proof(&self, proof: &[u8]) -> Result<ProofDigest, ObjectError> {
        let digest = ProofDigest::of(proof);
        if self.proof(digest).await.is_ok() {
            return Ok(digest);
        }
        let mut writer = self.writer(proof.len() as u64).await?;
        writer.write(proof).await?;
        writer.publish(digest.0).await?;
        Ok(digest)
    }

    /// Starts an object of at most `bytes_max` bytes whose content arrives in pieces.
    pub async fn writer(&self, bytes_max: u64) -> Result<ObjectWriter, ObjectError> {
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        let path = self
            .folder
            .join(format!("{TEMPORARY}{}-{number}", std::process::id()));
        let file = tokio::fs::File::create(&path).await?;
        Ok(ObjectWriter {
            objects: self.clone(),
            file,
            temporary: Temporary(Some(path)),
            hasher: Keccak256::new(),
            bytes: 0,
            bytes_max,
        })
    }

    /// Whether there is an object of this name (its content is verified when it is read).
    pub async fn contains(&self, hash: B256) -> Result<bool, ObjectError> {
        Ok(tokio::fs::try_exists(self.path(hash)).await?)
    }

    /// Length of the object, if there is one.
    pub async fn length(&self, hash: B256) -> Option<u64> {
        tokio::fs::metadata(self.path(hash))
            .await
            .ok()
            .map(|metadata| metadata.len())
    }

    /// The object's bytes, verified.
    pub async fn get(&self, hash: B256) -> Result<Bytes, ObjectError> {
        let bytes = self.read(hash).await?;
        let actual = keccak256(&bytes);
        whole(hash, actual, bytes)
    }

    /// A proof's bytes, verified.
    pub async fn proof(&self, digest: ProofDigest) -> Result<Bytes, ObjectError> {
        let bytes = self.read(digest.0).await?;
        let actual = ProofDigest::of(&bytes).0;
        whole(digest.0, actual, bytes)
    }

    async fn read(&self, name: B256) -> Result<Vec<u8>, ObjectError> {
        let read = tokio::fs::read(self.path(name)).await;
        read.map_err(|error| missing_or_io(error, name))
    }

    /// A file positioned at the start of the object and its length; the content was verified piece by piece just
    /// before, so that large objects are served without being held in memory.
    pub async fn open_verified(&self, hash: B256) -> Result<(tokio::fs::File, u64), ObjectError> {
        let path = self.path(hash);
        let mut file = tokio::fs::File::open(&path)
            .await
            .map_err(|error| missing_or_io(error, hash))?;
        let (mut hasher, mut bytes) = (Keccak256::new(), 0u64);
        let mut chunk = vec![0u8; CHUNK_BYTES];
        loop {
            let read = file.read(&mut chunk).await?;
            if read == 0 {
                break;
            }
            hasher.update(&chunk[..read]);
            bytes += read as u64;
        }
        let actual = hasher.finalize();
        if actual != hash {
            return Err(ObjectError::Corrupt { hash, actual });
        }
        use tokio::io::AsyncSeekExt;
        file.rewind().await?;
        Ok((file, bytes))
    }

    /// Removes an object; fine when there is none.
    pub async fn remove(&self, hash: B256) -> Result<(), ObjectError> {
        match tokio::fs::remove_file(self.path(hash)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn path(&self, hash: B256) -> PathBuf {
        self.folder.join(format!("{hash:x}"))
    }
}

/// The bytes, if they are what they are named after.
fn whole(hash: B256, actual: B256, bytes: Vec<u8>) -> Result<Bytes, ObjectError> {
    if actual != hash {
        return Err(ObjectError::Corrupt { hash, actual });
    }
    Ok(bytes.into())
}

/// An object that is being written; dropped unfinished it leaves nothing.
#[derive(Debug)]
pub struct ObjectWriter {
    objects: Objects,
    file: tokio::fs::File,
    temporary: Temporary,
    hasher: Keccak256,
    bytes: u64,
    bytes_max: u64,
}

impl ObjectWriter {
    /// Appends a piece.
    pub async fn write(&mut self, piece: &[u8]) -> Result<(), ObjectError> {
        let bytes = self.bytes + piece.len() as u64;
        if bytes > self.bytes_max {
            return Err(ObjectError::TooLarge {
                bytes_max: self.bytes_max,
            });
        }
        self.file.write_all(piece).await?;
        self.hasher.update(piece);
        self.bytes = bytes;
        Ok(())
    }

    /// Gives the object its name, provided that it hashes to `expected` where that is given. Durable on return.
    pub async fn finish(self, expected: Option<B256>) -> Result<StoredObject, ObjectError> {
        let actual = self.hasher.clone().finalize();
        if let Some(expected) = expected.filter(|expected| *expected != actual) {
            return Err(ObjectError::Unexpected { expected, actual });
        }
        let bytes = self.bytes;
        self.publish(actual).await?;
        Ok(StoredObject {
            hash: actual,
            bytes,
        })
    }

    /// Durable on return.
    async fn publish(mut self, name: B256) -> Result<(), ObjectError> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        if let Some(path) = &self.temporary.0 {
            tokio::fs::rename(path, self.objects.path(name)).await?;
        }
        self.temporary.0 = None;
        Ok(sync_folder(&self.objects.folder).await?)
    }
}

/// Removes the file of an unfinished writer.
#[derive(Debug)]
struct Temporary(Option<PathBuf>);

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // Nothing depends on it: the next start removes what is left.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// A rename is durable only once its folder is.
async fn sync_folder(folder: &Path) -> io::Result<()> {
    tokio::fs::File::open(folder).await?.sync_all().await
}

fn missing_or_io(error: io::Error, hash: B256) -> ObjectError {
    match error.kind() {
        io::ErrorKind::NotFound => ObjectError::Missing { hash },
        _ => ObjectError::Io(error),
    }
}
