//! `rollmill rollers`: who is registered, with what stake and reputation, and how their offers ended; with an address, one roller's record
//! with the reason of each penalty.

use alloy_primitives::Address;
use rollmill_roller_api::{OfferOutcome, OfferView, RollerView};
use rollmill_runtime::{Clock, columns, counted, outln};

use super::{Asked, amount, percent, row, when};

/// Flags of `rollmill rollers`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    asked: Asked,
    /// Only this roller, with its penalties.
    roller: Option<Address>,
}

/// Lists them.
pub async fn run(args: Args) -> eyre::Result<()> {
    let asked = &args.asked;
    if let Some(roller) = args.roller {
        let answer = asked.answer(async |client| client.roller(roller).await);
        let record = answer.await?;
        if !asked.printed(&record)? {
            let now = Clock::System.now_unix_s();
            let rows = table(std::slice::from_ref(&record));
            let lines = columns(&rows).into_iter().chain(penalties(&record, now));
            lines.for_each(|line| outln!("{line}"));
        }
        return Ok(());
    }
    let rollers = asked.answer(async |client| client.rollers().await).await?;
    if !asked.printed(&rollers)? {
        for line in columns(&table(&rollers)) {
            outln!("{line}");
        }
        outln!("{}", counted(rollers.len() as u64, "roller"));
    }
    Ok(())
}

fn table(rollers: &[RollerView]) -> Vec<Vec<String>> {
    let head = row([
        "roller", "state", "stake", "q", "R", "seats", "on time", "late", "missed", "invalid",
        "declined", "won", "earned", "fined",
    ]);
    let rows = rollers.iter().map(|roller| {
        // R = stake x q; shown in whole SCR, rounded down.
        let reputation = roller.stake_wei.0 / 10u128.pow(18) * u128::from(roller.q) / 1_000_000_000;
        vec![
            roller.roller.to_string(),
            state(roller).to_owned(),
            amount(roller.stake_wei),
            percent(roller.q),
            reputation.to_string(),
            format!("{} of {}", roller.seats_open, roller.capacity_counted),
            roller.on_time.to_string(),
            roller.late.to_string(),
            roller.missed.to_string(),
            roller.invalid.to_string(),
            roller.declined.to_string(),
            roller.won.to_string(),
            amount(roller.earned_wei),
            amount(roller.fined_wei),
        ]
    });
    std::iter::once(head).chain(rows).collect()
}

fn state(roller: &RollerView) -> &'static str {
    match (roller.accused, roller.ready, roller.alive) {
        (true, ..) => "accused",
        (_, false, _) => "not ready",
        (_, _, false) => "silent",
        _ => "ready",
    }
}

/// Offers that did not end on time, newest first, each with its reason.
fn penalties(record: &RollerView, now_unix_s: u64) -> Vec<String> {
    let line = |offer: &OfferView| {
        format!(
            "{} {}: task {}, round {}, weight {}: {}",
            offer.outcome,
            when(offer.at_unix_s, now_unix_s),
            offer.task,
            offer.round,
            percent(offer.weight),
            offer.why
        )
    };
    let history = record.history.iter();
    let penalised = history.filter(|offer| offer.outcome != OfferOutcome::OnTime);
    penalised.map(line).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn record() -> RollerView {
        let roller = Address::repeat_byte(7);
        serde_json::from_value(json!({
            "roller": roller, "signer": roller, "stakeWei": "1000000000000000000000", "q": 123_400_000,
            "capacity": 3, "capacityCounted": 2, "ready": true, "alive": true, "heartbeatUnixS": 1, "seatsOpen": 1, "offers": 4,
            "onTime": 2, "late": 0, "missed": 1, "invalid": 0, "declined": 1, "won": 1,
            "earnedWei": "12000000000000000000", "accused": false, "finedWei": "0",
            "history": [
                { "task": alloy_primitives::B256::ZERO, "round": 1, "outcome": "missed",
                  "why": "The deadline passed without a proof.", "weight": 500_000_000, "atUnixS": 940 },
                { "task": alloy_primitives::B256::ZERO, "round": 0, "outcome": "on_time",
                  "why": "Delivered within the deadline.", "weight": 500_000_000, "atUnixS": 900 },
            ],
        }))
        .unwrap()
    }

    #[test]
    fn a_roller_is_one_row_with_its_reputation() {
        let rows = table(&[record()]);
        let of = |head: &str| {
            let at = rows[0].iter().position(|cell| cell == head).unwrap();
            rows[1][at].as_str()
        };
        assert_eq!(
            (of("stake"), of("q"), of("R")),
            ("1000 SCR", "12.3 %", "123")
        );
        assert_eq!((of("state"), of("seats")), ("ready", "1 of 2"));
        assert_eq!((of("missed"), of("earned")), ("1", "12 SCR"));
        let silent = RollerView {
            alive: false,
            ..record()
        };
        assert_eq!(state(&silent), "silent");
    }

    #[test]
    fn each_penalty_has_its_reason_and_what_was_on_time_is_none() {
        let said = penalties(&record(), 1_000);
        assert_eq!(said.len(), 1);
        assert!(said[0].starts_with("missed 1 min ago"), "{said:?}");
        assert!(said[0].ends_with("weight 50.0 %: The deadline passed without a proof."));
    }
}
