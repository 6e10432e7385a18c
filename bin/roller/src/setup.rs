//! `roller setup`: from nothing to a folder with keys and one settings file that every verb reads. It asks at the terminal, or takes flags
//! (`--yes`); nothing is sent to L1.
//!
//! Repeated, it goes on with what is there: a key is never overwritten, nor is a settings file.

mod keys;
mod proposal;
mod settings;

use std::{
    fs,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf, absolute},
};

use alloy::primitives::utils::parse_ether;
use alloy_primitives::{Address, U256};
use clap::Args;
use eyre::{WrapErr, bail, ensure, eyre};
use rollmill_l1::{
    Deployment, DynProvider,
    contracts::{Control, RollerRegistry},
};
use rollmill_roller_api::ProofKind;
use rollmill_runtime::{LogFormat, ask, counted, init_tracing, outln, say_findings};

use self::{
    keys::Keys,
    proposal::{Dials, Proposal, propose},
    settings::Settings,
};
use crate::{
    bench, checks, config::COORDINATOR, doctor, machine::Machine, prover::ProverArgs, words,
};

/// Where an L1 is, unless it is said.
const L1_RPC: &str = "http://127.0.0.1:8545";

/// Arguments of `roller setup`.
#[derive(Clone, Debug, Args)]
pub struct SetupArgs {
    /// Folder for keys, settings and data.
    #[arg(
        long,
        env = "ROLLMILL_ROLLER_FOLDER",
        value_name = "FOLDER",
        default_value = "roller"
    )]
    folder: PathBuf,
    /// JSON-RPC endpoint of L1 [default: asked for].
    #[arg(long, env = "ROLLMILL_L1_RPC", value_name = "URL")]
    l1_rpc: Option<String>,
    /// File that names the rollup's contracts; its operator gives it out [default: asked for].
    #[arg(long, env = "ROLLMILL_DEPLOYMENT", value_name = "FILE")]
    deployment: Option<PathBuf>,
    /// The coordinator [default: asked for].
    #[arg(long, env = "ROLLMILL_COORDINATOR", value_name = "URL")]
    coordinator: Option<String>,
    /// Address of the owner whose key is elsewhere: on another machine, in hardware.
    #[arg(
        long,
        env = "ROLLMILL_OWNER",
        value_name = "ADDRESS",
        conflicts_with = "owner_key_file"
    )]
    owner: Option<Address>,
    /// File with the owner's key: a keystore is used where it is, a key in hex is encrypted into the folder [default: a new key].
    #[arg(long, env = "ROLLMILL_OWNER_KEY_FILE", value_name = "FILE")]
    owner_key_file: Option<PathBuf>,
    /// The same for the signer's key.
    #[arg(long, env = "ROLLMILL_SIGNER_KEY_FILE", value_name = "FILE")]
    signer_key_file: Option<PathBuf>,
    /// File with the password of the keystores; ROLLMILL_KEY_PASSWORD holds the password itself [default: asked for].
    #[arg(long, env = "ROLLMILL_KEY_PASSWORD_FILE", value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Address that receives rewards and withdrawn stake [default: the owner].
    #[arg(long, env = "ROLLMILL_PAYOUT", value_name = "ADDRESS")]
    payout: Option<Address>,
    /// Stake to have on L1, in SCR [default: what is proposed].
    #[arg(long, env = "ROLLMILL_STAKE", value_name = "SCR")]
    amount: Option<String>,
    /// Proofs to make at once [default: what is proposed].
    #[arg(long, env = "ROLLMILL_CAPACITY", value_parser = clap::value_parser!(u32).range(1..))]
    capacity: Option<u32>,
    #[command(flatten)]
    prover: ProverArgs,
    /// Do not measure this machine by a proof, which takes minutes.
    #[arg(long, env = "ROLLMILL_SKIP_BENCH")]
    skip_bench: bool,
    /// Ask nothing: take the flags, and what is proposed for the rest.
    #[arg(long, env = "ROLLMILL_YES")]
    yes: bool,
}

/// Sets a roller up.
pub async fn run(args: SetupArgs) -> eyre::Result<()> {
    init_tracing(LogFormat::Human, "error")?;
    let folder = absolute(&args.folder)?;
    let network = Network::find(&args, &folder).await?;
    let mut private = fs::DirBuilder::new();
    let made = private.recursive(true).mode(0o700).create(&folder);
    made.wrap_err_with(|| format!("cannot make {}", folder.display()))?;
    let keys = Keys::find_or_make(&args, &folder)?;
    let file = folder.join("roller.toml");
    if file.exists() {
        let file = file.display();
        outln!("{file} is there already and stays as it is; remove it to have it written anew");
        outln!("next: roller doctor --config {file}");
        return Ok(());
    }
    if let Some(amount) = &args.amount {
        // Not after the minutes that a proof takes.
        stake(amount, network.stake_min_wei)?;
    }
    let proposal = network.propose(&args).await?;
    outln!("\n{}", proposal.says);
    let (stake_wei, capacity) = choose(&args, &proposal, network.stake_min_wei)?;
    let settings = Settings {
        l1_rpc: network.l1_rpc,
        coordinator: network.coordinator,
        deployment: network.deployment_file,
        proofs: network.proofs,
        payout: args.payout,
        stake_wei,
        capacity,
        prover: args.prover,
        password_file: args.password_file.as_deref().map(absolute).transpose()?,
        keys,
    };
    settings.write(&folder, &file)?;
    outln!("wrote {}", file.display());
    for line in settings.next(&file) {
        outln!("{line}");
    }
    Ok(())
}

/// The rollup that is to be joined: all that was asked answers and fits.
struct Network {
    l1: DynProvider,
    l1_rpc: String,
    coordinator: String,
    deployment: Deployment,
    deployment_file: PathBuf,
    proofs: ProofKind,
    /// On L1, SCR-wei.
    stake_min_wei: U256,
}

impl Network {
    /// Says what it finds, and fails if a roller cannot work with it.
    async fn find(args: &SetupArgs, folder: &Path) -> eyre::Result<Self> {
        let given = args.deployment.as_ref();
        let given = given.map(|path| path.display().to_string());
        let file = answer(args.yes, given, "deployment", "deployment file", None)?;
        let deployment_file = absolute(&file)?;
        let deployment = Deployment::open(&deployment_file)?;
        let l1_rpc = args.l1_rpc.clone();
        let l1_rpc = answer(args.yes, l1_rpc, "l1-rpc", "JSON-RPC of L1", Some(L1_RPC))?;
        let url = args.coordinator.clone();
        let default = Some(COORDINATOR);
        let coordinator = answer(args.yes, url, "coordinator", "coordinator", default)?;

        let machine = Machine::measure(folder);
        let mut findings = vec![checks::gpu(&machine)];
        let (l1, found) = doctor::l1(&l1_rpc, &deployment).await;
        findings.extend(found);
        let asked = doctor::coordinator(&coordinator, Some(&deployment), &machine).await;
        let (requirements, found) = asked;
        findings.extend(found);
        say_findings(&findings);
        checks::refuse(&findings)?;
        let (l1, requirements) = l1
            .zip(requirements)
            .ok_or_else(|| eyre!("L1 or the coordinator does not answer"))?;
        let law = Control::new(deployment.control, &l1).lawHash().call().await;
        let law = law.wrap_err("cannot read the law's hash on L1")?;
        ensure!(
            law == deployment.law.hash(),
            "{} has another law than L1: it is not this rollup's, or was changed",
            deployment_file.display()
        );
        let registry = RollerRegistry::new(deployment.registry, &l1);
        Ok(Self {
            stake_min_wei: registry.stakeMinWei().call().await?,
            l1,
            l1_rpc,
            coordinator,
            deployment,
            deployment_file,
            proofs: requirements.proofs,
        })
    }

    /// Stake and capacity from what is on L1 and what this machine makes of the recorded batch.
    async fn propose(&self, args: &SetupArgs) -> eyre::Result<Proposal> {
        let control = Control::new(self.deployment.control, &self.l1);
        let dials = control.current().call().await?;
        let dials = Dials {
            unit_price_wei: dials.unitPriceWei,
            tau_ns_per_gas: dials.tauNsPerGas,
            window: dials.window,
        };
        let (prover_gas, seconds) = if args.skip_bench || self.proofs == ProofKind::Mock {
            (bench::recorded_prover_gas()?, None)
        } else {
            outln!("\nproving the recorded batch of ten transfers, which takes minutes");
            let prover = args.prover;
            let measured = tokio::task::spawn_blocking(move || bench::measure(&prover)).await??;
            (measured.prover_gas, Some(measured.prove_seconds))
        };
        propose(&self.deployment.law, dials, prover_gas, seconds)
    }
}

/// A flag's value, or an answer at the terminal; with `--yes` the default.
fn answer(
    yes: bool,
    given: Option<String>,
    flag: &str,
    question: &str,
    default: Option<&str>,
) -> eyre::Result<String> {
    match (given, default) {
        (Some(given), _) => Ok(given),
        (None, Some(default)) if yes => Ok(default.to_owned()),
        (None, None) if yes => bail!("--{flag} is missing"),
        (None, default) => {
            let answer = ask(question, default).wrap_err_with(|| format!("--{flag} is missing"))?;
            ensure!(!answer.is_empty(), "--{flag} is missing");
            Ok(answer)
        }
    }
}

/// Stake (SCR-wei) and capacity.
fn choose(args: &SetupArgs, proposal: &Proposal, stake_min_wei: U256) -> eyre::Result<(U256, u32)> {
    let proposed = words::amount(proposal.stake_wei);
    let given = args.amount.clone();
    let amount = answer(args.yes, given, "amount", "stake, in SCR", Some(&proposed))?;
    let stake_wei = stake(&amount, stake_min_wei)?;
    let proposed = proposal.capacity.to_string();
    let given = args.capacity.map(|capacity| capacity.to_string());
    let question = "proofs to make at once";
    let capacity = answer(args.yes, given, "capacity", question, Some(&proposed))?;
    let capacity: u32 = capacity.parse().wrap_err("the capacity is no number")?;
    ensure!(capacity > 0, "the capacity must be 1 at least");
    outln!(
        "stake {amount} SCR, capacity {}",
        counted(capacity, "proof")
    );
    Ok((stake_wei, capacity))
}

/// A stake with which a roller is drawn, SCR-wei.
fn stake(scr: &str, stake_min_wei: U256) -> eyre::Result<U256> {
    let stake_wei = parse_ether(scr).wrap_err("the stake is no number of SCR")?;
    ensure!(
        stake_wei >= stake_min_wei,
        "a stake of {scr} SCR is below the least, {} SCR: nobody would draw the roller",
        words::amount(stake_min_wei)
    );
    Ok(stake_wei)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::Parser;

    use super::*;
    use crate::registry::scr;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: SetupArgs,
    }

    pub(super) fn args(more: &[&str]) -> SetupArgs {
        let line = ["x", "--yes"].iter().chain(more);
        Line::parse_from(line.copied().collect::<Vec<_>>()).args
    }

    #[test]
    fn with_yes_nothing_is_asked_and_what_is_missing_is_named() {
        let of = |given: Option<&str>, default| {
            answer(true, given.map(str::to_owned), "flag", "?", default)
        };
        assert_eq!(of(Some("a"), Some("b")).unwrap(), "a");
        assert_eq!(of(None, Some("b")).unwrap(), "b");
        let missing = of(None, None).unwrap_err().to_string();
        assert_eq!(missing, "--flag is missing");
    }

    #[test]
    fn a_stake_below_the_least_is_refused_before_anything_is_written() {
        let proposal = Proposal {
            stake_wei: scr(200),
            capacity: 2,
            says: String::new(),
        };
        let of = |more: &[&str]| {
            let chosen = choose(&args(more), &proposal, scr(100));
            chosen.map_err(|error| error.to_string())
        };
        assert_eq!(of(&[]), Ok((scr(200), 2)));
        assert_eq!(
            of(&["--amount", "100", "--capacity", "1"]),
            Ok((scr(100), 1))
        );
        let refused = of(&["--amount", "99.9"]).unwrap_err();
        assert!(refused.contains("below the least, 100 SCR"), "{refused}");
        let refused = of(&["--amount", "many"]).unwrap_err();
        assert!(refused.contains("no number of SCR"), "{refused}");
    }

    #[tokio::test]
    async fn without_a_deployment_file_nothing_is_begun() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("roller");
        let args = args(&["--folder", inside.to_str().unwrap()]);
        let refused = run(args).await.unwrap_err().to_string();
        assert_eq!(refused, "--deployment is missing");
        assert!(!inside.exists());
    }
}
