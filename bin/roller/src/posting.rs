//! The defence against silence. A roller whose finished proof is not taken puts its digest on L1 before the deadline
//! (`Evidence.postSubmission`, with the operator's own signature under the assignment). From then on the operator has to enter
//! the proof or to get a verdict against it; if it does neither, its bond pays whoever shows the bytes. The post says where they
//! are: below the URL that the roller was given (`--proof-url`), or by their digest alone.

use std::time::Duration;

use alloy::{eips::BlockId, providers::Provider};
use alloy_primitives::Address;
use eyre::{WrapErr, eyre};
use rollmill_l1::{Deployment, Sender, calls};
use rollmill_protocol::ProofDigest;
use rollmill_roller_api::{Assignment, SignedSubmission};
use rollmill_runtime::{Clock, chain};

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
    /// Below which finished proofs are served.
    proof_url: Option<String>,
}

impl Posting {
    /// `proof_url` is where whoever reads L1 finds the bytes, by their digest in hex.
    pub fn new(deployment: &Deployment, sender: Sender, proof_url: Option<String>) -> Self {
        Self {
            evidence: deployment.evidence,
            sender,
            proof_url,
        }
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
        let call = calls::evidence::post_submission(
            self.evidence,
            seat.batch,
            (
                calls::same(&submission.message()),
                submission.signature.clone(),
            ),
            (calls::same(&assigned.receipt), assigned.signature.clone()),
            location(self.proof_url.as_deref(), submission.proof_digest),
        );
        let purpose = format!("post/{}/{}", submission.task, submission.round);
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

/// Where the bytes of a proof are: below a URL, or known by their content alone.
fn location(proof_url: Option<&str>, digest: ProofDigest) -> String {
    let name = digest.0;
    match proof_url {
        Some(url) => format!("{}/{name:x}", url.trim_end_matches('/')),
        None => format!("digest:{name:x}"),
    }
}

/// When a proof that nobody takes is posted.
fn due_unix_s(seat: &Assignment) -> u64 {
    let time_s = seat.deadline_unix_s.saturating_sub(seat.assigned_unix_s);
    seat.deadline_unix_s - (time_s / 4).min(MARGIN_S_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_says_where_its_bytes_are() {
        let digest = ProofDigest::of(b"bytes");
        let name = format!("{:x}", digest.0);
        assert_eq!(location(None, digest), format!("digest:{name}"));
        for url in ["https://proofs.example/p", "https://proofs.example/p/"] {
            let expected = format!("https://proofs.example/p/{name}");
            assert_eq!(location(Some(url), digest), expected);
        }
    }
}
