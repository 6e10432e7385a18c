//! `roller doctor`: looks at everything that keeps a roller from earning, and says how to mend it. It sends nothing.

use std::path::PathBuf;

use alloy::{eips::BlockId, providers::Provider};
use alloy_primitives::Address;
use clap::Args;
use eyre::{WrapErr, bail, eyre};
use rollmill_l1::{Deployment, DynProvider, KeyError, connect, rewards::owed};
use rollmill_roller_api::{Client, Requirements};
use rollmill_runtime::{
    Clock, Finding, LogFormat, chain, counted, good, init_tracing, note, outln, say_findings,
    wrong, wrongs,
};
use serde_json::json;

use crate::{
    checks,
    config::{COORDINATOR, ChainArgs, SignerArgs},
    identity::{check_programs, check_rollup},
    machine::Machine,
    registry::{Record, registry},
};

/// Arguments of `roller doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    chain: ChainArgs,
    /// The coordinator.
    #[arg(long, env = "ROLLMILL_COORDINATOR", value_name = "URL", default_value = COORDINATOR)]
    coordinator: String,
    #[command(flatten)]
    key: SignerArgs,
    /// Address of the signer [default: that of its key].
    #[arg(long, env = "ROLLMILL_SIGNER")]
    signer: Option<Address>,
    /// The roller [default: the one that the signer belongs to].
    #[arg(long, env = "ROLLMILL_ROLLER")]
    roller: Option<Address>,
    /// Data folder of `roller run`.
    #[arg(
        long,
        visible_alias = "data-dir",
        env = "ROLLMILL_ROLLER_DATA_DIR",
        value_name = "FOLDER",
        default_value = "."
    )]
    roller_data_dir: PathBuf,
    /// Print JSON instead of a table.
    #[arg(long, env = "ROLLMILL_PRINT_JSON")]
    json: bool,
}

/// Looks, and prints what was found; fails if something is wrong.
pub async fn run(args: DoctorArgs) -> eyre::Result<()> {
    init_tracing(LogFormat::Human, "error")?;
    let findings = examine(&args).await;
    let wrong = wrongs(&findings).count() as u64;
    if args.json {
        outln!("{}", json!({ "ok": wrong == 0, "findings": findings }));
    } else {
        say_findings(&findings);
    }
    if wrong > 0 {
        bail!("{} to mend", counted(wrong, "thing"));
    }
    Ok(())
}

async fn examine(args: &DoctorArgs) -> Vec<Finding> {
    let machine = Machine::measure(&args.roller_data_dir);
    let mut findings = vec![checks::gpu(&machine)];
    let deployment = Deployment::open(&args.chain.deployment);
    let deployment = match deployment {
        Ok(deployment) => Some(deployment),
        Err(error) => {
            findings.push(wrong("deployment", error.to_string()));
            None
        }
    };
    let (_, found) = coordinator(&args.coordinator, deployment.as_ref(), &machine).await;
    findings.extend(found);
    if let Some(deployment) = &deployment {
        findings.extend(l1(&args.chain.l1_rpc, deployment).await.1);
        match roller(args, deployment).await {
            Ok(found) => findings.extend(found),
            Err(error) => findings.push(wrong("roller", chain(&*error).to_string())),
        }
    }
    findings
}

/// The coordinator, and what it asks for. The requirements are there unless it does not answer.
pub async fn coordinator(
    url: &str,
    deployment: Option<&Deployment>,
    machine: &Machine,
) -> (Option<Requirements>, Vec<Finding>) {
    let asked = async {
        let client = Client::anybody(url)?;
        let requirements = client.requirements().await?;
        Ok::<_, eyre::Report>((client, requirements))
    };
    let (client, requirements) = match asked.await {
        Ok(answer) => answer,
        Err(error) => {
            let says = format!("{url}: {}", chain(&*error));
            return (None, vec![wrong("coordinator", says)]);
        }
    };
    let says = format!("version {} answers at {url}", requirements.version);
    let mut findings = vec![good("coordinator", says)];
    if let Some(Err(error)) = deployment.map(|deployment| check_rollup(&requirements, deployment)) {
        findings.push(wrong("rollup", error.to_string()));
    }
    if let Err(error) = check_programs(&requirements) {
        findings.push(wrong("programs", error.to_string()));
    }
    findings.extend(checks::fit(&requirements, machine));
    findings.push(clock(&client).await);
    (Some(requirements), findings)
}

async fn clock(client: &Client) -> Finding {
    let before = Clock::System.now_unix_s();
    match client.status().await {
        // What it said lies between the two.
        Ok(status) => {
            let ours = status
                .now_unix_s
                .clamp(before, Clock::System.now_unix_s().max(before));
            checks::coordinator_clock(ours, status.now_unix_s)
        }
        Err(error) => wrong("clock", chain(&error).to_string()),
    }
}

/// L1 itself. The connection is there unless it does not answer.
pub async fn l1(url: &str, deployment: &Deployment) -> (Option<DynProvider>, Vec<Finding>) {
    let asked = async {
        let l1 = connect(url)?;
        let chain_id = l1.get_chain_id().await?;
        let head = l1.get_block(BlockId::latest()).await?;
        let head = head.ok_or_else(|| eyre!("it has no block"))?;
        Ok::<_, eyre::Report>((l1, chain_id, head.header.timestamp))
    };
    let (l1, chain_id, head) = match asked.await {
        Ok(answer) => answer,
        Err(error) => {
            let says = format!("{url}: {}", chain(&*error));
            return (None, vec![wrong("L1", says)]);
        }
    };
    let expected = deployment.chain_id;
    let is_ours = match chain_id == expected {
        true => good("L1", format!("the chain {chain_id} answers at {url}")),
        false => wrong(
            "L1",
            format!("the chain {chain_id} answers at {url}, the rollup is on {expected}"),
        ),
    };
    let clock = checks::l1_clock(Clock::System.now_unix_s(), head);
    (Some(l1), vec![is_ours, clock])
}

/// The roller on L1 and at the coordinator.
async fn roller(args: &DoctorArgs, deployment: &Deployment) -> eyre::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let signer = signer(args, &mut findings);
    let l1 = connect(&args.chain.l1_rpc)?;
    let unreadable = || format!("cannot read the contracts at {}", args.chain.l1_rpc);
    let roller = match (args.roller, signer) {
        (Some(roller), _) => roller,
        (None, Some(signer)) => {
            let belongs_to = registry(deployment, &l1).rollerOf(signer).call().await;
            belongs_to.wrap_err_with(unreadable)?
        }
        (None, None) => return Ok(findings),
    };
    if roller.is_zero() {
        let says = "the signer belongs to no registered roller: run `roller stake`";
        findings.push(wrong("registration", says));
        return Ok(findings);
    }
    let record = Record::read(deployment, &l1, roller).await?;
    findings.extend(checks::registration(&record, signer));
    if let Some(signer) = signer {
        let balance = l1.get_balance(signer).await.wrap_err_with(unreadable)?;
        let price = l1.estimate_eip1559_fees().await;
        let price = price.wrap_err_with(unreadable)?.max_fee_per_gas;
        findings.push(checks::signer_ether(signer, balance, price));
    }
    let owed = owed(&l1, deployment, roller).await?;
    findings.push(checks::unclaimed(owed.total_wei()));
    findings.extend(heard(&args.coordinator, roller).await);
    Ok(findings)
}

/// Whose key is here; without a key, whose it should be.
fn signer(args: &DoctorArgs, findings: &mut Vec<Finding>) -> Option<Address> {
    match (args.key.load(), args.signer) {
        (Ok(key), Some(signer)) if key.address() != signer => {
            let says = format!("the key is of {}, --signer names {signer}", key.address());
            findings.push(wrong("signer's key", says));
            Some(key.address())
        }
        (Ok(key), _) => Some(key.address()),
        (Err(KeyError::Missing { .. }), Some(signer)) => Some(signer),
        (Err(error), signer) => {
            findings.push(wrong("signer's key", chain(&error).to_string()));
            signer
        }
    }
}

/// Whether the coordinator hears the roller.
async fn heard(coordinator: &str, roller: Address) -> Option<Finding> {
    let record = Client::anybody(coordinator)
        .ok()?
        .roller(roller)
        .await
        .ok()?;
    Some(match record.alive {
        true => good("heartbeat", "the coordinator hears the roller"),
        false => note(
            "heartbeat",
            "the coordinator does not hear the roller: `roller run` does not run, or cannot reach it",
        ),
    })
}
