//! `cargo xtask fuzz`: everything that decodes bytes of strangers, on millions of mutated inputs.

use crate::tools;

/// Options.
#[derive(clap::Args)]
pub struct Args {
    /// Inputs of each target.
    #[arg(long, default_value_t = 10_000_000)]
    inputs: u32,
    /// Only this target.
    #[arg(value_parser = ["transactions", "batches", "witnesses", "requests"])]
    target: Option<String>,
}

/// Builds the targets as tests are built, with checked arithmetic, and feeds them.
pub fn run(args: &Args) -> eyre::Result<()> {
    let test = [
        "test",
        "--workspace",
        "--locked",
        "--test",
        "decoders",
        "--",
    ];
    let target = args.target.as_deref();
    let args_of_test: Vec<&str> = ["--nocapture"].into_iter().chain(target).collect();
    let mut test = tools::command(&tools::cargo(), &[&test[..], &args_of_test].concat(), ".");
    test.env("ROLLMILL_FUZZ_INPUTS", args.inputs.to_string());
    tools::run(test)
}
