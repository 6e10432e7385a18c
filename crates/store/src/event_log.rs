//! The board's event log: append-only and hash chained, so that a copy of it can be checked against its last hash.
//!
//! `hash_n = keccak256(tag ++ hash_(n-1) ++ uint64 seq ++ uint64 at_unix_ms ++ keccak256(body))` with the tag
//! `"rollmill.log.v5"` left-aligned in 32 bytes, integers big-endian, and `hash_0` = 32 bytes of the tag itself. So a log of another
//! version does not begin here; what the versions differ in says the coordinator's `log`, whose records the bodies are.

use alloy_primitives::{B256, Keccak256, keccak256};
use sqlx::{Row, sqlite::SqliteRow};

use crate::{
    Store, StoreError,
    row::{b256, int, u64_of},
};

const TAG: &[u8] = b"rollmill.log.v5";

/// The hash before the first event.
pub fn genesis_hash() -> B256 {
    B256::right_padding_from(TAG)
}

/// One event of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRecord {
    /// Sequence number, from 1 without gaps.
    pub seq: u64,
    /// Time that the board was given with the event.
    pub at_unix_ms: u64,
    /// The event as JSON text, exactly as it is hashed.
    pub body: String,
    /// Head of the chain after this event.
    pub hash: B256,
}

impl Store {
    /// Appends an event behind `last` (the record returned before, `None` at the start) and returns its record. When
    /// this returns the event is durable; its actions may be carried out.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the log's end is not `last`: there is a second writer.
    pub async fn append_event(
        &self,
        last: Option<(u64, B256)>,
        at_unix_ms: u64,
        body: String,
    ) -> Result<EventRecord, StoreError> {
        let (previous_seq, previous_hash) = last.unwrap_or((0, genesis_hash()));
        let seq = previous_seq + 1;
        let hash = next_event_hash(previous_hash, seq, at_unix_ms, &body);
        // The sequence number is the primary key: of two writers one fails. The SELECT refuses gaps.
        let done = sqlx::query(
            "INSERT INTO board_events (seq, at_unix_ms, body, hash) SELECT ?1, ?2, ?3, ?4
             WHERE (SELECT COALESCE(MAX(seq), 0) FROM board_events) = ?1 - 1",
        )
        .bind(int("seq", seq)?)
        .bind(int("at_unix_ms", at_unix_ms)?)
        .bind(&body)
        .bind(hash.as_slice())
        .execute(&self.pool)
        .await?;
        if done.rows_affected() != 1 {
            return Err(StoreError::Conflict {
                what: format!("board event {seq}"),
            });
        }
        Ok(EventRecord {
            seq,
            at_unix_ms,
            body,
            hash,
        })
    }

    /// The head of the chain after event `seq`; `None` when there is no such event.
    pub async fn event_hash(&self, seq: u64) -> Result<Option<B256>, StoreError> {
        if seq == 0 {
            return Ok(Some(genesis_hash()));
        }
        let row = sqlx::query("SELECT hash FROM board_events WHERE seq = ?1")
            .bind(int("seq", seq)?)
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(|row| b256(row, "hash")).transpose()
    }

    /// The newest events behind `after` whose bodies begin with `prefix`, newest first; up to `limit`. Their chain is not checked.
    pub async fn newest_events(
        &self,
        prefix: &str,
        after: u64,
        limit: u32,
    ) -> Result<Vec<EventRecord>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM board_events WHERE seq > ?2 AND substr(body, 1, length(?1)) = ?1
             ORDER BY seq DESC LIMIT ?3",
        )
        .bind(prefix)
        .bind(int("seq", after)?)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(read).collect()
    }

    /// Up to `limit` events behind `after` in order, with the chain checked from `after_hash` (the hash of event
    /// `after`; [`genesis_hash`] for 0).
    ///
    /// # Errors
    /// [`StoreError::BrokenLog`] when an event is missing or was altered.
    pub async fn events(
        &self,
        after: u64,
        after_hash: B256,
        limit: u32,
    ) -> Result<Vec<EventRecord>, StoreError> {
        let rows = sqlx::query("SELECT * FROM board_events WHERE seq > ?1 ORDER BY seq LIMIT ?2")
            .bind(int("seq", after)?)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await?;
        let mut records = Vec::with_capacity(rows.len());
        let (mut seq, mut hash) = (after, after_hash);
        for row in &rows {
            let record = read(row)?;
            seq += 1;
            if record.seq != seq {
                return Err(StoreError::BrokenLog {
                    seq,
                    why: "the event is missing",
                });
            }
            hash = next_event_hash(hash, seq, record.at_unix_ms, &record.body);
            if record.hash != hash {
                return Err(StoreError::BrokenLog {
                    seq,
                    why: if seq == 1 {
                        "its hash does not follow: it was altered, or the log is of another version"
                    } else {
                        "its hash does not follow"
                    },
                });
            }
            records.push(record);
        }
        Ok(records)
    }
}

/// The head of the chain after an event behind a head `previous`; see the module.
pub fn next_event_hash(previous: B256, seq: u64, at_unix_ms: u64, body: &str) -> B256 {
    let mut hasher = Keccak256::new();
    hasher.update(genesis_hash());
    hasher.update(previous);
    hasher.update(seq.to_be_bytes());
    hasher.update(at_unix_ms.to_be_bytes());
    hasher.update(keccak256(body.as_bytes()));
    hasher.finalize()
}

fn read(row: &SqliteRow) -> Result<EventRecord, StoreError> {
    Ok(EventRecord {
        seq: u64_of(row, "seq")?,
        at_unix_ms: u64_of(row, "at_unix_ms")?,
        body: row.try_get("body")?,
        hash: b256(row, "hash")?,
    })
}
