//! The digests (EIP-712) of everything that L1 reads signatures of, on 10,000 random cases each (see [`super::cases`]): Solidity makes
//! the same cases (`contracts/test/DifferentialReceipts.t.sol`) and must come to the same hashes.
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

use super::cases::{Case, run};

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
