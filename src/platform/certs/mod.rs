//! The webhook's certificates, when it was given none: an authority that all replicas share, a leaf for each, ECDSA P-256.
//!
//! Here is what can be decided without an API server: [`plan`] says when an authority follows another, [`leaf_step`] when a
//! leaf does. The order of a rotation is in `docs/adr/0013-webhook-certificates.md`.

mod authority;
mod leaf;
mod plan;
mod standing;
mod state;
mod stored;
#[cfg(test)]
mod tests;

pub use authority::{Authority, Signer, new_authority};
pub use leaf::{Leaf, LeafStep, leaf_step, new_leaf};
pub use plan::{Act, Plan, Rotate, Rules, Told, plan};
pub use standing::{CertificateReport, CertificateSource, CertificateState, fingerprint};
pub use state::{Next, Retired, State};
pub use stored::{Damage, from_data, to_data};

use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateParams, date_time_ymd};

/// Why no certificate could be made or read.
#[derive(Debug, thiserror::Error)]
pub enum CertError {
    /// A key or certificate could not be made.
    #[error("failed to make the webhook's {what}: {source}")]
    Make {
        /// What was to be made.
        what: &'static str,
        /// Why.
        source: rcgen::Error,
    },
    /// A PEM text could not be read.
    #[error("failed to read the webhook's {what}: {why}")]
    Read {
        /// What was read.
        what: &'static str,
        /// Why.
        why: String,
    },
}

/// Certificates begin this long before they are made: clocks differ.
const BACKDATED: SignedDuration = SignedDuration::from_hours(1);

/// From when until when a certificate carries, by its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// Its beginning.
    pub from: Timestamp,
    /// The instant after which it carries nothing.
    pub ends: Timestamp,
}

/// Reads from when until when the first certificate of a PEM text carries.
pub fn validity(cert_pem: &str) -> Result<Validity, CertError> {
    let read = |why: String| CertError::Read { what: "certificate", why };
    let (_, pem) = x509_parser::pem::parse_x509_pem(cert_pem.as_bytes()).map_err(|e| read(e.to_string()))?;
    let cert = pem.parse_x509().map_err(|e| read(e.to_string()))?;
    let at = |time: x509_parser::time::ASN1Time| {
        Timestamp::from_second(time.timestamp()).map_err(|e| read(e.to_string()))
    };
    Ok(Validity { from: at(cert.validity().not_before)?, ends: at(cert.validity().not_after)? })
}

/// Two thirds of a span: what is left is time to notice that a renewal fails.
fn two_thirds(span: SignedDuration) -> SignedDuration {
    SignedDuration::from_secs(span.as_secs().saturating_mul(2) / 3)
}

/// Certificates count in whole seconds.
fn set_validity(params: &mut CertificateParams, from: Timestamp, until: Timestamp) {
    let instant = |at: Timestamp| {
        date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(at.as_second().unsigned_abs())
    };
    params.not_before = instant(from);
    params.not_after = instant(until);
}

/// Saturates: no instant that anybody will see is beyond.
fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}
