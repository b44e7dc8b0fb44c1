//! What is declared and is not well, and what of it could not be seen.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;

use super::{condition, findings};
use crate::cli::facts::Facts;

/// Findings, and why some are not known.
pub fn declared(facts: &Facts) -> (Vec<String>, Vec<String>) {
    let mut all = Declared::default();
    for party in all.known(&facts.parties) {
        let conditions = of(party.status.as_ref().map(|s| &s.conditions));
        all.usable("Party", party, conditions);
        if condition(conditions, "NamespacesUnique") == "False" {
            all.say("Party", party, "another Party runs the same namespaces, so nobody is taken to");
        }
    }
    for store in all.known(&facts.stores) {
        let conditions = of(store.status.as_ref().map(|s| &s.conditions));
        if condition(conditions, "NoViolation") == "False" {
            all.say("DataStore", store, "a declared rule is broken");
        }
        all.usable("DataStore", store, conditions);
    }
    for safeguard in all.known(&facts.safeguards) {
        let conditions = of(safeguard.status.as_ref().map(|s| &s.conditions));
        if condition(conditions, "Overdue") == "True" {
            all.say("TransferSafeguard", safeguard, "something that it stands on is overdue");
        }
        if condition(conditions, "PublicList") == "False" {
            all.say("TransferSafeguard", safeguard, "it claims what the public list does not say");
        }
        all.usable("TransferSafeguard", safeguard, conditions);
    }
    for exception in all.known(&facts.exceptions) {
        // One that has ended does nothing, and is kept to be read.
        if exception.spec.expires_at.0 > facts.now {
            let conditions = of(exception.status.as_ref().map(|s| &s.conditions));
            all.usable("TransferException", exception, conditions);
        }
    }
    for policy in all.known(&facts.policies) {
        let conditions = of(policy.status.as_ref().map(|s| &s.conditions));
        let found = findings(conditions).into_iter().filter(|f| f != "Held" && f != "Stalled");
        let found: Vec<String> = found.filter(|f| f != "not Ready").collect();
        if !found.is_empty() {
            all.say("RetentionPolicy", policy, &found.join(", "));
        }
        all.usable("RetentionPolicy", policy, conditions);
    }
    for hold in all.known(&facts.holds) {
        all.usable("LegalHold", hold, of(hold.status.as_ref().map(|s| &s.conditions)));
    }
    let left_out: i64 = all.known(&facts.backstops).iter().map(|(_, _, summary)| summary.left_out).sum();
    if left_out > 0 {
        let what = format!(
            "the backstop has no room for {left_out} stores or classes of namespaces: the webhook alone judges them"
        );
        all.findings.push(what);
    }
    (all.findings, all.unknown)
}

#[derive(Default)]
struct Declared {
    findings: Vec<String>,
    unknown: Vec<String>,
}

impl Declared {
    fn known<'a, T>(&mut self, asked: &'a Result<Vec<T>, String>) -> &'a [T] {
        match asked {
            Ok(all) => all,
            Err(why) => {
                self.unknown.push(why.clone());
                &[]
            }
        }
    }

    fn say(&mut self, kind: &str, object: &impl ResourceExt, what: &str) {
        let place = object.namespace().map(|namespace| format!("{namespace}/")).unwrap_or_default();
        self.findings.push(format!("{kind} {place}{}: {what}", object.name_any()));
    }

    /// What every kind has.
    fn usable(&mut self, kind: &str, object: &impl ResourceExt, conditions: &[Condition]) {
        if condition(conditions, "Stalled") == "True" {
            self.say(kind, object, "it cannot be used: a person must mend it");
        } else if condition(conditions, "Ready") == "False" {
            self.say(kind, object, "it is not Ready");
        }
        if condition(conditions, "ResolvedRefs") == "False" {
            self.say(kind, object, "it names what does not exist");
        }
    }
}

fn of(conditions: Option<&Vec<Condition>>) -> &[Condition] {
    conditions.map_or(&[][..], Vec::as_slice)
}
