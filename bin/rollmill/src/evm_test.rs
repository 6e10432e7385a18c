//! `rollmill evm-test DIR`: Ethereum's own fixtures against our state transition.
//!
//! Model: every `.json` file below the directory is read; each fixture in it (BlockchainTests and GeneralStateTests formats,
//! told apart by their fields) is one *case* per chain or per (fork, transaction). A case runs through the code that the
//! node runs, on a state in memory, and once more statelessly: on the encoded and decoded witness of the first run, in which
//! every item must be needed. A case that expects an exception passes only if block or transaction is refused, both
//! times.
//!
//! - blockchain tests: blocks go through `stf::stateless::{record_block, replay_block}`, which are `execute_block`;
//! - state tests: the transaction goes through `stf::BlockExecutor` at a header made of the fixture's environment, without
//!   the system calls of a block, as those fixtures demand.
//!
//! Forks before the Merge, and after Osaka, are skipped and counted by reason.

mod blockchain;
mod fixture;
mod network;
mod recorder;
mod state_test;

use eyre::{WrapErr, bail, ensure};
use fixture::Fixture;
use recorder::Recorder;
use rollmill_runtime::outln;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    fs,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// Stack of a worker: fixtures nest calls a thousand deep.
const STACK_BYTES: usize = 64 << 20;
/// Failures shown in full; the rest is counted.
const FAILURES_SHOWN: usize = 100;

/// Arguments of `rollmill evm-test`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Folder with fixtures of ethereum/tests or ethereum/execution-spec-tests, searched to any depth; or one file.
    pub dir: PathBuf,
    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
    /// Worker threads; one per processor when left out.
    #[arg(long, env = "ROLLMILL_EVM_TEST_THREADS")]
    pub threads: Option<NonZeroUsize>,
    /// Write every case as it ran to this file, with its verdict: for the zkVM.
    #[arg(long, env = "ROLLMILL_EVM_TEST_RECORD")]
    pub record: Option<PathBuf>,
}

/// What became of one case.
enum Outcome {
    Passed,
    Failed(String),
    Skipped(String),
}

/// A case by its name, with its outcome.
struct Case {
    name: String,
    outcome: Outcome,
}

impl Case {
    fn new(name: String, run: impl FnOnce() -> Result<(), String>) -> Self {
        let outcome = match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(())) => Outcome::Passed,
            Ok(Err(why)) => Outcome::Failed(why),
            Err(_) => Outcome::Failed("panicked".into()),
        };
        Self { name, outcome }
    }

    fn skipped(name: String, reason: impl Into<String>) -> Self {
        Self {
            name,
            outcome: Outcome::Skipped(reason.into()),
        }
    }
}

#[derive(Debug, Serialize)]
struct Failure {
    file: PathBuf,
    case: String,
    why: String,
}

/// Counts over all files.
#[derive(Debug, Default, Serialize)]
struct Report {
    files: usize,
    passed: usize,
    failed: usize,
    skipped: usize,
    skipped_by_reason: BTreeMap<String, usize>,
    /// Files that hold no fixture of a known format.
    other_files: usize,
    failures: Vec<Failure>,
}

impl Report {
    fn add(&mut self, file: &Path, cases: Vec<Case>) {
        self.files += 1;
        for Case { name, outcome } in cases {
            match outcome {
                Outcome::Passed => self.passed += 1,
                Outcome::Skipped(reason) => {
                    self.skipped += 1;
                    *self.skipped_by_reason.entry(reason).or_default() += 1;
                }
                Outcome::Failed(why) => {
                    self.failed += 1;
                    self.failures.push(Failure {
                        file: file.into(),
                        case: name,
                        why,
                    });
                }
            }
        }
    }

    fn print(&self) {
        for Failure { file, case, why } in self.failures.iter().take(FAILURES_SHOWN) {
            outln!("FAILED {} :: {case}\n       {why}", file.display());
        }
        if self.failures.len() > FAILURES_SHOWN {
            outln!(
                "... and {} more failures",
                self.failures.len() - FAILURES_SHOWN
            );
        }
        for (reason, count) in &self.skipped_by_reason {
            outln!("skipped {count}: {reason}");
        }
        if self.other_files > 0 {
            outln!("{} files hold no fixture", self.other_files);
        }
        outln!(
            "passed {}, failed {}, skipped {} in {} files",
            self.passed,
            self.failed,
            self.skipped,
            self.files
        );
    }
}

/// Runs the command. An error when a case fails or none is found.
pub fn run(args: Args) -> eyre::Result<()> {
    let files = find_files(&args.dir)?;
    let threads = args
        .threads
        .or_else(|| thread::available_parallelism().ok())
        .map_or(1, NonZeroUsize::get);
    let recorder = match &args.record {
        Some(file) => {
            Recorder::create(file).wrap_err_with(|| format!("cannot write {}", file.display()))?
        }
        None => Recorder::default(),
    };
    let report = run_files(&files, threads, &recorder)?;
    recorder.finish().wrap_err("cannot record the cases")?;
    if args.json {
        outln!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        report.print();
    }
    ensure!(
        report.passed + report.failed + report.skipped > 0,
        "no fixtures found in {}",
        args.dir.display()
    );
    ensure!(
        report.failed == 0,
        "{} of {} cases failed",
        report.failed,
        report.passed + report.failed
    );
    Ok(())
}

/// All `.json` files at or below `root`, sorted.
fn find_files(root: &Path) -> eyre::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(path) = open.pop() {
        let kind =
            fs::metadata(&path).wrap_err_with(|| format!("cannot read {}", path.display()))?;
        if kind.is_dir() {
            let entries =
                fs::read_dir(&path).wrap_err_with(|| format!("cannot list {}", path.display()))?;
            for entry in entries {
                open.push(entry?.path());
            }
        } else if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn run_files(files: &[PathBuf], threads: usize, recorder: &Recorder) -> eyre::Result<Report> {
    let next = AtomicUsize::new(0);
    let report = Mutex::new(Report::default());
    let work = || {
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let cases = run_file(file, recorder);
            let mut report = report
                .lock()
                .expect("no worker panics while it holds the report");
            match cases {
                Ok(Some(cases)) => report.add(file, cases),
                Ok(None) => report.other_files += 1,
                Err(error) => {
                    let outcome = Outcome::Failed(format!("{error:#}"));
                    report.add(
                        file,
                        vec![Case {
                            name: "(file)".into(),
                            outcome,
                        }],
                    );
                }
            }
        }
    };
    thread::scope(|scope| -> eyre::Result<()> {
        let workers: Vec<_> = (0..threads.clamp(1, files.len().max(1)))
            .map(|index| {
                let name = format!("evm-test-{index}");
                thread::Builder::new()
                    .name(name)
                    .stack_size(STACK_BYTES)
                    .spawn_scoped(scope, work)
            })
            .collect::<Result<_, _>>()?;
        for worker in workers {
            if worker.join().is_err() {
                bail!("a worker panicked");
            }
        }
        Ok(())
    })?;
    let mut report = report
        .into_inner()
        .expect("no worker panics while it holds the report");
    report
        .failures
        .sort_by(|a, b| (&a.file, &a.case).cmp(&(&b.file, &b.case)));
    Ok(report)
}

/// The cases of a file; `None` when it holds no fixture.
fn run_file(file: &Path, recorder: &Recorder) -> eyre::Result<Option<Vec<Case>>> {
    let text = fs::read_to_string(file)?;
    let Some(fixtures) = fixture::parse(&text)? else {
        return Ok(None);
    };
    let mut cases = Vec::new();
    for (name, fixture) in fixtures {
        match fixture {
            Fixture::Blockchain(test) => cases.push(blockchain::run(name, &test, recorder)),
            Fixture::State(test) => state_test::run(&name, &test, recorder, &mut cases),
            Fixture::Other(reason) => cases.push(Case::skipped(name, reason)),
        }
    }
    Ok(Some(cases))
}

#[cfg(test)]
mod tests;
