//! Networks by the names that fixtures give them: `Osaka`, `CancunToPragueAtTime15k`, `BPO1ToBPO2AtTime15k`.

use super::fixture::{BlobSchedule, Config};
use alloy::eips::eip7840::BlobParams;
use rollmill_stf::{EthereumRules, Fork, Rules};

/// When the second fork of a transition begins, seconds.
const TRANSITION_TIMESTAMP: u64 = 15_000;
/// Chain id of fixtures that name none.
const CHAIN_ID_DEFAULT: u64 = 1;

/// The rules of a network, or why it is skipped.
pub(super) fn rules(network: &str, config: &Config) -> Result<Rules, String> {
    let chain_id = config
        .chainid
        .map_or(CHAIN_ID_DEFAULT, |id| id.saturating_to());
    let steps = match network
        .strip_suffix("AtTime15k")
        .and_then(|names| names.split_once("To"))
    {
        Some((before, after)) => vec![(0, before), (TRANSITION_TIMESTAMP, after)],
        None => vec![(0, network)],
    };
    let mut rules = EthereumRules::with_forks(chain_id, Vec::new());
    for (activation, name) in steps {
        let (fork, built_in) = fork(name).ok_or_else(|| skip_reason(network))?;
        rules.forks.push((activation, fork));
        let scheduled = config
            .blob_schedule
            .get(name)
            .map(|schedule| with_schedule(fork, *schedule));
        if let Some(params) = scheduled.or(built_in) {
            rules.blob_schedule.push((activation, params));
        }
    }
    Ok(Rules::Ethereum(rules))
}

/// A fork by its name, and the blob parameters that a blob-parameter-only fork changes.
fn fork(name: &str) -> Option<(Fork, Option<BlobParams>)> {
    Some(match name {
        "Paris" | "Merge" => (Fork::Paris, None),
        "Shanghai" => (Fork::Shanghai, None),
        "Cancun" => (Fork::Cancun, None),
        "Prague" => (Fork::Prague, None),
        "Osaka" => (Fork::Osaka, None),
        "BPO1" => (Fork::Osaka, Some(BlobParams::bpo1())),
        "BPO2" => (Fork::Osaka, Some(BlobParams::bpo2())),
        // Further ones are known by their schedule alone.
        "BPO3" | "BPO4" | "BPO5" => (Fork::Osaka, None),
        _ => return None,
    })
}

fn with_schedule(fork: Fork, schedule: BlobSchedule) -> BlobParams {
    let max_blob_count = schedule.max.saturating_to();
    let base = fork.blob_params().unwrap_or(BlobParams::cancun());
    BlobParams {
        target_blob_count: schedule.target.saturating_to(),
        max_blob_count,
        update_fraction: schedule.base_fee_update_fraction.saturating_to(),
        max_blobs_per_tx: if fork >= Fork::Osaka {
            base.max_blobs_per_tx
        } else {
            max_blob_count
        },
        ..base
    }
}

fn skip_reason(network: &str) -> String {
    match network {
        "Amsterdam" | "EOFv1" => format!("fork after Osaka: {network}"),
        _ if network.contains("Amsterdam") => format!("fork after Osaka: {network}"),
        _ => format!("not supported (before the Merge, or unknown): {network}"),
    }
}
