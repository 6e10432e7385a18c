//! Finished proofs on disk: a restart submits a proof again instead of making it twice.
//!
//! A proof is bound to (roller, task), not to the round of the seat, so it is kept by task. Order of writing: the proof as
//! an object, then the record that names it; a record without its object is treated as absent.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use alloy_primitives::{B256, Bytes};
use eyre::WrapErr;
use rollmill_protocol::{PublicValues, Roller, TaskId};
use rollmill_roller_api::SubmissionStats;
use rollmill_store::Objects;
use serde::{Deserialize, Serialize};

/// Proofs that are kept after they were submitted: a later round of the same task can use them, a batch that settled without its
/// winner, an accusation, and whoever reads a posted digest on L1. About 40 MB.
const KEPT_MAX: usize = 128;

/// The folder of records in a roller's data folder, and that of the bytes.
pub const FOLDER: &str = "finished";
pub const OBJECTS: &str = "objects";

/// A proof that was made here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// Task.
    pub task: TaskId,
    /// Identity that it was made under.
    pub roller: Roller,
    /// What it states.
    pub public_values: PublicValues,
    /// Digest of the proof, which names its bytes.
    pub proof: B256,
    /// What it took.
    pub stats: SubmissionStats,
}

/// The folder of finished proofs.
#[derive(Clone, Debug)]
pub struct FinishedProofs {
    folder: PathBuf,
    objects: Objects,
}

impl FinishedProofs {
    /// Opens (and creates) the folder; the proofs' bytes are `objects`.
    pub fn open(folder: PathBuf, objects: Objects) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, objects })
    }

    /// Those in the data folder of a `roller run` that may be running: to read from only.
    pub fn of_another(data_dir: &Path) -> Self {
        Self {
            folder: data_dir.join(FOLDER),
            objects: Objects::of_another(data_dir.join(OBJECTS)),
        }
    }

    /// Keeps a proof. Durable on return.
    pub async fn keep(
        &self,
        public_values: PublicValues,
        proof: &[u8],
        stats: SubmissionStats,
    ) -> eyre::Result<Finished> {
        let (task, roller) = (public_values.task, public_values.roller);
        let proof = self.objects.put_proof(proof).await?.0;
        let finished = Finished {
            task,
            roller,
            public_values,
            proof,
            stats,
        };
        write(&self.path(task), &serde_json::to_vec_pretty(&finished)?)
            .wrap_err("cannot keep the finished proof")?;
        self.prune().await?;
        Ok(finished)
    }

    /// The proof of `task` under the identity `roller`, if it is here and undamaged.
    pub async fn find(&self, task: TaskId, roller: Roller) -> Option<(Finished, Bytes)> {
        let finished = read(&self.path(task)).ok()?;
        if (finished.task, finished.roller) != (task, roller) {
            return None;
        }
        match self.objects.proof(finished.proof.into()).await {
            Ok(proof) => Some((finished, proof)),
            Err(error) => {
                tracing::warn!(%task, %error, "a finished proof is damaged and will be made again");
                None
            }
        }
    }

    /// What is on record, whosever it is, by batch.
    pub fn all(&self) -> io::Result<Vec<Finished>> {
        let mut found = self.records()?;
        found.sort_by_key(|finished| finished.public_values.first_batch);
        Ok(found)
    }

    /// The bytes of a proof on record, whoever's; `None` also if they are damaged.
    pub async fn by_digest(&self, digest: B256) -> Option<Bytes> {
        let records = self.records().ok()?;
        let mut digests = records.into_iter().map(|finished| finished.proof);
        let known = digests.find(|known| *known == digest)?;
        self.objects.proof(known.into()).await.ok()
    }

    fn records(&self) -> io::Result<Vec<Finished>> {
        let mut found = Vec::new();
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
            entries => entries?,
        };
        for entry in entries {
            // A record that is not whole is treated as absent.
            found.extend(read(&entry?.path()).ok());
        }
        Ok(found)
    }

    /// Removes the oldest records beyond [`KEPT_MAX`].
    async fn prune(&self) -> eyre::Result<()> {
        let mut records = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            records.push((entry.metadata()?.modified()?, entry.path()));
        }
        records.sort();
        let surplus = records.len().saturating_sub(KEPT_MAX);
        for (_, path) in records.drain(..surplus) {
            if let Ok(finished) = read(&path) {
                self.objects.remove(finished.proof).await?;
            }
            fs::remove_file(path)?;
        }
        Ok(())
    }

    fn path(&self, task: TaskId) -> PathBuf {
        self.folder.join(format!("{task}.json"))
    }
}

fn read(path: &Path) -> eyre::Result<Finished> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    fs::write(&temporary, bytes)?;
    fs::File::open(&temporary)?.sync_all()?;
    fs::rename(temporary, path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn open(folder: &Path) -> FinishedProofs {
        let objects = Objects::open(folder.join("objects")).unwrap();
        FinishedProofs::open(folder.join("finished"), objects).unwrap()
    }

    #[tokio::test]
    async fn a_finished_proof_is_there_after_a_restart_for_its_own_identity_only() {
        let folder = tempfile::tempdir().unwrap();
        let (task, roller) = (TaskId(B256::repeat_byte(1)), Roller::repeat_byte(2));
        let values = PublicValues {
            task,
            roller,
            ..PublicValues::default()
        };
        let before = open(folder.path());
        assert!(before.find(task, roller).await.is_none());
        let stats = SubmissionStats::default();
        let kept = before.keep(values.clone(), b"proof", stats).await.unwrap();

        let after = open(folder.path());
        let found = after.find(task, roller).await.unwrap();
        assert_eq!(found, (kept.clone(), Bytes::from_static(b"proof")));
        assert_eq!(found.0.public_values, values);
        assert_eq!(after.all().unwrap(), std::slice::from_ref(&kept));
        assert!(after.find(task, Roller::repeat_byte(9)).await.is_none());
        assert!(after.find(TaskId(B256::ZERO), roller).await.is_none());

        let object = folder
            .path()
            .join("objects")
            .join(format!("{:x}", kept.proof));
        fs::write(object, b"prooF").unwrap();
        assert!(after.find(task, roller).await.is_none());
    }

    #[tokio::test]
    async fn only_the_newest_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let proofs = open(folder.path());
        for number in 0..=KEPT_MAX as u8 {
            let values = PublicValues {
                task: TaskId(B256::repeat_byte(number + 1)),
                ..PublicValues::default()
            };
            let stats = SubmissionStats::default();
            proofs.keep(values, &[number], stats).await.unwrap();
        }
        assert_eq!(
            fs::read_dir(folder.path().join("finished"))
                .unwrap()
                .count(),
            KEPT_MAX
        );
        assert_eq!(
            fs::read_dir(folder.path().join("objects")).unwrap().count(),
            KEPT_MAX
        );
    }
}
