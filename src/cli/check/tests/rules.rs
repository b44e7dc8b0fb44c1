//! Every rule of every definition is evaluated, and breaks where it should.

use std::{collections::BTreeSet, path::Path};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::Definitions;

/// A row of `tests/rules/wrong.yaml`.
#[derive(Deserialize)]
struct Wrong {
    of: String,
    #[serde(default)]
    before: Option<Map<String, Value>>,
    set: Map<String, Value>,
}

fn file(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn rows() -> Vec<Wrong> {
    serde_saphyr::from_str(&file("tests/rules/wrong.yaml")).unwrap()
}

fn example(of: &str) -> Value {
    let (path, number) = of.split_once(' ').unwrap();
    let mut all: Vec<Value> = serde_saphyr::from_multiple(&file(path)).unwrap();
    all.remove(number.parse().unwrap())
}

fn with(mut object: Value, set: &Map<String, Value>) -> Value {
    // From the last, so that what is taken out of a list moves nothing that is still to be found.
    for (pointer, value) in set.iter().rev() {
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        match object.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer}")) {
            Value::Array(items) if value.is_null() => drop(items.remove(field.parse().unwrap())),
            Value::Object(fields) if value.is_null() => drop(fields.remove(field)),
            parent => parent[field] = value.clone(),
        }
    }
    object
}

#[test]
fn every_rule_of_every_definition_is_broken_by_some_object_and_by_no_example() {
    let definitions = Definitions::built_in().unwrap();
    let mut unbroken: BTreeSet<(String, String, String)> = definitions
        .all()
        .flat_map(|(kind, ours)| {
            let rules = ours.schema().all_rules();
            rules.into_iter().map(|(path, rule)| (kind.clone(), path, rule.text.clone())).collect::<Vec<_>>()
        })
        .collect();
    assert!(unbroken.len() > 60, "only {} rules are known", unbroken.len());
    for Wrong { of, before, set } in rows() {
        let example = example(&of);
        let kind = example["kind"].as_str().unwrap().to_owned();
        let (_, ours) = definitions.all().find(|(name, _)| **name == kind).unwrap();
        assert!(ours.wrong(&example, None).is_empty(), "{of}: {:?}", ours.wrong(&example, None));
        let old = before.as_ref().map(|before| with(example.clone(), before));
        let object = with(example, &set);
        let broken = ours.schema().broken(&object["spec"], old.as_ref().map(|old| &old["spec"]));
        assert!(!broken.is_empty(), "{of} {set:?} breaks nothing: {:?}", ours.wrong(&object, old.as_ref()));
        for (path, rule, error) in broken {
            assert!(
                !error.problem.contains("could not be evaluated"),
                "{of} {set:?}: {}: {error}",
                rule.text
            );
            unbroken.remove(&(kind.clone(), path, rule.text.clone()));
        }
    }
    assert!(unbroken.is_empty(), "add rows to tests/rules/wrong.yaml that break: {unbroken:#?}");
}

#[test]
fn a_rule_of_updates_is_asked_of_updates_alone_and_lets_a_widened_hold_through() {
    let definitions = Definitions::built_in().unwrap();
    let (_, holds) = definitions.all().find(|(name, _)| *name == "LegalHold").unwrap();
    let narrow = example("examples/legalhold.yaml 0");
    let mut wide = narrow.clone();
    wide["spec"]["scope"] = serde_json::json!({});
    assert!(holds.wrong(&narrow, None).is_empty());
    assert!(holds.wrong(&wide, Some(&narrow)).is_empty());
    assert!(!holds.wrong(&narrow, Some(&wide)).is_empty());
}

#[test]
fn what_the_structure_does_not_have_is_refused_with_its_path() {
    let definitions = Definitions::built_in().unwrap();
    let (_, stores) = definitions.all().find(|(name, _)| *name == "DataStore").unwrap();
    let wrong = |pointer: &str, value: Value| {
        let set = [(pointer.to_owned(), value)].into_iter().collect();
        let errors = stores.wrong(&with(example("examples/datastore.yaml 0"), &set), None);
        errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    for (pointer, value, says) in [
        ("/spec/locaton", "x".into(), "spec.locaton: unknown field \"spec.locaton\""),
        ("/spec/role", Value::Null, "spec.role: Required value"),
        ("/spec/role", "Owner".into(), "spec.role: Unsupported value: \"Owner\""),
        ("/spec/origins", serde_json::json!([]), "spec.origins: Invalid value: should have at least 1 items"),
        ("/spec/origins", "EEA".into(), "spec.origins: Invalid value: must be of type array: \"string\""),
        ("/spec/copies/0/name", "nightly".into(), "spec.copies[1]: Duplicate value"),
        ("/metadata/name", "Accounts".into(), "metadata.name: Invalid value"),
        ("/metadata/lables", serde_json::json!({}), "metadata.lables: unknown field \"metadata.lables\""),
        ("/spec/location", serde_json::json!({"country": false}), "quote it"),
        ("/sepc", serde_json::json!({}), "sepc: unknown field \"sepc\""),
    ] {
        let said = wrong(pointer, value);
        assert!(said.contains(says), "{pointer}: {said}");
    }
}
