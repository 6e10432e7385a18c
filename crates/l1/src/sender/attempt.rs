//! What recorded bytes say.

use alloy::{
    consensus::{TxEip1559, TxEnvelope},
    eips::Decodable2718,
};
use rollmill_store::{L1Attempt, L1Send};

use super::{Call, SendError, broken};

pub(super) fn decode(purpose: &str, attempt: &L1Attempt) -> Result<TxEip1559, SendError> {
    let envelope = TxEnvelope::decode_2718_exact(&attempt.raw)
        .map_err(|error| broken(purpose, format!("recorded bytes: {error}")))?;
    match envelope {
        TxEnvelope::Eip1559(signed) => Ok(signed.strip_signature()),
        _ => Err(broken(
            purpose,
            "recorded bytes are no EIP-1559 transaction".to_owned(),
        )),
    }
}

/// The newest attempt of a purpose.
pub(super) fn newest(send: &L1Send) -> Result<TxEip1559, SendError> {
    let attempt = send.attempts.last();
    let attempt =
        attempt.ok_or_else(|| broken(&send.purpose, "recorded without bytes".to_owned()))?;
    decode(&send.purpose, attempt)
}

pub(super) fn is_of(transaction: &TxEip1559, call: &Call) -> bool {
    (transaction.to, transaction.value, &transaction.input) == (call.to, call.value, &call.input)
}

/// What the newest attempt of a purpose does.
pub(super) fn call_of(send: &L1Send) -> Result<Call, SendError> {
    let transaction = newest(send)?;
    Ok(Call {
        to: transaction.to,
        value: transaction.value,
        input: transaction.input,
    })
}
