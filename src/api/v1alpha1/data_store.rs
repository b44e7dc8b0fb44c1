//! DataStore: what personal data is where.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EmploymentData, HeldKeys, LocalRef, Location, NamespacedRef, Role};

/// What personal data is where: who holds it, whose it is, how workloads reach it, and when its clock starts.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "carnet.dev",
    version = "v1alpha1",
    kind = "DataStore",
    namespaced,
    status = "DataStoreStatus",
    shortname = "dst",
    category = "carnet",
    printcolumn(name = "Exporter", type_ = "string", json_path = ".spec.exporterRef.name"),
    printcolumn(name = "Country", type_ = "string", json_path = ".status.country"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status"
    ),
    printcolumn(
        name = "No violation",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='NoViolation')].status"
    ),
    printcolumn(name = "Violating", type_ = "integer", json_path = ".status.transfers.violating"),
    printcolumn(
        name = "Held",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Held')].status",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.role != 'Processor' || has(self.controllerRef)").message("a Processor holds data for somebody: name the controller's Party in controllerRef").field_path(".controllerRef").reason(Reason::FieldValueRequired),
    validation = Rule::new("self.datasets.all(d, !has(d.role) || d.role != 'Processor' || has(d.controllerRef) || has(self.controllerRef))").message("a dataset whose role is Processor needs a controllerRef, its own or the store's").field_path(".datasets").reason(Reason::FieldValueRequired),
    validation = Rule::new("!has(self.origins) || !('Unrestricted' in self.origins) || size(self.origins) == 1").message("Unrestricted stands alone: leave out the other origins, or Unrestricted").field_path(".origins").reason(Reason::FieldValueInvalid),
    validation = Rule::new("!has(self.origins) || !('Unrestricted' in self.origins) || has(self.originsReason)").message("Unrestricted takes the data out of every regime: say why in originsReason").field_path(".originsReason").reason(Reason::FieldValueRequired),
    validation = Rule::new("has(self.engine.postgres) || has(self.engine.mysql) || self.datasets.all(d, !has(d.table))").message("a table belongs to the engines postgres and mysql: use objects or files here").field_path(".datasets").reason(Reason::FieldValueForbidden),
    validation = Rule::new("has(self.engine.objectStore) || self.datasets.all(d, !has(d.objects))").message("objects belong to the engine objectStore: use table or files here").field_path(".datasets").reason(Reason::FieldValueForbidden),
    validation = Rule::new("has(self.engine.volume) || self.datasets.all(d, !has(d.files))").message("files belong to the engine volume: use table or objects here").field_path(".datasets").reason(Reason::FieldValueForbidden)
)]
pub struct DataStoreSpec {
    /// The Party that decides about, or holds, the data.
    pub exporter_ref: LocalRef,
    /// In what capacity; a dataset may override.
    pub role: Role,
    /// The controller for whom a Processor holds the data; required then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller_ref: Option<LocalRef>,
    /// Where the data is.
    pub location: Location,
    /// Where the people are (regimes of the law pack, or `Unrestricted`); adds to the regimes judged, never takes one
    /// away. Left out = unknown = every regime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16), inner(length(min = 1, max = 32)))]
    pub origins: Option<Vec<String>>,
    /// Why the data is `Unrestricted`; required then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub origins_reason: Option<String>,
    /// The technology; exactly one.
    pub engine: Engine,
    /// How workloads reach it, beside everything that the engine names; any hit is use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// Replicas are transfers; backups are a deletion horizon.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub copies: Vec<DataCopy>,
    /// What is in it.
    #[schemars(length(min = 1, max = 100), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub datasets: Vec<Dataset>,
    /// Whether this cluster erases; left out = Here. A store declared in several clusters is erased from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erasure: Option<Erasure>,
}

/// Whether this cluster erases the store's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Erasure {
    /// Retention policies of this cluster delete from it.
    Here,
    /// Another cluster does; here nothing is planned.
    Elsewhere,
}

/// The technology that holds the data; exactly one field is set.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.postgres), has(self.mysql), has(self.objectStore), has(self.volume), has(self.external)].exists_one(set, set)").message("name exactly one engine: postgres, mysql, objectStore, volume or external").reason(Reason::FieldValueInvalid)
)]
pub struct Engine {
    /// PostgreSQL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postgres: Option<SqlEngine>,
    /// MySQL or MariaDB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mysql: Option<SqlEngine>,
    /// A bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_store: Option<ObjectStoreEngine>,
    /// Files on a volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<VolumeEngine>,
    /// Something Carnet does not erase itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalEngine>,
}

/// An SQL server that is reached by a Secret.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SqlEngine {
    /// Secret for erasure, in the store's namespace: `host`, `port`, `username`, `password`, `dbname` or `uri`, and
    /// `ca.crt`. Only deletion Jobs may use it.
    pub credentials_secret_ref: LocalRef,
    /// How the server's identity is checked; left out = VerifyFull.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssl_mode: Option<SslMode>,
}

/// How a server's identity is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum SslMode {
    /// No encryption.
    Disable,
    /// Encryption without a check of the certificate.
    Require,
    /// The certificate's issuer is checked.
    VerifyCA,
    /// The certificate's issuer and host name are checked.
    VerifyFull,
}

/// A bucket.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectStoreEngine {
    /// Protocol.
    pub provider: ObjectStoreProvider,
    /// Bucket.
    #[schemars(length(min = 1, max = 255))]
    pub bucket: String,
    /// Address of the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub endpoint: Option<String>,
    /// Secret for erasure. Only deletion Jobs may use it.
    pub credentials_secret_ref: LocalRef,
}

/// Protocol of an object store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum ObjectStoreProvider {
    /// S3 and what speaks it.
    S3,
    /// Google Cloud Storage.
    #[serde(rename = "GCS")]
    Gcs,
    /// Azure Blob Storage.
    AzureBlob,
}

/// Files on a volume.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VolumeEngine {
    /// Claim in the store's namespace.
    #[schemars(length(min = 1, max = 253))]
    pub persistent_volume_claim: String,
}

/// Something Carnet does not erase itself.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalEngine {
    /// What it is, for people.
    #[schemars(length(min = 1, max = 1024))]
    pub description: String,
}

/// How workloads reach a store.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Access {
    /// Secrets with credentials or addresses; named, never read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200))]
    pub secrets: Vec<NamespacedRef>,
    /// SecretProviderClasses of the Secrets Store CSI driver, which mounts credentials or addresses from a vault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200))]
    pub secret_provider_classes: Vec<NamespacedRef>,
    /// ConfigMaps with addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200))]
    pub config_maps: Vec<NamespacedRef>,
    /// Services in front of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200))]
    pub services: Vec<NamespacedRef>,
    /// Claims with its files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200))]
    pub persistent_volume_claims: Vec<NamespacedRef>,
    /// ServiceAccounts whose identity opens it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200))]
    pub service_accounts: Vec<NamespacedRef>,
    /// Whole host names, `host` or `host:port`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200), inner(length(min = 1, max = 260)))]
    pub hosts: Vec<String>,
}

/// A copy of the data.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.keptFor) || self.kind == 'Backup'").message("only a Backup is kept for a time of its own; a Replica follows its store").field_path(".keptFor").reason(Reason::FieldValueForbidden)
)]
pub struct DataCopy {
    /// Name, unique in the store.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// What kind of copy.
    pub kind: CopyKind,
    /// Where it is.
    pub location: Location,
    /// Who holds it.
    pub party_ref: LocalRef,
    /// How long a backup is kept (ISO 8601 period).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::api::schema::period")]
    pub kept_for: Option<String>,
    /// It is encrypted before it is handed over, and this Party alone holds the keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<HeldKeys>,
}

/// Kinds of copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum CopyKind {
    /// Follows the store; deletions reach it.
    Replica,
    /// Stays as it was until it expires.
    Backup,
}

/// A set of personal data inside a store.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.table), has(self.objects), has(self.files)].filter(set, set).size() <= 1").message("say where the data lies by one of table, objects and files").reason(Reason::FieldValueInvalid),
    validation = Rule::new("!has(self.employmentData) || !has(self.subjects) || self.subjects.exists(s, s in ['Employee', 'Applicant']) || self.categories.exists(c, c == 'hr' || c.startsWith('hr.'))").message("employmentData speaks of employees and applicants: name them among the subjects, or leave it out").field_path(".employmentData").reason(Reason::FieldValueForbidden),
    validation = Rule::new("!has(self.subjectKey) || has(self.table)").message("a subjectKey names a column: name the table").field_path(".subjectKey").reason(Reason::FieldValueForbidden),
    validation = Rule::new("has(self.table) || !has(self.anchors) || self.anchors.all(a, !has(a.column))").message("a column is one of a table: name the table").field_path(".table").reason(Reason::FieldValueRequired),
    validation = Rule::new("has(self.objects) || !has(self.anchors) || self.anchors.all(a, !has(a.objectTag) && !has(a.keyPattern))").message("objectTag and keyPattern are of objects: name the objects by their prefix").field_path(".objects").reason(Reason::FieldValueRequired),
    validation = Rule::new("has(self.objects) || has(self.files) || !has(self.anchors) || self.anchors.all(a, !has(a.modifiedTime))").message("objects and files have a modifiedTime, rows have not: name objects or files, or use a column").field_path(".anchors").reason(Reason::FieldValueInvalid)
)]
pub struct Dataset {
    /// Name, unique in the store.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// What the data is, dotted (`account.contact`).
    #[schemars(schema_with = "crate::api::schema::categories", length(min = 1, max = 50))]
    pub categories: Vec<String>,
    /// Whose data it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub subjects: Vec<Subject>,
    /// How it came to the exporter, where that was from the people themselves: there is then no exporter before it, and its own
    /// processing where the store is makes no transfer (EDPB Guidelines 05/2021, example 1). Every further hop does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collected: Option<Collected>,
    /// Whose employment relationship data of employees and applicants comes from; left out = the exporter's own group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employment_data: Option<EmploymentData>,
    /// Whoever reads it cannot tell who the people are, and this Party alone can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pseudonymised: Option<HeldKeys>,
    /// Overrides the store's role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The controller when the dataset's role is Processor and the store's is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller_ref: Option<LocalRef>,
    /// The table, in an SQL store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<TableName>,
    /// The objects, in a bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<ObjectsLocator>,
    /// The files, on a volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<FilesLocator>,
    /// Which person a row is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_key: Option<SubjectKey>,
    /// When things happened to a row; an empty value is "not yet", never "long ago".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub anchors: Vec<Anchor>,
}

/// How data came to the exporter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Collected {
    /// People gave it to the exporter themselves.
    DirectFromSubject,
}

/// Whose data it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
pub enum Subject {
    /// A customer.
    Customer,
    /// A user whom a customer authorised.
    AuthorizedUser,
    /// An employee.
    Employee,
    /// Somebody who applies for a job.
    Applicant,
    /// A visitor.
    Visitor,
    /// A child.
    Child,
}

/// A table by schema and name, as the server spells them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TableName {
    /// Schema.
    #[schemars(length(min = 1, max = 63))]
    pub schema: String,
    /// Table.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
}

/// Objects of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectsLocator {
    /// Prefix of their keys.
    #[schemars(length(max = 1024))]
    pub prefix: String,
}

/// Files of a volume.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FilesLocator {
    /// Directory below the volume's root.
    #[schemars(length(max = 1024))]
    pub path: String,
}

/// Which person a row is about.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubjectKey {
    /// Column with the key.
    #[schemars(length(min = 1, max = 63))]
    pub column: String,
    /// What kind of key it is, the same word wherever the same keys are used.
    #[schemars(length(min = 1, max = 63))]
    pub kind: String,
}

/// When an event happened to an item of the dataset. One of `column`, `modifiedTime`, `objectTag`, `keyPattern`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.column), has(self.modifiedTime), has(self.objectTag), has(self.keyPattern)].exists_one(set, set)").message("say when the event happened by exactly one of column, modifiedTime, objectTag and keyPattern").reason(Reason::FieldValueInvalid),
    validation = Rule::new("!has(self.columnType) || has(self.column)").message("columnType says how a column is read: name the column").field_path(".columnType").reason(Reason::FieldValueForbidden)
)]
pub struct Anchor {
    /// Name of the event, matched by policies' `after`.
    #[schemars(length(min = 1, max = 63))]
    pub event: String,
    /// Column of the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub column: Option<String>,
    /// How the column's value is to be read; left out = a timestamp with a time zone, or a date (a UTC day,
    /// which counts from its end). What lies before 1971 is no anchor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column_type: Option<ColumnType>,
    /// The time the object or file was last modified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified_time: Option<ModifiedTime>,
    /// Tag of the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub object_tag: Option<String>,
    /// Pattern of the key with a date in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub key_pattern: Option<String>,
}

/// The time an object or file was last modified; no settings yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct ModifiedTime {}

/// How a column's value is to be read; exactly one field is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.epoch) != has(self.timestamp)").message("say exactly one of epoch and timestamp").reason(Reason::FieldValueInvalid)
)]
pub struct ColumnType {
    /// A number counted from 1970-01-01T00:00:00Z.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<EpochUnit>,
    /// A local time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<LocalTimestamp>,
}

/// Unit of an epoch number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum EpochUnit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
}

/// A local time and its zone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalTimestamp {
    /// IANA name of the zone.
    #[schemars(length(min = 1, max = 63))]
    pub time_zone: String,
}

/// What Carnet knows about a store.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DataStoreStatus {
    /// Generation of the object that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Stalled`, `NoViolation`, `ResolvedRefs`, `Held`, `LocationKnown`, `UsedInExemptNamespace`,
    /// `ClaimNotReaching`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// Country of the location by the law pack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Regimes that are judged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regimes: Vec<String>,
    /// Uses by running workloads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfers: Option<TransferSummary>,
}

/// Uses of a store by running workloads: exact counts, first offenders.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransferSummary {
    /// Pods that use the store.
    pub using: i64,
    /// Of these, Pods with a flow that no safeguard covers.
    pub violating: i64,
    /// Of these, Pods whose failing flows are waived by an exception.
    pub waived: i64,
    /// Copies of the store that no safeguard covers.
    pub violating_copies: i64,
    /// The first ten violating owners, `Kind namespace/name`, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub first: Vec<String>,
    /// What the present answers stand on: safeguards and law rows, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relied_on: Vec<String>,
    /// The next instant at which an answer changes by time alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_change: Option<String>,
    /// Version of the law pack that the answers stand on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub law: Option<String>,
}
