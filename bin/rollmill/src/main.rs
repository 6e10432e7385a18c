//! rollmill: the operator's program. This file only reads the command line; `node` holds the wiring.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use rollmill_runtime::{Completions, ConfigFile, chain, complain};

mod audit;
mod bench;
mod config;
mod costs;
mod dashboard;
mod deploy;
mod devnet;
mod escape;
mod evm_test;
mod fees;
mod load;
mod look;
mod metrics;
mod node;
mod replica;
mod reproduce;
mod roller_process;
mod settings;
mod traces;

/// Settings of everything that works on a deployed rollup, and of `deploy`; the law of a rollup that is to be deployed has tables of its own ([`settings::Numbers`]).
const CONFIG: ConfigFile = ConfigFile {
    variable: "ROLLMILL_CONFIG",
    verbs: &[
        "deploy",
        "node",
        "fees",
        "escape",
        "audit",
        "reproduce",
        "status",
        "params",
        "rollers",
        "tasks",
    ],
    tables: &settings::TABLES,
};

/// An EVM-compatible zk-rollup with outsourced proving.
#[derive(Debug, Parser)]
#[command(name = "rollmill", version, about)]
struct Cli {
    /// TOML file with settings of all verbs but `devnet`, `load`, `bench` and `evm-test`; its field names are the flags' names, its tables
    /// a law to deploy.
    #[arg(long, env = "ROLLMILL_CONFIG", value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Start a whole network on this machine: L1, contracts, sequencer, coordinator, rollers.
    Devnet(devnet::Args),
    /// Put a rollup's contracts on L1, once, and write the deployment file.
    Deploy(deploy::Args),
    /// Run a deployed rollup: sequencer and coordinator, or with --derive a chain from L1 alone.
    Node(Box<node::verb::Args>),
    /// Show in one look how far the chain is, what waits, in which mode it is, and what it costs.
    Status(look::status::Args),
    /// Show the dials, where the law would move them, how they moved, and what is announced.
    Params(look::params::Args),
    /// Show the rollers: stake, reputation, how their offers ended, what they earned.
    Rollers(look::rollers::Args),
    /// Show the window of open tasks, or one task's whole way.
    Tasks(look::tasks::Args),
    /// Show what a verb is told by flags, environment and file together, and whether it could work with that.
    Config(config::Args),
    /// Say what users pay for data and proving and what they should; or set it.
    Fees(fees::Args),
    /// Take an account's ether out of the rollup without its operator.
    Escape(escape::Args),
    /// Replay the published log with the law, compare it with L1, and name the first difference.
    Audit(audit::Args),
    /// Build contracts and programs from source, and compare them with what is on L1.
    Reproduce(reproduce::Args),
    /// Send transactions of many accounts to a chain, and report how fast they were taken and included.
    Load(load::Args),
    /// Measure what this machine can do as a sequencer.
    Bench(bench::Args),
    /// Print completions for a shell: verbs, flags and their values.
    Completions(Completions),
    /// Run Ethereum's JSON fixtures through the state transition.
    EvmTest(evm_test::Args),
    /// A roller that submits garbage: started by `devnet --once`, which shows that it is fined.
    #[command(hide = true)]
    Saboteur(devnet::saboteur::Args),
}

fn main() -> ExitCode {
    let outcome = CONFIG.parse::<Cli>().map_err(eyre::Report::from);
    let outcome = outcome.and_then(|cli| match cli.verb {
        Verb::Devnet(args) => in_runtime(devnet::run(args)),
        Verb::Deploy(args) => in_runtime(deploy::run(args, cli.config.as_deref())),
        Verb::Node(args) => in_runtime(node::verb::run(*args)),
        Verb::Status(args) => in_runtime(look::status::run(args)),
        Verb::Params(args) => in_runtime(look::params::run(args)),
        Verb::Rollers(args) => in_runtime(look::rollers::run(args)),
        Verb::Tasks(args) => in_runtime(look::tasks::run(args)),
        Verb::Config(args) => in_runtime(config::run(args, cli.config.as_deref())),
        Verb::Fees(args) => in_runtime(fees::run(args)),
        Verb::Escape(args) => in_runtime(escape::run(args)),
        Verb::Audit(args) => in_runtime(audit::run(args)),
        Verb::Reproduce(args) => in_runtime(reproduce::run(args)),
        Verb::Load(args) => in_runtime(load::run(args)),
        Verb::Bench(args) => bench::run(args),
        Verb::Completions(shell) => {
            shell.print::<Cli>();
            Ok(())
        }
        Verb::EvmTest(args) => evm_test::run(args),
        Verb::Saboteur(args) => in_runtime(devnet::saboteur::run(args)),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(format_args!("rollmill: {}", chain(&*error)));
            ExitCode::FAILURE
        }
    }
}

fn in_runtime(work: impl Future<Output = eyre::Result<()>>) -> eyre::Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(work)
}

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory};

    use super::*;

    /// Flags of a verb, and of those below, that have no environment variable.
    fn without_variable(verb: &Command) -> Vec<String> {
        let flags = verb.get_arguments();
        let flags = flags.filter(|flag| flag.get_long().is_some() && flag.get_env().is_none());
        let own = flags.map(|flag| format!("{} --{}", verb.get_name(), flag.get_id()));
        let below = verb.get_subcommands().flat_map(without_variable);
        own.chain(below).collect()
    }

    #[test]
    fn every_setting_of_the_file_is_an_environment_variable_too() {
        let command = Cli::command();
        for name in CONFIG.verbs {
            let verb = command.find_subcommand(name);
            assert_eq!(verb.map(without_variable), Some(Vec::new()), "{name}");
        }
    }
}
