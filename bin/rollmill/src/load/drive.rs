//! The load while it runs: signing threads, connections, probes and the poller of blocks around one [`Schedule`].

use std::{
    collections::HashSet,
    convert::Infallible,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use alloy::{
    providers::{DynProvider, Provider},
    signers::local::PrivateKeySigner,
};
use alloy_primitives::B256;
use eyre::{bail, ensure};
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use super::{
    Args,
    chain::{self, NO_ANSWER},
    prepare::Template,
    report::{Percentiles, Report},
    schedule::{Answer, Job, Schedule, Take},
};

/// How often the poller looks for the next block.
const POLL: Duration = Duration::from_millis(25);
/// How long a sender rests when its node says "not now".
const REST: Duration = Duration::from_millis(20);
/// Pause of a probe between its transactions.
const PROBE_PAUSE: Duration = Duration::from_millis(50);
/// How often the progress line moves.
const PROGRESS: Duration = Duration::from_millis(250);
/// How often a connection without work looks whether there will be some.
const LOOK: Duration = Duration::from_secs(1);
/// So long nothing may happen: no answer from the node, no block for what it has acknowledged.
const PATIENCE: Duration = Duration::from_secs(30);

/// Everything that the parts of a load share.
pub struct Load {
    provider: DynProvider,
    template: Template,
    keys: Vec<PrivateKeySigner>,
    /// Keys of the probes with their next nonces; none where the node cannot be asked.
    probes: Vec<(PrivateKeySigner, u64)>,
    schedule: Mutex<Schedule>,
    /// Held by the connection that looks for work.
    turn: tokio::sync::Mutex<()>,
    /// A stock, a window or an answer has changed.
    changed: Notify,
    /// A stock has room.
    wanted: Condvar,
    /// Waits of the probes, microseconds.
    confirmations: Mutex<Vec<u64>>,
    last_answer: Mutex<Instant>,
    /// What was accepted and included when one of them last grew, and when that was.
    progress: Mutex<((u64, u64), Instant)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Load {
    /// Ready to drive; `keys` are the schedule's senders.
    pub fn new(
        provider: DynProvider,
        template: Template,
        schedule: Schedule,
        keys: Vec<PrivateKeySigner>,
        probes: Vec<(PrivateKeySigner, u64)>,
    ) -> Arc<Self> {
        Arc::new(Self {
            provider,
            template,
            keys,
            probes,
            schedule: Mutex::new(schedule),
            turn: tokio::sync::Mutex::default(),
            changed: Notify::new(),
            wanted: Condvar::new(),
            confirmations: Mutex::default(),
            last_answer: Mutex::new(Instant::now()),
            progress: Mutex::new(((0, 0), Instant::now())),
        })
    }

    /// Sends until everything is sent, or for `duration_s`, and then waits for the blocks.
    pub async fn drive(
        self: &Arc<Self>,
        connections: u32,
        duration_s: Option<u64>,
    ) -> eyre::Result<()> {
        self.start_signing();
        let bar = progress_bar();
        bar.set_message("signing ahead");
        self.stocked().await;
        let next = self.provider.get_block_number().await? + 1;
        let now = Instant::now();
        lock(&self.schedule).begin(now);
        *lock(&self.last_answer) = now;
        lock(&self.progress).1 = now;
        let mut probing = JoinSet::new();
        for (key, nonce) in self.probes.clone() {
            probing.spawn(self.clone().probe(key, nonce));
        }
        let sending = async {
            self.send(connections, duration_s).await?;
            probing.shutdown().await;
            self.drain().await
        };
        tokio::select! {
            outcome = sending => outcome,
            never = self.follow(next) => match never {},
            never = self.show(&bar) => match never {},
        }
    }

    /// Ends signing and sending, however far they are.
    pub fn close(&self) {
        lock(&self.schedule).close();
        self.wanted.notify_all();
        self.changed.notify_waiters();
    }

    /// A thread for each core. They end when there is nothing left to sign, or the load is closed.
    fn start_signing(self: &Arc<Self>) {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..threads {
            let load = self.clone();
            tokio::task::spawn_blocking(move || load.sign());
        }
    }

    fn sign(&self) {
        loop {
            let mut schedule = lock(&self.schedule);
            let order = loop {
                if schedule.is_signed() {
                    return;
                }
                if let Some(order) = schedule.order() {
                    break order;
                }
                let waiting = self.wanted.wait(schedule);
                schedule = waiting.unwrap_or_else(PoisonError::into_inner);
            };
            drop(schedule);
            let key = &self.keys[order.sender];
            let signed: Vec<_> = order
                .nonces
                .map(|nonce| self.template.sign(order.sender, key, nonce))
                .collect();
            let mut schedule = lock(&self.schedule);
            schedule.stocked(order.sender, signed);
            // The last one to sign wakes those that wait for an order that will not come.
            if schedule.is_signed() {
                self.wanted.notify_all();
            }
            drop(schedule);
            self.changed.notify_waiters();
        }
    }

    /// Completes when every sender has its stock.
    async fn stocked(&self) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if lock(&self.schedule).is_stocked() {
                return;
            }
            changed.await;
        }
    }

    /// All connections, until there is nothing left for them.
    async fn send(self: &Arc<Self>, connections: u32, duration_s: Option<u64>) -> eyre::Result<()> {
        let mut sending = JoinSet::new();
        for _ in 0..connections {
            sending.spawn(self.clone().connection());
        }
        let all = async {
            while let Some(ended) = sending.join_next().await {
                ended??;
            }
            eyre::Ok(())
        };
        let Some(duration_s) = duration_s else {
            return all.await;
        };
        tokio::pin!(all);
        match timeout(Duration::from_secs(duration_s), all.as_mut()).await {
            Ok(ended) => ended,
            Err(_) => {
                self.close();
                all.await
            }
        }
    }

    async fn connection(self: Arc<Self>) -> eyre::Result<()> {
        while let Some(jobs) = self.next_jobs().await? {
            self.wanted.notify_all();
            self.request(jobs).await?;
        }
        Ok(())
    }

    /// What a free connection sends next; `None` when everything was sent.
    async fn next_jobs(&self) -> eyre::Result<Option<Vec<Job>>> {
        // One waits for work, and the others for their turn: not all of them wake for each transaction.
        let _turn = self.turn.lock().await;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let take = lock(&self.schedule).take(Instant::now());
            match take {
                Take::Send(jobs) => return Ok(Some(jobs)),
                Take::Wait(time) => sleep(time).await,
                Take::Idle => {
                    // Nothing may ever change: then it is time that ends it.
                    let _ = timeout(LOOK, changed).await;
                    self.check_progress()?;
                }
                Take::Done => return Ok(None),
            }
        }
    }

    async fn request(self: &Arc<Self>, jobs: Vec<Job>) -> eyre::Result<()> {
        let answers = chain::send(&self.provider, &jobs).await;
        let now = Instant::now();
        let heard = |answer: &Answer| !matches!(answer, Answer::Later(why) if why == NO_ANSWER);
        let silent_since = {
            let mut last_answer = lock(&self.last_answer);
            if answers.iter().any(heard) {
                *last_answer = now;
            }
            *last_answer
        };
        if now - silent_since > PATIENCE {
            bail!("the node has not answered for {} s", PATIENCE.as_secs());
        }
        let resting = {
            let answers = jobs.into_iter().zip(answers).collect();
            lock(&self.schedule).answered(answers, now)
        };
        self.changed.notify_waiters();
        // A sender that was ended needs no signatures.
        self.wanted.notify_all();
        if !resting.is_empty() {
            let load = self.clone();
            tokio::spawn(async move {
                sleep(REST).await;
                for sender in resting {
                    lock(&load.schedule).rested(sender);
                }
                load.changed.notify_waiters();
            });
        }
        Ok(())
    }

    /// Waits until blocks hold everything that was acknowledged.
    async fn drain(&self) -> eyre::Result<()> {
        while lock(&self.schedule).missing() > 0 {
            sleep(POLL).await;
            self.check_progress()?;
        }
        Ok(())
    }

    /// Fails when nothing was taken and nothing included for a while.
    fn check_progress(&self) -> eyre::Result<()> {
        let now = {
            let schedule = lock(&self.schedule);
            (schedule.tally().accepted, schedule.tally().included)
        };
        let mut seen = lock(&self.progress);
        if now != seen.0 {
            *seen = (now, Instant::now());
        }
        ensure!(
            seen.1.elapsed() <= PATIENCE,
            "nothing was taken or included for {} s; {} transactions were accepted and are in no block",
            PATIENCE.as_secs(),
            lock(&self.schedule).missing()
        );
        Ok(())
    }

    /// Reads blocks as they come. A look that fails is made again.
    async fn follow(&self, mut next: u64) -> Infallible {
        let mut ticks = interval(POLL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            while let Ok(Some(block)) = chain::block(&self.provider, next).await {
                lock(&self.schedule).block(next, &block.transactions, Instant::now());
                self.changed.notify_waiters();
                next += 1;
            }
        }
    }

    /// Sends one transaction after the other and waits for each receipt. Ends when one is refused.
    async fn probe(self: Arc<Self>, key: PrivateKeySigner, mut nonce: u64) {
        loop {
            let signed = self.template.sign(0, &key, nonce);
            let begun = Instant::now();
            if let Err(error) = chain::send_sync(&self.provider, &signed.raw).await {
                tracing::warn!(%error, "a probe was not confirmed and ends");
                return;
            }
            let waited = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
            lock(&self.confirmations).push(waited);
            nonce += 1;
            sleep(PROBE_PAUSE).await;
        }
    }

    async fn show(&self, bar: &ProgressBar) -> Infallible {
        let mut ticks = interval(PROGRESS);
        loop {
            ticks.tick().await;
            let (accepted, included, seconds) = {
                let schedule = lock(&self.schedule);
                let tally = schedule.tally();
                let begun = tally.span.map(|(begun, _)| begun.elapsed());
                (
                    tally.accepted,
                    tally.included,
                    begun.unwrap_or_default().as_secs_f64(),
                )
            };
            let rate = included as f64 / seconds.max(0.001);
            bar.set_message(format!(
                "{accepted} accepted, {included} included, {rate:.0} a second"
            ));
            bar.tick();
        }
    }

    /// What happened so far.
    pub fn report(&self, args: &Args) -> Report {
        let schedule = lock(&self.schedule);
        let mut report = Report {
            version: 1,
            kind: args.kind,
            chain_id: self.template.chain_id(),
            senders: args.senders,
            rate: args.rate,
            token: self.template.token(),
            interrupted: false,
            seconds: 0.0,
            submitted: 0,
            accepted: 0,
            refused: Default::default(),
            deferred: Default::default(),
            included: 0,
            failed: None,
            missing: schedule.missing(),
            stopped_senders: schedule.stopped(),
            included_per_second: 0.0,
            submit_ms: None,
            inclusion_ms: None,
            confirmation_ms: Percentiles::of(lock(&self.confirmations).clone()),
            blocks: None,
        };
        report.count(schedule.tally().clone());
        report
    }

    /// Transactions of the run that failed in their blocks; `None` where the node does not tell.
    pub async fn failed(&self) -> Option<u64> {
        let blocks = lock(&self.schedule).tally().blocks.clone();
        let mut failed = 0;
        for (number, hashes) in blocks {
            let ours: HashSet<B256> = hashes.into_iter().collect();
            let outcomes = chain::outcomes(&self.provider, number).await?;
            failed += outcomes
                .iter()
                .filter(|outcome| outcome.status.is_zero())
                .filter(|outcome| ours.contains(&outcome.transaction_hash))
                .count() as u64;
        }
        Some(failed)
    }
}

/// On a terminal only.
fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {msg}");
    let style = style.expect("INVARIANT: the template is well-formed");
    ProgressBar::new_spinner()
        .with_style(style)
        .with_finish(ProgressFinish::AndClear)
}
