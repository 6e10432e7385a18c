//! The public audit over a log of more than fifty tasks, as a real coordinator wrote it: rollers over HTTP with mock proofs, an
//! L1 that does what the board wants, a cheat, a missed round, a second epoch. Alterations are re-chained, so that only
//! the law or L1 can find them.

use alloy_primitives::{B256, Bytes, U256, keccak256};
use rollmill_coordinator::{
    audit::{L1History, Lacks, Passed, Subject, audit, draw},
    log::{Decision, LogLine, Record},
};
use rollmill_l1::{
    L1Block, L1Event,
    contracts::{
        Control::{self, ControlEvents},
        Draws::DrawsEvents,
        Rollup::{self, RollupEvents},
    },
};
use rollmill_protocol::{
    Entry, ScrWei, TaskId,
    board::{Event, Verdict},
    law::{Params, draw::HitOutcome},
};
use rollmill_roller_api::{SeatId, receipts::SeatOutcome};
use rollmill_store::genesis_hash;
use serde_json::value::RawValue;
use tokio::sync::OnceCell;

use crate::harness::{DEADLINE_S, World, overturn, params};

const EPOCH_S: u64 = 40;

/// How long a log is, and at which tasks something special happens.
#[derive(Clone, Copy)]
struct Plan {
    tasks: u64,
    cheated: u64,
    missed: u64,
    epoch_ends: u64,
}

const LONG: Plan = Plan {
    tasks: 52,
    cheated: 10,
    missed: 20,
    epoch_ends: 30,
};

/// For alterations that need no long log.
const SHORT: Plan = Plan {
    tasks: 8,
    cheated: 1,
    missed: 3,
    epoch_ends: 5,
};

/// What an auditor has.
pub struct Public {
    lines: Vec<LogLine>,
    pub blocks: Vec<L1Block>,
    pub l1: L1History,
    pub law: Params,
}

impl Public {
    fn audit(&self) -> Result<Passed, (u64, Subject)> {
        audit(&self.lines, &self.l1, &self.law).map_err(|found| (found.seq, found.subject))
    }

    /// The same with the first record changed that `alter` wants to change, and all hashes made to fit; and its number.
    fn altered(&self, mut alter: impl FnMut(&mut Record) -> bool) -> (Self, u64) {
        let mut lines = self.lines.clone();
        let mut changed = None;
        for line in &mut lines {
            let mut record = line.record().unwrap();
            if changed.is_none() && alter(&mut record) {
                changed = Some(line.seq);
                line.body = RawValue::from_string(serde_json::to_string(&record).unwrap()).unwrap();
            }
        }
        rechain(&mut lines);
        let altered = Self {
            lines,
            blocks: self.blocks.clone(),
            l1: self.l1.clone(),
            law: self.law.clone(),
        };
        (altered, changed.expect("there is such a record"))
    }
}

pub fn rechain(lines: &mut [LogLine]) {
    let mut hash = genesis_hash();
    for line in lines {
        hash = line.expected_hash(hash);
        line.hash = hash;
    }
}

/// A log of more than fifty tasks; made once for all tests of a process.
async fn long() -> &'static Public {
    static PLAYED: OnceCell<Public> = OnceCell::const_new();
    PLAYED.get_or_init(|| play(LONG)).await
}

/// A log of a few tasks.
pub async fn short() -> &'static Public {
    static PLAYED: OnceCell<Public> = OnceCell::const_new();
    PLAYED.get_or_init(|| play(SHORT)).await
}

async fn play(plan: Plan) -> Public {
    let law = Params {
        epoch_s: EPOCH_S,
        ..params()
    };
    let mut world = World::under(law.clone(), 200).await.with_snapshot().await;
    for number in 0..plan.tasks {
        let task = world.commit().await;
        world.settle_on_l1().await;
        match number {
            _ if number == plan.cheated => cheat_in(&mut world, task).await,
            _ if number == plan.missed => miss(&mut world, task).await,
            _ if number == plan.epoch_ends => world.advance(EPOCH_S).await,
            _ => world.advance(number % 2).await,
        }
        deliver_all(&world, task).await;
        world.settle_on_l1().await;
    }
    let board = world.observer.board();
    assert_eq!(board.settled_through(), plan.tasks);
    assert!(board.epoch() >= 2, "epoch {}", board.epoch());
    Public {
        lines: world.log().await,
        blocks: world.l1_blocks().to_vec(),
        l1: world.l1_history(),
        law,
    }
}

/// Everybody who still holds a seat of the task delivers.
async fn deliver_all(world: &World, task: TaskId) {
    for roller in &world.rollers {
        let seats = world.observer.board();
        let open = seats.open_seats(roller.roller);
        for (key, _, _) in open.into_iter().filter(|(key, _, _)| key.task == task) {
            let seat = SeatId {
                task,
                round: key.round,
            };
            world.deliver_in(roller, seat).await;
        }
    }
}

/// The first seat submits garbage; L1 judges it.
async fn cheat_in(world: &mut World, task: TaskId) {
    let board = world.observer.board();
    let (round, roller) = *board.task_by_id(task).unwrap().seats.keys().next().unwrap();
    let cheat = world
        .rollers
        .iter()
        .find(|candidate| candidate.roller == roller)
        .unwrap();
    world.cheat(cheat, SeatId { task, round }).await;
}

/// Nobody delivers in the first round.
async fn miss(world: &mut World, task: TaskId) {
    world.advance(DEADLINE_S + 1).await;
    world
        .until(|board| board.task_by_id(task).unwrap().rounds.len() == 2)
        .await;
}

#[tokio::test]
async fn an_honest_log_passes() {
    let public = long().await;
    let passed = public.audit().unwrap();
    assert_eq!((passed.tasks, passed.settlements), (LONG.tasks, LONG.tasks));
    assert_eq!(passed.lotteries, LONG.tasks);
    assert!(passed.draws > LONG.tasks, "{passed:?}");
    assert!(passed.snapshots >= 2, "{passed:?}");
    assert!(passed.checkpoints >= 2, "{passed:?}");
    assert_eq!(passed.records, public.lines.len() as u64);
}

/// Nothing in it is wrong, so that only L1 can tell that it goes on.
#[tokio::test]
async fn a_log_that_is_cut_off_passes_and_what_it_lacks_is_told() {
    let public = short().await;
    let of = |lacks: Lacks| (lacks.batches, lacks.entries, lacks.settlements);
    assert_eq!(of(public.audit().unwrap().lacks), (0, 0, 0));

    let committed = |line: &LogLine| match line.record().unwrap() {
        Record::L1Block { number, events, .. } => {
            let last_but_one = SHORT.tasks - 1;
            let is_commit = |event: &Event| matches!(event, Event::BatchCommitted { batch, .. } if *batch == last_but_one);
            events.iter().any(is_commit).then_some(number)
        }
        _ => None,
    };
    let blocks = public.lines.iter().enumerate();
    let mut blocks = blocks.filter_map(|(at, line)| Some((at, committed(line)?)));
    let (cut, block) = blocks.next().unwrap();
    let passed = audit(&public.lines[..cut], &public.l1, &public.law).unwrap();
    assert_eq!(passed.lacks.first_block, Some(block));
    assert_eq!(of(passed.lacks), (2, 2, 2));
    assert!(passed.lacks.events > 6, "{passed:?}");

    // One that has not read anything of L1 yet lacks everything.
    let passed = audit(&public.lines[..1], &public.l1, &public.law).unwrap();
    assert_eq!(passed.lacks.batches, SHORT.tasks);
}

#[tokio::test]
async fn an_altered_verdict_is_found() {
    let public = long().await;
    let mut skip = 25;
    let (altered, seq) = public.altered(|record| {
        let Record::Event {
            event: Event::Submitted { verdict, .. },
            ..
        } = record
        else {
            return false;
        };
        skip -= 1;
        *verdict = Verdict::Invalid {
            reason: "because I say so".to_owned(),
        };
        skip == 0
    });
    assert_eq!(altered.audit(), Err((seq, Subject::Verdict)));
}

/// The invalid proof is called valid, in the event and in the decision: then L1's judgement says otherwise.
#[tokio::test]
async fn a_verdict_that_is_altered_throughout_is_found() {
    let public = short().await;
    let (altered, seq) = public.altered(|record| {
        let Record::Event {
            event: Event::Submitted { verdict, .. },
            decisions,
        } = record
        else {
            return false;
        };
        if *verdict == Verdict::Valid {
            return false;
        }
        *verdict = Verdict::Valid;
        for decision in decisions {
            if let Decision::Reported { outcome, .. } = decision {
                *outcome = SeatOutcome::OnTime;
            }
        }
        true
    });
    let (found, subject) = altered.audit().unwrap_err();
    assert!(found >= seq, "{found} is before {seq}");
    assert!(
        matches!(subject, Subject::Verdict | Subject::Lottery),
        "{subject:?}"
    );
}

/// The log is consistent in itself and calls a proof invalid that L1 has among the entries.
#[tokio::test]
async fn a_verdict_that_l1s_entries_contradict_is_found() {
    let public = short().await;
    let (roller, digest) = public
        .lines
        .iter()
        .find_map(|line| match line.record().unwrap() {
            Record::Event {
                event:
                    Event::Submitted {
                        seat,
                        proof_digest,
                        verdict: Verdict::Invalid { .. },
                        ..
                    },
                ..
            } => Some((seat.roller, proof_digest)),
            _ => None,
        })
        .unwrap();
    let mut hash = B256::ZERO;
    let mut blocks = public.blocks.clone();
    for logged in blocks.iter_mut().flat_map(|block| &mut block.events) {
        let L1Event::Rollup(RollupEvents::EntriesPosted(posted)) = &mut logged.event else {
            continue;
        };
        if posted.batch != SHORT.cheated + 1 {
            continue;
        }
        posted.entries.push(Rollup::Entry {
            roller,
            tickets: 1,
            proofDigest: digest.0,
        });
        posted.entriesHash = keccak256(b"of all of them");
        hash = posted.entriesHash;
    }
    let (altered, seq) = public.altered(|record| {
        let Record::L1Block { events, .. } = record else {
            return false;
        };
        let confirmed = events.iter_mut().find_map(|event| match event {
            Event::EntriesConfirmed {
                batch,
                entries_hash,
                ..
            } if *batch == SHORT.cheated + 1 => Some(entries_hash),
            _ => None,
        });
        confirmed.map(|confirmed| *confirmed = hash).is_some()
    });
    let altered = Public {
        l1: blocks.into_iter().collect(),
        ..altered
    };
    assert_eq!(altered.audit(), Err((seq, Subject::Verdict)));
}

/// L1 judged otherwise than the log says.
#[tokio::test]
async fn a_verdict_that_l1s_judgement_contradicts_is_found() {
    let public = short().await;
    let mut blocks = public.blocks.clone();
    let mut judged_in = 0;
    for block in &mut blocks {
        let number = block.number;
        for logged in &mut block.events {
            if overturn(&mut logged.event) {
                judged_in = number;
            }
        }
    }
    let (altered, seq) = public.altered(|record| {
        let Record::L1Block { number, events, .. } = record else {
            return false;
        };
        *number == judged_in
            && events.iter_mut().any(|event| match event {
                Event::SubmissionJudged { valid, fine, .. } => {
                    (*valid, *fine) = (true, ScrWei::ZERO);
                    true
                }
                _ => false,
            })
    });
    let altered = Public {
        l1: blocks.into_iter().collect(),
        ..altered
    };
    assert_eq!(altered.audit(), Err((seq, Subject::Verdict)));
}

#[tokio::test]
async fn an_altered_draw_is_found() {
    let public = long().await;
    let mut skip = 25;
    let (altered, seq) = public.altered(|record| {
        let Record::L1Block { decisions, .. } = record else {
            return false;
        };
        let Some(draw) = decisions.iter_mut().find_map(|decision| match decision {
            Decision::Drawn { draw, .. } => Some(draw),
            _ => None,
        }) else {
            return false;
        };
        skip -= 1;
        if skip > 0 {
            return false;
        }
        draw.hits[0].roller = draw.hits[0].roller.create(1);
        true
    });
    assert_eq!(altered.audit(), Err((seq, Subject::Draw)));
}

/// Another beacon than L1 stored, from which another draw would follow.
#[tokio::test]
async fn an_altered_beacon_is_found() {
    let public = short().await;
    let (altered, seq) = public.altered(|record| {
        let Record::L1Block { events, .. } = record else {
            return false;
        };
        let beacon = events.iter_mut().find_map(|event| match event {
            Event::BeaconStored { prevrandao, .. } => Some(prevrandao),
            _ => None,
        });
        beacon
            .map(|beacon| *beacon = B256::repeat_byte(0xbe))
            .is_some()
    });
    assert_eq!(altered.audit(), Err((seq, Subject::Draw)));
}

/// The same facts in other bytes: a log has one spelling, so that it has one hash.
#[tokio::test]
async fn another_spelling_is_found() {
    let public = short().await;
    let mut lines = public.lines.clone();
    let body = lines[4].body.get().replacen(':', ": ", 1);
    lines[4].body = RawValue::from_string(body).unwrap();
    rechain(&mut lines);
    let found = audit(&lines, &public.l1, &public.law).unwrap_err();
    assert_eq!((found.seq, found.subject), (5, Subject::Chain));
}

#[tokio::test]
async fn an_altered_winner_is_found() {
    let public = long().await;
    let mut skip = 25;
    let (altered, seq) = public.altered(|record| {
        let Record::L1Block { decisions, .. } = record else {
            return false;
        };
        let Some(winner) = decisions.iter_mut().find_map(|decision| match decision {
            Decision::Won { winner, .. } => Some(winner),
            _ => None,
        }) else {
            return false;
        };
        skip -= 1;
        if skip > 0 {
            return false;
        }
        *winner = Entry {
            roller: winner.roller.create(1),
            ..*winner
        };
        true
    });
    assert_eq!(altered.audit(), Err((seq, Subject::Winner)));
}

#[tokio::test]
async fn another_payee_than_l1s_is_found() {
    let public = short().await;
    let (altered, seq) = public.altered(|record| {
        let Record::L1Block { events, .. } = record else {
            return false;
        };
        let paid = events.iter_mut().find_map(|event| match event {
            Event::BatchSettled { roller, .. } => roller.as_mut(),
            _ => None,
        });
        paid.map(|paid| *paid = paid.create(1)).is_some()
    });
    assert_eq!(altered.audit(), Err((seq, Subject::Winner)));
}

#[tokio::test]
async fn altered_reputations_dials_and_entries_are_found() {
    let public = short().await;
    let (altered, seq) = public.altered(|record| {
        let (Record::Event { decisions, .. } | Record::L1Block { decisions, .. }) = record else {
            return false;
        };
        let root = decisions.iter_mut().find_map(|decision| match decision {
            Decision::Weighed { root, .. } => Some(root),
            _ => None,
        });
        root.map(|root| *root = B256::ZERO).is_some()
    });
    assert_eq!(altered.audit(), Err((seq, Subject::Reputation)));

    let (altered, seq) = public.altered(|record| {
        let (Record::Event { decisions, .. } | Record::L1Block { decisions, .. }) = record else {
            return false;
        };
        let controls = decisions.iter_mut().find_map(|decision| match decision {
            Decision::Controlled { controls, .. } => Some(controls),
            _ => None,
        });
        controls.map(|controls| controls.k += 1).is_some()
    });
    assert_eq!(altered.audit(), Err((seq, Subject::Control)));

    let (altered, seq) = public.altered(|record| {
        let (Record::Event { decisions, .. } | Record::L1Block { decisions, .. }) = record else {
            return false;
        };
        let entries = decisions.iter_mut().find_map(|decision| match decision {
            Decision::Closed { entries, .. } => Some(entries),
            _ => None,
        });
        entries.map(|entries| entries[0].tickets += 1).is_some()
    });
    assert_eq!(altered.audit(), Err((seq, Subject::Lottery)));
}

/// A state from which a start would go on, and to which the records before it do not lead.
#[tokio::test]
async fn a_forged_checkpoint_is_found() {
    let public = short().await;
    let mut skip = 2;
    let (altered, seq) = public.altered(|record| {
        let Record::Checkpoint { state } = record else {
            return false;
        };
        skip -= 1;
        *state = B256::repeat_byte(0xce);
        skip == 0
    });
    assert_eq!(altered.audit(), Err((seq, Subject::Checkpoint)));
}

/// Alters what L1 shows of itself, and the log with it: only the law can tell.
fn on_l1_and_in_the_log(
    public: &Public,
    alter: impl Fn(&mut L1Event) -> bool,
    in_log: impl Fn(&mut Vec<Event>) -> bool,
) -> (Public, u64) {
    let mut blocks = public.blocks.clone();
    let events = blocks.iter_mut().flat_map(|block| &mut block.events);
    let mut events = events.map(|logged| &mut logged.event);
    assert!(events.any(alter), "there is no such event on L1");
    let (altered, seq) = public.altered(|record| match record {
        Record::L1Block { events, .. } => in_log(events),
        _ => false,
    });
    let l1 = blocks.into_iter().collect();
    (Public { l1, ..altered }, seq)
}

/// The dials of the second epoch on L1 are others than the law gives, and the coordinator followed them.
#[tokio::test]
async fn dials_that_the_law_does_not_give_are_found() {
    let public = short().await;
    let (altered, seq) = on_l1_and_in_the_log(
        public,
        |event| match event {
            L1Event::Control(ControlEvents::DialsPosted(posted)) if posted.epoch == 2 => {
                posted.dials.k += 1;
                true
            }
            _ => false,
        },
        |events| {
            let posted = events.iter_mut().find_map(|event| match event {
                Event::DialsPosted { epoch: 2, controls } => Some(controls),
                _ => None,
            });
            posted.map(|controls| controls.k += 1).is_some()
        },
    );
    assert_eq!(altered.audit(), Err((seq, Subject::Control)));
}

/// No dials were posted for the second epoch: L1's stayed, and so did the coordinator's.
#[tokio::test]
async fn an_epoch_without_dials_is_found() {
    let public = short().await;
    let mut blocks = public.blocks.clone();
    for block in &mut blocks {
        block.events.retain(|logged| {
            !matches!(&logged.event, L1Event::Control(ControlEvents::DialsPosted(posted)) if posted.epoch == 2)
        });
    }
    let (altered, seq) = public.altered(|record| {
        let Record::L1Block { events, .. } = record else {
            return false;
        };
        let before = events.len();
        events.retain(|event| !matches!(event, Event::DialsPosted { epoch: 2, .. }));
        events.len() < before
    });
    let l1 = blocks.into_iter().collect();
    let altered = Public { l1, ..altered };
    // They are posted in the block of the snapshot.
    assert_eq!(altered.audit(), Err((seq, Subject::Control)));
}

/// L1 fixed another price for a batch than the dials in force say.
#[tokio::test]
async fn another_price_than_the_dials_is_found() {
    let public = short().await;
    let (altered, seq) = on_l1_and_in_the_log(
        public,
        |event| match event {
            L1Event::Rollup(RollupEvents::BatchCommitted(committed)) if committed.batch == 3 => {
                committed.unitPriceWei += U256::ONE;
                true
            }
            _ => false,
        },
        |events| {
            let price = events.iter_mut().find_map(|event| match event {
                Event::BatchCommitted {
                    batch: 3,
                    unit_price,
                    ..
                } => Some(unit_price),
                _ => None,
            });
            price.map(|price| price.0 += 1).is_some()
        },
    );
    assert_eq!(altered.audit(), Err((seq, Subject::Control)));
}

/// What the operator posted on L1 with the dials of an epoch binds it: the dials, and the log that they follow from.
#[tokio::test]
async fn other_dials_or_another_log_than_on_l1_are_found() {
    let public = short().await;
    let with_posted = |change: &dyn Fn(&mut Control::DialsPosted)| {
        let mut blocks = public.blocks.clone();
        let mut changed_in = None;
        for block in &mut blocks {
            for logged in &mut block.events {
                if let L1Event::Control(ControlEvents::DialsPosted(posted)) = &mut logged.event {
                    change(posted);
                    changed_in.get_or_insert(block.number);
                }
            }
        }
        let altered = audit(&public.lines, &blocks.into_iter().collect(), &public.law);
        (altered.unwrap_err(), changed_in.unwrap())
    };
    let (found, block) = with_posted(&|posted| posted.dials.window += 1);
    assert_eq!(found.subject, Subject::Control);
    let Record::L1Block { number, .. } = public.lines[found.seq as usize - 1].record().unwrap()
    else {
        panic!("{found}")
    };
    assert_eq!(number, block);
    for head in [B256::repeat_byte(0xaa), B256::ZERO] {
        let (found, _) = with_posted(&|posted| posted.logHash = head);
        assert_eq!(found.subject, Subject::Chain, "{head}");
    }
}

/// The draw that was posted with the entries binds the operator, too.
#[tokio::test]
async fn another_draw_than_on_l1_is_found() {
    let public = short().await;
    let with_events = |change: fn(&mut L1Event)| {
        let mut blocks = public.blocks.clone();
        let events = blocks.iter_mut().flat_map(|block| &mut block.events);
        events.for_each(|logged| change(&mut logged.event));
        audit(&public.lines, &blocks.into_iter().collect(), &public.law).unwrap_err()
    };
    let other = with_events(|event| {
        if let L1Event::Draws(DrawsEvents::DrawsPosted(posted)) = event {
            posted.rounds = Bytes::from_static(b"other");
        }
    });
    assert_eq!(other.subject, Subject::Draw);
    let none = with_events(|event| {
        if let L1Event::Draws(DrawsEvents::DrawsPosted(posted)) = event {
            posted.batch = 0;
        }
    });
    assert_eq!((none.subject, none.seq), (Subject::Draw, other.seq));
}

#[tokio::test]
async fn a_log_with_a_hole_or_another_law_is_found() {
    let public = short().await;
    let lines_of = |lines: Vec<LogLine>| Public {
        lines,
        blocks: Vec::new(),
        l1: public.l1.clone(),
        law: public.law.clone(),
    };
    let mut lines = public.lines.clone();
    lines.remove(40);
    assert_eq!(lines_of(lines).audit(), Err((41, Subject::Chain)));

    let mut lines = public.lines.clone();
    lines[40].at_unix_ms += 1;
    assert_eq!(lines_of(lines).audit(), Err((41, Subject::Chain)));

    // A block of L1 is left out and everything behind it numbered anew.
    let mut lines = public.lines.clone();
    let is_block = |line: &LogLine| matches!(line.record().unwrap(), Record::L1Block { .. });
    let left_out = lines.iter().skip(10).position(is_block).unwrap() + 10;
    lines.remove(left_out);
    for (line, seq) in lines.iter_mut().zip(1..) {
        line.seq = seq;
    }
    rechain(&mut lines);
    let next = lines.iter().skip(left_out).position(is_block).unwrap() + left_out;
    let (found, _) = lines_of(lines).audit().unwrap_err();
    assert!(
        (left_out as u64..=next as u64 + 1).contains(&found),
        "{found} is not between {left_out} and {next}"
    );

    // Numbers that no contract knows, and that only the hash on L1 tells.
    for other_law in [
        Params {
            k: public.law.k + 1,
            ..public.law.clone()
        },
        Params {
            penalty_late: public.law.penalty_late + 1,
            ..public.law.clone()
        },
    ] {
        let found = audit(&public.lines, &public.l1, &other_law).unwrap_err();
        assert_eq!((found.seq, found.subject), (1, Subject::Law));
    }
}

#[tokio::test]
async fn a_draw_is_confirmed_point_by_point() {
    let public = short().await;
    let task = public
        .lines
        .iter()
        .find_map(|line| match line.record().unwrap() {
            Record::L1Block { decisions, .. } => {
                decisions.into_iter().find_map(|decision| match decision {
                    Decision::Drawn { task, round: 0, .. } => Some(task),
                    _ => None,
                })
            }
            _ => None,
        });
    let audited = draw(&public.lines, &public.l1, &public.law, task.unwrap()).unwrap();
    assert_eq!(audited.k, public.law.k);
    let round = &audited.rounds[0];
    let landed = round
        .points
        .iter()
        .filter(|point| point.outcome == HitOutcome::Ticket);
    assert_eq!(landed.count() as u32, public.law.k);
    assert_eq!(
        round.seats.iter().map(|seat| seat.tickets).sum::<u32>(),
        public.law.k
    );
    for point in &round.points {
        assert_eq!(point.path.len(), 2, "three leaves are two levels");
        assert!(U256::from(point.point.0) < U256::from(audited.total.0));
    }
    let unknown = TaskId(B256::repeat_byte(9));
    assert!(draw(&public.lines, &public.l1, &public.law, unknown).is_err());

    let (altered, _) = public.altered(|record| {
        let Record::L1Block { decisions, .. } = record else {
            return false;
        };
        let drawn = decisions.iter_mut().find_map(|decision| match decision {
            Decision::Drawn { draw, .. } => Some(draw),
            _ => None,
        });
        drawn.map(|draw| draw.seed = B256::ZERO).is_some()
    });
    assert!(draw(&altered.lines, &altered.l1, &altered.law, audited.task).is_err());
}
