//! Transactions to L1: recorded before they are sent, recognised again by nonce and hash.
//!
//! A *purpose* (`settle/7`, `beacon/1234`) names why a transaction exists; it is recorded once. After a crash the sender
//! finds the raw bytes here and sends those again, never a second transaction for the same purpose.

use alloy_primitives::{Address, B256, Bytes};
use sqlx::{Row, sqlite::SqliteRow};

use crate::{
    Store, StoreError,
    row::{address, b256, int, malformed, u64_of, u64_opt},
};

/// What is known about a recorded transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum L1SendState {
    /// Recorded; perhaps sent, not known to be in a block.
    Pending,
    /// In a block, succeeded.
    Confirmed,
    /// In a block, reverted.
    Reverted,
}

impl L1SendState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Reverted => "reverted",
        }
    }

    fn parse(text: &str) -> Result<Self, StoreError> {
        match text {
            "pending" => Ok(Self::Pending),
            "confirmed" => Ok(Self::Confirmed),
            "reverted" => Ok(Self::Reverted),
            other => Err(malformed("state", other)),
        }
    }
}

/// One transaction to L1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L1Send {
    /// Why it is sent; unique.
    pub purpose: String,
    /// Account that signed it.
    pub sender: Address,
    /// Its nonce.
    pub nonce: u64,
    /// Its hash.
    pub hash: B256,
    /// Its signed EIP-2718 bytes.
    pub raw: Bytes,
    /// What is known about it.
    pub state: L1SendState,
    /// L1 block that contains it, once known.
    pub block: Option<u64>,
}

impl Store {
    /// Records a transaction before it is sent. Idempotent for identical bytes.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the purpose, or the sender's nonce, is recorded with another transaction.
    pub async fn record_l1_send(&self, send: &L1Send) -> Result<(), StoreError> {
        let done = sqlx::query(
            "INSERT INTO l1_sends (purpose, sender, nonce, hash, raw, state, block)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
        )
        .bind(&send.purpose)
        .bind(send.sender.as_slice())
        .bind(int("nonce", send.nonce)?)
        .bind(send.hash.as_slice())
        .bind(send.raw.as_ref())
        .bind(send.state.as_str())
        .bind(send.block.map(|block| int("block", block)).transpose()?)
        .execute(&self.pool)
        .await?;
        if done.rows_affected() == 1 {
            return Ok(());
        }
        match self.l1_send(&send.purpose).await? {
            Some(found) if found.hash == send.hash => Ok(()),
            _ => Err(StoreError::Conflict {
                what: format!("L1 transaction {} (nonce {})", send.purpose, send.nonce),
            }),
        }
    }

    /// The transaction recorded for `purpose`.
    pub async fn l1_send(&self, purpose: &str) -> Result<Option<L1Send>, StoreError> {
        let row = sqlx::query("SELECT * FROM l1_sends WHERE purpose = ?1")
            .bind(purpose)
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Transactions of `sender` that are not known to be in a block, by nonce.
    pub async fn pending_l1_sends(&self, sender: Address) -> Result<Vec<L1Send>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM l1_sends WHERE sender = ?1 AND state = 'pending' ORDER BY nonce",
        )
        .bind(sender.as_slice())
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(read).collect()
    }

    /// The highest nonce that was ever recorded for `sender`.
    pub async fn highest_l1_nonce(&self, sender: Address) -> Result<Option<u64>, StoreError> {
        let row = sqlx::query("SELECT MAX(nonce) AS nonce FROM l1_sends WHERE sender = ?1")
            .bind(sender.as_slice())
            .fetch_one(&self.pool)
            .await?;
        u64_opt(&row, "nonce")
    }

    /// Writes down what became of the transaction for `purpose`.
    pub async fn set_l1_send_state(
        &self,
        purpose: &str,
        state: L1SendState,
        block: Option<u64>,
    ) -> Result<(), StoreError> {
        let done = sqlx::query("UPDATE l1_sends SET state = ?2, block = ?3 WHERE purpose = ?1")
            .bind(purpose)
            .bind(state.as_str())
            .bind(block.map(|block| int("block", block)).transpose()?)
            .execute(&self.pool)
            .await?;
        found(done.rows_affected(), purpose)
    }

    /// Puts other bytes in the place of a pending transaction: a higher fee, or a new nonce after the old one was
    /// used by something else. The purpose keeps its single transaction.
    pub async fn replace_l1_send(
        &self,
        purpose: &str,
        nonce: u64,
        hash: B256,
        raw: &[u8],
    ) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE l1_sends SET nonce = ?2, hash = ?3, raw = ?4, state = 'pending', block = NULL
             WHERE purpose = ?1 AND state <> 'confirmed'",
        )
        .bind(purpose)
        .bind(int("nonce", nonce)?)
        .bind(hash.as_slice())
        .bind(raw)
        .execute(&self.pool)
        .await?;
        found(done.rows_affected(), purpose)
    }
}

fn found(rows: u64, purpose: &str) -> Result<(), StoreError> {
    match rows {
        0 => Err(StoreError::Missing {
            what: format!("open L1 transaction for {purpose}"),
        }),
        _ => Ok(()),
    }
}

fn read(row: &SqliteRow) -> Result<L1Send, StoreError> {
    Ok(L1Send {
        purpose: row.try_get("purpose")?,
        sender: address(row, "sender")?,
        nonce: u64_of(row, "nonce")?,
        hash: b256(row, "hash")?,
        raw: row.try_get::<Vec<u8>, _>("raw")?.into(),
        state: L1SendState::parse(row.try_get("state")?)?,
        block: u64_opt(row, "block")?,
    })
}
