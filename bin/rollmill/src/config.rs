//! `rollmill config check`: what a verb would be told by flags, environment and file together, and whether it could work with that. It
//! changes nothing, and asks for no password.

use std::path::Path;

use clap::{CommandFactory, FromArgMatches};
use eyre::bail;
use rollmill_runtime::{CheckArgs, counted, good, wrongs};

use crate::{CONFIG, Cli, Verb, node, settings::Numbers};

/// Flags of `rollmill config`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Show every setting of a verb (`node`, unless another is named) with its value and where that comes from, and what is wrong with
    /// them; fails if something is.
    Check(CheckArgs),
}

/// Checks.
pub async fn run(args: Args, file: Option<&Path>) -> eyre::Result<()> {
    let What::Check(args) = args.verb;
    let checked = args.settings(&CONFIG, Cli::command(), ("node", file))?;
    let cli = Cli::from_arg_matches(&checked.matches)?;
    let findings = match &cli.verb {
        Verb::Node(args) => node::check::look(args).await,
        Verb::Deploy(_) => {
            Numbers::of_network(file)?;
            vec![good("law", "its numbers are within their bounds")]
        }
        _ => Vec::new(),
    };
    args.say(&checked.settings, &findings);
    match wrongs(&findings).count() as u64 {
        0 => Ok(()),
        wrong => bail!("{} to mend", counted(wrong, "thing")),
    }
}
