//! What is counted of admission. Every label is a word of a fixed set: no name of an object is ever one.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
};

use super::book::{Book, Label, Values};

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
    /// `allowed`, `refused`, or `unjudged`: the webhook's failure policy decided.
    pub answer: &'static str,
}

/// Why a review was not judged.
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
    /// Reviews that could not be judged. Each is among `reviews` too, unless its body was not read.
    pub not_ready: Family<ReasonLabel, Counter>,
}

/// What can be found of a review.
pub const VERDICTS: [&str; 17] = [
    "not-judged",
    "exempt",
    "unchanged",
    "no-use",
    "lawful",
    "waived",
    "waits-for-binding",
    "to-be-steered",
    "steered",
    "not-steered",
    "violation",
    "erasure-secret",
    "valid",
    "invalid",
    "loosening",
    "unreadable",
    "not-ready",
];

/// How strictly a review can be judged.
pub const MODES: [&str; 4] = ["none", "Audit", "Warn", "Enforce"];

/// How a review can be answered.
pub const ANSWERS: [&str; 3] = ["allowed", "refused", "unjudged"];

/// Why a review can go unjudged.
pub const NOT_READY: [&str; 6] = ["loading", "stale", "pod-unknown", "busy", "late", "broken"];

impl AdmissionMetrics {
    /// Registers them.
    pub(super) fn register(book: &mut Book) -> Self {
        let all = Self {
            reviews: Family::default(),
            duration: Histogram::new(BUCKETS),
            not_ready: Family::default(),
        };
        let Self { reviews, duration, not_ready } = &all;
        // From nought on, so that the first one is seen as an increase.
        for reason in NOT_READY {
            drop(not_ready.get_or_create(&ReasonLabel { reason }));
        }
        book.add(
            "admission_reviews",
            &[
                Label { name: "verdict", values: Values::Words(&VERDICTS) },
                Label { name: "mode", values: Values::Words(&MODES) },
                Label { name: "answer", values: Values::Words(&ANSWERS) },
            ],
            "Admission reviews answered; of those that are unjudged the webhook's failure policy decides",
            reviews.clone(),
        );
        book.add(
            "admission_review_duration_seconds",
            &[],
            "Time from the arrival of an admission review to its answer, waiting included",
            duration.clone(),
        );
        book.add(
            "admission_not_ready",
            &[Label { name: "reason", values: Values::Words(&NOT_READY) }],
            "Admission reviews that could not be judged: the webhook's failure policy decides, save for pod-unknown, which is \
             refused and asked again; alert on any rate that lasts",
            not_ready.clone(),
        );
        all
    }
}
