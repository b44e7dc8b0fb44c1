//! RetentionPolicy: how long at least, how long at most, after what, then what.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LocalRef;

/// Which categories are kept how long at least and at most, after which event, then what, on what grounds.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "carnet.dev",
    version = "v1alpha1",
    kind = "RetentionPolicy",
    namespaced,
    status = "RetentionPolicyStatus",
    shortname = "retp",
    category = "carnet",
    printcolumn(name = "Action", type_ = "string", json_path = ".status.action"),
    printcolumn(name = "Stores", type_ = "integer", json_path = ".status.stores"),
    printcolumn(name = "Next", type_ = "string", json_path = ".status.nextRun"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status"
    ),
    printcolumn(
        name = "Overdue",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Overdue')].status"
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.storeSelector.matchLabels) && size(self.storeSelector.matchLabels) > 0 || has(self.storeSelector.matchExpressions) && size(self.storeSelector.matchExpressions) > 0").message("an empty selector would take every store of the namespace: name at least one label").field_path(".storeSelector").reason(Reason::FieldValueRequired),
    validation = Rule::new("!has(self.basis) || self.basis != 'ControllerInstruction' || has(self.instruction)").message("ControllerInstruction needs the instruction: name controllerRef and reference").field_path(".instruction").reason(Reason::FieldValueRequired),
    validation = Rule::new("!has(self.instruction) || has(self.basis) && self.basis == 'ControllerInstruction'").message("an instruction goes with basis: ControllerInstruction; for data of our own leave it out").field_path(".instruction").reason(Reason::FieldValueForbidden)
)]
pub struct RetentionPolicySpec {
    /// Stores of this namespace by label; an empty selector is refused.
    pub store_selector: LabelSelector,
    /// On whose word data is deleted; left out = Own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
    /// The controller's instruction; required with ControllerInstruction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instruction: Option<Instruction>,
    /// Left out = Preview.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<PolicyAction>,
    /// Left out = FirstRun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalMode>,
    /// The rules.
    #[schemars(length(min = 1, max = 50), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub rules: Vec<RetentionRule>,
    /// When to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Bounds of a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
}

/// On whose word data is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
pub enum Basis {
    /// Our own; never matches a Processor's dataset.
    Own,
    /// The controller told us to.
    ControllerInstruction,
}

/// A controller's instruction.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Instruction {
    /// The controller.
    pub controller_ref: LocalRef,
    /// Where the instruction is.
    #[schemars(length(min = 1, max = 253))]
    pub reference: String,
}

/// What a policy does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
pub enum PolicyAction {
    /// Plan and count, delete nothing.
    Preview,
    /// Delete.
    Apply,
}

/// When a person's approval is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
pub enum ApprovalMode {
    /// Each plan.
    Always,
    /// The first plan of each deletion-relevant state.
    FirstRun,
    /// Never, save over a limit.
    Never,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetentionRule {
    /// Name, unique in the policy.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Exact, or `account.*` = all below account, not account itself.
    #[schemars(schema_with = "crate::api::schema::category_patterns", length(min = 1, max = 50))]
    pub categories: Vec<String>,
    /// Event that starts the clock.
    #[schemars(length(min = 1, max = 63))]
    pub after: String,
    /// The maximum: ISO 8601 calendar period, UTC.
    #[schemars(schema_with = "crate::api::schema::period")]
    pub delete_after: String,
    /// What happens then.
    pub then: RetentionOutcome,
    /// Each keeps at least so long; the latest wins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub grounds: Vec<Ground>,
    /// Why this long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rationale: Option<Rationale>,
}

/// What happens to due data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
pub enum RetentionOutcome {
    /// It is deleted.
    Delete,
    /// It is made anonymous; later.
    Deidentify,
}

/// A reason to keep at least so long.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ground {
    /// What kind of reason.
    pub kind: GroundKind,
    /// The minimum: ISO 8601 calendar period, UTC.
    #[schemars(schema_with = "crate::api::schema::period")]
    pub keep_at_least: String,
    /// Day of review (UTC): an alarm, it changes no verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::api::schema::day")]
    pub review_by: Option<String>,
    /// The law.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub citation: Option<String>,
}

/// Kinds of grounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
pub enum GroundKind {
    /// To bring or to meet legal claims.
    LegalClaims,
    /// A law asks for it.
    LegalObligation,
    /// An audit.
    Audit,
    /// Security.
    Security,
    /// Against fraud.
    Fraud,
    /// A contract is still to be performed.
    Contract,
    /// A legitimate interest.
    LegitimateInterest,
}

/// The factors that a notice promises to weigh.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rationale {
    /// Legal requirements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub legal_requirements: Option<String>,
    /// How much data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub amount: Option<String>,
    /// What kind of data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub nature: Option<String>,
    /// How sensitive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub sensitivity: Option<String>,
    /// Harm from misuse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub risk_factors: Option<String>,
    /// Purposes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub purposes: Option<String>,
    /// Other means to the same end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub alternatives: Option<String>,
}

/// When to run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// Hours in which deletion may run; left out = as soon as something is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// Look again at least so often (ISO 8601); left out = P1D.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::api::schema::period")]
    pub rescan: Option<String>,
    /// Start so far ahead of delete-by, never before keep-until (ISO 8601); left out = P0D.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::api::schema::period")]
    pub finish_before: Option<String>,
}

/// Hours of the day.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.start != self.end").message("start and end are the same: name different times, or leave the window out").field_path(".end").reason(Reason::FieldValueInvalid)
)]
pub struct Window {
    /// `HH:MM`.
    #[schemars(schema_with = "crate::api::schema::clock")]
    pub start: String,
    /// `HH:MM`; before `start` = on the next day.
    #[schemars(schema_with = "crate::api::schema::clock")]
    pub end: String,
    /// IANA name; left out = UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub time_zone: Option<String>,
}

/// Bounds of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// A plan with more items waits for approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub max_items: Option<i64>,
    /// A plan with a greater share of a dataset waits for approval (`20%`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::api::schema::share")]
    pub max_share: Option<String>,
    /// Items deleted per second at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000_000))]
    pub items_per_second: Option<i32>,
    /// Deletion pauses above this lag (`10s`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::api::schema::duration")]
    pub max_replication_lag: Option<String>,
    /// Runs that are kept; never prunes one that deleted something before its record is safe elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub keep_runs: Option<i32>,
}

/// What Carnet knows about a policy.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetentionPolicyStatus {
    /// Generation of the object that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Stalled`, `ResolvedRefs`, `Overdue`, `CategoryUncovered`, `PromiseBroken`, `Held`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// Effective action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<PolicyAction>,
    /// Effective approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalMode>,
    /// Number of stores that match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stores: Option<i64>,
    /// The next instant at which a run is planned (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_run: Option<String>,
    /// What is known for each store.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200))]
    pub per_store: Vec<PolicyStoreStatus>,
}

/// What a policy knows about one store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyStoreStatus {
    /// Name of the store.
    pub store: String,
    /// Uid of the store.
    pub uid: String,
    /// Hash of the deletion-relevant state of which a plan was last approved and carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_state: Option<String>,
    /// The last run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run: Option<String>,
    /// Instant of the last completed plan (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_planned: Option<String>,
    /// Everything due up to this instant has been processed (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<String>,
    /// When a run is next planned (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_run: Option<String>,
    /// LegalHolds that cover the store, and those that vanished without a release until a person has approved a run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub holds: Vec<SeenHold>,
}

/// A LegalHold that was seen to cover a store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeenHold {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// When it was found gone, or to cover the store no more, before the day of its release (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vanished_at: Option<String>,
}
