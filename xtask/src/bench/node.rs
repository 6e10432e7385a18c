//! `cargo xtask bench node`: the same load on anvil and on the L2's sequencer, one after the other, and then blocks without a network.
//!
//! Both chains get blocks of the same gas limit and the very same senders, connections and batches; each is loaded at full speed
//! and then at half of what it took. Load and node share the machine, as the comparison does.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use eyre::{WrapErr, bail, eyre};
use serde_json::Value;

use super::{MIB, chain, heading, number, own_dir, row};
use crate::tools;

/// Gas limit of both chains' blocks.
const BLOCK_GAS: &str = "2000000000";
/// Ether of each of anvil's accounts.
const ANVIL_ETHER: &str = "1000000";
/// Accounts of the small state.
const SMALL: u32 = 10_000;
/// Seconds of the load from which the number of transactions of the next is guessed.
const GUESS_S: u64 = 3;
const POLL: Duration = Duration::from_millis(50);
/// How long a node may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Options.
#[derive(clap::Args)]
pub struct Args {
    /// Seconds of each load.
    #[arg(long, default_value_t = 15)]
    seconds: u32,
    /// Accounts that send.
    #[arg(long, default_value_t = 500)]
    senders: u32,
    /// Accounts of the large state. Ten million need an estimated 10 GB of memory.
    #[arg(long, default_value_t = 1_000_000)]
    accounts: u32,
    /// Let the node prepare batches for provers beside its blocks, which then hold what a batch may; anvil has nothing like them.
    #[arg(long)]
    batches: bool,
    /// Only build blocks without a network.
    #[arg(long)]
    only_chain: bool,
}

/// Measures and prints.
pub fn run(args: &Args, release: &Path) -> eyre::Result<()> {
    let rollmill = release.join("rollmill");
    if !args.only_chain {
        beside_anvil(args, &rollmill)?;
    }
    heading("blocks without a network, small and large state");
    for kind in ["transfer", "erc20"] {
        let on = |accounts: u32| {
            chain(
                &rollmill,
                &["--kind", kind, "--accounts", &accounts.to_string()],
            )
        };
        let (small, large) = (on(SMALL)?, on(args.accounts)?);
        compare(kind, args.accounts, &small, &large);
    }
    Ok(())
}

fn beside_anvil(args: &Args, rollmill: &Path) -> eyre::Result<()> {
    tools::npm_install("contracts")?;
    heading("anvil");
    let anvil = Node::anvil()?;
    let theirs = Loads::measure(args, rollmill, &anvil)?;
    drop(anvil);
    heading("rollmill");
    let own = own_dir("node")?;
    let node = Node::rollmill(args, rollmill, &own)?;
    let ours = Loads::measure(args, rollmill, &node)?;
    drop(node);
    fs::remove_dir_all(&own)?;
    heading("anvil and rollmill");
    row("", ["anvil", "rollmill", "ratio", "target"]);
    for (kind, theirs, ours) in [
        ("transfers", &theirs.transfer, &ours.transfer),
        ("ERC-20 transfers", &theirs.erc20, &ours.erc20),
    ] {
        let rate = |load: &Load| number(&load.full, "/includedPerSecond");
        let (a, b) = (rate(theirs), rate(ours));
        let cells = [a, b, b / a].map(|value| format!("{value:.1}"));
        let [a, b, ratio] = &cells;
        row(&format!("{kind} a second"), [a, b, ratio, "5"]);
        for (what, place, target) in [
            ("confirmed, p50 ms", "/confirmationMs/p50", "20"),
            ("confirmed, p99 ms", "/confirmationMs/p99", "100"),
            ("acknowledged, p50 ms", "/submitMs/p50", ""),
            ("acknowledged, p99 ms", "/submitMs/p99", ""),
            ("in a block, p50 ms", "/inclusionMs/p50", ""),
            ("in a block, p99 ms", "/inclusionMs/p99", ""),
        ] {
            let [a, b] = [theirs, ours].map(|load| format!("{:.1}", number(&load.half, place)));
            row(&format!("  half load: {what}"), [&a, &b, "", target]);
        }
    }
    let [a, b] = [&theirs, &ours].map(|loads| format!("{:.0}", loads.peak_rss as f64 / MIB));
    row("peak memory, MiB", [&a, &b, "", ""]);
    Ok(())
}

/// A kind of transactions on one chain: reports of `rollmill load`.
struct Load {
    full: Value,
    half: Value,
}

/// Everything that is measured on one chain.
struct Loads {
    transfer: Load,
    erc20: Load,
    peak_rss: u64,
}

impl Loads {
    fn measure(args: &Args, rollmill: &Path, node: &Node) -> eyre::Result<Self> {
        let load = |kind: &str, how: &[(&str, u64)]| load(args, rollmill, (&node.url, kind), how);
        let both = |kind: &str| -> eyre::Result<Load> {
            // How many it will be decides how many are signed before the begin: all.
            let guess = load(kind, &[("--duration", GUESS_S)])?;
            let count = number(&guess, "/includedPerSecond") * f64::from(args.seconds);
            let full = load(kind, &[("--count", (count as u64).max(1))])?;
            let rate = (number(&full, "/includedPerSecond") / 2.0) as u64;
            let seconds = ("--duration", u64::from(args.seconds));
            let half = load(kind, &[("--rate", rate.max(1)), seconds])?;
            Ok(Load { full, half })
        };
        let (transfer, erc20) = (both("transfer")?, both("erc20")?);
        Ok(Self {
            transfer,
            erc20,
            peak_rss: peak_rss_bytes(node.process.id())?,
        })
    }
}

fn load(
    args: &Args,
    rollmill: &Path,
    (url, kind): (&str, &str),
    how: &[(&str, u64)],
) -> eyre::Result<Value> {
    let mut command = Command::new(rollmill);
    command.args(["load", "--json", "--rpc", url, "--kind", kind]);
    // With 64 waiting for each sender, 32,000 in all, anvil falls to a tenth of what it does with these.
    command.args(["--window", "16", "--connections", "64", "--senders"]);
    command.arg(args.senders.to_string());
    for (flag, value) in how {
        command.args([*flag, &value.to_string()]);
    }
    let report: Value = serde_json::from_str(&tools::output(command)?)?;
    let rate = number(&report, "/includedPerSecond");
    let (deferred, refused) = (&report["deferred"], &report["refused"]);
    println!(
        "{kind} {how:?}: {rate:.1} included a second, sent again {deferred}, refused {refused}"
    );
    Ok(report)
}

/// A running node; it ends with this value.
struct Node {
    url: String,
    process: Child,
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended by itself; then the next request has failed already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Node {
    fn anvil() -> eyre::Result<Self> {
        // Without its log of every request, which also hides the port that it chose.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let program = tools::root().join("contracts/node_modules/.bin/anvil");
        let process = Command::new(program)
            .args(["--quiet", "--hardfork", "osaka", "--port"])
            .arg(port.to_string())
            .args(["--gas-limit", BLOCK_GAS, "--balance", ANVIL_ETHER])
            // As often as the other node. Mining on every transaction, it leaves thousands in its pool for good once many come at the same
            // time; with a second's blocks it spends a quarter of a minute on the receipts of each.
            .args(["--block-time", "0.25"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .wrap_err("cannot start anvil")?;
        let node = Self {
            url: format!("http://127.0.0.1:{port}"),
            process,
        };
        until("anvil", || TcpStream::connect(("127.0.0.1", port)).ok())?;
        Ok(node)
    }

    fn rollmill(args: &Args, program: &Path, dir: &Path) -> eyre::Result<Self> {
        let ready = dir.join("ready.json");
        let mut command = Command::new(program);
        command
            .args(["bench", "node", "--port", "0", "--block-gas", BLOCK_GAS])
            .arg("--data-dir")
            .arg(dir)
            .arg("--ready-file")
            .arg(&ready)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        if args.batches {
            command.arg("--batches");
        }
        let process = command.spawn().wrap_err("cannot start rollmill")?;
        let mut node = Self {
            url: String::new(),
            process,
        };
        let content = until("rollmill", || fs::read(&ready).ok())?;
        let content: Value = serde_json::from_slice(&content)?;
        let url = content["l2"].as_str();
        url.ok_or_else(|| eyre!("the ready file names no L2"))?
            .clone_into(&mut node.url);
        Ok(node)
    }
}

/// Looks again and again until `look` finds something.
fn until<T>(who: &str, look: impl Fn() -> Option<T>) -> eyre::Result<T> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(found) = look() {
            return Ok(found);
        }
        sleep(POLL);
    }
    bail!("{who} does not answer after {} s", PATIENCE.as_secs())
}

fn compare(kind: &str, accounts: u32, small: &Value, large: &Value) {
    let [few, many] = [SMALL, accounts].map(|accounts| accounts.to_string());
    row(kind, [&few, &many, "ratio", "target"]);
    for (what, place, unit, target) in [
        (
            "transactions a second",
            "/transactions_per_second",
            1.0,
            "10000",
        ),
        ("block, median ms", "/block_ms_median", 1.0, "1.5"),
        ("  execute, ms", "/execute_ms", 1.0, ""),
        ("  confirm, ms", "/confirm_ms", 1.0, ""),
        ("  seal, ms", "/seal_ms", 1.0, ""),
        ("  store, ms", "/store_ms", 1.0, ""),
        ("recover on a core, us", "/recover_us_per_core", 1.0, ""),
        ("database, MiB", "/database_bytes", MIB, ""),
        ("peak memory, MiB", "/peak_rss_bytes", MIB, ""),
    ] {
        let [a, b] = [small, large].map(|figures| number(figures, place) / unit);
        let cells = [a, b, b / a].map(|value| format!("{value:.1}"));
        let [a, b, ratio] = &cells;
        row(what, [a, b, ratio, target]);
    }
}

/// Largest resident size of a process so far.
fn peak_rss_bytes(process: u32) -> eyre::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    Ok(kib.ok_or_else(|| eyre!("the kernel does not tell the memory of {process}"))? * 1024)
}
