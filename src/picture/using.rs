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
    let on_nodes = pods.into_iter().filter(|pod| pod.node().is_some());
    on_nodes.filter_map(|pod| found(snapshot, &pod, config_maps).map(|found| (pod, found))).collect()
}

/// What is found in a Pod; none where there is nothing to tell.
fn found(
    snapshot: &Snapshot,
    pod: &PodFacts,
    config_maps: Option<&ConfigMapLookup<'_>>,
) -> Option<Detection> {
    let found = detect::uses(snapshot, &pod.subject(config_maps));
    Some(found).filter(|found| !found.uses.is_empty() || !found.findings.is_empty())
}

/// Which running Pods use which stores, remembered from one time to the next: a safeguard that comes or goes, a node and time
/// change nothing about what a Pod refers to, and a Pod that comes changes nothing about the others.
///
/// Finding it costs more than judging it, since every literal of every spec is read.
#[derive(Debug, Default)]
pub struct Known {
    by: Option<Arc<Snapshot>>,
    /// In the order of the index; none where nothing was found.
    pods: Vec<(Arc<PodFacts>, Option<Box<Detection>>)>,
}

impl Known {
    /// Like [`detected`], for Pods that come in the order of their keys each time.
    pub fn detected(
        &mut self,
        snapshot: &Arc<Snapshot>,
        pods: impl IntoIterator<Item = Arc<PodFacts>>,
        config_maps: Option<&ConfigMapLookup<'_>>,
    ) -> Vec<(Arc<PodFacts>, Detection)> {
        // A ConfigMap may change without anything that is compared here.
        let holds = config_maps.is_none() && self.by.as_ref().is_some_and(|by| finds_the_same(by, snapshot));
        let mut before = if holds { std::mem::take(&mut self.pods) } else { vec![] }.into_iter().peekable();
        self.by = Some(snapshot.clone());
        self.pods = pods
            .into_iter()
            .filter(|pod| pod.node().is_some())
            .map(|pod| {
                while before.next_if(|(old, _)| old.key < pod.key).is_some() {}
                let found = match before.next_if(|(old, _)| Arc::ptr_eq(old, &pod)) {
                    Some((_, found)) => found,
                    None => found(snapshot, &pod, config_maps).map(Box::new),
                };
                (pod, found)
            })
            .collect();
        self.pods
            .iter()
            .filter_map(|(pod, found)| Some((pod.clone(), Detection::clone(found.as_ref()?))))
            .collect()
    }
}

/// Whether detection finds the same in a Pod by both. A field more must be decided upon here.
fn finds_the_same(before: &Snapshot, now: &Snapshot) -> bool {
    let Snapshot {
        law: _,
        settings,
        parties: _,
        stores,
        unreadable_stores: _,
        safeguards: _,
        exceptions: _,
        framework_list: _,
        policies: _,
        holds: _,
        namespaces,
        nodes: _,
        // What they lead to is among `reach`.
        volumes: _,
        contradicted: _,
        unowned_jobs: _,
        invalid: _,
        runs: _,
        reach,
        by_importer: _,
        by_exporter: _,
        exceptions_in: _,
    } = before;
    let has_the_same_stores =
        || stores.len() == now.stores.len() && stores.keys().all(|key| now.stores.contains_key(key));
    let has_the_same_namespaces = || {
        namespaces.len() == now.namespaces.len()
            && namespaces.keys().all(|name| now.namespaces.contains_key(name))
    };
    *settings == now.settings && has_the_same_stores() && has_the_same_namespaces() && *reach == now.reach
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{core::snapshot::SnapshotBuilder, index::facts, parse};

    fn snapshot(secret: &str) -> Arc<Snapshot> {
        let law = Arc::new(parse::law::built_in().unwrap());
        let store = json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "DataStore",
            "metadata": {"name": "accounts", "namespace": "n"},
            "spec": {"exporterRef": {"name": "ltd"}, "role": "Controller",
                "location": {"provider": "aws", "region": "eu-west-1"}, "origins": ["EEA"],
                "engine": {"external": {"description": "x"}}, "access": {"secrets": [{"name": secret}]},
                "datasets": [{"name": "a", "categories": ["account.contact"]}]}});
        let store = parse::store(&serde_json::from_value(store).unwrap(), &law, parse::RegionCheck::Strict);
        let stores = vec![Arc::new(store.unwrap())];
        Arc::new(SnapshotBuilder { law, stores, ..SnapshotBuilder::default() }.build())
    }

    fn pod(name: &str, secret: &str) -> Arc<PodFacts> {
        let pod = json!({"metadata": {"name": name, "namespace": "n"}, "spec": {"nodeName": "x",
            "containers": [{"name": "c", "envFrom": [{"secretRef": {"name": secret}}]}]}});
        Arc::new(facts::pod(serde_json::from_value(pod).unwrap()).unwrap())
    }

    #[test]
    fn what_is_remembered_is_what_would_be_found() {
        let mut known = Known::default();
        let (a, b, c) = (pod("a", "db"), pod("b", "other"), pod("c", "db"));
        let again = snapshot("db");
        let (db, other) = (snapshot("db"), snapshot("other"));
        let times = [
            (&db, vec![a.clone(), b.clone()]),
            // Another snapshot in which nothing of it has changed; one Pod went, one came, one was replaced.
            (&again, vec![b.clone(), c.clone()]),
            (&again, vec![pod("b", "db"), c.clone()]),
            // The claim itself changed.
            (&other, vec![a.clone(), b.clone(), c.clone()]),
            (&db, vec![]),
            (&db, vec![a, b, c]),
        ];
        for (number, (snapshot, pods)) in times.into_iter().enumerate() {
            let found = known.detected(snapshot, pods.clone(), None);
            assert_eq!(found, detected(snapshot, pods, None), "{number}");
        }
    }

    #[test]
    fn what_is_known_is_not_looked_for_again() {
        let (mut known, a) = (Known::default(), pod("a", "db"));
        known.detected(&snapshot("db"), [a.clone()], None);
        // Marked, to be told from what would be found.
        known.pods[0].1.as_mut().unwrap().uses[0].via = vec!["remembered".into()];
        assert_eq!(known.detected(&snapshot("db"), [a.clone()], None)[0].1.uses[0].via, ["remembered"]);
        assert_ne!(
            known.detected(&snapshot("x"), [a.clone()], None).first().map(|f| f.1.uses.len()),
            Some(1)
        );
        let maps = |_: &crate::core::ids::ObjectKey| None;
        known.detected(&snapshot("db"), [a.clone()], None);
        known.pods[0].1.as_mut().unwrap().uses[0].via = vec!["remembered".into()];
        assert_ne!(known.detected(&snapshot("db"), [a], Some(&maps))[0].1.uses[0].via, ["remembered"]);
    }
}
