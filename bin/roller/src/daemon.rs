//! `roller run`: heartbeats beside a loop of pick -> witness -> proof -> submission.
//!
//! | a crash while | after the restart |
//! |---|---|
//! | waiting or downloading | the seat is delivered again |
//! | proving | the seat is delivered again, the proof begins anew |
//! | the proof is finished, not submitted | the proof on disk is submitted |
//! | submitted, answer lost | the same bytes are submitted again and answered with the first receipt |
//!
//! The first signal begins a drain: the coordinator is told, nothing new is drawn, what is in hand is finished and handed in, and the
//! process ends. The second signal ends it at once, and so does the end of standard input for a parent that holds it.

mod seat;
mod start;
mod watch;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use eyre::{WrapErr, bail};
use rollmill_roller_api::{
    Assignment, Client, ClientError, HeartbeatRequest, PickRequest, Requirements, SeatId,
    StopReason,
};
use rollmill_runtime::{
    Backoff, ReadyFile, Shutdown, Tasks, chain, init_tracing,
    metrics::{Health, MetricsServer, registry},
};
use rollmill_store::Objects;
use serde_json::json;

use self::start::{Started, lock};
use crate::{
    config::RunArgs, finished::FinishedProofs, identity::Identity, posting::Posting, progress,
    prover::Prover, receipts::ReceiptBook, statement::Commits,
};

/// Failures of a drain after which what is left is given up: somebody waits for its end.
const DRAIN_FAILURES_MAX: u32 = 3;
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
    health: Health,
    /// The seat in hand and its token, which a stop order of the coordinator cancels.
    in_hand: Mutex<Option<(SeatId, Shutdown)>>,
    shutdown: Shutdown,
    /// Ends with the shutdown or before it: then nothing new is to be drawn.
    drain: Shutdown,
}

/// Runs until a signal or a failure.
pub async fn run(args: RunArgs) -> eyre::Result<()> {
    init_tracing(args.log_format, "info")?;
    // Before signals are listened to, so that they end the wait for a password.
    let signer = args.signer.load()?;
    let shutdown = Shutdown::new();
    let drain = shutdown.child();
    drain.listen_for_signals();
    if args.exit_with_stdin {
        shutdown.listen_for_end_of_input();
    }
    let _lock = lock(&args.data_dir)?;
    let ready_file = args.ready_file.as_deref().map(ReadyFile::claim);
    let mut ready_file = ready_file.transpose()?;
    let starting = Daemon::start(&args, signer, (&shutdown, &drain));
    let Some(started) = drain.run_until(starting).await else {
        return Ok(());
    };
    let Started {
        daemon,
        rights,
        serving,
        exporter,
    } = started?;
    let metrics = daemon.metrics_server(&args).await?;
    let metrics_url = metrics.as_ref().map(MetricsServer::url);
    let daemon = Arc::new(daemon);
    tracing::info!(roller = %daemon.identity.roller, kind = ?daemon.identity.kind, proofs = %args.proofs, "ready");
    if let Some(file) = &mut ready_file {
        let ready = json!({
            "roller": daemon.identity.roller,
            "signer": daemon.client.signer(),
            "pid": std::process::id(),
            "metrics": metrics_url,
        });
        file.write(&ready)?;
    }
    let mut tasks = Tasks::new(shutdown.clone());
    if let Some(rights) = rights {
        tasks.spawn("rights", rights.run(shutdown.clone()));
    }
    if let Some(serving) = serving {
        tasks.spawn("proofs", serving.run(shutdown.clone()));
    }
    if args.has_status_line() {
        tasks.spawn("progress", daemon.progress.clone().show(shutdown.clone()));
    }
    if let Some(exporter) = exporter {
        tasks.spawn("traces", exporter.run(shutdown.clone()));
    }
    if let Some(metrics) = metrics {
        tasks.spawn("metrics", metrics.run(shutdown));
        let watch = daemon.clone();
        tasks.spawn("watch", async move { watch.watch(&args.data_dir).await });
    }
    let (heart, work) = (daemon.clone(), daemon);
    tasks.spawn("heartbeat", async move { heart.heartbeats().await });
    tasks.spawn("work", async move { work.work().await });
    tasks.join().await.map_err(Into::into)
}

impl Daemon {
    /// Where metrics and health are told, if they are.
    async fn metrics_server(&self, args: &RunArgs) -> eyre::Result<Option<MetricsServer>> {
        let Some(listen) = args.metrics else {
            return Ok(None);
        };
        let mut registry = registry(env!("CARGO_PKG_VERSION"));
        self.progress.metrics().register(&mut registry);
        let server = MetricsServer::bind(listen, registry, self.health.clone()).await;
        let server = server.wrap_err_with(|| format!("cannot serve metrics on {listen}"))?;
        Ok(Some(server))
    }

    /// Tells `/health` whether something went well.
    fn tell<T>(&self, what: &'static str, outcome: &eyre::Result<T>) {
        let why = outcome.as_ref().err();
        let why = why.map(|error| chain(&**error).to_string());
        self.health.tell(what, why);
    }

    /// Says that we are here, regularly and when a stage of the work begins, until the shutdown; then that we drain.
    async fn heartbeats(&self) -> eyre::Result<()> {
        let every = Duration::from_millis(self.requirements.heartbeat_every_ms.max(50));
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut quiet = false;
        let mut drains = false;
        let mut due = async |drains: bool| {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.progress.stage_begun() => {}
                () = self.drain.cancelled(), if !drains => {}
            }
        };
        while self.shutdown.run_until(due(drains)).await.is_some() {
            if self.drain.is_cancelled() && !drains {
                drains = true;
                tracing::info!(
                    "draining: what is in hand is finished, a second signal ends it at once"
                );
            }
            let answered = self.heartbeat(!drains).await;
            self.progress.metrics().heartbeat(answered.is_ok());
            self.tell("coordinator", &answered);
            match answered {
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
        if let Err(error) = self.heartbeat(false).await {
            tracing::debug!("could not announce the end: {}", chain(&*error));
        }
        Ok(())
    }

    /// One heartbeat: its receipts are kept before its orders are followed.
    async fn heartbeat(&self, ready: bool) -> eyre::Result<()> {
        let beat = HeartbeatRequest {
            ready,
            tasks: self.progress.report(),
            awaiting: self.receipts.awaiting(),
        };
        let reply = self.client.heartbeat(&beat).await?;
        if let Some(asker) = &self.identity.asker {
            self.receipts.keep(asker.heartbeat(&beat, &reply)?).await?;
        }
        let stop = reply.stop.iter();
        stop.for_each(|order| self.stop(order.seat, order.reason));
        Ok(())
    }

    fn stop(&self, seat: SeatId, reason: StopReason) {
        if let Some((current, token)) = self.hand().as_ref().filter(|(current, _)| *current == seat)
        {
            tracing::warn!(task = %current.task, ?reason, "the task is lost, stopping");
            token.cancel();
        }
    }

    /// Takes one seat after the other until the shutdown, or until a drain finds none left, which ends the process.
    async fn work(&self) -> eyre::Result<()> {
        let mut failures = 0;
        while !self.drain.is_cancelled() {
            let Some(picked) = self.drain.run_until(self.pick(PICK_WAIT)).await else {
                break;
            };
            failures = self.counted(picked, failures).await;
            if failures > 0 {
                let pause = Backoff::FOREVER.wait(failures);
                self.drain.run_until(tokio::time::sleep(pause)).await;
            }
        }
        self.shutdown.run_until(self.finish()).await;
        self.shutdown.cancel();
        Ok(())
    }

    /// Works on what was drawn before the drain.
    async fn finish(&self) {
        // From here on nothing new is drawn, so that there is an end.
        if let Err(error) = self.heartbeat(false).await {
            tracing::warn!("cannot announce the drain: {}", chain(&*error));
        }
        let mut failures = 0;
        while failures < DRAIN_FAILURES_MAX {
            match self.pick(Duration::ZERO).await {
                Ok(None) => return,
                picked => failures = self.counted(picked, failures).await,
            }
            if failures > 0 {
                tokio::time::sleep(Backoff::FOREVER.wait(failures)).await;
            }
        }
    }

    async fn pick(&self, wait: Duration) -> Result<Option<Assignment>, ClientError> {
        let pick = PickRequest {
            wait_ms: wait.as_millis() as u64,
            in_hand: Vec::new(),
        };
        self.client.pick(&pick).await
    }

    /// Takes what was picked; returns the failures in a row.
    async fn counted(&self, picked: Result<Option<Assignment>, ClientError>, failures: u32) -> u32 {
        let outcome = match picked {
            Ok(None) => Ok(()),
            Ok(Some(seat)) => self.take(seat).await,
            Err(error) => Err(error).wrap_err("no task from the coordinator"),
        };
        self.tell("work", &outcome);
        match outcome {
            Ok(()) => 0,
            Err(error) => {
                tracing::warn!("{}", chain(&*error));
                failures + 1
            }
        }
    }

    fn hand(&self) -> std::sync::MutexGuard<'_, Option<(SeatId, Shutdown)>> {
        // The value is whole after every assignment.
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner)
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
