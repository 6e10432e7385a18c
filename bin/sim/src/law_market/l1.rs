//! The L1 of the simulation: a block every twelve seconds that carries out what the board asked for.

use super::{Happening, LawMarket, START_S, rollers::digest_of};
use alloy_primitives::{B256, U256};
use rollmill_protocol::{
    BatchNumber, Entry, ProofDigest, ScrWei, UnixSeconds,
    board::{Action, Event, SeatKey, Stage},
    entries_hash,
    law::{
        Controls,
        fine::{fine, fine_full},
        quarantine::{self, Tally},
        reward::reward,
    },
};
use std::collections::{BTreeMap, BTreeSet};

/// Milliseconds between two blocks.
pub(super) const BLOCK_MS: u64 = 12_000;
/// Settlements that fit one block: one aggregate.
const SETTLEMENTS_PER_BLOCK: usize = 64;
/// The fallback is this many times faster than the median roller's slot.
const FALLBACK_SPEED: f64 = 2.0;

/// What L1 was asked for.
#[derive(Debug, Default)]
pub(super) struct L1 {
    pub(super) block: u64,
    snapshot: Option<(u64, B256, Controls)>,
    beacons: BTreeSet<u64>,
    entries: Vec<(BatchNumber, Vec<Entry>)>,
    /// Seats for which digests of nothing are posted.
    posts: Vec<SeatKey>,
    settlement: Option<(BatchNumber, SeatKey, Vec<Entry>)>,
    judgements: Vec<(BatchNumber, SeatKey, ProofDigest)>,
    fallback: BTreeMap<BatchNumber, u64>,
    /// Fined rollers by program version and epoch of their batches: names, each with its stake when it was counted.
    invalid: BTreeMap<(u32, u64), BTreeMap<usize, ScrWei>>,
}

impl L1 {
    pub(super) fn ask(&mut self, action: Action, now_ms: u64) {
        match action {
            Action::PostSnapshot {
                epoch,
                root,
                controls,
                ..
            } => self.snapshot = Some((epoch, root, controls)),
            Action::StoreBeacon { l1_block } => {
                self.beacons.insert(l1_block);
            }
            Action::PostEntries { batch, entries, .. } => {
                self.entries.retain(|(earlier, _)| *earlier != batch);
                self.entries.push((batch, entries));
            }
            Action::Settle {
                batch,
                seat,
                entries,
                ..
            } => {
                self.settlement = Some((batch, seat, entries));
            }
            Action::Judge {
                batch,
                seat,
                proof_digest,
            } => {
                self.judgements.push((batch, seat, proof_digest));
            }
            Action::StartFallback { batch, .. } => {
                self.fallback.insert(batch, now_ms);
            }
            Action::Assigned(_) | Action::Stop(_) | Action::Alarm(_) => {}
        }
    }

    /// A roller posts a digest of nothing for its seat.
    pub(super) fn post_nothing(&mut self, seat: SeatKey) {
        self.posts.push(seat);
    }
}

impl LawMarket<'_> {
    pub(super) fn on_block(&mut self) {
        self.at(self.now_ms + BLOCK_MS, Happening::Block);
        self.l1.block += 1;
        if let Some((epoch, root, controls)) = self.l1.snapshot.take() {
            self.apply(Event::DialsPosted { epoch, controls })
                .expect("they are the next epoch's");
            let confirmed = Event::SnapshotConfirmed { epoch, root };
            self.apply(confirmed)
                .expect("the snapshot is the board's own");
            self.on_epoch();
        }
        for seat in std::mem::take(&mut self.l1.posts) {
            self.confirm_post(seat);
        }
        self.confirm_entries();
        while let Some(l1_block) = self.l1.beacons.first().copied()
            && l1_block < self.l1.block
        {
            self.l1.beacons.remove(&l1_block);
            let prevrandao = self.published(l1_block);
            let _ = self.apply(Event::BeaconStored {
                l1_block,
                prevrandao,
            });
        }
        for (batch, seat, digest) in std::mem::take(&mut self.l1.judgements) {
            self.judge(batch, seat, digest);
        }
        self.settle();
        self.divide_pot();
        if self.board.is_epoch_due(self.now_s()) {
            self.end_epoch();
        }
    }

    /// A digest of nothing stands on L1 from this block on.
    fn confirm_post(&mut self, seat: SeatKey) {
        let Some(batch) = self.board.task_by_id(seat.task).map(|task| task.batch) else {
            return;
        };
        let proof_digest = digest_of(&seat);
        let posted = Event::SubmissionPosted {
            batch,
            round: seat.round,
            roller: seat.roller,
            proof_digest,
            posted_at: self.now_s(),
        };
        // After the deadline it is of no consequence.
        if self.apply(posted).is_ok() {
            self.collusion.enter_unproved(proof_digest);
        }
    }

    /// Entries become final, as long as the rewards under their beacon do not exceed the cap; the others wait for the next block.
    fn confirm_entries(&mut self) {
        let lottery_block = self.l1.block + self.params.lottery_lag_blocks;
        let mut open_scr = 0.0;
        for (batch, entries) in std::mem::take(&mut self.l1.entries) {
            let task = self.board.task_by_batch(batch);
            let amount =
                task.and_then(|task| reward(task.unit_price, task.k, task.prover_gas_estimate));
            let scr = amount.map_or(0.0, |amount| amount.0 as f64 / 1e18);
            if open_scr > 0.0 && open_scr + scr > self.world.l1.beacon_cap_scr {
                self.l1.entries.push((batch, entries));
                continue;
            }
            open_scr += scr;
            let confirmed = Event::EntriesConfirmed {
                batch,
                entries_hash: entries_hash(&entries),
                lottery_block,
            };
            // The fallback may have settled it in the meantime.
            if self.apply(confirmed).is_ok() {
                self.favour(batch, &entries);
            }
        }
    }

    /// What the prevrandao of a block is when so many of its proposers have let it pass.
    pub(super) fn prevrandao(&self, l1_block: u64, skipped: u64) -> B256 {
        let word: U256 = (U256::from(self.world.seed) << 128)
            | (U256::from(skipped) << 64)
            | U256::from(l1_block);
        alloy_primitives::keccak256(word.to_be_bytes::<32>())
    }

    fn settle(&mut self) {
        for _ in 0..SETTLEMENTS_PER_BLOCK {
            if let Some((batch, seat, entries)) = self.l1.settlement.take() {
                if self.is_held_up(batch, &entries, &seat) {
                    self.l1.settlement = Some((batch, seat, entries));
                    return;
                }
                self.settle_with_winner(batch, seat, &entries);
            } else if !self.settle_by_fallback() {
                return;
            }
        }
    }

    /// Does the batch wait for a winner whose entry has no proof? Until `SETTLE_S` after the beacon.
    fn is_held_up(&self, batch: BatchNumber, entries: &[Entry], seat: &SeatKey) -> bool {
        let task = self.board.task_by_batch(batch);
        let lottery = task.and_then(|task| task.lottery());
        let beacon_ms = lottery.map_or(0, |lottery| lottery.block * BLOCK_MS);
        let until_ms = beacon_ms + (self.world.l1.settle_minutes * 60e3) as u64;
        self.now_ms < until_ms && self.is_barred(entries, seat)
    }

    /// Has the winner an entry that L1 will not pay?
    fn is_barred(&self, entries: &[Entry], seat: &SeatKey) -> bool {
        let mut entries = entries.iter();
        let won = entries.find(|entry| entry.roller == seat.roller);
        self.world.l1.digest_binding
            && won.is_some_and(|entry| self.collusion.is_unproved(entry.proof_digest))
    }

    fn settle_with_winner(&mut self, batch: BatchNumber, seat: SeatKey, entries: &[Entry]) {
        let task = self
            .board
            .task_by_batch(batch)
            .expect("an unsettled task is kept");
        let (k, price) = (task.k, task.unit_price);
        let fine_amount = fine_full(&self.params, price, task.prover_gas_estimate);
        let amount = reward(price, k, self.gas_of(batch)).unwrap_or(ScrWei::ZERO);
        let receipts = task.seats.values().filter_map(|seat| seat.receipt);
        let first = receipts.map(|receipt| receipt.received_at).min();
        let won_at = task
            .seats
            .get(&(seat.round, seat.roller))
            .and_then(|seat| seat.receipt);
        let is_first = won_at.is_some_and(|receipt| Some(receipt.received_at) == first);
        let is_paid = !self.is_barred(entries, &seat);
        let waited = self.waited(batch);
        let settled = Event::BatchSettled {
            batch,
            roller: is_paid.then_some(seat.roller),
            reward: if is_paid { amount } else { ScrWei::ZERO },
            prover_gas: self.gas_of(batch),
        };
        self.apply(settled)
            .expect("the settlement is the board's own");
        self.l1.fallback.remove(&batch);
        self.account(batch, entries, (amount, fine_amount));
        self.recorder
            .settled(batch, self.now_ms, is_first, is_paid, waited);
    }

    /// Everything that is paid when a batch settles, in the mean over its lottery.
    fn account(&mut self, batch: BatchNumber, entries: &[Entry], amounts: (ScrWei, ScrWei)) {
        let entries = self.entries_on_l1(batch, entries, amounts);
        self.pay_entries(batch, &entries, amounts.0);
        self.charge_refused(batch, amounts.0, amounts.1);
        self.charge_user(batch, amounts.0);
    }

    /// Credits each entry's expected reward. An entry without a proof is worth nothing where L1 knows its digest; where it
    /// does not, the proof is made when it has won.
    fn pay_entries(&mut self, batch: BatchNumber, entries: &[Entry], amount: ScrWei) {
        let tickets: u64 = entries.iter().map(|entry| u64::from(entry.tickets)).sum();
        for entry in entries {
            let worker = self.names[self.name_of[&entry.roller]].worker;
            let share = f64::from(entry.tickets) / tickets as f64;
            if self.collusion.is_unproved(entry.proof_digest) {
                if self.world.l1.digest_binding {
                    continue;
                }
                let proof_s = self.gas_of(batch) as f64 / self.workers[worker].operator.gas_per_s;
                self.workers[worker].machine.busy_ms += (proof_s * share * 1e3) as u64;
            }
            self.count_work(entry.roller, self.gas_of(batch), share);
            self.recorder
                .income(worker, amount.0 as f64 / 1e18 * share, self.now_ms);
        }
    }

    /// Seconds since the task was opened.
    fn waited(&self, batch: BatchNumber) -> f64 {
        let opened_at = self
            .board
            .task_by_batch(batch)
            .and_then(|task| task.opened_at);
        opened_at.map_or(0.0, |at| self.now_s().saturating_sub(at) as f64)
    }

    /// Settles the next batch without reward if the fallback has proved it and L1 takes it: at 3 T at the earliest, or `SETTLE_S` after
    /// the beacon where the winner's bytes are not there.
    fn settle_by_fallback(&mut self) -> bool {
        let batch = self.board.settled_through() + 1;
        let Some(called_ms) = self.l1.fallback.get(&batch).copied() else {
            return false;
        };
        let speed = self.world.rollers.gas_per_s_median * FALLBACK_SPEED;
        let proved_ms = called_ms + (self.gas_of(batch) as f64 / speed * 1e3) as u64;
        let Some(task) = self.board.task_by_batch(batch) else {
            return false;
        };
        let (task_price, task_k) = (task.unit_price, task.k);
        let fine_amount = fine_full(&self.params, task_price, task.prover_gas_estimate);
        let takes_from_s: UnixSeconds = match &task.stage {
            Stage::Open { .. } => task.fallback_at.unwrap_or(START_S),
            Stage::Settling { lottery, .. } if task.is_winner_absent() => {
                let settle_s = (self.world.l1.settle_minutes * 60.0) as u64;
                START_S + lottery.block * BLOCK_MS / 1_000 + settle_s
            }
            _ => return false,
        };
        if self.now_ms < proved_ms || self.now_s() < takes_from_s {
            return false;
        }
        let entries = task.final_entries().to_vec();
        let waited = self.waited(batch);
        let settled = Event::BatchSettled {
            batch,
            roller: None,
            reward: ScrWei::ZERO,
            prover_gas: self.gas_of(batch),
        };
        let amount = reward(task_price, task_k, self.gas_of(batch)).unwrap_or(ScrWei::ZERO);
        self.apply(settled).expect("the batch is the next");
        self.l1.fallback.remove(&batch);
        self.account(batch, &entries, (amount, fine_amount));
        self.recorder
            .settled(batch, self.now_ms, false, false, waited);
        true
    }

    fn judge(&mut self, batch: BatchNumber, seat: SeatKey, proof_digest: ProofDigest) {
        let name = self.name_of[&seat.roller];
        let Some(task) = self.board.task_by_batch(batch) else {
            return;
        };
        let (program_version, epoch) = (task.program_version, task.epoch);
        if let Some(operator) = self.collusion.acquit(&seat) {
            self.recorder
                .fined(operator, self.world.l1.accusation_bond_scr, self.now_ms);
            let cleared = Event::SubmissionJudged {
                batch,
                round: seat.round,
                roller: seat.roller,
                proof_digest,
                valid: true,
                fine: ScrWei::ZERO,
            };
            self.apply(cleared)
                .expect("the very bytes clear their roller");
            return;
        }
        // The board asks again when it is over.
        if self.board.is_quarantined(program_version) {
            return;
        }
        let stake = self.names[name].stake;
        let amount = fine(
            &self.params,
            task.unit_price,
            task.prover_gas_estimate,
            stake,
        );
        self.count_invalid(program_version, epoch, name);
        self.names[name].stake = ScrWei(stake.0 - amount.0);
        let roller = seat.roller;
        let judged = Event::SubmissionJudged {
            batch,
            round: seat.round,
            roller,
            proof_digest,
            valid: false,
            fine: amount,
        };
        if self.apply(judged).is_ok() {
            self.recorder
                .fined(self.names[name].worker, amount.0 as f64 / 1e18, self.now_ms);
            let stake = self.names[name].stake;
            self.apply(Event::StakeChanged { roller, stake })
                .expect("the roller is known");
            // A fine takes a roller out of the draw until it says that it is ready again.
            self.apply(Event::ReadyChanged {
                roller,
                ready: true,
            })
            .expect("the roller is known");
        }
    }

    /// Counts a roller that is fined, and quarantines the version if too much stake fails with it.
    fn count_invalid(&mut self, program_version: u32, epoch: u64, name: usize) {
        let key = (program_version, epoch);
        let invalid = self.l1.invalid.entry(key).or_default();
        if invalid.contains_key(&name) {
            return;
        }
        invalid.insert(name, self.names[name].stake);
        let sum =
            |stakes: &mut dyn Iterator<Item = ScrWei>| ScrWei(stakes.map(|stake| stake.0).sum());
        let tally = Tally {
            stake_total: sum(&mut self.names.iter().map(|name| name.stake)),
            stake_invalid: sum(&mut invalid.values().copied()),
            rollers_invalid: u32::try_from(invalid.len()).unwrap_or(u32::MAX),
        };
        if quarantine::is_due(&self.params.quarantine, &tally) {
            let _ = self.apply(Event::VersionQuarantined { program_version });
        }
    }
}
