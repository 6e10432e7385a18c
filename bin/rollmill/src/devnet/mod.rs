//! `rollmill devnet`: a whole network on one machine, by one command.
//!
//! In this process: the embedded L1 (unless `--l1-rpc` names another), sequencer, coordinator, and a live view. In processes of
//! their own: the rollers, found beside this program or built. With `--once`, a script acts as users would and the process ends
//! with its result. Everything lies in the data directory; started again with the same one, the network goes on where it was.

mod accounts;
mod embedded_l1;
mod folders;
mod report;
mod roller_binary;
mod rollers;
pub mod saboteur;
mod scenario;
mod settings;
mod setup;
mod staking;
mod summary;
mod view;
mod world;

use std::{path::PathBuf, time::Duration};

use alloy_primitives::Address;
use eyre::{WrapErr, ensure};
use rollmill_l1::Deployment;
use rollmill_roller_api::ProofKind;
use rollmill_runtime::{LogFormat, Shutdown, TaskError, Tasks, init_tracing, write_ready_file};
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

/// How often the rollers' processes are looked after.
const CARE: Duration = Duration::from_secs(1);

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
    /// Kind of proofs: stark (real) or mock (no time, no soundness).
    #[arg(long, env = "ROLLMILL_PROOFS", default_value_t = ProofKind::Stark)]
    proofs: ProofKind,
    /// Rollers to start.
    #[arg(long, env = "ROLLMILL_ROLLERS", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=64))]
    rollers: u32,
    /// Tickets drawn for each task.
    #[arg(long, env = "ROLLMILL_K", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=16))]
    k: u32,
    /// Longest time from a transaction to its L2 block, milliseconds.
    #[arg(
        long,
        env = "ROLLMILL_BLOCK_TIME",
        default_value_t = 250,
        value_name = "MS"
    )]
    block_time: u64,
    /// Use this L1 instead of the embedded one; it must be a development chain with the well-known funded accounts.
    #[arg(long, env = "ROLLMILL_L1_RPC", value_name = "URL")]
    l1_rpc: Option<String>,
    /// Keep everything in this directory, and go on from what it holds [default: a temporary one].
    #[arg(long, env = "ROLLMILL_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Port of the embedded L1; 0 takes a free one.
    #[arg(long, env = "ROLLMILL_L1_PORT", default_value_t = 8545)]
    l1_port: u16,
    /// Port of L2's JSON-RPC; 0 takes a free one.
    #[arg(long, env = "ROLLMILL_L2_PORT", default_value_t = 9545)]
    l2_port: u16,
    /// Port of the coordinator; 0 takes a free one.
    #[arg(long, env = "ROLLMILL_COORDINATOR_PORT", default_value_t = 9650)]
    coordinator_port: u16,
    /// Write the addresses to this file when everything runs.
    #[arg(long, env = "ROLLMILL_READY_FILE", value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

impl Args {
    fn sabotage(&self) -> bool {
        self.once && self.rounds > 1
    }

    /// Longest wait of the script for one thing. A STARK takes minutes, and three rollers share the cores.
    fn patience(&self) -> Duration {
        match self.proofs {
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
    let shutdown = Shutdown::new();
    shutdown.listen_for_signals();
    let temporary;
    let data_dir = match &args.data_dir {
        Some(dir) => dir.as_path(),
        None => {
            temporary = tempfile::tempdir().wrap_err("cannot make a temporary directory")?;
            temporary.path()
        }
    };
    let roller_program = tokio::task::spawn_blocking(roller_binary::find_or_build).await??;
    let mut tasks = Tasks::new(shutdown.child());
    let mut network = Network::start(&args, data_dir, roller_program, &mut tasks).await?;
    let mut supervisor = tokio::spawn(tasks.join());

    let view = View::new(network.names());
    let printer = view.printer();
    let watching = view.watch(network.client()?, network.l2()?, shutdown.child());
    let watching = tokio::spawn(watching);
    let ended = tokio::select! {
        outcome = work(&args, &mut network, &printer) => Ended::Work(outcome),
        parts = &mut supervisor => Ended::Parts(joined(parts)),
        () = shutdown.cancelled() => Ended::Interrupted,
    };
    if matches!(ended, Ended::Interrupted) {
        printer.say("stopping");
    }
    shutdown.cancel();
    watching.await.wrap_err("the view panicked")?;
    network.stop().await?;
    match ended {
        Ended::Parts(outcome) => outcome,
        Ended::Work(outcome) => outcome.and(joined(supervisor.await)),
        Ended::Interrupted => {
            joined(supervisor.await)?;
            ensure!(!args.once, "interrupted");
            Ok(())
        }
    }
}

fn joined(parts: Result<Result<(), TaskError>, JoinError>) -> eyre::Result<()> {
    Ok(parts.wrap_err("the supervisor panicked")??)
}

async fn work(args: &Args, network: &mut Network, printer: &Printer) -> eyre::Result<()> {
    network.wait_for_rollers(args.patience()).await?;
    announce(args, network, printer)?;
    if !args.once {
        return care(network, printer).await;
    }
    let report = script(args, network, printer).await?;
    if let Some(path) = &args.json {
        report.write(path)?;
    }
    printer.say("the scripted rounds succeeded");
    Ok(())
}

fn announce(args: &Args, network: &Network, printer: &Printer) -> eyre::Result<()> {
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
    printer.say(format!("rollup      {rollup}"));
    printer.say(format!("{} rollers, {} proofs", args.rollers, args.proofs));
    if let Some(path) = &args.ready_file {
        write_ready_file(
            path,
            &Ready {
                l1: &network.l1_url,
                l2,
                coordinator,
                rollup,
            },
        )?;
    }
    Ok(())
}

/// Looks after the rollers until the devnet is stopped.
async fn care(network: &mut Network, printer: &Printer) -> eyre::Result<()> {
    printer.say("running; Ctrl-C stops it");
    let mut ticks = tokio::time::interval(CARE);
    loop {
        ticks.tick().await;
        // A network goes on without one of its rollers: say it once and let it be.
        network
            .rollers
            .retain_mut(|roller| match roller.check_alive() {
                Ok(()) => true,
                Err(sentence) => {
                    printer.say(format!("{sentence:#}"));
                    false
                }
            });
    }
}

/// Acts as users would, and reports what happened.
async fn script(args: &Args, network: &mut Network, printer: &Printer) -> eyre::Result<Report> {
    let world = network.world(printer.clone(), args.patience())?;
    let users = Users {
        user: Role::User.signer()?.address(),
        friend: Role::Friend.signer()?.address(),
    };
    let sealer = network.node.sealer.clone();
    let mut steps = Steps::default();
    let one = scenario::round_one(&world, users, &sealer, &mut steps).await?;
    let mut fines = Vec::new();
    if args.sabotage() {
        let saboteur = network.start_saboteur().await?;
        fines = scenario::round_two(
            &world,
            users,
            &sealer,
            &mut network.rollers,
            saboteur,
            &mut steps,
        )
        .await?;
    }
    let mut report = summary::collect(&world, &network.store).await?;
    report.proofs = args.proofs.to_string();
    report.l1 = args.l1_rpc.clone().unwrap_or_else(|| "embedded".into());
    report.rewards.push(one.reward);
    report.withdrawal = Some(one.withdrawal);
    report.fines = fines;
    report.wall_seconds = steps.into_seconds();
    Ok(report)
}
