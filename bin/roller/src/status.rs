//! `roller status`: what a roller is doing, what it has earned, why it was penalised, and what another machine would change. From the
//! coordinator's record, which is public, from L1, and from the receipts that the roller has kept.

mod growth;

use std::path::{Path, PathBuf};

use alloy_primitives::{Address, U256};
use clap::Args;
use eyre::WrapErr;
use rollmill_l1::{Deployment, connect, rewards::owed};
use rollmill_roller_api::{
    Client, OfferOutcome, OfferView, RollerView, SeatId, SeatState, SeatView, TaskView,
    receipts::SignedReceipt,
};
use rollmill_runtime::{Clock, counted, outln};

use self::growth::Prospects;
use crate::{
    config::COORDINATOR,
    receipts::{in_words, kept},
    words,
};

/// Penalties that are shown: the newest.
const PENALTIES_MAX: usize = 10;

/// Arguments of `roller status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The coordinator.
    #[arg(long, env = "ROLLMILL_COORDINATOR", value_name = "URL", default_value = COORDINATOR)]
    coordinator: String,
    /// The roller: the address that registered.
    #[arg(long, env = "ROLLMILL_ROLLER")]
    roller: Address,
    /// JSON-RPC endpoint of L1.
    #[arg(
        long,
        env = "ROLLMILL_L1_RPC",
        value_name = "URL",
        default_value = "http://127.0.0.1:8545"
    )]
    l1_rpc: String,
    /// File that names the rollup's contracts: then L1 is asked what it owes, too.
    #[arg(long, env = "ROLLMILL_DEPLOYMENT", value_name = "FILE")]
    deployment: Option<PathBuf>,
    /// Data folder of `roller run`: then each penalty is shown with the operator's receipts for its seat.
    #[arg(
        long,
        visible_alias = "data-dir",
        env = "ROLLMILL_ROLLER_DATA_DIR",
        value_name = "FOLDER"
    )]
    roller_data_dir: Option<PathBuf>,
    /// Print the coordinator's record as JSON.
    #[arg(long, env = "ROLLMILL_PRINT_JSON")]
    json: bool,
}

/// Prints it.
pub async fn run(args: StatusArgs) -> eyre::Result<()> {
    let client = Client::anybody(&args.coordinator)?;
    let nothing = || format!("no record from {}", args.coordinator);
    let record = client.roller(args.roller).await.wrap_err_with(nothing)?;
    if args.json {
        outln!("{}", serde_json::to_string_pretty(&record)?);
        return Ok(());
    }
    let tasks = client.tasks().await.wrap_err_with(nothing)?;
    let receipts = receipts(args.roller_data_dir.as_deref())?;
    for line in lines(&record, &tasks, &receipts, Clock::System.now_unix_s()) {
        outln!("{line}");
    }
    let prospects = Prospects::ask(&client).await;
    for line in prospects.wrap_err_with(nothing)?.lines(&record) {
        outln!("{line}");
    }
    if let Some(deployment) = &args.deployment {
        let deployment = Deployment::open(deployment)?;
        let owed = owed(&connect(&args.l1_rpc)?, &deployment, args.roller).await?;
        let scr = words::amount(owed.total_wei());
        outln!("unclaimed  {scr} SCR on L1: `roller claim` brings them");
    }
    Ok(())
}

/// What the operator has signed, with the numbers that `roller receipts list` gives it; nothing without a folder.
fn receipts(data_dir: Option<&Path>) -> eyre::Result<Vec<(usize, SignedReceipt)>> {
    let Some(data_dir) = data_dir else {
        return Ok(Vec::new());
    };
    Ok((1..).zip(kept(data_dir)?).collect())
}

fn lines(
    record: &RollerView,
    tasks: &[TaskView],
    receipts: &[(usize, SignedReceipt)],
    now_unix_s: u64,
) -> Vec<String> {
    let mut lines = vec![standing(record)];
    let seats = tasks.iter().flat_map(|task| {
        let seats = task.seats.iter();
        let own = seats.filter(|seat| seat.roller == record.roller && is_in_work(seat.state));
        own.map(|seat| in_work(task, seat, now_unix_s))
    });
    lines.extend(seats);
    if lines.len() == 1 {
        lines.push("now        no seat".to_owned());
    }
    lines.push(format!(
        "earned     {} SCR in {}; fined {} SCR",
        words::amount(U256::from(record.earned_wei.0)),
        counted(record.won, "lottery prize"),
        words::amount(U256::from(record.fined_wei.0))
    ));
    lines.push(format!(
        "offers     {}: {} on time, {} late, {} missed, {} invalid, {} declined",
        record.offers, record.on_time, record.late, record.missed, record.invalid, record.declined
    ));
    let penalised = record.history.iter();
    let penalised = penalised.filter(|offer| offer.outcome != OfferOutcome::OnTime);
    for offer in penalised.take(PENALTIES_MAX) {
        lines.push(penalty(offer, now_unix_s));
        lines.extend(evidence(record, offer, receipts));
    }
    lines
}

/// How the operator's receipts tell the end of an offer.
fn evidence(
    record: &RollerView,
    offer: &OfferView,
    receipts: &[(usize, SignedReceipt)],
) -> Vec<String> {
    let seat = SeatId {
        task: offer.task,
        round: offer.round,
    };
    let tells = |receipt: &SignedReceipt| match receipt {
        SignedReceipt::Assignment(_) | SignedReceipt::Heartbeat(_) => false,
        // Each assignment brings those of other rollers, too.
        SignedReceipt::PassOver(signed) => signed.receipt.roller == record.roller,
        SignedReceipt::Submission(_) | SignedReceipt::Verdict(_) | SignedReceipt::Close(_) => true,
    };
    let of_seat = receipts.iter();
    let of_seat = of_seat.filter(|(_, receipt)| receipt.seat() == Some(seat) && tells(receipt));
    of_seat
        .map(|(number, receipt)| format!("{:10} receipt {number}: {}", "", in_words(receipt)))
        .collect()
}

fn standing(record: &RollerView) -> String {
    let ready = match (record.ready, record.accused) {
        (_, true) => "accused of an invalid proof",
        (true, false) => "ready",
        (false, false) => "not ready",
    };
    let heard = if record.alive { "heard" } else { "not heard" };
    format!(
        "roller     {}: {ready}, {heard}; {} SCR of stake count with {:.1} %",
        record.roller,
        words::amount(U256::from(record.stake_wei.0)),
        record.q as f64 / 1e7
    )
}

fn is_in_work(state: SeatState) -> bool {
    matches!(state, SeatState::Open | SeatState::Posted)
}

fn in_work(task: &TaskView, seat: &SeatView, now_unix_s: u64) -> String {
    let stage = match (seat.stage, seat.fraction) {
        (Some(stage), Some(done)) => format!("{stage}, {:.0} %", 100.0 * done),
        _ => "nothing reported yet".to_owned(),
    };
    let eta = seat.eta_s.map(words::duration);
    let eta = eta.map(|eta| format!(", {eta} to go")).unwrap_or_default();
    let left = match seat.deadline_unix_s.checked_sub(now_unix_s) {
        Some(left) => format!("deadline in {}", words::duration(left)),
        None => "its deadline is over".to_owned(),
    };
    format!("now        batch {}: {stage}{eta}; {left}", task.batch)
}

fn penalty(offer: &OfferView, now_unix_s: u64) -> String {
    let outcome = offer.outcome;
    let ago = words::duration(now_unix_s.saturating_sub(offer.at_unix_s));
    format!(
        "{outcome:10} {ago} ago, task {}, round {}: {}",
        offer.task, offer.round, offer.why
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rollmill_roller_api::receipts::{CloseReceipt, SeatOutcome, Signed};
    use serde_json::json;

    use super::*;

    const ROLLER: Address = Address::repeat_byte(7);
    const NOW: u64 = 1_000_000;

    fn record(history: serde_json::Value) -> RollerView {
        let scr = |amount: u64| format!("{amount}000000000000000000");
        serde_json::from_value(json!({
            "roller": ROLLER, "signer": ROLLER, "stakeWei": scr(1_000), "q": 123_400_000, "capacity": 1, "capacityCounted": 1,
            "ready": true, "alive": true, "heartbeatUnixS": NOW, "seatsOpen": 1, "offers": 4, "onTime": 1,
            "late": 1, "missed": 1, "invalid": 0, "declined": 1, "won": 1, "earnedWei": scr(12), "accused": false,
            "finedWei": "0", "history": history,
        }))
        .unwrap()
    }

    fn offer(outcome: &str, why: &str) -> serde_json::Value {
        json!({
            "task": alloy_primitives::B256::repeat_byte(1), "round": 0, "outcome": outcome, "why": why,
            "weight": 1, "atUnixS": NOW - 7_200,
        })
    }

    fn task(state: &str) -> TaskView {
        let task = alloy_primitives::B256::repeat_byte(1);
        serde_json::from_value(json!({
            "task": task, "batch": 12, "state": "proving", "round": 0, "proverGasEstimate": 1,
            "deadlineUnixS": NOW + 300, "draws": [], "fallbackStarted": false, "entries": [], "lottery": null,
            "settle": null,
            "seats": [{
                "roller": ROLLER, "round": 0, "tickets": 1, "state": state, "why": null, "assignedUnixS": NOW,
                "deadlineUnixS": NOW + 300, "stage": "proving", "fraction": 0.45, "etaS": 90, "proofDigest": null,
                "proveSeconds": null, "verifyMs": null, "proofBytes": null, "peakRssBytes": null, "instructions": null,
            }],
        }))
        .unwrap()
    }

    #[test]
    fn it_says_what_is_done_and_earned() {
        let said = lines(&record(json!([])), &[task("open")], &[], NOW).join("\n");
        for part in [
            "ready, heard; 1000 SCR of stake count with 12.3 %",
            "batch 12: proving segments, 45 %, 90 seconds to go; deadline in 5 minutes",
            "12 SCR in 1 lottery prize; fined 0 SCR",
            "4: 1 on time, 1 late, 1 missed, 0 invalid, 1 declined",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let idle = lines(&record(json!([])), &[task("on_time")], &[], NOW);
        assert_eq!(idle[1], "now        no seat");
    }

    #[test]
    fn it_says_why_a_roller_was_penalised_and_when() {
        let history = json!([
            offer("missed", "The deadline passed without a proof."),
            offer("on_time", "Delivered within the deadline."),
        ]);
        let task = alloy_primitives::B256::repeat_byte(1);
        let close = |task| {
            let receipt = CloseReceipt {
                task,
                round: 0,
                roller: ROLLER,
                outcome: SeatOutcome::Missed.into(),
                entriesHash: task,
                closedAt: NOW - 7_200,
            };
            let signature = Default::default();
            SignedReceipt::Close(Signed { receipt, signature })
        };
        // Of another task, and of this one.
        let receipts = [(4, close(alloy_primitives::B256::ZERO)), (5, close(task))];
        let said = lines(&record(history), &[], &receipts, NOW).join("\n");
        let line = said
            .lines()
            .find(|line| line.starts_with("missed"))
            .unwrap();
        assert!(line.contains("2 hours ago"), "{line}");
        assert!(
            line.ends_with("The deadline passed without a proof."),
            "{line}"
        );
        assert!(!said.contains("Delivered within"), "{said}");
        assert!(said.contains("receipt 5: close"), "{said}");
        assert!(!said.contains("receipt 4"), "{said}");
    }
}
