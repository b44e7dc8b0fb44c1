//! Which running Pods use which stores.

use std::sync::Arc;

use crate::{
    core::snapshot::Snapshot,
    detect::{self, ConfigMapLookup, Detection},
    index::PodFacts,
};

/// Every Pod on a node that uses a store, or about which there is something to tell.
pub fn detected(
    snapshot: &Snapshot,
    pods: impl IntoIterator<Item = Arc<PodFacts>>,
    config_maps: Option<&ConfigMapLookup<'_>>,
) -> Vec<(Arc<PodFacts>, Detection)> {
    let mut found = vec![];
    for pod in pods {
        if pod.node().is_none() {
            continue;
        }
        let detected = detect::uses(snapshot, &pod.subject(config_maps));
        if !detected.uses.is_empty() || !detected.findings.is_empty() {
            found.push((pod, detected));
        }
    }
    found
}
