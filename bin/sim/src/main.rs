//! `sim`: simulates the law, its rivals and its attackers. See docs/mechanism.

use clap::{Parser, Subcommand, ValueEnum};
use eyre::{Context, Result};
use sim::{
    attacks::{self, Attack},
    claims::{self, Effort},
    defences,
    harness::{self, Harness, Setting, Worth},
    models::{self, Model},
    outcome::{Columns, Outcome},
    policy::Policy,
    report,
    table::{self, Table},
    world::World,
};
use std::{fs, path::PathBuf, process::ExitCode};

/// Simulator of the mechanism.
#[derive(Parser)]
#[command(name = "sim", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Simulate a world of honest rollers under one or all policies.
    Run {
        /// TOML file; the default world without one.
        world: Option<PathBuf>,
        /// Policies to compare; all of them by default.
        #[arg(long, value_enum)]
        policy: Vec<Policy>,
        /// Seed instead of the file's.
        #[arg(long)]
        seed: Option<u64>,
        /// Write the plots of each policy into this folder.
        #[arg(long)]
        svg: Option<PathBuf>,
        #[command(flatten)]
        output: Output,
    },
    /// Measure attacks against honest play. Exit status 1 unless all are shown to be closed or within their bounds.
    Attacks(AttackArgs),
    /// Check the promises of the law. Exit status 1 when one is broken.
    Claims {
        /// In seconds instead of minutes: fewer seeds, smaller and shorter worlds.
        #[arg(long)]
        quick: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Measure what the law's defences cost honest rollers.
    Defences {
        /// Seeds per rule.
        #[arg(long, default_value_t = 4)]
        seeds: u64,
        #[command(flatten)]
        output: Output,
    },
    /// Write docs/mechanism/results.md with its tables and plots.
    Report {
        /// Folder of the document.
        #[arg(long, default_value = "docs/mechanism")]
        out: PathBuf,
        /// Seeds per attack and rule.
        #[arg(long, default_value_t = 8)]
        seeds: u64,
    },
}

#[derive(clap::Args)]
struct AttackArgs {
    /// Arena: a TOML file instead of the built-in one. Weeks and dials have their own size.
    #[arg(long)]
    world: Option<PathBuf>,
    /// Attacks to measure, by name; all of them by default.
    #[arg(long)]
    attack: Vec<String>,
    /// Share of machines and stake that the attackers own.
    #[arg(long, default_value_t = Setting::default().share)]
    share: f64,
    /// Tickets per task.
    #[arg(long, default_value_t = Setting::default().k)]
    k: u32,
    /// What the median roller earns over its costs when it is busy all the time.
    #[arg(long, default_value_t = Setting::default().margin)]
    margin: f64,
    /// Cost of a second proof of a task under another name, as a share of a whole one; what each attack assumes without it.
    #[arg(long, value_name = "SHARE")]
    relabel: Option<f64>,
    /// Measure over shares, k, margins and re-label costs, in a small arena.
    #[arg(long, conflicts_with_all = ["share", "k", "margin", "relabel"])]
    grid: bool,
    /// Seeds per attack at least; a clear loss takes fewer.
    #[arg(long, default_value_t = Setting::default().seeds)]
    seeds: u64,
    /// Seeds per attack at most, while it is unclear whether it pays.
    #[arg(long, default_value_t = Setting::default().seeds_max)]
    seeds_max: u64,
    #[command(flatten)]
    output: Output,
}

#[derive(clap::Args)]
struct Output {
    /// Print JSON instead of a table.
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print CSV instead of a table.
    #[arg(long)]
    csv: bool,
}

impl Output {
    fn print(&self, table: &Table, data: &impl serde::Serialize) -> Result<()> {
        if self.json {
            println!("{}", serde_json::to_string_pretty(data)?);
        } else if self.csv {
            print!("{}", table.csv());
        } else {
            print!("{}", table.text());
        }
        Ok(())
    }
}

/// An outcome with its columns.
#[derive(serde::Serialize)]
struct Simulated<'a> {
    #[serde(flatten)]
    outcome: &'a Outcome,
    columns: Columns,
}

impl<'a> Simulated<'a> {
    fn of(outcome: &'a Outcome) -> Self {
        Self {
            outcome,
            columns: outcome.columns(),
        }
    }
}

/// All attacks, measured and computed.
#[derive(serde::Serialize)]
struct Attacks {
    measured: Vec<Worth>,
    computed: Vec<Model>,
}

fn read(path: &PathBuf) -> Result<World> {
    let text =
        fs::read_to_string(path).wrap_err_with(|| format!("cannot read {}", path.display()))?;
    World::parse(&text).wrap_err_with(|| format!("{} is no world", path.display()))
}

fn simulate(world: &World, policies: &[Policy]) -> Result<Vec<Outcome>> {
    let policies = if policies.is_empty() {
        Policy::value_variants()
    } else {
        policies
    };
    policies.iter().map(|policy| policy.run(world)).collect()
}

/// The attacks of these names; all of them without any.
fn named(names: &[String]) -> Result<Vec<&'static Attack>> {
    if names.is_empty() {
        return Ok(attacks::ALL.iter().collect());
    }
    let find = |name: &String| {
        attacks::find(name).ok_or_else(|| eyre::eyre!("no attack is called {name:?}"))
    };
    names.iter().map(find).collect()
}

/// Measures attacks and says so as it goes on.
fn measure(
    world: &World,
    attacks: &[&Attack],
    settings: impl Fn(&Attack) -> Vec<Setting>,
) -> Result<Vec<Worth>> {
    let mut worths = vec![];
    let mut harness = Harness::new(world);
    for attack in attacks {
        for setting in settings(attack) {
            let worth = harness.measure(attack, setting)?;
            eprintln!(
                "{}: {:+.4} ± {:.4}",
                worth.attack, worth.advantage, worth.error
            );
            worths.push(worth);
        }
    }
    Ok(worths)
}

fn measure_attacks(args: &AttackArgs) -> Result<ExitCode> {
    let world = args.world.as_ref().map(read).transpose()?;
    let built_in = if args.grid {
        harness::small_arena
    } else {
        harness::arena
    };
    let world = world.unwrap_or_else(built_in);
    let setting = Setting {
        share: args.share,
        seeds: args.seeds,
        seeds_max: args.seeds_max,
        k: args.k,
        margin: args.margin,
        relabel: args.relabel,
    };
    let settings = |attack: &Attack| {
        let mut settings = vec![setting];
        if args.grid {
            settings = harness::grid(attack, args.seeds);
            let most = settings.iter_mut();
            most.for_each(|setting| setting.seeds_max = args.seeds_max);
        }
        settings
    };
    let measured = measure(&world, &named(&args.attack)?, settings)?;
    let computed = models::all(&world.params()?);
    let pays = measured.iter().any(Worth::is_open) || computed.iter().any(Model::pays);
    let table = table::attacks(&measured, &computed);
    args.output.print(&table, &Attacks { measured, computed })?;
    Ok(ExitCode::from(u8::from(pays)))
}

fn main() -> Result<ExitCode> {
    let code = match Cli::parse().command {
        Command::Run {
            world,
            policy,
            seed,
            svg,
            output,
        } => {
            let world = world.as_ref().map(read).transpose()?.unwrap_or_default();
            let world = seed.map_or(world.clone(), |seed| world.with_seed(seed));
            let outcomes = simulate(&world, &policy)?;
            if let Some(folder) = svg {
                for outcome in &outcomes {
                    report::write_plots(&folder, outcome)?;
                }
            }
            let data: Vec<Simulated> = outcomes.iter().map(Simulated::of).collect();
            output.print(&table::outcomes(&outcomes), &data)?;
            ExitCode::SUCCESS
        }
        Command::Attacks(args) => measure_attacks(&args)?,
        Command::Claims { quick, output } => {
            let effort = if quick { Effort::Quick } else { Effort::Full };
            let claims = claims::all(effort)?;
            output.print(&table::claims(&claims), &claims)?;
            ExitCode::from(u8::from(claims.iter().any(|claim| !claim.is_kept)))
        }
        Command::Defences { seeds, output } => {
            let costs = defences::all(seeds)?;
            output.print(&table::defences(&costs), &costs)?;
            ExitCode::SUCCESS
        }
        Command::Report { out, seeds } => {
            report::write(&out, seeds)?;
            ExitCode::SUCCESS
        }
    };
    Ok(code)
}
