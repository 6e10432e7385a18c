//! Refusals as HTTP responses.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use rollmill_roller_api::{Refusal, RefusalCode};

use crate::keeper::KeeperError;

/// A refusal on its way out.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) Refusal);

impl Refused {
    /// A refusal with particulars for the caller.
    pub(crate) fn because(code: RefusalCode, particulars: impl std::fmt::Display) -> Self {
        Self(Refusal::because(code, particulars))
    }

    /// Our own failure: the particulars go to the log, not to the caller.
    pub(crate) fn internal(error: impl std::error::Error + 'static) -> Self {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "api.request failed"
        );
        Self(Refusal::new(RefusalCode::Internal))
    }

    /// The operator's signer does not sign at this moment: nothing is said without a signature, the caller comes again.
    pub(crate) fn unsigned(error: alloy::signers::Error) -> Self {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "the operator's signer fails"
        );
        Self::because(RefusalCode::Busy, "no signature for the receipt")
    }
}

impl From<RefusalCode> for Refused {
    fn from(code: RefusalCode) -> Self {
        Self(Refusal::new(code))
    }
}

impl From<KeeperError> for Refused {
    fn from(error: KeeperError) -> Self {
        match error {
            // The process ends; the caller comes again when it is back.
            KeeperError::Stopped => Self::because(RefusalCode::Busy, error),
            KeeperError::Refused(_) => Self::internal(error),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.code.status())
            .expect("every refusal code has a valid HTTP status");
        tracing::debug!(code = ?self.0.code, message = self.0.message, "api.request refused");
        (status, Json(self.0)).into_response()
    }
}
