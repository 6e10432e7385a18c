//! A coordinator with three rollers, an L1 that the test writes block by block, and a clock that it moves by hand.

use std::time::Duration;

use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use rollmill_coordinator::{Coordinator, CoordinatorConfig, Observer};
use rollmill_l1::{
    L1Block, L1Event, LoggedEvent, Update,
    contracts::{
        RollerRegistry::{self, RollerRegistryEvents},
        Rollup::{self, RollupEvents},
    },
};
use rollmill_protocol::{
    PublicValues, Roller, TaskId,
    board::{Action, Board},
    law::{Params, draw},
};
use rollmill_roller_api::{
    Assignment, Client, HeartbeatRequest, PickRequest, ProofKind, Receipt, SeatId, SubmissionStats,
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
    updates: mpsc::Sender<Update>,
    l1_block: u64,
    shutdown: Shutdown,
    tasks: JoinHandle<()>,
}

impl World {
    /// A coordinator that has just been started for the first time.
    pub async fn new() -> Self {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        let folder = TempDir::new().unwrap();
        Self::open(folder, Clock::manual(now.as_secs()), 0).await
    }

    async fn open(folder: TempDir, clock: Clock, l1_block: u64) -> Self {
        let store = Store::open(folder.path()).await.unwrap();
        let config = CoordinatorConfig {
            listen: ([127, 0, 0, 1], 0).into(),
            tick: Duration::from_millis(5),
            ..CoordinatorConfig::new(ProofKind::Mock, L1_CHAIN_ID, ROLLUP, 1_337_002)
        };
        let shutdown = Shutdown::new();
        let coordinator = Coordinator::open(
            config,
            params(),
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
            updates,
            l1_block,
            shutdown,
            tasks,
        }
    }

    /// Ends all tasks without any farewell and starts anew from the same folder.
    pub async fn restart(self) -> Self {
        self.shutdown.cancel();
        timeout(PATIENCE, self.tasks).await.unwrap().unwrap();
        self.store.close().await;
        Self::open(self.folder, self.clock, self.l1_block).await
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
        self.l1_block += 1;
        let number = self.l1_block;
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
        self.l1_block = number;
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
                    stakeWei: U256::from(params().stake_min.0 * 10),
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
        let (epoch, root, total, leaves) = self
            .observer
            .board()
            .outstanding()
            .into_iter()
            .find_map(|action| match action {
                Action::PostSnapshot {
                    epoch,
                    root,
                    total,
                    leaves,
                    ..
                } => Some((epoch, root, total, leaves)),
                _ => None,
            })
            .unwrap();
        let posted = Rollup::SnapshotPosted {
            epoch,
            root,
            total: U256::from(total),
            leaves,
        };
        self.l1(vec![rollup(RollupEvents::SnapshotPosted(posted))])
            .await;
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
            unitPriceWei: U256::from(1_000_000_000u64),
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
    pub async fn deliver(&self, roller: &TestRoller, task: TaskId) -> Receipt {
        let proof = self.proof(task, roller.roller).await;
        let hash = self.expected(task, roller.roller).await;
        roller
            .submit(SeatId { task, round: 0 }, hash, proof)
            .await
            .unwrap()
    }
}

impl TestRoller {
    pub async fn heartbeat(&self) {
        let beat = HeartbeatRequest {
            ready: true,
            tasks: Vec::new(),
        };
        self.client.heartbeat(&beat).await.unwrap();
    }

    pub async fn pick(&self) -> Option<Assignment> {
        self.client.pick(&PickRequest::default()).await.unwrap()
    }

    pub async fn submit(
        &self,
        seat: SeatId,
        public_values_hash: B256,
        proof: Bytes,
    ) -> Result<Receipt, rollmill_roller_api::ClientError> {
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

fn registry(event: RollerRegistryEvents) -> L1Event {
    L1Event::Registry(event)
}

fn beacon_that_seats_all(board: &Board, task: TaskId) -> B256 {
    let snapshot = board.snapshot(board.epoch()).unwrap();
    let beacons = (1u64..).map(|number| B256::from(U256::from(number)));
    let seats_all = |beacon: &B256| {
        let seed = draw::seed(task, 0, *beacon);
        draw::draw(board.params(), board.controls().k, snapshot, seed, |_| Ok(()))
            .tickets()
            .len()
            == 3
    };
    beacons.into_iter().find(seats_all).unwrap()
}
