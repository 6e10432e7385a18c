//! `rollmill bench chain`: the path of a transaction through the sequencer, without network and pool.
//!
//! Model: a chain whose first block holds so many accounts (with tokens, for ERC-20 transfers); every transaction of a block has
//! another sender, and recipients are spread over all accounts, so that a larger state is felt. While one block is executed, the
//! senders of the next are recovered on all cores, as a node does. Blocks and confirmations are written as the sequencer writes
//! them: on disk before anybody sees them.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::mpsc::sync_channel,
    thread,
    time::{Duration, Instant},
};

use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope, transaction::Recovered},
    eips::{Encodable2718, eip7825::MAX_TX_GAS_LIMIT_OSAKA},
    signers::{SignerSync, local::PrivateKeySigner},
    sol_types::{SolCall, SolValue},
};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use eyre::{WrapErr, ensure};
use rollmill_engine::{
    Chain, ChainSpec, History, PoolError, Tag,
    pool::{Limits, decode},
    stf::{BlockAttributes, Transaction},
};
use rollmill_l1::contracts::ExampleToken;
use rollmill_protocol::l2::{L1_CHAIN_ID_EMBEDDED, L2_CHAIN_ID_DEVNET};
use rollmill_runtime::outln;
use rollmill_sequencer::{GenesisConfig, confirmed_at_once};
use serde_json::{Value, json};

use crate::load::Kind;

/// Gas limit of the blocks: no bound.
const BLOCK_GAS: u64 = 1_000_000_000_000;
/// Ether of every account, in wei.
const ACCOUNT_WEI: u128 = 100 * 10u128.pow(18);
/// Most that a transaction pays, wei per gas.
const FEE_CAP: u128 = 100_000_000_000;
/// The token's address in the first block.
const TOKEN: Address = Address::repeat_byte(0x20);
/// A number without common factors with any count of accounts that people choose: spreads the recipients.
const SPREAD: u64 = 2_654_435_761;

/// Flags of `rollmill bench chain`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Accounts in the state. Ten million need an estimated 10 GB of memory for the first block.
    #[arg(long, default_value_t = 10_000)]
    accounts: u32,
    /// What the transactions do.
    #[arg(long, value_enum, default_value_t = Kind::Transfer)]
    kind: Kind,
    /// Blocks.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    blocks: u32,
    /// Transactions in each.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    transactions: u32,
    /// Transactions that are confirmed together [default: as many as the sequencer confirms when the rest of the block waits].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    confirm: Option<u32>,
    /// Forget the states of blocks that are so many blocks old, as a node does [default: keep all].
    #[arg(long, value_name = "BLOCKS", value_parser = clap::value_parser!(u64).range(1..))]
    history: Option<u64>,
    /// Keep the chain in this directory, which must not hold one [default: a temporary one].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// Measures and prints.
pub fn run(args: &Args) -> eyre::Result<()> {
    ensure!(
        args.accounts >= args.transactions,
        "every transaction of a block has a sender of its own: --accounts must not be below --transactions"
    );
    let temporary = tempfile::tempdir().wrap_err("cannot make a temporary directory")?;
    let dir = args.data_dir.as_deref().unwrap_or(temporary.path());
    let path = dir.join("chain.redb");
    ensure!(!path.exists(), "{} exists already", path.display());
    let figures = measure(args, &path)?;
    if args.json {
        outln!("{figures}");
        return Ok(());
    }
    for (name, value) in figures.as_object().into_iter().flatten() {
        match value.as_f64().filter(|_| !value.is_u64()) {
            Some(number) => outln!("{name:28} {number:>14.3}"),
            None => outln!("{name:28} {value:>14}"),
        }
    }
    Ok(())
}

/// Time of one block's stages.
#[derive(Clone, Copy, Debug, Default)]
struct Stages {
    execute: Duration,
    confirm: Duration,
    seal: Duration,
    store: Duration,
}

impl Stages {
    fn total(&self) -> Duration {
        self.execute + self.confirm + self.seal + self.store
    }
}

fn measure(args: &Args, path: &Path) -> eyre::Result<Value> {
    let people = People::new(args);
    let signed = people.sign_all(args);
    let spec = people.spec(args.kind);
    let begun = Instant::now();
    let history = args.history.map_or(History::Archive, History::Blocks);
    let chain = Chain::open_keeping(history, path, &spec)?;
    let genesis = begun.elapsed();
    let first = Size::of(&chain, path)?;
    drop(spec);
    // The first block is what needs the most memory; those after it are what is measured.
    reset_peak_rss();
    let limits = Limits {
        chain_id: L2_CHAIN_ID_DEVNET,
        block_gas: BLOCK_GAS,
        transaction_gas: MAX_TX_GAS_LIMIT_OSAKA,
        base_fee: 0,
        transaction_bytes: 1 << 17,
    };
    let begun = Instant::now();
    recover(&signed[0], &limits)?;
    let recover_each = begun.elapsed() * cores() as u32 / args.transactions;

    let begun = Instant::now();
    let blocks = build_all(&chain, &signed, &limits, args.confirm)?;
    let wall = begun.elapsed();
    let count = u64::from(args.blocks) * u64::from(args.transactions);
    let median = |stage: fn(&Stages) -> Duration| {
        let mut times: Vec<Duration> = blocks.iter().map(stage).collect();
        times.sort_unstable();
        millis(times[times.len() / 2])
    };
    let longest = blocks.iter().map(Stages::total).max();
    let last = Size::of(&chain, path)?;
    let each = |first: u64, last: u64| (last as f64 - first as f64) / f64::from(args.blocks);
    Ok(json!({
        "kind": args.kind,
        "accounts": args.accounts,
        "blocks": args.blocks,
        "transactions_per_block": args.transactions,
        "transactions_per_second": count as f64 / wall.as_secs_f64(),
        "recover_us_per_core": recover_each.as_secs_f64() * 1e6,
        "block_ms_median": median(Stages::total),
        "block_ms_max": millis(longest.unwrap_or_default()),
        "execute_ms": median(|stages| stages.execute),
        "confirm_ms": median(|stages| stages.confirm),
        "seal_ms": median(|stages| stages.seal),
        "store_ms": median(|stages| stages.store),
        "genesis_seconds": genesis.as_secs_f64(),
        "database_bytes": last.bytes,
        "database_bytes_per_block": each(first.bytes, last.bytes),
        "trie_nodes": last.nodes,
        "trie_nodes_per_block": each(first.nodes, last.nodes),
        "oldest_state": chain.oldest_state()?,
        "peak_rss_bytes": peak_rss_bytes(),
    }))
}

/// What the chain takes on disk. The file grows in steps, the number of nodes does not.
struct Size {
    bytes: u64,
    nodes: u64,
}

impl Size {
    fn of(chain: &Chain, path: &Path) -> eyre::Result<Self> {
        Ok(Self {
            bytes: fs::metadata(path)?.len(),
            nodes: chain.node_count()?,
        })
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Largest resident size of this process so far; `None` where `/proc` does not tell.
fn peak_rss_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Starts [`peak_rss_bytes`] anew. Does nothing where the kernel does not allow it.
fn reset_peak_rss() {
    // Best effort: without it the figure is that of the first block, too.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// Builds one block after the other, while the senders of the next are recovered.
fn build_all(
    chain: &Chain,
    signed: &[Vec<Bytes>],
    limits: &Limits,
    confirm: Option<u32>,
) -> eyre::Result<Vec<Stages>> {
    thread::scope(|scope| {
        let (ready, blocks) = sync_channel(1);
        scope.spawn(move || {
            for raws in signed {
                // Nobody listens after a failure.
                if ready.send(recover(raws, limits)).is_err() {
                    return;
                }
            }
        });
        blocks
            .into_iter()
            .map(|recovered| build(chain, recovered?, confirm))
            .collect()
    })
}

/// Decodes, checks, and recovers the senders, on all cores.
fn recover(raws: &[Bytes], limits: &Limits) -> Result<Vec<Recovered<Transaction>>, PoolError> {
    in_parallel(raws, |raw| decode(raw, limits))
        .into_iter()
        .collect()
}

/// Applies `work` to every item on all cores; results in the order of the items.
fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let work = &work;
    let chunk = items.len().div_ceil(cores()).max(1);
    thread::scope(|scope| {
        let parts: Vec<_> = items
            .chunks(chunk)
            .map(|part| scope.spawn(move || part.iter().map(work).collect::<Vec<R>>()))
            .collect();
        let joined = parts.into_iter().map(|part| {
            part.join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        joined.flatten().collect()
    })
}

fn build(
    chain: &Chain,
    transactions: Vec<Recovered<Transaction>>,
    confirm: Option<u32>,
) -> eyre::Result<Stages> {
    let mut stages = Stages::default();
    let head = chain.head();
    let attributes = BlockAttributes::rollmill(head.timestamp + 1, B256::ZERO, head.gas_limit);
    let mut block = chain.begin_block(attributes)?;
    let mut waiting = transactions.into_iter();
    while waiting.len() > 0 {
        let begun = Instant::now();
        let at_once =
            confirm.map_or_else(|| confirmed_at_once(waiting.len()), |fixed| fixed as usize);
        for transaction in waiting.by_ref().take(at_once) {
            let outcome = block.push(transaction)?;
            ensure!(outcome.success, "a transaction failed");
        }
        let executed = Instant::now();
        chain.confirm(&block)?;
        stages.execute += executed - begun;
        stages.confirm += executed.elapsed();
    }
    let begun = Instant::now();
    let (executed, _) = block.finish()?;
    let sealed = Instant::now();
    // Nothing takes these blocks back.
    chain.append(&executed, &[(Tag::Irrevocable, head.number)])?;
    stages.seal = sealed - begun;
    stages.store = sealed.elapsed();
    Ok(stages)
}

/// The accounts; those that send come first.
struct People {
    keys: Vec<PrivateKeySigner>,
    addresses: Vec<Address>,
}

impl People {
    fn new(args: &Args) -> Self {
        let indices: Vec<u32> = (0..args.transactions).collect();
        let keys = in_parallel(&indices, |index| {
            PrivateKeySigner::from_bytes(&seed(*index))
                .expect("one hash of 2^128 is no key of the curve")
        });
        let senders = keys.iter().map(PrivateKeySigner::address);
        let others =
            (args.transactions..args.accounts).map(|index| Address::from_slice(&seed(index)[12..]));
        let addresses = senders.chain(others).collect();
        Self { keys, addresses }
    }

    /// A chain whose first block they are in.
    fn spec(&self, kind: Kind) -> ChainSpec {
        let wei = U256::from(ACCOUNT_WEI);
        let genesis = GenesisConfig {
            l2_chain_id: L2_CHAIN_ID_DEVNET,
            l1_chain_id: L1_CHAIN_ID_EMBEDDED,
            rollup: Address::ZERO,
            operator: Address::ZERO,
            timestamp: 0,
            accounts: self.addresses.iter().map(|it| (*it, wei)).collect(),
        };
        let mut spec = genesis.chain_spec();
        spec.genesis.gas_limit = BLOCK_GAS;
        if kind == Kind::Erc20 {
            let tokens = B256::from(U256::from(u64::MAX));
            let balances = self.addresses.iter().map(|it| (balance_slot(*it), tokens));
            let token = spec.genesis.alloc.entry(TOKEN).or_default();
            token.code = Some(ExampleToken::DEPLOYED_BYTECODE.clone());
            token.storage = Some(balances.collect());
        }
        spec
    }

    /// Raw transactions by block.
    fn sign_all(&self, args: &Args) -> Vec<Vec<Bytes>> {
        let indices: Vec<usize> = (0..self.keys.len()).collect();
        (0..args.blocks)
            .map(|block| in_parallel(&indices, |index| self.sign(args.kind, block, *index)))
            .collect()
    }

    fn sign(&self, kind: Kind, block: u32, index: usize) -> Bytes {
        let number = u64::from(block) * self.keys.len() as u64 + index as u64;
        let spread = number.wrapping_mul(SPREAD) % self.addresses.len() as u64;
        let recipient = self.addresses[spread as usize];
        let (to, value, input, gas_limit) = match kind {
            Kind::Transfer => (recipient, U256::ONE, Bytes::new(), 21_000),
            Kind::Erc20 => {
                let transfer = ExampleToken::transferCall {
                    to: recipient,
                    value: U256::ONE,
                };
                (TOKEN, U256::ZERO, transfer.abi_encode().into(), 80_000)
            }
        };
        let transaction = TxEip1559 {
            chain_id: L2_CHAIN_ID_DEVNET,
            nonce: block.into(),
            gas_limit,
            max_fee_per_gas: FEE_CAP,
            max_priority_fee_per_gas: 0,
            to: TxKind::Call(to),
            value,
            input,
            access_list: Default::default(),
        };
        let signature = self.keys[index]
            .sign_hash_sync(&transaction.signature_hash())
            .expect("INVARIANT: a key in memory signs every hash");
        let envelope = TxEnvelope::from(transaction.into_signed(signature));
        envelope.encoded_2718().into()
    }
}

fn seed(index: u32) -> B256 {
    keccak256([&b"rollmill.bench"[..], &index.to_be_bytes()].concat())
}

/// Where OpenZeppelin's ERC-20 keeps a balance: the mapping is its first variable.
fn balance_slot(owner: Address) -> B256 {
    keccak256((owner, U256::ZERO).abi_encode())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn blocks_of_both_kinds_are_built_and_timed() {
        for kind in [Kind::Transfer, Kind::Erc20] {
            let dir = tempfile::tempdir().unwrap();
            let args = Args {
                accounts: 30,
                kind,
                blocks: 4,
                transactions: 20,
                confirm: Some(8),
                history: Some(1),
                data_dir: None,
                json: false,
            };
            let path = dir.path().join("chain.redb");
            let figures = measure(&args, &path).unwrap();
            assert_eq!(figures["transactions_per_block"], 20);
            assert!(figures["transactions_per_second"].as_f64().unwrap() > 0.0);
            assert!(figures["database_bytes"].as_u64().unwrap() > 0);
            assert_eq!(figures["oldest_state"], 2);
            // What it measured was done.
            let people = People::new(&args);
            let chain = Chain::open(&path, &people.spec(kind)).unwrap();
            assert_eq!(chain.head().number, 4);
            for number in 1..=4 {
                let block = chain.block(number).unwrap().unwrap();
                assert_eq!(block.transactions.len(), 20);
            }
        }
    }

    #[test]
    fn fewer_accounts_than_senders_are_refused() {
        let args = Args {
            accounts: 5,
            kind: Kind::Transfer,
            blocks: 1,
            transactions: 6,
            confirm: None,
            history: None,
            data_dir: None,
            json: false,
        };
        let error = run(&args).unwrap_err().to_string();
        assert!(error.contains("--accounts"), "{error}");
    }
}
