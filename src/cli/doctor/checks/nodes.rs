//! Nodes of which nobody knows where they are.

use kube::ResourceExt;

use super::{Facts, Found, some};
use crate::core::settings::Settings;

pub fn check(facts: &Facts, found: &mut Found) {
    if facts.flag("--default-location").is_some_and(|location| !location.is_empty()) {
        return;
    }
    let label = facts.flag("--region-label").unwrap_or_else(|| Settings::default().region_label);
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
