//! What another machine would change for a roller: the law's arithmetic on its record, on the present dials. No promise: others grow, too.
//!
//! A roller is hit by a share of the points: its weight among all, at most the cap on its probability. While the window is full, it is so
//! given `window x k x share` seats at once on average. What exceeds its counted capacity it declines, which costs reputation; what is
//! below leaves machines idle.

use alloy_primitives::U256;
use rollmill_protocol::law::{ONE, Params};
use rollmill_roller_api::{Client, ClientError, DialsView, RollerView, SnapshotView};
use rollmill_runtime::counted;

use crate::words;

/// What it follows from.
pub struct Prospects {
    law: Params,
    dials: DialsView,
    /// None before the first.
    snapshot: Option<SnapshotView>,
}

impl Prospects {
    /// Asks the coordinator.
    pub async fn ask(client: &Client) -> Result<Self, ClientError> {
        let dials = client.dials().await?;
        let snapshot = match dials.epoch {
            0 => None,
            epoch => Some(client.snapshot(epoch).await?),
        };
        Ok(Self {
            law: client.law().await?,
            dials,
            snapshot,
        })
    }

    /// The share of the points that hit the roller; none if it has no place in the snapshot.
    fn share(&self, record: &RollerView) -> Option<f64> {
        let leaves = &self.snapshot.as_ref()?.leaves;
        let own = leaves.iter().find(|leaf| leaf.roller == record.roller)?;
        let weight = |stake: u128, q: u64| stake as f64 * q as f64;
        let all: f64 = leaves
            .iter()
            .map(|leaf| weight(leaf.stake_wei.0, leaf.q))
            .sum();
        let stakes: f64 = leaves.iter().map(|leaf| leaf.stake_wei.0 as f64).sum();
        let cap = self.law.share_cap as f64 / ONE as f64 * own.stake_wei.0 as f64 / stakes;
        Some((weight(own.stake_wei.0, own.q) / all).min(cap))
    }

    /// In words.
    pub fn lines(&self, record: &RollerView) -> Vec<String> {
        let Some(share) = self.share(record) else {
            let says = "chance     no place in the snapshot of this epoch: nothing is drawn before the next one";
            return vec![says.to_owned()];
        };
        let dials = &self.dials.in_force;
        let seats = f64::from(dials.window) * f64::from(dials.k) * share;
        let places = f64::from(record.capacity_counted);
        let mut lines = vec![format!(
            "chance     {:.1} % of the points: {seats:.1} seats at once while the window of {} is full; you are counted for {}, and \
             have declared {}",
            100.0 * share,
            dials.window,
            record.capacity_counted,
            record.capacity
        )];
        lines.push(if seats > places {
            let gain = (seats.min(places + 1.0) / places.max(1.0) - 1.0) * 100.0;
            format!(
                "one more   machine, declared as capacity, would take seats that you decline now: up to {gain:.0} % more work; a roller is counted \
                 for {:.0} times what it has delivered at once",
                self.law.capacity_headroom as f64 / ONE as f64
            )
        } else {
            format!(
                "one more   machine would stand idle: the draw gives less than you are counted for; reputation ({:.1} % of your stake counts now) \
                 and stake bring more seats",
                record.q as f64 / 1e7
            )
        });
        if record.late > 0 {
            lines.push(format!(
                "faster     machines would have made {} of {} on time: a late proof costs reputation",
                record.late,
                counted(record.on_time + record.late, "proof")
            ));
        }
        if let Some(each) = record.earned_wei.0.checked_div(record.on_time.into()) {
            let each = words::amount(U256::from(each));
            lines.push(format!(
                "each       proof on time has brought {each} SCR so far"
            ));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloy_primitives::{Address, B256};
    use rollmill_protocol::ScrWei;
    use rollmill_roller_api::{DialValues, LeafView, MeasureView};
    use serde_json::json;

    use super::*;

    const ROLLER: Address = Address::repeat_byte(7);

    fn record(counted: u32, late: u64) -> RollerView {
        serde_json::from_value(json!({
            "roller": ROLLER, "signer": ROLLER, "stakeWei": "1000", "q": 500_000_000, "capacity": 4,
            "capacityCounted": counted, "ready": true, "alive": true, "heartbeatUnixS": 1, "seatsOpen": 0, "offers": 9,
            "onTime": 4, "late": late, "missed": 0, "invalid": 0, "declined": 0, "won": 1,
            "earnedWei": "2000000000000000000", "accused": false, "finedWei": "0", "history": [],
        }))
        .unwrap()
    }

    /// Two rollers of equal stake and these reputation ratios, on a window of eight tasks and two points each.
    fn prospects(own_q: u64, other_q: u64) -> Prospects {
        let leaf = |roller, q| LeafView {
            roller,
            stake_wei: ScrWei(1_000),
            q,
            capacity: 4,
        };
        let dials = DialValues {
            tau_ns_per_gas: 1,
            k: 2,
            window: 8,
            unit_price_wei: ScrWei(1),
        };
        let measure = MeasureView {
            elapsed_s: 0,
            on_time_rate: 0,
            completion: None,
            load: 0,
            points_per_ticket: 0,
            capacity: 0,
            window_target: 0,
            open_peak: 0,
            queued: 0,
            queued_before: 0,
            tasks: 0,
            tasks_missed: 0,
        };
        Prospects {
            law: Params::default(),
            dials: DialsView {
                epoch: 1,
                ends_unix_s: 0,
                in_force: dials,
                on_the_way: None,
                next: dials,
                measure,
            },
            snapshot: Some(SnapshotView {
                epoch: 1,
                weights_root: B256::ZERO,
                total: "0".to_owned(),
                k: 2,
                leaves_total: 2,
                leaves: vec![leaf(ROLLER, own_q), leaf(Address::ZERO, other_q)],
            }),
        }
    }

    #[test]
    fn a_roller_that_is_drawn_beyond_its_capacity_gains_by_a_machine() {
        let lines = prospects(500_000_000, 500_000_000).lines(&record(4, 0));
        assert!(
            lines[0].contains("50.0 % of the points: 8.0 seats at once"),
            "{lines:?}"
        );
        assert!(lines[1].contains("up to 25 % more work"), "{lines:?}");
        assert!(lines[2].contains("has brought 0.5 SCR"), "{lines:?}");
    }

    #[test]
    fn a_roller_that_is_drawn_seldom_gains_nothing_by_one() {
        let lines = prospects(100_000_000, 900_000_000).lines(&record(4, 1));
        assert!(lines[0].contains("1.6 seats at once"), "{lines:?}");
        assert!(lines[1].contains("would stand idle"), "{lines:?}");
        assert!(lines[2].contains("1 of 5 proofs"), "{lines:?}");
    }

    #[test]
    fn the_cap_on_the_probability_counts_and_so_does_a_missing_place() {
        // 90 % of the weight with half of the stake: at most 1.25 x 50 %.
        let lines = prospects(900_000_000, 100_000_000).lines(&record(4, 0));
        assert!(lines[0].contains("62.5 % of the points"), "{lines:?}");
        let mut before = prospects(1, 1);
        before.snapshot = None;
        assert!(before.lines(&record(4, 0))[0].contains("no place in the snapshot"));
    }
}
