use serde_json::{Value, json};

use super::world::{World, idle, pod, request, using};
use crate::core::settings::Mixed;

#[test]
fn a_pod_that_may_run_in_both_is_refused_with_the_affinity_that_makes_it_lawful() {
    let answer = World::default().create("/pods", &pod(&using(None)));
    let message = answer.is_refused(403).message();
    assert!(message.contains("Lawful: eu-west-1 (IE)"), "{message}");
    assert!(message.contains("{key: topology.kubernetes.io/region, operator: In, values: [eu-west-1]}"));
}

#[test]
fn a_pod_that_may_run_where_it_is_lawful_alone_is_admitted() {
    World::default().create("/pods", &pod(&using(Some("eu-west-1")))).is_allowed();
}

#[test]
fn a_pod_without_any_node_is_refused_and_told_where_it_would_be_lawful() {
    let world = World::default();
    let message = world.create("/pods", &pod(&using(Some("eu-north-1")))).message().to_owned();
    assert!(message.contains("No node matches") && message.contains("values: [eu-west-1]"), "{message}");
    let empty = World { nodes: vec![], ..World::default() };
    let answer = empty.create("/pods", &pod(&using(None)));
    // The store's own place, though no node is there.
    assert!(answer.is_refused(403).message().contains("values: [eu-west-1]"), "{}", answer.message());
}

#[test]
fn mixed_candidates_wait_for_the_binding_when_that_is_chosen_and_unlawful_ones_do_not() {
    let mut world = World::default();
    world.settings.mixed = Mixed::Bind;
    let mixed = world.create("/pods", &pod(&using(None)));
    assert_eq!(mixed.is_allowed().note("verdict"), "waits-for-binding");
    world.create("/pods", &pod(&using(Some("us-east-1")))).is_refused(403);
}

#[test]
fn a_node_name_is_judged_at_creation() {
    let on = |node: &str| {
        let mut spec = using(None);
        spec["nodeName"] = json!(node);
        World::default().create("/pods", &pod(&spec)).allowed()
    };
    assert!(on("eu"));
    assert!(!on("us"));
    assert!(!on("nobody-knows"));
}

fn binding(resource: &str, node: &str) -> Value {
    request(
        resource,
        &json!({"kind": "Binding", "metadata": {"name": "exporter-0", "namespace": "analytics"},
            "target": {"kind": "Node", "name": node}}),
    )
}

#[test]
fn a_binding_is_judged_by_its_node_in_both_of_its_forms() {
    let world = World::default().with_pod(&pod(&using(None)));
    for resource in ["/pods/binding", "/bindings"] {
        world.ask(&binding(resource, "eu")).is_allowed();
        let refused = world.ask(&binding(resource, "us"));
        assert!(refused.is_refused(403).message().contains("us-east-1"));
        world.ask(&binding(resource, "nobody-knows")).is_refused(403);
    }
}

#[test]
fn the_binding_of_a_pod_that_uses_nothing_is_let_pass() {
    World::default().with_pod(&pod(&idle())).ask(&binding("/pods/binding", "us")).is_allowed();
}

#[test]
fn the_binding_of_an_unknown_pod_is_refused_until_it_is_known() {
    let answer = World::default().ask(&binding("/pods/binding", "eu"));
    assert!(answer.is_refused(503).message().contains("try again"));
}

#[test]
fn a_binding_that_nobody_can_judge_fails_the_call() {
    let world = World { ready: false, ..World::default() }.with_pod(&pod(&using(None)));
    assert!(world.unjudged(&binding("/pods/binding", "us")).contains("still loading"));
}

#[test]
fn a_binding_is_not_judged_by_another_pod_of_the_same_name() {
    let mut before = pod(&idle());
    before["metadata"]["uid"] = json!("before");
    let world = World::default().with_pod(&before);
    let of = |uid: Value| {
        let mut binding = binding("/pods/binding", "us");
        binding["object"]["metadata"]["uid"] = uid;
        world.ask(&binding)
    };
    of(json!("before")).is_allowed();
    of(Value::Null).is_allowed();
    assert!(of(json!("after")).is_refused(503).message().contains("try again"));
}

#[test]
fn a_legacy_binding_without_a_name_in_its_request_is_judged_by_its_object() {
    let world = World::default().with_pod(&pod(&using(None)));
    let mut legacy = binding("/bindings", "us");
    legacy["name"] = json!("");
    world.ask(&legacy).is_refused(403);
}
