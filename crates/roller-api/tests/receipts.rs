//! Receipts: the format that L1 hashes, what a roller refuses, and what an examination finds.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::{fs, path::Path};

use alloy::{
    signers::local::PrivateKeySigner,
    sol_types::{Eip712Domain, SolStruct},
};
use alloy_primitives::{Address, B256, Bytes};
use rollmill_protocol::{ProofDigest, TaskId};
use rollmill_roller_api::{
    Assignment, HeartbeatReply, HeartbeatRequest, SeatId, SignedSubmission, SubmissionReply,
    TaskKind, VerdictKind, domain,
    receipts::{
        Asker, AssignmentReceipt, CloseReceipt, FindingKind, Foreign, HeartbeatReceipt,
        PassOverReceipt, ReceiptError, SeatOutcome, Signed, SignedReceipt, SubmissionReceipt,
        VerdictReceipt, binding, examine, parse,
    },
};

#[path = "vectors/values.rs"]
mod values;

const TASK: B256 = B256::repeat_byte(1);
const ROLLER: Address = Address::repeat_byte(2);
const DIGEST: B256 = B256::repeat_byte(3);
const VALUES: B256 = B256::repeat_byte(4);
const SEED: B256 = B256::repeat_byte(5);
const ASSIGNED_AT: u64 = 100;
const DEADLINE: u64 = 160;

struct Operator {
    key: PrivateKeySigner,
    domain: Eip712Domain,
}

impl Operator {
    fn new(key: u8, rollup: u8) -> Self {
        Self {
            key: PrivateKeySigner::from_bytes(&B256::repeat_byte(key)).unwrap(),
            domain: domain(1_337_001, Address::repeat_byte(rollup)),
        }
    }

    fn ours() -> Self {
        Self::new(7, 9)
    }

    fn asker(&self) -> Asker {
        Asker {
            domain: self.domain.clone(),
            operator: self.key.address(),
            roller: ROLLER,
        }
    }

    async fn sign<T: SolStruct>(&self, receipt: T) -> Signed<T> {
        Signed::sign(&self.key, &self.domain, receipt)
            .await
            .unwrap()
    }

    async fn keep<T: SolStruct>(&self, receipt: T) -> SignedReceipt
    where
        SignedReceipt: From<Signed<T>>,
    {
        self.sign(receipt).await.into()
    }

    fn examine(&self, receipts: &[SignedReceipt]) -> Vec<(usize, Option<usize>, FindingKind)> {
        examine(receipts, &self.domain, self.key.address())
            .into_iter()
            .map(|finding| (finding.position, finding.against, finding.kind))
            .collect()
    }

    /// Everything of a seat that went well.
    async fn clean(&self) -> Vec<SignedReceipt> {
        vec![
            self.keep(heartbeat(99)).await,
            self.keep(assignment()).await,
            self.keep(heartbeat(120)).await,
            self.keep(submission(150)).await,
            self.keep(verdict(true, true)).await,
            self.keep(close(SeatOutcome::OnTime)).await,
        ]
    }
}

fn assignment() -> AssignmentReceipt {
    AssignmentReceipt {
        task: TASK,
        round: 0,
        roller: ROLLER,
        tickets: 2,
        assignedAt: ASSIGNED_AT,
        deadline: DEADLINE,
        seed: SEED,
    }
}

fn heartbeat(at: u64) -> HeartbeatReceipt {
    HeartbeatReceipt {
        roller: ROLLER,
        at,
        ready: true,
    }
}

fn submission(received_at: u64) -> SubmissionReceipt {
    SubmissionReceipt {
        task: TASK,
        round: 0,
        roller: ROLLER,
        publicValuesHash: VALUES,
        proofDigest: DIGEST,
        receivedAt: received_at,
    }
}

fn verdict(valid: bool, on_time: bool) -> VerdictReceipt {
    VerdictReceipt {
        task: TASK,
        round: 0,
        roller: ROLLER,
        proofDigest: DIGEST,
        valid,
        onTime: on_time,
    }
}

fn close(outcome: SeatOutcome) -> CloseReceipt {
    CloseReceipt {
        task: TASK,
        round: 0,
        roller: ROLLER,
        outcome: outcome.into(),
        entriesHash: B256::repeat_byte(6),
        closedAt: 161,
    }
}

fn seat() -> SeatId {
    SeatId {
        task: TaskId(TASK),
        round: 0,
    }
}

#[tokio::test]
async fn golden_vectors_are_current() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    for (name, value) in values::all().await {
        let bytes = fs::read(folder.join(name).with_extension("json")).unwrap();
        let committed: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(
            committed, value,
            "{name}: run `cargo run -p rollmill-roller-api --example receipt_vectors`"
        );
    }
}

#[test]
fn types_are_what_l1_hashes() {
    let types = [
        AssignmentReceipt::eip712_encode_type(),
        HeartbeatReceipt::eip712_encode_type(),
        SubmissionReceipt::eip712_encode_type(),
        VerdictReceipt::eip712_encode_type(),
        CloseReceipt::eip712_encode_type(),
        PassOverReceipt::eip712_encode_type(),
    ];
    let expected = [
        "AssignmentReceipt(bytes32 task,uint32 round,address roller,uint32 tickets,uint64 assignedAt,uint64 deadline,bytes32 seed)",
        "HeartbeatReceipt(address roller,uint64 at,bool ready)",
        "SubmissionReceipt(bytes32 task,uint32 round,address roller,bytes32 publicValuesHash,bytes32 proofDigest,uint64 receivedAt)",
        "VerdictReceipt(bytes32 task,uint32 round,address roller,bytes32 proofDigest,bool valid,bool onTime)",
        "CloseReceipt(bytes32 task,uint32 round,address roller,uint8 outcome,bytes32 entriesHash,uint64 closedAt)",
        "PassOverReceipt(bytes32 task,uint32 round,address roller,uint32 point,uint8 reason,uint64 at)",
    ];
    assert_eq!(types.map(|encoded| encoded.to_string()), expected);
}

#[tokio::test]
async fn a_kept_receipt_survives_its_line() {
    let operator = Operator::ours();
    for receipt in operator.clean().await {
        let line = serde_json::to_string(&receipt).unwrap();
        assert_eq!(
            serde_json::from_str::<SignedReceipt>(&line).unwrap(),
            receipt
        );
    }
    let line = serde_json::to_string(&operator.keep(heartbeat(99)).await).unwrap();
    assert!(
        line.starts_with(r#"{"kind":"heartbeat","receipt":{"roller":"0x"#),
        "{line}"
    );
}

#[tokio::test]
async fn a_clean_pile_has_no_findings() {
    let operator = Operator::ours();
    assert_eq!(operator.examine(&operator.clean().await), []);
    // The same seat, drawn anew from another seed after L1 was reorganised; and repeats of what was said.
    let mut again = operator.clean().await;
    let redrawn = AssignmentReceipt {
        seed: B256::repeat_byte(0xee),
        assignedAt: 200,
        deadline: 260,
        ..assignment()
    };
    again.push(operator.keep(redrawn).await);
    again.push(operator.keep(submission(210)).await);
    again.push(operator.keep(verdict(true, true)).await);
    assert_eq!(operator.examine(&again), []);
}

#[tokio::test]
async fn what_another_signed_or_somebody_altered_is_found() {
    let operator = Operator::ours();
    let not_signed = |position| vec![(position, None, FindingKind::NotSigned)];
    let mut pile = operator.clean().await;
    pile[0] = Operator::new(8, 9).keep(heartbeat(99)).await;
    assert_eq!(operator.examine(&pile), not_signed(0), "another operator");

    let mut pile = operator.clean().await;
    pile[0] = Operator::new(7, 10).keep(heartbeat(99)).await;
    assert_eq!(operator.examine(&pile), not_signed(0), "another domain");

    let mut pile = operator.clean().await;
    let SignedReceipt::Heartbeat(signed) = &mut pile[0] else {
        panic!("the first is a heartbeat")
    };
    signed.receipt.at -= 1;
    assert_eq!(operator.examine(&pile), not_signed(0), "an altered field");

    let mut pile = operator.clean().await;
    let SignedReceipt::Heartbeat(signed) = &mut pile[0] else {
        panic!("the first is a heartbeat")
    };
    signed.signature = Bytes::new();
    assert_eq!(operator.examine(&pile), not_signed(0), "no signature");
}

#[tokio::test]
async fn a_pile_of_another_rollup_or_operator_is_called_so() {
    let (operator, count) = (Operator::ours(), 6);
    let whose = |pile: Vec<SignedReceipt>| binding(pile, &operator.domain, operator.key.address());
    let ours = operator.clean().await;
    assert_eq!(whose(ours.clone()), Ok(ours.clone()));
    assert_eq!(whose(Vec::new()), Ok(Vec::new()));

    let here = operator.key.address();
    let rollup = |count| {
        Err(Foreign::Rollup {
            count,
            operator: here,
        })
    };
    let elsewhere = Operator::new(7, 10).clean().await;
    assert_eq!(whose(elsewhere.clone()), rollup(count));
    assert_eq!(whose(elsewhere[..1].to_vec()), rollup(1));
    let other = Operator::new(8, 9);
    let signer = other.key.address();
    let operator = Err(Foreign::Operator {
        signer,
        operator: here,
    });
    assert_eq!(whose(other.clean().await), operator);

    // One that binds is enough: the others are left out.
    let mixed = [&elsewhere[..2], &ours[..1]].concat();
    assert_eq!(whose(mixed), Ok(ours[..1].to_vec()));
}

#[tokio::test]
async fn a_file_of_receipts_is_read_to_its_last_whole_line() {
    let pile = Operator::ours().clean().await;
    let lines = pile.iter().map(serde_json::to_string);
    let whole: String = lines.map(|line| line.unwrap() + "\n").collect();
    let cut = format!("{whole}{{\"kind\":\"assign");
    assert_eq!(parse(cut.as_bytes()).unwrap(), (pile, whole.len()));
    assert_eq!(parse(b"").unwrap(), (Vec::new(), 0));
    let damaged = format!("{whole}{{}}\n");
    assert_eq!(parse(damaged.as_bytes()).unwrap_err().line, 7);
}

#[tokio::test]
async fn contradictory_pairs_are_found() {
    let operator = Operator::ours();
    let pairs = [
        operator
            .keep(AssignmentReceipt {
                deadline: DEADLINE + 1,
                ..assignment()
            })
            .await,
        operator.keep(verdict(false, true)).await,
        operator.keep(close(SeatOutcome::Released)).await,
    ];
    for (other, against) in pairs.into_iter().zip([1, 4, 5]) {
        let mut pile = operator.clean().await;
        pile.push(other);
        assert_eq!(
            operator.examine(&pile),
            [(6, Some(against), FindingKind::Contradiction)]
        );
    }
}

/// The end comes with a heartbeat, submission and verdict with the answer to the upload: either can be kept first.
#[tokio::test]
async fn an_end_may_overtake_the_verdict() {
    let operator = Operator::ours();
    let mut pile = operator.clean().await;
    let end = pile.pop().unwrap();
    pile.insert(3, end);
    assert_eq!(operator.examine(&pile), []);
    // But it cannot do without.
    pile.truncate(4);
    let missing = [(3, None, FindingKind::Contradiction)];
    assert_eq!(operator.examine(&pile), missing);
}

#[tokio::test]
async fn an_end_that_the_verdict_excludes_is_found() {
    let operator = Operator::ours();
    let excluded = [
        ((true, true), SeatOutcome::Missed),
        ((true, true), SeatOutcome::Late),
        ((true, true), SeatOutcome::Invalid),
        ((false, true), SeatOutcome::OnTime),
    ];
    for ((valid, on_time), outcome) in excluded {
        let mut pile = operator.clean().await;
        pile[4] = operator.keep(verdict(valid, on_time)).await;
        pile[5] = operator.keep(close(outcome)).await;
        let expected = [(5, Some(4), FindingKind::Contradiction)];
        assert_eq!(operator.examine(&pile), expected, "{outcome:?}");
    }
    let mut unknown = operator.clean().await;
    let code = CloseReceipt {
        outcome: 99,
        ..close(SeatOutcome::OnTime)
    };
    unknown[5] = operator.keep(code).await;
    assert_eq!(
        operator.examine(&unknown),
        [(5, None, FindingKind::Contradiction)]
    );
}

#[tokio::test]
async fn a_deadline_that_was_bent_is_found() {
    let operator = Operator::ours();
    for (received_at, on_time) in [(DEADLINE, false), (DEADLINE + 1, true)] {
        let pile = [
            operator.keep(assignment()).await,
            operator.keep(submission(received_at)).await,
            operator.keep(verdict(true, on_time)).await,
        ];
        assert_eq!(
            operator.examine(&pile),
            [(2, Some(1), FindingKind::Deadline)]
        );
    }
}

#[tokio::test]
async fn missing_and_misplaced_receipts_are_found() {
    let operator = Operator::ours();
    let mut no_verdict = operator.clean().await;
    no_verdict.truncate(4);
    assert_eq!(
        operator.examine(&no_verdict),
        [(3, None, FindingKind::NoVerdict)]
    );
    let order = |position| (position, None, FindingKind::Order);
    let unassigned = [
        operator.keep(submission(150)).await,
        operator.keep(verdict(true, true)).await,
        operator.keep(close(SeatOutcome::OnTime)).await,
    ];
    assert_eq!(operator.examine(&unassigned), [order(0), order(2)]);
    let unheard = [
        operator.keep(assignment()).await,
        operator.keep(verdict(true, true)).await,
    ];
    assert_eq!(operator.examine(&unheard), [order(1)]);
    let backwards = [
        operator.keep(heartbeat(120)).await,
        operator.keep(heartbeat(119)).await,
    ];
    assert_eq!(operator.examine(&backwards), [order(1)]);
}

/// An answer to a pick as a correct coordinator gives it.
async fn assigned(operator: &Operator) -> Assignment {
    let hit = PassOverReceipt {
        task: TASK,
        round: 0,
        roller: Address::repeat_byte(0xaa),
        point: 1,
        reason: 4,
        at: ASSIGNED_AT,
    };
    Assignment {
        kind: TaskKind::Seat,
        seat: seat(),
        batch: 1,
        roller: ROLLER,
        tickets: 2,
        program_version: 1,
        witness_hash: B256::ZERO,
        prover_gas_estimate: 5,
        assigned_unix_s: ASSIGNED_AT,
        deadline_unix_s: DEADLINE,
        receipt: Some(operator.sign(assignment()).await),
        passed_over: vec![operator.sign(hit).await],
    }
}

#[tokio::test]
async fn an_assignment_is_taken_only_with_its_receipt() {
    let (operator, stranger) = (Operator::ours(), Operator::new(8, 9));
    let asker = operator.asker();
    let good = assigned(&operator).await;
    assert_eq!(asker.assignment(&good).unwrap().len(), 2);

    let missing = Assignment {
        receipt: None,
        ..good.clone()
    };
    assert!(matches!(
        asker.assignment(&missing),
        Err(ReceiptError::Missing("assignment"))
    ));
    let foreign = assigned(&stranger).await;
    assert!(matches!(
        asker.assignment(&foreign),
        Err(ReceiptError::NotSigned { .. })
    ));
    let longer = Assignment {
        deadline_unix_s: DEADLINE + 1,
        ..good.clone()
    };
    assert!(matches!(
        asker.assignment(&longer),
        Err(ReceiptError::Other { .. })
    ));
    let elsewhere = Asker {
        roller: Address::repeat_byte(0xbb),
        ..asker.clone()
    };
    assert!(matches!(
        elsewhere.assignment(&good),
        Err(ReceiptError::Other { .. })
    ));
    let mut other_draw = good.clone();
    other_draw.passed_over[0] = operator
        .sign(PassOverReceipt {
            round: 1,
            ..other_draw.passed_over[0].receipt.clone()
        })
        .await;
    assert!(matches!(
        asker.assignment(&other_draw),
        Err(ReceiptError::Other {
            what: "pass-over",
            ..
        })
    ));
}

#[tokio::test]
async fn a_heartbeat_is_taken_only_with_its_receipt() {
    let operator = Operator::ours();
    let asker = operator.asker();
    let request = HeartbeatRequest {
        ready: true,
        tasks: Vec::new(),
        awaiting: vec![seat()],
    };
    let good = HeartbeatReply {
        now_unix_s: 120,
        stop: Vec::new(),
        receipt: Some(operator.sign(heartbeat(120)).await),
        closed: vec![operator.sign(close(SeatOutcome::OnTime)).await],
    };
    assert_eq!(asker.heartbeat(&request, &good).unwrap().len(), 2);
    let resting = HeartbeatReceipt {
        ready: false,
        ..heartbeat(120)
    };
    let resting = HeartbeatReply {
        receipt: Some(operator.sign(resting).await),
        ..good.clone()
    };
    assert_eq!(asker.heartbeat(&request, &resting).unwrap().len(), 2);
    let drained = HeartbeatRequest {
        ready: false,
        ..request.clone()
    };
    assert!(matches!(
        asker.heartbeat(&drained, &good),
        Err(ReceiptError::Other { .. })
    ));
    let unasked = HeartbeatRequest {
        awaiting: Vec::new(),
        ..request.clone()
    };
    assert!(matches!(
        asker.heartbeat(&unasked, &good),
        Err(ReceiptError::Other { what: "close", .. })
    ));
    let missing = HeartbeatReply {
        receipt: None,
        ..good
    };
    assert!(matches!(
        asker.heartbeat(&request, &missing),
        Err(ReceiptError::Missing("heartbeat"))
    ));
}

#[tokio::test]
async fn a_submission_is_done_only_with_both_receipts() {
    let operator = Operator::ours();
    let asker = operator.asker();
    let asked = SignedSubmission {
        task: TaskId(TASK),
        round: 0,
        roller: ROLLER,
        public_values_hash: VALUES,
        proof_digest: ProofDigest(DIGEST),
        signature: Bytes::new(),
    };
    let good = SubmissionReply {
        seat: seat(),
        roller: ROLLER,
        proof_digest: ProofDigest(DIGEST),
        verdict: VerdictKind::Valid,
        reason: None,
        on_time: true,
        received_unix_s: 150,
        received: Some(operator.sign(submission(150)).await),
        judged: Some(operator.sign(verdict(true, true)).await),
    };
    assert_eq!(asker.submission(&asked, &good).unwrap().len(), 2);
    let missing = SubmissionReply {
        judged: None,
        ..good.clone()
    };
    assert!(matches!(
        asker.submission(&asked, &missing),
        Err(ReceiptError::Missing("verdict"))
    ));
    let other_verdict = SubmissionReply {
        judged: Some(operator.sign(verdict(false, true)).await),
        ..good.clone()
    };
    assert!(matches!(
        asker.submission(&asked, &other_verdict),
        Err(ReceiptError::Other { .. })
    ));
    let other_bytes = SignedSubmission {
        proof_digest: ProofDigest(B256::repeat_byte(0xcc)),
        ..asked
    };
    assert!(matches!(
        asker.submission(&other_bytes, &good),
        Err(ReceiptError::Other { .. })
    ));
}
