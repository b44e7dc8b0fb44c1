//! Where a Pod may run: the places of the nodes that its spec admits.

mod affinity;
mod steer;

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::PodSpec;

pub use steer::{Add, Steered, pinned_to, steer};

use crate::core::{snapshot::Snapshot, store::Place};

/// Where a Pod may run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Candidates {
    /// In these places, each once; never empty.
    Places(Vec<Place>),
    /// On no node that is there now; one that comes may be anywhere.
    NoNode,
}

impl Candidates {
    /// The places to judge: where no node is there now, an unknown one stands for any that may come.
    pub fn into_places(self) -> Vec<Place> {
        match self {
            Self::Places(places) => places,
            Self::NoNode => vec![Place { provider: None, region: None, country: None }],
        }
    }
}

/// Where a Pod may run: the place of its `nodeName`, else the places of all nodes that match its selector and its
/// required affinity. A node that is not known is in an unknown place. Taints and resources are not read: they change
/// without the Pod.
pub fn candidates(snapshot: &Snapshot, spec: &PodSpec) -> Candidates {
    if let Some(name) = spec.node_name.as_deref().filter(|n| !n.is_empty()) {
        return Candidates::Places(vec![node_place(snapshot, name)]);
    }
    let places: BTreeSet<&Place> =
        snapshot.nodes.values().filter(|node| affinity::admits(spec, node)).map(|node| &node.place).collect();
    if places.is_empty() {
        Candidates::NoNode
    } else {
        Candidates::Places(places.into_iter().cloned().collect())
    }
}

/// The place of a node, by name; unknown where the node is not known.
pub fn node_place(snapshot: &Snapshot, name: &str) -> Place {
    snapshot
        .nodes
        .get(name)
        .map_or(Place { provider: None, region: None, country: None }, |node| node.place.clone())
}

/// The required affinity that keeps a Pod in these places by the nodes' `label`, to paste under `spec`; none where no
/// region can be named.
pub fn affinity_to_paste<'a>(label: &str, places: impl IntoIterator<Item = &'a Place>) -> Option<String> {
    let regions: BTreeSet<&str> = places.into_iter().filter_map(|p| p.region.as_deref()).collect();
    if regions.is_empty() {
        return None;
    }
    let regions: Vec<_> = regions.into_iter().collect();
    Some(format!(
        "affinity:\n  nodeAffinity:\n    requiredDuringSchedulingIgnoredDuringExecution:\n      nodeSelectorTerms:\n      \
         - matchExpressions:\n        - {{key: {label}, operator: In, values: [{}]}}\n",
        regions.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::core::snapshot::{Node, SnapshotBuilder};

    fn place(region: &str) -> Place {
        Place { provider: Some("aws".into()), region: Some(region.into()), country: None }
    }

    fn snapshot() -> Snapshot {
        let node = |name: &str, region: &str, size: &str| {
            let labels = [("topology.kubernetes.io/region", region), ("size", size)];
            Arc::new(Node {
                name: name.into(),
                labels: labels.map(|(k, v)| (k.into(), v.into())).into(),
                place: place(region),
            })
        };
        let nodes =
            vec![node("a", "eu-west-1", "2"), node("b", "us-east-1", "8"), node("c", "us-east-1", "16")];
        SnapshotBuilder { nodes, ..SnapshotBuilder::default() }.build()
    }

    fn regions(spec: Value) -> Vec<String> {
        let mut spec = spec;
        spec["containers"] = json!([]);
        match candidates(&snapshot(), &serde_json::from_value(spec).unwrap()) {
            Candidates::Places(places) => {
                places.into_iter().map(|p| p.region.unwrap_or_else(|| "?".into())).collect()
            }
            Candidates::NoNode => vec![],
        }
    }

    fn with_terms(terms: &Value) -> Value {
        json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
            {"nodeSelectorTerms": terms}}}})
    }

    #[test]
    fn a_pod_without_constraint_may_run_in_every_place_each_named_once() {
        assert_eq!(regions(json!({})), ["eu-west-1", "us-east-1"]);
    }

    #[test]
    fn a_node_name_decides_alone_and_an_unknown_node_is_an_unknown_place() {
        assert_eq!(regions(json!({"nodeName": "b", "nodeSelector": {"size": "2"}})), ["us-east-1"]);
        assert_eq!(regions(json!({"nodeName": "new"})), ["?"]);
    }

    #[test]
    fn selector_and_affinity_must_both_hold() {
        assert_eq!(regions(json!({"nodeSelector": {"size": "2"}})), ["eu-west-1"]);
        let mut spec = with_terms(&json!([{"matchExpressions": [{"key": "size", "operator": "Exists"}]}]));
        spec["nodeSelector"] = json!({"size": "3"});
        assert!(regions(spec).is_empty());
    }

    #[test]
    fn terms_are_alternatives_and_their_requirements_are_not() {
        let region =
            |r: &str| json!({"key": "topology.kubernetes.io/region", "operator": "In", "values": [r]});
        let one = |e: Value| json!({"matchExpressions": e});
        assert_eq!(
            regions(with_terms(&json!([
                one(json!([region("eu-west-1")])),
                one(json!([region("us-east-1")]))
            ]))),
            ["eu-west-1", "us-east-1"]
        );
        assert!(
            regions(with_terms(&json!([one(json!([region("eu-west-1"), region("us-east-1")]))]))).is_empty()
        );
    }

    #[test]
    fn every_operator_has_the_schedulers_meaning() {
        let by = |key: &str, operator: &str, values: &[&str]| {
            regions(with_terms(
                &json!([{"matchExpressions": [{"key": key, "operator": operator, "values": values}]}]),
            ))
        };
        assert_eq!(by("size", "Gt", &["2"]), ["us-east-1"]);
        assert_eq!(by("size", "Lt", &["8"]), ["eu-west-1"]);
        assert_eq!(by("size", "NotIn", &["8", "16"]), ["eu-west-1"]);
        assert_eq!(by("gone", "DoesNotExist", &[]), ["eu-west-1", "us-east-1"]);
        assert_eq!(by("gone", "NotIn", &["x"]), ["eu-west-1", "us-east-1"]);
        assert!(by("gone", "Exists", &[]).is_empty());
    }

    #[test]
    fn a_node_may_be_named_by_match_fields_and_an_empty_term_matches_none() {
        let fields = json!([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a"]}]}]);
        assert_eq!(regions(with_terms(&fields)), ["eu-west-1"]);
        assert!(regions(with_terms(&json!([{}]))).is_empty());
    }

    #[test]
    fn what_is_not_understood_matches_every_node_so_that_nothing_is_overlooked() {
        let strange = json!([{"matchExpressions": [{"key": "size", "operator": "Near", "values": ["2"]}]}]);
        assert_eq!(regions(with_terms(&strange)), ["eu-west-1", "us-east-1"]);
    }

    #[test]
    fn the_affinity_to_paste_is_yaml_that_means_the_regions() {
        let text = affinity_to_paste("a.dev/site", &[place("eu-west-1"), place("eu-central-1")]).unwrap();
        let spec: PodSpec = serde_saphyr::from_str(&format!("containers: []\n{text}")).unwrap();
        let said = format!("{spec:?}");
        assert!(said.contains(r#"["eu-central-1", "eu-west-1"]"#) && said.contains("a.dev/site"), "{said}");
    }
}
