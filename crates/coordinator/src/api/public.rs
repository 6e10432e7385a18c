//! What anybody may read.

use axum::{
    Json,
    extract::{Path, Query, State},
    http::header,
    response::IntoResponse,
};
use rollmill_protocol::{Roller, TaskId, board::Task, law::Params};
use rollmill_roller_api::{
    DialsView, EpochView, Program, ProofKind, REQUIREMENTS_FORM, Refusal, RefusalCode,
    Requirements, RollerView, SnapshotView, StatusView, TaskView, WeightView,
};
use rollmill_zkvm::programs;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{App, Refused};
use crate::{
    config::{LOG_LINES_MAX, ROLLER_VERSION_MIN, WITNESS_BYTES_MAX},
    log::LogLine,
    views,
};

/// Tasks that are listed at most: the newest.
const TASKS_MAX: usize = 200;

/// Rollers in one answer at most.
const ROLLERS_MAX: usize = 200;

/// Leaves of a snapshot in one answer at most.
const LEAVES_MAX: usize = 2_000;

#[utoipa::path(
    get, path = "/v1/requirements", description = "What a roller must bring and obey.",
    responses((status = 200, body = Requirements))
)]
pub(super) async fn requirements(State(app): State<App>) -> Json<Requirements> {
    let config = &app.config;
    let (stake_min_wei, heartbeat_lost_s) = app.board.read(|state| {
        let law = state.board.params();
        (law.stake_min, law.heartbeat_s)
    });
    let program = |program: &programs::Program| Program {
        version: program.version,
        exe_commit: program.commitment.exe,
        vm_commit: program.commitment.vm,
    };
    // Mock proofs are of no program; asking for the embedded one would load it for nothing.
    let programs = match config.proofs {
        ProofKind::Stark => vec![program(&programs::BATCH_V1)],
        ProofKind::Mock => Vec::new(),
    };
    Json(Requirements {
        form: REQUIREMENTS_FORM,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        roller_version_min: ROLLER_VERSION_MIN.to_owned(),
        machine_min: config.machine_min(),
        l1_chain_id: config.l1_chain_id,
        rollup: config.rollup,
        l2_chain_id: config.l2_chain_id,
        operator: config.operator.address(),
        fallback: config.fallback,
        proofs: config.proofs,
        programs,
        stake_min_wei,
        proof_bytes_max: config.proof_bytes_max() as u64,
        witness_bytes_max: WITNESS_BYTES_MAX,
        heartbeat_every_ms: millis(config.heartbeat_every),
        heartbeat_lost_s,
        request_ttl_max_s: config.request_ttl_max.as_secs(),
        pick_wait_max_ms: millis(config.pick_wait_max),
    })
}

#[utoipa::path(
    get, path = "/v1/status", description = "State of the coordinator.",
    responses((status = 200, body = StatusView))
)]
pub(super) async fn status(State(app): State<App>) -> Json<StatusView> {
    let (events, events_hash) = app.board.head();
    let now_ms = app.clock.now_unix_ms();
    Json(app.board.read(|state| {
        let silence_s = state.board.params().heartbeat_s;
        let alive = |roller| app.presences.is_alive(roller, now_ms, silence_s);
        StatusView {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            proofs: app.config.proofs,
            now_unix_s: now_ms / 1000,
            events,
            events_hash,
            l1_block: state.l1.map(|cursor| cursor.block),
            epoch: state.board.epoch(),
            tasks_open: state.board.unsettled().count() as u64,
            rollers: state.board.rollers().count() as u64,
            rollers_alive: state
                .board
                .rollers()
                .filter(|(roller, _)| alive(**roller))
                .count() as u64,
            rollers_present: state.board.rollers_present(),
            degraded: state.board.rollers_present() < state.board.controls().k,
            quarantined: state
                .board
                .unsettled()
                .any(|task| state.board.is_quarantined(task.program_version)),
            settled_batch: state.board.settled_through(),
        }
    }))
}

#[utoipa::path(
    get, path = "/v1/law",
    description = "The numbers of the law that are in force, by the names that the deployment file has for them.",
    responses((status = 200, body = serde_json::Value))
)]
pub(super) async fn law(State(app): State<App>) -> Json<Params> {
    Json(app.board.read(|state| state.board.params().clone()))
}

/// A page of the log.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LogPage {
    /// Lines behind this one; 0 begins at the start.
    #[serde(default)]
    after: u64,
    /// Lines at most; never more than 1000.
    limit: Option<u32>,
}

#[utoipa::path(
    get, path = "/v1/log", params(LogPage),
    description = "The event log as JSON lines {seq, atUnixMs, hash, body}: what happened and what the law decided, hash \
                   chained. `rollmill audit` replays it and compares it with L1. An empty answer is the end.",
    responses((status = 200, content_type = "application/x-ndjson", body = String), (status = "default", body = Refusal))
)]
pub(super) async fn log(
    State(app): State<App>,
    Query(page): Query<LogPage>,
) -> Result<impl IntoResponse, Refused> {
    let hash = app.store.event_hash(page.after).await;
    let hash = hash
        .map_err(Refused::internal)?
        .ok_or(RefusalCode::UnknownObject)?;
    let limit = page.limit.unwrap_or(LOG_LINES_MAX).min(LOG_LINES_MAX);
    let records = app.store.events(page.after, hash, limit).await;
    let mut body = String::new();
    for record in records.map_err(Refused::internal)? {
        let line = LogLine::try_from(record).and_then(|line| serde_json::to_string(&line));
        body.push_str(&line.map_err(Refused::internal)?);
        body.push('\n');
    }
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], body))
}

/// Which tasks.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TaskPage {
    /// Only those that are not settled, or only those that are.
    open: Option<bool>,
    /// The newest so many; never more than 200.
    limit: Option<usize>,
}

#[utoipa::path(
    get, path = "/v1/tasks", params(TaskPage),
    description = "Tasks in the order of their batches, the newest 200.",
    responses((status = 200, body = Vec<TaskView>), (status = "default", body = Refusal))
)]
pub(super) async fn tasks(
    State(app): State<App>,
    Query(page): Query<TaskPage>,
) -> Result<Json<Vec<TaskView>>, Refused> {
    let state = app.board.state();
    let limit = page.limit.unwrap_or(TASKS_MAX).min(TASKS_MAX);
    let newest = state.board.tasks().rev();
    let wanted = newest.filter(|task| page.open.is_none_or(|open| open != task.is_settled()));
    let wanted: Vec<&Task> = wanted.take(limit).collect();
    let mut tasks = Vec::with_capacity(wanted.len());
    for task in wanted.into_iter().rev() {
        let view = views::task(&state, &app.store, &app.presences, task).await;
        tasks.push(view.map_err(Refused::internal)?);
    }
    Ok(Json(tasks))
}

#[utoipa::path(
    get, path = "/v1/tasks/{task}", params(("task" = String, Path, description = "Task id.")),
    description = "One task.",
    responses((status = 200, body = TaskView), (status = "default", body = Refusal))
)]
pub(super) async fn task(
    State(app): State<App>,
    Path(task): Path<String>,
) -> Result<Json<TaskView>, Refused> {
    let id: TaskId = task.parse().map_err(|_| RefusalCode::UnknownTask)?;
    let state = app.board.state();
    let task = state.board.task_by_id(id).ok_or(RefusalCode::UnknownTask)?;
    let view = views::task(&state, &app.store, &app.presences, task).await;
    view.map(Json).map_err(Refused::internal)
}

#[utoipa::path(
    get, path = "/v1/epochs",
    description = "The dials that the law gave the last 504 epochs, oldest first.",
    responses((status = 200, body = Vec<EpochView>), (status = "default", body = Refusal))
)]
pub(super) async fn epochs(State(app): State<App>) -> Result<Json<Vec<EpochView>>, Refused> {
    let (head, _) = app.board.head();
    let epochs = app.epochs.newest(&app.store, head).await;
    epochs.map(Json).map_err(Refused::internal)
}

#[utoipa::path(
    get, path = "/v1/dials",
    description = "The dials in force, those on their way to L1, and those that the law would give if the epoch ended now, with what \
                   it measures for them.",
    responses((status = 200, body = DialsView))
)]
pub(super) async fn dials(State(app): State<App>) -> Json<DialsView> {
    let now = app.clock.now_unix_ms() / 1000;
    Json(app.board.read(|state| views::dials(&state.board, now)))
}

/// A page of a snapshot.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LeafPage {
    /// Leaves from this position on.
    #[serde(default)]
    from: usize,
}

#[utoipa::path(
    get, path = "/v1/epochs/{epoch}", params(("epoch" = u64, Path, description = "Number."), LeafPage),
    description = "The snapshot of an epoch whose tasks are still kept, or of the last one, 2000 leaves at a time: with it \
                   anybody can draw again.",
    responses((status = 200, body = SnapshotView), (status = "default", body = Refusal))
)]
pub(super) async fn snapshot(
    State(app): State<App>,
    Path(epoch): Path<u64>,
    Query(page): Query<LeafPage>,
) -> Result<Json<SnapshotView>, Refused> {
    let state = app.board.state();
    let view = views::snapshot(&state, epoch, page.from, LEAVES_MAX);
    let view = view.ok_or(RefusalCode::UnknownObject)?;
    Ok(Json(view))
}

/// A page of the rollers.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RollerPage {
    /// Rollers behind this address.
    #[param(value_type = Option<String>)]
    after: Option<Roller>,
    /// Rollers at most; never more than 200.
    limit: Option<usize>,
}

#[utoipa::path(
    get, path = "/v1/rollers", params(RollerPage),
    description = "Registered rollers in the order of their addresses, without their history.",
    responses((status = 200, body = Vec<RollerView>), (status = "default", body = Refusal))
)]
pub(super) async fn rollers(
    State(app): State<App>,
    Query(page): Query<RollerPage>,
) -> Json<Vec<RollerView>> {
    let state = app.board.state();
    let limit = page.limit.unwrap_or(ROLLERS_MAX).min(ROLLERS_MAX);
    let accounts = state.board.rollers();
    let wanted = accounts.filter(|(roller, _)| page.after.is_none_or(|after| **roller > after));
    let rollers = wanted.take(limit).map(|(roller, account)| RollerView {
        history: Vec::new(),
        ..views::roller(&state, &app.presences, (*roller, account))
    });
    Json(rollers.collect())
}

#[utoipa::path(
    get, path = "/v1/rollers/{roller}", params(("roller" = String, Path, description = "The address that registered.")),
    description = "A roller's record: offers, how they ended and why.",
    responses((status = 200, body = RollerView), (status = "default", body = Refusal))
)]
pub(super) async fn roller(
    State(app): State<App>,
    Path(roller): Path<Roller>,
) -> Result<Json<RollerView>, Refused> {
    let state = app.board.state();
    let account = state
        .board
        .roller(roller)
        .ok_or(RefusalCode::UnknownRoller)?;
    Ok(Json(views::roller(
        &state,
        &app.presences,
        (roller, account),
    )))
}

#[utoipa::path(
    get, path = "/v1/rollers/{roller}/weights", params(("roller" = String, Path, description = "The address that registered.")),
    description = "A roller's stake and reputation ratio in the snapshots of epochs whose tasks are still kept, and of the last one, \
                   oldest first.",
    responses((status = 200, body = Vec<WeightView>), (status = "default", body = Refusal))
)]
pub(super) async fn weights(
    State(app): State<App>,
    Path(roller): Path<Roller>,
) -> Json<Vec<WeightView>> {
    Json(views::weights(&app.board.state(), roller))
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
