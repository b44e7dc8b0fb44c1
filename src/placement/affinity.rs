//! Whether a node matches what a Pod requires, with the scheduler's meaning.

use k8s_openapi::api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm, PodSpec};

use crate::core::snapshot::Node;

/// Whether selector and required affinity admit the node.
pub(super) fn admits(spec: &PodSpec, node: &Node) -> bool {
    let selected = spec.node_selector.iter().flatten().all(|(k, v)| node.labels.get(k) == Some(v));
    let required = spec
        .affinity
        .as_ref()
        .and_then(|a| a.node_affinity.as_ref())
        .and_then(|a| a.required_during_scheduling_ignored_during_execution.as_ref());
    selected && required.is_none_or(|r| r.node_selector_terms.iter().any(|t| term(t, node)))
}

fn term(term: &NodeSelectorTerm, node: &Node) -> bool {
    let NodeSelectorTerm { match_expressions, match_fields } = term;
    let mut any = false;
    let expressions = match_expressions.iter().flatten().all(|r| {
        any = true;
        holds(r, node.labels.get(&r.key).map(String::as_str))
    });
    let fields = match_fields.iter().flatten().all(|r| {
        any = true;
        // The scheduler knows no other field.
        r.key != "metadata.name" || holds(r, Some(&node.name))
    });
    // A term without requirements matches no node.
    any && expressions && fields
}

fn holds(requirement: &NodeSelectorRequirement, value: Option<&str>) -> bool {
    let values = requirement.values.as_deref().unwrap_or_default();
    let among = |v: &str| values.iter().any(|x| x == v);
    let number = |text: Option<&str>| text.and_then(|t| t.parse::<i64>().ok());
    let bound = number(values.first().map(String::as_str));
    match requirement.operator.as_str() {
        "In" => value.is_some_and(among),
        "NotIn" => !value.is_some_and(among),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => matches!((number(value), bound), (Some(v), Some(b)) if v > b),
        "Lt" => matches!((number(value), bound), (Some(v), Some(b)) if v < b),
        // The API server admits no other; if it ever does, no node may be overlooked.
        _ => true,
    }
}
