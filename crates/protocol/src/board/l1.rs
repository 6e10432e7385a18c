//! Facts of L1: registry, commits, beacons, entries, settlements, judgements.

use super::{
    Action, Board, BoardError, Event, Lottery, MissedBecause, ReleasedBecause, RollerAccount,
    SETTLED_TASKS_KEPT, Seat, SeatState, Stage, Task, Turn,
};
use crate::{
    entries::entries_hash,
    ids::{BatchNumber, Roller, ScrWei, UnixSeconds},
    law::{Controls, deadline::deadline_s, lottery, reputation::OfferOutcome, reward::covered},
    prover_gas::ProverGas,
};
use alloc::{collections::BTreeMap, vec::Vec};
use alloy_primitives::B256;

impl Board {
    pub(super) fn on_registry(&mut self, event: &Event) -> Result<(), BoardError> {
        if let Event::RollerRegistered {
            roller,
            signer,
            capacity,
        } = event
        {
            if self.rollers.contains_key(roller) {
                return Err(BoardError::AlreadyApplied);
            }
            self.rollers.insert(
                *roller,
                RollerAccount::new(*signer, *capacity, self.params.q_init),
            );
            return Ok(());
        }
        match event {
            Event::SignerChanged { roller, signer } => {
                self.check_known(*roller)?;
                self.change_account(*roller, |account| account.signer = *signer);
            }
            Event::CapacityChanged { roller, capacity } => {
                self.check_known(*roller)?;
                self.change_account(*roller, |account| account.capacity = *capacity);
            }
            Event::StakeChanged { roller, stake } => {
                self.check_known(*roller)?;
                self.change_account(*roller, |account| account.stake = *stake);
            }
            Event::ReadyChanged { roller, ready } => {
                self.check_known(*roller)?;
                self.change_account(*roller, |account| account.ready = *ready);
            }
            _ => unreachable!("only registry events are passed here"),
        }
        Ok(())
    }

    fn check_known(&self, roller: Roller) -> Result<(), BoardError> {
        if self.rollers.contains_key(&roller) {
            Ok(())
        } else {
            Err(BoardError::UnknownRoller(roller))
        }
    }

    pub(super) fn on_batch_committed(
        &mut self,
        event: &Event,
        turn: &mut Turn,
    ) -> Result<(), BoardError> {
        let Event::BatchCommitted {
            batch,
            task,
            l1_block,
            prover_gas_estimate,
            unit_price,
            epoch,
            program_version,
        } = *event
        else {
            unreachable!("only commits are passed here");
        };
        if batch <= self.committed_through {
            return Err(BoardError::AlreadyApplied);
        }
        if batch != self.committed_through + 1 {
            return Err(BoardError::BatchOrder {
                got: batch,
                expected: self.committed_through + 1,
            });
        }
        let controls = self.pinned_controls(epoch)?;
        let diverged = BoardError::Divergence {
            what: "task",
            of: batch,
        };
        if self.batch_of_task.contains_key(&task) {
            return Err(diverged);
        }
        let draw_block = l1_block
            .checked_add(self.params.draw_lag_blocks)
            .ok_or(diverged)?;
        if !self.is_beacon_awaited(draw_block) {
            turn.actions.push(Action::StoreBeacon {
                l1_block: draw_block,
            });
        }
        let record = Task {
            id: task,
            batch,
            prover_gas_estimate,
            unit_price,
            epoch,
            draw_block,
            draw_beacon: None,
            program_version,
            k: controls.k,
            time_limit_s: deadline_s(&self.params, controls.tau_ns_per_gas, prover_gas_estimate),
            opened_at: None,
            fallback_at: None,
            fallback_started: false,
            is_left_to_fallback: false,
            stage: Stage::AwaitingBeacon,
            rounds: Vec::new(),
            seats: BTreeMap::new(),
        };
        self.tasks.insert(batch, record);
        self.file(batch);
        self.pin_epoch(epoch);
        self.batch_of_task.insert(task, batch);
        self.committed_through = batch;
        Ok(())
    }

    /// Dials of the epoch that a commit pins; before there is any those that L1 begins with.
    fn pinned_controls(&self, epoch: u64) -> Result<Controls, BoardError> {
        match self.epochs.get(&epoch) {
            Some(pinned) => Ok(pinned.controls),
            None if epoch == 0 && self.epoch == 0 => Ok(self.controls),
            None => Err(BoardError::UnknownEpoch(epoch)),
        }
    }

    pub(super) fn on_beacon(
        &mut self,
        l1_block: u64,
        prevrandao: B256,
        turn: &mut Turn,
    ) -> Result<(), BoardError> {
        if !self.is_beacon_awaited(l1_block) {
            return Err(BoardError::UnawaitedBeacon(l1_block));
        }
        let was_settling = self.settle_next().is_some();
        for batch in self.index.waiting_for(l1_block) {
            let task = self.task_mut(batch);
            match &mut task.stage {
                Stage::AwaitingBeacon if task.draw_block == l1_block => {
                    task.draw_beacon = Some(prevrandao);
                    task.stage = Stage::Queued;
                }
                Stage::AwaitingLottery { entries, lottery } if lottery.block == l1_block => {
                    let winner = lottery::winner(task.id, entries, prevrandao)
                        .expect("closed entries are valid and not empty");
                    let entries = core::mem::take(entries);
                    task.stage = Stage::Settling {
                        entries,
                        lottery: *lottery,
                        beacon: prevrandao,
                        winner,
                    };
                    if task.is_winner_absent() {
                        self.start_fallback(batch, turn);
                    }
                }
                _ => {}
            }
            self.file(batch);
        }
        self.fill_window(turn);
        if !was_settling {
            turn.actions.extend(self.settle_next());
        }
        Ok(())
    }

    pub(super) fn on_entries_confirmed(
        &mut self,
        batch: BatchNumber,
        lottery: Lottery,
        turn: &mut Turn,
    ) -> Result<(), BoardError> {
        if batch > self.committed_through {
            return Err(BoardError::UnknownBatch(batch));
        }
        let diverged = BoardError::Divergence {
            what: "entries",
            of: batch,
        };
        let is_awaited = self.is_beacon_awaited(lottery.block);
        // A batch that is kept no longer was settled long ago.
        let task = self
            .tasks
            .get_mut(&batch)
            .ok_or(BoardError::AlreadyApplied)?;
        let Stage::Closed { entries, earlier } = &mut task.stage else {
            let is_known = !task.final_entries().is_empty()
                && entries_hash(task.final_entries()) == lottery.entries_hash;
            return Err(if is_known {
                BoardError::AlreadyApplied
            } else {
                diverged
            });
        };
        let mut lists = core::iter::once(entries).chain(earlier);
        let confirmed = lists.find(|list| entries_hash(list) == lottery.entries_hash);
        let entries = core::mem::take(confirmed.ok_or(diverged)?);
        task.stage = Stage::AwaitingLottery { entries, lottery };
        self.file(batch);
        if !is_awaited {
            turn.actions.push(Action::StoreBeacon {
                l1_block: lottery.block,
            });
        }
        Ok(())
    }

    pub(super) fn on_settled(&mut self, event: &Event, turn: &mut Turn) -> Result<(), BoardError> {
        let Event::BatchSettled {
            batch,
            roller,
            reward,
            prover_gas,
        } = *event
        else {
            unreachable!("only settlements are passed here");
        };
        if batch <= self.settled_through {
            return Err(BoardError::AlreadyApplied);
        }
        if batch > self.committed_through {
            return Err(BoardError::UnknownBatch(batch));
        }
        if batch != self.settled_through + 1 {
            return Err(BoardError::BatchOrder {
                got: batch,
                expected: self.settled_through + 1,
            });
        }
        let task = self
            .tasks
            .get(&batch)
            .expect("every unsettled task is kept");
        if let Some(paid) = roller {
            let is_winner =
                matches!(&task.stage, Stage::Settling { winner, .. } if winner.roller == paid);
            if !is_winner || !self.rollers.contains_key(&paid) {
                return Err(BoardError::Divergence {
                    what: "winner",
                    of: batch,
                });
            }
        }
        let had_entries = !task.final_entries().is_empty();
        if !had_entries {
            self.release_open_seats(batch, ReleasedBecause::SettledByOthers, turn);
        }
        let posted = self.end_posted(batch, roller);
        if had_entries {
            for seat in posted {
                self.count_offer(batch, seat, turn.now);
            }
        } else {
            self.end_task(batch, turn.now);
        }
        self.forgive_under_declared(batch, prover_gas);
        self.mark_settled(batch, roller, reward, turn.now);
        self.file(batch);
        if let Some(account) = roller.and_then(|paid| self.rollers.get_mut(&paid)) {
            account.record.won += 1;
            account.record.earned = ScrWei(account.record.earned.0.saturating_add(reward.0));
        }
        self.settled_through = batch;
        self.forget_tasks();
        self.fill_window(turn);
        turn.actions.extend(self.settle_next());
        Ok(())
    }

    /// Deadlines follow the prover gas that the operator declared. Where the proof shows more than a tenth more, they
    /// scale with it afterwards: forgiven is who was late by no more than that, and who gave up at a deadline that was none.
    fn forgive_under_declared(&mut self, batch: BatchNumber, proven: ProverGas) {
        let task = self.task_mut(batch);
        if covered(task.prover_gas_estimate, proven) == proven {
            return;
        }
        let (proven, declared) = (u128::from(proven), u128::from(task.prover_gas_estimate));
        let in_scaled_time = |seat: &Seat| {
            let allowed_s = u128::from(seat.deadline - seat.assigned_at) * proven / declared.max(1);
            seat.receipt.is_some_and(|receipt| {
                u128::from(receipt.received_at) <= u128::from(seat.assigned_at) + allowed_s
            })
        };
        let is_forgiven = |seat: &Seat| match seat.state {
            SeatState::Late => in_scaled_time(seat),
            SeatState::Missed { why } => why == MissedBecause::DeadlinePassed,
            _ => false,
        };
        let seats = task.seats.iter().filter(|(_, seat)| is_forgiven(seat));
        let forgiven: Vec<_> = seats
            .map(|((round, roller), _)| task.seat_key(*round, *roller))
            .collect();
        for key in forgiven {
            self.change_account(key.roller, |account| {
                account.cancel(key, &[OfferOutcome::Late, OfferOutcome::Missed]);
            });
        }
    }

    fn mark_settled(
        &mut self,
        batch: BatchNumber,
        roller: Option<Roller>,
        reward: ScrWei,
        now: UnixSeconds,
    ) {
        let judged_until = now.saturating_add(self.params.accuse_s);
        let task = self.task_mut(batch);
        let lottery = task.lottery();
        let beacon = if let Stage::Settling { beacon, .. } = &task.stage {
            Some(*beacon)
        } else {
            None
        };
        let entries = task.final_entries().to_vec();
        task.stage = Stage::Settled {
            entries,
            lottery,
            beacon,
            roller,
            reward,
            judged_until,
        };
    }

    /// The next batch's settlement, if its winner is known and the winner's bytes are here.
    pub(super) fn settle_next(&self) -> Option<Action> {
        let task = self.tasks.get(&(self.settled_through + 1))?;
        let Stage::Settling {
            entries, winner, ..
        } = &task.stage
        else {
            return None;
        };
        Some(Action::Settle {
            batch: task.batch,
            seat: task.seat_of_entry(winner)?,
            proof_digest: winner.proof_digest,
            entries: entries.clone(),
        })
    }

    pub(super) fn on_judged(&mut self, event: &Event) -> Result<(), BoardError> {
        let Event::SubmissionJudged {
            batch,
            round,
            roller,
            proof_digest,
            valid,
            fine,
        } = *event
        else {
            unreachable!("only judgements are passed here");
        };
        self.check_known(roller)?;
        if batch > self.committed_through {
            return Err(BoardError::UnknownBatch(batch));
        }
        // A task that is kept no longer had no judgement open.
        let task = self.tasks.get(&batch).ok_or(BoardError::AlreadyApplied)?;
        let key = task.seat_key(round, roller);
        if valid && self.on_shown(batch, key, proof_digest) {
            return Ok(());
        }
        let seat = self.task_mut(batch).seats.get_mut(&(round, roller));
        if valid {
            // SOUNDNESS: anybody can have any submission judged. Only the very proof that was rejected here clears its
            // roller; a valid proof that it signs afterwards does not.
            let is_rejected = |seat: &Seat| {
                seat.is_judgement_open()
                    && seat
                        .receipt
                        .is_some_and(|receipt| receipt.proof_digest == proof_digest)
            };
            let seat = seat
                .filter(|seat| is_rejected(seat))
                .ok_or(BoardError::AlreadyApplied)?;
            seat.state = SeatState::Released {
                why: ReleasedBecause::VerdictOverturned,
            };
        } else if let Some(seat) = seat {
            // L1 fines a seat once. If it still does so when the accusation had lapsed, its time was prolonged.
            if seat.fine.is_some_and(|fine| fine != ScrWei::ZERO) {
                return Err(BoardError::AlreadyApplied);
            }
            seat.fine = Some(fine);
        }
        // A roller can sign for a seat that it never had, and be fined for it on L1 all the same.
        self.change_account(roller, |account| {
            if valid {
                account.cancel(key, &[OfferOutcome::Invalid]);
            }
            account.record.fined = ScrWei(account.record.fined.0.saturating_add(fine.0));
            account.accused.take_if(|accused| *accused == key);
        });
        self.file(batch);
        self.forget_tasks();
        Ok(())
    }

    /// L1 judges nothing of this task any more: whom nobody could bring before it (fines pause in a quarantine) is accused
    /// no longer. What its proof cost in reputation stays.
    pub(super) fn lapse_accusations(&mut self, batch: BatchNumber) {
        let seats = self.task(batch).seats.iter();
        let open = seats.filter(|(_, seat)| seat.is_judgement_open());
        let open: Vec<_> = open.map(|(name, _)| *name).collect();
        for (round, roller) in open {
            let task = self.task_mut(batch);
            let key = task.seat_key(round, roller);
            let seat = task.seats.get_mut(&(round, roller));
            seat.expect("the seat was found").fine = Some(ScrWei::ZERO);
            if self.rollers.contains_key(&roller) {
                self.change_account(roller, |account| {
                    account.accused.take_if(|accused| *accused == key);
                });
            }
        }
        self.file(batch);
        self.forget_tasks();
    }

    pub(super) fn on_operator_charged(
        &mut self,
        batch: BatchNumber,
        roller: Roller,
    ) -> Result<(), BoardError> {
        let task = self.tasks.get(&batch).ok_or(BoardError::AlreadyApplied)?;
        let account = self.rollers.get_mut(&roller);
        let account = account.ok_or(BoardError::AlreadyApplied)?;
        let seats = task.seats.keys().filter(|(_, holder)| *holder == roller);
        let outcomes = [OfferOutcome::Late, OfferOutcome::Missed];
        let cancelled = seats
            .map(|(round, _)| account.cancel(task.seat_key(*round, roller), &outcomes))
            .fold(false, |any, cancelled| any | cancelled);
        if cancelled {
            Ok(())
        } else {
            Err(BoardError::AlreadyApplied)
        }
    }

    /// Does a task wait for the prevrandao of this block?
    pub(super) fn is_beacon_awaited(&self, l1_block: u64) -> bool {
        self.index.is_beacon_awaited(l1_block)
    }

    /// Forgets tasks that were settled long ago, unless a judgement is open.
    fn forget_tasks(&mut self) {
        let Some(forget_through) = self.settled_through.checked_sub(SETTLED_TASKS_KEPT) else {
            return;
        };
        let old = self
            .tasks
            .range(..=forget_through)
            .filter(|(_, task)| !task.is_judgement_open());
        let old: Vec<_> = old
            .map(|(batch, task)| (*batch, task.id, task.epoch))
            .collect();
        for (batch, task, epoch) in old {
            self.tasks.remove(&batch);
            self.batch_of_task.remove(&task);
            self.unpin_epoch(epoch);
        }
    }
}
