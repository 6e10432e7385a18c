//! The policies that this law is compared with: race, round robin, lowest-price auction.
//!
//! As friendly to them as can be: no attacks, no lottery delay, no lag for beacons, assignments at once. In a race every free slot
//! takes the oldest batch that nobody has proved yet, and all stop at the first proof; in the other two one roller has the batch for T,
//! then the next one. A batch settles in the L1 block after its proof and those of all before it. The reward is the law's: `price * k * g`.

use crate::{
    fleet::{Operator, price_scr},
    load::{self, Arrival},
    machine::{JobId, Machine},
    outcome::{OperatorOutcome, Outcome},
    rng::Rng,
    world::World,
};
use rollmill_protocol::law::{Params, deadline::deadline_s};
use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
};

/// Milliseconds between two blocks.
const BLOCK_MS: u64 = 12_000;
/// Slots of one operator that race for the same batch.
const RACERS_PER_BATCH: usize = 1;

/// How a task finds its prover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// First valid proof wins.
    Race,
    /// In turn.
    RoundRobin,
    /// By cost.
    Auction,
}

impl Rule {
    fn name(self) -> &'static str {
        match self {
            Self::Race => "race",
            Self::RoundRobin => "round robin",
            Self::Auction => "lowest price",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Commit(usize),
    JobDone(JobId),
    TimeUp(usize, u32),
    OutageBegins(usize, u64),
    OutageEnds(usize),
    MeasureBegins,
}

struct Job {
    batch: usize,
    operator: usize,
    attempt: u32,
    work_ms: u64,
}

#[derive(Default)]
struct Batch {
    attempt: u32,
    /// Who has it for T.
    holder: usize,
    jobs: Vec<JobId>,
    opened_ms: Option<u64>,
    proved_by: Option<usize>,
    proved_ms: u64,
}

/// What operators did by some time.
#[derive(Clone, Default)]
struct Done {
    busy_ms: Vec<u64>,
    on_time: Vec<u64>,
    failed: Vec<u64>,
    proofs: u64,
    aborted: f64,
}

impl Done {
    fn none(operators: usize) -> Self {
        Self {
            busy_ms: vec![0; operators],
            on_time: vec![0; operators],
            failed: vec![0; operators],
            ..Self::default()
        }
    }
}

struct Market<'w> {
    world: &'w World,
    rule: Rule,
    params: Params,
    operators: Vec<Operator>,
    machines: Vec<Machine>,
    arrivals: Vec<Arrival>,
    batches: Vec<Batch>,
    /// Batches that want a prover.
    open: BTreeSet<usize>,
    /// Free operators by ask (auction).
    asks: BTreeSet<(u64, usize)>,
    turn: usize,
    jobs: Vec<Option<Job>>,
    queue: BinaryHeap<Reverse<(u64, u64, Happening)>>,
    sequence: u64,
    now_ms: u64,
    noise: Rng,
    done: Done,
    /// What was done when the measured time began.
    base: Done,
}

/// Simulates a rule in a world with these operators, who are honest.
pub fn run(world: &World, params: &Params, operators: Vec<Operator>, rule: Rule) -> Outcome {
    let arrivals = load::arrivals(world, &operators, params.k);
    let machines = operators
        .iter()
        .map(|operator| Machine::new(operator.slots))
        .collect();
    let ask = |operator: &Operator| (operator.cost_per_s / operator.gas_per_s * 1e15) as u64;
    let asks = operators
        .iter()
        .enumerate()
        .map(|(i, operator)| (ask(operator), i))
        .collect();
    let n = operators.len();
    let mut market = Market {
        world,
        rule,
        params: params.clone(),
        machines,
        batches: arrivals.iter().map(|_| Batch::default()).collect(),
        arrivals,
        open: BTreeSet::new(),
        asks,
        turn: 0,
        jobs: Vec::new(),
        queue: BinaryHeap::new(),
        sequence: 0,
        now_ms: 0,
        noise: Rng::stream(world.seed, "noise"),
        done: Done::none(n),
        base: Done::none(n),
        operators,
    };
    market.run();
    market.outcome()
}

impl Market<'_> {
    fn at(&mut self, at_ms: u64, happening: Happening) {
        self.sequence += 1;
        self.queue.push(Reverse((at_ms, self.sequence, happening)));
    }

    fn run(&mut self) {
        let end_ms = (self.world.hours * 3_600_000.0) as u64;
        for i in 0..self.arrivals.len() {
            self.at(self.arrivals[i].at_ms, Happening::Commit(i));
        }
        self.schedule_outages();
        let warmup_ms = (self.world.warmup_hours * 3_600_000.0) as u64;
        self.at(warmup_ms, Happening::MeasureBegins);
        while let Some(Reverse((at_ms, _, happening))) = self.queue.pop() {
            if at_ms > end_ms {
                break;
            }
            self.now_ms = at_ms;
            match happening {
                Happening::Commit(i) => {
                    self.open.insert(i);
                }
                Happening::JobDone(job) => self.on_job_done(job),
                Happening::TimeUp(batch, attempt) => self.on_time_up(batch, attempt),
                Happening::MeasureBegins => self.base = self.done_so_far(),
                Happening::OutageBegins(i, until_ms) => {
                    let running: Vec<JobId> = self.machines[i].jobs().collect();
                    running.into_iter().for_each(|job| self.count_aborted(job));
                    let lost = self.machines[i].crash(self.now_ms);
                    lost.into_iter().for_each(|job| self.jobs[job] = None);
                    self.at(until_ms, Happening::OutageEnds(i));
                }
                Happening::OutageEnds(i) => self.machines[i].is_up = true,
            }
            self.assign();
        }
        self.now_ms = end_ms;
    }

    fn schedule_outages(&mut self) {
        let mut rng = Rng::stream(self.world.seed, "outages");
        for i in 0..self.operators.len() {
            let ms = |hours: f64| (hours * 3_600_000.0) as u64;
            for (from_h, until_h) in self.world.rollers.outages(&mut rng, self.world.hours) {
                self.at(ms(from_h), Happening::OutageBegins(i, ms(until_h)));
            }
            for outage in &self.world.outages {
                if rng.chance(outage.share) {
                    let (from, until) = (ms(outage.from_h), ms(outage.from_h + outage.hours));
                    self.at(from, Happening::OutageBegins(i, until));
                }
            }
        }
    }

    fn done_so_far(&self) -> Done {
        let machines = self.machines.iter();
        Done {
            busy_ms: machines.map(|m| m.busy_ms_at(self.now_ms)).collect(),
            ..self.done.clone()
        }
    }

    /// Counts the part of a proof that is made and now given up.
    fn count_aborted(&mut self, id: JobId) {
        if let Some(job) = &self.jobs[id] {
            let worked_ms = self.machines[job.operator].worked_ms(id, self.now_ms);
            self.done.aborted += worked_ms as f64 / job.work_ms.max(1) as f64;
        }
    }

    fn is_free(&self, i: usize) -> bool {
        self.machines[i].is_up && self.machines[i].busy() < self.machines[i].slots()
    }

    fn assign(&mut self) {
        match self.rule {
            Rule::Race => self.assign_race(),
            Rule::RoundRobin | Rule::Auction => {
                while let Some(batch) = self.open.first().copied() {
                    let Some(i) = self.choose() else { return };
                    self.open.remove(&batch);
                    self.start(batch, i);
                    let gas = self.arrivals[batch].gas;
                    let limit_s = deadline_s(&self.params, self.params.tau_ns_per_gas, gas);
                    let attempt = self.batches[batch].attempt;
                    self.at(
                        self.now_ms + limit_s * 1_000,
                        Happening::TimeUp(batch, attempt),
                    );
                }
            }
        }
    }

    fn choose(&mut self) -> Option<usize> {
        let n = self.operators.len();
        match self.rule {
            Rule::Auction => self.asks.iter().map(|(_, i)| *i).find(|i| self.is_free(*i)),
            _ => {
                let found = (0..n)
                    .map(|step| (self.turn + step) % n)
                    .find(|i| self.is_free(*i))?;
                self.turn = found + 1;
                Some(found)
            }
        }
    }

    /// Every free slot takes the oldest batch on which its operator does not work yet.
    fn assign_race(&mut self) {
        for i in 0..self.operators.len() {
            while self.is_free(i) {
                let works = |batch: &usize| {
                    let jobs = self.batches[*batch].jobs.iter();
                    let own = jobs.filter(|job| {
                        self.jobs[**job]
                            .as_ref()
                            .is_some_and(|job| job.operator == i)
                    });
                    own.count() >= RACERS_PER_BATCH
                };
                let Some(batch) = self.open.iter().copied().find(|batch| !works(batch)) else {
                    break;
                };
                self.start(batch, i);
            }
        }
    }

    fn start(&mut self, batch: usize, i: usize) {
        let id = self.jobs.len();
        let rollers = &self.world.rollers;
        let proof_s = self.arrivals[batch].gas as f64 / self.operators[i].gas_per_s;
        let proof_s = proof_s * self.noise.log_normal(1.0, rollers.noise_sigma) + rollers.latency_s;
        let work_ms = (proof_s * 1e3) as u64;
        self.jobs.push(Some(Job {
            batch,
            operator: i,
            attempt: self.batches[batch].attempt,
            work_ms,
        }));
        self.batches[batch].holder = i;
        self.batches[batch].opened_ms.get_or_insert(self.now_ms);
        self.batches[batch].jobs.push(id);
        self.machines[i].take(id, self.now_ms);
        self.at(self.now_ms + work_ms, Happening::JobDone(id));
    }

    fn on_job_done(&mut self, id: JobId) {
        let Some(job) = self.jobs[id].take() else {
            return;
        };
        let (batch, operator) = (job.batch, job.operator);
        self.machines[operator].end(id, self.now_ms);
        self.done.proofs += 1;
        let state = &mut self.batches[batch];
        if state.proved_by.is_some() {
            return;
        }
        state.proved_by = Some(operator);
        state.proved_ms = self.now_ms;
        let jobs = std::mem::take(&mut state.jobs);
        self.done.on_time[operator] += u64::from(job.attempt == state.attempt);
        self.open.remove(&batch);
        for other in jobs {
            self.count_aborted(other);
            if let Some(job) = self.jobs[other].take() {
                self.machines[job.operator].end(other, self.now_ms);
            }
        }
    }

    fn on_time_up(&mut self, batch: usize, attempt: u32) {
        let state = &mut self.batches[batch];
        if state.proved_by.is_some() || state.attempt != attempt {
            return;
        }
        state.attempt += 1;
        self.done.failed[state.holder] += 1;
        self.open.insert(batch);
    }

    fn outcome(self) -> Outcome {
        let world = self.world;
        let from_ms = (world.warmup_hours * 3_600_000.0) as u64;
        let hours = world.hours - world.warmup_hours;
        let price = price_scr(&self.params) * f64::from(self.params.k);
        let (done, base) = (self.done_so_far(), &self.base);
        let since = |of: fn(&Done) -> &[u64], i: usize| of(&done)[i] - of(base)[i];
        let mut income = vec![0.0; self.operators.len()];
        let mut outcome = Outcome {
            policy: self.rule.name().into(),
            world: world.name.clone(),
            seed: world.seed,
            hours,
            warmup_hours: world.warmup_hours,
            proofs: done.proofs - base.proofs,
            aborted: done.aborted - base.aborted,
            ..Outcome::default()
        };
        let mut settled_ms = 0;
        for (batch, arrival) in self.batches.iter().zip(&self.arrivals) {
            let Some(winner) = batch.proved_by else { break };
            settled_ms = settled_ms.max(batch.proved_ms.div_ceil(BLOCK_MS) * BLOCK_MS);
            if settled_ms < from_ms || settled_ms > self.now_ms {
                continue;
            }
            let opened_ms = batch.opened_ms.unwrap_or(arrival.at_ms);
            let waited_s = (settled_ms - opened_ms) as f64 / 1e3;
            outcome.settled += 1;
            outcome.won_by_first += 1;
            outcome.open_to_settle_s_max = outcome.open_to_settle_s_max.max(waited_s);
            outcome
                .latencies_s
                .push((settled_ms - arrival.at_ms) as f64 / 1e3);
            income[winner] += price * arrival.gas as f64;
        }
        for (i, operator) in self.operators.iter().enumerate() {
            let on_time = since(|done| &done.on_time, i);
            let failed = since(|done| &done.failed, i);
            let busy_ms = since(|done| &done.busy_ms, i);
            outcome.seats[0] += on_time;
            outcome.seats[2] += failed;
            outcome.operators.push(OperatorOutcome {
                slots: operator.slots,
                power: operator.power(),
                stake_scr: operator.stake_scr,
                income_scr: income[i],
                cost_scr: operator.cost_scr(&world.money, hours, busy_ms),
                offers: on_time + failed,
                on_time,
                failed,
                ..OperatorOutcome::default()
            });
        }
        outcome
    }
}
