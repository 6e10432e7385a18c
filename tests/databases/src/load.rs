//! What is measured: a state is written, and blocks change it.

use std::{
    cell::Cell,
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    time::{Duration, Instant},
};

use eyre::{bail, ensure};
use serde_json::{Value, json};

use crate::{
    nodes::{Hash, State, hash, value},
    stores::Store,
};

/// Nodes of a state for each hundred accounts: the accounts, and the branches above them.
const NODES_PER_100_ACCOUNTS: u64 = 136;
/// Nodes that a block reads, adds, and deletes, each: those of 500 transfers, or so, on a large state.
const BLOCK_NODES: u64 = 3_500;
/// Pause between two lines about how far it is.
const TELL: Duration = Duration::from_secs(5);

/// Time of one block's parts.
struct Block {
    read: Duration,
    write: Duration,
}

impl Block {
    fn total(&self) -> Duration {
        self.read + self.write
    }
}

/// Fills a new database in `dir`, and then changes it, block by block.
pub fn measure(
    mut store: impl Store,
    dir: &Path,
    accounts: u64,
    blocks: u64,
) -> eyre::Result<Value> {
    ensure!(blocks > 0, "without blocks there is nothing to measure");
    let count = accounts * NODES_PER_100_ACCOUNTS / 100;
    ensure!(count > 0, "without accounts there is nothing to read");
    let begun = Instant::now();
    store.fill(count, told("nodes", count))?;
    let filled = begun.elapsed();
    let (first_bytes, fill_peak_rss) = (bytes_under(dir)?, peak_rss_bytes()?);
    reset_peak_rss()?;
    let written = written_bytes()?;

    let mut state = State::new(count);
    let tell = told("blocks", blocks);
    let mut times = Vec::new();
    for number in 0..blocks {
        times.push(block(&mut store, &mut state, number)?);
        tell(number);
    }
    let written = written_bytes()? - written;
    let of = |part: fn(&Block) -> Duration, percent: usize| {
        let mut parts: Vec<Duration> = times.iter().map(part).collect();
        parts.sort_unstable();
        let place = (parts.len() - 1) * percent / 100;
        parts[place].as_secs_f64() * 1e3
    };
    let read: Duration = times.iter().map(|block| block.read).sum();
    let read_us = read.as_secs_f64() * 1e6 / (blocks * BLOCK_NODES) as f64;
    Ok(json!({
        "nodes": count,
        "fill_seconds": filled.as_secs_f64(),
        "fill_bytes": first_bytes,
        "fill_peak_rss_bytes": fill_peak_rss,
        "block_ms_p50": of(Block::total, 50),
        "block_ms_p99": of(Block::total, 99),
        "block_ms_max": of(Block::total, 100),
        "write_ms_p50": of(|block| block.write, 50),
        "read_us": read_us,
        "written_bytes_per_block": written / blocks,
        "database_bytes": bytes_under(dir)?,
        "peak_rss_bytes": peak_rss_bytes()?,
    }))
}

/// Reads as many nodes as it changes. What it compares does not count.
fn block(store: &mut impl Store, state: &mut State, number: u64) -> eyre::Result<Block> {
    let hashes = |numbers: &[u64]| -> Vec<Hash> { numbers.iter().copied().map(hash).collect() };
    let sought = state.some(BLOCK_NODES.min(state.len()), number);
    let (new, gone) = state.change(BLOCK_NODES.min(state.len()));
    let (keys, gone) = (hashes(&sought), hashes(&gone));
    let new: Vec<(Hash, Vec<u8>)> = new.into_iter().map(|it| (hash(it), value(it))).collect();

    let begun = Instant::now();
    let found = store.read(&keys)?;
    let read = begun.elapsed();
    for (number, node) in sought.into_iter().zip(found) {
        ensure!(node == Some(value(number)), "node {number} was lost");
    }

    let begun = Instant::now();
    let known = store.write(&new, &gone)?;
    let write = begun.elapsed();
    if known > 0 {
        bail!("{known} new nodes were there before");
    }
    Ok(Block { read, write })
}

/// Says now and then how many of `all` are done.
fn told(what: &str, all: u64) -> impl Fn(u64) {
    let last = Cell::new(Instant::now());
    move |done| {
        if last.get().elapsed() > TELL {
            last.set(Instant::now());
            eprintln!("  {done} of {all} {what}");
        }
    }
}

/// What a folder takes on disk.
fn bytes_under(dir: &Path) -> eyre::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        // Its threads may delete a file between two looks.
        bytes += match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_under(&entry.path())?,
            Ok(metadata) => metadata.blocks() * 512,
            Err(_) => 0,
        };
    }
    Ok(bytes)
}

/// Largest resident size of this process since the last [`reset_peak_rss`].
fn peak_rss_bytes() -> eyre::Result<u64> {
    Ok(of_proc("status", "VmHWM:")? * 1024)
}

/// Bytes that this process has given the kernel for the disk.
fn written_bytes() -> eyre::Result<u64> {
    of_proc("io", "write_bytes:")
}

/// The first number behind `name` in a file of `/proc/self`.
fn of_proc(file: &str, name: &str) -> eyre::Result<u64> {
    let said = fs::read_to_string(format!("/proc/self/{file}"))?;
    let line = said.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    let number = number.and_then(|number| number.parse().ok());
    number.ok_or_else(|| eyre::eyre!("the kernel does not tell {name}"))
}

fn reset_peak_rss() -> eyre::Result<()> {
    Ok(fs::write("/proc/self/clear_refs", "5")?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::stores::{Fjall, Redb};

    fn is_measured(store: impl Store, dir: &Path) {
        let figures = measure(store, dir, 6_000, 4).unwrap();
        assert_eq!(figures["nodes"], 8_160);
        for name in ["read_us", "block_ms_p50", "database_bytes"] {
            assert!(figures[name].as_f64().unwrap() > 0.0, "{name}: {figures}");
        }
    }

    #[test]
    fn both_databases_keep_what_they_are_given() {
        let dir = tempfile::tempdir().unwrap();
        is_measured(Redb::create(dir.path()).unwrap(), dir.path());
        let dir = tempfile::tempdir().unwrap();
        is_measured(Fjall::create(dir.path()).unwrap(), dir.path());
    }

    /// Says that it has everything, and keeps nothing.
    struct Forgetful;

    impl Store for Forgetful {
        fn fill(&mut self, _: u64, _: impl Fn(u64)) -> eyre::Result<()> {
            Ok(())
        }

        fn read(&self, hashes: &[Hash]) -> eyre::Result<Vec<Option<Vec<u8>>>> {
            Ok(vec![None; hashes.len()])
        }

        fn write(&mut self, _: &[(Hash, Vec<u8>)], _: &[Hash]) -> eyre::Result<u64> {
            Ok(0)
        }
    }

    #[test]
    fn a_database_that_loses_nodes_is_not_measured() {
        let dir = tempfile::tempdir().unwrap();
        let error = measure(Forgetful, dir.path(), 100, 1).unwrap_err();
        assert!(error.to_string().ends_with("was lost"), "{error}");
    }
}
