//! Speed of the law on one core: `cargo run --release -p rollmill-protocol --example bench`.
//!
//! Prints one line for each measure with its goal: a draw of 3 among 10,000 rollers in at most 20 us, a snapshot of 10,000 in at
//! most 50 ms, 200,000 board events per second. Says so and exits with 1 when a goal is missed in an optimised build. Time is the
//! thread's time on the processor where Linux tells it, so that a busy machine does not change the figures; of three runs the best.

use alloy_primitives::{Address, B256, U256, keccak256};
use rollmill_protocol::{
    ScrWei, TaskId,
    board::{Action, Board, Event, Presence, SeatKey, Verdict},
    entries_hash,
    law::{Leaf, ONE, Params, Snapshot, draw},
};
use std::{
    process::ExitCode,
    sync::LazyLock,
    time::{Duration, Instant},
};

/// Runs of which the best counts.
const RUNS: usize = 3;

static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Time that this thread has been on a processor, or the time of day where nobody says.
fn clock() -> Duration {
    let on_cpu = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = on_cpu.and_then(|line| line.split(' ').next()?.parse().ok());
    nanoseconds.map_or_else(|| STARTED.elapsed(), Duration::from_nanos)
}

const ROLLERS: u32 = 10_000;
const DRAWS: u64 = 20_000;
const TASKS: u64 = 20_000;
/// Commits per second: what ten thousand rollers keep up with.
const COMMITS_PER_S: u64 = 3;

fn roller(i: u32) -> Address {
    Address::from_word(keccak256(i.to_be_bytes()))
}

fn leaves() -> Vec<Leaf> {
    let leaf = |i: u32| Leaf {
        roller: roller(i),
        stake: ScrWei::from_scr(1_000 + u64::from(i)),
        q: ONE / 10 + u64::from(i),
        capacity: 4,
    };
    let mut leaves: Vec<Leaf> = (0..ROLLERS).map(leaf).collect();
    leaves.sort_by_key(|leaf| leaf.roller);
    leaves
}

fn snapshot_and_draw() -> (Duration, Duration) {
    let leaves = leaves();
    let begin = clock();
    let snapshot = Snapshot::new(leaves).expect("the leaves are in order");
    let snapshot_time = clock() - begin;
    let params = Params::default();
    let begin = clock();
    let mut hits = 0;
    for i in 0..DRAWS {
        let seed = draw::seed(TaskId(B256::from(U256::from(i))), 0, B256::ZERO);
        hits += draw::draw(&params, 3, &snapshot, seed, |_| Ok(()))
            .hits
            .len();
    }
    assert!(hits >= 3 * 20_000, "every draw lands three tickets");
    (
        snapshot_time,
        (clock() - begin) / u32::try_from(DRAWS).expect("few draws"),
    )
}

/// A network that commits, proves and settles; counts events.
struct Network {
    board: Board,
    now: u64,
    l1_block: u64,
    events: u64,
}

impl Network {
    fn apply(&mut self, event: &Event) -> Vec<Action> {
        self.events += 1;
        self.board
            .apply(event, self.now)
            .expect("the event is in order")
    }

    fn started() -> Self {
        let params = Params::default();
        let board = Board::new(params, 0).expect("the default law is within bounds");
        let mut network = Self {
            board,
            now: 0,
            l1_block: 0,
            events: 0,
        };
        for i in 0..ROLLERS {
            let roller = roller(i);
            network.apply(&Event::RollerRegistered {
                roller,
                signer: roller,
                capacity: 4,
            });
            network.apply(&Event::StakeChanged {
                roller,
                stake: ScrWei::from_scr(1_000 + u64::from(i)),
            });
            network.apply(&Event::ReadyChanged {
                roller,
                ready: true,
            });
            network.apply(&Event::PresenceChanged {
                roller,
                presence: Presence::Alive,
            });
        }
        network.end_epoch();
        network
    }

    fn end_epoch(&mut self) {
        let actions = self.apply(&Event::EpochEnded);
        for action in actions {
            if let Action::PostSnapshot {
                epoch,
                root,
                controls,
                ..
            } = action
            {
                self.apply(&Event::DialsPosted { epoch, controls });
                self.apply(&Event::SnapshotConfirmed { epoch, root });
            }
        }
    }

    fn commit(&mut self) {
        let batch = self.board.committed_through() + 1;
        self.now += u64::from(batch.is_multiple_of(COMMITS_PER_S));
        self.l1_block += 1;
        self.apply(&Event::BatchCommitted {
            batch,
            task: TaskId::of_batch(1, Address::ZERO, batch),
            l1_block: self.l1_block,
            prover_gas_estimate: 10_000_000,
            unit_price: ScrWei(100_000_000_000),
            epoch: self.board.epoch(),
            program_version: 1,
        });
    }

    /// Carries out everything that the board wants, until nothing is left.
    fn work(&mut self, mut actions: Vec<Action>) {
        while let Some(action) = actions.pop() {
            let more = match action {
                Action::Assigned(seat) => self.prove(seat),
                Action::PostEntries { batch, entries, .. } => {
                    let lottery_block = self.l1_block + 4;
                    self.apply(&Event::EntriesConfirmed {
                        batch,
                        entries_hash: entries_hash(&entries),
                        lottery_block,
                    })
                }
                Action::Settle { batch, seat, .. } => self.apply(&Event::BatchSettled {
                    batch,
                    roller: Some(seat.roller),
                    reward: ScrWei(1),
                    prover_gas: 1,
                }),
                _ => Vec::new(),
            };
            actions.extend(more);
        }
    }

    fn prove(&mut self, seat: SeatKey) -> Vec<Action> {
        self.apply(&Event::Picked(seat));
        self.apply(&Event::Submitted {
            seat,
            proof_digest: seat.task.0.into(),
            public_values_hash: B256::ZERO,
            received_at: self.now,
            verdict: Verdict::Valid,
        })
    }

    /// The beacon of a block on which tasks wait, five blocks later.
    fn store_beacon(&mut self) {
        let Some(l1_block) = self.l1_block.checked_sub(5) else {
            return;
        };
        let prevrandao = keccak256(l1_block.to_be_bytes());
        self.events += 1;
        if let Ok(actions) = self.board.apply(
            &Event::BeaconStored {
                l1_block,
                prevrandao,
            },
            self.now,
        ) {
            self.work(actions);
        }
    }
}

fn board_events_per_second() -> f64 {
    let mut network = Network::started();
    network.events = 0;
    let begin = clock();
    for _ in 0..TASKS {
        network.commit();
        network.store_beacon();
        if network.board.is_epoch_due(network.now) {
            network.end_epoch();
        }
    }
    assert!(
        network.board.settled_through() > TASKS - 100,
        "the chain settles"
    );
    network.events as f64 / (clock() - begin).as_secs_f64()
}

fn main() -> ExitCode {
    let least = |measure: fn() -> Duration| (0..RUNS).map(|_| measure()).min();
    let snapshot = least(|| snapshot_and_draw().0).unwrap_or_default();
    let draw = least(|| snapshot_and_draw().1).unwrap_or_default();
    let events = (0..RUNS)
        .map(|_| board_events_per_second())
        .fold(0.0, f64::max);
    let measures = [
        (
            "snapshot of 10,000 rollers",
            snapshot.as_secs_f64() * 1e3,
            "ms",
            50.0,
            true,
        ),
        (
            "draw of 3 among 10,000",
            draw.as_secs_f64() * 1e6,
            "us",
            20.0,
            true,
        ),
        (
            "board, 10,000 rollers",
            events,
            "events/s",
            200_000.0,
            false,
        ),
    ];
    let mut missed = 0;
    for (name, value, unit, goal, is_at_most) in measures {
        let is_met = if is_at_most {
            value <= goal
        } else {
            value >= goal
        };
        missed += u32::from(!is_met);
        let bound = if is_at_most { "<=" } else { ">=" };
        let verdict = if is_met { "met" } else { "MISSED" };
        println!("{name:<28} {value:>12.1} {unit:<9} goal {bound} {goal:>9.0}  {verdict}");
    }
    ExitCode::from(u8::from(missed > 0 && !cfg!(debug_assertions)))
}
