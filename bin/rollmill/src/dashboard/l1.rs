//! What L1 says of the rollup's money, for pages without a wallet. However many pages ask, L1 is asked once in a while, and only while
//! somebody asks: it may be somebody else's node, which counts requests.

use std::time::{Duration, Instant};

use alloy::providers::DynProvider;
use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use rollmill_l1::{Deployment, connect, contracts::Emission};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::Site;
use crate::costs;

/// How long an answer, or that there was none, holds.
const HOLDS: Duration = Duration::from_secs(30);
/// Longest wait for L1.
const PATIENCE: Duration = Duration::from_secs(20);
/// Newest epochs of the emission that are told.
const EPOCHS: u64 = 14;

/// Where L1 is, and what of it is the rollup's.
pub struct L1 {
    /// Its JSON-RPC.
    pub provider: DynProvider,
    /// The contracts.
    pub deployment: Deployment,
    /// L2's JSON-RPC.
    pub l2_url: String,
    /// Explorer of L1, for links.
    pub explorer: Option<String>,
}

/// The last answer, none where L1 gave none, and when it came.
pub(super) type Last = Mutex<Option<(Instant, Option<Value>)>>;

/// `GET /l1.json`.
pub(super) async fn look(State(site): State<Site>) -> Response {
    // Who comes while L1 is asked waits for the same answer.
    let mut last = site.last.lock().await;
    let answer = match last.as_ref() {
        Some((at, answer)) if at.elapsed() < HOLDS => answer.clone(),
        _ => {
            let read = tokio::time::timeout(PATIENCE, site.l1.read()).await;
            let answer = match read {
                Ok(Ok(answer)) => Some(answer),
                Ok(Err(error)) => {
                    tracing::debug!(%error, "L1 does not say what the dashboard asks");
                    None
                }
                Err(_) => None,
            };
            last.insert((Instant::now(), answer)).1.clone()
        }
    };
    match answer {
        Some(answer) => Json(answer).into_response(),
        None => StatusCode::BAD_GATEWAY.into_response(),
    }
}

impl L1 {
    async fn read(&self) -> eyre::Result<Value> {
        let node = connect(&self.l2_url)?;
        let costs = costs::L1::read((&self.provider, &node), &self.deployment).await?;
        let mut told = costs.json();
        told["emission"] = self.emission().await?;
        Ok(told)
    }

    /// The pots of the newest epochs, oldest first, and the work that shares them. Amounts are texts: JSON's numbers lose digits.
    async fn emission(&self) -> eyre::Result<Value> {
        let emission = Emission::new(self.deployment.emission, &self.provider);
        let newest = emission.currentEpoch().call().await?;
        let mut epochs = Vec::new();
        for epoch in newest.saturating_sub(EPOCHS - 1)..=newest {
            epochs.push(json!({
                "epoch": epoch,
                "potWei": emission.potWei(epoch).call().await?.to_string(),
                "proverGas": emission.totalGas(epoch).call().await?.to_string(),
            }));
        }
        Ok(json!({
            "startsUnixS": emission.startS().call().await?,
            "epochS": emission.epochS().call().await?,
            "halvingEpochs": emission.halvingEpochs().call().await?,
            "epochs": epochs,
        }))
    }
}
