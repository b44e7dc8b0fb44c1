//! Verdicts for the API server's own policies: what is settled for every Pod, compiled from a [`Snapshot`] by the same
//! [`decide`](super::transfer::decide) that judges Pods one by one. Pure: no clock.
//!
//! A policy reads one object and cannot think: whatever it needs is looked up by name here. What depends on a Pod's
//! labels (exceptions) or on nodes that the policy cannot see is left to the webhook.

mod judge;
mod regions;
mod table;
#[cfg(test)]
mod tests;
mod traces;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

pub use traces::{Names, Traces};

use self::{judge::Judge, regions::Regions, table::Builder};
use super::{
    ids::{ObjectKey, RegimeId},
    snapshot::Snapshot,
};

/// The class of namespaces that nothing is said of.
pub const DEFAULT_CLASS: &str = "default";
/// The class of namespaces that are not judged.
pub const EXEMPT_CLASS: &str = "exempt";

/// Everything that is compiled at one instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compiled {
    /// What leads to a store from every namespace.
    pub cluster: Table,
    /// What leads to a store from one namespace.
    pub namespaces: BTreeMap<String, Table>,
    /// The next instant at which time alone changes something.
    pub next_change: Option<Timestamp>,
}

impl Compiled {
    /// Every table: those of namespaces, then the one for the cluster.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.namespaces.values().chain([&self.cluster])
    }
}

/// What one parameter object says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// What leads to a store.
    pub traces: Traces,
    /// Stores with the group of stores that are judged alike.
    pub stores: BTreeMap<ObjectKey, String>,
    /// Namespaces with their class; those that are not named are of the [`DEFAULT_CLASS`].
    pub namespaces: BTreeMap<String, String>,
    /// Rules by class and group; a group that is not named is not judged.
    pub classes: BTreeMap<String, BTreeMap<String, String>>,
    /// Rules by name.
    pub rules: BTreeMap<String, Rule>,
    /// What did not fit.
    pub left_out: BTreeSet<String>,
}

/// When something ends; none = never.
pub type End = Option<Timestamp>;

/// Where data of some stores may be used by some namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rule {
    /// Regions with their ends.
    pub regions: BTreeMap<String, End>,
    /// Until when a Pod that names no region may be made; none = it may not.
    pub anywhere: Option<End>,
    /// Until when an exception speaks of the stores.
    pub waived_until: Option<Timestamp>,
    /// Until when a derogation speaks of the stores: of a Pod whose owner is a Job nothing is settled so long.
    pub jobs_until: Option<End>,
    /// The regions in which there are nodes.
    pub inhabited: BTreeSet<String>,
    /// Whose law follows the data.
    pub regimes: BTreeSet<RegimeId>,
}

/// Compiles everything for `now`.
pub fn compile(snapshot: &Snapshot, now: Timestamp) -> Compiled {
    let regions = Regions::of(snapshot);
    let mut judge = Judge::new(snapshot, now, &regions);
    let traces::Found { mut everywhere, by_namespace } = traces::of(snapshot);
    let (here, to_come): (Vec<_>, Vec<_>) = by_namespace
        .into_iter()
        .filter(|(namespace, _)| !is_exempt(snapshot, namespace))
        .partition(|(namespace, _)| is_there(snapshot, namespace));
    for (namespace, traces) in to_come {
        everywhere.take_references(&namespace, traces);
    }
    let cluster = cluster(snapshot, &mut judge, everywhere);
    let mut namespaces = BTreeMap::new();
    for (namespace, traces) in here {
        let mut builder = Builder::new(Some(&namespace));
        for store in traces.stores() {
            builder.judged(&store, &[(DEFAULT_CLASS.into(), judge.rule(&namespace, &store))]);
        }
        let table = builder.finish(traces);
        if table != Table::default() {
            namespaces.insert(namespace, table);
        }
    }
    Compiled { cluster, namespaces, next_change: judge.next_change() }
}

/// Every store, since every Pod may say that it uses it, and what leads there from everywhere.
fn cluster(snapshot: &Snapshot, judge: &mut Judge<'_>, traces: Traces) -> Table {
    let mut builder = Builder::new(None);
    // One namespace stands for each class: a namespace that nobody names for those to come.
    let mut classes: Vec<(String, &str)> = vec![(DEFAULT_CLASS.into(), "")];
    let mut class_of = std::collections::HashMap::from([(judge.class(""), DEFAULT_CLASS.to_owned())]);
    for namespace in named(snapshot) {
        if is_exempt(snapshot, namespace) {
            builder.namespace(namespace, EXEMPT_CLASS);
            continue;
        }
        let next = format!("c{}", classes.len());
        let class = class_of.entry(judge.class(namespace)).or_insert_with(|| {
            classes.push((next.clone(), namespace));
            next
        });
        builder.namespace(namespace, class);
    }
    let stores: BTreeSet<&ObjectKey> =
        snapshot.stores.keys().chain(snapshot.unreadable_stores.keys()).collect();
    for store in stores {
        let rules: Vec<_> =
            classes.iter().map(|(class, namespace)| (class.clone(), judge.rule(namespace, store))).collect();
        builder.judged(store, &rules);
    }
    builder.finish(traces)
}

/// Every namespace that is there or that something speaks of.
fn named(snapshot: &Snapshot) -> BTreeSet<&str> {
    let scopes = snapshot.safeguards.values().flat_map(|s| s.namespaces.iter().flatten());
    snapshot
        .namespaces
        .keys()
        .chain(snapshot.runs.keys())
        .chain(snapshot.exceptions_in.keys())
        .chain(&snapshot.settings.exempt)
        .chain(scopes)
        .chain([&snapshot.settings.own_namespace])
        .map(String::as_str)
        .collect()
}

/// Whether a namespace can have an object of its own. One that is going away takes it along, and may be made anew while
/// nobody looks.
fn is_there(snapshot: &Snapshot, namespace: &str) -> bool {
    snapshot.namespaces.get(namespace).is_some_and(|n| !n.terminating)
}

fn is_exempt(snapshot: &Snapshot, namespace: &str) -> bool {
    snapshot.settings.exempt.contains(namespace) || namespace == snapshot.settings.own_namespace
}
