//! Where batches are on their way, and what they do there: the sum over time of both says where time goes.
//!
//! | stage | waiting | working | blocked |
//! |---|---|---|---|
//! | built | for the batch before it | the commit is on its way to L1 | nothing is: no snapshot of rollers yet, no ether, no L1 |
//! | committed | for the block whose randomness draws it | that randomness is brought to the contract | |
//! | drawing | nobody could be drawn | | the window is full |
//! | proving | no drawn roller has fetched it yet | somebody proves | no round comes any more, and no fallback was called |
//! | verifying | for the verifier (proofs, not batches) | with the verifier | |
//! | entered | for the block whose randomness decides | entries or that randomness are brought to L1 | |
//! | settling | for the batch before it | the settlement is on its way | the winner's proof is not here |
//!
//! A batch is in one stage, and a proof that is being verified counts beside its batch, which is proving.

use std::{fmt, time::Duration};

use rollmill_coordinator::Verifying;
use rollmill_protocol::board::{self, Board, Task};
use rollmill_runtime::metrics::{Family, Gauge, Labels, Registry, Sum, metric};

/// Stages of the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Built,
    Committed,
    Drawing,
    Proving,
    Verifying,
    Entered,
    Settling,
}

/// Their names.
const STAGES: [&str; 7] = [
    "built",
    "committed",
    "drawing",
    "proving",
    "verifying",
    "entered",
    "settling",
];

/// What something does in a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Waiting,
    Working,
    Blocked,
}

/// Their names.
const DOINGS: [&str; 3] = ["waiting", "working", "blocked"];

/// Batches that are sealed and not on L1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sealed {
    /// How many.
    pub batches: u64,
    /// The commit of the first is on its way.
    pub is_sent: bool,
}

/// How many are where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([[u64; DOINGS.len()]; STAGES.len()]);

impl Counts {
    /// Of what is sealed, on the board, and with the verifier, when L1 is at `l1_block`.
    pub fn of(sealed: Sealed, board: &Board, verifying: Verifying, l1_block: u64) -> Self {
        let mut counts = Self::default();
        let first = match sealed.is_sent {
            true => Doing::Working,
            false => Doing::Blocked,
        };
        counts.add(Stage::Built, first, sealed.batches.min(1));
        counts.add(
            Stage::Built,
            Doing::Waiting,
            sealed.batches.saturating_sub(1),
        );
        for task in board.unsettled() {
            let is_next = task.batch == board.settled_through() + 1;
            let Place(stage, doing) = place(task, is_next, l1_block);
            counts.add(stage, doing, 1);
        }
        counts.add(Stage::Verifying, Doing::Waiting, verifying.waiting);
        counts.add(Stage::Verifying, Doing::Working, verifying.working);
        counts
    }

    fn add(&mut self, stage: Stage, doing: Doing, count: u64) {
        self.0[stage as usize][doing as usize] += count;
    }

    /// Each with its labels.
    fn labelled(&self) -> impl Iterator<Item = (Labels<2>, u64)> {
        STAGES.into_iter().zip(self.0).flat_map(|(stage, counts)| {
            let of_stage = DOINGS.into_iter().zip(counts);
            of_stage.map(move |(doing, count)| ([("stage", stage), ("state", doing)], count))
        })
    }
}

/// Where a batch is, and what it does there; shown as `proving.working`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(Stage, Doing);

impl Place {
    /// Sealed, and not on L1 yet.
    pub const BUILT: Self = Self(Stage::Built, Doing::Waiting);
    /// Drawn when the window has room.
    pub const QUEUED: Self = Self(Stage::Drawing, Doing::Blocked);
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(stage, doing) = *self;
        write!(f, "{}.{}", STAGES[stage as usize], DOINGS[doing as usize])
    }
}

/// Where a committed batch is; whether it is the next to be settled.
pub fn place(task: &Task, is_next: bool, l1_block: u64) -> Place {
    let until = |block: u64| match l1_block < block {
        true => Doing::Waiting,
        false => Doing::Working,
    };
    match &task.stage {
        board::Stage::AwaitingBeacon => Place(Stage::Committed, until(task.draw_block)),
        board::Stage::Queued => Place::QUEUED,
        board::Stage::Open { .. } => proving(task),
        board::Stage::Closed { .. } => Place(Stage::Entered, Doing::Working),
        board::Stage::AwaitingLottery { lottery, .. } => {
            Place(Stage::Entered, until(lottery.block))
        }
        board::Stage::Settling { .. } if task.is_winner_absent() => {
            Place(Stage::Settling, Doing::Blocked)
        }
        board::Stage::Settling { .. } if is_next => Place(Stage::Settling, Doing::Working),
        board::Stage::Settling { .. } | board::Stage::Settled { .. } => {
            Place(Stage::Settling, Doing::Waiting)
        }
    }
}

fn proving(task: &Task) -> Place {
    let is_proved = |seat: &board::Seat| seat.is_open() && seat.picked_at.is_some();
    if task.fallback_started || task.seats.values().any(is_proved) {
        Place(Stage::Proving, Doing::Working)
    } else if task.is_left_to_fallback {
        Place(Stage::Proving, Doing::Blocked)
    } else if task.is_round_empty() {
        Place(Stage::Drawing, Doing::Waiting)
    } else {
        Place(Stage::Proving, Doing::Waiting)
    }
}

/// The metrics, and what was seen last.
#[derive(Debug)]
pub struct Stages {
    batches: Family<Labels<2>, Gauge>,
    seconds: Family<Labels<2>, Sum>,
    last: Option<(u64, Counts)>,
}

impl Stages {
    /// Registers them.
    pub fn new(registry: &mut Registry) -> Self {
        let help = "Batches by stage, and whether they wait, are worked on, or are blocked there (verifying: proofs)";
        let batches = metric(registry, ("stage", "batches"), help);
        let help = "Time that batches have spent in each stage waiting, worked on and blocked, summed over batches";
        let seconds = metric(registry, ("stage", "seconds"), help);
        let mut stages = Self {
            batches,
            seconds,
            last: None,
        };
        stages.seen(Counts::default(), 0);
        stages.last = None;
        stages
    }

    /// Takes note of how many are where. What was seen before has lasted until now.
    pub fn seen(&mut self, counts: Counts, now_unix_ms: u64) {
        let (since, before) = self.last.unwrap_or((now_unix_ms, Counts::default()));
        let seconds = Duration::from_millis(now_unix_ms.saturating_sub(since)).as_secs_f64();
        for (labels, count) in before.labelled() {
            let spent = self.seconds.get_or_create(&labels);
            spent.inc_by(count as f64 * seconds);
        }
        for (labels, count) in counts.labelled() {
            let there = self.batches.get_or_create(&labels);
            there.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        self.last = Some((now_unix_ms, counts));
    }
}

#[cfg(test)]
mod tests {
    use rollmill_protocol::{
        Entry, ProofDigest, Roller, ScrWei, TaskId,
        board::{Lottery, RoundDraw, Seat, SeatState},
        law::{Params, draw::Draw},
    };

    use super::*;

    const BLOCK: u64 = 100;

    fn task(stage: board::Stage) -> Task {
        Task {
            id: TaskId(Default::default()),
            batch: 1,
            prover_gas_estimate: 1,
            unit_price: ScrWei::ZERO,
            epoch: 1,
            draw_block: BLOCK,
            draw_beacon: None,
            program_version: 1,
            k: 1,
            time_limit_s: 1,
            opened_at: None,
            fallback_at: None,
            fallback_started: false,
            is_left_to_fallback: false,
            stage,
            rounds: Vec::new(),
            seats: Default::default(),
        }
    }

    fn lottery() -> Lottery {
        Lottery {
            entries_hash: Default::default(),
            block: BLOCK,
        }
    }

    fn seat(picked_at: Option<u64>) -> Seat {
        Seat {
            tickets: 1,
            assigned_at: 1,
            deadline: 2,
            expires_at: 3,
            picked_at,
            receipt: None,
            posted: None,
            fine: None,
            state: SeatState::Open,
        }
    }

    fn open(seats: &[Seat]) -> Task {
        let mut task = task(board::Stage::Open {
            round_ends_at: Some(9),
        });
        task.rounds.push(RoundDraw {
            drawn_at: 1,
            deadline: 2,
            draw: Draw {
                seed: Default::default(),
                hits: Vec::new(),
            },
            full: Vec::new(),
        });
        for (i, seat) in (1..).zip(seats) {
            task.seats.insert((0, Roller::repeat_byte(i)), seat.clone());
        }
        task
    }

    #[test]
    fn a_batch_waits_works_or_is_blocked_in_one_stage() {
        use Doing::{Blocked, Waiting, Working};
        let entries = Vec::new;
        let awaiting = task(board::Stage::AwaitingBeacon);
        assert_eq!(place(&awaiting, true, 99), Place(Stage::Committed, Waiting));
        assert_eq!(
            place(&awaiting, true, 100),
            Place(Stage::Committed, Working)
        );
        let queued = task(board::Stage::Queued);
        assert_eq!(place(&queued, true, 100), Place(Stage::Drawing, Blocked));
        let of = |task: &Task| place(task, true, 100);
        assert_eq!(of(&open(&[])), Place(Stage::Drawing, Waiting));
        assert_eq!(of(&open(&[seat(None)])), Place(Stage::Proving, Waiting));
        let picked = open(&[seat(None), seat(Some(1))]);
        assert_eq!(of(&picked), Place(Stage::Proving, Working));
        assert_eq!(of(&picked).to_string(), "proving.working");
        let mut left = open(&[]);
        left.is_left_to_fallback = true;
        assert_eq!(of(&left), Place(Stage::Proving, Blocked));
        left.fallback_started = true;
        assert_eq!(of(&left), Place(Stage::Proving, Working));
        let closed = task(board::Stage::Closed {
            entries: entries(),
            earlier: Vec::new(),
        });
        assert_eq!(of(&closed), Place(Stage::Entered, Working));
        let lottery = task(board::Stage::AwaitingLottery {
            entries: entries(),
            lottery: lottery(),
        });
        assert_eq!(place(&lottery, true, 99), Place(Stage::Entered, Waiting));
        assert_eq!(of(&lottery), Place(Stage::Entered, Working));
    }

    #[test]
    fn a_settlement_waits_for_the_batch_before_it_and_is_blocked_without_the_winners_proof() {
        let roller = Roller::repeat_byte(1);
        let winner = Entry {
            roller,
            tickets: 1,
            proof_digest: ProofDigest(Default::default()),
        };
        let settling = task(board::Stage::Settling {
            entries: vec![winner],
            lottery: lottery(),
            beacon: Default::default(),
            winner,
        });
        // No seat of it has the bytes.
        assert_eq!(
            place(&settling, true, BLOCK),
            Place(Stage::Settling, Doing::Blocked)
        );
    }

    #[test]
    fn what_was_seen_lasts_until_something_else_is() {
        let mut registry = Registry::default();
        let mut stages = Stages::new(&mut registry);
        let board = Board::new(Params::default(), 1);
        let board = board.expect("the default law is one");
        let counts = |batches, is_sent, working| {
            let sealed = Sealed { batches, is_sent };
            let waiting = 0;
            Counts::of(sealed, &board, Verifying { waiting, working }, BLOCK)
        };
        stages.seen(counts(3, false, 0), 10_000);
        stages.seen(counts(1, true, 2), 11_500);
        stages.seen(Counts::default(), 12_000);
        let seconds = |stage, state| {
            let labels = [("stage", stage), ("state", state)];
            stages.seconds.get_or_create(&labels).get()
        };
        assert_eq!(seconds("built", "blocked"), 1.5);
        assert_eq!(seconds("built", "waiting"), 3.0);
        assert_eq!(seconds("built", "working"), 0.5);
        assert_eq!(seconds("verifying", "working"), 1.0);
        assert_eq!(seconds("proving", "working"), 0.0);
    }
}
