//! A coordinator on a real L1: the embedded one, with the contracts.

use std::{path::Path, time::Duration};

use alloy::{
    eips::BlockId,
    primitives::{Address, B256, Bytes, U256, keccak256},
    providers::Provider,
    signers::local::PrivateKeySigner,
};
use rollmill_coordinator::{
    Coordinator, CoordinatorConfig, L1Access, Observer, OperatorSigner, StartError,
};
use rollmill_l1::{
    Call, DeployConfig, Deployment, DynProvider, Genesis, Incentives, Parameters, Sender,
    WatcherConfig,
    contracts::{RollerRegistry, Rollup, ScrToken},
    deploy,
};
use rollmill_protocol::{PublicValues, TaskId, l2::FORK_ID, law::Params, prover_gas::SCHEDULE_ID};
use rollmill_roller_api::{Assignment, Client, HeartbeatRequest, PickRequest, ProofKind};
use rollmill_runtime::{Clock, Shutdown, Tasks};
use rollmill_store::{BatchRecord, BatchState, Store};
use rollmill_test_l1::{ETHER, L2, Layer1, account, deploy_config, eventually};
use rollmill_zkvm::mock::MockProof;
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::harness::{L1_CHAIN_ID, PROVER_GAS, fallback, params};

/// Short enough to end in a test: with a block every 50 ms, each a second later than the one before.
pub const EMISSION_EPOCH_S: u64 = 30;
const GENESIS: Genesis = Genesis {
    state_root: B256::repeat_byte(1),
    block_hash: B256::repeat_byte(2),
    withdrawal_root: B256::repeat_byte(3),
    timestamp: 1_767_225_600,
};

/// Deadlines that are far away: with a block every few milliseconds L1's time runs ahead of the clock.
fn law() -> Params {
    const T_S: u64 = 7_200;
    Params {
        t_min_s: T_S,
        t_fix_s: T_S,
        t_max_s: T_S,
        ..params()
    }
}

/// The account that may announce other parameters.
pub fn governor() -> PrivateKeySigner {
    account(9)
}

/// The contracts, with so many seconds until anybody may settle unpaid: after entries, and without any.
async fn deployed(sender: &Sender, dir: &Path, (settle_s, fallback_s): (u64, u64)) -> Deployment {
    let parameters = Parameters {
        settle_s,
        fallback_s,
        claim_s: 600,
        incentives: Incentives {
            emission_epoch_s: EMISSION_EPOCH_S,
            ..Incentives::default()
        },
        ..Parameters::default()
    };
    let config = DeployConfig {
        governor: governor().address(),
        ..deploy_config(sender.address(), law(), parameters)
    };
    let file = dir.join("deployment.json");
    deploy(sender, &config, &file, |_| GENESIS).await.unwrap()
}

/// A coordinator over a store, which does not run yet.
async fn opened(
    deployment: &Deployment,
    store: &Store,
    clock: Clock,
    shutdown: &Shutdown,
) -> Coordinator {
    let config = CoordinatorConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        tick: Duration::from_millis(10),
        l1_retry: Duration::from_millis(50),
        piece_leaves: 1,
        fallback: Some(fallback().address()),
        ..CoordinatorConfig::new(
            ProofKind::Mock,
            L1_CHAIN_ID,
            deployment.rollup,
            L2,
            OperatorSigner::new(account(0)),
        )
    };
    Coordinator::open(config, law(), store.clone(), clock, shutdown.clone())
        .await
        .unwrap()
}

/// Waits until L1's time is there.
pub async fn reach(network: &Network, unix_s: u64) {
    eventually("the time on L1", async || {
        let head = network.provider.get_block(BlockId::latest()).await;
        let head = head.unwrap().unwrap();
        (head.header.timestamp >= unix_s).then_some(())
    })
    .await;
}

/// See the module.
pub struct Network {
    pub store: Store,
    /// Sends as the operator.
    pub sender: Sender,
    pub deployment: Deployment,
    pub provider: DynProvider,
    /// Does not end with a coordinator that fails.
    pub l1: Layer1,
    pub observer: Observer,
    pub url: String,
    shutdown: Shutdown,
    running: JoinHandle<()>,
    dir: TempDir,
}

impl Network {
    /// See [`deployed`] for the times.
    pub async fn start(times: (u64, u64)) -> Self {
        Self::start_by(Clock::System, times).await
    }

    /// The same with a coordinator that goes by another clock.
    pub async fn start_by(clock: Clock, times: (u64, u64)) -> Self {
        let dir = TempDir::new().unwrap();
        let (shutdown, l1) = (Shutdown::new(), Layer1::start().await);
        let provider = l1.provider();
        let store = Store::open(dir.path().join("store")).await.unwrap();
        let sender = l1.sender(0, &store);
        let deployment = deployed(&sender, dir.path(), times).await;

        let coordinator = opened(&deployment, &store, clock, &shutdown).await;
        let url = format!("http://{}", coordinator.address());
        let observer = coordinator.observer();
        let mut tasks = Tasks::new(shutdown.clone());
        let watcher = WatcherConfig {
            poll: Duration::from_millis(20),
            ..WatcherConfig::default()
        };
        let access = L1Access {
            provider: provider.clone(),
            sender: sender.clone(),
            deployment: deployment.clone(),
            watcher,
        };
        coordinator.spawn(access, &mut tasks);
        let running = tokio::spawn(async move { tasks.join().await.unwrap() });
        Self {
            store,
            sender,
            deployment,
            provider,
            l1,
            observer,
            url,
            shutdown,
            running,
            dir,
        }
    }

    /// Registers, stakes and readies an account with the signer of `client`.
    pub async fn stake(&self, owner: PrivateKeySigner, client: &Client) {
        let deployment = &self.deployment;
        let (address, amount) = (owner.address(), U256::from(200 * ETHER));
        if address != self.sender.address() {
            let transfer = ScrToken::transferCall {
                to: address,
                value: amount,
            };
            let call = Call::new(deployment.token, &transfer);
            let purpose = format!("stake/{address}");
            self.sender.send(&purpose, &call).await.unwrap();
        }
        let register = RollerRegistry::registerCall {
            signer: client.signer(),
            payout: address,
            capacity: 2,
            metadata: String::new(),
        };
        let approve = ScrToken::approveCall {
            spender: deployment.registry,
            value: amount,
        };
        let deposit = RollerRegistry::depositCall { amountWei: amount };
        let ready = RollerRegistry::setReadyCall { ready: true };
        let calls = [
            Call::new(deployment.registry, &register),
            Call::new(deployment.token, &approve),
            Call::new(deployment.registry, &deposit),
            Call::new(deployment.registry, &ready),
        ];
        let sender = self.l1.sender_of(owner, &self.store);
        for (step, call) in (0..).zip(calls) {
            let purpose = format!("stake/{address}/{step}");
            sender.send(&purpose, &call).await.unwrap();
        }
    }

    /// Commits batch 1 once a staked roller can be drawn, and waits until it has its seat.
    pub async fn seat(&self, client: &Client, roller: Address) -> (TaskId, Assignment) {
        let beat = HeartbeatRequest {
            ready: true,
            ..HeartbeatRequest::default()
        };
        eventually("the first snapshot", async || {
            let is_known = self.observer.board().roller(roller).is_some();
            if is_known {
                client.heartbeat(&beat).await.unwrap();
            }
            (self.observer.board().epoch() == 1).then_some(())
        })
        .await;
        let task = self.commit(1).await;
        let assignment = eventually("the seat", async || {
            client.heartbeat(&beat).await.unwrap();
            client.pick(&PickRequest::default()).await.unwrap()
        })
        .await;
        (task, assignment)
    }

    /// A proof that L1 takes from a roller, with what it states.
    pub async fn proof(&self, task: TaskId, roller: Address) -> (PublicValues, Bytes) {
        let template = self.store.batch_of_task(task.0).await.unwrap().unwrap();
        let values = PublicValues {
            roller,
            ..template.public_values
        };
        let public_values_hash = values.hash();
        (values, MockProof { public_values_hash }.encode().into())
    }

    /// Whether a coordinator may go on from the log in `store`.
    pub async fn check_log(&self, store: &Store) -> Result<(), StartError> {
        let (clock, shutdown) = (Clock::System, Shutdown::new());
        let coordinator = opened(&self.deployment, store, clock, &shutdown).await;
        coordinator
            .check_epoch(&self.provider, &self.deployment)
            .await
    }

    /// A store with nothing in it.
    pub async fn empty_store(&self, name: &str) -> Store {
        Store::open(self.dir.path().join(name)).await.unwrap()
    }

    /// A sender that has nothing to do with the operator.
    pub async fn stranger(&self, signer: PrivateKeySigner) -> Sender {
        let store = self.empty_store(&signer.address().to_string()).await;
        self.l1.sender_of(signer, &store)
    }

    /// A client of the API with a key of its own.
    pub fn client(&self, number: u8) -> Client {
        let key = PrivateKeySigner::from_bytes(&B256::repeat_byte(number)).unwrap();
        Client::new(&self.url, key, L1_CHAIN_ID, self.deployment.rollup).unwrap()
    }

    /// The contract that commits and settles.
    pub fn rollup(&self) -> Rollup::RollupInstance<DynProvider> {
        Rollup::new(self.deployment.rollup, self.provider.clone())
    }

    /// Ends everything; a failure of a task fails the test.
    pub async fn stop(self) {
        self.shutdown.cancel();
        self.running.await.unwrap();
    }

    /// What the sequencer would do: record the batch, then commit it.
    pub async fn commit(&self, batch: u64) -> TaskId {
        let Self {
            store,
            sender,
            deployment,
            ..
        } = self;
        let task = TaskId::of_batch(L1_CHAIN_ID, deployment.rollup, batch);
        let witness_hash = store.objects().put(&batch.to_be_bytes()).await.unwrap();
        let data = Bytes::from(vec![1, batch as u8]);
        let rollup = Rollup::new(deployment.rollup, sender.provider());
        let messages = rollup.messageHashAt(0).call().await.unwrap();
        let of = |kind: u8, batch: u64| match batch {
            0 => B256::repeat_byte(kind),
            _ => keccak256([kind, batch as u8]),
        };
        let public_values = PublicValues {
            program_version: 1,
            fork_id: FORK_ID,
            l1_chain_id: L1_CHAIN_ID,
            rollup: deployment.rollup,
            l2_chain_id: L2,
            task,
            first_batch: batch,
            last_batch: batch,
            previous_state_root: of(1, batch - 1),
            state_root: of(1, batch),
            previous_block_hash: of(2, batch - 1),
            block_hash: of(2, batch),
            data_commitment: keccak256(&data),
            previous_message_hash: messages,
            message_hash: messages,
            withdrawal_root: of(3, batch),
            last_block: batch,
            last_timestamp: GENESIS.timestamp,
            prover_gas: PROVER_GAS,
            schedule_id: SCHEDULE_ID,
            ..PublicValues::default()
        };
        let c = Rollup::Commit {
            batch,
            programVersion: 1,
            lastBlock: batch,
            lastTimestamp: GENESIS.timestamp,
            stateRoot: public_values.state_root,
            blockHash: public_values.block_hash,
            withdrawalRoot: public_values.withdrawal_root,
            messagesEnd: 0,
            proverGasEstimate: PROVER_GAS,
            witnessHash: witness_hash,
        };
        let record = BatchRecord {
            number: batch,
            first_block: batch,
            last_block: batch,
            state: BatchState::Committed,
            task: task.0,
            witness_hash,
            data: data.clone(),
            commit_fields: json!({}),
            public_values,
            stats: json!({}),
            committed: None,
            settled: None,
        };
        store.record_batch(&record).await.unwrap();
        let call = Call::new(deployment.rollup, &Rollup::commitCall { c, data });
        sender
            .send(&format!("commit/{batch}"), &call)
            .await
            .unwrap();
        task
    }
}
