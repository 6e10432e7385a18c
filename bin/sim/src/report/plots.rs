//! The plots.

use crate::{
    outcome::{Outcome, Sample},
    plot::{Plot, cloud, line},
    policy::Policy,
    stats,
    world::{BuiltIn, built_in},
};
use eyre::Result;
use std::{fs, path::Path};

/// Writes the plots of one outcome: reputation, rewards, Lorenz curve, latencies, dials.
pub fn write_plots(folder: &Path, outcome: &Outcome) -> Result<Vec<String>> {
    fs::create_dir_all(folder)?;
    let name = |what: &str| {
        let slug = format!("{} {} {what}", outcome.world, outcome.policy);
        slug.replace(' ', "-").to_lowercase() + ".svg"
    };
    let plots = [
        ("reputation", reputation(outcome)),
        ("reputation shares", reputation_shares(outcome)),
        ("rewards", rewards(outcome)),
        ("lorenz", lorenz(std::slice::from_ref(outcome))),
        ("latency", latency(std::slice::from_ref(outcome))),
        ("dials", dials(outcome)),
    ];
    let mut names = vec![];
    for (what, plot) in plots {
        fs::write(folder.join(name(what)), plot.svg())?;
        names.push(name(what));
    }
    Ok(names)
}

fn curve(outcome: &Outcome, of: fn(&Sample) -> f64) -> Vec<(f64, f64)> {
    outcome
        .samples
        .iter()
        .map(|sample| (sample.hour, of(sample)))
        .collect()
}

fn reputation(outcome: &Outcome) -> Plot {
    Plot {
        title: format!("Reputation against power over time: {}", outcome.world),
        x: "hours".into(),
        y: "rank correlation".into(),
        series: vec![
            line("reputation ~ power", curve(outcome, |s| s.reputation_power)),
            line("q ~ power/stake", curve(outcome, |s| s.q_power_per_stake)),
        ],
    }
}

/// Each roller's share of all reputation at the end against its share of power.
fn reputation_shares(outcome: &Outcome) -> Plot {
    let of_power: Vec<f64> = outcome.operators.iter().map(|o| o.power).collect();
    let reputation = outcome.operators.iter().map(|o| o.stake_scr * o.q);
    let stake = outcome.operators.iter().map(|o| o.stake_scr);
    let points = |values: Vec<f64>| {
        let (all, all_power) = (values.iter().sum::<f64>(), of_power.iter().sum::<f64>());
        let shares = of_power.iter().zip(values);
        shares
            .map(|(power, value)| (power / all_power * 100.0, value / all * 100.0))
            .collect()
    };
    let most = of_power.iter().cloned().fold(0.0, f64::max) / of_power.iter().sum::<f64>() * 100.0;
    Plot {
        title: format!(
            "Reputation and stake against power at the end: {}",
            outcome.world
        ),
        x: "% of power".into(),
        y: "% of reputation, of stake".into(),
        series: vec![
            cloud("reputation", points(reputation.collect())),
            cloud("stake", points(stake.collect())),
            line("in proportion", vec![(0.0, 0.0), (most, most)]),
        ],
    }
}

fn rewards(outcome: &Outcome) -> Plot {
    let (power, income): (Vec<f64>, Vec<f64>) = outcome
        .operators
        .iter()
        .map(|o| (o.power, o.income_scr))
        .unzip();
    let (all_power, all_income) = (
        power.iter().sum::<f64>(),
        income.iter().sum::<f64>().max(1e-12),
    );
    let shares = power
        .iter()
        .zip(&income)
        .map(|(p, i)| (p / all_power * 100.0, i / all_income * 100.0));
    let most = power.iter().cloned().fold(0.0, f64::max) / all_power * 100.0;
    Plot {
        title: format!(
            "Share of rewards against share of power: {}, {}",
            outcome.world, outcome.policy
        ),
        x: "% of power".into(),
        y: "% of rewards".into(),
        series: vec![
            cloud("rollers", shares.collect()),
            line("fair", vec![(0.0, 0.0), (most, most)]),
        ],
    }
}

/// Lorenz curves of reward over power: operators by reward per power, shares summed up.
fn lorenz(outcomes: &[Outcome]) -> Plot {
    let series = outcomes.iter().map(|outcome| {
        let mut operators: Vec<(f64, f64)> = outcome
            .operators
            .iter()
            .map(|o| (o.power, o.income_scr))
            .collect();
        operators.sort_by(|a, b| (a.1 / a.0).total_cmp(&(b.1 / b.0)));
        let (power, income) = operators
            .iter()
            .fold((0.0, 0.0), |sum, o| (sum.0 + o.0, sum.1 + o.1));
        let mut at = (0.0, 0.0);
        let mut points = vec![at];
        for (p, i) in operators {
            at = (at.0 + p / power, at.1 + i / f64::max(income, 1e-12));
            points.push(at);
        }
        line(&outcome.policy, points)
    });
    Plot {
        title: "Lorenz curves of reward over power (the diagonal is fair)".into(),
        x: "share of power".into(),
        y: "share of rewards".into(),
        series: series.collect(),
    }
}

fn latency(outcomes: &[Outcome]) -> Plot {
    let series = outcomes.iter().map(|outcome| {
        let points = (0..=100).map(|i| {
            let share = f64::from(i) / 100.0;
            (
                stats::percentile(&outcome.latencies_s, share)
                    .max(1.0)
                    .log10(),
                share,
            )
        });
        line(&outcome.policy, points.collect())
    });
    Plot {
        title: "Time from commit to settlement".into(),
        x: "log10 seconds".into(),
        y: "share of batches".into(),
        series: series.collect(),
    }
}

fn dials(outcome: &Outcome) -> Plot {
    let scaled = |name: &str, of: fn(&Sample) -> f64| {
        let points = curve(outcome, of);
        let first = points.first().map_or(1.0, |p| p.1).max(1e-9);
        line(
            name,
            points.into_iter().map(|(x, y)| (x, y / first)).collect(),
        )
    };
    Plot {
        title: format!("Dials over their first values: {}", outcome.world),
        x: "hours".into(),
        y: "over the first value".into(),
        series: vec![
            scaled("T", |s| s.time_limit_s),
            scaled("k", |s| f64::from(s.k)),
            scaled("window", |s| f64::from(s.window)),
            scaled("price", |s| s.price),
        ],
    }
}

/// Writes the plots of results.md; the first two outcomes are those of the law and of a race.
pub(super) fn write_all(folder: &Path, outcomes: &[Outcome]) -> Result<()> {
    let unequal = Policy::Law.run(&built_in(BuiltIn::Unequal))?;
    let load_step = Policy::Law.run(&built_in(BuiltIn::LoadStep))?;
    let halved = Policy::Law.run(&built_in(BuiltIn::Halved))?;
    let slower = Policy::Law.run(&built_in(BuiltIn::Slower))?;
    for (name, plot) in [
        ("reputation", reputation(&unequal)),
        ("reputation-shares", reputation_shares(&unequal)),
        ("rewards", rewards(&outcomes[0])),
        ("rewards-race", rewards(&outcomes[1])),
        ("lorenz", lorenz(outcomes)),
        ("latency", latency(outcomes)),
        ("dials-load-step", dials(&load_step)),
        ("dials-halved", dials(&halved)),
        ("dials-slower", dials(&slower)),
    ] {
        fs::write(folder.join(name).with_extension("svg"), plot.svg())?;
    }
    Ok(())
}
