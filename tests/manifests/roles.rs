//! What people may do: what the cluster's own roles gain by aggregation, and what the privacy officer has alone.

use std::collections::BTreeSet;

use carnet::api::v1alpha1::crds;
use serde_json::Value;

use crate::{
    helm::{self, Given},
    yaml::{list, text, texts},
};

/// What the privacy officer alone writes.
const OFFICERS: [&str; 6] = [
    "parties",
    "transfersafeguards",
    "transferexceptions",
    "dataprivacyframeworksnapshots",
    "legalholds",
    "deletionapprovals",
];

fn roles(values: &[&str]) -> Vec<Value> {
    let all = helm::objects(Given { values, ..Given::NOTHING });
    all.into_iter().filter(|o| text(o, "/kind") == "ClusterRole").collect()
}

/// `resource verb` of every rule.
fn may(roles: &[&Value]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for rule in roles.iter().flat_map(|role| list(role, "/rules")) {
        for resource in texts(rule, "/resources") {
            all.extend(texts(rule, "/verbs").iter().map(|verb| format!("{resource} {verb}")));
        }
    }
    all
}

/// What the aggregating controller adds to `view`, `edit` or `admin`.
fn aggregated(roles: &[Value], to: &str) -> BTreeSet<String> {
    let label = format!("/metadata/labels/rbac.authorization.k8s.io~1aggregate-to-{to}");
    may(&roles.iter().filter(|role| text(role, &label) == "true").collect::<Vec<_>>())
}

#[test]
fn the_cluster_s_own_roles_gain_nothing_of_the_privacy_officer_s() {
    let roles = roles(&[]);
    for to in ["view", "edit", "admin"] {
        let gained = aggregated(&roles, to);
        assert!(gained.contains("datastores get"), "{to}: {gained:?}");
        for right in &gained {
            let resource = right.split(' ').next().unwrap_or_default();
            assert!(!OFFICERS.contains(&resource), "{to} gains `{right}`");
            assert!(!resource.contains('*') && !right.ends_with('*'), "{to} gains `{right}`");
        }
        let writes = |r: &&String| !["get", "list", "watch"].iter().any(|v| r.ends_with(v));
        let written: BTreeSet<&str> =
            gained.iter().filter(writes).filter_map(|r| r.split(' ').next()).collect();
        let expected: &[&str] = if to == "view" { &[] } else { &["datastores", "retentionpolicies"] };
        assert_eq!(written, expected.iter().copied().collect(), "{to}");
    }
}

#[test]
fn without_aggregation_the_cluster_s_own_roles_gain_nothing() {
    let roles = roles(&["rbac.aggregate=false"]);
    for to in ["view", "edit", "admin"] {
        assert!(aggregated(&roles, to).is_empty());
    }
    assert!(roles.iter().any(|r| text(r, "/metadata/name") == "carnet-edit"), "to be bound by hand");
}

#[test]
fn the_privacy_officer_has_what_is_his_and_orders_no_deletion() {
    let roles = roles(&[]);
    let officer: Vec<&Value> =
        roles.iter().filter(|r| text(r, "/metadata/name") == "carnet-privacy-officer").collect();
    let may = may(&officer);
    for resource in OFFICERS {
        for verb in ["get", "list", "watch", "create", "delete"] {
            assert!(may.contains(&format!("{resource} {verb}")), "{resource} {verb}");
        }
    }
    for resource in ["deletionruns", "transferbackstops", "datastores", "retentionpolicies"] {
        assert!(!may.contains(&format!("{resource} create")), "{resource}");
    }
    assert!(!may.contains("deletionapprovals update"), "an approval is given or not, never changed");
}

#[test]
fn who_diagnoses_reads_without_a_secret_and_is_bound_by_hand() {
    let objects = helm::objects(Given::NOTHING);
    let named = |o: &&Value| text(o, "/metadata/name") == "carnet-diagnose";
    let kinds: Vec<&str> = objects.iter().filter(named).map(|o| text(o, "/kind")).collect();
    assert_eq!(kinds, ["ClusterRole", "Role"]);
    let may = may(&objects.iter().filter(named).collect::<Vec<_>>());
    for right in &may {
        let (resource, verb) = right.split_once(' ').expect("two words");
        assert!(["get", "list"].contains(&verb), "{right}");
        assert!(resource != "secrets" && !resource.contains('*'), "{right}");
    }
    for kind in crds() {
        assert!(may.contains(&format!("{} list", kind.spec.names.plural)), "{}", kind.spec.names.plural);
    }
    // In the operator's namespace alone.
    let cluster = roles(&[]);
    let cluster = self::may(&cluster.iter().filter(named).collect::<Vec<_>>());
    for resource in ["pods", "pods/proxy", "configmaps", "leases", "services", "endpointslices"] {
        assert!(!cluster.iter().any(|right| right.starts_with(&format!("{resource} "))), "{resource}");
    }
    assert!(objects.iter().all(|o| text(o, "/roleRef/name") != "carnet-diagnose"), "bound to somebody");
}
