//! How often each method was called, how often it failed, and how long it took: atomic numbers, for whoever asks.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use jsonrpsee::{
    core::middleware::{Batch, BatchEntry, Notification, RpcServiceT},
    server::{MethodResponse, Methods},
    types::Request,
};

/// Counts of all methods that a server has, and of the calls of others. Clones share them.
#[derive(Clone, Debug)]
pub struct Calls(Arc<BTreeMap<&'static str, Count>>);

/// Counts of one method.
#[derive(Debug, Default)]
pub struct Count {
    /// Calls that were answered with a result.
    pub answered: AtomicU64,
    /// Calls that were answered with an error.
    pub failed: AtomicU64,
    /// Calls in batches of several, whose answers are not looked at one by one.
    pub batched: AtomicU64,
    /// Time that answers to single calls took, microseconds.
    pub busy_us: AtomicU64,
}

/// Name under which calls of unknown methods are counted.
const UNKNOWN: &str = "unknown";

impl Calls {
    /// Counts for these methods.
    pub(super) fn of(methods: &Methods) -> Self {
        let names = methods.method_names().chain([UNKNOWN]);
        let counts = names.map(|name| (name, Count::default()));
        Self(Arc::new(counts.collect()))
    }

    /// Every method with its counts.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Count)> {
        self.0.iter().map(|(name, count)| (*name, count))
    }

    fn of_method(&self, name: &str) -> &Count {
        let known = self.0.get(name).or_else(|| self.0.get(UNKNOWN));
        known.expect("unknown methods have their counts")
    }

    fn called(&self, method: &str, is_success: bool, since: Instant) {
        let count = self.of_method(method);
        let outcome = match is_success {
            true => &count.answered,
            false => &count.failed,
        };
        outcome.fetch_add(1, Relaxed);
        let busy_us = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
        count.busy_us.fetch_add(busy_us, Relaxed);
    }
}

/// A layer over jsonrpsee's service.
#[derive(Clone, Debug)]
pub(super) struct Counted<S> {
    pub(super) service: S,
    pub(super) calls: Calls,
}

impl<S> RpcServiceT for Counted<S>
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
        let (service, calls) = (self.service.clone(), self.calls.clone());
        async move {
            let (method, since) = (request.method.clone(), Instant::now());
            let answer = service.call(request).await;
            calls.called(&method, answer.is_success(), since);
            answer
        }
    }

    fn batch<'a>(&self, batch: Batch<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        for entry in batch.iter() {
            if let Ok(BatchEntry::Call(request)) = entry {
                let count = self.calls.of_method(request.method_name());
                count.batched.fetch_add(1, Relaxed);
            }
        }
        self.service.batch(batch)
    }

    fn notification<'a>(
        &self,
        notification: Notification<'a>,
    ) -> impl Future<Output = MethodResponse> + Send + 'a {
        self.service.notification(notification)
    }
}
