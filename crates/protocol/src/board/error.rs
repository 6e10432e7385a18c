//! Why the board rejects an event.

use crate::{
    ids::{BatchNumber, ProofDigest, Roller, Round, TaskId, UnixSeconds},
    law::snapshot::SnapshotError,
};
use alloy_primitives::B256;
use core::fmt;
use serde::{Deserialize, Serialize};

/// A seat: a roller drawn in a round of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SeatKey {
    /// Task.
    pub task: TaskId,
    /// Round.
    pub round: Round,
    /// Roller.
    pub roller: Roller,
}

impl fmt::Display for SeatKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.task, self.round, self.roller)
    }
}

/// Why a roller's request is refused. Each answers: whose fault, and can trying again help?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Refusal {
    /// The address is registered on L1 by nobody.
    #[error("not a registered roller")]
    NotARoller,
    /// No such task, or it was forgotten long after its settlement.
    #[error("no such task")]
    UnknownTask,
    /// The roller was not drawn in this round.
    #[error("the roller has no seat in this round of the task")]
    NotSeated,
    /// The seat has a proof already. An identical repeat is answered with this very receipt.
    #[error("the seat has submitted {0}")]
    AlreadySubmitted(Receipt),
    /// The seat has the digest of another proof on L1, or waits for the bytes of this one.
    #[error("the seat has posted {0} on L1")]
    AlreadyPosted(ProofDigest),
    /// The task was closed and the seat's deadline had passed.
    #[error("the deadline was {deadline}")]
    DeadlinePassed {
        /// Unix seconds.
        deadline: UnixSeconds,
    },
    /// The seat took late proofs for a while; that is over, too.
    #[error("the seat expired at {expired_at}")]
    SeatExpired {
        /// Unix seconds.
        expired_at: UnixSeconds,
    },
    /// The task was closed before the seat's deadline: settled by others, or all other seats had reported.
    #[error("the task is closed")]
    TaskClosed,
    /// The seat was taken back without penalty.
    #[error("the seat was released")]
    SeatReleased,
    /// The roller is accused of an invalid proof; nothing is taken from it until L1 has decided.
    #[error("the roller is accused of an invalid proof")]
    Accused,
}

/// Receipt of a submission: what was received and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Receipt {
    /// Digest of the proof.
    pub proof_digest: ProofDigest,
    /// Public values that the roller signed.
    pub public_values_hash: B256,
    /// When its last byte was received.
    pub received_at: UnixSeconds,
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.proof_digest, self.received_at)
    }
}

/// Why an event is not applied. The board is unchanged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BoardError {
    /// A roller asked for something that it may not have; tell it why.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The event changes nothing: a repeat after a restart, or a judgement of no consequence. Ignore it.
    #[error("applied before, or of no consequence")]
    AlreadyApplied,
    /// Nobody waits for this beacon. Ignore it.
    #[error("nobody waits for the beacon of L1 block {0}")]
    UnawaitedBeacon(u64),
    /// Time runs backwards; clamp it with [`super::Board::now`].
    #[error("time runs backwards: {now} after {last}")]
    TimeWentBack {
        /// Of this event.
        now: UnixSeconds,
        /// Of the last event.
        last: UnixSeconds,
    },
    /// A submission was received in the future or before its seat existed.
    #[error("received at {received_at}, which is not between assignment and now")]
    ReceivedAt {
        /// Unix seconds.
        received_at: UnixSeconds,
    },
    /// The roller of an L1 event was never registered: an event is missing.
    #[error("roller {0} is unknown")]
    UnknownRoller(Roller),
    /// The batch of an L1 event was never committed: an event is missing.
    #[error("batch {0} is unknown")]
    UnknownBatch(BatchNumber),
    /// Batches are committed and settled one by one: an event is missing.
    #[error("batch {got} instead of {expected}")]
    BatchOrder {
        /// Of this event.
        got: BatchNumber,
        /// Next in order.
        expected: BatchNumber,
    },
    /// The snapshot of that epoch was never confirmed: an event is missing.
    #[error("the snapshot of epoch {0} is unknown")]
    UnknownEpoch(u64),
    /// L1 holds something else than the board decided: stop and call the operator.
    #[error("L1 differs from the board in the {what} of {of}")]
    Divergence {
        /// What differs.
        what: &'static str,
        /// Batch or epoch.
        of: u64,
    },
    /// The epoch is not over. Try again at the given time.
    #[error("the epoch ends at {0}")]
    EpochNotOver(UnixSeconds),
    /// The last snapshot is not on L1 yet. Try again when it is.
    #[error("the snapshot of epoch {0} is not confirmed yet")]
    SnapshotPending(u64),
    /// Nobody is ready with enough stake. Try again when somebody is.
    #[error("there is nobody to take a snapshot of")]
    NoRollers,
    /// The weights exceed their types, which no token with a cap can cause.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}
