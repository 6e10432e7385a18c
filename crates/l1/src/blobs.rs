//! Where the blobs of L1's transactions are read: L1 itself keeps none.
//!
//! | source | whose | how a blob is found |
//! |---|---|---|
//! | [`BlobSource::L1`] | a development chain's: it keeps them, and gives them by JSON-RPC | by its versioned hash |
//! | [`BlobSource::Beacon`] | the consensus client's of L1, for some 18 days, or an archive's with the same interface | by the slot of its block |
//!
//! Nobody is trusted: what a source gives is compared with the versioned hash, which L1 has.

use std::{sync::Arc, time::Duration};

use alloy::{
    primitives::{B256, Bytes},
    providers::{DynProvider, Provider},
    transports::{RpcError, TransportError, http::reqwest},
};
use reqwest::{StatusCode, Url};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::sync::OnceCell;

use crate::{ConnectError, kzg};

/// Longest wait for one answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Most bytes of an answer: more than all blobs of a block in hex.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// JSON-RPC's code for a method that a node does not have.
const METHOD_NOT_FOUND: i64 = -32601;

/// A blob cannot be had now; it is asked for again.
#[derive(Debug, thiserror::Error)]
pub enum BlobSourceError {
    /// L1 does not answer.
    #[error("L1 does not answer")]
    L1(#[from] TransportError),
    /// A network's L1 keeps no blobs.
    #[error("L1's JSON-RPC has no blobs: name the beacon API of its consensus client, --l1-beacon")]
    NoBeacon,
    /// The beacon API does not answer, or with something else.
    #[error("the beacon API does not answer")]
    Beacon(#[source] reqwest::Error),
    /// It answers with an error.
    #[error("the beacon API answers with status {0}")]
    Status(StatusCode),
    /// It answers with something else.
    #[error("the beacon API's answer is not one: {0}")]
    Answer(String),
    /// L1 does not know the block, or it is older than the beacon chain.
    #[error("L1's block {0} is in no slot")]
    NoSlot(u64),
    /// It is not there: not yet, or not any more.
    #[error(
        "blob {0} is not there: consensus clients keep blobs for some 18 days, afterwards archives have them"
    )]
    Missing(B256),
}

/// Where blobs are read.
#[derive(Clone, Debug, Default)]
pub enum BlobSource {
    /// From L1's own JSON-RPC, as development chains have it.
    #[default]
    L1,
    /// From a beacon API.
    Beacon(Beacon),
}

impl BlobSource {
    /// The beacon API at `url`; L1's own JSON-RPC if there is none.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn new(url: Option<&str>) -> Result<Self, ConnectError> {
        url.map_or(Ok(Self::L1), |url| Ok(Self::Beacon(Beacon::new(url)?)))
    }

    /// The blob of this versioned hash that a transaction of L1's block `l1_block` carried.
    ///
    /// # Errors
    /// [`BlobSourceError`]; all of them may pass.
    pub async fn blob(
        &self,
        l1: &DynProvider,
        (l1_block, versioned_hash): (u64, B256),
    ) -> Result<Bytes, BlobSourceError> {
        let given = match self {
            Self::L1 => from_l1(l1, versioned_hash).await?,
            Self::Beacon(beacon) => beacon.blobs(l1, l1_block, versioned_hash).await?,
        };
        let found = tokio::task::spawn_blocking(move || {
            let is_wanted = |blob: &Bytes| kzg::versioned_hash(blob) == Some(versioned_hash);
            given.into_iter().find(is_wanted)
        });
        found
            .await
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
            .ok_or(BlobSourceError::Missing(versioned_hash))
    }
}

async fn from_l1(l1: &DynProvider, versioned_hash: B256) -> Result<Vec<Bytes>, BlobSourceError> {
    let asked = l1.raw_request("anvil_getBlobByHash".into(), [versioned_hash]);
    let answer: Result<Option<Bytes>, _> = asked.await;
    match answer {
        Ok(blob) => Ok(blob.into_iter().collect()),
        Err(RpcError::ErrorResp(error)) if error.code == METHOD_NOT_FOUND => {
            Err(BlobSourceError::NoBeacon)
        }
        Err(error) => Err(error.into()),
    }
}

/// A beacon API: the standard one, of version 4 or later.
#[derive(Clone, Debug)]
pub struct Beacon {
    client: reqwest::Client,
    url: Url,
    clock: Arc<OnceCell<Clock>>,
}

/// How slots follow from times.
#[derive(Clone, Copy, Debug)]
struct Clock {
    genesis_s: u64,
    slot_s: u64,
}

impl Clock {
    fn slot(self, timestamp_s: u64) -> Option<u64> {
        timestamp_s
            .checked_sub(self.genesis_s)?
            .checked_div(self.slot_s)
    }
}

#[derive(Deserialize)]
struct Answer<T> {
    data: T,
}

#[derive(Deserialize)]
struct Genesis {
    genesis_time: String,
}

#[derive(Deserialize)]
struct Spec {
    #[serde(rename = "SECONDS_PER_SLOT")]
    seconds_per_slot: String,
}

impl Beacon {
    fn new(url: &str) -> Result<Self, ConnectError> {
        let wrong = |reason: String| ConnectError::Url {
            url: url.to_owned(),
            reason,
        };
        let parsed = Url::parse(url).map_err(|error| wrong(error.to_string()))?;
        if parsed.cannot_be_a_base() {
            return Err(wrong("it has no path".to_owned()));
        }
        let client = reqwest::Client::builder()
            .timeout(REQUEST_TIMEOUT)
            .build()?;
        Ok(Self {
            client,
            url: parsed,
            clock: Arc::default(),
        })
    }

    /// The blobs of the block, or those of this hash alone if the API sorts them out.
    async fn blobs(
        &self,
        l1: &DynProvider,
        l1_block: u64,
        versioned_hash: B256,
    ) -> Result<Vec<Bytes>, BlobSourceError> {
        let clock = self.clock.get_or_try_init(|| self.clock()).await?;
        let block = l1.get_block_by_number(l1_block.into()).await?;
        let slot = block.and_then(|block| clock.slot(block.header.timestamp));
        let slot = slot.ok_or(BlobSourceError::NoSlot(l1_block))?.to_string();
        let mut url = self.endpoint(["beacon", "blobs", slot.as_str()]);
        url.query_pairs_mut()
            .append_pair("versioned_hashes", &versioned_hash.to_string());
        match self.get(url).await {
            Err(BlobSourceError::Status(StatusCode::NOT_FOUND)) => Ok(Vec::new()),
            blobs => blobs,
        }
    }

    async fn clock(&self) -> Result<Clock, BlobSourceError> {
        let number = |text: String| {
            let number = text.parse::<u64>().ok().filter(|number| *number > 0);
            number.ok_or(BlobSourceError::Answer(format!("`{text}` is no time")))
        };
        let genesis: Genesis = self.get(self.endpoint(["beacon", "genesis"])).await?;
        let spec: Spec = self.get(self.endpoint(["config", "spec"])).await?;
        Ok(Clock {
            genesis_s: number(genesis.genesis_time)?,
            slot_s: number(spec.seconds_per_slot)?,
        })
    }

    fn endpoint<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["eth", "v1"]).extend(path);
        }
        url
    }

    /// The field `data` of what is answered. Errors do not name the URL, which may hold a key.
    async fn get<T: DeserializeOwned>(&self, url: Url) -> Result<T, BlobSourceError> {
        let failed = |error: reqwest::Error| BlobSourceError::Beacon(error.without_url());
        let mut response = self.client.get(url).send().await.map_err(failed)?;
        if !response.status().is_success() {
            return Err(BlobSourceError::Status(response.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(BlobSourceError::Answer("it is too long".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        let answer: Result<Answer<T>, _> = serde_json::from_slice(&body);
        match answer {
            Ok(answer) => Ok(answer.data),
            Err(error) => Err(BlobSourceError::Answer(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloy::{
        providers::ProviderBuilder, rpc::json_rpc::ErrorPayload, rpc::types::Block,
        transports::mock::Asserter,
    };
    use axum::{
        Json, Router,
        extract::{Path, RawQuery},
        http::StatusCode,
        routing::get,
    };
    use rollmill_protocol::blob::pack;
    use serde_json::{Value, json};

    use super::*;

    fn l1() -> (DynProvider, Asserter) {
        let asserter = Asserter::new();
        let provider = ProviderBuilder::new()
            .disable_recommended_fillers()
            .connect_mocked_client(asserter.clone());
        (provider.erased(), asserter)
    }

    fn blob(data: &[u8]) -> (Bytes, B256) {
        let blob = Bytes::from(pack(data).unwrap());
        let hash = kzg::versioned_hash(&blob).unwrap();
        (blob, hash)
    }

    /// A consensus client whose slots of 12 s begin at 1,000 s. Slot 5 has two blobs and slot 6 none; the client fails in slot 7.
    async fn beacon(blobs: [Bytes; 2], slot_s: &'static str) -> BlobSource {
        let spec = json!({ "data": { "SECONDS_PER_SLOT": slot_s, "BLOB_SCHEDULE": [] } });
        let genesis = json!({ "data": { "genesis_time": "1000", "genesis_fork_version": "0x" } });
        let answer = move |Path(slot): Path<u64>, RawQuery(query): RawQuery| {
            let blobs = blobs.clone();
            async move {
                assert!(query.unwrap().starts_with("versioned_hashes=0x01"));
                match slot {
                    5 => Ok(Json(json!({ "finalized": true, "data": blobs }))),
                    6 => Ok(Json(json!({ "data": [] }))),
                    7 => Err(StatusCode::INTERNAL_SERVER_ERROR),
                    _ => Err(StatusCode::NOT_FOUND),
                }
            }
        };
        let given = |answer: Value| get(move || async move { Json(answer) });
        let router = Router::new()
            .route("/key/eth/v1/config/spec", given(spec))
            .route("/key/eth/v1/beacon/genesis", given(genesis))
            .route("/key/eth/v1/beacon/blobs/{slot}", get(answer));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/key/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        BlobSource::new(Some(&url)).unwrap()
    }

    /// L1's next answer is a block of this time.
    fn mined(asserter: &Asserter, timestamp: u64) {
        let mut block: Block = Block::default();
        block.header.inner.timestamp = timestamp;
        asserter.push_success(&block);
    }

    #[tokio::test]
    async fn a_beacon_api_is_asked_for_the_slot_of_the_block() {
        let ((other, _), (wanted, hash)) = (blob(b"other"), blob(b"wanted"));
        let source = beacon([other, wanted.clone()], "12").await;
        let (l1, asserter) = l1();
        for timestamp in [1_060, 1_071] {
            mined(&asserter, timestamp);
            assert_eq!(source.blob(&l1, (9, hash)).await.unwrap(), wanted);
        }
        for (timestamp, why) in [
            (1_072, "not there"),
            (1_084, "status 500"),
            (1_096, "not there"),
            (999, "in no slot"),
        ] {
            mined(&asserter, timestamp);
            let error = source.blob(&l1, (9, hash)).await.unwrap_err();
            assert!(error.to_string().contains(why), "{timestamp}: {error}");
        }
        asserter.push_success(&None::<Block>);
        let error = source.blob(&l1, (9, hash)).await.unwrap_err();
        assert!(matches!(error, BlobSourceError::NoSlot(9)));
    }

    #[tokio::test]
    async fn a_blob_of_another_hash_is_not_taken() {
        let ((one, _), (two, _), (_, hash)) = (blob(b"1"), blob(b"2"), blob(b"3"));
        let source = beacon([one, two.clone()], "12").await;
        let (l1, asserter) = l1();
        mined(&asserter, 1_060);
        let error = source.blob(&l1, (9, hash)).await.unwrap_err();
        assert!(matches!(error, BlobSourceError::Missing(missing) if missing == hash));
        asserter.push_success(&two);
        let error = BlobSource::L1.blob(&l1, (9, hash)).await.unwrap_err();
        assert!(matches!(error, BlobSourceError::Missing(_)));
    }

    #[tokio::test]
    async fn a_clock_that_stands_still_is_none() {
        let (blob, hash) = blob(b"data");
        let source = beacon([blob.clone(), blob], "0").await;
        let (l1, _) = l1();
        let error = source.blob(&l1, (9, hash)).await.unwrap_err();
        assert!(matches!(error, BlobSourceError::Answer(_)));
    }

    #[tokio::test]
    async fn a_development_chain_gives_its_blobs_itself() {
        let (blob, hash) = blob(b"data");
        let (l1, asserter) = l1();
        asserter.push_success(&blob);
        assert_eq!(BlobSource::L1.blob(&l1, (9, hash)).await.unwrap(), blob);
        asserter.push_success(&None::<Bytes>);
        let error = BlobSource::L1.blob(&l1, (9, hash)).await.unwrap_err();
        assert!(matches!(error, BlobSourceError::Missing(_)));
        asserter.push_failure(ErrorPayload::method_not_found());
        let error = BlobSource::L1.blob(&l1, (9, hash)).await.unwrap_err();
        assert!(error.to_string().contains("--l1-beacon"), "{error}");
    }

    #[test]
    fn what_is_no_address_of_a_beacon_api_is_refused() {
        for url in ["localhost", "mailto:beacon@example.org"] {
            assert!(matches!(
                BlobSource::new(Some(url)),
                Err(ConnectError::Url { .. })
            ));
        }
        assert!(matches!(BlobSource::new(None), Ok(BlobSource::L1)));
    }
}
