//! Party, already read.

use super::ids::{Country, PartyName, RegimeId};

/// A legal entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Name of the object.
    pub name: PartyName,
    /// Name in the register.
    pub legal_name: String,
    /// Establishment.
    pub country: Country,
    /// Regime of the establishment, where one has it as territory.
    pub regime: Option<RegimeId>,
    /// Group of companies.
    pub group: Option<String>,
    /// Namespaces whose workloads are its own.
    pub namespaces: Vec<String>,
}
