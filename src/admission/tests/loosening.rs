use serde_json::{Value, json};

use super::world::{Answer, World, clauses, example_store, manifests, pod, using};

/// A Pod that uses the account data runs on this node.
fn world(node: &str) -> World {
    let mut spec = using(None);
    spec["nodeName"] = json!(node);
    World::with_clauses().with_pod(&pod(&spec))
}

fn party(name: &str) -> Value {
    let all = manifests(include_str!("../../../examples/party.yaml"));
    all.into_iter().find(|p| p["metadata"]["name"] == name).unwrap()
}

type Edit = fn(&mut Value);

fn edit_store(world: &World, edit: impl FnOnce(&mut Value)) -> Answer {
    let old = example_store();
    let mut new = old.clone();
    edit(&mut new);
    world.update("carnet.dev/datastores", &old, &new)
}

fn acknowledged(object: &mut Value, reason: &str) {
    object["metadata"]["annotations"] = json!({"carnet.dev/acknowledge": reason});
}

#[test]
fn an_edit_that_drops_what_is_judged_is_refused_with_the_number_of_running_pods() {
    let world = world("eu");
    let edits: [(Edit, &str); 6] = [
        (|s| s["spec"]["origins"] = json!(["UK"]), "drops origin EEA"),
        (|s| s["spec"]["datasets"][0]["categories"] = json!(["other"]), "drops category "),
        (|s| s["spec"]["datasets"][0]["name"] = json!("renamed"), "drops dataset "),
        (|s| s["spec"]["access"] = json!({}), "of access.secrets"),
        (|s| s["spec"]["location"] = json!({"country": "FR"}), "moves its location"),
        (|s| s["spec"]["exporterRef"] = json!({"name": "inc"}), "changes its exporter"),
    ];
    for (edit, says) in edits {
        let answer = edit_store(&world, edit);
        let message = answer.is_refused(403).message();
        assert!(message.contains(says) && message.contains("and 1 running Pod stands on it"), "{message}");
        assert!(message.contains("carnet.dev/acknowledge"), "{message}");
    }
}

#[test]
fn a_copy_that_is_dropped_is_taken_away_and_one_that_is_added_is_not() {
    let world = world("eu");
    let mut with = example_store();
    with["spec"]["copies"] = json!([{"name": "backup", "kind": "Backup", "partyRef": {"name": "ltd"},
        "location": {"provider": "aws", "region": "eu-central-1"}}]);
    let mut without = with.clone();
    without["spec"]["copies"] = json!([]);
    world.update("carnet.dev/datastores", &without, &with).is_allowed();
    let refused = world.update("carnet.dev/datastores", &with, &without);
    assert!(refused.is_refused(403).message().contains("drops copy backup"), "{}", refused.message());
}

#[test]
fn a_reason_that_is_new_in_the_edit_lets_it_pass_and_an_old_or_empty_one_does_not() {
    let world = world("eu");
    let drop = |s: &mut Value| s["spec"]["origins"] = json!(["UK"]);
    for (reason, allowed) in [("OPS-7: nobody of the EEA is left", true), ("  ", false)] {
        let answer = edit_store(&world, |s| {
            drop(s);
            acknowledged(s, reason);
        });
        assert_eq!(answer.allowed(), allowed, "{reason}: {}", answer.message());
    }
    let mut old = example_store();
    acknowledged(&mut old, "something else, last year");
    let mut new = old.clone();
    drop(&mut new);
    world.update("carnet.dev/datastores", &old, &new).is_refused(403);
}

#[test]
fn what_nobody_stands_on_what_adds_and_what_is_terminating_is_let_go() {
    let drop = |s: &mut Value| s["spec"]["origins"] = json!(["UK"]);
    edit_store(&World::with_clauses(), drop).is_allowed();
    edit_store(&world("eu"), |s| s["spec"]["origins"] = json!(["EEA", "UK", "CH"])).is_allowed();
    for namespace in ["identity", "analytics"] {
        let mut world = world("eu");
        world.terminating.push(namespace);
        edit_store(&world, drop).is_allowed();
    }
    let mut exempt = world("eu");
    exempt.settings.exempt.insert("analytics".into());
    edit_store(&exempt, drop).is_allowed();
}

#[test]
fn a_store_of_which_every_regime_was_judged_names_fewer_only_with_a_reason() {
    let world = world("eu");
    let mut old = example_store();
    old["spec"].as_object_mut().unwrap().remove("origins");
    let answer = world.update("carnet.dev/datastores", &old, &example_store());
    assert!(
        answer.is_refused(403).message().contains("where every regime was judged"),
        "{}",
        answer.message()
    );
}

#[test]
fn a_safeguard_is_not_edited_away_from_under_a_pod_that_it_alone_covers() {
    let end = |s: &mut Value| s["spec"]["validThrough"] = json!("2026-01-01");
    let edit = |world: &World, reason: Option<&str>| {
        let old = clauses();
        let mut new = old.clone();
        end(&mut new);
        if let Some(reason) = reason {
            acknowledged(&mut new, reason);
        }
        world.update("carnet.dev/transfersafeguards", &old, &new)
    };
    let refused = edit(&world("us"), None);
    let message = refused.is_refused(403).message();
    assert!(message.contains("takes away what covers data, and 1 running Pod stands on it"), "{message}");
    edit(&world("us"), Some("revoked by counsel")).is_allowed();
    edit(&world("eu"), None).is_allowed();
    edit(&World::with_clauses(), None).is_allowed();
}

#[test]
fn a_party_keeps_the_namespaces_in_which_pods_use_stores() {
    let old = party("inc");
    let mut new = old.clone();
    new["spec"]["runs"]["namespaces"] = json!([]);
    let refused = world("us").update("carnet.dev/parties", &old, &new);
    let message = refused.is_refused(403).message();
    assert!(message.contains("this edit of Party inc drops analytics of runs.namespaces"), "{message}");
    acknowledged(&mut new, "sold");
    world("us").update("carnet.dev/parties", &old, &new).is_allowed();
}

#[test]
fn a_safeguard_of_a_later_hop_is_not_edited_away_from_under_a_pod_either() {
    let mut onward = clauses();
    onward["metadata"]["name"] = "onward".into();
    onward["spec"]["instrument"]["standardContractualClauses"]["parties"] =
        json!([{"exporters": ["inc"], "importers": ["vendor"], "module": "ControllerToController"}]);
    for assessment in onward["spec"]["assessments"].as_array_mut().unwrap() {
        assessment["country"] = "IN".into();
    }
    let mut ended = onward.clone();
    ended["spec"]["validThrough"] = "2026-01-01".into();
    let hands_on = |hands_on: bool| {
        let mut world = world("us");
        world.safeguards.push(onward.clone());
        world.parties.push(
            json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "Party", "metadata": {"name": "vendor"},
            "spec": {"legalName": "Vendor", "country": "IN"}}),
        );
        let inc = world.parties.iter_mut().find(|party| party["metadata"]["name"] == "inc").unwrap();
        if hands_on {
            inc["spec"]["onwardTo"] = json!([{"partyRef": {"name": "vendor"}, "contract": {"reference": "contracts/9",
                "limitedPurposes": true, "samePrinciples": true, "notice": true}}]);
        }
        world
    };
    let refused = hands_on(true).update("carnet.dev/transfersafeguards", &onward, &ended);
    let message = refused.is_refused(403).message();
    assert!(message.contains("takes away what covers data, and 1 running Pod stands on it"), "{message}");
    hands_on(false).update("carnet.dev/transfersafeguards", &onward, &ended).is_allowed();
}
