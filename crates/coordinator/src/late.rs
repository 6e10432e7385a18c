//! What the operator still owes a winner when a batch has settled without it.
//!
//! Anybody may settle a batch unpaid once the winner's time is over. Then the reward is held for the winner's proof, for a while,
//! and the operator's bond answers for two things: for a lottery beacon that nobody stored while it could be proven, and for
//! the reward, if it burns while the operator has the winner's bytes. So for each such batch the operator stores the beacon and claims for the
//! winner. L1 says what is done already; nothing has to be remembered.

use std::{collections::BTreeSet, convert::Infallible, time::Duration};

use alloy::providers::Provider;
use rollmill_l1::{
    Deployment, SendError, Sender,
    rewards::{LateShare, RewardError, claim_late, late_share, store_beacon},
};
use rollmill_protocol::{
    BatchNumber, TaskId,
    board::{Stage, Task},
};
use rollmill_runtime::Shutdown;
use rollmill_store::{ObjectError, Store, StoreError, Verdict};
use tokio::time::sleep;

use crate::{
    actions::QUIET_FAILURES,
    keeper::Keeper,
    statement::{self, StatementError},
};

/// Blocks of which L1 can prove the header (EIP-2935).
const HISTORY_BLOCKS: u64 = 8_191;

/// Looks after batches that settled unpaid.
#[derive(Debug)]
pub(crate) struct LateShares {
    pub(crate) keeper: Keeper,
    pub(crate) store: Store,
    pub(crate) sender: Sender,
    pub(crate) deployment: Deployment,
    pub(crate) retry: Duration,
    pub(crate) shutdown: Shutdown,
}

/// Nothing could be done now.
#[derive(Debug, thiserror::Error)]
enum LateError {
    #[error("L1's endpoint is behind the block in which the batch settled")]
    Behind,
    #[error(transparent)]
    Reward(#[from] RewardError),
    #[error(transparent)]
    Send(#[from] SendError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Object(#[from] ObjectError),
    #[error(transparent)]
    Statement(#[from] StatementError),
}

/// A batch that settled unpaid with entries.
#[derive(Clone, Copy, Debug)]
struct Unpaid {
    batch: BatchNumber,
    task: TaskId,
    lottery_block: u64,
}

impl LateShares {
    /// Until the shutdown.
    pub(crate) async fn run(self) -> Result<(), Infallible> {
        let mut changes = self.keeper.changes();
        let mut done = BTreeSet::new();
        let mut failures = 0u32;
        while !self.shutdown.is_cancelled() {
            changes.borrow_and_update();
            let unpaid = self.unpaid(&mut done);
            let before = failures;
            for unpaid in unpaid {
                match self.shutdown.run_until(self.attend(unpaid)).await {
                    None => return Ok(()),
                    Some(Ok(())) => {
                        done.insert(unpaid.batch);
                    }
                    Some(Err(error)) => {
                        failures += 1;
                        complain(unpaid.batch, failures, &error);
                    }
                }
            }
            if failures == before {
                failures = 0;
            }
            let again = async {
                match failures {
                    0 => std::future::pending().await,
                    _ => sleep(self.retry * failures.min(20)).await,
                }
            };
            tokio::select! {
                () = self.shutdown.cancelled() => break,
                // While something fails, only time helps.
                changed = changes.changed(), if failures == 0 => if changed.is_err() { break },
                () = again => {}
            }
        }
        Ok(())
    }

    fn unpaid(&self, done: &mut BTreeSet<BatchNumber>) -> Vec<Unpaid> {
        self.keeper.read(|state| {
            // L1 may take a settlement back.
            done.retain(|batch| *batch <= state.board.settled_through());
            let tasks = state.board.tasks().filter_map(unpaid);
            tasks.filter(|task| !done.contains(&task.batch)).collect()
        })
    }

    /// Does what L1 still takes for a batch.
    async fn attend(&self, unpaid: Unpaid) -> Result<(), LateError> {
        let Unpaid {
            batch,
            lottery_block,
            ..
        } = unpaid;
        let stored = store_beacon(&self.sender, &self.deployment, lottery_block).await;
        if let Err(error) = stored {
            let head = self.sender.provider().get_block_number().await;
            if head.is_ok_and(|head| head <= lottery_block + HISTORY_BLOCKS) {
                return Err(error.into());
            }
            let error = &error as &dyn std::error::Error;
            tracing::error!(
                batch,
                lottery_block,
                error,
                "the lottery's beacon is lost, and the bond answers for it"
            );
            return Ok(());
        }
        let held = match late_share(&self.sender, &self.deployment, batch, None).await? {
            LateShare::Held(held) => held,
            LateShare::Nothing => return Ok(()),
            LateShare::Open => return Err(LateError::Behind),
        };
        let winner = &held.winner;
        let submissions = self.store.submissions_of(unpaid.task.0).await?;
        let is_here = submissions.iter().any(|record| {
            (record.roller, record.proof_digest) == (winner.roller, winner.proofDigest)
                && record.verdict == Verdict::Valid
        });
        if !is_here {
            tracing::info!(batch, roller = %winner.roller, "the winner's proof is not here: its reward waits for it");
            return Ok(());
        }
        let record = statement::batch_of(&self.store, unpaid.task).await?;
        let values = statement::expected(&record, winner.roller);
        let proof = self
            .store
            .objects()
            .proof(winner.proofDigest.into())
            .await?;
        let roller = winner.roller;
        let mined = claim_late(&self.sender, &self.deployment, held, &values, proof).await?;
        tracing::info!(batch, %roller, tx = %mined.hash, "coordinator.late_share");
        Ok(())
    }
}

/// The lottery of a task that settled without its winner.
fn unpaid(task: &Task) -> Option<Unpaid> {
    let Stage::Settled {
        lottery: Some(lottery),
        roller: None,
        ..
    } = &task.stage
    else {
        return None;
    };
    Some(Unpaid {
        batch: task.batch,
        task: task.id,
        lottery_block: lottery.block,
    })
}

/// Loudly once in a while only: L1 may just need another block.
fn complain(batch: BatchNumber, failures: u32, error: &LateError) {
    let error = error as &dyn std::error::Error;
    if failures.is_multiple_of(QUIET_FAILURES) {
        tracing::warn!(batch, failures, error, "a late share cannot be claimed");
    } else {
        tracing::debug!(batch, error, "a late share cannot be claimed yet");
    }
}
