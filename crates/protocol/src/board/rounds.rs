//! Rounds: opening tasks, drawing, ending a round, closing.

use super::{
    Action, Board, MissedBecause, Offer, ReleasedBecause, RollerAccount, RoundDraw, Seat,
    SeatState, Stage, Task, Turn, event::Presence,
};
use crate::{
    ids::{BatchNumber, Roller, Round, UnixSeconds},
    law::{
        deadline::deadline_s,
        draw::{self, Draw},
        eligibility::{self, Candidate, PassedOver},
        fine::fine_full,
        reputation::{OfferOutcome, offer_weight},
    },
};
use alloc::{collections::BTreeMap, vec::Vec};

impl Board {
    pub(super) fn on_tick(&mut self, turn: &mut Turn) {
        let open: Vec<BatchNumber> = self
            .unsettled()
            .filter(|task| task.is_open())
            .map(|task| task.batch)
            .collect();
        for batch in open {
            self.advance(batch, turn);
        }
        self.fill_window(turn);
    }

    /// Opens queued tasks, oldest batch first, while the window has room.
    pub(super) fn fill_window(&mut self, turn: &mut Turn) {
        let window = usize::try_from(self.params.window).expect("a window fits memory");
        while self.unsettled().filter(|task| task.is_in_window()).count() < window {
            let Some(queued) = self
                .unsettled()
                .find(|task| matches!(task.stage, Stage::Queued))
            else {
                return;
            };
            self.open(queued.batch, turn);
        }
    }

    fn open(&mut self, batch: BatchNumber, turn: &mut Turn) {
        let task = self.task_mut(batch);
        task.opened_at = Some(turn.now);
        if task.epoch == 0 {
            // Without a snapshot nobody can ever be drawn.
            self.start_fallback(batch, turn);
            self.task_mut(batch).stage = Stage::Open {
                round_ends_at: None,
            };
        } else {
            self.start_round(batch, turn);
        }
    }

    /// Ends the present round if it is over, and does what follows: close, draw again, or leave it to the fallback.
    pub(super) fn advance(&mut self, batch: BatchNumber, turn: &mut Turn) {
        let Stage::Open { round_ends_at } = self.task(batch).stage else {
            return;
        };
        let is_time_up = round_ends_at.is_some_and(|ends_at| turn.now > ends_at);
        if is_time_up {
            let open = self
                .task_mut(batch)
                .seats
                .values_mut()
                .filter(|seat| seat.is_open());
            let why = MissedBecause::DeadlinePassed;
            open.for_each(|seat| seat.state = SeatState::Missed { why });
        }
        let is_awaited = self.task(batch).seats.values().any(Seat::is_open);
        if !is_awaited
            && !self
                .task(batch)
                .entries(self.params.late_divisor)
                .is_empty()
        {
            self.close(batch, turn);
            return;
        }
        let is_fallback_due = self
            .fallback_at(self.task(batch))
            .is_some_and(|at| turn.now >= at);
        if is_fallback_due && !self.task(batch).fallback_started {
            self.start_fallback(batch, turn);
        }
        // A round in which nobody could be seated lasts until its end, so that somebody can come back.
        let is_waiting = self.task(batch).is_round_empty() && !is_time_up;
        if is_awaited || is_waiting || round_ends_at.is_none() {
            return;
        }
        if self.task(batch).fallback_started {
            self.task_mut(batch).stage = Stage::Open {
                round_ends_at: None,
            };
        } else {
            self.start_round(batch, turn);
        }
    }

    fn start_round(&mut self, batch: BatchNumber, turn: &mut Turn) {
        let task = self.task(batch);
        let round = Round::try_from(task.rounds.len()).expect("rounds are few");
        let draw = self.draw(task, round);
        let tickets = draw.tickets();
        let time_s = if tickets.is_empty() {
            self.params.heartbeat_s
        } else {
            self.time_limit_s(task)
        };
        let expires_s = time_s.saturating_mul(self.params.expiry_multiple.into());
        let deadline = turn.now.saturating_add(time_s);
        let expires_at = turn.now.saturating_add(expires_s);
        self.count_declined(batch, round, &draw, turn.now);
        let task = self.task_mut(batch);
        for (roller, tickets) in tickets {
            let seat = Seat {
                tickets,
                assigned_at: turn.now,
                deadline,
                expires_at,
                picked_at: None,
                receipt: None,
                fine: None,
                state: SeatState::Open,
            };
            task.seats.insert((round, roller), seat);
            turn.actions
                .push(Action::Assigned(task.seat_key(round, roller)));
        }
        task.rounds.push(RoundDraw {
            drawn_at: turn.now,
            deadline,
            draw,
        });
        task.stage = Stage::Open {
            round_ends_at: Some(deadline),
        };
    }

    fn draw(&self, task: &Task, round: Round) -> Draw {
        let beacon = task.draw_beacon.expect("an open task has its beacon");
        let snapshot = self
            .snapshots
            .get(&task.epoch)
            .expect("a task's snapshot is kept");
        let fine = fine_full(&self.params, task.unit_price, task.prover_gas_estimate);
        let seats_open = self.seats_open();
        draw::draw(
            &self.params,
            snapshot,
            draw::seed(task.id, round, beacon),
            |leaf| {
                let account = self.rollers.get(&leaf.roller).ok_or(PassedOver::NotReady)?;
                let candidate =
                    candidate(account, seats_open.get(&leaf.roller).copied().unwrap_or(0));
                eligibility::check(&self.params, &candidate, fine)
            },
        )
    }

    /// Open seats per roller.
    pub(super) fn seats_open(&self) -> BTreeMap<Roller, u32> {
        let mut seats_open = BTreeMap::new();
        for ((_, roller), seat) in self.unsettled().flat_map(|task| &task.seats) {
            *seats_open.entry(*roller).or_default() += u32::from(seat.is_open());
        }
        seats_open
    }

    fn start_fallback(&mut self, batch: BatchNumber, turn: &mut Turn) {
        let task = self.task_mut(batch);
        task.fallback_started = true;
        turn.actions.push(Action::StartFallback {
            batch,
            task: task.id,
        });
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
        task.stage = Stage::Closed { entries };
        self.count_offers(batch, turn.now);
    }

    pub(super) fn release_open_seats(
        &mut self,
        batch: BatchNumber,
        why: ReleasedBecause,
        turn: &mut Turn,
    ) {
        let task = self.task_mut(batch);
        let id = task.id;
        for ((round, roller), seat) in task.seats.iter_mut().filter(|(_, seat)| seat.is_open()) {
            seat.state = SeatState::Released { why };
            turn.actions.push(Action::Stop(super::SeatKey {
                task: id,
                round: *round,
                roller: *roller,
            }));
        }
    }

    /// Counts how the seats of a task ended, once, when nothing more can come.
    pub(super) fn count_offers(&mut self, batch: BatchNumber, at: UnixSeconds) {
        let Some(task) = self.tasks.get(&batch) else {
            return;
        };
        let weight = offer_weight(&self.params, task.prover_gas_estimate);
        for ((round, roller), seat) in &task.seats {
            let outcome = match seat.state {
                SeatState::OnTime => OfferOutcome::OnTime,
                SeatState::Late => OfferOutcome::Late,
                SeatState::Invalid { .. } => OfferOutcome::Invalid,
                SeatState::Missed { .. } => OfferOutcome::Missed,
                SeatState::Open | SeatState::Released { .. } => continue,
            };
            if let Some(account) = self.rollers.get_mut(roller) {
                account.count(Offer {
                    seat: task.seat_key(*round, *roller),
                    outcome,
                    weight,
                    at,
                });
            }
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

    /// T of a task.
    pub(super) fn time_limit_s(&self, task: &Task) -> u64 {
        deadline_s(&self.params, task.prover_gas_estimate)
    }

    /// When the fallback prover starts.
    pub(super) fn fallback_at(&self, task: &Task) -> Option<UnixSeconds> {
        let wait_s = self
            .time_limit_s(task)
            .saturating_mul(self.params.fallback_multiple.into());
        task.opened_at
            .map(|opened_at| opened_at.saturating_add(wait_s))
    }
}

fn candidate(account: &RollerAccount, seats_open: u32) -> Candidate {
    Candidate {
        ready: account.ready && account.presence != Presence::Draining,
        stake: account.stake,
        capacity_declared: account.capacity,
        peak: account.peak(),
        seats_open,
        alive: account.presence != Presence::Lost,
        accused: account.accused.is_some(),
    }
}
