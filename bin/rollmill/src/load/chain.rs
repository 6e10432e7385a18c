//! The chain under load, as any Ethereum node shows it: only standard JSON-RPC.

use alloy::{
    eips::BlockNumberOrTag,
    primitives::U64,
    providers::{DynProvider, Provider},
    rpc::{
        client::BatchRequest,
        json_rpc::{ErrorPayload, RpcRecv},
    },
    transports::{RpcError, TransportError, TransportErrorKind, TransportResult},
};
use alloy_primitives::{Address, B256, Bytes};
use eyre::{WrapErr, eyre};
use serde::Deserialize;

use super::schedule::{Answer, Job};

/// Questions in one request.
const QUESTIONS_MAX: usize = 100;
/// JSON-RPC: there is no such method.
const METHOD_NOT_FOUND: i64 = -32601;
/// HTTP: too many requests, and not now.
const HTTP_BUSY: [u16; 2] = [429, 503];

const SEND: &str = "eth_sendRawTransaction";
const SEND_SYNC: &str = "eth_sendRawTransactionSync";

/// The node at `url` and its chain's id.
pub async fn connect(url: &str) -> eyre::Result<(DynProvider, u64)> {
    let provider = rollmill_l1::connect(url)?;
    let chain_id = provider.get_chain_id().await;
    let chain_id = chain_id.wrap_err_with(|| format!("no Ethereum JSON-RPC answers at {url}"))?;
    Ok((provider, chain_id))
}

/// Wei per gas.
#[derive(Clone, Copy, Debug)]
pub struct Fees {
    /// Most that is paid.
    pub cap: u128,
    /// For the block's maker.
    pub tip: u128,
}

/// One gwei.
const GWEI: u128 = 1_000_000_000;
/// The base fee may rise to this multiple while the load lasts.
const FEE_HEADROOM: u128 = 10;

/// What transactions pay: at most `cap`, if it is given.
pub async fn fees(provider: &DynProvider, cap: Option<u128>) -> eyre::Result<Fees> {
    let head = provider.get_block_by_number(BlockNumberOrTag::Latest);
    let head = head.await?.ok_or_else(|| eyre!("no newest block"))?;
    let base = head.header.base_fee_per_gas;
    let base = base.ok_or_else(|| eyre!("the chain has no base fee (EIP-1559)"))?;
    let tip = provider.get_max_priority_fee_per_gas().await.unwrap_or(0);
    let default = (u128::from(base) * FEE_HEADROOM).max(GWEI) + tip;
    let cap = cap.unwrap_or(default);
    Ok(Fees {
        cap,
        tip: tip.min(cap),
    })
}

/// The answers to one question about each account, at a block tag.
pub async fn ask_all<T: RpcRecv>(
    provider: &DynProvider,
    method: &'static str,
    accounts: &[Address],
    tag: &'static str,
) -> eyre::Result<Vec<T>> {
    let mut answers = Vec::with_capacity(accounts.len());
    for some in accounts.chunks(QUESTIONS_MAX) {
        let mut batch = BatchRequest::new(provider.client());
        let questions = some
            .iter()
            .map(|account| batch.add_call::<_, T>(method, &(*account, tag)))
            .collect::<TransportResult<Vec<_>>>()?;
        batch.send().await?;
        for question in questions {
            answers.push(question.await?);
        }
    }
    Ok(answers)
}

/// The next nonces, what waits counted in.
pub async fn nonces(provider: &DynProvider, accounts: &[Address]) -> eyre::Result<Vec<u64>> {
    let nonces: Vec<U64> =
        ask_all(provider, "eth_getTransactionCount", accounts, "pending").await?;
    Ok(nonces.into_iter().map(|nonce| nonce.to()).collect())
}

/// A block as far as it matters here.
#[derive(Debug, Deserialize)]
pub struct BlockHashes {
    /// Hashes of its transactions.
    pub transactions: Vec<B256>,
}

/// The transactions of a block; `None` when there is no such block yet.
pub async fn block(provider: &DynProvider, number: u64) -> TransportResult<Option<BlockHashes>> {
    let params = (U64::from(number), false);
    provider
        .raw_request("eth_getBlockByNumber".into(), params)
        .await
}

/// A receipt as far as it matters here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// Whose.
    pub transaction_hash: B256,
    /// 1 is success.
    pub status: U64,
}

/// What became of a block's transactions; `None` when the node cannot say.
pub async fn outcomes(provider: &DynProvider, number: u64) -> Option<Vec<Outcome>> {
    let params = (U64::from(number),);
    let answer = provider.raw_request("eth_getBlockReceipts".into(), params);
    answer.await.ok().flatten()
}

/// Sends transactions in one request and says what the node answered to each.
pub async fn send(provider: &DynProvider, jobs: &[Job]) -> Vec<Answer> {
    if let [job] = jobs {
        let sent = send_one(provider, SEND, &job.signed.raw).await;
        return vec![classify(sent.map(drop), job.again)];
    }
    let mut batch = BatchRequest::new(provider.client());
    let calls = jobs
        .iter()
        .map(|job| batch.add_call::<_, B256>(SEND, &(job.signed.raw.clone(),)))
        .collect::<TransportResult<Vec<_>>>();
    let sent = match calls {
        Ok(calls) => batch.send().await.map(|()| calls),
        Err(error) => Err(error),
    };
    match sent {
        Ok(calls) => {
            let mut answers = Vec::with_capacity(jobs.len());
            for (call, job) in calls.into_iter().zip(jobs) {
                answers.push(classify(call.await.map(drop), job.again));
            }
            answers
        }
        Err(error) => {
            let answer = classify(Err(error), false);
            vec![answer; jobs.len()]
        }
    }
}

async fn send_one(
    provider: &DynProvider,
    method: &'static str,
    raw: &Bytes,
) -> TransportResult<serde_json::Value> {
    provider.raw_request(method.into(), (raw.clone(),)).await
}

/// Sends a transaction and waits for its receipt.
pub async fn send_sync(provider: &DynProvider, raw: &Bytes) -> TransportResult<()> {
    send_one(provider, SEND_SYNC, raw).await.map(drop)
}

/// Whether the node has `eth_sendRawTransactionSync`.
pub async fn has_send_sync(provider: &DynProvider) -> bool {
    let nothing: [(); 0] = [];
    let asked: TransportResult<serde_json::Value> =
        provider.raw_request(SEND_SYNC.into(), nothing).await;
    match asked {
        Err(RpcError::ErrorResp(error)) => error.code != METHOD_NOT_FOUND,
        _ => false,
    }
}

/// What an answer means for the transaction; `again` when an earlier request may have brought it there.
fn classify(sent: Result<(), TransportError>, again: bool) -> Answer {
    match sent {
        Ok(()) => Answer::Accepted,
        Err(RpcError::ErrorResp(error)) => refusal(&error, again),
        Err(RpcError::Transport(
            TransportErrorKind::HttpError(error)
            | TransportErrorKind::HttpErrorWithRetryAfter { error, .. },
        )) if HTTP_BUSY.contains(&error.status) => {
            Answer::Later(format!("HTTP status {}", error.status))
        }
        Err(_) => Answer::Later(NO_ANSWER.to_owned()),
    }
}

/// The reason under which requests without an answer are counted.
pub const NO_ANSWER: &str = "no answer";

/// Nodes agree on go-ethereum's texts, more or less.
fn refusal(error: &ErrorPayload, again: bool) -> Answer {
    let text = error.message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    // What differs from one transaction to the next stands behind the colon.
    let reason = error.message.split(':').next().unwrap_or_default();
    let reason = reason.trim().to_owned();
    if says(&["already known", "known transaction", "already imported"]) {
        return Answer::Accepted;
    }
    if again && says(&["nonce too low"]) {
        return Answer::Accepted;
    }
    let busy = [
        "nonce too high",
        "pool is full",
        "too many",
        "rate limit",
        "limit exceeded",
        "busy",
    ];
    if says(&busy) {
        return Answer::Later(reason);
    }
    Answer::Refused(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(message: &'static str, again: bool) -> Answer {
        let error = ErrorPayload {
            code: -32000,
            message: message.into(),
            data: None,
        };
        classify(Err(RpcError::ErrorResp(error)), again)
    }

    #[test]
    fn refusals_are_told_from_what_passes() {
        assert_eq!(classify(Ok(()), false), Answer::Accepted);
        assert_eq!(answer("already known", false), Answer::Accepted);
        let low = "nonce too low: next nonce 5, tx nonce 4";
        assert_eq!(answer(low, true), Answer::Accepted);
        assert_eq!(
            answer(low, false),
            Answer::Refused("nonce too low".to_owned())
        );
        assert_eq!(
            answer("txpool is full", false),
            Answer::Later("txpool is full".to_owned())
        );
        let high = "nonce too high: tx nonce 99, at most 16 ahead of the account is kept";
        assert_eq!(
            answer(high, true),
            Answer::Later("nonce too high".to_owned())
        );
        let poor = "insufficient funds for gas * price + value: balance 0, tx cost 1, overshot 1";
        let reason = "insufficient funds for gas * price + value".to_owned();
        assert_eq!(answer(poor, false), Answer::Refused(reason));
        let lost = TransportErrorKind::custom_str("connection reset");
        assert_eq!(
            classify(Err(lost), true),
            Answer::Later(NO_ANSWER.to_owned())
        );
    }
}
