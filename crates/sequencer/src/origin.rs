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

use alloy::{providers::Provider, transports::TransportError};
use rollmill_l1::{Cursor, DynProvider, REORG_DEPTH_MAX};
use rollmill_store::{BatchState, L1Place, Store, StoreError};

use crate::{FollowError, follower};

/// The data directory and L1 do not belong together, or cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum OriginError {
    /// L1 does not answer: try again.
    #[error("L1 does not answer")]
    Rpc(#[from] TransportError),
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
