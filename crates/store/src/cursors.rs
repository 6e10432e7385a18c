//! Where a reader of L1 stands.

use alloy_primitives::B256;

use crate::{
    Store, StoreError,
    row::{b256, int, u64_of},
};

/// The last L1 block that a reader has dealt with completely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Block number.
    pub block: u64,
    /// Block hash, to notice a reorganisation.
    pub hash: B256,
}

impl Store {
    /// The cursor called `name`, or `None` before it was set.
    pub async fn cursor(&self, name: &str) -> Result<Option<Cursor>, StoreError> {
        let row = sqlx::query("SELECT block, hash FROM cursors WHERE name = ?1")
            .bind(name)
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| {
            Ok(Cursor {
                block: u64_of(&row, "block")?,
                hash: b256(&row, "hash")?,
            })
        })
        .transpose()
    }

    /// Sets the cursor called `name`.
    pub async fn set_cursor(&self, name: &str, cursor: Cursor) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO cursors (name, block, hash) VALUES (?1, ?2, ?3)
             ON CONFLICT (name) DO UPDATE SET block = excluded.block, hash = excluded.hash",
        )
        .bind(name)
        .bind(int("block", cursor.block)?)
        .bind(cursor.hash.as_slice())
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
