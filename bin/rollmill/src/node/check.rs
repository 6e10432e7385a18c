//! Whether a node could be started with these settings: what [`super::verb`] would find out when it starts, one by one and without changing
//! anything.

use std::{net::TcpListener, path::Path};

use eyre::{WrapErr, ensure};
use rollmill_l1::{BlobSource, Deployment, check_key_file, is_keystore, load_key, verify};
use rollmill_runtime::{Finding, good, judged, note};

use super::{
    OPERATOR_KEY, connect_l1,
    verb::{Args, check_directory},
};
use crate::settings::{genesis, proof_kind};

/// Looks at everything.
pub async fn look(args: &Args) -> Vec<Finding> {
    let deployment = Deployment::open(&args.source.deployment).map_err(eyre::Report::from);
    let mut findings = vec![
        judged("data directory", data_directory(args)),
        judged("blobs", blobs(args)),
        judged("prices", prices(args)),
    ];
    match deployment {
        Ok(deployment) => {
            findings.push(judged("L1", l1(args, &deployment).await));
            findings.extend(keys(args, &deployment));
        }
        Err(error) => findings.push(judged("deployment", Err::<String, _>(error))),
    }
    findings.extend(places(args));
    findings
}

fn data_directory(args: &Args) -> eyre::Result<String> {
    check_directory(&args.source.data_dir, args.derive)?;
    let dir = args.source.data_dir.display();
    Ok(match args.source.data_dir.exists() {
        true => format!("goes on from what is in {dir}"),
        false => format!("{dir} will be made"),
    })
}

fn blobs(args: &Args) -> eyre::Result<String> {
    BlobSource::new(args.l1_beacon.as_deref())?;
    Ok(match &args.l1_beacon {
        Some(url) => format!("are read at {url}"),
        None => "are read at L1 itself: only development chains have them".to_owned(),
    })
}

fn prices(args: &Args) -> eyre::Result<String> {
    let follows = args.sequencer(args.fallback)?.fees.is_some();
    Ok(match follows {
        true => "follow what data and proving cost".to_owned(),
        false => "stay as they are set".to_owned(),
    })
}

/// L1 answers, and has what the deployment file names.
async fn l1(args: &Args, deployment: &Deployment) -> eyre::Result<String> {
    let file = args.source.deployment.display();
    genesis(deployment).wrap_err_with(|| format!("{file} is not usable"))?;
    let (l1, chain_id) = connect_l1(&args.source.l1_rpc).await?;
    let fits = verify(&l1, deployment).await;
    fits.wrap_err_with(|| format!("{file} does not describe what is on {}", args.source.l1_rpc))?;
    let proofs = proof_kind(&l1, deployment.rollup).await?;
    Ok(format!(
        "chain {chain_id} has the rollup {} of {file}, which takes {proofs} proofs",
        deployment.rollup
    ))
}

/// The keys that the node would read; one in an encrypted keystore is not opened.
fn keys(args: &Args, deployment: &Deployment) -> Vec<Finding> {
    if args.derive {
        return vec![note(
            "operator's key",
            "not needed: --derive makes no blocks",
        )];
    }
    let mut findings = vec![judged(
        "operator's key",
        key(args.operator_key_file.as_deref(), deployment),
    )];
    if let Some(file) = &args.fallback_key_file {
        let found = check_key_file(file).map(|()| format!("{} can be read", file.display()));
        findings.push(judged("fallback's key", found.map_err(eyre::Report::from)));
    } else if args.fallback.is_none() {
        findings.push(note(
            "fallback",
            "there is none: a batch that no roller proves waits for one (--fallback-key-file)",
        ));
    }
    findings
}

fn key(file: Option<&Path>, deployment: &Deployment) -> eyre::Result<String> {
    if let Some(file) = file {
        check_key_file(file)?;
        if is_keystore(file)? {
            return Ok(format!(
                "{} is a keystore; its password is needed at the start",
                file.display()
            ));
        }
    }
    let key = load_key(file, OPERATOR_KEY)?;
    ensure!(
        key.address() == deployment.operator,
        "the key is of {}, the rollup's operator is {}",
        key.address(),
        deployment.operator
    );
    Ok(format!(
        "is the rollup's operator's, {}",
        deployment.operator
    ))
}

/// Where the node would listen. A node that runs with these settings holds its places itself.
fn places(args: &Args) -> Vec<Finding> {
    let dashboard = args.dashboard().map(|place| ("--dashboard-listen", place));
    let coordinator = ("--coordinator-listen", args.coordinator_listen);
    let coordinator = (!args.derive).then_some(coordinator);
    let places = [Some(("--listen", args.listen)), coordinator, dashboard];
    // Held together, so that two of them are not the same.
    let mut held = Vec::new();
    let mut findings = Vec::new();
    for (flag, place) in places.into_iter().flatten() {
        match TcpListener::bind(place) {
            Ok(listener) => held.push(listener),
            Err(error) => findings.push(note(
                "addresses",
                format!("{place} ({flag}) cannot be listened at now: {error}"),
            )),
        }
    }
    if findings.is_empty() {
        findings.push(good("addresses", "all can be listened at"));
    }
    findings
}
