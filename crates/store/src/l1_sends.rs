//! Transactions to L1: recorded before they are sent, recognised again by nonce and hash.
//!
//! A *purpose* (`settle/7`, `beacon/1234`) names why a transaction exists and holds one nonce. *Attempts* are signed
//! bytes for that nonce which differ in their fees; each is recorded before it is sent. After a crash the sender finds
//! the bytes here and sends those again, never a second transaction for the same purpose.

use alloy_primitives::{Address, B256, Bytes};
use sqlx::{Row, sqlite::SqliteRow};

use crate::{
    Store, StoreError,
    row::{address, b256, b256_opt, int, malformed, u64_of, u64_opt},
};

/// What is known about a purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum L1SendState {
    /// Recorded; perhaps sent, not known to be in a block.
    Recorded,
    /// In a block, succeeded.
    Mined,
    /// In a block, reverted.
    Reverted,
}

impl L1SendState {
    fn parse(text: &str) -> Result<Self, StoreError> {
        match text {
            "recorded" => Ok(Self::Recorded),
            "mined" => Ok(Self::Mined),
            "reverted" => Ok(Self::Reverted),
            other => Err(malformed("state", other)),
        }
    }
}

/// Signed bytes for the nonce of a purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L1Attempt {
    /// Transaction hash.
    pub hash: B256,
    /// EIP-2718 bytes.
    pub raw: Bytes,
}

/// One transaction to L1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L1Send {
    /// Why it is sent; unique.
    pub purpose: String,
    /// Account that signs it.
    pub account: Address,
    /// Its nonce.
    pub nonce: u64,
    /// What is known about it.
    pub state: L1SendState,
    /// Hash and block of the attempt that is in a block.
    pub mined: Option<(B256, u64)>,
    /// What was signed, oldest first.
    pub attempts: Vec<L1Attempt>,
}

impl Store {
    /// Records a purpose with its first attempt, before that is sent.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the purpose or the account's nonce is recorded already.
    pub async fn record_send(
        &self,
        purpose: &str,
        account: Address,
        nonce: u64,
        attempt: &L1Attempt,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let done = sqlx::query(
            "INSERT INTO l1_sends (purpose, account, nonce, state) VALUES (?1, ?2, ?3, 'recorded')
             ON CONFLICT DO NOTHING",
        )
        .bind(purpose)
        .bind(account.as_slice())
        .bind(int("nonce", nonce)?)
        .execute(&mut *transaction)
        .await?;
        if done.rows_affected() == 0 {
            return Err(StoreError::Conflict {
                what: format!("L1 transaction {purpose} (nonce {nonce})"),
            });
        }
        insert_attempt(&mut transaction, purpose, attempt).await?;
        Ok(transaction.commit().await?)
    }

    /// Records a further attempt for a purpose, before it is sent. Idempotent for the same bytes.
    pub async fn record_attempt(
        &self,
        purpose: &str,
        attempt: &L1Attempt,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let open = sqlx::query("SELECT 1 FROM l1_sends WHERE purpose = ?1 AND state = 'recorded'")
            .bind(purpose)
            .fetch_all(&mut *transaction)
            .await?;
        found(open.len() as u64, purpose)?;
        insert_attempt(&mut transaction, purpose, attempt).await?;
        Ok(transaction.commit().await?)
    }

    /// The transaction recorded for `purpose`.
    pub async fn send(&self, purpose: &str) -> Result<Option<L1Send>, StoreError> {
        let row = sqlx::query("SELECT * FROM l1_sends WHERE purpose = ?1")
            .bind(purpose)
            .fetch_optional(&self.pool)
            .await?;
        match row {
            Some(row) => self.read_send(&row).await.map(Some),
            None => Ok(None),
        }
    }

    /// Transactions of `account` that are not known to be in a block, by nonce.
    pub async fn open_sends(&self, account: Address) -> Result<Vec<L1Send>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM l1_sends WHERE account = ?1 AND state = 'recorded' ORDER BY nonce",
        )
        .bind(account.as_slice())
        .fetch_all(&self.pool)
        .await?;
        let mut sends = Vec::with_capacity(rows.len());
        for row in &rows {
            sends.push(self.read_send(row).await?);
        }
        Ok(sends)
    }

    /// The nonces from `from` on that are recorded for `account`, in order, whatever became of them.
    pub async fn nonces_from(&self, account: Address, from: u64) -> Result<Vec<u64>, StoreError> {
        let rows = sqlx::query(
            "SELECT nonce FROM l1_sends WHERE account = ?1 AND nonce >= ?2 ORDER BY nonce",
        )
        .bind(account.as_slice())
        .bind(int("nonce", from)?)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| u64_of(row, "nonce")).collect()
    }

    /// What is recorded for a nonce of `account`.
    pub async fn send_at(
        &self,
        account: Address,
        nonce: u64,
    ) -> Result<Option<L1Send>, StoreError> {
        let row = sqlx::query("SELECT * FROM l1_sends WHERE account = ?1 AND nonce = ?2")
            .bind(account.as_slice())
            .bind(int("nonce", nonce)?)
            .fetch_optional(&self.pool)
            .await?;
        match row {
            Some(row) => self.read_send(&row).await.map(Some),
            None => Ok(None),
        }
    }

    /// Whether the transaction with this hash was ever recorded to be sent.
    pub async fn was_sent(&self, hash: B256) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT 1 FROM l1_attempts WHERE hash = ?1")
            .bind(hash.as_slice())
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.is_some())
    }

    /// Writes down that the attempt `hash` is in `block`.
    pub async fn close_send(
        &self,
        purpose: &str,
        hash: B256,
        block: u64,
        success: bool,
    ) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE l1_sends SET state = ?2, mined_hash = ?3, mined_block = ?4 WHERE purpose = ?1",
        )
        .bind(purpose)
        .bind(if success { "mined" } else { "reverted" })
        .bind(hash.as_slice())
        .bind(int("mined_block", block)?)
        .execute(&self.pool)
        .await?;
        found(done.rows_affected(), purpose)
    }

    /// The block that contained it was reorganised away: it has to be sent again.
    pub async fn reopen_send(&self, purpose: &str) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE l1_sends SET state = 'recorded', mined_hash = NULL, mined_block = NULL
             WHERE purpose = ?1",
        )
        .bind(purpose)
        .execute(&self.pool)
        .await?;
        found(done.rows_affected(), purpose)
    }

    async fn read_send(&self, row: &SqliteRow) -> Result<L1Send, StoreError> {
        let purpose: String = row.try_get("purpose")?;
        let rows =
            sqlx::query("SELECT hash, raw FROM l1_attempts WHERE purpose = ?1 ORDER BY rowid")
                .bind(&purpose)
                .fetch_all(&self.pool)
                .await?;
        let attempts = rows
            .iter()
            .map(|row| {
                let raw = row.try_get::<Vec<u8>, _>("raw")?.into();
                Ok(L1Attempt {
                    hash: b256(row, "hash")?,
                    raw,
                })
            })
            .collect::<Result<_, StoreError>>()?;
        Ok(L1Send {
            purpose,
            account: address(row, "account")?,
            nonce: u64_of(row, "nonce")?,
            state: L1SendState::parse(row.try_get("state")?)?,
            mined: b256_opt(row, "mined_hash")?.zip(u64_opt(row, "mined_block")?),
            attempts,
        })
    }
}

async fn insert_attempt(
    connection: &mut sqlx::SqliteConnection,
    purpose: &str,
    attempt: &L1Attempt,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO l1_attempts (hash, purpose, raw) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
    )
    .bind(attempt.hash.as_slice())
    .bind(purpose)
    .bind(attempt.raw.as_ref())
    .execute(connection)
    .await?;
    Ok(())
}

fn found(rows: u64, purpose: &str) -> Result<(), StoreError> {
    match rows {
        0 => Err(StoreError::Missing {
            what: format!("open L1 transaction for {purpose}"),
        }),
        _ => Ok(()),
    }
}
