use serde_json::{Value, json};

use super::world::{World, clauses, example_store, manifests, request};

fn party(name: &str, namespaces: &[&str]) -> Value {
    json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "Party", "metadata": {"name": name},
        "spec": {"legalName": "X", "country": "IE", "runs": {"namespaces": namespaces}}})
}

fn policy() -> Value {
    manifests(include_str!("../../../examples/retentionpolicy.yaml")).remove(0)
}

#[test]
fn every_example_is_accepted() {
    let world = World::default();
    for (resource, text) in [
        ("parties", include_str!("../../../examples/party.yaml")),
        ("datastores", include_str!("../../../examples/datastore.yaml")),
        ("datastores", include_str!("../../../examples/datastore-objects.yaml")),
        ("transfersafeguards", include_str!("../../../examples/transfersafeguard.yaml")),
        ("transferexceptions", include_str!("../../../examples/transferexception.yaml")),
        ("retentionpolicies", include_str!("../../../examples/retentionpolicy.yaml")),
    ] {
        for object in manifests(text) {
            world.create(&format!("carnet.dev/{resource}"), &object).is_allowed();
        }
    }
}

#[track_caller]
fn refused_at(world: &World, resource: &str, object: &Value, field: &str) {
    let answer = world.create(&format!("carnet.dev/{resource}"), object);
    answer.is_refused(422);
    let causes = answer.0["status"]["details"]["causes"].as_array().unwrap();
    assert!(causes.iter().any(|c| c["field"] == field), "{causes:?}");
    assert!(answer.message().contains(field));
}

#[test]
fn an_unknown_region_is_refused_when_it_is_set_and_kept_when_it_was_there() {
    let world = World::default();
    let mut object = example_store();
    object["spec"]["location"] = json!({"provider": "aws", "region": "moon-1"});
    refused_at(&world, "datastores", &object, "spec.location.region");
    let mut edited = object.clone();
    edited["spec"]["datasets"][0]["subjects"] = json!(["Employee"]);
    world.update("carnet.dev/datastores", &object, &edited).is_allowed();
    world.update("carnet.dev/datastores", &example_store(), &object).is_refused(422);
}

#[test]
fn a_store_that_names_no_party_yet_is_accepted_and_warned_of() {
    let mut object = example_store();
    object["spec"]["exporterRef"] = json!({"name": "later"});
    let answer = World::default().create("carnet.dev/datastores", &object);
    assert!(answer.is_allowed().warnings()[0].contains("no Party later"));
}

#[test]
fn a_namespace_is_run_by_one_party() {
    refused_at(&World::default(), "parties", &party("other", &["identity"]), "spec.runs.namespaces");
    World::default().create("carnet.dev/parties", &party("ltd", &["identity", "more"])).is_allowed();
}

#[test]
fn a_safeguard_that_ends_before_it_begins_is_refused() {
    let mut object = clauses();
    object["spec"]["validThrough"] = json!("2020-01-01");
    World::default().create("carnet.dev/transfersafeguards", &object).is_refused(422);
}

#[test]
fn a_ground_that_outlasts_the_maximum_is_accepted_with_a_warning() {
    let mut object = policy();
    object["spec"]["rules"][0]["grounds"] = json!([{"kind": "LegalObligation", "keepAtLeast": "P99Y"}]);
    let answer = World::default().create("carnet.dev/retentionpolicies", &object);
    assert!(answer.is_allowed().warnings()[0].contains("keeps longer than deleteAfter"));
}

#[test]
fn an_object_whose_spec_is_as_it_was_is_let_pass_whatever_is_wrong_with_it() {
    let mut old = clauses();
    old["spec"]["validThrough"] = json!("2020-01-01");
    let mut new = old.clone();
    new["metadata"]["finalizers"] = json!([]);
    World::default().update("carnet.dev/transfersafeguards", &old, &new).is_allowed();
}

#[test]
fn holds_and_what_is_unreadable() {
    let world = World::default();
    world.create("carnet.dev/legalholds", &json!({"kind": "LegalHold", "spec": 1})).is_allowed();
    world.create("carnet.dev/parties", &json!({"kind": "Party", "spec": 1})).is_refused(422);
    let loading = World { ready: false, ..World::default() };
    let message = loading.unjudged(&request("carnet.dev/parties", &party("x", &[])));
    assert!(message.contains("still loading"), "{message}");
}
