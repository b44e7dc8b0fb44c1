//! Party, already read.

use jiff::Timestamp;

use super::{
    category::CategoryPattern,
    ids::{Country, PartyName, RegimeId},
    store::Dataset,
};

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
    /// Countries from which its people reach what it receives, each once.
    pub access_from: Vec<Country>,
    /// Country of control, where that is another.
    pub controlled_from: Option<Country>,
    /// Its hosts, normalised, with the port where one was declared; `*.domain` means every name below.
    pub hosts: Vec<(String, Option<u16>)>,
    /// To whom it hands on what it receives.
    pub onward: Vec<Onward>,
    /// The last time it changed hands.
    pub change_of_control: Option<ChangeOfControl>,
}

impl Party {
    /// Whether nobody else has what it receives, and nobody from elsewhere.
    pub fn keeps_to_itself(&self) -> bool {
        self.access_from.is_empty() && self.controlled_from.is_none() && self.onward.is_empty()
    }

    /// The edges by which it hands on this data.
    pub fn onward_of<'a>(&'a self, dataset: &'a Dataset) -> impl Iterator<Item = &'a Onward> {
        self.onward.iter().filter(|edge| edge.hands_on(dataset))
    }
}

/// An edge to an onward recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Onward {
    /// Who receives.
    pub to: PartyName,
    /// What is handed on; none = everything.
    pub categories: Option<Vec<CategoryPattern>>,
    /// What the contract lacks, in words; empty = it is whole.
    pub lacks: Vec<&'static str>,
}

impl Onward {
    /// Whether any of this dataset is handed on.
    pub fn hands_on(&self, dataset: &Dataset) -> bool {
        let Some(patterns) = &self.categories else { return true };
        dataset.categories.iter().any(|c| patterns.iter().any(|p| p.matches(c)))
    }
}

/// A change of control.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeOfControl {
    /// When it took effect (start of that day).
    pub on: Timestamp,
    /// Where it is documented.
    pub reference: Option<String>,
}
