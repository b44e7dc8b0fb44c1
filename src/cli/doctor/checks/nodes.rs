//! Nodes of which nobody knows where they are.

use k8s_openapi::api::core::v1::Node;
use kube::ResourceExt;

use super::{Facts, Found, some};
use crate::core::{
    node_region::{FORMER_REGION_LABEL, ProviderId},
    settings::Settings,
};

pub fn check(facts: &Facts, found: &mut Found) {
    let label = facts.flag("--region-label").unwrap_or_else(|| Settings::default().region_label);
    if let Ok(nodes) = &facts.nodes {
        contradicted(nodes, &label, found);
    }
    if facts.flag("--default-location").is_some_and(|location| !location.is_empty()) {
        return;
    }
    let Some(nodes) = found.known(&facts.nodes) else { return };
    let without: Vec<String> = nodes
        .iter()
        .filter(|node| node.labels().get(&label).is_none_or(String::is_empty))
        .map(ResourceExt::name_any)
        .collect();
    if !without.is_empty() {
        found.warning(
            "NodesWithoutRegion",
            format!(
                "no region is known of node {}: a Pod that may run there is judged as if it ran anywhere",
                some(&without)
            ),
            format!("label them with {label}, or set transfers.defaultLocation (--default-location)"),
        );
    }
}

/// Nodes that say two things of their region.
fn contradicted(nodes: &[Node], label: &str, found: &mut Found) {
    let says_two_things = |node: &&Node| {
        let id = node.spec.as_ref().and_then(|spec| spec.provider_id.as_deref()).unwrap_or_default();
        let region = node.labels().get(label).filter(|region| !region.is_empty());
        region.is_some_and(|region| ProviderId::of(id).contradicts(region, node.labels()))
    };
    let all: Vec<String> = nodes.iter().filter(says_two_things).map(ResourceExt::name_any).collect();
    if !all.is_empty() {
        found.warning(
            "NodeRegionContradicted",
            format!(
                "node {} says two things of its region, so that no region is believed: a Pod that may run there is judged as if it ran anywhere",
                some(&all)
            ),
            format!("compare {label} with {FORMER_REGION_LABEL} and spec.providerID, and find out who wrote which"),
        );
    }
}
