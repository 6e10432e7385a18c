//! The devnet's rollers: separate operating-system processes that share nothing with the node but the network.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use alloy_primitives::Address;
use eyre::{WrapErr, bail};
use tokio::process::{Child, Command};

/// How long a roller may take to stop after it was asked to; then it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// A child process that proves.
#[derive(Debug)]
pub struct RollerProcess {
    /// Its identity on L1.
    pub roller: Address,
    /// Name for people.
    pub name: String,
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

    /// Fails with a sentence if the process has ended by itself.
    pub fn check_alive(&mut self) -> eyre::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!(
                "{} ended by itself ({status}); its log is {}",
                self.name,
                self.log.display()
            );
        }
        Ok(())
    }

    /// Kills the process at once, as a power cut would.
    pub async fn kill(&mut self) -> eyre::Result<()> {
        self.child
            .kill()
            .await
            .wrap_err_with(|| format!("cannot kill {}", self.name))
    }

    /// Asks the process to stop, and kills it if it does not.
    pub async fn stop(mut self) -> eyre::Result<()> {
        if let Some(pid) = self.child.id() {
            // The process may have ended by itself meanwhile; waiting for it below tells.
            let _ = Command::new("kill")
                .args(["-TERM", &pid.to_string()])
                .status()
                .await;
        }
        if tokio::time::timeout(STOP_PATIENCE, self.child.wait())
            .await
            .is_err()
        {
            self.kill().await?;
        }
        Ok(())
    }
}
