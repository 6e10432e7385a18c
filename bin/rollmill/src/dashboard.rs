//! The dashboard: a web page that the node serves.
//!
//! Everything comes from one address, so that the page's policy can forbid every other one: the page's own files (compiled in), what
//! anybody may read of the coordinator (`/v1/...`), those calls of L2's JSON-RPC that the page needs, what L1 says of the rollup's money,
//! and one stream that says that something has changed. The page then asks. Nothing here changes anything, signs anything or needs a key:
//! who stakes or bridges in the page does it with the wallet of the browser, which has its own way to both chains.

mod assets;
mod calls;
mod events;
mod l1;

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use eyre::WrapErr;
use rollmill_coordinator::Observer;
use rollmill_engine::{Chain, rpc::Methods};
use rollmill_runtime::{Shutdown, Tasks};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::{net::TcpListener, sync::Semaphore};

use calls::Call;
pub use l1::L1;

/// Where it listens unless it is told otherwise.
pub const PORT: u16 = 9660;

/// Pages that are told of changes at the same time.
const STREAMS_MAX: usize = 256;
/// Calls that are worked on at the same time; others wait.
const CALLS_MAX: usize = 32;
/// Longest call, bytes: a method with some addresses or hashes.
const CALL_BYTES_MAX: usize = 1 << 12;

/// Nothing from elsewhere, no script and no style but the page's files, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What the page shows.
pub struct Sources {
    /// L2.
    pub chain: Chain,
    /// L2's JSON-RPC.
    pub methods: Methods,
    /// L1, and where L2's JSON-RPC listens.
    pub l1: L1,
    /// What anybody may read of the coordinator, and when it changes; a replica has none.
    pub coordinator: Option<(Router, Observer)>,
}

/// What the handlers share.
#[derive(Clone)]
struct Site(Arc<SiteParts>);

/// See [`Site`].
struct SiteParts {
    chain: Chain,
    methods: Methods,
    l1: L1,
    last: l1::Last,
    observer: Option<Observer>,
    streams: Arc<Semaphore>,
    calls: Semaphore,
    shutdown: Shutdown,
}

impl Site {
    fn new(sources: Sources, shutdown: Shutdown) -> (Self, Option<Router>) {
        let (api, observer) = sources.coordinator.unzip();
        let parts = SiteParts {
            chain: sources.chain,
            methods: sources.methods,
            l1: sources.l1,
            last: l1::Last::default(),
            observer,
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            calls: Semaphore::new(CALLS_MAX),
            shutdown,
        };
        (Self(Arc::new(parts)), api)
    }
}

impl std::ops::Deref for Site {
    type Target = SiteParts;

    fn deref(&self) -> &SiteParts {
        &self.0
    }
}

/// What the page must know before it asks anything.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct About<'a> {
    version: &'static str,
    /// Whether there is `/v1/...`.
    coordinator: bool,
    /// Where L2's JSON-RPC listens, for wallets that do not know L2.
    l2_url: &'a str,
    /// Where people look at L1.
    l1_explorer: Option<&'a str>,
}

/// Serves the dashboard, if it is to listen anywhere; returns its URL. It ends with the node, and requests that are being answered then
/// are cut off.
pub async fn start(
    listen: Option<SocketAddr>,
    sources: Sources,
    tasks: &mut Tasks,
) -> eyre::Result<Option<String>> {
    let Some(listen) = listen else {
        return Ok(None);
    };
    let listener = TcpListener::bind(listen)
        .await
        .wrap_err_with(|| format!("cannot serve the dashboard on {listen}"))?;
    let url = format!("http://{}", listener.local_addr()?);
    let shutdown = tasks.shutdown().clone();
    let server = axum::serve(listener, router(sources, shutdown.clone())).into_future();
    tasks.spawn("dashboard", async move {
        shutdown.run_until(server).await.unwrap_or(Ok(()))
    });
    Ok(Some(url))
}

fn router(sources: Sources, shutdown: Shutdown) -> Router {
    let (site, api) = Site::new(sources, shutdown);
    let own: Router = Router::new()
        .route("/about.json", get(about))
        .route("/events", get(events::events))
        .route("/l1.json", get(l1::look))
        .route("/rpc", post(call))
        .layer(DefaultBodyLimit::max(CALL_BYTES_MAX))
        .with_state(site);
    own.merge(assets::router())
        .merge(api.unwrap_or_default())
        .fallback(async || StatusCode::NOT_FOUND)
        .layer(middleware::map_response(guarded))
}

/// Every answer says what a browser may do with it.
async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn about(State(site): State<Site>) -> Response {
    let about = About {
        version: env!("CARGO_PKG_VERSION"),
        coordinator: site.observer.is_some(),
        l2_url: &site.l1.l2_url,
        l1_explorer: site.l1.explorer.as_deref(),
    };
    Json(about).into_response()
}

/// One call of L2's JSON-RPC.
async fn call(State(site): State<Site>, body: Bytes) -> Response {
    let asked = std::str::from_utf8(&body).ok();
    let Some((body, call)) =
        asked.and_then(|body| Some((body, serde_json::from_str::<Call<'_>>(body).ok()?)))
    else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    if !call.is_allowed() {
        return StatusCode::FORBIDDEN.into_response();
    }
    match answer(&site, body).await {
        Some(answer) => Json(answer).into_response(),
        None => StatusCode::BAD_REQUEST.into_response(),
    }
}

/// `None` for what is no request.
async fn answer(site: &Site, body: &str) -> Option<Box<RawValue>> {
    let _place = site.calls.acquire().await.ok()?;
    let (answer, _) = site.methods.raw_json_request(body, 1).await.ok()?;
    Some(answer)
}

#[cfg(test)]
mod tests;
