//! Where a runner may run: pure. It is a workload like any other, judged as its store's exporter.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::core::{
    snapshot::Snapshot,
    store::{Place, Store},
    transfer::{Request, Use, UseAccess, Workload, decide},
};

/// Where a runner may run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lawful {
    /// The nodes' label that says in which region each is.
    pub label: String,
    /// Regions by that label; all nodes of each are lawful.
    pub regions: BTreeSet<String>,
    /// Whether nodes without the label are lawful, all of them.
    pub unlabelled: bool,
    /// The store's own region, where it is among them.
    pub preferred: Option<String>,
}

impl Lawful {
    /// Whether there is nowhere to run.
    pub fn is_nowhere(&self) -> bool {
        self.regions.is_empty() && !self.unlabelled
    }
}

/// The lawful regions among the nodes that there are.
pub fn lawful(snapshot: &Snapshot, store: &Store, now: Timestamp) -> Lawful {
    // The namespace is taken as the exporter's own, whoever else may run workloads in it.
    let mut as_exporter = snapshot.clone();
    as_exporter.runs.insert(store.key.namespace.to_string(), store.exporter.clone());
    let uses = [Use {
        store: store.key.clone(),
        via: vec!["the erasure credentials".into()],
        access: UseAccess::Read,
    }];
    let labels = BTreeMap::new();
    let is_lawful = |place: &Place| {
        let request = Request {
            workload: Workload {
                kind: "Job",
                namespace: &store.key.namespace,
                name: "carnet-eraser",
                labels: &labels,
                // A deletion comes again with the policy that asks for it.
                one_off: false,
            },
            uses: &uses,
            sends: &[],
            places: std::slice::from_ref(place),
            now,
        };
        let verdict = decide(&as_exporter, &request);
        // Break-glass is for workloads that somebody named, never for a runner.
        !verdict.is_violation() && !verdict.is_waived()
    };
    let region_label = &snapshot.settings.region_label;
    let mut by_label: BTreeMap<Option<&str>, bool> = BTreeMap::new();
    for node in snapshot.nodes.values() {
        let label = node.labels.get(region_label).map(String::as_str);
        let so_far = by_label.entry(label).or_insert(true);
        *so_far = *so_far && is_lawful(&node.place);
    }
    let regions: BTreeSet<String> =
        by_label.iter().filter(|(_, lawful)| **lawful).filter_map(|(l, _)| l.map(Into::into)).collect();
    Lawful {
        label: region_label.clone(),
        preferred: store.place.region.clone().filter(|r| regions.contains(r)),
        unlabelled: by_label.get(&None).copied().unwrap_or(false),
        regions,
    }
}
