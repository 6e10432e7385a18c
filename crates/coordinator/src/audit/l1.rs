//! L1's side of the audit: its blocks, the law that it names, the dials that it has in force, and what it says of entries and verdicts.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{B256, Bytes, U256};
use rollmill_l1::{
    Deployment, DynProvider, L1Block, L1Event, Update, WatchError, Watcher, WatcherConfig,
    contracts::{
        Control::{self, ControlEvents},
        Draws::DrawsEvents,
        Rollup::{self, RollupEvents},
    },
};
use rollmill_protocol::{
    BatchNumber,
    board::{Event, SeatKey, SeatState},
    law::{Controls, Params},
};

use super::{Lacks, Subject, first_difference, in_words};
use crate::{
    l1_feed,
    log::{Note, Record},
    state::State,
};

/// L1's blocks with the events of our contracts, from the deployment's block on.
#[derive(Clone, Debug, Default)]
pub struct L1History {
    blocks: BTreeMap<u64, L1Block>,
}

impl FromIterator<L1Block> for L1History {
    fn from_iter<T: IntoIterator<Item = L1Block>>(blocks: T) -> Self {
        let blocks = blocks.into_iter().map(|block| (block.number, block));
        Self {
            blocks: blocks.collect(),
        }
    }
}

/// The board at the log's first record, which must have the law that L1 names; or why there is none.
pub(super) fn open(law: &Params, record: &Record) -> Result<State, String> {
    let Record::Opened { start, params } = record else {
        return Err("the log does not begin with its law".to_owned());
    };
    if **params != *law {
        return Err(format!(
            "the log was begun under the law {}, L1 names {}",
            params.hash(),
            law.hash()
        ));
    }
    State::new(law.clone(), *start).map_err(|error| error.to_string())
}

/// Is what L1 has in force what the law gives? Looks at the block's events in their order, before they are applied.
pub(super) fn compare_dials(state: &State, events: &[Event]) -> Result<(), (Subject, String)> {
    let board = &state.board;
    let mut posted = board.dials_posted();
    let mut in_force = board.controls();
    for event in events {
        match event {
            Event::DialsPosted { epoch, controls } => {
                let due = match epoch {
                    0 => Some(Controls::initial(board.law())),
                    _ => board
                        .dials_due()
                        .and_then(|(due, controls)| (due == *epoch).then_some(controls)),
                };
                if due != Some(*controls) {
                    let gives = due.map_or_else(|| "none yet".to_owned(), |due| format!("{due:?}"));
                    return Err(control(format!(
                        "the dials of epoch {epoch} are {controls:?} on L1, the law gives {gives}"
                    )));
                }
                if *epoch == 0 {
                    in_force = *controls;
                } else {
                    posted = Some((*epoch, *controls));
                }
            }
            Event::SnapshotConfirmed { epoch, .. } => match posted.take() {
                Some((of, controls)) if of == *epoch => in_force = controls,
                _ => {
                    return Err(control(format!(
                        "epoch {epoch} begins on L1 without dials of its own"
                    )));
                }
            },
            Event::BatchCommitted {
                batch, unit_price, ..
            } if *unit_price != in_force.unit_price => {
                return Err(control(format!(
                    "batch {batch} was committed at the unit price {unit_price}, in force is {}",
                    in_force.unit_price
                )));
            }
            _ => {}
        }
    }
    Ok(())
}

fn control(sentence: String) -> (Subject, String) {
    (Subject::Control, sentence)
}

impl L1History {
    /// L1's blocks from the deployment's on, up to `through`, which L1 has.
    ///
    /// # Errors
    /// L1 was reorganised deeper than is followed.
    pub async fn read(
        l1: DynProvider,
        deployment: &Deployment,
        through: u64,
    ) -> Result<Self, WatchError> {
        let mut watcher = Watcher::new(l1, deployment, WatcherConfig::default(), None);
        let mut blocks = BTreeMap::new();
        loop {
            match watcher.next().await? {
                Update::Block(block) => {
                    let number = block.number;
                    blocks.insert(number, block);
                    if number >= through {
                        return Ok(Self { blocks });
                    }
                }
                Update::Rewind(cursor) => blocks.retain(|number, _| *number <= cursor.block),
            }
        }
    }

    /// The newest block.
    pub(super) fn head(&self) -> Option<&L1Block> {
        self.blocks.values().next_back()
    }

    /// All events, each with its block.
    pub(super) fn events(&self) -> impl Iterator<Item = (&L1Block, &L1Event)> {
        let blocks = self.blocks.values();
        blocks.flat_map(|block| {
            block
                .events
                .iter()
                .map(move |logged| (block, &logged.event))
        })
    }

    /// Is the record of an L1 block what L1 has, and the next one?
    pub(super) fn compare(&self, state: &State, record: &Record) -> Result<(), (Subject, String)> {
        let Record::L1Block { number, hash, .. } = record else {
            return Ok(());
        };
        let next = match state.l1 {
            Some(cursor) => Some(cursor.block + 1),
            None => self.blocks.keys().next().copied(),
        };
        if next.is_some_and(|next| next != *number) {
            let sentence = format!(
                "the log leaves out L1 blocks: {} is followed by {number}",
                next.map_or(0, |next| next.saturating_sub(1))
            );
            return Err((Subject::L1, sentence));
        }
        let Some(block) = self.blocks.get(number) else {
            return Err((Subject::L1, format!("L1 has no block {number}")));
        };
        if block.hash != *hash {
            let sentence = format!("L1 block {number} is {}, the log says {hash}", block.hash);
            return Err((Subject::L1, sentence));
        }
        compare_block(*number, record, &l1_feed::record(block))?;
        verdicts(state, record)
    }

    /// What a log that ends with L1's block `last` lacks.
    pub(super) fn lacks(&self, last: u64) -> Lacks {
        let mut lacks = Lacks::default();
        for block in self.blocks.range(last + 1..).map(|(_, block)| block) {
            let Record::L1Block { events, .. } = l1_feed::record(block) else {
                continue;
            };
            for event in &events {
                lacks.first_block.get_or_insert(block.number);
                lacks.events += 1;
                match event {
                    Event::BatchCommitted { .. } => lacks.batches += 1,
                    Event::EntriesConfirmed { .. } => lacks.entries += 1,
                    Event::BatchSettled { .. } => lacks.settlements += 1,
                    _ => {}
                }
            }
        }
        lacks
    }

    /// The prevrandao that L1 stored for a block.
    pub(super) fn beacon(&self, l1_block: u64) -> Option<B256> {
        self.rollup_events().find_map(|event| match event {
            RollupEvents::BeaconStored(stored) if stored.l1Block == l1_block => {
                Some(stored.prevrandao)
            }
            _ => None,
        })
    }

    /// Root, total and leaves of an epoch's snapshot, as they were posted: in pieces, of which the first drops what there was.
    pub(super) fn snapshot(&self, epoch: u64) -> Option<(B256, U256, Bytes)> {
        let mut leaves = Vec::new();
        for logged in self.blocks.values().flat_map(|block| &block.events) {
            match &logged.event {
                L1Event::Control(ControlEvents::SnapshotPiecePosted(piece))
                    if piece.epoch == epoch =>
                {
                    if piece.index.is_zero() {
                        leaves.clear();
                    }
                    leaves.extend_from_slice(&piece.leaves);
                }
                L1Event::Rollup(RollupEvents::SnapshotPosted(posted)) if posted.epoch == epoch => {
                    leaves.extend_from_slice(&posted.leaves);
                    return Some((posted.root, posted.total, leaves.into()));
                }
                _ => {}
            }
        }
        None
    }

    /// Dials that were posted up to an L1 block.
    fn dials(&self, through: u64) -> impl Iterator<Item = &Control::DialsPosted> {
        let blocks = self.blocks.range(..=through).map(|(_, block)| block);
        blocks
            .flat_map(|block| &block.events)
            .filter_map(|logged| match &logged.event {
                L1Event::Control(ControlEvents::DialsPosted(posted)) => Some(posted),
                _ => None,
            })
    }

    /// Tickets of a task whose commit pinned an epoch; `None` when L1 never told its dials.
    pub(super) fn k(&self, epoch: u64) -> Option<u32> {
        let posted = self.dials(u64::MAX).filter(|posted| posted.epoch <= epoch);
        posted.last().map(|posted| posted.dials.k)
    }

    /// Heads of the log that the operator named on L1 with its dials, or did not name, and that this log never had.
    pub(super) fn unknown_head(&self, through: u64, heads: &BTreeSet<B256>) -> Option<(u64, B256)> {
        // Those of epoch 0 are the contract's.
        let mut named = self.dials(through).filter(|posted| posted.epoch > 0);
        named
            .find(|posted| !heads.contains(&posted.logHash))
            .map(|posted| (posted.epoch, posted.logHash))
    }

    /// Are the rounds of a batch's draw on L1, and those that the log leads to?
    pub(super) fn compare_draws(
        &self,
        batch: BatchNumber,
        rounds: &Bytes,
    ) -> Result<(), (Subject, String)> {
        let events = self.blocks.values().flat_map(|block| &block.events);
        let posted = events.filter_map(|logged| match &logged.event {
            L1Event::Draws(DrawsEvents::DrawsPosted(posted)) => Some(posted),
            _ => None,
        });
        let sentence = match posted.filter(|posted| posted.batch == batch).last() {
            Some(posted) if posted.rounds == *rounds => return Ok(()),
            Some(_) => format!("L1 has another draw of batch {batch} than the log leads to"),
            None => {
                format!("L1 has entries of batch {batch}, but not the draw that they come from")
            }
        };
        Err((Subject::Draw, sentence))
    }

    fn rollup_events(&self) -> impl DoubleEndedIterator<Item = &RollupEvents> {
        let events = self.blocks.values().flat_map(|block| &block.events);
        events.filter_map(|logged| match &logged.event {
            L1Event::Rollup(event) => Some(event),
            _ => None,
        })
    }

    /// Why the entries on L1 are others than the log leads to.
    pub(super) fn entries_difference(
        &self,
        state: &State,
        l1_block: u64,
        batch: BatchNumber,
    ) -> (Subject, String) {
        let lottery = (
            Subject::Lottery,
            format!("L1 block {l1_block} has other entries of batch {batch} than the log leads to"),
        );
        let posted = self.rollup_events().find_map(|event| match event {
            RollupEvents::EntriesPosted(posted) if posted.batch == batch => Some(posted),
            _ => None,
        });
        let (Some(posted), Some(task)) = (posted, state.board.task_by_batch(batch)) else {
            return lottery;
        };
        let is_posted = |digest: B256, entry: &Rollup::Entry| entry.proofDigest == digest;
        for ((round, roller), seat) in &task.seats {
            let (SeatState::Invalid { .. }, Some(receipt)) = (&seat.state, seat.receipt) else {
                continue;
            };
            let digest = receipt.proof_digest.0;
            if posted.entries.iter().any(|entry| is_posted(digest, entry)) {
                let seat = task.seat_key(*round, *roller);
                let sentence = format!(
                    "the log calls the submission of seat {seat} invalid, and L1 has it among the entries"
                );
                return (Subject::Verdict, sentence);
            }
        }
        lottery
    }
}

/// The first difference between a block in the log and the same on L1.
fn compare_block(number: u64, logged: &Record, real: &Record) -> Result<(), (Subject, String)> {
    fn parts(record: &Record) -> (&[Event], &[Note]) {
        match record {
            Record::L1Block { events, notes, .. } => (events, notes),
            _ => (&[], &[]),
        }
    }
    let ((logged_events, logged_notes), (events, notes)) = (parts(logged), parts(real));
    if let Some((position, says, has)) = first_difference(logged_events, events) {
        let sentence = format!(
            "event {position} of L1 block {number} differs: the log says {}, L1 has {}",
            in_words(says),
            in_words(has)
        );
        return Err((has.or(says).map_or(Subject::L1, subject), sentence));
    }
    if logged_notes != notes {
        let sentence = format!("the notes of L1 block {number} differ from L1");
        return Err((Subject::L1, sentence));
    }
    Ok(())
}

fn subject(event: &Event) -> Subject {
    match event {
        Event::BeaconStored { .. } => Subject::Draw,
        Event::SnapshotConfirmed { .. } => Subject::Reputation,
        Event::EntriesConfirmed { .. } => Subject::Lottery,
        Event::BatchSettled { .. } => Subject::Winner,
        Event::SubmissionJudged { .. } => Subject::Verdict,
        Event::DialsPosted { .. } => Subject::Control,
        Event::ParameterAnnounced { .. } => Subject::Law,
        _ => Subject::L1,
    }
}

/// L1's judgements of this block against the verdicts in the log.
fn verdicts(state: &State, record: &Record) -> Result<(), (Subject, String)> {
    let Record::L1Block { events, .. } = record else {
        return Ok(());
    };
    for event in events {
        let Event::SubmissionJudged {
            batch,
            round,
            roller,
            proof_digest,
            valid,
            ..
        } = event
        else {
            continue;
        };
        let Some(task) = state.board.task_by_batch(*batch) else {
            continue;
        };
        let key = SeatKey {
            task: task.id,
            round: *round,
            roller: *roller,
        };
        let Ok(seat) = state.board.seat(&key) else {
            continue;
        };
        let is_same = seat
            .receipt
            .is_some_and(|receipt| receipt.proof_digest == *proof_digest);
        let called_valid = matches!(seat.state, SeatState::OnTime | SeatState::Late);
        let called_invalid = matches!(seat.state, SeatState::Invalid { .. });
        if is_same && ((called_valid && !valid) || (called_invalid && *valid)) {
            let word = |valid| if valid { "valid" } else { "invalid" };
            let sentence = format!(
                "the log calls the submission of seat {key} {}, L1 judged it {}",
                word(called_valid),
                word(*valid)
            );
            return Err((Subject::Verdict, sentence));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rollmill_l1::LoggedEvent;

    use super::*;

    fn block(number: u64, events: Vec<L1Event>) -> L1Block {
        let logged = |event| LoggedEvent {
            event,
            transaction: B256::ZERO,
            log_index: 0,
        };
        L1Block {
            number,
            hash: B256::ZERO,
            timestamp: 0,
            prevrandao: B256::ZERO,
            events: events.into_iter().map(logged).collect(),
        }
    }

    fn piece(epoch: u64, index: u64, leaves: &'static [u8]) -> L1Event {
        L1Event::Control(ControlEvents::SnapshotPiecePosted(
            Control::SnapshotPiecePosted {
                epoch,
                index: U256::from(index),
                leaves: Bytes::from_static(leaves),
            },
        ))
    }

    fn last(epoch: u64, leaves: &'static [u8]) -> L1Event {
        L1Event::Rollup(RollupEvents::SnapshotPosted(Rollup::SnapshotPosted {
            epoch,
            root: B256::ZERO,
            total: U256::ONE,
            leaves: Bytes::from_static(leaves),
        }))
    }

    #[test]
    fn a_snapshot_is_its_pieces_since_the_first_and_the_last_one() {
        let history: L1History = [
            block(1, vec![piece(1, 0, b"x"), piece(1, 1, b"y")]),
            block(2, vec![piece(1, 0, b"a")]),
            block(3, vec![piece(1, 1, b"b"), last(1, b"c")]),
            block(4, vec![piece(2, 0, b"z"), piece(2, 0, b""), last(2, b"d")]),
        ]
        .into_iter()
        .collect();
        let leaves = |epoch| history.snapshot(epoch).map(|(_, _, leaves)| leaves);
        assert_eq!(leaves(1), Some(Bytes::from_static(b"abc")));
        assert_eq!(leaves(2), Some(Bytes::from_static(b"d")));
        assert_eq!(leaves(3), None);
    }
}
