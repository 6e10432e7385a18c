//! `cargo xtask kills`: `kill -9` of a devnet under load, at many random points.

use crate::tools;

/// Options.
#[derive(clap::Args)]
pub struct Args {
    /// How often.
    #[arg(long, default_value_t = 50)]
    times: u32,
    /// Which random points: the same seed, the same points.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Builds the programs, and runs the test that kills them.
pub fn run(args: &Args) -> eyre::Result<()> {
    let build = ["build", "--workspace", "--all-targets", "--locked"];
    tools::run(tools::command(&tools::cargo(), &build, "."))?;
    let test = ["test", "--workspace", "--locked", "--test", "kills"];
    let shown = ["--", "--nocapture"];
    let mut test = tools::command(&tools::cargo(), &[&test[..], &shown].concat(), ".");
    test.env("ROLLMILL_KILLS", args.times.to_string());
    test.env("ROLLMILL_SEED", args.seed.to_string());
    tools::run(test)
}
