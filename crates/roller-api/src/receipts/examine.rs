//! Do these receipts hang together? Offline: signatures, order, and statements that exclude each other.
//!
//! Receipts come in the order in which the roller got them. A seat is named by (task, round, roller); when a
//! reorganisation of L1 takes it back it may be drawn again from another seed, which is another seat of the same name and
//! contradicts nothing.

use std::collections::BTreeMap;

use alloy::sol_types::Eip712Domain;
use alloy_primitives::{Address, B256};
use rollmill_protocol::Roller;
use serde::Serialize;

use super::{
    AssignmentReceipt, CloseReceipt, HeartbeatReceipt, SeatOutcome, SignedReceipt,
    SubmissionReceipt, VerdictReceipt, seat_id,
};
use crate::SeatId;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum FindingKind {
    /// Not signed by the operator, or altered.
    NotSigned,
    /// A later step without the one before it, or time that runs backwards.
    Order,
    /// Two statements that exclude each other.
    Contradiction,
    /// A submission was received and never got a verdict.
    NoVerdict,
    /// `onTime` does not follow from the deadline and the time of receipt.
    Deadline,
}

/// Something that is wrong with a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Position of the receipt, from 0.
    pub position: usize,
    /// An earlier receipt that it does not agree with.
    pub against: Option<usize>,
    /// What is wrong.
    pub kind: FindingKind,
    /// The same in a sentence.
    pub sentence: String,
}

/// Examines receipts in the order in which they were received; no finding is a clean pile.
pub fn examine(
    receipts: &[SignedReceipt],
    domain: &Eip712Domain,
    operator: Address,
) -> Vec<Finding> {
    let mut examiner = Examiner::default();
    for (position, signed) in receipts.iter().enumerate() {
        if let Err(error) = signed.check(domain, operator) {
            examiner.find(position, None, FindingKind::NotSigned, error.to_string());
            // What the operator did not sign binds it to nothing.
            continue;
        }
        examiner.receipt(position, signed);
    }
    examiner.end();
    examiner.findings.sort_by_key(|finding| finding.position);
    examiner.findings
}

type SeatName = (SeatId, Roller);

/// A receipt and where it stands.
type Placed<T> = (usize, T);

/// All that was said of one seat.
#[derive(Debug, Default)]
struct Seat {
    assignments: Vec<Placed<AssignmentReceipt>>,
    submissions: Vec<Placed<SubmissionReceipt>>,
    verdicts: Vec<Placed<VerdictReceipt>>,
    closes: Vec<Placed<CloseReceipt>>,
}

#[derive(Debug, Default)]
struct Examiner {
    seats: BTreeMap<SeatName, Seat>,
    heard: BTreeMap<Roller, Placed<u64>>,
    findings: Vec<Finding>,
}

impl Examiner {
    fn find(
        &mut self,
        position: usize,
        against: Option<usize>,
        kind: FindingKind,
        sentence: String,
    ) {
        self.findings.push(Finding {
            position,
            against,
            kind,
            sentence,
        });
    }

    fn contradiction(&mut self, position: usize, against: usize, sentence: String) {
        self.find(
            position,
            Some(against),
            FindingKind::Contradiction,
            sentence,
        );
    }

    fn seat(&mut self, task: B256, round: u32, roller: Roller) -> &mut Seat {
        self.seats
            .entry((seat_id(task, round), roller))
            .or_default()
    }

    fn receipt(&mut self, position: usize, signed: &SignedReceipt) {
        match signed {
            SignedReceipt::Assignment(signed) => self.assignment(position, &signed.receipt),
            // Another roller's, or a hit without a seat: nothing else speaks of it.
            SignedReceipt::PassOver(_) => {}
            SignedReceipt::Heartbeat(signed) => self.heartbeat(position, &signed.receipt),
            SignedReceipt::Submission(signed) => self.submission(position, &signed.receipt),
            SignedReceipt::Verdict(signed) => self.verdict(position, &signed.receipt),
            SignedReceipt::Close(signed) => self.close(position, &signed.receipt),
        }
    }

    fn heartbeat(&mut self, position: usize, receipt: &HeartbeatReceipt) {
        let before = self.heard.insert(receipt.roller, (position, receipt.at));
        if let Some((_, at)) = before.filter(|(_, at)| *at > receipt.at) {
            let sentence = format!("heard at {}, after it was heard at {at}", receipt.at);
            self.find(position, None, FindingKind::Order, sentence);
        }
    }

    fn assignment(&mut self, position: usize, receipt: &AssignmentReceipt) {
        if receipt.assignedAt > receipt.deadline {
            let sentence = format!(
                "the deadline {} is before the assignment at {}",
                receipt.deadline, receipt.assignedAt
            );
            self.find(position, None, FindingKind::Order, sentence);
        }
        let seat = self.seat(receipt.task, receipt.round, receipt.roller);
        let other = seat
            .assignments
            .iter()
            .find(|(_, before)| before.excludes(receipt))
            .map(|(against, _)| *against);
        seat.assignments.push((position, receipt.clone()));
        if let Some(against) = other {
            let sentence = format!(
                "the seat in round {} of task {} was assigned before with another deadline, time or number of tickets",
                receipt.round, receipt.task
            );
            self.contradiction(position, against, sentence);
        }
    }

    fn submission(&mut self, position: usize, receipt: &SubmissionReceipt) {
        let seat = self.seat(receipt.task, receipt.round, receipt.roller);
        let is_early = !seat
            .assignments
            .iter()
            .any(|(_, assignment)| assignment.assignedAt <= receipt.receivedAt);
        seat.submissions.push((position, receipt.clone()));
        if is_early {
            let sentence = format!(
                "received at {} for a seat that had not been assigned",
                receipt.receivedAt
            );
            self.find(position, None, FindingKind::Order, sentence);
        }
    }

    fn verdict(&mut self, position: usize, receipt: &VerdictReceipt) {
        let seat = self.seat(receipt.task, receipt.round, receipt.roller);
        let other = seat
            .verdicts
            .iter()
            .find(|(_, before)| before.excludes(receipt))
            .map(|(against, _)| *against);
        let judged = seat
            .submissions
            .iter()
            .rev()
            .find(|(_, submission)| submission.proofDigest == receipt.proofDigest)
            .cloned();
        let assigned = seat.assignments.last().cloned();
        seat.verdicts.push((position, receipt.clone()));
        if let Some(against) = other {
            let sentence = format!(
                "the proof {} is called both valid and invalid",
                receipt.proofDigest
            );
            self.contradiction(position, against, sentence);
        }
        let Some((against, submission)) = judged else {
            let sentence = format!(
                "a verdict on the proof {}, which was not received",
                receipt.proofDigest
            );
            self.find(position, None, FindingKind::Order, sentence);
            return;
        };
        if let Some((_, assignment)) = assigned
            && receipt.mistakes_time(&assignment, &submission)
        {
            let sentence = format!(
                "received at {} with the deadline {}, and called {}",
                submission.receivedAt,
                assignment.deadline,
                if receipt.onTime { "on time" } else { "late" }
            );
            self.find(position, Some(against), FindingKind::Deadline, sentence);
        }
    }

    fn close(&mut self, position: usize, receipt: &CloseReceipt) {
        let seat = self.seat(receipt.task, receipt.round, receipt.roller);
        let other = seat
            .closes
            .iter()
            .find(|(_, before)| before.excludes(receipt))
            .map(|(against, _)| *against);
        let is_assigned = !seat.assignments.is_empty();
        seat.closes.push((position, receipt.clone()));
        if !is_assigned {
            let sentence = "the end of a seat that was not assigned".to_owned();
            self.find(position, None, FindingKind::Order, sentence);
        }
        if let Some(against) = other {
            let sentence = "the seat ended before in another way, with the same entries".to_owned();
            self.contradiction(position, against, sentence);
        }
    }

    /// The end of a seat against the verdict on its submission.
    fn outcome(
        &mut self,
        position: usize,
        receipt: &CloseReceipt,
        verdicts: &[Placed<VerdictReceipt>],
        submitted: Option<usize>,
    ) {
        use SeatOutcome::{
            Invalid, Late, LateAfterSilence, Missed, OnTime, Posted, Released, Silent,
        };
        let outcome = match SeatOutcome::try_from(receipt.outcome) {
            Ok(outcome) => outcome,
            Err(error) => {
                self.find(
                    position,
                    None,
                    FindingKind::Contradiction,
                    error.to_string(),
                );
                return;
            }
        };
        let judged =
            |fits: fn(&VerdictReceipt) -> bool| verdicts.iter().any(|(_, verdict)| fits(verdict));
        let fits = match outcome {
            // Taken back by L1 (a reorganisation, a judgement, an unpaid settlement), whatever it was before.
            Released => true,
            Missed | Silent => verdicts.is_empty() && submitted.is_none(),
            OnTime | LateAfterSilence => judged(|verdict| verdict.valid && verdict.onTime),
            Posted => !judged(|verdict| !verdict.valid || verdict.onTime),
            Late => judged(|verdict| verdict.valid && !verdict.onTime),
            Invalid => judged(|verdict| !verdict.valid),
        };
        if !fits {
            let against = verdicts.last().map(|(against, _)| *against).or(submitted);
            let sentence = format!("the seat ended as {outcome:?}, which its verdict excludes");
            self.find(position, against, FindingKind::Contradiction, sentence);
        }
    }

    /// What can be said when all is read. The end of a seat comes with a heartbeat and can overtake the answer to its
    /// submission; submission and verdict come in one answer.
    fn end(&mut self) {
        let seats = std::mem::take(&mut self.seats);
        let mut missing = Vec::new();
        for seat in seats.values() {
            let submitted = seat.submissions.last().map(|(against, _)| *against);
            for (position, close) in &seat.closes {
                self.outcome(*position, close, &seat.verdicts, submitted);
            }
            for (position, submission) in &seat.submissions {
                let digest = submission.proofDigest;
                let is_judged = seat
                    .verdicts
                    .iter()
                    .any(|(_, verdict)| verdict.proofDigest == digest);
                if !is_judged {
                    missing.push((*position, digest));
                }
            }
        }
        for (position, digest) in missing {
            let sentence = format!("the proof {digest} was received and has no verdict");
            self.find(position, None, FindingKind::NoVerdict, sentence);
        }
    }
}
