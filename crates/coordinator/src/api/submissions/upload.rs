//! What a submission arrives as: headers of JSON, and a body whose length, hash and digest were announced.

use std::time::Duration;

use alloy_primitives::{Bytes, keccak256};
use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use rollmill_protocol::ProofDigest;
use rollmill_roller_api::{RefusalCode, SignedSubmission};

use crate::api::{App, Refused, auth};

/// How long a body may take to arrive.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(120);

/// Refuses by the announced length, before a byte of the body is read.
pub(super) fn announced_length(app: &App, headers: &HeaderMap) -> Result<(), Refused> {
    let Some(length) = headers.get(header::CONTENT_LENGTH) else {
        return Ok(());
    };
    let length: usize = length
        .to_str()
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or(RefusalCode::WrongLength)?;
    check_length(app, length)
}

fn check_length(app: &App, length: usize) -> Result<(), Refused> {
    let (min, max) = (app.config.proof_bytes_min(), app.config.proof_bytes_max());
    if length > max {
        return Err(Refused::because(
            RefusalCode::TooLarge,
            format!("{length} of {max} bytes"),
        ));
    }
    if length < min {
        return Err(Refused::because(
            RefusalCode::WrongLength,
            format!("{length} bytes, at least {min}"),
        ));
    }
    Ok(())
}

/// Reads the body: complete, of the right length, what the request signed and what the submission signed.
pub(super) async fn receive(
    app: &App,
    caller: &auth::Caller,
    submission: &SignedSubmission,
    body: Body,
) -> Result<Bytes, Refused> {
    let proof = tokio::time::timeout(
        UPLOAD_TIMEOUT,
        auth::read(body, app.config.proof_bytes_max()),
    )
    .await
    .map_err(|_| Refused::because(RefusalCode::WrongLength, "the body did not arrive in time"))??;
    check_length(app, proof.len())?;
    if keccak256(&proof) != caller.body_hash {
        return Err(RefusalCode::WrongBodyHash.into());
    }
    if ProofDigest::of(&proof) != submission.proof_digest {
        return Err(RefusalCode::WrongDigest.into());
    }
    Ok(proof)
}

pub(super) fn header_json<T: serde::de::DeserializeOwned>(
    headers: &HeaderMap,
    name: &str,
) -> Result<T, Refused> {
    let text = auth::text(headers, name)
        .ok_or_else(|| Refused::because(RefusalCode::Malformed, format!("header {name}")))?;
    serde_json::from_str(text).map_err(|error| {
        Refused::because(RefusalCode::Malformed, format!("header {name}: {error}"))
    })
}
