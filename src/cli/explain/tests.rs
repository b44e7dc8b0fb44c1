use serde_json::{Value, json};

use super::*;

fn state(objects: &[Value]) -> Snapshot {
    let law = Arc::new(law::built_in().unwrap());
    let settings = Arc::new(Settings { claims_from: ClaimsFrom::All, ..Settings::default() });
    let context = Context { law: law.clone(), settings: settings.clone() };
    let mut state = State::new(law.clone(), settings.clone());
    for object in objects {
        match object["kind"].as_str().unwrap() {
            "Party" => put::<Party>(&mut state, &context, object),
            "DataStore" => put::<DataStore>(&mut state, &context, object),
            _ => {
                let node: Node = serde_json::from_value(object.clone()).unwrap();
                let key = key(&node.metadata);
                let node = Arc::new(facts::node(node, &law, &settings));
                state.apply(Change::Node(TableEvent::Apply(key, node)));
            }
        }
    }
    state.snapshot()
}

fn put<K: Kind>(state: &mut State, context: &Context, object: &Value) {
    let entry = Entry::new(serde_json::from_value(object.clone()).unwrap(), context);
    state.apply(K::change(TableEvent::Apply(entry.key(), entry)));
}

fn objects() -> Vec<Value> {
    let party = |name: &str, country: &str, namespace: &str| {
        json!({
            "apiVersion": "carnet.dev/v1alpha1", "kind": "Party", "metadata": {"name": name},
            "spec": {"legalName": name, "country": country, "runs": {"namespaces": [namespace]}},
        })
    };
    let node = |name: &str, region: &str| {
        json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "labels": {"topology.kubernetes.io/region": region}},
            "spec": {"providerID": format!("aws:///{region}a/{name}")},
        })
    };
    vec![
        party("ltd", "IE", "identity"),
        party("inc", "US", "analytics"),
        node("eu1", "eu-west-1"),
        node("us1", "us-east-1"),
        json!({
            "apiVersion": "carnet.dev/v1alpha1", "kind": "DataStore",
            "metadata": {"name": "accounts", "namespace": "identity"},
            "spec": {
                "exporterRef": {"name": "ltd"}, "role": "Controller",
                "location": {"provider": "aws", "region": "eu-west-1"}, "origins": ["EEA"],
                "engine": {"external": {"description": "x"}},
                "access": {"secrets": [{"name": "app", "namespace": "analytics"}]},
                "datasets": [{"name": "accounts", "categories": ["account.contact"]}],
            },
        }),
    ]
}

fn answer(node: &str, secret: &str) -> (bool, String) {
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": "report", "namespace": "analytics"},
        "spec": {"nodeName": node, "containers": [
            {"name": "app", "envFrom": [{"secretRef": {"name": secret}}]},
        ]},
    }))
    .unwrap();
    let mut out = vec![];
    let now = "2026-11-24T10:00:00Z".parse().unwrap();
    let lawful = write_answer(&state(&objects()), &pod, now, &mut out).unwrap();
    (lawful, String::from_utf8(out).unwrap())
}

#[test]
fn a_pod_abroad_is_told_the_store_the_way_and_the_webhooks_own_sentence() {
    let (lawful, text) = answer("us1", "app");
    assert!(!lawful);
    assert!(text.starts_with("Pod analytics/report\n  uses identity/accounts\n    by "), "{text}");
    assert!(text.contains("  runs in us-east-1 (US)\n"), "{text}");
    assert!(text.contains("judged at 2026-11-24T10:00:00Z by law pack"), "{text}");
}

#[test]
fn a_pod_at_home_is_told_that_it_crosses_no_border() {
    let (lawful, text) = answer("eu1", "app");
    assert!(lawful, "{text}");
    assert!(text.contains("no border is crossed"), "{text}");
}

#[test]
fn a_pod_without_a_use_is_told_so() {
    let (lawful, text) = answer("us1", "something-else");
    assert!(lawful);
    assert_eq!(text, "Pod analytics/report\n  uses no store that is declared, as far as its spec says\n");
}
