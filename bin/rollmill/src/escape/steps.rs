//! The steps, each one transaction on L1.

use alloy::primitives::{Address, Bytes, U256};
use rollmill_l1::{
    Call, calls,
    contracts::{Enforcement, Rollup},
};
use rollmill_protocol::PublicValues;
use rollmill_sequencer::{EnforcedBatch, WithdrawalProof};
use rollmill_store::BatchRecord;

use super::look::Escape;

/// Gas on L2 for a forced withdrawal: several times what the queue's contract needs, or the bridge's.
const WITHDRAWAL_GAS: u64 = 500_000;

/// What comes next.
pub(super) enum Step {
    /// Nothing.
    Finished,
    /// Nothing now.
    Wait {
        sentence: String,
        /// Seconds of L1's clock; `None` when nobody knows.
        left_s: Option<u64>,
    },
    /// L1 pays a settled withdrawal.
    Pay {
        proof: Box<WithdrawalProof>,
        recipient: Address,
        amount: U256,
    },
    /// A withdrawal of so much is forced.
    Queue(U256),
    /// Enforced mode begins.
    Enforce,
    /// A batch of the operator's is proven and settled.
    Settle(Box<BatchRecord>),
    /// So many batches are dropped.
    Drop(u64),
    /// A batch of one's own is proven, committed and settled.
    Batch(Box<EnforcedBatch>),
}

impl Step {
    pub(super) fn wait(sentence: &str, (now_s, from_s): (u64, u64)) -> Self {
        Self::Wait {
            sentence: sentence.to_owned(),
            left_s: (from_s < u64::MAX).then(|| from_s - now_s),
        }
    }
}

/// How a step went.
pub(super) enum Taken {
    /// It is on L1.
    Done(String),
    /// A proof must be made first.
    ProofMissing(String),
}

impl Escape {
    /// Takes a step.
    pub(super) async fn take(&mut self, step: Step) -> eyre::Result<Taken> {
        let (purpose, call) = match step {
            Step::Finished | Step::Wait { .. } => return Ok(Taken::Done(String::new())),
            Step::Pay { proof, .. } => {
                self.has_paid = true;
                (format!("pay/{}", proof.withdrawal.index), self.pay(&proof))
            }
            Step::Queue(amount) => {
                let count = self.rollup.messageCount().call().await?;
                (format!("queue/{count}"), self.queue(amount))
            }
            Step::Enforce => {
                let settled = self.rollup.settledBatch().call().await?;
                let call = Enforcement::enforceCall {};
                let call = Call::new(self.deployment.enforcement, &call);
                (format!("enforce/{settled}"), call)
            }
            Step::Settle(record) => {
                let witness = self.store.objects().get(record.witness_hash).await?;
                let proven = (record.number, &record.data, record.public_values.clone());
                let (values, proof) = match self.prove(proven, &witness).await? {
                    Ok(proven) => proven,
                    Err(sentence) => return Ok(Taken::ProofMissing(sentence)),
                };
                let call = calls::settle_unpaid(self.deployment.rollup, &values, proof);
                (format!("settle/{}", record.number), call)
            }
            Step::Drop(count) => {
                let settled = self.rollup.settledBatch().call().await?;
                let call = Enforcement::dropCall { count };
                let call = Call::new(self.deployment.enforcement, &call);
                (format!("drop/{settled}"), call)
            }
            Step::Batch(batch) => {
                let number = batch.commit.batch;
                let proven = (number, &batch.data, batch.values.clone());
                let (values, proof) = match self.prove(proven, &batch.witness).await? {
                    Ok(proven) => proven,
                    Err(sentence) => return Ok(Taken::ProofMissing(sentence)),
                };
                (
                    format!("batch/{number}"),
                    self.enforce_batch(&batch, &values, proof),
                )
            }
        };
        let mined = self
            .sender
            .send(&format!("escape/{purpose}"), &call)
            .await?;
        Ok(Taken::Done(format!(
            "done: {} in L1 block {}, {} gas",
            mined.hash, mined.block, mined.gas_used
        )))
    }

    fn pay(&self, proof: &WithdrawalProof) -> Call {
        let call = Rollup::finalizeWithdrawalCall {
            batch: proof.batch,
            w: proof.withdrawal.clone().into(),
            proof: proof.path,
        };
        Call::new(self.deployment.rollup, &call)
    }

    fn queue(&self, amount: U256) -> Call {
        let (to, value, data) = self.asset.order(self.recipient, amount);
        let call = Rollup::forceTransactionCall {
            to,
            value,
            gasLimit: WITHDRAWAL_GAS,
            data,
        };
        let price = U256::from(self.deployment.parameters.message_gas_price_wei);
        let call = Call::new(self.deployment.rollup, &call);
        call.with_value(price.saturating_mul(U256::from(WITHDRAWAL_GAS)))
    }

    fn enforce_batch(&self, batch: &EnforcedBatch, values: &PublicValues, proof: Bytes) -> Call {
        calls::enforce_batch(
            self.deployment.enforcement,
            (&batch.commit).into(),
            batch.data.clone(),
            values,
            proof,
        )
    }
}
