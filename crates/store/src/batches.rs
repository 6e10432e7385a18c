//! Batches as the sequencer sealed them: what it commits on L1, and what a proof of them must state.
//!
//! Order of writing: the witness object first, then this record, then the commit transaction. So whoever sees a batch
//! on L1 finds its record and its witness here.

use alloy_primitives::{B256, Bytes};
use rollmill_protocol::PublicValues;
use serde::{Deserialize, Serialize};
use sqlx::{Row, sqlite::SqliteRow};

use crate::{
    Store, StoreError,
    row::{b256, b256_opt, int, json, malformed, to_json, u64_of, u64_opt},
};

/// How far a batch has come. It never goes back except through [`Store::rewind_batches`] after an L1 reorganisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchState {
    /// Closed by the sequencer.
    Sealed,
    /// Committed on L1.
    Committed,
    /// Its state root is L1's.
    Settled,
}

impl BatchState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Sealed => "sealed",
            Self::Committed => "committed",
            Self::Settled => "settled",
        }
    }

    fn parse(text: &str) -> Result<Self, StoreError> {
        match text {
            "sealed" => Ok(Self::Sealed),
            "committed" => Ok(Self::Committed),
            "settled" => Ok(Self::Settled),
            other => Err(malformed("state", other)),
        }
    }
}

/// A transaction in a block of L1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct L1Place {
    /// Its hash.
    pub transaction: B256,
    /// Number of its block.
    pub block: u64,
}

/// A sealed batch.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchRecord {
    /// Batch number, from 1.
    pub number: u64,
    /// First L2 block.
    pub first_block: u64,
    /// Last L2 block.
    pub last_block: u64,
    /// How far it has come.
    pub state: BatchState,
    /// Task id of its proof.
    pub task: B256,
    /// Name of the witness object.
    pub witness_hash: B256,
    /// Batch data as committed.
    pub data: Bytes,
    /// Arguments of the commit call, as JSON of the sequencer's type.
    pub commit_fields: serde_json::Value,
    /// What a proof must state, with the roller zero: each roller's own statement differs in that field alone.
    pub public_values: PublicValues,
    /// Figures for reports (transactions, EVM gas, prover gas, witness bytes).
    pub stats: serde_json::Value,
    /// Where it was committed, as far as L1 was read.
    pub committed: Option<L1Place>,
    /// Where it was settled, as far as L1 was read.
    pub settled: Option<L1Place>,
}

impl Store {
    /// Records a sealed batch, which is nowhere on L1 yet. Idempotent for the same task and witness.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another batch has the number.
    pub async fn record_batch(&self, batch: &BatchRecord) -> Result<(), StoreError> {
        let done = sqlx::query(
            "INSERT INTO batches (number, first_block, last_block, state, task, witness_hash, data, commit_fields,
                                  public_values, stats)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING",
        )
        .bind(int("number", batch.number)?)
        .bind(int("first_block", batch.first_block)?)
        .bind(int("last_block", batch.last_block)?)
        .bind(batch.state.as_str())
        .bind(batch.task.as_slice())
        .bind(batch.witness_hash.as_slice())
        .bind(batch.data.as_ref())
        .bind(to_json("commit_fields", &batch.commit_fields)?)
        .bind(to_json("public_values", &batch.public_values)?)
        .bind(to_json("stats", &batch.stats)?)
        .execute(&self.pool)
        .await?;
        if done.rows_affected() == 1 {
            return Ok(());
        }
        match self.batch(batch.number).await? {
            Some(found) if found.task == batch.task && found.witness_hash == batch.witness_hash => {
                Ok(())
            }
            _ => Err(StoreError::Conflict {
                what: format!("batch {}", batch.number),
            }),
        }
    }

    /// The batch with this number. Strangers ask, too: of numbers that are in no column there is none.
    pub async fn batch(&self, number: u64) -> Result<Option<BatchRecord>, StoreError> {
        let Ok(number) = int("number", number) else {
            return Ok(None);
        };
        let row = sqlx::query("SELECT * FROM batches WHERE number = ?1")
            .bind(number)
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// The batch whose proof is this task.
    pub async fn batch_of_task(&self, task: B256) -> Result<Option<BatchRecord>, StoreError> {
        let row = sqlx::query("SELECT * FROM batches WHERE task = ?1")
            .bind(task.as_slice())
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Up to `limit` batches from number `from` on, in order.
    pub async fn batches(&self, from: u64, limit: u32) -> Result<Vec<BatchRecord>, StoreError> {
        let rows = sqlx::query("SELECT * FROM batches WHERE number >= ?1 ORDER BY number LIMIT ?2")
            .bind(int("number", from)?)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(read).collect()
    }

    /// All batches in exactly this state, in order.
    pub async fn batches_in_state(
        &self,
        state: BatchState,
    ) -> Result<Vec<BatchRecord>, StoreError> {
        let rows = sqlx::query("SELECT * FROM batches WHERE state = ?1 ORDER BY number")
            .bind(state.as_str())
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(read).collect()
    }

    /// The highest batch number that has come at least to `state`.
    pub async fn last_batch(&self, state: BatchState) -> Result<Option<u64>, StoreError> {
        let row = sqlx::query(
            "SELECT MAX(number) AS number FROM batches
             WHERE state IN ('settled', CASE WHEN ?1 <> 'settled' THEN 'committed' END,
                             CASE WHEN ?1 = 'sealed' THEN 'sealed' END)",
        )
        .bind(state.as_str())
        .fetch_one(&self.pool)
        .await?;
        u64_opt(&row, "number")
    }

    /// The last L2 block that L1 had settled after its block `l1_block`; `None` when it had settled none.
    pub async fn settled_by(&self, l1_block: u64) -> Result<Option<u64>, StoreError> {
        // Batches settle in their order, so the newest rows decide.
        let row = sqlx::query(
            "SELECT last_block FROM batches WHERE settled_block <= ?1 ORDER BY number DESC LIMIT 1",
        )
        .bind(int("l1_block", l1_block)?)
        .fetch_optional(&self.pool)
        .await?;
        row.as_ref()
            .map(|row| u64_of(row, "last_block"))
            .transpose()
    }

    /// Writes down where a batch was committed. One that is settled stays settled.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such batch.
    pub async fn set_batch_committed(&self, number: u64, at: L1Place) -> Result<(), StoreError> {
        let update = sqlx::query(
            "UPDATE batches SET committed_block = ?2, committed_tx = ?3,
                    state = CASE state WHEN 'sealed' THEN 'committed' ELSE state END WHERE number = ?1",
        );
        self.place(update, number, at).await
    }

    /// Writes down where a batch was settled.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such batch.
    pub async fn set_batch_settled(&self, number: u64, at: L1Place) -> Result<(), StoreError> {
        let update = sqlx::query(
            "UPDATE batches SET settled_block = ?2, settled_tx = ?3, state = 'settled' WHERE number = ?1",
        );
        self.place(update, number, at).await
    }

    async fn place(
        &self,
        update: sqlx::query::Query<'_, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>,
        number: u64,
        at: L1Place,
    ) -> Result<(), StoreError> {
        let done = update
            .bind(int("number", number)?)
            .bind(int("block", at.block)?)
            .bind(at.transaction.to_vec())
            .execute(&self.pool)
            .await?;
        match done.rows_affected() {
            0 => Err(StoreError::Missing {
                what: format!("batch {number}"),
            }),
            _ => Ok(()),
        }
    }

    /// Takes back what blocks of L1 after `l1_block` said of batches: they were reorganised away.
    pub async fn rewind_batches(&self, l1_block: u64) -> Result<(), StoreError> {
        let after = int("l1_block", l1_block)?;
        let mut all = self.pool.begin().await?;
        for step in [
            "UPDATE batches SET settled_block = NULL, settled_tx = NULL, state = 'committed' WHERE settled_block > ?1",
            "UPDATE batches SET committed_block = NULL, committed_tx = NULL, state = 'sealed' WHERE committed_block > ?1",
        ] {
            sqlx::query(step).bind(after).execute(&mut *all).await?;
        }
        Ok(all.commit().await?)
    }

    /// Forgets the batches after `number`; returns how many. For a node that has them from L1 alone.
    pub async fn drop_batches_after(&self, number: u64) -> Result<u64, StoreError> {
        let done = sqlx::query("DELETE FROM batches WHERE number > ?1")
            .bind(int("number", number)?)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected())
    }
}

fn place(
    row: &SqliteRow,
    block: &'static str,
    transaction: &'static str,
) -> Result<Option<L1Place>, StoreError> {
    let (block, transaction) = (u64_opt(row, block)?, b256_opt(row, transaction)?);
    let place = transaction.zip(block);
    Ok(place.map(|(transaction, block)| L1Place { transaction, block }))
}

fn read(row: &SqliteRow) -> Result<BatchRecord, StoreError> {
    Ok(BatchRecord {
        number: u64_of(row, "number")?,
        first_block: u64_of(row, "first_block")?,
        last_block: u64_of(row, "last_block")?,
        state: BatchState::parse(row.try_get("state")?)?,
        task: b256(row, "task")?,
        witness_hash: b256(row, "witness_hash")?,
        data: row.try_get::<Vec<u8>, _>("data")?.into(),
        commit_fields: json(row, "commit_fields")?,
        public_values: json(row, "public_values")?,
        stats: json(row, "stats")?,
        committed: place(row, "committed_block", "committed_tx")?,
        settled: place(row, "settled_block", "settled_tx")?,
    })
}
