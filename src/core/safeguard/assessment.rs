//! A transfer impact assessment, already read.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::core::ids::{Country, RegimeId};

/// A transfer impact assessment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// Regimes.
    pub regimes: BTreeSet<RegimeId>,
    /// Country.
    pub country: Country,
    /// Completed (start of that day).
    pub completed_on: Timestamp,
    /// Result.
    pub result: AssessmentResult,
    /// End of the day by which it must be reviewed.
    pub review_until: Option<Timestamp>,
}

/// What an assessment found. Ordered from the best: of several made on one day the worst counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AssessmentResult {
    /// What was agreed holds there, or nothing had to be assessed.
    Holds,
    /// It holds with these measures.
    HoldsWith(BTreeSet<Measure>),
    /// It does not hold.
    Fails,
}

/// A supplementary measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// Encrypted where it is stored.
    Encryption,
    /// Encrypted on the way.
    TransitEncryption,
    /// Pseudonymised.
    Pseudonymisation,
    /// Promises of the importer.
    Contractual,
    /// Policies and training.
    Organisational,
}

impl Measure {
    /// Its name as users write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Encryption => "Encryption",
            Self::TransitEncryption => "TransitEncryption",
            Self::Pseudonymisation => "Pseudonymisation",
            Self::Contractual => "Contractual",
            Self::Organisational => "Organisational",
        }
    }
}
