//! What the API server enforces, against what was installed.

use super::{Facts, Found};
use crate::{
    cli::facts::{CONFIGURATION, INSTALLED},
    enforcement::{Deviation, compare},
    platform::status::EnforcementState,
};

const NEXT: &str = "find out who changed it (audit log), then apply what was installed again (helm upgrade, kubectl apply -k); the operator never restores it";

pub fn check(facts: &Facts, found: &mut Found) {
    let (name, namespace) = (INSTALLED.0, &facts.namespace);
    let (Some(installed), Some(live)) = (found.known(&facts.installed), found.known(&facts.live)) else {
        return;
    };
    let deviations = if let Some(expected) = installed {
        let signed_by = facts.reports().find_map(|r| r.certificates.as_ref()?.signed_by.clone());
        compare(expected, live, signed_by.as_deref())
    } else {
        let reported = facts.reports().find(|r| r.enforcement.state == EnforcementState::Changed);
        if reported.is_none() {
            found.notice(
                    "EnforcementNotWatched",
                    format!("there is no ConfigMap {namespace}/{name}: whether policies and webhook were edited is not known"),
                    "install by the chart, or write it from the manifests that were applied",
                );
        }
        reported.map(|r| r.enforcement.deviations.clone()).unwrap_or_default()
    };
    for deviation in &deviations {
        // A configuration that is missing or points elsewhere is spoken of by the check of the webhook.
        let said = deviation.name == CONFIGURATION && (deviation.is_missing() || is_service(deviation));
        if said {
            continue;
        }
        let code = if deviation.is_missing() {
            "EnforcementMissing"
        } else if deviation.field.as_ref().is_some_and(|f| f.ends_with(".clientConfig.caBundle")) {
            found.broken(
                "CaBundle",
                deviation.to_string(),
                format!("the operator writes it as it starts: see its log (`kubectl -n {namespace} logs deploy/carnet-operator`), or cert-manager's where that issues"),
            );
            continue;
        } else {
            "EnforcementChanged"
        };
        found.broken(code, deviation.to_string(), NEXT);
    }
    for report in facts.reports().filter(|r| r.enforcement.state == EnforcementState::Unknown) {
        found.warning(
            "EnforcementUnseen",
            format!(
                "replica {} does not see whether enforcement is intact: {}",
                report.replica,
                report.enforcement.why.as_deref().unwrap_or("it does not say why")
            ),
            "see that ClusterRole carnet-operator may get, list and watch validatingadmissionpolicies, validatingadmissionpolicybindings and validatingwebhookconfigurations",
        );
    }
}

fn is_service(deviation: &Deviation) -> bool {
    deviation.field.as_ref().is_some_and(|field| field.contains(".clientConfig.service."))
}
