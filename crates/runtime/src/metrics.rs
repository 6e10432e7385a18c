//! What a process measures of itself, for Prometheus, and whether it is well; both by HTTP, for its operator only.
//!
//! Rules:
//! - One [`Registry`] for each process. Its owner makes it and hands it to whoever has something to measure; there are no globals.
//! - A metric has a unit, which ends its name, and a sentence of help ([`add`] asks for both).
//! - Whoever counts holds its own counter: an atomic number. Registry and server take part only when somebody asks.
//! - Labels come from closed sets, never from outsiders.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, atomic::AtomicU64},
};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
pub use prometheus_client::{
    metrics::{
        counter::{Atomic, Counter},
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
        info::Info,
    },
    registry::{Metric, Registry, Unit},
};
use serde::Serialize;
use tokio::{net::TcpListener, sync::watch};

use crate::Shutdown;

/// Every name begins with it.
const PREFIX: &str = "rollmill";

/// The trouble of a process that has not looked at itself yet.
const STARTING: &str = "starting";

/// How the exposition is called.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Names of labels with their values.
pub type Labels<const N: usize> = [(&'static str, &'static str); N];
/// A number that goes up and down, with fractions.
pub type Level = Gauge<f64, AtomicU64>;
/// A sum that grows by fractions.
pub type Sum = Counter<f64, AtomicU64>;

/// The registry of a process that runs this version.
pub fn registry(version: &'static str) -> Registry {
    let mut registry = Registry::with_prefix(PREFIX);
    let build = Info::new([("version", version)]);
    registry.register("build", "What runs", build);
    registry
}

/// Registers a metric as `NAME_UNIT`; a counter's samples are called `NAME_UNIT_total`.
pub fn add<M: Metric + Clone>(
    registry: &mut Registry,
    (name, unit): (&str, &str),
    help: &str,
    metric: &M,
) {
    let unit = Unit::Other(unit.to_owned());
    registry.register_with_unit(name, help, unit, metric.clone());
}

/// A new metric, registered.
pub fn metric<M: Metric + Clone + Default>(
    registry: &mut Registry,
    name_and_unit: (&str, &str),
    help: &str,
) -> M {
    let metric = M::default();
    add(registry, name_and_unit, help, &metric);
    metric
}

/// Something that keeps the process from its work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// What, for machines.
    pub name: &'static str,
    /// What, for people.
    pub why: String,
}

impl Trouble {
    /// See the fields.
    pub fn new(name: &'static str, why: impl Into<String>) -> Self {
        let why = why.into();
        Self { name, why }
    }
}

/// Where a process says whether it is well. Clones share it.
#[derive(Clone, Debug)]
pub struct Health(watch::Sender<Vec<Trouble>>);

impl Default for Health {
    /// Nobody has looked yet.
    fn default() -> Self {
        let starting = Trouble::new(STARTING, "the process has not looked at itself yet");
        Self(watch::Sender::new(vec![starting]))
    }
}

impl Health {
    /// What keeps the process from its work now; nothing if it is well.
    pub fn set(&self, troubles: Vec<Trouble>) {
        self.0.send_replace(troubles);
    }

    /// Says of one thing alone whether it keeps the process from its work, and why.
    pub fn tell(&self, name: &'static str, why: Option<String>) {
        self.0.send_modify(|troubles| {
            troubles.retain(|trouble| trouble.name != name && trouble.name != STARTING);
            troubles.extend(why.map(|why| Trouble::new(name, why)));
        });
    }
}

/// Answer of `/health`.
#[derive(Debug, Serialize)]
struct Report {
    healthy: bool,
    troubles: Vec<Trouble>,
}

/// What the handlers share.
#[derive(Clone)]
struct Shared(Arc<(Registry, Health)>);

/// A server that is bound and does not run yet.
#[derive(Debug)]
pub struct MetricsServer {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
}

impl MetricsServer {
    /// Binds the address, for `/metrics` and `/health`; port 0 takes a free one.
    ///
    /// # Errors
    /// The address is taken or not ours.
    pub async fn bind(listen: SocketAddr, registry: Registry, health: Health) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let router = Router::new()
            .route("/metrics", get(metrics))
            .route("/health", get(report))
            .with_state(Shared(Arc::new((registry, health))));
        Ok(Self {
            listener,
            address,
            router,
        })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Runs until the shutdown; requests that are being answered are cut off.
    ///
    /// # Errors
    /// The listener fails.
    pub async fn run(self, shutdown: Shutdown) -> io::Result<()> {
        let server = axum::serve(self.listener, self.router).into_future();
        shutdown.run_until(server).await.unwrap_or(Ok(()))
    }
}

async fn metrics(State(Shared(shared)): State<Shared>) -> Response {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &shared.0) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn report(State(Shared(shared)): State<Shared>) -> (StatusCode, Json<Report>) {
    let troubles = shared.1.0.borrow().clone();
    let healthy = troubles.is_empty();
    let status = match healthy {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(Report { healthy, troubles }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    use super::*;

    async fn get(url: &str, path: &str) -> String {
        let host = url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn metrics_are_told_with_help_and_unit_and_health_with_its_reasons() {
        let mut registry = registry("1.2.3");
        let eaten = ("eaten", "cakes");
        let cakes: Family<Labels<1>, Counter> = metric(&mut registry, eaten, "Cakes that are gone");
        let health = Health::default();
        let listen = ([127, 0, 0, 1], 0).into();
        let server = MetricsServer::bind(listen, registry, health.clone());
        let server = server.await.unwrap();
        let (url, shutdown) = (server.url(), Shutdown::new());
        let running = tokio::spawn(server.run(shutdown.clone()));

        cakes.get_or_create(&[("kind", "lemon")]).inc_by(2);
        let answer = get(&url, "/metrics").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        for line in [
            "content-type: application/openmetrics-text",
            "# HELP rollmill_eaten_cakes Cakes that are gone.",
            "# UNIT rollmill_eaten_cakes cakes",
            "rollmill_eaten_cakes_total{kind=\"lemon\"} 2",
            "rollmill_build_info{version=\"1.2.3\"} 1",
        ] {
            assert!(answer.contains(line), "{line}: {answer}");
        }

        let answer = get(&url, "/health").await;
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        assert!(answer.contains("\"name\":\"starting\""), "{answer}");
        health.set(Vec::new());
        let answer = get(&url, "/health").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.ends_with("{\"healthy\":true,\"troubles\":[]}"));
        health.tell("disk", Some("it is full".to_owned()));
        health.tell("work", None);
        let told = "\"troubles\":[{\"name\":\"disk\",\"why\":\"it is full\"}]";
        assert!(get(&url, "/health").await.contains(told));
        health.tell("disk", None);
        assert!(get(&url, "/health").await.starts_with("HTTP/1.1 200"));
        assert!(get(&url, "/").await.starts_with("HTTP/1.1 404"));
        shutdown.cancel();
        running.await.unwrap().unwrap();
    }
}
