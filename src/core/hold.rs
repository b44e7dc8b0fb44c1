//! LegalHold, already read, and what it covers.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;

use super::{
    category::CategoryPattern,
    selector::Selector,
    snapshot::Snapshot,
    store::{Dataset, Engine, Store},
};

/// A legal hold. Empty sets name nothing and match everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Name of the object.
    pub name: Arc<str>,
    /// Uid of the object.
    pub uid: String,
    /// Whether it could be read; one that cannot covers everything.
    pub is_readable: bool,
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

/// What is known of the names that holds speak of.
#[derive(Clone, Debug)]
pub struct HoldScopeResolution<'a> {
    stores: Vec<&'a Store>,
    namespaces: BTreeSet<&'a str>,
    /// Set where only this namespace can be seen: what lies elsewhere is then not known.
    only: Option<&'a str>,
}

impl<'a> HoldScopeResolution<'a> {
    /// Everything that the operator sees.
    pub fn of_cluster(snapshot: &'a Snapshot) -> Self {
        let stores: Vec<_> = snapshot.stores.values().map(AsRef::as_ref).collect();
        let namespaces = snapshot.namespaces.keys().map(String::as_str);
        let namespaces = namespaces.chain(stores.iter().map(|s| &*s.key.namespace)).collect();
        Self { stores, namespaces, only: None }
    }

    /// What the runner sees: the stores of one namespace.
    pub fn of_namespace(namespace: &'a str, stores: impl IntoIterator<Item = &'a Store>) -> Self {
        let stores = stores.into_iter().filter(|s| &*s.key.namespace == namespace).collect();
        Self { stores, namespaces: BTreeSet::from([namespace]), only: Some(namespace) }
    }

    /// Datasets that are the same rows under another name: same Secret, same table.
    fn same_rows(&self, store: &'a Store, dataset: &'a Dataset) -> Vec<(&'a Store, &'a Dataset)> {
        let mut same = vec![(store, dataset)];
        if let (Some(secret), Some(table)) = (secret_of(store), &dataset.table) {
            for other in self.stores.iter().filter(|o| o.key.namespace == store.key.namespace) {
                if secret_of(other) == Some(secret) {
                    let tables = other.datasets.iter().filter(|d| d.table.as_ref() == Some(table));
                    same.extend(tables.map(|d| (*other, d)));
                }
            }
        }
        same
    }
}

fn secret_of(store: &Store) -> Option<&str> {
    match &store.engine {
        Engine::Postgres(sql) | Engine::Mysql(sql) => Some(&sql.secret),
        Engine::ObjectStore { .. } | Engine::Volume { .. } | Engine::External => None,
    }
}

/// How far a hold reaches once its names are looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reach {
    /// As written.
    AsWritten,
    /// A name was not found: the namespaces that it names, whole. The name, for people.
    Namespaces(String),
    /// A namespace was not found, or none was named: everything. The name, for people.
    Everything(String),
}

impl Hold {
    /// A hold that cannot be read: it stands, and covers everything.
    pub fn unreadable(name: impl Into<Arc<str>>, uid: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            uid: uid.into(),
            is_readable: false,
            is_pause: false,
            reference: String::new(),
            namespaces: BTreeSet::new(),
            stores: BTreeSet::new(),
            store_selector: None,
            datasets: BTreeSet::new(),
            categories: vec![],
            released_from: None,
        }
    }

    /// Whether it stands.
    pub fn in_force(&self, now: Timestamp) -> bool {
        self.released_from.is_none_or(|from| now < from)
    }

    /// Whether it covers a dataset. A name that is not found widens it; the same table under another name is covered.
    pub fn covers(&self, store: &Store, dataset: &Dataset, known: &HoldScopeResolution<'_>) -> bool {
        match self.reach(known) {
            Reach::Everything(_) => true,
            Reach::Namespaces(_) => self.names_namespace(&store.key.namespace),
            Reach::AsWritten => {
                known.same_rows(store, dataset).into_iter().any(|(s, d)| self.names_store(s) && self.names(d))
            }
        }
    }

    /// Why it covers more than it says, where a name is not found.
    pub fn widened(&self, known: &HoldScopeResolution<'_>) -> Option<String> {
        match self.reach(known) {
            Reach::AsWritten => None,
            Reach::Namespaces(what) => Some(format!("{what} is not found: the whole namespace is held")),
            Reach::Everything(what) => Some(format!("{what} is not found: everything is held")),
        }
    }

    fn reach(&self, known: &HoldScopeResolution<'_>) -> Reach {
        if let Some(only) = known.only {
            // Whether another namespace exists cannot be seen from here; the plan, made with all in sight, said so.
            if !self.names_namespace(only) {
                return Reach::AsWritten;
            }
        } else if let Some(ns) = self.namespaces.iter().find(|n| !known.namespaces.contains(n.as_str())) {
            return Reach::Everything(format!("namespace {ns}"));
        }
        let Some(missing) = self.missing(known) else { return Reach::AsWritten };
        if self.namespaces.is_empty() { Reach::Everything(missing) } else { Reach::Namespaces(missing) }
    }

    /// The first thing named that nothing bears.
    fn missing(&self, known: &HoldScopeResolution<'_>) -> Option<String> {
        let in_namespace = || known.stores.iter().filter(|s| self.names_namespace(&s.key.namespace));
        let store = self.stores.iter().find(|n| !in_namespace().any(|s| *s.key.name == ***n));
        if let Some(name) = store {
            return Some(format!("store {name}"));
        }
        let stores: Vec<_> = in_namespace().filter(|s| self.names_store(s)).collect();
        if stores.is_empty() && self.store_selector.is_some() {
            return Some("a store that the selector matches".into());
        }
        let datasets = || stores.iter().flat_map(|s| &s.datasets);
        if let Some(name) = self.datasets.iter().find(|n| !datasets().any(|d| *d.name == ***n)) {
            return Some(format!("dataset {name}"));
        }
        let named = || datasets().filter(|d| self.datasets.is_empty() || self.datasets.contains(&*d.name));
        let category =
            self.categories.iter().find(|p| !named().any(|d| d.categories.iter().any(|c| p.matches(c))));
        category.map(|pattern| format!("category {pattern}"))
    }

    fn names_namespace(&self, namespace: &str) -> bool {
        self.namespaces.is_empty() || self.namespaces.contains(namespace)
    }

    fn names_store(&self, store: &Store) -> bool {
        self.names_namespace(&store.key.namespace)
            && (self.stores.is_empty() || self.stores.contains(&*store.key.name))
            && self.store_selector.as_ref().is_none_or(|s| s.matches(&store.labels))
    }

    fn names(&self, dataset: &Dataset) -> bool {
        (self.datasets.is_empty() || self.datasets.contains(&*dataset.name))
            && (self.categories.is_empty()
                || self.categories.iter().any(|p| dataset.categories.iter().any(|c| p.matches(c))))
    }
}

/// The first hold, by name, that stands and covers a dataset.
pub fn first_covering<'h>(
    holds: impl IntoIterator<Item = &'h Hold>,
    known: &HoldScopeResolution<'_>,
    store: &Store,
    dataset: &Dataset,
    now: Timestamp,
) -> Option<&'h Hold> {
    holds
        .into_iter()
        .filter(|h| h.in_force(now) && h.covers(store, dataset, known))
        .min_by(|a, b| a.name.cmp(&b.name))
}

/// The first hold of a snapshot, by name, that stands and covers a dataset.
pub fn holds_on<'s>(
    snapshot: &'s Snapshot,
    store: &Store,
    dataset: &Dataset,
    now: Timestamp,
) -> Option<&'s Hold> {
    let known = HoldScopeResolution::of_cluster(snapshot);
    first_covering(snapshot.holds.values().map(AsRef::as_ref), &known, store, dataset, now)
}

#[cfg(test)]
mod tests;
