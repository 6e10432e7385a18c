//! Proofs for the steps that need one.
//!
//! Which kind L1 takes is read from L1: the code of the program's verifier. A mock proof is written here. A real one takes
//! minutes and a prover, which this program does not link: the statement is written into a folder, `roller prove` proves it
//! there, and the next run finds the proof. The batch that it is for is kept with it, because time goes on meanwhile.

use std::{
    fs,
    path::{Path, PathBuf},
};

use alloy::{
    primitives::{B256, Bytes},
    providers::Provider,
};
use eyre::{WrapErr, bail, ensure};
use rollmill_l1::contracts::{MockVerifier, Rollup::Program};
use rollmill_protocol::PublicValues;
use rollmill_roller_api::Statement;
use rollmill_zkvm::{ProgramCommitment, mock::MockProof, verify};

use super::look::Escape;

impl Escape {
    /// The newest program version in force.
    pub(super) async fn program_version(&self, now_s: u64) -> eyre::Result<u32> {
        let newest = self.rollup.programCount().call().await?;
        for version in (1..=newest).rev() {
            let program = self.rollup.programs(version).call().await?;
            if program.activeFromS <= now_s {
                return Ok(version);
            }
        }
        bail!("L1 has no program in force")
    }

    /// The account's proof of a batch with what it states; a sentence when it must be made elsewhere.
    pub(super) async fn prove(
        &self,
        (batch, data, values): (u64, &Bytes, PublicValues),
        witness: &Bytes,
    ) -> eyre::Result<Result<(PublicValues, Bytes), String>> {
        let values = PublicValues {
            roller: self.sender.address(),
            ..values
        };
        let hash = values.hash();
        let program = self.rollup.programs(values.program_version).call().await?;
        if self.is_mock(&program).await? {
            let proof = MockProof {
                public_values_hash: hash,
            };
            return Ok(Ok((values, proof.encode().into())));
        }
        let statement = Statement {
            batch,
            roller: values.roller,
            task: values.task,
            public_values_hash: hash,
            previous_block_hash: values.previous_block_hash,
            data: data.clone(),
        };
        let folder = self.folder(batch);
        if statement_in(&folder)?.as_ref() == Some(&statement) {
            if let Some(proof) = proof_in(&folder)? {
                check(&program, hash, &proof)
                    .await
                    .wrap_err_with(|| format!("the proof in {}", folder.display()))?;
                return Ok(Ok((values, proof)));
            }
        } else {
            order(&folder, &statement, witness)?;
        }
        Ok(Err(format!(
            "It needs a proof: run `roller prove {}` on a machine with 8 GiB of memory, then this command again.",
            folder.display()
        )))
    }

    /// The data of the batch on `parent` that a proof was ordered for.
    pub(super) async fn ordered(&self, parent: B256) -> eyre::Result<Option<Bytes>> {
        let settled = self.rollup.settledBatch().call().await?;
        let statement = statement_in(&self.folder(settled + 1))?;
        let ordered = statement.filter(|statement| statement.previous_block_hash == parent);
        Ok(ordered.map(|statement| statement.data))
    }

    fn folder(&self, batch: u64) -> PathBuf {
        self.proofs.join(format!("batch-{batch}"))
    }

    async fn is_mock(&self, program: &Program) -> eyre::Result<bool> {
        let code = self.l1.get_code_at(program.verifier).await?;
        Ok(code == MockVerifier::DEPLOYED_BYTECODE)
    }
}

fn statement_in(folder: &Path) -> eyre::Result<Option<Statement>> {
    let path = folder.join(Statement::FILE);
    if !path.exists() {
        return Ok(None);
    }
    let read = || eyre::Ok(serde_json::from_slice(&fs::read(&path)?)?);
    let statement = read().wrap_err_with(|| format!("cannot read {}", path.display()))?;
    Ok(Some(statement))
}

fn proof_in(folder: &Path) -> eyre::Result<Option<Bytes>> {
    let path = folder.join(Statement::PROOF);
    if !path.exists() {
        return Ok(None);
    }
    let proof = fs::read(&path).wrap_err_with(|| format!("cannot read {}", path.display()))?;
    Ok(Some(proof.into()))
}

/// Writes down what is to be proven; a proof of something else goes.
fn order(folder: &Path, statement: &Statement, witness: &Bytes) -> eyre::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let json = serde_json::to_vec_pretty(statement)?;
    // The statement last: with it, the order is complete.
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(folder.join(Statement::WITNESS), witness))
        .and_then(|()| fs::write(folder.join(Statement::FILE), json))
        .wrap_err_with(|| format!("cannot write into {}", folder.display()))
}

/// What L1 would refuse is not sent.
async fn check(program: &Program, hash: B256, proof: &Bytes) -> eyre::Result<()> {
    let commitment = ProgramCommitment {
        exe: program.exeCommit,
        vm: program.vmCommit,
    };
    let proof = proof.clone();
    let verified = tokio::task::spawn_blocking(move || verify(&commitment, hash, &proof));
    let verified = verified.await?;
    ensure!(
        verified.is_ok(),
        "is not one of its statement: remove it and prove again"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloy::primitives::Address;
    use rollmill_protocol::TaskId;
    use rollmill_zkvm::recorded::batch_v1;

    use super::*;

    #[test]
    fn a_new_order_leaves_no_proof_of_another() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("batch-1");
        assert_eq!(statement_in(&folder).unwrap(), None);
        let statement = Statement {
            batch: 1,
            roller: Address::repeat_byte(1),
            task: TaskId(B256::repeat_byte(2)),
            public_values_hash: B256::repeat_byte(3),
            previous_block_hash: B256::repeat_byte(4),
            data: Bytes::from_static(&[5]),
        };
        order(&folder, &statement, &Bytes::from_static(b"witness")).unwrap();
        assert_eq!(statement_in(&folder).unwrap(), Some(statement.clone()));
        assert_eq!(proof_in(&folder).unwrap(), None);
        fs::write(folder.join(Statement::PROOF), b"proof").unwrap();
        assert_eq!(proof_in(&folder).unwrap().unwrap().as_ref(), b"proof");

        let other = Statement {
            public_values_hash: B256::repeat_byte(6),
            ..statement
        };
        order(&folder, &other, &Bytes::from_static(b"witness")).unwrap();
        assert_eq!(statement_in(&folder).unwrap(), Some(other));
        assert_eq!(proof_in(&folder).unwrap(), None);
    }

    #[tokio::test]
    async fn what_l1_would_refuse_is_not_sent() {
        let recorded = batch_v1();
        let program = Program {
            exeCommit: recorded.program.exe,
            vmCommit: recorded.program.vm,
            ..Default::default()
        };
        let (hash, proof) = (recorded.public_values_hash, recorded.proof);
        check(&program, hash, &Bytes::from_static(proof))
            .await
            .unwrap();
        let refused = check(&program, B256::repeat_byte(1), &Bytes::from_static(proof)).await;
        assert!(refused.unwrap_err().to_string().contains("remove it"));
    }
}
