//! Traces in OpenTelemetry's protocol (OTLP over HTTP, as JSON), for a collector that the operator names.
//!
//! Model: a span is told once, when it has ended, with ids that its teller makes of what it is about: so processes that know nothing of
//! each other tell one trace. Nobody waits for it. What the collector does not take is dropped, and the log says so once.

use std::{
    convert::Infallible,
    fmt::Write,
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{Shutdown, chain};

/// Spans that may wait to be sent; a batch has some dozen.
const WAITING_MAX: usize = 1_024;
/// Spans in one request.
const SENT_AT_ONCE_MAX: usize = 128;
/// How long a collector may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The trace of a task: everybody who works on it knows the id, and so tells the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    id: [u8; 16],
    whole: [u8; 8],
}

impl Trace {
    /// Of the task with this id.
    pub fn of_task(task: [u8; 32]) -> Self {
        let (mut id, mut whole) = ([0; 16], [0; 8]);
        id.copy_from_slice(&task[..16]);
        whole.copy_from_slice(&task[16..24]);
        Self { id, whole }
    }

    /// The span of all of it, from and until when.
    pub fn whole(
        &self,
        name: &str,
        (start_unix_ms, end_unix_ms): (u64, u64),
        attributes: Vec<(&'static str, String)>,
    ) -> Span {
        Span {
            trace: self.id,
            id: self.whole,
            parent: None,
            name: name.to_owned(),
            start_unix_ms,
            end_unix_ms,
            attributes,
        }
    }

    /// The span of a part of it. What is told with the same attributes, name and start is the same span.
    pub fn part(
        &self,
        name: &str,
        times_unix_ms: (u64, u64),
        attributes: Vec<(&'static str, String)>,
    ) -> Span {
        let mut hasher = DefaultHasher::new();
        (self.id, name, times_unix_ms.0, &attributes).hash(&mut hasher);
        Span {
            id: hasher.finish().to_be_bytes(),
            parent: Some(self.whole),
            ..self.whole(name, times_unix_ms, attributes)
        }
    }
}

/// Something that took time, and is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The trace that it belongs to.
    pub trace: [u8; 16],
    /// Itself.
    pub id: [u8; 8],
    /// The span that it is a part of.
    pub parent: Option<[u8; 8]>,
    /// What was done.
    pub name: String,
    /// When it began.
    pub start_unix_ms: u64,
    /// When it ended.
    pub end_unix_ms: u64,
    /// What else is known of it.
    pub attributes: Vec<(&'static str, String)>,
}

impl Span {
    fn json(&self) -> Value {
        let nanoseconds = |ms: u64| (u128::from(ms) * 1_000_000).to_string();
        json!({
            "traceId": hex(&self.trace),
            "spanId": hex(&self.id),
            "parentSpanId": self.parent.map_or_else(String::new, |parent| hex(&parent)),
            "name": self.name,
            "kind": 1,
            "startTimeUnixNano": nanoseconds(self.start_unix_ms),
            "endTimeUnixNano": nanoseconds(self.end_unix_ms),
            "attributes": attributes(self.attributes.iter().map(|(key, value)| (*key, &**value))),
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // A string takes everything.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn attributes<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<Value> {
    let pairs = pairs.map(|(key, value)| json!({ "key": key, "value": { "stringValue": value } }));
    pairs.collect()
}

/// Where spans are told; clones tell the same collector.
#[derive(Clone, Debug)]
pub struct Tracer(mpsc::Sender<Span>);

impl Tracer {
    /// Tells a span, unless too many wait.
    pub fn tell(&self, span: Span) {
        if self.0.try_send(span).is_err() {
            tracing::debug!("a span is dropped");
        }
    }
}

/// Brings spans to the collector.
#[derive(Debug)]
pub struct Exporter {
    url: String,
    service: &'static str,
    http: reqwest::Client,
    spans: mpsc::Receiver<Span>,
}

/// Tells spans of `service` to the collector at `url`, below which is `/v1/traces`.
///
/// # Errors
/// The system has no sources of trust.
pub fn tracer(url: &str, service: &'static str) -> Result<(Tracer, Exporter), reqwest::Error> {
    let (sender, spans) = mpsc::channel(WAITING_MAX);
    let exporter = Exporter {
        url: format!("{}/v1/traces", url.trim_end_matches('/')),
        service,
        http: reqwest::Client::builder().timeout(PATIENCE).build()?,
        spans,
    };
    Ok((Tracer(sender), exporter))
}

impl Exporter {
    /// Sends what is told until the shutdown; then what still waits, once.
    ///
    /// # Errors
    /// None.
    pub async fn run(mut self, shutdown: Shutdown) -> Result<(), Infallible> {
        let mut is_refused = false;
        loop {
            let mut spans = Vec::new();
            let receiving = self.spans.recv_many(&mut spans, SENT_AT_ONCE_MAX);
            let received = shutdown.run_until(receiving).await;
            if received.is_none() {
                while let Ok(span) = self.spans.try_recv() {
                    spans.push(span);
                }
            }
            if !spans.is_empty() {
                match self.send(&spans).await {
                    Ok(()) => is_refused = false,
                    Err(error) if is_refused => {
                        tracing::debug!("spans are dropped: {}", chain(&error));
                    }
                    Err(error) => {
                        is_refused = true;
                        tracing::warn!("the collector takes no spans: {}", chain(&error));
                    }
                }
            }
            match received {
                None => return Ok(()),
                // Nobody tells anything any more.
                Some(0) => shutdown.cancelled().await,
                Some(_) => {}
            }
        }
    }

    async fn send(&self, spans: &[Span]) -> Result<(), reqwest::Error> {
        let service = [("service.name", self.service)].into_iter();
        let spans: Vec<Value> = spans.iter().map(Span::json).collect();
        let body = json!({ "resourceSpans": [{
            "resource": { "attributes": attributes(service) },
            "scopeSpans": [{ "scope": { "name": "rollmill" }, "spans": spans }],
        }]});
        let answer = self.http.post(&self.url).json(&body).send().await?;
        answer.error_for_status().map(drop)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use axum::{Json, Router, routing::post};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_span_is_told_as_the_protocol_says() {
        let (got, mut received) = mpsc::channel(4);
        let collector = Router::new().route(
            "/v1/traces",
            post(async move |Json(body): Json<Value>| {
                got.send(body).await.unwrap();
                Json(json!({}))
            }),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, collector).into_future());

        let shutdown = Shutdown::new();
        let (tracer, exporter) = tracer(&url, "rollmill").unwrap();
        let trace = Trace::of_task([0x0a; 32]);
        let times_unix_ms = (1_700_000_000_001, 1_700_000_000_500);
        let batch = || vec![("batch", "7".to_owned())];
        let part = trace.part("proving.working", times_unix_ms, batch());
        let id = hex(&part.id);
        tracer.tell(part);
        tracer.tell(trace.whole("batch", times_unix_ms, batch()));
        let running = tokio::spawn(exporter.run(shutdown.clone()));
        let body = received.recv().await.unwrap();
        let scope = &body["resourceSpans"][0];
        let service = &scope["resource"]["attributes"][0];
        assert_eq!(service["key"], "service.name");
        assert_eq!(service["value"]["stringValue"], "rollmill");
        let expected = json!({
            "traceId": "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a",
            "spanId": id,
            "parentSpanId": "0a0a0a0a0a0a0a0a",
            "name": "proving.working",
            "kind": 1,
            "startTimeUnixNano": "1700000000001000000",
            "endTimeUnixNano": "1700000000500000000",
            "attributes": [{ "key": "batch", "value": { "stringValue": "7" } }],
        });
        let spans = &scope["scopeSpans"][0]["spans"];
        assert_eq!(spans[0], expected);
        assert_eq!(spans[1]["spanId"], "0a0a0a0a0a0a0a0a");
        assert_eq!(spans[1]["parentSpanId"], "");
        shutdown.cancel();
        running.await.unwrap().unwrap();
    }
}
