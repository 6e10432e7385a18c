//! What a proof has to state: computed from the sequencer's own execution, never from what a prover sent.

use rollmill_protocol::{PublicValues, Roller, TaskId};
use rollmill_store::{BatchRecord, Store, StoreError};

/// The statement of a task cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The sequencer's record of the batch is not there: the commit on L1 came from another database.
    #[error("there is no record of the batch of task {0}")]
    NoRecord(TaskId),
    /// The record is of another task, or already somebody's.
    #[error("the record of the batch of task {0} does not fit it")]
    Inconsistent(TaskId),
}

/// The sequencer's record of the batch that a task proves.
pub(crate) async fn batch_of(store: &Store, task: TaskId) -> Result<BatchRecord, StatementError> {
    let record = store
        .batch_of_task(task.0)
        .await?
        .ok_or(StatementError::NoRecord(task))?;
    let template = &record.public_values;
    // SOUNDNESS: the template is completed with a roller below; it must be exactly this task's and nobody's yet.
    if template.task != task || !template.roller.is_zero() || template.first_batch != record.number
    {
        return Err(StatementError::Inconsistent(task));
    }
    Ok(record)
}

/// The only public values with which a proof by `roller` is valid.
pub(crate) fn expected(batch: &BatchRecord, roller: Roller) -> PublicValues {
    PublicValues {
        roller,
        ..batch.public_values.clone()
    }
}
