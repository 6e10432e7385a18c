//! Submissions with their verdicts: one per seat. The proof's bytes are the object named by `proof_digest`.

use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};
use sqlx::{Row, sqlite::SqliteRow};

use crate::{
    Store, StoreError,
    row::{address, b256, int, json, malformed, to_json, u64_of},
};

/// What the verifier said about a complete submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The proof was accepted.
    Valid,
    /// The proof was rejected.
    Invalid,
}

impl Verdict {
    fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
        }
    }

    fn parse(text: &str) -> Result<Self, StoreError> {
        match text {
            "valid" => Ok(Self::Valid),
            "invalid" => Ok(Self::Invalid),
            other => Err(malformed("verdict", other)),
        }
    }
}

/// A verified submission of one seat.
#[derive(Clone, Debug, PartialEq)]
pub struct SubmissionRecord {
    /// Task id.
    pub task: B256,
    /// Round of the draw that the seat belongs to.
    pub round: u32,
    /// The roller whose seat it is.
    pub roller: Address,
    /// Digest of the proof = name of the object.
    pub proof_digest: B256,
    /// What the roller signed as the hash of the public values.
    pub public_values_hash: B256,
    /// The roller's EIP-712 signature over the submission, 65 bytes.
    pub signature: Bytes,
    /// The verifier's answer.
    pub verdict: Verdict,
    /// Why the proof was rejected.
    pub reason: Option<String>,
    /// When the last byte was received.
    pub received_unix_ms: u64,
    /// Time that the verifier took.
    pub verify_us: u64,
    /// The answer that the roller was given and is given again.
    pub receipt: serde_json::Value,
    /// What the roller reported about its work.
    pub stats: serde_json::Value,
}

/// Answer of [`Store::record_submission`].
#[derive(Clone, Debug, PartialEq)]
pub enum Recorded {
    /// The seat had no submission; this one is now durable.
    New,
    /// The seat's first submission, which stands.
    Before(Box<SubmissionRecord>),
}

impl Store {
    /// Records the submission of a seat, unless there is one already.
    pub async fn record_submission(
        &self,
        record: &SubmissionRecord,
    ) -> Result<Recorded, StoreError> {
        let done = sqlx::query(
            "INSERT INTO submissions (task, round, roller, proof_digest, public_values_hash, signature, verdict,
                                      reason, received_unix_ms, verify_us, receipt, stats)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT DO NOTHING",
        )
        .bind(record.task.as_slice())
        .bind(i64::from(record.round))
        .bind(record.roller.as_slice())
        .bind(record.proof_digest.as_slice())
        .bind(record.public_values_hash.as_slice())
        .bind(record.signature.as_ref())
        .bind(record.verdict.as_str())
        .bind(record.reason.as_deref())
        .bind(int("received_unix_ms", record.received_unix_ms)?)
        .bind(int("verify_us", record.verify_us)?)
        .bind(to_json("receipt", &record.receipt)?)
        .bind(to_json("stats", &record.stats)?)
        .execute(&self.pool)
        .await?;
        if done.rows_affected() == 1 {
            return Ok(Recorded::New);
        }
        let before = self
            .submission(record.task, record.round, record.roller)
            .await?;
        before
            .map(|before| Recorded::Before(Box::new(before)))
            .ok_or_else(|| StoreError::Missing {
                what: format!("submission of {}", record.roller),
            })
    }

    /// Takes a submission back that the board did not take: to the roller it was never made.
    pub async fn withdraw_submission(
        &self,
        task: B256,
        round: u32,
        roller: Address,
    ) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM submissions WHERE task = ?1 AND round = ?2 AND roller = ?3")
            .bind(task.as_slice())
            .bind(i64::from(round))
            .bind(roller.as_slice())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The submission of one seat.
    pub async fn submission(
        &self,
        task: B256,
        round: u32,
        roller: Address,
    ) -> Result<Option<SubmissionRecord>, StoreError> {
        let row =
            sqlx::query("SELECT * FROM submissions WHERE task = ?1 AND round = ?2 AND roller = ?3")
                .bind(task.as_slice())
                .bind(i64::from(round))
                .bind(roller.as_slice())
                .fetch_optional(&self.pool)
                .await?;
        row.as_ref().map(read).transpose()
    }

    /// All submissions for a task, by round and roller.
    pub async fn submissions_of(&self, task: B256) -> Result<Vec<SubmissionRecord>, StoreError> {
        let rows = sqlx::query("SELECT * FROM submissions WHERE task = ?1 ORDER BY round, roller")
            .bind(task.as_slice())
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &SqliteRow) -> Result<SubmissionRecord, StoreError> {
    let round = u64_of(row, "round")?;
    Ok(SubmissionRecord {
        task: b256(row, "task")?,
        round: u32::try_from(round).map_err(|_| malformed("round", round))?,
        roller: address(row, "roller")?,
        proof_digest: b256(row, "proof_digest")?,
        public_values_hash: b256(row, "public_values_hash")?,
        signature: row.try_get::<Vec<u8>, _>("signature")?.into(),
        verdict: Verdict::parse(row.try_get("verdict")?)?,
        reason: row.try_get("reason")?,
        received_unix_ms: u64_of(row, "received_unix_ms")?,
        verify_us: u64_of(row, "verify_us")?,
        receipt: json(row, "receipt")?,
        stats: json(row, "stats")?,
    })
}
