//! `rollmill load`: many senders at once on any Ethereum JSON-RPC, and how fast their transactions were taken and included.
//!
//! Model: a funder pays for senders whose keys follow from its own ([`keys`]). Their transactions are signed ahead by threads
//! of their own, handed out by one [`Schedule`] to a number of connections, and found again in blocks by one poller. A few more accounts send one
//! transaction at a time by `eth_sendRawTransactionSync`, where the node has it: how long a user waits to be confirmed
//! while all that goes on. Latencies are what a client sees that looks for a new block every 25 ms.
//!
//! The chain is taken to be one without reorganisations while the load lasts.

mod chain;
mod drive;
mod fan_out;
mod keys;
mod prepare;
mod report;
mod schedule;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use alloy::{providers::DynProvider, signers::local::PrivateKeySigner};
use alloy_primitives::{Address, U256};
use clap::ValueEnum;
use eyre::{bail, ensure};
use rollmill_runtime::{LogFormat, Shutdown, blocking, init_tracing, outln};
use serde::Serialize;

use self::{
    chain::{connect, fees, has_send_sync, nonces},
    drive::Load,
    prepare::{Funder, Template, gas_allowance},
    report::Report,
    schedule::{Pace, Schedule},
};

/// Transactions that are kept signed ahead, for all senders together: all of them, if their number is known and not above the
/// first, else the second.
const SIGNED_AHEAD_MAX: u64 = 1_000_000;
const SIGNED_AHEAD: u64 = 16_384;
/// What the senders' purses are filled for when no number of transactions is given: so many a second.
const ASSUMED_RATE: u64 = 5_000;
/// Transactions of a probe that its purse is filled for, each second.
const PROBE_RATE: u64 = 20;
/// Tokens of each sender, in their smallest unit: never used up.
const TOKENS_EACH: u64 = u64::MAX;
/// The greatest time that a load may be asked to last, seconds.
const DURATION_S_MAX: u64 = 7 * 24 * 3_600;

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A wei to another sender.
    Transfer,
    /// A unit of a token, which is deployed for it, to another sender.
    Erc20,
}

/// Flags of `rollmill load`; each is also an environment variable. The funder's key is read from ROLLMILL_FUNDER_KEY or a file; on
/// a devnet an account of the well-known mnemonic is taken.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// JSON-RPC endpoint of the chain.
    #[arg(
        long,
        env = "ROLLMILL_RPC",
        value_name = "URL",
        default_value = "http://127.0.0.1:9545"
    )]
    rpc: String,
    /// What is sent.
    #[arg(long, env = "ROLLMILL_LOAD_KIND", value_enum, default_value_t = Kind::Transfer)]
    kind: Kind,
    /// Accounts that send, each with its own nonces.
    #[arg(
        long,
        env = "ROLLMILL_LOAD_SENDERS",
        default_value_t = 50,
        value_parser = clap::value_parser!(u32).range(1..=10_000)
    )]
    senders: u32,
    /// Transactions a second; 0 is as many as the chain takes.
    #[arg(
        long,
        env = "ROLLMILL_LOAD_RATE",
        default_value_t = 0,
        value_name = "TX/S"
    )]
    rate: u32,
    /// Seconds after which nothing more is sent.
    #[arg(
        long,
        env = "ROLLMILL_LOAD_DURATION",
        default_value_t = 10,
        value_name = "S",
        value_parser = clap::value_parser!(u64).range(1..=DURATION_S_MAX)
    )]
    duration: u64,
    /// Send exactly so many, however long it takes.
    #[arg(
        long,
        env = "ROLLMILL_LOAD_COUNT",
        conflicts_with = "duration",
        value_parser = clap::value_parser!(u64).range(1..=10_000_000)
    )]
    count: Option<u64>,
    /// Transactions of a sender that may be in no block yet. Nodes keep 16 of an account and more.
    #[arg(
        long,
        env = "ROLLMILL_LOAD_WINDOW",
        default_value_t = 16,
        value_parser = clap::value_parser!(u32).range(1..=1_024)
    )]
    window: u32,
    /// Transactions in one request at most.
    #[arg(
        long,
        env = "ROLLMILL_LOAD_BATCH",
        default_value_t = 16,
        value_parser = clap::value_parser!(u32).range(1..=100)
    )]
    batch: u32,
    /// Requests at the same time.
    #[arg(
        long,
        env = "ROLLMILL_LOAD_CONNECTIONS",
        default_value_t = 32,
        value_parser = clap::value_parser!(u32).range(1..=400)
    )]
    connections: u32,
    /// Accounts beside the senders that send one transaction at a time and wait for its receipt, where the node has
    /// eth_sendRawTransactionSync.
    #[arg(
        long,
        env = "ROLLMILL_LOAD_PROBES",
        default_value_t = 4,
        value_parser = clap::value_parser!(u32).range(0..=100)
    )]
    probes: u32,
    /// Most that is paid, wei per gas [default: ten times the base fee, and 1 gwei at least].
    #[arg(long, env = "ROLLMILL_LOAD_MAX_FEE", value_name = "WEI")]
    max_fee: Option<u128>,
    /// Names the senders: the same seed and funder have the same, with what is left on them.
    #[arg(long, env = "ROLLMILL_LOAD_SEED", default_value = "1")]
    seed: String,
    /// File that holds the funder's key in hex.
    #[arg(long, env = "ROLLMILL_FUNDER_KEY_FILE", value_name = "FILE")]
    funder_key_file: Option<PathBuf>,
    /// Print JSON.
    #[arg(long, env = "ROLLMILL_LOAD_JSON")]
    json: bool,
}

impl Args {
    /// Transactions that will be sent; `None` when only the chain's speed decides.
    fn planned(&self) -> Option<u64> {
        match (self.count, self.rate) {
            (Some(count), _) => Some(count),
            (None, 0) => None,
            (None, rate) => Some(u64::from(rate) * self.duration),
        }
    }

    /// What the `index`-th sender sends.
    fn share(&self, index: u32) -> u64 {
        let senders = u64::from(self.senders);
        self.planned().map_or(u64::MAX, |count| {
            count / senders + u64::from(u64::from(index) < count % senders)
        })
    }

    /// The most wei that a sender needs.
    fn purse(&self, cap: u128) -> U256 {
        let each = match self.planned() {
            Some(_) => self.share(0),
            None => (self.duration * ASSUMED_RATE).div_ceil(u64::from(self.senders)),
        };
        // The probes are paid alike.
        let each = each.max(self.duration * PROBE_RATE) + 1;
        let gas = U256::from(gas_allowance(self.kind)) * U256::from(cap);
        (gas + U256::ONE) * U256::from(each)
    }

    fn pace(&self) -> Pace {
        let (window, batch) = (self.window as usize, self.batch as usize);
        let planned = self.planned().unwrap_or(SIGNED_AHEAD);
        let ahead = planned.min(SIGNED_AHEAD_MAX) / u64::from(self.senders) + 1;
        Pace {
            rate: self.rate,
            window,
            batch,
            ahead: (ahead as usize).max(2 * window),
        }
    }
}

/// Sends, and prints what came of it. Fails when nothing was accepted, or something that was is in no block or failed there.
pub async fn run(args: Args) -> eyre::Result<()> {
    init_tracing(LogFormat::Human, "warn")?;
    let shutdown = Shutdown::new();
    shutdown.listen_for_signals();
    let json = args.json;
    let (report, outcome) = measure(args, &shutdown).await?;
    if json {
        outln!("{}", serde_json::to_string(&report)?);
    } else {
        outln!("{}", report.to_string().trim_end());
    }
    outcome
}

/// The report, and whether the load came to its end.
async fn measure(args: Args, shutdown: &Shutdown) -> eyre::Result<(Report, eyre::Result<()>)> {
    let Some(prepared) = shutdown.run_until(prepare(&args)).await else {
        bail!("interrupted before anything was sent");
    };
    let load = prepared?;
    let patience = args.count.is_none().then_some(args.duration);
    let driven = load.drive(args.connections, patience);
    let ended = shutdown.run_until(driven).await;
    load.close();
    let mut report = load.report(&args);
    report.interrupted = ended.is_none();
    if ended.is_some() {
        report.failed = load.failed().await;
    }
    let outcome = ended.unwrap_or(Ok(())).and_then(|()| judge(&report));
    Ok((report, outcome))
}

/// A load that was not taken is a failure, with the node's words.
fn judge(report: &Report) -> eyre::Result<()> {
    if report.interrupted {
        return Ok(());
    }
    if report.accepted == 0 {
        let reasons = report.refused.keys().chain(report.deferred.keys());
        let reasons: Vec<&str> = reasons.map(String::as_str).collect();
        bail!("nothing was accepted: {}", reasons.join("; "));
    }
    let failed = report.failed.unwrap_or_default();
    ensure!(failed == 0, "{failed} transactions failed in their blocks");
    Ok(())
}

/// Connects, pays the senders and reads where their nonces are.
async fn prepare(args: &Args) -> eyre::Result<std::sync::Arc<Load>> {
    let (provider, chain_id) = connect(&args.rpc).await?;
    let signer = keys::funder(args.funder_key_file.as_deref(), chain_id)?;
    let probes = match args.probes {
        0 => 0,
        probes if has_send_sync(&provider).await => probes,
        _ => 0,
    };
    let funder = Funder {
        provider: &provider,
        signer: &signer,
        chain_id,
        fees: fees(&provider, args.max_fee).await?,
    };
    let (count, seed, key) = (args.senders + probes, args.seed.clone(), signer.clone());
    let derive = move |index| keys::sender(&key, &seed, index);
    let keys: Vec<PrivateKeySigner> = blocking(move || (0..count).map(derive).collect()).await;
    let accounts: Vec<Address> = keys.iter().map(PrivateKeySigner::address).collect();
    let template = ready(args, &funder, accounts.clone()).await?;
    load(args, (provider, template), (keys, accounts)).await
}

/// Ether, and tokens, where they are needed.
async fn ready(args: &Args, funder: &Funder<'_>, accounts: Vec<Address>) -> eyre::Result<Template> {
    let token = match args.kind {
        Kind::Transfer => None,
        Kind::Erc20 => Some(funder.deploy_token().await?),
    };
    let tokens = token.map(|token| (token, U256::from(TOKENS_EACH)));
    funder
        .fund(&accounts, args.purse(funder.fees.cap), tokens)
        .await?;
    Template::new(funder, token, accounts).await
}

async fn load(
    args: &Args,
    (provider, template): (DynProvider, Template),
    (mut keys, accounts): (Vec<PrivateKeySigner>, Vec<Address>),
) -> eyre::Result<std::sync::Arc<Load>> {
    let nonces = nonces(&provider, &accounts).await?;
    let senders = args.senders as usize;
    let plan = nonces[..senders]
        .iter()
        .zip(0..)
        .map(|(nonce, index)| (*nonce, args.share(index)));
    let schedule = Schedule::new(args.pace(), plan);
    let probes = keys
        .split_off(senders)
        .into_iter()
        .zip(nonces[senders..].iter().copied());
    Ok(Load::new(
        provider,
        template,
        schedule,
        keys,
        probes.collect(),
    ))
}
