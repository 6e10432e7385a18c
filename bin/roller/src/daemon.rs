//! `roller run`: heartbeats beside a loop of pick -> witness -> proof -> submission.
//!
//! | a crash while | after the restart |
//! |---|---|
//! | waiting or downloading | the seat is delivered again |
//! | proving | the seat is delivered again, the proof begins anew |
//! | the proof is finished, not submitted | the proof on disk is submitted |
//! | submitted, answer lost | the same bytes are submitted again and answered with the first receipt |

use std::{
    fs::File,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use alloy_primitives::Bytes;
use eyre::{WrapErr, bail, ensure};
use rollmill_l1::{Deployment, Sender, SenderConfig, connect, load_key};
use rollmill_protocol::PublicValues;
use rollmill_roller_api::{
    Assignment, Client, ClientError, HeartbeatRequest, PickRequest, Requirements, SeatId, Stage,
    VerdictKind,
};
use rollmill_runtime::{Backoff, ReadyFile, Shutdown, Tasks, chain, init_tracing};
use rollmill_store::{Objects, Store};
use serde_json::json;

use crate::{
    config::{RunArgs, RunConfig},
    finished::{self, Finished, FinishedProofs},
    identity::{Identity, check_build},
    posting::Posting,
    progress,
    prover::{Job, Proof, Prover},
    receipts::ReceiptBook,
    rights::Rights,
    serving::{self, Serving},
    statement::Commits,
};

/// How long a pick is asked to stay open.
const PICK_WAIT: Duration = Duration::from_secs(15);

/// The roller as its two loops share it.
struct Daemon {
    client: Client,
    identity: Identity,
    receipts: ReceiptBook,
    requirements: Requirements,
    objects: Objects,
    finished: FinishedProofs,
    commits: Commits,
    /// None for the fallback prover: nobody wrongs the operator.
    posting: Option<Posting>,
    prover: Arc<Prover>,
    progress: progress::Board,
    /// The seat in hand and its token, which a stop order of the coordinator cancels.
    in_hand: Mutex<Option<(SeatId, Shutdown)>>,
    shutdown: Shutdown,
}

/// Runs until a signal or a failure.
pub async fn run(args: RunArgs) -> eyre::Result<()> {
    let config = args.resolve()?;
    init_tracing(config.log_format, "info")?;
    let shutdown = Shutdown::new();
    shutdown.listen_for_signals();
    if config.exit_with_stdin {
        shutdown.listen_for_end_of_input();
    }
    let _lock = lock(&config.data_dir)?;
    let ready_file = config.ready_file.as_deref().map(ReadyFile::claim);
    let mut ready_file = ready_file.transpose()?;
    let Some(started) = shutdown.run_until(Daemon::start(&config, &shutdown)).await else {
        return Ok(());
    };
    let Started {
        daemon,
        rights,
        serving,
    } = started?;
    let daemon = Arc::new(daemon);
    tracing::info!(roller = %daemon.identity.roller, kind = ?daemon.identity.kind, proofs = %config.proofs, "ready");
    if let Some(file) = &mut ready_file {
        let ready = json!({ "roller": daemon.identity.roller, "signer": daemon.client.signer(), "pid": std::process::id() });
        file.write(&ready)?;
    }
    let mut tasks = Tasks::new(shutdown.clone());
    if let Some(rights) = rights {
        tasks.spawn("rights", rights.run(shutdown.clone()));
    }
    if let Some(serving) = serving {
        tasks.spawn("proofs", serving.run(shutdown));
    }
    let (heart, work) = (daemon.clone(), daemon);
    tasks.spawn("heartbeat", async move { heart.heartbeats().await });
    tasks.spawn("work", async move { work.work().await });
    tasks.join().await.map_err(Into::into)
}

/// A roller that was started, with what runs beside its two loops.
struct Started {
    daemon: Daemon,
    /// None for the fallback prover, which is not paid and cannot be accused.
    rights: Option<Rights>,
    serving: Option<Serving>,
}

impl Daemon {
    async fn start(config: &RunConfig, shutdown: &Shutdown) -> eyre::Result<Started> {
        let signer = load_key(config.signer_key_file.as_deref(), "ROLLMILL_SIGNER_KEY")?;
        let deployment = Deployment::open(&config.deployment)?;
        let client = Client::new(
            &config.coordinator,
            signer.clone(),
            deployment.chain_id,
            deployment.rollup,
        )?;
        let identity = Identity::of(config, &client, &deployment).await?;
        let requirements = retry(shutdown, "requirements", || client.requirements()).await?;
        check_build(&requirements, &deployment, config.proofs)?;
        identity.check(&requirements)?;
        let receipts = ReceiptBook::open(&config.data_dir, requirements.heartbeat_lost_s)?;

        let objects = Objects::open(config.data_dir.join(finished::OBJECTS))
            .wrap_err_with(|| format!("cannot use {}", config.data_dir.display()))?;
        let folder = config.data_dir.join(finished::FOLDER);
        let finished = FinishedProofs::open(folder, objects.clone())?;
        let l1 = connect(&config.l1_rpc)?;
        let (proof_url, serving) = serving::start(config, &finished).await?;
        let (posting, rights) = match &identity.asker {
            Some(asker) => {
                let store = Store::open(config.data_dir.join("l1")).await?;
                let chain_id = deployment.chain_id;
                let sender =
                    Sender::new(l1.clone(), chain_id, signer, store, SenderConfig::default());
                let rights = Rights {
                    deployment: deployment.clone(),
                    sender: sender.clone(),
                    roller: asker.roller,
                    finished: finished.clone(),
                    data_dir: config.data_dir.clone(),
                };
                let posting = Posting::new(&deployment, sender, proof_url);
                (Some(posting), Some(rights))
            }
            None => (None, None),
        };
        let setup = config.clone();
        let prover = tokio::task::spawn_blocking(move || Prover::new(&setup)).await??;
        let daemon = Self {
            client,
            identity,
            receipts,
            requirements,
            objects,
            finished,
            commits: Commits {
                l1,
                rollup: deployment.rollup,
            },
            posting,
            prover: Arc::new(prover),
            progress: progress::Board::default(),
            in_hand: Mutex::new(None),
            shutdown: shutdown.clone(),
        };
        Ok(Started {
            daemon,
            rights,
            serving,
        })
    }

    /// Says that we are here, regularly and when a stage of the work begins, until the shutdown; then that we drain.
    async fn heartbeats(&self) -> eyre::Result<()> {
        let every = Duration::from_millis(self.requirements.heartbeat_every_ms.max(50));
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut quiet = false;
        let mut due = async || {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.progress.stage_begun() => {}
            }
        };
        while self.shutdown.run_until(due()).await.is_some() {
            let beat = HeartbeatRequest {
                ready: true,
                tasks: self.progress.report(),
                awaiting: self.receipts.awaiting(),
            };
            match self.heartbeat(&beat).await {
                Ok(()) => quiet = false,
                Err(error) if quiet => {
                    tracing::debug!("heartbeat failed: {}", chain(&*error));
                }
                Err(error) => {
                    quiet = true;
                    tracing::warn!("heartbeat failed: {}", chain(&*error));
                }
            }
        }
        let drain = HeartbeatRequest {
            ready: false,
            tasks: Vec::new(),
            awaiting: self.receipts.awaiting(),
        };
        if let Err(error) = self.heartbeat(&drain).await {
            tracing::debug!("could not announce the end: {}", chain(&*error));
        }
        Ok(())
    }

    /// One heartbeat: its receipts are kept before its orders are followed.
    async fn heartbeat(&self, beat: &HeartbeatRequest) -> eyre::Result<()> {
        let reply = self.client.heartbeat(beat).await?;
        if let Some(asker) = &self.identity.asker {
            self.receipts.keep(asker.heartbeat(beat, &reply)?).await?;
        }
        let stop = reply.stop.iter();
        stop.for_each(|order| self.stop(order.seat, order.reason));
        Ok(())
    }

    fn stop(&self, seat: SeatId, reason: rollmill_roller_api::StopReason) {
        if let Some((current, token)) = self.hand().as_ref().filter(|(current, _)| *current == seat)
        {
            tracing::warn!(task = %current.task, ?reason, "the task is lost, stopping");
            token.cancel();
        }
    }

    /// Takes one seat after the other until the shutdown.
    async fn work(&self) -> eyre::Result<()> {
        let mut failures = 0;
        while !self.shutdown.is_cancelled() {
            let pick = PickRequest {
                wait_ms: PICK_WAIT.as_millis() as u64,
                in_hand: Vec::new(),
            };
            let Some(picked) = self.shutdown.run_until(self.client.pick(&pick)).await else {
                break;
            };
            let outcome = match picked {
                Ok(None) => Ok(()),
                Ok(Some(seat)) => self.take(seat).await,
                Err(error) => Err(error).wrap_err("no task from the coordinator"),
            };
            failures = match outcome {
                Ok(()) => 0,
                Err(error) => {
                    tracing::warn!("{}", chain(&*error));
                    failures + 1
                }
            };
            if failures > 0 {
                let pause = Backoff::FOREVER.wait(failures);
                self.shutdown.run_until(tokio::time::sleep(pause)).await;
            }
        }
        Ok(())
    }

    /// Works on a seat until it has reported, is lost, or fails; then the coordinator delivers it again.
    async fn take(&self, assignment: Assignment) -> eyre::Result<()> {
        let token = self.shutdown.child();
        *self.hand() = Some((assignment.seat, token.clone()));
        self.progress.begin(assignment.seat);
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
            prover.prove(
                &job,
                &|stage, fraction| progress.reach(stage, fraction),
                &flag,
            )
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
        }?;
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

    fn hand(&self) -> std::sync::MutexGuard<'_, Option<(SeatId, Shutdown)>> {
        // The value is whole after every assignment.
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One roller per data folder; the lock ends with the process, however that dies.
fn lock(data_dir: &Path) -> eyre::Result<File> {
    std::fs::create_dir_all(data_dir)
        .and_then(|()| File::create(data_dir.join("lock")))
        .wrap_err_with(|| format!("cannot use {}", data_dir.display()))
        .and_then(|file| match file.try_lock() {
            Ok(()) => Ok(file),
            Err(_) => bail!("another roller works in {}", data_dir.display()),
        })
}

/// Raises a flag when it goes out of scope.
struct RaiseOnDrop(Arc<AtomicBool>);

impl Drop for RaiseOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Calls until it succeeds, is refused for good, or the token is cancelled.
async fn retry<T, F>(token: &Shutdown, what: &str, call: impl Fn() -> F) -> eyre::Result<T>
where
    F: Future<Output = Result<T, ClientError>>,
{
    let mut failures = 0;
    loop {
        let error = match token.run_until(call()).await {
            Some(Ok(value)) => return Ok(value),
            Some(Err(error)) => error,
            None => bail!("{what}: stopped"),
        };
        if !error.is_retryable() {
            return Err(error).wrap_err_with(|| format!("{what}: refused for good"));
        }
        failures += 1;
        let pause = Backoff::FOREVER.wait(failures);
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "{what} failed, trying again"
        );
        token.run_until(tokio::time::sleep(pause)).await;
    }
}
