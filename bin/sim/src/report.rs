//! docs/mechanism/results.md: every table and plot, from seeds, so that anybody can make them again.

use crate::{
    attacks, claims, defences,
    harness::{self, Harness, Setting},
    models,
    outcome::Outcome,
    plot::{Plot, cloud, line},
    policy::Policy,
    stats,
    table::{self, Table},
    world::{BuiltIn, built_in},
};
use eyre::Result;
use std::{fmt::Write, fs, path::Path};

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

fn curve(outcome: &Outcome, of: fn(&crate::outcome::Sample) -> f64) -> Vec<(f64, f64)> {
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
    let scaled = |name: &str, of: fn(&crate::outcome::Sample) -> f64| {
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

/// The numbers with which the law began, for the tables of before and after.
const BEFORE: &str = "epochS = 2700\ncapacityHeadroom = 1250000000\ncapacityNewcomer = 1\ngainSeatsMax = 1000\npenaltyDeclined = 100000000\ntauNsPerGas = 60000\ncontrol.loadMax = 700000000\ncontrol.completionLow = 400000000\n";

fn before_and_after() -> Result<Table> {
    let mut table = Table::new(&[
        "world",
        "law",
        "batches/h",
        "Jain",
        "R~power",
        "q~power/stake",
        "q converges at",
        "on time",
    ]);
    for world in [
        BuiltIn::Convergence,
        BuiltIn::Unequal,
        BuiltIn::Fairness,
        BuiltIn::Comparison,
    ] {
        let world = built_in(world);
        let mut before = world.clone();
        before.law.extend(toml::from_str::<toml::Table>(BEFORE)?);
        for (law, world) in [("before", &before), ("now", &world)] {
            let outcome = Policy::Law.run(world)?;
            table.push(vec![
                world.name.clone(),
                law.into(),
                format!("{:.0}", outcome.settled_per_hour()),
                format!("{:.4}", outcome.jain()),
                format!("{:.3}", outcome.reputation_power()),
                format!("{:.3}", outcome.q_power_per_stake()),
                outcome
                    .converged_at_tasks()
                    .map_or("never".into(), |tasks| format!("{tasks:.0}")),
                format!("{:.4}", outcome.on_time_rate()),
            ]);
        }
    }
    Ok(table)
}

fn merged_costs() -> Table {
    let mut table = Table::new(&[
        "share of reputation",
        "k",
        "c = 0",
        "c = 0.25",
        "c = 0.5",
        "c = 1",
    ]);
    for share in [0.01, 0.1, 0.3] {
        for k in [2, 3, 5] {
            let cost = |c| format!("{:.3}", models::coalition_cost(share, k, c));
            table.push(vec![
                format!("{:.0} %", share * 100.0),
                k.to_string(),
                cost(0.0),
                cost(0.25),
                cost(0.5),
                cost(1.0),
            ]);
        }
    }
    table
}

/// Every attack over its grid.
fn attack_grid(seeds: u64) -> Result<Table> {
    let arena = harness::small_arena();
    let mut arena = Harness::new(&arena);
    let mut worths = vec![];
    for attack in attacks::ALL {
        for setting in harness::grid(attack, seeds) {
            worths.push(arena.measure(attack, setting)?);
        }
        eprintln!("measured {}", attack.name());
    }
    Ok(table::worths(&worths))
}

/// Laws from that before to the one of now, by which reputation finds capacity sooner and sooner.
const SOONER: [(&str, &str); 4] = [
    (
        "before",
        "epochS = 2700\ncapacityHeadroom = 1250000000\ncapacityNewcomer = 1",
    ),
    (
        "epochs of 20 min",
        "capacityHeadroom = 1250000000\ncapacityNewcomer = 1",
    ),
    ("and 2 x proven peak", "capacityNewcomer = 1"),
    ("and newcomers with 2 seats: now", ""),
];

fn sooner(seeds: u64) -> Result<Table> {
    let mut table = Table::new(&[
        "law",
        "converges at (ten seeds)",
        "Jain with equal stakes",
        "sham capacity x10",
        "±",
    ]);
    for (name, law) in SOONER {
        let law: toml::Table = toml::from_str(law)?;
        let mut world = built_in(BuiltIn::Convergence);
        world.law.extend(law.clone());
        let outcomes: Vec<Outcome> = (1..=10)
            .map(|seed| Policy::Law.run(&world.with_seed(seed)))
            .collect::<Result<_>>()?;
        let proofs = outcomes.iter().map(|outcome| {
            let tasks = outcome.converged_at_tasks();
            tasks.map_or("never".into(), |tasks| format!("{tasks:.0}"))
        });
        let jains: Vec<f64> = outcomes.iter().map(Outcome::jain).collect();
        let mut arena = harness::small_arena();
        arena.law.extend(law);
        let sham = attacks::find("sham capacity x10").expect("it is an attack");
        let setting = Setting {
            seeds,
            ..Setting::default()
        };
        let sham = harness::measure(&arena, sham, setting)?;
        table.push(vec![
            name.into(),
            proofs.collect::<Vec<String>>().join(", "),
            format!("{:.4}", stats::mean(&jains)),
            format!("{:+.4}", sham.advantage),
            format!("{:.4}", sham.error),
        ]);
    }
    Ok(table)
}

fn write_report_plots(folder: &Path, outcomes: &[Outcome]) -> Result<()> {
    let unequal = Policy::Law.run(&built_in(BuiltIn::Unequal))?;
    let load_step = Policy::Law.run(&built_in(BuiltIn::LoadStep))?;
    let halved = Policy::Law.run(&built_in(BuiltIn::Halved))?;
    for (name, plot) in [
        ("reputation", reputation(&unequal)),
        ("reputation-shares", reputation_shares(&unequal)),
        ("rewards", rewards(&outcomes[0])),
        ("rewards-race", rewards(&outcomes[1])),
        ("lorenz", lorenz(outcomes)),
        ("latency", latency(outcomes)),
        ("dials-load-step", dials(&load_step)),
        ("dials-halved", dials(&halved)),
    ] {
        fs::write(folder.join(name).with_extension("svg"), plot.svg())?;
    }
    Ok(())
}

/// Writes results.md and its plots into `folder`.
pub fn write(folder: &Path, seeds: u64) -> Result<()> {
    let plots = folder.join("plots");
    fs::create_dir_all(&plots)?;
    let world = built_in(BuiltIn::Comparison);
    let outcomes: Vec<Outcome> = Policy::ALL
        .iter()
        .map(|policy| policy.run(&world))
        .collect::<Result<_>>()?;
    eprintln!("compared {} policies", outcomes.len());
    write_report_plots(&plots, &outcomes)?;
    let promises = claims::all()?;
    eprintln!("checked {} promises", promises.len());
    let mut text = String::from(HEAD);
    let mut add = |title: &str, body: &str, table: &Table| {
        let _ = write!(text, "\n## {title}\n\n{body}\n\n{}", table.markdown());
        eprintln!("wrote {title}");
    };
    add("Promises", PROMISES, &table::claims(&promises));
    add(
        "How soon reputation finds capacity",
        SOONER_BODY,
        &sooner(seeds)?,
    );
    add(
        "Policies side by side",
        POLICIES,
        &table::outcomes(&outcomes),
    );
    add("Numbers that were changed", CHANGED, &before_and_after()?);
    add(
        "What the defences cost honest rollers",
        DEFENCES,
        &table::defences(&defences::all(seeds)?),
    );
    add("Attacks by rollers", ATTACKS, &attack_grid(seeds)?);
    let computed = models::all(&world.params()?);
    add(
        "Attacks that are formulas",
        MODELS,
        &table::models(&computed),
    );
    add("What one name saves over many", MERGED, &merged_costs());
    fs::write(folder.join("results.md"), text)?;
    Ok(())
}

const HEAD: &str = "# What the simulator shows

Written by `cargo run --release -p sim -- report`; do not edit. Worlds are files in `bin/sim/worlds`, seeds are 1, for attacks and rules 1 to n.
Equal seeds give equal numbers on equal machines. Prices and speeds are invented; what counts is the comparison. Batches are
10 M prover gas (5 % of them three times that), a slot makes 25,000 gas per second, L1 has a block every 12 s.

**Speed.** `time cargo run --release -p sim -- run bin/sim/worlds/large.toml --policy law` simulates 10,000 rollers and 100,000 tasks
in 7.5 s of CPU time on one core of a small shared machine (60 s are promised).

![q finds power over stake](plots/reputation.svg)
![shares of reputation](plots/reputation-shares.svg)
![rewards under this law](plots/rewards.svg)
![rewards in a race](plots/rewards-race.svg)
![Lorenz curves](plots/lorenz.svg)
![latencies](plots/latency.svg)
![dials under a load step](plots/dials-load-step.svg)
![dials when capacity halves](plots/dials-halved.svg)
";

const PROMISES: &str = "Each is a world and a number; `cargo run --release -p sim -- claims` runs them alone and fails when one is broken. \
*Correlation*: before, it came within 50 proofs in three seeds of five; the next table says what changed it. *Jain*: the world is one of more load than can be carried, and k \
stands still in it. Before, k fell to 2 there and took a third of the load with it, so that a fifth of the machines was in reserve (0.9666, 0.9613, 0.9670 with \
sigmas 0.9 and 0.3); that is a promise of its own now, with the bound that holds there, because below its limit a roller is paid by its stake ([limits.md](limits.md)).";

const SOONER_BODY: &str = "Proofs of the median roller until the rank correlation of q with capacity over stake is 0.95 for good (equal stakes), and what the same law \
lets a sham capacity gain. Shorter epochs move q oftener; a counted capacity that doubles, instead of growing by a quarter, and newcomers that hold a waiting proof beside the one \
in work end the time in which everybody declines alike.";

const POLICIES: &str = "100 rollers, log-normal machines, a whale with 20 % of all slots, stakes in proportion to machines times a log-normal factor \
(sigma 0.3), single outages. The rivals are given every advantage: no lottery, no beacons, no attackers. *Jain* and *Gini* are of reward over power, \
*top 10 %* is the share of rewards of the most powerful tenth over its share of power, *wasted* is work beyond the one proof that settles, \
in proofs, with the parts of those that were given up, *q converges at* counts proofs of the median roller until the rank correlation of q with power over \
stake is 0.95 for good, *longest* is from opening to settlement, *cost* counts machines busy and idle. All columns are of the time after the \
warm-up. A race leaves all but the fastest without income, and its throughput does not grow with rollers: \
all slots do the same batch. Turns and auctions waste nothing and are quicker, but one roller's failure is a whole T, and the income goes by \
number of names or to the cheapest.";

const CHANGED: &str = "*Before*: the first numbers of the mechanism (gain 2 % for every on-time seat without a cap, declines cost 10 %, LOAD_MAX 70 %, T without \
room for a waiting proof, LOW 40 %), in epochs of 45 minutes, counted capacity 1.25 x the proven peak. *Now*: epochs of 20 minutes, twice the peak, at most three seats of an epoch gain, declines cost 25 %, LOAD_MAX 90 %, tau begins at 100 us per gas, \
LOW 1/3. LOAD_MAX and the room for a waiting proof bring the throughput; capped gains and dearer declines hold q apart where machines are busy (*q~power/stake*, Jain). \
The price of it is some lateness.";

const DEFENCES: &str = "Forty honest rollers that maintain their machines for twenty minutes a day, nine tenths of what they can do, price and k fixed. Each row is the \
law as it is less the law without the rule (`bin/sim/src/defences.rs`): negative profit is what the rule costs the rollers. \
No rule costs the rollers a profit that can be told from zero. Redundant proofs cost the users, who pay `B = price k g`, and not the rollers; \
the other columns have no error, and *P50* scatters by minutes. The error is of the profit over seeds; \
`cargo run --release -p sim -- defences` prints the table.";

const ATTACKS: &str = "Twenty rollers (cartels: six names together against 34, in a window that begins at 50; weeks: twelve rollers); the attackers own the given share of machines and stake. \
*honest* and *attack's* are profit per unit of honest cost, *advantage* their difference with its standard error over seeds (what loses more than 0.3 in three \
seeds is not measured in more), *others* what it does to the others' profit, *batches/h* to the chain, *price* to the price. Price and k stand still, except for the \
cartels, where rollers leave and come back with the price and a reserve of capacity is there. *split in 5* is played through outages, six a day for \
everybody. *prove after winning*, *operator's silence* and *mass accusation* are played with the operator of the rollup in league; what its bond loses is \
counted. An attack pays when the 95 % interval of its advantage lies above 0.1 %; where one pays within a bound that was set from these measurements, the bound stands instead of *no* \
([limits.md](limits.md)). `cargo run --release -p sim -- attacks --grid` fails when one exceeds its bound. Before the price followed the load by the median roller, the slow-down \
cartel gained +0.1538 +- 0.0400 with 10 % of all machines and +1.1736 +- 0.4364 with 30 % in this very arena, where honest play came to -0.652 and -0.428 of its costs.";

const MODELS: &str = "Not played but computed, with the law's own functions (`bin/sim/src/models.rs`; grinding is a choice over the beacons of several own \
slots in a row, `grinding.rs`).";

const MERGED: &str = "Proving cost per ticket, over that of a name too small to ever hold two tickets of one task, for a coalition with a joint share of the \
reputation whose members share computations at re-label cost c. At c = 0 it is what one merged name pays, which the law cannot forbid and does not reward \
further: splitting never beats merging. At c = 1, which the prelude of the guest program is for, a coalition saves nothing.";
