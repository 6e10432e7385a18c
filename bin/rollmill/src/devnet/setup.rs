//! Brings a devnet up: L1, contracts, stakes, node, rollers. Every step recognises what is there already, so the same data
//! directory can be started again after any end.

use std::{
    collections::BTreeMap,
    fs,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use alloy::{
    eips::BlockNumberOrTag,
    providers::{DynProvider, Provider},
    signers::local::PrivateKeySigner,
};
use alloy_primitives::{Address, Bytes, U256, keccak256, utils::parse_ether};
use eyre::{WrapErr, bail, ensure, eyre};
use rollmill_devl1::{ChainPrecompileOutcome, ChainPrecompiles, DevL1, DevL1Config};
use rollmill_l1::{
    Call, DeployConfig, Deployment, Parameters, ProgramRow, Sender, SenderConfig, VerifierKind,
    contracts::ScrToken, deploy,
};
use rollmill_protocol::{
    l2::{self, STARK_PRECOMPILE},
    law::Params,
    prover_gas,
};
use rollmill_roller_api::{Client, ProofKind};
use rollmill_runtime::Tasks;
use rollmill_sequencer::{BatchPolicy, GenesisConfig, SequencerConfig};
use rollmill_store::Store;
use rollmill_zkvm::{ProgramCommitment, mock, programs::BATCH_V1, stark_precompile};
use tokio::process::Command;

use super::{
    Args,
    accounts::Role,
    rollers::RollerProcess,
    view::Printer,
    world::{World, wallet},
};
use crate::node::{self, Node, NodeConfig};

/// Stake of an honest roller, SCR.
const STAKE_SCR: u64 = 1_000;
/// ETH that a roller's owner gets for its transactions.
const OWNER_ETHER: &str = "10";
/// SCR in existence, and the part of it that the reward pool begins with.
const SUPPLY_SCR: u64 = 100_000_000;
const POOL_SCR: u64 = 10_000_000;
/// Gas of the STARK precompile: a fixed part, and a part by input byte. Verifying takes about 17 ms, as long as a node needs
/// for some million gas.
const PRECOMPILE_GAS: u64 = 1_000_000;
const PRECOMPILE_GAS_PER_BYTE: u64 = 1;
/// Seconds that a mock prover pretends to work, so that a roller can be seen, and killed, while it proves.
const MOCK_PROVE_SECONDS: &str = "1.5";
/// Pause between looks at the coordinator.
const POLL: Duration = Duration::from_millis(100);

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
    /// Honest rollers.
    pub rollers: Vec<RollerProcess>,
    saboteur: Option<RollerProcess>,
    folders: Folders,
    wanted_rollers: u32,
}

/// Where things lie.
#[derive(Clone, Debug)]
struct Folders {
    root: PathBuf,
}

impl Folders {
    fn open(root: &Path) -> eyre::Result<Self> {
        let root = std::path::absolute(root)?;
        for name in ["l1", "node", "rollers", "keys", "logs"] {
            let dir = root.join(name);
            fs::create_dir_all(&dir).wrap_err_with(|| format!("cannot make {}", dir.display()))?;
        }
        Ok(Self { root })
    }

    fn in_root(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn log(&self, name: &str) -> PathBuf {
        self.root.join("logs").join(format!("{name}.log"))
    }

    /// Writes a key where only its owner can read it, and returns the file.
    fn key(&self, name: &str, signer: &PrivateKeySigner) -> eyre::Result<PathBuf> {
        let path = self.root.join("keys").join(name);
        let mut options = fs::File::options();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .wrap_err_with(|| format!("cannot write {}", path.display()))?;
        std::io::Write::write_all(&mut file, signer.to_bytes().to_string().as_bytes())?;
        Ok(path)
    }
}

impl Network {
    /// Starts everything. What runs in this process is added to `tasks`.
    pub async fn start(
        args: &Args,
        data_dir: &Path,
        roller_program: PathBuf,
        tasks: &mut Tasks,
    ) -> eyre::Result<Self> {
        let folders = Folders::open(data_dir)?;
        let l1_url = match &args.l1_rpc {
            Some(url) => {
                ensure!(
                    args.proofs == ProofKind::Mock,
                    "only the embedded L1 verifies STARKs: add --proofs mock"
                );
                url.clone()
            }
            None => embedded_l1(args, &folders, tasks).await?,
        };
        let l1 = rollmill_l1::connect(&l1_url)?;
        let chain_id = l1
            .get_chain_id()
            .await
            .wrap_err_with(|| format!("no L1 answers at {l1_url}"))?;
        ensure!(
            l2::is_devnet_l1(chain_id),
            "chain id {chain_id} at {l1_url} is no development chain"
        );
        let store = Store::open(folders.in_root("node")).await?;
        let operator = Role::Operator.signer()?;
        let sender = Sender::new(
            l1.clone(),
            chain_id,
            operator,
            store.clone(),
            SenderConfig::default(),
        );
        let genesis = genesis_config(&l1, chain_id).await?;
        let file = folders.in_root("deployment.json");
        let config = deploy_config(args, sender.address());
        let with_rollup = |rollup| GenesisConfig {
            rollup,
            ..genesis.clone()
        };
        let deployment = deploy(&sender, &config, &file, |rollup| {
            with_rollup(rollup)
                .l1_genesis()
                .expect("the genesis of a devnet has no invalid account")
        })
        .await?;

        let staking = Staking {
            folders: &folders,
            program: &roller_program,
            sender: &sender,
            l1_url: &l1_url,
            deployment: &deployment,
        };
        staking.stake_all(args).await?;

        let config = NodeConfig {
            data_dir: folders.in_root("node"),
            store: store.clone(),
            sender,
            deployment: deployment.clone(),
            genesis: with_rollup(deployment.rollup),
            proofs: args.proofs,
            params: law(args.proofs, &deployment.parameters),
            sequencer: sequencer_config(args),
            l2_listen: localhost(args.l2_port),
            coordinator_listen: localhost(args.coordinator_port),
        };
        let node = node::start(config, tasks).await?;
        let mut network = Self {
            l1_url,
            deployment,
            node,
            store,
            rollers: Vec::new(),
            saboteur: None,
            folders,
            wanted_rollers: args.rollers,
        };
        for n in 0..args.rollers {
            let roller = network.spawn_roller(n, args.proofs, &roller_program)?;
            network.rollers.push(roller);
        }
        Ok(network)
    }

    /// What people call the rollers.
    pub fn names(&self) -> BTreeMap<Address, String> {
        let honest = (0..self.wanted_rollers).map(Identity::Honest);
        let known = honest.chain([Identity::Saboteur]);
        known
            .filter_map(|identity| Some((identity.owner().ok()?.address(), identity.name())))
            .collect()
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
            printer,
            patience,
        })
    }

    /// Waits until every roller has reported to the coordinator; a roller that ends instead is named.
    pub async fn wait_for_rollers(&mut self, patience: Duration) -> eyre::Result<()> {
        let client = self.client()?;
        let started = tokio::time::Instant::now();
        while client.status().await?.rollers_alive < u64::from(self.wanted_rollers) {
            for roller in &mut self.rollers {
                roller.check_alive()?;
            }
            if started.elapsed() > patience {
                bail!("the rollers did not report within {} s", patience.as_secs());
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Starts the roller that submits garbage, and returns its identity.
    pub async fn start_saboteur(&mut self) -> eyre::Result<Address> {
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
        self.saboteur = Some(RollerProcess::spawn(identity.name(), owner, command, &log)?);
        let client = self.client()?;
        while !client.roller(owner).await?.alive {
            if let Some(process) = &mut self.saboteur {
                process.check_alive()?;
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(owner)
    }

    /// Stops the rollers.
    pub async fn stop(self) -> eyre::Result<()> {
        for process in self.rollers.into_iter().chain(self.saboteur) {
            process.stop().await?;
        }
        Ok(())
    }

    fn spawn_roller(
        &self,
        n: u32,
        proofs: ProofKind,
        program: &Path,
    ) -> eyre::Result<RollerProcess> {
        let identity = Identity::Honest(n);
        let name = identity.name();
        let mut command = Command::new(program);
        command
            .args([
                "run",
                "--coordinator",
                &self.node.coordinator_url,
                "--l1-rpc",
                &self.l1_url,
            ])
            .args([
                "--proofs",
                &proofs.to_string(),
                "--mock-prove-seconds",
                MOCK_PROVE_SECONDS,
            ])
            .arg("--deployment")
            .arg(self.folders.in_root("deployment.json"))
            .arg("--data-dir")
            .arg(self.folders.in_root("rollers").join(&name))
            .arg("--signer-key-file")
            .arg(
                self.folders
                    .key(&format!("{name}-signer"), &identity.signer()?)?,
            );
        RollerProcess::spawn(
            name.clone(),
            identity.owner()?.address(),
            command,
            &self.folders.log(&name),
        )
    }
}

/// Who is a roller in a devnet.
#[derive(Clone, Copy, Debug)]
enum Identity {
    Honest(u32),
    Saboteur,
}

impl Identity {
    fn number(self) -> u32 {
        match self {
            Self::Honest(n) => n + 1,
            Self::Saboteur => 0,
        }
    }

    fn name(self) -> String {
        match self {
            Self::Honest(_) => format!("roller-{}", self.number()),
            Self::Saboteur => "saboteur".into(),
        }
    }

    fn owner(self) -> eyre::Result<PrivateKeySigner> {
        Role::RollerOwner(self.number()).signer()
    }

    fn signer(self) -> eyre::Result<PrivateKeySigner> {
        Role::RollerSigner(self.number()).signer()
    }
}

/// Gives owners what they need and lets `roller stake` do the rest, as a roller's owner would.
struct Staking<'a> {
    folders: &'a Folders,
    program: &'a Path,
    sender: &'a Sender,
    l1_url: &'a str,
    deployment: &'a Deployment,
}

impl Staking<'_> {
    async fn stake_all(&self, args: &Args) -> eyre::Result<()> {
        for n in 0..args.rollers {
            self.stake(Identity::Honest(n), STAKE_SCR).await?;
        }
        if args.sabotage() {
            // As much as the others together, so that few batches are needed until it is drawn.
            self.stake(Identity::Saboteur, STAKE_SCR * u64::from(args.rollers))
                .await?;
        }
        Ok(())
    }

    async fn stake(&self, identity: Identity, amount_scr: u64) -> eyre::Result<()> {
        let name = identity.name();
        let owner = identity.owner()?;
        let gift = Call {
            to: owner.address().into(),
            value: parse_ether(OWNER_ETHER)?,
            input: Bytes::new(),
        };
        self.sender
            .send(&format!("devnet/ether/{name}"), &gift)
            .await?;
        let value = U256::from(amount_scr) * U256::from(10).pow(U256::from(18));
        let scr = ScrToken::transferCall {
            to: owner.address(),
            value,
        };
        self.sender
            .send(
                &format!("devnet/scr/{name}"),
                &Call::new(self.deployment.token, &scr),
            )
            .await?;
        let output = Command::new(self.program)
            .args([
                "stake",
                "--l1-rpc",
                self.l1_url,
                "--amount",
                &amount_scr.to_string(),
                "--capacity",
                "4",
            ])
            .args([
                "--signer",
                &identity.signer()?.address().to_string(),
                "--deployment",
            ])
            .arg(self.folders.in_root("deployment.json"))
            .arg("--owner-key-file")
            .arg(self.folders.key(&format!("{name}-owner"), &owner)?)
            .arg("--data-dir")
            .arg(
                self.folders
                    .in_root("rollers")
                    .join(format!("{name}-owner")),
            )
            .kill_on_drop(true)
            .output()
            .await
            .wrap_err_with(|| format!("cannot start {}", self.program.display()))?;
        if !output.status.success() {
            bail!(
                "{name} could not stake: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(())
    }
}

async fn embedded_l1(args: &Args, folders: &Folders, tasks: &mut Tasks) -> eyre::Result<String> {
    let verify = |input: &[u8], gas_limit: u64| {
        let gas_used = PRECOMPILE_GAS + PRECOMPILE_GAS_PER_BYTE * input.len() as u64;
        if gas_used > gas_limit {
            return ChainPrecompileOutcome::OutOfGas;
        }
        let accepted = U256::from(stark_precompile(input));
        ChainPrecompileOutcome::Success {
            gas_used,
            output: Bytes::from(accepted.to_be_bytes::<32>()),
        }
    };
    let config = DevL1Config {
        listen: localhost(args.l1_port),
        precompiles: ChainPrecompiles::default().with(STARK_PRECOMPILE, Arc::new(verify)),
        ..DevL1Config::in_dir(folders.in_root("l1"))
    };
    let l1 = DevL1::start(config, tasks.shutdown().token()).await?;
    let url = l1.url();
    tasks.spawn("l1", l1.stopped());
    Ok(url)
}

/// L2's block 0 follows from L1's, so that it is the same at every start.
async fn genesis_config(l1: &DynProvider, l1_chain_id: u64) -> eyre::Result<GenesisConfig> {
    let block = l1
        .get_block_by_number(BlockNumberOrTag::Number(0))
        .await?
        .ok_or_else(|| eyre!("L1 has no block 0"))?;
    Ok(GenesisConfig {
        l2_chain_id: l2::L2_CHAIN_ID_DEVNET,
        l1_chain_id,
        rollup: Address::ZERO,
        timestamp: block.header.timestamp,
        accounts: Vec::new(),
    })
}

fn deploy_config(args: &Args, operator: Address) -> DeployConfig {
    let scr = |amount: u64| u128::from(amount) * 10u128.pow(18);
    let commitment = match args.proofs {
        ProofKind::Stark => BATCH_V1.commitment,
        // Mock proofs prove no program.
        ProofKind::Mock => ProgramCommitment {
            exe: keccak256(mock::TAG),
            vm: keccak256(mock::TAG),
        },
    };
    DeployConfig {
        l2_chain_id: l2::L2_CHAIN_ID_DEVNET,
        operator,
        governor: Address::ZERO,
        treasury: operator,
        scr_cap_wei: scr(SUPPLY_SCR),
        scr_supply_wei: scr(SUPPLY_SCR),
        pool_wei: scr(POOL_SCR),
        verifier: match args.proofs {
            ProofKind::Stark => VerifierKind::StarkPrecompile,
            ProofKind::Mock => VerifierKind::Mock,
        },
        program: ProgramRow {
            exe_commit: commitment.exe,
            vm_commit: commitment.vm,
            fork_id: u64::from(l2::FORK_ID),
            schedule_id: u64::from(prover_gas::SCHEDULE_ID),
        },
        parameters: parameters(args),
    }
}

/// Constants of a devnet's contracts: short, where a person waits for them.
fn parameters(args: &Args) -> Parameters {
    let law = Params::devnet();
    let (settle_s, fallback_s) = match args.proofs {
        ProofKind::Mock => (60, 120),
        ProofKind::Stark => (600, 3 * law.t_max_s),
    };
    Parameters {
        draw_lag: 2,
        lottery_lag: 2,
        k: args.k,
        settle_s,
        fallback_s,
        claim_s: 3_600,
        accuse_s: 3_600,
        force_s: 3_600,
        future_s: 60,
        program_delay_s: 7 * 24 * 3_600,
        unbond_s: 7 * 24 * 3_600,
        unit_price_wei: 1_000_000_000_000,
        fine_wei_min: law.fine_min.0,
        stake_wei_min: law.stake_min.0,
        message_gas_price_wei: 1_000_000_000,
        message_gas_max: 5_000_000,
    }
}

/// The law's numbers: what L1 fixed, and durations that suit the kind of proofs.
fn law(proofs: ProofKind, l1: &Parameters) -> Params {
    let devnet = Params {
        k: l1.k,
        draw_lag_blocks: l1.draw_lag,
        lottery_lag_blocks: l1.lottery_lag,
        ..Params::devnet()
    };
    match proofs {
        // Three rollers that share two cores may be slow to say that they live.
        ProofKind::Stark => Params {
            heartbeat_s: 30,
            ..devnet
        },
        ProofKind::Mock => Params {
            t_min_s: 5,
            t_fix_s: 10,
            heartbeat_s: 3,
            epoch_s: 5,
            ..devnet
        },
    }
}

fn sequencer_config(args: &Args) -> SequencerConfig {
    let default = SequencerConfig::default();
    SequencerConfig {
        block_time: Duration::from_millis(args.block_time),
        batch: BatchPolicy {
            age_s_max: 15,
            ..default.batch
        },
        // Nobody can be drawn before the first snapshot.
        commit_epoch_min: 1,
        ..default
    }
}

fn localhost(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}
