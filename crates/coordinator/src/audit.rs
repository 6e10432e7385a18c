//! The public audit: the published log, replayed with the law and compared with L1.
//!
//! Nothing but public data goes in: the log's lines ([`crate::log`]) and L1's blocks. The auditor checks the chain of hashes,
//! that every L1 block is in the log with the events that L1 has, applies each fact to a board of its own, and compares
//! what the law decides with the decisions in the log. The *first* difference is the answer: behind it the log and the law
//! speak of different boards.
//!
//! A log that is cut off at its end has no difference: [`Lacks`] says what L1 has behind it.
//!
//! What it cannot see: facts that never reached the log (a submission whose receipt was refused, a heartbeat that was
//! not counted), and verdicts that nobody brought before L1. For these rollers keep their receipts.
//!
//! What is wrong with a draw on L1 costs the operator's bond: [`evidence`] finds it, [`charge`] brings it there.

mod charge;
mod draw;
mod evidence;
mod l1;

use std::collections::BTreeSet;

use alloy_primitives::{B256, keccak256};
use rollmill_protocol::{
    UnixSeconds,
    board::{BoardError, Event},
    law::Params,
};
use rollmill_store::genesis_hash;
use serde::Serialize;

use crate::{
    journal,
    log::{Decision, LogLine, Record},
    state::{ApplyError, State},
};

pub use charge::{Answer, ChargeError, Charged, ask, charge};
pub use draw::{DrawAudit, DrawError, PathNode, PointAudit, RoundAudit, SeatAudit, draw};
pub use evidence::{Evidence, NotFull, Wrong, evidence};
pub use l1::L1History;

/// What a difference is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Subject {
    /// The chain of hashes, or a line that is no record.
    Chain,
    /// The parameters of the law, or an event that the law rejects.
    Law,
    /// Blocks and events of L1 that are none of the following.
    L1,
    /// Who was drawn.
    Draw,
    /// What was said of a submission.
    Verdict,
    /// The reputations of an epoch: the root of its snapshot.
    Reputation,
    /// The dials of an epoch: T, k, window, price.
    Control,
    /// The state from which a start goes on.
    Checkpoint,
    /// The entries of a task, from which its winner is drawn.
    Lottery,
    /// Who won, and who was paid.
    Winner,
}

/// Where log, law and L1 part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("record {seq}: {sentence}")]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// Sequence number of the record.
    pub seq: u64,
    /// What it is about.
    pub subject: Subject,
    /// What differs, in a sentence.
    pub sentence: String,
}

/// What was checked when no difference was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Passed {
    /// Records of the log.
    pub records: u64,
    /// Hash of the last one.
    pub head: B256,
    /// Last L1 block that was compared.
    pub l1_block: u64,
    /// Tasks that were committed.
    pub tasks: u64,
    /// Rounds that were drawn again.
    pub draws: u64,
    /// Submissions that were counted again.
    pub verdicts: u64,
    /// Lotteries that were decided again.
    pub lotteries: u64,
    /// Snapshots of reputations that were computed again.
    pub snapshots: u64,
    /// Settled batches.
    pub settlements: u64,
    /// States that were made anew.
    pub checkpoints: u64,
    /// What L1 has and the log does not: it was cut off, or ends before L1 does.
    pub lacks: Lacks,
}

/// What L1 has behind the last block of a log that would be in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Lacks {
    /// The first L1 block with such an event; none if the log lacks nothing.
    pub first_block: Option<u64>,
    /// Committed batches.
    pub batches: u64,
    /// Batches whose entries were posted.
    pub entries: u64,
    /// Settled batches.
    pub settlements: u64,
    /// All events, these among them.
    pub events: u64,
}

/// Audits a log from its first line on against L1's blocks from the deployment's on. `law` is the one whose hash L1 has.
pub fn audit(lines: &[LogLine], l1: &L1History, law: &Params) -> Result<Passed, Difference> {
    let records = read(lines)?;
    let standing = journal::standing_up_to(&records);
    let mut auditor = Auditor {
        l1,
        law,
        records: &records,
        state: None,
        passed: Passed::default(),
    };
    for (position, standing) in standing.into_iter().enumerate() {
        auditor.record(position, standing)?;
    }
    let mut passed = auditor.passed;
    let heads: BTreeSet<B256> = lines.iter().map(|line| line.hash).collect();
    if let Some((epoch, head)) = l1.unknown_head(passed.l1_block, &heads) {
        return Err(Difference {
            seq: lines.len() as u64,
            subject: Subject::Chain,
            sentence: format!(
                "L1 has the head {head} with the dials of epoch {epoch}, which this log never had"
            ),
        });
    }
    passed.lacks = l1.lacks(passed.l1_block);
    passed.records = lines.len() as u64;
    passed.head = lines.last().map_or(genesis_hash(), |line| line.hash);
    Ok(passed)
}

/// The records behind lines whose chain of hashes is whole.
fn read(lines: &[LogLine]) -> Result<Vec<(UnixSeconds, Record)>, Difference> {
    let mut hash = genesis_hash();
    let mut records = Vec::with_capacity(lines.len());
    for (line, seq) in lines.iter().zip(1..) {
        let broken = |sentence: String| Difference {
            seq,
            subject: Subject::Chain,
            sentence,
        };
        if line.seq != seq {
            return Err(broken(format!(
                "the line has the number {}: a line is missing or was added",
                line.seq
            )));
        }
        hash = line.expected_hash(hash);
        if line.hash != hash {
            return Err(broken(
                "the line does not follow from the one before by its hash".to_owned(),
            ));
        }
        let record = line
            .record()
            .map_err(|error| broken(format!("the line is no record of a log: {error}")))?;
        records.push((line.at_unix_ms / 1000, record));
    }
    Ok(records)
}

struct Auditor<'a> {
    l1: &'a L1History,
    law: &'a Params,
    records: &'a [(UnixSeconds, Record)],
    state: Option<State>,
    passed: Passed,
}

impl Auditor<'_> {
    fn record(&mut self, position: usize, standing: u64) -> Result<(), Difference> {
        let (now, record) = &self.records[position];
        let seq = position as u64 + 1;
        let differs = |subject, sentence: String| Difference {
            seq,
            subject,
            sentence,
        };
        let Some(state) = &mut self.state else {
            let opened = l1::open(self.law, record);
            self.state = Some(opened.map_err(|why| differs(Subject::Law, why))?);
            return Ok(());
        };
        match record {
            Record::Opened { .. } => {
                return Err(differs(Subject::Law, "the log is opened twice".to_owned()));
            }
            Record::L1Rewind { number, .. } => {
                // As the coordinator did: the board is made anew of what stands.
                let known = &self.records[..=position];
                let params = state.board.law().clone();
                *state = journal::replay(&params, known).map_err(|error| {
                    differs(
                        Subject::L1,
                        format!("the log does not go on from L1 block {number}: {error}"),
                    )
                })?;
                return Ok(());
            }
            Record::L1Block { number, events, .. } if *number <= standing => {
                let compared = self.l1.compare(state, record);
                compared
                    .and_then(|()| l1::compare_dials(state, events))
                    .map_err(|(subject, sentence)| differs(subject, sentence))?;
                self.passed.l1_block = *number;
            }
            Record::Checkpoint { state: logged } => {
                let state = keccak256(state.encode());
                if state != *logged {
                    let sentence = format!(
                        "the records before it lead to the state {state}, the log says {logged}"
                    );
                    return Err(differs(Subject::Checkpoint, sentence));
                }
                self.passed.checkpoints += 1;
                return Ok(());
            }
            Record::L1Block { .. } | Record::Event { .. } => {}
        }
        let decided = state.apply(record, *now).map_err(|error| {
            let (subject, sentence) = rejected(self.l1, state, record, &error);
            differs(subject, sentence)
        })?;
        let published = match record {
            Record::Event { decisions, .. } | Record::L1Block { decisions, .. } => decisions,
            Record::Opened { .. } | Record::L1Rewind { .. } | Record::Checkpoint { .. } => {
                &Vec::new()
            }
        };
        compare_decisions(published, &decided)
            .map_err(|(subject, sentence)| differs(subject, sentence))?;
        self.count(record, &decided);
        self.draws(record, standing)
            .map_err(|(subject, sentence)| differs(subject, sentence))
    }

    /// When entries are final, the posted draw that they come from. What L1 took back may have been another one.
    fn draws(&self, record: &Record, standing: u64) -> Result<(), (Subject, String)> {
        let (Some(state), Record::L1Block { number, events, .. }) = (&self.state, record) else {
            return Ok(());
        };
        if *number > standing {
            return Ok(());
        }
        for event in events {
            if let Event::EntriesConfirmed { batch, .. } = event
                && let Some(task) = state.board.task_by_batch(*batch)
            {
                self.l1.compare_draws(*batch, &task.posted_rounds())?;
            }
        }
        Ok(())
    }

    fn count(&mut self, record: &Record, decided: &[Decision]) {
        for decision in decided {
            match decision {
                Decision::Drawn { .. } => self.passed.draws += 1,
                Decision::Reported { .. } => self.passed.verdicts += 1,
                Decision::Closed { .. } | Decision::Controlled { .. } => {}
                Decision::Won { .. } => self.passed.lotteries += 1,
                Decision::Weighed { .. } => self.passed.snapshots += 1,
            }
        }
        let Record::L1Block { events, .. } = record else {
            return;
        };
        for event in events {
            match event {
                Event::BatchCommitted { .. } => self.passed.tasks += 1,
                Event::BatchSettled { .. } => self.passed.settlements += 1,
                _ => {}
            }
        }
    }
}

/// The law rejects a record: because of what the log decided before, where L1 shows it.
fn rejected(
    l1: &L1History,
    state: &State,
    record: &Record,
    error: &ApplyError,
) -> (Subject, String) {
    let ApplyError::L1 { block, source } = error else {
        return (
            Subject::Law,
            format!("the law rejects what the log says was applied: {error}"),
        );
    };
    match source {
        BoardError::Divergence {
            what: "entries",
            of,
        } => l1.entries_difference(state, *block, *of),
        BoardError::Divergence { what: "winner", of } => (
            Subject::Winner,
            format!("L1 paid another roller for batch {of} than the lottery gives"),
        ),
        BoardError::Divergence { what: "dials", of } => (
            Subject::Control,
            format!("L1 has dials of epoch {of} out of turn"),
        ),
        BoardError::Divergence {
            what: "snapshot",
            of,
        } => (
            Subject::Reputation,
            format!("L1 holds another snapshot of epoch {of} than the reputations give"),
        ),
        _ => {
            let events = match record {
                Record::L1Block { events, .. } => events.len(),
                _ => 0,
            };
            (
                Subject::L1,
                format!("L1 block {block} ({events} events) does not fit the board: {source}"),
            )
        }
    }
}

/// The first decision in which log and law differ.
fn compare_decisions(
    published: &[Decision],
    decided: &[Decision],
) -> Result<(), (Subject, String)> {
    let Some((_, says, gives)) = first_difference(published, decided) else {
        return Ok(());
    };
    let (subject, what) = gives
        .or(says)
        .map_or((Subject::Law, "a decision differs".to_owned()), name);
    let sentence = format!(
        "{what}: the log says {}, the law gives {}",
        in_words(says),
        in_words(gives)
    );
    Err((subject, sentence))
}

/// Where two lists part: the position, and what each has there.
fn first_difference<'a, T: PartialEq>(
    left: &'a [T],
    right: &'a [T],
) -> Option<(usize, Option<&'a T>, Option<&'a T>)> {
    let positions = 0..left.len().max(right.len());
    let mut pairs = positions.map(|at| (at, left.get(at), right.get(at)));
    pairs.find(|(_, left, right)| left != right)
}

fn in_words<T: Serialize>(one: Option<&T>) -> String {
    one.map_or_else(
        || "nothing".to_owned(),
        |one| serde_json::to_string(one).unwrap_or_else(|error| error.to_string()),
    )
}

fn name(decision: &Decision) -> (Subject, String) {
    match decision {
        Decision::Drawn { task, round, .. } => (
            Subject::Draw,
            format!("the draw of round {round} of task {task} differs"),
        ),
        Decision::Reported { seat, .. } => (
            Subject::Verdict,
            format!("the verdict on the submission of seat {seat} differs"),
        ),
        Decision::Closed { task, .. } => (
            Subject::Lottery,
            format!("the entries of task {task} differ"),
        ),
        Decision::Won { task, .. } => (
            Subject::Winner,
            format!("the winner of task {task} differs"),
        ),
        Decision::Weighed { epoch, .. } => (
            Subject::Reputation,
            format!("the reputations of epoch {epoch} differ"),
        ),
        Decision::Controlled { epoch, .. } => (
            Subject::Control,
            format!("the dials of epoch {epoch} differ"),
        ),
    }
}
