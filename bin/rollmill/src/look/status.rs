//! `rollmill status`: how far the chain is, what waits, in which mode it is, and what it costs, in one look. Fails if somebody who is asked does not
//! answer, and says what the others said.

use std::path::{Path, PathBuf};

use alloy::{
    eips::BlockNumberOrTag,
    providers::{DynProvider, Provider},
};
use alloy_primitives::U64;
use eyre::{WrapErr, bail, eyre};
use rollmill_l1::{Deployment, connect};
use rollmill_roller_api::{DialsView, StatusView};
use rollmill_runtime::{Clock, chain, counted, outln, span};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Asked, when};
use crate::costs::L1;

/// Flags of `rollmill status`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    asked: Asked,
    /// JSON-RPC endpoint of the rollup's node.
    #[arg(
        long,
        env = "ROLLMILL_L2_RPC",
        value_name = "URL",
        default_value = "http://127.0.0.1:9545"
    )]
    l2_rpc: String,
    /// JSON-RPC endpoint of L1.
    #[arg(
        long,
        env = "ROLLMILL_L1_RPC",
        value_name = "URL",
        default_value = "http://127.0.0.1:8545"
    )]
    l1_rpc: String,
    /// File that names the rollup's contracts: then L1 is asked for balances, for what settling costs, and for enforced mode, too.
    #[arg(long, env = "ROLLMILL_DEPLOYMENT", value_name = "FILE")]
    deployment: Option<PathBuf>,
}

/// A block of L2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Block {
    number: u64,
    timestamp: u64,
}

/// What the node says of its batches: `rollmill_sequencerInfo`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Batches {
    sealed_batch: Option<U64>,
    committed_batch: Option<U64>,
    settled_batch: Option<U64>,
    /// How often L1 took blocks back.
    rollbacks: U64,
    broken_confirmations: U64,
}

/// `txpool_status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
struct Pool {
    pending: U64,
    queued: U64,
}

/// L2 as its node shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct L2 {
    latest: Block,
    safe: Block,
    finalized: Block,
    batches: Batches,
    pool: Pool,
}

/// What the coordinator says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Proving {
    status: StatusView,
    dials: DialsView,
}

/// Asks everybody, and says what they said.
pub async fn run(args: Args) -> eyre::Result<()> {
    let mut silent = Vec::new();
    let mut heard = |error: eyre::Report| silent.push(chain(&*error).to_string());
    let l2 = L2::read(&args.l2_rpc).await.map_err(&mut heard).ok();
    let answer = args.asked.answer(async |client| {
        Ok(Proving {
            status: client.status().await?,
            dials: client.dials().await?,
        })
    });
    let proving = answer.await.map_err(&mut heard).ok();
    let l1 = match &args.deployment {
        None => None,
        Some(path) => read_l1(&args, path).await.map_err(&mut heard).ok(),
    };
    let all = json!({
        "l2": l2,
        "coordinator": proving,
        "l1": l1.as_ref().map(L1::json),
        "silent": silent,
    });
    if !args.asked.printed(&all)? {
        let now = Clock::System.now_unix_s();
        let mut lines: Vec<String> = l2.iter().flat_map(|l2| l2.lines(now)).collect();
        lines.push(mode(proving.as_ref(), l1.as_ref(), now));
        lines.extend(proving.iter().flat_map(|proving| proving.lines(now)));
        lines.extend(l1.iter().flat_map(L1::lines));
        lines.iter().for_each(|line| outln!("{line}"));
    }
    if !silent.is_empty() {
        bail!("{}", silent.join("; "));
    }
    Ok(())
}

async fn read_l1(args: &Args, path: &Path) -> eyre::Result<L1> {
    let deployment = Deployment::open(path)?;
    L1::read_at(&args.l1_rpc, &connect(&args.l2_rpc)?, &deployment).await
}

impl L2 {
    async fn read(url: &str) -> eyre::Result<Self> {
        let node = connect(url)?;
        let read = async {
            Ok::<_, eyre::Report>(Self {
                latest: block(&node, BlockNumberOrTag::Latest).await?,
                safe: block(&node, BlockNumberOrTag::Safe).await?,
                finalized: block(&node, BlockNumberOrTag::Finalized).await?,
                batches: node
                    .raw_request("rollmill_sequencerInfo".into(), json!([]))
                    .await?,
                pool: node.raw_request("txpool_status".into(), json!([])).await?,
            })
        };
        read.await
            .wrap_err_with(|| format!("no node of the rollup answers at {url}"))
    }

    fn lines(&self, now_unix_s: u64) -> [String; 2] {
        let Self {
            latest,
            safe,
            finalized,
            batches,
            pool,
        } = self;
        let last = |batch: Option<U64>| batch.map_or(0, |batch| batch.to::<u64>());
        let (sealed, committed) = (last(batches.sealed_batch), last(batches.committed_batch));
        let settled = last(batches.settled_batch);
        let mut chain = format!(
            "chain      block {}, made {}; safe {} ({}), finalized {} ({})",
            latest.number,
            when(latest.timestamp.min(now_unix_s), now_unix_s),
            safe.number,
            lag(*latest, *safe),
            finalized.number,
            lag(*latest, *finalized)
        );
        let rollbacks: u64 = batches.rollbacks.to();
        if rollbacks > 0 {
            chain.push_str(&format!(
                "; L1 took blocks back {}, {} broken",
                counted(rollbacks, "time"),
                counted(batches.broken_confirmations.to::<u64>(), "confirmation")
            ));
        }
        let waiting: u64 = pool.pending.to::<u64>() + pool.queued.to::<u64>();
        let backlog = format!(
            "backlog    {} for a block, {} of {sealed} batches for a commit, {} for a settlement",
            counted(waiting, "transaction"),
            sealed.saturating_sub(committed),
            committed.saturating_sub(settled),
        );
        [chain, backlog]
    }
}

async fn block(node: &DynProvider, tag: BlockNumberOrTag) -> eyre::Result<Block> {
    let block = node.get_block_by_number(tag).await?;
    let block = block.ok_or_else(|| eyre!("it has no block `{tag}`"))?;
    Ok(Block {
        number: block.header.number,
        timestamp: block.header.timestamp,
    })
}

/// How far a tag is behind.
fn lag(latest: Block, tag: Block) -> String {
    match latest.number.saturating_sub(tag.number) {
        0 => "nothing behind".to_owned(),
        blocks => format!(
            "{}, {} behind",
            counted(blocks, "block"),
            span(latest.timestamp.saturating_sub(tag.timestamp))
        ),
    }
}

/// Whether everything is as it should be, and if not, what is in force instead.
fn mode(proving: Option<&Proving>, l1: Option<&L1>, now_unix_s: u64) -> String {
    let mut modes = Vec::new();
    if let Some(since) = l1.and_then(L1::enforced_since) {
        let since = when(since, now_unix_s);
        modes.push(format!(
            "enforced: anybody commits and settles, since {since}"
        ));
    } else if l1.is_some_and(|l1| l1.enforceable_from_s <= now_unix_s) {
        modes.push("enforceable: anybody may end the operator's privilege".to_owned());
    }
    if let Some(Proving { status, dials }) = proving {
        if status.degraded {
            modes.push(format!(
                "degraded: {} could take a seat, k is {}: the operator's own prover joins",
                counted(status.rollers_present, "roller"),
                dials.in_force.k
            ));
        }
        if status.quarantined {
            modes.push("quarantined: fines pause for the program version of open tasks".to_owned());
        }
    }
    if modes.is_empty() {
        modes.push(match proving {
            Some(_) => "normal".to_owned(),
            None => "not known without the coordinator".to_owned(),
        });
    }
    format!("mode       {}", modes.join("; "))
}

impl Proving {
    fn lines(&self, now_unix_s: u64) -> [String; 3] {
        let Self { status, dials } = self;
        let read = match status.l1_block {
            Some(block) => format!("L1 is read up to block {block}"),
            None => "nothing of L1 is read yet".to_owned(),
        };
        [
            format!(
                "tasks      {} not settled; the window has room for {}, {} wait for it",
                status.tasks_open, dials.in_force.window, dials.measure.queued
            ),
            format!(
                "rollers    {} of {} are heard, {} could take a seat; {} proofs",
                status.rollers_alive, status.rollers, status.rollers_present, status.proofs
            ),
            format!(
                "epoch      {}, which may end {}; {read}; {} in the log",
                status.epoch,
                when(dials.ends_unix_s, now_unix_s),
                counted(status.events, "record")
            ),
        ]
    }
}

#[cfg(test)]
mod tests;
