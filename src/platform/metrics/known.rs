//! Gauges that are absent for as long as their value is not known. An alert must not take "nobody has looked" for zero:
//! only the leader judges, and a replica that does not lead says nothing about what it has not judged.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use jiff::Timestamp;
use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeMetric, MetricEncoder},
    metrics::MetricType,
};

/// One value, or none.
#[derive(Clone, Debug)]
pub struct Known(Arc<AtomicU64>);

/// No value that is ever set.
const UNKNOWN: u64 = f64::NAN.to_bits();

impl Default for Known {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(UNKNOWN)))
    }
}

impl Known {
    /// The value from now on.
    pub fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    /// The value from now on: a count.
    pub fn count(&self, n: usize) {
        self.set(number(n));
    }

    /// The value from now on: an instant; none = never.
    pub fn instant(&self, at: Option<Timestamp>) {
        self.set(seconds(at));
    }

    /// The value.
    pub fn get(&self) -> Option<f64> {
        let value = f64::from_bits(self.0.load(Ordering::Relaxed));
        (!value.is_nan()).then_some(value)
    }
}

impl EncodeMetric for Known {
    fn encode(&self, mut encoder: MetricEncoder) -> fmt::Result {
        self.get().map_or(Ok(()), |value| encoder.encode_gauge(&value))
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }

    fn is_empty(&self) -> bool {
        self.get().is_none()
    }
}

/// Seconds until an instant, counted when somebody looks.
#[derive(Clone, Debug, Default)]
pub struct Countdown(pub Known);

impl EncodeMetric for Countdown {
    fn encode(&self, mut encoder: MetricEncoder) -> fmt::Result {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64());
        self.0.get().map_or(Ok(()), |at| encoder.encode_gauge(&(at - now).max(0.0)))
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Values by label. All are replaced at once: a scrape never sees half of them, and what is gone does not linger.
#[derive(Debug)]
pub struct Rows<L>(Arc<RwLock<BTreeMap<L, f64>>>);

impl<L> Clone for Rows<L> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<L> Default for Rows<L> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<L: Ord> Rows<L> {
    /// These are the values from now on.
    pub fn replace(&self, rows: impl IntoIterator<Item = (L, f64)>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = rows.into_iter().collect();
    }

    /// These are the counts from now on.
    pub fn counts(&self, rows: impl IntoIterator<Item = (L, usize)>) {
        self.replace(rows.into_iter().map(|(labels, n)| (labels, number(n))));
    }

    /// The value of these labels.
    pub fn get(&self, labels: &L) -> Option<f64> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(labels).copied()
    }

    /// One value from now on; the others stay.
    pub fn set(&self, labels: L, value: f64) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(labels, value);
    }
}

impl<L: Ord + EncodeLabelSet> EncodeMetric for Rows<L> {
    fn encode(&self, mut encoder: MetricEncoder) -> fmt::Result {
        let rows = self.0.read().unwrap_or_else(PoisonError::into_inner);
        rows.iter().try_for_each(|(labels, value)| encoder.encode_family(labels)?.encode_gauge(value))
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }

    fn is_empty(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

/// An instant as Prometheus has it; never is infinity, so that "sooner than in two weeks" is false of it.
pub fn seconds(at: Option<Timestamp>) -> f64 {
    at.map_or(f64::INFINITY, |at| at.as_duration().as_secs_f64())
}

/// A count as Prometheus has it: beyond 2^53 it would not be exact, and nobody counts so far.
#[allow(clippy::cast_precision_loss)]
pub fn number(n: usize) -> f64 {
    n as f64
}
