//! `roller set-signer` and `roller set-payout`: other keys for a roller that is registered.

use alloy_primitives::Address;
use clap::Args;
use eyre::ensure;
use rollmill_l1::{Call, contracts::RollerRegistry};
use rollmill_runtime::{LogFormat, init_tracing};

use crate::{
    account::AccountArgs,
    plan::{Plan, Step},
    registry::{Record, registry},
};

/// Arguments of `roller set-signer`.
#[derive(Debug, Args)]
pub struct SetSignerArgs {
    #[command(flatten)]
    account: AccountArgs,
    /// Address of the new hot key.
    #[arg(long, env = "ROLLMILL_SIGNER")]
    signer: Address,
    /// Say what would be done and what it takes, and send nothing.
    #[arg(long, env = "ROLLMILL_DRY_RUN")]
    dry_run: bool,
}

/// Arguments of `roller set-payout`. The account that sends is the present payout address.
#[derive(Debug, Args)]
pub struct SetPayoutArgs {
    #[command(flatten)]
    account: AccountArgs,
    /// The roller [default: the account that sends].
    #[arg(long, env = "ROLLMILL_ROLLER")]
    roller: Option<Address>,
    /// The new payout address.
    #[arg(long, env = "ROLLMILL_PAYOUT")]
    payout: Address,
    /// Say what would be done and what it takes, and send nothing.
    #[arg(long, env = "ROLLMILL_DRY_RUN")]
    dry_run: bool,
}

/// Replaces the hot key.
pub async fn signer(args: SetSignerArgs) -> eyre::Result<()> {
    init_tracing(LogFormat::Human, "warn")?;
    let account = args.account.open().await?;
    let (deployment, l1) = (&account.deployment, account.sender.provider());
    let record = Record::read(deployment, l1, account.sender.address()).await?;
    let contract = registry(deployment, l1);
    let belongs_to = contract.rollerOf(args.signer).call().await?;
    let plan = signer_plan(deployment.registry, &record, (args.signer, belongs_to))?;
    plan.carry_out(&account, args.dry_run).await
}

/// Replaces the payout address.
pub async fn payout(args: SetPayoutArgs) -> eyre::Result<()> {
    init_tracing(LogFormat::Human, "warn")?;
    let account = args.account.open().await?;
    let (deployment, l1) = (&account.deployment, account.sender.provider());
    let roller = args.roller.unwrap_or(account.sender.address());
    let record = Record::read(deployment, l1, roller).await?;
    let sender = account.sender.address();
    let plan = payout_plan(deployment.registry, &record, sender, args.payout)?;
    plan.carry_out(&account, args.dry_run).await
}

/// `belongs_to` is the roller that the new signer serves or has served; zero: none.
fn signer_plan(
    registry: Address,
    record: &Record,
    (signer, belongs_to): (Address, Address),
) -> eyre::Result<Plan> {
    record.ensure_registered()?;
    let old = record.roller.signer;
    if old == signer {
        return Ok(Plan::default());
    }
    ensure!(
        belongs_to.is_zero(),
        "the signer {signer} belongs, or belonged, to the roller {belongs_to}: a signer serves one roller, once"
    );
    let step = Step {
        name: "set-signer",
        says: format!("let {signer} sign in the place of {old}"),
        call: Call::new(registry, &RollerRegistry::setSignerCall { signer }),
        gas: 90_000,
    };
    let after = vec![
        "what the old signer signed for batches committed before stays binding; its requests are refused from then on: start `roller run` \
         with the new key"
            .to_owned(),
        format!("the new signer needs some ether of its own; what {old} has stays there"),
    ];
    Ok(Plan::one(step, after))
}

fn payout_plan(
    registry: Address,
    record: &Record,
    sender: Address,
    payout: Address,
) -> eyre::Result<Plan> {
    record.ensure_registered()?;
    let old = record.roller.payout;
    ensure!(!payout.is_zero(), "nobody has the zero address");
    if old == payout {
        return Ok(Plan::default());
    }
    ensure!(
        sender == old,
        "only the present payout address, {old}, can name another one: give its key by --owner-key-file, and the roller by --roller"
    );
    let call = RollerRegistry::setPayoutCall {
        roller: record.owner,
        payout,
    };
    let step = Step {
        name: "set-payout",
        says: format!(
            "pay what the roller {} earns and withdraws to {payout}, and not to {old}",
            record.owner
        ),
        call: Call::new(registry, &call),
        gas: 60_000,
    };
    let after = vec![format!(
        "from then on only {payout} can change it: be sure that somebody has its key"
    )];
    Ok(Plan::one(step, after))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::registry::recorded;

    const NEW: Address = Address::repeat_byte(9);

    #[test]
    fn a_signer_is_replaced_by_one_that_nobody_has_used() {
        let record = recorded(100);
        let of = |signer, belongs_to| {
            signer_plan(Address::ZERO, &record, (signer, belongs_to))
                .map_err(|error| error.to_string())
        };
        let plan = of(NEW, Address::ZERO).unwrap();
        let old = Address::repeat_byte(2);
        assert!(plan.steps[0].says.contains(&old.to_string()));
        assert!(of(old, record.owner).unwrap().steps.is_empty());
        // One that the roller had before, too.
        let refused = of(NEW, record.owner).unwrap_err();
        assert!(refused.contains("serves one roller, once"), "{refused}");
        let mut stranger = recorded(0);
        stranger.roller = Default::default();
        assert!(signer_plan(Address::ZERO, &stranger, (NEW, Address::ZERO)).is_err());
    }

    #[test]
    fn only_the_payout_address_names_another_one() {
        let record = recorded(100);
        let old = Address::repeat_byte(3);
        let of = |sender, payout| {
            payout_plan(Address::ZERO, &record, sender, payout).map_err(|error| error.to_string())
        };
        let plan = of(old, NEW).unwrap();
        assert!(plan.after[0].contains(&NEW.to_string()));
        assert!(of(record.owner, old).unwrap().steps.is_empty());
        let refused = of(record.owner, NEW).unwrap_err();
        assert!(
            refused.contains("only the present payout address"),
            "{refused}"
        );
        let refused = of(old, Address::ZERO).unwrap_err();
        assert!(refused.contains("zero address"), "{refused}");
    }
}
