//! The HTTP API: reads from the board, writes through the keeper.

mod auth;
mod error;
mod fallback;
mod public;
mod rollers;
mod submissions;

use std::sync::Arc;

use alloy::sol_types::{Eip712Domain, SolStruct};
use axum::{
    Json, Router,
    routing::{MethodRouter, get, post},
};
use rollmill_roller_api::{RefusalCode, domain, http, receipts::Signed};
use rollmill_runtime::{Clock, Shutdown};
use rollmill_store::Store;
use tower_http::cors::CorsLayer;
use utoipa::OpenApi;

pub(crate) use error::Refused;

use crate::{
    config::CoordinatorConfig, epochs::Epochs, keeper::Keeper, presence::Presences,
    verifier::Verifier,
};

/// What the handlers share.
#[derive(Clone, Debug)]
pub(crate) struct App(Arc<AppParts>);

/// See [`App`].
#[derive(Debug)]
pub(crate) struct AppParts {
    pub(crate) config: CoordinatorConfig,
    pub(crate) domain: Eip712Domain,
    pub(crate) store: Store,
    pub(crate) board: Keeper,
    pub(crate) presences: Arc<Presences>,
    pub(crate) epochs: Epochs,
    pub(crate) verifier: Verifier,
    pub(crate) intake: submissions::InFlight,
    pub(crate) clock: Clock,
    pub(crate) shutdown: Shutdown,
}

impl std::ops::Deref for App {
    type Target = AppParts;

    fn deref(&self) -> &AppParts {
        &self.0
    }
}

impl App {
    pub(crate) fn new(
        config: CoordinatorConfig,
        store: Store,
        board: Keeper,
        clock: Clock,
        shutdown: Shutdown,
    ) -> Self {
        let domain = domain(config.l1_chain_id, config.rollup);
        let verifier = Verifier::new(config.proofs, config.verifiers);
        let intake = submissions::InFlight::default();
        Self(Arc::new(AppParts {
            config,
            domain,
            store,
            board,
            presences: Arc::default(),
            epochs: Epochs::default(),
            verifier,
            intake,
            clock,
            shutdown,
        }))
    }

    /// Signs a receipt as the operator.
    pub(crate) async fn sign<T: SolStruct>(&self, receipt: T) -> Result<Signed<T>, Refused> {
        let signed = self.config.operator.sign(&self.domain, receipt).await;
        signed.map_err(Refused::unsigned)
    }

    /// Signs receipts as the operator.
    pub(crate) async fn sign_all<T: SolStruct>(
        &self,
        receipts: Vec<T>,
    ) -> Result<Vec<Signed<T>>, Refused> {
        let signed = self.config.operator.sign_all(&self.domain, receipts).await;
        signed.map_err(Refused::unsigned)
    }

    /// What anybody may read.
    pub(crate) fn public(self) -> Router {
        router(public_routes()).with_state(self)
    }

    /// All routes.
    pub(crate) fn router(self) -> Router {
        router(public_routes())
            .merge(router(signed_routes()))
            .fallback(async || Refused::from(RefusalCode::UnknownObject))
            .layer(CorsLayer::new().allow_origin(tower_http::cors::Any))
            .with_state(self)
    }
}

type Route = (String, MethodRouter<App>);

fn router(routes: impl IntoIterator<Item = Route>) -> Router<App> {
    let add = |router: Router<App>, (path, methods): Route| router.route(&path, methods);
    routes.into_iter().fold(Router::new(), add)
}

/// The paths of what anybody may read. [`Document`] describes each.
fn public_routes() -> [Route; 13] {
    let (tasks, epochs, rollers) = (http::TASKS, http::EPOCHS, http::ROLLERS);
    [
        (http::REQUIREMENTS.to_owned(), get(public::requirements)),
        (http::STATUS.to_owned(), get(public::status)),
        (http::LAW.to_owned(), get(public::law)),
        (http::DIALS.to_owned(), get(public::dials)),
        (http::LOG.to_owned(), get(public::log)),
        (tasks.to_owned(), get(public::tasks)),
        (format!("{tasks}/{{task}}"), get(public::task)),
        (epochs.to_owned(), get(public::epochs)),
        (format!("{epochs}/{{epoch}}"), get(public::snapshot)),
        (rollers.to_owned(), get(public::rollers)),
        (format!("{rollers}/{{roller}}"), get(public::roller)),
        (
            format!("{rollers}/{{roller}}/weights"),
            get(public::weights),
        ),
        (http::OPENAPI.to_owned(), get(document)),
    ]
}

/// Those of requests that rollers sign. [`Document`] describes each of them, too.
fn signed_routes() -> [Route; 4] {
    [
        (
            format!("{}/{{task}}/submissions", http::TASKS),
            post(submissions::submit),
        ),
        (http::HEARTBEAT.to_owned(), post(rollers::heartbeat)),
        (http::PICK.to_owned(), post(rollers::pick)),
        (
            format!("{}/{{hash}}", http::WITNESSES),
            get(rollers::witness),
        ),
    ]
}

#[utoipa::path(
    get, path = "/openapi.json", description = "This document.",
    responses((status = 200, description = "OpenAPI, as JSON."))
)]
async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(openapi())
}

/// The OpenAPI document of the HTTP API.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "rollmill coordinator",
        description = "Rollers pull tasks and submit proofs. Requests marked `signed` carry the headers \
                       rollmill-signature, rollmill-nonce, rollmill-expiry and rollmill-body-hash: the EIP-712 \
                       signature over Request{method,path,bodyHash,nonce,expiry} by the roller's staked signer key."
    ),
    paths(
        public::requirements,
        public::status,
        public::law,
        public::dials,
        public::log,
        public::tasks,
        public::task,
        public::epochs,
        public::snapshot,
        public::rollers,
        public::roller,
        public::weights,
        rollers::heartbeat,
        rollers::pick,
        rollers::witness,
        submissions::submit,
        document,
    )
)]
struct Document;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let described = Document::openapi().paths.paths.into_keys();
        let described: BTreeSet<String> = described.collect();
        let routes = public_routes().into_iter().chain(signed_routes());
        let routes: BTreeSet<String> = routes.map(|(path, _)| path).collect();
        assert_eq!(described, routes);
    }
}
