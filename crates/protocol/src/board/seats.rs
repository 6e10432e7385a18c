//! What rollers do: come and go, fetch their seats, submit.

use super::{
    Action, Board, BoardError, MissedBecause, Presence, Receipt, Refusal, ReleasedBecause,
    RollerAccount, Seat, SeatKey, SeatState, Turn, Verdict,
};
use crate::ids::{BatchNumber, Roller, Round, UnixSeconds};
use alloc::vec::Vec;

impl Board {
    pub(super) fn on_presence(
        &mut self,
        roller: Roller,
        presence: Presence,
        turn: &mut Turn,
    ) -> Result<(), BoardError> {
        let known = self.rollers.get(&roller).ok_or(Refusal::NotARoller)?;
        if known.presence == presence {
            return Err(BoardError::AlreadyApplied);
        }
        let rests_until = turn.now.saturating_add(self.params.drain_min_s);
        self.change_account(roller, |account| {
            account.presence = presence;
            if presence == Presence::Draining {
                account.rests_until = rests_until;
            }
        });
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

    /// Changes the account of a known roller and keeps count of those that are there.
    pub(super) fn change_account(
        &mut self,
        roller: Roller,
        change: impl FnOnce(&mut RollerAccount),
    ) {
        let account = self.rollers.get_mut(&roller).expect("the roller is known");
        let was_present = account.is_present(&self.params);
        change(account);
        let is_present = account.is_present(&self.params);
        self.present = self.present - u32::from(was_present) + u32::from(is_present);
    }

    /// Gives an existing seat a new state and files it with its roller.
    pub(super) fn set_seat(
        &mut self,
        batch: BatchNumber,
        (round, roller): (Round, Roller),
        state: SeatState,
    ) {
        let is_open = state == SeatState::Open;
        let task = self.tasks.get_mut(&batch).expect("the task is kept");
        let seat = task
            .seats
            .get_mut(&(round, roller))
            .expect("the seat is there");
        seat.state = state;
        if let Some(account) = self.rollers.get_mut(&roller) {
            if is_open {
                account.seats.insert((batch, round));
            } else {
                account.seats.remove(&(batch, round));
            }
        }
    }

    /// Ends all open seats of a roller; returns the batches concerned.
    fn end_open_seats_of(
        &mut self,
        roller: Roller,
        state: &SeatState,
        turn: &mut Turn,
    ) -> Vec<BatchNumber> {
        let account = self.rollers.get(&roller);
        let open: Vec<_> =
            account.map_or_else(Vec::new, |account| account.seats.iter().copied().collect());
        for (batch, round) in &open {
            self.set_seat(*batch, (*round, roller), state.clone());
            let seat = self.task(*batch).seat_key(*round, roller);
            turn.actions.push(Action::Stop(seat));
        }
        open.into_iter().map(|(batch, _)| batch).collect()
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
            SeatState::Posted | SeatState::OnTime | SeatState::Late | SeatState::Invalid { .. } => {
                let reported = seat.reported();
                return Err(reported.expect("a reported seat has a digest").into());
            }
        }
        if let Some(seat) = self.task_mut(batch).seats.get_mut(&(key.round, key.roller)) {
            seat.picked_at.get_or_insert(now);
        }
        Ok(())
    }

    /// Would a submission for this seat, received at that time, be taken? Asked before the bytes are read and again before
    /// they are verified. Where a digest was posted, only its bytes are.
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
        // The digest binds the bytes, so that it does not matter when they come.
        if seat.state == SeatState::Posted {
            return Ok(());
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
                .any(|seat| matches!(seat.state, SeatState::OnTime | SeatState::Posted));
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
        if let Some(posted) = seat.posted
            && posted.proof_digest != receipt.proof_digest
        {
            return Err(Refusal::AlreadyPosted(posted.proof_digest).into());
        }
        let state = match verdict {
            Verdict::Invalid { reason } => SeatState::Invalid {
                reason: reason.clone(),
            },
            Verdict::Valid if is_on_time(seat, receipt.received_at) => SeatState::OnTime,
            Verdict::Valid => SeatState::Late,
        };
        let taken_s = taken_s(seat, receipt.received_at);
        let has_ended = !self.task(batch).is_open();
        let limit_s = self.time_limit_s(self.task(batch));
        let is_invalid = matches!(state, SeatState::Invalid { .. });
        self.change_account(key.roller, |account| {
            if is_invalid {
                account.accused = Some(*key);
            } else {
                account.completions.count(taken_s, limit_s);
            }
            if state == SeatState::OnTime {
                let in_work = u32::try_from(account.seats.len()).unwrap_or(u32::MAX);
                account.note_concurrency(in_work.max(1));
            }
        });
        self.set_seat(batch, (key.round, key.roller), state);
        let seat = self.task_mut(batch).seats.get_mut(&(key.round, key.roller));
        seat.expect("the seat was found").receipt = Some(receipt);
        if has_ended {
            self.count_offer(batch, (key.round, key.roller), turn.now);
            turn.actions.extend(
                self.settle_next()
                    .filter(|action| matches!(action, Action::Settle { seat, .. } if seat == key)),
            );
        }
        if is_invalid {
            turn.actions.extend(
                self.rollers
                    .get(&key.roller)
                    .and_then(|account| self.judge(account)),
            );
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

/// Seconds from the assignment until the proof was there, on L1 or with the operator.
fn taken_s(seat: &Seat, received_at: UnixSeconds) -> u64 {
    let done_at = seat.posted.map_or(received_at, |posted| posted.posted_at);
    done_at.saturating_sub(seat.assigned_at)
}

/// On L1 within the deadline, or received within it from a roller that had not fallen silent.
fn is_on_time(seat: &Seat, received_at: UnixSeconds) -> bool {
    let was_lost = seat.state
        == SeatState::Missed {
            why: MissedBecause::HeartbeatLost,
        };
    seat.posted.is_some() || (received_at <= seat.deadline && !was_lost)
}
