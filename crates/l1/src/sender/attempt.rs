//! What recorded bytes say.

use alloy::{
    consensus::{
        EthereumTypedTransaction, Transaction as _, TxEip4844WithSidecar,
        transaction::PooledTransaction,
    },
    eips::{Decodable2718, eip7594::BlobTransactionSidecarEip7594},
};
use rollmill_store::{L1Attempt, L1Send};

use super::{Call, SendError, broken, nonces::Fees};

/// A transaction for L1: EIP-1559, or EIP-4844 with what goes with its blob.
pub(super) type L1Transaction =
    EthereumTypedTransaction<TxEip4844WithSidecar<BlobTransactionSidecarEip7594>>;

pub(super) fn decode(purpose: &str, attempt: &L1Attempt) -> Result<L1Transaction, SendError> {
    let envelope = PooledTransaction::decode_2718_exact(&attempt.raw)
        .map_err(|error| broken(purpose, format!("recorded bytes: {error}")))?;
    match envelope.into_typed_transaction() {
        transaction @ (L1Transaction::Eip1559(_) | L1Transaction::Eip4844(_)) => Ok(transaction),
        _ => Err(broken(
            purpose,
            "recorded bytes are no EIP-1559 transaction and none with a blob".to_owned(),
        )),
    }
}

/// The newest attempt of a purpose.
pub(super) fn newest(send: &L1Send) -> Result<L1Transaction, SendError> {
    let attempt = send.attempts.last();
    let attempt =
        attempt.ok_or_else(|| broken(&send.purpose, "recorded without bytes".to_owned()))?;
    decode(&send.purpose, attempt)
}

pub(super) fn has_blob(transaction: &L1Transaction) -> bool {
    matches!(transaction, L1Transaction::Eip4844(_))
}

pub(super) fn set_fees(transaction: &mut L1Transaction, fees: Fees) {
    match transaction {
        L1Transaction::Eip1559(tx) => {
            (tx.max_fee_per_gas, tx.max_priority_fee_per_gas) = (fees.max, fees.tip);
        }
        L1Transaction::Eip4844(TxEip4844WithSidecar { tx, .. }) => {
            (tx.max_fee_per_gas, tx.max_priority_fee_per_gas) = (fees.max, fees.tip);
            tx.max_fee_per_blob_gas = fees.blob;
        }
        // None is made, and none is read.
        _ => {}
    }
}

pub(super) fn is_of(transaction: &L1Transaction, call: &Call) -> bool {
    call_in(transaction) == *call
}

/// What the newest attempt of a purpose does.
pub(super) fn call_of(send: &L1Send) -> Result<Call, SendError> {
    Ok(call_in(&newest(send)?))
}

fn call_in(transaction: &L1Transaction) -> Call {
    Call {
        to: transaction.kind(),
        value: transaction.value(),
        input: transaction.input().clone(),
        blob: match transaction {
            L1Transaction::Eip4844(tx) => Some(tx.sidecar.clone().into()),
            _ => None,
        },
    }
}
