//! What the downward API hands to a container: annotations and labels of the Pod itself, which are literals like any other.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Container, EnvVar, ObjectFieldSelector, PodSpec};

use crate::core::selector::Labels;

const ANNOTATIONS: &str = "metadata.annotations";
const LABELS: &str = "metadata.labels";

/// The texts at a field path. A name, a uid or an address of the Pod itself is none that a store could have.
pub(super) fn texts<'a>(
    path: &'a str,
    annotations: &'a BTreeMap<String, String>,
    labels: &'a Labels,
) -> Vec<&'a str> {
    let (field, key) = subscripted(path);
    let of = match field {
        ANNOTATIONS => annotations,
        LABELS => labels,
        _ => return vec![],
    };
    match key {
        Some(key) => of.get(key).map(String::as_str).into_iter().collect(),
        None => of.values().map(String::as_str).collect(),
    }
}

/// `metadata.annotations['key']` as Kubernetes takes it apart (`SplitMaybeSubscriptedPath` in `pkg/fieldpath`).
fn subscripted(path: &str) -> (&str, Option<&str>) {
    let split = path.strip_suffix("']").and_then(|rest| rest.split_once("['"));
    split.filter(|(field, _)| !field.is_empty()).map_or((path, None), |(field, key)| (field, Some(key)))
}

/// Annotations that a Pod's containers are handed, by its spec.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handed {
    /// Every one.
    all: bool,
    named: BTreeSet<String>,
}

impl Handed {
    /// By this spec.
    pub fn of(spec: &PodSpec) -> Self {
        let mut handed = Self::default();
        let containers = spec.init_containers.iter().flatten().chain(&spec.containers);
        let env = containers.flat_map(|Container { env, .. }| env.iter().flatten());
        let debuggers = spec.ephemeral_containers.iter().flatten().flat_map(|c| c.env.iter().flatten());
        for EnvVar { value_from, .. } in env.chain(debuggers) {
            handed.add(value_from.as_ref().and_then(|from| from.field_ref.as_ref()));
        }
        for volume in spec.volumes.iter().flatten() {
            let own = volume.downward_api.iter().flat_map(|source| source.items.iter().flatten());
            let sources = volume.projected.iter().flat_map(|source| source.sources.iter().flatten());
            let projected = sources
                .filter_map(|source| source.downward_api.as_ref())
                .flat_map(|source| source.items.iter().flatten());
            for file in own.chain(projected) {
                handed.add(file.field_ref.as_ref());
            }
        }
        handed
    }

    /// Whether an annotation is among them.
    pub fn has(&self, annotation: &str) -> bool {
        self.all || self.named.contains(annotation)
    }

    fn add(&mut self, field: Option<&ObjectFieldSelector>) {
        match field.map(|field| subscripted(&field.field_path)) {
            Some((ANNOTATIONS, Some(key))) => drop(self.named.insert(key.to_owned())),
            Some((ANNOTATIONS, None)) => self.all = true,
            Some(_) | None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_leads_to_one_annotation_to_all_of_them_or_to_nothing_of_a_store() {
        let annotations: BTreeMap<String, String> =
            [("example.com/dsn".to_owned(), "db".to_owned()), ("other".to_owned(), "x".to_owned())].into();
        let labels: Labels = [("tier".to_owned(), "front".to_owned())].into();
        let at = |path| texts(path, &annotations, &labels);
        assert_eq!(at("metadata.annotations['example.com/dsn']"), ["db"]);
        assert_eq!(at("metadata.annotations"), ["db", "x"]);
        assert_eq!(at("metadata.labels['tier']"), ["front"]);
        for nothing in
            ["metadata.annotations['no']", "metadata.name", "status.podIP", "['x']", "metadata.annotations['"]
        {
            assert!(at(nothing).is_empty(), "{nothing}");
        }
    }

    #[test]
    fn what_is_kept_of_a_pod_is_what_any_of_its_containers_or_volumes_is_handed() {
        let of = |spec: serde_json::Value| Handed::of(&serde_json::from_value(spec).unwrap());
        let env = |path: &str| json!([{"name": "c", "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": path}}}]}]);
        let one = "metadata.annotations['a']";
        for containers in ["containers", "initContainers", "ephemeralContainers"] {
            let mut spec = json!({"containers": []});
            spec[containers] = env(one);
            let handed = of(spec);
            assert!(handed.has("a") && !handed.has("b"), "{containers}");
        }
        let file = |path: &str| json!({"items": [{"path": "f", "fieldRef": {"fieldPath": path}}]});
        for volume in [
            json!({"name": "v", "downwardAPI": file("metadata.annotations")}),
            json!({"name": "v", "projected": {"sources": [{"downwardAPI": file("metadata.annotations")}]}}),
        ] {
            assert!(of(json!({"containers": [], "volumes": [volume]})).has("any"));
        }
        assert_eq!(of(json!({"containers": env("metadata.labels['a']")})), Handed::default());
    }
}
