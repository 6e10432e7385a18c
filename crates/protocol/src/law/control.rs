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
//! k        +1    if tasks for which no proof of the first round came exceed MISS of all by three standard deviations (at least 2), and
//!                (k + 1) * open tasks <= LOAD_MAX * capacity
//!          -1    if there were none in 4 / MISS tasks, and weighted median of failure rates ^ (k - 1) < MISS / 4
//!                neither in an epoch whose weighted median of failure rates > 1 - RHO, and its tasks count for nothing
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
//! under load is the window first, then tau, then the price; k never moves because of load. Proofs that come late are a matter of T, and no
//! number of provers mends it: they are no misses, and an epoch in which the median roller fails says nothing about k. An outage of a
//! minority does.

mod measure;
#[cfg(test)]
mod tests;

pub use measure::{EpochMeasure, RollerMeasure};

use super::{ONE, Params, Ratio};
use crate::ids::ScrWei;
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
    /// MISS: tolerated share of tasks for which no proof of the first round came.
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
    if measure.is_common_failure(params) {
        return k.clamp(params.k.0, params.k.1);
    }
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
