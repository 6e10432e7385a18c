//! `cargo xtask contracts`: compiles the Solidity and keeps the committed artifacts equal to the source.
//!
//! The node is built from `contracts/artifacts/*.json` alone, so that `cargo run` needs no node. Whoever changes a
//! contract runs this chore, which needs node and npm; everything else comes from npm by the committed lock file, without
//! install scripts. The bytecode carries no metadata, so it depends on the source and the pinned compiler only. Functions
//! stay short in any case, and `--test` runs the tests and slither: see `solidity`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use eyre::{WrapErr, bail, eyre};
use serde_json::{Value, json};

use crate::{solidity, tools};

const DIR: &str = "contracts";

/// The contracts that the node deploys, puts into a genesis or calls.
const CONTRACTS: [&str; 24] = [
    "BridgedToken",
    "Control",
    "Court",
    "Draws",
    "Emission",
    "Enforcement",
    "Evidence",
    "ExampleToken",
    "FeeAuction",
    "FeeSchedule",
    "FeeVault",
    "L2TokenBridge",
    "Messenger",
    "MockVerifier",
    "OperatorBond",
    "Parameters",
    "RewardPool",
    "RollerRegistry",
    "Rollup",
    "ScrToken",
    "Settlement",
    "StarkPrecompileVerifier",
    "TokenBridge",
    "WithdrawalQueue",
];

/// Largest code that Ethereum deploys, bytes (EIP-170).
const CODE_BYTES_MAX: usize = 24_576;

/// Options.
#[derive(clap::Args)]
pub struct Args {
    /// Recompile and compare with the committed artifacts instead of writing them.
    #[arg(long)]
    check: bool,
    /// Run the Solidity tests and slither.
    #[arg(long)]
    test: bool,
}

/// Compiles and writes the artifacts, or checks them; then runs what tests the contracts.
pub fn run(args: &Args) -> eyre::Result<()> {
    solidity::check_functions()?;
    if args.check {
        check()?;
    } else {
        write()?;
    }
    if args.test {
        test()?;
    }
    Ok(())
}

/// Recompiles and compares with the committed artifacts.
fn check() -> eyre::Result<()> {
    for (name, artifact) in compile()? {
        let path = artifact_path(name);
        if committed(&path)? != artifact {
            bail!(
                "{} is not what the source compiles to: run `cargo xtask contracts` and commit the result",
                path.display()
            );
        }
    }
    Ok(())
}

/// Checks the format, runs the Solidity tests, compares the gas of each step with `contracts/snapshots`, and runs slither.
fn test() -> eyre::Result<()> {
    forge(&["fmt", "--check"])?;
    forge(&["test", "--gas-snapshot-check", "true"])?;
    solidity::slither(DIR)
}

fn write() -> eyre::Result<()> {
    for (name, artifact) in compile()? {
        let path = artifact_path(name);
        let text = serde_json::to_string_pretty(&artifact)? + "\n";
        fs::write(&path, text).wrap_err_with(|| format!("cannot write {}", path.display()))?;
        eprintln!("wrote {}", path.display());
    }
    Ok(())
}

fn committed(path: &Path) -> eyre::Result<Value> {
    let text =
        fs::read_to_string(path).wrap_err_with(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).wrap_err_with(|| format!("{} is not JSON", path.display()))
}

/// Compiles everything; the artifact of each contract.
fn compile() -> eyre::Result<BTreeMap<&'static str, Value>> {
    tools::npm_install(DIR)?;
    forge(&["build", "src"])?;
    CONTRACTS
        .into_iter()
        .map(|name| Ok((name, artifact(name)?)))
        .collect()
}

/// The part of the compiler's output that the node uses: ABI and code.
fn artifact(name: &'static str) -> eyre::Result<Value> {
    let path = tools::root()
        .join(DIR)
        .join(format!("out/{name}.sol/{name}.json"));
    let text =
        fs::read_to_string(&path).wrap_err_with(|| format!("cannot read {}", path.display()))?;
    let output: Value = serde_json::from_str(&text)?;
    let bytecode = code(&output, "bytecode").wrap_err(name)?;
    let deployed = code(&output, "deployedBytecode").wrap_err(name)?;
    let deployed_bytes = deployed.len().saturating_sub(2) / 2;
    if deployed_bytes > CODE_BYTES_MAX {
        bail!(
            "{name} has {deployed_bytes} bytes of code, more than the {CODE_BYTES_MAX} that can be deployed"
        );
    }
    Ok(json!({
        "abi": output["abi"],
        "bytecode": bytecode,
        "deployedBytecode": deployed,
    }))
}

fn code<'a>(output: &'a Value, kind: &str) -> eyre::Result<&'a str> {
    output[kind]["object"]
        .as_str()
        .ok_or_else(|| eyre!("the compiler gave no {kind}"))
}

fn artifact_path(name: &str) -> PathBuf {
    tools::root()
        .join(DIR)
        .join(format!("artifacts/{name}.json"))
}

/// Runs forge: the pinned one from npm, or on a platform for which the lock file names none, the one on the path.
fn forge(args: &[&str]) -> eyre::Result<()> {
    let pinned = tools::root().join(DIR).join("node_modules/.bin/forge");
    let program = if pinned.exists() {
        pinned.to_string_lossy().into_owned()
    } else {
        "forge".to_owned()
    };
    tools::run(tools::command(&program, args, DIR))
}
