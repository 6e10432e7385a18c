//! What happens to the board, and what it wants done.

use super::{error::SeatKey, parameters::Parameter};
use crate::{
    entries::Entry,
    ids::{BatchNumber, ProofDigest, Roller, Round, ScrWei, TaskId, UnixSeconds},
    law::Controls,
    prover_gas::ProverGas,
};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};

/// A fact. Facts of L1 arrive in L1's order, each once; facts of the API are applied when they are durable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Event {
    /// L1: a roller registered. It has no stake and is not ready yet.
    RollerRegistered {
        /// Owner address.
        roller: Roller,
        /// Hot key.
        signer: Address,
        /// Declared capacity.
        capacity: u32,
    },
    /// L1: a roller replaced its hot key.
    SignerChanged {
        /// Roller.
        roller: Roller,
        /// New hot key.
        signer: Address,
    },
    /// L1: a roller declared another capacity.
    CapacityChanged {
        /// Roller.
        roller: Roller,
        /// New capacity.
        capacity: u32,
    },
    /// L1: the stake that counts changed (deposit, unbonding, fine).
    StakeChanged {
        /// Roller.
        roller: Roller,
        /// Stake afterwards, without what is unbonding.
        stake: ScrWei,
    },
    /// L1: a roller entered or left the draw.
    ReadyChanged {
        /// Roller.
        roller: Roller,
        /// Ready afterwards.
        ready: bool,
    },
    /// L1: the operator posted the dials of the next epoch; its snapshot puts them in force. Of epoch 0: what L1 begins with.
    DialsPosted {
        /// Epoch.
        epoch: u64,
        /// Its dials.
        controls: Controls,
    },
    /// L1: the governor announced another value of a number of the law.
    ParameterAnnounced {
        /// Which, and its value.
        parameter: Parameter,
        /// Time of its L1 block.
        announced_at: UnixSeconds,
        /// From when on it is in force; 0 for what L1 begins with.
        active_from: UnixSeconds,
    },
    /// L1: the snapshot of an epoch is final. From now on commits pin it.
    SnapshotConfirmed {
        /// Epoch.
        epoch: u64,
        /// Root on L1.
        root: B256,
    },
    /// L1: a batch was committed; its task is born.
    BatchCommitted {
        /// Batch number; consecutive.
        batch: BatchNumber,
        /// Task id.
        task: TaskId,
        /// L1 block of the commit.
        l1_block: u64,
        /// Estimated prover gas.
        prover_gas_estimate: ProverGas,
        /// SCR-wei per prover gas, pinned.
        unit_price: ScrWei,
        /// Epoch of the pinned snapshot; 0 when there was none.
        epoch: u64,
        /// Row of the program table whose program proves it.
        program_version: u32,
    },
    /// L1: the prevrandao of a block was stored by header proof.
    BeaconStored {
        /// L1 block.
        l1_block: u64,
        /// Its prevrandao.
        prevrandao: B256,
    },
    /// L1: the entries of a batch are final.
    EntriesConfirmed {
        /// Batch.
        batch: BatchNumber,
        /// Their hash on L1.
        entries_hash: B256,
        /// Block whose prevrandao decides the lottery.
        lottery_block: u64,
    },
    /// L1: a batch was settled.
    BatchSettled {
        /// Batch; consecutive.
        batch: BatchNumber,
        /// Who was paid; `None` for an unpaid settlement.
        roller: Option<Roller>,
        /// What was paid.
        reward: ScrWei,
        /// As the proof states it.
        prover_gas: ProverGas,
    },
    /// L1: the verifier judged a submission.
    SubmissionJudged {
        /// Batch of the task.
        batch: BatchNumber,
        /// Round.
        round: Round,
        /// Accused.
        roller: Roller,
        /// Digest of the proof in the judged submission.
        proof_digest: ProofDigest,
        /// The proof is valid after all.
        valid: bool,
        /// What was taken from its stake.
        fine: ScrWei,
    },
    /// L1: a roller put the digest of a finished proof there, because nobody took its submission.
    SubmissionPosted {
        /// Batch of the task.
        batch: BatchNumber,
        /// Round.
        round: Round,
        /// Whose seat it is.
        roller: Roller,
        /// Digest of the proof.
        proof_digest: ProofDigest,
        /// Time of its L1 block.
        posted_at: UnixSeconds,
    },
    /// L1: evidence showed that the operator wronged a roller in a task. If a seat that it was late for or missed there has not
    /// counted yet, the offer never was.
    OperatorCharged {
        /// Batch of the task.
        batch: BatchNumber,
        /// The wronged.
        roller: Roller,
    },
    /// L1: fines for a program version pause until the end of the next epoch.
    VersionQuarantined {
        /// Row of the program table.
        program_version: u32,
    },
    /// API: a roller was heard again, drains, or has been silent for longer than the heartbeat time.
    PresenceChanged {
        /// Roller.
        roller: Roller,
        /// Presence afterwards.
        presence: Presence,
    },
    /// API: a roller fetched one of its seats.
    Picked(SeatKey),
    /// API: a submission was received in full and verified.
    ///
    /// Whoever drives the board does not tick past a deadline while a submission that was received before it is still
    /// being verified: receipt decides on lateness, not the verifier's queue.
    Submitted {
        /// Seat.
        seat: SeatKey,
        /// Digest of the proof.
        proof_digest: ProofDigest,
        /// Public values that the roller signed.
        public_values_hash: B256,
        /// When its last byte was received; between assignment and now.
        received_at: UnixSeconds,
        /// What the verifier says.
        verdict: Verdict,
    },
    /// Time: the epoch is over; reputations move and the next snapshot is drawn up.
    EpochEnded,
    /// Time: see [`super::Board::next_wakeup`].
    Tick,
}

/// Whether a roller is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Presence {
    /// Heard within the heartbeat time.
    Alive,
    /// Alive, finishes its seats, wants no new ones.
    Draining,
    /// Not heard: no offers, and its open seats are missed.
    #[default]
    Lost,
}

/// What the verifier says of a submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Verdict {
    /// The proof shows the seat's public values.
    Valid,
    /// It does not.
    Invalid {
        /// Why, for people.
        reason: alloc::string::String,
    },
}

/// Something that an operator should look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Alarm {
    /// Fewer rollers are there than a draw wants; the fallback joins.
    Degraded {
        /// Batch whose round was drawn.
        batch: BatchNumber,
        /// Rollers that are there.
        ready: u32,
        /// Rollers that the law wants.
        k: u32,
    },
    /// L1 found too many rollers wrong with one program version: fines pause, its tasks go to the fallback.
    Quarantined {
        /// Row of the program table.
        program_version: u32,
    },
}

/// What the board wants done. Notices ([`Self::Assigned`], [`Self::Stop`], [`Self::Alarm`]) may be lost; everything else is also in
/// [`super::Board::outstanding`] until the event that confirms it, so that a crash between event and action loses nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Action {
    /// Post the snapshot of an epoch on L1. Confirmed by [`Event::SnapshotConfirmed`].
    PostSnapshot {
        /// Epoch.
        epoch: u64,
        /// Root of the Merkle-sum tree.
        root: B256,
        /// Sum of the weights.
        total: u128,
        /// Packed leaves.
        leaves: Bytes,
        /// Dials of that epoch.
        controls: Controls,
    },
    /// Store the prevrandao of an L1 block as soon as that block exists. Confirmed by [`Event::BeaconStored`].
    StoreBeacon {
        /// L1 block.
        l1_block: u64,
    },
    /// Notice: a roller was drawn.
    Assigned(SeatKey),
    /// Notice: further work on a seat is in vain; its roller should stop.
    Stop(SeatKey),
    /// Notice: an operator should look.
    Alarm(Alarm),
    /// Post the entries of a closed task on L1. Confirmed by [`Event::EntriesConfirmed`].
    PostEntries {
        /// Batch.
        batch: BatchNumber,
        /// Task.
        task: TaskId,
        /// Sorted entries, at least one.
        entries: Vec<Entry>,
    },
    /// Settle a batch with the winner's proof. Emitted in batch order. Confirmed by [`Event::BatchSettled`].
    Settle {
        /// Batch.
        batch: BatchNumber,
        /// The winner's seat, whose proof settles.
        seat: SeatKey,
        /// Digest of the winner's proof.
        proof_digest: ProofDigest,
        /// The posted entries.
        entries: Vec<Entry>,
    },
    /// Bring an invalid submission before L1. Confirmed by [`Event::SubmissionJudged`].
    Judge {
        /// Batch.
        batch: BatchNumber,
        /// Accused seat.
        seat: SeatKey,
        /// Digest of the proof.
        proof_digest: ProofDigest,
    },
    /// Start the fallback prover, which is not paid. Over when the task is closed or its batch settled.
    StartFallback {
        /// Batch.
        batch: BatchNumber,
        /// Task.
        task: TaskId,
    },
}
