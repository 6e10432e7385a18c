//! What a roller chooses. Every flag is also an environment variable (shown by `--help`) and a field of the optional
//! configuration file ([`CONFIG`]); the flag wins over the environment, the environment over the file.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use alloy::{providers::Provider, signers::local::PrivateKeySigner};
use alloy_primitives::Address;
use clap::{Args, CommandFactory, FromArgMatches, Subcommand};
use eyre::{WrapErr, bail, ensure, eyre};
use rollmill_l1::{Deployment, DynProvider, KeyError, check_key_file, connect, unlock_key};
use rollmill_roller_api::ProofKind;
use rollmill_runtime::{
    CheckArgs, ConfigFile, Finding, LogFormat, counted, has_status_line, judged, wrongs,
};

use crate::{
    Cli, Verb,
    account::Account,
    finished::{FOLDER, FinishedProofs},
    prover::ProverArgs,
    rights::Rights,
};

/// The file that `roller setup` writes: one for all verbs.
pub const CONFIG: ConfigFile = ConfigFile {
    variable: "ROLLMILL_ROLLER_CONFIG",
    verbs: &[
        "setup",
        "run",
        "stake",
        "unbond",
        "withdraw",
        "set-signer",
        "set-payout",
        "claim",
        "accuse",
        "defend",
        "prove",
        "bench",
        "receipts",
        "status",
        "doctor",
    ],
    tables: &[],
};

/// Where a coordinator is, unless it is said.
pub const COORDINATOR: &str = "http://127.0.0.1:9650";

/// Where the deployment is: shared by all verbs.
#[derive(Clone, Debug, Args)]
pub struct ChainArgs {
    /// JSON-RPC endpoint of L1.
    #[arg(
        long,
        env = "ROLLMILL_L1_RPC",
        value_name = "URL",
        default_value = "http://127.0.0.1:8545"
    )]
    pub l1_rpc: String,
    /// File that names the rollup's contracts.
    #[arg(long, env = "ROLLMILL_DEPLOYMENT", value_name = "FILE")]
    pub deployment: PathBuf,
}

impl ChainArgs {
    /// An L1 that answers, and has the deployment's chain id.
    pub async fn l1(&self, deployment: &Deployment) -> eyre::Result<DynProvider> {
        let l1 = connect(&self.l1_rpc).wrap_err("--l1-rpc")?;
        let found = l1.get_chain_id().await;
        let found =
            found.wrap_err_with(|| format!("no L1 answers at {} (--l1-rpc)", self.l1_rpc))?;
        ensure!(
            found == deployment.chain_id,
            "the L1 at {} (--l1-rpc) has the chain id {found}, the rollup of {} is on chain {}",
            self.l1_rpc,
            self.deployment.display(),
            deployment.chain_id
        );
        Ok(l1)
    }
}

/// Whose rights, and where the daemon keeps what they rest on.
#[derive(Clone, Debug, Args)]
pub struct OwnArgs {
    /// The roller [default: the owner].
    #[arg(long, env = "ROLLMILL_ROLLER")]
    roller: Option<Address>,
    /// Data folder of `roller run`, with the roller's proofs and receipts.
    #[arg(long, env = "ROLLMILL_ROLLER_DATA_DIR", value_name = "FOLDER")]
    pub roller_data_dir: Option<PathBuf>,
}

impl OwnArgs {
    /// The roller.
    pub fn roller(&self, account: &Account) -> Address {
        self.roller.unwrap_or_else(|| account.sender.address())
    }

    /// The data folder of `roller run`.
    pub fn data_dir(&self) -> eyre::Result<&Path> {
        let named = self.roller_data_dir.as_deref();
        named.ok_or_else(|| eyre!("name the data folder of `roller run` by --roller-data-dir"))
    }

    /// The roller's rights with what is in the data folder, paid for by an account. Fails if that is no data folder.
    pub fn rights(&self, account: &Account, data_dir: &Path) -> eyre::Result<Rights> {
        ensure!(
            data_dir.join(FOLDER).is_dir(),
            "{} is no data folder of `roller run` (--roller-data-dir): it has no `{FOLDER}`",
            data_dir.display()
        );
        Ok(Rights {
            deployment: account.deployment.clone(),
            sender: account.sender.clone(),
            roller: self.roller(account),
            finished: FinishedProofs::of_another(data_dir),
            data_dir: data_dir.to_owned(),
        })
    }
}

/// The key that signs for the roller.
#[derive(Clone, Debug, Args)]
pub struct SignerArgs {
    /// File with the signer's private key: a keystore, or in hex. Without it the key is taken from ROLLMILL_SIGNER_KEY.
    #[arg(long, env = "ROLLMILL_SIGNER_KEY_FILE", value_name = "FILE")]
    pub signer_key_file: Option<PathBuf>,
    /// File with the password of the keystore; ROLLMILL_KEY_PASSWORD holds the password itself [default: asked for at the terminal].
    #[arg(long, env = "ROLLMILL_KEY_PASSWORD_FILE", value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

impl SignerArgs {
    /// The key.
    pub fn load(&self) -> Result<PrivateKeySigner, KeyError> {
        let (file, password) = (&self.signer_key_file, &self.password_file);
        unlock_key(file.as_deref(), "ROLLMILL_SIGNER_KEY", password.as_deref())
    }
}

/// Arguments of `roller run`.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub chain: ChainArgs,
    /// The coordinator.
    #[arg(long, env = "ROLLMILL_COORDINATOR", value_name = "URL", default_value = COORDINATOR)]
    pub coordinator: String,
    #[command(flatten)]
    pub signer: SignerArgs,
    /// Folder for witnesses, finished proofs and receipts.
    #[arg(
        long = "roller-data-dir",
        visible_alias = "data-dir",
        env = "ROLLMILL_ROLLER_DATA_DIR",
        value_name = "FOLDER"
    )]
    pub data_dir: PathBuf,
    #[command(flatten)]
    pub prover: ProverArgs,
    /// Kind of proofs to make: stark or mock.
    #[arg(long, env = "ROLLMILL_PROOFS", default_value_t = ProofKind::Stark)]
    pub proofs: ProofKind,
    /// How long a mock proof pretends to take.
    #[arg(
        long,
        env = "ROLLMILL_MOCK_PROVE_SECONDS",
        value_name = "SECONDS",
        default_value_t = 0.0,
        value_parser = within_a_day
    )]
    pub mock_prove_seconds: f64,
    /// Serve finished proofs here by HTTP, each as /DIGEST: for whoever reads of one on L1.
    #[arg(long, env = "ROLLMILL_PROOF_LISTEN", value_name = "ADDRESS")]
    pub proof_listen: Option<SocketAddr>,
    /// URL below which others find finished proofs, each as /DIGEST: it goes to L1 with a digest when the coordinator takes no proof
    /// [default: where --proof-listen listens; without that L1 gets no place, but the content's address].
    #[arg(long, env = "ROLLMILL_PROOF_URL", value_name = "URL")]
    pub proof_url: Option<String>,
    /// Tell metrics for Prometheus (/metrics) and health (/health) here; port 0 takes a free one.
    #[arg(long, env = "ROLLMILL_ROLLER_METRICS", value_name = "ADDRESS")]
    pub metrics: Option<SocketAddr>,
    /// Tell each stage of the work on a seat to the OpenTelemetry collector here (OTLP over HTTP), as part of the batch's trace.
    #[arg(long, env = "ROLLMILL_OTLP", value_name = "URL")]
    pub otlp: Option<String>,
    /// Be the operator's own prover, which proves unpaid what no roller delivers; the signer is not registered.
    #[arg(long, env = "ROLLMILL_FALLBACK")]
    pub fallback: bool,
    /// File that is written when the roller is ready for work.
    #[arg(long, env = "ROLLMILL_READY_FILE", value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
    /// End when standard input ends: for a parent process that holds the other end.
    #[arg(long, env = "ROLLMILL_EXIT_WITH_STDIN")]
    pub exit_with_stdin: bool,
    /// Form of the log on standard error: human or json.
    #[arg(long, env = "ROLLMILL_LOG_FORMAT", default_value = "human")]
    pub log_format: LogFormat,
}

/// Arguments of `roller config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    #[command(subcommand)]
    verb: ConfigVerb,
}

#[derive(Debug, Subcommand)]
enum ConfigVerb {
    /// Show every setting of a verb (`run`, unless another is named) with its value and where that comes from, and what is wrong with
    /// the files that they name; fails if something is. `roller doctor` looks at machine and network.
    Check(CheckArgs),
}

/// Checks, and asks for no password.
pub fn check(args: &ConfigArgs, file: Option<&Path>) -> eyre::Result<()> {
    let ConfigVerb::Check(args) = &args.verb;
    let checked = args.settings(&CONFIG, Cli::command(), ("run", file))?;
    let cli = Cli::from_arg_matches(&checked.matches)?;
    let findings = match &cli.verb {
        Verb::Run(run) => run.files(),
        _ => Vec::new(),
    };
    args.say(&checked.settings, &findings);
    match wrongs(&findings).count() as u64 {
        0 => Ok(()),
        wrong => bail!("{} to mend", counted(wrong, "thing")),
    }
}

impl RunArgs {
    /// Whether somebody looks at a terminal: they see a line that changes instead of the log's.
    pub fn has_status_line(&self) -> bool {
        self.log_format == LogFormat::Human && has_status_line()
    }

    /// Whether the files can be used that are named.
    fn files(&self) -> Vec<Finding> {
        let deployment = Deployment::open(&self.chain.deployment);
        let deployment = deployment.map(|found| format!("names the rollup {}", found.rollup));
        let mut findings = vec![judged("deployment", deployment.map_err(eyre::Report::from))];
        if let Some(file) = &self.signer.signer_key_file {
            let found = check_key_file(file).map(|()| format!("{} can be read", file.display()));
            findings.push(judged("signer's key", found.map_err(eyre::Report::from)));
        }
        findings
    }
}

fn within_a_day(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "is no number".to_owned())?;
    match (0.0..=86_400.0).contains(&seconds) {
        true => Ok(seconds),
        false => Err("must be between 0 and a day".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{ffi::OsString, fs};

    use clap::Command;
    use rollmill_runtime::chain;

    use super::*;

    /// What `roller run` is told by a line.
    fn run(file: &str, line: &str) -> Result<RunArgs, String> {
        match parsed(file, line)? {
            Verb::Run(args) => Ok(args),
            other => panic!("{other:?}"),
        }
    }

    /// What a line says, in which FILE is a file with this text.
    fn parsed(file: &str, line: &str) -> Result<Verb, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("roller.toml");
        fs::write(&path, file).unwrap();
        let line = line.replace("FILE", path.to_str().unwrap());
        let line: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let command = CONFIG.apply(Cli::command(), &line);
        let command = command.map_err(|error| chain(&error).to_string())?;
        let matches = command.try_get_matches_from(line);
        let cli = matches.and_then(|matches| Cli::from_arg_matches(&matches));
        Ok(cli.map_err(|error| error.to_string())?.verb)
    }

    const FILE: &str =
        "roller-data-dir = \"/data\"\ndeployment = \"/d.json\"\nthreads = 2\nproofs = \"mock\"";

    #[test]
    fn flags_win_over_the_file_and_the_file_over_defaults() {
        let args = run(FILE, "roller run --config FILE --threads 7").unwrap();
        assert_eq!(args.prover.config().threads, 7);
        assert_eq!(args.proofs, ProofKind::Mock);
        assert_eq!(args.data_dir, Path::new("/data"));
        assert_eq!(args.chain.deployment, Path::new("/d.json"));
        assert_eq!(args.coordinator, COORDINATOR);
    }

    #[test]
    fn what_is_no_setting_or_missing_is_named() {
        let unknown = run("thraeds = 1", "roller run --config FILE").unwrap_err();
        assert!(
            unknown.contains("there is no setting `thraeds`"),
            "{unknown}"
        );
        let missing = run("threads = 1", "roller run --config FILE").unwrap_err();
        assert!(missing.contains("--deployment"), "{missing}");
        for (seconds, sentence) in [("86401", "between 0 and a day"), ("x", "is no number")] {
            let file = format!("{FILE}\nmock-prove-seconds = \"{seconds}\"");
            let refused = run(&file, "roller run --config FILE").unwrap_err();
            assert!(refused.contains(sentence), "{refused}");
        }
    }

    /// Flags of a verb, and of those below, that have no environment variable.
    fn without_variable(verb: &Command) -> Vec<String> {
        let flags = verb.get_arguments();
        let flags = flags.filter(|flag| flag.get_long().is_some() && flag.get_env().is_none());
        let own = flags.map(|flag| format!("{} --{}", verb.get_name(), flag.get_id()));
        let below = verb.get_subcommands().flat_map(without_variable);
        own.chain(below).collect()
    }

    /// A verb that is not in the list would refuse the file of `roller setup`; `config` and `completions` are about the program itself.
    #[test]
    fn every_verb_reads_the_file_and_the_environment() {
        let command = Cli::command();
        let about_itself = ["config", "completions"];
        let verbs = command.get_subcommands();
        for verb in verbs.filter(|verb| !about_itself.contains(&verb.get_name())) {
            assert!(CONFIG.verbs.contains(&verb.get_name()), "{verb}");
            assert_eq!(without_variable(verb), Vec::<String>::new());
        }
    }

    #[test]
    fn receipts_are_where_the_file_says() {
        let file = "roller-data-dir = \"/data\"\ndeployment = \"/d.json\"";
        for verb in ["list", "verify", "charge"] {
            let line = format!("roller receipts {verb} --config FILE --data-dir /own");
            assert!(parsed(file, &line).is_ok(), "{verb}");
        }
        assert!(parsed(file, "roller receipts list --config FILE").is_ok());
        assert!(parsed("", "roller receipts list --config FILE").is_err());
    }
}
