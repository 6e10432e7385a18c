//! docs/mechanism/results.md: every table and plot, from seeds, so that anybody can make them again.

mod plots;
mod texts;

pub use plots::write_plots;

use crate::{
    attacks,
    claims::{self, Effort},
    defences,
    harness::{self, Harness, Setting},
    models,
    outcome::Outcome,
    policy::Policy,
    stats,
    table::{self, Table},
    world::{BuiltIn, World, built_in},
};
use eyre::Result;
use std::{fmt::Write, fs, path::Path, time::Instant};
use texts::{
    ATTACKS, CHANGED, DEFENCES, HEAD, MERGED, MODELS, POLICIES, PROMISES, SETTLING, SOONER_BODY,
    WITHOUT,
};

/// The numbers with which the law began, for the tables of before and after.
const BEFORE: &str = "epochS = 2700\ncapacityHeadroom = 1250000000\ncapacityNewcomer = 1\ngainSeatsMax = 1000\npenaltyDeclined = 100000000\ntauNsPerGas = 60000\ncontrol.loadMax = 700000000\ncontrol.completionLow = 400000000\n";

fn before_and_after() -> Result<Table> {
    let mut table = Table::new(&[
        "world",
        "law",
        "batches/h",
        "Jain",
        "R~power",
        "R~bounded",
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
                format!("{:.3}", outcome.reputation_bounded()),
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

/// A rule of L1, the attack that it is there for, and a world without it.
type Rule = (&'static str, &'static str, &'static str);

/// The rules.
const RULES: [Rule; 4] = [
    (
        "pays for the digest of the entries only",
        "prove after winning",
        "[l1]\ndigest_binding = false",
    ),
    (
        "takes refused submissions from rollers",
        "operator's silence",
        "[l1]\nposting = false",
    ),
    (
        "pays rewards from what users pay for proving",
        "wash proving",
        "[l1]\nfees_cover = 0.0",
    ),
    (
        "caps rewards under a beacon at a block's worth",
        "beacon grinding",
        "[l1]\nblock_reward_scr = 0.05",
    ),
];

/// The attack of which a part of the rule is enough: fees are money only and move nobody, so that its advantage is linear in them.
const BY_PARTS: &str = "wash proving";

/// What each rule of L1 is worth: its attack with it and without it, in the small arena; and the sentence about how much of it has to be there.
fn without_rules(seeds: u64) -> Result<(Table, String)> {
    let mut enough = vec![];
    let mut table = Table::new(&[
        "L1",
        "attack",
        "share",
        "advantage",
        "±",
        "without it",
        "±",
        "others without it",
    ]);
    for (rule, attack, change) in RULES {
        let attack = attacks::find(attack).expect("it is an attack");
        let is_by_parts = attack.name() == BY_PARTS;
        for share in [0.1, 0.3] {
            let setting = Setting {
                share,
                seeds,
                ..Setting::default()
            };
            let arena = harness::small_arena();
            let with = harness::measure(&arena, attack, setting)?;
            let l1 = World::parse(change)?.l1;
            // Nothing is decided by it.
            let shown = Setting {
                seeds_max: seeds,
                ..setting
            };
            let without = harness::measure(&World { l1, ..arena }, attack, shown)?;
            if is_by_parts {
                let part = without.advantage / (without.advantage - with.advantage);
                let (part, share) = (part * 100.0, share * 100.0);
                enough.push(format!(
                    "{part:.0} % of the rewards with {share:.0} % of all machines"
                ));
            }
            table.push(vec![
                rule.into(),
                with.attack.clone(),
                format!("{:.0} %", share * 100.0),
                format!("{:+.4}", with.advantage),
                format!("{:.4}", with.error),
                format!("{:+.4}", without.advantage),
                format!("{:.4}", without.error),
                format!("{:+.3}", without.others),
            ]);
        }
    }
    let enough = format!(
        "*{BY_PARTS}* gains nothing where fees cover {}.",
        enough.join(" and ")
    );
    Ok((table, enough))
}

/// Seconds of CPU time that this process has taken; none where the system does not say.
fn cpu_s() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let times = fields.split_whitespace().skip(11).take(2);
    let ticks: Option<Vec<f64>> = times.map(|ticks| ticks.parse().ok()).collect();
    ticks.map(|ticks| ticks.iter().sum::<f64>() / 100.0)
}

/// What the largest world takes, on the machine that writes the report.
fn speed() -> Result<String> {
    let world = built_in(BuiltIn::Large);
    let (started, before) = (Instant::now(), cpu_s());
    let outcome = Policy::Law.run(&world)?;
    let (took_s, of) = match (before, cpu_s()) {
        (Some(before), Some(after)) => (after - before, "CPU time on one core"),
        _ => (started.elapsed().as_secs_f64(), "time"),
    };
    Ok(format!(
        "`cargo run --release -p sim -- run bin/sim/worlds/large.toml --policy law` simulates {} rollers and {} tasks in\n\
         {took_s:.1} s of {of} of the machine that wrote this (60 s are promised); the board applies {} events.",
        thousands(world.rollers.count as u64),
        thousands(outcome.samples.last().map_or(0, |last| last.settled)),
        thousands(outcome.board_events),
    ))
}

/// With commas.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
    groups.join(",")
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

/// The numbers of the dials with which they settled later.
const BEFORE_DIALS: &str = "control.onTimeTarget = 970000000\ncontrol.priceUp = 62500000";

/// Seeds of the table of settling.
const SETTLING_SEEDS: u64 = 5;

fn settling() -> Result<Table> {
    let mut table = Table::new(&["world", "law", "T", "k", "window", "price"]);
    for world in [BuiltIn::Halved, BuiltIn::Slower] {
        let world = built_in(world);
        let mut before = world.clone();
        before
            .law
            .extend(toml::from_str::<toml::Table>(BEFORE_DIALS)?);
        for (law, world) in [("before", &before), ("now", &world)] {
            let settled = claims::settling(world, SETTLING_SEEDS)?;
            let epochs = |dial: usize| {
                let all: Vec<String> = settled.iter().map(|of| of[dial].to_string()).collect();
                all.join(", ")
            };
            let mut row = vec![world.name.clone(), law.into()];
            row.extend([0, 1, 2, 3].map(epochs));
            table.push(row);
        }
    }
    Ok(table)
}

/// Writes results.md and its plots into `folder`.
pub fn write(folder: &Path, seeds: u64) -> Result<()> {
    let plot_folder = folder.join("plots");
    fs::create_dir_all(&plot_folder)?;
    let world = built_in(BuiltIn::Comparison);
    let outcomes: Vec<Outcome> = Policy::ALL
        .iter()
        .map(|policy| policy.run(&world))
        .collect::<Result<_>>()?;
    eprintln!("compared {} policies", outcomes.len());
    plots::write_all(&plot_folder, &outcomes)?;
    let promises = claims::all(Effort::Full)?;
    eprintln!("checked {} promises", promises.len());
    let mut text = HEAD.replace("SPEED", &speed()?);
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
    add("How soon the dials settle", SETTLING, &settling()?);
    add(
        "What the defences cost honest rollers",
        DEFENCES,
        &table::defences(&defences::all(seeds)?),
    );
    add("Attacks", ATTACKS, &attack_grid(seeds)?);
    let (without, enough) = without_rules(seeds)?;
    let body = format!("{WITHOUT} {enough}");
    add("Without a rule of L1", &body, &without);
    let computed = models::all(&world.params()?);
    add("Choices over days", MODELS, &table::models(&computed));
    add("What one name saves over many", MERGED, &merged_costs());
    fs::write(folder.join("results.md"), text)?;
    Ok(())
}
