//! Where deletion Jobs may run: what the operator is told, and what the namespaces allow.

use std::collections::BTreeSet;

use kube::ResourceExt;

use super::{Facts, Found};

pub fn check(facts: &Facts, found: &mut Found) {
    let told: BTreeSet<String> = match facts.reports().next() {
        Some(report) => report.erasure_namespaces.iter().cloned().collect(),
        None if matches!(facts.deployment, Ok(Some(_))) => facts
            .flag("--erasure-namespaces")
            .unwrap_or_default()
            .split(',')
            .map(|n| n.trim().to_owned())
            .filter(|n| !n.is_empty())
            .collect(),
        None => return,
    };
    let Some(bindings) = found.known(&facts.erasure_bindings) else { return };
    let allowed: BTreeSet<String> = bindings
        .iter()
        .filter(|b| {
            let mut subjects = b.subjects.iter().flatten();
            subjects.any(|s| s.name == "carnet-operator" && s.namespace.as_deref() == Some(&facts.namespace))
        })
        .filter_map(ResourceExt::namespace)
        .collect();
    let exists: Option<BTreeSet<String>> =
        found.known(&facts.namespaces).map(|all| all.iter().map(ResourceExt::name_any).collect());
    for namespace in told.difference(&allowed) {
        if exists.as_ref().is_some_and(|all| !all.contains(namespace)) {
            found.warning(
                "ErasureNamespaceMissing",
                format!("the operator may erase from namespace {namespace}, which does not exist"),
                "create it, or take it out of erasure.namespaces",
            );
        } else {
            found.broken(
                "ErasureNotAllowed",
                format!("the operator is told to erase from namespace {namespace}, and has no right to start Jobs there: nothing is deleted"),
                "add it to erasure.namespaces of the chart, which writes both, or apply deploy/opt-in to the namespace",
            );
        }
    }
    for namespace in allowed.difference(&told) {
        found.warning(
            "ErasureNotTold",
            format!("namespace {namespace} allows deletion Jobs (RoleBinding carnet-erasure), and the operator is not told so: nothing is deleted there"),
            "add it to erasure.namespaces (--erasure-namespaces), or remove the RoleBinding carnet-erasure from the namespace",
        );
    }
}
