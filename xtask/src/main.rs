//! Repository chores in Rust: `cargo xtask <chore>`. Each chore is one module; this file only dispatches.

use clap::{Parser, Subcommand};

mod api;
#[cfg(test)]
mod arrows;
mod bench;
#[cfg(test)]
mod book;
mod clients;
mod contracts;
#[cfg(test)]
mod errors;
mod fuzz;
mod guest;
mod help;
mod kills;
mod solidity;
mod test;
mod tools;

/// Repository chores.
#[derive(Parser)]
#[command(name = "cargo xtask", about, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Run every check of the repository: the README's test command.
    Test,
    /// Run the tests with clients from npm against a devnet.
    Clients,
    /// Feed millions of mutated inputs to everything that decodes bytes of strangers.
    Fuzz(fuzz::Args),
    /// Kill a devnet at random points under load, and check that nothing acknowledged is lost.
    Kills(kills::Args),
    /// Print the figures of docs/developer/performance.md.
    Bench(bench::Args),
    /// Build the guest programs, or check that the committed ones are what the source builds.
    Guest(guest::Args),
    /// Measure what prover gas stands for, and write its schedule, or check that it fits. Proves nothing.
    Calibrate(guest::CalibrateArgs),
    /// Record a real proof with its inputs, which most tests verify instead of proving (minutes of computing).
    Fixture,
    /// Write docs/reference from what the programs say to `--help`, or check that the committed pages are current.
    Help(help::Args),
    /// Write the pages of docs/reference on JSON-RPC and the coordinator's API, or check that the committed ones are current.
    Api(api::Args),
    /// Compile the contracts and write their artifacts, or check that the committed ones are current.
    Contracts(contracts::Args),
}

fn main() -> eyre::Result<()> {
    match Cli::parse().chore {
        Chore::Test => test::run(),
        Chore::Clients => clients::run(),
        Chore::Fuzz(args) => fuzz::run(&args),
        Chore::Kills(args) => kills::run(&args),
        Chore::Bench(args) => bench::run(&args),
        Chore::Guest(args) => guest::run(&args),
        Chore::Calibrate(args) => guest::calibrate(&args),
        Chore::Fixture => guest::record_fixture(),
        Chore::Help(args) => help::run(&args),
        Chore::Api(args) => api::run(&args),
        Chore::Contracts(args) => contracts::run(&args),
    }
}
