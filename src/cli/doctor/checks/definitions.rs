//! Our kinds: there, taken up, and of our version.

use kube::ResourceExt;
use serde_json::Value;

use super::{Facts, Found, some};
use crate::api::v1alpha1::crds;

pub fn check(facts: &Facts, found: &mut Found) {
    let Some(live) = found.known(&facts.crds) else { return };
    let (mut missing, mut other, mut not_served) = (vec![], vec![], vec![]);
    for wanted in crds() {
        let name = wanted.name_any();
        let Some(there) = live.iter().find(|crd| crd.name_any() == name) else {
            missing.push(name);
            continue;
        };
        let established = there.status.iter().flat_map(|s| s.conditions.iter().flatten());
        if !established.clone().any(|c| c.type_ == "Established" && c.status == "True") {
            not_served.push(name);
        } else if schemas(&wanted) != schemas(there) {
            other.push(name);
        }
    }
    if !missing.is_empty() {
        found.broken(
            "DefinitionsMissing",
            format!("the cluster does not know these kinds of ours: {}", some(&missing)),
            "install them: `carnet-operator crds | kubectl apply --server-side -f -`, or the chart with crds.enabled=true",
        );
    }
    if !not_served.is_empty() {
        found.broken(
            "DefinitionsNotServed",
            format!("the API server does not serve {}", some(&not_served)),
            format!("read why: `kubectl describe crd {}`", not_served[0]),
        );
    }
    if !other.is_empty() {
        found.warning(
            "DefinitionsOfOtherVersion",
            format!(
                "{} are not as in {} of this kubectl-carnet: fields are dropped or not checked",
                some(&other),
                env!("CARGO_PKG_VERSION")
            ),
            "bring kubectl-carnet, operator and definitions to one version (definitions first: `carnet-operator crds | kubectl apply --server-side -f -`)",
        );
    }
}

/// What is checked of an object, by version.
fn schemas(
    crd: &k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
) -> Vec<(String, Value)> {
    let mut all: Vec<_> = crd
        .spec
        .versions
        .iter()
        .map(|version| (version.name.clone(), serde_json::to_value(&version.schema).unwrap_or_default()))
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}
