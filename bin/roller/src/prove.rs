//! `roller prove`: one proof that no coordinator asked for, such as `rollmill escape` needs.
//!
//! Everything is in a folder (see [`Statement`]); nothing is staked, and nobody pays.

use std::{fs, path::PathBuf, sync::atomic::AtomicBool, time::Duration};

use clap::Args;
use eyre::{WrapErr, ensure};
use rollmill_roller_api::{ProofKind, Statement};
use rollmill_stf::{Identity, execute_batch};
use rollmill_zkvm::{programs::BATCH_V1, prove::Prover as StarkProver};

use crate::{
    progress::Reached,
    prover::{Job, Prover, ProverArgs},
};

/// Arguments of `roller prove`.
#[derive(Clone, Debug, Args)]
pub struct ProveArgs {
    /// Folder with the statement and its witness; the proof is written there.
    folder: PathBuf,
    /// Kind of proof: stark (real) or mock (development networks only).
    #[arg(long, env = "ROLLMILL_PROOFS", default_value_t = ProofKind::Stark)]
    proofs: ProofKind,
    #[command(flatten)]
    prover: ProverArgs,
}

/// Proves what the folder states.
pub fn run(args: &ProveArgs) -> eyre::Result<()> {
    let read = |name: &str| {
        let path = args.folder.join(name);
        fs::read(&path).wrap_err_with(|| format!("cannot read {}", path.display()))
    };
    let statement: Statement =
        serde_json::from_slice(&read(Statement::FILE)?).wrap_err("malformed statement")?;
    let job = job(&statement, read(Statement::WITNESS)?)?;
    let prover = match args.proofs {
        ProofKind::Mock => Prover::Mock(Duration::ZERO),
        ProofKind::Stark => {
            let prover = StarkProver::new(&BATCH_V1, args.prover.config());
            Prover::Stark(Box::new(prover.wrap_err("cannot set up the prover")?))
        }
    };
    println!("proving batch {} for {}", statement.batch, statement.roller);
    let report = |at: Reached| eprintln!("{:5.1} %  {}", 100.0 * at.fraction, at.stage);
    let proof = prover.prove(&job, &report, &AtomicBool::new(false))?;
    let proof = proof.ok_or_else(|| eyre::eyre!("cancelled"))?;
    let path = args.folder.join(Statement::PROOF);
    let unfinished = path.with_extension("tmp");
    fs::write(&unfinished, &proof.bytes)
        .and_then(|()| fs::rename(&unfinished, &path))
        .wrap_err_with(|| format!("cannot write {}", path.display()))?;
    println!("the proof is in {}", path.display());
    Ok(())
}

/// What to prove. The witness must lead to the statement: found out before it is worked on.
fn job(statement: &Statement, witness: Vec<u8>) -> eyre::Result<Job> {
    let witness = alloy_primitives::Bytes::from(witness);
    let identity = Identity {
        roller: statement.roller,
        task: statement.task,
    };
    let values =
        execute_batch(identity, witness.clone()).wrap_err("the witness does not execute")?;
    ensure!(
        values.hash() == statement.public_values_hash,
        "the witness leads to {}, the statement is {}",
        values.hash(),
        statement.public_values_hash
    );
    Ok(Job {
        roller: statement.roller,
        task: statement.task,
        witness,
        public_values_hash: statement.public_values_hash,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloy_primitives::{B256, Bytes};
    use rollmill_protocol::TaskId;
    use rollmill_zkvm::{mock::MockProof, recorded::batch_v1};

    use super::*;

    fn statement() -> Statement {
        let recorded = batch_v1();
        Statement {
            batch: 1,
            roller: recorded.roller,
            task: TaskId(recorded.task),
            public_values_hash: recorded.public_values_hash,
            previous_block_hash: B256::ZERO,
            data: Bytes::new(),
        }
    }

    fn args(folder: &std::path::Path) -> ProveArgs {
        ProveArgs {
            folder: folder.to_owned(),
            proofs: ProofKind::Mock,
            prover: ProverArgs::default(),
        }
    }

    #[test]
    fn a_folder_is_proven_only_if_its_witness_leads_to_its_statement() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let write = |statement: &Statement| {
            fs::write(
                path(Statement::FILE),
                serde_json::to_vec(statement).unwrap(),
            )
        };
        let missing = run(&args(folder.path())).unwrap_err().to_string();
        assert!(missing.contains("statement.json"), "{missing}");

        fs::write(path(Statement::WITNESS), batch_v1().witness).unwrap();
        let other = Statement {
            public_values_hash: B256::repeat_byte(1),
            ..statement()
        };
        write(&other).unwrap();
        let refused = run(&args(folder.path())).unwrap_err().to_string();
        assert!(refused.contains("the witness leads to"), "{refused}");
        assert!(!path(Statement::PROOF).exists());

        write(&statement()).unwrap();
        run(&args(folder.path())).unwrap();
        let proof = fs::read(path(Statement::PROOF)).unwrap();
        MockProof::verify(&proof, statement().public_values_hash).unwrap();
    }
}
