//! What is counted of admission. Every label is a word of a fixed set: no name of an object is ever one.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};

/// Seconds. A review is judged in well under a millisecond; the API server gives up after five seconds.
const BUCKETS: [f64; 13] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.25, 1.0, 2.5, 5.0];

/// Labels of a review that was answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ReviewLabels {
    /// What was found: `no-use`, `lawful`, `waived`, `violation`, ...
    pub verdict: &'static str,
    /// How strictly: `Audit`, `Warn`, `Enforce`; `none` where nothing was judged.
    pub mode: &'static str,
    /// `allowed` or `refused`.
    pub answer: &'static str,
}

/// Why a review was refused unjudged.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ReasonLabel {
    /// `loading`, `stale`, `pod-unknown`, `busy`, `late`, `broken`.
    pub reason: &'static str,
}

/// What is counted of admission.
#[derive(Clone, Debug)]
pub struct AdmissionMetrics {
    /// Reviews that were answered.
    pub reviews: Family<ReviewLabels, Counter>,
    /// Seconds from the first byte of a review to its answer, waiting included.
    pub duration: Histogram,
    /// Reviews that were refused since they could not be judged. Each is among `reviews` too, unless its body was not
    /// read.
    pub not_ready: Family<ReasonLabel, Counter>,
}

impl AdmissionMetrics {
    /// Registers them.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let all = Self {
            reviews: Family::default(),
            duration: Histogram::new(BUCKETS),
            not_ready: Family::default(),
        };
        let Self { reviews, duration, not_ready } = &all;
        registry.register("admission_reviews", "Admission reviews answered", reviews.clone());
        registry.register_with_unit(
            "admission_review_duration",
            "Time from the arrival of an admission review to its answer",
            Unit::Seconds,
            duration.clone(),
        );
        registry.register(
            "admission_not_ready",
            "Admission reviews refused since they could not be judged; alert on any rate that lasts",
            not_ready.clone(),
        );
        all
    }
}
