//! `rollmill tasks`: the window of open tasks; with a task's id or its batch's number, that task's whole way from the draw to the
//! settlement.

use eyre::{OptionExt, WrapErr};
use rollmill_roller_api::{DialsView, DrawView, PointOutcome, SeatState, SeatView, TaskView};
use rollmill_runtime::{Clock, columns, counted, outln};

use super::{Asked, amount, row, when};

/// Flags of `rollmill tasks`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    asked: Asked,
    /// One task's whole way: its id, or the number of its batch.
    task: Option<String>,
    /// Settled tasks, too: the newest 200 in all.
    #[arg(long, env = "ROLLMILL_ALL", conflicts_with = "task")]
    all: bool,
}

/// Lists them, or tells the way of one.
pub async fn run(args: Args) -> eyre::Result<()> {
    let asked = &args.asked;
    let now = Clock::System.now_unix_s();
    if let Some(name) = &args.task {
        let task = one(asked, name).await?;
        if !asked.printed(&task)? {
            way(&task, now).iter().for_each(|line| outln!("{line}"));
        }
        return Ok(());
    }
    let answer = asked.answer(async |client| {
        let tasks = match args.all {
            true => client.tasks().await?,
            false => client.open_tasks().await?,
        };
        Ok((tasks, client.dials().await?))
    });
    let (tasks, dials) = answer.await?;
    if !asked.printed(&tasks)? {
        for line in columns(&table(&tasks, now)) {
            outln!("{line}");
        }
        outln!("{}", window(&tasks, &dials));
    }
    Ok(())
}

async fn one(asked: &Asked, name: &str) -> eyre::Result<TaskView> {
    if let Ok(id) = name.parse() {
        return asked.answer(async |client| client.task(id).await).await;
    }
    let batch: u64 = name
        .parse()
        .wrap_err_with(|| format!("`{name}` is neither a task's id nor a batch's number"))?;
    let tasks = asked.answer(async |client| client.tasks().await).await?;
    let task = tasks.into_iter().find(|task| task.batch == batch);
    task.ok_or_eyre(
        "that batch is none of the newest 200 tasks: name its task, which `rollmill_getBatch` tells",
    )
}

fn window(tasks: &[TaskView], dials: &DialsView) -> String {
    let open = tasks.iter().filter(|task| task.settle.is_none()).count();
    format!(
        "{} not settled; the window has room for {}, {} wait for it",
        counted(open as u64, "task"),
        dials.in_force.window,
        dials.measure.queued
    )
}

fn table(tasks: &[TaskView], now_unix_s: u64) -> Vec<Vec<String>> {
    let head = row(["batch", "task", "state", "round", "deadline", "seats"]);
    let rows = tasks.iter().map(|task| {
        let deadline = task.deadline_unix_s.filter(|_| task.settle.is_none());
        let deadline = deadline.map(|at| when(at, now_unix_s));
        let seats = task.seats.iter().filter(|seat| seat.round == task.round);
        let seats: Vec<String> = seats.map(short).collect();
        vec![
            task.batch.to_string(),
            task.task.to_string(),
            task.state.to_string(),
            task.round.to_string(),
            deadline.unwrap_or_default(),
            seats.join(", "),
        ]
    });
    std::iter::once(head).chain(rows).collect()
}

/// A seat in a few words.
fn short(seat: &SeatView) -> String {
    let name = &seat.roller.to_string()[..10];
    match (seat.state, seat.stage, seat.fraction) {
        (SeatState::Open, Some(stage), Some(done)) => {
            format!("{name}… {stage} {:.0} %", 100.0 * done)
        }
        _ => format!("{name}… {}", seat.state),
    }
}

fn way(task: &TaskView, now_unix_s: u64) -> Vec<String> {
    let mut lines = vec![
        format!("batch {}, task {}: {}", task.batch, task.task, task.state),
        format!("estimate    {} prover gas", task.prover_gas_estimate),
    ];
    for draw in &task.draws {
        lines.extend(drawn(draw));
        let seats = task.seats.iter().filter(|seat| seat.round == draw.round);
        lines.extend(seats.map(|seat| sat(seat, now_unix_s)));
    }
    if task.fallback_started {
        lines.push("fallback    the operator's own prover was called".to_owned());
    }
    for entry in &task.entries {
        lines.push(format!(
            "entry       {} with {}, proof {}",
            entry.roller,
            counted(entry.tickets, "ticket"),
            entry.proof_digest
        ));
    }
    if let Some(lottery) = &task.lottery {
        let winner = match (lottery.winner, lottery.beacon) {
            (Some(winner), Some(beacon)) => format!("prevrandao {beacon} chose {winner}"),
            (Some(winner), None) => format!("{winner} has won"),
            (None, _) => "not decided yet".to_owned(),
        };
        lines.push(format!(
            "lottery     by L1 block {}: {winner}",
            lottery.beacon_block
        ));
    }
    if let Some(settle) = &task.settle {
        let transaction = settle
            .l1_tx
            .map(|hash| format!(" by L1 transaction {hash}"));
        let paid = match settle.roller {
            Some(roller) => format!("{} to {roller}", amount(settle.reward_wei)),
            None => "nobody was paid".to_owned(),
        };
        lines.push(format!(
            "settled    {}: {paid}; state root {}",
            transaction.unwrap_or_default(),
            settle.state_root
        ));
    }
    lines
}

/// A draw and what became of each of its points.
fn drawn(draw: &DrawView) -> Vec<String> {
    let mut lines = vec![format!(
        "draw        round {} by the weights of epoch {}, seed {}",
        draw.round, draw.epoch, draw.seed
    )];
    lines.extend(draw.points.iter().map(|point| {
        let outcome = match (point.outcome, &point.why) {
            (PointOutcome::Ticket, _) => "a ticket".to_owned(),
            (PointOutcome::AboveCap, _) => "above its cap, drawn again".to_owned(),
            (PointOutcome::PassedOver, why) => {
                format!("passed over: {}", why.as_deref().unwrap_or_default())
            }
        };
        format!("  point     {}: {outcome}", point.roller)
    }));
    lines
}

/// A seat and how it ended.
fn sat(seat: &SeatView, now_unix_s: u64) -> String {
    let mut line = format!(
        "  seat      {}, {}: {}; drawn {}, deadline {}",
        seat.roller,
        counted(seat.tickets, "ticket"),
        seat.state,
        when(seat.assigned_unix_s, now_unix_s),
        when(seat.deadline_unix_s, now_unix_s)
    );
    let parts = [
        seat.stage.map(|stage| stage.to_string()),
        seat.eta_s.map(|s| format!("about {s} s left")),
        seat.prove_seconds.map(|s| format!("proved in {s:.1} s")),
        seat.proof_bytes.map(|bytes| format!("{bytes} bytes")),
        seat.verify_ms.map(|ms| format!("verified in {ms:.1} ms")),
        seat.proof_digest.map(|digest| format!("proof {digest}")),
        seat.why.clone(),
    ];
    for part in parts.into_iter().flatten() {
        line.push_str("; ");
        line.push_str(&part);
    }
    line
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloy_primitives::{Address, B256};
    use serde_json::{Value, json};

    use super::*;

    const ROLLER: Address = Address::repeat_byte(7);

    fn seat(state: &str) -> Value {
        json!({
            "roller": ROLLER, "round": 0, "tickets": 2, "state": state, "why": null, "assignedUnixS": 1_000,
            "deadlineUnixS": 1_300, "stage": "proving", "fraction": 0.45, "etaS": 90, "proofDigest": null,
            "proveSeconds": null, "verifyMs": null, "proofBytes": null, "peakRssBytes": null, "instructions": null,
        })
    }

    fn task(state: &str, seat: Value) -> TaskView {
        let hash = B256::repeat_byte(1);
        serde_json::from_value(json!({
            "task": hash, "batch": 12, "state": state, "round": 0, "proverGasEstimate": 77,
            "deadlineUnixS": 1_300, "fallbackStarted": true,
            "draws": [{
                "round": 0, "beacon": hash, "seed": hash, "epoch": 3, "weightsRoot": hash, "total": "10",
                "points": [
                    { "point": "4", "roller": ROLLER, "outcome": "ticket", "why": null },
                    { "point": "9", "roller": ROLLER, "outcome": "passed_over", "why": "The roller is silent." },
                ],
            }],
            "seats": [seat], "entries": [{ "roller": ROLLER, "tickets": 2, "proofDigest": hash }],
            "lottery": { "entriesHash": hash, "beaconBlock": 44, "beacon": hash, "winner": ROLLER },
            "settle": { "l1Tx": hash, "roller": ROLLER, "rewardWei": "12000000000000000000", "stateRoot": hash },
        }))
        .unwrap()
    }

    #[test]
    fn an_open_task_is_one_row_with_its_seats() {
        let mut open = task("proving", seat("open"));
        open.settle = None;
        let rows = table(&[open], 1_240);
        assert_eq!(
            (rows[1][0].as_str(), rows[1][2].as_str()),
            ("12", "proving")
        );
        assert_eq!(rows[1][4], "in 1 min");
        assert_eq!(rows[1][5], "0x07070707… proving segments 45 %");
    }

    #[test]
    fn the_way_of_a_task_goes_from_its_draw_to_its_settlement() {
        let said = way(&task("settled", seat("on_time")), 1_400);
        let at = |text: &str| {
            let found = said.iter().position(|line| line.contains(text));
            found.unwrap_or_else(|| panic!("{text}: {said:#?}"))
        };
        let order = [
            at("batch 12"),
            at("seed 0x01"),
            at("a ticket"),
            at("passed over: The roller is silent."),
            at("2 tickets: on time; drawn 6 min 40 s ago"),
            at("own prover was called"),
            at("entry "),
            at("by L1 block 44"),
            at("12 SCR to 0x07"),
        ];
        assert!(order.is_sorted(), "{order:?}");
    }
}
