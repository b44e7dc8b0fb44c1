//! TransferException: break-glass.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CommonStatus;

/// Break-glass: lets named workloads use named stores until an instant. The result stays evaluated and is shown as
/// `waived(fail)`.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "carnet.dev",
    version = "v1alpha1",
    kind = "TransferException",
    status = "CommonStatus",
    shortname = "tex",
    category = "carnet",
    printcolumn(name = "Ticket", type_ = "string", json_path = ".spec.ticket"),
    printcolumn(name = "Expires", type_ = "string", json_path = ".spec.expiresAt"),
    printcolumn(
        name = "In force",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='InForce')].status"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct TransferExceptionSpec {
    /// Why the rule is waived.
    #[schemars(length(min = 1, max = 1024))]
    pub reason: String,
    /// Ticket that records the decision.
    #[schemars(length(min = 1, max = 253))]
    pub ticket: String,
    /// Workloads that are excepted.
    pub workloads: ExceptedWorkloads,
    /// Stores that they may use.
    #[schemars(length(min = 1, max = 100))]
    pub stores: Vec<StoreName>,
    /// End; beyond the cluster's maximum after creation it ends there, with a condition.
    pub expires_at: Time,
}

/// Workloads that an exception speaks of.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExceptedWorkloads {
    /// Their namespace.
    #[schemars(length(min = 1, max = 63))]
    pub namespace: String,
    /// Their labels; left out = every Pod of the namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_selector: Option<LabelSelector>,
}

/// A DataStore by namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoreName {
    /// Namespace of the DataStore.
    #[schemars(length(min = 1, max = 63))]
    pub namespace: String,
    /// Name of the DataStore.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}
