//! LegalHold, already read, and what it covers.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;

use super::{category::CategoryPattern, selector::Selector};

/// A legal hold. Empty sets name nothing and match everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Name of the object.
    pub name: Arc<str>,
    /// Uid of the object.
    pub uid: String,
    /// Whether it is an OperationalPause.
    pub is_pause: bool,
    /// Reference to the matter.
    pub reference: String,
    /// Namespaces of stores.
    pub namespaces: BTreeSet<String>,
    /// Names of stores.
    pub stores: BTreeSet<String>,
    /// Labels of stores.
    pub store_selector: Option<Selector>,
    /// Names of datasets.
    pub datasets: BTreeSet<String>,
    /// Categories.
    pub categories: Vec<CategoryPattern>,
    /// Start of the day of release; before it the hold stands.
    pub released_from: Option<Timestamp>,
}
