//! DeletionRun: one deletion, from plan to evidence. Written by the operator alone.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PinnedRef, PolicyAction};

/// One deletion: an immutable order, then plan, progress, result and evidence as status. Written by the operator alone.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "carnet.dev",
    version = "v1alpha1",
    kind = "DeletionRun",
    namespaced,
    status = "DeletionRunStatus",
    shortname = "drun",
    category = "carnet",
    printcolumn(name = "Policy", type_ = "string", json_path = ".spec.policy.name"),
    printcolumn(name = "Store", type_ = "string", json_path = ".spec.store.name"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Planned", type_ = "integer", json_path = ".status.plan.due"),
    printcolumn(name = "Deleted", type_ = "integer", json_path = ".status.result.deletedAtLeast"),
    printcolumn(name = "Held", type_ = "integer", json_path = ".status.plan.held"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.message", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self == oldSelf").message("the order of a run does not change: the operator makes another run").reason(Reason::FieldValueForbidden)
)]
pub struct DeletionRunSpec {
    /// The policy.
    pub policy: PinnedRef,
    /// The store, in the same namespace.
    pub store: PinnedRef,
    /// Preview ends with the plan.
    pub action: PolicyAction,
    /// The instant at which the cut-offs were computed (RFC 3339).
    #[schemars(length(min = 1, max = 40))]
    pub decided_at: String,
    /// Hash of the deletion-relevant state that this run is for.
    #[schemars(length(min = 71, max = 71))]
    pub state_hash: String,
    /// What is to be deleted.
    #[schemars(length(min = 1, max = 500))]
    pub targets: Vec<RunTarget>,
}

/// One dataset with the rules that decided and their pinned cut-offs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunTarget {
    /// Name of the dataset.
    #[schemars(length(min = 1, max = 63))]
    pub dataset: String,
    /// Rules that decided, sorted.
    #[schemars(length(min = 1, max = 50), inner(length(min = 1, max = 63)))]
    pub rules: Vec<String>,
    /// All must hold for an item to be due.
    #[schemars(length(min = 1, max = 16))]
    pub conditions: Vec<RunCondition>,
}

/// When an item is due by one of its events.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunCondition {
    /// Event whose instant is compared.
    #[schemars(length(min = 1, max = 63))]
    pub event: String,
    /// Items whose event lies at or before this instant are due (RFC 3339).
    #[schemars(length(min = 1, max = 40))]
    pub cutoff: String,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
pub enum RunPhase {
    /// The plan Job is to be made, or works.
    #[default]
    Planning,
    /// The plan waits for a person.
    AwaitingApproval,
    /// Approved; the erase Job is to be made.
    Approved,
    /// The erase Job may have begun: rows may be gone from here on.
    Erasing,
    /// Everything due at the cut-off is gone, and an independent count says so.
    Succeeded,
    /// A Preview: planned and counted, nothing deleted.
    Previewed,
    /// Nothing was due.
    NothingDue,
    /// A hold or a pause stopped it.
    Stopped,
    /// It was refused or broke off; the message says why.
    Failed,
    /// Policy or store changed or went away before the first delete.
    Cancelled,
}

/// Plan, progress, result and evidence of a run.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeletionRunStatus {
    /// Generation of the object that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Where the run stands.
    #[serde(default)]
    pub phase: RunPhase,
    /// One sentence for people: what happened and what to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// `Ready`, `Held`, `Verified`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<RunPlan>,
    /// Who approved, where approval was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<RunApproval>,
    /// Written before the erase Job exists (RFC 3339): from here on rows may be gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun_at: Option<String>,
    /// The Job of the step at hand, as it was first seen: no other one speaks for the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<RunJob>,
    /// Attempts of the erase Job that have ended, as their Pods reported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub attempts: Vec<RunAttempt>,
    /// Attempts of the erase Job whose report was lost: each may have deleted what it did not report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_reports: Option<i64>,
    /// The result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<RunResult>,
    /// When the run ended (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
}

/// What a plan Job counted and pinned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunPlan {
    /// Hash over everything below and the order: what is approved and carried out.
    pub hash: String,
    /// Identity of the server, as the server says it.
    pub server: String,
    /// Items due at the cut-offs and not held.
    pub due: i64,
    /// Items due but held.
    pub held: i64,
    /// Each dataset.
    #[schemars(length(max = 500))]
    pub datasets: Vec<PlannedDataset>,
    /// When it was counted, by the server's clock (RFC 3339).
    pub counted_at: String,
}

/// Count of one dataset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedDataset {
    /// Name of the dataset.
    pub dataset: String,
    /// Object id of the table.
    pub object_id: i64,
    /// Hash of the predicate and of the columns that it reads.
    pub predicate_hash: String,
    /// All items.
    pub total: i64,
    /// Due at the cut-off.
    pub due: i64,
    /// Without an anchor, or with one that is implausible: never due.
    pub undated: i64,
    /// The hold that covers the dataset; then nothing of it is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<String>,
    /// The oldest anchor that is not due at the cut-off (RFC 3339): the next plan starts from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_remaining: Option<String>,
}

/// Who approved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunApproval {
    /// User name, or `policy` where none was asked.
    pub approver: String,
    /// The DeletionApproval by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
    /// When (RFC 3339).
    pub at: String,
}

/// A Job, pinned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunJob {
    /// Name.
    pub name: String,
    /// Uid.
    pub uid: String,
}

/// One Pod of the erase Job that has ended. Kept here, because Pods are cleaned away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunAttempt {
    /// Uid of the Pod.
    pub pod: String,
    /// Whether it left a report; without one it may have deleted all that was planned.
    pub reported: bool,
    /// Items that it surely deleted.
    pub deleted_at_least: i64,
    /// Items that it can have deleted at the most.
    pub deleted_at_most: i64,
}

/// What an erase Job did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunResult {
    /// Items that were surely deleted.
    pub deleted_at_least: i64,
    /// Items that can have been deleted at the most: more than the least after a lost reply.
    pub deleted_at_most: i64,
    /// Items that a hold kept.
    pub held: i64,
    /// Items due at the cut-off that an independent count still found, held ones apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining: Option<i64>,
    /// Everything due up to this instant is gone (RFC 3339); only when verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<String>,
    /// Whether an independent count on a new connection found nothing due.
    pub verified: bool,
}
