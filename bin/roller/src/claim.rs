//! `roller claim`: brings a roller's payout address what L1 owes it: late shares, credits, the emission. Anybody may pay for it; what
//! L1 has paid is owed no more, so the verb can be repeated after any interruption.

use std::collections::BTreeSet;

use alloy_primitives::{Address, U256};
use clap::Args;
use eyre::{bail, ensure};
use rollmill_l1::{
    Call,
    calls::rewards::{claim_credits, claim_emission, credit_arrears},
    contracts::RollerRegistry,
    rewards::owed,
    scr,
};
use rollmill_runtime::{LogFormat, chain, complain, counted, init_tracing, outln};

use crate::{
    account::{Account, AccountArgs},
    config::OwnArgs,
    rights::Rights,
};

/// Arguments of `roller claim`.
#[derive(Debug, Args)]
pub struct ClaimArgs {
    #[command(flatten)]
    account: AccountArgs,
    #[command(flatten)]
    own: OwnArgs,
    /// Show what is owed and send nothing. Late shares are shown by claiming them only.
    #[arg(long, env = "ROLLMILL_DRY_RUN")]
    dry_run: bool,
}

struct Claiming {
    account: Account,
    roller: Address,
    payout: Address,
    dry_run: bool,
}

/// Claims everything.
pub async fn run(args: ClaimArgs) -> eyre::Result<()> {
    init_tracing(LogFormat::Human, "warn")?;
    let account = args.account.open().await?;
    let roller = args.own.roller(&account);
    let registry = RollerRegistry::new(
        account.deployment.registry,
        account.sender.provider().clone(),
    );
    let payout = registry.payoutOf(roller).call().await?;
    ensure!(!payout.is_zero(), "{roller} is not registered on L1");
    let claiming = Claiming {
        roller,
        payout,
        dry_run: args.dry_run,
        account,
    };
    let failures = match &args.own.roller_data_dir {
        Some(data_dir) => {
            let rights = args.own.rights(&claiming.account, data_dir)?;
            claiming.late_shares(&rights).await?
        }
        None => {
            complain(format_args!(
                "late shares are claimed with the roller's proofs: without --roller-data-dir they are left out"
            ));
            0
        }
    };
    claiming.claim().await?;
    if failures > 0 {
        bail!("{failures} late shares could not be claimed: repeat it");
    }
    Ok(())
}

impl Claiming {
    /// Returns how many could not be claimed.
    async fn late_shares(&self, rights: &Rights) -> eyre::Result<u32> {
        let (_, others) = rights.proofs()?;
        if others > 0 {
            let (folder, roller) = (rights.data_dir.display(), self.roller);
            complain(format_args!(
                "left out: {} in {folder} that {roller} has not made for this rollup",
                counted(others as u64, "proof")
            ));
        }
        if self.dry_run {
            return Ok(0);
        }
        let mut failures = 0;
        for (batch, claimed) in rights.late_shares(&mut BTreeSet::new()).await? {
            match claimed {
                Ok(mined) => outln!("late share of batch {batch}: credited by {}", mined.hash),
                Err(error) => {
                    failures += 1;
                    outln!("late share of batch {batch}: {}", chain(&error));
                }
            }
        }
        Ok(failures)
    }

    async fn claim(&self) -> eyre::Result<()> {
        let (deployment, roller) = (&self.account.deployment, self.roller);
        let owed = owed(self.account.sender.provider(), deployment, roller).await?;
        let pool = deployment.reward_pool;
        if !owed.arrears_wei.is_zero() {
            let call = credit_arrears(pool, roller);
            self.one("arrears", owed.arrears_wei, &call).await?;
        }
        let credits = owed.credits_wei + owed.arrears_wei;
        if !credits.is_zero() {
            let call = claim_credits(pool, roller);
            self.one("credits", credits, &call).await?;
        }
        for (epoch, share) in &owed.emission {
            let call = claim_emission(deployment.emission, *epoch, roller);
            let what = format!("emission of epoch {epoch}");
            self.one(&what, *share, &call).await?;
        }
        if credits.is_zero() && owed.emission.is_empty() {
            outln!("nothing is owed to {roller}");
        }
        Ok(())
    }

    async fn one(&self, what: &str, amount_wei: U256, call: &Call) -> eyre::Result<()> {
        let (amount, payout) = (scr(amount_wei), self.payout);
        if self.dry_run {
            outln!("{what}: {amount} are owed to {payout}");
            return Ok(());
        }
        let mined = self.account.send(&format!("claim {what}"), call).await?;
        outln!("{what}: {amount} to {payout} by {}", mined.hash);
        Ok(())
    }
}
