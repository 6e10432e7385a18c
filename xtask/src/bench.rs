//! `cargo xtask bench`: the measurements of docs/developer/performance.md, with the programs as users build them.

pub mod databases;
mod node;
mod pruning;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use serde_json::Value;

use crate::{guest, tools};

const MIB: f64 = (1 << 20) as f64;

/// Options.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
    /// Also make a real proof: minutes.
    #[arg(long)]
    prove: bool,
}

#[derive(clap::Subcommand)]
enum What {
    /// Put the same load on anvil and on an L2 node, and build blocks on a small and on a large state.
    Node(node::Args),
    /// Put a large state and its blocks on redb, which the chain is kept in, and on fjall.
    Databases(databases::Args),
    /// Build blocks on an archive and on a chain that forgets old states: what forgetting costs.
    Pruning(pruning::Args),
    /// Execute batches of several kinds with the committed program: what they cost, beside the targets. Proves nothing.
    Prove,
}

/// Builds the shipping profile, then measures one thing after the other.
pub fn run(args: &Args) -> eyre::Result<()> {
    match &args.what {
        Some(What::Node(args)) => node::run(args, &build()?),
        Some(What::Databases(args)) => databases::run(args),
        Some(What::Pruning(args)) => pruning::run(args, &build()?),
        Some(What::Prove) => guest::measure(),
        None => all(args, build()?),
    }
}

/// Builds the shipping profile and returns its folder.
fn build() -> eyre::Result<PathBuf> {
    // As the README's command and the devnet's build of the roller choose it, so that all three share what they compile.
    let build = ["build", "--release", "--locked"];
    tools::run(tools::command(&tools::cargo(), &build, "."))?;
    Ok(tools::target_dir()?.join("release"))
}

fn all(args: &Args, release: PathBuf) -> eyre::Result<()> {
    heading("law: draws, snapshots, board");
    let law = [
        "run",
        "--release",
        "--locked",
        "-p",
        "rollmill-protocol",
        "--example",
        "bench",
    ];
    tools::run(tools::command(&tools::cargo(), &law, "."))?;

    heading("batch program and verifier: a batch of ten transfers");
    let roller = release.join("roller").to_string_lossy().into_owned();
    let bench: &[&str] = if args.prove {
        &["bench"]
    } else {
        &["bench", "--execute-only"]
    };
    tools::run(tools::command(&roller, bench, "."))?;

    heading("scripted rounds with mock proofs");
    let rollmill = release.join("rollmill").to_string_lossy().into_owned();
    let report = tools::target_dir()?.join("bench-round.json");
    let json = report.to_string_lossy().into_owned();
    let ports = [
        "--l1-port",
        "0",
        "--l2-port",
        "0",
        "--coordinator-port",
        "0",
        "--no-dashboard",
    ];
    let devnet = ["devnet", "--once", "--proofs", "mock", "--json", &json];
    let args = [&devnet[..], &ports[..]].concat();
    let begun = Instant::now();
    let said = tools::output(tools::command(&rollmill, &args, "."))?;
    let process = begun.elapsed().as_secs_f64();
    let report: Value = serde_json::from_slice(&fs::read(report)?)?;
    for (step, seconds) in report["wall_seconds"].as_object().into_iter().flatten() {
        let seconds = seconds.as_f64().unwrap_or_default();
        println!("{step:28} {seconds:>10.2} s");
    }
    println!("{:28} {process:>10.2} s", "the whole process");
    for line in said
        .lines()
        .filter(|line| line.starts_with("first transfer"))
    {
        println!("{line}");
    }
    for settlement in report["settlements"].as_array().into_iter().flatten() {
        let (batch, gas) = (&settlement["batch"], &settlement["l1_gas"]);
        println!("settling batch {batch} on L1 used {gas} gas");
    }
    Ok(())
}

fn heading(what: &str) {
    println!("\n== {what}");
}

fn row(name: &str, cells: [&str; 4]) {
    let [a, b, ratio, target] = cells;
    println!("{name:34} {a:>12} {b:>12} {ratio:>8} {target:>8}");
}

/// A figure, or one that shows that it is missing.
fn number(report: &Value, place: &str) -> f64 {
    let value = report.pointer(place).and_then(Value::as_f64);
    value.unwrap_or(f64::NAN)
}

/// Blocks without a network: what `rollmill bench chain` says with these flags.
fn chain(rollmill: &Path, flags: &[&str]) -> eyre::Result<Value> {
    let flags = [&["bench", "chain", "--json"][..], flags].concat();
    let program = rollmill.to_string_lossy();
    let said = tools::output(tools::command(&program, &flags, "."))?;
    Ok(serde_json::from_str(&said)?)
}

/// A folder of this run's own in the target folder, which may be large.
fn own_dir(bench: &str) -> eyre::Result<PathBuf> {
    let dir = tools::target_dir()?.join(format!("bench-{bench}-{}", std::process::id()));
    fs::create_dir_all(&dir)?;
    Ok(dir)
}
