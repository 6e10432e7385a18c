//! Is this the L1 that a data directory was read from?
//!
//! The watcher follows reorganisations of up to [`REORG_DEPTH_MAX`] blocks. What a directory has read beyond that is taken for
//! granted, so before anything is shown it is asked whether this L1 has it at all: an L1 that was started anew, or a directory of
//! another one, would leave the old chain standing as if it were final.
//!
//! | of the last block that was read, L1 has | then |
//! |---|---|
//! | the same block | it is the same L1 |
//! | no block, and its head is further below than can be followed | another L1, or one that is not synchronised |
//! | another or none | a reorganisation within reach, if the newest commit below its reach is still where it was |
//!
//! Who sequences asks a second thing: whether every batch that L1 has was made here, or derived. A fresh directory of a rollup that has
//! run already would begin another chain beside the one that L1 holds.

use alloy::{contract::Error as ContractError, providers::Provider, transports::TransportError};
use rollmill_l1::{Cursor, Deployment, DynProvider, REORG_DEPTH_MAX, contracts::Rollup, purpose};
use rollmill_store::{BatchState, L1Place, Store, StoreError};

use crate::{FollowError, follower};

/// The data directory and L1 do not belong together, or cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum OriginError {
    /// L1 does not answer: try again.
    #[error("L1 does not answer")]
    Rpc(#[from] TransportError),
    /// L1 does not answer, or its contract is another: try again, or look at the deployment file.
    #[error("L1 does not say how many batches it has")]
    Contract(#[from] ContractError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stored position on L1 is malformed.
    #[error(transparent)]
    Cursor(#[from] FollowError),
    /// L1 is shorter than what was read.
    #[error(
        "this data directory has read L1 up to block {read}, but this L1 ends with block {head}: it is another L1, one that \
         was started anew, or not synchronised; choose another data directory or another L1"
    )]
    Shorter {
        /// Last block that was read.
        read: u64,
        /// L1's head.
        head: u64,
    },
    /// L1 does not have what it must have.
    #[error(
        "this data directory has read L1 up to block {read}, and the commit of batch {batch} in block {block}, but this L1 \
         has neither: it is another L1, or one that was started anew; choose another data directory or another L1"
    )]
    OtherL1 {
        /// Last block that was read.
        read: u64,
        /// A batch whose commit no reorganisation within reach takes back.
        batch: u64,
        /// Its commit's block.
        block: u64,
    },
    /// L1 has batches that another node committed, and that were not derived here.
    #[error(
        "L1 has {committed} batches, this data directory has {here}: the rollup has been run from another one; use that one, \
         or a directory that `rollmill node --derive` has filled from L1 up to its newest batch (which brings the chain back, \
         but not the coordinator's log, without which nobody can go on once rollers were drawn)"
    )]
    NotOurs {
        /// Batches that L1 has.
        committed: u64,
        /// Batches that are on record here.
        here: u64,
    },
}

/// Compares what `store` has read with `l1`. A store that has read nothing belongs to every L1.
///
/// # Errors
/// [`OriginError`]: among them, that it is not the same L1.
pub async fn check_origin(store: &Store, l1: &DynProvider) -> Result<(), OriginError> {
    let Some(cursor) = follower::cursor(store).await? else {
        return Ok(());
    };
    let read = cursor.block;
    let found = l1.get_block_by_number(read.into()).await?;
    if found.is_some_and(|block| block.header.hash == cursor.hash) {
        return Ok(());
    }
    let head = l1.get_block_number().await?;
    if head.saturating_add(REORG_DEPTH_MAX) < read {
        return Err(OriginError::Shorter { read, head });
    }
    let Some((batch, place)) = anchor(store, cursor).await? else {
        return Ok(());
    };
    let receipt = l1.get_transaction_receipt(place.transaction).await?;
    if receipt.and_then(|receipt| receipt.block_number) == Some(place.block) {
        return Ok(());
    }
    Err(OriginError::OtherL1 {
        read,
        batch,
        block: place.block,
    })
}

/// Compares the batches on record in `store`, which is to be sequenced from, with those that L1 has.
///
/// A batch that was sent from here and is on record no more was taken back with a reorganisation: the follower reads it again.
///
/// # Errors
/// [`OriginError`]: among them, that L1 has a batch that is not from here.
pub async fn check_batches(
    store: &Store,
    deployment: &Deployment,
    l1: &DynProvider,
) -> Result<(), OriginError> {
    let here = store.last_batch(BatchState::Sealed).await?.unwrap_or(0);
    let rollup = Rollup::new(deployment.rollup, l1);
    let committed = rollup.committedBatch().call().await?;
    if committed <= here || store.send(&purpose::commit(here + 1)).await?.is_some() {
        return Ok(());
    }
    Err(OriginError::NotOurs { committed, here })
}

/// The newest commit that no reorganisation within reach takes back, with its batch.
async fn anchor(store: &Store, cursor: Cursor) -> Result<Option<(u64, L1Place)>, StoreError> {
    let last = store.last_batch(BatchState::Committed).await?;
    for batch in (1..=last.unwrap_or(0)).rev() {
        let record = store.batch(batch).await?;
        let place = record.and_then(|record| record.committed);
        if let Some(place) = place.filter(|place| place.block + REORG_DEPTH_MAX <= cursor.block) {
            return Ok(Some((batch, place)));
        }
    }
    Ok(None)
}
