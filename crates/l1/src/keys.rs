//! Private keys of programs: from a file or the environment, never from arguments.
//!
//! A key file holds the key in hex, or is an encrypted keystore (web3 secret storage) as every Ethereum tool writes it. Who can read a
//! file in hex has the key, so that one which others can read is refused. The password of a keystore comes from
//!
//! 1. a file: the one that the caller names, or [`PASSWORD_FILE`] names;
//! 2. the environment: [`PASSWORD`];
//! 3. whoever sits at the terminal.

use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use alloy::signers::{
    k256::elliptic_curve::rand_core::OsRng,
    local::{LocalSignerError, PrivateKeySigner},
};
use rollmill_runtime::ask_secret;

/// Environment variable that names the file with the password of keystores.
pub const PASSWORD_FILE: &str = "ROLLMILL_KEY_PASSWORD_FILE";
/// Environment variable with the password of keystores.
pub const PASSWORD: &str = "ROLLMILL_KEY_PASSWORD";

/// There is no usable key; the operator must say where it is.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("cannot read the key file {}", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others can read the file.
    #[error("others on this machine can read the secret in {}: run `chmod 600 {}`", path.display(), path.display())]
    Open {
        /// Its path.
        path: PathBuf,
    },
    /// Neither file nor variable.
    #[error("no key: give a key file or set {variable}")]
    Missing {
        /// The environment variable.
        variable: String,
    },
    /// Something else stands there. What, is not said: it may be most of a key.
    #[error("the key is not 32 bytes in hex")]
    Malformed,
    /// A keystore, and nobody tells its password.
    #[error(
        "{} is a keystore: give its password by --password-file or {PASSWORD_FILE}, by {PASSWORD}, or at a terminal",
        path.display()
    )]
    Locked {
        /// Its path.
        path: PathBuf,
        /// Why nobody could be asked.
        source: io::Error,
    },
    /// Another password, or no keystore.
    #[error("the keystore {} does not open with this password", path.display())]
    Keystore {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: LocalSignerError,
    },
    /// A keystore without a password would protect nothing.
    #[error("the password of a keystore must not be empty")]
    NoPassword,
    /// Two different passwords were typed.
    #[error("these are two different passwords")]
    OtherPassword,
    /// A file is never replaced: it may be the only one with its key.
    #[error("{} is there already, and a key is never overwritten", path.display())]
    Exists {
        /// Its path.
        path: PathBuf,
    },
    /// A keystore cannot be written.
    #[error("cannot write the keystore {}", path.display())]
    Write {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: LocalSignerError,
    },
}

/// The key in `file`, or in the environment variable `variable` when there is no file.
///
/// # Errors
/// [`KeyError`].
pub fn load_key(file: Option<&Path>, variable: &str) -> Result<PrivateKeySigner, KeyError> {
    unlock_key(file, variable, None)
}

/// The same, with the file that has the password if `file` is a keystore.
///
/// # Errors
/// [`KeyError`].
pub fn unlock_key(
    file: Option<&Path>,
    variable: &str,
    password_file: Option<&Path>,
) -> Result<PrivateKeySigner, KeyError> {
    let Some(path) = file else {
        let missing = |_| KeyError::Missing {
            variable: variable.to_owned(),
        };
        return plain(&env::var(variable).map_err(missing)?);
    };
    if is_keystore(path)? {
        return decrypt(path, &password(path, password_file)?);
    }
    plain(&secret(path)?)
}

/// Fails as [`unlock_key`] would, as far as that can be said of a keystore without its password.
///
/// # Errors
/// [`KeyError`].
pub fn check_key_file(path: &Path) -> Result<(), KeyError> {
    match is_keystore(path)? {
        true => Ok(()),
        false => plain(&secret(path)?).map(drop),
    }
}

/// Whether a key file is a keystore.
///
/// # Errors
/// [`KeyError::File`].
pub fn is_keystore(path: &Path) -> Result<bool, KeyError> {
    let text = fs::read_to_string(path).map_err(|source| unreadable(path, source))?;
    Ok(text.trim_start().starts_with('{'))
}

/// The password of the keystore at `path`, which need not be there yet.
///
/// # Errors
/// [`KeyError::Locked`] and those of reading a file.
pub fn password(path: &Path, password_file: Option<&Path>) -> Result<String, KeyError> {
    if let Some(known) = known_password(password_file)? {
        return Ok(known);
    }
    ask_password(path, &format!("password of {}", path.display()))
}

/// A password for keystores that are to be made, the first of them at `path`. At a terminal it is asked for twice.
///
/// # Errors
/// [`KeyError`].
pub fn new_password(path: &Path, password_file: Option<&Path>) -> Result<String, KeyError> {
    let password = match known_password(password_file)? {
        Some(known) => known,
        None => {
            let first = ask_password(path, "password for the new keystores")?;
            if first != ask_password(path, "once more")? {
                return Err(KeyError::OtherPassword);
            }
            first
        }
    };
    match password.is_empty() {
        true => Err(KeyError::NoPassword),
        false => Ok(password),
    }
}

/// Writes a key as a new keystore, for its owner only.
///
/// # Errors
/// [`KeyError::Exists`], [`KeyError::Write`].
pub fn write_keystore(path: &Path, key: &PrivateKeySigner, password: &str) -> Result<(), KeyError> {
    let failed = |source: LocalSignerError| KeyError::Write {
        path: path.to_owned(),
        source,
    };
    // The library writes a file with everybody's rights, and over what is there: so it does in a folder that nobody else enters.
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".new");
    let folder = path.with_file_name(name);
    let _ = fs::remove_dir_all(&folder);
    let made = fs::DirBuilder::new().mode(0o700).create(&folder);
    made.map_err(|error| failed(error.into()))?;
    let text = PrivateKeySigner::encrypt_keystore(
        &folder,
        &mut OsRng,
        key.to_bytes(),
        password,
        Some("keystore"),
    )
    .and_then(|_| Ok(fs::read(folder.join("keystore"))?));
    let _ = fs::remove_dir_all(&folder);
    let text = text.map_err(failed)?;
    let mut options = File::options();
    let mut file = match options.write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(KeyError::Exists {
                path: path.to_owned(),
            });
        }
        Err(error) => return Err(failed(error.into())),
    };
    let written = file.write_all(&text).and_then(|()| file.sync_all());
    written.map_err(|error| failed(error.into()))
}

fn plain(text: &str) -> Result<PrivateKeySigner, KeyError> {
    text.trim().parse().map_err(|_| KeyError::Malformed)
}

fn decrypt(path: &Path, password: &str) -> Result<PrivateKeySigner, KeyError> {
    let opened = PrivateKeySigner::decrypt_keystore(path, password);
    opened.map_err(|source| KeyError::Keystore {
        path: path.to_owned(),
        source,
    })
}

/// The password that is told without asking.
fn known_password(file: Option<&Path>) -> Result<Option<String>, KeyError> {
    let file = file.map(Path::to_owned);
    let Some(file) = file.or_else(|| env::var_os(PASSWORD_FILE).map(PathBuf::from)) else {
        return Ok(env::var(PASSWORD).ok());
    };
    let text = secret(&file)?;
    // An editor has put the line's end there.
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}

fn ask_password(path: &Path, question: &str) -> Result<String, KeyError> {
    ask_secret(question).map_err(|source| KeyError::Locked {
        path: path.to_owned(),
        source,
    })
}

/// The text of a file that only its owner can read.
fn secret(path: &Path) -> Result<String, KeyError> {
    let unreadable = |source| unreadable(path, source);
    let metadata = fs::metadata(path).map_err(unreadable)?;
    let mode = metadata.permissions().mode();
    // What a system hands out (systemd's credentials, volumes of secrets) is root's, and its group is whom it is for.
    let is_ours = metadata.uid() == rustix::process::geteuid().as_raw();
    let forbidden = if is_ours { 0o077 } else { 0o007 };
    if mode & forbidden != 0 {
        return Err(KeyError::Open {
            path: path.to_owned(),
        });
    }
    fs::read_to_string(path).map_err(unreadable)
}

fn unreadable(path: &Path, source: io::Error) -> KeyError {
    KeyError::File {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn write(path: &Path, text: &str) {
        fs::write(path, text).unwrap();
        set_mode(path, 0o600);
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_key_is_read_from_its_file_and_never_quoted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let hex = "11".repeat(32);
        for text in [hex.clone(), format!("0x{hex}\n")] {
            write(&path, &text);
            let key = load_key(Some(&path), "").unwrap();
            assert_eq!(key.to_bytes().to_string(), format!("0x{hex}"));
        }
        write(&path, &hex[1..]);
        let error = load_key(Some(&path), "").unwrap_err();
        assert_eq!(error.to_string(), "the key is not 32 bytes in hex");
        let missing = load_key(Some(&dir.path().join("none")), "").unwrap_err();
        assert!(missing.to_string().ends_with("none"), "{missing}");
        let nowhere = load_key(None, "ROLLMILL_NO_SUCH_KEY").unwrap_err();
        assert!(nowhere.to_string().contains("ROLLMILL_NO_SUCH_KEY"));
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        write(&path, &"11".repeat(32));
        for open in [0o640, 0o604, 0o644, 0o620] {
            set_mode(&path, open);
            let error = load_key(Some(&path), "").unwrap_err().to_string();
            assert!(check_key_file(&path).is_err());
            let remedy = format!("chmod 600 {}", path.display());
            assert!(error.contains(&remedy), "{open:o}: {error}");
        }
        for closed in [0o600, 0o400] {
            set_mode(&path, closed);
            load_key(Some(&path), "").unwrap();
            check_key_file(&path).unwrap();
        }
    }

    #[test]
    fn a_keystore_opens_with_its_password_only_and_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (path, word) = (dir.path().join("key.json"), dir.path().join("word"));
        let key = PrivateKeySigner::random();
        write_keystore(&path, &key, "correct horse").unwrap();
        assert_eq!(mode(&path), 0o600);
        assert!(!fs::read_to_string(&path).unwrap().contains(&hex(&key)));
        // Nothing is left beside it.
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);

        write(&word, "correct horse\n");
        // What is encrypted may be read by others, the password not.
        set_mode(&path, 0o644);
        let opened = unlock_key(Some(&path), "", Some(&word)).unwrap();
        assert_eq!(opened.address(), key.address());
        set_mode(&word, 0o644);
        let error = unlock_key(Some(&path), "", Some(&word)).unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
        write(&word, "wrong horse");
        let error = unlock_key(Some(&path), "", Some(&word)).unwrap_err();
        assert!(error.to_string().contains("does not open"), "{error}");

        let before = fs::read(&path).unwrap();
        let again = write_keystore(&path, &PrivateKeySigner::random(), "x").unwrap_err();
        assert!(again.to_string().contains("never overwritten"), "{again}");
        assert_eq!(fs::read(&path).unwrap(), before);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    /// The test vector of the web3 secret storage definition.
    #[test]
    fn keystores_of_other_tools_open() {
        let dir = tempfile::tempdir().unwrap();
        let (path, word) = (dir.path().join("key.json"), dir.path().join("word"));
        let pbkdf2 = r#"{
            "crypto": {
                "cipher": "aes-128-ctr",
                "cipherparams": { "iv": "6087dab2f9fdbbfaddc31a909735c1e6" },
                "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
                "kdf": "pbkdf2",
                "kdfparams": {
                    "c": 262144,
                    "dklen": 32,
                    "prf": "hmac-sha256",
                    "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"
                },
                "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"
            },
            "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
            "version": 3
        }"#;
        fs::write(&path, pbkdf2).unwrap();
        write(&word, "testpassword");
        let key = unlock_key(Some(&path), "", Some(&word)).unwrap();
        let expected = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";
        assert_eq!(hex(&key), expected);
    }

    #[test]
    fn a_keystore_without_a_password_is_not_made() {
        let dir = tempfile::tempdir().unwrap();
        let word = dir.path().join("word");
        write(&word, "\n");
        let error = new_password(&dir.path().join("key.json"), Some(&word)).unwrap_err();
        assert!(matches!(error, KeyError::NoPassword), "{error}");
    }

    fn hex(key: &PrivateKeySigner) -> String {
        alloy::primitives::hex::encode(key.to_bytes())
    }
}
