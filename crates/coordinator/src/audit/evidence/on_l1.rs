//! What L1's events say of each batch.

use std::collections::BTreeMap;

use alloy_primitives::Bytes;
use rollmill_l1::{
    L1Block, L1Event,
    contracts::{
        Draws::{DrawsEvents, PostedDraw},
        Rollup::{Entry, RollupEvents},
        Settlement::SettlementEvents,
    },
};
use rollmill_protocol::{
    BatchNumber, Roller, TaskId, UnixSeconds,
    law::rounds::{self, SEEN_S},
};

use super::{Evidence, Wrong};
use crate::audit::L1History;

/// Blocks within which a header can be proven, with some spare (`Evidence.HISTORY_BLOCKS`).
const HISTORY_BLOCKS: u64 = 8192;
/// Nothing is charged later than this after a batch's settlement, seconds (longer than `Parameters.DISPUTES_MAX_S`).
const DISPUTES_S: u64 = 7 * 24 * 3_600;

/// What L1 has of a batch.
pub(super) struct OnL1 {
    pub(super) batch: BatchNumber,
    pub(super) task: TaskId,
    pub(super) epoch: u64,
    pub(super) committed_in: u64,
    committed_at: UnixSeconds,
    /// Packed.
    pub(super) rounds: Option<Bytes>,
    pub(super) entries: Option<Entries>,
    settled_at: Option<UnixSeconds>,
    is_paid: bool,
}

pub(super) struct Entries {
    pub(super) list: Vec<Entry>,
    posted_at: UnixSeconds,
    lottery_block: u64,
}

/// All batches of L1's blocks.
pub(super) fn read(l1: &L1History) -> BTreeMap<BatchNumber, OnL1> {
    let mut batches = BTreeMap::new();
    for (block, event) in l1.events() {
        match event {
            L1Event::Rollup(event) => note(&mut batches, block, event),
            L1Event::Settlement(event) => note_settlement(&mut batches, block, event),
            L1Event::Draws(DrawsEvents::DrawsPosted(posted)) => {
                if let Some(on_l1) = batches.get_mut(&posted.batch) {
                    on_l1.rounds = Some(posted.rounds.clone());
                }
            }
            _ => {}
        }
    }
    batches
}

fn note(batches: &mut BTreeMap<BatchNumber, OnL1>, block: &L1Block, event: &RollupEvents) {
    let mut settled = |batch: BatchNumber, is_paid| {
        if let Some(on_l1) = batches.get_mut(&batch) {
            (on_l1.settled_at, on_l1.is_paid) = (Some(block.timestamp), is_paid);
        }
    };
    match event {
        RollupEvents::BatchSettled(event) => settled(event.batch, true),
        RollupEvents::BatchSettledUnpaid(event) => settled(event.batch, false),
        RollupEvents::BatchDropped(event) => settled(event.batch, false),
        RollupEvents::BatchCommitted(event) => {
            let on_l1 = OnL1 {
                batch: event.batch,
                task: TaskId(event.task),
                epoch: event.epoch,
                committed_in: block.number,
                committed_at: block.timestamp,
                rounds: None,
                entries: None,
                settled_at: None,
                is_paid: false,
            };
            batches.insert(event.batch, on_l1);
        }
        RollupEvents::EntriesPosted(event) => {
            if let Some(on_l1) = batches.get_mut(&event.batch) {
                on_l1.entries = Some(Entries {
                    list: event.entries.clone(),
                    posted_at: block.timestamp,
                    lottery_block: event.lotteryBlock,
                });
            }
        }
        _ => {}
    }
}

fn note_settlement(
    batches: &mut BTreeMap<BatchNumber, OnL1>,
    block: &L1Block,
    event: &SettlementEvents,
) {
    let paid = match event {
        SettlementEvents::BatchesSettled(event) => {
            for (_, on_l1) in batches.range_mut(event.first..=event.last) {
                on_l1.settled_at = Some(block.timestamp);
            }
            return;
        }
        SettlementEvents::RewardResolved(event) if event.isPaid => event.batch,
        SettlementEvents::RewardClaimedLate(event) => event.batch,
        _ => return,
    };
    if let Some(on_l1) = batches.get_mut(&paid) {
        on_l1.is_paid = true;
    }
}

impl OnL1 {
    /// What needs no draw.
    pub(super) fn evidence(&self, l1: &L1History) -> Option<Evidence> {
        let (head, entries) = (l1.head()?, self.entries.as_ref()?);
        let is_unposted =
            self.rounds.is_none() && head.timestamp > entries.posted_at.saturating_add(SEEN_S);
        let is_lost = self.settled_at.is_some()
            && !self.is_paid
            && head.number > entries.lottery_block.saturating_add(HISTORY_BLOCKS)
            && l1.beacon(entries.lottery_block).is_none();
        let wrong = match (is_unposted, is_lost) {
            (true, _) => Wrong::Unposted,
            (false, true) => Wrong::LostBeacon,
            (false, false) => return None,
        };
        Some(Evidence {
            batch: self.batch,
            task: self.task,
            roller: Roller::ZERO,
            wrong,
            posted: PostedDraw::default(),
        })
    }

    /// Did its seats bind nobody's capacity at this time?
    pub(super) fn is_over(&self, at: UnixSeconds) -> bool {
        rounds::is_over(Some(self.committed_at), self.settled_at, at)
    }

    /// Is nothing about it charged any more?
    pub(super) fn is_closed(&self, l1: &L1History) -> bool {
        let closed_from = self
            .settled_at
            .map(|settled| settled.saturating_add(DISPUTES_S));
        l1.head()
            .zip(closed_from)
            .is_some_and(|(head, from)| head.timestamp > from)
    }
}
