//! The rollers of a world: machines, stakes, and when they are away.

use crate::rng::Rng;
use serde::{Deserialize, Serialize};

/// The rollers of a world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rollers {
    /// How many.
    pub count: usize,
    /// Median number of proofs that one makes at once (log-normal, at least 1).
    pub slots_median: f64,
    /// Sigma of its logarithm.
    pub slots_sigma: f64,
    /// Median prover gas per second of one slot (log-normal).
    pub gas_per_s_median: f64,
    /// Sigma of its logarithm.
    pub gas_per_s_sigma: f64,
    /// Sigma of the logarithm of one proof's time around its mean.
    pub noise_sigma: f64,
    /// Seconds from assignment to start and from end to receipt, together.
    pub latency_s: f64,
    /// Share of all slots that the first roller owns; 0 for no whale.
    pub whale_share: f64,
    /// How stakes follow capacity.
    pub stake: StakeRule,
    /// Median stake, SCR.
    pub stake_scr_median: f64,
    /// Sigma of the logarithm of a stake, or of its ratio to capacity.
    pub stake_sigma: f64,
    /// Outages of one roller at a time, per day.
    pub outages_per_day: f64,
    /// Mean length of one, minutes.
    pub outage_minutes: f64,
    /// Churn: times per day that one roller leaves the draw for a while.
    pub absences_per_day: f64,
    /// Mean length of an absence, hours.
    pub absence_hours: f64,
    /// Maintenance, announced by a drain: minutes per day; 0 for none.
    pub maintenance_minutes: f64,
    /// Leave while the price is below their costs, and come back.
    pub elastic: bool,
}

impl Rollers {
    /// Outages of one roller: from and until, in hours, in order of their beginning.
    pub fn outages(&self, rng: &mut Rng, hours: f64) -> Vec<(f64, f64)> {
        spans(rng, hours, self.outages_per_day, self.outage_minutes / 60.0)
    }

    /// Absences of one roller, likewise; they do not overlap.
    pub fn absences(&self, rng: &mut Rng, hours: f64) -> Vec<(f64, f64)> {
        let mut absences = spans(rng, hours, self.absences_per_day, self.absence_hours);
        let mut free_from = 0.0;
        absences.retain(|(from_h, until_h)| {
            let is_free = *from_h >= free_from;
            if is_free {
                free_from = *until_h;
            }
            is_free
        });
        absences
    }
}

/// Spans that begin `per_day` times a day and last `mean_h` hours in the mean.
fn spans(rng: &mut Rng, hours: f64, per_day: f64, mean_h: f64) -> Vec<(f64, f64)> {
    let mut spans = Vec::new();
    if per_day <= 0.0 {
        return spans;
    }
    let mut hour = 0.0;
    loop {
        hour += rng.exponential(24.0 / per_day);
        if hour > hours {
            return spans;
        }
        spans.push((hour, hour + rng.exponential(mean_h)));
    }
}

/// How stakes follow capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StakeRule {
    /// Everybody the same.
    Equal,
    /// In proportion to capacity, times a log-normal factor.
    Proportional,
    /// Log-normal, whatever the capacity.
    Independent,
}

impl Default for Rollers {
    fn default() -> Self {
        Self {
            count: 100,
            slots_median: 4.0,
            slots_sigma: 0.9,
            gas_per_s_median: 25_000.0,
            gas_per_s_sigma: 0.1,
            noise_sigma: 0.05,
            latency_s: 2.0,
            whale_share: 0.0,
            stake: StakeRule::Proportional,
            stake_scr_median: 20_000.0,
            stake_sigma: 0.5,
            outages_per_day: 0.2,
            outage_minutes: 20.0,
            absences_per_day: 0.0,
            absence_hours: 6.0,
            maintenance_minutes: 0.0,
            elastic: false,
        }
    }
}
