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
    /// The contract that binds him.
    pub contract: OnwardContract,
}

/// The contract that binds an onward recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnwardContract {
    /// There is none.
    Missing,
    /// There is one that leaves these out; none = it is whole.
    Without(Vec<OnwardTerm>),
}

/// What a contract with an onward recipient must say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnwardTerm {
    /// Where it is.
    Reference,
    /// That the data is for limited purposes.
    LimitedPurposes,
    /// That he protects it as the one who hands it on must.
    SamePrinciples,
    /// That he says when he no longer can.
    Notice,
}

impl OnwardContract {
    /// Whether nothing is left out.
    pub fn is_whole(&self) -> bool {
        match self {
            Self::Missing => false,
            Self::Without(terms) => terms.is_empty(),
        }
    }

    /// What is lacking, in words; empty where it is whole.
    pub fn lacks(&self) -> Vec<&'static str> {
        match self {
            Self::Missing => vec!["a contract"],
            Self::Without(terms) => terms.iter().map(|term| term.as_str()).collect(),
        }
    }
}

impl OnwardTerm {
    /// Its field as users write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reference => "a reference",
            Self::LimitedPurposes => "limitedPurposes",
            Self::SamePrinciples => "samePrinciples",
            Self::Notice => "notice",
        }
    }
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
