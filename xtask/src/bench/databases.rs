//! `cargo xtask bench databases`: what the chain's database costs, beside another one, on a large state.
//!
//! The program lies in a workspace of its own (`tests/databases`); each database gets a process and an empty folder, which is deleted
//! behind it, and both get the same nodes in the same order.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use eyre::{WrapErr, ensure};
use serde_json::{Value, json};

use super::{MIB, number, own_dir, row};
use crate::tools;

/// The workspace.
const FOLDER: &str = "tests/databases";
/// Where it is built, below the target folder.
const TARGET: &str = "databases";

/// Options.
#[derive(clap::Args)]
pub struct Args {
    /// Accounts of the state: 1.36 nodes of its trie for each.
    #[arg(long, default_value_t = 10_000_000)]
    accounts: u64,
    /// Blocks, each with 3,500 nodes read, as many added, and as many deleted.
    #[arg(long, default_value_t = 300)]
    blocks: u64,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// Measures and prints.
pub fn run(args: &Args) -> eyre::Result<()> {
    let program = build()?;
    let measure = |database| measure(args, &program, database);
    let (redb, fjall) = (measure("redb")?, measure("fjall")?);
    if args.json {
        println!("{}", json!({"redb": redb, "fjall": fjall}));
        return Ok(());
    }
    row("", ["redb", "fjall", "ratio", ""]);
    for (what, place, unit) in [
        ("nodes", "/nodes", 1.0),
        ("bulk load, s", "/fill_seconds", 1.0),
        ("  database, MiB", "/fill_bytes", MIB),
        ("  peak memory, MiB", "/fill_peak_rss_bytes", MIB),
        ("block, p50 ms", "/block_ms_p50", 1.0),
        ("block, p99 ms", "/block_ms_p99", 1.0),
        ("block, longest, ms", "/block_ms_max", 1.0),
        ("  its writes, p50 ms", "/write_ms_p50", 1.0),
        ("  a read, us", "/read_us", 1.0),
        ("  given to the disk, MiB", "/written_bytes_per_block", MIB),
        ("database, MiB", "/database_bytes", MIB),
        ("peak memory, MiB", "/peak_rss_bytes", MIB),
    ] {
        let [a, b] = [&redb, &fjall].map(|figures| number(figures, place) / unit);
        let cells = [a, b].map(|value| format!("{value:.1}"));
        row(what, [&cells[0], &cells[1], &format!("{:.2}", a / b), ""]);
    }
    Ok(())
}

/// The same workspace's format, lints and tests.
pub fn check() -> eyre::Result<()> {
    tools::check_workspace(FOLDER, TARGET, &[])
}

/// Builds the program and returns where it is.
fn build() -> eyre::Result<PathBuf> {
    let target = tools::target_dir()?.join(TARGET);
    let build = ["build", "--release", "--locked"];
    let mut build = tools::command(&tools::cargo(), &build, FOLDER);
    build.env("CARGO_TARGET_DIR", &target);
    tools::run(build)?;
    Ok(target.join("release/rollmill-databases"))
}

fn measure(args: &Args, program: &Path, database: &str) -> eyre::Result<Value> {
    eprintln!("{database}:");
    let dir = own_dir("databases")?;
    let mut command = Command::new(program);
    command.args([
        database,
        &args.accounts.to_string(),
        &args.blocks.to_string(),
    ]);
    // It tells on standard error how far it is.
    let output = command.arg(&dir).stderr(Stdio::inherit()).output();
    let removed = fs::remove_dir_all(&dir);
    let output = output.wrap_err("cannot start the bench of databases")?;
    ensure!(output.status.success(), "{database}: {}", output.status);
    removed?;
    Ok(serde_json::from_slice(&output.stdout)?)
}
