//! Instruments of a TransferSafeguard beside clauses, frameworks and claims.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The UK's own agreement (IDTA); serves UK data alone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InternationalDataTransferAgreement {
    /// Version of the form (`A1.0`).
    #[schemars(length(min = 1, max = 16))]
    pub version: String,
    /// Day of signature (UTC).
    #[schemars(schema_with = "crate::api::schema::day")]
    pub executed_on: String,
    /// Who exports to whom.
    #[schemars(length(min = 1, max = 100))]
    pub parties: Vec<AgreementParties>,
}

/// Who exports to whom.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgreementParties {
    /// Names of the exporting Parties.
    #[schemars(length(min = 1, max = 100), inner(length(min = 1, max = 253)))]
    pub exporters: Vec<String>,
    /// Names of the importing Parties.
    #[schemars(length(min = 1, max = 100), inner(length(min = 1, max = 253)))]
    pub importers: Vec<String>,
}

/// Binding corporate rules (Article 47): inside one group, between the members that are bound.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BindingCorporateRules {
    /// The group, as its Parties name it in `group`.
    #[schemars(length(min = 1, max = 253))]
    pub group: String,
    /// Names of the Parties that the rules bind.
    #[schemars(length(min = 2, max = 200), inner(length(min = 1, max = 253)))]
    pub members: Vec<String>,
    /// For data of which kind of exporter the rules were made.
    pub kind: RulesKind,
    /// Approvals; each serves its own regime. Without one: nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["regime"]))]
    pub approvals: Vec<RulesApproval>,
}

/// For data of which kind of exporter the rules were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
pub enum RulesKind {
    /// Data about which a member decides.
    Controller,
    /// Data that a member holds for somebody outside.
    Processor,
}

/// An approval of binding corporate rules.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RulesApproval {
    /// Regime whose data may go on it.
    #[schemars(length(min = 1, max = 32))]
    pub regime: String,
    /// The authority.
    #[schemars(length(min = 1, max = 253))]
    pub authority: String,
    /// Day of the approval (UTC).
    #[schemars(schema_with = "crate::api::schema::day")]
    pub approved_on: String,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub reference: Option<String>,
}

/// A derogation (Article 49): for one transfer, by a one-off Job, where the operator's `--derogations` lets it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.ground != 'CompellingLegitimateInterests' || (has(self.authorityInformedOn) && has(self.subjectsInformedOn))").message("CompellingLegitimateInterests need authority and subjects to be informed: name authorityInformedOn and subjectsInformedOn").field_path(".ground").reason(Reason::FieldValueInvalid)
)]
pub struct Derogation {
    /// Regime from which it derogates.
    #[schemars(length(min = 1, max = 32))]
    pub regime: String,
    /// The ground.
    pub ground: DerogationGround,
    /// Names of the exporting Parties.
    #[schemars(length(min = 1, max = 100), inner(length(min = 1, max = 253)))]
    pub exporters: Vec<String>,
    /// Names of the importing Parties.
    #[schemars(length(min = 1, max = 100), inner(length(min = 1, max = 253)))]
    pub importers: Vec<String>,
    /// Where the transfer and its assessment are recorded.
    #[schemars(length(min = 1, max = 253))]
    pub record: String,
    /// Day on which the supervisory authority was informed (UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::api::schema::day")]
    pub authority_informed_on: Option<String>,
    /// Day on which the people were informed (UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::api::schema::day")]
    pub subjects_informed_on: Option<String>,
}

/// Grounds of Article 49(1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
pub enum DerogationGround {
    /// (a) explicit consent, after the risks were told.
    Consent,
    /// (b) a contract with the person.
    ContractWithSubject,
    /// (c) a contract in the person's interest.
    ContractInSubjectsInterest,
    /// (d) important reasons of public interest.
    PublicInterest,
    /// (e) legal claims.
    LegalClaims,
    /// (f) vital interests.
    VitalInterests,
    /// (g) a public register.
    PublicRegister,
    /// Second subparagraph: compelling legitimate interests; authority and subjects are informed.
    CompellingLegitimateInterests,
}

/// Annexes of the standard contractual clauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
pub enum Annex {
    /// Parties, transfer, authority.
    I,
    /// Technical and organisational measures.
    #[serde(rename = "II")]
    Ii,
    /// Sub-processors.
    #[serde(rename = "III")]
    Iii,
}

/// Supplementary measures of an assessment. Only those that keep the importer from clear text make up for a law abroad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
pub enum Measure {
    /// Stored encrypted: helps for a copy whose `encrypted.keysHeldBy` is the exporter; no workload that reads the data.
    Encryption,
    /// Encrypted on the way: helps nobody at the end of it.
    TransitEncryption,
    /// Pseudonymised: helps for a dataset whose `pseudonymised.keysHeldBy` is the exporter.
    Pseudonymisation,
    /// Promises of the importer: kept on file, make up for no law.
    Contractual,
    /// Policies and training: kept on file, make up for no law.
    Organisational,
}

/// Who can undo what hides the data.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeldKeys {
    /// The Party that alone holds the keys, or what attributes the data to people.
    pub keys_held_by: super::LocalRef,
}

/// Who may order the importer to obey the framework.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
pub enum Regulator {
    /// Federal Trade Commission.
    #[serde(rename = "FTC")]
    Ftc,
    /// Department of Transportation.
    #[serde(rename = "DoT")]
    Dot,
}

/// Whose employment relationship the data of employees and applicants comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
pub enum EmploymentData {
    /// The exporter's or its group's own: HR data of the Data Privacy Framework.
    OwnGroup,
    /// Somebody else's, such as a customer's: not HR data in that sense.
    Other,
}
