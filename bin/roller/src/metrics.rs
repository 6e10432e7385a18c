//! What a roller tells Prometheus, at an address of its own (`roller run --metrics`).
//!
//! Whoever does something counts it here: atomic numbers, shared by clones. What has to be asked for, earnings and free space, is looked at
//! once a minute.

use rollmill_protocol::ScrWei;
use rollmill_roller_api::{Stage, VerdictKind};
use rollmill_runtime::metrics::{Counter, Family, Gauge, Labels, Level, Registry, Sum, add};

/// The stage of a roller that has no seat in hand.
const IDLE: &str = "idle";

/// How a submission ends.
const VERDICTS: [&str; 4] = ["on_time", "late", "invalid", "refused"];

/// The metrics; clones share them.
#[derive(Clone, Debug, Default)]
pub struct RollerMetrics {
    stage: Family<Labels<1>, Gauge>,
    seconds: Family<Labels<1>, Sum>,
    segments: Family<Labels<1>, Gauge>,
    proofs: Family<Labels<1>, Counter>,
    heartbeats: Family<Labels<1>, Counter>,
    earned: Level,
    disk_free: Gauge,
}

impl RollerMetrics {
    /// Registers them.
    pub fn register(&self, registry: &mut Registry) {
        for stage in STAGES.map(name) {
            drop(self.seconds.get_or_create(&[("stage", stage)]));
        }
        self.begun(None);
        for verdict in VERDICTS {
            drop(self.proofs.get_or_create(&[("verdict", verdict)]));
        }
        for outcome in ["answered", "missed"] {
            drop(self.heartbeats.get_or_create(&[("outcome", outcome)]));
        }
        self.reached(0, 0);
        let help = "1 for the stage that the roller is in, idle without a seat";
        add(registry, ("roller_stage", "state"), help, &self.stage);
        let help = "Time spent in each stage, counted when the stage ends";
        add(registry, ("roller_stage", "seconds"), help, &self.seconds);
        let help = "Segments of the proof in work that are proven (done), and that it has (all)";
        add(registry, ("roller", "segments"), help, &self.segments);
        let help = "Proofs that were handed in: on_time, late, invalid, or refused for good";
        add(registry, ("roller", "proofs"), help, &self.proofs);
        let help = "Heartbeats that the coordinator answered, and that it missed";
        add(registry, ("roller", "heartbeats"), help, &self.heartbeats);
        let help = "What the roller has earned since it registered, as the coordinator says";
        add(registry, ("roller_earned", "scr"), help, &self.earned);
        let help = "What may still be written where the roller's data is";
        add(
            registry,
            ("roller_disk_free", "bytes"),
            help,
            &self.disk_free,
        );
    }

    /// A stage has begun; none, without a seat.
    pub fn begun(&self, stage: Option<Stage>) {
        let now = stage.map_or(IDLE, name);
        for other in STAGES.map(name).into_iter().chain([IDLE]) {
            let shown = self.stage.get_or_create(&[("stage", other)]);
            shown.set((other == now).into());
        }
    }

    /// A stage has ended after so many seconds.
    pub fn ended(&self, stage: Stage, seconds: f64) {
        let spent = self.seconds.get_or_create(&[("stage", name(stage))]);
        spent.inc_by(seconds);
    }

    /// So many segments of the proof in work are proven.
    pub fn reached(&self, done: usize, all: usize) {
        for (what, count) in [("done", done), ("all", all)] {
            let shown = self.segments.get_or_create(&[("what", what)]);
            shown.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// A submission was answered; with nothing, it was refused for good.
    pub fn handed_in(&self, answer: Option<(VerdictKind, bool)>) {
        let verdict = match answer {
            Some((VerdictKind::Valid, true)) => "on_time",
            Some((VerdictKind::Valid, false)) => "late",
            Some((VerdictKind::Invalid, _)) => "invalid",
            None => "refused",
        };
        self.proofs.get_or_create(&[("verdict", verdict)]).inc();
    }

    /// A heartbeat was answered, or not.
    pub fn heartbeat(&self, is_answered: bool) {
        let outcome = match is_answered {
            true => "answered",
            false => "missed",
        };
        self.heartbeats.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// What the roller has earned in all.
    pub fn earned(&self, amount: ScrWei) {
        self.earned.set(amount.0 as f64 / 1e18);
    }

    /// What is free on the disk.
    pub fn disk_free(&self, bytes: u64) {
        self.disk_free.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}

/// All stages of the work on a seat.
const STAGES: [Stage; 7] = [
    Stage::Queued,
    Stage::Downloading,
    Stage::Executing,
    Stage::Proving,
    Stage::Aggregating,
    Stage::Verifying,
    Stage::Submitting,
];

/// The name of a stage.
pub fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::Queued => "queued",
        Stage::Downloading => "downloading",
        Stage::Executing => "executing",
        Stage::Proving => "proving",
        Stage::Aggregating => "aggregating",
        Stage::Verifying => "verifying",
        Stage::Submitting => "submitting",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roller_is_in_one_stage_and_counts_what_it_hands_in() {
        let metrics = RollerMetrics::default();
        metrics.register(&mut Registry::default());
        let stage = |stage| metrics.stage.get_or_create(&[("stage", stage)]).get();
        assert_eq!((stage("idle"), stage("proving")), (1, 0));
        metrics.begun(Some(Stage::Proving));
        assert_eq!((stage("idle"), stage("proving")), (0, 1));
        for answer in [
            Some((VerdictKind::Valid, true)),
            Some((VerdictKind::Valid, true)),
            Some((VerdictKind::Valid, false)),
            Some((VerdictKind::Invalid, true)),
            None,
        ] {
            metrics.handed_in(answer);
        }
        let counts = VERDICTS.map(|verdict| {
            let count = metrics.proofs.get_or_create(&[("verdict", verdict)]);
            count.get()
        });
        assert_eq!(counts, [2, 1, 1, 1]);
        metrics.earned(ScrWei::from_scr(3));
        assert_eq!(metrics.earned.get(), 3.0);
    }
}
