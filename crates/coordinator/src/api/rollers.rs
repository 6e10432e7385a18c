//! What rollers ask for: heartbeat, pick, witness.

use std::{pin::pin, time::Duration};

use alloy_primitives::B256;
use axum::{
    Json,
    body::Body,
    extract::{Path, Request, State},
    http::header,
    response::{IntoResponse, Response},
};
use rollmill_roller_api::{
    Assignment, HeartbeatReply, HeartbeatRequest, PickRequest, Refusal, RefusalCode, TaskKind,
};
use rollmill_store::ObjectError;
use tokio_util::io::ReaderStream;

use super::{App, Refused, auth, fallback};
use crate::{keeper::Offered, operator};

/// Seats of which close receipts are given in one answer.
const AWAITING_MAX: usize = 64;

/// Progress reports beyond this many seats are not kept.
const REPORTS_MAX: usize = 64;

#[utoipa::path(
    post, path = "/v1/heartbeat", request_body = HeartbeatRequest,
    description = "Signed. Says that the roller is there and how far its work is; answers which work is lost.",
    responses((status = 200, body = HeartbeatReply), (status = "default", body = Refusal))
)]
pub(super) async fn heartbeat(
    State(app): State<App>,
    request: Request,
) -> Result<Json<HeartbeatReply>, Refused> {
    let (parts, body) = request.into_parts();
    let caller = auth::caller(&app, &parts).await?;
    let mut beat: HeartbeatRequest = auth::json(&caller, body).await?;
    beat.tasks.truncate(REPORTS_MAX);
    let now_unix_s = app.clock.now_unix_s();
    if caller.kind == TaskKind::Fallback {
        return Ok(Json(HeartbeatReply {
            now_unix_s,
            stop: fallback::stop_orders(&app, &beat.tasks),
            receipt: None,
            closed: Vec::new(),
        }));
    }
    let stop = app.board.stop_orders(caller.roller, &beat.tasks);
    beat.awaiting.truncate(AWAITING_MAX);
    let closed = app.board.closings(caller.roller, &beat.awaiting);
    let ready = beat.ready;
    app.presences
        .heard(caller.roller, beat, app.clock.now_unix_ms());
    app.board.heard(caller.roller, ready).await?;
    let is_resting = app.board.is_resting(caller.roller, now_unix_s);
    let heard = operator::heartbeat(caller.roller, now_unix_s, ready && !is_resting);
    Ok(Json(HeartbeatReply {
        now_unix_s,
        stop,
        receipt: Some(app.sign(heard).await?),
        closed: app.sign_all(closed).await?,
    }))
}

#[utoipa::path(
    post, path = "/v1/pick", request_body = PickRequest,
    description = "Signed. A seat of the roller that has not reported and is not in its hands; `null` when there is \
                   none within the time. After a restart a roller has nothing in hand and is given its seat again.",
    responses((status = 200, body = Option<Assignment>), (status = "default", body = Refusal))
)]
pub(super) async fn pick(
    State(app): State<App>,
    request: Request,
) -> Result<Json<Option<Assignment>>, Refused> {
    let (parts, body) = request.into_parts();
    let caller = auth::caller(&app, &parts).await?;
    let pick: PickRequest = auth::json(&caller, body).await?;
    let wait = Duration::from_millis(pick.wait_ms).min(app.config.pick_wait_max);
    let mut changes = app.board.changes();
    let mut waited = pin!(tokio::time::sleep(wait));
    // What is there is found however short the wait is.
    loop {
        changes.borrow_and_update();
        let found = match caller.kind {
            TaskKind::Seat => match app.board.assignment(caller.roller, &pick.in_hand) {
                Some(offered) => return delivered(&app, caller, offered).await.map(Json),
                None => None,
            },
            TaskKind::Fallback => fallback::next(&app, caller.roller, &pick.in_hand).await?,
        };
        if found.is_some() {
            return Ok(Json(found));
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return Ok(Json(None)) },
            () = &mut waited => return Ok(Json(None)),
            () = app.shutdown.cancelled() => return Ok(Json(None)),
        }
    }
}

async fn delivered(
    app: &App,
    caller: auth::Caller,
    offered: Offered,
) -> Result<Option<Assignment>, Refused> {
    let Offered {
        mut assignment,
        receipt,
        passed_over,
    } = offered;
    let picked = app.board.picked(assignment.seat, caller.roller).await;
    if !picked? {
        return Ok(None);
    }
    assignment.receipt = Some(app.sign(receipt).await?);
    assignment.passed_over = app.sign_all(passed_over).await?;
    tracing::info!(task = %assignment.seat.task, roller = %caller.roller, "coordinator.pick");
    Ok(Some(assignment))
}

#[utoipa::path(
    get, path = "/v1/witnesses/{hash}", params(("hash" = String, Path, description = "Content hash (keccak256).")),
    description = "Signed. The witness of a task.",
    responses(
        (status = 200, content_type = "application/octet-stream", body = Vec<u8>),
        (status = "default", body = Refusal)
    )
)]
pub(super) async fn witness(
    State(app): State<App>,
    Path(hash): Path<B256>,
    request: Request,
) -> Result<Response, Refused> {
    let (parts, _) = request.into_parts();
    auth::caller(&app, &parts).await?;
    // Proofs are objects of the same store: only what is a task's witness is given out.
    if !app.board.is_witness(hash) {
        return Err(RefusalCode::UnknownObject.into());
    }
    let (file, bytes) = match app.store.objects().open_verified(hash).await {
        Ok(found) => found,
        Err(ObjectError::Missing { .. }) => return Err(RefusalCode::UnknownObject.into()),
        Err(error) => return Err(Refused::internal(error)),
    };
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, bytes.to_string()),
    ];
    Ok((headers, Body::from_stream(ReaderStream::new(file))).into_response())
}
