//! What rollers do: come and go, fetch their seats, submit.

use super::{
    Action, Board, BoardError, MissedBecause, Presence, Receipt, Refusal, ReleasedBecause, Seat,
    SeatKey, SeatState, Turn, Verdict,
};
use crate::ids::{BatchNumber, Roller, UnixSeconds};
use alloc::vec::Vec;

impl Board {
    pub(super) fn on_presence(
        &mut self,
        roller: Roller,
        presence: Presence,
        turn: &mut Turn,
    ) -> Result<(), BoardError> {
        let account = self.rollers.get_mut(&roller).ok_or(Refusal::NotARoller)?;
        if account.presence == presence {
            return Err(BoardError::AlreadyApplied);
        }
        account.presence = presence;
        if presence == Presence::Lost {
            let missed = SeatState::Missed {
                why: MissedBecause::HeartbeatLost,
            };
            for batch in self.end_open_seats_of(roller, &missed, turn) {
                self.advance(batch, turn);
            }
            self.fill_window(turn);
        }
        Ok(())
    }

    /// Ends all open seats of a roller; returns the batches concerned.
    fn end_open_seats_of(
        &mut self,
        roller: Roller,
        state: &SeatState,
        turn: &mut Turn,
    ) -> Vec<BatchNumber> {
        let mut batches = Vec::new();
        for task in self.tasks.values_mut().filter(|task| task.is_open()) {
            let id = task.id;
            for ((round, holder), seat) in task.seats.iter_mut().filter(|(_, seat)| seat.is_open())
            {
                if *holder == roller {
                    seat.state = state.clone();
                    turn.actions.push(Action::Stop(SeatKey {
                        task: id,
                        round: *round,
                        roller,
                    }));
                    batches.push(task.batch);
                }
            }
        }
        batches
    }

    pub(super) fn on_picked(&mut self, key: &SeatKey, now: UnixSeconds) -> Result<(), BoardError> {
        let (batch, seat) = self.find_seat(key)?;
        let is_task_open = self.task(batch).is_open();
        match &seat.state {
            SeatState::Open => {}
            SeatState::Released { .. } => return Err(Refusal::SeatReleased.into()),
            SeatState::Missed { .. } if is_task_open => {
                return Err(Refusal::SeatExpired {
                    expired_at: seat.deadline.min(now),
                }
                .into());
            }
            SeatState::Missed { .. } => return Err(Refusal::TaskClosed.into()),
            SeatState::OnTime | SeatState::Late | SeatState::Invalid { .. } => {
                let receipt = seat.receipt.expect("a reported seat has a receipt");
                return Err(Refusal::AlreadySubmitted(receipt).into());
            }
        }
        if let Some(seat) = self.task_mut(batch).seats.get_mut(&(key.round, key.roller)) {
            seat.picked_at.get_or_insert(now);
        }
        Ok(())
    }

    /// Would a submission for this seat, received at that time, be taken? Asked before the bytes are read and again before
    /// they are verified.
    pub fn check_submission(&self, key: &SeatKey, received_at: UnixSeconds) -> Result<(), Refusal> {
        let (batch, seat) = self.find_seat(key)?;
        let task = self.task(batch);
        if let Some(receipt) = seat.receipt {
            return Err(Refusal::AlreadySubmitted(receipt));
        }
        if matches!(seat.state, SeatState::Released { .. }) {
            return Err(Refusal::SeatReleased);
        }
        if self
            .rollers
            .get(&key.roller)
            .is_some_and(|account| account.accused.is_some())
        {
            return Err(Refusal::Accused);
        }
        let is_late = received_at > seat.deadline;
        if !task.is_open() {
            return Err(if is_late {
                Refusal::DeadlinePassed {
                    deadline: seat.deadline,
                }
            } else {
                Refusal::TaskClosed
            });
        }
        if received_at > seat.expires_at {
            return Err(Refusal::SeatExpired {
                expired_at: seat.expires_at,
            });
        }
        // Only the tick that closes the task is still to come.
        let is_closing = task.round() == Some(key.round)
            && task
                .seats
                .values()
                .any(|seat| seat.state == SeatState::OnTime);
        if is_late && is_closing {
            return Err(Refusal::DeadlinePassed {
                deadline: seat.deadline,
            });
        }
        Ok(())
    }

    pub(super) fn on_submitted(
        &mut self,
        key: &SeatKey,
        receipt: Receipt,
        verdict: &Verdict,
        turn: &mut Turn,
    ) -> Result<(), BoardError> {
        self.check_submission(key, receipt.received_at)?;
        let (batch, seat) = self.find_seat(key)?;
        if receipt.received_at < seat.assigned_at || receipt.received_at > turn.now {
            return Err(BoardError::ReceivedAt {
                received_at: receipt.received_at,
            });
        }
        let state = match verdict {
            Verdict::Invalid { reason } => SeatState::Invalid {
                reason: reason.clone(),
            },
            Verdict::Valid if is_on_time(seat, receipt.received_at) => SeatState::OnTime,
            Verdict::Valid => SeatState::Late,
        };
        let in_work = self.seats_open().get(&key.roller).copied().unwrap_or(0);
        let account = self
            .rollers
            .get_mut(&key.roller)
            .expect("the seat's holder is known");
        match state {
            SeatState::OnTime => account.note_concurrency(in_work.max(1)),
            SeatState::Invalid { .. } => account.accused = Some(*key),
            _ => {}
        }
        let is_invalid = matches!(state, SeatState::Invalid { .. });
        let seat = self
            .task_mut(batch)
            .seats
            .get_mut(&(key.round, key.roller))
            .expect("the seat was found");
        seat.state = state;
        seat.receipt = Some(receipt);
        if is_invalid {
            turn.actions.push(Action::Judge {
                batch,
                seat: *key,
                proof_digest: receipt.proof_digest,
            });
            // One fine at a time: the other seats end without penalty.
            let released = SeatState::Released {
                why: ReleasedBecause::Accused,
            };
            for other in self.end_open_seats_of(key.roller, &released, turn) {
                self.advance(other, turn);
            }
        }
        self.advance(batch, turn);
        self.fill_window(turn);
        Ok(())
    }

    /// Batch and seat of a key, or why there is none.
    pub(super) fn find_seat(&self, key: &SeatKey) -> Result<(BatchNumber, &Seat), Refusal> {
        if !self.rollers.contains_key(&key.roller) {
            return Err(Refusal::NotARoller);
        }
        let batch = *self
            .batch_of_task
            .get(&key.task)
            .ok_or(Refusal::UnknownTask)?;
        let seat = self
            .task(batch)
            .seats
            .get(&(key.round, key.roller))
            .ok_or(Refusal::NotSeated)?;
        Ok((batch, seat))
    }
}

/// Received within the deadline, from a roller that had not fallen silent.
fn is_on_time(seat: &Seat, received_at: UnixSeconds) -> bool {
    let was_lost = seat.state
        == SeatState::Missed {
            why: MissedBecause::HeartbeatLost,
        };
    received_at <= seat.deadline && !was_lost
}
