//! The data directory of a devnet.

use std::{
    fs,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use alloy::signers::local::PrivateKeySigner;
use eyre::WrapErr;

/// Where things lie.
#[derive(Clone, Debug)]
pub struct Folders {
    root: PathBuf,
}

impl Folders {
    /// Makes them under `root`.
    pub fn open(root: &Path) -> eyre::Result<Self> {
        let root = std::path::absolute(root)?;
        for name in ["l1", "node", "rollers", "keys", "logs"] {
            let dir = root.join(name);
            fs::create_dir_all(&dir).wrap_err_with(|| format!("cannot make {}", dir.display()))?;
        }
        Ok(Self { root })
    }

    /// A path in the data directory.
    pub fn in_root(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Log file of a child process.
    pub fn log(&self, name: &str) -> PathBuf {
        self.root.join("logs").join(format!("{name}.log"))
    }

    /// Writes a key where only its owner can read it, and returns the file.
    pub fn key(&self, name: &str, signer: &PrivateKeySigner) -> eyre::Result<PathBuf> {
        let path = self.root.join("keys").join(name);
        let mut options = fs::File::options();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .wrap_err_with(|| format!("cannot write {}", path.display()))?;
        std::io::Write::write_all(&mut file, signer.to_bytes().to_string().as_bytes())?;
        Ok(path)
    }
}
