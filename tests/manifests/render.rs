//! `deploy/` is the chart with its defaults: `make generate` writes it, nobody else.

use std::{collections::BTreeMap, fs};

use expect_test::expect_file;

use crate::{
    helm::{self, Given, Rendered},
    yaml::{files, project},
};

const HEAD: &str = "# Rendered from charts/carnet by `make generate`: change it there.\n";

/// The file of `deploy/base` that a template's documents belong to; the numbers are the order of applying by hand.
fn file_of(source: &str) -> &'static str {
    match source {
        "definitions.yaml" => "05-crds.yaml",
        "rbac/operator.yaml" => "10-rbac-operator.yaml",
        "rbac/people.yaml" => "11-rbac-people.yaml",
        "enforcement/webhook.yaml" => "20-webhook.yaml",
        "enforcement/policies.yaml" => "30-policies.yaml",
        "enforcement/configmap.yaml" => "40-enforcement.yaml",
        "operator/deployment.yaml" | "operator/service.yaml" | "operator/pdb.yaml" => "50-operator.yaml",
        other => panic!("{other} is rendered by default and has no file in deploy/base"),
    }
}

fn in_files(documents: Vec<Rendered>) -> BTreeMap<&'static str, String> {
    let mut files: BTreeMap<&str, String> = BTreeMap::new();
    for document in documents {
        let text = files.entry(file_of(&document.source)).or_insert_with(|| HEAD.to_owned());
        if text.len() > HEAD.len() {
            text.push_str("---\n");
        }
        text.push_str(&document.text);
    }
    files
}

#[test]
fn deploy_is_the_chart_with_its_defaults() {
    let mut rendered = in_files(helm::documents(Given::NOTHING));
    for (file, text) in &rendered {
        expect_file![project("deploy/base").join(file)].assert_eq(text);
    }
    rendered.insert("00-namespace.yaml", String::new());
    rendered.insert("kustomization.yaml", String::new());
    let there: Vec<String> = files("deploy/base")
        .iter()
        .filter_map(|f| f.file_name().map(|n| n.to_string_lossy().into_owned()))
        .collect();
    assert_eq!(there, rendered.into_keys().collect::<Vec<_>>(), "a file that the chart does not render");
}

#[test]
fn the_opt_in_of_a_namespace_is_what_the_chart_renders_for_it() {
    let given = Given { values: &["erasure.namespaces={the-namespace}"], ..Given::NOTHING };
    let documents = helm::documents(given);
    let opt_in = documents.iter().filter(|d| d.source == "rbac/opt-in.yaml").map(|d| d.text.as_str());
    let text = opt_in.collect::<Vec<_>>().join("---\n").replace("the-namespace", "NAMESPACE");
    let how = "# Opens one namespace to deletion Jobs, by hand; the operator's `--erasure-namespaces` names it too.\n\
               #   sed s/NAMESPACE/identity/g deploy/opt-in/namespace.yaml | kubectl apply -f -\n";
    expect_file![project("deploy/opt-in/namespace.yaml")].assert_eq(&format!("{HEAD}{how}---\n{text}"));
}

#[test]
fn the_chart_s_definitions_are_those_of_the_project() {
    let names = |directory: &str| -> Vec<String> {
        let all = files(directory);
        all.iter().filter_map(|f| f.file_name().map(|n| n.to_string_lossy().into_owned())).collect()
    };
    for file in names("crds") {
        let text = fs::read_to_string(project("crds").join(&file)).expect("a readable file");
        expect_file![project("charts/carnet/files/crds").join(file)].assert_eq(&text);
    }
    assert_eq!(names("charts/carnet/files/crds"), names("crds"));
}

#[test]
fn what_is_written_for_one_namespace_holds_in_any() {
    let given = Given { namespace: "privacy", ..Given::NOTHING };
    for document in helm::documents(given).iter().filter(|d| d.source != "definitions.yaml") {
        assert!(!document.text.contains("carnet-system"), "{}:\n{}", document.source, document.text);
        assert!(
            document.source == "rbac/people.yaml"
                || document.text.contains("privacy")
                || !document.text.contains("namespace:"),
            "{}",
            document.text
        );
    }
    let here = helm::template(&project("charts/carnet"), Given::NOTHING).expect("it renders");
    let there = helm::template(&project("charts/carnet"), given).expect("it renders");
    let mask = |text: &str, namespace: &str| -> Vec<String> {
        let digest = |line: &&str| !line.contains("carnet.dev/enforcement:");
        text.replace(namespace, "NS").lines().filter(digest).map(String::from).collect()
    };
    assert_eq!(mask(&here, "carnet-system"), mask(&there, "privacy"));
}
