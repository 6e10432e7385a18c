//! What an epoch was like, for the dials: sums over rollers and medians, in which no name weighs more than its cap.

use super::ControlParams;
use crate::ids::ScrWei;
use crate::law::{ONE, Ratio, mul_ratio_floor};
use alloc::vec::Vec;
use alloy_primitives::U256;

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
    /// Tasks that ended since k moved last, without epochs of [`Self::is_common_failure`].
    pub tasks: u64,
    /// Those of them for which no proof of the first round came.
    pub tasks_missed: u64,
}

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

    /// Do more seats of the median roller fail than RHO leaves room for? Then the cause is common to all.
    pub fn is_common_failure(&self, params: &ControlParams) -> bool {
        self.failure_rate(params) > ONE.saturating_sub(params.on_time_target)
    }

    /// Capped weighted median of the rollers' shares of seats that were not on time; 0 when nobody reported.
    pub(super) fn failure_rate(&self, params: &ControlParams) -> Ratio {
        self.median(params, |roller| {
            let seats = u128::from(roller.on_time) + u128::from(roller.failed);
            (seats > 0).then(|| share(roller.failed.into(), seats))
        })
        .unwrap_or(0)
    }
}
