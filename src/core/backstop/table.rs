//! Puts a table together, and keeps it small enough to be stored.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use super::{DEFAULT_CLASS, EXEMPT_CLASS, Rule, Table, Traces};
use crate::core::ids::ObjectKey;

/// The API server reads a parameter object anew three times for every Pod that is made, so what counts is not what etcd
/// takes but what that costs.
const NAMES: usize = 96 * 1024;
/// For namespaces, classes and rules.
const CLASSES: usize = 48 * 1024;
/// Words without a dot are searched for one by one: the cost of a search grows with all of them.
const BARE: usize = 1000;
/// Quotes, colons, commas.
const AROUND: usize = 6;

/// Rules by class, of which none is not enforced.
type Row = Vec<(String, Option<Arc<Rule>>)>;

/// Collects rows.
pub(super) struct Builder<'a> {
    own: Option<&'a str>,
    namespaces: BTreeMap<String, String>,
    rows: BTreeMap<ObjectKey, Row>,
}

impl<'a> Builder<'a> {
    /// A table for `own` namespace, or for the cluster.
    pub(super) fn new(own: Option<&'a str>) -> Self {
        Self { own, namespaces: BTreeMap::new(), rows: BTreeMap::new() }
    }

    /// A namespace is of a class.
    pub(super) fn namespace(&mut self, namespace: &str, class: &str) {
        self.namespaces.insert(namespace.into(), class.into());
    }

    /// A store is judged so, class by class; every store by the same classes.
    pub(super) fn judged(&mut self, store: &ObjectKey, row: &[(String, Option<Arc<Rule>>)]) {
        if row.iter().any(|(_, rule)| rule.is_some()) {
            self.rows.insert(store.clone(), row.to_vec());
        }
    }

    /// The table with what fits.
    pub(super) fn finish(mut self, mut traces: Traces) -> Table {
        let mut table = Table::default();
        let kept = self.fitting(&traces, &mut table.left_out);
        bound_bare(&mut traces, &mut table.left_out);
        self.rows.retain(|store, _| kept.contains(store));
        traces.retain(|store| self.rows.contains_key(store));

        let rules: BTreeSet<&Rule> =
            self.rows.values().flatten().filter_map(|(_, rule)| rule.as_deref()).collect();
        let names: HashMap<&Rule, String> =
            rules.into_iter().enumerate().map(|(n, rule)| (rule, format!("r{n}"))).collect();
        let mut groups: BTreeMap<Vec<Option<&str>>, String> = BTreeMap::new();
        let mut classes: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
        for (store, row) in &self.rows {
            let by_class: Vec<Option<&str>> =
                row.iter().map(|(_, rule)| rule.as_deref().map(|r| names[r].as_str())).collect();
            let next = format!("g{}", groups.len());
            let group = groups.entry(by_class.clone()).or_insert(next);
            table.stores.insert(store.clone(), group.clone());
            for ((class, _), rule) in row.iter().zip(by_class) {
                if let Some(rule) = rule {
                    classes.entry(class.as_str()).or_default().insert(group.clone(), rule.into());
                }
            }
        }
        if !self.rows.is_empty() {
            Self::classes(&self.namespaces, &classes, &mut table);
            let used: BTreeSet<&str> =
                table.classes.values().flat_map(BTreeMap::values).map(String::as_str).collect();
            let rules = names.iter().filter(|(_, name)| used.contains(name.as_str()));
            table.rules = rules.map(|(rule, name)| (name.clone(), (*rule).clone())).collect();
        }
        table.traces = traces;
        table
    }

    /// The stores whose names fit: those of the own namespace first, then by name; those that no name leads to last.
    fn fitting(&self, traces: &Traces, left_out: &mut BTreeSet<String>) -> BTreeSet<ObjectKey> {
        let mut sizes: HashMap<&ObjectKey, usize> = HashMap::new();
        for (name, stores) in traces.lists().flatten() {
            for store in stores {
                *sizes.entry(store).or_default() += name.len() + length(store) + 2 * AROUND;
            }
        }
        let mut order: Vec<&ObjectKey> = self.rows.keys().collect();
        let own = |store: &ObjectKey| self.own.is_some_and(|own| &*store.namespace == own);
        order.sort_by_cached_key(|store| (!sizes.contains_key(store), !own(store), (*store).clone()));
        let mut room = NAMES;
        let mut kept = BTreeSet::new();
        for store in order {
            let size = sizes.get(store).copied().unwrap_or_default() + length(store) + 3 * AROUND;
            if size <= room {
                room -= size;
                kept.insert(store.clone());
            } else if sizes.contains_key(store) {
                left_out.insert(store.to_string());
            }
        }
        kept
    }

    /// Classes that say the same are one, and namespaces of the default need not be named. A class that does not fit is
    /// that of namespaces which are not judged, and is reported.
    fn classes(
        namespaces: &BTreeMap<String, String>,
        classes: &BTreeMap<&str, BTreeMap<String, String>>,
        table: &mut Table,
    ) {
        let nothing = BTreeMap::new();
        let default = classes.get(DEFAULT_CLASS).unwrap_or(&nothing);
        let mut said: HashMap<&BTreeMap<String, String>, &str> = HashMap::from([(default, DEFAULT_CLASS)]);
        let row = |groups: &BTreeMap<String, String>| groups.len() * 5 * AROUND;
        let mut room = CLASSES.saturating_sub(row(default));
        table.classes.insert(DEFAULT_CLASS.into(), default.clone());
        for (namespace, class) in namespaces {
            let entry = namespace.len() + 4 * AROUND;
            let groups = classes.get(class.as_str()).unwrap_or(&nothing);
            let class: &str = match said.get(groups).copied() {
                _ if class == EXEMPT_CLASS => EXEMPT_CLASS,
                Some(class) => class,
                None if row(groups) + entry <= room => {
                    room -= row(groups);
                    said.insert(groups, class);
                    table.classes.insert(class.clone(), groups.clone());
                    class
                }
                None => {
                    table.left_out.insert(format!("namespace {namespace}"));
                    EXEMPT_CLASS
                }
            };
            if class != DEFAULT_CLASS {
                room = room.saturating_sub(entry);
                table.namespaces.insert(namespace.clone(), class.into());
            }
        }
    }
}

/// Leaves out the words without a dot that are too many to be searched for.
fn bound_bare(traces: &mut Traces, left_out: &mut BTreeSet<String>) {
    let mut room = BARE;
    traces.bare_words.retain(|word, stores| {
        let fits = word.len() < room;
        if fits {
            room -= word.len() + 1;
        } else {
            left_out.extend(stores.iter().map(|store| format!("{store} by the name {word}")));
        }
        fits
    });
}

fn length(store: &ObjectKey) -> usize {
    store.namespace.len() + 1 + store.name.len()
}
