//! Submissions that rollers put on L1: the defence against an operator that takes no proof.
//!
//! L1 lets a roller with a signed assignment post the digest of its finished proof until the seat's deadline, and from then on the operator's
//! bond answers for that digest being among the entries (`Evidence.droppedPosted`). So the board counts it as a report in time:
//!
//! - A posted digest makes an entry at once, whatever had become of a seat without a submission (silence, the deadline, an accusation
//!   elsewhere): L1 asks for nothing else.
//! - Its bytes are taken until the batch is settled, however late, and verified as ever; other bytes are refused. What came late
//!   before the post was read is on time if it is that proof.
//! - A post that is read after the task was closed joins the entries as long as L1 has none. L1 decides which list stands: the
//!   transaction with the former one may have been on its way.
//! - The lottery does not wait for bytes. If the winner's are not here the fallback is called, and after `SettleS` L1 takes its proof,
//!   unpaid, unless the winner's come first or it settles on L1 by itself.
//! - Whoever posts and never shows the bytes has missed \[posting digests of nothing\]; a proof that L1's verifier accepts, or pays, was shown.
//! - What is posted after the deadline, without a seat, a second time, or beside a submission is of no consequence. Neither is the digest
//!   zero: L1 takes no list of entries with it, and of no bytes is it the digest \[entries that cannot be posted\].

use super::{
    Action, Board, BoardError, MissedBecause, Posted, ReleasedBecause, SeatKey, SeatState, Stage,
    Turn,
};
use crate::{
    ids::{BatchNumber, ProofDigest, Roller, Round},
    law::reputation::OfferOutcome,
};
use alloc::vec::Vec;

impl Board {
    pub(super) fn on_posted(
        &mut self,
        batch: BatchNumber,
        (round, roller): (Round, Roller),
        posted: Posted,
        turn: &mut Turn,
    ) -> Result<(), BoardError> {
        if batch > self.committed_through {
            return Err(BoardError::UnknownBatch(batch));
        }
        let task = self.tasks.get(&batch).ok_or(BoardError::AlreadyApplied)?;
        let seat = task.seats.get(&(round, roller));
        let seat = seat.ok_or(BoardError::AlreadyApplied)?;
        let is_closed = matches!(task.stage, Stage::Closed { .. });
        if posted.posted_at > seat.deadline
            || posted.proof_digest == ProofDigest::default()
            || seat.posted.is_some()
            || !(task.is_open() || is_closed)
        {
            return Err(BoardError::AlreadyApplied);
        }
        let state = match seat.receipt {
            None => SeatState::Posted,
            // It is among the entries in any case.
            Some(receipt)
                if receipt.proof_digest == posted.proof_digest
                    && seat.state == SeatState::Late
                    && task.is_open() =>
            {
                SeatState::OnTime
            }
            Some(_) => return Err(BoardError::AlreadyApplied),
        };
        let was_missed = matches!(seat.state, SeatState::Missed { .. });
        let key = task.seat_key(round, roller);
        let is_counted = is_closed && was_missed && !self.take_back_miss(key);
        self.set_seat(batch, (round, roller), state);
        let seat = self.task_mut(batch).seats.get_mut(&(round, roller));
        seat.expect("the seat was found").posted = Some(Posted {
            is_counted,
            ..posted
        });
        if is_closed {
            self.amend_entries(batch, turn);
        } else {
            self.advance(batch, turn);
            self.fill_window(turn);
        }
        Ok(())
    }

    /// False when the miss has moved the reputation already.
    fn take_back_miss(&mut self, key: SeatKey) -> bool {
        let account = self.rollers.get_mut(&key.roller);
        account.is_some_and(|account| account.cancel(key, &[OfferOutcome::Missed]))
    }

    /// INVARIANT: a list of entries never comes back, so that receipts for one list tell one story.
    fn amend_entries(&mut self, batch: BatchNumber, turn: &mut Turn) {
        let late_divisor = self.params.late_divisor;
        let task = self.task_mut(batch);
        let amended = task.entries(late_divisor);
        let id = task.id;
        let Stage::Closed { entries, earlier } = &mut task.stage else {
            return;
        };
        if amended == *entries || earlier.contains(&amended) {
            return;
        }
        earlier.push(core::mem::replace(entries, amended.clone()));
        turn.actions.push(Action::PostEntries {
            batch,
            task: id,
            entries: amended,
        });
    }

    /// L1's verifier accepted a posted proof whose bytes are not here. False when this is about something else.
    pub(super) fn on_shown(
        &mut self,
        batch: BatchNumber,
        key: SeatKey,
        proof_digest: ProofDigest,
    ) -> bool {
        let seat = self.task_mut(batch).seats.get_mut(&(key.round, key.roller));
        let Some(seat) = seat else { return false };
        let Some(posted) = &mut seat.posted else {
            return false;
        };
        if posted.proof_digest != proof_digest || posted.is_shown {
            return false;
        }
        match seat.state {
            SeatState::Posted => posted.is_shown = true,
            SeatState::Missed {
                why: MissedBecause::NeverShown,
            } => {
                posted.is_shown = true;
                seat.state = SeatState::Released {
                    why: ReleasedBecause::ShownOnL1,
                };
                self.take_back_miss(key);
            }
            _ => return false,
        }
        true
    }

    /// The batch is settled, and nobody waits for bytes any more. Returns the seats that ended thereby.
    pub(super) fn end_posted(
        &mut self,
        batch: BatchNumber,
        paid: Option<Roller>,
    ) -> Vec<(Round, Roller)> {
        let task = self.task(batch);
        let winner = match &task.stage {
            Stage::Settling { winner, .. } if paid.is_some() => Some(*winner),
            _ => None,
        };
        let posted = task.seats.iter().filter_map(|((round, roller), seat)| {
            let posted = seat.posted.filter(|_| seat.state == SeatState::Posted)?;
            let is_paid = winner.is_some_and(|winner| {
                (winner.roller, winner.proof_digest) == (*roller, posted.proof_digest)
            });
            let state = if is_paid || posted.is_shown {
                SeatState::OnTime
            } else {
                SeatState::Missed {
                    why: MissedBecause::NeverShown,
                }
            };
            Some(((*round, *roller), state))
        });
        let ended: Vec<_> = posted.collect();
        let keys = ended.iter().map(|(seat, _)| *seat).collect();
        for (seat, state) in ended {
            self.set_seat(batch, seat, state);
        }
        keys
    }
}
