//! The language between rollers and the coordinator: HTTP types, EIP-712 signatures, the client.
//!
//! Model: rollers sit behind NAT and *pull*. They announce themselves ([`HeartbeatRequest`]), ask for work
//! ([`PickRequest`], answered late when there is none), fetch the witness by its hash and submit a proof ([`Submission`]).
//!
//! Rules:
//! - every request of a roller is signed by its signer key ([`Request`]: method, path, body hash, random nonce, expiry)
//!   and is accepted once;
//! - a submission is signed separately, in the form that L1 recovers, because L1 is the judge of it;
//! - a refusal carries a machine code, a sentence and whether trying again can help ([`Refusal`]);
//! - the operator signs what it tells a roller ([`receipts`]), so that a coordinator is held to its word as well;
//! - everything can be repeated: a task is delivered until its seat has reported, an identical submission is answered
//!   with the first receipt.

mod auth;
mod client;
pub mod receipts;
mod refusal;
mod statement;
mod types;
mod views;
mod words;

pub use auth::{
    Authorization, RecoverError, Request, SignedSubmission, Submission, domain, recover,
    submission_signer,
};
pub use client::{Client, ClientError, Download};
pub use refusal::{Refusal, RefusalCode};
pub use statement::Statement;
pub use types::{
    Assignment, FALLBACK_ROUND, HeartbeatReply, HeartbeatRequest, MachineMin, PickRequest, Program,
    Progress, ProofKind, REQUIREMENTS_FORM, Requirements, SeatId, Stage, StopOrder, StopReason,
    SubmissionReply, SubmissionStats, TaskKind, VerdictKind,
};
pub use views::{
    DialValues, DialsView, DrawView, EntryView, EpochView, LeafView, LotteryView, MeasureView,
    OfferOutcome, OfferView, PointOutcome, PointView, RollerView, SeatState, SeatView, SettleView,
    SnapshotView, StatusView, TaskState, TaskView, WeightView,
};

/// The example of the documents compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/developer/clients.md")]
struct Documents;

/// Names of HTTP headers and paths.
pub mod http {
    /// Hex of the 65-byte EIP-712 signature over [`crate::Request`].
    pub const SIGNATURE: &str = "rollmill-signature";
    /// Hex of the request's random 32-byte nonce.
    pub const NONCE: &str = "rollmill-nonce";
    /// Expiry of the request, Unix seconds.
    pub const EXPIRY: &str = "rollmill-expiry";
    /// keccak256 of the body, so that the signature is checked before the body is read.
    pub const BODY_HASH: &str = "rollmill-body-hash";
    /// JSON of [`crate::SignedSubmission`].
    pub const SUBMISSION: &str = "rollmill-submission";
    /// JSON of [`crate::SubmissionStats`].
    pub const STATS: &str = "rollmill-stats";

    /// What a roller must bring.
    pub const REQUIREMENTS: &str = "/v1/requirements";
    /// "I am here", with the progress of the work in hand.
    pub const HEARTBEAT: &str = "/v1/heartbeat";
    /// Ask for work.
    pub const PICK: &str = "/v1/pick";
    /// Witnesses by content hash.
    pub const WITNESSES: &str = "/v1/witnesses";
    /// Tasks.
    pub const TASKS: &str = "/v1/tasks";
    /// Records of rollers.
    pub const ROLLERS: &str = "/v1/rollers";
    /// Epochs: their dials, and the snapshots that are kept.
    pub const EPOCHS: &str = "/v1/epochs";
    /// The dials, and where the law would move them now.
    pub const DIALS: &str = "/v1/dials";
    /// The numbers of the law.
    pub const LAW: &str = "/v1/law";
    /// The published event log.
    pub const LOG: &str = "/v1/log";
    /// State of the coordinator.
    pub const STATUS: &str = "/v1/status";
    /// The OpenAPI document.
    pub const OPENAPI: &str = "/openapi.json";
}
