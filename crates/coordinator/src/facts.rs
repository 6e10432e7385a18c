//! What is known about tasks beside the law: which program and witness, which L1 transactions.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use rollmill_protocol::{BatchNumber, TaskId};

use crate::journal::Note;

/// Particulars of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CommitFacts {
    pub(crate) program_version: u32,
    pub(crate) witness_hash: B256,
}

/// Particulars of a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SettleFacts {
    pub(crate) state_root: B256,
    pub(crate) transaction: B256,
}

/// All that was noted, in memory; the log is its durable form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    commits: BTreeMap<TaskId, CommitFacts>,
    settlements: BTreeMap<BatchNumber, SettleFacts>,
}

impl Facts {
    pub(crate) fn note(&mut self, note: &Note) {
        match *note {
            Note::Committed {
                task,
                program_version,
                witness_hash,
                ..
            } => {
                self.commits.insert(
                    task,
                    CommitFacts {
                        program_version,
                        witness_hash,
                    },
                );
            }
            Note::Settled {
                batch,
                state_root,
                transaction,
            } => {
                self.settlements.insert(
                    batch,
                    SettleFacts {
                        state_root,
                        transaction,
                    },
                );
            }
        }
    }

    pub(crate) fn commit(&self, task: TaskId) -> Option<&CommitFacts> {
        self.commits.get(&task)
    }

    pub(crate) fn settlement(&self, batch: BatchNumber) -> Option<&SettleFacts> {
        self.settlements.get(&batch)
    }

    pub(crate) fn is_witness(&self, hash: B256) -> bool {
        self.commits
            .values()
            .any(|commit| commit.witness_hash == hash)
    }
}
