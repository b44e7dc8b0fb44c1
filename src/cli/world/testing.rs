//! A cluster for tests, from objects as people write them.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Declared, World, template};
use crate::{
    core::settings::{ClaimsFrom, Settings},
    index::{Context, facts},
    parse::law,
};

/// The instant of the tests.
pub const NOW: &str = "2026-11-15T00:00:00Z";

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Objects of all kinds as a cluster.
pub fn world(objects: &[Value]) -> World {
    let law = Arc::new(law::built_in().unwrap());
    let settings = Arc::new(Settings { claims_from: ClaimsFrom::All, ..Settings::default() });
    let context = Context { law: law.clone(), settings: settings.clone() };
    let mut declared = Declared::default();
    let mut world = World { law, settings, ..World::default() };
    for object in objects {
        let read = object.clone();
        match object["kind"].as_str().unwrap() {
            "Node" => world.nodes.push(serde_json::from_value(read).unwrap()),
            "Pod" => {
                let pod = facts::pod(serde_json::from_value(read).unwrap()).unwrap();
                world.pods.push(Arc::new(pod));
            }
            "Deployment" => {
                let deployment: k8s_openapi::api::apps::v1::Deployment =
                    serde_json::from_value(read).unwrap();
                world.templates.push(template(deployment));
            }
            "CronJob" => {
                let job: k8s_openapi::api::batch::v1::CronJob = serde_json::from_value(read).unwrap();
                world.templates.push(template(job));
            }
            _ => assert!(declared.put(object, "default", &context).unwrap(), "{object}"),
        }
    }
    world.declared = declared;
    world
}

pub fn party(name: &str, country: &str, namespaces: &[&str]) -> Value {
    json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "Party", "metadata": {"name": name},
        "spec": {"legalName": name, "country": country, "runs": {"namespaces": namespaces}}})
}

pub fn node(name: &str, region: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": {"topology.kubernetes.io/region": region}},
        "spec": {"providerID": format!("aws:///{region}a/{name}")}})
}

/// A store of account data in Ireland, used by the Secret `NAME-app` of the namespace analytics.
pub fn store(name: &str) -> Value {
    json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "DataStore",
        "metadata": {"name": name, "namespace": "identity"},
        "spec": {"exporterRef": {"name": "ltd"}, "role": "Controller", "origins": ["EEA"],
            "location": {"provider": "aws", "region": "eu-west-1"},
            "engine": {"external": {"description": "a test"}},
            "access": {"secrets": [{"name": format!("{name}-app"), "namespace": "analytics"}]},
            "datasets": [{"name": "accounts", "categories": ["account.contact"], "subjects": ["Customer"]}]}})
}

/// Clauses from ltd to inc, for data of the EEA to the US.
pub fn clauses(name: &str, preference: i32, until: &str) -> Value {
    json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "TransferSafeguard", "metadata": {"name": name},
        "spec": {"instrument": {"standardContractualClauses": {"executedOn": "2024-01-15",
            "parties": [{"exporters": ["ltd"], "importers": ["inc"], "module": "ControllerToController"}]}},
            "assessments": [{"regimes": ["EEA"], "country": "US", "completedOn": "2026-02-01", "outcome": "Effective"}],
            "scope": {"any": true}, "preference": preference, "validUntil": until}})
}

/// A Pod of a Deployment on this node that uses these Secrets.
pub fn pod(namespace: &str, owner: &str, number: usize, node: &str, secrets: &[&str]) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": format!("{owner}-{number}"), "namespace": namespace, "uid": format!("{owner}-{number}"),
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": owner,
                "uid": format!("uid-{owner}"), "controller": true}]},
        "spec": {"nodeName": node, "containers": [{"name": "app", "envFrom": from(secrets)}]}})
}

/// A Deployment that uses these Secrets, in any place where no region is given.
pub fn deployment(namespace: &str, name: &str, region: Option<&str>, secrets: &[&str]) -> Value {
    let mut pod = json!({"containers": [{"name": "app", "envFrom": from(secrets)}]});
    if let Some(region) = region {
        pod["nodeSelector"] = json!({"topology.kubernetes.io/region": region});
    }
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "uid": format!("uid-{name}")},
        "spec": {"selector": {}, "template": {"metadata": {"labels": {"app": name}}, "spec": pod}}})
}

/// A CronJob that uses these Secrets in this region.
pub fn cron_job(namespace: &str, name: &str, region: &str, secrets: &[&str]) -> Value {
    json!({"apiVersion": "batch/v1", "kind": "CronJob",
        "metadata": {"name": name, "namespace": namespace, "uid": format!("uid-{name}")},
        "spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": {"spec": {
            "nodeSelector": {"topology.kubernetes.io/region": region},
            "containers": [{"name": "app", "envFrom": from(secrets)}]}}}}}})
}

fn from(secrets: &[&str]) -> Value {
    secrets.iter().map(|s| json!({"secretRef": {"name": s}})).collect()
}

/// Two Parties, a node in Ireland (`eu1`) and one in Virginia (`us1`), and a store of account data.
pub fn base() -> Vec<Value> {
    vec![
        party("ltd", "IE", &["identity"]),
        party("inc", "US", &["analytics"]),
        node("eu1", "eu-west-1"),
        node("us1", "us-east-1"),
        store("accounts"),
    ]
}

/// The base with more.
pub fn base_with(more: impl IntoIterator<Item = Value>) -> World {
    world(&base().into_iter().chain(more).collect::<Vec<_>>())
}
