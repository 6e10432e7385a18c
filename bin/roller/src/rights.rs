//! What a roller does for itself on L1 within a time limit, whoever forgets it.
//!
//! - **A late share.** A batch that settled unpaid holds its reward for the lottery's winner, for `ClaimS`. A roller that has won it
//!   claims with the proof that it has kept; the operator does the same if it has the bytes.
//! - **An accusation.** Where L1's verifier cannot reject, anybody with a bond can accuse, and who does not answer within `DefendS` is
//!   fined. Any of three things answers: the operator's verdict `valid`, the bytes themselves, a receipt that is too old.
//!
//! Every transaction is recorded before it is sent, so that a restart neither loses nor doubles it.

use std::{collections::BTreeSet, convert::Infallible, io, path::PathBuf, time::Duration};

use alloy::{eips::BlockId, providers::Provider};
use alloy_primitives::B256;
use eyre::{WrapErr, eyre};
use rollmill_l1::{
    Call, Deployment, Mined, Sender,
    calls::{self, court::Seat},
    contracts::{Court, Parameters},
    rewards::{LateShare, RewardError, claim_late, late_share},
};
use rollmill_protocol::{Roller, TaskId};
use rollmill_roller_api::receipts::SignedReceipt;
use rollmill_runtime::{Shutdown, chain};

use crate::{
    finished::{Finished, FinishedProofs},
    receipts,
};

/// Pause between looks at L1: every limit is ten minutes or longer.
const LOOK: Duration = Duration::from_secs(60);
/// `Key.DefendS`.
const DEFEND_S: u8 = 4;

/// A roller's rights and what it needs to use them.
#[derive(Debug)]
pub struct Rights {
    /// The contracts.
    pub deployment: Deployment,
    /// Whose account pays; anybody may.
    pub sender: Sender,
    /// The roller.
    pub roller: Roller,
    /// Its proofs.
    pub finished: FinishedProofs,
    /// Where its receipts are.
    pub data_dir: PathBuf,
}

/// An open accusation, and what became of it.
#[derive(Debug)]
pub struct Accused {
    /// Batch.
    pub batch: u64,
    /// Round of the seat.
    pub round: u32,
    /// The answer that L1 took; an error if there is none.
    pub answered: eyre::Result<Mined>,
}

impl Rights {
    /// Looks after them until the shutdown.
    pub async fn run(self, shutdown: Shutdown) -> Result<(), Infallible> {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut over = BTreeSet::new();
        while shutdown.run_until(ticks.tick()).await.is_some() {
            if shutdown.run_until(self.look(&mut over)).await.is_none() {
                break;
            }
        }
        Ok(())
    }

    async fn look(&self, over: &mut BTreeSet<TaskId>) {
        match self.late_shares(over).await {
            Ok(claims) => claims.iter().for_each(|(batch, claimed)| match claimed {
                Ok(mined) => tracing::info!(batch, tx = %mined.hash, "claimed a late share"),
                Err(error) => {
                    tracing::warn!(batch, "a late share is not claimed: {}", chain(error));
                }
            }),
            Err(error) => tracing::debug!("cannot look for late shares: {}", chain(&*error)),
        }
        match self.answer().await {
            Ok(accused) => accused.iter().for_each(|accused| match &accused.answered {
                Ok(mined) => {
                    tracing::warn!(batch = accused.batch, tx = %mined.hash, "answered an accusation");
                }
                Err(error) => {
                    tracing::error!(batch = accused.batch, "accused: {}", chain(&**error));
                }
            }),
            Err(error) => tracing::debug!("cannot look for accusations: {}", chain(&*error)),
        }
    }

    /// The proofs that are the roller's in this rollup, by batch; and how many in the folder are not.
    pub fn proofs(&self) -> io::Result<(Vec<Finished>, usize)> {
        let (chain_id, rollup) = (self.deployment.chain_id, self.deployment.rollup);
        let mut proofs = self.finished.all()?;
        let count = proofs.len();
        proofs.retain(|finished| {
            let task = TaskId::of_batch(chain_id, rollup, finished.public_values.first_batch);
            (finished.roller, finished.task) == (self.roller, task)
        });
        let others = count - proofs.len();
        Ok((proofs, others))
    }

    /// Claims what is held for the roller's proofs. `over` are tasks of which nothing is to be had any more; it grows.
    pub async fn late_shares(
        &self,
        over: &mut BTreeSet<TaskId>,
    ) -> eyre::Result<Vec<(u64, Result<Mined, RewardError>)>> {
        let mut claims = Vec::new();
        for finished in self.proofs()?.0 {
            if over.contains(&finished.task) {
                continue;
            }
            let batch = finished.public_values.first_batch;
            match self.late_share(&finished).await {
                Ok(Claim::NotYet) => {}
                Ok(Claim::Over) => {
                    over.insert(finished.task);
                }
                Ok(Claim::Made(mined)) => {
                    over.insert(finished.task);
                    claims.push((batch, Ok(*mined)));
                }
                Err(error) => claims.push((batch, Err(error))),
            }
        }
        Ok(claims)
    }

    async fn late_share(&self, finished: &Finished) -> Result<Claim, RewardError> {
        let Self {
            deployment, sender, ..
        } = self;
        let batch = finished.public_values.first_batch;
        let held = match late_share(sender, deployment, batch, Some(self.roller)).await? {
            LateShare::Open => return Ok(Claim::NotYet),
            LateShare::Nothing => return Ok(Claim::Over),
            LateShare::Held(held) => held,
        };
        let won = (held.winner.roller, held.winner.proofDigest);
        if won != (self.roller, finished.proof) {
            return Ok(Claim::Over);
        }
        let Some((_, proof)) = self.finished.find(finished.task, self.roller).await else {
            return Ok(Claim::Over);
        };
        let mined = claim_late(sender, deployment, held, &finished.public_values, proof).await?;
        Ok(Claim::Made(Box::new(mined)))
    }

    /// Answers every open accusation of the roller.
    pub async fn answer(&self) -> eyre::Result<Vec<Accused>> {
        let l1 = self.sender.provider();
        let court = Court::new(self.deployment.court, l1);
        let table = Parameters::new(self.deployment.parameter_table, l1);
        let accused_at = court.accusedAt(self.roller).call().await?;
        let head = l1.get_block(BlockId::latest()).await?;
        let now = head
            .ok_or_else(|| eyre!("L1 has no head"))?
            .header
            .timestamp;
        let defend_s: u64 = table.value(DEFEND_S).call().await?.to();
        if accused_at == 0 || now >= accused_at + defend_s {
            return Ok(Vec::new());
        }
        let events = court
            .Accused_filter()
            .topic2(self.roller.into_word())
            .from_block(self.deployment.block)
            .query()
            .await?;
        let mut found = Vec::new();
        for (event, _) in events {
            let (batch, round) = (event.batch, event.round);
            let task = TaskId::of_batch(self.deployment.chain_id, self.deployment.rollup, batch);
            let seat = (task.0, round, self.roller);
            let open = court.accusation(seat.0, seat.1, seat.2).call().await?;
            if open.accuser.is_zero() || now >= open.untilS {
                continue;
            }
            found.push(Accused {
                batch,
                round,
                answered: self.answer_one(batch, seat, open.proofDigest).await,
            });
        }
        Ok(found)
    }

    /// Sends the first answer that L1 takes.
    async fn answer_one(&self, batch: u64, seat: Seat, digest: B256) -> eyre::Result<Mined> {
        let purpose = format!("answer/{batch}/{}/{}", seat.1, seat.2);
        let mut refused = eyre!("there is neither a receipt nor a proof that answers it");
        for call in self.answers(batch, seat, digest).await? {
            match self.sender.estimate(&purpose, &call).await {
                Ok(_) => return Ok(self.sender.send(&purpose, &call).await?),
                Err(error) => refused = error.into(),
            }
        }
        Err(refused).wrap_err("L1 takes no answer to the accusation")
    }

    /// What may answer an accusation, the cheapest first.
    async fn answers(&self, batch: u64, seat: Seat, digest: B256) -> eyre::Result<Vec<Call>> {
        let court = self.deployment.court;
        let receipts = receipts::kept(&self.data_dir)?;
        let of_seat = |task, round, roller, of| ((task, round, roller), of) == (seat, digest);
        let (mut verdicts, mut old) = (Vec::new(), Vec::new());
        for receipt in &receipts {
            match receipt {
                SignedReceipt::Verdict(signed) => {
                    let r = &signed.receipt;
                    if r.valid && of_seat(r.task, r.round, r.roller, r.proofDigest) {
                        let signed = (calls::same(r), signed.signature.clone());
                        verdicts.push(calls::court::defend(court, batch, signed));
                    }
                }
                SignedReceipt::Submission(signed) => {
                    let r = &signed.receipt;
                    if of_seat(r.task, r.round, r.roller, r.proofDigest) {
                        let signed = (calls::same(r), signed.signature.clone());
                        old.push(calls::court::defend_expired(court, signed));
                    }
                }
                _ => {}
            }
        }
        let kept = self.finished.find(TaskId(seat.0), self.roller).await;
        let bytes = kept.filter(|(finished, _)| finished.proof == digest);
        let bytes = bytes.map(|(finished, proof)| {
            calls::court::rebut(court, seat, &finished.public_values, proof)
        });
        Ok(verdicts.into_iter().chain(old).chain(bytes).collect())
    }
}

/// What there is to have of a batch.
enum Claim {
    /// It is not settled.
    NotYet,
    /// Nothing.
    Over,
    /// The reward.
    Made(Box<Mined>),
}
