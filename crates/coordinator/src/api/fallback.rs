//! The operator's own prover: the same API, the same checks of a proof, no seat, no receipt, no pay.
//!
//! The board calls for it (`Action::StartFallback`) when no roller delivered for long enough. Its proof states the
//! fallback's own address as the prover; L1 takes it by `settleUnpaid` when its time has come (see `actions`). A proof that
//! does not verify is answered and forgotten: nobody is accused.

use alloy_primitives::Bytes;
use rollmill_protocol::{Roller, board::Action};
use rollmill_roller_api::{
    Assignment, FALLBACK_ROUND, Progress, RefusalCode, SeatId, SignedSubmission, StopOrder,
    StopReason, SubmissionReply, SubmissionStats, TaskKind, VerdictKind,
};
use rollmill_store::{Recorded, StoreError, SubmissionRecord, Verdict};

use super::{App, Refused};
use crate::{state::State, verifier::Verification};

/// The oldest task that waits for the fallback's proof and is not in its hands.
pub(super) async fn next(
    app: &App,
    fallback: Roller,
    in_hand: &[SeatId],
) -> Result<Option<Assignment>, Refused> {
    let state = app.board.state();
    for seat in called(&state) {
        if in_hand.contains(&seat) {
            continue;
        }
        let made = app
            .store
            .submission(seat.task.0, seat.round, fallback)
            .await;
        if made.map_err(Refused::internal)?.is_some() {
            continue;
        }
        if let Some(assignment) = assignment(&state, seat, fallback) {
            tracing::info!(task = %seat.task, "coordinator.fallback");
            return Ok(Some(assignment));
        }
    }
    Ok(None)
}

/// The work on tasks that need the fallback no longer.
pub(super) fn stop_orders(app: &App, work: &[Progress]) -> Vec<StopOrder> {
    let state = app.board.state();
    let lost = |progress: &&Progress| !called(&state).any(|seat| seat == progress.seat);
    let order = |progress: &Progress| StopOrder {
        seat: progress.seat,
        reason: StopReason::Settled,
    };
    work.iter().filter(lost).map(order).collect()
}

/// Is the fallback called for this task?
pub(super) fn is_called(app: &App, seat: SeatId) -> bool {
    called(&app.board.state()).any(|called| called == seat)
}

fn called(state: &State) -> impl Iterator<Item = SeatId> {
    let actions = state.board.outstanding().into_iter();
    actions.filter_map(|action| match action {
        Action::StartFallback { task, .. } => Some(SeatId {
            task,
            round: FALLBACK_ROUND,
        }),
        _ => None,
    })
}

fn assignment(state: &State, seat: SeatId, fallback: Roller) -> Option<Assignment> {
    let task = state.board.task_by_id(seat.task)?;
    let commit = state.facts.commit(seat.task)?;
    Some(Assignment {
        kind: TaskKind::Fallback,
        seat,
        batch: task.batch,
        roller: fallback,
        tickets: 0,
        program_version: commit.program_version,
        witness_hash: commit.witness_hash,
        prover_gas_estimate: task.prover_gas_estimate,
        assigned_unix_s: state.board.now(),
        deadline_unix_s: u64::MAX,
        receipt: None,
        passed_over: Vec::new(),
    })
}

/// A complete proof of the fallback with what the verifier says of it.
pub(super) struct Proved {
    pub(super) submission: SignedSubmission,
    pub(super) stats: SubmissionStats,
    pub(super) received_unix_ms: u64,
    pub(super) verification: Verification,
    pub(super) verify_us: u64,
}

impl Proved {
    /// Keeps a valid proof until L1 takes it: bytes, then record, then the answer.
    pub(super) async fn store(self, app: &App, proof: Bytes) -> Result<SubmissionReply, Refused> {
        let reply = self.reply();
        if let Verification::Invalid(reason) = &self.verification {
            tracing::error!(task = %self.submission.task, reason, "the fallback's proof does not verify");
            return Ok(reply);
        }
        let stored = app.store.objects().put_proof(&proof).await;
        stored.map_err(Refused::internal)?;
        let record = self.record(&reply).map_err(Refused::internal)?;
        let recorded: Result<Recorded, StoreError> = app.store.record_submission(&record).await;
        match recorded.map_err(Refused::internal)? {
            Recorded::New => {}
            // Cannot happen while the seat is guarded; the first one stands in any case.
            Recorded::Before(_) => return Err(RefusalCode::OtherSubmission.into()),
        }
        tracing::info!(task = %self.submission.task, "coordinator.fallback_proof");
        Ok(reply)
    }

    fn reply(&self) -> SubmissionReply {
        let (verdict, reason) = match &self.verification {
            Verification::Valid => (VerdictKind::Valid, None),
            Verification::Invalid(reason) => (VerdictKind::Invalid, Some(reason.clone())),
        };
        SubmissionReply {
            seat: SeatId {
                task: self.submission.task,
                round: FALLBACK_ROUND,
            },
            roller: self.submission.roller,
            proof_digest: self.submission.proof_digest,
            verdict,
            reason,
            on_time: true,
            received_unix_s: self.received_unix_ms / 1000,
            received: None,
            judged: None,
        }
    }

    fn record(&self, reply: &SubmissionReply) -> serde_json::Result<SubmissionRecord> {
        let submission = &self.submission;
        Ok(SubmissionRecord {
            task: submission.task.0,
            round: FALLBACK_ROUND,
            roller: submission.roller,
            proof_digest: submission.proof_digest.0,
            public_values_hash: submission.public_values_hash,
            signature: submission.signature.clone(),
            verdict: Verdict::Valid,
            reason: None,
            received_unix_ms: self.received_unix_ms,
            verify_us: self.verify_us,
            receipt: serde_json::to_value(reply)?,
            stats: serde_json::to_value(&self.stats)?,
        })
    }
}
