//! `rollmill bench`: what this machine can do as a sequencer. `cargo xtask bench node` runs it beside anvil.

mod chain;
mod node;

use clap::Subcommand;

/// Flags of `rollmill bench`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Recover, execute, confirm and seal blocks in this process, without a network.
    Chain(chain::Args),
    /// Serve an L2 for `rollmill load`: one account holds ether, blocks are bounded by their gas alone, nothing is committed.
    Node(node::Args),
}

/// Measures, or serves until it is stopped.
pub fn run(args: Args) -> eyre::Result<()> {
    match args.what {
        What::Chain(args) => chain::run(&args),
        What::Node(args) => crate::in_runtime(node::run(args)),
    }
}
