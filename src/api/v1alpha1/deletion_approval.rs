//! DeletionApproval: a person's yes to one plan.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::CommonStatus;

/// A person's yes to one plan. The right to approve is the right to create this. Immutable; `approver` must be the
/// requester's user name.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "carnet.dev",
    version = "v1alpha1",
    kind = "DeletionApproval",
    namespaced,
    status = "CommonStatus",
    shortname = "dapp",
    category = "carnet",
    printcolumn(name = "Run", type_ = "string", json_path = ".spec.runName"),
    printcolumn(name = "Approver", type_ = "string", json_path = ".spec.approver"),
    printcolumn(
        name = "Counts",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Counts\")].status"
    ),
    printcolumn(
        name = "Why",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Counts\")].reason"
    ),
    printcolumn(name = "Expires", type_ = "string", json_path = ".spec.expiresAt")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self == oldSelf").message("an approval is for one plan and does not change: delete it and create another").reason(Reason::FieldValueForbidden)
)]
pub struct DeletionApprovalSpec {
    /// Name of the DeletionRun, in the same namespace.
    #[schemars(length(min = 1, max = 253))]
    pub run_name: String,
    /// Uid of the DeletionRun.
    #[serde(rename = "runUID")]
    #[schemars(length(min = 1, max = 64))]
    pub run_uid: String,
    /// The plan that is approved: `status.plan.hash` of the run.
    #[schemars(schema_with = "crate::api::schema::plan_hash")]
    pub plan_hash: String,
    /// User name of the person.
    #[schemars(length(min = 1, max = 253))]
    pub approver: String,
    /// The approval is worth nothing afterwards.
    pub expires_at: Time,
}
