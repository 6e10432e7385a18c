//! `cargo xtask bench pruning`: blocks on an archive and, after it, the same blocks on a chain that forgets old states.

use std::path::Path;

use super::{MIB, chain, number, row};

/// Options.
#[derive(clap::Args)]
pub struct Args {
    /// Accounts of the state.
    #[arg(long, default_value_t = 1_000_000)]
    accounts: u32,
    /// Blocks of 5,000 transfers. The chain's file grows in steps: few blocks say little about bytes.
    #[arg(long, default_value_t = 100)]
    blocks: u32,
    /// States that the second keeps beside the newest.
    #[arg(long, default_value_t = 4)]
    history: u64,
}

/// Measures and prints.
pub fn run(args: &Args, release: &Path) -> eyre::Result<()> {
    let rollmill = release.join("rollmill");
    let (accounts, blocks) = (args.accounts.to_string(), args.blocks.to_string());
    let history = args.history.to_string();
    let flags = [
        "--accounts",
        &accounts,
        "--blocks",
        &blocks,
        "--history",
        &history,
    ];
    let archive = chain(&rollmill, &flags[..4])?;
    let pruned = chain(&rollmill, &flags)?;
    row("", ["archive", "pruned", "ratio", ""]);
    for (what, place, unit) in [
        ("transactions a second", "/transactions_per_second", 1.0),
        ("block, median ms", "/block_ms_median", 1.0),
        ("block, longest, ms", "/block_ms_max", 1.0),
        ("  store and forget, ms", "/store_ms", 1.0),
        (
            "a block leaves on disk, MiB",
            "/database_bytes_per_block",
            MIB,
        ),
        ("  trie nodes", "/trie_nodes_per_block", 1.0),
        ("database, MiB", "/database_bytes", MIB),
        ("oldest state", "/oldest_state", 1.0),
        ("peak memory, MiB", "/peak_rss_bytes", MIB),
    ] {
        let [a, b] = [&archive, &pruned].map(|figures| number(figures, place) / unit);
        let cells = [a, b].map(|value| format!("{value:.1}"));
        row(what, [&cells[0], &cells[1], &format!("{:.2}", b / a), ""]);
    }
    Ok(())
}
