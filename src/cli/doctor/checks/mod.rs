//! The checks, each over the facts alone.

mod backstop;
mod certificates;
mod declared;
mod definitions;
mod enforcement;
mod erasure;
mod leader;
mod leftovers;
mod nodes;
mod operator;
mod replicas;
mod webhook;

use super::{Facts, Found};

/// A check.
type Check = fn(&Facts, &mut Found);

/// In the order in which one thing stands on another.
const ALL: &[Check] = &[
    definitions::check,
    operator::check,
    webhook::check,
    backstop::check,
    enforcement::check,
    certificates::check,
    leader::check,
    replicas::check,
    erasure::check,
    declared::check,
    nodes::check,
    leftovers::check,
];

/// Everything that is wrong, the worst first; within one severity in the order of the checks.
pub fn all(facts: &Facts) -> Found {
    let mut found = Found::default();
    for check in ALL {
        check(facts, &mut found);
    }
    found.findings.sort_by_key(|finding| finding.severity);
    found.unknown.sort();
    found.unknown.dedup();
    found
}

/// Names, the first few of them.
fn some(names: &[String]) -> String {
    const NAMED: usize = 5;
    let first = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// The condition of this type, as (status, message).
fn condition<'a>(
    conditions: &'a [k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition],
    kind: &str,
) -> Option<(&'a str, &'a str)> {
    conditions.iter().find(|c| c.type_ == kind).map(|c| (c.status.as_str(), c.message.as_str()))
}
