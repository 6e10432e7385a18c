//! Errors with the codes and texts that clients match on (go-ethereum's).

use std::{error::Error, time::Duration};

use alloy_primitives::{B256, Bytes, hex};
use jsonrpsee::types::{ErrorObjectOwned, error::INTERNAL_ERROR_CODE, error::INVALID_PARAMS_CODE};

use crate::{
    call::CallError,
    chain::{LogsError, StorageError},
    pool::PoolError,
    trace::TraceError,
};

/// go-ethereum's code for "the node says no".
pub(super) const SERVER_ERROR: i32 = -32000;
/// EIP-1898: the block is not there.
const RESOURCE_NOT_FOUND: i32 = -32001;
/// A limit of the node (EIP-1474).
const LIMIT_EXCEEDED: i32 = -32005;
/// An execution ended with REVERT; `data` is what it returned.
pub(super) const REVERTED: i32 = 3;
/// EIP-7966: accepted, not mined in time; `data` is its hash.
const NOT_MINED: i32 = 4;
/// EIP-7966: accepted, cannot be mined yet; `data` is its hash.
const NOT_READY: i32 = 5;

/// Everything a method can answer instead of a result.
pub(super) enum RpcError {
    Call(CallError),
    Logs(LogsError),
    Pool(PoolError),
    Storage(StorageError),
    State(String),
    Trace(TraceError),
    HeaderNotFound,
    TransactionNotFound,
    FilterNotFound,
    InvalidParams(String),
    /// `eth_simulateV1` has codes of its own.
    Simulate {
        code: i32,
        text: String,
    },
    NotReady(B256),
    NotMined {
        hash: B256,
        patience: Duration,
    },
}

impl From<RpcError> for ErrorObjectOwned {
    fn from(error: RpcError) -> Self {
        let plain = |code: i32, text: String| Self::owned(code, text, None::<()>);
        match error {
            RpcError::Call(CallError::Reverted(output)) => {
                Self::owned(REVERTED, revert_text(&output), Some(output))
            }
            RpcError::Call(CallError::State(text)) | RpcError::State(text) => internal(text),
            RpcError::Logs(LogsError::Storage(error))
            | RpcError::Call(CallError::Storage(error))
            | RpcError::Storage(error)
            | RpcError::Trace(TraceError::Storage(error))
            | RpcError::Pool(PoolError::Storage(error)) => storage(error),
            RpcError::Call(error) => plain(SERVER_ERROR, error.to_string()),
            RpcError::Logs(error @ LogsError::Range) => {
                plain(INVALID_PARAMS_CODE, error.to_string())
            }
            RpcError::Logs(error @ LogsError::UnknownBlock) => {
                plain(SERVER_ERROR, error.to_string())
            }
            RpcError::Logs(error) => plain(LIMIT_EXCEEDED, error.to_string()),
            RpcError::Pool(PoolError::State(error)) => internal(error),
            RpcError::Pool(error) => plain(SERVER_ERROR, error.to_string()),
            RpcError::Trace(TraceError::Call(error)) => Self::from(RpcError::Call(error)),
            RpcError::Trace(error @ TraceError::Replay { .. }) => internal(error),
            RpcError::Trace(error @ TraceError::Tracer(_)) => {
                plain(INVALID_PARAMS_CODE, error.to_string())
            }
            RpcError::Trace(error @ TraceError::NotRun) => plain(SERVER_ERROR, error.to_string()),
            RpcError::TransactionNotFound => plain(SERVER_ERROR, "transaction not found".into()),
            RpcError::Simulate { code, text } => plain(code, text),
            RpcError::NotReady(hash) => Self::owned(
                NOT_READY,
                "the transaction was accepted, but waits for one with a lower nonce",
                Some(hash),
            ),
            RpcError::NotMined { hash, patience } => Self::owned(
                NOT_MINED,
                format!("the transaction was accepted, but was not mined within {patience:?}"),
                Some(hash),
            ),
            RpcError::HeaderNotFound => plain(RESOURCE_NOT_FOUND, "header not found".into()),
            RpcError::FilterNotFound => plain(SERVER_ERROR, "filter not found".into()),
            RpcError::InvalidParams(text) => plain(INVALID_PARAMS_CODE, text),
        }
    }
}

/// A state that is forgotten is no failure, and clients are told.
fn storage(error: StorageError) -> ErrorObjectOwned {
    match error {
        StorageError::Pruned { .. } => {
            ErrorObjectOwned::owned(SERVER_ERROR, error.to_string(), None::<()>)
        }
        error => internal(error),
    }
}

/// The cause is logged; a client learns only that it is not its fault.
fn internal(cause: impl Into<Box<dyn Error>>) -> ErrorObjectOwned {
    let cause: Box<dyn Error> = cause.into();
    tracing::error!(error = &*cause, "rpc.internal_error");
    ErrorObjectOwned::owned(
        INTERNAL_ERROR_CODE,
        "internal error: the node's database failed",
        None::<()>,
    )
}

/// `execution reverted`, with the reason when the output is Solidity's `Error(string)`.
pub(super) fn revert_text(output: &Bytes) -> String {
    match revert_reason(output) {
        Some(reason) => format!("execution reverted: {reason}"),
        None => "execution reverted".into(),
    }
}

fn revert_reason(output: &[u8]) -> Option<String> {
    let words = output.strip_prefix(&hex!("08c379a0"))?;
    let length: [u8; 8] = words.get(56..64)?.try_into().ok()?;
    let text = words
        .get(64..)?
        .get(..usize::try_from(u64::from_be_bytes(length)).ok()?)?;
    String::from_utf8(text.to_vec()).ok()
}

macro_rules! wraps {
    ($($variant:ident($source:ty)),*) => {$(
        impl From<$source> for RpcError {
            fn from(error: $source) -> Self {
                Self::$variant(error)
            }
        }

        impl From<$source> for ErrorObjectOwned {
            fn from(error: $source) -> Self {
                RpcError::from(error).into()
            }
        }
    )*};
}
wraps!(
    Call(CallError),
    Logs(LogsError),
    Pool(PoolError),
    Storage(StorageError),
    Trace(TraceError)
);

impl From<rollmill_stf::state::StateError> for RpcError {
    fn from(error: rollmill_stf::state::StateError) -> Self {
        Self::State(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revert_shows_its_reason_only_when_it_is_one() {
        let mut output = hex!("08c379a0").to_vec();
        output.extend([[0; 31].as_slice(), &[32], &[0; 31], &[2], b"no", &[0; 30]].concat());
        assert_eq!(
            revert_text(&output.clone().into()),
            "execution reverted: no"
        );
        // A length beyond the data, another selector, nothing.
        output[4 + 63] = 200;
        for output in [
            output.clone(),
            vec![1, 2, 3, 4],
            Vec::new(),
            output[..40].to_vec(),
        ] {
            assert_eq!(revert_text(&output.into()), "execution reverted");
        }
    }
}
