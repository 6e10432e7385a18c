//! Finds the `roller` program, or builds it: a devnet starts its rollers as separate processes, and the prover is linked
//! only into that binary.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use eyre::{WrapErr, bail, eyre};

/// The roller's program file, beside this executable; where it is missing, cargo builds it with its progress visible.
///
/// `cargo run` builds this program and not the roller, so a devnet that it started has the roller built always: one that
/// lies there from older sources would prove other programs. The cargo that runs this process is asked first (`$CARGO`),
/// then the one on the path. Without cargo, the error names the command that is missing.
pub fn find_or_build() -> eyre::Result<PathBuf> {
    let here = std::env::current_exe().wrap_err("cannot tell where this program's file is")?;
    let beside = here.with_file_name(format!("roller{}", std::env::consts::EXE_SUFFIX));
    let is_missing = !beside.is_file();
    if is_missing {
        eprintln!("The roller, which links the prover, is built now; this takes some minutes.");
    }
    if is_missing || is_started_by_cargo_run() {
        build(&here)?;
    }
    if beside.is_file() {
        return Ok(beside);
    }
    bail!(
        "cargo built the roller, but it is not at {}",
        beside.display()
    )
}

/// Cargo tells what it runs which package it is of; to a test's children it tells the test's.
fn is_started_by_cargo_run() -> bool {
    std::env::var_os("CARGO_PKG_NAME").is_some_and(|package| package == env!("CARGO_PKG_NAME"))
}

fn build(here: &Path) -> eyre::Result<()> {
    let command_line = "cargo build --release --bin roller";
    let workspace = workspace_of(here).ok_or_else(|| {
        eyre!(
            "the roller's program is not beside {}: run `{command_line}` in rollmill's repository and put the result there",
            here.display()
        )
    })?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(&cargo);
    command
        // Not `-p roller`: that would select other features and compile nearly everything once more.
        .args(["build", "--bin", "roller", "--locked", "--manifest-path"])
        .arg(workspace.join("Cargo.toml"));
    // Build where this program was built, in the same profile, so that the result lies beside it.
    let profile_dir = here
        .parent()
        .ok_or_else(|| eyre!("{} has no folder", here.display()))?;
    if profile_dir
        .file_name()
        .is_some_and(|name| name == "release")
    {
        command.arg("--release");
    }
    if let Some(target_dir) = profile_dir.parent() {
        command.arg("--target-dir").arg(target_dir);
    }
    let status = command.stdin(Stdio::null()).status().map_err(|error| {
        eyre!("cannot start cargo ({error}): run `{command_line}` in rollmill's repository first")
    })?;
    if !status.success() {
        bail!("`{command_line}` failed: {status}");
    }
    Ok(())
}

/// The workspace whose target folder holds this executable, or the one that it was compiled in.
fn workspace_of(here: &Path) -> Option<PathBuf> {
    let compiled_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    here.ancestors()
        .map(Path::to_path_buf)
        .chain([compiled_in])
        .find(|dir| dir.join("bin/roller/Cargo.toml").is_file())
}
