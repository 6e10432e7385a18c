//! What anybody may look at: tasks, rollers, the coordinator's state.

use alloy_primitives::{Address, B256};
use rollmill_protocol::{BatchNumber, ProofDigest, Roller, Round, ScrWei, TaskId, UnixSeconds};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ProofKind, Stage};

/// Where a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Committed; the beacon of its draw is not known yet.
    AwaitingDraw,
    /// The beacon is known, the window is full.
    Queued,
    /// Rollers are proving.
    Proving,
    /// Closed; its entries are on their way to L1.
    Closed,
    /// The entries are on L1; the lottery's beacon is not known yet.
    AwaitingLottery,
    /// The winner is known; the settlement is on its way.
    Settling,
    /// Settled on L1.
    Settled,
}

/// Where a seat is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SeatState {
    /// Drawn, nothing reported.
    Open,
    /// A valid proof within the deadline.
    OnTime,
    /// The digest of a proof stands on L1 since before the deadline; its bytes have not come.
    Posted,
    /// A valid proof after the deadline.
    Late,
    /// A proof that the verifier rejected.
    Invalid,
    /// No proof in the seat's time.
    Missed,
    /// Ended without penalty.
    Released,
}

/// A seat with what is known about its work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeatView {
    /// Roller.
    #[schema(value_type = String)]
    pub roller: Roller,
    /// Round of the draw.
    #[schema(value_type = u32)]
    pub round: Round,
    /// Tickets.
    pub tickets: u32,
    /// State.
    pub state: SeatState,
    /// Why it is in this state, in a sentence, unless it is open or on time.
    pub why: Option<String>,
    /// When it was drawn.
    #[schema(value_type = u64)]
    pub assigned_unix_s: UnixSeconds,
    /// Deadline.
    #[schema(value_type = u64)]
    pub deadline_unix_s: UnixSeconds,
    /// Last reported stage.
    pub stage: Option<Stage>,
    /// Last reported progress, 0 to 1.
    pub fraction: Option<f64>,
    /// Last reported expectation.
    pub eta_s: Option<u64>,
    /// Digest of the submitted proof.
    #[schema(value_type = Option<String>)]
    pub proof_digest: Option<ProofDigest>,
    /// As the roller reported.
    pub prove_seconds: Option<f64>,
    /// As the coordinator measured.
    pub verify_ms: Option<f64>,
    /// Length of the proof.
    pub proof_bytes: Option<u64>,
    /// As the roller reported.
    pub peak_rss_bytes: Option<u64>,
    /// As the roller reported.
    pub instructions: Option<u64>,
}

/// One round of a task's draw; enough to draw it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DrawView {
    /// Round.
    #[schema(value_type = u32)]
    pub round: Round,
    /// Prevrandao of the beacon's block.
    #[schema(value_type = String)]
    pub beacon: B256,
    /// Seed.
    #[schema(value_type = String)]
    pub seed: B256,
    /// Epoch of the snapshot.
    pub epoch: u64,
    /// Root of the Merkle-sum tree over the weights.
    #[schema(value_type = String)]
    pub weights_root: B256,
    /// Sum of the weights, decimal.
    pub total: String,
    /// The points drawn, in order.
    pub points: Vec<PointView>,
}

/// What became of a point of a draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PointOutcome {
    /// A ticket for the roller.
    Ticket,
    /// The roller was not eligible: drawn again.
    PassedOver,
    /// Above the cap on the roller's probability: drawn again.
    AboveCap,
}

/// One point of a draw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PointView {
    /// Its place on the line of weights, decimal.
    pub point: String,
    /// The roller whose interval it fell on.
    #[schema(value_type = String)]
    pub roller: Roller,
    /// What became of it.
    pub outcome: PointOutcome,
    /// Why it was passed over, in a sentence.
    pub why: Option<String>,
}

/// A ticket holder of the lottery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntryView {
    /// Roller.
    #[schema(value_type = String)]
    pub roller: Roller,
    /// Tickets.
    pub tickets: u32,
    /// Digest of its proof.
    #[schema(value_type = String)]
    pub proof_digest: ProofDigest,
}

/// The lottery of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LotteryView {
    /// Hash of the entries on L1.
    #[schema(value_type = String)]
    pub entries_hash: B256,
    /// L1 block whose prevrandao decides.
    pub beacon_block: u64,
    /// Its prevrandao, once known.
    #[schema(value_type = Option<String>)]
    pub beacon: Option<B256>,
    /// The winner, once known.
    #[schema(value_type = Option<String>)]
    pub winner: Option<Roller>,
}

/// The settlement of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SettleView {
    /// L1 transaction, once recorded.
    #[schema(value_type = Option<String>)]
    pub l1_tx: Option<B256>,
    /// Who was paid.
    #[schema(value_type = Option<String>)]
    pub roller: Option<Roller>,
    /// How much.
    #[schema(value_type = String)]
    pub reward_wei: ScrWei,
    /// State root that L1 holds now.
    #[schema(value_type = String)]
    pub state_root: B256,
}

/// A task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskView {
    /// Id.
    #[schema(value_type = String)]
    pub task: TaskId,
    /// Batch that it proves.
    #[schema(value_type = u64)]
    pub batch: BatchNumber,
    /// State.
    pub state: TaskState,
    /// Current round.
    #[schema(value_type = u32)]
    pub round: Round,
    /// Estimated proving work.
    pub prover_gas_estimate: u64,
    /// Deadline of the current round, once drawn.
    #[schema(value_type = Option<u64>)]
    pub deadline_unix_s: Option<UnixSeconds>,
    /// Draws of all rounds.
    pub draws: Vec<DrawView>,
    /// Seats of all rounds.
    pub seats: Vec<SeatView>,
    /// Where the fallback prover was called, because no round brought an entry.
    pub fallback_started: bool,
    /// Entries, once the task is closed.
    pub entries: Vec<EntryView>,
    /// Lottery, once the entries are on L1.
    pub lottery: Option<LotteryView>,
    /// Settlement.
    pub settle: Option<SettleView>,
}

/// How an offer to a roller ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OfferOutcome {
    /// Valid and within the deadline.
    OnTime,
    /// Valid, but after the deadline.
    Late,
    /// No proof in the seat's time.
    Missed,
    /// Rejected by the verifier.
    Invalid,
    /// Drawn, but without free capacity.
    Declined,
}

/// One offer in a roller's record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OfferView {
    /// Task.
    #[schema(value_type = String)]
    pub task: TaskId,
    /// Round.
    #[schema(value_type = u32)]
    pub round: Round,
    /// How it ended.
    pub outcome: OfferOutcome,
    /// Why, in a sentence.
    pub why: String,
    /// How much it counts, in billionths of a full offer.
    pub weight: u64,
    /// When it was counted.
    #[schema(value_type = u64)]
    pub at_unix_s: UnixSeconds,
}

/// A roller's record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RollerView {
    /// Identity.
    #[schema(value_type = String)]
    pub roller: Roller,
    /// Signer key's address.
    #[schema(value_type = String)]
    pub signer: Address,
    /// Stake that counts.
    #[schema(value_type = String)]
    pub stake_wei: ScrWei,
    /// Reputation ratio in billionths.
    pub q: u64,
    /// Declared capacity.
    pub capacity: u32,
    /// Seats at once that it has shown that it can fill: of the declared ones, those that count.
    pub capacity_counted: u32,
    /// Ready on L1 and not draining.
    pub ready: bool,
    /// A heartbeat was received lately.
    pub alive: bool,
    /// Last heartbeat.
    #[schema(value_type = Option<u64>)]
    pub heartbeat_unix_s: Option<UnixSeconds>,
    /// Seats in work.
    pub seats_open: u32,
    /// Hits of the draw, whether seated or passed over.
    pub offers: u64,
    /// Delivered in time.
    pub on_time: u64,
    /// Delivered late.
    pub late: u64,
    /// Not delivered.
    pub missed: u64,
    /// Rejected by the verifier.
    pub invalid: u64,
    /// Drawn without free capacity.
    pub declined: u64,
    /// Lotteries won and paid.
    pub won: u64,
    /// Paid, in all.
    #[schema(value_type = String)]
    pub earned_wei: ScrWei,
    /// An invalid proof of it is before L1.
    pub accused: bool,
    /// Fined on L1, in all.
    #[schema(value_type = String)]
    pub fined_wei: ScrWei,
    /// Offers, newest first; none in a list of rollers.
    pub history: Vec<OfferView>,
}

/// A roller in the draws of an epoch; its weight is `floor(stake * q / 10^9)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WeightView {
    /// Epoch.
    pub epoch: u64,
    /// Stake that counted.
    #[schema(value_type = String)]
    pub stake_wei: ScrWei,
    /// Reputation ratio in billionths.
    pub q: u64,
    /// Sum of all rollers' weights, decimal.
    #[schema(value_type = String)]
    pub total_wei: ScrWei,
}

/// What the law decided at an epoch's end: the weights and the dials of the next one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EpochView {
    /// Epoch.
    pub epoch: u64,
    /// When that was.
    #[schema(value_type = u64)]
    pub at_unix_s: UnixSeconds,
    /// Root of the Merkle-sum tree over the weights.
    #[schema(value_type = String)]
    pub weights_root: B256,
    /// Nanoseconds of deadline per unit of prover gas.
    pub tau_ns_per_gas: u64,
    /// Points drawn per round.
    pub k: u32,
    /// Tasks open at once.
    pub window: u32,
    /// SCR-wei per prover gas.
    #[schema(value_type = String)]
    pub unit_price_wei: ScrWei,
}

/// Values of the dials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DialValues {
    /// Nanoseconds of deadline per unit of prover gas.
    pub tau_ns_per_gas: u64,
    /// Points drawn per round.
    pub k: u32,
    /// Tasks open at once.
    pub window: u32,
    /// SCR-wei per prover gas.
    #[schema(value_type = String)]
    pub unit_price_wei: ScrWei,
}

/// What the running epoch was like so far, as the law measures it. Ratios are in billionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeasureView {
    /// Seconds since its beginning.
    pub elapsed_s: u64,
    /// Mean of the rollers' on-time rates, their weights capped.
    pub on_time_rate: u64,
    /// Median of completion / T; none while nobody has delivered.
    pub completion: Option<u64>,
    /// Share of the counted capacity that the seats given bind.
    pub load: u64,
    /// Points drawn per ticket.
    pub points_per_ticket: u64,
    /// Seats that all rollers together are counted for.
    pub capacity: u64,
    /// What the window moves to, step by step.
    pub window_target: u32,
    /// Most tasks that were open at once.
    pub open_peak: u32,
    /// Tasks that wait for room in the window.
    pub queued: u32,
    /// The same at its beginning.
    pub queued_before: u32,
    /// Tasks that ended since k moved last.
    pub tasks: u64,
    /// Those of them for which no proof of the first round came.
    pub tasks_missed: u64,
}

/// The dials: in force, on their way, and what the law would make of them now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DialsView {
    /// Last epoch that is on L1; 0 before the first.
    pub epoch: u64,
    /// From when it may end.
    #[schema(value_type = u64)]
    pub ends_unix_s: UnixSeconds,
    /// In force.
    pub in_force: DialValues,
    /// Those of the next epoch, where that is on its way to L1.
    pub on_the_way: Option<DialValues>,
    /// What would follow if the epoch ended now.
    pub next: DialValues,
    /// What that follows from.
    pub measure: MeasureView,
}

/// A roller in a snapshot; its weight is `floor(stake * q / 10^9)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeafView {
    /// Identity.
    #[schema(value_type = String)]
    pub roller: Roller,
    /// Stake that counts.
    #[schema(value_type = String)]
    pub stake_wei: ScrWei,
    /// Reputation ratio in billionths.
    pub q: u64,
    /// Declared capacity.
    pub capacity: u32,
}

/// Who can be drawn for the tasks of an epoch, as L1 has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotView {
    /// Epoch.
    pub epoch: u64,
    /// Root of the Merkle-sum tree over the weights.
    #[schema(value_type = String)]
    pub weights_root: B256,
    /// Sum of the weights, decimal.
    pub total: String,
    /// Points drawn per round.
    pub k: u32,
    /// Rollers in all.
    pub leaves_total: u64,
    /// A page of them, in order of addresses.
    pub leaves: Vec<LeafView>,
}

/// State of the coordinator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusView {
    /// Version of the coordinator.
    pub version: String,
    /// Kind of proofs.
    pub proofs: ProofKind,
    /// Its clock.
    #[schema(value_type = u64)]
    pub now_unix_s: UnixSeconds,
    /// Events in its log.
    pub events: u64,
    /// Head of the log's hash chain.
    #[schema(value_type = String)]
    pub events_hash: B256,
    /// Last L1 block that was read.
    pub l1_block: Option<u64>,
    /// Last snapshot of the rollers' weights on L1; 0 before the first.
    pub epoch: u64,
    /// Tasks that are not settled.
    pub tasks_open: u64,
    /// Rollers that are registered.
    pub rollers: u64,
    /// Rollers with a recent heartbeat.
    pub rollers_alive: u64,
    /// Rollers that could take a seat now, capacity apart.
    pub rollers_present: u32,
    /// Fewer rollers are there than points are drawn: the operator's own prover joins.
    pub degraded: bool,
    /// Fines pause for the program version of an open task.
    pub quarantined: bool,
    /// Last settled batch.
    #[schema(value_type = u64)]
    pub settled_batch: BatchNumber,
}
