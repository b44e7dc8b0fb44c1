//! DataPrivacyFrameworkSnapshot: what the public list said on a day of the organisations that are named here.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CommonStatus, CoveredData, FrameworkName, FrameworkStatus};

/// What the public Data Privacy Framework list said on a day: of the organisations that Parties and safeguards name, and of
/// the whole file no more than its digest. Written by `kubectl carnet dpf import`. It takes away, never gives: what a
/// TransferSafeguard claims is held against the latest one.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "carnet.dev",
    version = "v1alpha1",
    kind = "DataPrivacyFrameworkSnapshot",
    status = "CommonStatus",
    shortname = "dpfs",
    category = "carnet",
    printcolumn(name = "Taken on", type_ = "string", json_path = ".spec.takenOn"),
    printcolumn(name = "Rows", type_ = "integer", json_path = ".spec.file.rows"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct DataPrivacyFrameworkSnapshotSpec {
    /// Day on which the list was taken from the public site (UTC).
    #[schemars(schema_with = "crate::api::schema::day")]
    pub taken_on: String,
    /// The whole file.
    pub file: SnapshotFile,
    /// What the list says of the organisations that were looked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 500), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub organisations: Vec<ListedOrganisation>,
    /// Names that were looked for and are not on the list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), inner(length(min = 1, max = 256)))]
    pub not_listed: Vec<String>,
}

/// A file, as far as it can be told again.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotFile {
    /// Its SHA-256, 64 hex digits.
    #[schemars(schema_with = "crate::api::schema::sha256")]
    pub sha256: String,
    /// Organisations in it.
    #[schemars(range(min = 1))]
    pub rows: i64,
}

/// What the list says of one organisation.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListedOrganisation {
    /// Its name on the list.
    #[schemars(length(min = 1, max = 256))]
    pub name: String,
    /// Its certifications.
    #[schemars(length(max = 3), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub frameworks: Vec<ListedFramework>,
    /// What data they cover; left out = the file does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2))]
    pub covered_data: Option<Vec<CoveredData>>,
}

/// What the list says of one certification.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListedFramework {
    /// Which framework.
    pub name: FrameworkName,
    /// Status.
    pub status: FrameworkStatus,
    /// First day of the certification (UTC); left out = the file does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::api::schema::day")]
    pub since: Option<String>,
    /// Last day before re-certification is due (UTC); left out = the file does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::api::schema::day")]
    pub recertify_by: Option<String>,
}
