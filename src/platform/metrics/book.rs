//! The book of metrics: each is written down with name, type, help and labels when it is registered, so that
//! `docs/reference/metrics.md` is printed from what is really served.

use prometheus_client::{
    encoding::EncodeMetric,
    metrics::MetricType,
    registry::{Metric, Registry},
};

/// What is written down of a metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// The name under which samples are found; a histogram's without `_bucket`, `_sum` and `_count`.
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// What it says.
    pub help: &'static str,
    /// Its labels.
    pub labels: &'static [Label],
}

/// A label with the values that it can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// Name.
    pub name: &'static str,
    /// What bounds its values.
    pub values: Values,
}

/// What bounds a label's values: something always does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// These words alone.
    Words(&'static [&'static str]),
    /// One value for the life of the process.
    Constant(&'static str),
    /// Names of declared objects; never of anything that comes and goes with the load.
    Declared(&'static str),
}

/// A registry that remembers what was registered.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) registry: Registry,
    pub(super) described: Vec<Described>,
}

const PREFIX: &str = "carnet";

impl Book {
    /// An empty book.
    pub(super) fn new() -> Self {
        Self { registry: Registry::default(), described: vec![] }
    }

    /// Registers a metric of our own. `name` is without `carnet_`, with its base unit, and without `_total`, which a
    /// counter gets by itself. `help` has no full stop: that too comes by itself.
    pub(super) fn add(
        &mut self,
        name: &'static str,
        labels: &'static [Label],
        help: &'static str,
        metric: impl Metric,
    ) {
        self.add_as(format!("{PREFIX}_{name}"), labels, help, metric);
    }

    /// Registers a metric whose whole name is a convention of others.
    pub(super) fn add_as(
        &mut self,
        name: String,
        labels: &'static [Label],
        help: &'static str,
        metric: impl Metric,
    ) {
        let (kind, total) = kind(&metric);
        self.described.push(Described { name: format!("{name}{total}"), kind, help, labels });
        self.registry.register(name, help, metric);
    }
}

fn kind(metric: &impl EncodeMetric) -> (&'static str, &'static str) {
    match metric.metric_type() {
        MetricType::Counter => ("counter", "_total"),
        MetricType::Histogram => ("histogram", ""),
        // Info is a type of another format; here it would be a gauge.
        MetricType::Gauge | MetricType::Info | MetricType::Unknown => ("gauge", ""),
    }
}
