//! What the board wants done on L1.
//!
//! The board lists what is outstanding until L1's event confirms it. For each outstanding action there is one worker that
//! tries until it is confirmed; the sender of L1 transactions makes repetition safe, because a purpose is sent once. So a
//! restart needs no memory of its own: the replayed board lists what is still to be done, and a settlement that got stuck
//! goes on by itself.

use std::{
    collections::{HashMap, hash_map},
    time::{Duration, Instant},
};

use alloy::{eips::BlockNumberOrTag, providers::Provider, sol_types::SolCall};
use alloy_primitives::{B256, Bytes, U256};
use rollmill_l1::{
    Call, Deployment, HeaderError, Mined, SendError, Sender, calls,
    contracts::{Control, Court, Draws, Rollup},
    header_rlp, purpose as l1_purpose,
};
use rollmill_protocol::{
    BatchNumber, Entry, PublicValues, Roller, TaskId, UnixSeconds,
    board::{Action, SeatKey},
    law::{Controls, snapshot::LEAF_BYTES},
};
use rollmill_roller_api::FALLBACK_ROUND;
use rollmill_runtime::Shutdown;
use rollmill_store::{ObjectError, Store, StoreError, SubmissionRecord};
use tokio::{
    task::{JoinError, JoinSet},
    time::sleep,
};

use crate::{
    keeper::Keeper,
    statement::{self, StatementError},
};

/// After this many failures in a row a failure is worth a person's attention; before, L1 may only need another block.
pub(crate) const QUIET_FAILURES: u32 = 6;

/// An L1 that is silent for longer is given a transaction to put into a block (development nodes mine only then).
const POKE_AFTER: Duration = Duration::from_secs(4);

/// Entries must hold what was posted two minutes before them (`Evidence`, `CLOSING_S`); half of that is left for L1 to take them,
/// seconds.
const UNREAD_S: u64 = 60;

/// Carries out actions on L1.
#[derive(Clone, Debug)]
pub(crate) struct Actions {
    pub(crate) keeper: Keeper,
    pub(crate) store: Store,
    pub(crate) sender: Sender,
    pub(crate) deployment: Deployment,
    /// Whose proofs settle unpaid.
    pub(crate) fallback: Option<Roller>,
    /// Rollers in a piece of a snapshot; a power of two.
    pub(crate) piece_leaves: usize,
    pub(crate) retry: Duration,
    pub(crate) shutdown: Shutdown,
}

/// An action cannot be carried out, now or at all.
#[derive(Debug, thiserror::Error)]
enum ActionError {
    /// L1 has to go on first.
    #[error("L1 has no block {0} yet")]
    NotYet(u64),
    /// L1's time has to go on first.
    #[error("L1 takes an unpaid settlement from {0} on")]
    TooEarly(UnixSeconds),
    /// Something that is not L1's has to come first: the fallback's proof, or the settlement of the batch before.
    #[error("not ready yet")]
    NotReady,
    /// L1 could not be asked.
    #[error("L1 does not answer")]
    Read(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error(transparent)]
    Header(#[from] HeaderError),
    #[error(transparent)]
    Send(#[from] SendError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Object(#[from] ObjectError),
    #[error(transparent)]
    Statement(#[from] StatementError),
    #[error("there is no record of the submission of seat {0}")]
    NoSubmission(SeatKey),
}

impl Actions {
    /// Keeps one worker for each outstanding action until the shutdown.
    pub(crate) async fn run(self) -> Result<(), std::convert::Infallible> {
        let mut changes = self.keeper.changes();
        let mut workers = JoinSet::new();
        let mut running = HashMap::new();
        while !self.shutdown.is_cancelled() {
            changes.borrow_and_update();
            let mut wanted = HashMap::new();
            for action in self.keeper.read(|state| state.board.outstanding()) {
                if let Some(purpose) = purpose(&action) {
                    wanted.insert(purpose, action);
                }
            }
            running.retain(|purpose, stop: &mut Shutdown| {
                let keep = wanted.contains_key(purpose);
                if !keep {
                    stop.cancel();
                }
                keep
            });
            for (purpose, action) in wanted {
                if let hash_map::Entry::Vacant(vacant) = running.entry(purpose) {
                    let stop = self.shutdown.child();
                    let (worker, name) = (self.clone(), vacant.key().clone());
                    vacant.insert(stop.clone());
                    workers.spawn(async move { worker.perform(&name, &action, &stop).await });
                }
            }
            tokio::select! {
                () = self.shutdown.cancelled() => break,
                changed = changes.changed() => if changed.is_err() { break },
                Some(ended) = workers.join_next() => surface_panic(ended),
            }
        }
        workers.shutdown().await;
        Ok(())
    }

    /// Tries until it is told to stop, which is when the board has seen L1's event. An attempt is never cut off: the
    /// sender writes down what became of its transaction.
    async fn perform(&self, purpose: &str, action: &Action, stop: &Shutdown) {
        let mut failures = 0u32;
        let mut done = false;
        let mut poke = Poke::default();
        while !stop.is_cancelled() {
            match self.attempt(purpose, action).await {
                Ok(mined) => {
                    failures = 0;
                    if !done {
                        done = true;
                        tracing::info!(purpose, tx = %mined.hash, l1_block = mined.block, gas = mined.gas_used, "coordinator.l1_action");
                    }
                }
                Err(ActionError::NotYet(awaited) | ActionError::TooEarly(awaited)) => {
                    self.poke(&mut poke, awaited).await;
                }
                Err(ActionError::NotReady) => {}
                Err(error) => {
                    failures += 1;
                    if failures.is_multiple_of(QUIET_FAILURES) {
                        tracing::warn!(
                            purpose,
                            failures,
                            error = &error as &dyn std::error::Error,
                            "L1 action fails"
                        );
                    } else {
                        tracing::debug!(
                            purpose,
                            error = &error as &dyn std::error::Error,
                            "L1 action fails"
                        );
                    }
                }
            }
            let pause = sleep(self.retry * failures.clamp(1, 20));
            stop.run_until(pause).await;
        }
    }

    async fn attempt(&self, purpose: &str, action: &Action) -> Result<Mined, ActionError> {
        if let Action::PostSnapshot {
            epoch,
            root,
            leaves,
            controls,
            ..
        } = action
        {
            self.post_dials(*epoch, controls).await?;
            self.post_pieces(*epoch, *root, leaves).await?;
        }
        let call = self.call(action).await?;
        if let Action::PostEntries { batch, .. } = action {
            self.post_draws(*batch).await?;
        }
        Ok(self.sender.send(purpose, &call).await?)
    }

    async fn call(&self, action: &Action) -> Result<Call, ActionError> {
        match action {
            Action::PostSnapshot {
                epoch,
                root,
                total,
                leaves,
                ..
            } => Ok(self.to_rollup(&Rollup::postSnapshotCall {
                epoch: *epoch,
                root: *root,
                total: U256::from(*total),
                leaves: self.pieces(leaves).1,
            })),
            Action::StoreBeacon { l1_block } => self.store_beacon(*l1_block).await,
            Action::PostEntries { batch, .. } => self.post_entries(*batch).await,
            Action::Settle {
                batch,
                seat,
                proof_digest,
                entries,
            } => {
                let pv = self.statement(seat.task, seat.roller).await?;
                let proof = self.store.objects().proof(*proof_digest).await?;
                let entries = entries.iter().map(entry).collect();
                tracing::debug!(batch, roller = %seat.roller, "settling");
                Ok(calls::settle(self.deployment.rollup, &pv, proof, entries))
            }
            Action::Judge { batch, seat, .. } => self.judge(*batch, *seat).await,
            Action::StartFallback { batch, task } => self.settle_unpaid(*batch, *task).await,
            Action::Assigned(_) | Action::Stop(_) | Action::Alarm(_) => {
                unreachable!("has no purpose on L1")
            }
        }
    }

    /// The entries as they are now: what was posted may have joined them. They wait while a submission may stand unread on
    /// L1 for which the operator would answer.
    async fn post_entries(&self, batch: BatchNumber) -> Result<Call, ActionError> {
        let closed = self.keeper.read(|state| {
            let task = state.board.task_by_batch(batch)?;
            Some((task.final_entries().to_vec(), task.posts_until(), state.l1?))
        });
        let (entries, posts_until, read) = closed.ok_or(ActionError::NotReady)?;
        if let Some(until) = posts_until {
            let unread = self.timestamp(BlockNumberOrTag::Number(read.block + 1));
            let head = self.timestamp(BlockNumberOrTag::Latest);
            if may_miss_posts(until, unread.await?, head.await?) {
                return Err(ActionError::NotReady);
            }
        }
        let entries = entries.iter().map(entry).collect();
        Ok(self.to_rollup(&Rollup::postEntriesCall { batch, entries }))
    }

    /// L1's time of a block; `None` when there is no such block yet.
    async fn timestamp(&self, block: BlockNumberOrTag) -> Result<Option<UnixSeconds>, ActionError> {
        let found = self.sender.provider().get_block_by_number(block).await;
        let found = found.map_err(|error| ActionError::Read(Box::new(error)))?;
        Ok(found.map(|block| block.header.timestamp))
    }

    /// The fallback's proof, as soon as there is one and L1 takes it.
    async fn settle_unpaid(&self, batch: BatchNumber, task: TaskId) -> Result<Call, ActionError> {
        let fallback = self.fallback.ok_or(ActionError::NotReady)?;
        let submitted = self
            .store
            .submission(task.0, FALLBACK_ROUND, fallback)
            .await?;
        let record = submitted.ok_or(ActionError::NotReady)?;
        if self.keeper.read(|state| state.board.settled_through()) + 1 != batch {
            return Err(ActionError::NotReady);
        }
        let provider = self.sender.provider();
        let rollup = Rollup::new(self.deployment.rollup, provider);
        let from = rollup.unpaidFrom(batch).call().await;
        let from = from.map_err(|error| ActionError::Read(Box::new(error)))?;
        let head = self.timestamp(BlockNumberOrTag::Latest).await?;
        if head.is_none_or(|head| head < from) {
            return Err(ActionError::TooEarly(from));
        }
        let pv = self.statement(task, fallback).await?;
        let proof = self
            .store
            .objects()
            .proof(record.proof_digest.into())
            .await?;
        Ok(calls::settle_unpaid(self.deployment.rollup, &pv, proof))
    }

    /// The dials of an epoch come into force with its snapshot, so they go first; with them the head of the log from
    /// which they follow, which thereby is on L1. An epoch does not begin without its dials: should L1 refuse them, it waits.
    async fn post_dials(&self, epoch: u64, controls: &Controls) -> Result<(), ActionError> {
        let control = Control::new(self.deployment.control, self.sender.provider());
        let posted = control.posted().call().await;
        let posted = posted.map_err(|error| ActionError::Read(Box::new(error)))?;
        if posted.epoch >= epoch {
            return Ok(());
        }
        let (_, log_hash) = self.keeper.head();
        let post = Control::postCall {
            epoch,
            dials: Control::Dials {
                unitPriceWei: controls.unit_price.0,
                tauNsPerGas: controls.tau_ns_per_gas,
                window: controls.window,
                k: controls.k,
            },
            logHash: log_hash,
        };
        let call = Call::new(self.deployment.control, &post);
        let mined = self.sender.send(&format!("dials/{epoch}"), &call).await?;
        tracing::info!(epoch, tx = %mined.hash, "coordinator.dials");
        Ok(())
    }

    /// The rounds of a task's draw go before its entries, which L1 judges by them.
    async fn post_draws(&self, batch: BatchNumber) -> Result<(), ActionError> {
        let draws = Draws::new(self.deployment.draws, self.sender.provider());
        let posted = draws.roundsHash(batch).call().await;
        let posted = posted.map_err(|error| ActionError::Read(Box::new(error)))?;
        if !posted.is_zero() {
            return Ok(());
        }
        let drawn = self.keeper.read(|state| {
            let task = state.board.task_by_batch(batch)?;
            Some((task.draw_beacon?, task.posted_rounds()))
        });
        let (beacon, rounds) = drawn.ok_or(ActionError::NotReady)?;
        let post = Draws::postCall {
            batch,
            beacon,
            rounds,
        };
        let call = Call::new(self.deployment.draws, &post);
        // After a reorganisation of L1 it is another draw.
        let purpose = format!("draws/{batch}/{beacon}");
        let mined = self.sender.send(&purpose, &call).await?;
        tracing::debug!(batch, tx = %mined.hash, gas = mined.gas_used, "coordinator.draws");
        Ok(())
    }

    /// All pieces of a snapshot but the last one, which goes with its root.
    async fn post_pieces(&self, epoch: u64, root: B256, leaves: &Bytes) -> Result<(), ActionError> {
        let control = Control::new(self.deployment.control, self.sender.provider());
        let on_l1 = control.pieceCount(epoch).call().await;
        let on_l1 = on_l1.map_err(|error| ActionError::Read(Box::new(error)))?;
        let mut pieces = self.pieces(leaves).0;
        // Those of another snapshot, before a reorganisation.
        if pieces.is_empty() && !on_l1.is_zero() {
            pieces.push(Bytes::new());
        }
        for (index, leaves) in (0u64..).zip(pieces) {
            let piece = Control::postPieceCall {
                epoch,
                index: U256::from(index),
                leaves,
            };
            let call = Call::new(self.deployment.control, &piece);
            let purpose = format!("piece/{epoch}/{root}/{index}");
            let mined = self.sender.send(&purpose, &call).await?;
            tracing::debug!(epoch, index, tx = %mined.hash, gas = mined.gas_used, "coordinator.piece");
        }
        Ok(())
    }

    /// The leaves of a snapshot in pieces, and the last of them.
    fn pieces(&self, leaves: &Bytes) -> (Vec<Bytes>, Bytes) {
        let piece_bytes = self.piece_leaves * LEAF_BYTES;
        let whole = leaves.len().saturating_sub(1) / piece_bytes;
        let at = |index: usize| index * piece_bytes;
        let pieces = (0..whole).map(|index| leaves.slice(at(index)..at(index + 1)));
        (pieces.collect(), leaves.slice(at(whole)..))
    }

    async fn store_beacon(&self, l1_block: u64) -> Result<Call, ActionError> {
        match header_rlp(self.sender.provider(), l1_block).await {
            Ok((header, _)) => Ok(calls::store_beacon(self.deployment.rollup, header)),
            Err(HeaderError::Missing { number }) => Err(ActionError::NotYet(number)),
            Err(error) => Err(error.into()),
        }
    }

    async fn judge(&self, batch: BatchNumber, seat: SeatKey) -> Result<Call, ActionError> {
        let record = self
            .store
            .submission(seat.task.0, seat.round, seat.roller)
            .await?;
        let record = record.ok_or(ActionError::NoSubmission(seat))?;
        let pv = self.statement(seat.task, seat.roller).await?;
        let proof = self
            .store
            .objects()
            .proof(record.proof_digest.into())
            .await?;
        let signature = record.signature.clone();
        let submission = submission(&record);
        Ok(calls::judge(
            self.deployment.court,
            batch,
            submission,
            signature,
            &pv,
            proof,
        ))
    }

    async fn statement(&self, task: TaskId, roller: Roller) -> Result<PublicValues, ActionError> {
        let batch = statement::batch_of(&self.store, task).await?;
        Ok(statement::expected(&batch, roller))
    }

    fn to_rollup(&self, call: &impl SolCall) -> Call {
        Call::new(self.deployment.rollup, call)
    }

    /// Gives a silent L1 a transaction, so that the awaited block comes.
    async fn poke(&self, poke: &mut Poke, awaited: u64) {
        let Ok(head) = self.sender.provider().get_block_number().await else {
            return;
        };
        if !poke.is_due(head, Instant::now()) {
            return;
        }
        let own = self.sender.address();
        let call = Call::raw(own, Bytes::new());
        if let Err(error) = self
            .sender
            .send(&format!("poke/{awaited}/{head}"), &call)
            .await
        {
            tracing::debug!(%error, head, "cannot poke L1");
        }
    }
}

/// A worker that panics ends the process.
fn surface_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        std::panic::resume_unwind(error.into_panic());
    }
}

/// Notices an L1 whose head does not move.
#[derive(Debug, Default)]
struct Poke(Option<(u64, Instant)>);

impl Poke {
    fn is_due(&mut self, head: u64, now: Instant) -> bool {
        match self.0 {
            Some((known, since)) if known == head => now.duration_since(since) >= POKE_AFTER,
            _ => {
                self.0 = Some((head, now));
                false
            }
        }
    }
}

/// The name under which an action is sent once; `None` for what is not for L1.
pub(crate) fn purpose(action: &Action) -> Option<String> {
    match action {
        Action::PostSnapshot { epoch, .. } => Some(format!("snapshot/{epoch}")),
        Action::StoreBeacon { l1_block } => Some(l1_purpose::beacon(*l1_block)),
        Action::PostEntries { batch, .. } => Some(format!("entries/{batch}")),
        Action::Settle { batch, .. } => Some(l1_purpose::settle(*batch)),
        Action::Judge { batch, seat, .. } => {
            Some(format!("judge/{batch}/{}/{}", seat.round, seat.roller))
        }
        Action::StartFallback { batch, .. } => Some(l1_purpose::settle_unpaid(*batch)),
        Action::Assigned(_) | Action::Stop(_) | Action::Alarm(_) => None,
    }
}

/// Could a submission that was posted by the deadline `until` be in L1's oldest block that was not read, and be so old when the
/// entries get there that it must be among them?
fn may_miss_posts(
    until: UnixSeconds,
    unread: Option<UnixSeconds>,
    head: Option<UnixSeconds>,
) -> bool {
    let Some(unread) = unread else { return false };
    unread <= until && unread + UNREAD_S < head.unwrap_or(unread)
}

fn entry(entry: &Entry) -> Rollup::Entry {
    Rollup::Entry {
        roller: entry.roller,
        tickets: entry.tickets,
        proofDigest: entry.proof_digest.0,
    }
}

fn submission(record: &SubmissionRecord) -> Court::Submission {
    Court::Submission {
        task: record.task,
        round: record.round,
        roller: record.roller,
        publicValuesHash: record.public_values_hash,
        proofDigest: record.proof_digest,
    }
}

#[cfg(test)]
mod tests;
