//! Refusals: why the coordinator did not do what a roller asked.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Machine code of a refusal. A refused submission counts as *not submitted*, never as invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// A header of the signed request is missing or malformed.
    Unsigned,
    /// The signature names nobody.
    BadSignature,
    /// The request's expiry has passed.
    ExpiredRequest,
    /// The request's expiry is further away than is allowed.
    ExpiryTooFar,
    /// The request's nonce was used before.
    ReplayedNonce,
    /// The body is not the one that was signed, or was cut off.
    WrongBodyHash,
    /// The signer is no registered roller's.
    UnknownSigner,
    /// The submission names a roller that the signer does not sign for.
    WrongRoller,
    /// The submission's own signature is not the roller's.
    WrongSubmissionSignature,
    /// The JSON is not of the expected form.
    Malformed,
    /// No such task.
    UnknownTask,
    /// No such object.
    UnknownObject,
    /// No such roller.
    UnknownRoller,
    /// The roller has no seat in this round of the task.
    NotSeated,
    /// The seat is no longer open: its task is lost, settled, or its time is over.
    SeatClosed,
    /// The body is longer than is allowed.
    TooLarge,
    /// The body has not the announced or the required length.
    WrongLength,
    /// The body does not hash to the signed digest.
    WrongDigest,
    /// The signed statement is not the one that this seat has to prove.
    WrongPublicValues,
    /// The seat has submitted other bytes before.
    OtherSubmission,
    /// The coordinator has no capacity at this moment.
    Busy,
    /// The coordinator failed.
    Internal,
}

impl RefusalCode {
    /// HTTP status.
    pub fn status(self) -> u16 {
        match self {
            Self::Malformed | Self::WrongBodyHash | Self::WrongLength | Self::WrongDigest => 400,
            Self::Unsigned
            | Self::BadSignature
            | Self::ExpiredRequest
            | Self::ExpiryTooFar
            | Self::ReplayedNonce => 401,
            Self::UnknownSigner
            | Self::WrongRoller
            | Self::WrongSubmissionSignature
            | Self::NotSeated => 403,
            Self::UnknownTask | Self::UnknownObject | Self::UnknownRoller => 404,
            Self::OtherSubmission => 409,
            Self::SeatClosed => 410,
            Self::TooLarge => 413,
            Self::WrongPublicValues => 422,
            Self::Internal => 500,
            Self::Busy => 503,
        }
    }

    /// Whether the same request, signed anew, may succeed later.
    pub fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::ExpiredRequest
                | Self::ReplayedNonce
                | Self::WrongBodyHash
                | Self::WrongLength
                | Self::Busy
                | Self::Internal
                | Self::UnknownSigner
        )
    }

    /// One sentence for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Unsigned => {
                "The request is not signed, or a header of its signature is malformed."
            }
            Self::BadSignature => "The request's signature names nobody.",
            Self::ExpiredRequest => "The request has expired; sign it again (and check the clock).",
            Self::ExpiryTooFar => "The request expires too far in the future.",
            Self::ReplayedNonce => {
                "The request was received before; sign it again with a new nonce."
            }
            Self::WrongBodyHash => {
                "The body is not the one that was signed, or it arrived incomplete."
            }
            Self::UnknownSigner => "The signer belongs to no registered roller (yet).",
            Self::WrongRoller => "The signer does not sign for the roller named in the submission.",
            Self::WrongSubmissionSignature => {
                "The submission is not signed by the roller's signer in the form that L1 accepts."
            }
            Self::Malformed => "The request is not of the documented form.",
            Self::UnknownTask => "There is no such task.",
            Self::UnknownObject => "There is no such object.",
            Self::UnknownRoller => "There is no such roller.",
            Self::NotSeated => "The roller has no seat in this round of the task.",
            Self::SeatClosed => {
                "The seat is closed: its time is over or the task needs it no longer."
            }
            Self::TooLarge => "The body is longer than is allowed.",
            Self::WrongLength => "The body does not have the announced or required length.",
            Self::WrongDigest => "The body does not hash to the digest in the submission.",
            Self::WrongPublicValues => {
                "The submission signs other public values than this seat has to prove."
            }
            Self::OtherSubmission => "The seat has already submitted another proof, which stands.",
            Self::Busy => "The coordinator is busy; try again.",
            Self::Internal => "The coordinator failed; try again.",
        }
    }
}

/// Body of every response that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[error("{code:?}: {message}")]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// Machine code.
    pub code: RefusalCode,
    /// One sentence, with particulars where there are any.
    pub message: String,
    /// Whether trying again can help.
    pub retryable: bool,
}

impl Refusal {
    /// A refusal in the words of its code.
    pub fn new(code: RefusalCode) -> Self {
        Self {
            code,
            message: code.sentence().to_owned(),
            retryable: code.is_retryable(),
        }
    }

    /// A refusal with particulars.
    pub fn because(code: RefusalCode, particulars: impl std::fmt::Display) -> Self {
        let message = format!("{} ({particulars})", code.sentence());
        Self {
            code,
            message,
            retryable: code.is_retryable(),
        }
    }
}

impl From<RefusalCode> for Refusal {
    fn from(code: RefusalCode) -> Self {
        Self::new(code)
    }
}
