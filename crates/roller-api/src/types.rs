//! What rollers send and receive. JSON in camelCase; hashes and addresses as 0x-hex, times as Unix seconds, amounts of
//! SCR as decimal strings of their smallest unit.

use alloy_primitives::{Address, B256};
use rollmill_protocol::{BatchNumber, ProofDigest, Roller, Round, ScrWei, TaskId, UnixSeconds};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::receipts::{
    AssignmentReceipt, CloseReceipt, HeartbeatReceipt, PassOverReceipt, Signed, SubmissionReceipt,
    VerdictReceipt,
};

/// Which proofs a deployment takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProofKind {
    /// Real STARKs.
    #[default]
    Stark,
    /// Mock proofs, which only the L1 contracts of development chains accept.
    Mock,
}

impl std::str::FromStr for ProofKind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "stark" => Ok(Self::Stark),
            "mock" => Ok(Self::Mock),
            _ => Err("proofs are `stark` or `mock`"),
        }
    }
}

impl std::fmt::Display for ProofKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Stark => "stark",
            Self::Mock => "mock",
        })
    }
}

/// A row of the program table on L1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Program {
    /// Version that batches pin.
    pub version: u32,
    /// Commitment of the program.
    #[schema(value_type = String)]
    pub exe_commit: B256,
    /// Commitment of the VM.
    #[schema(value_type = String)]
    pub vm_commit: B256,
}

/// Form of [`Requirements`] that this crate reads. Within one form fields are only added.
pub const REQUIREMENTS_FORM: u32 = 1;

/// What the machine of a roller must have. Mebibytes are 2^20 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MachineMin {
    /// Memory in all.
    pub memory_mib: u64,
    /// Free space where the roller keeps its data.
    pub disk_mib: u64,
    /// Cores, as the system counts them.
    pub cores: u32,
}

/// What a roller must bring and obey, for machines to read before they stake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Requirements {
    /// Form of this answer, [`REQUIREMENTS_FORM`]. A roller that reads older ones only must be updated.
    pub form: u32,
    /// Version of the coordinator.
    pub version: String,
    /// Least version of the roller program.
    pub roller_version_min: String,
    /// Least machine that proves in time.
    pub machine_min: MachineMin,
    /// Chain id of L1.
    pub l1_chain_id: u64,
    /// Rollup contract.
    #[schema(value_type = String)]
    pub rollup: Address,
    /// Chain id of L2.
    pub l2_chain_id: u64,
    /// The account that signs receipts, as L1 names it.
    #[schema(value_type = String)]
    pub operator: Address,
    /// The operator's own prover, which takes tasks of kind `fallback`.
    #[schema(value_type = Option<String>)]
    pub fallback: Option<Address>,
    /// Kind of proofs.
    pub proofs: ProofKind,
    /// Programs that can be asked for.
    pub programs: Vec<Program>,
    /// Smallest stake that is drawn.
    #[schema(value_type = String)]
    pub stake_min_wei: ScrWei,
    /// Longest proof that is taken.
    pub proof_bytes_max: u64,
    /// Longest witness that is given out.
    pub witness_bytes_max: u64,
    /// Send a heartbeat this often.
    pub heartbeat_every_ms: u64,
    /// After this silence a roller's seats end and it is offered nothing.
    pub heartbeat_lost_s: u64,
    /// How far away the expiry of a request may be.
    pub request_ttl_max_s: u64,
    /// How long a pick is held open at most.
    pub pick_wait_max_ms: u64,
}

/// A roller's place in a round of a task's draw.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "camelCase")]
pub struct SeatId {
    /// Task.
    #[schema(value_type = String)]
    pub task: TaskId,
    /// Round.
    #[schema(value_type = u32)]
    pub round: Round,
}

/// Where the work on a seat is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Waiting for a free prover.
    Queued,
    /// Fetching the witness.
    Downloading,
    /// Running the program without proving.
    Executing,
    /// Proving the program's segments.
    Proving,
    /// Joining the segments' proofs to one.
    Aggregating,
    /// Verifying the own proof.
    Verifying,
    /// Handing it in.
    Submitting,
}

/// Progress of the work on one seat.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// The seat.
    #[serde(flatten)]
    pub seat: SeatId,
    /// Stage.
    pub stage: Stage,
    /// Share of the whole work that is done, 0 to 1.
    pub fraction: f64,
    /// Expected seconds to the end.
    pub eta_s: Option<u64>,
}

/// "I am here."
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeartbeatRequest {
    /// Wants new work; `false` announces a drain, which costs nothing.
    pub ready: bool,
    /// What is being worked on.
    pub tasks: Vec<Progress>,
    /// Seats of which the roller has no close receipt yet; the answer brings those that there are.
    #[serde(default)]
    pub awaiting: Vec<SeatId>,
}

/// Why to stop working on a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The coordinator does not know the task (an L1 reorganisation took it back).
    Unknown,
    /// The roller has no seat there.
    NotSeated,
    /// The seat has reported; its receipt stands.
    Reported,
    /// The seat's time is over.
    Expired,
    /// The batch is settled.
    Settled,
}

/// Stop working on a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StopOrder {
    /// The seat.
    #[serde(flatten)]
    pub seat: SeatId,
    /// Why.
    pub reason: StopReason,
}

/// Answer to a heartbeat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeartbeatReply {
    /// The coordinator's clock.
    #[schema(value_type = u64)]
    pub now_unix_s: UnixSeconds,
    /// Work that is lost.
    pub stop: Vec<StopOrder>,
    /// The operator's word that the roller was heard; none for the fallback prover, who is the operator.
    #[schema(value_type = Option<Object>)]
    pub receipt: Option<Signed<HeartbeatReceipt>>,
    /// How awaited seats ended.
    #[schema(value_type = Vec<Object>)]
    pub closed: Vec<Signed<CloseReceipt>>,
}

/// Ask for work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PickRequest {
    /// How long to hold the request open when there is nothing.
    pub wait_ms: u64,
    /// Seats in hand, which are not delivered again. After a restart this is empty, and they are.
    pub in_hand: Vec<SeatId>,
}

/// Round of a fallback task's submission: no draw has it.
pub const FALLBACK_ROUND: Round = Round::MAX;

/// What kind of work a task is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// A seat that was drawn: timed, and paid by lottery.
    #[default]
    Seat,
    /// The operator's own proof of a batch that no roller delivered: not timed, not paid.
    Fallback,
}

/// Work: a drawn seat, or a batch that is left to the fallback prover.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Assignment {
    /// Kind of the work.
    #[serde(default)]
    pub kind: TaskKind,
    /// The seat; for the fallback the task with [`FALLBACK_ROUND`].
    #[serde(flatten)]
    pub seat: SeatId,
    /// Batch to prove.
    #[schema(value_type = u64)]
    pub batch: BatchNumber,
    /// The identity to prove under.
    #[schema(value_type = String)]
    pub roller: Roller,
    /// Tickets of the seat; none for the fallback.
    pub tickets: u32,
    /// Row of the program table.
    pub program_version: u32,
    /// Name of the witness.
    #[schema(value_type = String)]
    pub witness_hash: B256,
    /// Estimated proving work.
    pub prover_gas_estimate: u64,
    /// When the seat was drawn.
    #[schema(value_type = u64)]
    pub assigned_unix_s: UnixSeconds,
    /// A proof received later is late. The fallback has no deadline: the end of time.
    #[schema(value_type = u64)]
    pub deadline_unix_s: UnixSeconds,
    /// The operator's word for the seat; none for the fallback prover, who is the operator.
    #[schema(value_type = Option<Object>)]
    pub receipt: Option<Signed<AssignmentReceipt>>,
    /// The points of the same draw that gave no ticket, and why.
    #[schema(value_type = Vec<Object>)]
    pub passed_over: Vec<Signed<PassOverReceipt>>,
}

/// What a roller measured; nothing depends on it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SubmissionStats {
    /// Wall-clock seconds of proving.
    pub prove_seconds: f64,
    /// Instructions executed by the program.
    pub instructions: u64,
    /// Highest resident memory of the roller's process.
    pub peak_rss_bytes: u64,
    /// Milliseconds that the roller's own verification took.
    pub verify_ms: f64,
}

/// What the verifier said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictKind {
    /// Accepted.
    Valid,
    /// Rejected: the submission goes to L1, which judges and fines it.
    Invalid,
}

/// Answer to a submission; an identical repeat is answered with the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubmissionReply {
    /// The seat.
    #[serde(flatten)]
    pub seat: SeatId,
    /// Roller.
    #[schema(value_type = String)]
    pub roller: Roller,
    /// keccak256 of the proof bytes.
    #[schema(value_type = String)]
    pub proof_digest: ProofDigest,
    /// The verifier's answer.
    pub verdict: VerdictKind,
    /// Why it was rejected.
    pub reason: Option<String>,
    /// Received within the deadline.
    pub on_time: bool,
    /// When the last byte was received.
    #[schema(value_type = u64)]
    pub received_unix_s: UnixSeconds,
    /// The operator's word that it was received; none for the fallback prover, who is the operator.
    #[schema(value_type = Option<Object>)]
    pub received: Option<Signed<SubmissionReceipt>>,
    /// The operator's word for the verdict.
    #[schema(value_type = Option<Object>)]
    pub judged: Option<Signed<VerdictReceipt>>,
}
