//! Conversions between columns and typed values.

use alloy_primitives::{Address, B256};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{Row, sqlite::SqliteRow};

use crate::StoreError;

pub(crate) fn int(column: &'static str, value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::OutOfRange { column, value })
}

pub(crate) fn u64_of(row: &SqliteRow, column: &'static str) -> Result<u64, StoreError> {
    let value: i64 = row.try_get(column)?;
    u64::try_from(value).map_err(|_| malformed(column, "negative"))
}

pub(crate) fn u64_opt(row: &SqliteRow, column: &'static str) -> Result<Option<u64>, StoreError> {
    let value: Option<i64> = row.try_get(column)?;
    value
        .map(|value| u64::try_from(value).map_err(|_| malformed(column, "negative")))
        .transpose()
}

pub(crate) fn b256(row: &SqliteRow, column: &'static str) -> Result<B256, StoreError> {
    let bytes: &[u8] = row.try_get(column)?;
    B256::try_from(bytes).map_err(|_| malformed(column, "not 32 bytes"))
}

pub(crate) fn b256_opt(row: &SqliteRow, column: &'static str) -> Result<Option<B256>, StoreError> {
    let bytes: Option<&[u8]> = row.try_get(column)?;
    bytes
        .map(|bytes| B256::try_from(bytes).map_err(|_| malformed(column, "not 32 bytes")))
        .transpose()
}

pub(crate) fn address(row: &SqliteRow, column: &'static str) -> Result<Address, StoreError> {
    let bytes: &[u8] = row.try_get(column)?;
    Address::try_from(bytes).map_err(|_| malformed(column, "not 20 bytes"))
}

pub(crate) fn json<T: DeserializeOwned>(
    row: &SqliteRow,
    column: &'static str,
) -> Result<T, StoreError> {
    let text: &str = row.try_get(column)?;
    serde_json::from_str(text).map_err(|error| malformed(column, error))
}

pub(crate) fn to_json<T: Serialize>(column: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| malformed(column, error))
}

pub(crate) fn malformed(column: &'static str, why: impl ToString) -> StoreError {
    StoreError::Malformed {
        column,
        why: why.to_string(),
    }
}
