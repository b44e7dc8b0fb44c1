//! What a replica of the operator says of itself at `/status`: written by the operator, read by the command line. Nothing
//! in it is secret.

use serde::{Deserialize, Serialize};

use crate::enforcement::Deviation;

/// Version of this report. A reader takes no other.
pub const API_VERSION: &str = "status.carnet.dev/v1";

/// Path of the report, at the address of metrics.
pub const PATH: &str = "/status";

/// The most deviations in a report; what is beyond is counted.
pub const DEVIATIONS: usize = 50;

/// The report of one replica.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorStatus {
    /// [`API_VERSION`].
    pub api_version: String,
    /// Version of Carnet.
    pub version: String,
    /// Version of the law pack.
    pub law_pack: String,
    /// How strictly transfers are judged.
    pub mode: String,
    /// Name of the replica.
    pub replica: String,
    /// Whether it leads.
    pub leads: bool,
    /// Its clock (RFC 3339).
    pub now: String,
    /// Whether what the API server enforces is what was installed.
    pub enforcement: EnforcementStatus,
    /// What it knows of the cluster.
    pub caches: CacheStatus,
    /// Its certificate, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificates: Option<CertificateStatus>,
    /// The next instant at which an answer about a store changes by time alone (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_lapse: Option<String>,
    /// Runs that wait; the leader alone knows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backlog: Option<Backlog>,
    /// Namespaces that are not judged.
    pub exempt_namespaces: Vec<String>,
    /// Namespaces in which deletion Jobs may be run.
    pub erasure_namespaces: Vec<String>,
}

/// Whether what the API server enforces is what was installed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EnforcementStatus {
    /// What is known.
    pub state: EnforcementState,
    /// Why it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The first deviations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deviations: Vec<Deviation>,
    /// How many more there are.
    #[serde(default)]
    pub more: usize,
}

/// What is known of enforcement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum EnforcementState {
    /// The operator was not told what was installed.
    #[default]
    NotWatched,
    /// It has not looked yet.
    Loading,
    /// As installed.
    Intact,
    /// Something differs.
    Changed,
    /// It cannot be seen any more.
    Unknown,
}

/// What a replica knows of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheStatus {
    /// Whether every watch has listed.
    pub loaded: bool,
    /// The watch of which nothing was heard for too long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale: Option<StaleWatch>,
}

/// A watch of which nothing was heard for too long.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StaleWatch {
    /// Plural of what is watched.
    pub watch: String,
    /// Seconds.
    pub silent_seconds: u64,
}

/// What a replica serves by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateStatus {
    /// End of what is served (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaf_ends: Option<String>,
    /// End of the authority that signs (RFC 3339), where it is ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority_ends: Option<String>,
    /// What went wrong at the last look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Fingerprint of the authority that signed what is served, where it is ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<String>,
}

/// Runs that wait.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Backlog {
    /// For a person.
    pub awaiting_approval: i64,
    /// For their Jobs.
    pub in_progress: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_of_a_newer_replica_is_read_as_far_as_it_is_known() {
        let text = r#"{"apiVersion": "status.carnet.dev/v1", "version": "0.9.0", "lawPack": "2026.11", "mode": "Warn",
            "replica": "a", "leads": true, "now": "2026-11-27T00:00:00Z", "enforcement": {"state": "Intact"},
            "caches": {"loaded": true}, "exemptNamespaces": [], "erasureNamespaces": [], "new": {"field": 1}}"#;
        let status: OperatorStatus = serde_json::from_str(text).unwrap();
        assert_eq!(status.enforcement.state, EnforcementState::Intact);
        assert_eq!(status.certificates, None);
    }
}
