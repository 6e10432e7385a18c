//! Collects the report from what is on record: the store, the coordinator's API, L1's events.

use std::collections::BTreeMap;

use alloy::{
    providers::{DynProvider, Provider},
    rpc::types::Filter,
    sol_types::SolEvent,
};
use alloy_primitives::{Address, B256, U256, keccak256};
use eyre::{WrapErr, eyre};
use rollmill_l1::contracts::{RewardPool::Claimed, Rollup::BatchSettled};
use rollmill_roller_api::{SeatState, SubmissionStats, TaskView};
use rollmill_sequencer::BatchStats;
use rollmill_store::{BatchRecord, Store, SubmissionRecord, Verdict};

use super::{
    report::{Batch, ChainIds, Draw, Lottery, Report, Reward, Seat, Settlement},
    world::World,
};

/// Batches that are read at once.
const BATCHES_AT_ONCE: u32 = 1_000;

/// Everything but what only the script knows: fines, the withdrawal, durations.
pub async fn collect(world: &World, store: &Store) -> eyre::Result<Report> {
    let tasks = world.coordinator.tasks().await?;
    let settled = settled_batches(world).await?;
    let (blocks, transactions) = built(&world.l2).await?;
    let mut report = Report {
        version: env!("CARGO_PKG_VERSION").into(),
        blocks,
        transactions,
        chain_ids: ChainIds {
            l1: world.deployment.chain_id,
            l2: world.deployment.l2_chain_id,
        },
        ..Report::default()
    };
    loop {
        let next = report.batches.last().map_or(1, |batch| batch.number + 1);
        let records = store.batches(next, BATCHES_AT_ONCE).await?;
        if records.is_empty() {
            break;
        }
        for record in &records {
            report
                .batches
                .push(batch(world, store, record, &settled).await?);
        }
    }
    for task in &tasks {
        report.seats.extend(seats(task));
        report.draws.extend(draws(task)?);
        report.lotteries.extend(lottery(task));
        if let Some(event) = settled.get(&task.batch) {
            report
                .settlements
                .push(settlement(world, task.batch, event).await?);
        }
        for seat in &task.seats {
            let record = world.coordinator.roller(seat.roller).await?;
            report.reputation.insert(seat.roller, record.q);
        }
    }
    report.rewards = rewards(world, &settled).await?;
    Ok(report)
}

/// L2's blocks behind block 0 and the transactions in them, whether a batch has them yet or not.
async fn built(l2: &DynProvider) -> eyre::Result<(u64, u64)> {
    let blocks = l2.get_block_number().await?;
    let mut transactions = 0;
    for number in 1..=blocks {
        let count = l2.get_block_transaction_count_by_number(number.into());
        transactions += count
            .await?
            .ok_or_else(|| eyre!("L2 does not have block {number}"))?;
    }
    Ok((blocks, transactions))
}

/// What settlements credited to rollers, and what these have claimed.
async fn rewards(world: &World, settled: &BTreeMap<u64, Settled>) -> eyre::Result<Vec<Reward>> {
    let mut credited: BTreeMap<Address, U256> = BTreeMap::new();
    for (event, _) in settled.values() {
        *credited.entry(event.roller).or_default() += event.rewardWei;
    }
    let filter = Filter::new()
        .address(world.deployment.reward_pool)
        .event_signature(Claimed::SIGNATURE_HASH)
        .from_block(world.deployment.block);
    let mut claimed: BTreeMap<Address, U256> = BTreeMap::new();
    for log in world.l1.get_logs(&filter).await? {
        let event = Claimed::decode_log(&log.inner)?.data;
        *claimed.entry(event.roller).or_default() += event.amountWei;
    }
    let rows = credited.into_iter().map(|(roller, scr_wei)| Reward {
        roller,
        scr_wei,
        claimed_wei: claimed.get(&roller).copied().unwrap_or_default(),
    });
    Ok(rows.collect())
}

/// A settlement's event and its transaction.
type Settled = (BatchSettled, B256);

async fn settled_batches(world: &World) -> eyre::Result<BTreeMap<u64, Settled>> {
    let filter = Filter::new()
        .address(world.deployment.rollup)
        .event_signature(BatchSettled::SIGNATURE_HASH)
        .from_block(world.deployment.block);
    let mut settled = BTreeMap::new();
    for log in world.l1.get_logs(&filter).await? {
        let event = BatchSettled::decode_log(&log.inner)?.data;
        settled.insert(
            event.batch,
            (event, log.transaction_hash.unwrap_or_default()),
        );
    }
    Ok(settled)
}

async fn batch(
    world: &World,
    store: &Store,
    record: &BatchRecord,
    settled: &BTreeMap<u64, Settled>,
) -> eyre::Result<Batch> {
    let stats: BatchStats = serde_json::from_value(record.stats.clone())
        .wrap_err_with(|| format!("the figures of batch {} are damaged", record.number))?;
    let program = world
        .rollup()
        .programs(record.public_values.program_version)
        .call()
        .await?;
    let proven = settled
        .get(&record.number)
        .map(|(event, _)| event.proverGas);
    let task = world.rollup().taskId(record.number).call().await?;
    Ok(Batch {
        number: record.number,
        txs: stats.transactions,
        evm_gas: stats.evm_gas,
        prover_gas: proven.unwrap_or(stats.prover_gas),
        witness_bytes: stats.witness_bytes,
        instructions: instructions(&store.submissions_of(task).await?),
        program_commitment: keccak256([program.exeCommit, program.vmCommit].concat()),
    })
}

/// What the program executed, as somebody reports whose proof was valid, be it the operator's own prover. A mock prover executes nothing
/// and says zero.
fn instructions(submissions: &[SubmissionRecord]) -> Option<u64> {
    submissions
        .iter()
        .filter(|submission| submission.verdict == Verdict::Valid)
        .filter_map(|valid| serde_json::from_value::<SubmissionStats>(valid.stats.clone()).ok())
        .map(|stats| stats.instructions)
        .find(|instructions| *instructions > 0)
}

fn seats(task: &TaskView) -> impl Iterator<Item = Seat> {
    task.seats.iter().map(|seat| Seat {
        task: task.task.0,
        round: seat.round,
        roller: seat.roller,
        tickets: seat.tickets,
        verdict: verdict(seat.state).into(),
        why: seat.why.clone(),
        prove_seconds: seat.prove_seconds,
        verify_ms: seat.verify_ms,
        proof_bytes: seat.proof_bytes,
        // A roller that does not know says zero.
        peak_rss_bytes: seat.peak_rss_bytes.filter(|bytes| *bytes > 0),
    })
}

fn verdict(state: SeatState) -> &'static str {
    match state {
        SeatState::Open => "open",
        SeatState::OnTime => "valid",
        SeatState::Posted => "posted",
        SeatState::Late => "late",
        SeatState::Invalid => "invalid",
        SeatState::Missed => "missed",
        SeatState::Released => "released",
    }
}

fn draws(task: &TaskView) -> eyre::Result<Vec<Draw>> {
    let draw = |draw: &rollmill_roller_api::DrawView| {
        let points = draw
            .points
            .iter()
            .map(|point| point.point.parse().wrap_err("a point is no number"));
        Ok(Draw {
            task: task.task.0,
            round: draw.round,
            seed: draw.seed,
            weights_root: draw.weights_root,
            points: points.collect::<eyre::Result<_>>()?,
        })
    };
    task.draws.iter().map(draw).collect()
}

fn lottery(task: &TaskView) -> Option<Lottery> {
    let lottery = task.lottery.as_ref()?;
    let winner: Address = lottery.winner?;
    Some(Lottery {
        task: task.task.0,
        beacon: lottery.beacon?,
        winner,
    })
}

async fn settlement(world: &World, batch: u64, (_, tx): &Settled) -> eyre::Result<Settlement> {
    let receipt = world
        .l1
        .get_transaction_receipt(*tx)
        .await?
        .ok_or_else(|| eyre!("L1 has no receipt of the settlement {tx}"))?;
    let (state_root_l1, state_root_l2) = world.state_roots(batch).await?;
    Ok(Settlement {
        batch,
        tx: *tx,
        l1_gas: receipt.gas_used,
        state_root_l1,
        state_root_l2,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloy::providers::{ProviderBuilder, mock::Asserter};
    use alloy_primitives::Bytes;
    use serde_json::{Value, json};

    use super::*;

    #[tokio::test]
    async fn all_blocks_count_whether_a_batch_has_them_or_not() {
        let asked = Asserter::new();
        for answer in ["0x3", "0x1", "0x0", "0x5"] {
            asked.push_success(&answer);
        }
        let l2 = ProviderBuilder::new().connect_mocked_client(asked.clone());
        assert_eq!(built(&l2.erased()).await.unwrap(), (3, 6));

        asked.push_success(&"0x1");
        asked.push_success(&Value::Null);
        let l2 = ProviderBuilder::new().connect_mocked_client(asked);
        let missing = built(&l2.erased()).await.unwrap_err();
        assert_eq!(missing.to_string(), "L2 does not have block 1");
    }

    fn submission(verdict: Verdict, stats: Value) -> SubmissionRecord {
        SubmissionRecord {
            task: B256::ZERO,
            round: 0,
            roller: Address::ZERO,
            proof_digest: B256::ZERO,
            public_values_hash: B256::ZERO,
            signature: Bytes::new(),
            verdict,
            reason: None,
            received_unix_ms: 0,
            verify_us: 0,
            receipt: Value::Null,
            stats,
        }
    }

    #[test]
    fn instructions_are_those_of_a_valid_proof() {
        let said = |instructions: u64| json!({ "instructions": instructions });
        let invalid = submission(Verdict::Invalid, said(7));
        let silent = submission(Verdict::Valid, said(0));
        let damaged = submission(Verdict::Valid, json!("many"));
        let valid = submission(Verdict::Valid, said(1_990_000));
        let all = [invalid, silent, damaged, valid];
        assert_eq!(instructions(&all), Some(1_990_000));
        assert_eq!(instructions(&all[..3]), None);
    }
}
