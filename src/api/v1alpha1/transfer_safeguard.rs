//! TransferSafeguard: one legal instrument.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Annex, BindingCorporateRules, CommonStatus, Derogation, InternationalDataTransferAgreement, LocalRef,
    Measure, Regulator,
};

/// One legal instrument with its parties, scope, validity and assessments.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "carnet.dev",
    version = "v1alpha1",
    kind = "TransferSafeguard",
    status = "CommonStatus",
    shortname = "tsg",
    category = "carnet",
    printcolumn(name = "Through", type_ = "string", json_path = ".spec.validThrough"),
    printcolumn(name = "Until", type_ = "string", json_path = ".spec.validUntil", priority = 1),
    printcolumn(name = "Preference", type_ = "integer", json_path = ".spec.preference"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status"
    ),
    printcolumn(
        name = "In force",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='InForce')].status"
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!(has(self.validThrough) && has(self.validUntil))").message("say the end once: validThrough (last whole day) or validUntil (an instant)").field_path(".validUntil").reason(Reason::FieldValueForbidden),
    validation = Rule::new("!has(self.validFrom) || !has(self.validThrough) || self.validFrom <= self.validThrough").message("validity ends before it begins: validThrough must not lie before validFrom").field_path(".validThrough").reason(Reason::FieldValueInvalid),
    validation = Rule::new("!has(self.instrument.derogation) || has(self.validThrough) || has(self.validUntil)").message("a derogation is for one transfer: say its end in validThrough or validUntil").field_path(".validThrough").reason(Reason::FieldValueRequired),
    validation = Rule::new("!has(self.validFrom) || !has(self.validUntil) || format.date().validate(self.validFrom).hasValue() || timestamp(self.validFrom + 'T00:00:00Z') < self.validUntil").message("validity ends before it begins: validUntil must lie after validFrom").field_path(".validUntil").reason(Reason::FieldValueInvalid)
)]
pub struct TransferSafeguardSpec {
    /// The instrument; exactly one. What it serves follows from it, never from a claim beside it.
    pub instrument: Instrument,
    /// Transfer impact assessments, for each regime and country.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub assessments: Vec<Assessment>,
    /// What it covers; wide is written `{any: true}`.
    pub scope: SafeguardScope,
    /// First valid day (UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::api::schema::day")]
    pub valid_from: Option<String>,
    /// Last valid day, whole (UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::api::schema::day")]
    pub valid_through: Option<String>,
    /// The instant at which it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Time>,
    /// Lower is relied on first; left out = 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub preference: Option<i32>,
    /// Where the signed document is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Document>,
}

/// A legal instrument; exactly one field is set.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.standardContractualClauses), has(self.internationalDataTransferAgreement), has(self.bindingCorporateRules), has(self.dataPrivacyFramework), has(self.adequacy), has(self.derogation)].exists_one(set, set)").message("name exactly one instrument, such as standardContractualClauses, dataPrivacyFramework or adequacy").reason(Reason::FieldValueInvalid)
)]
pub struct Instrument {
    /// Standard contractual clauses of Decision (EU) 2021/914, with the UK and Swiss additions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard_contractual_clauses: Option<StandardContractualClauses>,
    /// The UK's International Data Transfer Agreement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub international_data_transfer_agreement: Option<InternationalDataTransferAgreement>,
    /// Binding corporate rules of one group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding_corporate_rules: Option<BindingCorporateRules>,
    /// One organisation's Data Privacy Framework entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_privacy_framework: Option<DataPrivacyFramework>,
    /// An adequacy decision that covers only some recipients, claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adequacy: Option<ClaimedAdequacy>,
    /// A derogation for one transfer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derogation: Option<Derogation>,
}

/// Standard contractual clauses.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StandardContractualClauses {
    /// Day of signature (UTC).
    #[schemars(schema_with = "crate::api::schema::day")]
    pub executed_on: String,
    /// Who exports to whom, under which module.
    #[schemars(length(min = 1, max = 100))]
    pub parties: Vec<ClauseParties>,
    /// Annexes on file; left out = not said. Module 4 needs I, module 1 also II, modules 2 and 3 also III.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 3))]
    pub annexes: Option<Vec<Annex>>,
    /// Country whose law governs the clauses (ISO 3166-1, quote it); left out = not said. Under module 4 any law will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::api::schema::country")]
    pub governing_law: Option<String>,
    /// UK Addendum; without it nothing for UK data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uk_addendum: Option<UkAddendum>,
    /// Swiss amendments; without them nothing for Swiss data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swiss_amendments: Option<SwissAmendments>,
}

/// Who exports to whom, under which module.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClauseParties {
    /// Names of the exporting Parties.
    #[schemars(length(min = 1, max = 100), inner(length(min = 1, max = 253)))]
    pub exporters: Vec<String>,
    /// Names of the importing Parties.
    #[schemars(length(min = 1, max = 100), inner(length(min = 1, max = 253)))]
    pub importers: Vec<String>,
    /// The module.
    pub module: ClauseModule,
}

/// Modules of the standard contractual clauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
pub enum ClauseModule {
    /// Module 1.
    ControllerToController,
    /// Module 2.
    ControllerToProcessor,
    /// Module 3.
    ProcessorToProcessor,
    /// Module 4.
    ProcessorToController,
}

/// UK International Data Transfer Addendum.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UkAddendum {
    /// Version of the addendum (`B1.0`).
    #[schemars(length(min = 1, max = 16))]
    pub version: String,
    /// Day of signature (UTC).
    #[schemars(schema_with = "crate::api::schema::day")]
    pub executed_on: String,
}

/// Amendments that the Swiss authority asks for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SwissAmendments {
    /// Day of signature (UTC).
    #[schemars(schema_with = "crate::api::schema::day")]
    pub executed_on: String,
}

/// One organisation's Data Privacy Framework entry. Each framework stands on its own.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!self.frameworks.exists(f, f.name == 'UKExtension') || self.frameworks.exists(f, f.name == 'EU-US')").message("the UKExtension extends EU-US: add the EU-US entry beside it").field_path(".frameworks").reason(Reason::FieldValueRequired)
)]
pub struct DataPrivacyFramework {
    /// The certified Party.
    pub participant_ref: LocalRef,
    /// Its name on the public list; left out = the Party's legalName.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub listed_as: Option<String>,
    /// Its certifications.
    #[schemars(length(min = 1, max = 3), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub frameworks: Vec<Framework>,
    /// What data the certification covers.
    #[schemars(length(min = 1, max = 2))]
    pub covered_data: Vec<CoveredData>,
    /// Names of Parties that the entry lists as covered: subsidiaries that receive under it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200), inner(length(min = 1, max = 253)))]
    pub covered_entities: Vec<String>,
    /// Sensitive data is marked as such for the importer, where the framework's own list does not name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitive_flagged: Option<bool>,
    /// Independent recourse; without it: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recourse: Option<Recourse>,
    /// Who may order the participant to obey.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regulator: Option<Regulator>,
    /// Day on which the public list was last read (UTC): warns at 30 days, carries nothing at 90.
    #[schemars(schema_with = "crate::api::schema::day")]
    pub checked_on: String,
}

/// A certification under one framework.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.recertifyBy >= self.since").message("recertifyBy lies before since: copy both days from the public list").field_path(".recertifyBy").reason(Reason::FieldValueInvalid)
)]
pub struct Framework {
    /// Which framework.
    pub name: FrameworkName,
    /// Status on the public list.
    pub status: FrameworkStatus,
    /// First day of the certification (UTC).
    #[schemars(schema_with = "crate::api::schema::day")]
    pub since: String,
    /// Last day before re-certification is due, whole (UTC).
    #[schemars(schema_with = "crate::api::schema::day")]
    pub recertify_by: String,
}

/// The three frameworks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
pub enum FrameworkName {
    /// EU-U.S. Data Privacy Framework.
    #[serde(rename = "EU-US")]
    EuUs,
    /// UK Extension; needs an active EU-US.
    UKExtension,
    /// Swiss-U.S. Data Privacy Framework.
    #[serde(rename = "Swiss-US")]
    SwissUs,
}

/// Status on the public list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
pub enum FrameworkStatus {
    /// Participates.
    Active,
    /// Participates while its re-certification is reviewed.
    RecertificationUnderReview,
    /// Lapsed.
    Inactive,
    /// Left.
    Withdrawn,
    /// Was removed.
    Removed,
}

/// What data a certification covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
pub enum CoveredData {
    /// Data of people in an employment relationship.
    #[serde(rename = "HR")]
    Hr,
    /// Everything else.
    #[serde(rename = "NonHR")]
    NonHr,
}

/// Independent recourse.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Recourse {
    /// Who hears complaints.
    #[schemars(length(min = 1, max = 253))]
    pub provider: String,
}

/// A claimed adequacy decision.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimedAdequacy {
    /// Id of the row in the law pack.
    #[schemars(length(min = 1, max = 63))]
    pub row: String,
    /// Parties for which it is claimed.
    #[schemars(length(min = 1, max = 100), inner(length(min = 1, max = 253)))]
    pub importers: Vec<String>,
    /// Why they are covered.
    #[schemars(length(min = 1, max = 1024))]
    pub assertion: String,
}

/// A transfer impact assessment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.measures) || self.outcome == 'EffectiveWithMeasures'").message("measures are those of outcome EffectiveWithMeasures: write that, or leave them out").field_path(".measures").reason(Reason::FieldValueForbidden),
    validation = Rule::new("!has(self.reviewBy) || self.reviewBy >= self.completedOn").message("reviewBy lies before completedOn: name a later day").field_path(".reviewBy").reason(Reason::FieldValueInvalid)
)]
pub struct Assessment {
    /// Regimes for which it was made.
    #[schemars(length(min = 1, max = 16), inner(length(min = 1, max = 32)))]
    pub regimes: Vec<String>,
    /// Country that was assessed (ISO 3166-1, quote it).
    #[schemars(schema_with = "crate::api::schema::country")]
    pub country: String,
    /// Day of completion (UTC).
    #[schemars(schema_with = "crate::api::schema::day")]
    pub completed_on: String,
    /// Result.
    pub outcome: AssessmentOutcome,
    /// The measures on which EffectiveWithMeasures stands; one that helps for the data in question is needed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub measures: Vec<Measure>,
    /// Day by which it must be reviewed (UTC); overdue warns, and after the grace carries nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::api::schema::day")]
    pub review_by: Option<String>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub reference: Option<String>,
}

/// Result of an assessment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
pub enum AssessmentOutcome {
    /// The clauses hold there.
    Effective,
    /// They hold with supplementary measures, which are named.
    EffectiveWithMeasures,
    /// None is needed.
    NotNeeded,
    /// They do not hold: carries nothing.
    Ineffective,
}

/// What a safeguard covers; `any: true` or at least one list. Lists are joined by AND.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.any) || self.any").message("any is only ever true: leave it out and name namespaces or categories").field_path(".any").reason(Reason::FieldValueInvalid),
    validation = Rule::new("has(self.any) != (has(self.namespaces) || has(self.categories))").message("say either {any: true} or at least one of namespaces and categories").reason(Reason::FieldValueInvalid)
)]
pub struct SafeguardScope {
    /// Everything; excludes the lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub any: Option<bool>,
    /// Where the receiving workloads run (a copy: its store's namespace): the security boundary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1000), inner(length(min = 1, max = 63)))]
    pub namespaces: Option<Vec<String>>,
    /// Categories, exact or `a.*`; left out = all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::api::schema::category_patterns", length(min = 1, max = 100))]
    pub categories: Option<Vec<String>>,
}

/// Where the signed document is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    /// Its place.
    #[schemars(length(min = 1, max = 253))]
    pub reference: String,
    /// Its SHA-256, 64 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::api::schema::sha256")]
    pub sha256: Option<String>,
}
