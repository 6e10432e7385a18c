//! `roller stake`: register, deposit, declare readiness. What L1 says is done already is not done again, so the verb can
//! be repeated after any interruption.

use std::path::PathBuf;

use alloy::primitives::utils::parse_ether;
use alloy_primitives::{Address, U256};
use clap::Args;
use eyre::{WrapErr, ensure};
use rollmill_l1::{
    Call, Deployment, DynProvider, Sender, SenderConfig, connect,
    contracts::{RollerRegistry, ScrToken},
    load_key,
};
use rollmill_runtime::{LogFormat, init_tracing, outln};
use rollmill_store::Store;

use crate::config::ChainArgs;

/// Arguments of `roller stake`.
#[derive(Debug, Args)]
pub struct StakeArgs {
    #[command(flatten)]
    chain: ChainArgs,
    /// File with the owner's private key in hex. Without it the key is taken from ROLLMILL_OWNER_KEY.
    #[arg(long, env = "ROLLMILL_OWNER_KEY_FILE", value_name = "FILE")]
    owner_key_file: Option<PathBuf>,
    /// Address of the hot key that will sign requests and submissions.
    #[arg(long, env = "ROLLMILL_SIGNER")]
    signer: Address,
    /// Address that receives rewards and withdrawn stake [default: the owner].
    #[arg(long, env = "ROLLMILL_PAYOUT")]
    payout: Option<Address>,
    /// Stake to have on L1 in the end, in SCR.
    #[arg(long, env = "ROLLMILL_STAKE", value_name = "SCR")]
    amount: String,
    /// Proofs that the machine can make at once.
    #[arg(long, env = "ROLLMILL_CAPACITY", default_value_t = 1)]
    capacity: u32,
    /// Free text for people, such as a URL.
    #[arg(long, env = "ROLLMILL_METADATA", default_value = "")]
    metadata: String,
    /// Folder that records what is sent to L1.
    #[arg(long, env = "ROLLMILL_OWNER_DATA_DIR", value_name = "FOLDER")]
    data_dir: PathBuf,
}

struct Staking {
    args: StakeArgs,
    owner: Address,
    deployment: Deployment,
    provider: DynProvider,
    sender: Sender,
}

/// Brings the roller to the wanted state on L1.
pub async fn run(args: StakeArgs) -> eyre::Result<()> {
    init_tracing(LogFormat::Human, "warn")?;
    let owner = load_key(args.owner_key_file.as_deref(), "ROLLMILL_OWNER_KEY")?;
    let target = parse_ether(&args.amount).wrap_err("--amount is no number of SCR")?;
    let deployment = Deployment::open(&args.chain.deployment)?;
    let provider = connect(&args.chain.l1_rpc)?;
    let store = Store::open(&args.data_dir).await?;
    let sender = Sender::new(
        provider.clone(),
        deployment.chain_id,
        owner.clone(),
        store.clone(),
        SenderConfig::default(),
    );
    // An interrupted run may have left transactions on their way: what L1 says is final only behind them.
    for send in store.open_sends(owner.address()).await? {
        sender.afford(&send).await?;
        sender.wait(send).await?;
    }
    let staking = Staking {
        args,
        owner: owner.address(),
        deployment,
        provider,
        sender,
    };
    staking.register().await?;
    staking.deposit(target).await?;
    staking.declare_ready().await?;
    let roller = staking.registry().rollers(staking.owner).call().await?;
    outln!(
        "roller {} signs with {}, stake {} SCR-wei, ready",
        staking.owner,
        roller.signer,
        roller.stakeWei
    );
    Ok(())
}

impl Staking {
    fn registry(&self) -> RollerRegistry::RollerRegistryInstance<DynProvider> {
        RollerRegistry::new(self.deployment.registry, self.provider.clone())
    }

    async fn register(&self) -> eyre::Result<()> {
        let registry = self.registry();
        if !registry.isRegistered(self.owner).call().await? {
            let call = RollerRegistry::registerCall {
                signer: self.args.signer,
                payout: self.args.payout.unwrap_or(self.owner),
                capacity: self.args.capacity,
                metadata: self.args.metadata.clone(),
            };
            self.send("register", Call::new(self.deployment.registry, &call))
                .await?;
        }
        let signer = registry.rollers(self.owner).call().await?.signer;
        ensure!(
            signer == self.args.signer,
            "the roller is registered with the signer {signer}; change it on L1 with setSigner"
        );
        Ok(())
    }

    async fn deposit(&self, target: U256) -> eyre::Result<()> {
        let staked = U256::from(self.registry().rollers(self.owner).call().await?.stakeWei);
        let Some(amount) = target
            .checked_sub(staked)
            .filter(|amount| !amount.is_zero())
        else {
            return Ok(());
        };
        let token = ScrToken::new(self.deployment.token, self.provider.clone());
        let balance = token.balanceOf(self.owner).call().await?;
        ensure!(
            balance >= amount,
            "the owner {} has {balance} SCR-wei, {amount} are missing to the wanted stake",
            self.owner
        );
        let spender = self.deployment.registry;
        if token.allowance(self.owner, spender).call().await? < amount {
            let approve = ScrToken::approveCall {
                spender,
                value: amount,
            };
            self.send("approve", Call::new(self.deployment.token, &approve))
                .await?;
        }
        let deposit = RollerRegistry::depositCall { amountWei: amount };
        self.send("deposit", Call::new(spender, &deposit)).await?;
        Ok(())
    }

    async fn declare_ready(&self) -> eyre::Result<()> {
        let roller = self.registry().rollers(self.owner).call().await?;
        if !roller.ready {
            let ready = RollerRegistry::setReadyCall { ready: true };
            self.send("ready", Call::new(self.deployment.registry, &ready))
                .await?;
        }
        Ok(())
    }

    /// Sends one step. Nothing of ours is on its way, so the nonce tells this step from earlier ones of the same kind.
    async fn send(&self, step: &str, call: Call) -> eyre::Result<()> {
        let nonce = self.sender.next_nonce(step).await?;
        let mined = self.sender.send(&format!("{step}/{nonce}"), &call).await?;
        tracing::info!(step, l1_block = mined.block, "done");
        Ok(())
    }
}
