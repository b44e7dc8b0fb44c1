//! When certificates end.

use std::sync::atomic::AtomicU64;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};

/// Which certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CertificateLabel {
    /// `leaf`: what this replica serves by; `authority`: what signs, where it is our own.
    certificate: &'static str,
}

/// When certificates end.
#[derive(Clone, Debug, Default)]
pub struct CertificateMetrics {
    expiry: Family<CertificateLabel, Gauge<f64, AtomicU64>>,
}

impl CertificateMetrics {
    /// Registers them.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let all = Self::default();
        registry.register(
            "certificate_expiry_seconds",
            "Seconds until a certificate of the webhook ends; renewed at two thirds of its life",
            all.expiry.clone(),
        );
        all
    }

    /// Seconds until what this replica serves by ends.
    pub fn leaf(&self, seconds: f64) {
        self.expiry.get_or_create(&CertificateLabel { certificate: "leaf" }).set(seconds);
    }

    /// Seconds until the authority that signs ends.
    pub fn authority(&self, seconds: f64) {
        self.expiry.get_or_create(&CertificateLabel { certificate: "authority" }).set(seconds);
    }
}
