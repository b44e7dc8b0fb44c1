//! The UK's International Data Transfer Agreement, already read.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::core::ids::PartyName;

/// An agreement on the authority's form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// Version of the form.
    pub version: String,
    /// Signature.
    pub executed_on: Timestamp,
    /// Who exports to whom.
    pub parties: Vec<AgreementParties>,
}

/// Who exports to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreementParties {
    /// Exporters.
    pub exporters: BTreeSet<PartyName>,
    /// Importers.
    pub importers: BTreeSet<PartyName>,
}
