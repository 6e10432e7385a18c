//! Finished proofs by HTTP: `GET /DIGEST` answers with the bytes. A posted digest names this place, so that anybody can have its winner
//! settled, and the operator can find what it has to enter. Nothing else of the data folder is served.

use std::net::SocketAddr;

use alloy_primitives::B256;
use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use eyre::WrapErr;
use rollmill_runtime::Shutdown;
use tokio::net::TcpListener;

use crate::{config::RunArgs, finished::FinishedProofs};

/// Binds the address.
async fn bind(address: SocketAddr, proofs: FinishedProofs) -> eyre::Result<(SocketAddr, Serving)> {
    let listener = TcpListener::bind(address).await;
    let listener = listener.wrap_err_with(|| format!("cannot serve proofs at {address}"))?;
    let bound = listener.local_addr()?;
    let router = Router::new()
        .route("/{digest}", get(proof))
        .with_state(proofs);
    Ok((bound, Serving { listener, router }))
}

/// The URL of finished proofs, if there is one, and the server of it, if it is ours.
pub async fn start(
    args: &RunArgs,
    finished: &FinishedProofs,
) -> eyre::Result<(Option<String>, Option<Serving>)> {
    let proof_url = args.proof_url.clone();
    let Some(listen) = args.proof_listen else {
        return Ok((proof_url, None));
    };
    let (address, serving) = bind(listen, finished.clone()).await?;
    tracing::info!(%address, "serving finished proofs");
    Ok((
        proof_url.or_else(|| Some(format!("http://{address}"))),
        Some(serving),
    ))
}

/// A server that does not run yet.
#[derive(Debug)]
pub struct Serving {
    listener: TcpListener,
    router: Router,
}

impl Serving {
    /// Runs until the shutdown; requests that are being answered are cut off.
    pub async fn run(self, shutdown: Shutdown) -> std::io::Result<()> {
        let server = axum::serve(self.listener, self.router).into_future();
        shutdown.run_until(server).await.unwrap_or(Ok(()))
    }
}

async fn proof(
    State(proofs): State<FinishedProofs>,
    Path(digest): Path<String>,
) -> Result<Bytes, StatusCode> {
    let digest: B256 = digest.parse().map_err(|_| StatusCode::NOT_FOUND)?;
    let found = proofs.by_digest(digest).await;
    found.map(|bytes| bytes.0).ok_or(StatusCode::NOT_FOUND)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rollmill_protocol::PublicValues;
    use rollmill_roller_api::SubmissionStats;
    use rollmill_store::Objects;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    use super::*;

    async fn answer(address: SocketAddr, digest: B256) -> Vec<u8> {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request =
            format!("GET /{digest:x} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn finished_proofs_are_served_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::open(folder.path().join("objects")).unwrap();
        let proofs = FinishedProofs::open(folder.path().join("finished"), objects.clone()).unwrap();
        let stats = SubmissionStats::default();
        let kept = proofs.keep(PublicValues::default(), b"the proof", stats);
        let kept = kept.await.unwrap();
        let witness = objects.put(b"a witness").await.unwrap();

        let shutdown = Shutdown::new();
        let (address, serving) = bind(([127, 0, 0, 1], 0).into(), proofs).await.unwrap();
        let server = tokio::spawn(serving.run(shutdown.clone()));
        let found = answer(address, kept.proof).await;
        assert!(found.starts_with(b"HTTP/1.1 200"));
        assert!(found.ends_with(b"\r\n\r\nthe proof"));
        let other = answer(address, witness).await;
        assert!(other.starts_with(b"HTTP/1.1 404"));
        shutdown.cancel();
        server.await.unwrap().unwrap();
    }
}
