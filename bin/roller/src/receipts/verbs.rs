//! `roller receipts`: `list` and `verify` work offline, from the file alone; `charge` is [`charge`].

use std::path::PathBuf;

use alloy_primitives::Address;
use clap::{Args, Subcommand};
use eyre::bail;
use rollmill_l1::Deployment;
use rollmill_protocol::TaskId;
use rollmill_roller_api::{
    domain,
    receipts::{SeatOutcome, SignedReceipt, binding, examine},
};
use rollmill_runtime::{counted, outln};
use serde_json::json;

use super::{
    FILE,
    charge::{self, ChargeArgs},
    in_file,
};

/// Arguments of `roller receipts`.
#[derive(Debug, Args)]
pub struct ReceiptsArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show the receipts that are kept.
    List(ListArgs),
    /// Check signatures, order and contradictions; fails if anything is wrong.
    Verify(VerifyArgs),
    /// Look for what L1 charges the operator with, and bring it there.
    Charge(ChargeArgs),
}

#[derive(Debug, Args)]
struct Source {
    /// Data folder of `roller run`, or a file of receipts.
    #[arg(
        long = "roller-data-dir",
        visible_aliases = ["data-dir", "file"],
        env = "ROLLMILL_ROLLER_DATA_DIR",
        value_name = "PATH"
    )]
    place: PathBuf,
    /// Print JSON.
    #[arg(long, env = "ROLLMILL_PRINT_JSON")]
    json: bool,
}

#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    source: Source,
    /// Only this task.
    #[arg(long, env = "ROLLMILL_TASK")]
    task: Option<TaskId>,
}

#[derive(Debug, Args)]
struct VerifyArgs {
    #[command(flatten)]
    source: Source,
    /// File that names the rollup's contracts and its operator.
    #[arg(long, env = "ROLLMILL_DEPLOYMENT", value_name = "FILE")]
    deployment: PathBuf,
    /// The operator whose signature counts, if it is not the deployment's.
    #[arg(long, env = "ROLLMILL_OPERATOR")]
    operator: Option<Address>,
}

impl Source {
    fn read(&self) -> eyre::Result<Vec<SignedReceipt>> {
        if self.place.is_dir() {
            return in_file(&self.place.join(FILE));
        }
        in_file(&self.place)
    }
}

/// Lists, verifies or charges.
pub async fn run(args: &ReceiptsArgs) -> eyre::Result<()> {
    match &args.verb {
        Verb::List(args) => list(args),
        Verb::Verify(args) => verify(args),
        Verb::Charge(args) => charge::run(args).await,
    }
}

fn list(args: &ListArgs) -> eyre::Result<()> {
    let wanted = |receipt: &SignedReceipt| {
        args.task
            .is_none_or(|task| receipt.seat().is_some_and(|seat| seat.task == task))
    };
    let receipts = args.source.read()?.into_iter().enumerate();
    for (position, receipt) in receipts.filter(|(_, receipt)| wanted(receipt)) {
        if args.source.json {
            outln!("{}", serde_json::to_string(&receipt)?);
        } else {
            outln!("{:>6}  {}", position + 1, in_words(&receipt));
        }
    }
    Ok(())
}

/// A receipt in a line.
pub fn in_words(receipt: &SignedReceipt) -> String {
    let seat = receipt
        .seat()
        .map(|seat| format!("task {} round {}", seat.task, seat.round));
    let what = match receipt {
        SignedReceipt::Assignment(signed) => format!(
            "{}, from {} to {}",
            counted(signed.receipt.tickets, "ticket"),
            signed.receipt.assignedAt,
            signed.receipt.deadline
        ),
        SignedReceipt::PassOver(signed) => format!(
            "point {} hit {}, passed over (reason {})",
            signed.receipt.point, signed.receipt.roller, signed.receipt.reason
        ),
        SignedReceipt::Heartbeat(signed) => format!(
            "heard at {}, {}",
            signed.receipt.at,
            if signed.receipt.ready {
                "ready"
            } else {
                "draining"
            }
        ),
        SignedReceipt::Submission(signed) => format!(
            "proof {} received at {}",
            signed.receipt.proofDigest, signed.receipt.receivedAt
        ),
        SignedReceipt::Verdict(signed) => format!(
            "proof {} is {}, {}",
            signed.receipt.proofDigest,
            if signed.receipt.valid {
                "valid"
            } else {
                "invalid"
            },
            if signed.receipt.onTime {
                "on time"
            } else {
                "late"
            }
        ),
        SignedReceipt::Close(signed) => format!(
            "ended as {} at {}",
            SeatOutcome::try_from(signed.receipt.outcome)
                .map_or_else(|error| error.to_string(), |outcome| format!("{outcome:?}")),
            signed.receipt.closedAt
        ),
    };
    let seat = seat.map_or_else(String::new, |seat| format!("{seat}: "));
    format!("{:<10}  {seat}{what}", receipt.kind())
}

fn verify(args: &VerifyArgs) -> eyre::Result<()> {
    let receipts = args.source.read()?;
    let deployment = Deployment::open(&args.deployment)?;
    let operator = args.operator.unwrap_or(deployment.operator);
    let domain = domain(deployment.chain_id, deployment.rollup);
    // Of a pile that is none of this operator's every receipt would have a finding, and each name somebody else.
    binding(receipts.clone(), &domain, operator)?;
    let findings = examine(&receipts, &domain, operator);
    if args.source.json {
        let report = json!({
            "operator": operator,
            "receipts": receipts.len(),
            "findings": findings,
        });
        outln!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        for finding in &findings {
            let against = finding.against.map_or_else(String::new, |position| {
                format!(" (against receipt {})", position + 1)
            });
            outln!(
                "receipt {}: {:?}: {}{against}",
                finding.position + 1,
                finding.kind,
                finding.sentence
            );
        }
    }
    if !findings.is_empty() {
        bail!(
            "{} of {} receipts have findings",
            findings.len(),
            receipts.len()
        );
    }
    if !args.source.json {
        outln!(
            "{} receipts are signed by the operator {operator} and hang together",
            receipts.len()
        );
    }
    Ok(())
}
