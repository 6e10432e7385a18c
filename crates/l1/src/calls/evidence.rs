//! Calls of Evidence: what a roller puts on L1 against silence, and the charges against the operator.
//!
//! A pair of a receipt and bytes is the receipt with the operator's signature.

use alloy::{
    primitives::{Address, Bytes},
    sol_types::SolValue,
};
use rollmill_protocol::PublicValues;

use super::{court::Seat, same};
use crate::{
    Call,
    artifacts::evidence_selector,
    contracts::{
        Evidence::{
            AssignmentReceipt, CloseReceipt, Submission, SubmissionReceipt, VerdictReceipt,
            droppedVerdictCall, lateSettlementCall, lostBeaconCall, postSubmissionCall,
            twoAssignmentsCall, twoClosesCall, twoVerdictsCall, wrongTimeCall,
        },
        Rollup::Entry,
    },
};

/// `postSubmission`: a signed submission whose bytes are at `location`.
pub fn post_submission(
    evidence: Address,
    batch: u64,
    (s, signature): (Submission, Bytes),
    (a, operator_signature): (AssignmentReceipt, Bytes),
    location: String,
) -> Call {
    let call = postSubmissionCall {
        batch,
        s,
        signature,
        a,
        operatorSignature: operator_signature,
        location,
    };
    Call::new(evidence, &call)
}

/// `droppedPosted`: the posted bytes are valid and missing from the entries.
pub fn dropped_posted(
    evidence: Address,
    (task, round, roller): Seat,
    values: &PublicValues,
    proof: Bytes,
    entries: &[Entry],
) -> Call {
    let arguments = (task, round, roller, values.words(), proof, entries.to_vec());
    super::call(
        evidence,
        evidence_selector("droppedPosted"),
        &arguments.abi_encode_params(),
    )
}

/// `droppedVerdict`: the operator called the proof valid and in time, and did not enter it.
pub fn dropped_verdict(
    evidence: Address,
    batch: u64,
    (a, assignment_signature): (AssignmentReceipt, Bytes),
    (v, verdict_signature): (VerdictReceipt, Bytes),
    entries: &[Entry],
) -> Call {
    let call = droppedVerdictCall {
        batch,
        a,
        assignmentSignature: assignment_signature,
        v,
        verdictSignature: verdict_signature,
        entries: entries.iter().map(same).collect(),
    };
    Call::new(evidence, &call)
}

/// `twoAssignments`: two of one seat under one seed that differ.
pub fn two_assignments(
    evidence: Address,
    batch: u64,
    (a, signature_a): (AssignmentReceipt, Bytes),
    (b, signature_b): (AssignmentReceipt, Bytes),
) -> Call {
    let call = twoAssignmentsCall {
        batch,
        a,
        signatureA: signature_a,
        b,
        signatureB: signature_b,
    };
    Call::new(evidence, &call)
}

/// `twoVerdicts`: valid and invalid over the same bytes.
pub fn two_verdicts(
    evidence: Address,
    batch: u64,
    (a, signature_a): (VerdictReceipt, Bytes),
    (b, signature_b): (VerdictReceipt, Bytes),
) -> Call {
    let call = twoVerdictsCall {
        batch,
        a,
        signatureA: signature_a,
        b,
        signatureB: signature_b,
    };
    Call::new(evidence, &call)
}

/// `twoCloses`: two ends of one seat among the same entries.
pub fn two_closes(
    evidence: Address,
    batch: u64,
    (a, signature_a): (CloseReceipt, Bytes),
    (b, signature_b): (CloseReceipt, Bytes),
) -> Call {
    let call = twoClosesCall {
        batch,
        a,
        signatureA: signature_a,
        b,
        signatureB: signature_b,
    };
    Call::new(evidence, &call)
}

/// `wrongTime`: `onTime` is not what the time of receipt and the deadline say.
pub fn wrong_time(
    evidence: Address,
    batch: u64,
    (a, assignment_signature): (AssignmentReceipt, Bytes),
    (s, submission_signature): (SubmissionReceipt, Bytes),
    (v, verdict_signature): (VerdictReceipt, Bytes),
) -> Call {
    let call = wrongTimeCall {
        batch,
        a,
        assignmentSignature: assignment_signature,
        s,
        submissionSignature: submission_signature,
        v,
        verdictSignature: verdict_signature,
    };
    Call::new(evidence, &call)
}

/// `lateSettlement`: settled unpaid although the operator held the winner's bytes, and the reward is burned.
pub fn late_settlement(
    evidence: Address,
    batch: u64,
    (r, signature): (SubmissionReceipt, Bytes),
    entries: &[Entry],
) -> Call {
    let call = lateSettlementCall {
        batch,
        r,
        signature,
        entries: entries.iter().map(same).collect(),
    };
    Call::new(evidence, &call)
}

/// `lostBeacon`: settled unpaid because nobody stored the lottery's beacon while that could be done.
pub fn lost_beacon(evidence: Address, batch: u64) -> Call {
    Call::new(evidence, &lostBeaconCall { batch })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloy::primitives::B256;

    use super::*;
    use crate::calls::tests::decoded;

    #[test]
    fn a_dropped_post_decodes_under_the_real_abi() {
        let values = PublicValues {
            program_version: 5,
            ..Default::default()
        };
        let seat = (B256::repeat_byte(1), 2, Address::repeat_byte(3));
        let entry = Entry {
            roller: Address::repeat_byte(8),
            tickets: 4,
            proofDigest: B256::repeat_byte(6),
        };
        let proof = Bytes::from_static(&[9]);
        let call = dropped_posted(Address::ZERO, seat, &values, proof, &[entry]);
        let arguments = decoded(4, "droppedPosted", &call.input);
        assert_eq!(arguments[0].as_fixed_bytes().unwrap().0, seat.0.as_slice());
        assert_eq!(arguments[1].as_uint().unwrap().0.to::<u32>(), 2);
        let fields = arguments[3].as_tuple().unwrap();
        assert_eq!(fields[1].as_uint().unwrap().0.to::<u32>(), 5);
        assert_eq!(arguments[4].as_bytes().unwrap(), [9]);
        let entries = arguments[5].as_array().unwrap();
        let fields = entries[0].as_tuple().unwrap();
        assert_eq!(fields[0].as_address().unwrap(), Address::repeat_byte(8));
        assert_eq!(fields[1].as_uint().unwrap().0.to::<u32>(), 4);
    }
}
