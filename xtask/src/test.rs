//! `cargo xtask test`: everything that must hold on a clean checkout, cheapest first.

use eyre::WrapErr;

use crate::{clients, contracts, guest, tools};

/// Runs the repository's checks and stops at the first that fails.
pub fn run() -> eyre::Result<()> {
    let cargo = tools::cargo();
    let cargo_run = |args: &[&str]| tools::run(tools::command(&cargo, args, "."));

    cargo_run(&["fmt", "--all", "--check"])?;
    if is_installed("deny") {
        cargo_run(&["deny", "check", "licenses", "bans", "sources"])?;
    } else {
        eprintln!(
            "cargo-deny is not installed: licences, bans and sources of dependencies are not checked"
        );
    }
    contracts::check()
        .wrap_err("the committed contract artifacts are not what the source compiles to")?;
    contracts::test()?;
    cargo_run(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ])?;
    guest::check_if_changed()?;
    // One build of everything, so that the end-to-end tests find both binaries beside themselves.
    cargo_run(&["build", "--workspace", "--all-targets", "--locked"])?;
    cargo_run(&test_command())?;
    clients::run()?;
    cargo_run(&["test", "--workspace", "--doc", "--locked"])?;
    let mut doc = tools::command(
        &cargo,
        &["doc", "--workspace", "--no-deps", "--locked"],
        ".",
    );
    doc.env("RUSTDOCFLAGS", "-D warnings");
    tools::run(doc)
}

/// `cargo nextest` where it is installed, else `cargo test`.
fn test_command() -> Vec<&'static str> {
    let tool = if is_installed("nextest") {
        &["nextest", "run"][..]
    } else {
        &["test"]
    };
    [tool, &["--workspace", "--locked", "--no-fail-fast"]].concat()
}

/// Does cargo know this subcommand?
fn is_installed(subcommand: &str) -> bool {
    std::process::Command::new(tools::cargo())
        .args([subcommand, "--version"])
        .output()
        .is_ok_and(|output| output.status.success())
}
