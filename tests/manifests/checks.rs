//! What others have to say about the chart: helm, its unit tests, and the schemas of Kubernetes.

use std::fs;

use carnet::operator::config::Cli;
use clap::Parser;

use crate::{
    helm::{self, Given},
    yaml::{copy, project, text, texts},
};

/// Files of values with which the chart is looked at, beside its defaults.
const VALUES: [&str; 6] = [
    "audit-values.yaml",
    "enforce-values.yaml",
    "ha-values.yaml",
    "monitoring-values.yaml",
    "cert-manager-values.yaml",
    "everything-values.yaml",
];

fn each(mut look: impl FnMut(&str, &[&str])) {
    look("defaults", &[]);
    for file in VALUES {
        look(file, &[file]);
    }
}

#[test]
fn every_file_of_values_is_looked_at() {
    let mut there: Vec<String> = crate::yaml::files("charts/carnet/ci")
        .iter()
        .filter_map(|f| f.file_name().map(|n| n.to_string_lossy().into_owned()))
        .collect();
    there.sort();
    let mut known = VALUES.to_vec();
    known.sort_unstable();
    assert_eq!(there, known);
}

#[test]
fn helm_lint_has_nothing_to_say() {
    each(|name, values| {
        let mut lint = helm::program("helm");
        lint.args(["lint", "--strict", "--namespace", helm::NAMESPACE]).arg(project("charts/carnet"));
        for file in values {
            lint.arg("--values").arg(project("charts/carnet/ci").join(file));
        }
        let said = helm::run(&mut lint).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(!said.contains("[WARNING]") && !said.contains("[ERROR]"), "{name}: {said}");
    });
}

#[test]
fn the_chart_s_own_tests_pass() {
    let mut unittest = helm::program("untt");
    let said = helm::run(unittest.args(["--strict", "--color=false"]).arg(project("charts/carnet")));
    let said = said.unwrap_or_else(|e| panic!("{e}"));
    assert!(said.contains(" passed"), "no test was run: {said}");
}

#[test]
fn every_object_is_valid_by_the_schemas_of_kubernetes() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut validate = helm::program("kubernetes-validate");
    validate.args(["--strict", "--kubernetes-version", "1.37"]);
    let mut looked_at = 0;
    each(|name, values| {
        let mut helm = helm::program("helm");
        helm.args(["template", "carnet", "--namespace", helm::NAMESPACE]).arg(project("charts/carnet"));
        for file in values {
            helm.arg("--values").arg(project("charts/carnet/ci").join(file));
        }
        let file = directory.path().join(name).with_extension("yaml");
        fs::write(&file, helm::run(&mut helm).expect("it renders")).expect("a writable directory");
        validate.arg(&file);
        looked_at += 1;
    });
    let said = helm::run(&mut validate).unwrap_or_else(|said| panic!("{said}"));
    let deployments = said.lines().filter(|l| l.contains(" passed for resource deployment/carnet-operator "));
    assert_eq!(deployments.count(), looked_at, "{said}");
    // Of the kinds of others it has no schema, and says so; of nothing else.
    for line in said.lines().filter(|line| !line.starts_with("INFO ")) {
        let foreign = line.contains("cert-manager.io/") || line.contains("monitoring.coreos.com/");
        assert!(foreign && line.contains("Couldn't find schema"), "{line}");
    }
}

#[test]
fn every_flag_of_the_deployment_is_one_that_the_operator_takes() {
    each(|name, values| {
        for object in helm::objects(Given { values, ..Given::NOTHING }) {
            let kind = text(&object, "/kind");
            if kind == "Deployment" {
                let args = texts(&object, "/spec/template/spec/containers/0/args");
                let all = ["carnet-operator"].into_iter().chain(args.iter().copied());
                if let Err(error) = Cli::try_parse_from(all) {
                    panic!("{name}: {error}");
                }
            }
        }
    });
}

#[test]
fn the_test_s_pod_calls_the_operator_as_it_can_be_called() {
    let all = helm::run(helm::program("helm").args(["template", "carnet"]).arg(project("charts/carnet")));
    let objects = helm::parse(&all.expect("it renders"));
    let pod = objects.iter().find(|o| text(o, "/kind") == "Pod").expect("the test's Pod");
    let args = texts(pod, "/spec/containers/0/args");
    let all = ["carnet-operator"].into_iter().chain(args.iter().copied());
    assert!(Cli::try_parse_from(all).is_ok(), "{args:?}");
}

#[test]
fn as_a_part_of_another_chart_it_is_what_it_is_alone() {
    let parent = tempfile::tempdir().expect("a directory");
    let chart = "apiVersion: v2\nname: platform\nversion: 1.0.0\ndependencies:\n\
                 - {name: carnet, version: 0.1.0, condition: carnet.enabled}\n";
    let values = "global:\n  cattle: {systemDefaultRegistry: registry.example.com}\n  imagePullSecrets: [ours]\n\
                  carnet:\n  enabled: true\n  transfers: {mode: Enforce}\n";
    fs::write(parent.path().join("Chart.yaml"), chart).expect("a writable directory");
    fs::write(parent.path().join("values.yaml"), values).expect("a writable directory");
    copy(&project("charts/carnet"), &parent.path().join("charts/carnet"));
    let given = Given::NOTHING;
    let all = helm::template(parent.path(), given).unwrap_or_else(|e| panic!("{e}"));
    let as_part = helm::parse(&all);
    let alone = helm::objects(Given { values: &["transfers.mode=Enforce"], ..given });
    assert_eq!(as_part, alone);
    // The release's namespace is exempt, and here it is the whole platform's.
    let warning = "What else that chart puts into namespace carnet-system is not judged";
    assert!(helm::notes_of(parent.path(), &[]).contains(warning));
    let notes = helm::notes(&[]);
    assert!(!notes.contains(warning), "{notes}");
    assert!(
        notes.contains("Never judged are Pods in kube-system, kube-node-lease, kube-public, carnet-system.")
    );
    let off = fs::read_to_string(parent.path().join("values.yaml")).expect("readable");
    fs::write(parent.path().join("values.yaml"), off.replace("enabled: true", "enabled: false"))
        .expect("writable");
    assert!(helm::parse(&helm::template(parent.path(), given).unwrap_or_default()).is_empty());
}
