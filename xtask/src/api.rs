//! `cargo xtask api`: `docs/reference` has every method of JSON-RPC, as the code declares it, and every route of the coordinator, as its
//! OpenAPI document describes it.

mod methods;
mod routes;

use crate::tools;

/// Options.
#[derive(clap::Args)]
pub struct Args {
    /// Compare with the committed pages instead of writing them.
    #[arg(long)]
    check: bool,
}

/// Writes the pages, or checks them.
pub fn run(args: &Args) -> eyre::Result<()> {
    tools::build_all()?;
    let program = tools::target_dir()?.join("debug/examples/openapi");
    let document = tools::output(tools::command(&program.to_string_lossy(), &[], "."))?;
    let pages = [
        ("docs/reference/json-rpc.md", methods::page()?),
        ("docs/reference/coordinator.md", routes::page(&document)?),
    ];
    pages
        .iter()
        .try_for_each(|(file, text)| tools::page(file, text, args.check, "cargo xtask api"))
}

/// The same as `cargo xtask api --check`.
pub fn check() -> eyre::Result<()> {
    run(&Args { check: true })
}
