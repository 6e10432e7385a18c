//! `roller stake`: register, deposit, declare readiness. What L1 says is done already is not done again, so the verb can
//! be repeated after any interruption.

use std::path::Path;

use alloy::primitives::utils::parse_ether;
use alloy_primitives::{Address, U256};
use clap::Args;
use eyre::{WrapErr, bail, ensure};
use rollmill_l1::{
    Call, Deployment,
    contracts::{RollerRegistry, ScrToken},
};
use rollmill_roller_api::Client;
use rollmill_runtime::{LogFormat, counted, init_tracing, outln};

use crate::{
    account::{Account, AccountArgs},
    checks,
    identity::{check_programs, check_rollup},
    machine::Machine,
    plan::{Plan, Step},
    registry::{Record, registry},
    words,
};

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
    /// Proofs that the machine can make at once [default: 1, or what it is on L1].
    #[arg(long, env = "ROLLMILL_CAPACITY", value_parser = clap::value_parser!(u32).range(1..))]
    capacity: Option<u32>,
    /// Free text for people, such as a URL.
    #[arg(long, env = "ROLLMILL_METADATA", default_value = "")]
    metadata: String,
    /// Ask this coordinator first whether this program, on this machine, is what it needs.
    #[arg(long, env = "ROLLMILL_COORDINATOR", value_name = "URL")]
    coordinator: Option<String>,
    /// Say what would be done and what it takes, and send nothing.
    #[arg(long, env = "ROLLMILL_DRY_RUN")]
    dry_run: bool,
}

/// Brings the roller to the wanted state on L1.
pub async fn run(args: StakeArgs) -> eyre::Result<()> {
    init_tracing(LogFormat::Human, "warn")?;
    let wanted = parse_ether(&args.amount).wrap_err("--amount is no number of SCR")?;
    let account = args.account.open().await?;
    if let Some(coordinator) = &args.coordinator {
        ask(coordinator, &account.deployment, args.account.data_dir()).await?;
    }
    let found = Found::read(&account, args.signer).await?;
    let plan = plan(&args, wanted, Contracts::of(&account.deployment), &found)?;
    plan.carry_out(&account, args.dry_run).await?;
    if args.dry_run {
        return Ok(());
    }
    let (deployment, l1) = (&account.deployment, account.sender.provider());
    let record = Record::read(deployment, l1, found.record.owner).await?;
    outln!(
        "roller {} signs with {}, stake {} SCR, ready",
        record.owner,
        record.roller.signer,
        words::amount(record.stake_wei())
    );
    Ok(())
}

/// Whoever stakes for a roller that cannot work would find out by its penalties.
async fn ask(coordinator: &str, deployment: &Deployment, data_dir: &Path) -> eyre::Result<()> {
    let requirements = Client::anybody(coordinator)?.requirements().await;
    let requirements = requirements.wrap_err_with(|| format!("cannot ask {coordinator}"))?;
    check_rollup(&requirements, deployment)?;
    check_programs(&requirements)?;
    checks::refuse(&checks::fit(&requirements, &Machine::measure(data_dir)))
}

/// Where transactions go.
#[derive(Clone, Copy)]
struct Contracts {
    registry: Address,
    token: Address,
}

impl Contracts {
    fn of(deployment: &Deployment) -> Self {
        Self {
            registry: deployment.registry,
            token: deployment.token,
        }
    }
}

/// What L1 says before anything is sent.
struct Found {
    record: Record,
    /// Whom the wanted signer belongs to; zero: nobody.
    signer_of: Address,
    /// SCR-wei that the registry may take from the owner.
    allowance_wei: U256,
}

impl Found {
    async fn read(account: &Account, signer: Address) -> eyre::Result<Self> {
        let (deployment, l1) = (&account.deployment, account.sender.provider());
        let owner = account.sender.address();
        let token = ScrToken::new(deployment.token, l1.clone());
        let allowance = token.allowance(owner, deployment.registry);
        Ok(Self {
            record: Record::read(deployment, l1, owner).await?,
            signer_of: registry(deployment, l1).rollerOf(signer).call().await?,
            allowance_wei: allowance.call().await?,
        })
    }
}

/// What is left to do.
fn plan(args: &StakeArgs, wanted_wei: U256, to: Contracts, found: &Found) -> eyre::Result<Plan> {
    let record = &found.record;
    ensure!(
        wanted_wei >= record.stake_min_wei,
        "a stake of {} SCR is below the least, {} SCR: nobody would draw the roller",
        words::amount(wanted_wei),
        words::amount(record.stake_min_wei)
    );
    let mut steps = match record.is_registered() {
        true => changed(args, to, record)?,
        false => vec![register(args, to, found)?],
    };
    let scr_wei = wanted_wei.saturating_sub(record.stake_wei());
    if !scr_wei.is_zero() {
        steps.extend(deposit(to, scr_wei, found.allowance_wei));
    }
    if !record.roller.ready {
        let call = RollerRegistry::setReadyCall { ready: true };
        steps.push(Step {
            name: "ready",
            says: "declare it ready to be drawn".to_owned(),
            call: Call::new(to.registry, &call),
            gas: 60_000,
        });
    }
    let payout = match record.is_registered() {
        true => record.roller.payout,
        false => args.payout.unwrap_or(record.owner),
    };
    let comes_back = format!(
        "the stake stays yours: `roller unbond` takes it out of the draw, and {} later `roller withdraw` pays it to {payout}; only L1 \
         fines, for a proof that is not valid",
        words::duration(record.unbond_s)
    );
    Ok(Plan {
        steps,
        scr_wei,
        after: vec![comes_back],
    })
}

fn register(args: &StakeArgs, to: Contracts, found: &Found) -> eyre::Result<Step> {
    let (owner, signer) = (found.record.owner, args.signer);
    ensure!(
        found.signer_of.is_zero(),
        "the signer {signer} belongs to the roller {}: a signer serves one roller for ever",
        found.signer_of
    );
    let call = RollerRegistry::registerCall {
        signer,
        payout: args.payout.unwrap_or(owner),
        capacity: args.capacity.unwrap_or(1),
        metadata: args.metadata.clone(),
    };
    Ok(Step {
        name: "register",
        says: format!(
            "register {owner}: it signs with {signer}, is paid at {}, and makes {} at once",
            call.payout,
            counted(call.capacity, "proof")
        ),
        call: Call::new(to.registry, &call),
        gas: 150_000,
    })
}

/// Of a roller that is registered only the capacity follows the arguments; keys have verbs of their own.
fn changed(args: &StakeArgs, to: Contracts, record: &Record) -> eyre::Result<Vec<Step>> {
    let roller = &record.roller;
    if roller.signer != args.signer {
        bail!(
            "the roller is registered with the signer {}: `roller set-signer` changes it",
            roller.signer
        );
    }
    if let Some(payout) = args.payout.filter(|payout| *payout != roller.payout) {
        bail!(
            "the roller is paid at {}, not at {payout}: `roller set-payout` changes it",
            roller.payout
        );
    }
    let other = args.capacity.filter(|wanted| *wanted != roller.capacity);
    Ok(other
        .map(|capacity| Step {
            name: "capacity",
            says: format!(
                "declare a capacity of {capacity} in the place of {}",
                roller.capacity
            ),
            call: Call::new(to.registry, &RollerRegistry::setCapacityCall { capacity }),
            gas: 60_000,
        })
        .into_iter()
        .collect())
}

fn deposit(to: Contracts, scr_wei: U256, allowance_wei: U256) -> Vec<Step> {
    let scr = words::amount(scr_wei);
    let approve = ScrToken::approveCall {
        spender: to.registry,
        value: scr_wei,
    };
    let approve = (allowance_wei < scr_wei).then(|| Step {
        name: "approve",
        says: format!("let the registry take {scr} SCR"),
        call: Call::new(to.token, &approve),
        gas: 60_000,
    });
    let deposit = RollerRegistry::depositCall { amountWei: scr_wei };
    let deposit = Step {
        name: "deposit",
        says: format!("stake {scr} SCR"),
        call: Call::new(to.registry, &deposit),
        gas: 120_000,
    };
    approve.into_iter().chain([deposit]).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::Parser;

    use super::*;
    use crate::registry::{recorded, scr};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: StakeArgs,
    }

    fn args(more: &[&str]) -> StakeArgs {
        let signer = Address::repeat_byte(2).to_string();
        let mut line = vec!["x", "--deployment", "d", "--data-dir", "f", "--amount", "0"];
        line.extend(["--signer", &signer]);
        line.extend(more);
        Line::parse_from(line).args
    }

    fn found(record: Record) -> Found {
        Found {
            record,
            signer_of: Address::ZERO,
            allowance_wei: U256::ZERO,
        }
    }

    fn new() -> Found {
        let mut record = recorded(0);
        record.roller = Default::default();
        found(record)
    }

    fn planned(args: &StakeArgs, wanted: u64, found: &Found) -> Result<Plan, String> {
        let to = Contracts {
            registry: Address::repeat_byte(4),
            token: Address::repeat_byte(5),
        };
        plan(args, scr(wanted), to, found).map_err(|error| error.to_string())
    }

    fn names(plan: &Plan) -> Vec<&str> {
        plan.steps.iter().map(|step| step.name).collect()
    }

    #[test]
    fn a_newcomer_does_everything_and_is_told_when_the_stake_comes_back() {
        let plan = planned(&args(&[]), 100, &new()).unwrap();
        assert_eq!(names(&plan), ["register", "approve", "deposit", "ready"]);
        assert_eq!(plan.scr_wei, scr(100));
        assert!(plan.after[0].contains("15 days later"), "{}", plan.after[0]);
        let owner = Address::repeat_byte(1).to_string();
        assert!(plan.steps[0].says.contains(&format!("is paid at {owner}")));
    }

    #[test]
    fn what_is_done_is_not_done_again() {
        let done = planned(&args(&[]), 100, &found(recorded(100))).unwrap();
        assert!(names(&done).is_empty());
        let allowed = Found {
            allowance_wei: scr(50),
            ..found(recorded(100))
        };
        let more = planned(&args(&["--capacity", "3"]), 150, &allowed).unwrap();
        assert_eq!(names(&more), ["capacity", "deposit"]);
        assert_eq!(more.scr_wei, scr(50));
        let mut fined = recorded(90);
        fined.roller.ready = false;
        let back = planned(&args(&[]), 100, &found(fined)).unwrap();
        assert_eq!(names(&back), ["approve", "deposit", "ready"]);
    }

    #[test]
    fn a_stake_that_helps_nobody_is_refused() {
        let refused = planned(&args(&[]), 99, &new()).unwrap_err();
        assert!(refused.contains("below the least, 100 SCR"), "{refused}");
    }

    #[test]
    fn other_keys_are_refused_with_the_verb_that_changes_them() {
        let taken = Found {
            signer_of: Address::repeat_byte(9),
            ..new()
        };
        let refused = planned(&args(&[]), 100, &taken).unwrap_err();
        assert!(refused.contains("serves one roller for ever"), "{refused}");
        let mut other = recorded(100);
        other.roller.signer = Address::repeat_byte(8);
        let refused = planned(&args(&[]), 100, &found(other)).unwrap_err();
        assert!(refused.contains("roller set-signer"), "{refused}");
        let payout = Address::repeat_byte(7).to_string();
        let refused = planned(&args(&["--payout", &payout]), 100, &found(recorded(100)));
        let refused = refused.unwrap_err();
        assert!(refused.contains("roller set-payout"), "{refused}");
    }
}
