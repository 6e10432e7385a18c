//! From the command line to a roller that could work: whom it works for, with which keys, and what it has on disk.

use std::{
    fs::File,
    path::Path,
    sync::{Arc, Mutex},
};

use alloy::signers::local::PrivateKeySigner;
use eyre::{WrapErr, bail};
use rollmill_l1::{Deployment, Sender, SenderConfig, connect};
use rollmill_protocol::Roller;
use rollmill_roller_api::Client;
use rollmill_runtime::{
    Shutdown,
    metrics::Health,
    traces::{Exporter, tracer},
};
use rollmill_store::{Objects, Store};

use super::{Daemon, retry};
use crate::{
    checks,
    config::RunArgs,
    finished::{self, FinishedProofs},
    identity::{Identity, check_build},
    machine::Machine,
    posting::Posting,
    progress,
    prover::Prover,
    receipts::ReceiptBook,
    rights::Rights,
    serving::{self, Serving},
    statement::Commits,
};

/// A roller that was started, with what runs beside its two loops.
pub(super) struct Started {
    pub(super) daemon: Daemon,
    /// None for the fallback prover, which is not paid and cannot be accused.
    pub(super) rights: Option<Rights>,
    pub(super) serving: Option<Serving>,
    pub(super) exporter: Option<Exporter>,
}

impl Daemon {
    pub(super) async fn start(
        args: &RunArgs,
        signer: PrivateKeySigner,
        (shutdown, drain): (&Shutdown, &Shutdown),
    ) -> eyre::Result<Started> {
        let deployment = Deployment::open(&args.chain.deployment)?;
        let client = Client::new(
            &args.coordinator,
            signer.clone(),
            deployment.chain_id,
            deployment.rollup,
        )?;
        let identity = Identity::of(args, &client, &deployment).await?;
        let requirements = retry(shutdown, "requirements", || client.requirements()).await?;
        check_build(&requirements, &deployment, args.proofs)?;
        let machine = Machine::measure(&args.data_dir);
        checks::refuse(&checks::fit(&requirements, &machine))?;
        identity.check(&requirements)?;
        let receipts = ReceiptBook::open(&args.data_dir, requirements.heartbeat_lost_s)?;

        let (objects, finished) = proofs(&args.data_dir)?;
        let l1 = connect(&args.chain.l1_rpc)?;
        let (proof_url, serving) = serving::start(args, &finished).await?;
        let (posting, rights) = match &identity.asker {
            Some(asker) => {
                let store = Store::open(args.data_dir.join("l1")).await?;
                let chain_id = deployment.chain_id;
                let sender =
                    Sender::new(l1.clone(), chain_id, signer, store, SenderConfig::default());
                let rights = Rights {
                    deployment: deployment.clone(),
                    sender: sender.clone(),
                    roller: asker.roller,
                    finished: finished.clone(),
                    data_dir: args.data_dir.clone(),
                };
                let posting = Posting::new(&deployment, sender, proof_url);
                (Some(posting), Some(rights))
            }
            None => (None, None),
        };
        let setup = args.clone();
        let prover = tokio::task::spawn_blocking(move || Prover::new(&setup)).await??;
        let (progress, exporter) = progress(args, identity.roller)?;
        let daemon = Self {
            client,
            identity,
            receipts,
            requirements,
            objects,
            finished,
            commits: Commits {
                l1,
                rollup: deployment.rollup,
            },
            posting,
            prover: Arc::new(prover),
            progress,
            health: Health::default(),
            in_hand: Mutex::new(None),
            shutdown: shutdown.clone(),
            drain: drain.clone(),
        };
        Ok(Started {
            daemon,
            rights,
            serving,
            exporter,
        })
    }
}

/// Witnesses and proofs on disk, and which of them are finished.
fn proofs(data_dir: &Path) -> eyre::Result<(Objects, FinishedProofs)> {
    let objects = Objects::open(data_dir.join(finished::OBJECTS))
        .wrap_err_with(|| format!("cannot use {}", data_dir.display()))?;
    let finished = FinishedProofs::open(data_dir.join(finished::FOLDER), objects.clone())?;
    Ok((objects, finished))
}

/// Where the work's progress is noted, and what brings it to a collector, if one is told.
fn progress(args: &RunArgs, roller: Roller) -> eyre::Result<(progress::Board, Option<Exporter>)> {
    let traced = args.otlp.as_ref().map(|url| tracer(url, "roller"));
    let (tracer, exporter) = traced.transpose().wrap_err("--otlp")?.unzip();
    let tracer = tracer.map(|tracer| (tracer, roller));
    let board = progress::Board::new(!args.has_status_line(), tracer);
    Ok((board, exporter))
}

/// One roller per data folder; the lock ends with the process, however that dies.
pub(super) fn lock(data_dir: &Path) -> eyre::Result<File> {
    std::fs::create_dir_all(data_dir)
        .and_then(|()| File::create(data_dir.join("lock")))
        .wrap_err_with(|| format!("cannot use {}", data_dir.display()))
        .and_then(|file| match file.try_lock() {
            Ok(()) => Ok(file),
            Err(_) => bail!("another roller works in {}", data_dir.display()),
        })
}
