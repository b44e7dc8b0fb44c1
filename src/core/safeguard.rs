//! TransferSafeguard, already read.

mod agreement;
mod assessment;
mod derogation;
mod group_rules;

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;

pub use self::{
    agreement::{Agreement, AgreementParties},
    assessment::{Assessment, AssessmentResult, Measure},
    derogation::Derogation,
    group_rules::{GroupRules, RulesKind},
};
use super::{
    category::CategoryPattern,
    ids::{Country, PartyName},
    store::Role,
    validity::Validity,
};

/// One legal instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Safeguard {
    /// Name of the object.
    pub name: Arc<str>,
    /// The instrument.
    pub instrument: Instrument,
    /// Assessments.
    pub assessments: Vec<Assessment>,
    /// Namespaces of receiving workloads; none = any.
    pub namespaces: Option<BTreeSet<String>>,
    /// Categories; none = all.
    pub categories: Option<Vec<CategoryPattern>>,
    /// `validFrom` to `validThrough` or `validUntil`.
    pub validity: Validity,
    /// Lower is relied on first.
    pub preference: i32,
}

impl Safeguard {
    /// What it is relied on by: preference, then name.
    pub fn order(&self) -> (i32, &str) {
        (self.preference, &self.name)
    }

    /// Parties that may receive under it, each once.
    pub fn importers(&self) -> BTreeSet<&PartyName> {
        match &self.instrument {
            Instrument::Clauses(c) => c.parties.iter().flat_map(|p| &p.importers).collect(),
            Instrument::Agreement(a) => a.parties.iter().flat_map(|p| &p.importers).collect(),
            Instrument::GroupRules(r) => r.members.iter().collect(),
            Instrument::DataPrivacyFramework(d) => [&d.participant].into_iter().chain(&d.covered).collect(),
            Instrument::Adequacy(a) => a.importers.iter().collect(),
            Instrument::Derogation(d) => d.importers.iter().collect(),
        }
    }

    /// Parties that it names as exporters, each once; frameworks and claims name none.
    pub fn exporters(&self) -> BTreeSet<&PartyName> {
        match &self.instrument {
            Instrument::Clauses(c) => c.parties.iter().flat_map(|p| &p.exporters).collect(),
            Instrument::Agreement(a) => a.parties.iter().flat_map(|p| &p.exporters).collect(),
            Instrument::GroupRules(r) => r.members.iter().collect(),
            Instrument::Derogation(d) => d.exporters.iter().collect(),
            Instrument::DataPrivacyFramework(_) | Instrument::Adequacy(_) => BTreeSet::new(),
        }
    }
}

/// A legal instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instrument {
    /// Standard contractual clauses.
    Clauses(Clauses),
    /// The UK's own agreement.
    Agreement(Agreement),
    /// Binding corporate rules.
    GroupRules(GroupRules),
    /// A Data Privacy Framework entry.
    DataPrivacyFramework(DataPrivacyFramework),
    /// A claimed adequacy decision.
    Adequacy(ClaimedAdequacy),
    /// A derogation.
    Derogation(Derogation),
}

/// Standard contractual clauses. Additions are keyed by the regime that asks for them in the law pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clauses {
    /// Signature.
    pub executed_on: Timestamp,
    /// Who exports to whom.
    pub parties: Vec<ClauseParties>,
    /// Annexes on file; none = not said.
    pub annexes: Option<BTreeSet<Annex>>,
    /// Whose law governs them; none = not said.
    pub governing_law: Option<Country>,
    /// The UK Addendum.
    pub uk_addendum: Option<UkAddendum>,
    /// Signature of the Swiss amendments.
    pub swiss_amendments: Option<Timestamp>,
}

/// The UK Addendum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UkAddendum {
    /// Version of the form.
    pub version: String,
    /// Signature.
    pub executed_on: Timestamp,
}

/// Annexes of the clauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Annex {
    /// Parties, transfer, authority.
    I,
    /// Measures.
    Ii,
    /// Sub-processors.
    Iii,
}

impl Annex {
    /// Its number as users write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::I => "I",
            Self::Ii => "II",
            Self::Iii => "III",
        }
    }
}

/// Who exports to whom, under which module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClauseParties {
    /// Exporters.
    pub exporters: BTreeSet<PartyName>,
    /// Importers.
    pub importers: BTreeSet<PartyName>,
    /// Module.
    pub module: Module,
}

impl Module {
    /// Whether data held as `role` may go to `importer` under it. Modules 3 and 4 part at the importer: module 4 gives data
    /// back to whose it is, module 3 goes to anybody else.
    pub fn fits(self, role: &Role, importer: &PartyName) -> bool {
        match (self, role) {
            (Self::ControllerToController | Self::ControllerToProcessor, Role::Controller) => true,
            (Self::ProcessorToProcessor, Role::Processor(controller)) => controller != importer,
            (Self::ProcessorToController, Role::Processor(controller)) => controller == importer,
            (Self::ControllerToController | Self::ControllerToProcessor, Role::Processor(_))
            | (Self::ProcessorToProcessor | Self::ProcessorToController, Role::Controller) => false,
        }
    }

    /// The annexes that belong to it.
    pub fn annexes(self) -> &'static [Annex] {
        match self {
            Self::ControllerToController => &[Annex::I, Annex::Ii],
            Self::ControllerToProcessor | Self::ProcessorToProcessor => &[Annex::I, Annex::Ii, Annex::Iii],
            Self::ProcessorToController => &[Annex::I],
        }
    }

    /// Whether it may be governed by the law of any country.
    pub fn takes_any_law(self) -> bool {
        match self {
            Self::ControllerToController | Self::ControllerToProcessor | Self::ProcessorToProcessor => false,
            Self::ProcessorToController => true,
        }
    }
}

/// Modules 1 to 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Module {
    /// 1.
    ControllerToController,
    /// 2.
    ControllerToProcessor,
    /// 3.
    ProcessorToProcessor,
    /// 4.
    ProcessorToController,
}

/// A Data Privacy Framework entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataPrivacyFramework {
    /// The certified party.
    pub participant: PartyName,
    /// Its name on the public list; none = its legal name.
    pub listed_as: Option<String>,
    /// Parties that the entry lists as covered.
    pub covered: BTreeSet<PartyName>,
    /// Its certifications, one for each framework at most.
    pub frameworks: Vec<Framework>,
    /// Covers HR data.
    pub covers_hr: bool,
    /// Covers other data.
    pub covers_non_hr: bool,
    /// Sensitive data is marked as such for the importer.
    pub sensitive_flagged: bool,
    /// Who hears complaints; none = nobody is on file.
    pub recourse: Option<String>,
    /// Who may order the participant to obey, in words; none = not said.
    pub regulator: Option<&'static str>,
    /// When the list was last read (start of that day).
    pub checked_on: Timestamp,
}

/// A certification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Framework {
    /// Which.
    pub name: FrameworkName,
    /// The status on the list lets it carry.
    pub status_carries: bool,
    /// The status as on the list.
    pub status: String,
    /// `since` to the end of `recertifyBy`.
    pub validity: Validity,
}

/// The three frameworks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FrameworkName {
    /// EU-U.S.
    EuUs,
    /// UK Extension.
    UkExtension,
    /// Swiss-U.S.
    SwissUs,
}

impl FrameworkName {
    /// Its name as users write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EuUs => "EU-US",
            Self::UkExtension => "UKExtension",
            Self::SwissUs => "Swiss-US",
        }
    }
}

/// A claimed adequacy decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedAdequacy {
    /// Row of the law pack.
    pub row: String,
    /// Parties.
    pub importers: BTreeSet<PartyName>,
}
