//! The defence against silence. A roller whose finished proof is not taken puts its digest on L1 before the deadline
//! (`Evidence.postSubmission`, with the operator's own signature under the assignment). From then on the operator has to enter
//! the proof or to get a verdict against it; if it does neither, its bond pays whoever shows the bytes.

use std::{path::Path, time::Duration};

use alloy::{eips::BlockId, providers::Provider, signers::local::PrivateKeySigner};
use alloy_primitives::Address;
use eyre::{WrapErr, eyre};
use rollmill_l1::{
    Call, Deployment, DynProvider, Sender, SenderConfig,
    contracts::Evidence::{AssignmentReceipt, Submission, postSubmissionCall},
};
use rollmill_roller_api::{Assignment, SignedSubmission};
use rollmill_runtime::{Clock, chain};
use rollmill_store::Store;

/// Left for L1 to include the transaction: a quarter of the seat's time, this much at most, seconds.
const MARGIN_S_MAX: u64 = 120;
/// How long an upload may take before L1 is told, however late it is.
const ANSWER: Duration = Duration::from_secs(5);
/// Longest pause between looks at L1's time.
const LOOK: Duration = Duration::from_secs(5);

/// Posts submissions, paid by the signer's own account.
pub struct Posting {
    evidence: Address,
    sender: Sender,
}

impl Posting {
    /// What is sent is recorded in `data_dir`, so that a restart neither loses nor doubles it.
    pub async fn open(
        l1: DynProvider,
        deployment: &Deployment,
        signer: PrivateKeySigner,
        data_dir: &Path,
    ) -> eyre::Result<Self> {
        let store = Store::open(data_dir).await?;
        let chain_id = deployment.chain_id;
        Ok(Self {
            evidence: deployment.evidence,
            sender: Sender::new(l1, chain_id, signer, store, SenderConfig::default()),
        })
    }

    /// Waits until the coordinator has had its time, and then tells L1. Never ends when the deadline is over.
    pub async fn in_time(&self, seat: &Assignment, submission: &SignedSubmission) {
        tokio::time::sleep(ANSWER).await;
        loop {
            let left = due_unix_s(seat).saturating_sub(self.now_unix_s().await);
            if left == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_secs(left).min(LOOK)).await;
        }
        if self.now_unix_s().await > seat.deadline_unix_s {
            return std::future::pending().await;
        }
        self.post(seat, submission).await;
    }

    /// Tells L1 of a proof that was refused, if it is time.
    pub async fn if_due(&self, seat: &Assignment, submission: &SignedSubmission) {
        if (due_unix_s(seat)..=seat.deadline_unix_s).contains(&self.now_unix_s().await) {
            self.post(seat, submission).await;
        }
    }

    /// The later of our clock and L1's, by which L1 judges.
    async fn now_unix_s(&self) -> u64 {
        let here = Clock::System.now_unix_s();
        let head = self.sender.provider().get_block(BlockId::latest()).await;
        // Without an answer ours has to do.
        let there = head.ok().flatten().map(|head| head.header.timestamp);
        here.max(there.unwrap_or_default())
    }

    async fn post(&self, seat: &Assignment, submission: &SignedSubmission) {
        let task = seat.seat.task;
        match self.send(seat, submission).await {
            Ok(()) => tracing::warn!(%task, "the proof is not taken: its digest stands on L1"),
            Err(error) => {
                tracing::error!(%task, "the proof is not taken: {}", chain(&*error));
            }
        }
    }

    /// Repeating it is harmless.
    async fn send(&self, seat: &Assignment, submission: &SignedSubmission) -> eyre::Result<()> {
        let assigned = seat.receipt.as_ref();
        let assigned = assigned.ok_or_else(|| eyre!("the assignment is not signed"))?;
        let receipt = &assigned.receipt;
        let call = postSubmissionCall {
            batch: seat.batch,
            s: Submission {
                task: submission.task.0,
                round: submission.round,
                roller: submission.roller,
                publicValuesHash: submission.public_values_hash,
                proofDigest: submission.proof_digest.0,
            },
            signature: submission.signature.clone(),
            a: AssignmentReceipt {
                task: receipt.task,
                round: receipt.round,
                roller: receipt.roller,
                tickets: receipt.tickets,
                assignedAt: receipt.assignedAt,
                deadline: receipt.deadline,
                seed: receipt.seed,
            },
            operatorSignature: assigned.signature.clone(),
            location: String::new(),
        };
        let purpose = format!("post/{}/{}", submission.task, submission.round);
        let call = Call::new(self.evidence, &call);
        let sent = self.sender.send(&purpose, &call).await;
        sent.wrap_err_with(|| {
            format!(
                "the submission cannot be posted on L1 (the signer {} pays for it)",
                self.sender.address()
            )
        })?;
        Ok(())
    }
}

/// When a proof that nobody takes is posted.
fn due_unix_s(seat: &Assignment) -> u64 {
    let time_s = seat.deadline_unix_s.saturating_sub(seat.assigned_unix_s);
    seat.deadline_unix_s - (time_s / 4).min(MARGIN_S_MAX)
}
