//! Party: a legal entity and whose workloads are its own.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CommonStatus;

/// A legal entity. Who runs what is the privacy officer's to say: it decides whose safeguards a workload may stand on.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "carnet.dev",
    version = "v1alpha1",
    kind = "Party",
    plural = "parties",
    status = "CommonStatus",
    category = "carnet",
    printcolumn(name = "Legal name", type_ = "string", json_path = ".spec.legalName"),
    printcolumn(name = "Country", type_ = "string", json_path = ".spec.country"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct PartySpec {
    /// Name in the register.
    #[schemars(length(min = 1, max = 256))]
    pub legal_name: String,
    /// Country of establishment (ISO 3166-1, quote it): brings its regime's law with it.
    #[schemars(schema_with = "crate::api::schema::country")]
    pub country: String,
    /// Group of companies; the same group is not the same entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub group: Option<String>,
    /// What this entity runs in the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<PartyRuns>,
}

/// What an entity runs in the cluster.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartyRuns {
    /// Namespaces whose workloads are this entity's; one party for each namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), inner(length(min = 1, max = 63)))]
    pub namespaces: Vec<String>,
}
