//! May a roller act on an answer? Only if the operator signed for it, and for what was asked.

use alloy::sol_types::{Eip712Domain, SolStruct};
use alloy_primitives::Address;
use rollmill_protocol::Roller;

use super::{NotSigned, Signed, SignedReceipt, seat_id};
use crate::{
    Assignment, HeartbeatReply, HeartbeatRequest, SignedSubmission, SubmissionReply, VerdictKind,
};

/// An answer that a roller must not act on.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// There is no receipt.
    #[error("the answer has no {0} receipt")]
    Missing(&'static str),
    /// It does not bind the operator.
    #[error("the {what} receipt does not bind the operator")]
    NotSigned {
        /// Kind of the receipt.
        what: &'static str,
        /// Why.
        #[source]
        source: NotSigned,
    },
    /// It speaks of something else than the question or the answer.
    #[error("the {what} receipt says something else than the {than}")]
    Other {
        /// Kind of the receipt.
        what: &'static str,
        /// What it should agree with.
        than: &'static str,
    },
}

/// Who asks, and whose signature counts.
#[derive(Clone, Debug)]
pub struct Asker {
    /// The deployment's domain.
    pub domain: Eip712Domain,
    /// The operator of the deployment.
    pub operator: Address,
    /// The asking roller.
    pub roller: Roller,
}

impl Asker {
    fn signed<T: SolStruct>(
        &self,
        what: &'static str,
        signed: &Signed<T>,
    ) -> Result<(), ReceiptError> {
        signed
            .check(&self.domain, self.operator)
            .map_err(|source| ReceiptError::NotSigned { what, source })
    }

    fn present<'a, T: SolStruct>(
        &self,
        what: &'static str,
        signed: &'a Option<Signed<T>>,
    ) -> Result<&'a Signed<T>, ReceiptError> {
        let signed = signed.as_ref().ok_or(ReceiptError::Missing(what))?;
        self.signed(what, signed)?;
        Ok(signed)
    }

    /// The receipts of an assignment, to be kept before the work begins: the seat's, then those of passed-over hits.
    pub fn assignment(&self, answer: &Assignment) -> Result<Vec<SignedReceipt>, ReceiptError> {
        let what = "assignment";
        let signed = self.present(what, &answer.receipt)?;
        let receipt = &signed.receipt;
        let said = (
            seat_id(receipt.task, receipt.round),
            receipt.roller,
            receipt.tickets,
            (receipt.assignedAt, receipt.deadline),
        );
        let shown = (
            answer.seat,
            self.roller,
            answer.tickets,
            (answer.assigned_unix_s, answer.deadline_unix_s),
        );
        if said != shown || answer.roller != self.roller {
            return Err(ReceiptError::Other {
                what,
                than: "assignment",
            });
        }
        let mut receipts = vec![signed.clone().into()];
        for hit in &answer.passed_over {
            self.signed("pass-over", hit)?;
            if seat_id(hit.receipt.task, hit.receipt.round) != answer.seat {
                return Err(ReceiptError::Other {
                    what: "pass-over",
                    than: "assignment",
                });
            }
            receipts.push(hit.clone().into());
        }
        Ok(receipts)
    }

    /// The receipts of a heartbeat: its own, then those of closed tasks that were asked for.
    pub fn heartbeat(
        &self,
        request: &HeartbeatRequest,
        answer: &HeartbeatReply,
    ) -> Result<Vec<SignedReceipt>, ReceiptError> {
        let what = "heartbeat";
        let signed = self.present(what, &answer.receipt)?;
        let receipt = &signed.receipt;
        // Who is ready may be kept out for an earlier drain; nobody is ready who drains.
        let is_too_ready = receipt.ready && !request.ready;
        if (receipt.roller, receipt.at) != (self.roller, answer.now_unix_s) || is_too_ready {
            return Err(ReceiptError::Other {
                what,
                than: "heartbeat",
            });
        }
        let mut receipts = vec![signed.clone().into()];
        for close in &answer.closed {
            self.signed("close", close)?;
            let seat = seat_id(close.receipt.task, close.receipt.round);
            if close.receipt.roller != self.roller || !request.awaiting.contains(&seat) {
                return Err(ReceiptError::Other {
                    what: "close",
                    than: "heartbeat",
                });
            }
            receipts.push(close.clone().into());
        }
        Ok(receipts)
    }

    /// The receipts of a submission: that it was received, and the verdict.
    pub fn submission(
        &self,
        asked: &SignedSubmission,
        answer: &SubmissionReply,
    ) -> Result<Vec<SignedReceipt>, ReceiptError> {
        let received = self.present("submission", &answer.received)?;
        let judged = self.present("verdict", &answer.judged)?;
        let receipt = &received.receipt;
        let is_asked = (receipt.task, receipt.round, receipt.roller)
            == (asked.task.0, asked.round, asked.roller)
            && receipt.publicValuesHash == asked.public_values_hash
            && receipt.proofDigest == asked.proof_digest.0
            && receipt.receivedAt == answer.received_unix_s;
        if !is_asked {
            return Err(ReceiptError::Other {
                what: "submission",
                than: "submission",
            });
        }
        let verdict = &judged.receipt;
        let is_same = (verdict.task, verdict.round, verdict.roller)
            == (asked.task.0, asked.round, asked.roller)
            && verdict.proofDigest == asked.proof_digest.0
            && verdict.valid == (answer.verdict == VerdictKind::Valid)
            && verdict.onTime == answer.on_time;
        if !is_same {
            return Err(ReceiptError::Other {
                what: "verdict",
                than: "submission",
            });
        }
        Ok(vec![received.clone().into(), judged.clone().into()])
    }
}
