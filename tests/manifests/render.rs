//! `deploy/` is the chart with its defaults: `make generate` writes it, nobody else.

use std::{collections::BTreeMap, fs};

use expect_test::expect_file;
use serde_json::Value;

use crate::{
    helm::{self, Given, Rendered},
    yaml::{copy, files, list, project, text, texts},
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
    let masked = |namespace: &str| -> Vec<String> {
        let given = Given { namespace, ..Given::NOTHING };
        let all = helm::template(&project("charts/carnet"), given).unwrap_or_else(|e| panic!("{e}"));
        // A digest of the text, and comments, which may name the default.
        let compared =
            |line: &&str| !line.contains("carnet.dev/enforcement:") && !line.trim().starts_with('#');
        all.lines().filter(compared).map(|line| line.replace(namespace, "NAMESPACE")).collect()
    };
    let (here, there) = (masked(helm::NAMESPACE), masked("elsewhere-0"));
    for (here, there) in here.iter().zip(&there) {
        assert_eq!(here, there);
    }
    assert_eq!(here.len(), there.len());
}

#[test]
fn a_policy_is_written_for_the_defaults_and_rendered_for_the_release() {
    let chart = tempfile::tempdir().expect("a directory");
    copy(&project("charts/carnet"), chart.path());
    let policy = "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\n\
                  metadata: {name: tried.carnet.dev}\nspec:\n  variables:\n  - name: real\n    \
                  expression: >-\n      !request.?dryRun.orValue(false)\n  - name: other\n    expression: >-\n      \
                  'system:serviceaccount:carnet-system:carnet-operator' != ''\n  values: [kube-system, \
                  kube-node-lease, kube-public, carnet-system]\n";
    fs::write(chart.path().join("policies/99-tried.yaml"), policy).expect("a writable directory");
    let tried = |values: &[&str]| {
        let given = Given { namespace: "privacy", values };
        let all = helm::parse(&helm::template(chart.path(), given).unwrap_or_else(|e| panic!("{e}")));
        let is_it = |o: &Value| text(o, "/metadata/name") == "tried.carnet.dev";
        all.into_iter().find(is_it).expect("the policy")
    };
    let policy = tried(&["transfers.exemptNamespaces={kube-system,network}"]);
    assert_eq!(texts(&policy, "/spec/values"), ["kube-system", "network", "privacy"]);
    assert_eq!(text(&policy, "/spec/variables/0/expression"), "!request.?dryRun.orValue(false)");
    let other = text(&policy, "/spec/variables/1/expression");
    assert_eq!(other, "'system:serviceaccount:privacy:carnet-operator' != ''");
    let policy = tried(&["transfers.dryRunVerdicts=Deny"]);
    assert_eq!(text(&policy, "/spec/variables/0/expression"), "true");
    assert_eq!(text(&policy, "/spec/variables/1/expression"), other);
}

#[test]
fn whoever_is_exempt_is_exempt_everywhere() {
    let values = ["transfers.exemptNamespaces={kube-system,network}"];
    let exempt = ["kube-system", "network", helm::NAMESPACE];
    for object in helm::objects(Given { values: &values, ..Given::NOTHING }) {
        let kind = text(&object, "/kind").to_owned();
        let hooks = list(&object, "/webhooks").iter().map(|hook| &hook["namespaceSelector"]);
        for selector in hooks.chain([&object["spec"]["matchResources"]["namespaceSelector"]]) {
            for expression in list(selector, "/matchExpressions") {
                assert_eq!(texts(expression, "/values"), exempt, "{kind}");
            }
        }
        if kind == "Deployment" {
            let args = texts(&object, "/spec/template/spec/containers/0/args");
            assert!(args.contains(&"--exempt-namespaces=kube-system,network"), "{args:?}");
        }
    }
}
