//! Messages from L1 (deposits, forced transactions) as JSON text, by their index in the queue.

use sqlx::Row;

use crate::{
    Store, StoreError,
    row::{int, u64_of, u64_opt},
};

impl Store {
    /// Records a message that was seen in `l1_block`. Idempotent; after a reorganisation the newer content stands.
    pub async fn put_message(
        &self,
        index: u64,
        l1_block: u64,
        body: &str,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO l1_messages (idx, l1_block, body) VALUES (?1, ?2, ?3)
             ON CONFLICT (idx) DO UPDATE SET l1_block = excluded.l1_block, body = excluded.body",
        )
        .bind(int("idx", index)?)
        .bind(int("l1_block", l1_block)?)
        .bind(body)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Up to `limit` messages (index, L1 block, body) from `index` on, in order.
    pub async fn messages_from(
        &self,
        index: u64,
        limit: u32,
    ) -> Result<Vec<(u64, u64, String)>, StoreError> {
        let rows = sqlx::query("SELECT * FROM l1_messages WHERE idx >= ?1 ORDER BY idx LIMIT ?2")
            .bind(int("idx", index)?)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await?;
        rows.iter()
            .map(|row| {
                Ok((
                    u64_of(row, "idx")?,
                    u64_of(row, "l1_block")?,
                    row.try_get("body")?,
                ))
            })
            .collect()
    }

    /// The index after the last message.
    pub async fn messages_end(&self) -> Result<u64, StoreError> {
        let row = sqlx::query("SELECT MAX(idx) + 1 AS messages_end FROM l1_messages")
            .fetch_one(&self.pool)
            .await?;
        Ok(u64_opt(&row, "messages_end")?.unwrap_or(0))
    }

    /// Forgets the messages seen in blocks after `l1_block`, which were reorganised away; returns how many.
    pub async fn drop_messages_after_block(&self, l1_block: u64) -> Result<u64, StoreError> {
        let done = sqlx::query("DELETE FROM l1_messages WHERE l1_block > ?1")
            .bind(int("l1_block", l1_block)?)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected())
    }
}
