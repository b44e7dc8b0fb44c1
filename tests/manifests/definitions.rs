//! The definitions of our kinds: as committed, and as they must be.

use std::collections::BTreeSet;

use carnet::api::v1alpha1::crds;
use expect_test::expect_file;
use serde_json::Value;

use crate::yaml::{files, list, project, text, texts};

/// Group and plural of each kind, as its file is called, with the definition.
fn definitions() -> Vec<(String, Value)> {
    let named = |crd: Value| {
        let name = format!("{}_{}.yaml", text(&crd, "/spec/group"), text(&crd, "/spec/names/plural"));
        (name, crd)
    };
    crds().into_iter().map(|crd| named(serde_json::to_value(crd).expect("a definition is JSON"))).collect()
}

/// Calls `visit` with every schema of every kind, its path, and whether its text is Kubernetes' own.
fn each_schema(mut visit: impl FnMut(&str, &Value, bool)) {
    for (_, crd) in definitions() {
        let kind = text(&crd, "/spec/names/kind").to_owned();
        let root = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        walk(&kind, root, false, &mut visit);
    }
}

fn walk(path: &str, schema: &Value, foreign: bool, visit: &mut dyn FnMut(&str, &Value, bool)) {
    visit(path, schema, foreign);
    let foreign =
        foreign || schema.pointer("/properties/matchExpressions").is_some() || path.ends_with(".conditions");
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(&format!("{path}.{name}"), property, foreign, visit);
    }
    if schema["items"].is_object() {
        walk(&format!("{path}[]"), &schema["items"], foreign, visit);
    }
    if schema["additionalProperties"].is_object() {
        walk(&format!("{path}{{}}"), &schema["additionalProperties"], foreign, visit);
    }
}

/// Every schema for which `wrong` is true, by its path.
fn wrong_ones(wrong: impl Fn(&str, &Value, bool) -> bool) -> Vec<String> {
    let mut paths = vec![];
    each_schema(|path, schema, foreign| {
        if wrong(path, schema, foreign) {
            paths.push(path.to_owned());
        }
    });
    paths
}

fn in_status(path: &str) -> bool {
    path.split(['.', '[']).nth(1) == Some("status")
}

#[test]
fn the_committed_definitions_are_those_of_the_types() {
    for (file, crd) in definitions() {
        let yaml = serde_saphyr::to_string(&crd).expect("a definition is YAML");
        let head =
            "# Generated from src/api: `UPDATE_EXPECT=1 cargo test --test manifests` writes it anew.\n";
        expect_file![project("crds").join(file)].assert_eq(&format!("{head}{yaml}"));
    }
}

#[test]
fn every_committed_definition_has_a_kind() {
    let kinds: BTreeSet<String> = definitions().into_iter().map(|(file, _)| file).collect();
    let there: BTreeSet<String> = files("crds")
        .iter()
        .filter_map(|f| f.file_name().map(|n| n.to_string_lossy().into_owned()))
        .collect();
    assert_eq!(there, kinds);
}

#[test]
fn what_yaml_1_1_takes_for_a_boolean_is_quoted() {
    const BOOLEANS: [&str; 8] = ["y", "n", "yes", "no", "on", "off", "true", "false"];
    for file in files("crds") {
        let text = std::fs::read_to_string(&file).expect("a readable file");
        for (number, line) in text.lines().enumerate() {
            let line = line.trim_start().trim_start_matches("- ");
            let key = line.split(':').next().unwrap_or_default().to_lowercase();
            let is_schema = line.ends_with(": true") || line.ends_with(": false");
            assert!(
                is_schema || !BOOLEANS.contains(&key.as_str()),
                "{}:{}: `{line}` must be quoted",
                file.display(),
                number + 1
            );
        }
    }
}

#[test]
fn every_property_is_described() {
    let silent = wrong_ones(|path, schema, foreign| {
        let is_property = !path.ends_with("[]") && !path.ends_with("{}");
        is_property && !foreign && text(schema, "/description").is_empty()
    });
    assert!(silent.is_empty(), "without a description: {silent:?}");
}

#[test]
fn nothing_is_filled_in_behind_the_author_s_back() {
    let unseen = serde_json::json!({"observedGeneration": -1});
    let filled = wrong_ones(|path, schema, _| {
        let is_status = in_status(path) && path.ends_with(".status");
        schema.get("default").is_some_and(|default| !is_status || *default != unseen)
    });
    assert!(filled.is_empty(), "with a default: {filled:?}");
    let mut waited_for = vec![];
    each_schema(|path, schema, _| {
        if schema.get("default").is_some() {
            waited_for.push(path.to_owned());
        }
    });
    waited_for.sort_unstable();
    let kinds = [
        "DataPrivacyFrameworkSnapshot",
        "DataStore",
        "LegalHold",
        "Party",
        "RetentionPolicy",
        "TransferException",
        "TransferSafeguard",
    ];
    assert_eq!(
        waited_for,
        kinds.map(|kind| format!("{kind}.status")),
        "what people apply is unseen at first"
    );
}

#[test]
fn every_list_says_how_it_is_merged() {
    let untyped = wrong_ones(|_, s, _| s["type"] == "array" && s.get("x-kubernetes-list-type").is_none());
    assert!(untyped.is_empty(), "without a list type: {untyped:?}");
}

#[test]
fn no_format_is_unknown_to_kubernetes() {
    let odd = wrong_ones(|_, s, _| !["", "int32", "int64", "date-time"].contains(&text(s, "/format")));
    assert!(odd.is_empty(), "with an odd format: {odd:?}");
}

#[test]
fn every_text_and_every_list_of_a_spec_is_bounded() {
    let unbounded = wrong_ones(|path, schema, foreign| {
        let instant = schema["format"] == "date-time";
        let open = match text(schema, "/type") {
            "string" => !instant && schema.get("maxLength").is_none() && schema.get("enum").is_none(),
            "array" => schema.get("maxItems").is_none(),
            _ => false,
        };
        open && !foreign && path.contains(".spec") && !in_status(path) && !path.contains("elector")
    });
    assert!(unbounded.is_empty(), "without a bound: {unbounded:?}");
}

#[test]
fn every_rule_says_what_is_wrong_in_one_line() {
    each_schema(|path, schema, _| {
        for rule in list(schema, "/x-kubernetes-validations") {
            let message = text(rule, "/message");
            let ok = !message.is_empty() && message.len() <= 140 && !message.contains('\n');
            assert!(ok, "{path}: `{}` says `{message}`", text(rule, "/rule"));
        }
    });
}

#[test]
fn a_stranger_finds_every_kind_by_the_category_and_by_short_names() {
    let mut short = BTreeSet::new();
    for (file, crd) in definitions() {
        assert_eq!(texts(&crd, "/spec/names/categories"), ["carnet"], "{file}");
        assert!(!list(&crd, "/spec/versions/0/additionalPrinterColumns").is_empty(), "{file} has no columns");
        // What is compiled says nothing about itself.
        let compiled = file == "carnet.dev_transferbackstops.yaml";
        let status = crd.pointer("/spec/versions/0/subresources/status").is_some();
        assert!(status || compiled, "{file} has no status");
        for name in texts(&crd, "/spec/names/shortNames") {
            assert!(short.insert(name.to_owned()), "{name} twice");
        }
    }
    for name in ["dst", "retp", "tsg", "lhold", "drun"] {
        assert!(short.contains(name), "{name} is missing");
    }
}
