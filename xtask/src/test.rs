//! `cargo xtask test`: everything that must hold on a clean checkout.
//!
//! Solidity is checked while clippy runs: the compiler of the one uses one core, and the other cannot use two all the time.
//! What each step took is printed at the end.

use std::{
    process::{Command, Output},
    thread,
    time::{Duration, Instant},
};

use eyre::{WrapErr, bail, eyre};

use crate::{api, bench::databases, clients, guest, help, tools};

/// Runs the repository's checks and stops at the first that fails.
pub fn run() -> eyre::Result<()> {
    let mut steps = Steps::default();
    let all = all(&mut steps);
    steps.print();
    all
}

fn all(steps: &mut Steps) -> eyre::Result<()> {
    steps.time("format", || cargo(&["fmt", "--all", "--check"]))?;
    steps.time("dependencies", dependencies)?;
    steps.time("Solidity and clippy", solidity_and_clippy)?;
    steps.time("guest", guest::check_if_changed)?;
    steps.time("bench of databases", databases::check)?;
    // One build of everything, so that the end-to-end tests find both binaries beside themselves.
    steps.time("build", tools::build_all)?;
    steps.time("help texts", help::check)?;
    steps.time("API reference", api::check)?;
    steps.time("tests", tests)?;
    steps.time("clients", clients::run)?;
    steps.time("examples in documents", || {
        cargo(&["test", "--workspace", "--doc", "--locked"])
    })?;
    steps.time("documents", documents)
}

/// What was done so far, and how long each took.
#[derive(Default)]
struct Steps(Vec<(&'static str, Duration)>);

impl Steps {
    fn time<T>(
        &mut self,
        name: &'static str,
        step: impl FnOnce() -> eyre::Result<T>,
    ) -> eyre::Result<T> {
        let begun = Instant::now();
        let done = step();
        self.0.push((name, begun.elapsed()));
        done.wrap_err_with(|| format!("step `{name}`"))
    }

    fn print(&self) {
        let all = self.0.iter().map(|(_, took)| *took).sum();
        for (name, took) in self.0.iter().chain([&("all", all)]) {
            eprintln!("{name:24} {:>7.1} s", took.as_secs_f64());
        }
    }
}

fn cargo(args: &[&str]) -> eyre::Result<()> {
    tools::run(tools::command(&tools::cargo(), args, "."))
}

fn dependencies() -> eyre::Result<()> {
    if is_installed("deny") {
        return cargo(&["deny", "--locked", "check", "licenses", "bans", "sources"]);
    }
    eprintln!(
        "cargo-deny is not installed: licences, bans and sources of dependencies are not checked"
    );
    Ok(())
}

fn solidity_and_clippy() -> eyre::Result<()> {
    let mut chore = Command::new(std::env::current_exe()?);
    chore.args(["contracts", "--check", "--test"]);
    let (solidity, clippy) = thread::scope(|scope| {
        let solidity = scope.spawn(|| chore.output());
        let clippy = clippy();
        (solidity.join(), clippy)
    });
    let Output {
        status,
        stdout,
        stderr,
    } = solidity
        .map_err(|_| eyre!("the thread that waits for the Solidity checks panicked"))?
        .wrap_err("cannot start the Solidity checks")?;
    for said in [stderr, stdout] {
        eprint!("{}", String::from_utf8_lossy(&said));
    }
    if !status.success() {
        bail!("the Solidity checks failed; `cargo xtask contracts --check --test` repeats them");
    }
    clippy
}

fn clippy() -> eyre::Result<()> {
    cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ])
}

/// `cargo nextest` where it is installed, else `cargo test`, one test after the other: only the first knows which tests start whole
/// networks and must be alone.
fn tests() -> eyre::Result<()> {
    let all = ["--workspace", "--locked", "--no-fail-fast"];
    if is_installed("nextest") {
        return cargo(&[&["nextest", "run"][..], &all].concat());
    }
    let args = [&["test"][..], &all].concat();
    let mut tests = tools::command(&tools::cargo(), &args, ".");
    tests.env("RUST_TEST_THREADS", "1");
    tools::run(tests)
}

fn documents() -> eyre::Result<()> {
    let args = ["doc", "--workspace", "--no-deps", "--locked"];
    let mut doc = tools::command(&tools::cargo(), &args, ".");
    doc.env("RUSTDOCFLAGS", "-D warnings");
    tools::run(doc)
}

/// Does cargo know this subcommand?
fn is_installed(subcommand: &str) -> bool {
    Command::new(tools::cargo())
        .args([subcommand, "--version"])
        .output()
        .is_ok_and(|output| output.status.success())
}
