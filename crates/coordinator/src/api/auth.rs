//! Who is asking: signed requests.
//!
//! Order of the checks, cheap before dear and nothing durable for strangers: headers present -> not expired -> signature
//! names somebody -> that is a roller's signer, or the fallback prover's -> nonce is new. The body is compared with the signed hash when it has
//! been read.

use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, keccak256};
use axum::{
    body::Body,
    http::{HeaderMap, request::Parts},
};
use futures::StreamExt;
use rollmill_protocol::Roller;
use rollmill_roller_api::{Authorization, RefusalCode, TaskKind, http};
use serde::de::DeserializeOwned;

use super::{App, Refused};
use crate::config::JSON_BYTES_MAX;

/// How long a JSON body may take to arrive.
const JSON_TIMEOUT: Duration = Duration::from_secs(10);

/// Who signed a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    /// Which work it takes.
    pub(crate) kind: TaskKind,
    /// Identity: the roller's, or the fallback prover's own address.
    pub(crate) roller: Roller,
    /// The key that signed.
    pub(crate) signer: Address,
    /// What the body must hash to.
    pub(crate) body_hash: B256,
}

/// Authenticates the request that `parts` begin.
pub(crate) async fn caller(app: &App, parts: &Parts) -> Result<Caller, Refused> {
    let auth = authorization(&parts.headers).ok_or(RefusalCode::Unsigned)?;
    let now = app.clock.now_unix_s();
    if auth.expiry_unix_s <= now {
        return Err(RefusalCode::ExpiredRequest.into());
    }
    if auth.expiry_unix_s > now + app.config.request_ttl_max.as_secs() {
        return Err(RefusalCode::ExpiryTooFar.into());
    }
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let signer = auth
        .signer(&app.domain, parts.method.as_str(), path)
        .map_err(|error| Refused::because(RefusalCode::BadSignature, error))?;
    let (kind, roller) = if app.config.fallback == Some(signer) {
        (TaskKind::Fallback, signer)
    } else {
        let roller = app.board.roller_of(signer);
        (TaskKind::Seat, roller.ok_or(RefusalCode::UnknownSigner)?)
    };
    let is_new = app
        .store
        .use_nonce(signer, auth.nonce, auth.expiry_unix_s)
        .await;
    if !is_new.map_err(Refused::internal)? {
        return Err(RefusalCode::ReplayedNonce.into());
    }
    Ok(Caller {
        kind,
        roller,
        signer,
        body_hash: auth.body_hash,
    })
}

/// Reads a JSON body that the caller signed.
pub(crate) async fn json<T: DeserializeOwned>(caller: &Caller, body: Body) -> Result<T, Refused> {
    let bytes = tokio::time::timeout(JSON_TIMEOUT, read(body, JSON_BYTES_MAX))
        .await
        .map_err(|_| {
            Refused::because(RefusalCode::WrongLength, "the body did not arrive in time")
        })??;
    if keccak256(&bytes) != caller.body_hash {
        return Err(RefusalCode::WrongBodyHash.into());
    }
    serde_json::from_slice(&bytes).map_err(|error| Refused::because(RefusalCode::Malformed, error))
}

/// Reads a body piece by piece, at most `bytes_max`. A body that breaks off was not received.
pub(crate) async fn read(body: Body, bytes_max: usize) -> Result<Bytes, Refused> {
    let mut pieces = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| Refused::because(RefusalCode::WrongLength, error))?;
        if bytes.len() + piece.len() > bytes_max {
            return Err(Refused::because(
                RefusalCode::TooLarge,
                format!("at most {bytes_max} bytes"),
            ));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.into())
}

fn authorization(headers: &HeaderMap) -> Option<Authorization> {
    Some(Authorization {
        body_hash: text(headers, http::BODY_HASH)?.parse().ok()?,
        nonce: text(headers, http::NONCE)?.parse().ok()?,
        expiry_unix_s: text(headers, http::EXPIRY)?.parse().ok()?,
        signature: text(headers, http::SIGNATURE)?.parse().ok()?,
    })
}

/// A header as text; `None` when it is missing, doubled or not ASCII.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}
