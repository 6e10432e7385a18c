//! Private keys of programs: from a file or the environment, never from arguments.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use alloy::signers::local::PrivateKeySigner;

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
    /// Neither file nor variable.
    #[error("no key: give a key file or set {variable}")]
    Missing {
        /// The environment variable.
        variable: String,
    },
    /// Something else stands there. What, is not said: it may be most of a key.
    #[error("the key is not 32 bytes in hex")]
    Malformed,
}

/// The key in `file`, or in the environment variable `variable` when there is no file.
///
/// # Errors
/// [`KeyError`].
pub fn load_key(file: Option<&Path>, variable: &str) -> Result<PrivateKeySigner, KeyError> {
    let text = match file {
        Some(path) => fs::read_to_string(path).map_err(|source| KeyError::File {
            path: path.to_owned(),
            source,
        })?,
        None => env::var(variable).map_err(|_| KeyError::Missing {
            variable: variable.to_owned(),
        })?,
    };
    text.trim().parse().map_err(|_| KeyError::Malformed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_key_is_read_from_its_file_and_never_quoted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let hex = "11".repeat(32);
        for text in [hex.clone(), format!("0x{hex}\n")] {
            fs::write(&path, text).unwrap();
            let key = load_key(Some(&path), "").unwrap();
            assert_eq!(key.to_bytes().to_string(), format!("0x{hex}"));
        }
        fs::write(&path, &hex[1..]).unwrap();
        let error = load_key(Some(&path), "").unwrap_err();
        assert_eq!(error.to_string(), "the key is not 32 bytes in hex");
        let missing = load_key(Some(&dir.path().join("none")), "").unwrap_err();
        assert!(missing.to_string().ends_with("none"), "{missing}");
        let nowhere = load_key(None, "ROLLMILL_NO_SUCH_KEY").unwrap_err();
        assert!(nowhere.to_string().contains("ROLLMILL_NO_SUCH_KEY"));
    }
}
