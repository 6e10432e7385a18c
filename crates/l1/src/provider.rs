//! A JSON-RPC connection with a bound on every request.

use std::time::Duration;

use alloy::{
    providers::{DynProvider, Provider, ProviderBuilder},
    transports::http::reqwest,
};

/// Longest wait for one answer. Long, because estimating a settlement lets L1 verify a proof.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// The address is not usable; the operator must correct it.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Not a URL.
    #[error("`{url}` is no URL: {reason}")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The HTTP client could not be set up.
    #[error("cannot set up the HTTP client")]
    Client(#[from] reqwest::Error),
}

/// A provider for the JSON-RPC endpoint at `url`. It does not connect yet, fills nothing in and signs nothing.
pub fn connect(url: &str) -> Result<DynProvider, ConnectError> {
    let parsed = reqwest::Url::parse(url).map_err(|error| ConnectError::Url {
        url: url.to_owned(),
        reason: error.to_string(),
    })?;
    let client = reqwest::Client::builder()
        .timeout(REQUEST_TIMEOUT)
        .build()?;
    Ok(ProviderBuilder::new()
        .disable_recommended_fillers()
        .connect_reqwest(client, parsed)
        .erased())
}
