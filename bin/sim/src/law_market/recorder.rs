//! What is written down while the law is simulated.

use super::{LawMarket, Worker, hours_ms};
use crate::{
    outcome::{OperatorOutcome, Outcome, Sample},
    stats,
    world::World,
};
use rollmill_protocol::{
    BatchNumber,
    board::{Record, Stage},
};

/// What an operator did since the beginning.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    busy_ms: u64,
    offers: u64,
    on_time: u64,
    late: u64,
    missed: u64,
    invalid: u64,
    declined: u64,
}

impl Totals {
    /// A machine's time at work, and no seats.
    pub(super) fn busy(busy_ms: u64) -> Self {
        Self {
            busy_ms,
            ..Self::default()
        }
    }

    /// Adds the seats of a name.
    pub(super) fn add(&mut self, record: &Record) {
        self.offers += record.offers;
        self.on_time += record.on_time;
        self.late += record.late;
        self.missed += record.missed;
        self.invalid += record.invalid;
        self.declined += record.declined;
    }

    /// What came since `base`. Evidence can take back what was counted before it.
    fn since(self, base: Self) -> Self {
        Self {
            busy_ms: self.busy_ms.saturating_sub(base.busy_ms),
            offers: self.offers.saturating_sub(base.offers),
            on_time: self.on_time.saturating_sub(base.on_time),
            late: self.late.saturating_sub(base.late),
            missed: self.missed.saturating_sub(base.missed),
            invalid: self.invalid.saturating_sub(base.invalid),
            declined: self.declined.saturating_sub(base.declined),
        }
    }
}

/// The measured time and sums over it.
pub(super) struct Recorder {
    from_ms: u64,
    /// Commit time and gas by batch, from 1.
    commits: Vec<(u64, u64)>,
    pub(super) board_events: u64,
    settled: u64,
    unpaid: u64,
    won_by_first: u64,
    latencies_s: Vec<f64>,
    waited_max: f64,
    proofs: u64,
    aborted: f64,
    /// What operators had done when the measured time began.
    pub(super) base: Vec<Totals>,
    income: Vec<f64>,
    fines: Vec<f64>,
    samples: Vec<Sample>,
}

impl Recorder {
    pub(super) fn new(world: &World, operators: usize) -> Self {
        Self {
            from_ms: hours_ms(world.warmup_hours),
            commits: Vec::new(),
            board_events: 0,
            settled: 0,
            unpaid: 0,
            won_by_first: 0,
            latencies_s: Vec::new(),
            waited_max: 0.0,
            proofs: 0,
            aborted: 0.0,
            base: vec![Totals::default(); operators],
            income: vec![0.0; operators],
            fines: vec![0.0; operators],
            samples: Vec::new(),
        }
    }

    pub(super) fn committed(&mut self, batch: BatchNumber, at_ms: u64, gas: u64) {
        debug_assert_eq!(batch, self.commits.len() as u64 + 1);
        self.commits.push((at_ms, gas));
    }

    fn commit(&self, batch: BatchNumber) -> (u64, u64) {
        let at = usize::try_from(batch - 1).expect("batches fit memory");
        self.commits[at]
    }

    pub(super) fn gas(&self, batch: BatchNumber) -> u64 {
        self.commit(batch).1
    }

    pub(super) fn settled(
        &mut self,
        batch: BatchNumber,
        at_ms: u64,
        is_first: bool,
        is_paid: bool,
        waited: f64,
    ) {
        if at_ms < self.from_ms {
            return;
        }
        self.settled += 1;
        self.unpaid += u64::from(!is_paid);
        self.won_by_first += u64::from(is_first);
        self.waited_max = self.waited_max.max(waited);
        self.latencies_s
            .push((at_ms - self.commit(batch).0) as f64 / 1e3);
    }

    pub(super) fn income(&mut self, worker: usize, scr: f64, at_ms: u64) {
        if at_ms >= self.from_ms {
            self.income[worker] += scr;
        }
    }

    pub(super) fn fined(&mut self, worker: usize, scr: f64, at_ms: u64) {
        if at_ms >= self.from_ms {
            self.fines[worker] += scr;
        }
    }

    pub(super) fn proved(&mut self, at_ms: u64) {
        self.proofs += u64::from(at_ms >= self.from_ms);
    }

    /// This part of a proof was made in vain.
    pub(super) fn aborted(&mut self, part: f64, at_ms: u64) {
        if at_ms >= self.from_ms {
            self.aborted += part;
        }
    }

    pub(super) fn finish(
        self,
        world: &World,
        policy: &str,
        workers: &[Worker],
        ratios: &[f64],
        totals: &[Totals],
    ) -> Outcome {
        let hours = world.hours - world.warmup_hours;
        let mut seats = [0u64; 4];
        let mut operators: Vec<OperatorOutcome> = vec![];
        for (i, worker) in workers.iter().enumerate() {
            let operator = &worker.operator;
            let interest_scr = operator.stake_scr * world.money.stake_interest * hours / 8_766.0;
            let done = totals[i].since(self.base[i]);
            let counts = [done.on_time, done.late, done.missed, done.invalid];
            seats
                .iter_mut()
                .zip(counts)
                .for_each(|(sum, count)| *sum += count);
            operators.push(OperatorOutcome {
                slots: operator.slots,
                power: operator.power(),
                stake_scr: operator.stake_scr,
                income_scr: self.income[i],
                fines_scr: self.fines[i],
                cost_scr: operator.cost_scr(&world.money, hours, done.busy_ms) + interest_scr,
                interest_scr,
                q: ratios[i],
                offers: done.offers,
                on_time: done.on_time,
                failed: done.late + done.missed,
                declined: done.declined,
            });
        }
        Outcome {
            policy: policy.to_owned(),
            world: world.name.clone(),
            seed: world.seed,
            hours,
            warmup_hours: world.warmup_hours,
            settled: self.settled,
            unpaid: self.unpaid,
            latencies_s: self.latencies_s,
            open_to_settle_s_max: self.waited_max,
            won_by_first: self.won_by_first,
            proofs: self.proofs,
            aborted: self.aborted,
            seats,
            fined_scr: self.fines.iter().sum(),
            operators,
            samples: self.samples,
            board_events: self.board_events,
        }
    }
}

impl LawMarket<'_> {
    /// Writes down the state at the beginning of an epoch.
    pub(super) fn sample(&mut self) {
        let (mut reputation, mut power, mut q, mut relative) = (vec![], vec![], vec![], vec![]);
        let mut tasks = vec![];
        let mut all_failed = 0;
        for worker in &self.workers {
            let names = worker.first_name..worker.first_name + worker.names;
            let (mut weight, mut stake, mut on_time) = (0.0, 0.0, 0u64);
            for name in names {
                let Some(account) = self.board.roller(self.names[name].roller) else {
                    continue;
                };
                weight += account.stake.0 as f64 * account.q as f64 / 1e9;
                stake += account.stake.0 as f64;
                on_time += account.record.on_time;
                all_failed += account.record.late + account.record.missed;
            }
            tasks.push(on_time as f64);
            reputation.push(weight);
            power.push(worker.operator.power());
            q.push(weight / stake.max(1.0));
            relative.push(worker.operator.power() / stake.max(1.0));
        }
        let controls = self.board.controls();
        let queued = self
            .board
            .unsettled()
            .filter(|task| matches!(task.stage, Stage::Queued))
            .count();
        self.recorder.samples.push(Sample {
            hour: self.now_ms as f64 / 3_600_000.0,
            tau_ns_per_gas: controls.tau_ns_per_gas,
            k: controls.k,
            window: controls.window,
            price: self.price(),
            time_limit_s: self.time_limit_s() as f64,
            queued,
            tasks_per_roller: stats::percentile(&tasks, 0.5),
            reputation_power: stats::spearman(&reputation, &power),
            q_power_per_stake: stats::spearman(&q, &relative),
            settled: self.board.settled_through(),
            on_time: tasks.iter().sum::<f64>() as u64,
            failed: all_failed,
        });
    }
}
