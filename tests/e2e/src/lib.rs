//! What the end-to-end tests share: starting the built programs as a user would, on ports that the system picks.

pub mod observed;
pub mod proxy;
pub mod user;
pub mod walk;

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use eyre::{WrapErr, bail, eyre};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// A program that `cargo build --workspace` put beside the tests.
pub fn program(name: &str) -> eyre::Result<PathBuf> {
    let test = std::env::current_exe()?;
    let profile_dir = test
        .parent()
        .and_then(Path::parent)
        .ok_or_else(|| eyre!("{} has no profile folder", test.display()))?;
    let program = profile_dir.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if !program.is_file() {
        bail!(
            "{} is missing: run `cargo build --workspace` first",
            program.display()
        );
    }
    Ok(program)
}

/// Writes a private key where only its owner can read it.
pub fn write_key(path: &Path, key: &str) -> eyre::Result<()> {
    std::fs::write(path, key)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(())
}

/// `rollmill devnet` on free ports, with its data in `data_dir`.
pub fn devnet(data_dir: &Path, args: &[&str]) -> eyre::Result<Command> {
    let mut command = Command::new(program("rollmill")?);
    command
        .args([
            "devnet",
            "--l1-port",
            "0",
            "--l2-port",
            "0",
            "--coordinator-port",
            "0",
            "--dashboard-port",
            "0",
            "--data-dir",
        ])
        .arg(data_dir)
        .args(args)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    Ok(command)
}

/// `rollmill node --derive` on a free port, with its data in `data_dir`.
pub fn replica(data_dir: &Path, l1: &str, deployment: &Path) -> eyre::Result<Command> {
    let mut command = Command::new(program("rollmill")?);
    command
        .args([
            "node",
            "--derive",
            "--listen",
            "127.0.0.1:0",
            "--l1-rpc",
            l1,
            "--data-dir",
        ])
        .arg(data_dir)
        .arg("--deployment")
        .arg(deployment)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    Ok(command)
}

/// `rollmill escape` of an account, with its data in `data_dir`.
pub fn escape(data_dir: &Path, l1: &str, deployment: &Path, key: &str) -> eyre::Result<Command> {
    let mut command = Command::new(program("rollmill")?);
    command
        .args(["escape", "--l1-rpc", l1, "--data-dir"])
        .arg(data_dir)
        .arg("--deployment")
        .arg(deployment)
        .env("ROLLMILL_KEY", key)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    Ok(command)
}

/// Runs `devnet --once` to its end and returns its report.
pub async fn once(data_dir: &Path, args: &[&str]) -> eyre::Result<Value> {
    let report = data_dir.join("report.json");
    let mut command = devnet(data_dir, args)?;
    command.arg("--once").arg("--json").arg(&report);
    let output = command.output().await?;
    if !output.status.success() {
        bail!(
            "the scripted round failed ({}):\n{}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let report = std::fs::read(&report).wrap_err("the run wrote no report")?;
    Ok(serde_json::from_slice(&report)?)
}

/// How often a wait looks again.
const POLL: Duration = Duration::from_millis(100);

/// A devnet that runs until it is killed.
#[derive(Debug)]
pub struct Devnet {
    /// L1's JSON-RPC.
    pub l1: String,
    /// L2's JSON-RPC.
    pub l2: String,
    /// The coordinator's API.
    pub coordinator: String,
    /// The Rollup contract on L1.
    pub rollup: String,
    process: Child,
}

/// A program's end: whether it was a success, and all that it said.
#[derive(Debug)]
pub struct Ended {
    /// Exit status 0.
    pub success: bool,
    /// Standard output and standard error.
    pub said: String,
}

/// Runs a program to its end.
pub async fn run(mut command: Command) -> eyre::Result<Ended> {
    let output = tokio::time::timeout(PATIENCE, command.output())
        .await
        .wrap_err("the program does not end")??;
    let said = [output.stdout, output.stderr].concat();
    Ok(Ended {
        success: output.status.success(),
        said: String::from_utf8(said)?,
    })
}

/// A program whose lines are read while it runs.
#[derive(Debug)]
pub struct Talking {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Talking {
    /// Starts it; standard error goes where the test's goes.
    pub fn start(mut command: Command) -> eyre::Result<Self> {
        let mut process = command.stdout(Stdio::piped()).spawn()?;
        let stdout = process.stdout.take();
        let stdout = stdout.ok_or_else(|| eyre!("the program has no standard output"))?;
        Ok(Self {
            process,
            lines: BufReader::new(stdout).lines(),
        })
    }

    /// Reads on until a line contains `text`, and returns that line.
    pub async fn says(&mut self, text: &str) -> eyre::Result<String> {
        Ok(self.says_before(text).await?.1)
    }

    /// The same, with the lines before it.
    pub async fn says_before(&mut self, text: &str) -> eyre::Result<(Vec<String>, String)> {
        let reading = async {
            let mut before = Vec::new();
            while let Some(line) = self.lines.next_line().await? {
                if line.contains(text) {
                    return Ok((before, line));
                }
                before.push(line);
            }
            bail!("the program ended without saying `{text}`")
        };
        tokio::time::timeout(PATIENCE, reading)
            .await
            .wrap_err_with(|| format!("the program does not say `{text}`"))?
    }

    /// Process ids of its children.
    pub async fn children(&self) -> eyre::Result<Vec<u32>> {
        children(&self.process).await
    }

    /// Presses Ctrl-C, and waits for the end; `true` when the status is 0.
    pub async fn interrupt(self) -> eyre::Result<bool> {
        self.interrupt_times(1).await
    }

    /// Presses Ctrl-C so often, and waits for the end; `true` when the status is 0.
    pub async fn interrupt_times(self, times: u32) -> eyre::Result<bool> {
        for _ in 0..times {
            kill("-INT", &id(&self.process)?).await?;
        }
        self.ends().await.wrap_err("Ctrl-C was pressed")
    }

    /// Waits until it ends by itself; `true` when the status is 0.
    pub async fn ends(mut self) -> eyre::Result<bool> {
        // Read to the end, so that it never waits for a full pipe.
        let ending = async {
            while self.lines.next_line().await?.is_some() {}
            eyre::Ok(self.process.wait().await?)
        };
        let status = tokio::time::timeout(PATIENCE, ending)
            .await
            .wrap_err("the program does not end")??;
        Ok(status.success())
    }
}

fn id(process: &Child) -> eyre::Result<String> {
    let id = process.id();
    Ok(id
        .ok_or_else(|| eyre!("the program has ended"))?
        .to_string())
}

/// Process ids of a program's children.
async fn children(process: &Child) -> eyre::Result<Vec<u32>> {
    let parent = id(process)?;
    let listed = Command::new("pgrep").args(["-P", &parent]).output().await?;
    let listed = String::from_utf8(listed.stdout)?;
    Ok(listed.lines().map(str::parse).collect::<Result<_, _>>()?)
}

/// Sends a signal to a process.
pub async fn kill(signal: &str, process: &str) -> eyre::Result<()> {
    let status = Command::new("kill")
        .args([signal, process])
        .status()
        .await?;
    if !status.success() {
        bail!("no process {process}");
    }
    Ok(())
}

impl Devnet {
    /// Starts one and waits until it says that it is ready.
    pub async fn start(data_dir: &Path, args: &[&str]) -> eyre::Result<Self> {
        Self::from_command(devnet(data_dir, args)?, data_dir).await
    }

    /// The same for a command that was made elsewhere.
    pub async fn from_command(command: Command, data_dir: &Path) -> eyre::Result<Self> {
        let (process, ready) = ready(command, &data_dir.join("ready.json")).await?;
        let field = |name| field(&ready, name);
        Ok(Self {
            l1: field("l1")?,
            l2: field("l2")?,
            coordinator: field("coordinator")?,
            rollup: field("rollup")?,
            process,
        })
    }

    /// Process ids of its rollers.
    pub async fn children(&self) -> eyre::Result<Vec<u32>> {
        children(&self.process).await
    }

    /// Waits until it ends by itself; `true` when the status is 0.
    pub async fn ends(mut self) -> eyre::Result<bool> {
        let ended = tokio::time::timeout(PATIENCE, self.process.wait()).await;
        Ok(ended.wrap_err("the devnet does not end")??.success())
    }

    /// Ends it as a power cut would.
    pub async fn kill(mut self) -> eyre::Result<()> {
        self.process.start_kill()?;
        self.process.wait().await?;
        Ok(())
    }
}

/// A node that follows L1.
#[derive(Debug)]
pub struct Replica {
    /// L2's JSON-RPC.
    pub l2: String,
    process: Child,
}

impl Replica {
    /// Starts one and waits until it answers.
    pub async fn start(data_dir: &Path, l1: &str, deployment: &Path) -> eyre::Result<Self> {
        let command = replica(data_dir, l1, deployment)?;
        let (process, ready) = ready(command, &data_dir.join("ready.json")).await?;
        Ok(Self {
            l2: field(&ready, "l2")?,
            process,
        })
    }

    /// Ends it as a power cut would.
    pub async fn kill(mut self) -> eyre::Result<()> {
        self.process.start_kill()?;
        self.process.wait().await?;
        Ok(())
    }
}

/// Any program of ours that runs until it is killed or interrupted.
#[derive(Debug)]
pub struct Running {
    process: Child,
    ready: Value,
}

impl Running {
    /// Starts one and waits until it writes its ready file.
    pub async fn start(command: Command, ready_file: &Path) -> eyre::Result<Self> {
        let (process, ready) = ready(command, ready_file).await?;
        Ok(Self { process, ready })
    }

    /// A field of its ready file.
    pub fn field(&self, name: &str) -> eyre::Result<String> {
        field(&self.ready, name)
    }

    /// Presses Ctrl-C, and waits for the end; `true` when the status is 0.
    pub async fn interrupt(mut self) -> eyre::Result<bool> {
        kill("-INT", &id(&self.process)?).await?;
        let status = tokio::time::timeout(PATIENCE, self.process.wait()).await;
        Ok(status
            .wrap_err("Ctrl-C does not end the program")??
            .success())
    }
}

/// Starts a program and waits for what it writes when it is ready. Its output goes where the test's goes: shown when the test
/// fails.
async fn ready(mut command: Command, ready_file: &Path) -> eyre::Result<(Child, Value)> {
    if ready_file.exists() {
        std::fs::remove_file(ready_file)?;
    }
    let mut process = command.arg("--ready-file").arg(ready_file).spawn()?;
    let ready = until("the program to be ready", async || {
        if let Some(status) = process.try_wait()? {
            bail!("the program ended before it was ready: {status}");
        }
        match std::fs::read(ready_file) {
            Ok(bytes) => Ok(Some(serde_json::from_slice::<Value>(&bytes)?)),
            Err(_) => Ok(None),
        }
    })
    .await?;
    Ok((process, ready))
}

fn field(ready: &Value, name: &str) -> eyre::Result<String> {
    let value = ready[name].as_str();
    value
        .map(str::to_owned)
        .ok_or_else(|| eyre!("the ready file has no `{name}`"))
}

/// Longest wait for anything but a real proof.
const PATIENCE: Duration = Duration::from_secs(120);

/// Looks again and again, for two minutes at most, until `look` finds something.
pub async fn until<T>(
    what: &str,
    look: impl AsyncFnMut() -> eyre::Result<Option<T>>,
) -> eyre::Result<T> {
    until_within(PATIENCE, what, look).await
}

/// Looks again and again, for `patience` at most, until `look` finds something.
pub async fn until_within<T>(
    patience: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> eyre::Result<Option<T>>,
) -> eyre::Result<T> {
    let looking = async {
        let mut ticks = tokio::time::interval(POLL);
        loop {
            ticks.tick().await;
            if let Some(found) = look().await? {
                return Ok(found);
            }
        }
    };
    match tokio::time::timeout(patience, looking).await {
        Ok(found) => found,
        Err(_) => bail!("waited {} s for {what}", patience.as_secs()),
    }
}

/// An unmodified L1: anvil from npm, under the rules of mainnet's current fork.
#[derive(Debug)]
pub struct Anvil {
    /// Where it answers.
    pub url: String,
    _process: Child,
}

impl Anvil {
    /// Starts anvil on a free port and waits until it listens.
    pub async fn start() -> eyre::Result<Self> {
        let program =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contracts/node_modules/.bin/anvil");
        if !program.exists() {
            bail!(
                "{} is missing: run `npm ci --ignore-scripts` in contracts/",
                program.display()
            );
        }
        let mut process = Command::new(program)
            .args([
                "--port",
                "0",
                "--hardfork",
                "osaka",
                "--enable-tx-gas-limit",
                "--block-time",
                "1",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = process
            .stdout
            .take()
            .ok_or_else(|| eyre!("anvil has no standard output"))?;
        let mut lines = BufReader::new(stdout).lines();
        while let Some(line) = lines.next_line().await? {
            if let Some(address) = line.strip_prefix("Listening on ") {
                let url = format!("http://{address}");
                // Keep reading, so that anvil never waits for a full pipe.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Ok(Self {
                    url,
                    _process: process,
                });
            }
        }
        bail!("anvil ended before it listened")
    }
}
