//! Metrics and health, on an address of their own.
//!
//! A file for each subsystem. A metric that is not known here is absent, not nought: see [`Known`]. Every label is bounded,
//! by a list of words or by what people declare: see [`Values`].

mod admission;
mod backstop;
mod book;
mod certificates;
mod declared;
mod enforcement;
mod known;
mod process;
mod retention;
mod serve;
mod text;
mod transfers;
mod watches;

pub use admission::{ANSWERS, AdmissionMetrics, MODES, NOT_READY, ReasonLabel, ReviewLabels, VERDICTS};
pub use backstop::BackstopMetrics;
pub use book::{Described, Label, Values};
pub use certificates::{CERTIFICATES, CertificateMetrics};
pub use declared::{DECLARED_KINDS, DeclaredMetrics, KindLabel};
pub use enforcement::EnforcementMetrics;
pub use known::{Countdown, Known, Rows};
pub use process::{BuildLabel, ProcessMetrics};
pub use retention::{
    POLICY_ACTIONS, PolicyActionLabel, PolicyLabel, PolicyRow, REPORTED, RUN_PHASES, RUN_RESULTS,
    RetentionMetrics, RunPhaseLabel, RunResultLabel,
};
pub use serve::{ServeError, routes, serve};
pub use transfers::{
    EVICTIONS, EvictionLabel, FINDINGS, FLOW_STATES, FindingLabel, FlowState, TransferMetrics,
};
pub use watches::{CacheMetrics, WatchLabel};

use prometheus_client::registry::Registry;

use self::book::Book;

/// Everything that is counted.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    described: Vec<Described>,
    /// The process.
    pub process: ProcessMetrics,
    /// Reviews.
    pub admission: AdmissionMetrics,
    /// Transfers.
    pub transfers: TransferMetrics,
    /// The in-tree backstop.
    pub backstop: BackstopMetrics,
    /// Retention.
    pub retention: RetentionMetrics,
    /// Declared objects.
    pub declared: DeclaredMetrics,
    /// Caches.
    pub caches: CacheMetrics,
    /// When certificates end.
    pub certificates: CertificateMetrics,
    /// Whether what the API server enforces is what was installed.
    pub enforcement: EnforcementMetrics,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut book = Book::new();
        let process = ProcessMetrics::register(&mut book);
        let admission = AdmissionMetrics::register(&mut book);
        let transfers = TransferMetrics::register(&mut book);
        let backstop = BackstopMetrics::register(&mut book);
        let retention = RetentionMetrics::register(&mut book);
        let declared = DeclaredMetrics::register(&mut book);
        let caches = CacheMetrics::register(&mut book);
        let certificates = CertificateMetrics::register(&mut book);
        let enforcement = EnforcementMetrics::register(&mut book);
        let Book { registry, described } = book;
        Self {
            registry,
            described,
            process,
            admission,
            transfers,
            backstop,
            retention,
            declared,
            caches,
            certificates,
            enforcement,
        }
    }
}

impl Metrics {
    /// All metrics in the text format.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut open = String::new();
        prometheus_client::encoding::text::encode_registry(&mut open, &self.registry)?;
        Ok(text::classic(&open))
    }

    /// What is written down of every metric, in the order in which they are served.
    pub fn described(&self) -> &[Described] {
        &self.described
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_a_leader_knows_is_absent_until_somebody_has_looked() {
        let metrics = Metrics::default();
        let lines = |metrics: &Metrics| {
            let text = metrics.encode().unwrap();
            text.lines().filter(|l| !l.starts_with('#')).map(String::from).collect::<Vec<_>>()
        };
        let leaders = [
            "carnet_transfers_",
            "carnet_next_lapse",
            "carnet_backstop_",
            "carnet_retention_",
            "carnet_deletion_runs",
            "carnet_invalid_",
        ];
        for line in lines(&metrics) {
            assert!(!leaders.iter().any(|l| line.starts_with(l)), "{line}");
        }
        metrics.transfers.flows.counts([(FlowState { state: "uncovered" }, 2)]);
        metrics.transfers.violating_pods.count(1);
        metrics.transfers.next_lapse.instant(None);
        let now = lines(&metrics);
        for line in [
            "carnet_transfers_flows{state=\"uncovered\"} 2.0",
            "carnet_transfers_violating_pods 1.0",
            "carnet_next_lapse_seconds +Inf",
            "carnet_next_lapse_timestamp_seconds +Inf",
        ] {
            assert!(now.iter().any(|l| l == line), "{line} of {now:?}");
        }
    }

    #[test]
    fn the_time_that_is_left_is_counted_when_somebody_looks_and_never_below_nought() {
        let metrics = Metrics::default();
        for (at, least, most) in [("2000-01-01T00:00:00Z", 0.0, 0.0), ("2100-01-01T00:00:00Z", 1e9, 1e10)] {
            metrics.transfers.next_lapse.instant(Some(at.parse().unwrap()));
            let text = metrics.encode().unwrap();
            let left = text.lines().find_map(|l| l.strip_prefix("carnet_next_lapse_seconds ")).unwrap();
            let left: f64 = left.parse().unwrap();
            assert!((least..=most).contains(&left), "{left}");
        }
    }
}
