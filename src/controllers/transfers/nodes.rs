//! Nodes that say two things of their region: told once each, since a Node's status is not ours to write. Pure.

use std::collections::BTreeSet;

use crate::{
    core::snapshot::Snapshot,
    index::Owner,
    platform::{EventKind, Note},
};

/// The nodes of which no region is believed, by name.
pub fn contradicted(snapshot: &Snapshot) -> BTreeSet<String> {
    let nodes = snapshot.nodes.values();
    nodes.filter(|node| node.contradicts_itself(&snapshot.settings)).map(|node| node.name.clone()).collect()
}

/// A note for each that did not contradict itself before.
pub fn changes(before: &BTreeSet<String>, now: &BTreeSet<String>) -> Vec<(Owner, Note)> {
    let new = now.difference(before);
    new.map(|name| {
        let node = Owner {
            api_version: "v1".into(),
            kind: "Node".into(),
            namespace: String::new(),
            name: name.clone(),
            // Under it `kubectl describe node` looks for what a kubelet and others say of a node.
            uid: name.clone(),
        };
        let note = Note {
            kind: EventKind::Warning,
            reason: "NodeRegionContradicted",
            action: "Judge",
            note: format!(
                "node {name} says two things of its region, so that none is believed: a Pod that runs there is judged as \
                 if it ran anywhere; compare its region labels with spec.providerID"
            ),
        };
        (node, note)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::transfers::tests::World;

    #[test]
    fn a_node_that_says_two_things_of_its_region_is_told_of_once() {
        let mut world = World::new();
        assert!(contradicted(&world.snapshot()).is_empty());
        world.node_saying("us1", "eu-west-1", "aws:///us-east-1a/us1");
        let now = contradicted(&world.snapshot());
        let told = changes(&BTreeSet::new(), &now);
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].0.name.as_str(), told[0].1.reason), ("us1", "NodeRegionContradicted"));
        assert!(changes(&now, &now).is_empty());
    }
}
