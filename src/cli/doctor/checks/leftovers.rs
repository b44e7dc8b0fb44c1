//! What another installation or another release left behind.

use kube::ResourceExt;

use super::{Facts, Found, some};
use crate::{cli::facts::CONFIGURATION, enforcement::Kind};

pub fn check(facts: &Facts, found: &mut Found) {
    for other in found.known(&facts.other_deployments).into_iter().flatten() {
        let namespace = other.namespace().unwrap_or_default();
        found.warning(
            "SecondInstallation",
            format!("there is a second Carnet in namespace {namespace}: it does nothing, or both do"),
            format!("a cluster has one: uninstall it (helm uninstall, or `kubectl -n {namespace} delete deployment carnet-operator`)"),
        );
    }
    let (Ok(Some(installed)), Ok(live)) = (&facts.installed, &facts.live) else { return };
    let left: Vec<String> = live
        .keys()
        .filter(|id| id.kind != Kind::ValidatingWebhookConfiguration && !installed.names(id))
        .filter(|id| {
            // Without --mixed-placement Steer nobody keeps its bundle, and its calls fail.
            let steers = id.kind == Kind::MutatingWebhookConfiguration && id.name == CONFIGURATION;
            steers || id.name.ends_with(".carnet.dev")
        })
        .map(|id| format!("{} {}", id.kind, id.name))
        .collect();
    if !left.is_empty() {
        found.warning(
            "LeftoverPolicies",
            format!("{} belong to no release that is installed, and still refuse", some(&left)),
            "delete them once you know that nobody wrote them on purpose",
        );
    }
}
