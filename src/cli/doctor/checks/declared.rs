//! What people declared, as far as it needs a person.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;

use super::{Facts, Found, condition};
use crate::api::v1alpha1::RunPhase;

/// Longer than this, a run that waits for a person was forgotten.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(72);

pub fn check(facts: &Facts, found: &mut Found) {
    for store in found.known(&facts.stores).into_iter().flatten() {
        let conditions = store.status.as_ref().map_or(&[][..], |s| &s.conditions);
        stalled("DataStore", "datastore", store, conditions, found);
    }
    for policy in found.known(&facts.policies).into_iter().flatten() {
        let conditions = policy.status.as_ref().map_or(&[][..], |s| &s.conditions);
        stalled("RetentionPolicy", "retentionpolicy", policy, conditions, found);
    }
    for safeguard in found.known(&facts.safeguards).into_iter().flatten() {
        let conditions = safeguard.status.as_ref().map_or(&[][..], |s| &s.conditions);
        stalled("TransferSafeguard", "transfersafeguard", safeguard, conditions, found);
    }
    for hold in found.known(&facts.holds).into_iter().flatten() {
        let conditions = hold.status.as_ref().map_or(&[][..], |s| &s.conditions);
        stalled("LegalHold", "legalhold", hold, conditions, found);
    }
    waiting(facts, found);
}

fn stalled(
    kind: &str,
    resource: &str,
    object: &impl ResourceExt,
    conditions: &[Condition],
    found: &mut Found,
) {
    let Some(("True", message)) = condition(conditions, "Stalled") else { return };
    let place = object.namespace().map(|n| format!("{n}/")).unwrap_or_default();
    let flag = object.namespace().map(|n| format!(" -n {n}")).unwrap_or_default();
    let name = object.name_any();
    found.broken(
        "Unreadable",
        format!("{kind} {place}{name} cannot be used: {message}"),
        format!("mend its spec: `kubectl edit {resource}{flag} {name}`"),
    );
}

fn waiting(facts: &Facts, found: &mut Found) {
    for run in found.known(&facts.runs).into_iter().flatten() {
        let waits = run.status.as_ref().is_some_and(|s| s.phase == RunPhase::AwaitingApproval);
        let since: Option<Timestamp> = run.spec.decided_at.parse().ok();
        let Some(since) = since.filter(|at| waits && facts.now.duration_since(*at) > FORGOTTEN) else {
            continue;
        };
        let (namespace, name) = (run.namespace().unwrap_or_default(), run.name_any());
        let days = facts.now.duration_since(since).as_hours() / 24;
        found.warning(
            "ApprovalOverdue",
            format!("DeletionRun {namespace}/{name} has waited for approval for {days} days, and what is due is kept"),
            format!("look at its plan: `kubectl carnet approve -n {namespace} {name}`"),
        );
    }
}
