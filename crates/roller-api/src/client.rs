//! The roller's side of the API.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alloy::{signers::local::PrivateKeySigner, sol_types::Eip712Domain};
use alloy_primitives::{Address, B256, Bytes, Keccak256, hex};
use reqwest::{Method, Response, header};
use rollmill_protocol::{Roller, TaskId};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Assignment, Authorization, DialsView, EpochView, HeartbeatReply, HeartbeatRequest, PickRequest,
    REQUIREMENTS_FORM, Refusal, Requirements, RollerView, SignedSubmission, SnapshotView,
    StatusView, SubmissionReply, SubmissionStats, TaskView, domain, http,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For requests that are answered from memory.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// For a witness or a proof; also the longest silence within it.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(300);
/// Life of a signed request: long enough for slow lines and small differences of clocks.
const REQUEST_TTL: Duration = Duration::from_secs(60);
/// No list that comes in pages is longer.
const LISTED_MAX: u64 = 1 << 20;
/// No answer but a witness is longer.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// A request did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The coordinator refused, and says why.
    #[error("the coordinator refused")]
    Refused(#[source] Refusal),
    /// The coordinator could not be reached, or the connection broke.
    #[error("no answer from the coordinator")]
    Transport(#[source] reqwest::Error),
    /// The answer is not of the documented form.
    #[error("the answer (HTTP status {status}) is not of the documented form: {why}")]
    Malformed {
        /// HTTP status.
        status: u16,
        /// What is wrong.
        why: String,
    },
    /// The requirements have a form that a later version reads.
    #[error(
        "the coordinator states its requirements in form {form}, this version reads form {REQUIREMENTS_FORM}: update it"
    )]
    OtherForm {
        /// Their form.
        form: u64,
    },
    /// The witness is longer than announced.
    #[error("the answer exceeds {bytes_max} bytes")]
    TooLarge {
        /// The limit.
        bytes_max: u64,
    },
    /// The witness is not the one asked for.
    #[error("received an object with hash {actual} instead of {expected}")]
    WrongObject {
        /// What was asked for.
        expected: B256,
        /// What came.
        actual: B256,
    },
}

impl ClientError {
    /// Whether trying again can help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.retryable,
            Self::Transport(_) | Self::Malformed { .. } | Self::WrongObject { .. } => true,
            Self::TooLarge { .. } | Self::OtherForm { .. } => false,
        }
    }

    /// The coordinator's refusal, if it is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

/// Talks to one coordinator in the name of one signer.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    signer: PrivateKeySigner,
    domain: Eip712Domain,
}

impl Client {
    /// A client of the coordinator at `base` (such as `http://127.0.0.1:9650`) for a deployment on L1.
    pub fn new(
        base: &str,
        signer: PrivateKeySigner,
        l1_chain_id: u64,
        rollup: Address,
    ) -> Result<Self, ClientError> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .build()
            .map_err(ClientError::Transport)?;
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self {
            http,
            base,
            signer,
            domain: domain(l1_chain_id, rollup),
        })
    }

    /// A client that reads what is public: any key will do, and it signs nothing.
    pub fn anybody(base: &str) -> Result<Self, ClientError> {
        Self::new(base, PrivateKeySigner::random(), 0, Address::ZERO)
    }

    /// Address of the signer.
    pub fn signer(&self) -> Address {
        self.signer.address()
    }

    /// The EIP-712 domain of the deployment.
    pub fn domain(&self) -> &Eip712Domain {
        &self.domain
    }

    /// Signs a submission with the client's key.
    pub fn sign_submission(
        &self,
        seat: crate::SeatId,
        roller: Roller,
        public_values_hash: B256,
        proof: &[u8],
    ) -> SignedSubmission {
        let digest = rollmill_protocol::ProofDigest::of(proof);
        let ids = (seat.task, seat.round, roller);
        SignedSubmission::sign(&self.signer, &self.domain, ids, public_values_hash, digest)
    }

    /// `GET /v1/requirements`.
    pub async fn requirements(&self) -> Result<Requirements, ClientError> {
        required(self.get(http::REQUIREMENTS).await?)
    }

    /// `GET /v1/status`.
    pub async fn status(&self) -> Result<StatusView, ClientError> {
        self.get(http::STATUS).await
    }

    /// `GET /v1/dials`.
    pub async fn dials(&self) -> Result<DialsView, ClientError> {
        self.get(http::DIALS).await
    }

    /// `GET /v1/law`, as `rollmill_protocol::law::Params` or any part of it.
    pub async fn law<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        self.get(http::LAW).await
    }

    /// `GET /v1/epochs`, oldest first.
    pub async fn epochs(&self) -> Result<Vec<EpochView>, ClientError> {
        self.get(http::EPOCHS).await
    }

    /// `GET /v1/epochs/{epoch}`, all its pages.
    pub async fn snapshot(&self, epoch: u64) -> Result<SnapshotView, ClientError> {
        let path = format!("{}/{epoch}", http::EPOCHS);
        let mut snapshot: SnapshotView = self.get(&path).await?;
        loop {
            let from = snapshot.leaves.len();
            if from as u64 >= snapshot.leaves_total.min(LISTED_MAX) {
                return Ok(snapshot);
            }
            let page: SnapshotView = self.get(&format!("{path}?from={from}")).await?;
            if page.leaves.is_empty() {
                return Ok(snapshot);
            }
            snapshot.leaves.extend(page.leaves);
        }
    }

    /// `GET /v1/log`: JSON lines behind number `after`, as text; empty at the end of the log.
    pub async fn log(&self, after: u64) -> Result<String, ClientError> {
        let url = format!("{}{}?after={after}", self.base, http::LOG);
        let request = self.http.get(url).timeout(TRANSFER_TIMEOUT);
        let response = refused(request.send().await.map_err(ClientError::Transport)?).await?;
        let status = response.status().as_u16();
        String::from_utf8(bounded(response).await?).map_err(|error| ClientError::Malformed {
            status,
            why: error.to_string(),
        })
    }

    /// `GET /v1/tasks`.
    pub async fn tasks(&self) -> Result<Vec<TaskView>, ClientError> {
        self.get(http::TASKS).await
    }

    /// `GET /v1/tasks?open=true`: those that are not settled.
    pub async fn open_tasks(&self) -> Result<Vec<TaskView>, ClientError> {
        self.get(&format!("{}?open=true", http::TASKS)).await
    }

    /// `GET /v1/tasks/{task}`.
    pub async fn task(&self, task: TaskId) -> Result<TaskView, ClientError> {
        self.get(&format!("{}/{task}", http::TASKS)).await
    }

    /// `GET /v1/rollers`, all its pages.
    pub async fn rollers(&self) -> Result<Vec<RollerView>, ClientError> {
        let mut rollers: Vec<RollerView> = self.get(http::ROLLERS).await?;
        loop {
            let Some(last) = rollers.last() else {
                return Ok(rollers);
            };
            if rollers.len() as u64 >= LISTED_MAX {
                return Ok(rollers);
            }
            let path = format!("{}?after={:#x}", http::ROLLERS, last.roller);
            let page: Vec<RollerView> = self.get(&path).await?;
            if page.is_empty() {
                return Ok(rollers);
            }
            rollers.extend(page);
        }
    }

    /// `GET /v1/rollers/{roller}`.
    pub async fn roller(&self, roller: Roller) -> Result<RollerView, ClientError> {
        self.get(&format!("{}/{roller:#x}", http::ROLLERS)).await
    }

    /// `POST /v1/heartbeat`.
    pub async fn heartbeat(
        &self,
        heartbeat: &HeartbeatRequest,
    ) -> Result<HeartbeatReply, ClientError> {
        self.post(http::HEARTBEAT, heartbeat, REQUEST_TIMEOUT).await
    }

    /// `POST /v1/pick`: a seat to work on, or `None` when there was none within the time.
    pub async fn pick(&self, pick: &PickRequest) -> Result<Option<Assignment>, ClientError> {
        let timeout = REQUEST_TIMEOUT + Duration::from_millis(pick.wait_ms);
        self.post(http::PICK, pick, timeout).await
    }

    /// `GET /v1/witnesses/{hash}`: at most `bytes_max`, piece by piece.
    pub async fn witness(&self, hash: B256, bytes_max: u64) -> Result<Download, ClientError> {
        let path = format!("{}/{hash:#x}", http::WITNESSES);
        let request = self
            .signed(Method::GET, &path, &[])
            .timeout(TRANSFER_TIMEOUT);
        let response = refused(request.send().await.map_err(ClientError::Transport)?).await?;
        Ok(Download {
            response,
            hash,
            bytes_max,
            hasher: Keccak256::new(),
            bytes: 0,
        })
    }

    /// `POST /v1/tasks/{task}/submissions`. Repeating it with the same bytes is answered with the first receipt.
    pub async fn submit(
        &self,
        submission: &SignedSubmission,
        stats: &SubmissionStats,
        proof: Bytes,
    ) -> Result<SubmissionReply, ClientError> {
        let path = format!("{}/{}/submissions", http::TASKS, submission.task);
        let request = self
            .signed(Method::POST, &path, &proof)
            .timeout(TRANSFER_TIMEOUT)
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .header(http::SUBMISSION, header_json(submission))
            .header(http::STATS, header_json(stats))
            .body(proof.0);
        answer(request.send().await.map_err(ClientError::Transport)?).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let request = self.http.get(format!("{}{path}", self.base));
        answer(request.send().await.map_err(ClientError::Transport)?).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        timeout: Duration,
    ) -> Result<T, ClientError> {
        let body = header_json(body).into_bytes();
        let request = self
            .signed(Method::POST, path, &body)
            .timeout(timeout)
            .header(header::CONTENT_TYPE, "application/json")
            .body(body);
        answer(request.send().await.map_err(ClientError::Transport)?).await
    }

    /// A request that carries its signature.
    fn signed(&self, method: Method, path: &str, body: &[u8]) -> reqwest::RequestBuilder {
        let expiry = unix_now().saturating_add(REQUEST_TTL.as_secs());
        let auth = Authorization::sign(
            &self.signer,
            &self.domain,
            method.as_str(),
            path,
            body,
            expiry,
        );
        self.http
            .request(method, format!("{}{path}", self.base))
            .header(http::BODY_HASH, format!("{:#x}", auth.body_hash))
            .header(http::NONCE, format!("{:#x}", auth.nonce))
            .header(http::EXPIRY, auth.expiry_unix_s.to_string())
            .header(http::SIGNATURE, hex::encode_prefixed(&auth.signature))
    }
}

/// The requirements, of which the form is looked at first: what another one says of the rest is not known here.
fn required(answer: serde_json::Value) -> Result<Requirements, ClientError> {
    let form = answer["form"].as_u64();
    if let Some(form) = form.filter(|form| *form != u64::from(REQUIREMENTS_FORM)) {
        return Err(ClientError::OtherForm { form });
    }
    serde_json::from_value(answer).map_err(|error| ClientError::Malformed {
        status: 200,
        why: error.to_string(),
    })
}

/// An object on its way. Its pieces are to be trusted only after [`Download::next`] has returned `None`.
#[derive(Debug)]
pub struct Download {
    response: Response,
    hash: B256,
    bytes_max: u64,
    hasher: Keccak256,
    bytes: u64,
}

impl Download {
    /// The next piece; `None` when the object is complete and has the hash that was asked for.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        let Some(piece) = self
            .response
            .chunk()
            .await
            .map_err(ClientError::Transport)?
        else {
            let actual = self.hasher.clone().finalize();
            if actual != self.hash {
                return Err(ClientError::WrongObject {
                    expected: self.hash,
                    actual,
                });
            }
            return Ok(None);
        };
        self.bytes += piece.len() as u64;
        if self.bytes > self.bytes_max {
            return Err(ClientError::TooLarge {
                bytes_max: self.bytes_max,
            });
        }
        self.hasher.update(&piece);
        Ok(Some(piece.into()))
    }
}

/// Requests are signed against the wall clock; the coordinator tells when it is wrong ([`crate::RefusalCode`]).
fn unix_now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs())
}

/// JSON with ASCII only: our types hold no text but hex and numbers.
fn header_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("our types have string keys and finite numbers")
}

/// Turns every status but success into an error.
async fn refused(response: Response) -> Result<Response, ClientError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let bytes = bounded(response).await?;
    Err(match serde_json::from_slice(&bytes) {
        Ok(refusal) => ClientError::Refused(refusal),
        Err(error) => ClientError::Malformed {
            status: status.as_u16(),
            why: error.to_string(),
        },
    })
}

async fn answer<T: DeserializeOwned>(response: Response) -> Result<T, ClientError> {
    let response = refused(response).await?;
    let status = response.status().as_u16();
    let bytes = bounded(response).await?;
    serde_json::from_slice(&bytes).map_err(|error| ClientError::Malformed {
        status,
        why: error.to_string(),
    })
}

async fn bounded(mut response: Response) -> Result<Vec<u8>, ClientError> {
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(ClientError::Transport)? {
        if bytes.len() + piece.len() > ANSWER_BYTES_MAX {
            return Err(ClientError::TooLarge {
                bytes_max: ANSWER_BYTES_MAX as u64,
            });
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn answer() -> serde_json::Value {
        json!({
            "form": REQUIREMENTS_FORM,
            "version": "0.1.0",
            "rollerVersionMin": "0.1.0",
            "machineMin": { "memoryMib": 1, "diskMib": 2, "cores": 3 },
            "l1ChainId": 1,
            "rollup": Address::ZERO,
            "l2ChainId": 2,
            "operator": Address::ZERO,
            "fallback": null,
            "proofs": "mock",
            "programs": [],
            "stakeMinWei": "1000000000000000000000",
            "proofBytesMax": 48,
            "witnessBytesMax": 1,
            "heartbeatEveryMs": 1000,
            "heartbeatLostS": 10,
            "requestTtlMaxS": 300,
            "pickWaitMaxMs": 1000,
            "whatALaterVersionAdds": true,
        })
    }

    #[test]
    fn requirements_of_a_known_form_are_read_with_what_was_added() {
        let requirements = required(answer()).unwrap();
        assert_eq!(requirements.machine_min.cores, 3);
        assert_eq!(
            requirements.stake_min_wei.to_string(),
            "1000000000000000000000"
        );
    }

    #[test]
    fn requirements_of_another_form_ask_for_an_update_whatever_they_hold() {
        let later = json!({ "form": REQUIREMENTS_FORM + 1, "rollup": { "name": "x" } });
        let error = required(later).unwrap_err();
        assert!(error.to_string().ends_with("update it"), "{error}");
        assert!(!error.is_retryable());
        let mut torn = answer();
        torn["stakeMinWei"] = json!(null);
        assert!(matches!(required(torn), Err(ClientError::Malformed { .. })));
    }
}
