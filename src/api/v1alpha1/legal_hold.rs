//! LegalHold: stops deletion for a scope.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CommonStatus;

/// Stops deletion for a scope until it is released. What the matter is about stays in its document: this object is
/// read by deletion Jobs.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "carnet.dev",
    version = "v1alpha1",
    kind = "LegalHold",
    status = "CommonStatus",
    shortname = "lhold",
    category = "carnet",
    printcolumn(name = "Reason", type_ = "string", json_path = ".spec.reason"),
    printcolumn(name = "Reference", type_ = "string", json_path = ".spec.reference"),
    printcolumn(name = "Placed", type_ = "string", json_path = ".spec.placedOn"),
    printcolumn(name = "Released", type_ = "string", json_path = ".spec.release.on"),
    printcolumn(
        name = "In force",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='InForce')].status"
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.reason == oldSelf.reason").message("what a hold was placed for does not change: place a new hold, then release this one").field_path(".reason").reason(Reason::FieldValueForbidden),
    validation = Rule::new("self.reference == oldSelf.reference").message("what a hold was placed for does not change: place a new hold, then release this one").field_path(".reference").reason(Reason::FieldValueForbidden),
    validation = Rule::new("self.placedOn == oldSelf.placedOn").message("what a hold was placed for does not change: place a new hold, then release this one").field_path(".placedOn").reason(Reason::FieldValueForbidden),
    validation = Rule::new("!has(self.release) || self.release.on >= self.placedOn").message("the release lies before the day on which the hold was placed: name a later day").field_path(".release").reason(Reason::FieldValueInvalid),
    validation = Rule::new("!has(self.reviewBy) || self.reviewBy >= self.placedOn").message("reviewBy lies before placedOn: name a later day").field_path(".reviewBy").reason(Reason::FieldValueInvalid),
    validation = Rule::new(not_narrowed_in("namespaces")).message(NARROWED).field_path(".scope").reason(Reason::FieldValueForbidden),
    validation = Rule::new(not_narrowed_in("stores")).message(NARROWED).field_path(".scope").reason(Reason::FieldValueForbidden),
    validation = Rule::new(not_narrowed_in("datasets")).message(NARROWED).field_path(".scope").reason(Reason::FieldValueForbidden),
    validation = Rule::new(not_narrowed_in("categories")).message(NARROWED).field_path(".scope").reason(Reason::FieldValueForbidden),
    validation = Rule::new(SELECTOR_NOT_NARROWED).message(NARROWED).field_path(".scope").reason(Reason::FieldValueForbidden)
)]
pub struct LegalHoldSpec {
    /// Why deletion stops.
    pub reason: HoldReason,
    /// Where the matter is described.
    #[schemars(length(min = 1, max = 253))]
    pub reference: String,
    /// What is held: everything named must match; nothing named = everything; a name that is not found widens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<HoldScope>,
    /// Day on which it was placed (UTC).
    #[schemars(schema_with = "crate::api::schema::day")]
    pub placed_on: String,
    /// An alarm, never a release (UTC day).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::api::schema::day")]
    pub review_by: Option<String>,
    /// Needed before the object may be deleted or narrowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<HoldRelease>,
}

/// Why deletion stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
pub enum HoldReason {
    /// A dispute before a court, or one that is to be expected.
    Litigation,
    /// An investigation.
    Investigation,
    /// An audit.
    Audit,
    /// A regulator asked for it.
    RegulatorRequest,
    /// The emergency stop of the platform's people.
    OperationalPause,
}

/// What a hold covers. Lists are alternatives; the fields are joined by AND.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HoldScope {
    /// Namespaces of the stores.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 63)))]
    pub namespaces: Vec<String>,
    /// Names of the stores.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 253)))]
    pub stores: Vec<String>,
    /// Labels of the stores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_selector: Option<LabelSelector>,
    /// Names of the datasets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 63)))]
    pub datasets: Vec<String>,
    /// Categories, exact or `a.*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::api::schema::category_patterns", length(max = 100))]
    pub categories: Vec<String>,
}

/// That a hold has ended.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HoldRelease {
    /// First day without the hold (UTC); before it the hold stands. Quote the key in YAML (`"on"`): bare, kubectl's YAML
    /// takes it for a boolean.
    #[schemars(schema_with = "crate::api::schema::day")]
    pub on: String,
    /// Why it ended.
    #[schemars(length(min = 1, max = 1024))]
    pub reason: String,
}

const NARROWED: &str =
    "a hold in force may be widened, not narrowed: set release first, or place a second hold";

/// A selector is kept as it is or dropped: whether another one selects less cannot be seen from the two alone.
const SELECTOR_NOT_NARROWED: &str = "has(oldSelf.release) || !has(self.scope) || !has(self.scope.storeSelector) || \
     has(oldSelf.scope) && has(oldSelf.scope.storeSelector) && self.scope.storeSelector == oldSelf.scope.storeSelector";

/// Rule that a list of the scope names all that it named before, or nothing: an absent list covers everything.
fn not_narrowed_in(list: &str) -> String {
    format!(
        "has(oldSelf.release) || !has(self.scope) || !has(self.scope.{list}) || size(self.scope.{list}) == 0 || \
         has(oldSelf.scope) && has(oldSelf.scope.{list}) && size(oldSelf.scope.{list}) > 0 && \
         oldSelf.scope.{list}.all(name, name in self.scope.{list})"
    )
}
