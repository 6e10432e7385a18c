//! Batches of requests. One by one in their order, as everywhere; but a batch that does nothing but send transactions is
//! answered as a number of concurrent calls, which JSON-RPC allows: a durable pool writes what arrives together with one flush, so
//! that a batch waits for one and not for one after the other.

use std::{borrow::Cow, future::Future, panic::resume_unwind};

use jsonrpsee::{
    core::middleware::{Batch, BatchEntry, Notification, RpcServiceT},
    server::{BatchResponseBuilder, MethodResponse},
    types::Request,
};

use super::RESPONSE_BYTES_MAX;

/// The method that may be called concurrently.
const SEND: &str = "eth_sendRawTransaction";
/// Calls of one batch that run at the same time.
const SENT_AT_ONCE_MAX: usize = 64;

/// A layer over jsonrpsee's service.
#[derive(Clone, Debug)]
pub(super) struct Batches<S>(pub(super) S);

impl<S> RpcServiceT for Batches<S>
where
    S: RpcServiceT<
            MethodResponse = MethodResponse,
            NotificationResponse = MethodResponse,
            BatchResponse = MethodResponse,
        > + Send
        + Sync
        + Clone
        + 'static,
{
    type MethodResponse = MethodResponse;
    type NotificationResponse = MethodResponse;
    type BatchResponse = MethodResponse;

    fn call<'a>(&self, request: Request<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        self.0.call(request)
    }

    fn batch<'a>(&self, batch: Batch<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let service = self.0.clone();
        async move {
            if batch.len() > 1
                && batch
                    .iter()
                    .all(|entry| matches!(entry, Ok(entry) if is_send(entry)))
            {
                send_all(service, batch).await
            } else {
                service.batch(batch).await
            }
        }
    }

    fn notification<'a>(
        &self,
        notification: Notification<'a>,
    ) -> impl Future<Output = MethodResponse> + Send + 'a {
        self.0.notification(notification)
    }
}

fn is_send(entry: &BatchEntry<'_>) -> bool {
    matches!(entry, BatchEntry::Call(request) if request.method_name() == SEND)
}

/// The answers stand in the order of the calls.
async fn send_all<S>(service: S, batch: Batch<'_>) -> MethodResponse
where
    S: RpcServiceT<MethodResponse = MethodResponse> + Send + Sync + Clone + 'static,
{
    let calls: Vec<Request<'static>> = batch
        .into_iter()
        .filter_map(|entry| match entry {
            Ok(BatchEntry::Call(request)) => Some(owned(request)),
            _ => None,
        })
        .collect();
    let mut answers = BatchResponseBuilder::new_with_limit(RESPONSE_BYTES_MAX as usize);
    let mut calls = calls.into_iter().peekable();
    while calls.peek().is_some() {
        let running: Vec<_> = calls
            .by_ref()
            .take(SENT_AT_ONCE_MAX)
            .map(|request| {
                let service = service.clone();
                tokio::spawn(async move { service.call(request).await })
            })
            .collect();
        for call in running {
            let answer = call
                .await
                .unwrap_or_else(|panic| resume_unwind(panic.into_panic()));
            if let Err(too_large) = answers.append(answer) {
                return too_large;
            }
        }
    }
    MethodResponse::from_batch(answers.finish())
}

/// The request without anything borrowed.
pub(super) fn owned(request: Request<'_>) -> Request<'static> {
    let Request {
        jsonrpc,
        id,
        method,
        params,
        extensions,
    } = request;
    Request {
        jsonrpc,
        id: id.into_owned(),
        method: Cow::Owned(method.into_owned()),
        params: params.map(|params| Cow::Owned(params.into_owned())),
        extensions,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{
        sync::{Arc, atomic::Ordering::Relaxed},
        time::Duration,
    };

    use alloy_genesis::Genesis;
    use alloy_primitives::{B256, Bytes, keccak256};
    use rollmill_stf::{EthereumRules, Fork, Rules};
    use serde_json::{Value, json};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
        sync::Barrier,
        time::timeout,
    };
    use tokio_util::sync::CancellationToken;

    use crate::{
        chain::{Chain, ChainSpec},
        pool::{Announcements, PoolError, TransactionPool},
        rpc::{Methods, RpcConfig, serve},
    };

    /// Takes transactions by three; refuses those without content.
    struct ByThree {
        barrier: Barrier,
        announcements: Announcements,
    }

    impl TransactionPool for ByThree {
        async fn submit(self: &Arc<Self>, raw: Bytes) -> Result<B256, PoolError> {
            self.barrier.wait().await;
            if raw.is_empty() {
                return Err(PoolError::Type);
            }
            Ok(keccak256(raw))
        }

        fn announcements(&self) -> &Announcements {
            &self.announcements
        }
    }

    async fn post(address: std::net::SocketAddr, body: &Value) -> Value {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let body = body.to_string();
        let request = format!(
            "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    }

    #[tokio::test]
    async fn transactions_of_a_batch_are_sent_together_and_answered_in_their_order() {
        let dir = tempfile::tempdir().unwrap();
        let spec = ChainSpec {
            rules: Rules::Ethereum(EthereumRules::at_fork(7, Fork::Shanghai)),
            genesis: Genesis::default(),
        };
        let chain = Chain::open(&dir.path().join("chain.redb"), &spec).unwrap();
        let pool = Arc::new(ByThree {
            barrier: Barrier::new(3),
            announcements: Announcements::default(),
        });
        let config = RpcConfig {
            listen: ([127, 0, 0, 1], 0).into(),
            client_version: "test".into(),
            priority_fee_wei: 0,
        };
        let stop = CancellationToken::new();
        let server = serve(chain, pool, config, Methods::default(), stop.clone())
            .await
            .unwrap();
        let send = |id: u64, raw: &str| json!({"jsonrpc": "2.0", "id": id, "method": "eth_sendRawTransaction", "params": [raw]});
        let batch = json!([send(7, "0x01"), send(8, "0x"), send(9, "0x02")]);
        // One after the other would wait for ever.
        let answers = timeout(Duration::from_secs(60), post(server.address(), &batch))
            .await
            .unwrap();
        assert_eq!(answers[0]["id"], 7);
        assert_eq!(answers[0]["result"], json!(keccak256([1])));
        assert_eq!(answers[1]["id"], 8);
        assert_eq!(answers[1]["error"]["code"], -32000);
        assert_eq!(answers[2]["id"], 9);
        assert_eq!(answers[2]["result"], json!(keccak256([2])));

        // What does something else, too, keeps its order: methods without a pool still answer.
        let id = |id: u64| json!({"jsonrpc": "2.0", "id": id, "method": "eth_chainId"});
        let answers = post(server.address(), &json!([id(1), id(2)])).await;
        assert_eq!(answers[1]["result"], "0x7");

        let calls = server.calls();
        let counts = |method: &str| {
            let (_, count) = calls.iter().find(|(name, _)| *name == method).unwrap();
            [&count.answered, &count.failed, &count.batched].map(|count| count.load(Relaxed))
        };
        assert_eq!(counts("eth_sendRawTransaction"), [2, 1, 0]);
        assert_eq!(counts("eth_chainId"), [0, 0, 2]);
        let unknown = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_nothing"});
        post(server.address(), &unknown).await;
        assert_eq!(counts("unknown"), [0, 1, 0]);
        stop.cancel();
        server.stopped().await;
    }
}
