//! A deliberately bad roller, as a process of its own: it does all that an honest one does, and then submits bytes that are
//! no proof of its statement. Built on the public client; the honest roller has no switch for it.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use alloy::{rpc::types::Filter, sol_types::SolEvent};
use alloy_primitives::{Address, B256, Bytes};
use rollmill_l1::{Deployment, contracts::Court, load_key};
use rollmill_roller_api::{
    Assignment, Client, HeartbeatRequest, PickRequest, ProofKind, SubmissionStats,
};
use rollmill_runtime::{Shutdown, chain};
use rollmill_stf::{Identity, execute_batch};
use rollmill_zkvm::mock::MockProof;

/// How long one ask for work is held open.
const PICK_WAIT_MS: u64 = 1_000;
/// Wait after an error.
const PAUSE: Duration = Duration::from_millis(500);

/// Length of a garbage STARK, long enough to be taken for one.
const GARBAGE_BYTES: usize = 64 << 10;

/// L1's judgements of a roller's submissions.
pub fn judgements(deployment: &Deployment, roller: Address) -> Filter {
    Filter::new()
        .address(deployment.court)
        .event_signature(Court::SubmissionJudged::SIGNATURE_HASH)
        .topic2(roller.into_word())
        .from_block(deployment.block)
}

/// Where the saboteur works and as whom.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The coordinator's URL.
    #[arg(long)]
    coordinator: String,
    /// The deployment file.
    #[arg(long)]
    deployment: PathBuf,
    /// File that holds the signer's key in hex.
    #[arg(long)]
    signer_key_file: PathBuf,
    /// End when standard input ends: for the parent process that holds the other end.
    #[arg(long, env = "ROLLMILL_EXIT_WITH_STDIN")]
    exit_with_stdin: bool,
}

/// Cheats until it is stopped.
pub async fn run(args: Args) -> eyre::Result<()> {
    let deployment = Deployment::open(&args.deployment)?;
    let client = Client::new(
        &args.coordinator,
        load_key(Some(&args.signer_key_file), "")?,
        deployment.chain_id,
        deployment.rollup,
    )?;
    let proofs = client.requirements().await?.proofs;

    let shutdown = Shutdown::new();
    shutdown.listen_for_signals();
    if args.exit_with_stdin {
        shutdown.listen_for_end_of_input();
    }
    while !shutdown.is_cancelled() {
        let work = async { cheat_once(&client, proofs).await };
        match shutdown.run_until(work).await {
            None => break,
            Some(Ok(())) => {}
            Some(Err(error)) => {
                tracing::warn!("{}", chain(&*error));
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    Ok(())
}

async fn cheat_once(client: &Client, proofs: ProofKind) -> eyre::Result<()> {
    client
        .heartbeat(&HeartbeatRequest {
            ready: true,
            ..HeartbeatRequest::default()
        })
        .await?;
    let pick = PickRequest {
        wait_ms: PICK_WAIT_MS,
        in_hand: vec![],
    };
    let Some(assignment) = client.pick(&pick).await? else {
        return Ok(());
    };
    let begun = Instant::now();
    let public_values_hash = statement(client, &assignment).await?;
    let proof = garbage(proofs, assignment.roller);
    let submission = client.sign_submission(
        assignment.seat,
        assignment.roller,
        public_values_hash,
        &proof,
    );
    let stats = SubmissionStats {
        prove_seconds: begun.elapsed().as_secs_f64(),
        ..SubmissionStats::default()
    };
    let receipt = client.submit(&submission, &stats, proof).await?;
    tracing::info!(task = %assignment.seat.task, verdict = ?receipt.verdict, "submitted garbage");
    Ok(())
}

/// The public values that an honest proof would reveal: a false statement would be refused before it is verified.
async fn statement(client: &Client, assignment: &Assignment) -> eyre::Result<B256> {
    let bytes_max = client.requirements().await?.witness_bytes_max;
    let mut download = client.witness(assignment.witness_hash, bytes_max).await?;
    let mut witness = Vec::new();
    while let Some(piece) = download.next().await? {
        witness.extend_from_slice(&piece);
    }
    let identity = Identity {
        roller: assignment.roller,
        task: assignment.seat.task,
    };
    let public_values =
        tokio::task::spawn_blocking(move || execute_batch(identity, witness.into())).await??;
    Ok(public_values.hash())
}

/// Bytes that no verifier accepts for the roller's statement.
fn garbage(proofs: ProofKind, roller: Address) -> Bytes {
    match proofs {
        ProofKind::Mock => {
            // A well-formed mock proof of something else.
            let public_values_hash = roller.into_word();
            MockProof { public_values_hash }.encode().into()
        }
        ProofKind::Stark => (0..GARBAGE_BYTES).map(|at| (at % 251) as u8).collect(),
    }
}
