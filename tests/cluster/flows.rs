//! What statuses say of flows: of a store, of a safeguard, of an exception.

use std::sync::Arc;

use anyhow::{Result, ensure};
use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::{
    cases,
    world::{World, eventually},
};

cases![
    a_safeguard_says_what_it_carries_and_whom_it_does_not_find,
    an_exception_says_what_it_does_not_find_and_that_it_was_cut_short,
    two_stores_of_one_pod_are_each_told_of_their_own_flows,
];

const PARTIES: &str = include_str!("../../examples/party.yaml");

/// A store of account data in Ireland, used by the Secret `NAME-app` of the namespace analytics.
pub fn store(name: &str) -> Value {
    json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "DataStore",
        "metadata": {"name": name, "namespace": "identity"},
        "spec": {"exporterRef": {"name": "ltd"}, "role": "Controller", "origins": ["EEA"],
            "location": {"provider": "aws", "region": "eu-west-1"}, "engine": {"external": {"description": "a test"}},
            "access": {"secrets": [{"name": format!("{name}-app"), "namespace": "analytics"}]},
            "datasets": [{"name": "accounts", "categories": ["account.contact"], "subjects": ["Customer"]}]}})
}

/// Clauses from ltd to these.
pub fn clauses(name: &str, importers: &[&str], preference: i32) -> Value {
    json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "TransferSafeguard", "metadata": {"name": name},
        "spec": {"instrument": {"standardContractualClauses": {"executedOn": "2024-01-15",
            "parties": [{"exporters": ["ltd"], "importers": importers, "module": "ControllerToController"}]}},
            "assessments": [{"regimes": ["EEA"], "country": "US", "completedOn": "2026-02-01", "outcome": "Effective"}],
            "scope": {"any": true}, "preference": preference}})
}

/// A Pod of the namespace analytics that uses these Secrets.
pub fn pod(name: &str, region: &str, secrets: &[&str]) -> Value {
    let from: Vec<Value> = secrets.iter().map(|s| json!({"secretRef": {"name": s}})).collect();
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "analytics"}, "spec": {
        "nodeSelector": {"topology.kubernetes.io/region": region},
        "containers": [{"name": "app", "image": "app", "envFrom": from}]}})
}

/// A condition of an object: status, reason, message.
pub fn condition(object: &DynamicObject, type_: &str) -> Option<(String, String, String)> {
    let all = object.data.pointer("/status/conditions")?.as_array()?;
    let found = all.iter().find(|c| c["type"] == type_)?;
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    Some((text("status"), text("reason"), text("message")))
}

/// Waits until a condition of an object holds what is asked, and gives its message.
pub async fn says(w: &World, object: &Value, type_: &str, status: &str, part: &str) -> Result<String> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let api = w.api(&w.admin, object)?;
    eventually(&format!("{name} to say {type_}={status} with `{part}`"), 10, || async {
        let live = api.get(&name).await?;
        let found = condition(&live, type_).filter(|(s, _, message)| s == status && message.contains(part));
        Ok(found.map(|(_, _, message)| message))
    })
    .await
}

async fn a_safeguard_says_what_it_carries_and_whom_it_does_not_find(w: Arc<World>) -> Result<()> {
    w.apply(PARTIES).await?;
    let good = clauses("flows-good", &["inc"], 1);
    w.apply_as(&w.admin, &good).await?;
    says(&w, &good, "InForce", "True", "carries EEA data to US").await?;
    says(&w, &good, "ResolvedRefs", "True", "").await?;
    let vain = clauses("flows-vain", &["nobody"], 1);
    w.apply_as(&w.admin, &vain).await?;
    says(&w, &vain, "ResolvedRefs", "False", "Party nobody").await?;
    says(&w, &vain, "InForce", "False", "no Party that it names as importer exists").await?;
    says(&w, &vain, "Ready", "True", "").await?;
    let stale = json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "TransferSafeguard", "metadata": {"name": "flows-stale"},
        "spec": {"scope": {"any": true}, "instrument": {"dataPrivacyFramework": {"participantRef": {"name": "inc"},
            "coveredData": ["NonHR"], "recourse": {"provider": "JAMS"}, "checkedOn": "2025-01-01",
            "frameworks": [{"name": "EU-US", "status": "Active", "since": "2023-09-29", "recertifyBy": "2100-01-01"}]}}}});
    w.apply_as(&w.admin, &stale).await?;
    says(&w, &stale, "InForce", "False", "was last checked on 2025-01-01").await?;
    says(&w, &stale, "Overdue", "True", "list last checked on 2025-01-01").await?;
    for object in [good, vain, stale] {
        w.delete(&object.to_string()).await?;
    }
    Ok(())
}

async fn an_exception_says_what_it_does_not_find_and_that_it_was_cut_short(w: Arc<World>) -> Result<()> {
    let exception = json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "TransferException",
        "metadata": {"name": "flows-long"}, "spec": {"reason": "r", "ticket": "t",
            "workloads": {"namespace": "analytics"}, "stores": [{"namespace": "identity", "name": "not-there"}],
            "expiresAt": "2100-01-01T00:00:00Z"}});
    w.apply_as(&w.admin, &exception).await?;
    says(&w, &exception, "ResolvedRefs", "False", "DataStore identity/not-there").await?;
    says(&w, &exception, "CutShort", "True", "--max-exception is 7 days").await?;
    w.delete(&exception.to_string()).await
}

async fn two_stores_of_one_pod_are_each_told_of_their_own_flows(w: Arc<World>) -> Result<()> {
    w.apply(PARTIES).await?;
    let carried = clauses("flows-both", &["inc"], 1);
    let stores = [store("flows-aaa"), store("flows-bbb")];
    for object in stores.iter().chain([&carried]) {
        w.apply_as(&w.admin, object).await?;
    }
    for store in &stores {
        says(&w, store, "NoViolation", "True", "").await?;
    }
    says(&w, &carried, "InForce", "True", "").await?;
    let both = pod("flows-both", "us-east-1", &["flows-aaa-app", "flows-bbb-app"]);
    eventually("the Pod to be admitted", 8, || async { Ok(w.create(&both.to_string()).await.ok()) }).await?;
    w.delete(&carried.to_string()).await?;
    for (this, that) in [(&stores[0], "flows-bbb"), (&stores[1], "flows-aaa")] {
        let said =
            says(&w, this, "NoViolation", "False", "standardContractualClauses from ltd to inc").await?;
        ensure!(said.contains("1 of 1 using Pods") && !said.contains(that), "{said}");
    }
    w.delete(&both.to_string()).await?;
    for store in &stores {
        w.delete(&store.to_string()).await?;
    }
    Ok(())
}
