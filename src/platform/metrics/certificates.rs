//! When certificates end.

use jiff::Timestamp;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
};

use super::book::{Book, Label, Values};

/// What a certificate can be.
pub const CERTIFICATES: [&str; 2] = ["leaf", "authority"];

/// Which certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CertificateLabel {
    /// `leaf`: what this replica serves by; `authority`: what signs, where it is our own.
    certificate: &'static str,
}

/// When certificates end.
#[derive(Clone, Debug, Default)]
pub struct CertificateMetrics {
    expiry: Family<CertificateLabel, Gauge>,
}

impl CertificateMetrics {
    /// Registers them.
    pub(super) fn register(book: &mut Book) -> Self {
        let all = Self::default();
        book.add(
            "webhook_certificate_expiry_timestamp_seconds",
            &[Label { name: "certificate", values: Values::Words(&CERTIFICATES) }],
            "When a certificate of the webhook ends; one of our own is renewed at two thirds of its life",
            all.expiry.clone(),
        );
        all
    }

    /// When what this replica serves by ends.
    pub fn leaf(&self, ends: Timestamp) {
        self.expiry.get_or_create(&CertificateLabel { certificate: "leaf" }).set(ends.as_second());
    }

    /// When the authority that signs ends.
    pub fn authority(&self, ends: Timestamp) {
        self.expiry.get_or_create(&CertificateLabel { certificate: "authority" }).set(ends.as_second());
    }
}
