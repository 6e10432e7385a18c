//! The audit of one task's draw: seed, points, paths and seats, each of which anybody can check by hand.

use std::collections::BTreeMap;

use alloy_primitives::{B256, U256};
use rollmill_protocol::{
    BatchNumber, Roller, Round, ScrWei, TaskId, UnixSeconds,
    board::Event,
    law::{
        Params, Snapshot,
        draw::{self as rule, Draw, HitOutcome},
        snapshot::{Leaf, SnapshotError, verify_path},
    },
};
use serde::Serialize;

use super::{Difference, L1History, audit};
use crate::log::{Decision, LogLine, Record};

/// The draws of a task, checked against L1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DrawAudit {
    /// Task.
    pub task: TaskId,
    /// Batch that it proves.
    pub batch: BatchNumber,
    /// Epoch of the snapshot that it is drawn from.
    pub epoch: u64,
    /// Points that are drawn for it, by the dials of that epoch on L1.
    pub k: u32,
    /// Root of that snapshot, as L1 holds it.
    pub root: B256,
    /// Sum of its weights, as L1 holds it.
    pub total: ScrWei,
    /// L1 block whose prevrandao draws.
    pub beacon_block: u64,
    /// That prevrandao, as L1 stored it.
    pub beacon: B256,
    /// All rounds.
    pub rounds: Vec<RoundAudit>,
}

/// One round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoundAudit {
    /// Round.
    pub round: Round,
    /// `keccak("rollmill.draw.v1", task, round, beacon)`.
    pub seed: B256,
    /// Deadline of the seats.
    pub deadline_unix_s: UnixSeconds,
    /// All points in order.
    pub points: Vec<PointAudit>,
    /// Who was seated.
    pub seats: Vec<SeatAudit>,
}

/// One point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PointAudit {
    /// Its place on the line of weights: `keccak(seed, i) mod total`.
    pub point: ScrWei,
    /// Position of the leaf whose interval holds it.
    pub leaf_index: usize,
    /// That leaf.
    pub leaf: Leaf,
    /// Where the leaf's interval begins, as its path proves.
    pub interval_start: ScrWei,
    /// Siblings from the leaf up to the root.
    pub path: Vec<PathNode>,
    /// What became of the point.
    pub outcome: HitOutcome,
}

/// A node beside the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PathNode {
    /// Hash.
    pub hash: B256,
    /// Sum of the weights below.
    pub sum: ScrWei,
}

/// A seated roller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatAudit {
    /// Roller.
    pub roller: Roller,
    /// Tickets: points that landed on it.
    pub tickets: u32,
}

/// A draw cannot be confirmed.
#[derive(Debug, thiserror::Error)]
pub enum DrawError {
    /// The log has no draw of such a task (any more).
    #[error("the log has no draw of task {0}")]
    Unknown(TaskId),
    /// The log differs from the law or from L1 up to this draw.
    #[error("the log differs before or in this draw")]
    Log(#[source] Difference),
    /// L1 has not what the draw rests on.
    #[error("L1 has no {what} {number}")]
    NotOnL1 {
        /// A snapshot or a beacon.
        what: &'static str,
        /// Epoch or L1 block.
        number: u64,
    },
    /// The leaves that were posted on L1 are no snapshot.
    #[error("the posted leaves of epoch {epoch} are no snapshot")]
    Leaves {
        /// Epoch.
        epoch: u64,
        /// Why.
        #[source]
        source: SnapshotError,
    },
    /// The log's draw is not the one that follows from L1.
    #[error("round {round}: {sentence}")]
    Differs {
        /// Round.
        round: Round,
        /// What differs.
        sentence: String,
    },
}

/// What the log says of a task.
struct Logged {
    batch: BatchNumber,
    committed_in: u64,
    epoch: u64,
    /// Round -> deadline and draw; what a reorganisation took back was overwritten by what came after.
    rounds: BTreeMap<Round, (UnixSeconds, Draw)>,
    /// Lines up to the last draw.
    lines: usize,
}

/// Checks the draws of a task: by the law over the log, and by hand against what L1 holds.
pub fn draw(
    lines: &[LogLine],
    l1: &L1History,
    law: &Params,
    task: TaskId,
) -> Result<DrawAudit, DrawError> {
    let logged = logged(lines, task).ok_or(DrawError::Unknown(task))?;
    audit(&lines[..logged.lines], l1, law).map_err(DrawError::Log)?;
    let epoch = logged.epoch;
    let missing = |what, number| DrawError::NotOnL1 { what, number };
    let (root, total, leaves) = l1.snapshot(epoch).ok_or(missing("snapshot", epoch))?;
    let snapshot =
        Snapshot::decode(&leaves).map_err(|source| DrawError::Leaves { epoch, source })?;
    let beacon_block = logged.committed_in + law.draw_lag_blocks;
    let beacon = l1
        .beacon(beacon_block)
        .ok_or(missing("beacon of block", beacon_block))?;
    let rounds = logged.rounds.into_iter().map(|(round, (deadline, drawn))| {
        let place = Place {
            root,
            total,
            snapshot: &snapshot,
        };
        let seed = rule::seed(task, round, beacon);
        place.round(round, seed, deadline, &drawn)
    });
    Ok(DrawAudit {
        task,
        batch: logged.batch,
        epoch,
        k: l1.k(epoch).unwrap_or(law.k),
        root,
        total: ScrWei(snapshot.total()),
        beacon_block,
        beacon,
        rounds: rounds.collect::<Result<_, _>>()?,
    })
}

fn logged(lines: &[LogLine], task: TaskId) -> Option<Logged> {
    let mut found: Option<Logged> = None;
    for (position, line) in lines.iter().enumerate() {
        let Ok(Record::L1Block {
            events, decisions, ..
        }) = line.record()
        else {
            if let Ok(Record::Event { decisions, .. }) = line.record() {
                note(&mut found, &decisions, task, position);
            }
            continue;
        };
        for event in &events {
            if let Event::BatchCommitted {
                batch,
                task: committed,
                l1_block,
                epoch,
                ..
            } = event
                && *committed == task
            {
                found = Some(Logged {
                    batch: *batch,
                    committed_in: *l1_block,
                    epoch: *epoch,
                    rounds: BTreeMap::new(),
                    lines: 0,
                });
            }
        }
        note(&mut found, &decisions, task, position);
    }
    found.filter(|logged| logged.lines > 0)
}

fn note(found: &mut Option<Logged>, decisions: &[Decision], wanted: TaskId, position: usize) {
    let Some(logged) = found else { return };
    for decision in decisions {
        if let Decision::Drawn {
            task,
            round,
            deadline,
            draw,
        } = decision
            && *task == wanted
        {
            logged.rounds.insert(*round, (*deadline, draw.clone()));
            logged.lines = position + 1;
        }
    }
}

/// The line of weights that L1 holds.
struct Place<'a> {
    root: B256,
    total: U256,
    snapshot: &'a Snapshot,
}

impl Place<'_> {
    fn round(
        &self,
        round: Round,
        seed: B256,
        deadline_unix_s: UnixSeconds,
        drawn: &Draw,
    ) -> Result<RoundAudit, DrawError> {
        let differs = |sentence: String| DrawError::Differs { round, sentence };
        if drawn.seed != seed {
            return Err(differs(format!(
                "the seed is {seed}, the log says {}",
                drawn.seed
            )));
        }
        let mut points = Vec::with_capacity(drawn.hits.len());
        for (number, hit) in (0u32..).zip(&drawn.hits) {
            let point = rule::point(seed, number, self.snapshot.total());
            let audited = self
                .point(point, hit.outcome)
                .ok_or_else(|| differs(format!("point {number} has no path to the root on L1")))?;
            if (hit.point, hit.roller) != (point, audited.leaf.roller) {
                return Err(differs(format!(
                    "point {number} is {point} and falls on {}, the log says {} on {}",
                    audited.leaf.roller, hit.point, hit.roller
                )));
            }
            points.push(audited);
        }
        let tickets = drawn.tickets().into_iter();
        Ok(RoundAudit {
            round,
            seed,
            deadline_unix_s,
            points,
            seats: tickets
                .map(|(roller, tickets)| SeatAudit { roller, tickets })
                .collect(),
        })
    }

    fn point(&self, point: u128, outcome: HitOutcome) -> Option<PointAudit> {
        let located = self.snapshot.locate(point)?;
        let path = self.snapshot.path(located.index)?;
        let total = u128::try_from(self.total).ok()?;
        let start = verify_path(self.root, total, located.leaf, located.index, &path)?;
        if start + located.offset != point {
            return None;
        }
        let node = |node: &rollmill_protocol::law::snapshot::Node| PathNode {
            hash: node.hash,
            sum: ScrWei(node.sum),
        };
        Some(PointAudit {
            point: ScrWei(point),
            leaf_index: located.index,
            leaf: *located.leaf,
            interval_start: ScrWei(start),
            path: path.iter().map(node).collect(),
            outcome,
        })
    }
}
