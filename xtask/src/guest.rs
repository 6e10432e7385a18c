//! `cargo xtask guest`: builds the guest programs reproducibly, and records or checks what is committed of them.
//!
//! The same source must give the same executable on every machine, because L1 pins its commitment. So:
//!
//! - sources are copied to one fixed folder ([`BUILD_ROOT`]) and built there, because cargo's symbol hashes hold the
//!   path of path dependencies;
//! - paths that still reach the binary (panic messages of registry crates and of `core`) are mapped to fixed names;
//! - one toolchain, one codegen unit, the guest's own lockfile, and no environment of the caller's.
//!
//! Committed are, per program version, the stripped executable, its commitments and the VM's verifying key
//! (`guest/artifacts`), so that a fresh clone proves and verifies without a guest toolchain.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use eyre::{WrapErr, bail, ensure};

use crate::tools;

/// Options.
#[derive(clap::Args)]
pub struct Args {
    /// Rebuild and compare with the committed files instead of writing them.
    #[arg(long)]
    check: bool,
}

/// Target with atomics that the `lower-atomic` pass removes; std knows it as the zkVM.
const TARGET: &str = "riscv32im-risc0-zkvm-elf";
/// Where every machine builds. Two builds at once on one machine wait for each other at cargo's lock.
const BUILD_ROOT: &str = "/tmp/rollmill/guest";
/// Folder with the committed files of the batch program, version 1.
const ARTIFACTS: &str = "guest/artifacts/batch-v1";
/// Folder of the recorded proof.
const FIXTURE: &str = "crates/zkvm/tests/fixtures/batch-v1";
/// The batch program's package.
const PACKAGE: &str = "rollmill-guest-batch";
/// What the executable is built from.
const SOURCES: &[&str] = &[
    "Cargo.toml",
    "rust-toolchain.toml",
    "guest",
    "crates/protocol",
    "crates/stf",
];

/// Builds the guest programs, or checks them.
pub fn run(args: &Args) -> eyre::Result<()> {
    ensure_rust_src()?;
    let built = build()?;
    if args.check {
        check(&built)
    } else {
        write(&built)
    }
}

/// Checks the committed executables when the sources that they are built from changed since the last commit that
/// wrote them. Where history is missing (a shallow clone, an archive), checks always.
pub fn check_if_changed() -> eyre::Result<()> {
    if sources_changed().unwrap_or(true) {
        return run(&Args { check: true });
    }
    eprintln!("guest programs: sources unchanged since the committed executables were built");
    Ok(())
}

/// Whether a file of [`SOURCES`] differs between the last commit of the executable and the working tree.
fn sources_changed() -> eyre::Result<bool> {
    let elf = format!("{ARTIFACTS}/program.elf");
    let commit = tools::output(tools::command(
        "git",
        &["log", "-1", "--format=%H", "--", &elf],
        ".",
    ))?;
    ensure!(
        !commit.trim().is_empty(),
        "the executable is not committed yet"
    );
    let mut args = vec!["diff", "--quiet", commit.trim(), "--"];
    args.extend(SOURCES);
    Ok(!tools::command("git", &args, ".").status()?.success())
}

fn write(built: &Path) -> eyre::Result<()> {
    let artifacts = tools::root().join(ARTIFACTS);
    fs::create_dir_all(&artifacts)?;
    let elf = artifacts.join("program.elf");
    fs::copy(built, &elf).wrap_err("copying the executable")?;
    // Key and commitments of whatever was built; needs the prover, so it is compiled only here.
    commit(&elf, &artifacts)?;
    eprintln!(
        "wrote {}; `cargo xtask fixture` now records a new proof",
        artifacts.display()
    );
    Ok(())
}

fn check(built: &Path) -> eyre::Result<()> {
    let artifacts = tools::root().join(ARTIFACTS);
    same_bytes(built, &artifacts.join("program.elf"))?;
    let fresh = Path::new(BUILD_ROOT).join("artifacts");
    commit(built, &fresh)?;
    for file in ["program.json", "vm.vk"] {
        same_bytes(&fresh.join(file), &artifacts.join(file))?;
    }
    eprintln!(
        "guest programs: the committed executable, commitments and key are what the source builds"
    );
    Ok(())
}

fn same_bytes(built: &Path, committed: &Path) -> eyre::Result<()> {
    let read = |path: &Path| fs::read(path).wrap_err_with(|| format!("reading {}", path.display()));
    if read(built)? != read(committed)? {
        bail!(
            "{} is not what the source builds (see {}): run `cargo xtask guest` and commit, as a new program version if \
             the old one is in use",
            committed.display(),
            built.display(),
        );
    }
    Ok(())
}

fn commit(elf: &Path, out: &Path) -> eyre::Result<()> {
    let elf = elf.to_string_lossy();
    let out = out.to_string_lossy();
    artifacts_tool(&["commit", &elf, &out])
}

/// Proves a small batch with the committed program, and writes proof, inputs and measurements for the tests.
pub fn record_fixture() -> eyre::Result<()> {
    artifacts_tool(&["fixture", &format!("{ARTIFACTS}/program.elf"), FIXTURE])
}

/// Runs the example of the zkvm crate that links the prover.
fn artifacts_tool(args: &[&str]) -> eyre::Result<()> {
    let mut all = vec![
        "run",
        "--locked",
        "-p",
        "rollmill-zkvm",
        "--features",
        "prove",
        "--example",
        "guest-artifacts",
        "--",
    ];
    all.extend(args);
    tools::run(tools::command(&tools::cargo(), &all, "."))
}

/// Compiles the batch program and returns the path of the executable.
fn build() -> eyre::Result<PathBuf> {
    let source = copy_sources()?;
    let mut cargo = tools::command(
        "cargo",
        &[
            "build",
            "--release",
            "--locked",
            "--package",
            PACKAGE,
            "--target",
            TARGET,
            "-Zbuild-std=core,alloc,panic_abort",
            "-Zbuild-std-features=compiler-builtins-mem",
        ],
        ".",
    );
    cargo.current_dir(source.join("guest"));
    // The caller's flags, wrappers and profile settings must not reach the build.
    for (name, _) in std::env::vars() {
        let inherited =
            name.starts_with("CARGO_") && name != "CARGO_HOME" || name.starts_with("RUSTC");
        if inherited || name == "RUSTFLAGS" || name == "RUSTUP_TOOLCHAIN" {
            cargo.env_remove(name);
        }
    }
    let target_dir = Path::new(BUILD_ROOT).join("target");
    cargo
        // `build-std` and the target's flags on the pinned stable compiler.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", &target_dir)
        .env("CARGO_ENCODED_RUSTFLAGS", rustflags()?.join("\u{1f}"));
    tools::run(cargo)?;
    Ok(target_dir.join(TARGET).join("release").join(PACKAGE))
}

fn rustflags() -> eyre::Result<Vec<String>> {
    let sysroot = tools::output(tools::command("rustc", &["--print", "sysroot"], "."))?;
    let cargo_home = match std::env::var("CARGO_HOME") {
        Ok(home) => home,
        Err(_) => format!(
            "{}/.cargo",
            std::env::var("HOME").wrap_err("neither CARGO_HOME nor HOME is set")?
        ),
    };
    Ok([
        // One hart: atomics are plain loads and stores.
        "-Cpasses=lower-atomic",
        // Where the VM's loader expects code.
        "-Clink-arg=-Ttext=0x00200800",
        "-Clink-arg=--fatal-warnings",
        "-Cpanic=abort",
        "--cfg=getrandom_backend=\"custom\"",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain([
        format!("--remap-path-prefix={}=/rust", resolved(sysroot.trim())?),
        format!("--remap-path-prefix={}=/cargo", resolved(&cargo_home)?),
        format!("--remap-path-prefix={BUILD_ROOT}=/rollmill"),
    ])
    .collect())
}

/// rustc sees real paths, so the prefixes must be real too.
fn resolved(path: &str) -> eyre::Result<String> {
    let real = fs::canonicalize(path).wrap_err_with(|| format!("looking for {path}"))?;
    Ok(real.to_string_lossy().into_owned())
}

/// Copies [`SOURCES`] to the fixed folder. Files that did not change keep their time, so that cargo rebuilds little.
fn copy_sources() -> eyre::Result<PathBuf> {
    let to = Path::new(BUILD_ROOT).join("source");
    let mut args = vec![
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "--",
    ];
    args.extend(SOURCES);
    let listed = tools::output(tools::command("git", &args, "."))?;
    let mut wanted = std::collections::BTreeSet::new();
    for file in listed
        .lines()
        .filter(|file| !file.starts_with("guest/artifacts/"))
    {
        let (from, to) = (tools::root().join(file), to.join(file));
        if !from.exists() {
            continue;
        }
        let bytes = fs::read(&from)?;
        if fs::read(&to).ok().as_ref() != Some(&bytes) {
            fs::create_dir_all(to.parent().expect("a file lies in a folder"))?;
            fs::write(&to, bytes)?;
        }
        wanted.insert(to);
    }
    ensure!(
        !wanted.is_empty(),
        "git lists no sources: `cargo xtask guest` needs a git checkout"
    );
    remove_unwanted(&to, &wanted)?;
    Ok(to)
}

fn remove_unwanted(
    folder: &Path,
    wanted: &std::collections::BTreeSet<PathBuf>,
) -> eyre::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            remove_unwanted(&path, wanted)?;
        } else if !wanted.contains(&path) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// `build-std` compiles the standard library from its source, which is a component of the toolchain.
fn ensure_rust_src() -> eyre::Result<()> {
    let sysroot = tools::output(tools::command("rustc", &["--print", "sysroot"], "."))?;
    let source = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/core/Cargo.toml");
    if source.exists() {
        return Ok(());
    }
    let installed = Command::new("rustup")
        .args(["component", "add", "rust-src"])
        .current_dir(tools::root())
        .status()
        .is_ok_and(|status| status.success());
    ensure!(
        installed && source.exists(),
        "guest programs are built with the toolchain's component `rust-src`, which is missing and could not be \
         installed: run `rustup component add rust-src` with network access",
    );
    Ok(())
}
