//! One seat: from its assignment to a receipt for the proof.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use alloy_primitives::Bytes;
use eyre::{WrapErr, bail, ensure};
use rollmill_protocol::PublicValues;
use rollmill_roller_api::{Assignment, SeatId, Stage, VerdictKind};
use rollmill_runtime::Shutdown;

use super::{Daemon, retry};
use crate::{
    finished::Finished,
    prover::{Job, Proof},
};

impl Daemon {
    /// Works on a seat until it has reported, is lost, or fails; then the coordinator delivers it again.
    pub(super) async fn take(&self, assignment: Assignment) -> eyre::Result<()> {
        let token = self.shutdown.child();
        *self.hand() = Some((assignment.seat, token.clone()));
        self.progress.begin(&assignment);
        let outcome = token.run_until(self.deliver(&assignment, &token)).await;
        self.progress.end();
        *self.hand() = None;
        outcome.unwrap_or(Ok(()))
    }

    async fn deliver(&self, assignment: &Assignment, token: &Shutdown) -> eyre::Result<()> {
        let SeatId { task, round } = assignment.seat;
        ensure!(
            (assignment.kind, assignment.roller) == (self.identity.kind, self.identity.roller),
            "task {task} is addressed to {} as {:?}",
            assignment.roller,
            assignment.kind
        );
        if let Some(asker) = &self.identity.asker {
            let receipts = asker.assignment(assignment);
            let receipts =
                receipts.wrap_err_with(|| format!("task {task}: the assignment is not taken"))?;
            self.receipts.keep(receipts).await?;
        }
        let (finished, proof) = match self.finished.find(task, self.identity.roller).await {
            Some(found) => {
                tracing::info!(%task, round, "submitting the proof made before");
                found
            }
            None => {
                tracing::info!(%task, round, batch = assignment.batch, "proving");
                let Some(made) = self.make(assignment, token).await? else {
                    return Ok(());
                };
                made
            }
        };
        self.progress.reach(Stage::Submitting, 0.99);
        self.submit(assignment, &finished, proof, token).await
    }

    /// Makes the proof and keeps it. `None` when it was cancelled.
    async fn make(
        &self,
        assignment: &Assignment,
        token: &Shutdown,
    ) -> eyre::Result<Option<(Finished, Bytes)>> {
        self.progress.reach(Stage::Downloading, 0.0);
        let witness = self.witness(assignment).await?;
        let Some((values, proof)) = self.prove(assignment, witness, token).await? else {
            return Ok(None);
        };
        let finished = self.finished.keep(values, &proof.bytes, proof.stats);
        let finished = finished.await?;
        self.objects.remove(assignment.witness_hash).await?;
        Ok(Some((finished, proof.bytes.into())))
    }

    async fn witness(&self, assignment: &Assignment) -> eyre::Result<Bytes> {
        let hash = assignment.witness_hash;
        if let Ok(bytes) = self.objects.get(hash).await {
            return Ok(bytes);
        }
        let bytes_max = self.requirements.witness_bytes_max;
        let mut writer = self.objects.writer(bytes_max).await?;
        let mut download = self
            .client
            .witness(hash, bytes_max)
            .await
            .wrap_err("cannot fetch the witness")?;
        while let Some(piece) = download.next().await.wrap_err("cannot fetch the witness")? {
            writer.write(&piece).await?;
        }
        writer.finish(Some(hash)).await?;
        Ok(self.objects.get(hash).await?)
    }

    async fn prove(
        &self,
        assignment: &Assignment,
        witness: Bytes,
        token: &Shutdown,
    ) -> eyre::Result<Option<(PublicValues, Proof)>> {
        self.progress.reach(Stage::Executing, 0.0);
        let (roller, task) = (self.identity.roller, assignment.seat.task);
        let values = self
            .commits
            .statement(assignment, witness.clone())
            .await
            .wrap_err_with(|| format!("task {task} is not proven"))?;
        let public_values_hash = values.hash();
        let (prover, progress) = (self.prover.clone(), self.progress.clone());
        let cancel = Arc::new(AtomicBool::new(false));
        let flag = cancel.clone();
        // Dropping this future (the task is lost, the process ends) must end the blocking work as well.
        let _raise = RaiseOnDrop(cancel);
        let proving = tokio::task::spawn_blocking(move || {
            let job = Job {
                roller,
                task,
                witness,
                public_values_hash,
            };
            prover.prove(&job, &|reached| progress.reach_part(reached), &flag)
        });
        let Some(proof) = token.run_until(proving).await else {
            return Ok(None);
        };
        let proof = proof.wrap_err("the proving thread ended")??;
        Ok(proof.map(|proof| (values, proof)))
    }

    /// Hands the proof in, again and again until there is a receipt or a refusal for good. When its time gets short, L1 is told of it.
    async fn submit(
        &self,
        assignment: &Assignment,
        finished: &Finished,
        proof: Bytes,
        token: &Shutdown,
    ) -> eyre::Result<()> {
        let seat = assignment.seat;
        let submission = self.client.sign_submission(
            seat,
            self.identity.roller,
            finished.public_values.hash(),
            &proof,
        );
        let taken = retry(token, "submission", || {
            self.client
                .submit(&submission, &finished.stats, proof.clone())
        });
        let reply = match &self.posting {
            None => taken.await,
            Some(posting) => {
                tokio::pin!(taken);
                let reply = tokio::select! {
                    biased;
                    reply = &mut taken => reply,
                    () = posting.in_time(assignment, &submission) => taken.await,
                };
                // Refused for good: it is handed in again, but the time may be over then.
                if reply.is_err() && !token.is_cancelled() {
                    posting.if_due(assignment, &submission).await;
                }
                reply
            }
        };
        let is_answered = reply.is_ok() || !token.is_cancelled();
        if is_answered {
            let answer = reply
                .as_ref()
                .ok()
                .map(|reply| (reply.verdict, reply.on_time));
            self.progress.metrics().handed_in(answer);
        }
        let reply = reply?;
        let (task, on_time) = (seat.task, reply.on_time);
        if let Some(asker) = &self.identity.asker {
            let receipts = asker.submission(&submission, &reply);
            let receipts =
                receipts.wrap_err_with(|| format!("task {task}: handed in without a receipt"))?;
            self.receipts.keep(receipts).await?;
        }
        match reply.verdict {
            VerdictKind::Valid => {
                tracing::info!(%task, on_time, seconds = finished.stats.prove_seconds, "accepted");
                Ok(())
            }
            // A failure, so that there is a pause before the same bytes are handed in again.
            VerdictKind::Invalid => bail!(
                "task {task}: the coordinator's verifier rejects what ours accepted: {}",
                reply.reason.unwrap_or_default()
            ),
        }
    }
}

/// Raises a flag when it goes out of scope.
struct RaiseOnDrop(Arc<AtomicBool>);

impl Drop for RaiseOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
