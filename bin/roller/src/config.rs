//! What an operator chooses. Every flag is also an environment variable (shown by `--help`) and a field of the optional
//! configuration file; the flag wins over the environment, the environment over the file.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use alloy::providers::Provider;
use alloy_primitives::Address;
use clap::Args;
use eyre::{WrapErr, bail, ensure, eyre};
use rollmill_l1::{Deployment, DynProvider, connect};
use rollmill_roller_api::ProofKind;
use rollmill_runtime::LogFormat;
use rollmill_zkvm::prove::ProverConfig;
use serde::Deserialize;

use crate::{
    account::Account,
    finished::{FOLDER, FinishedProofs},
    prover::prover_config,
    rights::Rights,
};

/// Where the deployment is: shared by all verbs.
#[derive(Clone, Debug, Args)]
pub struct ChainArgs {
    /// JSON-RPC endpoint of L1.
    #[arg(long, env = "ROLLMILL_L1_RPC", default_value = "http://127.0.0.1:8545")]
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

/// Arguments of `roller run`.
#[derive(Clone, Debug, Default, Args, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RunArgs {
    /// JSON file with these settings; its field names are the flags' names.
    #[arg(long, env = "ROLLMILL_ROLLER_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// The coordinator [default: http://127.0.0.1:9650].
    #[arg(long, env = "ROLLMILL_COORDINATOR", value_name = "URL")]
    pub coordinator: Option<String>,
    /// JSON-RPC endpoint of L1 [default: http://127.0.0.1:8545].
    #[arg(long, env = "ROLLMILL_L1_RPC", value_name = "URL")]
    pub l1_rpc: Option<String>,
    /// File that names the rollup's contracts.
    #[arg(long, env = "ROLLMILL_DEPLOYMENT", value_name = "FILE")]
    pub deployment: Option<PathBuf>,
    /// File with the signer's private key in hex. Without it the key is taken from ROLLMILL_SIGNER_KEY.
    #[arg(long, env = "ROLLMILL_SIGNER_KEY_FILE", value_name = "FILE")]
    pub signer_key_file: Option<PathBuf>,
    /// Folder for witnesses and finished proofs.
    #[arg(long, env = "ROLLMILL_ROLLER_DATA_DIR", value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// Threads that prove [default: all].
    #[arg(long, env = "ROLLMILL_PROVER_THREADS")]
    pub threads: Option<usize>,
    /// Memory of one segment's proof in MiB, as the proof system estimates it [default and most: 1640].
    #[arg(long, env = "ROLLMILL_SEGMENT_MEMORY_MIB")]
    pub segment_memory_mib: Option<usize>,
    /// Kind of proofs to make: stark or mock [default: stark].
    #[arg(long, env = "ROLLMILL_PROOFS")]
    pub proofs: Option<ProofKind>,
    /// How long a mock proof pretends to take [default: 0].
    #[arg(long, env = "ROLLMILL_MOCK_PROVE_SECONDS", value_name = "SECONDS")]
    pub mock_prove_seconds: Option<f64>,
    /// Serve finished proofs here by HTTP, each as /DIGEST: for whoever reads of one on L1.
    #[arg(long, env = "ROLLMILL_PROOF_LISTEN", value_name = "ADDRESS")]
    pub proof_listen: Option<SocketAddr>,
    /// URL below which others find finished proofs, each as /DIGEST: it goes to L1 with a digest when the coordinator takes no proof
    /// [default: where --proof-listen listens; without that L1 gets no place, but the content's address].
    #[arg(long, env = "ROLLMILL_PROOF_URL", value_name = "URL")]
    pub proof_url: Option<String>,
    /// Be the operator's own prover, which proves unpaid what no roller delivers; the signer is not registered.
    #[arg(long, env = "ROLLMILL_FALLBACK")]
    pub fallback: bool,
    /// File that is written when the roller is ready for work.
    #[arg(long, env = "ROLLMILL_READY_FILE", value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
    /// End when standard input ends: for a parent process that holds the other end.
    #[arg(long, env = "ROLLMILL_EXIT_WITH_STDIN")]
    #[serde(skip)]
    pub exit_with_stdin: bool,
    /// Form of the log on standard error: human or json [default: human].
    #[arg(long, env = "ROLLMILL_LOG_FORMAT")]
    #[serde(skip)]
    pub log_format: Option<LogFormat>,
}

/// Settings of `roller run`, complete.
#[derive(Clone, Debug)]
pub struct RunConfig {
    pub coordinator: String,
    pub l1_rpc: String,
    pub deployment: PathBuf,
    pub signer_key_file: Option<PathBuf>,
    pub data_dir: PathBuf,
    pub prover: ProverConfig,
    pub proofs: ProofKind,
    pub mock_prove_seconds: f64,
    pub proof_listen: Option<SocketAddr>,
    pub proof_url: Option<String>,
    pub fallback: bool,
    pub ready_file: Option<PathBuf>,
    pub exit_with_stdin: bool,
    pub log_format: LogFormat,
}

impl RunArgs {
    /// Flags and environment over the configuration file over the defaults.
    pub fn resolve(self) -> eyre::Result<RunConfig> {
        let file = match &self.config {
            Some(path) => read(path)?,
            None => Self::default(),
        };
        let missing = |name: &str| {
            eyre!(
                "--{name} is missing (flag, environment variable or field of the configuration file)"
            )
        };
        let mock_prove_seconds = self
            .mock_prove_seconds
            .or(file.mock_prove_seconds)
            .unwrap_or(0.0);
        if !(0.0..=86_400.0).contains(&mock_prove_seconds) {
            bail!("--mock-prove-seconds must be between 0 and a day");
        }
        let or = |flag: Option<String>, file: Option<String>, default: &str| {
            flag.or(file).unwrap_or_else(|| default.to_owned())
        };
        Ok(RunConfig {
            coordinator: or(self.coordinator, file.coordinator, "http://127.0.0.1:9650"),
            l1_rpc: or(self.l1_rpc, file.l1_rpc, "http://127.0.0.1:8545"),
            deployment: self
                .deployment
                .or(file.deployment)
                .ok_or_else(|| missing("deployment"))?,
            signer_key_file: self.signer_key_file.or(file.signer_key_file),
            data_dir: self
                .data_dir
                .or(file.data_dir)
                .ok_or_else(|| missing("data-dir"))?,
            prover: prover_config(
                self.threads.or(file.threads),
                self.segment_memory_mib.or(file.segment_memory_mib),
            ),
            proofs: self.proofs.or(file.proofs).unwrap_or_default(),
            mock_prove_seconds,
            proof_listen: self.proof_listen.or(file.proof_listen),
            proof_url: self.proof_url.or(file.proof_url),
            fallback: self.fallback || file.fallback,
            ready_file: self.ready_file.or(file.ready_file),
            exit_with_stdin: self.exit_with_stdin,
            log_format: self.log_format.unwrap_or_default(),
        })
    }
}

fn read(path: &Path) -> eyre::Result<RunArgs> {
    let bytes = std::fs::read(path).wrap_err_with(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&bytes)
        .wrap_err_with(|| format!("{} is no configuration of a roller", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn flags_win_over_the_file_and_the_file_over_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("roller.json");
        let json =
            r#"{"data-dir": "/data", "deployment": "/d.json", "threads": 2, "proofs": "mock"}"#;
        std::fs::write(&path, json).unwrap();
        let flags = RunArgs {
            config: Some(path.clone()),
            threads: Some(7),
            ..RunArgs::default()
        };
        let config = flags.resolve().unwrap();
        assert_eq!((config.prover.threads, config.proofs), (7, ProofKind::Mock));
        assert_eq!(config.data_dir, Path::new("/data"));
        assert_eq!(config.coordinator, "http://127.0.0.1:9650");

        std::fs::write(&path, r#"{"no-such-field": 1}"#).unwrap();
        let flags = RunArgs {
            config: Some(path),
            ..RunArgs::default()
        };
        assert!(flags.resolve().is_err());
        assert!(
            RunArgs::default()
                .resolve()
                .unwrap_err()
                .to_string()
                .contains("--deployment")
        );
    }
}
