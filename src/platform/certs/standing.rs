//! What a replica says of its certificate: for `/status` and whoever asks there.

use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use sha2::{Digest, Sha256};

/// Where the certificate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CertificateSource {
    /// We made it.
    Own,
    /// Files, from somebody else.
    Given,
}

/// What a replica serves by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateReport {
    /// Where it comes from.
    pub source: CertificateSource,
    /// The end of what is served, RFC 3339.
    pub leaf_ends: String,
    /// The end of the authority that signs, RFC 3339; none where it is not ours.
    pub authority_ends: Option<String>,
    /// SHA-256 of the authority that signed what is served, shortened; none where it is not ours.
    pub signed_by: Option<String>,
    /// Whether the webhook's configuration holds our authorities; none where it is not ours to tell.
    pub announced: Option<bool>,
    /// Whether a next authority is waiting.
    pub rotating: bool,
    /// What went wrong at the last look.
    pub problem: Option<String>,
}

/// The report, shared by who writes and who reads it.
#[derive(Debug, Default)]
pub struct CertificateState(Mutex<Option<CertificateReport>>);

impl CertificateState {
    /// The last report; none = nothing is served yet.
    pub fn report(&self) -> Option<CertificateReport> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reports.
    pub fn set(&self, report: CertificateReport) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(report);
    }

    /// Says what went wrong at the last look; none = nothing.
    pub fn set_problem(&self, problem: Option<String>) {
        if let Some(report) = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            report.problem = problem;
        }
    }
}

/// A name for a certificate that people can compare: the beginning of its PEM text's SHA-256.
pub fn fingerprint(cert_pem: &str) -> String {
    Sha256::digest(cert_pem.trim().as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
