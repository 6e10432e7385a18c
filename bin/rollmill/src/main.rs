//! rollmill: the operator's program. This file only reads the command line; `node` holds the wiring.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use rollmill_runtime::{chain, complain};

mod audit;
mod devnet;
mod evm_test;
mod node;
mod replica;

/// An EVM-compatible zk-rollup with outsourced proving.
#[derive(Debug, Parser)]
#[command(name = "rollmill", version, about)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Start a whole network on this machine: L1, contracts, sequencer, coordinator, rollers.
    Devnet(devnet::Args),
    /// Rebuild the chain from L1 alone, follow it, and answer JSON-RPC.
    Node(replica::Args),
    /// Replay the published log with the law, compare it with L1, and name the first difference.
    Audit(audit::Args),
    /// Run Ethereum's JSON fixtures through the state transition.
    EvmTest(evm_test::Args),
    /// A roller that submits garbage: started by `devnet --once`, which shows that it is fined.
    #[command(hide = true)]
    Saboteur(devnet::saboteur::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().verb {
        Verb::Devnet(args) => in_runtime(devnet::run(args)),
        Verb::Node(args) => in_runtime(replica::run(args)),
        Verb::Audit(args) => in_runtime(audit::run(args)),
        Verb::EvmTest(args) => evm_test::run(args),
        Verb::Saboteur(args) => in_runtime(devnet::saboteur::run(args)),
    };
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
