//! Party: a legal entity and whose workloads are its own.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CommonStatus, LocalRef};

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
    /// Countries from which its people, or those who support it, reach what it receives (ISO 3166-1, quote them): a screen in
    /// a third country is a transfer (EDPB Guidelines 05/2021), whatever region the data stays in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::api::schema::countries")]
    pub access_from: Vec<String>,
    /// Country from which it is controlled, where that is another (ISO 3166-1, quote it): whoever may order the data out is
    /// judged like one who looks at it from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::api::schema::country")]
    pub controlled_from: Option<String>,
    /// Hosts that are its own: `host`, `host:port`, or `*.domain` for every name below one. A Pod that uses a store and names one
    /// in a literal of its spec sends to this party, in its country.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200), inner(length(min = 1, max = 260)))]
    pub hosts: Vec<String>,
    /// To whom it hands on what it receives. Each hop is judged again under the regimes of the data, and one whose contract
    /// lacks anything lets nothing pass on the way to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub onward_to: Vec<OnwardTransfer>,
    /// The last time it changed hands: what names it and was not reviewed since is to be reviewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_of_control: Option<ChangeOfControl>,
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

/// To whom a party hands on what it receives.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OnwardTransfer {
    /// The Party that receives.
    pub party_ref: LocalRef,
    /// What it binds the recipient to; left out = nothing, and then nothing may pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<OnwardContract>,
    /// Categories that are handed on (`a.*` = all below `a`); left out = everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::api::schema::category_patterns", length(min = 1, max = 100))]
    pub categories: Option<Vec<String>>,
}

/// What an onward recipient is bound to (Data Privacy Framework, Accountability for Onward Transfer; clause 8 of the standard
/// contractual clauses). What is left out is not agreed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OnwardContract {
    /// Where the contract is.
    #[schemars(length(min = 1, max = 253))]
    pub reference: String,
    /// The recipient may use the data for limited and specified purposes only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limited_purposes: Option<bool>,
    /// The recipient gives the same level of protection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_principles: Option<bool>,
    /// The recipient gives notice when it no longer can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<bool>,
}

/// A change of control.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeOfControl {
    /// Day on which it takes effect (UTC).
    #[schemars(schema_with = "crate::api::schema::day")]
    pub on: String,
    /// Where it is documented.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub reference: Option<String>,
}
