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
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
    /// Rebuild and compare with the committed files instead of writing them.
    #[arg(long)]
    check: bool,
}

#[derive(clap::Subcommand)]
enum What {
    /// Execute Ethereum's fixtures in the zkVM: all cases that `rollmill evm-test` passes.
    Fixtures {
        /// Folder with fixtures, searched to any depth; or one file.
        dir: PathBuf,
    },
}

/// Target with atomics that the `lower-atomic` pass removes; std knows it as the zkVM.
const TARGET: &str = "riscv32im-risc0-zkvm-elf";
/// Where every machine builds. Two builds at once on one machine wait for each other at cargo's lock.
const BUILD_ROOT: &str = "/tmp/rollmill/guest";

/// A guest program.
struct Program {
    /// As the tool that needs the prover calls it.
    name: &'static str,
    /// Its package.
    package: &'static str,
    /// Folder with its committed files.
    artifacts: &'static str,
}

const BATCH: Program = Program {
    name: "batch",
    package: "rollmill-guest-batch",
    artifacts: "guest/artifacts/batch-v1",
};
/// In this order: what is beside the aggregate program's machine holds the key of the batch program's.
const PROGRAMS: [Program; 2] = [
    BATCH,
    Program {
        name: "aggregate",
        package: "rollmill-guest-aggregate",
        artifacts: "guest/artifacts/aggregate-v1",
    },
];

/// File with the sources that the committed executables were built from.
const SOURCE_LIST: &str = "sources.txt";
/// Folder of the recorded proofs.
const FIXTURES: &str = "crates/zkvm/tests/fixtures";
/// The coefficients of prover gas.
const SCHEDULE: &str = "crates/protocol/src/prover_gas/schedule.rs";
/// What they are, and how well they fit.
const GAS_REPORT: &str = "docs/developer/prover-gas.md";
/// The package of the program that runs Ethereum's fixtures.
const EVM_TEST_PACKAGE: &str = "rollmill-guest-fixtures";
/// Such fixtures, of our own making.
const EVM_TEST_DIR: &str = "bin/rollmill/tests/fixtures";
/// What programs are made of.
const LIBRARIES: [&str; 3] = [
    "rollmill-guest",
    "rollmill-guest-deferred",
    "rollmill-guest-memory",
];
/// The manifest from which path dependencies inherit; the programs have a workspace, and profiles, of their own.
const INHERITED: &str = "Cargo.toml";
/// What the executable is built from besides, as git names paths. The mechanism is a feature that the guest goes without.
const SOURCES: &[&str] = &[
    "rust-toolchain.toml",
    "guest",
    ":(exclude)guest/artifacts",
    "crates/protocol/Cargo.toml",
    "crates/protocol/src",
    ":(exclude)crates/protocol/src/law",
    ":(exclude)crates/protocol/src/law.rs",
    ":(exclude)crates/protocol/src/board",
    ":(exclude)crates/protocol/src/board.rs",
    "crates/stf/Cargo.toml",
    "crates/stf/src",
];

/// Builds the guest programs, or checks them.
pub fn run(args: &Args) -> eyre::Result<()> {
    if let Some(What::Fixtures { dir }) = &args.what {
        ensure_rust_src()?;
        return fixtures(dir);
    }
    test()?;
    ensure_rust_src()?;
    for program in &PROGRAMS {
        let built = build(program.package)?;
        if args.check {
            check(program, &built)?;
        } else {
            write(program, &built)?;
        }
    }
    if !args.check {
        fs::write(source_list_file(), source_list()?)?;
        eprintln!("`cargo xtask fixture` now records new proofs");
    }
    Ok(())
}

fn source_list_file() -> PathBuf {
    tools::root().join("guest/artifacts").join(SOURCE_LIST)
}

/// What the guest's workspace can show without a zkVM: its format, its lints, the tests of its libraries.
fn test() -> eyre::Result<()> {
    tools::check_workspace("guest", "guest-host", &LIBRARIES)
}

/// Checks the committed executables, and the guest's workspace, when the sources are not those that they were built from.
pub fn check_if_changed() -> eyre::Result<()> {
    let recorded = fs::read_to_string(source_list_file());
    if recorded.is_ok_and(|recorded| source_list().is_ok_and(|now| now == recorded)) {
        eprintln!("guest programs: the committed executables were built from these very sources");
        return Ok(());
    }
    run(&Args {
        what: None,
        check: true,
    })?;
    fixtures(&tools::root().join(EVM_TEST_DIR))
}

/// Runs the fixtures natively, which records them, and what passed in the zkVM.
fn fixtures(dir: &Path) -> eyre::Result<()> {
    let elf = build(EVM_TEST_PACKAGE)?;
    build_workspace()?;
    let target = tools::target_dir()?;
    let cases = target.join("evm-test-cases");
    let (dir, record) = (dir.to_string_lossy(), cases.to_string_lossy());
    let rollmill = target.join("debug/rollmill");
    let args = ["evm-test", &*dir, "--record", &*record];
    tools::run(tools::command(&rollmill.to_string_lossy(), &args, "."))?;
    artifacts_tool(&["fixtures", &elf.to_string_lossy(), &record])?;
    fs::remove_file(&cases)?;
    Ok(())
}

/// The files of [`SOURCES`] and what they inherit, with the git object id of their content, one a line.
fn source_list() -> eyre::Result<String> {
    let files = source_files()?;
    let inherited = tools::target_dir()?.join("inherited.toml");
    fs::write(&inherited, inherited_text()?)?;
    let inherited = inherited.to_string_lossy();
    let mut args = vec!["hash-object", "--", &*inherited];
    args.extend(files.iter().map(String::as_str));
    let ids = tools::output(tools::command("git", &args, "."))?;
    let names = std::iter::once(INHERITED).chain(files.iter().map(String::as_str));
    let lines = ids.lines().zip(names);
    Ok(lines.map(|(id, name)| format!("{id} {name}\n")).collect())
}

/// The tables of the manifest that members inherit: all between its first, which lists the members, and the profiles.
fn inherited_text() -> eyre::Result<String> {
    let manifest = fs::read_to_string(tools::root().join(INHERITED))?;
    let from = manifest.find("\n[workspace.");
    let to = manifest.find("\n[profile.");
    let (Some(from), Some(to)) = (from, to) else {
        bail!("{INHERITED} has no tables to inherit, or no profiles behind them");
    };
    Ok(manifest[from..to].to_owned())
}

/// Paths of [`SOURCES`] from the repository's root, sorted.
fn source_files() -> eyre::Result<Vec<String>> {
    let mut args = vec![
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "--",
    ];
    args.extend(SOURCES);
    let listed = tools::output(tools::command("git", &args, "."))?;
    let mut files: Vec<String> = listed
        .lines()
        .filter(|file| tools::root().join(file).exists())
        .map(str::to_owned)
        .collect();
    ensure!(
        !files.is_empty(),
        "git lists no sources: `cargo xtask guest` needs a git checkout"
    );
    files.sort();
    Ok(files)
}

fn write(program: &Program, built: &Path) -> eyre::Result<()> {
    let artifacts = tools::root().join(program.artifacts);
    fs::create_dir_all(&artifacts)?;
    let elf = artifacts.join("program.elf");
    // Its bytes, not its mode.
    fs::write(&elf, fs::read(built)?).wrap_err("copying the executable")?;
    // Key and commitments of whatever was built; needs the prover, so it is compiled only here.
    commit(program, &elf, &artifacts)?;
    eprintln!("wrote {}", artifacts.display());
    Ok(())
}

fn check(program: &Program, built: &Path) -> eyre::Result<()> {
    let artifacts = tools::root().join(program.artifacts);
    same_bytes(built, &artifacts.join("program.elf"))?;
    let fresh = Path::new(BUILD_ROOT).join("artifacts").join(program.name);
    commit(program, built, &fresh)?;
    for file in ["program.json", "vm.vk"] {
        same_bytes(&fresh.join(file), &artifacts.join(file))?;
    }
    let name = program.name;
    eprintln!(
        "{name} program: committed executable, commitments and key are what the source builds"
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

fn commit(program: &Program, elf: &Path, out: &Path) -> eyre::Result<()> {
    let elf = elf.to_string_lossy();
    let out = out.to_string_lossy();
    artifacts_tool(&["commit", program.name, &elf, &out])
}

/// Proves a small batch with the committed program, then an aggregate of it alone, and writes proofs, inputs and measurements for the
/// tests.
pub fn record_fixture() -> eyre::Result<()> {
    for (verb, program) in ["fixture", "aggregate"].into_iter().zip(&PROGRAMS) {
        let elf = format!("{}/program.elf", program.artifacts);
        let folder = format!("{FIXTURES}/{}-v1", program.name);
        artifacts_tool(&[verb, &elf, &folder])?;
    }
    Ok(())
}

/// Options of `calibrate`.
#[derive(clap::Args)]
pub struct CalibrateArgs {
    /// Compare what the corpus takes with the schedule as it is, and fail if that fits badly.
    #[arg(long)]
    check: bool,
    /// As `--check`, and write the tables of the report.
    #[arg(long, conflicts_with = "check")]
    report: bool,
}

/// Measures what prover gas stands for with the committed program. A new schedule changes the program: it is built anew before
/// the schedule is checked.
pub fn calibrate(args: &CalibrateArgs) -> eyre::Result<()> {
    let elf = &*format!("{}/program.elf", BATCH.artifacts);
    if args.check {
        return artifacts_tool(&["check-gas", elf]);
    }
    if args.report {
        return artifacts_tool(&["check-gas", elf, GAS_REPORT]);
    }
    artifacts_tool(&["calibrate", elf, SCHEDULE])?;
    eprintln!("now `cargo xtask guest`, and `cargo xtask calibrate --report`");
    Ok(())
}

/// Executes batches of several kinds with the committed program.
pub fn measure() -> eyre::Result<()> {
    artifacts_tool(&["measure", &format!("{}/program.elf", BATCH.artifacts)])
}

/// Runs the example of the zkvm crate that links the prover. It is built with the whole workspace, whose features are
/// those of every other build: alone it would compile the prover a second time.
fn artifacts_tool(args: &[&str]) -> eyre::Result<()> {
    build_workspace()?;
    let tool = tools::target_dir()?.join("debug/examples/guest-artifacts");
    tools::run(tools::command(&tool.to_string_lossy(), args, "."))
}

fn build_workspace() -> eyre::Result<()> {
    let build = ["build", "--workspace", "--all-targets", "--locked"];
    tools::run(tools::command(&tools::cargo(), &build, "."))
}

/// Compiles a program and returns the path of the executable.
fn build(package: &str) -> eyre::Result<PathBuf> {
    let source = copy_sources()?;
    let mut cargo = tools::command(
        "cargo",
        &[
            "build",
            "--release",
            "--locked",
            "--package",
            package,
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
    Ok(target_dir.join(TARGET).join("release").join(package))
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
        // In place of the one that the crate `openvm` defines (guest/memory).
        "-Clink-arg=--defsym=memcpy=rollmill_memcpy",
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
    let mut wanted = std::collections::BTreeSet::new();
    // The whole manifest, of which the list of sources has what is inherited.
    for file in source_files()?.into_iter().chain([INHERITED.to_owned()]) {
        let to = to.join(&file);
        let bytes = fs::read(tools::root().join(&file))?;
        if fs::read(&to).ok().as_ref() != Some(&bytes) {
            fs::create_dir_all(to.parent().expect("a file lies in a folder"))?;
            fs::write(&to, bytes)?;
        }
        wanted.insert(to);
    }
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
