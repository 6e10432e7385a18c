//! The numbers of the law.
//!
//! Defaults are the starting points of the mechanism; a simulator corrects them. Every number has bounds, so that no choice
//! of parameters can confiscate a stake, stall the chain or overflow. L1 has the hash of all of them, and its contracts are constructed
//! with those that they know (lags, least stake, fines, first dials).

use super::{ONE, Ratio, control::ControlParams, fine, quarantine::QuarantineParams};
use crate::{ids::ScrWei, l2::is_devnet_l1, prover_gas::ProverGas};
use alloy_primitives::{B256, keccak256};
use serde::{Deserialize, Serialize};

const HOUR_S: u64 = 3_600;
const DAY_S: u64 = 24 * HOUR_S;

/// All parameters of the law.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Params {
    /// Points drawn per round of a task before anything was measured.
    pub k: u32,
    /// A draw of `k` points gives up after `k *` this many attempts.
    pub draws_per_point_max: u32,
    /// A point's probability is at most this multiple of the roller's share of all stake.
    pub share_cap: Ratio,
    /// L1 blocks between a commit and its draw beacon.
    pub draw_lag_blocks: u64,
    /// L1 blocks between posted entries and their lottery beacon.
    pub lottery_lag_blocks: u64,
    /// Below this stake nobody is drawn.
    pub stake_min: ScrWei,
    /// Smallest fine for an invalid proof.
    pub fine_min: ScrWei,
    /// A fine is this multiple of one seat's expected reward.
    pub fine_multiple: u32,
    /// Lowest reputation ratio.
    pub q_min: Ratio,
    /// Reputation ratio of a newcomer.
    pub q_init: Ratio,
    /// Gain `A` per on-time seat of full weight, of the distance of `q` to its root.
    pub gain_on_time: Ratio,
    /// Full-weight on-time seats of one epoch that gain.
    pub gain_seats_max: u32,
    /// Penalty `D`: share of `q` lost if all offers of an epoch were declined.
    pub penalty_declined: Ratio,
    /// Penalty `L`: the same for late.
    pub penalty_late: Ratio,
    /// Penalty `M`: the same for missed.
    pub penalty_missed: Ratio,
    /// Penalty `I`: the same for invalid.
    pub penalty_invalid: Ratio,
    /// Prover gas of an offer of weight [`ONE`].
    pub reference_prover_gas: ProverGas,
    /// Seconds in which `q` climbs from `q_min` back to `q_init` without any work: twice the unbonding time.
    pub recovery_s: u64,
    /// Seconds in which evidence on L1 can cancel a penalty before it counts.
    pub challenge_s: u64,
    /// Seconds after a batch's settlement in which L1 judges its submissions (`AccuseS`); then accusations that were not brought
    /// lapse.
    pub accuse_s: u64,
    /// Shortest drain: a roller that comes back earlier gets no offers until then. Not less than the heartbeat time, or receipts of
    /// heartbeats say nothing about a drain between them.
    pub drain_min_s: u64,
    /// Counted capacity may exceed the proven peak by this factor.
    pub capacity_headroom: Ratio,
    /// Counted capacity of a roller that has not delivered on time within [`PEAK_EPOCHS`]. 1 keeps sham capacity out of a
    /// network of strangers; a devnet with three rollers raises it, so that its tasks can run in parallel from the start.
    pub capacity_newcomer: u32,
    /// Shortest deadline.
    pub t_min_s: u64,
    /// Longest deadline.
    pub t_max_s: u64,
    /// Part of a deadline that does not depend on the work.
    pub t_fix_s: u64,
    /// Nanoseconds of deadline per unit of prover gas (tau) before anything was measured.
    pub tau_ns_per_gas: u64,
    /// Tasks open at once before anything was measured.
    pub window: u32,
    /// SCR-wei per prover gas before anything was measured.
    pub unit_price: ScrWei,
    /// A roller that is silent for longer gets no offers and loses the seats on which it works.
    pub heartbeat_s: u64,
    /// A seat takes late proofs until this multiple of its T.
    pub expiry_multiple: u32,
    /// The fallback prover starts at this multiple of T after a task was opened.
    pub fallback_multiple: u32,
    /// Tickets of an on-time seat count this many times those of a late one (`1 / LATE_SHARE`).
    pub late_divisor: u32,
    /// Seconds between snapshots.
    pub epoch_s: u64,
    /// How the dials move.
    pub control: ControlParams,
    /// When failures are the program's and not the rollers'.
    pub quarantine: QuarantineParams,
}

/// Epochs over which a roller's on-time concurrency counts as proven.
pub const PEAK_EPOCHS: usize = 8;

/// Least lags where blocks have proposers: none of them may know a beacon's prevrandao when it includes the facts before it. L1 refuses
/// less, too (`Rollup`).
pub const LAG_BLOCKS_MIN: u64 = 4;
const LAG_BLOCKS_MAX: u64 = 64;

impl Default for Params {
    fn default() -> Self {
        Self {
            k: 3,
            draws_per_point_max: 8,
            share_cap: ONE / 4 * 5,
            draw_lag_blocks: 4,
            lottery_lag_blocks: 4,
            stake_min: ScrWei::from_scr(1_000),
            fine_min: ScrWei::from_scr(10),
            fine_multiple: 4,
            q_min: ONE / 100,
            q_init: ONE / 10,
            gain_on_time: ONE / 25,
            gain_seats_max: 3,
            penalty_declined: ONE / 4,
            penalty_late: ONE / 10,
            penalty_missed: ONE / 4,
            penalty_invalid: ONE / 2,
            reference_prover_gas: 10_000_000,
            recovery_s: 14 * DAY_S,
            challenge_s: 2 * HOUR_S,
            accuse_s: DAY_S,
            drain_min_s: HOUR_S,
            capacity_headroom: 2 * ONE,
            capacity_newcomer: 2,
            t_min_s: 120,
            t_max_s: 2 * HOUR_S,
            t_fix_s: 180,
            tau_ns_per_gas: 100_000,
            window: 32,
            unit_price: ScrWei(100_000_000_000),
            heartbeat_s: 30,
            expiry_multiple: 3,
            fallback_multiple: 3,
            late_divisor: 2,
            epoch_s: 20 * 60,
            control: ControlParams {
                step: ONE / 8,
                price_up: ONE / 8,
                price_down: ONE / 32,
                on_time_target: ONE / 100 * 92,
                completion_low: ONE / 3,
                miss_target: ONE / 1_000,
                load_max: ONE / 10 * 9,
                points_high: 2 * ONE,
                load_busy: ONE / 2,
                load_idle: ONE / 5,
                weight_cap: ONE / 20,
                tau_ns_per_gas: (5_000, 1_000_000),
                k: (2, 5),
                window: (4, 65_536),
                unit_price: (ScrWei(10_000_000_000), ScrWei(1_000_000_000_000)),
            },
            quarantine: QuarantineParams {
                share: ONE / 10,
                rollers_min: 3,
            },
        }
    }
}

impl Params {
    /// Durations for a devnet on one machine: three rollers share a few cores, L1 blocks come every second, nobody waits for
    /// days. Durations, amounts and the newcomers' capacity differ from [`Params::default`]; deadlines only ever grow, because a
    /// prover that shares two cores with everything else is no measure; k and price stay what they are.
    pub fn devnet() -> Self {
        let law = Self::default();
        let control = ControlParams {
            tau_ns_per_gas: (600_000, 4_800_000),
            k: (law.k, law.k),
            window: (4, 64),
            unit_price: (law.unit_price, law.unit_price),
            ..law.control.clone()
        };
        Self {
            stake_min: ScrWei::from_scr(100),
            fine_min: ScrWei::from_scr(10),
            recovery_s: HOUR_S,
            challenge_s: 0,
            accuse_s: 600,
            drain_min_s: 10,
            capacity_newcomer: 4,
            t_min_s: 20,
            t_max_s: 2 * HOUR_S,
            t_fix_s: 900,
            tau_ns_per_gas: 600_000,
            window: 4,
            heartbeat_s: 10,
            expiry_multiple: 1,
            epoch_s: 60,
            control,
            ..law
        }
    }
}

/// A parameter is outside of its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("parameter {name} is {value}, outside of {min}..={max}")]
pub struct OutOfBounds {
    /// Field of [`Params`].
    pub name: &'static str,
    /// Its value.
    pub value: u128,
    /// Least allowed.
    pub min: u128,
    /// Greatest allowed.
    pub max: u128,
}

fn within(
    name: &'static str,
    value: impl Into<u128>,
    min: impl Into<u128>,
    max: impl Into<u128>,
) -> Result<(), OutOfBounds> {
    let (value, min, max) = (value.into(), min.into(), max.into());
    if (min..=max).contains(&value) {
        Ok(())
    } else {
        Err(OutOfBounds {
            name,
            value,
            min,
            max,
        })
    }
}

impl Params {
    /// The law's name on L1 (`Control.lawHash`): keccak-256 of its JSON, fields in the order of declaration, no white space, as
    /// in the first record of the event log.
    pub fn hash(&self) -> B256 {
        let json = serde_json::to_vec(self).expect("a struct of numbers has a JSON");
        keccak256(json)
    }

    /// Checks every parameter against its bounds and against the others.
    pub fn validate(&self) -> Result<(), OutOfBounds> {
        self.validate_draw()?;
        self.validate_reputation()?;
        self.validate_time()?;
        self.validate_control()
    }

    /// [`Self::validate`], and what this L1 asks for: only devnets may have beacons that come sooner.
    pub fn validate_on(&self, l1_chain_id: u64) -> Result<(), OutOfBounds> {
        self.validate()?;
        if is_devnet_l1(l1_chain_id) {
            return Ok(());
        }
        let lag = |name, blocks: u64| within(name, blocks, LAG_BLOCKS_MIN, LAG_BLOCKS_MAX);
        lag("draw_lag_blocks", self.draw_lag_blocks)?;
        lag("lottery_lag_blocks", self.lottery_lag_blocks)
    }

    fn validate_draw(&self) -> Result<(), OutOfBounds> {
        within("draws_per_point_max", self.draws_per_point_max, 1u32, 64u32)?;
        within("share_cap", self.share_cap, ONE, 10 * ONE)?;
        let lag = |name, blocks: u64| within(name, blocks, 1u64, LAG_BLOCKS_MAX);
        lag("draw_lag_blocks", self.draw_lag_blocks)?;
        lag("lottery_lag_blocks", self.lottery_lag_blocks)?;
        let fine_max = self.stake_min.0 / fine::STAKE_DIVISOR;
        within("fine_min", self.fine_min.0, 1u32, fine_max)?;
        within("fine_multiple", self.fine_multiple, 1u32, 16u32)?;
        within("late_divisor", self.late_divisor, 1u32, 16u32)?;
        within("capacity_headroom", self.capacity_headroom, ONE, 16 * ONE)?;
        within("capacity_newcomer", self.capacity_newcomer, 1u32, 16u32)
    }

    fn validate_reputation(&self) -> Result<(), OutOfBounds> {
        within("q_min", self.q_min, 1u64, self.q_init)?;
        within("q_init", self.q_init, self.q_min, ONE)?;
        within("gain_on_time", self.gain_on_time, 1u64, ONE / 10)?;
        within("gain_seats_max", self.gain_seats_max, 1u32, 1_000u32)?;
        within("penalty_invalid", self.penalty_invalid, 0u64, ONE)?;
        within(
            "penalty_missed",
            self.penalty_missed,
            0u64,
            self.penalty_invalid,
        )?;
        within("penalty_late", self.penalty_late, 0u64, self.penalty_missed)?;
        within(
            "penalty_declined",
            self.penalty_declined,
            0u64,
            self.penalty_missed,
        )?;
        within(
            "reference_prover_gas",
            self.reference_prover_gas,
            1u64,
            u64::MAX,
        )?;
        within("quarantine.share", self.quarantine.share, 1u64, ONE)?;
        within(
            "quarantine.rollers_min",
            self.quarantine.rollers_min,
            2u32,
            1_000u32,
        )?;
        within("recovery_s", self.recovery_s, 1u64, 365 * DAY_S)
    }

    fn validate_time(&self) -> Result<(), OutOfBounds> {
        within("t_max_s", self.t_max_s, 1u64, DAY_S)?;
        within("t_min_s", self.t_min_s, 1u64, self.t_max_s)?;
        within("t_fix_s", self.t_fix_s, 0u64, self.t_max_s)?;
        within("heartbeat_s", self.heartbeat_s, 1u64, self.t_max_s)?;
        within("expiry_multiple", self.expiry_multiple, 1u32, 10u32)?;
        within("fallback_multiple", self.fallback_multiple, 1u32, 10u32)?;
        within("challenge_s", self.challenge_s, 0u64, 30 * DAY_S)?;
        within("accuse_s", self.accuse_s, 1u64, 30 * DAY_S)?;
        within("drain_min_s", self.drain_min_s, self.heartbeat_s, DAY_S)?;
        within("epoch_s", self.epoch_s, 1u64, 30 * DAY_S)
    }

    /// Each dial's range is within what no range may exceed, and holds the dial's first value.
    fn validate_control(&self) -> Result<(), OutOfBounds> {
        let control = &self.control;
        // More L1 does not take.
        within("control.step", control.step, 1u64, ONE / 8)?;
        within("control.price_up", control.price_up, 1u64, control.step)?;
        within("control.price_down", control.price_down, 1u64, control.step)?;
        within(
            "control.on_time_target",
            control.on_time_target,
            ONE / 2,
            ONE,
        )?;
        within("control.completion_low", control.completion_low, 0u64, ONE)?;
        within(
            "control.miss_target",
            control.miss_target,
            1_000u64,
            ONE / 10,
        )?;
        within("control.load_max", control.load_max, ONE / 10, ONE)?;
        within("control.points_high", control.points_high, ONE, 10 * ONE)?;
        within("control.load_busy", control.load_busy, 0u64, ONE)?;
        within(
            "control.load_idle",
            control.load_idle,
            0u64,
            control.load_busy,
        )?;
        within("control.weight_cap", control.weight_cap, ONE / 1_000, ONE)?;
        let range = |name, value: u128, (low, high): (u128, u128), most: (u128, u128)| {
            within(name, low, most.0, high)?;
            within(name, high, low, most.1)?;
            within(name, value, low, high)
        };
        let wide = |(low, high): (u32, u32)| (low.into(), high.into());
        let tau = control.tau_ns_per_gas;
        range(
            "tau_ns_per_gas",
            self.tau_ns_per_gas.into(),
            (tau.0.into(), tau.1.into()),
            (0, 1_000_000_000),
        )?;
        range("k", self.k.into(), wide(control.k), (1, 16))?;
        range(
            "window",
            self.window.into(),
            wide(control.window),
            (1, 65_536),
        )?;
        let price = control.unit_price;
        range(
            "unit_price",
            self.unit_price.0,
            (price.0.0, price.1.0),
            (0, u64::MAX.into()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::l2::{L1_CHAIN_ID_ANVIL, L1_CHAIN_ID_EMBEDDED};

    #[test]
    fn both_presets_are_within_bounds() {
        assert_eq!(Params::default().validate(), Ok(()));
        assert_eq!(Params::devnet().validate(), Ok(()));
    }

    #[test]
    fn every_number_is_in_the_hash() {
        let law = Params::default();
        let hash = law.hash();
        assert_eq!(law.clone().hash(), hash);
        for other in [
            Params {
                q_init: law.q_init + 1,
                ..law.clone()
            },
            Params {
                control: ControlParams {
                    window: (4, 65_535),
                    ..law.control.clone()
                },
                ..law.clone()
            },
        ] {
            assert_ne!(other.hash(), hash);
        }
    }

    #[test]
    fn short_lags_are_for_devnets_only() {
        let law = Params::default();
        let draw = Params {
            draw_lag_blocks: 3,
            ..law.clone()
        };
        let lottery = Params {
            lottery_lag_blocks: 3,
            ..law.clone()
        };
        assert_eq!(law.validate_on(1), Ok(()));
        for (short, name) in [(draw, "draw_lag_blocks"), (lottery, "lottery_lag_blocks")] {
            assert_eq!(short.validate(), Ok(()));
            assert_eq!(short.validate_on(1).map_err(|error| error.name), Err(name));
            for devnet in [L1_CHAIN_ID_EMBEDDED, L1_CHAIN_ID_ANVIL] {
                assert_eq!(short.validate_on(devnet), Ok(()));
            }
        }
    }

    #[test]
    fn a_parameter_out_of_bounds_is_named() {
        let error = |params: Params| params.validate().expect_err("out of bounds").name;
        assert_eq!(
            error(Params {
                k: 0,
                ..Params::default()
            }),
            "k"
        );
        assert_eq!(
            error(Params {
                fine_min: ScrWei::from_scr(501),
                ..Params::default()
            }),
            "fine_min"
        );
        assert_eq!(
            error(Params {
                penalty_late: ONE,
                ..Params::default()
            }),
            "penalty_late"
        );
        let law = Params::default();
        let dials = ControlParams {
            k: (4, 5),
            ..law.control.clone()
        };
        let outside = Params {
            control: dials,
            ..law
        };
        assert_eq!(error(outside), "k");
        assert_eq!(
            error(Params {
                t_min_s: 3 * HOUR_S,
                ..Params::default()
            }),
            "t_min_s"
        );
        assert_eq!(
            error(Params {
                drain_min_s: 29,
                ..Params::default()
            }),
            "drain_min_s"
        );
    }
}
