//! The roller: stakes, waits to be drawn, proves, submits.
//!
//! Model: one process per machine, one proof at a time. It *pulls*: heartbeats say that it is there and how far it is,
//! picks ask for work. Everything that it must not lose (a finished proof, the operator's receipts) is on disk before it is
//! acted on.
//!
//! Secrets come from files or the environment, never from arguments, and never reach a log.

mod account;
mod accuse;
mod bench;
mod checks;
mod claim;
mod config;
mod daemon;
mod defend;
mod doctor;
mod finished;
mod identity;
mod machine;
mod metrics;
mod plan;
mod posting;
mod progress;
mod prove;
mod prover;
mod receipts;
mod registry;
mod rights;
mod serving;
mod set_key;
mod setup;
mod stake;
mod statement;
mod status;
mod unbond;
mod withdraw;
mod words;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use rollmill_runtime::{Completions, chain, complain};

/// Proves batches for a rollmill rollup.
#[derive(Debug, Parser)]
#[command(name = "roller", version, about)]
struct Cli {
    /// TOML file with settings; its field names are the flags' names.
    #[arg(
        long,
        env = "ROLLMILL_ROLLER_CONFIG",
        value_name = "FILE",
        global = true
    )]
    config: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make keys, check this machine and the network, and write the settings that all verbs read.
    Setup(setup::SetupArgs),
    /// Take tasks and prove them until stopped.
    Run(config::RunArgs),
    /// Register on L1, deposit stake and declare readiness; what is done already is left as it is.
    Stake(stake::StakeArgs),
    /// Take stake out of the draw, so that it can be withdrawn later.
    Unbond(unbond::UnbondArgs),
    /// Bring the payout address the stake that is unbonded.
    Withdraw(withdraw::WithdrawArgs),
    /// Let another hot key sign for the roller.
    SetSigner(set_key::SetSignerArgs),
    /// Have the roller paid at another address; with the key of the present one.
    SetPayout(set_key::SetPayoutArgs),
    /// Bring the payout address what L1 owes the roller: late shares, credits, the emission.
    Claim(claim::ClaimArgs),
    /// Bring a posted proof that is not valid before L1, whoever's it is.
    Accuse(accuse::AccuseArgs),
    /// Answer an accusation on L1.
    Defend(defend::DefendArgs),
    /// Make one proof that no coordinator asked for: what `rollmill escape` needs.
    Prove(prove::ProveArgs),
    /// Measure this machine on a recorded batch.
    Bench(bench::BenchArgs),
    /// What the operator has signed for this roller: list it, verify it, charge the operator with it on L1.
    Receipts(receipts::ReceiptsArgs),
    /// What a roller is doing, what it has earned, and why it was penalised.
    Status(status::StatusArgs),
    /// Show what a verb is told by flags, environment and file together.
    Config(config::ConfigArgs),
    /// Print completions for a shell: verbs, flags and their values.
    Completions(Completions),
    /// Look for everything that keeps the roller from earning; fails if there is something.
    Doctor(doctor::DoctorArgs),
}

fn main() -> ExitCode {
    let cli: Cli = match config::CONFIG.parse() {
        Ok(cli) => cli,
        Err(error) => return failed(&error.into()),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let outcome = runtime.block_on(async {
        match cli.verb {
            Verb::Setup(args) => setup::run(args).await,
            Verb::Run(args) => daemon::run(args).await,
            Verb::Stake(args) => stake::run(args).await,
            Verb::Unbond(args) => unbond::run(args).await,
            Verb::Withdraw(args) => withdraw::run(args).await,
            Verb::SetSigner(args) => set_key::signer(args).await,
            Verb::SetPayout(args) => set_key::payout(args).await,
            Verb::Claim(args) => claim::run(args).await,
            Verb::Accuse(args) => accuse::run(args).await,
            Verb::Defend(args) => defend::run(args).await,
            Verb::Prove(args) => tokio::task::spawn_blocking(move || prove::run(&args)).await?,
            Verb::Bench(args) => tokio::task::spawn_blocking(move || bench::run(&args)).await?,
            Verb::Receipts(args) => receipts::run(&args).await,
            Verb::Status(args) => status::run(args).await,
            Verb::Config(args) => config::check(&args, cli.config.as_deref()),
            Verb::Completions(shell) => {
                shell.print::<Cli>();
                Ok(())
            }
            Verb::Doctor(args) => doctor::run(args).await,
        }
    });
    // A proof that is being made cannot be interrupted between two steps; it must not hold up the end of the process.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &eyre::Report) -> ExitCode {
    complain(format_args!("roller: {}", chain(&**error)));
    ExitCode::FAILURE
}
