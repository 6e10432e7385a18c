//! The rollers of the simulation: seats become jobs, machines work, strategies decide.

use super::{Ending, Happening, Job, LawMarket, Post, hours_ms};
use crate::{
    machine::JobId,
    strategy::{Intake, Move, Plan, SeatOffer, View},
};
use alloy_primitives::B256;
use rollmill_protocol::{
    ProofDigest, ScrWei,
    board::{Event, Presence, SeatKey, Verdict},
};

/// Digest of the proof that a seat's roller makes.
pub(super) fn digest_of(seat: &SeatKey) -> ProofDigest {
    let mut digest = seat.task.0;
    digest[12..]
        .iter_mut()
        .zip(seat.roller)
        .for_each(|(byte, own)| *byte ^= own);
    ProofDigest(digest)
}

impl LawMarket<'_> {
    pub(super) fn on_assigned(&mut self, seat: SeatKey) {
        let name = self.name_of[&seat.roller];
        let worker = self.names[name].worker;
        self.workers[worker].seats += 1;
        if !self.workers[worker].machine.is_up || self.is_hidden(worker, &seat) {
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
        let (hold, ending) = match plan {
            Plan::Ignore => return,
            Plan::SubmitGarbage => return self.post_in(0.0, seat, Post::Garbage),
            Plan::PostNothing => return self.l1.post_nothing(seat),
            Plan::EnterUnproved => {
                let proof_s = offer.gas as f64 / self.workers[worker].operator.gas_per_s;
                return self.post_in(proof_s, seat, Post::Unproved);
            }
            Plan::Prove => (None, Ending::Submit),
            Plan::ProveAndWithhold => (None, Ending::Withhold),
            Plan::ProveAndHold(share) => (Some(share), Ending::Submit),
            Plan::GarbageThenDefend => (None, Ending::GarbageThenDefend),
        };
        let _ = self.apply(Event::Picked(seat));
        let operator = &self.workers[worker].operator;
        let cost = if offer.is_proved_elsewhere {
            let own = operator.strategy.relabel_cost();
            self.world.relabel.unwrap_or(own)
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
            ending,
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

    /// Submits without a proof when `after_s` and the latency are over.
    fn post_in(&mut self, after_s: f64, seat: SeatKey, post: Post) {
        let after_ms = ((after_s + self.world.rollers.latency_s) * 1e3) as u64;
        self.posts.push((seat, post));
        self.at(
            self.now_ms + after_ms,
            Happening::Post(self.posts.len() - 1),
        );
    }

    pub(super) fn post(&mut self, i: usize) {
        let (seat, post) = self.posts[i];
        match post {
            Post::Garbage => self.submit_garbage(seat),
            Post::Unproved => {
                self.collusion.enter_unproved(digest_of(&seat));
                self.submit_seat(seat, digest_of(&seat), Verdict::Valid);
            }
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
        let (worker, seat) = (job.worker, job.seat);
        let (submit_at_ms, ending) = (job.submit_at_ms, job.ending);
        self.recorder.proved(self.now_ms);
        let next = self.workers[worker].machine.end(id, self.now_ms);
        self.start_next(next);
        match (ending, submit_at_ms) {
            (Ending::Submit, Some(at_ms)) if at_ms > self.now_ms => {
                self.at(at_ms, Happening::Submit(id, generation));
            }
            (Ending::Submit, _) => self.submit(id, generation),
            (Ending::Withhold, _) => self.forget_job(id),
            (Ending::GarbageThenDefend, _) => {
                self.forget_job(id);
                self.submit_garbage(seat);
                self.defend(&seat);
            }
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
        match self.intake(&seat) {
            Intake::Take => self.submit_seat(seat, digest_of(&seat), Verdict::Valid),
            Intake::Refuse => self.refuse(seat),
            Intake::Accuse => self.accuse(seat),
        }
    }

    fn submit_garbage(&mut self, seat: SeatKey) {
        let reason = "garbage".into();
        self.submit_seat(seat, ProofDigest(B256::ZERO), Verdict::Invalid { reason });
    }

    pub(super) fn submit_seat(
        &mut self,
        seat: SeatKey,
        proof_digest: ProofDigest,
        verdict: Verdict,
    ) {
        // Refused when it comes after the task was closed: work in vain, which the roller pays.
        let _ = self.apply(Event::Submitted {
            seat,
            proof_digest,
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
        self.count_aborted(id);
        self.forget_job(id);
        let next = self.workers[worker].machine.end(id, self.now_ms);
        self.start_next(next);
    }

    /// Counts the part of a proof that is made and now given up.
    fn count_aborted(&mut self, id: JobId) {
        if let Some(job) = &self.jobs[id] {
            let worked_ms = self.workers[job.worker].machine.worked_ms(id, self.now_ms);
            let part = worked_ms as f64 / job.work_ms.max(1) as f64;
            self.recorder.aborted(part, self.now_ms);
        }
    }

    pub(super) fn on_outage(&mut self, worker: usize, until_ms: u64) {
        let running: Vec<JobId> = self.workers[worker].machine.jobs().collect();
        running.into_iter().for_each(|id| self.count_aborted(id));
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

    pub(super) fn view(&self, worker: usize) -> View {
        let state = &self.workers[worker];
        View {
            hour: self.now_ms as f64 / 3_600_000.0,
            slots: state.machine.slots(),
            busy: state.machine.busy(),
            waiting: state.machine.waiting(),
            price: self.price(),
            seats: state.seats,
            is_renamed: state.is_renamed,
        }
    }

    /// An operator leaves the draw of its own will, or comes back.
    pub(super) fn set_away(&mut self, worker: usize, is_away: bool) {
        let state = &mut self.workers[worker];
        state.is_away = is_away;
        let names = state.first_name..state.first_name + state.names;
        for name in names {
            let roller = self.names[name].roller;
            let ready = !is_away;
            let _ = self.apply(Event::ReadyChanged { roller, ready });
        }
    }

    /// Unbonds everything, to come back under new names when the stake is free.
    fn rename(&mut self, worker: usize) {
        self.set_away(worker, true);
        self.workers[worker].is_renamed = true;
        let free_ms = self.now_ms + hours_ms(self.world.l1.unbond_hours);
        self.at(free_ms, Happening::Renamed(worker));
    }

    pub(super) fn on_renamed(&mut self, worker: usize) {
        let state = &mut self.workers[worker];
        state.is_away = false;
        let old = state.first_name..state.first_name + state.names;
        let mut stake = ScrWei::ZERO;
        for name in old {
            let name = &mut self.names[name];
            stake.0 += std::mem::replace(&mut name.stake, ScrWei::ZERO).0;
            let roller = name.roller;
            let unbonded = Event::StakeChanged {
                roller,
                stake: ScrWei::ZERO,
            };
            self.apply(unbonded).expect("the roller is known");
        }
        self.register(worker, stake);
    }

    /// Lets a strategy decide on drains and names.
    pub(super) fn think(&mut self, worker: usize) {
        let view = self.view(worker);
        let state = &mut self.workers[worker];
        if !state.machine.is_up || state.is_away {
            return;
        }
        let wanted = match state.operator.strategy.on_change(&view) {
            Some(Move::Drain) => Presence::Draining,
            Some(Move::Return) => Presence::Alive,
            Some(Move::Rename) => return self.rename(worker),
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
            if self.workers[worker].is_away {
                continue;
            }
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
