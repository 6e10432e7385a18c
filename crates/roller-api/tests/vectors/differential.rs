//! The digests (EIP-712) of everything that L1 reads signatures of, on 10,000 random cases each (see [`super::cases`]): Solidity makes
//! the same cases (`contracts/test/DifferentialReceipts.t.sol`) and must come to the same hashes. And which of them exclude each other
//! (`contracts/test/DifferentialEvidence.t.sol`).
//!
//! Words 0 and 1 are chain id and Rollup; the fields follow in the order of the type, from word 2 on.

use alloy::sol_types::SolStruct;
use alloy_primitives::B256;
use rollmill_roller_api::{
    Submission, domain,
    receipts::{
        AssignmentReceipt, CloseReceipt, HeartbeatReceipt, PassOverReceipt, SubmissionReceipt,
        VerdictReceipt,
    },
};
use serde_json::Value;

use super::cases::{Case, int, run};

/// The running hashes of every type.
pub fn all() -> Value {
    let rules = [
        run("submission", |case| digest(case, submission(case))),
        run("assignment", |case| digest(case, assignment(case))),
        run("passOver", |case| digest(case, pass_over(case))),
        run("heartbeat", |case| digest(case, heartbeat(case))),
        run("submissionReceipt", |case| digest(case, received(case))),
        run("verdict", |case| digest(case, verdict(case))),
        run("close", |case| digest(case, close(case))),
        run("contradictions", contradictions),
    ];
    Value::Object(rules.into_iter().collect())
}

/// What is signed, under the case's own chain and contract.
fn digest<T: SolStruct>(case: &Case, signed: T) -> Vec<B256> {
    let domain = domain(case.u32(0).into(), case.address(1));
    vec![signed.eip712_signing_hash(&domain)]
}

fn flag(case: &Case, j: u64) -> bool {
    case.u64(j).is_multiple_of(2)
}

fn submission(case: &Case) -> Submission {
    Submission {
        task: case.word(2),
        round: case.u32(3),
        roller: case.address(4),
        publicValuesHash: case.word(5),
        proofDigest: case.word(6),
    }
}

fn assignment(case: &Case) -> AssignmentReceipt {
    AssignmentReceipt {
        task: case.word(2),
        round: case.u32(3),
        roller: case.address(4),
        tickets: case.u32(5),
        assignedAt: case.u64(6),
        deadline: case.u64(7),
        seed: case.word(8),
    }
}

fn pass_over(case: &Case) -> PassOverReceipt {
    PassOverReceipt {
        task: case.word(2),
        round: case.u32(3),
        roller: case.address(4),
        point: case.u32(5),
        reason: case.u32(6) as u8,
        at: case.u64(7),
    }
}

fn heartbeat(case: &Case) -> HeartbeatReceipt {
    HeartbeatReceipt {
        roller: case.address(2),
        at: case.u64(3),
        ready: flag(case, 4),
    }
}

fn received(case: &Case) -> SubmissionReceipt {
    SubmissionReceipt {
        task: case.word(2),
        round: case.u32(3),
        roller: case.address(4),
        publicValuesHash: case.word(5),
        proofDigest: case.word(6),
        receivedAt: case.u64(7),
    }
}

fn verdict(case: &Case) -> VerdictReceipt {
    VerdictReceipt {
        task: case.word(2),
        round: case.u32(3),
        roller: case.address(4),
        proofDigest: case.word(5),
        valid: flag(case, 6),
        onTime: flag(case, 7),
    }
}

fn close(case: &Case) -> CloseReceipt {
    CloseReceipt {
        task: case.word(2),
        round: case.u32(3),
        roller: case.address(4),
        outcome: case.u32(5) as u8,
        entriesHash: case.word(6),
        closedAt: case.u64(7),
    }
}

/// Receipts of which one field may differ: do they exclude each other? Each kind has a task of its own, whose number is its id.
fn contradictions(case: &Case) -> Vec<B256> {
    let task = |kind: u64| int(4 * case.number + 1 + kind);
    let change = case.u64(1) % 8;
    vec![
        int(assignments_differ(case, task(0), change)),
        int(verdicts_differ(case, task(1), change)),
        int(closes_differ(case, task(2), change)),
        int(is_wrong_time(case, task(3), change)),
    ]
}

fn assignments_differ(case: &Case, task: B256, change: u64) -> bool {
    let a = AssignmentReceipt {
        task,
        ..assignment(case)
    };
    let mut b = a.clone();
    match change {
        0 => b.task = case.word(20),
        1 => b.round = case.u32(20),
        2 => b.roller = case.address(20),
        3 => b.tickets = case.u32(20),
        4 => b.assignedAt = case.u64(20),
        5 => b.deadline = case.u64(20),
        6 => b.seed = case.word(20),
        _ => {}
    }
    a.excludes(&b)
}

fn verdicts_differ(case: &Case, task: B256, change: u64) -> bool {
    let a = VerdictReceipt {
        task,
        ..verdict(case)
    };
    let mut b = a.clone();
    // A verdict over something else may be another.
    b.valid = a.valid ^ flag(case, 21);
    match change {
        0 => b.task = case.word(20),
        1 => b.round = case.u32(20),
        2 => b.roller = case.address(20),
        3 => b.proofDigest = case.word(20),
        4 => b.onTime = !a.onTime,
        _ => {}
    }
    a.excludes(&b)
}

fn closes_differ(case: &Case, task: B256, change: u64) -> bool {
    let a = CloseReceipt {
        task,
        ..close(case)
    };
    let mut b = a.clone();
    if flag(case, 21) {
        b.outcome = case.u32(22) as u8;
    }
    match change {
        0 => b.task = case.word(20),
        1 => b.round = case.u32(20),
        2 => b.roller = case.address(20),
        3 => b.entriesHash = case.word(20),
        4 => b.closedAt = case.u64(20),
        _ => {}
    }
    a.excludes(&b)
}

fn is_wrong_time(case: &Case, task: B256, change: u64) -> bool {
    let mut a = AssignmentReceipt {
        task,
        ..assignment(case)
    };
    a.deadline = (a.deadline >> 1) + 1;
    let mut s = SubmissionReceipt {
        task,
        round: a.round,
        roller: a.roller,
        publicValuesHash: case.word(21),
        proofDigest: case.word(22),
        receivedAt: a.deadline + case.u64(23) % 3 - 1,
    };
    let mut v = VerdictReceipt {
        task,
        round: a.round,
        roller: a.roller,
        proofDigest: s.proofDigest,
        valid: flag(case, 24),
        onTime: flag(case, 25),
    };
    match change {
        0 => s.round = case.u32(20),
        1 => s.roller = case.address(20),
        2 => v.round = case.u32(20),
        3 => v.proofDigest = case.word(20),
        _ => {}
    }
    v.mistakes_time(&a, &s)
}
