//! What a node tells Prometheus, and whether it is well, at an address of its own (`--metrics`).
//!
//! Model: whoever counts has its own counters (RPC calls, verifier, L1 sender). What can be read where it is kept (board, chain, L1, disk)
//! is read here, once a second or, where that costs something, every ten seconds; a scrape reads nothing but numbers. Nothing in
//! the node waits for this, and without an address nothing of it runs.

mod board;
mod chain;
mod disk;
mod l1;
pub mod stages;

use std::{
    convert::Infallible,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use eyre::WrapErr;
use rollmill_coordinator::Observer;
use rollmill_engine::{Chain, rpc::Calls};
use rollmill_l1::{Deployment, Sender, purpose};
use rollmill_runtime::{
    Clock, Shutdown, Tasks, blocking, chain as causes, counted,
    metrics::{
        Counter, Family, Gauge, Health, Labels, MetricsServer, Registry, Trouble, metric, registry,
    },
    span,
};
use rollmill_sequencer::Mempool;
use rollmill_store::{BatchState, Store, StoreError};

use self::{
    board::{BoardMetrics, is_degraded},
    chain::{ChainMetrics, ChainState},
    disk::DiskMetrics,
    l1::{L1Metrics, L1State},
    stages::{Counts, Sealed, Stages},
};

/// Pause between looks.
const LOOK: Duration = Duration::from_secs(1);
/// Looks between two at L1 and at the disk.
const SLOW: u64 = 10;
/// Longest wait for what L1 says; everything else waits for it, and an L1 that is slower is a trouble.
const L1_ANSWER_MAX: Duration = Duration::from_secs(5);
/// Blocks of L1 that a coordinator may be behind, before that is a trouble.
const BEHIND_MAX: u64 = 64;
/// Free bytes below which a node is about to stop.
const DISK_MIN: u64 = 1 << 30;
/// Transactions of [`TRANSACTION_GAS`] that the operator must be able to pay.
const TRANSACTIONS_MIN: f64 = 10.0;
/// A large commit.
const TRANSACTION_GAS: u64 = 1_000_000;

/// What is looked at beside L2.
pub struct Watched {
    /// The node's directory.
    pub data_dir: PathBuf,
    /// A replica has none of it.
    pub sequencing: Option<Sequencing>,
}

/// What a node has that sequences and coordinates.
pub struct Sequencing {
    /// The board.
    pub observer: Observer,
    /// The mempool.
    pub pool: Arc<Mempool>,
    /// The batches, the operator's account on L1, the contracts.
    pub l1: (Store, Sender, Deployment),
}

impl Sequencing {
    /// Seconds without a settlement before anybody may start enforced mode.
    fn liveness_s(&self) -> u64 {
        let (_, _, deployment) = &self.l1;
        deployment.parameters.incentives.liveness_s
    }
}

/// Serves metrics and health, if they are to be served anywhere; returns their URL.
pub async fn start(
    listen: Option<SocketAddr>,
    l2: (Chain, Calls),
    watched: Watched,
    tasks: &mut Tasks,
) -> eyre::Result<Option<String>> {
    let Some(listen) = listen else {
        return Ok(None);
    };
    let (mut registry, health) = (registry(env!("CARGO_PKG_VERSION")), Health::default());
    let watch = Watch::new(l2, watched, health.clone(), &mut registry);
    let server = MetricsServer::bind(listen, registry, health)
        .await
        .wrap_err_with(|| format!("cannot serve metrics on {listen}"))?;
    let url = server.url();
    let shutdown = tasks.shutdown().clone();
    tasks.spawn("metrics", server.run(shutdown.clone()));
    tasks.spawn("metrics.watch", watch.run(shutdown));
    Ok(Some(url))
}

/// Looks at everything and shows it.
struct Watch {
    chain: Chain,
    calls: Calls,
    health: Health,
    chain_metrics: ChainMetrics,
    disk: DiskMetrics,
    sequencing: Option<Sequencer>,
    seen: Seen,
}

/// What is shown of a node that sequences.
struct Sequencer {
    sources: Sequencing,
    stages: Stages,
    board: BoardMetrics,
    l1: L1Metrics,
    mempool: Gauge,
    modes: Family<Labels<1>, Gauge>,
}

/// What was seen last, as far as it says whether the node is well.
#[derive(Clone, Debug, Default)]
struct Seen {
    disk_free: Option<u64>,
    finality_lag_s: u64,
    /// Seconds without a settlement before anybody may start enforced mode.
    liveness_s: Option<u64>,
    /// What L1 said, or why it did not.
    l1: Option<Result<L1State, String>>,
    l1_read: u64,
    /// Why the own files cannot be read.
    unreadable: Option<String>,
}

impl Watch {
    fn new(
        (chain, calls): (Chain, Calls),
        watched: Watched,
        health: Health,
        registry: &mut Registry,
    ) -> Self {
        let sequencing = watched.sequencing;
        let liveness_s = sequencing.as_ref().map(Sequencing::liveness_s);
        Self {
            chain,
            calls,
            health,
            chain_metrics: ChainMetrics::new(registry),
            disk: DiskMetrics::new(&watched.data_dir, registry),
            sequencing: sequencing.map(|sources| Sequencer::new(sources, registry)),
            seen: Seen {
                liveness_s,
                ..Seen::default()
            },
        }
    }

    async fn run(mut self, shutdown: Shutdown) -> Result<(), Infallible> {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for number in 0u64.. {
            if shutdown.run_until(ticks.tick()).await.is_none() {
                break;
            }
            let look = self.look(number % SLOW == 0);
            if shutdown.run_until(look).await.is_none() {
                break;
            }
            self.health.set(troubles(&self.seen));
        }
        Ok(())
    }

    async fn look(&mut self, is_slow: bool) {
        self.chain_metrics.show_calls(&self.calls);
        let looked = self.look_at_own().await;
        self.seen.unreadable = looked.err().map(|error| causes(&*error).to_string());
        if is_slow {
            self.seen.disk_free = self.disk.show();
            if let Some(sequencing) = &self.sequencing {
                self.seen.l1 = Some(sequencing.look_at_l1().await);
            }
        }
    }

    /// Chain, board and batches.
    async fn look_at_own(&mut self) -> eyre::Result<()> {
        let chain = self.chain.clone();
        let state = blocking(move || ChainState::read(&chain)).await?;
        let now_unix_ms = Clock::System.now_unix_ms();
        let now_unix_s = now_unix_ms / 1000;
        self.chain_metrics.show(&state, now_unix_s);
        self.seen.finality_lag_s = state.finality_lag_s(now_unix_s);
        if let Some(sequencing) = &mut self.sequencing {
            self.seen.l1_read = sequencing.show(now_unix_ms).await?;
        }
        Ok(())
    }
}

impl Sequencer {
    fn new(sources: Sequencing, registry: &mut Registry) -> Self {
        let (_, sender, _) = &sources.l1;
        sender.register(registry);
        sources.observer.register(registry);
        let help = "Transactions that wait for a block";
        let mempool = metric(registry, ("mempool", "transactions"), help);
        let help = "1 while fewer rollers are there than a draw needs (degraded), while the chain is without its operator's privilege (enforced)";
        let modes: Family<_, Gauge> = metric(registry, ("mode", "state"), help);
        for mode in ["degraded", "enforced"] {
            modes.get_or_create(&[("mode", mode)]).set(0);
        }
        let help = "Time without a settlement after which anybody may start enforced mode";
        let liveness: Gauge = metric(registry, ("liveness", "seconds"), help);
        set(&liveness, sources.liveness_s());
        Self {
            stages: Stages::new(registry),
            board: BoardMetrics::new(registry),
            l1: L1Metrics::new(registry),
            mempool,
            modes,
            sources,
        }
    }

    /// Shows batches, board and mempool; returns the block up to which L1 is read.
    async fn show(&mut self, now_unix_ms: u64) -> Result<u64, StoreError> {
        let (store, _, _) = &self.sources.l1;
        let sealed = sealed(store).await?;
        let observer = &self.sources.observer;
        let l1_block = observer.cursor().map_or(0, |cursor| cursor.block);
        let verifying = observer.verifying();
        let (counts, is_degraded) = observer.look(|board| {
            self.board.show(board);
            let counts = Counts::of(sealed, board, verifying, l1_block);
            (counts, is_degraded(board))
        });
        self.stages.seen(counts, now_unix_ms);
        self.show_mode("degraded", is_degraded);
        set(&self.mempool, self.sources.pool.len() as u64);
        self.l1.show_read(l1_block);
        Ok(l1_block)
    }

    async fn look_at_l1(&self) -> Result<L1State, String> {
        let (_, sender, deployment) = &self.sources.l1;
        let state = in_time(L1State::read(sender, deployment)).await?;
        self.l1.show(&state);
        self.show_mode("enforced", state.is_enforced);
        Ok(state)
    }

    fn show_mode(&self, mode: &'static str, is_on: bool) {
        let shown = self.modes.get_or_create(&[("mode", mode)]);
        shown.set(is_on.into());
    }
}

/// What L1 says, or why it says nothing.
async fn in_time<T>(read: impl Future<Output = eyre::Result<T>>) -> Result<T, String> {
    match tokio::time::timeout(L1_ANSWER_MAX, read).await {
        Ok(read) => read.map_err(|error| causes(&*error).to_string()),
        Err(_) => Err(format!(
            "no answer within {}",
            span(L1_ANSWER_MAX.as_secs())
        )),
    }
}

/// Batches that L1 does not have yet.
async fn sealed(store: &Store) -> Result<Sealed, StoreError> {
    let last = store.last_batch(BatchState::Sealed).await?.unwrap_or(0);
    let committed = store.last_batch(BatchState::Committed).await?;
    let committed = committed.unwrap_or(0);
    let batches = last.saturating_sub(committed);
    let is_sent = batches > 0 && {
        let purpose = purpose::commit(committed + 1);
        store.send(&purpose).await?.is_some()
    };
    Ok(Sealed { batches, is_sent })
}

/// What keeps a node from its work.
fn troubles(seen: &Seen) -> Vec<Trouble> {
    let mut found = Vec::new();
    let mut add = |name, why: String| found.push(Trouble::new(name, why));
    if let Some(why) = &seen.unreadable {
        add(
            "unreadable",
            format!("the node cannot read its own files: {why}"),
        );
    }
    if let Some(free) = seen.disk_free.filter(|free| *free < DISK_MIN) {
        add("disk", format!("{} MiB of the disk are free", free >> 20));
    }
    if let Some(liveness_s) = seen.liveness_s
        && seen.finality_lag_s > liveness_s / 2
    {
        let (lag, limit) = (span(seen.finality_lag_s), span(liveness_s));
        add(
            "finality",
            format!("nothing was settled for {lag}; after {limit} anybody may start enforced mode"),
        );
    }
    match &seen.l1 {
        None => {}
        Some(Err(why)) => add("l1", format!("L1 does not answer: {why}")),
        Some(Ok(l1)) => {
            let behind = l1.head.saturating_sub(seen.l1_read);
            if behind > BEHIND_MAX {
                let behind = counted(behind, "block");
                add(
                    "l1_behind",
                    format!("L1 is {behind} ahead of what was read"),
                );
            }
            if l1.is_enforced {
                let why = "the chain is in enforced mode: L1 takes no commit of the operator";
                add("enforced", why.to_owned());
            }
            if l1.transactions_left(TRANSACTION_GAS) < TRANSACTIONS_MIN {
                let why = format!("the operator's account has {} ether on L1", l1.balance);
                add("balance", why);
            }
        }
    }
    found
}

/// Sets a gauge to a count.
fn set(gauge: &Gauge, count: u64) {
    gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
}

/// Brings a counter to a total that is counted elsewhere.
fn total(counter: &Counter, total: u64) {
    counter.inner().store(total, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    const WELL: L1State = L1State {
        head: 100,
        balance: 1.0,
        gas_price_wei: 1_000_000_000,
        is_enforced: false,
    };

    fn seen(l1: L1State) -> Seen {
        Seen {
            disk_free: Some(DISK_MIN),
            finality_lag_s: 50,
            liveness_s: Some(100),
            l1: Some(Ok(l1)),
            l1_read: 36,
            unreadable: None,
        }
    }

    fn names(seen: &Seen) -> Vec<&'static str> {
        troubles(seen)
            .into_iter()
            .map(|trouble| trouble.name)
            .collect()
    }

    #[test]
    fn a_node_is_well_at_every_limit() {
        assert_eq!(names(&seen(WELL)), [""; 0]);
        // A replica looks at its disk only.
        assert_eq!(names(&Seen::default()), [""; 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_l1_that_is_silent_is_not_waited_for() {
        let silent = in_time(std::future::pending::<eyre::Result<()>>()).await;
        assert_eq!(silent, Err("no answer within 5 s".to_owned()));
        let refused = in_time(async { Err::<(), _>(eyre::eyre!("refused")) }).await;
        assert_eq!(refused, Err("refused".to_owned()));
    }

    #[test]
    fn each_trouble_is_named() {
        let all = Seen {
            disk_free: Some(DISK_MIN - 1),
            finality_lag_s: 51,
            l1_read: 35,
            unreadable: Some("no disk".to_owned()),
            ..seen(L1State {
                balance: 0.0099,
                is_enforced: true,
                ..WELL
            })
        };
        let expected = [
            "unreadable",
            "disk",
            "finality",
            "l1_behind",
            "enforced",
            "balance",
        ];
        assert_eq!(names(&all), expected);
        let silent = Seen {
            l1: Some(Err("refused".to_owned())),
            ..seen(WELL)
        };
        assert_eq!(names(&silent), ["l1"]);
    }
}
