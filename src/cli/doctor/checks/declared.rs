//! What people declared, as far as it needs a person.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;

use super::{Facts, Found, condition};
use crate::api::v1alpha1::RunPhase;

/// Longer than this, a run that waits for a person was forgotten.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(72);

pub fn check(facts: &Facts, found: &mut Found) {
    for party in found.known(&facts.parties).into_iter().flatten() {
        let it = Declared::of("Party", party, party.status.as_ref().map(|s| &s.conditions));
        it.check(found);
        it.contested(found);
    }
    for store in found.known(&facts.stores).into_iter().flatten() {
        Declared::of("DataStore", store, store.status.as_ref().map(|s| &s.conditions)).check(found);
    }
    for safeguard in found.known(&facts.safeguards).into_iter().flatten() {
        let conditions = safeguard.status.as_ref().map(|s| &s.conditions);
        let it = Declared::of("TransferSafeguard", safeguard, conditions);
        it.check(found);
        it.public_list(found);
    }
    for exception in found.known(&facts.exceptions).into_iter().flatten() {
        // One that has ended does nothing, and is kept to be read.
        if exception.spec.expires_at.0 > facts.now {
            let conditions = exception.status.as_ref().map(|s| &s.conditions);
            Declared::of("TransferException", exception, conditions).check(found);
        }
    }
    for policy in found.known(&facts.policies).into_iter().flatten() {
        let conditions = policy.status.as_ref().map(|s| &s.conditions);
        Declared::of("RetentionPolicy", policy, conditions).check(found);
    }
    for hold in found.known(&facts.holds).into_iter().flatten() {
        Declared::of("LegalHold", hold, hold.status.as_ref().map(|s| &s.conditions)).check(found);
    }
    waiting(facts, found);
}

/// A declared object, and what the operator says of it.
struct Declared<'a> {
    kind: &'static str,
    namespace: Option<String>,
    name: String,
    conditions: &'a [Condition],
}

impl<'a> Declared<'a> {
    fn of(kind: &'static str, object: &impl ResourceExt, conditions: Option<&'a Vec<Condition>>) -> Self {
        Self {
            kind,
            namespace: object.namespace(),
            name: object.name_any(),
            conditions: conditions.map_or(&[][..], Vec::as_slice),
        }
    }

    /// `DataStore identity/accounts`.
    fn says(&self) -> String {
        let place = self.namespace.iter().map(|n| format!("{n}/")).collect::<String>();
        format!("{} {place}{}", self.kind, self.name)
    }

    fn edit(&self) -> String {
        let flag = self.namespace.iter().map(|n| format!(" -n {n}")).collect::<String>();
        format!("`kubectl edit {}{flag} {}`", self.kind.to_lowercase(), self.name)
    }

    fn check(&self, found: &mut Found) {
        if let Some(("True", message)) = condition(self.conditions, "Stalled") {
            found.broken(
                "Unreadable",
                format!("{} cannot be used: {message}", self.says()),
                format!("mend its spec: {}", self.edit()),
            );
        } else if let Some(("False", message)) = condition(self.conditions, "ResolvedRefs") {
            found.warning(
                "NameNotFound",
                format!("{} names what does not exist: {message}", self.says()),
                format!("create what it names, or mend the name: {}", self.edit()),
            );
        }
    }

    /// What a certification claims and the public list does not say.
    fn public_list(&self, found: &mut Found) {
        if let Some(("False", message)) = condition(self.conditions, "PublicList") {
            found.warning(
                "PublicListDisagrees",
                format!("{} claims what the public list does not say: {message}", self.says()),
                format!(
                    "compare both with the public site: correct the safeguard ({}), or import a newer list (`kubectl carnet dpf import FILE`)",
                    self.edit()
                ),
            );
        }
    }

    fn contested(&self, found: &mut Found) {
        if let Some(("False", message)) = condition(self.conditions, "NamespacesUnique") {
            found.broken(
                "NamespaceContested",
                format!(
                    "{}: {message}; what runs there stands on no safeguard that names its importers",
                    self.says()
                ),
                format!("name the namespace in one Party alone: {}", self.edit()),
            );
        }
    }
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
