//! Receipts that exclude each other, whatever L1 says of their task: evidence against the operator's bond (`Evidence` on L1 repeats this
//! module).

use super::{AssignmentReceipt, CloseReceipt, SubmissionReceipt, VerdictReceipt};

impl AssignmentReceipt {
    /// One seat, drawn from one seed, was assigned in two ways.
    pub fn excludes(&self, other: &Self) -> bool {
        let of = |r: &Self| (r.task, r.round, r.roller, r.seed);
        of(self) == of(other) && self != other
    }
}

impl VerdictReceipt {
    /// The same bytes of one seat are called valid and invalid.
    pub fn excludes(&self, other: &Self) -> bool {
        let of = |r: &Self| (r.task, r.round, r.roller, r.proofDigest);
        of(self) == of(other) && self.valid != other.valid
    }

    /// `onTime` is not what the seat's deadline and the time of receipt say.
    pub fn mistakes_time(
        &self,
        assigned: &AssignmentReceipt,
        received: &SubmissionReceipt,
    ) -> bool {
        let seat = (self.task, self.round, self.roller);
        let is_of_seat = (assigned.task, assigned.round, assigned.roller) == seat
            && (received.task, received.round, received.roller) == seat;
        is_of_seat
            && received.proofDigest == self.proofDigest
            && self.onTime != (received.receivedAt <= assigned.deadline)
    }
}

impl CloseReceipt {
    /// One seat ended in two ways, with the same entries.
    pub fn excludes(&self, other: &Self) -> bool {
        let of = |r: &Self| (r.task, r.round, r.roller, r.entriesHash);
        of(self) == of(other) && self.outcome != other.outcome
    }
}
