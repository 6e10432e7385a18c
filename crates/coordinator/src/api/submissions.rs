//! Intake of proofs.
//!
//! Order of the checks; each one is cheaper than the next, and nothing is stored before the verdict:
//! known signer -> the submission is this roller's and signed for L1 -> seated -> identical repeat (first receipt) ->
//! seat open (or the fallback called for), and not for the bytes of another proof, whose digest is on L1 -> length -> the signed statement is this seat's -> body complete and as signed -> digest -> verified.
//!
//! The fallback prover has no seat; the rest is the same for it (see `fallback`).
//!
//! Everything up to the digest is a *refusal*: not submitted, never invalid. *Invalid* is what the verifier says about
//! complete bytes that the roller signed; those are kept, because L1 judges them.

mod upload;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json,
    extract::{Path, Request, State},
};
use rollmill_protocol::{
    ProofDigest, Roller, TaskId, UnixSeconds,
    board::{self, BoardError},
};
use rollmill_roller_api::{
    FALLBACK_ROUND, Refusal, RefusalCode, SeatId, SignedSubmission, SubmissionReply,
    SubmissionStats, TaskKind, VerdictKind, http,
    receipts::{SubmissionReceipt, VerdictReceipt},
    submission_signer,
};
use rollmill_store::{BatchRecord, Recorded, SubmissionRecord, Verdict};

use self::upload::{announced_length, header_json, receive};
use super::{App, Refused, auth, fallback};
use crate::{
    keeper::{KeeperError, SeatFacts, refused},
    statement,
    verifier::Verification,
};

/// Seats whose submission is being worked on: a second one for the same seat is told to come back.
#[derive(Clone, Debug, Default)]
pub(crate) struct InFlight(Arc<Mutex<BTreeSet<(SeatId, Roller)>>>);

#[utoipa::path(
    post, path = "/v1/tasks/{task}/submissions", params(("task" = String, Path, description = "Task id.")),
    description = "Signed. The body is the proof; the header rollmill-submission holds the JSON of a \
                   SignedSubmission, rollmill-stats that of SubmissionStats. The answer carries the operator's receipts for \
                   the bytes and for the verdict; an identical repeat is answered with the same.",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = SubmissionReply), (status = "default", body = Refusal))
)]
pub(super) async fn submit(
    State(app): State<App>,
    Path(task): Path<String>,
    request: Request,
) -> Result<Json<SubmissionReply>, Refused> {
    let (parts, body) = request.into_parts();
    let caller = auth::caller(&app, &parts).await?;
    let task: TaskId = task.parse().map_err(|_| RefusalCode::UnknownTask)?;
    let submission: SignedSubmission = header_json(&parts.headers, http::SUBMISSION)?;
    let stats: SubmissionStats = header_json(&parts.headers, http::STATS)?;
    authenticate(&app, &caller, task, &submission)?;
    let seat = SeatId {
        task,
        round: submission.round,
    };
    let place = place(&app, &caller, seat, app.clock.now_unix_s())?;
    let _guard = app.intake.enter(seat, caller.roller)?;

    if let Some(reply) = repeated(&app, &submission, &place).await? {
        return Ok(Json(reply));
    }
    if !place.is_open() {
        return Err(RefusalCode::SeatClosed.into());
    }
    place.takes(submission.proof_digest)?;
    announced_length(&app, &parts.headers)?;
    let batch = expected(&app, &submission).await?;
    let proof = receive(&app, &caller, &submission, body).await?;
    let _held = app.board.hold_time();
    let received_unix_ms = app.clock.now_unix_ms();
    // The body may have taken long.
    let place = self::place(&app, &caller, seat, received_unix_ms / 1000)?;
    if !place.is_open() {
        return Err(RefusalCode::SeatClosed.into());
    }
    place.takes(submission.proof_digest)?;
    let checked = app
        .verifier
        .verify(
            place.program_version(),
            submission.public_values_hash,
            proof.clone(),
        )
        .await;
    let (verification, took) = checked.map_err(Refused::internal)?;
    let verify_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX >> 1);
    let reply = match place {
        Place::Seat(facts) => {
            let accepted = Accepted {
                submission,
                stats,
                facts,
                batch,
                received_unix_ms,
                verification,
                verify_us,
            };
            accepted.store(&app, &proof).await?
        }
        Place::Fallback { .. } => {
            let proved = fallback::Proved {
                submission,
                stats,
                received_unix_ms,
                verification,
                verify_us,
            };
            proved.store(&app, proof).await?
        }
    };
    Ok(Json(reply))
}

/// What a submission is for.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// A drawn seat.
    Seat(SeatFacts),
    /// The operator's own proof.
    Fallback { called: bool, program_version: u32 },
}

impl Place {
    /// Is a submission taken?
    fn is_open(&self) -> bool {
        match self {
            Self::Seat(facts) => facts.open,
            Self::Fallback { called, .. } => *called,
        }
    }

    /// A seat whose digest is on L1 takes those bytes only.
    fn takes(&self, digest: ProofDigest) -> Result<(), Refused> {
        match self {
            Self::Seat(SeatFacts {
                posted: Some(posted),
                ..
            }) if *posted != digest => {
                let posted = board::Refusal::AlreadyPosted(*posted);
                Err(refused(posted))
            }
            Self::Seat(_) | Self::Fallback { .. } => Ok(()),
        }
    }

    fn program_version(&self) -> u32 {
        match self {
            Self::Seat(facts) => facts.program_version,
            Self::Fallback {
                program_version, ..
            } => *program_version,
        }
    }

    /// Can there be a record of a submission that does not count? A reorganisation of L1 takes a seat back and draws
    /// another one of the same name; the fallback's proof is of the batch, whatever the seats.
    fn may_be_taken_back(&self) -> bool {
        matches!(self, Self::Seat(facts) if !facts.reported)
    }
}

fn place(
    app: &App,
    caller: &auth::Caller,
    seat: SeatId,
    received_at: UnixSeconds,
) -> Result<Place, Refused> {
    if caller.kind == TaskKind::Seat {
        let facts = app.board.seat(seat, caller.roller, received_at)?;
        return Ok(Place::Seat(facts));
    }
    if seat.round != FALLBACK_ROUND {
        return Err(RefusalCode::NotSeated.into());
    }
    let commit = app
        .board
        .read(|state| state.facts.commit(seat.task).copied());
    let commit = commit.ok_or(RefusalCode::UnknownTask)?;
    Ok(Place::Fallback {
        called: fallback::is_called(app, seat),
        program_version: commit.program_version,
    })
}

/// The batch that the submission's statement is about; any other statement is refused.
async fn expected(app: &App, submission: &SignedSubmission) -> Result<BatchRecord, Refused> {
    let (task, roller) = (submission.task, submission.roller);
    let batch = statement::batch_of(&app.store, task)
        .await
        .map_err(Refused::internal)?;
    let expected = statement::expected(&batch, roller).hash();
    if submission.public_values_hash != expected {
        tracing::error!(%task, %roller, "a roller signs other public values than the native execution gives");
        return Err(Refused::because(
            RefusalCode::WrongPublicValues,
            format!(
                "expected {expected}, signed {}",
                submission.public_values_hash
            ),
        ));
    }
    Ok(batch)
}

/// A complete submission with its verdict.
struct Accepted {
    submission: SignedSubmission,
    stats: SubmissionStats,
    facts: SeatFacts,
    batch: BatchRecord,
    received_unix_ms: u64,
    verification: Verification,
    verify_us: u64,
}

impl Accepted {
    /// Receipts are signed, then bytes, then record, then event; only then the answer. What a crash leaves half done is
    /// completed at the start from the record (see `keeper`): the roller gets the receipts that were signed first.
    async fn store(self, app: &App, proof: &[u8]) -> Result<SubmissionReply, Refused> {
        let record = self.record(app).await?;
        app.store
            .objects()
            .put_proof(proof)
            .await
            .map_err(Refused::internal)?;
        let recorded = app
            .store
            .record_submission(&record)
            .await
            .map_err(Refused::internal)?;
        if let Recorded::Before(_) = recorded {
            // Cannot happen while the seat is guarded; the first one stands in any case.
            return Err(RefusalCode::OtherSubmission.into());
        }
        match app.board.submitted(&record).await {
            Ok(()) => {}
            // The task was closed by something else in this moment: not submitted, and nothing is kept of it.
            Err(KeeperError::Refused(BoardError::Refused(refusal))) => {
                let withdrawn = app
                    .store
                    .withdraw_submission(record.task, record.round, record.roller)
                    .await;
                withdrawn.map_err(Refused::internal)?;
                return Err(refused(refusal));
            }
            Err(error) => return Err(error.into()),
        }
        tracing::info!(
            task = %self.submission.task, roller = %self.submission.roller, batch = self.batch.number,
            verdict = ?record.verdict, verify_us = record.verify_us, "coordinator.submission"
        );
        reply_of(&record)
    }

    /// What the operator says, signed.
    async fn reply(&self, app: &App) -> Result<SubmissionReply, Refused> {
        let submission = &self.submission;
        let SignedSubmission {
            task,
            round,
            roller,
            proof_digest,
            ..
        } = *submission;
        let received_unix_s = self.received_unix_ms / 1000;
        let on_time = received_unix_s <= self.facts.deadline_unix_s;
        let (verdict, reason) = match &self.verification {
            Verification::Valid => (VerdictKind::Valid, None),
            Verification::Invalid(reason) => (VerdictKind::Invalid, Some(reason.clone())),
        };
        let received = SubmissionReceipt {
            task: task.0,
            round,
            roller,
            publicValuesHash: submission.public_values_hash,
            proofDigest: proof_digest.0,
            receivedAt: received_unix_s,
        };
        let judged = VerdictReceipt {
            task: task.0,
            round,
            roller,
            proofDigest: proof_digest.0,
            valid: verdict == VerdictKind::Valid,
            onTime: on_time,
        };
        Ok(SubmissionReply {
            seat: SeatId { task, round },
            roller,
            proof_digest,
            verdict,
            reason,
            on_time,
            received_unix_s,
            received: Some(app.sign(received).await?),
            judged: Some(app.sign(judged).await?),
        })
    }

    async fn record(&self, app: &App) -> Result<SubmissionRecord, Refused> {
        let reply = self.reply(app).await?;
        let submission = &self.submission;
        let json = |value: serde_json::Result<serde_json::Value>| {
            value.expect("our types have string keys and finite numbers")
        };
        Ok(SubmissionRecord {
            task: submission.task.0,
            round: submission.round,
            roller: submission.roller,
            proof_digest: submission.proof_digest.0,
            public_values_hash: submission.public_values_hash,
            signature: submission.signature.clone(),
            verdict: match reply.verdict {
                VerdictKind::Valid => Verdict::Valid,
                VerdictKind::Invalid => Verdict::Invalid,
            },
            reason: reply.reason.clone(),
            received_unix_ms: self.received_unix_ms,
            verify_us: self.verify_us,
            receipt: json(serde_json::to_value(&reply)),
            stats: json(serde_json::to_value(&self.stats)),
        })
    }
}

/// The submission names the caller's roller and this task, and carries a signature that L1 accepts.
fn authenticate(
    app: &App,
    caller: &auth::Caller,
    task: TaskId,
    submission: &SignedSubmission,
) -> Result<(), Refused> {
    if submission.task != task {
        return Err(Refused::because(
            RefusalCode::Malformed,
            "the submission is for another task",
        ));
    }
    if submission.roller != caller.roller {
        return Err(RefusalCode::WrongRoller.into());
    }
    match submission_signer(submission, &app.domain) {
        Ok(signer) if signer == caller.signer => Ok(()),
        Ok(signer) => Err(Refused::because(
            RefusalCode::WrongSubmissionSignature,
            signer,
        )),
        Err(error) => Err(Refused::because(
            RefusalCode::WrongSubmissionSignature,
            error,
        )),
    }
}

/// The answer to an identical submission that was received before.
async fn repeated(
    app: &App,
    submission: &SignedSubmission,
    place: &Place,
) -> Result<Option<SubmissionReply>, Refused> {
    let SignedSubmission {
        task,
        round,
        roller,
        ..
    } = submission;
    let before = app
        .store
        .submission(task.0, *round, *roller)
        .await
        .map_err(Refused::internal)?;
    let Some(before) = before else {
        return Ok(None);
    };
    if place.may_be_taken_back() {
        let withdrawn = app.store.withdraw_submission(task.0, *round, *roller).await;
        return withdrawn.map(|()| None).map_err(Refused::internal);
    }
    let same = before.proof_digest == submission.proof_digest.0
        && before.public_values_hash == submission.public_values_hash;
    if !same {
        return Err(RefusalCode::OtherSubmission.into());
    }
    reply_of(&before).map(Some)
}

fn reply_of(record: &SubmissionRecord) -> Result<SubmissionReply, Refused> {
    serde_json::from_value(record.receipt.clone()).map_err(Refused::internal)
}

impl InFlight {
    fn enter(&self, seat: SeatId, roller: Roller) -> Result<Entered, Refused> {
        let key = (seat, roller);
        if !self.lock().insert(key) {
            return Err(Refused::because(
                RefusalCode::Busy,
                "the seat's submission is in work",
            ));
        }
        Ok(Entered {
            seats: self.clone(),
            key,
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<(SeatId, Roller)>> {
        // The set is whole after every single operation on it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leaves the set when the request ends, in whatever way.
struct Entered {
    seats: InFlight,
    key: (SeatId, Roller),
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.seats.lock().remove(&self.key);
    }
}
