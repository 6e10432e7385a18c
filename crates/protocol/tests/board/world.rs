//! A board, its log, and an L1 that does what the board asks for.

use std::{
    collections::HashMap,
    mem::{Discriminant, discriminant},
};

use alloy_primitives::{Address, B256, U256, keccak256};
use rollmill_protocol::{
    BatchNumber, Entry, ProofDigest, Roller, Round, ScrWei, TaskId, UnixSeconds,
    board::{
        Action, Board, BoardError, Event, Parameter, Presence, RollerAccount, Seat, SeatKey, Stage,
        Task, Verdict,
    },
    entries_hash,
    law::{Params, control::ControlParams, draw},
};

pub const START: UnixSeconds = 1_000_000;
pub const UNIT_PRICE: ScrWei = ScrWei(1_000_000_000);
pub const PROVER_GAS: u64 = 1_000_000;

pub fn roller(i: u8) -> Roller {
    Address::repeat_byte(i)
}

pub fn task_id(batch: BatchNumber) -> TaskId {
    TaskId::of_batch(1_337_001, Address::repeat_byte(0x0a), batch)
}

/// The devnet's law with another k and window, which stay what they are.
pub fn devnet_with(k: u32, window: u32) -> Params {
    let law = Params::devnet();
    Params {
        k,
        window,
        control: ControlParams {
            k: (k, k),
            window: (window, window),
            ..law.control.clone()
        },
        ..law
    }
}

pub struct World {
    pub board: Board,
    pub params: Params,
    pub now: UnixSeconds,
    pub l1_block: u64,
    /// What was applied, and when.
    pub records: Vec<(UnixSeconds, Event)>,
    /// From when what was announced last of each number is in force.
    changes: HashMap<Discriminant<Parameter>, UnixSeconds>,
}

impl World {
    pub fn new(params: Params) -> Self {
        let board = Board::new(params.clone(), START).unwrap();
        Self {
            board,
            params,
            now: START,
            l1_block: 100,
            records: Vec::new(),
            changes: HashMap::new(),
        }
    }

    /// A world with rollers 1 to `count`, staked, ready, alive and in the confirmed snapshot of epoch 1.
    pub fn with_rollers(params: Params, count: u8) -> Self {
        let mut world = Self::new(params);
        for i in 1..=count {
            world.join(i);
        }
        world.end_epoch();
        world
    }

    pub fn join(&mut self, i: u8) {
        let roller = roller(i);
        self.apply(Event::RollerRegistered {
            roller,
            signer: Address::repeat_byte(0x80 + i),
            capacity: 4,
        });
        self.apply(Event::StakeChanged {
            roller,
            stake: ScrWei::from_scr(1_000),
        });
        self.apply(Event::ReadyChanged {
            roller,
            ready: true,
        });
        self.apply(Event::PresenceChanged {
            roller,
            presence: Presence::Alive,
        });
    }

    /// Applies an event and checks what must hold after every event.
    pub fn try_apply(&mut self, event: Event) -> Result<Vec<Action>, BoardError> {
        let before = self.board.clone();
        let result = self.board.apply(&event, self.now);
        match &result {
            Ok(actions) => {
                if let Event::ParameterAnnounced {
                    parameter,
                    active_from,
                    ..
                } = &event
                {
                    self.changes.insert(discriminant(parameter), *active_from);
                }
                self.records.push((self.now, event));
                self.check(actions);
            }
            Err(_) => assert_eq!(self.board, before, "a rejected event changed the board"),
        }
        result
    }

    pub fn apply(&mut self, event: Event) -> Vec<Action> {
        self.try_apply(event).unwrap()
    }

    fn check(&self, actions: &[Action]) {
        let in_window = self
            .board
            .unsettled()
            .filter(|task| task.is_in_window())
            .count();
        assert!(
            in_window <= usize::try_from(self.board.controls().window).unwrap(),
            "window exceeded"
        );
        self.check_indexes();
        let outstanding = self.board.outstanding();
        for action in actions {
            match action {
                Action::Assigned(seat) => {
                    let open = u32::try_from(self.board.open_seats(seat.roller).len()).unwrap();
                    assert!(
                        open <= self.board.roller(seat.roller).unwrap().capacity,
                        "capacity exceeded"
                    );
                }
                Action::Stop(_) | Action::Alarm(_) => {}
                // Within one event a closed task cannot be confirmed, so whatever it asks for is still to be done.
                _ => assert!(
                    outstanding.contains(action),
                    "{action:?} would be lost in a crash"
                ),
            }
        }
    }

    /// What the board answers from its indexes is what a walk over all tasks finds.
    fn check_indexes(&self) {
        let board = &self.board;
        let changes = self.changes.values().copied().filter(|at| *at > self.now);
        let wakeups = board.tasks().filter_map(Task::wakeup).chain(changes);
        assert_eq!(board.next_wakeup(), wakeups.min());
        for (roller, account) in board.rollers() {
            let open = board.unsettled().flat_map(|task| {
                let seats = task.seats.iter().filter(|(_, seat)| seat.is_open());
                seats.filter_map(|((round, holder), _)| {
                    (holder == roller).then_some((task.batch, *round))
                })
            });
            assert!(account.seats.iter().copied().eq(open), "seats of {roller}");
        }
        let is_present = |account: &&RollerAccount| {
            account.is_leaf(board.params())
                && account.presence == Presence::Alive
                && account.accused.is_none()
        };
        let present = board.rollers().map(|(_, account)| account);
        let present = present.filter(is_present).count();
        assert_eq!(u32::try_from(present), Ok(board.rollers_present()));
    }

    pub fn end_epoch(&mut self) -> Vec<Action> {
        self.now = self.now.max(self.board.epoch_due_at());
        let actions = self.apply(Event::EpochEnded);
        let Some(Action::PostSnapshot {
            epoch,
            root,
            controls,
            ..
        }) = actions.first()
        else {
            panic!("no snapshot")
        };
        self.apply(Event::DialsPosted {
            epoch: *epoch,
            controls: *controls,
        });
        self.apply(Event::SnapshotConfirmed {
            epoch: *epoch,
            root: *root,
        })
    }

    /// Commits the next batch; returns its number.
    pub fn commit(&mut self) -> BatchNumber {
        let batch = self.board.committed_through() + 1;
        self.l1_block += 1;
        self.apply(Event::BatchCommitted {
            batch,
            task: task_id(batch),
            l1_block: self.l1_block,
            prover_gas_estimate: PROVER_GAS,
            unit_price: UNIT_PRICE,
            epoch: self.board.epoch(),
            program_version: 1,
        });
        batch
    }

    /// Stores the beacon that a task waits for.
    pub fn store_beacon(&mut self, batch: BatchNumber, prevrandao: B256) -> Vec<Action> {
        let l1_block = self.task(batch).awaited_beacon().unwrap();
        self.l1_block = self.l1_block.max(l1_block);
        self.apply(Event::BeaconStored {
            l1_block,
            prevrandao,
        })
    }

    /// Commits a batch whose draw gives exactly these rollers one ticket each.
    pub fn commit_drawing(&mut self, rollers: &[u8]) -> BatchNumber {
        let batch = self.commit();
        let snapshot = self.board.snapshot(self.board.epoch()).unwrap();
        let mut wanted: Vec<Roller> = rollers.iter().map(|i| roller(*i)).collect();
        wanted.sort();
        let k = self.task(batch).k.min(self.board.rollers_present());
        let is_wanted = |beacon: &B256| {
            let seed = draw::seed(task_id(batch), 0, *beacon);
            draw::draw(&self.params, k, snapshot, seed, |_| Ok(()))
                .tickets()
                .into_keys()
                .eq(wanted.iter().copied())
        };
        let beacon = (0..100_000u64)
            .map(|i| keccak256(i.to_be_bytes()))
            .find(is_wanted)
            .unwrap();
        self.store_beacon(batch, beacon);
        batch
    }

    pub fn task(&self, batch: BatchNumber) -> &Task {
        self.board.task_by_batch(batch).unwrap()
    }

    pub fn seat_key(&self, batch: BatchNumber, round: Round, i: u8) -> SeatKey {
        SeatKey {
            task: task_id(batch),
            round,
            roller: roller(i),
        }
    }

    pub fn seat(&self, batch: BatchNumber, round: Round, i: u8) -> &Seat {
        self.board.seat(&self.seat_key(batch, round, i)).unwrap()
    }

    pub fn submission(&self, seat: SeatKey, verdict: Verdict) -> Event {
        Event::Submitted {
            seat,
            proof_digest: digest(&seat),
            public_values_hash: B256::repeat_byte(0x77),
            received_at: self.now,
            verdict,
        }
    }

    pub fn submit(&mut self, seat: SeatKey, verdict: Verdict) -> Vec<Action> {
        self.apply(self.submission(seat, verdict))
    }

    /// A post of the proof that `submission` submits, on L1 since `age_s` seconds.
    pub fn post(&self, batch: BatchNumber, seat: SeatKey, age_s: u64) -> Event {
        Event::SubmissionPosted {
            batch,
            round: seat.round,
            roller: seat.roller,
            proof_digest: digest(&seat),
            posted_at: self.now - age_s,
        }
    }

    /// All open seats of a task deliver valid proofs.
    pub fn deliver_all(&mut self, batch: BatchNumber) -> Vec<Action> {
        let open: Vec<_> = self
            .task(batch)
            .seats
            .iter()
            .filter(|(_, seat)| seat.is_open())
            .map(|(key, _)| *key)
            .collect();
        let mut actions = Vec::new();
        for (round, holder) in open {
            let seat = self.task(batch).seat_key(round, holder);
            self.apply(Event::Picked(seat));
            actions = self.submit(seat, Verdict::Valid);
        }
        actions
    }

    pub fn confirm_entries(&mut self, batch: BatchNumber) {
        let Stage::Closed { entries, .. } = &self.task(batch).stage else {
            panic!("not closed")
        };
        let entries_hash = entries_hash(entries);
        self.l1_block += 1;
        let lottery_block = self.l1_block + self.params.lottery_lag_blocks;
        self.apply(Event::EntriesConfirmed {
            batch,
            entries_hash,
            lottery_block,
        });
    }

    /// Entries to L1, lottery, settlement; returns the winner.
    pub fn settle(&mut self, batch: BatchNumber) -> Entry {
        self.settle_proving(batch, PROVER_GAS)
    }

    /// The same with a proof of so much work.
    pub fn settle_proving(&mut self, batch: BatchNumber, prover_gas: u64) -> Entry {
        self.confirm_entries(batch);
        self.store_beacon(batch, keccak256(batch.to_be_bytes()));
        let Stage::Settling { winner, .. } = &self.task(batch).stage else {
            panic!("no winner")
        };
        let winner = *winner;
        self.apply(Event::BatchSettled {
            batch,
            roller: Some(winner.roller),
            reward: ScrWei(5),
            prover_gas,
        });
        winner
    }

    /// A second board that knows only the written records.
    pub fn replayed(&self) -> Board {
        let mut board = Board::new(self.params.clone(), START).unwrap();
        for (now, event) in &self.records {
            let written = serde_json::to_vec(event).unwrap();
            let read: Event = serde_json::from_slice(&written).unwrap();
            board.apply(&read, *now).unwrap();
        }
        board
    }
}

/// The same roller's proof of the same task has the same bytes in every round.
pub fn digest(seat: &SeatKey) -> ProofDigest {
    ProofDigest(keccak256(
        [seat.task.0.as_slice(), seat.roller.as_slice()].concat(),
    ))
}

pub fn invalid() -> Verdict {
    Verdict::Invalid {
        reason: "rejected".into(),
    }
}

pub fn beacon(i: u64) -> B256 {
    B256::from(U256::from(i))
}
