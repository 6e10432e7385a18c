//! The devnet's rollers: separate operating-system processes that share nothing with the node but the network.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use alloy_primitives::Address;
use eyre::{WrapErr, bail, eyre};
use tokio::process::{Child, Command};

/// How long a roller may take to stop after it was asked to; then it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// The devnet's rollers, which the script kills and everybody else looks after.
#[derive(Clone, Debug, Default)]
pub struct Rollers(Arc<Mutex<Vec<RollerProcess>>>);

impl Rollers {
    fn lock(&self) -> MutexGuard<'_, Vec<RollerProcess>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more.
    pub fn add(&self, roller: RollerProcess) {
        self.lock().push(roller);
    }

    /// Sentences about those that have ended by themselves. They are not looked after any more: a network goes on without
    /// one of its rollers.
    pub fn ended(&self) -> eyre::Result<Vec<String>> {
        let mut sentences = Vec::new();
        let mut rollers = self.lock();
        for at in (0..rollers.len()).rev() {
            if let Some(sentence) = rollers[at].ended()? {
                rollers.remove(at);
                sentences.push(sentence);
            }
        }
        Ok(sentences)
    }

    /// Fails with a sentence if one has ended by itself.
    pub fn check_alive(&self) -> eyre::Result<()> {
        match self.ended()?.pop() {
            Some(sentence) => bail!(sentence),
            None => Ok(()),
        }
    }

    /// Kills the process of this identity at once, as a power cut would, and returns its name.
    pub fn kill(&self, roller: Address) -> eyre::Result<String> {
        let mut rollers = self.lock();
        let at = rollers
            .iter()
            .position(|process| process.roller == roller)
            .ok_or_else(|| eyre!("the roller {roller} is none of ours"))?;
        let mut process = rollers.remove(at);
        process
            .child
            .start_kill()
            .wrap_err_with(|| format!("cannot kill {}", process.name))?;
        Ok(process.name)
    }

    /// Stops all of them.
    pub async fn stop(&self) -> eyre::Result<()> {
        let rollers = std::mem::take(&mut *self.lock());
        for process in rollers {
            process.stop().await?;
        }
        Ok(())
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

    /// A sentence if the process has ended by itself.
    fn ended(&mut self) -> eyre::Result<Option<String>> {
        let status = self.child.try_wait()?;
        Ok(status.map(|status| {
            let (name, log) = (&self.name, self.log.display());
            format!("{name} ended by itself ({status}); its log is {log}")
        }))
    }

    /// Asks the process to stop, and kills it if it does not.
    async fn stop(mut self) -> eyre::Result<()> {
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
            self.child.kill().await?;
        }
        Ok(())
    }
}
