//! The owner's and the signer's key: made, taken over, or found again.

use std::path::{Path, PathBuf, absolute};

use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::Address;
use eyre::ensure;
use rollmill_l1::{is_keystore, load_key, new_password, unlock_key, write_keystore};
use rollmill_runtime::outln;

use super::SetupArgs;

/// Who owns and who signs, and where the keys are.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The owner's address.
    pub owner: Address,
    /// Its keystore; none if the key is elsewhere.
    pub owner_file: Option<PathBuf>,
    /// The signer's address.
    pub signer: Address,
    /// Its keystore.
    pub signer_file: PathBuf,
}

impl Keys {
    /// Finds the keys in the folder, or makes them there. What is there is never overwritten.
    pub fn find_or_make(args: &SetupArgs, folder: &Path) -> eyre::Result<Self> {
        let mut ring = Ring {
            folder,
            password_file: args.password_file.as_deref(),
            new_password: None,
        };
        let (owner, owner_file) = match args.owner {
            Some(owner) => (owner, None),
            None => {
                let (owner, file) = ring.key("owner", args.owner_key_file.as_deref())?;
                (owner, Some(file))
            }
        };
        let (signer, signer_file) = ring.key("signer", args.signer_key_file.as_deref())?;
        Ok(Self {
            owner,
            owner_file,
            signer,
            signer_file,
        })
    }
}

/// Keystores of one folder. New ones have one password.
struct Ring<'a> {
    folder: &'a Path,
    password_file: Option<&'a Path>,
    new_password: Option<String>,
}

impl Ring<'_> {
    /// The address of a key and its keystore.
    fn key(&mut self, name: &str, given: Option<&Path>) -> eyre::Result<(Address, PathBuf)> {
        if let Some(given) = given.filter(|given| is_keystore(given).unwrap_or(false)) {
            let address = self.unlock(given)?.address();
            outln!("{name} {address}: its keystore is {}", given.display());
            return Ok((address, absolute(given)?));
        }
        let given = given.map(|given| load_key(Some(given), "")).transpose()?;
        let path = self.folder.join(format!("{name}.json"));
        if path.exists() {
            let address = self.unlock(&path)?.address();
            let other = given.filter(|given| given.address() != address);
            ensure!(
                other.is_none(),
                "{} is there already, with the key of {address}: a key is never overwritten, choose another --folder",
                path.display()
            );
            outln!("{name} {address}: its keystore {} is there", path.display());
            return Ok((address, path));
        }
        let key = given.unwrap_or_else(PrivateKeySigner::random);
        if self.new_password.is_none() {
            self.new_password = Some(new_password(&path, self.password_file)?);
        }
        let password = self.new_password.as_deref().unwrap_or_default();
        write_keystore(&path, &key, password)?;
        let address = key.address();
        outln!("{name} {address}: wrote its keystore {}", path.display());
        Ok((address, path))
    }

    fn unlock(&self, path: &Path) -> eyre::Result<PrivateKeySigner> {
        Ok(unlock_key(Some(path), "", self.password_file)?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;
    use crate::setup::tests::args;

    fn write(path: &Path, text: &str) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn made(folder: &Path, more: &[&str]) -> Result<Keys, String> {
        let word = folder.join("word");
        write(&word, "a word\n");
        let args = args(&[&["--password-file", word.to_str().unwrap()], more].concat());
        Keys::find_or_make(&args, folder).map_err(|error| error.to_string())
    }

    #[test]
    fn keys_are_made_once_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let first = made(folder.path(), &[]).unwrap();
        assert_ne!(first.owner, first.signer);
        let before = fs::read(&first.signer_file).unwrap();
        let again = made(folder.path(), &[]).unwrap();
        assert_eq!((again.owner, again.signer), (first.owner, first.signer));
        assert_eq!(fs::read(&first.signer_file).unwrap(), before);
        // With a key of one's own beside them: never in their place.
        let own = folder.path().join("own");
        write(&own, &"11".repeat(32));
        let refused = made(folder.path(), &["--signer-key-file", own.to_str().unwrap()]);
        assert!(refused.unwrap_err().contains("never overwritten"));
        assert_eq!(fs::read(&first.signer_file).unwrap(), before);
    }

    #[test]
    fn a_key_in_hex_is_encrypted_and_a_keystore_stays_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("own");
        write(&own, &"11".repeat(32));
        let address = load_key(Some(&own), "").unwrap().address();
        let own = own.to_str().unwrap().to_owned();
        let imported = made(folder.path(), &["--owner-key-file", &own]).unwrap();
        assert_eq!(imported.owner, address);
        let keystore = imported.owner_file.unwrap();
        assert_eq!(keystore, folder.path().join("owner.json"));
        assert!(is_keystore(&keystore).unwrap());

        let other = tempfile::tempdir().unwrap();
        let keystore = keystore.to_str().unwrap();
        let used = made(other.path(), &["--owner-key-file", keystore]).unwrap();
        assert_eq!(used.owner, address);
        assert_eq!(used.owner_file.unwrap(), Path::new(keystore));
        assert!(!other.path().join("owner.json").exists());
    }

    #[test]
    fn an_owner_elsewhere_has_no_key_here() {
        let folder = tempfile::tempdir().unwrap();
        let owner = Address::repeat_byte(5);
        let keys = made(folder.path(), &["--owner", &owner.to_string()]).unwrap();
        assert_eq!((keys.owner, keys.owner_file), (owner, None));
        assert!(!folder.path().join("owner.json").exists());
    }
}
