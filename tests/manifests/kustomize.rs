//! The same by Kustomize: each overlay and component is the chart with the values beside it.

use std::{collections::BTreeMap, fs, path::Path};

use expect_test::expect_file;
use serde_json::Value;

use crate::{
    helm::{self, Given},
    yaml::{copy, project, text},
};

fn by_name(objects: Vec<Value>) -> BTreeMap<String, Value> {
    let key = |o: &Value| {
        let of = |p: &str| text(o, p).to_owned();
        format!("{} {} {}", of("/kind"), of("/metadata/namespace"), of("/metadata/name"))
    };
    objects.into_iter().map(|o| (key(&o), o)).collect()
}

fn build(directory: &Path) -> BTreeMap<String, Value> {
    let mut kubectl = helm::program("kubectl");
    let built = helm::run(kubectl.arg("kustomize").arg(directory)).unwrap_or_else(|e| panic!("{e}"));
    let mut all = by_name(helm::parse(&built));
    // The one object that the chart leaves to who installs it.
    assert!(all.remove("Namespace  carnet-system").is_some(), "{}", directory.display());
    all
}

fn same(built: &BTreeMap<String, Value>, values: &[&str]) {
    let rendered = by_name(helm::objects(Given { values, ..Given::NOTHING }));
    assert_eq!(built.keys().collect::<Vec<_>>(), rendered.keys().collect::<Vec<_>>(), "{values:?}");
    for (name, object) in built {
        let different = difference("", object, &rendered[name]);
        assert!(different.is_none(), "{name} with {values:?}: {}", different.unwrap_or_default());
    }
}

/// Where two objects differ first; they are too long to be printed.
fn difference(path: &str, left: &Value, right: &Value) -> Option<String> {
    match (left, right) {
        (Value::Object(l), Value::Object(r)) if l.keys().eq(r.keys()) => {
            l.iter().find_map(|(name, value)| difference(&format!("{path}.{name}"), value, &r[name]))
        }
        (Value::Array(l), Value::Array(r)) if l.len() == r.len() => {
            let mut pairs = l.iter().zip(r).enumerate();
            pairs.find_map(|(number, (l, r))| difference(&format!("{path}[{number}]"), l, r))
        }
        // Kustomize writes 1e7 as a whole number.
        (Value::Number(l), Value::Number(r)) if l.as_f64() == r.as_f64() => None,
        _ => (left != right).then(|| format!("{path}: {left} is not {right}")),
    }
}

/// Builds the base with components, as a user's own kustomization would name them; on a copy, for the tree stays as it is.
fn with(components: &[&str]) -> BTreeMap<String, Value> {
    let directory = tempfile::tempdir().expect("a directory");
    copy(&project("deploy"), directory.path());
    let list: String = components.iter().map(|c| format!("- ../components/{c}\n")).collect();
    let file = format!(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n- ../base\ncomponents:\n{list}"
    );
    let own = directory.path().join("own");
    fs::create_dir(&own).expect("a writable directory");
    fs::write(own.join("kustomization.yaml"), file).expect("a writable directory");
    build(&own)
}

#[test]
fn the_default_is_the_chart_with_its_defaults() {
    same(&build(&project("deploy")), &[]);
}

#[test]
fn an_overlay_is_the_chart_with_its_values() {
    for overlay in ["audit", "enforce"] {
        let values = format!("{overlay}-values.yaml");
        same(&build(&project("deploy/overlays").join(overlay)), &[values.as_str()]);
    }
}

#[test]
fn a_component_is_the_chart_with_its_values() {
    for component in ["ha", "monitoring", "cert-manager"] {
        let values = format!("{component}-values.yaml");
        same(&with(&[component]), &[values.as_str()]);
    }
}

#[test]
fn components_go_together() {
    let values = ["ha-values.yaml", "monitoring-values.yaml", "cert-manager-values.yaml"];
    same(&with(&["ha", "monitoring", "cert-manager"]), &values);
}

#[test]
fn what_components_add_is_rendered_from_the_chart() {
    for (component, values, sources, file) in [
        ("monitoring", "monitoring-values.yaml", "monitoring/", "monitoring.yaml"),
        ("cert-manager", "cert-manager-values.yaml", "operator/certificates.yaml", "certificates.yaml"),
    ] {
        let documents = helm::documents(Given { values: &[values], ..Given::NOTHING });
        let added: Vec<String> =
            documents.into_iter().filter(|d| d.source.starts_with(sources)).map(|d| d.text).collect();
        let text = format!(
            "# Rendered from charts/carnet by `make generate`: change it there.\n{}",
            added.join("---\n")
        );
        expect_file![project("deploy/components").join(component).join(file)].assert_eq(&text);
    }
}
