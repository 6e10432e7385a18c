//! `roller unbond`: takes stake out of the draw, the first half of the way back. The second is `roller withdraw`.

use alloy::primitives::utils::parse_ether;
use alloy_primitives::{Address, U256};
use clap::Args;
use eyre::{WrapErr, ensure};
use rollmill_l1::{Call, contracts::RollerRegistry};
use rollmill_runtime::{LogFormat, init_tracing};

use crate::{
    account::AccountArgs,
    plan::{Plan, Step},
    registry::Record,
    words,
};

/// Arguments of `roller unbond`.
#[derive(Debug, Args)]
pub struct UnbondArgs {
    #[command(flatten)]
    account: AccountArgs,
    /// Only this much, in SCR [default: all of it].
    #[arg(long, env = "ROLLMILL_PART", value_name = "SCR")]
    part: Option<String>,
    /// Say what would be done and what it takes, and send nothing.
    #[arg(long, env = "ROLLMILL_DRY_RUN")]
    dry_run: bool,
}

/// Starts to unbond.
pub async fn run(args: UnbondArgs) -> eyre::Result<()> {
    init_tracing(LogFormat::Human, "warn")?;
    let part = args.part.as_deref().map(parse_ether).transpose();
    let part = part.wrap_err("--part is no number of SCR")?;
    let account = args.account.open().await?;
    let (deployment, l1) = (&account.deployment, account.sender.provider());
    let record = Record::read(deployment, l1, account.sender.address()).await?;
    let plan = plan(part, deployment.registry, &record)?;
    plan.carry_out(&account, args.dry_run).await
}

fn plan(part: Option<U256>, registry: Address, record: &Record) -> eyre::Result<Plan> {
    record.ensure_registered()?;
    let staked = record.stake_wei();
    ensure!(
        !staked.is_zero(),
        "the roller has no stake that counts: `roller withdraw` pays what is unbonding"
    );
    let amount = part.unwrap_or(staked);
    ensure!(
        !amount.is_zero() && amount <= staked,
        "--part must be between 0 and the stake, {} SCR",
        words::amount(staked)
    );
    let call = RollerRegistry::requestUnbondCall { amountWei: amount };
    let step = Step {
        name: "unbond",
        says: format!("take {} SCR out of the stake", words::amount(amount)),
        call: Call::new(registry, &call),
        gas: 90_000,
    };
    let mut after = vec![format!(
        "they stop counting at once; from {} later on `roller withdraw` pays them to {}, unless L1 fines or an accusation claims them",
        words::duration(record.unbond_s),
        record.roller.payout
    )];
    if !record.unbonding_wei().is_zero() {
        after.push(format!(
            "the {} SCR that unbond already wait as long again",
            words::amount(record.unbonding_wei())
        ));
    }
    if staked - amount < record.stake_min_wei {
        after.push(format!(
            "{} SCR stay, less than the {} with which a roller is drawn: it gets no seats any more",
            words::amount(staked - amount),
            words::amount(record.stake_min_wei)
        ));
    }
    Ok(Plan::one(step, after))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::registry::{recorded, scr};

    fn planned(part: Option<u64>, record: &Record) -> Result<Plan, String> {
        let planned = plan(part.map(scr), Address::ZERO, record);
        planned.map_err(|error| error.to_string())
    }

    #[test]
    fn all_of_it_leaves_unless_a_part_is_named() {
        let all = planned(None, &recorded(1_000)).unwrap();
        assert!(all.steps[0].says.contains("1000 SCR"));
        let said = all.after.join("\n");
        assert!(said.contains("from 15 days later on"), "{said}");
        assert!(said.contains("gets no seats any more"), "{said}");
        let part = planned(Some(900), &recorded(1_000)).unwrap();
        assert!(part.steps[0].says.contains("900 SCR"));
        assert_eq!(part.after.len(), 1);
        let mut twice = recorded(1_000);
        twice.roller.unbondingWei = scr(5).to();
        let said = planned(Some(1), &twice).unwrap().after.join("\n");
        assert!(said.contains("5 SCR that unbond already"), "{said}");
    }

    #[test]
    fn what_is_not_there_cannot_be_unbonded() {
        for (part, record, sentence) in [
            (Some(0), recorded(100), "between 0 and the stake, 100 SCR"),
            (Some(101), recorded(100), "between 0 and the stake, 100 SCR"),
            (None, recorded(0), "has no stake that counts"),
        ] {
            let refused = planned(part, &record).unwrap_err();
            assert!(refused.contains(sentence), "{refused}");
        }
        let mut stranger = recorded(0);
        stranger.roller = Default::default();
        let refused = planned(None, &stranger).unwrap_err();
        assert!(refused.contains("is not registered"), "{refused}");
    }
}
