//! `roller withdraw`: pays unbonded stake to the payout address, the second half of the way back that `roller unbond` begins.

use alloy_primitives::Address;
use clap::Args;
use eyre::ensure;
use rollmill_l1::{Call, contracts::RollerRegistry};
use rollmill_runtime::{LogFormat, init_tracing};

use crate::{
    account::AccountArgs,
    plan::{Plan, Step},
    registry::Record,
    words,
};

/// Arguments of `roller withdraw`.
#[derive(Debug, Args)]
pub struct WithdrawArgs {
    #[command(flatten)]
    account: AccountArgs,
    /// Say what would be done and what it takes, and send nothing.
    #[arg(long, env = "ROLLMILL_DRY_RUN")]
    dry_run: bool,
}

/// Withdraws what can be withdrawn.
pub async fn run(args: WithdrawArgs) -> eyre::Result<()> {
    init_tracing(LogFormat::Human, "warn")?;
    let account = args.account.open().await?;
    let (deployment, l1) = (&account.deployment, account.sender.provider());
    let record = Record::read(deployment, l1, account.sender.address()).await?;
    let plan = plan(deployment.registry, &record)?;
    plan.carry_out(&account, args.dry_run).await
}

fn plan(registry: Address, record: &Record) -> eyre::Result<Plan> {
    record.ensure_registered()?;
    let unbonding = record.unbonding_wei();
    ensure!(
        !unbonding.is_zero(),
        "nothing unbonds: run `roller unbond` first"
    );
    let wait_s = record.roller.unbondAt.saturating_sub(record.now_unix_s);
    ensure!(
        wait_s == 0,
        "the {} SCR that unbond can be withdrawn in {} (Unix second {})",
        words::amount(unbonding),
        words::duration(wait_s),
        record.roller.unbondAt
    );
    // As the contract counts: what is claimed is taken from the stake first.
    let kept = unbonding.min(record.frozen_wei.saturating_sub(record.stake_wei()));
    ensure!(
        kept < unbonding,
        "open accusations claim all of the {} SCR that unbond: `roller defend` answers them",
        words::amount(unbonding)
    );
    let step = Step {
        name: "withdraw",
        says: format!(
            "pay {} SCR to {}",
            words::amount(unbonding - kept),
            record.roller.payout
        ),
        call: Call::new(registry, &RollerRegistry::withdrawCall {}),
        gas: 100_000,
    };
    let stays = format!(
        "{} SCR stay until the open accusations that claim them are decided",
        words::amount(kept)
    );
    let after = if kept.is_zero() { vec![] } else { vec![stays] };
    Ok(Plan::one(step, after))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::registry::{recorded, scr};

    fn unbonding() -> Record {
        let mut record = recorded(10);
        record.roller.unbondingWei = scr(50).to();
        record.roller.unbondAt = record.now_unix_s;
        record
    }

    fn planned(record: &Record) -> Result<Plan, String> {
        plan(Address::ZERO, record).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_unbonded_goes_to_the_payout_address() {
        let plan = planned(&unbonding()).unwrap();
        let payout = Address::repeat_byte(3);
        assert_eq!(plan.steps[0].says, format!("pay 50 SCR to {payout}"));
        assert!(plan.after.is_empty());
        let claimed = Record {
            frozen_wei: scr(30),
            ..unbonding()
        };
        let plan = planned(&claimed).unwrap();
        assert_eq!(plan.steps[0].says, format!("pay 30 SCR to {payout}"));
        assert!(
            plan.after[0].starts_with("20 SCR stay"),
            "{}",
            plan.after[0]
        );
    }

    #[test]
    fn what_cannot_be_withdrawn_is_said_with_its_time() {
        let mut early = unbonding();
        early.roller.unbondAt = early.now_unix_s + 7_200;
        let claimed = Record {
            frozen_wei: scr(60),
            ..unbonding()
        };
        for (record, sentence) in [
            (early, "can be withdrawn in 2 hours"),
            (recorded(10), "nothing unbonds"),
            (claimed, "open accusations claim all of the 50 SCR"),
        ] {
            let refused = planned(&record).unwrap_err();
            assert!(refused.contains(sentence), "{refused}");
        }
    }
}
