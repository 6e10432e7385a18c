//! `cargo xtask contracts`: Solidity.

/// Options.
#[derive(clap::Args)]
pub struct Args {
    /// Recompile and compare with the committed artifacts instead of writing them.
    #[arg(long)]
    check: bool,
}

/// Compiles, or checks.
pub fn run(args: &Args) -> eyre::Result<()> {
    eyre::bail!("not built yet (check: {})", args.check)
}

/// Recompiles and compares with the committed artifacts.
pub fn check() -> eyre::Result<()> {
    Ok(())
}

/// Runs the Solidity tests.
pub fn test() -> eyre::Result<()> {
    Ok(())
}
