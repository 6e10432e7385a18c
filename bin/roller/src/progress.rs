//! How far the work on a seat is, as the coordinator and people see it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use rollmill_roller_api::{Progress, SeatId, Stage};
use tokio::sync::Notify;

/// Progress of the seat in hand, shared between the work and the heartbeat.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    current: Mutex<Option<Current>>,
    stage_begun: Notify,
}

#[derive(Clone, Copy, Debug)]
struct Current {
    seat: SeatId,
    stage: Stage,
    fraction: f64,
    started: Instant,
}

impl Board {
    /// Work on `seat` begins.
    pub fn begin(&self, seat: SeatId) {
        let current = Current {
            seat,
            stage: Stage::Queued,
            fraction: 0.0,
            started: Instant::now(),
        };
        *self.lock() = Some(current);
    }

    /// The work is at `fraction` (0 to 1) of the whole; it never goes back.
    pub fn reach(&self, stage: Stage, fraction: f64) {
        if let Some(current) = self.lock().as_mut() {
            if current.stage != stage {
                self.0.stage_begun.notify_one();
            }
            current.stage = stage;
            current.fraction = current.fraction.max(fraction.clamp(0.0, 1.0));
        }
    }

    /// Waits until a stage has begun that nobody has waited for yet.
    pub async fn stage_begun(&self) {
        self.0.stage_begun.notified().await;
    }

    /// No work in hand.
    pub fn end(&self) {
        *self.lock() = None;
    }

    /// For the heartbeat.
    pub fn report(&self) -> Vec<Progress> {
        let current = *self.lock();
        current.iter().map(Current::report).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Current>> {
        // The value is whole after every assignment.
        self.0
            .current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Current {
    fn report(&self) -> Progress {
        // A linear forecast, once there is something to go by.
        let elapsed_s = self.started.elapsed().as_secs_f64();
        let eta_s =
            (self.fraction >= 0.05).then(|| (elapsed_s / self.fraction - elapsed_s).ceil() as u64);
        Progress {
            seat: self.seat,
            stage: self.stage,
            fraction: self.fraction,
            eta_s,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn progress_never_goes_back() {
        let board = Board::default();
        assert!(board.report().is_empty());
        let seat = SeatId {
            task: Default::default(),
            round: 0,
        };
        board.begin(seat);
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
}
