//! Collects the report from what is on record: the store, the coordinator's API, L1's events.

use std::collections::BTreeMap;

use alloy::{providers::Provider, rpc::types::Filter, sol_types::SolEvent};
use alloy_primitives::{Address, B256, U256, keccak256};
use eyre::{WrapErr, eyre};
use rollmill_l1::contracts::{RewardPool::Claimed, Rollup::BatchSettled};
use rollmill_roller_api::{SeatState, TaskView};
use rollmill_sequencer::BatchStats;
use rollmill_store::{BatchRecord, Store};

use super::{
    report::{Batch, ChainIds, Draw, Lottery, Report, Reward, Seat, Settlement},
    world::World,
};

/// More batches than a script makes.
const BATCHES_MAX: u32 = 1_000;

/// Everything but what only the script knows: fines, the withdrawal, durations.
pub async fn collect(world: &World, store: &Store) -> eyre::Result<Report> {
    let tasks = world.coordinator.tasks().await?;
    let settled = settled_batches(world).await?;
    let mut report = Report {
        version: env!("CARGO_PKG_VERSION").into(),
        chain_ids: ChainIds {
            l1: world.deployment.chain_id,
            l2: world.deployment.l2_chain_id,
        },
        ..Report::default()
    };
    for record in store.batches(1, BATCHES_MAX).await? {
        let task = tasks.iter().find(|task| task.batch == record.number);
        let batch = batch(world, &record, task, &settled).await?;
        report.blocks += record.last_block - record.first_block + 1;
        report.transactions += batch.txs;
        report.batches.push(batch);
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
    record: &BatchRecord,
    task: Option<&TaskView>,
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
    Ok(Batch {
        number: record.number,
        txs: stats.transactions,
        evm_gas: stats.evm_gas,
        prover_gas: proven.unwrap_or(stats.prover_gas),
        witness_bytes: stats.witness_bytes,
        instructions: task
            .and_then(|task| task.seats.iter().find_map(|seat| seat.instructions))
            .filter(|instructions| *instructions > 0),
        program_commitment: keccak256([program.exeCommit, program.vmCommit].concat()),
    })
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
