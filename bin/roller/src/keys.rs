//! Private keys: from a file or the environment, never from arguments.

use std::path::Path;

use alloy::signers::local::PrivateKeySigner;
use eyre::{WrapErr, eyre};

/// The key in `file`, or in the environment variable `variable` when there is no file.
pub fn load(file: Option<&Path>, variable: &str) -> eyre::Result<PrivateKeySigner> {
    let text = match file {
        Some(path) => std::fs::read_to_string(path)
            .wrap_err_with(|| format!("cannot read the key file {}", path.display()))?,
        None => std::env::var(variable)
            .map_err(|_| eyre!("no key: give a key file or set {variable}"))?,
    };
    // The parser's error would quote the text.
    text.trim()
        .parse()
        .map_err(|_| eyre!("the key is not 32 bytes in hex"))
}
