//! A `roller` as a process of its own: this program links no prover. A devnet runs its rollers so, and a node the operator's own
//! prover.

use std::{
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use alloy_primitives::Address;
use eyre::WrapErr;
use rollmill_roller_api::ProofKind;
use tokio::process::{Child, Command};

/// How long a roller may take to stop after it was asked to; then it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// What `roller run` is told.
#[derive(Clone, Debug)]
pub struct RollerRun {
    /// The program.
    pub program: PathBuf,
    /// The coordinator's API.
    pub coordinator: String,
    /// L1's JSON-RPC.
    pub l1_rpc: String,
    /// The deployment file.
    pub deployment: PathBuf,
    /// The roller's folder.
    pub data_dir: PathBuf,
    /// File with the signer's key.
    pub key_file: PathBuf,
    /// Kind of proofs.
    pub proofs: ProofKind,
}

impl RollerRun {
    /// The command line.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(["run", "--coordinator", &self.coordinator])
            .args(["--l1-rpc", &self.l1_rpc])
            .args(["--proofs", &self.proofs.to_string()])
            .arg("--deployment")
            .arg(&self.deployment)
            .arg("--data-dir")
            .arg(&self.data_dir)
            .arg("--signer-key-file")
            .arg(&self.key_file);
        command
    }

    /// The command line of the operator's own prover.
    pub fn fallback(&self) -> Command {
        let mut command = self.command();
        command.arg("--fallback");
        command
    }
}

/// A child process that proves.
#[derive(Debug)]
pub struct RollerProcess {
    /// Its identity on L1.
    roller: Address,
    /// Name for people.
    name: String,
    child: Child,
    log: PathBuf,
}

impl RollerProcess {
    /// Starts `command`, with its output in `log`.
    pub fn spawn(
        name: String,
        roller: Address,
        mut command: Command,
        log: &Path,
    ) -> eyre::Result<Self> {
        let file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(log)
            .wrap_err_with(|| format!("cannot write the log {}", log.display()))?;
        let child = command
            // The child ends when this pipe does, also when this process is killed.
            .stdin(Stdio::piped())
            .env("ROLLMILL_EXIT_WITH_STDIN", "true")
            .stdout(file.try_clone()?)
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .wrap_err_with(|| format!("cannot start {name}"))?;
        Ok(Self {
            roller,
            name,
            child,
            log: log.to_path_buf(),
        })
    }

    /// Its identity on L1.
    pub fn roller(&self) -> Address {
        self.roller
    }

    /// Kills the process at once, as a power cut would, and returns its name.
    pub fn kill(&mut self) -> eyre::Result<String> {
        let cannot = || format!("cannot kill {}", self.name);
        self.child.start_kill().wrap_err_with(cannot)?;
        Ok(self.name.clone())
    }

    /// Waits until the process ends by itself; a sentence about it.
    pub async fn ends(&mut self) -> eyre::Result<String> {
        // Waiting would close the pipe, and with it the process.
        let _pipe = self.child.stdin.take();
        let status = self.child.wait().await?;
        Ok(self.sentence(status))
    }

    /// A sentence if the process has ended by itself.
    pub fn ended(&mut self) -> eyre::Result<Option<String>> {
        let status = self.child.try_wait()?;
        Ok(status.map(|status| self.sentence(status)))
    }

    fn sentence(&self, status: ExitStatus) -> String {
        let (name, log) = (&self.name, self.log.display());
        format!("{name} ended by itself ({status}); its log is {log}")
    }

    /// Ends the process: waiting for it closes its pipe. Kills it if that is not enough.
    pub async fn stop(mut self) -> eyre::Result<()> {
        if tokio::time::timeout(STOP_PATIENCE, self.child.wait())
            .await
            .is_err()
        {
            self.child.kill().await?;
        }
        Ok(())
    }
}
