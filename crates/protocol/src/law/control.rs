//! The dials: tau, k, window and unit price follow the rollers' measured computing power.
//!
//! Once per epoch, integers only, each dial inside its bounds, at most one `step` (12.5 %) at a time, k by one. The dials of an
//! epoch are posted with its snapshot; a task keeps those of the epoch that its commit pinned.
//!
//! Measured in an epoch, per roller i with stake `s_i`: `on_time_i / (on_time_i + late_i + missed_i)`, the median of
//! completion / T over its valid proofs, declined offers, counted capacity. Over rollers, a roller's weight is `min(s_i, cap)`,
//! `cap = floor(CAP * sum of weights)` with CAP = 5 %, found in four rounds from `weight_i = s_i`; where fewer than 1 / CAP rollers
//! are there, all weigh the same. A cartel needs half of the weight to move a median [slow-down cartel].
//!
//! ```text
//! window   -> floor(LOAD_MAX * sum capacity_i / k), one step at a time           what proven capacity carries, with headroom
//! tau      up    if on-time rate < RHO, the weighted median of medians >= LOW, and the window is not above its target
//!          down  if the weighted median of medians < LOW
//! k        +1    if tasks without an on-time entry exceed MISS of all by three standard deviations (at least 2), and
//!                (k + 1) * open tasks <= LOAD_MAX * capacity
//!          -1    if there were none in 4 / MISS tasks, and weighted median of failure rates ^ (k - 1) < MISS / 4
//! price    up    by UP if load > BUSY and (more tasks wait than a quarter of the window, and not fewer than an epoch ago,
//!                or points per ticket > HIGH, or tau is at its top and seats still fail)
//!          down  by DOWN if load < IDLE
//!                neither while the window shrinks
//! ```
//! *load* is the share of the counted capacity that the epoch's seats bind if each takes as long as the median roller:
//! `median completion * sum of T over the seats given / (length of the epoch * sum capacity_i)`. Seats are counted as they are drawn and
//! their time by the median, so that a minority that sits on its proofs does not move it; what it can make, open and waiting tasks,
//! never moves the price alone [slow-down cartel]. Completions, and this sum, are in parts of the T that a task would have
//! today: a task that waited long has the T of other dials, and a dial that followed it would follow yesterday. For the same reason tau
//! never rises where the median is below LOW, and T stays within 1 / LOW times what the median roller takes [late cartel]. RHO leaves room
//! for one name of weight CAP that fails altogether: an outage of one is no reason to give all more time.
//! The waiting tasks are part of the price because the window keeps the draw from ever feeling more load than the rollers can carry:
//! with points per ticket alone the price falls to its floor while batches queue. A queue that shrinks is being worked off: raising
//! the price until it is gone overshoots. DOWN is small because many rollers leave at about the same price, and IDLE is far below BUSY
//! so that those who leave at one step do not turn a reserve into a shortage (docs/mechanism/results.md).
//!
//! Points per ticket are `1 + declined / tickets`, the declines of one roller counted up to CAP of the tickets, so that one name moves
//! the sum by 0.05 at most [price cartel]. The order
//! under load is the window first, then tau, then the price; k never moves because of load.

use super::{ONE, Params, Ratio, mul_ratio_floor};
use crate::ids::ScrWei;
use alloc::vec::Vec;
use alloy_primitives::U256;
use serde::{Deserialize, Serialize};

/// The dials that are in force for an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Controls {
    /// Nanoseconds of deadline per unit of prover gas.
    pub tau_ns_per_gas: u64,
    /// Points drawn per round.
    pub k: u32,
    /// Tasks open at once.
    pub window: u32,
    /// SCR-wei per prover gas for batches that are committed under it.
    pub unit_price: ScrWei,
}

/// Targets and bounds of the dials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ControlParams {
    /// Most by which a dial moves in one epoch.
    pub step: Ratio,
    /// Step by which the unit price rises.
    pub price_up: Ratio,
    /// Step by which the unit price falls.
    pub price_down: Ratio,
    /// RHO: wanted share of seats on time.
    pub on_time_target: Ratio,
    /// LOW: below this median of completion / T deadlines shrink.
    pub completion_low: Ratio,
    /// MISS: tolerated share of tasks without an on-time entry.
    pub miss_target: Ratio,
    /// LOAD_MAX: share of the counted capacity that the window may bind.
    pub load_max: Ratio,
    /// HIGH: points per ticket above which the price rises.
    pub points_high: Ratio,
    /// BUSY: load above which the price may rise.
    pub load_busy: Ratio,
    /// IDLE: load below which the price falls.
    pub load_idle: Ratio,
    /// CAP: most weight of one roller in a measure, as a share of all.
    pub weight_cap: Ratio,
    /// Bounds of tau.
    pub tau_ns_per_gas: (u64, u64),
    /// Bounds of k.
    pub k: (u32, u32),
    /// Bounds of the window.
    pub window: (u32, u32),
    /// Bounds of the unit price.
    pub unit_price: (ScrWei, ScrWei),
}

/// What one roller did in an epoch. Offers are sums of weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RollerMeasure {
    /// Stake now.
    pub stake: ScrWei,
    /// On time.
    pub on_time: u64,
    /// Late or missed.
    pub failed: u64,
    /// Declined for lack of capacity.
    pub declined: u64,
    /// Median of completion / T over its valid proofs; `None` when there were none.
    pub completion: Option<Ratio>,
    /// Seats that it is counted for; 0 when it is not there.
    pub capacity: u32,
}

/// What happened in an epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EpochMeasure {
    /// Rollers, in any order.
    pub rollers: Vec<RollerMeasure>,
    /// Tickets that landed, by the weight of their tasks.
    pub tickets: u64,
    /// Seconds of deadline of all seats that were given.
    pub seat_s: u64,
    /// Seconds that the epoch lasted.
    pub elapsed_s: u64,
    /// Most tasks that were open at once.
    pub open_peak: u32,
    /// Tasks that wait for room in the window at its end.
    pub queued: u32,
    /// The same at its beginning.
    pub queued_before: u32,
    /// Tasks that ended since k moved last.
    pub tasks: u64,
    /// Those of them without an on-time entry in their first round.
    pub tasks_missed: u64,
}

impl Controls {
    /// The dials before anything was measured.
    pub fn initial(params: &Params) -> Self {
        Self {
            tau_ns_per_gas: params.tau_ns_per_gas,
            k: params.k,
            window: params.window,
            unit_price: params.unit_price,
        }
    }
}

/// Tasks wait when there are more of them than this part of the window.
const WAITING_DIVISOR: u32 = 4;

/// Rounds in which the cap on a weight is found.
const CAP_ROUNDS: usize = 4;

/// Parts of `part / whole` in [`ONE`], rounded down; [`ONE`] when there is no whole.
fn share(part: u128, whole: u128) -> Ratio {
    if whole == 0 {
        return ONE;
    }
    let scaled = U256::from(part) * U256::from(ONE) / U256::from(whole);
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

impl EpochMeasure {
    /// Most that the stake of one roller weighs; at least 1.
    fn weight_cap(&self, params: &ControlParams) -> u128 {
        (0..CAP_ROUNDS).fold(u128::MAX, |cap, _| {
            let weights = self.rollers.iter().map(|roller| roller.stake.0.min(cap));
            let total = weights.fold(0u128, u128::saturating_add);
            mul_ratio_floor(total, params.weight_cap.min(ONE))
                .unwrap_or(cap)
                .max(1)
        })
    }

    /// Capped mean of the rollers' on-time rates; [`ONE`] when nobody reported.
    pub fn on_time_rate(&self, params: &ControlParams) -> Ratio {
        let cap = self.weight_cap(params);
        let (mut sum, mut weights) = (0u128, 0u128);
        for roller in &self.rollers {
            let seats = u128::from(roller.on_time) + u128::from(roller.failed);
            if seats > 0 {
                // Weights in parts of the cap, so that the sum of products fits.
                let weight = u128::from(share(roller.stake.0.min(cap), cap));
                sum += weight * u128::from(share(roller.on_time.into(), seats));
                weights += weight;
            }
        }
        let mean = sum.checked_div(weights).unwrap_or(ONE.into());
        u64::try_from(mean).unwrap_or(ONE)
    }

    /// Capped weighted median of the rollers' medians of completion / T.
    pub fn completion(&self, params: &ControlParams) -> Option<Ratio> {
        self.median(params, |roller| roller.completion)
    }

    /// Capped weighted median of what is known of the rollers.
    fn median(
        &self,
        params: &ControlParams,
        of: impl Fn(&RollerMeasure) -> Option<Ratio>,
    ) -> Option<Ratio> {
        let cap = self.weight_cap(params);
        let known = self
            .rollers
            .iter()
            .filter_map(|roller| Some((of(roller)?, roller.stake.0.min(cap))));
        let mut known: Vec<(Ratio, u128)> = known.collect();
        known.sort_unstable();
        let half = known
            .iter()
            .fold(0u128, |sum, (_, weight)| sum.saturating_add(*weight))
            / 2;
        let mut below = 0u128;
        known.into_iter().find_map(|(value, weight)| {
            below = below.saturating_add(weight);
            (below > half).then_some(value)
        })
    }

    /// Points drawn per ticket, the declines of one roller counted up to the cap; [`ONE`] when nothing was drawn.
    pub fn points_per_ticket(&self, params: &ControlParams) -> Ratio {
        if self.tickets == 0 {
            return ONE;
        }
        let tickets = u128::from(self.tickets);
        let most = tickets * u128::from(params.weight_cap) / u128::from(ONE);
        let counted = self.rollers.iter().fold(0u128, |sum, roller| {
            sum + u128::from(roller.declined).min(most)
        });
        ONE.saturating_add(share(counted, tickets))
    }

    /// Seats that all rollers together are counted for.
    pub fn capacity(&self) -> u64 {
        self.rollers
            .iter()
            .map(|roller| u64::from(roller.capacity))
            .sum()
    }

    /// Share of the counted capacity that the seats given would bind if each took as long as the median roller; [`ONE`] when there
    /// is no capacity.
    pub fn load(&self, params: &ControlParams) -> Ratio {
        let completion = self.completion(params).unwrap_or(ONE);
        let bound = u128::from(completion) * u128::from(self.seat_s) / u128::from(ONE);
        share(
            bound,
            u128::from(self.elapsed_s) * u128::from(self.capacity()),
        )
    }

    /// Capped weighted median of the rollers' shares of seats that were not on time; 0 when nobody reported.
    fn failure_rate(&self, params: &ControlParams) -> Ratio {
        self.median(params, |roller| {
            let seats = u128::from(roller.on_time) + u128::from(roller.failed);
            (seats > 0).then(|| share(roller.failed.into(), seats))
        })
        .unwrap_or(0)
    }
}

/// The greatest value that a dial at `value` can have in the next epoch, before its bounds.
pub fn up(step: Ratio, value: u64) -> u64 {
    let step = u128::from(value) * u128::from(step) / u128::from(ONE);
    value.saturating_add(u64::try_from(step).unwrap_or(u64::MAX).max(1))
}

/// The least value that a dial at `value` can have in the next epoch, before its bounds.
pub fn down(step: Ratio, value: u64) -> u64 {
    let step = u128::from(value) * u128::from(step) / u128::from(ONE);
    value.saturating_sub(u64::try_from(step).unwrap_or(u64::MAX).max(1))
}

/// Tasks that the counted capacity carries at once, with headroom, inside the dial's bounds.
pub fn window_target(params: &ControlParams, k: u32, capacity: u64) -> u32 {
    let seats = u128::from(capacity) * u128::from(params.load_max) / u128::from(ONE);
    let tasks = u32::try_from(seats / u128::from(k.max(1))).unwrap_or(u32::MAX);
    tasks.clamp(params.window.0, params.window.1)
}

fn next_window(params: &ControlParams, window: u32, target: u32) -> u32 {
    let moved = if window > target {
        down(params.step, window.into()).max(target.into())
    } else {
        up(params.step, window.into()).min(target.into())
    };
    u32::try_from(moved)
        .unwrap_or(u32::MAX)
        .clamp(params.window.0, params.window.1)
}

/// `failure ^ exponent` in parts of [`ONE`], rounded up.
fn power(failure: Ratio, exponent: u32) -> Ratio {
    (0..exponent).fold(ONE, |product, _| {
        let exact = u128::from(product) * u128::from(failure);
        u64::try_from(exact.div_ceil(u128::from(ONE))).unwrap_or(ONE)
    })
}

fn next_k(params: &ControlParams, k: u32, measure: &EpochMeasure) -> u32 {
    let missed = u128::from(measure.tasks_missed) * u128::from(ONE);
    let tolerated = u128::from(measure.tasks) * u128::from(params.miss_target);
    let excess = U256::from(missed.saturating_sub(tolerated));
    let deviation_squared = U256::from(tolerated) * U256::from(ONE);
    let is_sure = excess * excess > U256::from(9) * deviation_squared;
    let seats_wanted = u128::from(k + 1) * u128::from(measure.open_peak) * u128::from(ONE);
    let seats_there = u128::from(measure.capacity()) * u128::from(params.load_max);
    if measure.tasks_missed >= 2 && is_sure && seats_wanted <= seats_there {
        return (k + 1).min(params.k.1);
    }
    let is_proven_safe = measure.tasks_missed == 0 && tolerated >= 4 * u128::from(ONE);
    if is_proven_safe
        && k > 1
        && power(measure.failure_rate(params), k - 1) < params.miss_target / 4
    {
        return (k - 1).max(params.k.0);
    }
    k.clamp(params.k.0, params.k.1)
}

/// The dials of the next epoch.
pub fn next(params: &ControlParams, now: Controls, measure: &EpochMeasure) -> Controls {
    let k = next_k(params, now.k, measure);
    let target = window_target(params, k, measure.capacity());
    let window = next_window(params, now.window, target);
    let is_overcommitted = now.window > target;
    let is_failing = measure.on_time_rate(params) < params.on_time_target;
    let is_roomy = measure
        .completion(params)
        .is_some_and(|median| median < params.completion_low);
    let tau = if is_failing && !is_roomy && !is_overcommitted {
        up(params.step, now.tau_ns_per_gas)
    } else if is_roomy && !is_failing {
        down(params.step, now.tau_ns_per_gas)
    } else {
        now.tau_ns_per_gas
    };
    let is_out_of_time = is_failing && now.tau_ns_per_gas >= params.tau_ns_per_gas.1;
    let load = measure.load(params);
    let is_waiting = measure.queued > now.window / WAITING_DIVISOR;
    let is_short = (is_waiting && measure.queued >= measure.queued_before)
        || measure.points_per_ticket(params) > params.points_high
        || is_out_of_time;
    let before = u64::try_from(now.unit_price.0).unwrap_or(u64::MAX);
    let price = if is_overcommitted {
        before
    } else if load > params.load_busy && is_short {
        up(params.price_up, before)
    } else if load < params.load_idle {
        down(params.price_down, before)
    } else {
        before
    };
    // A range that moved away from the price is reached in steps.
    let price = ScrWei(price.into()).clamp(params.unit_price.0, params.unit_price.1);
    let reach = (down(params.step, before), up(params.step, before));
    Controls {
        tau_ns_per_gas: tau.clamp(params.tau_ns_per_gas.0, params.tau_ns_per_gas.1),
        k,
        window,
        unit_price: price.clamp(ScrWei(reach.0.into()), ScrWei(reach.1.into())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::{collection::vec, prelude::*};

    fn params() -> ControlParams {
        Params::default().control
    }

    fn controls() -> Controls {
        Controls::initial(&Params::default())
    }

    /// `count` rollers that do well: half of T, `capacity` seats each, of which a third is bound, few declined.
    fn healthy(count: usize, capacity: u32) -> EpochMeasure {
        let roller = RollerMeasure {
            stake: ScrWei::from_scr(1_000),
            on_time: 100 * ONE,
            failed: 0,
            declined: 50 * ONE,
            completion: Some(ONE / 2),
            capacity,
        };
        EpochMeasure {
            rollers: alloc::vec![roller; count],
            tickets: 100 * ONE * count as u64,
            seat_s: 700 * u64::from(capacity) * count as u64,
            elapsed_s: 1_000,
            open_peak: 10,
            queued: 0,
            queued_before: 0,
            tasks: 100,
            tasks_missed: 0,
        }
    }

    /// The same with twice the seats: the load is 0.7.
    fn busy(count: usize, capacity: u32) -> EpochMeasure {
        let mut measure = healthy(count, capacity);
        measure.seat_s *= 2;
        measure
    }

    prop_compose! {
        fn any_roller()(stake in 0u64..1 << 50, on_time: u64, failed: u64, declined: u64, completion in proptest::option::of(0..=ONE), capacity: u32) -> RollerMeasure {
            RollerMeasure { stake: ScrWei::from_scr(stake), on_time, failed, declined, completion, capacity }
        }
    }

    proptest! {
        #[test]
        fn dials_stay_within_bounds_and_steps(
            rollers in vec(any_roller(), 0..20), tickets: u64, seat_s: u64, elapsed_s: u64, open_peak: u32, queued: u32, queued_before: u32, tasks in 0u64..1 << 40, tasks_missed in 0u64..1 << 40,
            tau in 1u64..1_000_000, k in 1u32..8, window in 1u32..100_000, price: u64,
        ) {
            let params = params();
            let now = Controls {
                tau_ns_per_gas: tau.clamp(params.tau_ns_per_gas.0, params.tau_ns_per_gas.1),
                k: k.clamp(params.k.0, params.k.1),
                window: window.clamp(params.window.0, params.window.1),
                unit_price: ScrWei(price.into()).clamp(params.unit_price.0, params.unit_price.1),
            };
            let after = next(&params, now, &EpochMeasure { rollers, tickets, seat_s, elapsed_s, open_peak, queued, queued_before, tasks, tasks_missed });
            prop_assert!((params.tau_ns_per_gas.0..=params.tau_ns_per_gas.1).contains(&after.tau_ns_per_gas));
            prop_assert!((params.k.0..=params.k.1).contains(&after.k) && after.k.abs_diff(now.k) <= 1);
            prop_assert!((params.window.0..=params.window.1).contains(&after.window));
            prop_assert!((params.unit_price.0..=params.unit_price.1).contains(&after.unit_price));
            let within_step = |after: u64, now: u64| after.abs_diff(now) <= (now / 8).max(1);
            prop_assert!(within_step(after.tau_ns_per_gas, now.tau_ns_per_gas));
            prop_assert!(within_step(after.window.into(), now.window.into()));
            prop_assert!(within_step(u64::try_from(after.unit_price.0).unwrap(), u64::try_from(now.unit_price.0).unwrap()));
        }
    }

    #[test]
    fn nothing_moves_when_all_is_well() {
        // 100 rollers of two seats carry 180 / 3 = 60 tasks.
        let now = Controls {
            window: 60,
            ..controls()
        };
        assert_eq!(next(&params(), now, &healthy(100, 2)), now);
    }

    #[test]
    fn the_window_follows_capacity_step_by_step() {
        let now = Controls {
            window: 80,
            ..controls()
        };
        assert_eq!(next(&params(), now, &healthy(100, 2)).window, 70);
        assert_eq!(next(&params(), now, &healthy(1_000, 2)).window, 90);
        assert_eq!(next(&params(), now, &healthy(0, 2)).window, 70);
    }

    #[test]
    fn load_shrinks_the_window_before_it_raises_tau_and_tau_before_the_price() {
        let mut measure = busy(100, 2);
        measure.rollers.iter_mut().for_each(|roller| {
            roller.failed = 10 * ONE;
            roller.declined = 200 * ONE;
        });
        let crowded = Controls {
            window: 80,
            ..controls()
        };
        let first = next(&params(), crowded, &measure);
        assert!(first.window < 80);
        assert_eq!(
            (first.tau_ns_per_gas, first.unit_price, first.k),
            (crowded.tau_ns_per_gas, crowded.unit_price, 3)
        );
        let second = next(
            &params(),
            Controls {
                window: 60,
                ..controls()
            },
            &measure,
        );
        assert!(
            second.tau_ns_per_gas > controls().tau_ns_per_gas
                && second.unit_price > controls().unit_price
        );
        measure
            .rollers
            .iter_mut()
            .for_each(|roller| roller.declined = 50 * ONE);
        let third = next(
            &params(),
            Controls {
                window: 60,
                ..controls()
            },
            &measure,
        );
        assert_eq!(third.unit_price, controls().unit_price, "time first");
        let no_time_left = Controls {
            window: 60,
            tau_ns_per_gas: params().tau_ns_per_gas.1,
            ..controls()
        };
        assert!(next(&params(), no_time_left, &measure).unit_price > controls().unit_price);
    }

    #[test]
    fn a_minority_of_slow_rollers_moves_no_deadline() {
        let mut measure = healthy(10, 2);
        measure
            .rollers
            .iter_mut()
            .for_each(|roller| roller.completion = Some(ONE / 4));
        measure.rollers[..4]
            .iter_mut()
            .for_each(|roller| roller.completion = Some(ONE));
        assert_eq!(measure.completion(&params()), Some(ONE / 4));
        // A whale with 90 % of the stake counts as much as another roller.
        measure.rollers[0].stake = ScrWei::from_scr(100_000);
        assert_eq!(measure.completion(&params()), Some(ONE / 4));
        assert!(next(&params(), controls(), &measure).tau_ns_per_gas < controls().tau_ns_per_gas);
    }

    #[test]
    fn tau_does_not_rise_where_the_median_has_time() {
        let mut measure = healthy(10, 2);
        measure
            .rollers
            .iter_mut()
            .for_each(|roller| roller.failed = 10 * ONE);
        let tau = |measure: &EpochMeasure| {
            let now = Controls {
                window: 6,
                ..controls()
            };
            next(&params(), now, measure).tau_ns_per_gas
        };
        assert!(tau(&measure) > controls().tau_ns_per_gas);
        measure
            .rollers
            .iter_mut()
            .for_each(|roller| roller.completion = Some(ONE / 4));
        assert_eq!(tau(&measure), controls().tau_ns_per_gas);
    }

    #[test]
    fn waiting_tasks_raise_the_price_where_rollers_are_busy() {
        let now = Controls {
            window: 60,
            ..controls()
        };
        let price = |now, measure: &EpochMeasure| next(&params(), now, measure).unit_price.0;
        let first = now.unit_price.0;
        let mut measure = EpochMeasure {
            queued: 61,
            ..busy(100, 2)
        };
        assert_eq!(price(now, &measure), first + first / 8);
        measure.queued = 15;
        assert_eq!(price(now, &measure), first, "a quarter of the window");
        measure.queued = 61;
        measure.queued_before = 62;
        assert_eq!(price(now, &measure), first, "the queue shrinks");
        measure.queued = 1_000;
        let shrinking = Controls { window: 90, ..now };
        assert_eq!(price(shrinking, &measure), first, "the window first");
        measure.seat_s /= 2;
        assert_eq!(price(now, &measure), first, "nobody is busy");
    }

    #[test]
    fn idle_rollers_lower_the_price() {
        let now = Controls {
            window: 60,
            ..controls()
        };
        let mut measure = healthy(100, 2);
        measure.seat_s /= 2;
        assert_eq!(measure.load(&params()), ONE / 1_000 * 175);
        let after = |now| next(&params(), now, &measure).unit_price.0;
        assert_eq!(after(now), now.unit_price.0 - now.unit_price.0 / 32);
        let shrinking = Controls { window: 90, ..now };
        assert_eq!(after(shrinking), now.unit_price.0, "the window first");
    }

    #[test]
    fn without_capacity_the_load_is_full() {
        let mut measure = healthy(0, 0);
        assert_eq!(measure.load(&params()), ONE);
        measure = healthy(10, 2);
        measure
            .rollers
            .iter_mut()
            .for_each(|roller| roller.completion = None);
        assert_eq!(
            measure.load(&params()),
            ONE / 10 * 7,
            "proofs took all of T"
        );
    }

    /// Whoever sits on proofs keeps tasks open and lets others wait, and that is all.
    #[test]
    fn a_slow_minority_does_not_move_the_price() {
        let now = Controls {
            window: 6,
            ..controls()
        };
        let mut measure = EpochMeasure {
            open_peak: 6,
            queued: 100,
            ..healthy(10, 2)
        };
        let honest = measure.load(&params());
        measure.rollers[..4]
            .iter_mut()
            .for_each(|roller| roller.completion = Some(ONE));
        assert_eq!(measure.load(&params()), honest);
        assert_eq!(next(&params(), now, &measure).unit_price, now.unit_price);
        measure.seat_s /= 2;
        assert!(next(&params(), now, &measure).unit_price < now.unit_price);
        // A majority is what the rollers are.
        measure.rollers[4..6]
            .iter_mut()
            .for_each(|roller| roller.completion = Some(ONE));
        assert_eq!(measure.load(&params()), honest);
    }

    #[test]
    fn one_rollers_declines_do_not_move_the_price() {
        let mut measure = healthy(100, 2);
        measure
            .rollers
            .iter_mut()
            .for_each(|roller| roller.declined = ONE);
        measure.rollers[0].declined = 1_000_000 * ONE;
        assert!(measure.points_per_ticket(&params()) < params().points_high);
        let now = Controls {
            window: 60,
            ..controls()
        };
        assert!(next(&params(), now, &measure).unit_price <= now.unit_price);
    }

    #[test]
    fn k_rises_on_missed_tasks_only_where_there_is_capacity() {
        let mut measure = EpochMeasure {
            tasks: 1_000,
            tasks_missed: 5,
            ..healthy(100, 2)
        };
        assert_eq!(next_k(&params(), 3, &measure), 4);
        measure.open_peak = 46;
        assert_eq!(
            next_k(&params(), 3, &measure),
            3,
            "4 x 46 seats exceed 90 % of 200"
        );
        measure = EpochMeasure {
            tasks: 1_000,
            tasks_missed: 4,
            ..healthy(100, 2)
        };
        assert_eq!(
            next_k(&params(), 3, &measure),
            3,
            "where one in a thousand is tolerated, four are three deviations more"
        );
        measure = EpochMeasure {
            tasks: 4_000,
            tasks_missed: 0,
            ..healthy(100, 2)
        };
        assert_eq!(next_k(&params(), 3, &measure), 2);
        let fail = |rollers: &mut [RollerMeasure]| {
            let failed = rollers.iter_mut();
            failed.for_each(|roller| roller.failed = 5 * ONE);
        };
        fail(&mut measure.rollers[..49]);
        assert_eq!(next_k(&params(), 3, &measure), 2, "a minority fails");
        fail(&mut measure.rollers);
        assert_eq!(
            next_k(&params(), 3, &measure),
            3,
            "5 % squared is more than 1 in 4,000"
        );
    }
}
