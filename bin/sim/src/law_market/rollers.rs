//! The rollers of the simulation: seats become jobs, machines work, strategies decide.

use super::{Happening, Job, LawMarket};
use crate::{
    machine::JobId,
    strategy::{Move, Plan, SeatOffer, View},
};
use alloy_primitives::B256;
use rollmill_protocol::{
    ProofDigest,
    board::{Event, Presence, SeatKey, Verdict},
};

impl LawMarket<'_> {
    pub(super) fn on_assigned(&mut self, seat: SeatKey) {
        let name = self.name_of[&seat.roller];
        let worker = self.names[name].worker;
        self.workers[worker].seats += 1;
        if !self.workers[worker].machine.is_up {
            return;
        }
        let Some((gas, tickets, limit_s)) = self.board.task_by_id(seat.task).and_then(|task| {
            let drawn = task.seats.get(&(seat.round, seat.roller))?;
            let limit_s = drawn.deadline - drawn.assigned_at;
            Some((task.prover_gas_estimate, drawn.tickets, limit_s as f64))
        }) else {
            return;
        };
        let offer = SeatOffer {
            name: name - self.workers[worker].first_name,
            gas,
            tickets,
            time_limit_s: limit_s,
            is_proved_elsewhere: self.in_work.contains_key(&(worker, seat.task)),
        };
        let view = self.view(worker);
        let plan = self.workers[worker]
            .operator
            .strategy
            .on_seat(&offer, &view);
        self.carry_out(plan, worker, seat, &offer);
        self.think(worker);
    }

    fn carry_out(&mut self, plan: Plan, worker: usize, seat: SeatKey, offer: &SeatOffer) {
        let (hold, is_withheld) = match plan {
            Plan::Ignore => return,
            Plan::SubmitGarbage => {
                self.garbage.push(seat);
                let latency_ms = (self.world.rollers.latency_s * 1e3) as u64;
                self.at(
                    self.now_ms + latency_ms,
                    Happening::Garbage(self.garbage.len() - 1),
                );
                return;
            }
            Plan::Prove => (None, false),
            Plan::ProveAndWithhold => (None, true),
            Plan::ProveAndHold(share) => (Some(share), false),
        };
        let _ = self.apply(Event::Picked(seat));
        let operator = &self.workers[worker].operator;
        let cost = if offer.is_proved_elsewhere {
            operator.strategy.relabel_cost()
        } else {
            1.0
        };
        let rollers = &self.world.rollers;
        let proof_s =
            offer.gas as f64 / operator.gas_per_s * self.noise.log_normal(1.0, rollers.noise_sigma);
        let work_ms = ((proof_s * cost + rollers.latency_s) * 1e3) as u64;
        let submit_at_ms =
            hold.map(|share| self.now_ms + (share * offer.time_limit_s * 1e3) as u64);
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation;
        let job = Job {
            generation,
            worker,
            seat,
            work_ms,
            submit_at_ms,
            is_withheld,
        };
        let id = self.free_jobs.pop().unwrap_or(self.jobs.len());
        if id == self.jobs.len() {
            self.jobs.push(Some(job));
        } else {
            self.jobs[id] = Some(job);
        }
        self.job_of.insert(seat, id);
        *self.in_work.entry((worker, seat.task)).or_default() += 1;
        if self.workers[worker].machine.take(id, self.now_ms) {
            self.at(self.now_ms + work_ms, Happening::JobDone(id, generation));
        }
    }

    fn start_next(&mut self, next: Option<JobId>) {
        if let Some(id) = next
            && let Some(job) = &self.jobs[id]
        {
            let (at_ms, generation) = (self.now_ms + job.work_ms, job.generation);
            self.at(at_ms, Happening::JobDone(id, generation));
        }
    }

    fn is_current(&self, id: JobId, generation: u32) -> bool {
        self.jobs[id]
            .as_ref()
            .is_some_and(|job| job.generation == generation)
    }

    pub(super) fn on_job_done(&mut self, id: JobId, generation: u32) {
        if !self.is_current(id, generation) {
            return;
        }
        let Some(job) = &self.jobs[id] else { return };
        let (worker, submit_at_ms, is_withheld) = (job.worker, job.submit_at_ms, job.is_withheld);
        let next = self.workers[worker].machine.end(id, self.now_ms);
        self.start_next(next);
        match submit_at_ms {
            _ if is_withheld => self.forget_job(id),
            Some(at_ms) if at_ms > self.now_ms => self.at(at_ms, Happening::Submit(id, generation)),
            _ => self.submit(id, generation),
        }
        self.think(worker);
    }

    pub(super) fn submit(&mut self, id: JobId, generation: u32) {
        if !self.is_current(id, generation) {
            return;
        }
        let Some(seat) = self.jobs[id].as_ref().map(|job| job.seat) else {
            return;
        };
        self.forget_job(id);
        self.submit_seat(seat, Verdict::Valid);
    }

    pub(super) fn submit_seat(&mut self, seat: SeatKey, verdict: Verdict) {
        let mut digest = seat.task.0;
        digest[12..]
            .iter_mut()
            .zip(seat.roller)
            .for_each(|(byte, own)| *byte ^= own);
        if verdict == Verdict::Valid {
            self.recorder.submitted(self.now_ms);
        }
        // Refused when it comes after the task was closed: work in vain, which the roller pays.
        let _ = self.apply(Event::Submitted {
            seat,
            proof_digest: ProofDigest(digest),
            public_values_hash: B256::ZERO,
            received_at: self.now_s(),
            verdict,
        });
    }

    fn forget_job(&mut self, id: JobId) {
        let Some(job) = self.jobs[id].take() else {
            return;
        };
        self.job_of.remove(&job.seat);
        self.free_jobs.push(id);
        let key = (job.worker, job.seat.task);
        if let Some(count) = self.in_work.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                self.in_work.remove(&key);
            }
        }
    }

    pub(super) fn on_stop(&mut self, seat: &SeatKey) {
        let Some(id) = self.job_of.get(seat).copied() else {
            return;
        };
        let Some(worker) = self.jobs[id].as_ref().map(|job| job.worker) else {
            return;
        };
        self.forget_job(id);
        let next = self.workers[worker].machine.end(id, self.now_ms);
        self.start_next(next);
    }

    pub(super) fn on_outage(&mut self, worker: usize, until_ms: u64) {
        let state = &mut self.workers[worker];
        state.down_until_ms = state.down_until_ms.max(until_ms);
        let lost = state.machine.crash(self.now_ms);
        lost.into_iter().for_each(|id| self.forget_job(id));
        let silent_ms = self.now_ms + self.params.heartbeat_s * 1_000;
        self.at(silent_ms, Happening::FallsSilent(worker));
        self.at(until_ms, Happening::OutageEnds(worker));
    }

    pub(super) fn on_silence(&mut self, worker: usize) {
        if !self.workers[worker].machine.is_up && self.workers[worker].presence != Presence::Lost {
            self.set_presence(worker, Presence::Lost);
        }
    }

    pub(super) fn on_return(&mut self, worker: usize) {
        if self.workers[worker].machine.is_up || self.now_ms < self.workers[worker].down_until_ms {
            return;
        }
        self.workers[worker].machine.is_up = true;
        if self.workers[worker].presence == Presence::Lost {
            self.set_presence(worker, Presence::Alive);
        }
        // What it still holds is handed out again.
        let first = self.workers[worker].first_name;
        for name in first..first + self.workers[worker].names {
            let open = self.board.open_seats(self.names[name].roller);
            let open: Vec<SeatKey> = open.into_iter().map(|(seat, _, _)| seat).collect();
            for seat in open {
                if !self.job_of.contains_key(&seat) {
                    self.on_assigned(seat);
                }
            }
        }
    }

    fn set_presence(&mut self, worker: usize, presence: Presence) {
        self.workers[worker].presence = presence;
        let first = self.workers[worker].first_name;
        for name in first..first + self.workers[worker].names {
            let roller = self.names[name].roller;
            let _ = self.apply(Event::PresenceChanged { roller, presence });
        }
    }

    fn view(&self, worker: usize) -> View {
        let state = &self.workers[worker];
        let price = self.board.controls().unit_price.0 as f64;
        View {
            hour: self.now_ms as f64 / 3_600_000.0,
            slots: state.machine.slots(),
            busy: state.machine.busy(),
            waiting: state.machine.waiting(),
            price: price / self.params.unit_price.0 as f64,
            seats: state.seats,
        }
    }

    /// Lets a strategy decide on drains.
    pub(super) fn think(&mut self, worker: usize) {
        let view = self.view(worker);
        let state = &mut self.workers[worker];
        if !state.machine.is_up {
            return;
        }
        let wanted = match state.operator.strategy.on_change(&view) {
            Some(Move::Drain) => Presence::Draining,
            Some(Move::Return) => Presence::Alive,
            None => return,
        };
        if wanted != state.presence && state.presence != Presence::Lost {
            self.set_presence(worker, wanted);
        }
    }

    /// A new epoch: what is written down, and who leaves or comes back because of the price.
    pub(super) fn on_epoch(&mut self) {
        self.sample();
        self.declare();
        if !self.world.rollers.elastic {
            return;
        }
        let price = self.board.controls().unit_price.0 as f64 / 1e18;
        for worker in 0..self.workers.len() {
            let operator = &self.workers[worker].operator;
            let cost = operator.cost_per_s / operator.gas_per_s;
            let first = self.workers[worker].first_name;
            for name in first..first + self.workers[worker].names {
                let roller = self.names[name].roller;
                let is_ready = self
                    .board
                    .roller(roller)
                    .is_some_and(|account| account.ready);
                // Half a step of hysteresis, so that nobody comes and goes with each step of the price.
                let ready = if is_ready {
                    price >= cost
                } else {
                    price >= cost * 1.06
                };
                if ready != is_ready {
                    let _ = self.apply(Event::ReadyChanged { roller, ready });
                }
            }
        }
    }
}
