//! The operator's rights, as one list that a reviewer can read.

use std::{collections::BTreeSet, fmt::Write};

use expect_test::expect_file;
use serde_json::Value;

use crate::{
    helm::{self, Given},
    yaml::{all, list, text, texts},
};

const OPERATOR: &str = "carnet-operator";

/// One rule of a role that a ServiceAccount is bound to.
struct Right {
    place: String,
    groups: Vec<String>,
    resources: Vec<String>,
    names: Vec<String>,
    verbs: Vec<String>,
}

/// All rights of a ServiceAccount, by what is shipped.
fn rights_of(account: &str) -> Vec<Right> {
    rights_by(&all("deploy/base").into_iter().chain(all("deploy/opt-in")).collect::<Vec<_>>(), account)
}

/// All rights of a ServiceAccount by these objects.
fn rights_by(documents: &[Value], account: &str) -> Vec<Right> {
    let is_bound = |b: &&Value| list(b, "/subjects").iter().any(|s| text(s, "/name") == account);
    let owned = |v: Vec<&str>| v.into_iter().map(String::from).collect::<Vec<_>>();
    let mut rights = vec![];
    for binding in documents.iter().filter(|d| text(d, "/kind").ends_with("RoleBinding")).filter(is_bound) {
        let namespace = text(binding, "/metadata/namespace");
        let role = documents
            .iter()
            .find(|d| {
                text(d, "/kind") == text(binding, "/roleRef/kind")
                    && text(d, "/metadata/name") == text(binding, "/roleRef/name")
                    && (text(d, "/kind") == "ClusterRole" || text(d, "/metadata/namespace") == namespace)
            })
            .unwrap_or_else(|| panic!("bound to a role that is not there: {binding}"));
        let place = match namespace {
            "" => "cluster".to_owned(),
            "NAMESPACE" => "opted-in namespaces".to_owned(),
            other => other.to_owned(),
        };
        rights.extend(list(role, "/rules").iter().map(|rule| Right {
            place: place.clone(),
            groups: owned(texts(rule, "/apiGroups")),
            resources: owned(texts(rule, "/resources")),
            names: owned(texts(rule, "/resourceNames")),
            verbs: owned(texts(rule, "/verbs")),
        }));
    }
    rights
}

fn listing(account: &str) -> String {
    let mut lines = BTreeSet::new();
    for right in rights_of(account) {
        for group in &right.groups {
            for resource in &right.resources {
                let mut line = format!("{}: {}", right.place, resource);
                if !group.is_empty() {
                    write!(line, ".{group}").expect("a String takes all");
                }
                if !right.names.is_empty() {
                    write!(line, " [{}]", right.names.join(", ")).expect("a String takes all");
                }
                writeln!(line, ": {}", right.verbs.join(" ")).expect("a String takes all");
                lines.insert(line);
            }
        }
    }
    lines.into_iter().collect()
}

#[test]
fn the_operator_has_these_rights() {
    expect_file!["../golden/operator-rights.txt"].assert_eq(&listing(OPERATOR));
}

#[test]
fn the_runner_has_these_rights() {
    expect_file!["../golden/eraser-rights.txt"].assert_eq(&listing("carnet-eraser"));
}

#[test]
fn no_right_is_a_wildcard_or_lends_another_right() {
    for right in rights_of(OPERATOR) {
        let words = right.groups.iter().chain(&right.resources).chain(&right.verbs).chain(&right.names);
        for word in words {
            assert!(!word.contains('*'), "a wildcard");
            assert!(!["escalate", "bind", "impersonate"].contains(&word.as_str()), "{word}");
        }
        let rbac = right.groups.iter().any(|g| g == "rbac.authorization.k8s.io");
        assert!(!rbac, "the operator gives no rights");
        let tokens = right.resources.iter().any(|r| r.contains("serviceaccounts") || r == "pods/exec");
        assert!(!tokens, "the operator takes no other identity");
    }
}

#[test]
fn no_secret_is_read_but_the_webhook_s_own() {
    for right in rights_of(OPERATOR).iter().filter(|r| r.resources.iter().any(|r| r == "secrets")) {
        assert_eq!(right.place, "carnet-system");
        let creates = right.verbs == ["create"];
        assert!(creates || right.names == ["carnet-webhook-ca"], "{:?} by no name", right.verbs);
        assert!(!right.verbs.iter().any(|v| v == "list" || v == "watch"));
    }
}

#[test]
fn the_lease_is_the_leader_s_own() {
    for right in rights_of(OPERATOR).iter().filter(|r| r.resources.iter().any(|r| r == "leases")) {
        assert_eq!(right.place, "carnet-system");
        assert!(
            right.verbs == ["create"] || right.names == ["carnet-operator"],
            "{:?} by no name",
            right.verbs
        );
    }
}

#[test]
fn who_makes_no_certificate_reads_no_secret_and_announces_no_authority() {
    let given = Given { values: &["webhook.certManager.enabled=true"], ..Given::NOTHING };
    let (with, without) = (rights_by(&helm::objects(given), OPERATOR), rights_of(OPERATOR));
    let secrets = |r: &Right| r.resources.iter().any(|r| r == "secrets");
    let announces = |r: &Right| {
        let reads = r.verbs.iter().all(|v| ["get", "list", "watch"].contains(&v.as_str()));
        !reads && r.groups.iter().any(|g| g == "admissionregistration.k8s.io")
    };
    assert!(without.iter().any(secrets) && without.iter().any(announces));
    assert!(!with.iter().any(secrets) && !with.iter().any(announces));
}

#[test]
fn jobs_are_started_in_opted_in_namespaces_alone() {
    for right in rights_of(OPERATOR).iter().filter(|r| r.resources.iter().any(|r| r == "jobs" || r == "pods"))
    {
        let reads = right.verbs.iter().all(|v| ["get", "list", "watch"].contains(&v.as_str()));
        assert!(reads || right.place == "opted-in namespaces", "{:?} in {}", right.verbs, right.place);
    }
}

#[test]
fn what_people_declare_is_theirs_to_write() {
    for right in rights_of(OPERATOR).iter().filter(|r| r.groups.iter().any(|g| g == "carnet.dev")) {
        let reads = right.verbs.iter().all(|v| ["get", "list", "watch"].contains(&v.as_str()));
        // Nobody else writes these two, and policies say so.
        let own = right
            .resources
            .iter()
            .all(|r| r.ends_with("/status") || r == "deletionruns" || r == "transferbackstops");
        assert!(reads || own, "{:?} on {:?}", right.verbs, right.resources);
    }
}

#[test]
fn the_runner_only_reads() {
    for right in rights_of("carnet-eraser") {
        assert!(
            right.verbs.iter().all(|v| ["get", "list", "watch"].contains(&v.as_str())),
            "{:?}",
            right.verbs
        );
        assert_eq!(right.groups, ["carnet.dev"]);
    }
}
