//! The law at work: the production board between an invented L1 and invented rollers.
//!
//! One queue of timed happenings, in milliseconds; the board sees whole seconds. L1 has a block every twelve seconds and
//! carries out in it what the board asked for since the block before (`l1`), under beacons that some proposers choose (`proposers`).
//! Rollers are machines with a strategy (`rollers`) and names on the board (`registry`), some in league with the operator of the rollup
//! (`collusion`, `favours`). Batches are users', some of them rollers' own (`users`); new SCR is divided in `pot`. What is measured is
//! written down in `recorder`.

mod collusion;
mod favours;
mod l1;
mod pot;
mod proposers;
mod recorder;
mod registry;
mod rollers;
mod users;

use crate::{
    fleet::{self, Operator},
    load::{self, Arrival},
    machine::{JobId, Machine},
    outcome::Outcome,
    rng::Rng,
    world::World,
};
use rollmill_protocol::{
    BatchNumber, Roller, ScrWei, TaskId,
    board::{Action, Board, BoardError, Event, Presence, SeatKey},
    law::Params,
};
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

/// Board time of the simulation's beginning.
const START_S: u64 = 1_000_000_000;
/// Between two questions to strategies without an occasion.
const THINK_MS: u64 = 600_000;

/// Applied events and their times.
pub type Log = Vec<(Event, u64)>;

/// A thing that is going to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Commit(usize),
    Block,
    Tick,
    JobDone(JobId, u32),
    Submit(JobId, u32),
    Post(usize),
    OutageBegins(usize, u64),
    FallsSilent(usize),
    OutageEnds(usize),
    Leaves(usize),
    Returns(usize),
    Renamed(usize),
    Shock(usize),
    MeasureBegins,
    Think,
}

/// A submission without a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Post {
    /// Worthless, and rejected.
    Garbage,
    /// Worthless, and entered by the operator of the rollup.
    Unproved,
}

/// An operator at work.
struct Worker {
    operator: Operator,
    machine: Machine,
    first_name: usize,
    names: usize,
    presence: Presence,
    down_until_ms: u64,
    /// Out of the draw of its own will: an absence, or stake that unbonds.
    is_away: bool,
    is_renamed: bool,
    seats: u64,
}

/// A name on the board.
struct NameState {
    worker: usize,
    roller: Roller,
    stake: ScrWei,
}

/// A proof to be made, for one seat.
struct Job {
    generation: u32,
    worker: usize,
    seat: SeatKey,
    work_ms: u64,
    submit_at_ms: Option<u64>,
    ending: Ending,
}

/// What becomes of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Submit,
    Withhold,
    GarbageThenDefend,
}

/// A simulation of the law.
pub struct LawMarket<'w> {
    world: &'w World,
    params: Params,
    board: Board,
    now_ms: u64,
    queue: BinaryHeap<Reverse<(u64, u64, Happening)>>,
    sequence: u64,
    tick_at_s: u64,
    arrivals: Vec<Arrival>,
    workers: Vec<Worker>,
    names: Vec<NameState>,
    name_of: HashMap<Roller, usize>,
    jobs: Vec<Option<Job>>,
    free_jobs: Vec<JobId>,
    job_of: HashMap<SeatKey, JobId>,
    posts: Vec<(SeatKey, Post)>,
    collusion: collusion::Collusion,
    proposers: proposers::Proposers,
    users: users::Users,
    pot: pot::Pot,
    in_work: HashMap<(usize, TaskId), u32>,
    generation: u32,
    noise: Rng,
    l1: l1::L1,
    recorder: recorder::Recorder,
    log: Option<Log>,
}

/// Simulates the law in a world with these operators.
pub fn run(
    world: &World,
    params: &Params,
    operators: Vec<Operator>,
    policy: &str,
) -> eyre::Result<Outcome> {
    let mut market = LawMarket::new(world, params, operators, None)?;
    market.run();
    Ok(market.outcome(policy))
}

/// The same, and every event that the board applied, with its time: a second board that applies them is the same.
pub fn run_logged(
    world: &World,
    params: &Params,
    operators: Vec<Operator>,
) -> eyre::Result<(Board, u64, Log)> {
    let mut market = LawMarket::new(world, params, operators, Some(Vec::new()))?;
    market.run();
    Ok((market.board, START_S, market.log.unwrap_or_default()))
}

impl<'w> LawMarket<'w> {
    fn new(
        world: &'w World,
        params: &Params,
        operators: Vec<Operator>,
        log: Option<Log>,
    ) -> eyre::Result<Self> {
        let arrivals = load::arrivals(world, &operators, params.k);
        let recorder = recorder::Recorder::new(world, operators.len());
        let mut market = Self {
            world,
            params: params.clone(),
            board: Board::new(params.clone(), START_S)?,
            now_ms: 0,
            queue: BinaryHeap::new(),
            sequence: 0,
            tick_at_s: u64::MAX,
            arrivals,
            workers: Vec::new(),
            names: Vec::new(),
            name_of: HashMap::new(),
            jobs: Vec::new(),
            free_jobs: Vec::new(),
            job_of: HashMap::new(),
            posts: Vec::new(),
            collusion: collusion::Collusion::of(&operators),
            proposers: proposers::Proposers::of(world, &operators),
            users: users::Users::of(&operators),
            pot: pot::Pot::of(&world.emission),
            in_work: HashMap::new(),
            generation: 0,
            noise: Rng::stream(world.seed, "noise"),
            l1: l1::L1::default(),
            recorder,
            log,
        };
        for operator in operators {
            market.admit(operator);
        }
        market.schedule_world();
        Ok(market)
    }

    fn at(&mut self, at_ms: u64, happening: Happening) {
        self.sequence += 1;
        self.queue
            .push(Reverse((at_ms.max(self.now_ms), self.sequence, happening)));
    }

    fn schedule_world(&mut self) {
        self.at(0, Happening::Block);
        self.at(THINK_MS, Happening::Think);
        if !self.arrivals.is_empty() {
            self.at(self.arrivals[0].at_ms, Happening::Commit(0));
        }
        for (i, shock) in self.world.shocks.iter().enumerate() {
            self.at(hours_ms(shock.at_h), Happening::Shock(i));
        }
        self.at(hours_ms(self.world.warmup_hours), Happening::MeasureBegins);
        self.schedule_outages();
        self.schedule_absences();
    }

    fn schedule_outages(&mut self) {
        let mut rng = Rng::stream(self.world.seed, "outages");
        let rollers = &self.world.rollers;
        for worker in 0..self.workers.len() {
            for (from_h, until_h) in rollers.outages(&mut rng, self.world.hours) {
                let begins = Happening::OutageBegins(worker, hours_ms(until_h));
                self.at(hours_ms(from_h), begins);
            }
            for outage in &self.world.outages {
                if rng.chance(outage.share) {
                    let until_ms = hours_ms(outage.from_h + outage.hours);
                    self.at(
                        hours_ms(outage.from_h),
                        Happening::OutageBegins(worker, until_ms),
                    );
                }
            }
        }
    }

    fn schedule_absences(&mut self) {
        let mut rng = Rng::stream(self.world.seed, "absences");
        let rollers = &self.world.rollers;
        for worker in 0..self.workers.len() {
            for (from_h, until_h) in rollers.absences(&mut rng, self.world.hours) {
                self.at(hours_ms(from_h), Happening::Leaves(worker));
                self.at(hours_ms(until_h), Happening::Returns(worker));
            }
        }
    }

    fn now_s(&self) -> u64 {
        START_S + self.now_ms / 1_000
    }

    fn run(&mut self) {
        let end_ms = hours_ms(self.world.hours);
        while let Some(Reverse((at_ms, _, happening))) = self.queue.pop() {
            if at_ms > end_ms {
                break;
            }
            self.now_ms = at_ms;
            self.happen(happening);
        }
        self.now_ms = end_ms;
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Commit(i) => self.commit(i),
            Happening::Block => self.on_block(),
            Happening::Tick => self.tick(),
            Happening::JobDone(job, generation) => self.on_job_done(job, generation),
            Happening::Submit(job, generation) => self.submit(job, generation),
            Happening::Post(i) => self.post(i),
            Happening::OutageBegins(worker, until_ms) => self.on_outage(worker, until_ms),
            Happening::FallsSilent(worker) => self.on_silence(worker),
            Happening::OutageEnds(worker) => self.on_return(worker),
            Happening::Leaves(worker) => self.set_away(worker, true),
            Happening::Returns(worker) => self.set_away(worker, false),
            Happening::Renamed(worker) => self.on_renamed(worker),
            Happening::Shock(i) => self.on_shock(i),
            Happening::MeasureBegins => self.recorder.base = self.totals(),
            Happening::Think => {
                (0..self.workers.len()).for_each(|worker| self.think(worker));
                self.at(self.now_ms + THINK_MS, Happening::Think);
            }
        }
    }

    /// Applies an event and does what the board asks for. Refusals are part of life.
    fn apply(&mut self, event: Event) -> Result<(), BoardError> {
        let now_s = self.now_s();
        let actions = self.board.apply(&event, now_s)?;
        self.recorder.board_events += 1;
        if let Some(log) = &mut self.log {
            log.push((event, now_s));
        }
        for action in actions {
            self.act(action);
        }
        self.schedule_tick();
        Ok(())
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Assigned(seat) => self.on_assigned(seat),
            Action::Stop(seat) => self.on_stop(&seat),
            Action::Alarm(_) => {}
            for_l1 => self.l1.ask(for_l1, self.now_ms),
        }
    }

    fn schedule_tick(&mut self) {
        if let Some(at_s) = self.board.next_wakeup()
            && at_s < self.tick_at_s
        {
            self.tick_at_s = at_s;
            self.at((at_s.saturating_sub(START_S)) * 1_000, Happening::Tick);
        }
    }

    fn tick(&mut self) {
        self.tick_at_s = u64::MAX;
        if self
            .board
            .next_wakeup()
            .is_some_and(|at_s| at_s <= self.now_s())
        {
            self.apply(Event::Tick).expect("a tick is never refused");
        }
        self.schedule_tick();
    }

    fn commit(&mut self, i: usize) {
        let Some(arrival) = self.arrivals.get(i).copied() else {
            return;
        };
        // Nobody commits before somebody can be drawn.
        if self.board.epoch() == 0 {
            self.at(self.now_ms + l1::BLOCK_MS, Happening::Commit(i));
            return;
        }
        if let Some(next) = self.arrivals.get(i + 1) {
            self.at(next.at_ms, Happening::Commit(i + 1));
        }
        self.commit_batch(arrival.gas);
        self.commit_own_batches();
    }

    fn commit_batch(&mut self, gas: u64) -> BatchNumber {
        let batch = self.board.committed_through() + 1;
        let epoch = self.board.epoch();
        self.recorder.committed(batch, self.now_ms, gas);
        self.apply(Event::BatchCommitted {
            batch,
            task: TaskId::of_batch(1, Roller::ZERO, batch),
            l1_block: self.l1.block,
            prover_gas_estimate: gas,
            unit_price: self.board.controls().unit_price,
            epoch,
            program_version: 1,
        })
        .expect("batches are committed in order");
        batch
    }

    /// Prover gas of a batch that is kept.
    fn gas_of(&self, batch: u64) -> u64 {
        self.recorder.gas(batch)
    }

    fn outcome(self, policy: &str) -> Outcome {
        let q = |worker: &Worker| {
            let names = &self.names[worker.first_name..worker.first_name + worker.names];
            let (mut sum, mut stakes) = (0.0, 0.0);
            for name in names {
                let q = self
                    .board
                    .roller(name.roller)
                    .map_or(0, |account| account.q);
                sum += name.stake.0 as f64 * q as f64 / 1e9;
                stakes += name.stake.0 as f64;
            }
            if stakes > 0.0 { sum / stakes } else { 0.0 }
        };
        let ratios: Vec<f64> = self.workers.iter().map(q).collect();
        let totals = self.totals();
        self.recorder
            .finish(self.world, policy, &self.workers, &ratios, &totals)
    }

    /// What each operator did so far.
    fn totals(&self) -> Vec<recorder::Totals> {
        let mut totals: Vec<recorder::Totals> = self
            .workers
            .iter()
            .map(|worker| recorder::Totals::busy(worker.machine.busy_ms_at(self.now_ms)))
            .collect();
        for (i, name) in self.names.iter().enumerate() {
            totals[name.worker].add(&fleet::record(&self.board, i));
        }
        totals
    }
}

/// Hours in milliseconds.
fn hours_ms(hours: f64) -> u64 {
    (hours * 3_600_000.0) as u64
}
