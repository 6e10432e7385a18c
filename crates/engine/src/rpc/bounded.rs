//! Turns at what is dear: calls that may keep a thread busy for seconds, or read thousands of blocks.
//!
//! jsonrpsee runs them on tokio's blocking threads, of which there are hundreds, and all of them would compete with the one that
//! builds blocks. So a few run at a time and the others wait, in the order in which they came, as in reth; unlike there not
//! without end, because one WebSocket sends as many calls as it likes. The deadline of a call begins with its turn.

use std::{future::Future, panic::resume_unwind, sync::Arc, thread::available_parallelism};

use jsonrpsee::{
    core::middleware::{Batch, BatchEntry, Notification, RpcServiceT},
    server::{BatchResponseBuilder, MethodResponse},
    types::{ErrorCode, Request},
};
use tokio::sync::Semaphore;

use super::{RESPONSE_BYTES_MAX, batch::owned};

/// Turns for each core: one computes while another one waits for the disk.
const TURNS_PER_CORE: usize = 2;
/// Dear calls that run or wait; others are told to come again. Two for each connection, and some.
const CALLS_MAX: usize = 1_024;

/// All of them run the EVM or read many blocks; so does the whole of `debug`.
const DEAR: [&str; 12] = [
    "eth_call",
    "eth_createAccessList",
    "eth_estimateGas",
    "eth_feeHistory",
    "eth_fillTransaction",
    "eth_getFilterChanges",
    "eth_getFilterLogs",
    "eth_getLogs",
    "eth_getProof",
    "eth_simulateV1",
    // Of the sequencer.
    "rollmill_estimateFee",
    "rollmill_getAddressTransactions",
];

fn is_dear(method: &str) -> bool {
    method.starts_with("debug_") || DEAR.contains(&method)
}

/// What dear calls need; clones share it. Neither is ever closed.
#[derive(Clone, Debug)]
pub(super) struct Turns {
    running: Arc<Semaphore>,
    known: Arc<Semaphore>,
}

impl Turns {
    /// Those of this machine.
    pub(super) fn of_machine() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self::new(cores * TURNS_PER_CORE, CALLS_MAX)
    }

    fn new(running: usize, known: usize) -> Self {
        Self {
            running: Arc::new(Semaphore::new(running)),
            known: Arc::new(Semaphore::new(known)),
        }
    }
}

/// A layer over jsonrpsee's service.
#[derive(Clone, Debug)]
pub(super) struct Bounded<S> {
    pub(super) service: S,
    pub(super) turns: Turns,
}

impl<S> RpcServiceT for Bounded<S>
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
        let Self { service, turns } = self.clone();
        async move {
            if !is_dear(request.method_name()) {
                return service.call(request).await;
            }
            let Ok(known) = turns.known.try_acquire_owned() else {
                return MethodResponse::error(request.id, ErrorCode::ServerIsBusy);
            };
            let turn = turns.running.acquire_owned().await;
            let turn = turn.expect("INVARIANT: it is never closed");
            let request = owned(request);
            // A client that goes away ends its wait. But a call that has begun runs on, and so has its turn until its own end.
            let call = tokio::spawn(async move {
                let answer = service.call(request).await;
                drop((turn, known));
                answer
            });
            call.await
                .unwrap_or_else(|panic| resume_unwind(panic.into_panic()))
        }
    }

    /// jsonrpsee's own would not come back to `call` for each. A batch waits for its turn again and again, behind those who came
    /// meanwhile.
    fn batch<'a>(&self, batch: Batch<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let bounded = self.clone();
        async move {
            let is_dear = |entry: &BatchEntry<'_>| is_dear(entry.method_name());
            if !batch.iter().flatten().any(is_dear) {
                return bounded.service.batch(batch).await;
            }
            let mut answers = BatchResponseBuilder::new_with_limit(RESPONSE_BYTES_MAX as usize);
            for entry in batch {
                let answer = match entry {
                    Ok(BatchEntry::Call(request)) => bounded.call(request).await,
                    // Nobody is told what became of it.
                    Ok(BatchEntry::Notification(_)) => continue,
                    Err(error) => {
                        let (error, id) = error.into_parts();
                        MethodResponse::error(id, error)
                    }
                };
                if let Err(too_large) = answers.append(answer) {
                    return too_large;
                }
            }
            if answers.is_empty() {
                return MethodResponse::notification();
            }
            MethodResponse::from_batch(answers.finish())
        }
    }

    fn notification<'a>(
        &self,
        notification: Notification<'a>,
    ) -> impl Future<Output = MethodResponse> + Send + 'a {
        self.service.notification(notification)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{
        future::ready,
        sync::atomic::{AtomicUsize, Ordering::Relaxed},
    };

    use jsonrpsee::{
        core::middleware::BatchEntryErr,
        server::ResponsePayload,
        types::{ErrorObject, Id},
    };
    use serde_json::{Value, json};
    use tokio::task::yield_now;

    use super::*;

    /// Answers dear calls when it is told to, others at once.
    #[derive(Clone, Debug)]
    struct Slow {
        go: Arc<Semaphore>,
        begun: Arc<AtomicUsize>,
    }

    impl RpcServiceT for Slow {
        type MethodResponse = MethodResponse;
        type NotificationResponse = MethodResponse;
        type BatchResponse = MethodResponse;

        fn call<'a>(
            &self,
            request: Request<'a>,
        ) -> impl Future<Output = MethodResponse> + Send + 'a {
            let Self { go, begun } = self.clone();
            async move {
                if is_dear(request.method_name()) {
                    begun.fetch_add(1, Relaxed);
                    go.acquire().await.unwrap().forget();
                }
                let method = request.method.into_owned();
                MethodResponse::response(request.id, ResponsePayload::success(method), 1_000)
            }
        }

        fn batch<'a>(&self, _: Batch<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
            ready(MethodResponse::error(Id::Null, ErrorCode::InternalError))
        }

        fn notification<'a>(
            &self,
            _: Notification<'a>,
        ) -> impl Future<Output = MethodResponse> + Send + 'a {
            ready(MethodResponse::notification())
        }
    }

    fn bounded(running: usize, known: usize) -> Bounded<Slow> {
        let service = Slow {
            go: Arc::new(Semaphore::new(0)),
            begun: Arc::default(),
        };
        Bounded {
            service,
            turns: Turns::new(running, known),
        }
    }

    impl Bounded<Slow> {
        fn ask(&self, method: &'static str) -> tokio::task::JoinHandle<Value> {
            let bounded = self.clone();
            tokio::spawn(async move { json_of(&bounded.call(request(1, method)).await) })
        }

        /// How many dear calls have begun, when everybody has done what can be done. There is one thread, and nothing outside.
        async fn begun(&self) -> usize {
            for _ in 0..100 {
                yield_now().await;
            }
            self.service.begun.load(Relaxed)
        }
    }

    fn request(id: u64, method: &'static str) -> Request<'static> {
        Request::borrowed(method, None, Id::Number(id))
    }

    fn json_of(answer: &MethodResponse) -> Value {
        serde_json::from_str(answer.as_json().get()).unwrap()
    }

    #[tokio::test]
    async fn dear_calls_take_turns_and_others_do_not_wait() {
        let bounded = bounded(2, 9);
        let dear = ["eth_call", "debug_traceCall", "eth_getLogs"].map(|name| bounded.ask(name));
        assert_eq!(bounded.begun().await, 2);
        let cheap = bounded.ask("eth_chainId").await.unwrap();
        assert_eq!(cheap["result"], "eth_chainId");
        bounded.service.go.add_permits(1);
        assert_eq!(bounded.begun().await, 3);
        bounded.service.go.add_permits(2);
        for (call, name) in dear
            .into_iter()
            .zip(["eth_call", "debug_traceCall", "eth_getLogs"])
        {
            assert_eq!(call.await.unwrap()["result"], name);
        }
    }

    #[tokio::test]
    async fn a_call_keeps_its_turn_when_its_client_has_gone() {
        let bounded = bounded(1, 9);
        let (first, second) = (bounded.ask("eth_call"), bounded.ask("eth_call"));
        assert_eq!(bounded.begun().await, 1);
        first.abort();
        assert_eq!(bounded.begun().await, 1);
        bounded.service.go.add_permits(1);
        assert_eq!(bounded.begun().await, 2);
        // One that has not begun leaves no trace.
        let third = bounded.ask("eth_call");
        bounded.begun().await;
        third.abort();
        bounded.service.go.add_permits(1);
        second.await.unwrap();
        assert_eq!(bounded.begun().await, 2);
        assert_eq!(bounded.turns.known.available_permits(), 9);
    }

    #[tokio::test]
    async fn too_many_that_wait_are_told_to_come_again() {
        let bounded = bounded(1, 2);
        let known = [bounded.ask("eth_call"), bounded.ask("eth_call")];
        bounded.begun().await;
        let refused = bounded.ask("eth_call").await.unwrap();
        assert_eq!(refused["error"]["code"], -32009);
        bounded.service.go.add_permits(2);
        for call in known {
            assert_eq!(call.await.unwrap()["result"], "eth_call");
        }
    }

    #[tokio::test]
    async fn a_batch_takes_a_turn_for_each_dear_call() {
        let bounded = bounded(1, 9);
        let wrong = BatchEntryErr::new(Id::Null, ErrorObject::from(ErrorCode::InvalidRequest));
        let batch = Batch::from(vec![
            Ok(BatchEntry::Call(request(7, "eth_call"))),
            Ok(BatchEntry::Notification(Notification::new(
                "eth_call".into(),
                None,
            ))),
            Err(wrong),
            Ok(BatchEntry::Call(request(8, "eth_chainId"))),
            Ok(BatchEntry::Call(request(9, "eth_call"))),
        ]);
        let asked = bounded.clone();
        let answers = tokio::spawn(async move { json_of(&asked.batch(batch).await) });
        assert_eq!(bounded.begun().await, 1);
        let between = bounded.ask("eth_getLogs");
        bounded.begun().await;
        bounded.service.go.add_permits(2);
        assert_eq!(between.await.unwrap()["result"], "eth_getLogs");
        bounded.service.go.add_permits(1);
        let answers = answers.await.unwrap();
        let parts: Vec<_> = answers
            .as_array()
            .unwrap()
            .iter()
            .map(|answer| (answer["id"].clone(), answer["result"].clone()))
            .collect();
        let expected = [
            (json!(7), json!("eth_call")),
            (Value::Null, Value::Null),
            (json!(8), json!("eth_chainId")),
            (json!(9), json!("eth_call")),
        ];
        assert_eq!(parts, expected);
    }

    #[test]
    fn every_name_is_that_of_a_method() {
        let api = include_str!("api.rs");
        for name in DEAR.iter().filter_map(|name| name.strip_prefix("eth_")) {
            assert!(api.contains(&format!("name = \"{name}\"")), "{name}");
        }
    }
}
