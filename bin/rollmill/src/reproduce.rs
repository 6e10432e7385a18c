//! `rollmill reproduce`: is what stands on L1 built from this source?
//!
//! The source's own chores compile its contracts and its guest programs anew and compare them with what is committed beside it
//! (node, npm and the guest's toolchain do the work); what is committed is then compared with L1: the code of every contract but for
//! its immutables, whose values `rollmill node` compares with the deployment file, and every row of the program table.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use alloy::providers::{DynProvider, Provider};
use alloy_primitives::{B256, Bytes};
use eyre::{WrapErr, bail, ensure, eyre};
use rollmill_l1::{
    Deployment,
    contracts::{Rollup, Settlement},
    is_compiled_from,
};
use rollmill_roller_api::ProofKind;
use rollmill_runtime::outln;
use rollmill_zkvm::ProgramCommitment;
use serde::Deserialize;

use crate::{node::connect_l1, settings::commitment};

/// Flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Checkout of the source.
    #[arg(long, env = "ROLLMILL_SOURCE", default_value = ".", value_name = "DIR")]
    source: PathBuf,
    /// JSON-RPC endpoint of L1.
    #[arg(long, env = "ROLLMILL_L1_RPC", value_name = "URL")]
    l1_rpc: String,
    /// The rollup's deployment file.
    #[arg(long, env = "ROLLMILL_DEPLOYMENT", value_name = "FILE")]
    deployment: PathBuf,
    /// Believe that what is committed is what the source builds, and only compare it with L1.
    #[arg(long, env = "ROLLMILL_NO_BUILD")]
    no_build: bool,
}

/// What the compiler made of a contract.
#[derive(Deserialize)]
struct Artifact {
    #[serde(rename = "deployedBytecode")]
    code: Bytes,
}

/// What the guest builder made of a program.
#[derive(Deserialize)]
struct Program {
    commitment: ProgramCommitment,
}

/// Rebuilds and compares; says what is the same, and fails with the first difference.
pub async fn run(args: Args) -> eyre::Result<()> {
    let Args {
        source,
        l1_rpc,
        deployment,
        no_build,
    } = args;
    if !no_build {
        chore(&source, &["contracts", "--check"])?;
        chore(&source, &["guest", "--check"])?;
    }
    let file = deployment.display();
    let deployment = Deployment::read(&deployment)
        .wrap_err_with(|| format!("cannot read the deployment file {file}"))?
        .ok_or_else(|| eyre!("there is no deployment file {file}"))?;
    let (l1, _) = connect_l1(&l1_rpc).await?;
    rollmill_l1::verify(&l1, &deployment).await?;
    contracts(&l1, &deployment, &source).await?;
    programs(&l1, &deployment, &source).await
}

fn chore(source: &Path, args: &[&str]) -> eyre::Result<()> {
    let mut command = Command::new("cargo");
    command.arg("xtask").args(args).current_dir(source);
    let status = command.status().wrap_err("cannot start cargo")?;
    let chore = args.join(" ");
    ensure!(
        status.success(),
        "`cargo xtask {chore}` fails in {}",
        source.display()
    );
    Ok(())
}

async fn contracts(l1: &DynProvider, deployment: &Deployment, source: &Path) -> eyre::Result<()> {
    for (name, address) in deployment.contracts() {
        let deployed = l1.get_code_at(address).await?;
        let names: &[&str] = if address == deployment.verifier {
            &["StarkPrecompileVerifier", "MockVerifier"]
        } else {
            &[name]
        };
        let mut found = None;
        for name in names {
            let artifact: Artifact = read(&artifact(source, name))?;
            if is_compiled_from(&deployed, &artifact.code) {
                found = Some(name);
            }
        }
        let Some(found) = found else {
            bail!(
                "the code of {name} at {address} is not what this source compiles to {}",
                names.join(" or ")
            );
        };
        outln!("{address} is {found} of this source");
    }
    Ok(())
}

async fn programs(l1: &DynProvider, deployment: &Deployment, source: &Path) -> eyre::Result<()> {
    let rollup = Rollup::new(deployment.rollup, l1.clone());
    for version in 1..=rollup.programCount().call().await? {
        let row = rollup.programs(version).call().await?;
        program("batch", version, (row.exeCommit, row.vmCommit), source)?;
    }
    let settlement = Settlement::new(deployment.settlement, l1.clone());
    for version in 1..=settlement.programCount().call().await? {
        let row = settlement.programs(version).call().await?;
        program("aggregate", version, (row.exeCommit, row.vmCommit), source)?;
    }
    Ok(())
}

fn program(kind: &str, version: u32, (exe, vm): (B256, B256), source: &Path) -> eyre::Result<()> {
    let on_l1 = ProgramCommitment { exe, vm };
    if on_l1 == commitment(ProofKind::Mock) {
        outln!(
            "{kind} program version {version} stands for mock proofs: there is nothing to build"
        );
        return Ok(());
    }
    let path = source.join(format!("guest/artifacts/{kind}-v{version}/program.json"));
    ensure!(
        path.exists(),
        "{kind} program version {version} on L1 is not of this source: {} is missing",
        path.display()
    );
    let Program { commitment } = read(&path)?;
    same(version, on_l1, commitment)?;
    outln!(
        "{kind} program version {version} is {} of this source",
        on_l1.exe
    );
    Ok(())
}

fn same(version: u32, on_l1: ProgramCommitment, built: ProgramCommitment) -> eyre::Result<()> {
    let parts = [
        ("program", on_l1.exe, built.exe),
        ("virtual machine", on_l1.vm, built.vm),
    ];
    for (what, on_l1, built) in parts {
        ensure!(
            on_l1 == built,
            "the {what} of version {version} on L1 is {on_l1}, this source builds {built}"
        );
    }
    Ok(())
}

fn artifact(source: &Path, name: &str) -> PathBuf {
    source.join(format!("contracts/artifacts/{name}.json"))
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> eyre::Result<T> {
    let text = fs::read(path).wrap_err_with(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).wrap_err_with(|| format!("{} is no artifact", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_program_or_a_machine_of_another_source_is_named() {
        let built = ProgramCommitment {
            exe: B256::repeat_byte(1),
            vm: B256::repeat_byte(2),
        };
        same(1, built, built).unwrap();
        let other = B256::repeat_byte(3);
        let program = same(
            1,
            ProgramCommitment {
                exe: other,
                ..built
            },
            built,
        );
        let said = program.unwrap_err().to_string();
        assert!(
            said.starts_with("the program of version 1 on L1 is 0x0303"),
            "{said}"
        );
        let machine = same(2, ProgramCommitment { vm: other, ..built }, built);
        let said = machine.unwrap_err().to_string();
        assert!(
            said.starts_with("the virtual machine of version 2"),
            "{said}"
        );
    }

    #[test]
    fn this_source_builds_the_embedded_program() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let path = source.join("guest/artifacts/batch-v1/program.json");
        let Program { commitment: built } = read(&path).unwrap();
        assert_eq!(built, commitment(ProofKind::Stark));
    }
}
