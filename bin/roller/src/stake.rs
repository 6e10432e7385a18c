//! `roller stake`: register, deposit, declare readiness. What L1 says is done already is not done again, so the verb can
//! be repeated after any interruption.

use alloy::primitives::utils::parse_ether;
use alloy_primitives::{Address, U256};
use clap::Args;
use eyre::{WrapErr, ensure};
use rollmill_l1::{Call, DynProvider, contracts::RollerRegistry, scr};
use rollmill_runtime::{LogFormat, init_tracing, outln};

use crate::account::{Account, AccountArgs};

/// Arguments of `roller stake`.
#[derive(Debug, Args)]
pub struct StakeArgs {
    #[command(flatten)]
    account: AccountArgs,
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
}

struct Staking {
    args: StakeArgs,
    owner: Address,
    account: Account,
}

/// Brings the roller to the wanted state on L1.
pub async fn run(args: StakeArgs) -> eyre::Result<()> {
    init_tracing(LogFormat::Human, "warn")?;
    let target = parse_ether(&args.amount).wrap_err("--amount is no number of SCR")?;
    let account = args.account.open().await?;
    let staking = Staking {
        owner: account.sender.address(),
        args,
        account,
    };
    staking.register().await?;
    staking.deposit(target).await?;
    staking.declare_ready().await?;
    let roller = staking.registry().rollers(staking.owner).call().await?;
    outln!(
        "roller {} signs with {}, stake {}, ready",
        staking.owner,
        roller.signer,
        scr(U256::from(roller.stakeWei))
    );
    Ok(())
}

impl Staking {
    fn registry(&self) -> RollerRegistry::RollerRegistryInstance<DynProvider> {
        RollerRegistry::new(
            self.account.deployment.registry,
            self.account.sender.provider().clone(),
        )
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
            let call = Call::new(self.account.deployment.registry, &call);
            self.account.send("register", &call).await?;
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
        let registry = self.account.deployment.registry;
        let allowed = self.account.allow(registry, amount).await;
        allowed.wrap_err("the wanted stake cannot be deposited")?;
        let deposit = RollerRegistry::depositCall { amountWei: amount };
        let call = Call::new(registry, &deposit);
        self.account.send("deposit", &call).await?;
        Ok(())
    }

    async fn declare_ready(&self) -> eyre::Result<()> {
        let roller = self.registry().rollers(self.owner).call().await?;
        if !roller.ready {
            let ready = RollerRegistry::setReadyCall { ready: true };
            let call = Call::new(self.account.deployment.registry, &ready);
            self.account.send("ready", &call).await?;
        }
        Ok(())
    }
}
