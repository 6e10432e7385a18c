//! `cargo xtask test`: everything that must hold on a clean checkout, cheapest first.

use eyre::WrapErr;

use crate::{contracts, guest, tools};

/// Runs the repository's checks and stops at the first that fails.
pub fn run() -> eyre::Result<()> {
    let cargo = tools::cargo();
    let cargo_run = |args: &[&str]| tools::run(tools::command(&cargo, args, "."));

    cargo_run(&["fmt", "--all", "--check"])?;
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
    let nextest = std::process::Command::new(tools::cargo())
        .args(["nextest", "--version"])
        .output()
        .is_ok_and(|output| output.status.success());
    if nextest {
        vec![
            "nextest",
            "run",
            "--workspace",
            "--locked",
            "--no-fail-fast",
        ]
    } else {
        vec!["test", "--workspace", "--locked", "--no-fail-fast"]
    }
}
