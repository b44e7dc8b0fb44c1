//! The NetworkPolicy, switched on: what it lets through, worked out by the rules of Kubernetes.

use serde_json::Value;

use crate::{
    helm::{self, Given},
    yaml::{list, text},
};

/// The other end of a connection.
#[derive(Clone, Copy)]
enum Peer {
    /// An address that is no Pod's: the API server's, a node's.
    Address(&'static str),
    /// A Pod, by the name of its namespace and its label `k8s-app`.
    Pod(&'static str, &'static str),
}

fn policy(values: &[&str]) -> Value {
    let values: Vec<&str> = values.iter().copied().chain(["networkPolicy.enabled=true"]).collect();
    let all = helm::objects(Given { values: &values, ..Given::NOTHING });
    let mut policies = all.into_iter().filter(|o| text(o, "/kind") == "NetworkPolicy");
    let policy = policies.next().expect("a policy");
    assert!(policies.next().is_none());
    policy
}

/// A selector by labels, of a thing that has these.
fn selects(selector: &Value, labels: &[(&str, &str)]) -> bool {
    assert!(selector.get("matchExpressions").is_none(), "not worked out here");
    let wanted = selector["matchLabels"].as_object().cloned().unwrap_or_default();
    wanted.iter().all(|(name, value)| labels.iter().any(|(n, v)| n == name && value == v))
}

fn is_peer(rule: &Value, peer: Peer) -> bool {
    match peer {
        Peer::Address(address) => rule["ipBlock"]["cidr"] == format!("{address}/32"),
        Peer::Pod(namespace, app) => {
            rule.get("ipBlock").is_none()
                && selects(&rule["namespaceSelector"], &[("kubernetes.io/metadata.name", namespace)])
                && selects(&rule["podSelector"], &[("k8s-app", app)])
        }
    }
}

/// Whether a connection is let through: by a rule for its port whose list of peers names it, or is not there.
fn passes(policy: &Value, direction: &str, peer: Peer, (protocol, port): (&str, u64)) -> bool {
    let (rules, peers) = if direction == "in" { ("/spec/ingress", "/from") } else { ("/spec/egress", "/to") };
    list(policy, rules).iter().any(|rule| {
        let at = list(rule, "/ports").iter().any(|p| p["port"] == port && p["protocol"] == protocol);
        at && (rule.pointer(peers).is_none() || list(rule, peers).iter().any(|r| is_peer(r, peer)))
    })
}

const API_SERVER: Peer = Peer::Address("10.0.0.1");
const PROMETHEUS: Peer = Peer::Pod("monitoring", "prometheus");
const DNS: Peer = Peer::Pod("kube-system", "kube-dns");
const SHOP: Peer = Peer::Pod("shop", "web");

#[test]
fn it_is_off_until_it_is_switched_on() {
    assert!(helm::objects(Given::NOTHING).iter().all(|o| text(o, "/kind") != "NetworkPolicy"));
}

#[test]
fn it_stands_around_the_operator_in_both_directions() {
    let policy = policy(&[]);
    let deployment =
        helm::objects(Given::NOTHING).into_iter().find(|o| text(o, "/kind") == "Deployment").expect("one");
    let labels =
        deployment.pointer("/spec/template/metadata/labels").and_then(Value::as_object).expect("labels");
    for (name, value) in policy["spec"]["podSelector"]["matchLabels"].as_object().expect("a selector") {
        assert_eq!(labels.get(name), Some(value));
    }
    assert_eq!(policy["spec"]["policyTypes"], serde_json::json!(["Ingress", "Egress"]));
}

#[test]
fn the_operator_is_reached_and_reaches_what_it_needs_and_nothing_else() {
    let policy = policy(&[]);
    for (direction, peer, port, open) in [
        ("in", API_SERVER, ("TCP", 9443), true),
        ("in", PROMETHEUS, ("TCP", 8080), true),
        // `kubectl carnet status` and `doctor` ask the replicas through it.
        ("in", API_SERVER, ("TCP", 8080), true),
        ("in", SHOP, ("TCP", 22), false),
        ("out", API_SERVER, ("TCP", 443), true),
        ("out", API_SERVER, ("TCP", 6443), true),
        ("out", DNS, ("UDP", 53), true),
        ("out", DNS, ("TCP", 53), true),
        ("out", SHOP, ("UDP", 53), false),
        ("out", API_SERVER, ("TCP", 5432), false),
        ("out", SHOP, ("TCP", 80), false),
    ] {
        assert_eq!(passes(&policy, direction, peer, port), open, "{direction} {port:?}");
    }
}

#[test]
fn named_addresses_and_readers_close_it_to_all_others() {
    let policy = policy(&[
        "networkPolicy.apiServer.cidrs={10.0.0.1/32}",
        "networkPolicy.apiServer.port=6443",
        "networkPolicy.metrics.from[0].namespaceSelector.matchLabels.kubernetes\\.io/metadata\\.name=monitoring",
    ]);
    for (direction, peer, port, open) in [
        ("in", API_SERVER, ("TCP", 9443), true),
        ("in", Peer::Address("10.0.0.9"), ("TCP", 9443), false),
        ("in", SHOP, ("TCP", 9443), false),
        ("in", PROMETHEUS, ("TCP", 8080), true),
        ("in", API_SERVER, ("TCP", 8080), true),
        ("in", Peer::Address("10.0.0.9"), ("TCP", 8080), false),
        ("in", SHOP, ("TCP", 8080), false),
        ("out", API_SERVER, ("TCP", 6443), true),
        ("out", API_SERVER, ("TCP", 443), false),
        ("out", Peer::Address("10.0.0.9"), ("TCP", 6443), false),
    ] {
        assert_eq!(passes(&policy, direction, peer, port), open, "{direction} {port:?}");
    }
}

#[test]
fn named_addresses_alone_leave_the_metrics_to_every_pod() {
    let policy = policy(&["networkPolicy.apiServer.cidrs={10.0.0.1/32}"]);
    for (peer, open) in [(API_SERVER, true), (SHOP, true), (Peer::Address("10.0.0.9"), false)] {
        assert_eq!(passes(&policy, "in", peer, ("TCP", 8080)), open);
    }
}

#[test]
fn named_readers_alone_close_the_metrics_to_all_others_and_the_notes_say_what_that_stops() {
    let readers = "networkPolicy.metrics.from[0].namespaceSelector.matchLabels.kubernetes\\.io/metadata\\.name=monitoring";
    let closed = policy(&[readers]);
    for (peer, open) in [(PROMETHEUS, true), (API_SERVER, false), (SHOP, false)] {
        assert_eq!(passes(&closed, "in", peer, ("TCP", 8080)), open);
    }
    let warning = "status and doctor, which ask each replica through the API server, get no answer";
    let on = "networkPolicy.enabled=true";
    assert!(helm::notes(&[on, readers]).contains(warning));
    assert!(!helm::notes(&[on]).contains(warning));
    assert!(!helm::notes(&[on, readers, "networkPolicy.apiServer.cidrs={10.0.0.1/32}"]).contains(warning));
}
