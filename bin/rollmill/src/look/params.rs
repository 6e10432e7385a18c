//! `rollmill params`: the dials in force with their bounds, where the law would move them now, how they moved; and with the deployment file the
//! numbers that L1's governor can change, with what is announced.

use std::path::PathBuf;

use alloy_primitives::U256;
use eyre::WrapErr;
use rollmill_l1::{Deployment, GovernedNumber, governed_numbers};
use rollmill_protocol::law::Params;
use rollmill_roller_api::{DialValues, DialsView, EpochView};
use rollmill_runtime::{Clock, columns, outln, span};
use serde_json::{Value, json};

use super::{Asked, percent, row, when};
use crate::node::connect_l1;

/// Flags of `rollmill params`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    asked: Asked,
    /// JSON-RPC endpoint of L1.
    #[arg(
        long,
        env = "ROLLMILL_L1_RPC",
        value_name = "URL",
        default_value = "http://127.0.0.1:8545"
    )]
    l1_rpc: String,
    /// File that names the rollup's contracts: then L1 is asked for the numbers that can be changed, and for what is announced.
    #[arg(long, env = "ROLLMILL_DEPLOYMENT", value_name = "FILE")]
    deployment: Option<PathBuf>,
    /// Epochs of the history that are shown.
    #[arg(
        long,
        env = "ROLLMILL_EPOCHS",
        value_name = "EPOCHS",
        default_value_t = 10
    )]
    epochs: usize,
}

/// Says all of it.
pub async fn run(args: Args) -> eyre::Result<()> {
    let asked = &args.asked;
    let answer = asked.answer(async |client| {
        let law: Params = client.law().await?;
        Ok((client.dials().await?, law, client.epochs().await?))
    });
    let (dials, law, mut epochs) = answer.await?;
    epochs.drain(..epochs.len().saturating_sub(args.epochs));
    let numbers = match &args.deployment {
        None => None,
        Some(path) => {
            let deployment = Deployment::open(path)?;
            let (l1, _) = connect_l1(&args.l1_rpc).await?;
            let numbers = governed_numbers(&l1, &deployment).await;
            Some(numbers.wrap_err_with(|| format!("cannot read Parameters at {}", args.l1_rpc))?)
        }
    };
    let all = json!({
        "dials": dials,
        "law": law,
        "epochs": epochs,
        "numbers": numbers.as_ref().map(|numbers| numbers.iter().map(as_json).collect::<Vec<_>>()),
    });
    if asked.printed(&all)? {
        return Ok(());
    }
    let now = Clock::System.now_unix_s();
    let mut lines = dial_lines(&dials, &law, now);
    lines.extend(history(&epochs, now));
    match &numbers {
        Some(numbers) => lines.extend(announced(numbers, now)),
        None => lines.push(
            "--deployment names the contracts: then L1 is asked for the numbers that can be changed"
                .to_owned(),
        ),
    }
    lines.iter().for_each(|line| outln!("{line}"));
    Ok(())
}

/// Amounts are texts: JSON's numbers lose digits.
fn as_json(number: &GovernedNumber) -> Value {
    json!({
        "name": number.name,
        "value": number.value.to_string(),
        "announced": number.announced.to_string(),
        "activeFromS": number.active_from_s,
        "min": number.min.to_string(),
        "max": number.max.to_string(),
    })
}

/// The four dials, each by its name and unit.
fn values(dials: &DialValues) -> [(&'static str, u128); 4] {
    [
        ("tau, ns per prover gas", dials.tau_ns_per_gas.into()),
        ("k, points per round", dials.k.into()),
        ("window, tasks", dials.window.into()),
        ("price, SCR-wei per prover gas", dials.unit_price_wei.0),
    ]
}

/// Their bounds, in the same order.
fn bounds(law: &Params) -> [(u128, u128); 4] {
    let control = &law.control;
    let (tau, k, window) = (control.tau_ns_per_gas, control.k, control.window);
    let (low, high) = control.unit_price;
    [
        (tau.0.into(), tau.1.into()),
        (k.0.into(), k.1.into()),
        (window.0.into(), window.1.into()),
        (low.0, high.0),
    ]
}

fn dial_lines(dials: &DialsView, law: &Params, now_unix_s: u64) -> Vec<String> {
    let mut lines = vec![format!(
        "epoch {}, which may end {}",
        dials.epoch,
        when(dials.ends_unix_s, now_unix_s)
    )];
    let mut rows = vec![row([
        "dial",
        "in force",
        "on its way",
        "if it ended now",
        "least",
        "greatest",
    ])];
    let next = values(&dials.next).into_iter().zip(bounds(law));
    let on_the_way = dials.on_the_way.as_ref().map(values);
    let dials_now = values(&dials.in_force).into_iter().enumerate().zip(next);
    rows.extend(
        dials_now.map(|((at, (name, value)), ((_, next), (low, high)))| {
            let posted = on_the_way.map(|dials| dials[at].1.to_string());
            let [value, next, low, high] =
                [value, next, low, high].map(|number| number.to_string());
            vec![
                name.to_owned(),
                value,
                posted.unwrap_or_default(),
                next,
                low,
                high,
            ]
        }),
    );
    lines.extend(columns(&rows));
    lines.extend(measured(dials, law));
    lines
}

/// What the next dials follow from, beside what the law wants.
fn measured(dials: &DialsView, law: &Params) -> [String; 4] {
    let (measure, control) = (&dials.measure, &law.control);
    let completion = match measure.completion {
        Some(median) => format!(
            "the median proof took {} of its time (tau falls below {})",
            percent(median),
            percent(control.completion_low)
        ),
        None => "nobody has delivered yet".to_owned(),
    };
    [
        format!(
            "measured in {}: {} on time ({} are wanted), {completion}",
            span(measure.elapsed_s),
            percent(measure.on_time_rate),
            percent(control.on_time_target)
        ),
        format!(
            "  load {} of {} counted seats (the price may rise above {}, falls below {}); {:.2} points per ticket (at most {:.2})",
            percent(measure.load),
            measure.capacity,
            percent(control.load_busy),
            percent(control.load_idle),
            measure.points_per_ticket as f64 / 1e9,
            control.points_high as f64 / 1e9
        ),
        format!(
            "  window: {} seats carry {} tasks; {} were open at most, {} wait for room, {} at the epoch's beginning",
            measure.capacity,
            measure.window_target,
            measure.open_peak,
            measure.queued,
            measure.queued_before
        ),
        format!(
            "  k: {} of {} tasks had no proof in their first round ({} are tolerated)",
            measure.tasks_missed,
            measure.tasks,
            percent(control.miss_target)
        ),
    ]
}

fn history(epochs: &[EpochView], now_unix_s: u64) -> Vec<String> {
    let mut rows = vec![row(["epoch", "since", "tau", "k", "window", "price"])];
    rows.extend(epochs.iter().map(|epoch| {
        vec![
            epoch.epoch.to_string(),
            when(epoch.at_unix_s, now_unix_s),
            epoch.tau_ns_per_gas.to_string(),
            epoch.k.to_string(),
            epoch.window.to_string(),
            epoch.unit_price_wei.to_string(),
        ]
    }));
    columns(&rows)
}

fn announced(numbers: &[GovernedNumber], now_unix_s: u64) -> Vec<String> {
    let mut rows = vec![row([
        "number",
        "in force",
        "announced",
        "least",
        "greatest",
    ])];
    rows.extend(numbers.iter().map(|number| {
        let change = number.change(now_unix_s);
        let change = change.map(|(value, at)| format!("{value} {}", when(at, now_unix_s)));
        let text = |value: U256| value.to_string();
        vec![
            number.name.to_owned(),
            text(number.value),
            change.unwrap_or_default(),
            text(number.min),
            text(number.max),
        ]
    }));
    columns(&rows)
}

#[cfg(test)]
mod tests {
    use rollmill_protocol::ScrWei;
    use rollmill_roller_api::MeasureView;

    use super::*;

    fn dials() -> DialsView {
        let in_force = DialValues {
            tau_ns_per_gas: 100_000,
            k: 3,
            window: 32,
            unit_price_wei: ScrWei(1_000),
        };
        DialsView {
            epoch: 7,
            ends_unix_s: 1_060,
            in_force,
            on_the_way: None,
            next: DialValues {
                window: 28,
                ..in_force
            },
            measure: MeasureView {
                elapsed_s: 1_140,
                on_time_rate: 950_000_000,
                completion: None,
                load: 300_000_000,
                points_per_ticket: 1_250_000_000,
                capacity: 12,
                window_target: 4,
                open_peak: 3,
                queued: 1,
                queued_before: 0,
                tasks: 9,
                tasks_missed: 1,
            },
        }
    }

    #[test]
    fn each_dial_stands_beside_what_would_follow_and_its_bounds() {
        let said = dial_lines(&dials(), &Params::default(), 1_000);
        assert_eq!(said[0], "epoch 7, which may end in 1 min");
        let cells = |line: &str| -> Vec<String> {
            let cells = line.split("  ").map(str::trim);
            cells
                .filter(|cell| !cell.is_empty())
                .map(str::to_owned)
                .collect()
        };
        assert_eq!(cells(&said[4]), ["window, tasks", "32", "28", "4", "65536"]);
        let all = said.join("\n");
        for part in [
            "95.0 % on time (92.0 % are wanted), nobody has delivered yet",
            "1.25 points per ticket (at most 2.00)",
            "12 seats carry 4 tasks; 3 were open at most, 1 wait for room",
            "1 of 9 tasks",
        ] {
            assert!(all.contains(part), "{part}: {all}");
        }
    }

    #[test]
    fn a_change_is_told_until_it_is_in_force() {
        let number = GovernedNumber {
            name: "AccuseS",
            value: U256::from(86_400),
            announced: U256::from(43_200),
            active_from_s: 1_060,
            min: U256::from(600),
            max: U256::from(129_600),
        };
        let said = announced(&[number], 1_000);
        assert!(said[1].contains("43200 in 1 min"), "{said:?}");
        let said = announced(&[number], 1_060);
        assert!(!said[1].contains("43200"), "{said:?}");
    }
}
