//! TransferSafeguard, already read.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;

use super::{
    category::CategoryPattern,
    ids::{Country, PartyName, RegimeId},
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
            Instrument::DataPrivacyFramework(d) => [&d.participant].into(),
            Instrument::Adequacy(a) => a.importers.iter().collect(),
        }
    }

    /// Parties that it names as exporters, each once; only clauses name them.
    pub fn exporters(&self) -> BTreeSet<&PartyName> {
        match &self.instrument {
            Instrument::Clauses(c) => c.parties.iter().flat_map(|p| &p.exporters).collect(),
            Instrument::DataPrivacyFramework(_) | Instrument::Adequacy(_) => BTreeSet::new(),
        }
    }
}

/// A legal instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instrument {
    /// Standard contractual clauses.
    Clauses(Clauses),
    /// A Data Privacy Framework entry.
    DataPrivacyFramework(DataPrivacyFramework),
    /// A claimed adequacy decision.
    Adequacy(ClaimedAdequacy),
}

/// Standard contractual clauses. Additions are keyed by the regime that asks for them in the law pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clauses {
    /// Signature.
    pub executed_on: Timestamp,
    /// Who exports to whom.
    pub parties: Vec<ClauseParties>,
    /// Signature of the UK Addendum.
    pub uk_addendum: Option<Timestamp>,
    /// Signature of the Swiss amendments.
    pub swiss_amendments: Option<Timestamp>,
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
    /// Whether data held as `role` may be exported under it.
    pub fn fits(self, role: &Role) -> bool {
        match self {
            Self::ControllerToController | Self::ControllerToProcessor => *role == Role::Controller,
            Self::ProcessorToProcessor | Self::ProcessorToController => matches!(role, Role::Processor(_)),
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
    /// Its certifications, one for each framework at most.
    pub frameworks: Vec<Framework>,
    /// Covers HR data.
    pub covers_hr: bool,
    /// Covers other data.
    pub covers_non_hr: bool,
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

/// A transfer impact assessment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// Regimes.
    pub regimes: BTreeSet<RegimeId>,
    /// Country.
    pub country: Country,
    /// Completed (start of that day).
    pub completed_on: Timestamp,
    /// Whether the outcome lets clauses carry (everything but Ineffective).
    pub effective: bool,
    /// End of the day by which it must be reviewed.
    pub review_until: Option<Timestamp>,
}
