//! `rollmill devnet`: a whole network on one machine, by one command.
//!
//! In this process: the embedded L1 (unless `--l1-rpc` names another), sequencer, coordinator, and a live view. In processes of
//! their own: the rollers, found beside this program or built. With `--once`, a script acts as users would and the process ends
//! with its result. Everything lies in the data directory; started again with the same one, the network goes on where it was.

pub mod accounts;
pub mod embedded_l1;
mod folders;
pub mod ports;
mod report;
pub mod roller_binary;
mod rollers;
pub mod saboteur;
mod scenario;
mod setup;
mod staking;
mod summary;
mod view;
pub mod world;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use alloy_primitives::Address;
use eyre::{WrapErr, ensure};
use rollmill_l1::Deployment;
use rollmill_roller_api::ProofKind;
use rollmill_runtime::{
    LogFormat, ReadyFile, Shutdown, TaskError, Tasks, chain, complain, counted, init_tracing,
};
use serde::Serialize;
use tokio::task::JoinError;

use self::{
    accounts::Role,
    report::Report,
    scenario::Users,
    setup::Network,
    view::{Printer, View},
    world::Steps,
};
use crate::{
    dashboard,
    settings::{Choice, Memory, Pace, Posting, fees::Follow},
};

/// How often the rollers' processes are looked after.
const CARE: Duration = Duration::from_secs(1);
/// A step waits for several things.
const STEP_PATIENCES: u32 = 5;

/// Flags of `rollmill devnet`; each is also an environment variable.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Run the scripted rounds, then exit: 0, or a failure that names its step.
    #[arg(long, env = "ROLLMILL_ONCE")]
    once: bool,
    /// Scripted rounds: 1 is a batch from deposit to withdrawal, 2 adds a killed roller and a saboteur.
    #[arg(long, env = "ROLLMILL_ROUNDS", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=2), requires = "once")]
    rounds: u8,
    /// Write the report of the scripted rounds to this file.
    #[arg(long, env = "ROLLMILL_JSON", value_name = "FILE", requires = "once")]
    json: Option<PathBuf>,
    #[command(flatten)]
    choice: Choice,
    /// Rollers to start.
    #[arg(long, env = "ROLLMILL_ROLLERS", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=64))]
    rollers: u32,
    #[command(flatten)]
    pace: Pace,
    #[command(flatten)]
    posting: Posting,
    #[command(flatten)]
    fees: Follow,
    #[command(flatten)]
    memory: Memory,
    /// Use this L1 instead of the embedded one; it must be a development chain with the well-known funded accounts.
    #[arg(long, env = "ROLLMILL_L1_RPC", value_name = "URL")]
    l1_rpc: Option<String>,
    /// Act on a block of L1 when it has this many confirmations.
    #[arg(
        long,
        env = "ROLLMILL_L1_CONFIRMATIONS",
        default_value_t = 1,
        value_name = "BLOCKS"
    )]
    confirmations: u64,
    /// Keep everything in this directory, and go on from what it holds [default: a temporary one].
    #[arg(long, env = "ROLLMILL_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Address at which everything listens. Another than this lets other machines in, to accounts whose keys everybody knows.
    #[arg(long, env = "ROLLMILL_HOST", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), value_name = "ADDRESS")]
    host: IpAddr,
    /// Port of the embedded L1; 0 takes a free one.
    #[arg(long, env = "ROLLMILL_L1_PORT", default_value_t = 8545)]
    l1_port: u16,
    /// Port of L2's JSON-RPC; 0 takes a free one.
    #[arg(long, env = "ROLLMILL_L2_PORT", default_value_t = 9545)]
    l2_port: u16,
    /// Port of the coordinator; 0 takes a free one.
    #[arg(long, env = "ROLLMILL_COORDINATOR_PORT", default_value_t = 9650)]
    coordinator_port: u16,
    /// Port of the dashboard; 0 takes a free one.
    #[arg(long, env = "ROLLMILL_DASHBOARD_PORT", default_value_t = dashboard::PORT)]
    dashboard_port: u16,
    /// Serve no dashboard.
    #[arg(long, env = "ROLLMILL_NO_DASHBOARD")]
    no_dashboard: bool,
    /// Write the addresses to this file when everything runs.
    #[arg(long, env = "ROLLMILL_READY_FILE", value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

impl Args {
    /// Where what has this port listens; port 0 takes a free one.
    fn listen(&self, port: u16) -> SocketAddr {
        (self.host, port).into()
    }

    /// Port of the dashboard, if there is one.
    fn dashboard(&self) -> Option<u16> {
        (!self.no_dashboard).then_some(self.dashboard_port)
    }

    fn sabotage(&self) -> bool {
        self.once && self.rounds > 1
    }

    /// What can be known to fail is refused before anything is started.
    fn check(&self) -> eyre::Result<()> {
        ensure!(
            !self.sabotage() || self.rollers > 1,
            "round 2 kills a roller, so that it needs two: add --rounds 1 or --rollers 2"
        );
        ensure!(
            self.choice.proofs == ProofKind::Mock || self.l1_rpc.is_none(),
            "only the embedded L1 verifies STARKs: add --proofs mock"
        );
        self.fees.policy()?;
        ports::check_ports(self)?;
        // Nobody shall take what an earlier run wrote for this one's.
        if let Some(path) = &self.json {
            let cannot = || format!("cannot write {}", path.display());
            std::fs::write(path, "").wrap_err_with(cannot)?;
            if path.symlink_metadata().is_ok_and(|file| file.is_file()) {
                std::fs::remove_file(path).wrap_err_with(cannot)?;
            }
        }
        Ok(())
    }

    /// Somebody asked the devnet to stop: what it was started for, unless a script was to end it.
    fn interrupted(&self, printer: &Printer) -> eyre::Result<()> {
        ensure!(!self.once, "interrupted");
        printer.say("stopped");
        Ok(())
    }

    /// Longest wait of the script for one thing. A STARK takes minutes, and three rollers share the cores.
    fn patience(&self) -> Duration {
        match self.choice.proofs {
            ProofKind::Mock => Duration::from_secs(60),
            ProofKind::Stark => Duration::from_secs(3_600),
        }
    }
}

/// Content of the ready file.
#[derive(Debug, Serialize)]
struct Ready<'a> {
    l1: &'a str,
    l2: &'a str,
    coordinator: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dashboard: Option<&'a str>,
    rollup: Address,
}

/// How a devnet came to its end.
enum Ended {
    /// The script is through, or the care for the rollers failed.
    Work(eyre::Result<()>),
    /// A part of the node ended by itself.
    Parts(eyre::Result<()>),
    /// Somebody asked for it.
    Interrupted,
}

/// Starts the network and runs it until it is stopped, or runs the script.
pub async fn run(args: Args) -> eyre::Result<()> {
    init_tracing(LogFormat::Human, "warn")?;
    args.check()?;
    let ready_file = args.ready_file.as_deref().map(ReadyFile::claim);
    let ready_file = ready_file.transpose()?;
    let shutdown = Shutdown::new();
    let Some(dir) = &args.data_dir else {
        let temporary = tempfile::tempdir().wrap_err("cannot make a temporary directory")?;
        let left = temporary.path().to_owned();
        shutdown.listen_for_signals_and(move || folders::remove_all(&left));
        let outcome = run_in(&args, temporary.path(), ready_file, &shutdown).await;
        if outcome.is_err() && !shutdown.is_cancelled() {
            let kept = temporary.keep();
            let kept = kept.display();
            complain(format_args!("rollmill: logs and data are kept in {kept}"));
        }
        return outcome;
    };
    shutdown.listen_for_signals();
    run_in(&args, dir, ready_file, &shutdown).await
}

async fn run_in(
    args: &Args,
    data_dir: &Path,
    mut ready_file: Option<ReadyFile>,
    shutdown: &Shutdown,
) -> eyre::Result<()> {
    let mut tasks = Tasks::new(shutdown.child());
    let view = View::new(staking::names(args.rollers));
    let printer = view.printer();
    let steps = Steps::new(args.patience() * STEP_PATIENCES);
    let starting = Network::start(args, data_dir, &steps, &printer, &mut tasks);
    let network = match shutdown.run_until(starting).await {
        Some(Ok(network)) => network,
        stopped => {
            tasks.shutdown().cancel();
            let parts = tasks.join().await.map_err(eyre::Report::from);
            return match stopped {
                Some(failed) if !shutdown.is_cancelled() => both(failed.map(drop), parts),
                _ => steps.named(parts.and(args.interrupted(&printer))),
            };
        }
    };
    let parts = tasks.shutdown().clone();
    let mut supervisor = tokio::spawn(tasks.join());
    let stop_view = shutdown.child();
    let watching = view.watch(network.client()?, network.l2()?, stop_view.clone());
    let watching = tokio::spawn(watching);
    let ended = tokio::select! {
        outcome = work(args, &network, &steps, (&printer, &mut ready_file)) => Ended::Work(outcome),
        ended = &mut supervisor => Ended::Parts(steps.named(joined(ended))),
        () = shutdown.cancelled() => Ended::Interrupted,
    };
    drop(ready_file);
    // The view first: it tells the last events while the node still answers.
    stop_view.cancel();
    let watched = watching.await.wrap_err("the view panicked");
    let stopped = watched.and(network.rollers.stop().await);
    let interrupted = || steps.named(args.interrupted(&printer));
    match ended {
        Ended::Parts(outcome) if shutdown.is_cancelled() => {
            both(outcome, stopped).and_then(|()| interrupted())
        }
        Ended::Parts(outcome) => both(outcome, stopped),
        Ended::Work(outcome) => {
            parts.cancel();
            both(outcome, joined(supervisor.await).and(stopped))
        }
        Ended::Interrupted => joined(supervisor.await)
            .and(stopped)
            .and_then(|()| interrupted()),
    }
}

/// The end of the work, and that of what it worked with. When both failed, the second may be the cause of the first.
fn both(work: eyre::Result<()>, parts: eyre::Result<()>) -> eyre::Result<()> {
    match (work, parts) {
        (Err(work), Err(part)) => Err(part.wrap_err(chain(&*work).to_string())),
        (work, parts) => work.and(parts.wrap_err("step `stop` failed")),
    }
}

fn joined(parts: Result<Result<(), TaskError>, JoinError>) -> eyre::Result<()> {
    Ok(parts.wrap_err("the supervisor panicked")??)
}

async fn work(
    args: &Args,
    network: &Network,
    steps: &Steps,
    (printer, ready_file): (&Printer, &mut Option<ReadyFile>),
) -> eyre::Result<()> {
    announce(args, network, printer);
    if let Some(file) = ready_file {
        let ready = Ready {
            l1: &network.l1_url,
            l2: &network.node.l2_url,
            coordinator: &network.node.coordinator_url,
            dashboard: network.node.dashboard_url.as_deref(),
            rollup: network.deployment.rollup,
        };
        let write = async { Ok(file.write(&ready)?) };
        steps.run(printer, "write the ready file", write).await?;
    }
    if !args.once {
        return care(network, printer).await;
    }
    let report = script(args, network, steps, printer).await?;
    if let Some(path) = &args.json {
        let write = async { report.write(path) };
        steps.run(printer, "write the report", write).await?;
    }
    printer.say("the scripted rounds succeeded");
    Ok(())
}

fn announce(args: &Args, network: &Network, printer: &Printer) {
    let Deployment {
        rollup,
        chain_id,
        l2_chain_id,
        ..
    } = network.deployment;
    let (l2, coordinator) = (&network.node.l2_url, &network.node.coordinator_url);
    printer.say(format!(
        "L1          {} (chain id {chain_id})",
        network.l1_url
    ));
    printer.say(format!("L2          {l2} (chain id {l2_chain_id})"));
    printer.say(format!("coordinator {coordinator}"));
    if let Some(dashboard) = &network.node.dashboard_url {
        printer.say(format!("dashboard   {dashboard}"));
    }
    printer.say(format!("rollup      {rollup}"));
    printer.say(format!(
        "files       {} (deployment.json, logs, keys)",
        network.folders.in_root("").display()
    ));
    let k = network.deployment.law.k;
    printer.say(format!(
        "{}, {} per task, {} proofs",
        counted(args.rollers, "roller"),
        counted(k, "ticket"),
        args.choice.proofs
    ));
    if k != args.choice.k {
        printer.say("--k is for new data directories: this one's contracts have their own");
    }
}

/// Looks after the rollers until the devnet is stopped.
async fn care(network: &Network, printer: &Printer) -> eyre::Result<()> {
    printer.say("running; Ctrl-C stops it");
    let mut ticks = tokio::time::interval(CARE);
    loop {
        ticks.tick().await;
        for sentence in network.rollers.ended()? {
            printer.say(sentence);
        }
    }
}

/// Acts as users would, and reports what happened.
async fn script(
    args: &Args,
    network: &Network,
    steps: &Steps,
    printer: &Printer,
) -> eyre::Result<Report> {
    let world = network.world(printer.clone(), args.patience())?;
    let users = Users {
        user: Role::User.signer()?.address(),
        friend: Role::Friend.signer()?.address(),
    };
    let sealer = network.node.sealer.clone();
    let withdrawal = scenario::round_one(&world, users, &sealer, steps).await?;
    let mut fines = Vec::new();
    if args.sabotage() {
        let saboteur = network.start_saboteur(&world);
        let saboteur = steps.run(printer, "start the saboteur", saboteur).await?;
        fines = scenario::round_two(&world, users, &sealer, saboteur, steps).await?;
    }
    let report = summary::collect(&world, &network.store);
    let mut report = steps.run(printer, "collect the report", report).await?;
    report.proofs = args.choice.proofs.to_string();
    report.l1 = args.l1_rpc.clone().unwrap_or_else(|| "embedded".into());
    report.withdrawal = Some(withdrawal);
    report.fines = fines;
    report.wall_seconds = steps.seconds();
    Ok(report)
}
