//! Which receipts may be evidence: candidates for a charge against the operator, from receipts alone. L1 decides on each.
//!
//! A *contradiction* is one whatever L1 says; of the others L1 knows more than the receipts do (the entries, the registry, the
//! settlement), and an honest operator's pile holds many of them.

use std::collections::BTreeMap;

use alloy::sol_types::SolStruct;
use alloy_primitives::{Address, B256};
use rollmill_l1::{
    Call, Deployment,
    calls::{draws, evidence, same},
    contracts::Rollup::Entry,
};
use rollmill_roller_api::receipts::{
    AssignmentReceipt, CloseReceipt, HeartbeatReceipt, PassOverReason, PassOverReceipt, Signed,
    SignedReceipt, SubmissionReceipt, VerdictReceipt, heard_ready,
};

/// A possible charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Case {
    /// Two assignments of one seat under one seed.
    TwoAssignments(Signed<AssignmentReceipt>, Signed<AssignmentReceipt>),
    /// Valid and invalid over the same bytes.
    TwoVerdicts(Signed<VerdictReceipt>, Signed<VerdictReceipt>),
    /// Two ends of one seat among the same entries.
    TwoCloses(Signed<CloseReceipt>, Signed<CloseReceipt>),
    /// `onTime` against deadline and time of receipt.
    WrongTime(
        Signed<AssignmentReceipt>,
        Signed<SubmissionReceipt>,
        Signed<VerdictReceipt>,
    ),
    /// Valid and in time; L1 knows whether it was entered.
    DroppedVerdict(Signed<AssignmentReceipt>, Signed<VerdictReceipt>),
    /// Received; L1 knows whether it won and was left to burn.
    LateSettlement(Signed<SubmissionReceipt>),
    /// Passed over as silent, though it was heard before; L1 knows how long that may be.
    NotSilent(Signed<PassOverReceipt>, Signed<HeartbeatReceipt>),
    /// Passed over as draining, though it was heard ready before and after; L1 knows how soon one can be back from a drain.
    NotDraining(
        Signed<PassOverReceipt>,
        Signed<HeartbeatReceipt>,
        Signed<HeartbeatReceipt>,
    ),
    /// Passed over for a reason that L1 knows better.
    NotTrue(Signed<PassOverReceipt>),
}

impl Case {
    /// The task that it is about.
    pub fn task(&self) -> B256 {
        match self {
            Self::TwoAssignments(a, _) | Self::WrongTime(a, ..) | Self::DroppedVerdict(a, _) => {
                a.receipt.task
            }
            Self::TwoVerdicts(a, _) => a.receipt.task,
            Self::TwoCloses(a, _) => a.receipt.task,
            Self::LateSettlement(r) => r.receipt.task,
            Self::NotSilent(p, _) | Self::NotDraining(p, ..) | Self::NotTrue(p) => p.receipt.task,
        }
    }

    /// Who was wronged.
    pub fn roller(&self) -> Address {
        match self {
            Self::TwoAssignments(a, _) | Self::WrongTime(a, ..) | Self::DroppedVerdict(a, _) => {
                a.receipt.roller
            }
            Self::TwoVerdicts(a, _) => a.receipt.roller,
            Self::TwoCloses(a, _) => a.receipt.roller,
            Self::LateSettlement(r) => r.receipt.roller,
            Self::NotSilent(p, _) | Self::NotDraining(p, ..) | Self::NotTrue(p) => p.receipt.roller,
        }
    }

    /// Whether it is wrong whatever L1 knows.
    pub fn is_contradiction(&self) -> bool {
        matches!(
            self,
            Self::TwoAssignments(..)
                | Self::TwoVerdicts(..)
                | Self::TwoCloses(..)
                | Self::WrongTime(..)
        )
    }

    /// Can it hold among these final entries? Spares L1 the questions that have one answer.
    pub fn is_possible(&self, entries: &[Entry]) -> bool {
        let roller = self.roller();
        match self {
            Self::DroppedVerdict(..) => entries.iter().all(|entry| entry.roller != roller),
            Self::LateSettlement(r) => entries
                .iter()
                .any(|entry| (entry.roller, entry.proofDigest) == (roller, r.receipt.proofDigest)),
            _ => true,
        }
    }

    /// The same in words.
    pub fn in_words(&self) -> &'static str {
        match self {
            Self::TwoAssignments(..) => "two assignments of one seat differ",
            Self::TwoVerdicts(..) => "the same bytes are called valid and invalid",
            Self::TwoCloses(..) => "one seat ended in two ways",
            Self::WrongTime(..) => "`on time` is not what deadline and time of receipt say",
            Self::DroppedVerdict(..) => "a proof that is valid and in time was not entered",
            Self::LateSettlement(..) => "the winner's bytes were held and its reward burned",
            Self::NotSilent(..) => "passed over as silent though it was heard",
            Self::NotDraining(..) => "passed over as draining though it was ready",
            Self::NotTrue(..) => "passed over for a reason that was not there",
        }
    }

    /// The call that brings it before L1.
    pub fn call(&self, deployment: &Deployment, batch: u64, entries: &[Entry]) -> Call {
        use evidence as charge;
        let contract = deployment.evidence;
        match self {
            Self::TwoAssignments(a, b) => {
                charge::two_assignments(contract, batch, bound(a), bound(b))
            }
            Self::TwoVerdicts(a, b) => charge::two_verdicts(contract, batch, bound(a), bound(b)),
            Self::TwoCloses(a, b) => charge::two_closes(contract, batch, bound(a), bound(b)),
            Self::WrongTime(a, s, v) => {
                charge::wrong_time(contract, batch, bound(a), bound(s), bound(v))
            }
            Self::DroppedVerdict(a, v) => {
                charge::dropped_verdict(contract, batch, bound(a), bound(v), entries)
            }
            Self::LateSettlement(r) => charge::late_settlement(contract, batch, bound(r), entries),
            Self::NotSilent(p, h) => {
                draws::not_silent(deployment.draws, batch, draws::signed(bound(p)), bound(h))
            }
            Self::NotDraining(p, before, afterwards) => draws::not_draining(
                deployment.draws,
                batch,
                draws::signed(bound(p)),
                bound(before),
                bound(afterwards),
            ),
            Self::NotTrue(p) => draws::not_true(deployment.draws, batch, draws::signed(bound(p))),
        }
    }
}

/// A receipt as the contract's binding has it, with its signature.
fn bound<T: SolStruct, S: SolStruct + alloy::sol_types::SolValue>(
    signed: &Signed<S>,
) -> (T, alloy_primitives::Bytes) {
    (same(&signed.receipt), signed.signature.clone())
}

/// A seat by task, round and roller.
type Seat = (B256, u32, Address);

/// All that the operator signed, by what it speaks of.
#[derive(Debug, Default)]
struct Pile {
    assignments: BTreeMap<Seat, Vec<Signed<AssignmentReceipt>>>,
    submissions: BTreeMap<Seat, Vec<Signed<SubmissionReceipt>>>,
    verdicts: BTreeMap<Seat, Vec<Signed<VerdictReceipt>>>,
    closes: BTreeMap<Seat, Vec<Signed<CloseReceipt>>>,
    heartbeats: BTreeMap<Address, Vec<Signed<HeartbeatReceipt>>>,
    pass_overs: Vec<Signed<PassOverReceipt>>,
}

/// Candidates among receipts that the operator has signed; contradictions first.
pub fn find(receipts: &[SignedReceipt]) -> Vec<Case> {
    let mut pile = Pile::default();
    receipts.iter().for_each(|receipt| pile.add(receipt));
    let mut cases = pile.contradictions();
    cases.extend(pile.wrongs());
    cases
}

impl Pile {
    fn add(&mut self, receipt: &SignedReceipt) {
        macro_rules! of_seat {
            ($map:ident, $signed:ident) => {{
                let r = &$signed.receipt;
                let seat = (r.task, r.round, r.roller);
                self.$map.entry(seat).or_default().push($signed.clone());
            }};
        }
        match receipt {
            SignedReceipt::Assignment(signed) => of_seat!(assignments, signed),
            SignedReceipt::Submission(signed) => of_seat!(submissions, signed),
            SignedReceipt::Verdict(signed) => of_seat!(verdicts, signed),
            SignedReceipt::Close(signed) => of_seat!(closes, signed),
            SignedReceipt::PassOver(signed) => self.pass_overs.push(signed.clone()),
            SignedReceipt::Heartbeat(signed) => {
                let heard = self.heartbeats.entry(signed.receipt.roller).or_default();
                heard.push(signed.clone());
            }
        }
    }

    fn contradictions(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        let assignments = self.assignments.values();
        cases.extend(assignments.filter_map(|all| {
            let (a, b) = pair(all, AssignmentReceipt::excludes)?;
            Some(Case::TwoAssignments(a, b))
        }));
        cases.extend(self.verdicts.values().filter_map(|all| {
            let (a, b) = pair(all, VerdictReceipt::excludes)?;
            Some(Case::TwoVerdicts(a, b))
        }));
        cases.extend(self.closes.values().filter_map(|all| {
            let (a, b) = pair(all, CloseReceipt::excludes)?;
            Some(Case::TwoCloses(a, b))
        }));
        for (seat, a, v) in self.judged() {
            for s in self.submissions.get(seat).into_iter().flatten() {
                if v.receipt.mistakes_time(&a.receipt, &s.receipt) {
                    cases.push(Case::WrongTime(a.clone(), s.clone(), v.clone()));
                }
            }
        }
        cases
    }

    fn wrongs(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        for (_, a, v) in self.judged() {
            if v.receipt.valid && v.receipt.onTime {
                cases.push(Case::DroppedVerdict(a.clone(), v.clone()));
            }
        }
        let submissions = self.submissions.values().flatten();
        cases.extend(submissions.map(|s| Case::LateSettlement(s.clone())));
        cases.extend(self.pass_overs.iter().filter_map(|p| self.passed_over(p)));
        cases
    }

    /// Verdicts with the assignments of their seats.
    fn judged(
        &self,
    ) -> impl Iterator<Item = (&Seat, &Signed<AssignmentReceipt>, &Signed<VerdictReceipt>)> {
        self.verdicts.iter().flat_map(|(seat, verdicts)| {
            let assignments = self.assignments.get(seat).into_iter().flatten();
            assignments.flat_map(move |a| verdicts.iter().map(move |v| (seat, a, v)))
        })
    }

    fn passed_over(&self, p: &Signed<PassOverReceipt>) -> Option<Case> {
        match PassOverReason::try_from(p.receipt.reason).ok()? {
            PassOverReason::Silent => {
                let [before, _] = self.heard_ready(&p.receipt);
                Some(Case::NotSilent(p.clone(), before?.clone()))
            }
            PassOverReason::Draining => {
                let [before, afterwards] = self.heard_ready(&p.receipt);
                let (before, afterwards) = (before?.clone(), afterwards?.clone());
                Some(Case::NotDraining(p.clone(), before, afterwards))
            }
            PassOverReason::NotReady | PassOverReason::StakeTooLow | PassOverReason::Accused => {
                Some(Case::NotTrue(p.clone()))
            }
            PassOverReason::AtCapacity => None,
        }
    }

    fn heard_ready(&self, p: &PassOverReceipt) -> [Option<&Signed<HeartbeatReceipt>>; 2] {
        heard_ready(self.heartbeats.get(&p.roller).into_iter().flatten(), p.at)
    }
}

/// The first two receipts that exclude each other.
fn pair<T: Clone>(
    all: &[Signed<T>],
    exclude: impl Fn(&T, &T) -> bool,
) -> Option<(Signed<T>, Signed<T>)> {
    all.iter().enumerate().find_map(|(at, a)| {
        let b = all[at + 1..]
            .iter()
            .find(|b| exclude(&a.receipt, &b.receipt))?;
        Some((a.clone(), b.clone()))
    })
}

#[cfg(test)]
mod tests {
    use alloy_primitives::Bytes;

    use super::*;

    const TASK: B256 = B256::repeat_byte(1);
    const ROLLER: Address = Address::repeat_byte(2);

    fn signed<T>(receipt: T) -> Signed<T> {
        Signed {
            receipt,
            signature: Bytes::from_static(&[7; 65]),
        }
    }

    fn assignment() -> AssignmentReceipt {
        AssignmentReceipt {
            task: TASK,
            round: 0,
            roller: ROLLER,
            tickets: 1,
            assignedAt: 100,
            deadline: 200,
            seed: B256::repeat_byte(3),
        }
    }

    fn submission(received_at: u64) -> SubmissionReceipt {
        SubmissionReceipt {
            task: TASK,
            round: 0,
            roller: ROLLER,
            publicValuesHash: B256::repeat_byte(4),
            proofDigest: B256::repeat_byte(5),
            receivedAt: received_at,
        }
    }

    fn verdict(valid: bool, on_time: bool) -> VerdictReceipt {
        VerdictReceipt {
            task: TASK,
            round: 0,
            roller: ROLLER,
            proofDigest: B256::repeat_byte(5),
            valid,
            onTime: on_time,
        }
    }

    fn close(outcome: u8, entries: u8) -> CloseReceipt {
        CloseReceipt {
            task: TASK,
            round: 0,
            roller: ROLLER,
            outcome,
            entriesHash: B256::repeat_byte(entries),
            closedAt: 300,
        }
    }

    fn pass_over(reason: PassOverReason) -> PassOverReceipt {
        PassOverReceipt {
            task: TASK,
            round: 0,
            roller: ROLLER,
            point: 0,
            reason: reason.into(),
            at: 100,
        }
    }

    fn contradictions(receipts: &[SignedReceipt]) -> Vec<&'static str> {
        let cases = find(receipts);
        let cases = cases.iter().filter(|case| case.is_contradiction());
        cases.map(Case::in_words).collect()
    }

    #[test]
    fn what_excludes_each_other_is_found_and_what_does_not_is_not() {
        let a = signed(assignment());
        let moved = signed(AssignmentReceipt {
            deadline: 201,
            ..assignment()
        });
        let redrawn = signed(AssignmentReceipt {
            seed: B256::repeat_byte(9),
            ..moved.receipt.clone()
        });
        assert_eq!(
            contradictions(&[a.clone().into(), a.clone().into()]),
            [""; 0]
        );
        assert_eq!(contradictions(&[a.clone().into(), redrawn.into()]), [""; 0]);
        let two = [a.clone().into(), moved.clone().into()];
        assert_eq!(find(&two), [Case::TwoAssignments(a.clone(), moved)]);

        let (yes, no) = (signed(verdict(true, true)), signed(verdict(false, true)));
        let two = [yes.clone().into(), no.clone().into()];
        assert_eq!(find(&two), [Case::TwoVerdicts(yes, no)]);

        let (won, missed) = (signed(close(0, 1)), signed(close(2, 1)));
        let other = signed(close(2, 8));
        assert_eq!(find(&[won.clone().into(), other.into()]), []);
        let two = [won.clone().into(), missed.clone().into()];
        assert_eq!(find(&two), [Case::TwoCloses(won, missed)]);
    }

    #[test]
    fn a_time_is_wrong_on_either_side_of_the_deadline() {
        let wrong = Case::WrongTime(
            signed(assignment()),
            signed(submission(200)),
            signed(verdict(true, false)),
        );
        for (received_at, on_time, is_wrong) in [
            (200, true, false),
            (200, false, true),
            (201, true, true),
            (201, false, false),
        ] {
            let receipts = [
                signed(assignment()).into(),
                signed(submission(received_at)).into(),
                signed(verdict(true, on_time)).into(),
            ];
            let found = contradictions(&receipts);
            let expected: &[_] = if is_wrong { &[wrong.in_words()] } else { &[] };
            assert_eq!(found, expected, "received at {received_at}, {on_time}");
        }
    }

    #[test]
    fn the_entries_say_who_was_dropped_and_who_may_have_won() {
        let receipts = [
            signed(assignment()).into(),
            signed(submission(150)).into(),
            signed(verdict(true, true)).into(),
        ];
        let cases = find(&receipts);
        let [dropped, late] = &cases[..] else {
            panic!("{cases:?}")
        };
        assert!(matches!(dropped, Case::DroppedVerdict(..)));
        assert!(matches!(late, Case::LateSettlement(..)));
        let entry = |digest| Entry {
            roller: ROLLER,
            tickets: 1,
            proofDigest: B256::repeat_byte(digest),
        };
        assert!(dropped.is_possible(&[]) && !late.is_possible(&[]));
        assert!(!dropped.is_possible(&[entry(5)]) && late.is_possible(&[entry(5)]));
        assert!(!late.is_possible(&[entry(6)]), "other bytes");
    }

    #[test]
    fn a_pass_over_is_a_case_only_where_something_speaks_against_it() {
        let heard = |at, ready| {
            signed(HeartbeatReceipt {
                roller: ROLLER,
                at,
                ready,
            })
        };
        let silent = signed(pass_over(PassOverReason::Silent));
        assert_eq!(find(&[silent.clone().into()]), []);
        let receipts = [
            heard(80, true).into(),
            heard(90, true).into(),
            heard(95, false).into(),
            heard(101, true).into(),
            silent.clone().into(),
        ];
        assert_eq!(
            find(&receipts),
            [Case::NotSilent(silent, heard(90, true))],
            "the last one before it that was ready"
        );
        let draining = signed(pass_over(PassOverReason::Draining));
        assert_eq!(find(&[draining.clone().into(), heard(90, true).into()]), []);
        let receipts = [
            heard(90, true).into(),
            heard(95, false).into(),
            heard(101, true).into(),
            heard(105, true).into(),
            draining.clone().into(),
        ];
        let around = Case::NotDraining(draining, heard(90, true), heard(101, true));
        assert_eq!(find(&receipts), [around]);
        let accused = signed(pass_over(PassOverReason::Accused));
        assert_eq!(find(&[accused.clone().into()]), [Case::NotTrue(accused)]);
        let full = signed(pass_over(PassOverReason::AtCapacity));
        assert_eq!(find(&[full.into()]), []);
    }
}
