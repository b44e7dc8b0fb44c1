//! Keeps a Pod where it is lawful: one requirement more in every term of its required node affinity. Pure.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    Affinity, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodSpec,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Candidates, affinity, candidates};
use crate::core::{snapshot::Snapshot, store::Place};

/// Where the terms are; each step of it may be missing.
const AFFINITY: &str = "/spec/affinity";
const NODE_AFFINITY: &str = "/spec/affinity/nodeAffinity";
const REQUIRED: &str = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution";

/// A step of a JSON patch. Ours add and never take away.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Add {
    op: &'static str,
    path: String,
    value: Value,
}

impl Add {
    /// Adds this value; whoever had a field there already has it replaced.
    pub fn new(path: impl Into<String>, value: Value) -> Self {
        Self { op: "add", path: path.into(), value }
    }
}

/// A Pod that runs in lawful places alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Steered {
    /// Its spec.
    pub spec: PodSpec,
    /// What makes it of the spec that it had.
    pub patch: Vec<Add>,
    /// The regions, by the label's values.
    pub regions: BTreeSet<String>,
}

/// Keeps a Pod in those of its places that are `lawful`; none where the region label cannot say which they are. Nodes
/// without the label are left out, and so is a region that an unlawful node bears too: whether a node is where it says is
/// not for this Pod to find out.
pub fn steer(snapshot: &Snapshot, spec: &PodSpec, lawful: &[Place]) -> Option<Steered> {
    // A Pod with a node has no choice any more.
    if spec.node_name.as_deref().is_some_and(|name| !name.is_empty()) {
        return None;
    }
    let label = &snapshot.settings.region_label;
    let (mut regions, mut others) = (BTreeSet::new(), BTreeSet::new());
    for node in snapshot.nodes.values().filter(|node| affinity::admits(spec, node)) {
        if let Some(region) = node.labels.get(label).filter(|region| !region.is_empty()) {
            let side = if lawful.contains(&node.place) { &mut regions } else { &mut others };
            side.insert(region.clone());
        }
    }
    let regions: BTreeSet<String> = regions.difference(&others).cloned().collect();
    if regions.is_empty() {
        return None;
    }
    let requirement = NodeSelectorRequirement {
        key: label.clone(),
        operator: "In".into(),
        values: Some(regions.iter().cloned().collect()),
    };
    let (spec, patch) = required(spec, &requirement);
    // What is true by construction is looked at once more: everything that follows stands on it.
    let is_lawful = matches!(candidates(snapshot, &spec),
        Candidates::Places(places) if places.iter().all(|place| lawful.contains(place)));
    is_lawful.then_some(Steered { spec, patch, regions })
}

/// The regions that every required term names by this label; none where some term names none.
pub fn pinned_to(spec: &PodSpec, label: &str) -> Option<BTreeSet<String>> {
    let terms = terms(spec)?;
    let named = terms.iter().map(|term| {
        let by_label =
            term.match_expressions.iter().flatten().filter(|r| r.key == label && r.operator == "In");
        let values: BTreeSet<String> = by_label.flat_map(|r| r.values.iter().flatten().cloned()).collect();
        (!values.is_empty()).then_some(values)
    });
    let all: Option<Vec<_>> = named.collect();
    all.map(|all| all.into_iter().flatten().collect())
}

fn terms(spec: &PodSpec) -> Option<&[NodeSelectorTerm]> {
    let required = spec.affinity.as_ref()?.node_affinity.as_ref()?;
    let required = required.required_during_scheduling_ignored_during_execution.as_ref()?;
    Some(&required.node_selector_terms)
}

/// The spec with one requirement more in every term, and the steps that make it so.
fn required(spec: &PodSpec, requirement: &NodeSelectorRequirement) -> (PodSpec, Vec<Add>) {
    let mut spec = spec.clone();
    let value = json!(requirement);
    let term = json!({"matchExpressions": [value]});
    let selector = json!({"nodeSelectorTerms": [term]});
    let one = || NodeSelector {
        node_selector_terms: vec![NodeSelectorTerm {
            match_expressions: Some(vec![requirement.clone()]),
            match_fields: None,
        }],
    };
    let Some(affinity) = &mut spec.affinity else {
        let node_affinity = json!({"requiredDuringSchedulingIgnoredDuringExecution": selector});
        spec.affinity = Some(Affinity {
            node_affinity: Some(NodeAffinity {
                required_during_scheduling_ignored_during_execution: Some(one()),
                preferred_during_scheduling_ignored_during_execution: None,
            }),
            pod_affinity: None,
            pod_anti_affinity: None,
        });
        return (spec, vec![Add::new(AFFINITY, json!({"nodeAffinity": node_affinity}))]);
    };
    let Some(node_affinity) = &mut affinity.node_affinity else {
        affinity.node_affinity = Some(NodeAffinity {
            required_during_scheduling_ignored_during_execution: Some(one()),
            preferred_during_scheduling_ignored_during_execution: None,
        });
        let node_affinity = json!({"requiredDuringSchedulingIgnoredDuringExecution": selector});
        return (spec, vec![Add::new(NODE_AFFINITY, node_affinity)]);
    };
    let Some(required) = &mut node_affinity.required_during_scheduling_ignored_during_execution else {
        node_affinity.required_during_scheduling_ignored_during_execution = Some(one());
        return (spec, vec![Add::new(REQUIRED, selector)]);
    };
    let mut patch = vec![];
    for (index, term) in required.node_selector_terms.iter_mut().enumerate() {
        let at = format!("{REQUIRED}/nodeSelectorTerms/{index}/matchExpressions");
        let NodeSelectorTerm { match_expressions, match_fields } = term;
        let says_nothing = match_expressions.as_ref().is_none_or(Vec::is_empty);
        if says_nothing && match_fields.as_ref().is_none_or(Vec::is_empty) {
            // It matches no node; with a requirement it would match some.
            continue;
        }
        if says_nothing {
            patch.push(Add::new(at, json!([value])));
        } else {
            patch.push(Add::new(format!("{at}/-"), value.clone()));
        }
        match_expressions.get_or_insert_default().push(requirement.clone());
    }
    (spec, patch)
}
