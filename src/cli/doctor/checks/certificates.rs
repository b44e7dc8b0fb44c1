//! What the API server believes, and what replicas serve by.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Facts, Found};
use crate::{cli::certificates::bundle_ends, enforcement::pem_of};

/// Nearer than this, rotation should have happened long ago.
pub const SOON: SignedDuration = SignedDuration::from_hours(7 * 24);

pub fn check(facts: &Facts, found: &mut Found) {
    bundle(facts, found);
    for report in facts.reports() {
        let Some(certificates) = &report.certificates else { continue };
        let replica = &report.replica;
        if let Some(problem) = &certificates.problem {
            found.warning(
                "CertificateProblem",
                format!("replica {replica}: {problem}"),
                format!("read its log: `kubectl -n {} logs {replica}`", facts.namespace),
            );
        }
        let leaf = certificates.leaf_ends.as_deref().map(|end| ("certificate", end));
        let authority = certificates.authority_ends.as_deref().map(|end| ("authority", end));
        for (what, end) in leaf.into_iter().chain(authority) {
            let Ok(end) = end.parse::<Timestamp>() else { continue };
            near(facts, end, &format!("the {what} of replica {replica}"), found);
        }
    }
}

fn bundle(facts: &Facts, found: &mut Found) {
    let webhooks = facts.configuration().and_then(|c| c.get("webhooks")?.as_array());
    for webhook in webhooks.into_iter().flatten() {
        let name = webhook.get("name").and_then(Value::as_str).unwrap_or_default();
        let pem = webhook.pointer("/clientConfig/caBundle").and_then(pem_of);
        let ends = pem.as_deref().map(bundle_ends).unwrap_or_default();
        let Some(last) = ends.iter().max() else {
            // What was installed is compared elsewhere; without it nobody else would say this.
            if !matches!(facts.installed, Ok(Some(_))) {
                found.broken(
                    "CaBundle",
                    format!("webhook {name} has no caBundle with a certificate: the API server believes no replica"),
                    format!("see the operator's log: `kubectl -n {} logs deploy/carnet-operator`", facts.namespace),
                );
            }
            continue;
        };
        near(facts, *last, &format!("every authority in the caBundle of webhook {name}"), found);
    }
}

fn near(facts: &Facts, end: Timestamp, what: &str, found: &mut Found) {
    let next = format!(
        "the operator renews by itself: see its log (`kubectl -n {} logs deploy/carnet-operator`), or cert-manager's where that issues",
        facts.namespace
    );
    if end <= facts.now {
        found.broken("CertificateExpired", format!("{what} ended at {end}"), next);
    } else if end.duration_since(facts.now) < SOON {
        found.warning("CertificateNearEnd", format!("{what} ends at {end}"), next);
    }
}
