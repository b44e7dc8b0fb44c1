//! The settings for Argo CD: a key for each of our kinds, beside whatever else a site has set.

use std::{collections::BTreeSet, fs};

use carnet::api::v1alpha1::crds;
use serde_json::Value;

use crate::{
    helm,
    yaml::{documents, project, text},
};

const FILE: &str = "deploy/argocd/argocd-cm.yaml";
const KEY: &str = "resource.customizations.health.carnet.dev_";

fn data(map: &Value) -> &serde_json::Map<String, Value> {
    map["data"].as_object().expect("data")
}

#[test]
fn argo_cd_is_told_of_the_health_of_every_kind_and_of_nothing_else() {
    let map = documents(&project(FILE)).remove(0);
    let told: BTreeSet<String> = data(&map).keys().cloned().collect();
    let kinds: BTreeSet<String> =
        crds().into_iter().map(|crd| format!("{KEY}{}", crd.spec.names.kind)).collect();
    assert_eq!(told, kinds);
    // What is written once and referred to is said of each.
    for (key, lua) in data(&map) {
        assert!(lua.as_str().is_some_and(|lua| lua.contains("return")), "{key}: {lua}");
    }
}

#[test]
fn merged_as_it_says_it_leaves_what_a_site_has_set() {
    let directory = tempfile::tempdir().expect("a directory");
    let (site, before) =
        (directory.path().join("site.yaml"), "cert-manager.io/*:\n  health.lua: return {}\n");
    let own = serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "argocd-cm", "namespace": "argocd"},
        "data": {"resource.customizations": before, "url": "https://argocd.example.com"}});
    fs::write(&site, own.to_string()).expect("a writable directory");
    let mut patch = helm::program("kubectl");
    patch.args(["patch", "--local", "--type", "merge", "-o", "yaml", "-f"]).arg(&site);
    let merged = helm::run(patch.arg("--patch-file").arg(project(FILE))).unwrap_or_else(|e| panic!("{e}"));
    let merged = helm::parse(&merged).remove(0);
    assert_eq!(text(&merged, "/data/resource.customizations"), before);
    assert_eq!(text(&merged, "/data/url"), "https://argocd.example.com");
    assert_eq!(data(&merged).len(), 2 + crds().len());
    let shipped = documents(&project(FILE)).remove(0);
    for (key, lua) in data(&shipped) {
        assert_eq!(&data(&merged)[key], lua, "{key}");
    }
}
