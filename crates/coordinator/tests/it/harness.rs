//! A coordinator with three rollers, an L1 that the test writes block by block, and a clock that it moves by hand.

use std::{path::Path, time::Duration};

use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use rollmill_coordinator::{
    Coordinator, CoordinatorConfig, Observer, OperatorSigner, audit::L1History, log::LogLine,
};
use rollmill_l1::{
    L1Block, L1Event, LoggedEvent, Update,
    contracts::{
        Control::{self, ControlEvents},
        Court::{self, CourtEvents},
        Draws::{self, DrawsEvents},
        RollerRegistry::{self, RollerRegistryEvents},
        Rollup::{self, RollupEvents},
    },
};
use rollmill_protocol::{
    Entry, PublicValues, Roller, TaskId,
    board::{Action, Board},
    entries_hash,
    law::{Params, draw},
};
use rollmill_roller_api::{
    Assignment, Client, HeartbeatRequest, PickRequest, ProofKind, SeatId, SubmissionReply,
    SubmissionStats, receipts::Asker,
};
use rollmill_runtime::{Clock, Shutdown, Tasks};
use rollmill_store::{BatchRecord, BatchState, Store};
use rollmill_zkvm::mock::MockProof;
use serde_json::json;
use tempfile::TempDir;
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

pub const L1_CHAIN_ID: u64 = 1_337_001;
pub const ROLLUP: Address = Address::repeat_byte(0x77);
pub const WITNESS: &[u8] = b"the witness of a batch";
pub const PROVER_GAS: u64 = 5_000;

/// Nothing in a test takes longer unless it is broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// T of a seat, seconds.
pub const DEADLINE_S: u64 = 20;

/// The key that commits on L1 and signs receipts.
pub fn operator() -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(0x0b)).unwrap()
}

/// The key of the operator's own prover.
pub fn fallback() -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(0x0f)).unwrap()
}

pub fn params() -> Params {
    Params {
        t_fix_s: DEADLINE_S,
        t_min_s: DEADLINE_S,
        t_max_s: DEADLINE_S,
        heartbeat_s: 10,
        expiry_multiple: 2,
        epoch_s: 3_600,
        ..Params::devnet()
    }
}

/// A roller with its key.
pub struct TestRoller {
    pub roller: Roller,
    pub key: PrivateKeySigner,
    pub client: Client,
}

/// See the module.
pub struct World {
    pub folder: TempDir,
    pub store: Store,
    pub clock: Clock,
    pub observer: Observer,
    pub url: String,
    pub rollers: Vec<TestRoller>,
    pub params: Params,
    updates: mpsc::Sender<Update>,
    /// What stands of L1.
    blocks: Vec<L1Block>,
    shutdown: Shutdown,
    tasks: JoinHandle<()>,
}

impl World {
    /// A coordinator that has just been started for the first time.
    pub async fn new() -> Self {
        Self::under(params(), 0).await
    }

    /// The same under another law, with a clock that is behind by as much as the test will move it: clients sign
    /// requests against the wall clock.
    pub async fn under(params: Params, behind_s: u64) -> Self {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        let folder = TempDir::new().unwrap();
        Self::open(
            folder,
            Clock::manual(now.as_secs() - behind_s),
            params,
            Vec::new(),
        )
        .await
    }

    /// A coordinator that is started in a folder.
    pub async fn open(folder: TempDir, clock: Clock, params: Params, blocks: Vec<L1Block>) -> Self {
        let store = Store::open(folder.path()).await.unwrap();
        let config = CoordinatorConfig {
            listen: ([127, 0, 0, 1], 0).into(),
            tick: Duration::from_millis(5),
            fallback: Some(fallback().address()),
            ..CoordinatorConfig::new(
                ProofKind::Mock,
                L1_CHAIN_ID,
                ROLLUP,
                1_337_002,
                OperatorSigner::new(operator()),
            )
        };
        let shutdown = Shutdown::new();
        let coordinator = Coordinator::open(
            config,
            params.clone(),
            store.clone(),
            clock.clone(),
            shutdown.clone(),
        )
        .await
        .unwrap();
        let (observer, url) = (
            coordinator.observer(),
            format!("http://{}", coordinator.address()),
        );
        let mut tasks = Tasks::new(shutdown.clone());
        let updates = coordinator.spawn_without_l1(&mut tasks);
        let tasks = tokio::spawn(async move { tasks.join().await.unwrap() });
        let rollers = (1u8..=3)
            .map(|number| {
                let key = PrivateKeySigner::from_bytes(&B256::repeat_byte(number)).unwrap();
                let client = Client::new(&url, key.clone(), L1_CHAIN_ID, ROLLUP).unwrap();
                TestRoller {
                    roller: Address::repeat_byte(number),
                    key,
                    client,
                }
            })
            .collect();
        Self {
            folder,
            store,
            clock,
            observer,
            url,
            rollers,
            params,
            updates,
            blocks,
            shutdown,
            tasks,
        }
    }

    /// A client of the operator's own prover.
    pub fn fallback(&self) -> TestRoller {
        let key = fallback();
        let client = Client::new(&self.url, key.clone(), L1_CHAIN_ID, ROLLUP).unwrap();
        TestRoller {
            roller: key.address(),
            key,
            client,
        }
    }

    /// All that L1 is, for an auditor.
    pub fn l1_history(&self) -> L1History {
        self.blocks.iter().cloned().collect()
    }

    /// The same, block by block.
    pub fn l1_blocks(&self) -> &[L1Block] {
        &self.blocks
    }

    /// The published log, fetched page by page.
    pub async fn log(&self) -> Vec<LogLine> {
        let mut lines = Vec::new();
        loop {
            let page = self.rollers[0]
                .client
                .log(lines.len() as u64)
                .await
                .unwrap();
            if page.is_empty() {
                return lines;
            }
            lines.extend(
                page.lines()
                    .map(|line| serde_json::from_str::<LogLine>(line).unwrap()),
            );
        }
    }

    /// Ends all tasks without any farewell and starts anew from the same folder.
    pub async fn restart(self) -> Self {
        self.restart_after(async |_| {}).await
    }

    /// The same, with something done to the store in between.
    pub async fn restart_after(self, act: impl AsyncFnOnce(&Store)) -> Self {
        self.shutdown.cancel();
        timeout(PATIENCE, self.tasks).await.unwrap().unwrap();
        act(&self.store).await;
        self.store.close().await;
        Self::open(self.folder, self.clock, self.params, self.blocks).await
    }

    /// What `kill -9` would leave at this moment, started anew: a copy of the folder while everything runs.
    pub async fn crashed(&self) -> Self {
        let copy = TempDir::new().unwrap();
        copy_folder(self.folder.path(), copy.path());
        let clock = Clock::manual(self.clock.now_unix_s());
        Self::open(copy, clock, self.params.clone(), self.blocks.clone()).await
    }

    /// Waits until the board is as wanted.
    pub async fn until(&self, wanted: impl Fn(&Board) -> bool) {
        let mut changes = self.observer.changes();
        let reached = async {
            while !wanted(&self.observer.board()) {
                changes.changed().await.unwrap();
            }
        };
        let board = self.observer.board();
        timeout(PATIENCE, reached)
            .await
            .unwrap_or_else(|_| panic!("never reached; at first {board:#?}"));
    }

    /// Appends an L1 block with these events and waits until the board has it.
    pub async fn l1(&mut self, events: Vec<L1Event>) -> u64 {
        let number = self.blocks.len() as u64 + 1;
        let events = (0..).zip(events).map(|(log_index, event)| LoggedEvent {
            event,
            transaction: keccak256([number as u8, log_index as u8]),
            log_index,
        });
        let block = L1Block {
            number,
            hash: keccak256(number.to_be_bytes()),
            timestamp: self.clock.now_unix_s(),
            prevrandao: B256::ZERO,
            events: events.collect(),
        };
        self.blocks.push(block.clone());
        let mut changes = self.observer.changes();
        self.updates.send(Update::Block(block)).await.unwrap();
        let read = async {
            while self
                .observer
                .cursor()
                .is_none_or(|cursor| cursor.block < number)
            {
                changes.changed().await.unwrap();
            }
        };
        timeout(PATIENCE, read)
            .await
            .expect("the board stopped at this block");
        number
    }

    /// L1 takes back everything after a block.
    pub async fn rewind(&mut self, number: u64) {
        let hash = keccak256(number.to_be_bytes());
        let cursor = rollmill_l1::Cursor {
            block: number,
            hash,
        };
        self.updates.send(Update::Rewind(cursor)).await.unwrap();
        let mut changes = self.observer.changes();
        let read = async {
            while self.observer.cursor() != Some(cursor) {
                changes.changed().await.unwrap();
            }
        };
        timeout(PATIENCE, read)
            .await
            .expect("the board stopped at this rewind");
        self.blocks.truncate(number as usize);
    }

    /// Registers, stakes and readies all rollers, hears their heartbeats and confirms the first snapshot.
    pub async fn with_snapshot(mut self) -> Self {
        let mut events = Vec::new();
        for TestRoller { roller, key, .. } in &self.rollers {
            events.push(registry(RollerRegistryEvents::RollerRegistered(
                RollerRegistry::RollerRegistered {
                    roller: *roller,
                    signer: key.address(),
                    payout: *roller,
                    capacity: 2,
                    metadata: String::new(),
                },
            )));
            events.push(registry(RollerRegistryEvents::StakeChanged(
                RollerRegistry::StakeChanged {
                    roller: *roller,
                    stakeWei: U256::from(self.params.stake_min.0 * 10),
                    unbondingWei: U256::ZERO,
                    unbondAt: 0,
                },
            )));
            events.push(registry(RollerRegistryEvents::ReadyChanged(
                RollerRegistry::ReadyChanged {
                    roller: *roller,
                    ready: true,
                },
            )));
        }
        self.l1(events).await;
        self.heartbeats().await;
        self.advance(3).await;
        self.until(|board| {
            board
                .outstanding()
                .iter()
                .any(|a| matches!(a, Action::PostSnapshot { .. }))
        })
        .await;
        assert!(self.step_on_l1().await);
        assert_eq!(self.observer.board().epoch(), 1);
        self
    }

    /// Moves the clock while everybody is heard.
    pub async fn advance(&self, seconds: u64) {
        for _ in 0..seconds {
            self.clock.advance_ms(1_000);
            self.heartbeats().await;
        }
    }

    pub async fn heartbeats(&self) {
        for roller in &self.rollers {
            roller.heartbeat().await;
        }
    }

    /// Commits the next batch and draws it so that all three rollers are seated.
    pub async fn with_task(mut self) -> (Self, TaskId) {
        let task = self.commit().await;
        let board = self.observer.board();
        let draw_block = board.task_by_id(task).unwrap().draw_block;
        let prevrandao = beacon_that_seats_all(&board, task);
        self.l1(vec![rollup(RollupEvents::BeaconStored(
            Rollup::BeaconStored {
                l1Block: draw_block,
                prevrandao,
            },
        ))])
        .await;
        assert_eq!(
            self.observer.board().task_by_id(task).unwrap().seats.len(),
            3
        );
        (self, task)
    }

    /// Records the next batch as the sequencer does, and shows its commit on L1.
    pub async fn commit(&mut self) -> TaskId {
        let batch = self.observer.board().committed_through() + 1;
        let task = TaskId::of_batch(L1_CHAIN_ID, ROLLUP, batch);
        let witness = [WITNESS, &batch.to_be_bytes()].concat();
        let witness_hash = self.store.objects().put(&witness).await.unwrap();
        let public_values = PublicValues {
            l1_chain_id: L1_CHAIN_ID,
            rollup: ROLLUP,
            task,
            first_batch: batch,
            last_batch: batch,
            prover_gas: PROVER_GAS,
            ..PublicValues::default()
        };
        let record = BatchRecord {
            number: batch,
            first_block: batch,
            last_block: batch,
            state: BatchState::Committed,
            task: task.0,
            witness_hash,
            data: Bytes::from_static(b"data"),
            commit_fields: json!({}),
            public_values,
            stats: json!({}),
            committed: None,
            settled: None,
        };
        self.store.record_batch(&record).await.unwrap();
        let c = Rollup::Commit {
            batch,
            programVersion: 1,
            lastBlock: batch,
            proverGasEstimate: PROVER_GAS,
            witnessHash: witness_hash,
            ..Default::default()
        };
        let committed = Rollup::BatchCommitted {
            batch,
            task: task.0,
            c,
            unitPriceWei: U256::from(self.observer.board().controls().unit_price.0),
            epoch: self.observer.board().epoch(),
            ..Default::default()
        };
        self.l1(vec![rollup(RollupEvents::BatchCommitted(committed))])
            .await;
        task
    }

    /// Hash of the public values that `roller` has to prove.
    pub async fn expected(&self, task: TaskId, roller: Roller) -> B256 {
        let template = self
            .store
            .batch_of_task(task.0)
            .await
            .unwrap()
            .unwrap()
            .public_values;
        PublicValues { roller, ..template }.hash()
    }

    /// A proof that is valid for `roller`.
    pub async fn proof(&self, task: TaskId, roller: Roller) -> Bytes {
        MockProof {
            public_values_hash: self.expected(task, roller).await,
        }
        .encode()
        .into()
    }

    /// Submits a valid proof.
    pub async fn deliver(&self, roller: &TestRoller, task: TaskId) -> SubmissionReply {
        self.deliver_in(roller, SeatId { task, round: 0 }).await
    }

    /// Submits a valid proof for a seat.
    pub async fn deliver_in(&self, roller: &TestRoller, seat: SeatId) -> SubmissionReply {
        let proof = self.proof(seat.task, roller.roller).await;
        let hash = self.expected(seat.task, roller.roller).await;
        roller.submit(seat, hash, proof).await.unwrap()
    }

    /// Submits a complete proof of something else, which the verifier rejects.
    pub async fn cheat(&self, roller: &TestRoller, seat: SeatId) -> SubmissionReply {
        let proof = MockProof {
            public_values_hash: B256::repeat_byte(0xba),
        };
        let hash = self.expected(seat.task, roller.roller).await;
        roller
            .submit(seat, hash, proof.encode().into())
            .await
            .unwrap()
    }

    /// Does on L1 what the board wants done there, block by block, until nothing is left that L1 can do.
    pub async fn settle_on_l1(&mut self) {
        while self.step_on_l1().await {}
    }

    /// One L1 block with what the board wants done; `false` when there is nothing.
    pub async fn step_on_l1(&mut self) -> bool {
        let board = self.observer.board();
        let next = self.blocks.len() as u64 + 1;
        let (_, head) = self.observer.head();
        let mut events = Vec::new();
        for action in board.outstanding() {
            events.extend(dials_on_l1(&action, head));
            events.extend(draw_on_l1(&board, &action));
            events.extend(on_l1(&board, action, next));
        }
        if events.is_empty() {
            return false;
        }
        self.l1(events).await;
        true
    }
}

impl TestRoller {
    pub async fn heartbeat(&self) {
        let beat = HeartbeatRequest {
            ready: true,
            ..HeartbeatRequest::default()
        };
        self.client.heartbeat(&beat).await.unwrap();
    }

    /// Checks the operator's receipts as the daemon does.
    pub fn asker(&self) -> Asker {
        Asker {
            domain: self.client.domain().clone(),
            operator: operator().address(),
            roller: self.roller,
        }
    }

    pub async fn pick(&self) -> Option<Assignment> {
        self.client.pick(&PickRequest::default()).await.unwrap()
    }

    pub async fn submit(
        &self,
        seat: SeatId,
        public_values_hash: B256,
        proof: Bytes,
    ) -> Result<SubmissionReply, rollmill_roller_api::ClientError> {
        let submission = self
            .client
            .sign_submission(seat, self.roller, public_values_hash, &proof);
        self.client
            .submit(&submission, &SubmissionStats::default(), proof)
            .await
    }
}

pub fn rollup(event: RollupEvents) -> L1Event {
    L1Event::Rollup(event)
}

/// The dials that go before a snapshot, with the head of the log.
fn dials_on_l1(action: &Action, log_hash: B256) -> Option<L1Event> {
    let Action::PostSnapshot {
        epoch, controls, ..
    } = action
    else {
        return None;
    };
    Some(L1Event::Control(ControlEvents::DialsPosted(
        Control::DialsPosted {
            epoch: *epoch,
            dials: Control::Dials {
                unitPriceWei: controls.unit_price.0,
                tauNsPerGas: controls.tau_ns_per_gas,
                window: controls.window,
                k: controls.k,
            },
            logHash: log_hash,
        },
    )))
}

/// The draw that goes before the entries.
fn draw_on_l1(board: &Board, action: &Action) -> Option<L1Event> {
    let Action::PostEntries { batch, .. } = action else {
        return None;
    };
    let rounds = board.task_by_batch(*batch)?.posted_rounds();
    Some(L1Event::Draws(DrawsEvents::DrawsPosted(
        Draws::DrawsPosted {
            batch: *batch,
            rounds,
        },
    )))
}

/// What L1 shows after an action; nothing for those that are not L1's.
fn on_l1(board: &Board, action: Action, l1_block: u64) -> Option<L1Event> {
    let event = match action {
        Action::PostSnapshot {
            epoch,
            root,
            total,
            leaves,
            ..
        } => RollupEvents::SnapshotPosted(Rollup::SnapshotPosted {
            epoch,
            root,
            total: U256::from(total),
            leaves,
        }),
        Action::StoreBeacon { l1_block } => RollupEvents::BeaconStored(Rollup::BeaconStored {
            l1Block: l1_block,
            prevrandao: keccak256(l1_block.to_be_bytes()),
        }),
        Action::PostEntries { batch, entries, .. } => {
            let posted = |entry: &Entry| Rollup::Entry {
                roller: entry.roller,
                tickets: entry.tickets,
                proofDigest: entry.proof_digest.0,
            };
            RollupEvents::EntriesPosted(Rollup::EntriesPosted {
                batch,
                entriesHash: entries_hash(&entries),
                lotteryBlock: l1_block + board.params().lottery_lag_blocks,
                entries: entries.iter().map(posted).collect(),
            })
        }
        Action::Settle { batch, seat, .. } => RollupEvents::BatchSettled(Rollup::BatchSettled {
            batch,
            roller: seat.roller,
            stateRoot: B256::ZERO,
            rewardWei: U256::from(7),
            proverGas: PROVER_GAS,
        }),
        Action::Judge {
            batch,
            seat,
            proof_digest,
        } => {
            return Some(judged(
                batch,
                seat.round,
                seat.roller,
                proof_digest.0,
                false,
            ));
        }
        _ => return None,
    };
    Some(rollup(event))
}

/// L1's judgement of a submission.
pub fn judged(batch: u64, round: u32, roller: Roller, digest: B256, valid: bool) -> L1Event {
    L1Event::Court(CourtEvents::SubmissionJudged(Court::SubmissionJudged {
        batch,
        roller,
        round,
        valid,
        fineWei: U256::from(if valid { 0 } else { 10 }),
        proofDigest: digest,
        accuser: Address::ZERO,
    }))
}

/// Makes a judgement say that the proof was valid after all; `false` for other events.
pub fn overturn(event: &mut L1Event) -> bool {
    let L1Event::Court(CourtEvents::SubmissionJudged(judgement)) = event else {
        return false;
    };
    (judgement.valid, judgement.fineWei) = (true, U256::ZERO);
    true
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn registry(event: RollerRegistryEvents) -> L1Event {
    L1Event::Registry(event)
}

fn beacon_that_seats_all(board: &Board, task: TaskId) -> B256 {
    let snapshot = board.snapshot(board.epoch()).unwrap();
    let beacons = (1u64..).map(|number| B256::from(U256::from(number)));
    let seats_all = |beacon: &B256| {
        let seed = draw::seed(task, 0, *beacon);
        draw::draw(board.params(), board.controls().k, snapshot, seed, |_| {
            Ok(())
        })
        .tickets()
        .len()
            == 3
    };
    beacons.into_iter().find(seats_all).unwrap()
}
