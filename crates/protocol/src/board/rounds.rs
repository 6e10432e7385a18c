//! Rounds: opening tasks, drawing, ending a round, closing.

use super::{
    Action, Alarm, Board, MissedBecause, Offer, ReleasedBecause, RollerAccount, RoundDraw, Seat,
    SeatState, Stage, Task, Turn, event::Presence,
};
use crate::{
    ids::{BatchNumber, Roller, Round, UnixSeconds},
    law::{
        draw::{self, Draw},
        eligibility::{self, Candidate, PassedOver},
        fine::fine_full,
        late,
        reputation::{OfferOutcome, offer_weight},
        rounds::Full,
    },
};
use alloc::vec::Vec;

impl Board {
    pub(super) fn on_tick(&mut self, turn: &mut Turn) {
        for batch in self.index.due(turn.now) {
            if self.task(batch).is_settled() {
                self.lapse_accusations(batch);
            } else {
                self.advance(batch, turn);
            }
        }
        self.fill_window(turn);
    }

    /// Opens queued tasks, oldest batch first, while the window has room.
    pub(super) fn fill_window(&mut self, turn: &mut Turn) {
        while self.index.in_window() < self.controls.window {
            let Some(batch) = self.index.next_queued() else {
                return;
            };
            self.open(batch, turn);
            self.file(batch);
            self.measured.opened(self.index.in_window());
        }
    }

    /// Files a task anew after it changed.
    pub(super) fn file(&mut self, batch: BatchNumber) {
        let task = self.tasks.get(&batch).expect("the task is kept");
        self.index.file(task);
    }

    fn open(&mut self, batch: BatchNumber, turn: &mut Turn) {
        let multiple = u64::from(self.params.fallback_multiple);
        let task = self.task_mut(batch);
        let wait_s = task.time_limit_s.saturating_mul(multiple);
        task.opened_at = Some(turn.now);
        task.fallback_at = Some(turn.now.saturating_add(wait_s));
        let (epoch, program_version) = (task.epoch, task.program_version);
        // Without a snapshot nobody can ever be drawn, and nobody is to be drawn for a program under suspicion.
        if epoch == 0 || self.is_quarantined(program_version) {
            self.leave_to_fallback(batch, turn);
        } else {
            self.start_round(batch, turn);
        }
    }

    /// Ends the present round if it is over, and does what follows: close, draw again, or leave it to the fallback.
    pub(super) fn advance(&mut self, batch: BatchNumber, turn: &mut Turn) {
        self.advance_round(batch, turn);
        self.file(batch);
    }

    fn advance_round(&mut self, batch: BatchNumber, turn: &mut Turn) {
        let Stage::Open { round_ends_at } = self.task(batch).stage else {
            return;
        };
        let is_time_up = round_ends_at.is_some_and(|ends_at| turn.now > ends_at);
        if is_time_up {
            self.end_open_seats(batch, |_| SeatState::Missed {
                why: MissedBecause::DeadlinePassed,
            });
        }
        let task = self.task(batch);
        let is_awaited = task.seats.values().any(Seat::is_open);
        if !is_awaited && !task.entries(self.params.late_divisor).is_empty() {
            self.close(batch, turn);
            return;
        }
        let is_fallback_due = task.fallback_at.is_some_and(|at| turn.now >= at);
        let is_given_up = task.is_left_to_fallback
            || is_fallback_due
            || self.is_quarantined(task.program_version);
        // A round in which nobody could be seated lasts until its end, so that somebody can come back.
        let is_waiting = task.is_round_empty() && !is_time_up && round_ends_at.is_some();
        if is_given_up {
            self.start_fallback(batch, turn);
            let task = self.task_mut(batch);
            task.is_left_to_fallback = true;
            if !is_awaited && !is_waiting {
                task.stage = Stage::Open {
                    round_ends_at: None,
                };
            }
        } else if !is_awaited && !is_waiting {
            self.start_round(batch, turn);
        }
    }

    fn leave_to_fallback(&mut self, batch: BatchNumber, turn: &mut Turn) {
        self.start_fallback(batch, turn);
        let task = self.task_mut(batch);
        task.is_left_to_fallback = true;
        task.stage = Stage::Open {
            round_ends_at: None,
        };
    }

    /// Ends all open seats of a task; returns them.
    fn end_open_seats(
        &mut self,
        batch: BatchNumber,
        state: impl Fn(&Seat) -> SeatState,
    ) -> Vec<(Round, Roller)> {
        let open = self
            .task(batch)
            .seats
            .iter()
            .filter(|(_, seat)| seat.is_open());
        let open: Vec<_> = open.map(|(key, seat)| (*key, state(seat))).collect();
        let ended = open.iter().map(|(key, _)| *key).collect();
        for (key, state) in open {
            self.set_seat(batch, key, state);
        }
        ended
    }

    fn start_round(&mut self, batch: BatchNumber, turn: &mut Turn) {
        let task = self.task(batch);
        let round = Round::try_from(task.rounds.len()).expect("rounds are few");
        self.degrade(batch, turn);
        let task = self.task(batch);
        let draw = self.draw(task, round, turn.now);
        let full = self.full(&draw);
        let tickets = draw.tickets();
        let time_s = if tickets.is_empty() {
            self.params.heartbeat_s
        } else {
            task.time_limit_s
        };
        let weight = offer_weight(&self.params, task.prover_gas_estimate);
        let today_s = self.time_limit_s(task);
        let deadline = turn.now.saturating_add(time_s);
        let expires_at = late::expires_at(&self.params, turn.now, time_s);
        self.measured.seated(&tickets, weight, today_s);
        self.count_declined(batch, round, &draw, turn.now);
        for (roller, tickets) in tickets {
            let seat = Seat {
                tickets,
                assigned_at: turn.now,
                deadline,
                expires_at,
                picked_at: None,
                receipt: None,
                posted: None,
                fine: None,
                state: SeatState::Open,
            };
            let task = self.task_mut(batch);
            task.seats.insert((round, roller), seat);
            turn.actions
                .push(Action::Assigned(task.seat_key(round, roller)));
            self.set_seat(batch, (round, roller), SeatState::Open);
        }
        let task = self.task_mut(batch);
        task.rounds.push(RoundDraw {
            drawn_at: turn.now,
            deadline,
            draw,
            full,
        });
        task.stage = Stage::Open {
            round_ends_at: Some(deadline),
        };
    }

    /// Where fewer rollers are there than tickets, the fallback joins. The draw stays one of k points: a roller proves once for all
    /// of its tickets, and L1 has to know when a draw is over.
    fn degrade(&mut self, batch: BatchNumber, turn: &mut Turn) {
        let (ready, k) = (self.present, self.task(batch).k);
        if ready < k {
            turn.actions
                .push(Action::Alarm(Alarm::Degraded { batch, ready, k }));
            self.start_fallback(batch, turn);
        }
    }

    /// Who was passed over as at capacity, with the seats that it holds.
    fn full(&self, draw: &Draw) -> Vec<Full> {
        let full = draw.declined().filter_map(|roller| {
            let seats = self.rollers.get(&roller)?.seats.iter().copied().collect();
            Some(Full { roller, seats })
        });
        full.collect()
    }

    fn draw(&self, task: &Task, round: Round, now: UnixSeconds) -> Draw {
        let beacon = task.draw_beacon.expect("an open task has its beacon");
        let epoch = self.epochs.get(&task.epoch);
        let snapshot = &epoch.expect("a task's epoch is kept").snapshot;
        let fine = fine_full(&self.params, task.unit_price, task.prover_gas_estimate);
        draw::draw(
            &self.params,
            task.k,
            snapshot,
            draw::seed(task.id, round, beacon),
            |leaf| {
                let account = self.rollers.get(&leaf.roller).ok_or(PassedOver::NotReady)?;
                eligibility::check(&self.params, &candidate(account, now), fine)
            },
        )
    }

    /// Calls the fallback prover, unless it was called.
    pub(super) fn start_fallback(&mut self, batch: BatchNumber, turn: &mut Turn) {
        let task = self.task_mut(batch);
        if !core::mem::replace(&mut task.fallback_started, true) {
            turn.actions.push(Action::StartFallback {
                batch,
                task: task.id,
            });
        }
    }

    fn close(&mut self, batch: BatchNumber, turn: &mut Turn) {
        let late_divisor = self.params.late_divisor;
        let task = self.task_mut(batch);
        let entries = task.entries(late_divisor);
        let in_vain = task
            .seats
            .iter()
            .filter(|(_, seat)| matches!(seat.state, SeatState::Missed { .. }));
        turn.actions.extend(
            in_vain.map(|((round, roller), _)| Action::Stop(task.seat_key(*round, *roller))),
        );
        turn.actions.push(Action::PostEntries {
            batch,
            task: task.id,
            entries: entries.clone(),
        });
        task.stage = Stage::Closed {
            entries,
            earlier: Vec::new(),
        };
        self.end_task(batch, turn.now);
    }

    pub(super) fn release_open_seats(
        &mut self,
        batch: BatchNumber,
        why: ReleasedBecause,
        turn: &mut Turn,
    ) {
        for (round, roller) in self.end_open_seats(batch, |_| SeatState::Released { why }) {
            let seat = self.task(batch).seat_key(round, roller);
            turn.actions.push(Action::Stop(seat));
        }
    }

    /// Counts a task and its offers, once, when nothing more can come.
    pub(super) fn end_task(&mut self, batch: BatchNumber, at: UnixSeconds) {
        let task = self.task(batch);
        // What nobody was drawn for, or too few were there for, says nothing about k.
        if !task.rounds.is_empty() && self.present >= task.k {
            let is_missed = task.is_missed();
            self.measured.ended(is_missed);
        }
        self.count_offers(batch, at);
    }

    /// Counts how the seats of a task ended, once, when nothing more can come.
    fn count_offers(&mut self, batch: BatchNumber, at: UnixSeconds) {
        let seats: Vec<_> = self.task(batch).seats.keys().copied().collect();
        for seat in seats {
            self.count_offer(batch, seat, at);
        }
    }

    /// Counts how a seat ended; what is only posted has not ended yet.
    pub(super) fn count_offer(
        &mut self,
        batch: BatchNumber,
        (round, roller): (Round, Roller),
        at: UnixSeconds,
    ) {
        let task = self.task(batch);
        let weight = offer_weight(&self.params, task.prover_gas_estimate);
        let key = task.seat_key(round, roller);
        let seat = &task.seats[&(round, roller)];
        let outcome = match seat.state {
            SeatState::OnTime => OfferOutcome::OnTime,
            SeatState::Late => OfferOutcome::Late,
            SeatState::Invalid { .. } => OfferOutcome::Invalid,
            SeatState::Missed { .. } => OfferOutcome::Missed,
            SeatState::Open | SeatState::Posted | SeatState::Released { .. } => return,
        };
        if seat.posted.is_some_and(|posted| posted.is_counted) {
            return;
        }
        if let Some(account) = self.rollers.get_mut(&roller) {
            account.count(Offer {
                seat: key,
                outcome,
                weight,
                at,
            });
        }
    }

    /// Counts hits that were passed over for lack of capacity.
    fn count_declined(&mut self, batch: BatchNumber, round: Round, draw: &Draw, at: UnixSeconds) {
        let Some(task) = self.tasks.get(&batch) else {
            return;
        };
        let weight = offer_weight(&self.params, task.prover_gas_estimate);
        for roller in draw.declined() {
            if let Some(account) = self.rollers.get_mut(&roller) {
                account.count(Offer {
                    seat: task.seat_key(round, roller),
                    outcome: OfferOutcome::Declined,
                    weight,
                    at,
                });
            }
        }
    }
}

fn candidate(account: &RollerAccount, now: UnixSeconds) -> Candidate {
    let is_drained = account.presence == Presence::Draining || now < account.rests_until;
    Candidate {
        ready: account.ready,
        draining: is_drained,
        stake: account.stake,
        capacity_declared: account.capacity,
        peak: account.peak(),
        seats_open: u32::try_from(account.seats.len()).unwrap_or(u32::MAX),
        alive: account.is_heard(),
        accused: account.accused.is_some(),
    }
}
