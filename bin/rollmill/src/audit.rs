//! `rollmill audit`: is the published log what the law makes of public facts?
//!
//! Two sources, neither of which is trusted alone: the log (from a coordinator or a file) and L1 (by JSON-RPC). The audit itself
//! is [`rollmill_coordinator::audit`]; here is what fetches, prints and decides the exit status. What costs the operator's bond is
//! brought before L1 by [`charge`].

mod charge;

use std::{
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use alloy::{primitives::B256, providers::Provider};
use clap::Subcommand;
use eyre::{OptionExt, WrapErr, ensure, eyre};
use rollmill_coordinator::{
    audit::{Difference, DrawAudit, L1History, Lacks, Passed, audit, draw},
    log::LogLine,
};
use rollmill_l1::{Deployment, DynProvider, REORG_DEPTH_MAX, connect, contracts::Rollup, verify};
use rollmill_protocol::{TaskId, law::draw::HitOutcome};
use rollmill_roller_api::Client;
use rollmill_runtime::{complain, counted, outln};
use serde_json::json;

use crate::look::COORDINATOR;

/// Flags of `rollmill audit`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    sources: Sources,
    /// The log ends before L1 does: audit what is there, and say what L1 has behind it.
    #[arg(long, env = "ROLLMILL_PARTIAL")]
    partial: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Check the draw of one task: seed, points, inclusion paths, seats, against the root on L1.
    Draw {
        /// The task's id.
        task: TaskId,
        #[command(flatten)]
        sources: Sources,
    },
    /// Look on L1, and in receipts, for what the operator's bond answers for in its draws, and bring it before L1.
    Charge(charge::Args),
    /// Save a coordinator's log to a file.
    Export {
        /// The coordinator.
        #[arg(
            long,
            env = "ROLLMILL_COORDINATOR",
            default_value = COORDINATOR
        )]
        coordinator: String,
        /// The file, one JSON object per line.
        #[arg(long, env = "ROLLMILL_OUT", value_name = "FILE")]
        out: PathBuf,
    },
}

/// Where log and L1 are.
#[derive(Debug, clap::Args)]
struct Sources {
    /// The coordinator whose log is audited.
    #[arg(
        long,
        env = "ROLLMILL_COORDINATOR",
        value_name = "URL",
        default_value = COORDINATOR
    )]
    coordinator: String,
    /// A saved log, instead of the coordinator's.
    #[arg(long, env = "ROLLMILL_LOG", value_name = "FILE")]
    log: Option<PathBuf>,
    /// JSON-RPC endpoint of L1.
    #[arg(long, env = "ROLLMILL_L1_RPC", default_value = "http://127.0.0.1:8545")]
    l1_rpc: String,
    /// File that names the rollup's contracts.
    #[arg(long, env = "ROLLMILL_DEPLOYMENT", value_name = "FILE")]
    deployment: Option<PathBuf>,
    /// Print JSON.
    #[arg(long, env = "ROLLMILL_PRINT_JSON")]
    json: bool,
}

/// Audits; fails with the first difference.
pub async fn run(args: Args) -> eyre::Result<()> {
    match args.verb {
        Some(Verb::Draw { task, sources }) => audit_draw(task, &sources).await,
        Some(Verb::Charge(args)) => charge::run(&args).await,
        Some(Verb::Export { coordinator, out }) => export(&coordinator, &out).await,
        None => audit_log(&args.sources, args.partial).await,
    }
}

/// All that an audit needs.
struct Material {
    deployment: Deployment,
    lines: Vec<LogLine>,
    /// Up to the head that L1 had after the log was read.
    l1: L1History,
    head: u64,
}

impl Sources {
    async fn fetch(&self) -> eyre::Result<Material> {
        // No flag of clap's that must be there: the verbs below have their own.
        let file = self.deployment.as_deref();
        let file =
            file.ok_or_eyre("--deployment is missing: the file that names the rollup's contracts")?;
        let deployment = Deployment::open(file)?;
        let text = match &self.log {
            Some(path) => std::fs::read_to_string(path)
                .wrap_err_with(|| format!("cannot read the log {}", path.display()))?,
            None => fetch_log(&self.coordinator).await?,
        };
        let lines = parse(&text)?;
        ensure!(!lines.is_empty(), "the log is empty");
        let (provider, head) = open_l1(&self.l1_rpc, file, &deployment).await?;
        // What the log says of later blocks the audit finds.
        let l1 = L1History::read(provider, &deployment, head).await?;
        Ok(Material {
            deployment,
            lines,
            l1,
            head,
        })
    }
}

/// An L1 that is the one of a deployment's file, and the number of its head.
async fn open_l1(
    l1_rpc: &str,
    file: &Path,
    deployment: &Deployment,
) -> eyre::Result<(DynProvider, u64)> {
    let provider = connect(l1_rpc)?;
    let head = provider.get_block_number().await;
    let head = head.wrap_err_with(|| format!("no L1 answers at {l1_rpc}"))?;
    let checked = verify(&provider, deployment).await;
    checked.wrap_err_with(|| {
        let file = file.display();
        format!("{file} does not describe what is on {l1_rpc}")
    })?;
    Ok((provider, head))
}

async fn audit_log(sources: &Sources, is_partial: bool) -> eyre::Result<()> {
    let Material {
        deployment,
        lines,
        l1,
        head,
    } = sources.fetch().await?;
    let outcome = audit(&lines, &l1, &deployment.law);
    if sources.json {
        let report = match &outcome {
            Ok(passed) => json!({ "passed": passed, "difference": null }),
            Err(difference) => json!({ "passed": null, "difference": difference }),
        };
        outln!("{}", serde_json::to_string_pretty(&report)?);
    }
    let passed = outcome.map_err(|difference| failed(&difference))?;
    if !sources.json {
        outln!("{}", in_words(&passed));
    }
    let Some(first) = passed.lacks.first_block else {
        return Ok(());
    };
    let sentence = what_is_lacking(&passed, head);
    // Who writes a log may wait for confirmations on L1, but for no more than a reorganisation can take back.
    let is_written = sources.log.is_none() && first + REORG_DEPTH_MAX > head;
    ensure!(
        is_partial || is_written,
        "the audit fails: {sentence}; it was cut off, or is older than L1 (then say --partial)"
    );
    complain(format_args!("{sentence}"));
    Ok(())
}

/// What L1 has up to its `head` behind the log's end.
fn what_is_lacking(passed: &Passed, head: u64) -> String {
    let Lacks {
        batches,
        entries,
        settlements,
        events,
        ..
    } = passed.lacks;
    format!(
        "the log ends with L1 block {}, and L1 has {} behind it, up to block {head}: {batches} batches committed, the \
         entries of {entries}, {settlements} settled",
        passed.l1_block,
        counted(events, "event"),
    )
}

fn failed(difference: &Difference) -> eyre::Report {
    eyre!("the audit fails: {difference}")
}

fn in_words(passed: &Passed) -> String {
    format!(
        "the log is what the law makes of L1: {} records up to {}, L1 up to block {}; {} tasks, {} draws, {} verdicts, {} \
         lotteries, {} snapshots, {} settlements, {} checkpoints",
        passed.records,
        passed.head,
        passed.l1_block,
        passed.tasks,
        passed.draws,
        passed.verdicts,
        passed.lotteries,
        passed.snapshots,
        passed.settlements,
        passed.checkpoints
    )
}

async fn audit_draw(task: TaskId, sources: &Sources) -> eyre::Result<()> {
    let Material {
        deployment,
        lines,
        l1,
        ..
    } = sources.fetch().await?;
    let audited = draw(&lines, &l1, &deployment.law, task).wrap_err("the draw is not confirmed")?;
    check_storage(sources, &deployment, &audited).await?;
    if sources.json {
        outln!("{}", serde_json::to_string_pretty(&audited)?);
    } else {
        print_draw(&audited);
    }
    Ok(())
}

/// Root, beacon and k once more, from the contract's storage instead of its events.
async fn check_storage(
    sources: &Sources,
    deployment: &Deployment,
    audited: &DrawAudit,
) -> eyre::Result<()> {
    let rollup = Rollup::new(deployment.rollup, connect(&sources.l1_rpc)?);
    let root: B256 = rollup.snapshots(audited.epoch).call().await?.root;
    ensure!(
        root == audited.root,
        "L1 holds the root {root} for epoch {}, its event says {}",
        audited.epoch,
        audited.root
    );
    let beacon = rollup.beacons(audited.beacon_block).call().await?;
    ensure!(
        beacon == audited.beacon,
        "L1 holds the beacon {beacon} of block {}, its event says {}",
        audited.beacon_block,
        audited.beacon
    );
    let k = rollup.batches(audited.batch).call().await?.k;
    ensure!(
        k == audited.k,
        "L1 fixed k = {k} for batch {}, its dials say {}",
        audited.batch,
        audited.k
    );
    Ok(())
}

fn print_draw(audited: &DrawAudit) {
    outln!("task    {} (batch {})", audited.task, audited.batch);
    outln!("k       {} (on L1)", audited.k);
    outln!(
        "root    {} of epoch {}, total {} (on L1)",
        audited.root,
        audited.epoch,
        audited.total
    );
    outln!(
        "beacon  {} of L1 block {} (on L1)",
        audited.beacon,
        audited.beacon_block
    );
    for round in &audited.rounds {
        outln!("round {}", round.round);
        outln!("  seed  {}", round.seed);
        for (number, point) in round.points.iter().enumerate() {
            let outcome = match point.outcome {
                HitOutcome::Ticket => "ticket".to_owned(),
                HitOutcome::PassedOver(why) => format!("passed over: {why:?}"),
                HitOutcome::AboveCap => "above the cap".to_owned(),
            };
            outln!(
                "  point {number} = {} on leaf {} ({}, from {}, weight {}): {outcome}",
                point.point,
                point.leaf_index,
                point.leaf.roller,
                point.interval_start,
                point.leaf.weight()
            );
            for node in &point.path {
                outln!("    path {} sum {}", node.hash, node.sum);
            }
        }
        for seat in &round.seats {
            let tickets = counted(seat.tickets, "ticket");
            outln!("  seat  {} with {tickets}", seat.roller);
        }
    }
    outln!("every point follows from the seed, and every path leads to the root on L1");
}

async fn export(coordinator: &str, out: &Path) -> eyre::Result<()> {
    let text = fetch_log(coordinator).await?;
    let cannot = || format!("cannot write {}", out.display());
    let file = std::fs::File::create(out).wrap_err_with(cannot)?;
    let mut file = BufWriter::new(file);
    file.write_all(text.as_bytes()).wrap_err_with(cannot)?;
    let file = file
        .into_inner()
        .map_err(std::io::IntoInnerError::into_error);
    file.and_then(|file| file.sync_all())
        .wrap_err_with(cannot)?;
    let lines = text.lines().count();
    outln!("{lines} records in {}", out.display());
    Ok(())
}

/// The whole log of a coordinator, page by page.
async fn fetch_log(coordinator: &str) -> eyre::Result<String> {
    let client = Client::anybody(coordinator)?;
    let mut text = String::new();
    let mut after = 0;
    loop {
        let page = client
            .log(after)
            .await
            .wrap_err_with(|| format!("cannot read the log of {coordinator}"))?;
        if page.is_empty() {
            return Ok(text);
        }
        after += page.lines().count() as u64;
        text.push_str(&page);
    }
}

fn parse(text: &str) -> eyre::Result<Vec<LogLine>> {
    let lines = (1..).zip(text.lines());
    lines
        .map(|(number, line): (u64, &str)| {
            serde_json::from_str(line)
                .wrap_err_with(|| format!("line {number} is no line of a log"))
        })
        .collect()
}
