//! Receipts: what the operator signs for each roller, so that it can be held to its word.
//!
//! EIP-712 under the deployment's [`crate::domain`], signed by the operator that commits on L1 (`Rollup.operator()`). A
//! roller takes no answer without its receipt ([`Asker`]) and keeps each durably before it acts on it; [`examine`] checks a pile of them offline.
//!
//! | receipt | given | says |
//! |---|---|---|
//! | [`AssignmentReceipt`] | with a seat | this seat, these tickets, until then, drawn from that seed |
//! | [`PassOverReceipt`] | with a seat, for each point of the draw that was passed over | whom it hit, and why it was not seated |
//! | [`HeartbeatReceipt`] | with a heartbeat | the roller was heard then; it is ready if it wants seats and no earlier drain keeps it out |
//! | [`SubmissionReceipt`] | with a submission | these bytes arrived in full then |
//! | [`VerdictReceipt`] | with a submission | what the verifier said of them, and whether they were in time |
//! | [`CloseReceipt`] | after the task closed | how the seat ended, and with which final entries |
//!
//! Rules that an honest operator keeps, also across a reorganisation of L1 (which gives a seat another seed):
//! one assignment per (seat, seed), one verdict per (seat, digest), one outcome per (seat, entries); `onTime` is exactly
//! `receivedAt <= deadline`. Codes of [`PassOverReceipt`] and [`CloseReceipt`] are part of the format.

mod accept;
mod contradict;
mod examine;
mod pile;

use alloy::{
    signers::Signer,
    sol,
    sol_types::{Eip712Domain, SolStruct},
};
use alloy_primitives::{Address, B256, Bytes};
use rollmill_protocol::{Roller, Round, TaskId};
use serde::{Deserialize, Serialize};

use crate::{RecoverError, SeatId, recover};

pub use accept::{Asker, ReceiptError};
pub use examine::{Finding, FindingKind, examine};
pub use pile::{Foreign, NoReceipt, binding, parse};

sol! {
    /// A roller was drawn.
    #[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct AssignmentReceipt {
        bytes32 task;
        uint32 round;
        address roller;
        uint32 tickets;
        uint64 assignedAt;
        uint64 deadline;
        bytes32 seed;
    }

    /// A point of a draw hit a roller that was not seated for it. `point` is its number in the draw, `reason` a [`PassOverReason`].
    #[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct PassOverReceipt {
        bytes32 task;
        uint32 round;
        address roller;
        uint32 point;
        uint8 reason;
        uint64 at;
    }

    /// A roller was heard.
    #[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct HeartbeatReceipt {
        address roller;
        uint64 at;
        bool ready;
    }

    /// A submission arrived in full.
    #[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct SubmissionReceipt {
        bytes32 task;
        uint32 round;
        address roller;
        bytes32 publicValuesHash;
        bytes32 proofDigest;
        uint64 receivedAt;
    }

    /// What the verifier said.
    #[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct VerdictReceipt {
        bytes32 task;
        uint32 round;
        address roller;
        bytes32 proofDigest;
        bool valid;
        bool onTime;
    }

    /// How a seat ended. `outcome` is a [`SeatOutcome`]; `entriesHash` is zero when the batch settled without entries.
    #[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct CloseReceipt {
        bytes32 task;
        uint32 round;
        address roller;
        uint8 outcome;
        bytes32 entriesHash;
        uint64 closedAt;
    }
}

/// A code that no version of the format knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no code of this format")]
pub struct UnknownCode(pub u8);

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $code:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        #[repr(u8)]
        pub enum $name {
            $($(#[$variant_doc])* $variant = $code,)*
        }

        impl From<$name> for u8 {
            fn from(value: $name) -> u8 {
                value as u8
            }
        }

        impl TryFrom<u8> for $name {
            type Error = UnknownCode;

            fn try_from(code: u8) -> Result<Self, UnknownCode> {
                match code {
                    $($code => Ok(Self::$variant),)*
                    _ => Err(UnknownCode(code)),
                }
            }
        }
    };
}

codes! {
    /// Why a point of a draw was passed over.
    PassOverReason {
        /// Not ready on L1.
        NotReady = 0,
        /// Below the smallest stake.
        StakeTooLow = 1,
        /// Not heard within the heartbeat time.
        Silent = 2,
        /// Accused of an invalid proof.
        Accused = 3,
        /// All of its counted capacity is in use.
        AtCapacity = 4,
        /// Draining, or kept out for an earlier drain.
        Draining = 5,
    }
}

codes! {
    /// How a seat ended.
    SeatOutcome {
        /// Valid and in time.
        OnTime = 0,
        /// Valid, received after the deadline.
        Late = 1,
        /// Nothing by the deadline.
        Missed = 2,
        /// The roller fell silent and did not deliver.
        Silent = 3,
        /// The verifier rejected the proof.
        Invalid = 4,
        /// Ended without the roller's doing and without penalty.
        Released = 5,
        /// Valid and received by the deadline, but counted as late, because the roller had fallen silent.
        LateAfterSilence = 6,
        /// Its digest stood on L1 in time; the bytes came later, or not yet.
        Posted = 7,
    }
}

/// A receipt with the operator's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Signed<T> {
    /// What is said.
    pub receipt: T,
    /// 65 bytes r, s, v with v = 27 or 28 and low s.
    pub signature: Bytes,
}

impl<T: SolStruct> Signed<T> {
    /// Signs by any of alloy's signers: a key in memory, in hardware or behind a service.
    pub async fn sign(
        signer: &(dyn Signer + Send + Sync),
        domain: &Eip712Domain,
        receipt: T,
    ) -> Result<Self, alloy::signers::Error> {
        let hash = receipt.eip712_signing_hash(domain);
        let signature = signer.sign_hash(&hash).await?.normalized_s();
        let signature = Bytes::copy_from_slice(&signature.as_bytes());
        Ok(Self { receipt, signature })
    }

    /// Is it signed by `operator`?
    pub fn check(&self, domain: &Eip712Domain, operator: Address) -> Result<(), NotSigned> {
        let signer = recover(&self.receipt, domain, &self.signature)?;
        if signer != operator {
            return Err(NotSigned::Other { signer, operator });
        }
        Ok(())
    }
}

/// A receipt does not bind the operator.
#[derive(Debug, thiserror::Error)]
pub enum NotSigned {
    /// Nobody can be named by the signature.
    #[error(transparent)]
    Signature(#[from] RecoverError),
    /// Somebody else signed it, or another text.
    #[error("not signed by the operator {operator} for this rollup; the signature names {signer}")]
    Other {
        /// Whom the signature names.
        signer: Address,
        /// Whom it should name.
        operator: Address,
    },
}

/// Any receipt, as a roller keeps it: one JSON object per line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum SignedReceipt {
    /// A seat.
    Assignment(Signed<AssignmentReceipt>),
    /// A hit that gave no seat.
    PassOver(Signed<PassOverReceipt>),
    /// A heartbeat.
    Heartbeat(Signed<HeartbeatReceipt>),
    /// A submission.
    Submission(Signed<SubmissionReceipt>),
    /// A verdict.
    Verdict(Signed<VerdictReceipt>),
    /// The end of a seat.
    Close(Signed<CloseReceipt>),
}

macro_rules! from_signed {
    ($($variant:ident($receipt:ident)),*) => {
        $(impl From<Signed<$receipt>> for SignedReceipt {
            fn from(signed: Signed<$receipt>) -> Self {
                Self::$variant(signed)
            }
        })*
    };
}

from_signed!(
    Assignment(AssignmentReceipt),
    PassOver(PassOverReceipt),
    Heartbeat(HeartbeatReceipt),
    Submission(SubmissionReceipt),
    Verdict(VerdictReceipt),
    Close(CloseReceipt)
);

impl SignedReceipt {
    /// Is it signed by `operator`?
    pub fn check(&self, domain: &Eip712Domain, operator: Address) -> Result<(), NotSigned> {
        match self {
            Self::Assignment(signed) => signed.check(domain, operator),
            Self::PassOver(signed) => signed.check(domain, operator),
            Self::Heartbeat(signed) => signed.check(domain, operator),
            Self::Submission(signed) => signed.check(domain, operator),
            Self::Verdict(signed) => signed.check(domain, operator),
            Self::Close(signed) => signed.check(domain, operator),
        }
    }

    /// The roller that it speaks of.
    pub fn roller(&self) -> Roller {
        match self {
            Self::Assignment(signed) => signed.receipt.roller,
            Self::PassOver(signed) => signed.receipt.roller,
            Self::Heartbeat(signed) => signed.receipt.roller,
            Self::Submission(signed) => signed.receipt.roller,
            Self::Verdict(signed) => signed.receipt.roller,
            Self::Close(signed) => signed.receipt.roller,
        }
    }

    /// The seat (or the draw) that it speaks of; a heartbeat speaks of none.
    pub fn seat(&self) -> Option<SeatId> {
        let (task, round) = match self {
            Self::Assignment(signed) => (signed.receipt.task, signed.receipt.round),
            Self::PassOver(signed) => (signed.receipt.task, signed.receipt.round),
            Self::Heartbeat(_) => return None,
            Self::Submission(signed) => (signed.receipt.task, signed.receipt.round),
            Self::Verdict(signed) => (signed.receipt.task, signed.receipt.round),
            Self::Close(signed) => (signed.receipt.task, signed.receipt.round),
        };
        Some(seat_id(task, round))
    }

    /// The kind in one word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Assignment(_) => "assignment",
            Self::PassOver(_) => "pass-over",
            Self::Heartbeat(_) => "heartbeat",
            Self::Submission(_) => "submission",
            Self::Verdict(_) => "verdict",
            Self::Close(_) => "close",
        }
    }
}

/// Of heartbeats in which a roller was ready, the last one up to a time (unix seconds) and the first one from then on.
pub fn heard_ready<'a>(
    heartbeats: impl Iterator<Item = &'a Signed<HeartbeatReceipt>> + Clone,
    at: u64,
) -> [Option<&'a Signed<HeartbeatReceipt>>; 2] {
    let ready = heartbeats.filter(|heard| heard.receipt.ready);
    let before = ready.clone().filter(|heard| heard.receipt.at <= at);
    let afterwards = ready.filter(|heard| heard.receipt.at >= at);
    [
        before.max_by_key(|heard| heard.receipt.at),
        afterwards.min_by_key(|heard| heard.receipt.at),
    ]
}

fn seat_id(task: B256, round: Round) -> SeatId {
    SeatId {
        task: TaskId(task),
        round,
    }
}
