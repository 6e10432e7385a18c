//! `rollmill audit charge`: finds what the operator's bond answers for in its draws, and brings it before L1.
//!
//! Everything comes from L1, and from receipts if there are any: the operator is not asked. L1 is asked about each find before
//! anything is sent, so that nothing is paid for in vain, and what was sent is recorded before: the verb can be repeated. It takes gas,
//! needs no bond and brings its caller nothing.

use std::{collections::BTreeSet, path::PathBuf};

use alloy::{primitives::U256, providers::Provider};
use eyre::{WrapErr, bail};
use rollmill_coordinator::audit::{
    Answer, ChargeError, Evidence, L1History, ask, charge, evidence,
};
use rollmill_l1::{Deployment, SendError, Sender, SenderConfig, ether, load_key, scr};
use rollmill_roller_api::{
    domain,
    receipts::{SignedReceipt, binding, parse},
};
use rollmill_runtime::{LogFormat, init_tracing, outln};
use rollmill_store::Store;
use serde_json::{Value, json};

use super::open_l1;

/// Flags of `rollmill audit charge`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// JSON-RPC endpoint of L1.
    #[arg(long, env = "ROLLMILL_L1_RPC", default_value = "http://127.0.0.1:8545")]
    l1_rpc: String,
    /// File that names the rollup's contracts.
    #[arg(long, env = "ROLLMILL_DEPLOYMENT", value_name = "FILE")]
    deployment: PathBuf,
    /// Receipts that a roller has kept (`receipts.jsonl` of its data folder); may be repeated.
    #[arg(long, env = "ROLLMILL_RECEIPTS", value_name = "FILE")]
    receipts: Vec<PathBuf>,
    /// File with the private key of the account that pays the gas [default: the key in ROLLMILL_KEY].
    #[arg(long, env = "ROLLMILL_KEY_FILE", value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Folder that records what is sent to L1.
    #[arg(long, env = "ROLLMILL_DATA_DIR", value_name = "DIR")]
    data_dir: PathBuf,
    /// Say what was found and what it would take, and send nothing.
    #[arg(long, env = "ROLLMILL_DRY_RUN")]
    dry_run: bool,
    /// Print JSON.
    #[arg(long, env = "ROLLMILL_PRINT_JSON")]
    json: bool,
}

impl Args {
    /// Receipts that the operator has signed, of files that each have some.
    fn receipts(&self, deployment: &Deployment) -> eyre::Result<Vec<SignedReceipt>> {
        let domain = domain(deployment.chain_id, deployment.rollup);
        let mut receipts = Vec::new();
        for path in &self.receipts {
            let cannot = || format!("cannot use the receipts {}", path.display());
            let bytes = std::fs::read(path).wrap_err_with(cannot)?;
            let (pile, _) = parse(&bytes).wrap_err_with(cannot)?;
            receipts.extend(binding(pile, &domain, deployment.operator).wrap_err_with(cannot)?);
        }
        Ok(receipts)
    }
}

/// Finds, says, and unless it is told not to, sends.
pub(super) async fn run(args: &Args) -> eyre::Result<()> {
    init_tracing(LogFormat::Human, "warn")?;
    let deployment = Deployment::open(&args.deployment)?;
    let key = load_key(args.key_file.as_deref(), "ROLLMILL_KEY")?;
    let receipts = args.receipts(&deployment)?;
    let (provider, head) = open_l1(&args.l1_rpc, &args.deployment, &deployment).await?;
    let store = Store::open(&args.data_dir).await?;
    let config = SenderConfig::default();
    let sender = Sender::new(provider.clone(), deployment.chain_id, key, store, config);
    sender.finish().await?;
    let l1 = L1History::read(provider, &deployment, head).await?;
    let found = evidence(&l1, &deployment.law, &receipts);
    let mut charging = Charging {
        price_wei: sender.provider().get_gas_price().await?,
        sender,
        deployment,
        args,
        failures: 0,
    };
    let reports = charging.all(&found).await?;
    if args.json {
        let report = json!({ "l1Block": head, "charges": reports });
        outln!("{}", serde_json::to_string_pretty(&report)?);
    } else if reports.is_empty() {
        outln!("L1 up to block {head} has nothing to charge the operator with");
    }
    if charging.failures > 0 {
        bail!("L1 did not take {} of the charges", charging.failures);
    }
    Ok(())
}

struct Charging<'a> {
    sender: Sender,
    deployment: Deployment,
    args: &'a Args,
    price_wei: u128,
    failures: u32,
}

impl Charging<'_> {
    /// What became of each find; of what L1 knows better only what it takes.
    async fn all(&mut self, found: &[Evidence]) -> eyre::Result<Vec<Value>> {
        let mut reports = Vec::new();
        let mut taken = BTreeSet::new();
        for evidence in found {
            let key = (evidence.batch, evidence.roller);
            if taken.contains(&key) {
                continue;
            }
            let answer = ask(&self.sender, &self.deployment, evidence).await?;
            if !matches!(answer, Answer::Refuses { .. }) {
                taken.insert(key);
            }
            if evidence.is_certain() || matches!(answer, Answer::Takes { .. }) {
                reports.push(self.one(evidence, answer).await?);
            }
        }
        Ok(reports)
    }

    async fn one(&mut self, evidence: &Evidence, answer: Answer) -> eyre::Result<Value> {
        let (batch, roller, what) = (evidence.batch, evidence.roller, evidence.in_words());
        let of = match roller.is_zero() {
            true => format!("batch {batch}"),
            false => format!("batch {batch}, {roller}"),
        };
        let mut report = json!({ "batch": batch, "roller": roller, "what": what });
        match answer {
            Answer::Known => {
                report["charged"] = json!(true);
                self.say(format_args!(
                    "{of}: {what}; the operator was charged before for this roller in this task"
                ));
            }
            Answer::Refuses { reason } => {
                self.say(format_args!("{of}: {what}; L1 does not take it: {reason}"));
                report["refused"] = json!(reason);
            }
            Answer::Takes { gas } => {
                let ether = ether(U256::from(gas) * U256::from(self.price_wei));
                self.say(format_args!(
                    "{of}: {what}; takes {gas} gas, about {ether}, and no bond"
                ));
                report["gas"] = json!(gas);
                if !self.args.dry_run {
                    self.send(evidence, &of, &mut report).await?;
                }
            }
        }
        Ok(report)
    }

    async fn send(
        &mut self,
        evidence: &Evidence,
        of: &str,
        report: &mut Value,
    ) -> eyre::Result<()> {
        let charged = match charge(&self.sender, &self.deployment, evidence).await {
            Ok(charged) => charged,
            Err(ChargeError::Send(
                error @ (SendError::Reverted { .. } | SendError::TooMuchGas { .. }),
            )) => {
                self.failures += 1;
                report["refused"] = json!(error.to_string());
                self.say(format_args!("{of}: {error}"));
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let (lost, burned) = (charged.lost_wei, charged.burned_wei);
        let payee = match evidence.roller.is_zero() {
            true => "the reward pool".to_owned(),
            false => evidence.roller.to_string(),
        };
        self.say(format_args!(
            "{of}: the operator loses {} by {}: {} for {payee}, {} burned",
            scr(lost),
            charged.transaction,
            scr(lost.saturating_sub(burned)),
            scr(burned),
        ));
        report["transaction"] = json!(charged.transaction);
        report["lostWei"] = json!(lost.to_string());
        report["burnedWei"] = json!(burned.to_string());
        Ok(())
    }

    fn say(&self, line: std::fmt::Arguments<'_>) {
        if !self.args.json {
            outln!("{line}");
        }
    }
}
