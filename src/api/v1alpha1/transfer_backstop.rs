//! TransferBackstop: verdicts, compiled for the API server's own policies. Written by the operator alone.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Stores (`namespace/name`) by the name that leads to them.
pub type StoresByName = BTreeMap<String, Vec<String>>;

/// What the API server's own policies decide by while the operator is away. Written by the operator alone: `carnet` in a
/// namespace for what leads from there to a store, `carnet` in the operator's own namespace for what leads there from
/// everywhere.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[kube(
    group = "carnet.dev",
    version = "v1alpha1",
    kind = "TransferBackstop",
    namespaced,
    shortname = "tbs",
    category = "carnet",
    printcolumn(name = "Stores", type_ = "integer", json_path = ".spec.summary.stores"),
    printcolumn(name = "Names", type_ = "integer", json_path = ".spec.summary.names"),
    printcolumn(name = "Left out", type_ = "integer", json_path = ".spec.summary.leftOut"),
    printcolumn(name = "Next change", type_ = "string", json_path = ".spec.summary.nextChange"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
// One writer, and no record of it for each of thousands of names.
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct TransferBackstopSpec {
    /// Secrets of this namespace. In the object for the cluster, here and below: those of namespaces that were not there yet,
    /// as `namespace/name`.
    #[schemars(schema_with = "crate::api::schema::names_of_stores")]
    pub secrets: StoresByName,
    /// Secrets of this namespace that erase: deletion Jobs alone may use them.
    #[schemars(schema_with = "crate::api::schema::names_of_stores")]
    pub erasure_secrets: StoresByName,
    /// SecretProviderClasses of this namespace; left out where there are none.
    #[serde(default, skip_serializing_if = "StoresByName::is_empty")]
    #[schemars(schema_with = "crate::api::schema::names_of_stores")]
    pub secret_provider_classes: StoresByName,
    /// ConfigMaps of this namespace.
    #[schemars(schema_with = "crate::api::schema::names_of_stores")]
    pub config_maps: StoresByName,
    /// PersistentVolumeClaims of this namespace.
    #[schemars(schema_with = "crate::api::schema::names_of_stores")]
    pub persistent_volume_claims: StoresByName,
    /// ServiceAccounts of this namespace.
    #[schemars(schema_with = "crate::api::schema::names_of_stores")]
    pub service_accounts: StoresByName,
    /// Words with a dot that lead to a store wherever they stand: hosts, Services, buckets with their endpoint. Those that
    /// lead to none by themselves, since a port or a bucket belongs to them, lead to an empty list.
    #[schemars(schema_with = "crate::api::schema::names_of_stores")]
    pub words: StoresByName,
    /// Words without a dot that lead to a store: Services of this namespace, and hosts.
    #[schemars(schema_with = "crate::api::schema::names_of_stores")]
    pub bare_words: StoresByName,
    /// A regular expression that finds `bareWords` in a text; empty where there are none.
    #[schemars(length(max = 2048))]
    pub bare_pattern: String,
    /// Services as `name.namespace`, for words that go on with `.svc.`.
    #[schemars(schema_with = "crate::api::schema::names_of_stores")]
    pub services: StoresByName,
    /// Hosts that count with one port, as `host` and as `host:port`.
    #[schemars(schema_with = "crate::api::schema::names_of_stores")]
    pub ports: StoresByName,
    /// Buckets by the host of their endpoint.
    #[schemars(schema_with = "crate::api::schema::names_by_host")]
    pub buckets: BTreeMap<String, StoresByName>,
    /// Stores with the group of stores that are judged alike.
    #[schemars(schema_with = "crate::api::schema::short_texts")]
    pub stores: BTreeMap<String, String>,
    /// Namespaces with the class of namespaces that are judged alike; those that are not named are of the class `default`.
    #[schemars(schema_with = "crate::api::schema::short_texts")]
    pub namespaces: BTreeMap<String, String>,
    /// Rules by class and group; a group that is not named is not judged.
    #[schemars(schema_with = "crate::api::schema::short_texts_by_name")]
    pub classes: BTreeMap<String, BTreeMap<String, String>>,
    /// Where data may be used, by the name of the rule.
    #[schemars(schema_with = "crate::api::schema::backstop_rules")]
    pub rules: BTreeMap<String, BackstopRule>,
    /// What running Pods stand on.
    pub standing: BackstopStanding,
    /// For people.
    pub summary: BackstopSummary,
}

/// Where data of some stores may be used by some namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackstopRule {
    /// Regions with their ends (RFC 3339); an empty text is no end.
    #[schemars(schema_with = "crate::api::schema::short_texts")]
    pub regions: BTreeMap<String, String>,
    /// Until when a Pod that names no region may be made, since every node is where it may run; empty = without an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    pub anywhere: Option<String>,
    /// Until when an exception speaks of these stores; until then nothing is settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    pub waived_until: Option<String>,
    /// Until when a derogation speaks of these stores; until then nothing is settled of a Pod whose owner is a Job. Empty =
    /// without an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    pub jobs_until: Option<String>,
    /// Whose law follows the data, in words.
    #[schemars(length(max = 256))]
    pub regimes: String,
    /// The regions in words.
    #[schemars(length(max = 1024))]
    pub says: String,
}

/// How many running Pods stand on what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackstopStanding {
    /// Pods that use a DataStore, by `namespace/name`.
    pub stores: BTreeMap<String, i64>,
    /// Pods that nothing but this TransferSafeguard covers, by name.
    pub safeguards: BTreeMap<String, i64>,
}

/// What the object holds, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackstopSummary {
    /// Stores.
    pub stores: i64,
    /// Names that lead to them.
    pub names: i64,
    /// Stores and classes of namespaces that did not fit: only the webhook judges them.
    pub left_out: i64,
    /// The first of what did not fit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(max = 330)))]
    pub first_left_out: Vec<String>,
    /// The next instant at which time alone changes an answer (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    pub next_change: Option<String>,
}
