//! The way from the API server to the operator.

use serde_json::Value;

use super::{Facts, Found};
use crate::{
    cli::facts::{CONFIGURATION, SERVICE, Trial},
    core::settings::Settings,
};

pub fn check(facts: &Facts, found: &mut Found) {
    let namespace = &facts.namespace;
    if found.known(&facts.live).is_none() {
        return;
    }
    let Some(configuration) = facts.configuration() else {
        found.broken(
            "WebhookMissing",
            format!(
                "there is no ValidatingWebhookConfiguration {CONFIGURATION}: no Pod is judged as it comes in"
            ),
            "apply what was installed again (helm upgrade, kubectl apply -k)",
        );
        return;
    };
    let webhooks = configuration.get("webhooks").and_then(Value::as_array);
    let mut by_service = false;
    for webhook in webhooks.into_iter().flatten() {
        let name = webhook.get("name").and_then(Value::as_str).unwrap_or_default();
        by_service |= target(namespace, name, webhook, found);
        selector(facts, name, webhook, found);
    }
    if !by_service || endpoints(facts, found) {
        way(facts, found);
    }
}

/// Whether Pods come in unjudged where the webhook is not reached.
pub fn fails_open(facts: &Facts) -> bool {
    let hooks = facts.configuration().and_then(|c| c.get("webhooks")?.as_array());
    hooks
        .into_iter()
        .flatten()
        .any(|hook| hook["name"] == "pods.carnet.dev" && hook["failurePolicy"] == "Ignore")
}

/// The way from the API server, as it was tried.
fn way(facts: &Facts, found: &mut Found) {
    match found.known(&facts.trial) {
        Some(Trial::NotReached(why)) => {
            let meanwhile = if fails_open(facts) {
                "Pods come in, and only what the backstop knows is refused"
            } else {
                "no Pod comes in"
            };
            let next = if why.contains("x509:") {
                format!(
                    "the caBundle of ValidatingWebhookConfiguration {CONFIGURATION} is not that of the replicas' certificates: the operator writes it, or cert-manager, and the log of the one that should says why not"
                )
            } else {
                "let the API server reach port 9443 of the operator's Pods: look at firewalls between control plane and nodes, NetworkPolicies, and the network plugin".into()
            };
            found.broken(
                "WebhookNotReached",
                format!("the API server does not reach the webhook, so that {meanwhile}: {why}"),
                next,
            );
        }
        Some(Trial::NotAsked) => found.broken(
            "WebhookNotAsked",
            "the API server did not ask the webhook about a Party that cannot be (a dry run)",
            "apply what was installed again (helm upgrade, kubectl apply -k)",
        ),
        // A right that only reads does not have this one, and what it cannot try is no reason to distrust the rest.
        Some(Trial::NotAllowed) => found.notice(
            "WebhookNotTried",
            "whether the API server reaches the webhook was not tried: you may not create parties, and it is tried by a dry run of one",
            "have somebody run `kubectl carnet doctor` who may",
        ),
        Some(Trial::Answered | Trial::NotMade) | None => {}
    }
}

/// Whether it calls our Service; elsewhere is a finding.
fn target(own: &str, name: &str, webhook: &Value, found: &mut Found) -> bool {
    let text =
        |field: &str| webhook.pointer(&format!("/clientConfig/service/{field}")).and_then(Value::as_str);
    match (text("namespace"), text("name")) {
        (Some(namespace), Some(service)) if (namespace, service) == (own, SERVICE) => true,
        (Some(namespace), Some(service)) => {
            found.broken(
                "WebhookElsewhere",
                format!("webhook {name} calls Service {namespace}/{service}, and the operator is behind {own}/{SERVICE}"),
                "a cluster has one Carnet: uninstall one of the two, then apply what was installed again",
            );
            false
        }
        _ => false,
    }
}

/// Namespaces that the webhook leaves out, against those that the operator does not judge.
fn selector(facts: &Facts, name: &str, webhook: &Value, found: &mut Found) {
    let mut left_out: Vec<String> = webhook
        .pointer("/namespaceSelector/matchExpressions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|e| e["key"] == "kubernetes.io/metadata.name" && e["operator"] == "NotIn")
        .flat_map(|e| e["values"].as_array().cloned().unwrap_or_default())
        .filter_map(|value| value.as_str().map(Into::into))
        .collect();
    // Declared objects are judged everywhere.
    if left_out.is_empty() && name.starts_with("validate.") {
        return;
    }
    let mut exempt: Vec<String> = if let Some(report) = facts.reports().next() {
        report.exempt_namespaces.clone()
    } else {
        if !matches!(facts.deployment, Ok(Some(_))) {
            return;
        }
        let flag = facts.flag("--exempt-namespaces").map(|text| {
            text.split(',').map(|n| n.trim().to_owned()).filter(|n| !n.is_empty()).collect::<Vec<_>>()
        });
        let mut all = flag.unwrap_or_else(|| {
            let default = Settings::default();
            default.exempt.into_iter().filter(|n| *n != default.own_namespace).collect()
        });
        all.push(facts.namespace.clone());
        all
    };
    left_out.sort();
    exempt.sort();
    exempt.dedup();
    if left_out != exempt {
        found.warning(
            "ExemptNamespacesDiffer",
            format!(
                "webhook {name} leaves out the namespaces {}, and the operator does not judge {}",
                listed(&left_out),
                listed(&exempt)
            ),
            "set transfers.exemptNamespaces of the chart, which writes both, and apply it again",
        );
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "(none)".into() } else { names.join(", ") }
}

/// Whether there may be a replica to ask; none is a finding.
fn endpoints(facts: &Facts, found: &mut Found) -> bool {
    let namespace = &facts.namespace;
    if let Some(None) = found.known(&facts.service) {
        found.broken(
            "ServiceMissing",
            format!("there is no Service {namespace}/{SERVICE}: the API server cannot ask the operator"),
            "apply what was installed again (helm upgrade, kubectl apply -k)",
        );
        return false;
    }
    let Some(slices) = found.known(&facts.slices) else { return true };
    let ready = slices
        .iter()
        .flat_map(|slice| slice.endpoints.iter().flatten())
        .filter(|endpoint| endpoint.conditions.as_ref().is_none_or(|c| c.ready != Some(false)))
        .count();
    if ready == 0 {
        found.broken(
            "NoEndpoints",
            format!("Service {namespace}/{SERVICE} has no ready endpoint: no replica answers the API server"),
            format!("see why the operator's Pods are not ready, and that they match the Service's selector: `kubectl -n {namespace} describe service {SERVICE}`"),
        );
    }
    ready > 0
}
