//! The public list of the Data Privacy Framework as it was taken on a day, already read.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;

use super::safeguard::FrameworkName;

/// What the list said of the organisations that were looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameworkList {
    /// Name of the object.
    pub name: Arc<str>,
    /// When it was taken (start of that day).
    pub taken_on: Timestamp,
    /// By the name on the list.
    pub organisations: BTreeMap<String, Listed>,
    /// Names that are not on the list.
    pub not_listed: BTreeSet<String>,
}

impl FrameworkList {
    /// Of several the latest counts; of several of one day the one whose name comes last.
    pub fn order(&self) -> (Timestamp, &str) {
        (self.taken_on, &self.name)
    }

    /// What it says of an organisation.
    pub fn says(&self, organisation: &str) -> Says<'_> {
        match self.organisations.get(organisation) {
            Some(listed) => Says::Listed(listed),
            None if self.not_listed.contains(organisation) => Says::NotListed,
            None => Says::NotLookedFor,
        }
    }
}

/// What a list says of an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says<'a> {
    /// This.
    Listed(&'a Listed),
    /// It is not on it.
    NotListed,
    /// Nobody looked: no Party and no safeguard named it then.
    NotLookedFor,
}

/// An organisation on the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its certifications.
    pub frameworks: BTreeMap<FrameworkName, ListedFramework>,
    /// Whether HR and other data are covered; none = the file does not say.
    pub covers: Option<(bool, bool)>,
}

/// A certification on the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedFramework {
    /// The status lets it carry.
    pub status_carries: bool,
    /// The status as on the list.
    pub status: String,
    /// First day; none = the file does not say.
    pub since: Option<Timestamp>,
    /// End of the last day; none = the file does not say.
    pub until: Option<Timestamp>,
}
