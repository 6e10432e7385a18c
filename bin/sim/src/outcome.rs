//! What came of a simulation: the columns of the tables, the curves of the plots.

use crate::stats;
use serde::Serialize;

/// What an operator did and got in the measured time.
#[derive(Clone, Debug, Default, Serialize)]
pub struct OperatorOutcome {
    /// Proofs at once.
    pub slots: u32,
    /// Prover gas per second.
    pub power: f64,
    /// Stake, SCR.
    pub stake_scr: f64,
    /// Expected reward, SCR.
    pub income_scr: f64,
    /// Fines, SCR.
    pub fines_scr: f64,
    /// Costs, SCR: machine and interest on stake.
    pub cost_scr: f64,
    /// Of these, interest on stake.
    pub interest_scr: f64,
    /// Reputation ratio at the end, mean over names weighted by stake.
    pub q: f64,
    /// Offers.
    pub offers: u64,
    /// Seats on time.
    pub on_time: u64,
    /// Seats late or missed.
    pub failed: u64,
    /// Hits without free capacity.
    pub declined: u64,
}

impl OperatorOutcome {
    /// Income less fines and costs, SCR.
    pub fn profit_scr(&self) -> f64 {
        self.income_scr - self.fines_scr - self.cost_scr
    }
}

/// The state at the end of an epoch.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Sample {
    /// Hours since the beginning.
    pub hour: f64,
    /// tau, nanoseconds per prover gas.
    pub tau_ns_per_gas: u64,
    /// k.
    pub k: u32,
    /// Window.
    pub window: u32,
    /// Unit price over the first.
    pub price: f64,
    /// T of an ordinary batch, seconds.
    pub time_limit_s: f64,
    /// Batches that wait for room in the window.
    pub queued: usize,
    /// Proofs on time of the median roller so far.
    pub tasks_per_roller: f64,
    /// Rank correlation of reputation with power.
    pub reputation_power: f64,
    /// Rank correlation of q with power over stake.
    pub q_power_per_stake: f64,
    /// Batches settled so far.
    pub settled: u64,
    /// Seats on time so far.
    pub on_time: u64,
    /// Seats late or missed so far.
    pub failed: u64,
}

/// What came of a simulation.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Outcome {
    /// Policy.
    pub policy: String,
    /// World.
    pub world: String,
    /// Seed.
    pub seed: u64,
    /// Measured hours.
    pub hours: f64,
    /// Hours before them.
    pub warmup_hours: f64,
    /// Batches settled in the measured time.
    pub settled: u64,
    /// Of those, without reward.
    pub unpaid: u64,
    /// Seconds from commit to settlement of each.
    #[serde(skip)]
    pub latencies_s: Vec<f64>,
    /// Longest time from a task's opening to its batch's settlement, seconds.
    pub open_to_settle_s_max: f64,
    /// Batches that were won by whoever was first.
    pub won_by_first: u64,
    /// Proofs made.
    pub proofs: u64,
    /// Work on proofs that were given up, in proofs.
    pub aborted: f64,
    /// Seats that ended on time, late, missed, invalid.
    pub seats: [u64; 4],
    /// Operators.
    pub operators: Vec<OperatorOutcome>,
    /// Curves; empty for policies without a board.
    pub samples: Vec<Sample>,
    /// Events that the board applied; 0 for policies without one.
    pub board_events: u64,
    /// SCR fined in all.
    pub fined_scr: f64,
}

/// What is computed from an outcome: the columns of the comparison. `None` where a policy knows no such thing.
#[derive(Clone, Debug, Serialize)]
pub struct Columns {
    /// Batches settled per hour.
    pub settled_per_hour: f64,
    /// Median time from commit to settlement, seconds.
    pub latency_s_p50: f64,
    /// 99th percentile of it.
    pub latency_s_p99: f64,
    /// See [`Outcome::first_share`].
    pub first_share: f64,
    /// See [`Outcome::gini`].
    pub gini: f64,
    /// See [`Outcome::jain`].
    pub jain: f64,
    /// See [`Outcome::jain_alike`].
    pub jain_alike: f64,
    /// See [`Outcome::top_tenth_advantage`].
    pub top_tenth_advantage: f64,
    /// See [`Outcome::wasted_per_batch`].
    pub wasted_per_batch: f64,
    /// See [`Outcome::on_time_rate`].
    pub on_time_rate: f64,
    /// Rank correlation of reputation with power at the end.
    pub reputation_power: Option<f64>,
    /// See [`Outcome::reputation_bounded`].
    pub reputation_bounded: Option<f64>,
    /// Rank correlation of q with power over stake at the end.
    pub q_power_per_stake: Option<f64>,
    /// See [`Outcome::converged_at_tasks`].
    pub converged_at_tasks: Option<f64>,
    /// See [`Outcome::cost_per_batch`].
    pub cost_per_batch: f64,
    /// Reward paid per batch, SCR.
    pub reward_per_batch: f64,
    /// Profit of all operators per unit of their costs.
    pub profit_per_cost: f64,
    /// Declined hits per seat.
    pub declined_per_seat: f64,
}

/// Rank correlation at which q has found power over stake.
const CONVERGED: f64 = 0.95;
/// A reputation ratio from which on the stake is all that counts.
const STAKE_USED_UP: f64 = 0.95;

impl Outcome {
    /// Everything that is computed from it.
    pub fn columns(&self) -> Columns {
        let has_board = self.board_events > 0;
        let profit: f64 = self.operators.iter().map(|o| o.profit_scr()).sum();
        let declined: u64 = self.operators.iter().map(|o| o.declined).sum();
        let seats: u64 = self.seats.iter().sum();
        Columns {
            settled_per_hour: self.settled_per_hour(),
            latency_s_p50: stats::percentile(&self.latencies_s, 0.5),
            latency_s_p99: stats::percentile(&self.latencies_s, 0.99),
            first_share: self.first_share(),
            gini: self.gini(),
            jain: self.jain(),
            jain_alike: self.jain_alike(),
            top_tenth_advantage: self.top_tenth_advantage(),
            wasted_per_batch: self.wasted_per_batch(),
            on_time_rate: self.on_time_rate(),
            reputation_power: has_board.then(|| self.reputation_power()),
            reputation_bounded: has_board.then(|| self.reputation_bounded()),
            q_power_per_stake: has_board.then(|| self.q_power_per_stake()),
            converged_at_tasks: self.converged_at_tasks(),
            cost_per_batch: self.cost_per_batch(),
            reward_per_batch: self.column(|o| o.income_scr).iter().sum::<f64>()
                / (self.settled as f64).max(1.0),
            profit_per_cost: profit / self.column(|o| o.cost_scr).iter().sum::<f64>(),
            declined_per_seat: declined as f64 / (seats as f64).max(1.0),
        }
    }

    /// Proofs on time of the median roller when the rank correlation of q with power over stake reached 0.95 and stayed there to the
    /// end; none if it never did.
    pub fn converged_at_tasks(&self) -> Option<f64> {
        let is_low = |sample: &Sample| sample.q_power_per_stake < CONVERGED;
        let stays_from = self
            .samples
            .iter()
            .rposition(is_low)
            .map_or(0, |last| last + 1);
        let sample = self.samples.get(stays_from)?;
        Some(sample.tasks_per_roller)
    }

    /// Mean price of the measured time over the first.
    pub fn price_mean(&self) -> f64 {
        let measured = self
            .samples
            .iter()
            .filter(|s| s.hour >= self.warmup_hours)
            .map(|s| s.price);
        stats::mean(&measured.collect::<Vec<f64>>())
    }

    fn column(&self, field: fn(&OperatorOutcome) -> f64) -> Vec<f64> {
        self.operators.iter().map(field).collect()
    }

    /// Batches settled per hour.
    pub fn settled_per_hour(&self) -> f64 {
        self.settled as f64 / self.hours
    }

    /// Jain's index of reward over power, by unit of power.
    pub fn jain(&self) -> f64 {
        stats::jain_weighted(&self.column(|o| o.income_scr), &self.column(|o| o.power))
    }

    /// Jain's index of reward over power by its plain definition: each roller counts alike, whatever its power.
    pub fn jain_alike(&self) -> f64 {
        stats::jain(&self.column(|o| o.income_scr / o.power))
    }

    /// Gini coefficient of reward over power.
    pub fn gini(&self) -> f64 {
        stats::gini(&self.column(|o| o.income_scr / o.power))
    }

    /// Rank correlation of reputation with power at the end.
    pub fn reputation_power(&self) -> f64 {
        stats::spearman(
            &self.column(|o| o.stake_scr * o.q),
            &self.column(|o| o.power),
        )
    }

    /// Rank correlation of reputation at the end with what it can be: power, as far as the stake goes. Power is turned into reputation by
    /// the median ratio of the two among rollers whose stake is not used up.
    pub fn reputation_bounded(&self) -> f64 {
        let free = self.operators.iter().filter(|o| o.q < STAKE_USED_UP);
        let rates: Vec<f64> = free.map(|o| o.stake_scr * o.q / o.power).collect();
        let rate = if rates.is_empty() {
            f64::INFINITY
        } else {
            stats::percentile(&rates, 0.5)
        };
        let possible = self.operators.iter();
        let possible = possible.map(|o| (o.power * rate).min(o.stake_scr));
        stats::spearman(
            &self.column(|o| o.stake_scr * o.q),
            &possible.collect::<Vec<f64>>(),
        )
    }

    /// Rank correlation of q with power over stake at the end.
    pub fn q_power_per_stake(&self) -> f64 {
        stats::spearman(
            &self.column(|o| o.q),
            &self.column(|o| o.power / o.stake_scr),
        )
    }

    /// Share of seats that were on time.
    pub fn on_time_rate(&self) -> f64 {
        let all: u64 = self.seats.iter().sum();
        if all == 0 {
            0.0
        } else {
            self.seats[0] as f64 / all as f64
        }
    }

    /// Proofs per settled batch beyond the one that settles, with the parts of those that were given up.
    pub fn wasted_per_batch(&self) -> f64 {
        if self.settled == 0 {
            0.0
        } else {
            ((self.proofs as f64 + self.aborted) / self.settled as f64 - 1.0).max(0.0)
        }
    }

    /// Share of batches that whoever was first won.
    pub fn first_share(&self) -> f64 {
        if self.settled == 0 {
            0.0
        } else {
            self.won_by_first as f64 / self.settled as f64
        }
    }

    /// Costs of all operators per settled batch, SCR.
    pub fn cost_per_batch(&self) -> f64 {
        self.column(|o| o.cost_scr).iter().sum::<f64>() / (self.settled as f64).max(1.0)
    }

    /// Share of the income that the most powerful tenth got, over its share of power.
    pub fn top_tenth_advantage(&self) -> f64 {
        let mut operators: Vec<&OperatorOutcome> = self.operators.iter().collect();
        operators.sort_by(|a, b| b.power.total_cmp(&a.power));
        let top = &operators[..operators.len().div_ceil(10)];
        let share = |field: fn(&OperatorOutcome) -> f64| {
            top.iter().map(|o| field(o)).sum::<f64>()
                / self.column(field).iter().sum::<f64>().max(1e-12)
        };
        share(|o| o.income_scr) / share(|o| o.power)
    }
}
