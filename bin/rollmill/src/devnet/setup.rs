//! Brings a devnet up: L1, contracts, stakes, node, rollers. Every step recognises what is there already, so the same data
//! directory can be started again after any end.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use alloy::{providers::DynProvider, signers::local::PrivateKeySigner};
use alloy_primitives::Address;
use eyre::ensure;
use rollmill_coordinator::OperatorSigner;
use rollmill_l1::{BlobSource, Deployment, Sender, SenderConfig};
use rollmill_protocol::l2;
use rollmill_roller_api::{Client, ProofKind};
use rollmill_runtime::Tasks;
use rollmill_store::Store;
use tokio::{process::Command, task::spawn_blocking};

use super::{
    Args,
    accounts::Role,
    embedded_l1,
    folders::Folders,
    roller_binary,
    rollers::Rollers,
    staking::{FALLBACK, Identity, Staking},
    view::Printer,
    world::{Steps, World, wallet},
};
use crate::{
    deploy::Rollup,
    node::{self, Listen, Node, NodeConfig},
    roller_process::{RollerProcess, RollerRun},
    settings::{Numbers, deploy_config, genesis, sequencer_config},
};

/// Seconds that a mock prover pretends to work, so that a roller can be seen, and killed, while it proves.
const MOCK_PROVE_SECONDS: &str = "0.75";
/// Pauses between looks at L1, for a transaction that was sent and for new blocks: it is on this machine, and a person waits for it.
const SEND_POLL: Duration = Duration::from_millis(25);
const WATCH_POLL: Duration = Duration::from_millis(100);

/// A running devnet.
#[derive(Debug)]
pub struct Network {
    /// L1's JSON-RPC.
    pub l1_url: String,
    /// The contracts.
    pub deployment: Deployment,
    /// Sequencer and coordinator.
    pub node: Node,
    /// What the node records.
    pub store: Store,
    /// The rollers' processes.
    pub rollers: Rollers,
    /// Where everything lies.
    pub folders: Folders,
    wanted_rollers: u32,
}

impl Network {
    /// Starts everything. What runs in this process is added to `tasks`.
    pub async fn start(
        args: &Args,
        data_dir: &Path,
        steps: &Steps,
        printer: &Printer,
        tasks: &mut Tasks,
    ) -> eyre::Result<Self> {
        let program = async { spawn_blocking(roller_binary::find_or_build).await? };
        let program = steps.run_unlimited(printer, "find the roller", program);
        let roller_program = program.await?;
        let open = async { Folders::open(data_dir) };
        let folders = steps.run(printer, "open the data directory", open).await?;
        let l1 = async {
            let l1_url = l1_url(args, &folders, tasks).await?;
            let (l1, chain_id) = connect(&l1_url).await?;
            Ok((l1_url, l1, chain_id))
        };
        let (l1_url, l1, chain_id) = steps.run(printer, "start L1", l1).await?;
        // Behind L1, which tells when another devnet runs here.
        let store = async { Ok(Store::open(folders.in_root("node")).await?) };
        let store = steps.run(printer, "open the store", store).await?;
        let operator = Role::Operator.signer()?;
        let sending = SenderConfig {
            poll: SEND_POLL,
            ..SenderConfig::default()
        };
        let sender = Sender::new(l1, chain_id, operator.clone(), store.clone(), sending);
        let file = folders.in_root("deployment.json");
        let deployed = async {
            let numbers = Numbers::of_devnet(&args.choice);
            // Nobody governs a devnet.
            let accounts = (sender.address(), Address::ZERO);
            let proofs = args.choice.proofs;
            let config = deploy_config((proofs, numbers), l2::L2_CHAIN_ID_DEVNET, accounts);
            let rollup = Rollup::of(&sender, config).await?;
            rollup.deploy(&sender, &file).await
        };
        let deployment = steps.run(printer, "deploy", deployed).await?;

        let staking = Staking {
            folders: &folders,
            program: &roller_program,
            sender: &sender,
            l1_url: &l1_url,
            deployment: &deployment,
        };
        steps.run(printer, "stake", staking.stake_all(args)).await?;

        let parts = (store.clone(), sender, operator, deployment.clone());
        let node = async { node::start(node_config(args, &folders, parts)?, tasks).await };
        let node = steps.run(printer, "start the node", node).await?;
        let network = Self {
            l1_url,
            deployment,
            node,
            store,
            rollers: Rollers::default(),
            folders,
            wanted_rollers: args.rollers,
        };
        let world = network.world(printer.clone(), args.patience())?;
        let rollers = async {
            network.spawn_rollers(args.choice.proofs, roller_program)?;
            network.wait_for_rollers(&world).await
        };
        steps.run(printer, "start the rollers", rollers).await?;
        Ok(network)
    }

    /// Starts the rollers and the operator's own prover.
    fn spawn_rollers(&self, proofs: ProofKind, program: PathBuf) -> eyre::Result<()> {
        let run = self.roller_run(proofs, program);
        for n in 0..self.wanted_rollers {
            self.rollers.add(self.spawn_roller(n, &run)?);
        }
        self.rollers.add(self.spawn_fallback(&run)?);
        Ok(())
    }

    /// A client of the coordinator's public API.
    pub fn client(&self) -> eyre::Result<Client> {
        let Deployment {
            chain_id, rollup, ..
        } = self.deployment;
        Ok(Client::new(
            &self.node.coordinator_url,
            Role::User.signer()?,
            chain_id,
            rollup,
        )?)
    }

    /// L2, for reading.
    pub fn l2(&self) -> eyre::Result<DynProvider> {
        Ok(rollmill_l1::connect(&self.node.l2_url)?)
    }

    /// What the script acts on.
    pub fn world(&self, printer: Printer, patience: Duration) -> eyre::Result<World> {
        Ok(World {
            l1: wallet(&self.l1_url, Role::User.signer()?)?,
            l2: wallet(&self.node.l2_url, Role::User.signer()?)?,
            coordinator: self.client()?,
            deployment: self.deployment.clone(),
            rollers: self.rollers.clone(),
            printer,
            patience,
        })
    }

    /// Waits until every roller has reported to the coordinator; a roller that ends instead is named.
    async fn wait_for_rollers(&self, world: &World) -> eyre::Result<()> {
        let wanted = u64::from(self.wanted_rollers);
        world
            .until("the rollers to report", async || {
                let status = world.coordinator.status().await?;
                Ok((status.rollers_alive >= wanted).then_some(()))
            })
            .await
    }

    /// Starts the roller that submits garbage, and returns its identity.
    pub async fn start_saboteur(&self, world: &World) -> eyre::Result<Address> {
        let identity = Identity::Saboteur;
        let owner = identity.owner()?.address();
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args([
                "saboteur",
                "--coordinator",
                &self.node.coordinator_url,
                "--deployment",
            ])
            .arg(self.folders.in_root("deployment.json"))
            .arg("--signer-key-file")
            .arg(
                self.folders
                    .key(&format!("{}-signer", identity.name()), &identity.signer()?)?,
            );
        let log = self.folders.log(&identity.name());
        let saboteur = RollerProcess::spawn(identity.name(), owner, command, &log)?;
        self.rollers.add(saboteur);
        world
            .until("the saboteur to report", async || {
                let record = world.coordinator.roller(owner).await?;
                Ok(record.alive.then_some(owner))
            })
            .await
    }

    /// What all rollers are told; folder and key are each one's own.
    fn roller_run(&self, proofs: ProofKind, program: PathBuf) -> RollerRun {
        RollerRun {
            program,
            coordinator: self.node.coordinator_url.clone(),
            l1_rpc: self.l1_url.clone(),
            deployment: self.folders.in_root("deployment.json"),
            data_dir: PathBuf::new(),
            key_file: PathBuf::new(),
            proofs,
        }
    }

    fn spawn_roller(&self, n: u32, run: &RollerRun) -> eyre::Result<RollerProcess> {
        let identity = Identity::Honest(n);
        let run = self.own(run, &identity.name(), &identity.signer()?)?;
        let mut command = run.command();
        command.args(["--mock-prove-seconds", MOCK_PROVE_SECONDS]);
        self.spawn(&identity.name(), identity.owner()?.address(), command)
    }

    /// The operator's own prover, which proves unpaid what no roller delivers.
    fn spawn_fallback(&self, run: &RollerRun) -> eyre::Result<RollerProcess> {
        let signer = Role::Fallback.signer()?;
        let run = self.own(run, FALLBACK, &signer)?;
        self.spawn(FALLBACK, signer.address(), run.fallback())
    }

    fn own(
        &self,
        run: &RollerRun,
        name: &str,
        signer: &PrivateKeySigner,
    ) -> eyre::Result<RollerRun> {
        Ok(RollerRun {
            data_dir: self.folders.in_root("rollers").join(name),
            key_file: self.folders.key(&format!("{name}-signer"), signer)?,
            ..run.clone()
        })
    }

    fn spawn(&self, name: &str, roller: Address, command: Command) -> eyre::Result<RollerProcess> {
        RollerProcess::spawn(name.to_owned(), roller, command, &self.folders.log(name))
    }
}

/// What a devnet's node is told.
fn node_config(
    args: &Args,
    folders: &Folders,
    (store, sender, operator, deployment): (Store, Sender, PrivateKeySigner, Deployment),
) -> eyre::Result<NodeConfig> {
    let pace_and_prices = (&args.pace, args.posting, &args.fees);
    let mut sequencer = sequencer_config(pace_and_prices, args.confirmations, None)?;
    sequencer.watcher.poll = WATCH_POLL;
    Ok(NodeConfig {
        data_dir: folders.in_root("node"),
        store,
        sender,
        blobs: BlobSource::default(),
        operator: OperatorSigner::new(operator),
        fallback: Some(Role::Fallback.signer()?.address()),
        genesis: genesis(&deployment)?,
        proofs: args.choice.proofs,
        deployment,
        sequencer,
        history: args.memory.into(),
        listen: Listen {
            l2: args.listen(args.l2_port),
            dashboard: args.dashboard().map(|port| args.listen(port)),
            metrics: None,
        },
        coordinator_listen: args.listen(args.coordinator_port),
        l1_explorer: None,
        otlp: None,
    })
}

/// Where L1 is: the given one, or an embedded one that is started.
async fn l1_url(args: &Args, folders: &Folders, tasks: &mut Tasks) -> eyre::Result<String> {
    let Some(url) = &args.l1_rpc else {
        return embedded_l1::start(args.listen(args.l1_port), folders.in_root("l1"), tasks).await;
    };
    Ok(url.clone())
}

/// A development L1 with its chain id.
async fn connect(url: &str) -> eyre::Result<(DynProvider, u64)> {
    let (l1, chain_id) = node::connect_l1(url).await?;
    ensure!(
        l2::is_devnet_l1(chain_id),
        "chain id {chain_id} at {url} is no development chain"
    );
    Ok((l1, chain_id))
}
