use k8s_openapi::{ByteString, api::core::v1::PodSpec};
use proptest::{prelude::*, sample::select, test_runner::Config};
use serde_json::{Value, json};

use super::world::{World, body, deployment, idle, node, pod, request, using};
use crate::{
    api::labels,
    core::{
        settings::{Mixed, Mode},
        snapshot::Node,
        store::Place,
    },
    placement::{Candidates, candidates},
};

const LABEL: &str = "topology.kubernetes.io/region";

fn world() -> World {
    let mut world = World::default();
    world.settings.mixed = Mixed::Steer;
    world
}

/// A Pod as a controller makes it.
fn owned(kind: &str, spec: &Value) -> Value {
    let mut pod = pod(spec);
    pod["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": kind, "name": "exporter",
        "uid": "o", "controller": true}]);
    pod
}

/// The Pod after the mutating webhook; none = it changed nothing.
fn steered(world: &World, pod: &Value) -> Option<Value> {
    patched(world, &request("/pods", pod))
}

fn patched(world: &World, request: &Value) -> Option<Value> {
    let reviewed = world.steer(&body(request));
    let review: Value = serde_json::from_slice(&reviewed.body).unwrap();
    let response = &review["response"];
    assert_eq!(response["allowed"], true, "{response}");
    let patch = response.get("patch")?;
    assert_eq!(response["patchType"], "JSONPatch");
    let patch: ByteString = serde_json::from_value(patch.clone()).unwrap();
    let patch: json_patch::Patch = serde_json::from_slice(&patch.0).unwrap();
    let mut changed = request["object"].clone();
    json_patch::patch(&mut changed, &patch).unwrap();
    assert_eq!(reviewed.decision.verdict, "steered");
    Some(changed)
}

fn terms(pod: &Value) -> &Value {
    &pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
}

#[test]
fn an_owned_pod_that_may_run_in_both_is_kept_where_it_is_lawful_and_then_admitted() {
    let world = world();
    let before = owned("ReplicaSet", &using(None));
    world.create("/pods", &before).is_refused(403);
    let after = steered(&world, &before).unwrap();
    assert_eq!(
        *terms(&after),
        json!([{"matchExpressions": [{"key": LABEL, "operator": "In", "values": ["eu-west-1"]}]}])
    );
    assert_eq!(after["metadata"]["annotations"], json!({labels::STEERED: labels::WHY_STEERED}));
    world.create("/pods", &after).is_allowed();
    assert_eq!(steered(&world, &after), None, "asked again, nothing is left to do");
}

#[test]
fn every_term_is_narrowed_and_one_that_matches_no_node_stays_so() {
    let world = world();
    let named = json!({"key": "metadata.name", "operator": "In", "values": ["eu"]});
    let mut spec = using(None);
    spec["affinity"] = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
        {"matchExpressions": [{"key": LABEL, "operator": "Exists"}]}, {"matchFields": [named]}, {}]}}});
    let after = steered(&world, &owned("Job", &spec)).unwrap();
    let ours = json!({"key": LABEL, "operator": "In", "values": ["eu-west-1"]});
    assert_eq!(
        *terms(&after),
        json!([{"matchExpressions": [{"key": LABEL, "operator": "Exists"}, ours]},
            {"matchFields": [named], "matchExpressions": [ours]}, {}])
    );
}

#[test]
fn what_the_affinity_already_says_of_other_things_is_kept() {
    let world = world();
    let preferred =
        json!([{"weight": 1, "preference": {"matchExpressions": [{"key": "size", "operator": "Exists"}]}}]);
    for affinity in [
        json!({}),
        json!({"nodeAffinity": {}}),
        json!({"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}),
        json!({"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}),
    ] {
        let mut spec = using(None);
        spec["affinity"] = affinity.clone();
        spec["nodeSelector"] = json!({});
        let mut after = steered(&world, &owned("StatefulSet", &spec)).unwrap();
        assert_eq!(terms(&after)[0]["matchExpressions"][0]["values"], json!(["eu-west-1"]));
        assert_eq!(after["spec"]["nodeSelector"], json!({}));
        let node_affinity = after["spec"]["affinity"]["nodeAffinity"].as_object_mut().unwrap();
        node_affinity.remove("requiredDuringSchedulingIgnoredDuringExecution");
        let kept = &affinity["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"];
        assert_eq!(
            after["spec"]["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"],
            *kept
        );
        assert_eq!(after["spec"]["affinity"]["podAntiAffinity"], affinity["podAntiAffinity"]);
    }
}

#[test]
fn an_annotation_that_is_there_stays_beside_ours() {
    let mut before = owned("ReplicaSet", &using(None));
    before["metadata"]["annotations"] = json!({"a": "b"});
    let after = steered(&world(), &before).unwrap();
    assert_eq!(after["metadata"]["annotations"], json!({"a": "b", labels::STEERED: labels::WHY_STEERED}));
}

#[test]
fn nobody_s_pod_a_daemon_set_s_and_one_with_no_lawful_node_are_left_as_they_are() {
    let world = world();
    let mixed = using(None);
    assert_eq!(steered(&world, &pod(&mixed)), None, "a person's own");
    assert_eq!(steered(&world, &owned("DaemonSet", &mixed)), None);
    let mut held = owned("ReplicaSet", &mixed);
    held["metadata"]["ownerReferences"][0]["controller"] = json!(false);
    assert_eq!(steered(&world, &held), None, "an owner that does not control it");
    let owned = |spec: &Value| owned("ReplicaSet", spec);
    assert_eq!(steered(&world, &owned(&using(Some("us-east-1")))), None, "nowhere lawful");
    assert_eq!(steered(&world, &owned(&using(Some("eu-west-1")))), None, "lawful everywhere");
    assert_eq!(steered(&world, &owned(&using(Some("mars")))), None, "no node");
    assert_eq!(steered(&world, &owned(&idle())), None, "no use");
    let mut bound = using(None);
    bound["nodeName"] = json!("us");
    assert_eq!(steered(&world, &owned(&bound)), None, "bound");
}

#[test]
fn other_modes_other_namespaces_and_other_requests_are_left_alone() {
    let mixed = owned("ReplicaSet", &using(None));
    for other in [Mixed::Refuse, Mixed::Bind] {
        let mut world = world();
        world.settings.mixed = other;
        assert_eq!(steered(&world, &mixed), None);
    }
    let mut warning = world();
    warning.settings.mode = Mode::Warn;
    assert_eq!(steered(&warning, &mixed), None, "it is admitted with a warning");
    let mut exempt = world();
    exempt.settings.exempt.insert("analytics".into());
    assert_eq!(steered(&exempt, &mixed), None);
    for (resource, operation) in
        [("/pods", "UPDATE"), ("/pods/ephemeralcontainers", "CREATE"), ("apps/deployments", "CREATE")]
    {
        let mut request = request(resource, &mixed);
        request["operation"] = json!(operation);
        assert_eq!(patched(&world(), &request), None, "{resource} {operation}");
    }
}

#[test]
fn what_cannot_be_judged_fails_the_call_only_where_there_is_something_to_judge() {
    let world = World { ready: false, ..world() };
    let ask = |pod: &Value| world.steer(&body(&request("/pods", pod))).decision;
    assert!(ask(&owned("ReplicaSet", &using(None))).fails_the_call());
    assert!(ask(&pod(&using(None))).allowed);
    let unreadable = ask(&owned("ReplicaSet", &json!({"containers": 1})));
    assert!(!unreadable.allowed && !unreadable.fails_the_call());
}

#[test]
fn a_template_is_admitted_where_its_pods_will_be_steered_and_refused_where_they_cannot() {
    let world = world();
    let mixed = deployment(&using(None));
    assert_eq!(world.create("apps/deployments", &mixed).is_allowed().note("verdict"), "to-be-steered");
    let mut daemons = mixed.clone();
    daemons["kind"] = json!("DaemonSet");
    world.create("apps/daemonsets", &daemons).is_refused(403);
    world.create("apps/deployments", &deployment(&using(Some("us-east-1")))).is_refused(403);
    world.create("/pods", &pod(&using(None))).is_refused(403);
}

#[test]
fn a_region_that_an_unlawful_node_bears_too_is_no_place_to_steer_to() {
    let mut world = world();
    let mut liar = node("liar", "eu-west-1", *b"IE");
    liar.place = Place { provider: None, region: None, country: None };
    world.nodes.push(liar);
    assert_eq!(steered(&world, &owned("ReplicaSet", &using(None))), None);
    world.nodes.push(node("more", "eu-central-1", *b"DE"));
    let after = steered(&world, &owned("ReplicaSet", &using(None))).unwrap();
    assert_eq!(terms(&after)[0]["matchExpressions"][0]["values"], json!(["eu-central-1"]));
}

fn any_node() -> impl Strategy<Value = Node> {
    let places =
        vec![("eu-west-1", *b"IE"), ("eu-central-1", *b"DE"), ("us-east-1", *b"US"), ("eu-west-1", *b"US")];
    (select(places), 0..4_usize, 0..8_usize, select(vec!["2", "8"])).prop_map(
        |((region, country), kind, n, size)| {
            let mut node = node(&format!("n{n}"), region, country);
            node.labels.insert("size".into(), size.into());
            match kind {
                0 => drop(node.labels.remove(LABEL)),
                1 => node.place = Place { provider: None, region: None, country: None },
                _ => {}
            }
            node
        },
    )
}

fn any_requirement() -> impl Strategy<Value = Value> {
    let values = vec![json!(["eu-west-1"]), json!(["eu-central-1", "us-east-1"]), json!(["2"]), json!(["9"])];
    (select(vec![LABEL, "size"]), select(vec!["In", "NotIn", "Exists", "DoesNotExist"]), select(values))
        .prop_map(|(key, operator, values)| match operator {
            "In" | "NotIn" => json!({"key": key, "operator": operator, "values": values}),
            _ => json!({"key": key, "operator": operator}),
        })
}

fn any_term() -> impl Strategy<Value = Value> {
    (prop::collection::vec(any_requirement(), 0..3), prop::option::of(0..8_usize)).prop_map(|(all, named)| {
        let mut term = json!({});
        if !all.is_empty() {
            term["matchExpressions"] = json!(all);
        }
        if let Some(n) = named {
            term["matchFields"] =
                json!([{"key": "metadata.name", "operator": "NotIn", "values": [format!("n{n}")]}]);
        }
        term
    })
}

fn any_spec() -> impl Strategy<Value = Value> {
    let terms = prop::collection::vec(any_term(), 1..4);
    (prop::option::of(terms), prop::option::of(select(vec!["2", "8"]))).prop_map(|(terms, size)| {
        let mut spec = using(None);
        if let Some(terms) = terms {
            spec["affinity"] = json!({"nodeAffinity":
                {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}});
        }
        if let Some(size) = size {
            spec["nodeSelector"] = json!({"size": size});
        }
        spec
    })
}

/// The nodes that a spec admits, one by one.
fn admitted(world: &World, spec: &Value) -> Vec<String> {
    let spec: PodSpec = serde_json::from_value(spec.clone()).unwrap();
    let admits = |node: &&Node| {
        let alone = World { nodes: vec![(*node).clone()], ..World::default() };
        candidates(&alone.snapshot(), &spec) != Candidates::NoNode
    };
    world.nodes.iter().filter(admits).map(|node| node.name.clone()).collect()
}

proptest! {
    #![proptest_config(Config::with_cases(96))]

    #[test]
    fn a_steered_pod_has_only_lawful_nodes_and_only_such_as_it_admitted_before(
        nodes in prop::collection::vec(any_node(), 1..6),
        spec in any_spec(),
    ) {
        let mut seen = std::collections::BTreeSet::new();
        let nodes = nodes.into_iter().filter(|node| seen.insert(node.name.clone())).collect();
        let world = World { nodes, ..world() };
        let before = owned("ReplicaSet", &spec);
        let was_allowed = world.create("/pods", &before).allowed();
        match steered(&world, &before) {
            None => {}
            Some(after) => {
                prop_assert!(!was_allowed, "what is lawful stays as it is");
                world.create("/pods", &after).is_allowed();
                let (old, new) = (admitted(&world, &spec), admitted(&world, &after["spec"]));
                prop_assert!(!new.is_empty() && new.iter().all(|node| old.contains(node)), "{old:?} {new:?}");
                for name in &new {
                    let node = world.nodes.iter().find(|n| n.name == *name).unwrap();
                    prop_assert!(node.place.country.is_some_and(|c| c.0 != *b"US"), "{node:?}");
                }
                prop_assert_eq!(steered(&world, &after), None, "idempotent");
                let mut rest = after["spec"].clone();
                rest["affinity"] = before["spec"]["affinity"].clone();
                let mut same = before["spec"].clone();
                same["affinity"] = before["spec"]["affinity"].clone();
                prop_assert_eq!(rest, same, "nothing else is touched");
            }
        }
    }
}
