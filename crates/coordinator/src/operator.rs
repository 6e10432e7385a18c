//! The operator's signature under what rollers are told.

use std::{fmt, sync::Arc};

use alloy::{
    signers::Signer,
    sol_types::{Eip712Domain, SolStruct},
};
use alloy_primitives::Address;
use futures::future::try_join_all;
use rollmill_protocol::{
    Roller, Round, UnixSeconds,
    board::Task,
    law::{
        draw::{Hit, HitOutcome},
        eligibility::PassedOver,
    },
};
use rollmill_roller_api::{
    SeatId,
    receipts::{
        AssignmentReceipt, CloseReceipt, HeartbeatReceipt, PassOverReason, PassOverReceipt, Signed,
    },
};

use crate::facts::Closing;

/// The key that commits on L1 signs the receipts: any of alloy's signers, in memory, in hardware or behind a service.
#[derive(Clone)]
pub struct OperatorSigner(Arc<dyn Signer + Send + Sync>);

impl OperatorSigner {
    /// Signs with `signer`.
    pub fn new(signer: impl Signer + Send + Sync + 'static) -> Self {
        Self(Arc::new(signer))
    }

    /// The operator's address, as L1 names it.
    pub fn address(&self) -> Address {
        self.0.address()
    }

    pub(crate) async fn sign<T: SolStruct>(
        &self,
        domain: &Eip712Domain,
        receipt: T,
    ) -> Result<Signed<T>, alloy::signers::Error> {
        Signed::sign(&*self.0, domain, receipt).await
    }

    pub(crate) async fn sign_all<T: SolStruct>(
        &self,
        domain: &Eip712Domain,
        receipts: Vec<T>,
    ) -> Result<Vec<Signed<T>>, alloy::signers::Error> {
        try_join_all(
            receipts
                .into_iter()
                .map(|receipt| self.sign(domain, receipt)),
        )
        .await
    }
}

impl fmt::Debug for OperatorSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OperatorSigner")
            .field(&self.address())
            .finish()
    }
}

/// What is said of a seat; `None` when the task has no such seat.
pub(crate) fn assignment(task: &Task, round: Round, roller: Roller) -> Option<AssignmentReceipt> {
    let seat = task.seats.get(&(round, roller))?;
    let drawn = task.rounds.get(usize::try_from(round).ok()?)?;
    Some(AssignmentReceipt {
        task: task.id.0,
        round,
        roller,
        tickets: seat.tickets,
        assignedAt: seat.assigned_at,
        deadline: seat.deadline,
        seed: drawn.draw.seed,
    })
}

/// What is said of the points of a round that were passed over.
pub(crate) fn passed_over(task: &Task, round: Round) -> Vec<PassOverReceipt> {
    let drawn = usize::try_from(round)
        .ok()
        .and_then(|round| task.rounds.get(round));
    let Some(drawn) = drawn else {
        return Vec::new();
    };
    let receipt = |(point, hit): (usize, &Hit)| {
        let HitOutcome::PassedOver(why) = hit.outcome else {
            return None;
        };
        Some(PassOverReceipt {
            task: task.id.0,
            round,
            roller: hit.roller,
            point: u32::try_from(point).ok()?,
            reason: reason(why).into(),
            at: drawn.drawn_at,
        })
    };
    drawn
        .draw
        .hits
        .iter()
        .enumerate()
        .filter_map(receipt)
        .collect()
}

fn reason(why: PassedOver) -> PassOverReason {
    match why {
        PassedOver::NotReady => PassOverReason::NotReady,
        PassedOver::StakeTooLow => PassOverReason::StakeTooLow,
        PassedOver::Silent => PassOverReason::Silent,
        PassedOver::Accused => PassOverReason::Accused,
        PassedOver::AtCapacity => PassOverReason::AtCapacity,
        PassedOver::Draining => PassOverReason::Draining,
    }
}

/// What is said of a heartbeat.
pub(crate) fn heartbeat(roller: Roller, at: UnixSeconds, ready: bool) -> HeartbeatReceipt {
    HeartbeatReceipt { roller, at, ready }
}

/// What is said of the end of a seat; `None` when the task had no such seat.
pub(crate) fn close(closing: &Closing, seat: SeatId, roller: Roller) -> Option<CloseReceipt> {
    let outcome = *closing.outcomes.get(&(seat.round, roller))?;
    Some(CloseReceipt {
        task: seat.task.0,
        round: seat.round,
        roller,
        outcome: outcome.into(),
        entriesHash: closing.entries_hash,
        closedAt: closing.at,
    })
}
