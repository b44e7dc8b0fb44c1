//! Metrics and health, on an address of their own.

mod admission;
mod certificates;

pub use admission::{AdmissionMetrics, ReasonLabel, ReviewLabels};
pub use certificates::CertificateMetrics;

use std::{net::SocketAddr, sync::Arc, sync::atomic::AtomicU64};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use tokio_util::sync::CancellationToken;

use super::Readiness;

/// State of a flow.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct FlowState {
    /// `no-border`, `adequate`, `carried`, `same-entity`, `waived`, `uncovered`.
    pub state: &'static str,
}

/// Phase of a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RunPhaseLabel {
    /// The phase.
    pub phase: String,
}

/// Kind of an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct KindLabel {
    /// The kind.
    pub kind: String,
}

/// A watch.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct WatchLabel {
    /// Plural of what is watched.
    pub watch: &'static str,
}

/// Everything that is counted.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Flows of running workloads by state.
    pub flows: Family<FlowState, Gauge>,
    /// Running Pods with a flow that nothing covers.
    pub violating_pods: Gauge,
    /// Seconds until an answer changes by time alone; absent = -1.
    pub next_lapse_seconds: Gauge<f64, AtomicU64>,
    /// Events that were dropped because there were too many.
    pub events_dropped: Counter,
    /// Deletion runs by phase.
    pub runs: Family<RunPhaseLabel, Gauge>,
    /// Objects that cannot be read, by kind.
    pub invalid: Family<KindLabel, Gauge>,
    /// Whether this replica leads.
    pub leader: Gauge,
    /// Reviews.
    pub admission: AdmissionMetrics,
    /// When certificates end.
    pub certificates: CertificateMetrics,
    /// Seconds since each watch was last heard.
    pub watch_silence: Family<WatchLabel, Gauge<f64, AtomicU64>>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("carnet");
        let flows = Family::default();
        let violating_pods = Gauge::default();
        let next_lapse_seconds = Gauge::default();
        let events_dropped = Counter::default();
        let runs = Family::default();
        let invalid = Family::default();
        let leader = Gauge::default();
        registry.register("transfers_flows", "Flows of running workloads", flows.clone());
        registry.register(
            "transfers_violating_pods",
            "Running Pods with a flow that nothing covers",
            violating_pods.clone(),
        );
        registry.register(
            "next_lapse_seconds",
            "Seconds until an answer changes by time alone; -1 = never",
            next_lapse_seconds.clone(),
        );
        registry.register(
            "events_dropped",
            "Events dropped since there were too many",
            events_dropped.clone(),
        );
        registry.register("deletion_runs", "Deletion runs", runs.clone());
        registry.register("invalid_objects", "Objects that cannot be read", invalid.clone());
        registry.register("leader", "Whether this replica leads", leader.clone());
        let admission = AdmissionMetrics::register(&mut registry);
        let certificates = CertificateMetrics::register(&mut registry);
        let watch_silence = Family::default();
        registry.register(
            "watch_silence_seconds",
            "Seconds since a watch was last heard: an event, a bookmark or a list; beyond --stale-after reviews are refused",
            watch_silence.clone(),
        );
        Self {
            registry,
            flows,
            violating_pods,
            next_lapse_seconds,
            events_dropped,
            runs,
            invalid,
            leader,
            admission,
            certificates,
            watch_silence,
        }
    }
}

impl Metrics {
    /// All metrics in the text format.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Why metrics cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("serving metrics on {addr}: {source}")]
pub struct ServeError {
    addr: SocketAddr,
    source: std::io::Error,
}

#[derive(Clone)]
struct Served {
    metrics: Arc<Metrics>,
    readiness: Readiness,
}

/// Serves `/metrics`, `/readyz` and `/livez` until `shutdown`.
pub async fn serve(
    addr: SocketAddr,
    metrics: Arc<Metrics>,
    readiness: Readiness,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let failed = |source| ServeError { addr, source };
    let routes = Router::new()
        .route("/metrics", get(show))
        .route("/readyz", get(ready))
        .route("/livez", get(|| async { "ok\n" }))
        .with_state(Served { metrics, readiness });
    let listener = tokio::net::TcpListener::bind(addr).await.map_err(failed)?;
    axum::serve(listener, routes)
        .with_graceful_shutdown(async move { shutdown.cancelled().await })
        .await
        .map_err(failed)
}

async fn show(State(served): State<Served>) -> Result<String, StatusCode> {
    served.metrics.encode().map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

async fn ready(State(served): State<Served>) -> (StatusCode, String) {
    let closed = served.readiness.closed();
    if closed.is_empty() {
        (StatusCode::OK, "ok\n".into())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("waiting for: {}\n", closed.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_that_alerts_are_written_for() {
        let metrics = Metrics::default();
        metrics.flows.get_or_create(&FlowState { state: "uncovered" }).set(2);
        metrics.violating_pods.set(1);
        let text = metrics.encode().unwrap();
        for line in [
            "carnet_transfers_flows{state=\"uncovered\"} 2",
            "carnet_transfers_violating_pods 1",
            "carnet_next_lapse_seconds 0",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }
}
