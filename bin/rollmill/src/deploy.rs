//! `rollmill deploy`: the contracts of a rollup on L1, once. A devnet deploys by the same function.
//!
//! The account that deploys is the rollup's operator and its treasury. What it sends is recorded in the node's data directory before it is sent,
//! so that an interrupted deployment is completed by repeating the command; a deployment file that is there is compared with L1.

mod terms;

use std::path::{Path, PathBuf};

use alloy::providers::Provider;
use alloy_primitives::{Address, U256};
use eyre::{WrapErr, ensure};
use rollmill_l1::{
    DeployConfig, Deployment, Genesis, Planned, Sender, SenderConfig, Sends, ether, load_key, plan,
};
use rollmill_protocol::l2;
use rollmill_roller_api::ProofKind;
use rollmill_runtime::{LogFormat, init_tracing, outln};
use rollmill_sequencer::GenesisConfig;
use rollmill_store::Store;

use self::terms::terms;
use crate::{
    node::{OPERATOR_KEY, Source, connect_l1},
    settings::{Choice, Numbers, check_proofs, deploy_config, genesis_config},
};

/// Flags of `rollmill deploy`; each is also an environment variable and a field of the configuration file.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// Kind of proofs: stark (real) or mock (no time, no soundness).
    #[arg(long, env = "ROLLMILL_PROOFS", default_value_t = ProofKind::Stark)]
    proofs: ProofKind,
    /// Account that can announce other parameters and program versions, seven days ahead. Without it nobody ever can.
    #[arg(long, env = "ROLLMILL_GOVERNOR", value_name = "ADDRESS", default_value_t = Address::ZERO)]
    governor: Address,
    /// Chain id of the rollup.
    #[arg(
        long,
        env = "ROLLMILL_L2_CHAIN_ID",
        value_name = "ID",
        default_value_t = l2::L2_CHAIN_ID_DEVNET
    )]
    l2_chain_id: u64,
    /// File with the operator's private key in hex. Without it the key is taken from ROLLMILL_OPERATOR_KEY.
    #[arg(long, env = "ROLLMILL_OPERATOR_KEY_FILE", value_name = "FILE")]
    operator_key_file: Option<PathBuf>,
    /// Say what would be done, and do nothing.
    #[arg(long, env = "ROLLMILL_DRY_RUN")]
    dry_run: bool,
}

/// Deploys, or says what deploying would do. The configuration file may have tables of numbers.
pub async fn run(args: Args, file: Option<&Path>) -> eyre::Result<()> {
    init_tracing(LogFormat::Human, "warn")?;
    let numbers = Numbers::of_network(file)?;
    let Source {
        l1_rpc,
        deployment: file,
        data_dir,
        confirmations,
    } = &args.source;
    check_file(file)?;
    let operator = load_key(args.operator_key_file.as_deref(), OPERATOR_KEY)?;
    let (l1, chain_id) = connect_l1(l1_rpc).await?;
    check_proofs(args.proofs, chain_id)?;
    ensure!(
        args.l2_chain_id != chain_id,
        "{chain_id} is L1's chain id: transactions of one chain would be valid on the other; choose another --l2-chain-id"
    );
    // Nothing is to be left by a dry run.
    let nowhere = tempfile::tempdir().wrap_err("cannot make a temporary directory")?;
    let is_new = args.dry_run && !data_dir.exists();
    let store = Store::open(if is_new {
        nowhere.path()
    } else {
        data_dir.as_path()
    })
    .await?;
    let config = SenderConfig {
        confirmations: *confirmations,
        ..SenderConfig::default()
    };
    let sender = Sender::new(l1, chain_id, operator, store, config);
    let accounts = (sender.address(), args.governor);
    let config = deploy_config((args.proofs, numbers), args.l2_chain_id, accounts);
    let rollup = Rollup::of(&sender, config).await?;
    if args.dry_run {
        return rollup.say_plan(&sender, file).await;
    }
    let is_known = file.exists();
    let deployment = rollup.deploy(&sender, file).await?;
    say_contracts(&deployment);
    if is_known {
        say_nothing_to_do(file);
    } else {
        outln!("the deployment file is {}", file.display());
    }
    Ok(())
}

/// A devnet's contracts are its own: it deploys them by itself, under a law that no network has.
fn check_file(file: &Path) -> eyre::Result<()> {
    let deployment = Deployment::read(file);
    let deployment = deployment.wrap_err_with(|| format!("deployment file {}", file.display()))?;
    let devnets = deployment.is_some_and(|deployment| {
        [ProofKind::Mock, ProofKind::Stark]
            .into_iter()
            .any(|proofs| {
                let k = deployment.law.k;
                Numbers::of_devnet(&Choice { proofs, k }).law == deployment.law
            })
    });
    ensure!(
        !devnets,
        "{} is a devnet's deployment file, and `rollmill devnet` deploys by itself: name another file for a rollup of your own",
        file.display()
    );
    Ok(())
}

/// What is to be on L1.
pub struct Rollup {
    config: DeployConfig,
    genesis: GenesisConfig,
}

impl Rollup {
    /// The rollup that `sender`'s account would operate.
    pub async fn of(sender: &Sender, config: DeployConfig) -> eyre::Result<Self> {
        let (l1, l1_chain_id) = (sender.provider(), sender.chain_id());
        let genesis = genesis_config(l1, l1_chain_id, config.l2_chain_id, config.operator);
        Ok(Self {
            genesis: genesis.await?,
            config,
        })
    }

    fn block_0(&self, rollup: Address) -> Genesis {
        let genesis = self.genesis.of_rollup(rollup).l1_genesis();
        genesis.expect("a genesis without accounts of its own has no invalid one")
    }

    /// Puts the contracts on L1, or recognises them by their file.
    pub async fn deploy(&self, sender: &Sender, file: &Path) -> eyre::Result<Deployment> {
        let block_0 = |rollup| self.block_0(rollup);
        Ok(rollmill_l1::deploy(sender, &self.config, file, block_0).await?)
    }

    async fn say_plan(&self, sender: &Sender, file: &Path) -> eyre::Result<()> {
        let block_0 = |rollup| self.block_0(rollup);
        let Planned { deployment, sends } = plan(sender, &self.config, file, block_0).await?;
        let Some(Sends { transactions, gas }) = sends else {
            say_contracts(&deployment);
            say_nothing_to_do(file);
            return Ok(());
        };
        let l1 = sender.provider();
        let fees = l1.estimate_eip1559_fees().await?;
        let cost = U256::from(gas) * U256::from(fees.max_fee_per_gas);
        let balance = l1.get_balance(sender.address()).await?;
        outln!(
            "the operator {} has {} on the chain {}",
            sender.address(),
            ether(balance),
            sender.chain_id()
        );
        outln!(
            "about {gas} gas in {transactions} transactions, {} at most at today's price, would create:",
            ether(cost)
        );
        say_contracts(&deployment);
        outln!("on these terms:");
        for (what, holds) in terms(&self.config) {
            outln!("{what:<11} {holds}");
        }
        ensure!(cost <= balance, "the operator's ether may not be enough");
        Ok(())
    }
}

fn say_nothing_to_do(file: &Path) {
    outln!("{} describes what is on L1: nothing to do", file.display());
}

fn say_contracts(deployment: &Deployment) {
    for (name, address) in deployment.contracts() {
        outln!("{address}  {name}");
    }
}
