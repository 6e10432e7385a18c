//! How far the work on a seat is, as the coordinator and people see it: at a terminal one line that changes, else a line of the log for
//! every stage, and between them now and then.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rollmill_protocol::{BatchNumber, Roller, UnixSeconds};
use rollmill_roller_api::{Assignment, Progress, SeatId, Stage};
use rollmill_runtime::{
    Clock, Shutdown, show_status_line, span,
    traces::{Trace, Tracer},
};
use tokio::sync::Notify;

use crate::metrics::{self, RollerMetrics};

/// How often the line at the terminal changes.
const LOOK: Duration = Duration::from_secs(1);
/// Within a stage the log says no more than this: a tenth of the work, and not before so long.
const STEP: (f64, Duration) = (0.1, Duration::from_secs(10));

/// Progress of the seat in hand, shared between the work and whoever looks at it.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    current: Mutex<Option<Current>>,
    stage_begun: Notify,
    /// Whether the log tells it.
    is_logged: bool,
    metrics: RollerMetrics,
    /// Who is told what has ended, and by whom.
    traced: Option<(Tracer, Roller)>,
}

/// A point of the work.
#[derive(Clone, Copy, Debug)]
pub struct Reached {
    pub stage: Stage,
    /// Of the whole, 0 to 1.
    pub fraction: f64,
    /// Which part of the stage begins, from 0, and of how many.
    pub part: Option<(usize, usize)>,
}

#[derive(Clone, Copy, Debug)]
struct Current {
    seat: SeatId,
    batch: BatchNumber,
    deadline: UnixSeconds,
    at: Reached,
    started: Instant,
    stage_started: Instant,
    stage_started_unix_ms: u64,
    /// Segments of the proof, once they are counted.
    segments: usize,
    /// How far it was when the log said so last, and when that was.
    told: (f64, Instant),
}

impl Board {
    /// No work in hand. With `is_logged` the log tells how it goes on; `traced` is told what has ended, and by which roller.
    pub fn new(is_logged: bool, traced: Option<(Tracer, Roller)>) -> Self {
        Self(Arc::new(Shared {
            is_logged,
            traced,
            ..Shared::default()
        }))
    }

    /// Work on a seat begins.
    pub fn begin(&self, assignment: &Assignment) {
        let now = Instant::now();
        let current = Current {
            seat: assignment.seat,
            batch: assignment.batch,
            deadline: assignment.deadline_unix_s,
            at: Reached {
                stage: Stage::Queued,
                fraction: 0.0,
                part: None,
            },
            started: now,
            stage_started: now,
            stage_started_unix_ms: Clock::System.now_unix_ms(),
            segments: 0,
            told: (0.0, now),
        };
        *self.lock() = Some(current);
        self.0.metrics.begun(Some(Stage::Queued));
        self.0.metrics.reached(0, 0);
    }

    /// What is counted of it.
    pub fn metrics(&self) -> &RollerMetrics {
        &self.0.metrics
    }

    /// The work is at `fraction` (0 to 1) of the whole; it never goes back.
    pub fn reach(&self, stage: Stage, fraction: f64) {
        self.reach_part(Reached {
            stage,
            fraction,
            part: None,
        });
    }

    /// The same within a stage that has parts.
    pub fn reach_part(&self, reached: Reached) {
        let mut current = self.lock();
        let Some(current) = current.as_mut() else {
            return;
        };
        let has_begun = current.at.stage != reached.stage;
        if has_begun {
            self.0.stage_begun.notify_one();
            self.0.metrics.begun(Some(reached.stage));
            self.0.count_stage(current);
            current.stage_started = Instant::now();
            current.stage_started_unix_ms = Clock::System.now_unix_ms();
        }
        current.count_segments(reached, &self.0.metrics);
        current.at = Reached {
            fraction: current.at.fraction.max(reached.fraction.clamp(0.0, 1.0)),
            ..reached
        };
        if self.0.is_logged && (has_begun || current.is_due()) {
            current.log();
        }
    }

    /// Waits until a stage has begun that nobody has waited for yet.
    pub async fn stage_begun(&self) {
        self.0.stage_begun.notified().await;
    }

    /// No work in hand.
    pub fn end(&self) {
        if let Some(current) = self.lock().take() {
            self.0.count_stage(&current);
            self.0.metrics.begun(None);
        }
    }

    /// For the heartbeat.
    pub fn report(&self) -> Vec<Progress> {
        let current = *self.lock();
        current.iter().map(Current::report).collect()
    }

    /// For people; `None` when there is no work in hand.
    fn line(&self, now_unix_s: u64) -> Option<String> {
        let current = (*self.lock())?;
        let left = match current.deadline.checked_sub(now_unix_s) {
            // The fallback prover has no deadline.
            Some(left) if current.deadline < UnixSeconds::MAX => {
                format!("; deadline in {}", span(left))
            }
            Some(_) => String::new(),
            None => "; its deadline is over".to_owned(),
        };
        Some(format!("{current}{left}"))
    }

    /// Keeps the line at the terminal until the shutdown.
    pub async fn show(self, shutdown: Shutdown) -> Result<(), std::convert::Infallible> {
        let mut ticks = tokio::time::interval(LOOK);
        while shutdown.run_until(ticks.tick()).await.is_some() {
            let line = self.line(Clock::System.now_unix_s());
            show_status_line(line.as_deref().unwrap_or("waiting for a seat"));
        }
        show_status_line("");
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Current>> {
        // The value is whole after every assignment.
        self.0
            .current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// The present stage ends.
    fn count_stage(&self, current: &Current) {
        let stage = current.at.stage;
        let seconds = current.stage_started.elapsed().as_secs_f64();
        self.metrics.ended(stage, seconds);
        if let Some((tracer, roller)) = &self.traced {
            let trace = Trace::of_task(current.seat.task.0.0);
            let name = format!("roller.{}", metrics::name(stage));
            let times = (current.stage_started_unix_ms, Clock::System.now_unix_ms());
            let attributes = vec![
                ("roller", roller.to_string()),
                ("round", current.seat.round.to_string()),
            ];
            tracer.tell(trace.part(&name, times, attributes));
        }
    }
}

impl Current {
    fn count_segments(&mut self, reached: Reached, metrics: &RollerMetrics) {
        match (reached.stage, reached.part) {
            (Stage::Proving, Some((segment, segments))) => {
                self.segments = segments;
                metrics.reached(segment, segments);
            }
            // The last one is proven when what follows begins.
            _ if self.at.stage == Stage::Proving => metrics.reached(self.segments, self.segments),
            _ => {}
        }
    }
}

impl Current {
    fn report(&self) -> Progress {
        Progress {
            seat: self.seat,
            stage: self.at.stage,
            fraction: self.at.fraction,
            eta_s: self.eta_s(),
        }
    }

    /// A linear forecast, once there is something to go by.
    fn eta_s(&self) -> Option<u64> {
        let (elapsed_s, fraction) = (self.started.elapsed().as_secs_f64(), self.at.fraction);
        (fraction >= 0.05).then(|| (elapsed_s / fraction - elapsed_s).ceil() as u64)
    }

    fn is_due(&self) -> bool {
        let ((step, pause), (told, told_at)) = (STEP, self.told);
        self.at.fraction >= told + step && told_at.elapsed() >= pause
    }

    fn log(&mut self) {
        let Reached {
            stage, fraction, ..
        } = self.at;
        self.told = (fraction, Instant::now());
        let percent = (100.0 * fraction) as u64;
        let (part, parts) = self
            .at
            .part
            .map(|(part, parts)| (part as u64 + 1, parts as u64))
            .unzip();
        tracing::info!(
            task = %self.seat.task, batch = self.batch, %stage, part, parts, percent, eta_s = self.eta_s(), "progress"
        );
    }
}

impl fmt::Display for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "batch {}: {}", self.batch, self.at.stage)?;
        if let Some((part, parts)) = self.at.part {
            write!(f, " {} of {parts}", part + 1)?;
        }
        write!(f, ", {:.0} %", 100.0 * self.at.fraction)?;
        match self.eta_s() {
            Some(eta_s) => write!(f, ", about {} left", span(eta_s)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn assignment(deadline: u64) -> Assignment {
        let zero = alloy_primitives::B256::ZERO;
        serde_json::from_value(json!({
            "task": zero, "round": 0, "batch": 12, "roller": alloy_primitives::Address::ZERO, "tickets": 1,
            "programVersion": 1, "witnessHash": zero, "proverGasEstimate": 1, "assignedUnixS": 0,
            "deadlineUnixS": deadline, "receipt": null, "passedOver": [],
        }))
        .unwrap()
    }

    #[tokio::test]
    async fn progress_never_goes_back() {
        let board = Board::default();
        assert!(board.report().is_empty());
        board.begin(&assignment(9));
        board.reach(Stage::Proving, 0.5);
        board.reach(Stage::Aggregating, 0.4);
        let report = board.report();
        assert_eq!(
            (report[0].stage, report[0].fraction),
            (Stage::Aggregating, 0.5)
        );
        board.stage_begun().await;
        board.end();
        assert!(board.report().is_empty());
    }

    #[test]
    fn people_see_batch_stage_part_and_deadline() {
        let board = Board::default();
        assert_eq!(board.line(0), None);
        board.begin(&assignment(160));
        assert_eq!(
            board.line(100).unwrap(),
            "batch 12: queued, 0 %; deadline in 1 min"
        );
        board.reach_part(Reached {
            stage: Stage::Proving,
            fraction: 0.02,
            part: Some((2, 8)),
        });
        assert_eq!(
            board.line(161).unwrap(),
            "batch 12: proving segments 3 of 8, 2 %; its deadline is over"
        );
        board.begin(&assignment(u64::MAX));
        assert_eq!(board.line(0).unwrap(), "batch 12: queued, 0 %");
    }
}
