//! `cargo xtask guest`: guest programs.

/// Options.
#[derive(clap::Args)]
pub struct Args {
    /// Rebuild and compare with the committed ELFs instead of writing them.
    #[arg(long)]
    check: bool,
}

/// Builds the guest programs, or checks them.
pub fn run(args: &Args) -> eyre::Result<()> {
    eyre::bail!("not built yet (check: {})", args.check)
}

/// Checks the committed ELFs when the sources that they are built from changed.
pub fn check_if_changed() -> eyre::Result<()> {
    Ok(())
}
