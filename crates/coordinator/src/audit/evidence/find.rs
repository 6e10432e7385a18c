//! Draws again what L1 shows of each batch, and compares.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{B256, Bytes};
use rollmill_l1::contracts::{
    Draws::{PassOverReceipt, PostedDraw},
    Rollup::Entry,
};
use rollmill_protocol::{
    BatchNumber, Roller, Round, UnixSeconds,
    law::{
        Params, Snapshot,
        draw::{self, Hit, HitOutcome},
        eligibility::PassedOver,
        rounds::{self, PostedRound},
        snapshot::Tree,
    },
};
use rollmill_roller_api::receipts::{
    AssignmentReceipt, Signed, SignedReceipt, VerdictReceipt, heard_ready,
};

use super::{
    Evidence, NotFull, Wrong,
    on_l1::{OnL1, read},
};
use crate::audit::L1History;

/// What L1 charges the operator with by these blocks and receipts, in the order of batches; certain evidence first, and once for a task
/// and a roller. Questions are not asked about what settled too long ago to be charged. A draw whose snapshot the law cannot read is
/// not compared: the audit of the log says so.
pub fn evidence(l1: &L1History, law: &Params, receipts: &[SignedReceipt]) -> Vec<Evidence> {
    let batches = read(l1);
    let snapshots = snapshots(l1, &batches);
    let drawn = batches.iter().filter_map(|(batch, on_l1)| {
        let drawn = drawn(on_l1, (l1, law), &snapshots)?;
        Some((*batch, drawn))
    });
    let finder = Finder {
        law,
        drawn: drawn.collect(),
        batches: &batches,
        receipts,
    };
    let mut found = Vec::new();
    for batch in batches.values() {
        found.extend(batch.evidence(l1));
    }
    for drawn in finder.drawn.values() {
        found.extend(drawn.entries());
        found.extend(drawn.caps());
        found.extend(finder.pass_overs(drawn));
    }
    found.extend(finder.signed());
    found.sort_by_key(|evidence| (evidence.batch, !evidence.is_certain()));
    let mut certain = BTreeSet::new();
    found.retain(|evidence| {
        let charge = (evidence.batch, evidence.roller);
        if evidence.is_certain() {
            certain.insert(charge)
        } else {
            !certain.contains(&charge) && !batches[&evidence.batch].is_closed(l1)
        }
    });
    found
}

/// A batch's draw: what it follows from, and what was posted of it.
struct Drawn<'a> {
    on_l1: &'a OnL1,
    law: &'a Params,
    k: u32,
    beacon: B256,
    snapshot: &'a Snapshot,
    tree: &'a Tree,
    /// None while nothing is posted.
    rounds: Vec<PostedRound>,
}

/// Snapshots of the epochs from which something was drawn.
fn snapshots(l1: &L1History, batches: &BTreeMap<BatchNumber, OnL1>) -> BTreeMap<u64, Tree> {
    let epochs: BTreeSet<u64> = batches.values().map(|on_l1| on_l1.epoch).collect();
    let of = |epoch| {
        let (_, _, leaves) = l1.snapshot(epoch)?;
        Some((epoch, Tree::from(Snapshot::decode(&leaves).ok()?)))
    };
    epochs.into_iter().filter_map(of).collect()
}

fn drawn<'a>(
    on_l1: &'a OnL1,
    (l1, law): (&L1History, &'a Params),
    snapshots: &'a BTreeMap<u64, Tree>,
) -> Option<Drawn<'a>> {
    let tree = snapshots.get(&on_l1.epoch)?;
    let k = l1.k(on_l1.epoch).unwrap_or(law.k);
    let rounds = match &on_l1.rounds {
        None => Vec::new(),
        Some(bytes) => rounds::decode(law, k, bytes).ok()?,
    };
    let draw_block = on_l1.committed_in.checked_add(law.draw_lag_blocks)?;
    Some(Drawn {
        on_l1,
        law,
        k,
        beacon: l1.beacon(draw_block)?,
        snapshot: tree.snapshot(),
        tree,
        rounds,
    })
}

impl Drawn<'_> {
    /// Evidence about some rollers, of whom one is damaged or none in particular.
    fn wrong(&self, about: &[Roller], damaged: Roller, wrong: Wrong) -> Evidence {
        Evidence {
            batch: self.on_l1.batch,
            task: self.on_l1.task,
            roller: damaged,
            wrong,
            posted: self.posted(about),
        }
    }

    fn posted(&self, about: &[Roller]) -> PostedDraw {
        let paths = about.iter().flat_map(|roller| self.tree.paths_of(*roller));
        PostedDraw {
            rounds: self.on_l1.rounds.clone().unwrap_or_default(),
            paths: paths.map(Bytes::from).collect(),
        }
    }

    fn seed(&self, round: Round) -> B256 {
        draw::seed(self.on_l1.task, round, self.beacon)
    }

    /// Tickets of a roller in each posted round.
    fn tickets(&self, roller: Roller) -> Vec<u32> {
        let seeds = (self.on_l1.task, self.beacon);
        rounds::tickets(self.law, self.snapshot, seeds, &self.rounds, roller)
    }

    /// All points that a round can have: whom each hits, and whether it is above the cap.
    fn points(&self, round: Round) -> Vec<Hit> {
        // Where nobody is eligible the draw goes on to the last point.
        let nobody = |_: &_| Err(PassedOver::NotReady);
        draw::draw(self.law, self.k, self.snapshot, self.seed(round), nobody).hits
    }

    fn entries(&self) -> Vec<Evidence> {
        let list = match &self.on_l1.entries {
            Some(entries) if !self.rounds.is_empty() => &entries.list,
            _ => return Vec::new(),
        };
        let wrong = |(position, entry): (usize, &Entry)| {
            let tickets = self.tickets(entry.roller);
            if rounds::fits(self.law.late_divisor, &tickets, entry.tickets) {
                return None;
            }
            // Who is favoured is not damaged.
            let is_damaged = tickets.iter().any(|own| entry.tickets < *own);
            let roller = if is_damaged {
                entry.roller
            } else {
                Roller::ZERO
            };
            let entries = list.clone();
            Some(self.wrong(&[entry.roller], roller, Wrong::Entry { entries, position }))
        };
        list.iter().enumerate().filter_map(wrong).collect()
    }

    fn caps(&self) -> Vec<Evidence> {
        let mut found = Vec::new();
        for (round, posted) in (0..).zip(&self.rounds) {
            let points = self.points(round);
            for (point, (hit, said)) in (0..).zip(points.iter().zip(&posted.outcomes)) {
                let is_above = hit.outcome == HitOutcome::AboveCap;
                if is_above != (*said == HitOutcome::AboveCap) {
                    let roller = if is_above { Roller::ZERO } else { hit.roller };
                    found.push(self.wrong(&[hit.roller], roller, Wrong::Cap { round, point }));
                }
            }
        }
        found
    }

    /// Whom the posted rounds pass over and why, once for each round.
    fn passed_over(&self) -> Vec<(PassOverReceipt, PassedOver, &PostedRound)> {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for (round, posted) in (0..).zip(&self.rounds) {
            let points = self.points(round);
            for (point, (hit, said)) in (0..).zip(points.iter().zip(&posted.outcomes)) {
                let HitOutcome::PassedOver(why) = *said else {
                    continue;
                };
                if seen.insert((round, hit.roller, why.code())) {
                    let receipt = PassOverReceipt {
                        task: self.on_l1.task.0,
                        round,
                        roller: hit.roller,
                        point,
                        reason: why.code(),
                        passedAt: posted.drawn_at,
                    };
                    found.push((receipt, why, posted));
                }
            }
        }
        found
    }

    /// Was the roller given this seat by a time?
    fn is_seated(&self, round: Round, roller: Roller, at: UnixSeconds) -> bool {
        let (tickets, round) = (self.tickets(roller), round as usize);
        let drawn_at = self.rounds.get(round).map(|posted| posted.drawn_at);
        tickets.get(round).is_some_and(|own| *own > 0) && drawn_at.is_some_and(|drawn| drawn <= at)
    }
}

struct Finder<'a> {
    law: &'a Params,
    batches: &'a BTreeMap<BatchNumber, OnL1>,
    drawn: BTreeMap<BatchNumber, Drawn<'a>>,
    receipts: &'a [SignedReceipt],
}

impl Finder<'_> {
    fn pass_overs(&self, drawn: &Drawn<'_>) -> Vec<Evidence> {
        let mut found = Vec::new();
        for (p, why, posted) in drawn.passed_over() {
            let heard = self.receipts.iter().filter_map(|receipt| match receipt {
                SignedReceipt::Heartbeat(heard) if heard.receipt.roller == p.roller => Some(heard),
                _ => None,
            });
            let wrong = match why {
                PassedOver::NotReady | PassedOver::StakeTooLow | PassedOver::Accused => {
                    Some(Wrong::NotTrue(p.clone()))
                }
                PassedOver::Silent => {
                    let [before, _] = heard_ready(heard, p.passedAt);
                    before.map(|before| Wrong::NotSilent(p.clone(), before.clone()))
                }
                PassedOver::Draining => match heard_ready(heard, p.passedAt) {
                    [Some(before), Some(afterwards)] => Some(Wrong::NotDraining(
                        p.clone(),
                        before.clone(),
                        afterwards.clone(),
                    )),
                    _ => None,
                },
                PassedOver::AtCapacity => {
                    found.extend(self.full(drawn, &p, posted));
                    None
                }
            };
            found.extend(wrong.map(|wrong| drawn.wrong(&[p.roller], p.roller, wrong)));
        }
        found
    }

    /// What speaks against a roller's having been at capacity.
    fn full(&self, drawn: &Drawn<'_>, p: &PassOverReceipt, posted: &PostedRound) -> Vec<Evidence> {
        let full = posted.full.iter().find(|full| full.roller == p.roller);
        let named = full.map(|full| &full.seats[..]).unwrap_or_default();
        let mut leaves = drawn.snapshot.leaves().iter();
        let declared = leaves.find(|leaf| leaf.roller == p.roller);
        let declared = declared.map_or(0, |leaf| leaf.capacity);
        let mut wrongs = Vec::new();
        if !rounds::may_be_full(declared, named) {
            wrongs.push(NotFull::TooFew);
        }
        for (position, seat) in named.iter().enumerate() {
            wrongs.extend(self.no_open_seat(p, position, *seat));
        }
        let of = |why| drawn.wrong(&[p.roller], p.roller, Wrong::NotFull(p.clone(), why));
        wrongs.into_iter().map(of).collect()
    }

    /// Why a named seat bound nobody's capacity.
    fn no_open_seat(
        &self,
        p: &PassOverReceipt,
        position: usize,
        (batch, round): (BatchNumber, Round),
    ) -> Option<NotFull> {
        let at = p.passedAt;
        let on_l1 = self.batches.get(&batch);
        if on_l1.is_none_or(|on_l1| on_l1.is_over(at)) {
            return Some(NotFull::Over { position });
        }
        let drawn = self.drawn.get(&batch)?;
        if !drawn.rounds.is_empty() && !drawn.is_seated(round, p.roller, at) {
            let of_seat = drawn.posted(&[p.roller]);
            return Some(NotFull::NotSeated { position, of_seat });
        }
        let delivered = self.receipts.iter().find_map(|receipt| match receipt {
            SignedReceipt::Submission(signed) => {
                let r = &signed.receipt;
                let is_seat = (r.task, r.round, r.roller) == (drawn.on_l1.task.0, round, p.roller);
                (is_seat && rounds::was_delivered(r.receivedAt, at)).then(|| signed.clone())
            }
            _ => None,
        });
        delivered.map(|submission| NotFull::Delivered {
            position,
            submission,
        })
    }

    /// What was signed against what was drawn.
    fn signed(&self) -> Vec<Evidence> {
        let mut found = Vec::new();
        for receipt in self.receipts {
            let of_task = |task: B256| {
                let mut all = self.drawn.values();
                all.find(|drawn| drawn.on_l1.task.0 == task)
            };
            match receipt {
                SignedReceipt::Assignment(a) => {
                    found.extend(
                        of_task(a.receipt.task)
                            .into_iter()
                            .flat_map(|d| assigned(d, a)),
                    );
                }
                SignedReceipt::Verdict(v) => {
                    found.extend(of_task(v.receipt.task).and_then(|d| self.halved(d, v)));
                }
                _ => {}
            }
        }
        found
    }

    fn halved(&self, drawn: &Drawn<'_>, verdict: &Signed<VerdictReceipt>) -> Option<Evidence> {
        let v = &verdict.receipt;
        let own = *drawn.tickets(v.roller).get(v.round as usize)?;
        let entries = &drawn.on_l1.entries.as_ref()?.list;
        let entered = entries.iter().find(|entry| entry.roller == v.roller)?;
        let twice = self.law.late_divisor.saturating_mul(own);
        if !(v.valid && v.onTime && entered.tickets > 0 && entered.tickets < twice) {
            return None;
        }
        let counts_twice = |entry: &Entry| {
            let tickets = drawn.tickets(entry.roller);
            tickets.iter().all(|own| *own < entry.tickets)
        };
        let position = entries.iter().position(counts_twice)?;
        let wrong = Wrong::HalvedEntry {
            verdict: verdict.clone(),
            position,
            entries: entries.clone(),
        };
        let about = [v.roller, entries[position].roller];
        Some(drawn.wrong(&about, v.roller, wrong))
    }
}

/// An assignment under the seed that follows from the beacon on L1. One from before a reorganisation costs nobody anything.
fn assigned(drawn: &Drawn<'_>, assignment: &Signed<AssignmentReceipt>) -> Vec<Evidence> {
    let a = &assignment.receipt;
    if a.seed != drawn.seed(a.round) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let points = drawn.points(a.round);
    let is_hit = |hit: &&Hit| hit.roller == a.roller && hit.outcome != HitOutcome::AboveCap;
    let hits = points.iter().filter(is_hit).count();
    if a.tickets as usize > hits.min(drawn.k as usize) {
        let wrong = Wrong::Tickets(assignment.clone());
        found.push(drawn.wrong(&[a.roller], Roller::ZERO, wrong));
    }
    let round = a.round as usize;
    let own = drawn.tickets(a.roller).get(round).copied();
    let drawn_at = drawn.rounds.get(round).map(|posted| posted.drawn_at);
    let is_posted = (own, drawn_at) == (Some(a.tickets), Some(a.assignedAt));
    if !drawn.rounds.is_empty() && !is_posted {
        let wrong = Wrong::OtherSeat(assignment.clone());
        found.push(drawn.wrong(&[a.roller], a.roller, wrong));
    }
    found
}
