//! The data directory of a devnet.

use std::{
    fs, io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
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
        // A file that was there already has kept its mode.
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        io::Write::write_all(&mut file, signer.to_bytes().to_string().as_bytes())?;
        Ok(path)
    }
}

/// How often a folder that others still write into is tried.
const REMOVALS_MAX: u32 = 100;

/// Removes a folder with all that is in it, as far as that is possible.
pub fn remove_all(dir: &Path) {
    for _ in 0..REMOVALS_MAX {
        match fs::remove_dir_all(dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {}
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::devnet::accounts::Role;

    #[test]
    fn keys_are_for_their_owner_only_whoever_wrote_the_file_first() {
        let dir = tempfile::tempdir().unwrap();
        let folders = Folders::open(dir.path()).unwrap();
        let signer = Role::Operator.signer().unwrap();
        fs::write(dir.path().join("keys/old"), "for everybody").unwrap();
        fs::set_permissions(
            dir.path().join("keys/old"),
            fs::Permissions::from_mode(0o644),
        )
        .unwrap();
        for name in ["new", "old"] {
            let path = folders.key(name, &signer).unwrap();
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
            let key = fs::read_to_string(&path).unwrap();
            assert_eq!(key, signer.to_bytes().to_string());
        }
    }

    #[test]
    fn a_folder_is_removed_with_what_is_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let inside = dir.path().join("a/b");
        fs::create_dir_all(&inside).unwrap();
        fs::write(inside.join("c"), "d").unwrap();
        remove_all(&dir.path().join("a"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        remove_all(&dir.path().join("a"));
    }
}
