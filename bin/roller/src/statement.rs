//! What a proof is going to state, found out before it is worked on.
//!
//! The witness comes from the coordinator, the commit of the batch from L1. The witness is executed natively, by the code that
//! the guest runs, and what it leads to is compared with what L1 would accept: a witness on another parent, to another root,
//! with other messages or other data is refused before an hour is spent on a proof that L1 would reject.

use alloy::providers::DynProvider;
use alloy_primitives::{Address, Bytes};
use eyre::{WrapErr, ensure};
use rollmill_l1::calls;
use rollmill_protocol::PublicValues;
use rollmill_roller_api::Assignment;
use rollmill_stf::{Identity, execute_batch};

/// Where the commits are.
#[derive(Clone, Debug)]
pub struct Commits {
    /// L1, for reading.
    pub l1: DynProvider,
    /// The Rollup contract.
    pub rollup: Address,
}

impl Commits {
    /// The public values whose hash a proof of the assignment must reveal.
    ///
    /// # Errors
    /// The witness does not execute, or leads elsewhere than the batch's commit on L1; or L1 does not answer.
    pub async fn statement(
        &self,
        assignment: &Assignment,
        witness: Bytes,
    ) -> eyre::Result<PublicValues> {
        let identity = Identity {
            roller: assignment.roller,
            task: assignment.seat.task,
        };
        let executed = tokio::task::spawn_blocking(move || execute_batch(identity, witness));
        let values = executed.await?.wrap_err("the witness does not execute")?;
        let asked = (assignment.batch, assignment.roller, values.prover_gas);
        let told = calls::expected_public_values(&self.l1, self.rollup, asked)
            .await
            .wrap_err("cannot read the batch's commit on L1")?;
        ensure!(
            told == values,
            "the witness is not that of batch {} on L1: it leads from {} to {} with messages {}, L1 was told from {} to {} \
             with messages {}",
            assignment.batch,
            values.previous_block_hash,
            values.block_hash,
            values.message_hash,
            told.previous_block_hash,
            told.block_hash,
            told.message_hash,
        );
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloy::{
        primitives::{B256, keccak256},
        providers::{Provider, ProviderBuilder},
        transports::mock::Asserter,
    };
    use rollmill_protocol::TaskId;
    use rollmill_roller_api::{SeatId, TaskKind};
    use rollmill_zkvm::recorded::batch_v1;

    use super::*;

    fn assignment() -> Assignment {
        let recorded = batch_v1();
        Assignment {
            kind: TaskKind::Seat,
            seat: SeatId {
                task: TaskId(recorded.task),
                round: 0,
            },
            batch: 1,
            roller: recorded.roller,
            tickets: 1,
            program_version: 1,
            witness_hash: keccak256(recorded.witness),
            prover_gas_estimate: 0,
            assigned_unix_s: 0,
            deadline_unix_s: u64::MAX,
            receipt: None,
            passed_over: Vec::new(),
        }
    }

    /// An L1 that was told this.
    async fn statement_where(
        told: &PublicValues,
        witness: &'static [u8],
    ) -> eyre::Result<PublicValues> {
        let asserter = Asserter::new();
        asserter.push_success(&Bytes::from(told.encode()));
        let l1 = ProviderBuilder::new()
            .disable_recommended_fillers()
            .connect_mocked_client(asserter)
            .erased();
        let rollup = told.rollup;
        let commits = Commits { l1, rollup };
        commits
            .statement(&assignment(), Bytes::from_static(witness))
            .await
    }

    #[tokio::test]
    async fn a_witness_is_proven_only_if_l1_was_told_what_it_leads_to() {
        let recorded = batch_v1();
        let identity = Identity {
            roller: recorded.roller,
            task: TaskId(recorded.task),
        };
        let values = execute_batch(identity, Bytes::from_static(recorded.witness)).unwrap();
        let stated = statement_where(&values, recorded.witness).await.unwrap();
        assert_eq!(stated.hash(), recorded.public_values_hash);

        let other = B256::repeat_byte(9);
        let changes: [fn(&mut PublicValues, B256); 7] = [
            |values, other| values.previous_block_hash = other,
            |values, other| values.previous_state_root = other,
            |values, other| values.state_root = other,
            |values, other| values.previous_message_hash = other,
            |values, other| values.message_hash = other,
            |values, other| values.data_commitment = other,
            |values, other| values.withdrawal_root = other,
        ];
        for change in changes {
            let mut told = values.clone();
            change(&mut told, other);
            let refused = statement_where(&told, recorded.witness).await.unwrap_err();
            assert!(
                refused.to_string().contains("not that of batch 1"),
                "{refused}"
            );
        }
        let cut = &recorded.witness[..recorded.witness.len() - 1];
        let refused = statement_where(&values, cut).await.unwrap_err();
        assert!(
            refused.to_string().contains("does not execute"),
            "{refused}"
        );
    }
}
