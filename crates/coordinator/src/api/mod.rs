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
    routing::{get, post},
};
use rollmill_roller_api::{RefusalCode, domain, http, receipts::Signed};
use rollmill_runtime::{Clock, Shutdown};
use rollmill_store::Store;
use tower_http::cors::CorsLayer;
use utoipa::OpenApi;

pub(crate) use error::Refused;

use crate::{config::CoordinatorConfig, keeper::Keeper, presence::Presences, verifier::Verifier};

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
        presences: Arc<Presences>,
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
            presences,
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

    /// All routes.
    pub(crate) fn router(self) -> Router {
        Router::new()
            .route(http::REQUIREMENTS, get(public::requirements))
            .route(http::STATUS, get(public::status))
            .route(http::LOG, get(public::log))
            .route(http::TASKS, get(public::tasks))
            .route(&format!("{}/{{task}}", http::TASKS), get(public::task))
            .route(
                &format!("{}/{{roller}}", http::ROLLERS),
                get(public::roller),
            )
            .route(http::HEARTBEAT, post(rollers::heartbeat))
            .route(http::PICK, post(rollers::pick))
            .route(
                &format!("{}/{{hash}}", http::WITNESSES),
                get(rollers::witness),
            )
            .route(
                &format!("{}/{{task}}/submissions", http::TASKS),
                post(submissions::submit),
            )
            .route(http::OPENAPI, get(async || Json(Document::openapi())))
            .fallback(async || Refused::from(RefusalCode::UnknownObject))
            .layer(CorsLayer::new().allow_origin(tower_http::cors::Any))
            .with_state(self)
    }
}

/// The OpenAPI document.
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
        public::log,
        public::tasks,
        public::task,
        public::roller,
        rollers::heartbeat,
        rollers::pick,
        rollers::witness,
        submissions::submit,
    )
)]
struct Document;
