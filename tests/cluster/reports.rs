//! Reports for other tools on a real API server, with definitions that have the fields of OpenReports: what is written there
//! is taken without a field that nobody knows.

use std::sync::Arc;

use anyhow::{Result, ensure};
use carnet::testbed::{chart, install};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject},
};
use serde_json::{Value, json};

use crate::{
    cases,
    flows::{clauses, pod, says, store},
    world::{World, eventually, project},
};

cases![what_runs_is_reported_where_openreports_is_installed_and_taken_away_with_what_ran];

const PARTIES: &str = include_str!("../../examples/party.yaml");
/// How long a report may take: a leader that was killed holds the Lease for a while, and reports are no hurry.
const SECONDS: u64 = 75;

/// The definitions of `openreports.io/v1alpha1`: their fields, and what these may hold.
fn definition(kind: &str, scope: &str) -> Value {
    let text = json!({"type": "string"});
    let texts = |names: &[&str]| -> Value {
        let all = names.iter().map(|name| ((*name).to_owned(), text.clone()));
        Value::Object(all.collect())
    };
    let words = |all: &[&str]| json!({"type": "string", "enum": all});
    let outcome = words(&["pass", "fail", "warn", "error", "skip"]);
    let object = json!({"type": "object", "properties": texts(
        &["apiVersion", "kind", "namespace", "name", "uid", "resourceVersion", "fieldPath"])});
    let mut result = texts(&["source", "policy", "rule", "category", "message"]);
    result["severity"] = words(&["critical", "high", "medium", "low", "info"]);
    result["result"] = outcome.clone();
    result["scored"] = json!({"type": "boolean"});
    result["resources"] = json!({"type": "array", "items": object});
    result["properties"] = json!({"type": "object", "additionalProperties": text});
    let counts: serde_json::Map<String, Value> = ["pass", "fail", "warn", "error", "skip"]
        .into_iter()
        .map(|name| (name.to_owned(), json!({"type": "integer"})))
        .collect();
    let limits = json!({"type": "object", "properties": {"maxResults": {"type": "integer"},
        "statusFilter": {"type": "array", "items": outcome}}});
    let schema = json!({"type": "object", "properties": {
        "apiVersion": text, "kind": text, "metadata": {"type": "object"}, "source": text, "scope": object,
        "configuration": {"type": "object", "required": ["limits"], "properties": {"limits": limits}},
        "summary": {"type": "object", "properties": counts},
        "results": {"type": "array", "items": {"type": "object", "required": ["policy"], "properties": result}}}});
    let plural = format!("{}s", kind.to_lowercase());
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.openreports.io")}, "spec": {"group": "openreports.io", "scope": scope,
            "names": {"kind": kind, "listKind": format!("{kind}List"), "plural": plural, "singular": kind.to_lowercase()},
            "versions": [{"name": "v1alpha1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]}})
}

fn api(client: &Client, kind: &str, namespace: Option<&str>) -> Api<DynamicObject> {
    let resource = ApiResource {
        group: "openreports.io".into(),
        version: "v1alpha1".into(),
        api_version: "openreports.io/v1alpha1".into(),
        kind: kind.into(),
        plural: format!("{}s", kind.to_lowercase()),
    };
    match namespace {
        Some(name) => Api::namespaced_with(client.clone(), name, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}

/// Waits for a report that is as asked.
async fn report(
    api: &Api<DynamicObject>,
    what: &str,
    is: impl Fn(&Value) -> bool + Send + Sync,
) -> Result<Value> {
    eventually(what, SECONDS, || async {
        let found = api.get_opt("carnet-transfers").await?.map(|report| report.data);
        Ok(found.filter(|report| is(report)))
    })
    .await
}

async fn what_runs_is_reported_where_openreports_is_installed_and_taken_away_with_what_ran(
    w: Arc<World>,
) -> Result<()> {
    w.apply(PARTIES).await?;
    let definitions = [definition("Report", "Namespaced"), definition("ClusterReport", "Cluster")];
    let rights = chart::more(&project(), &["reports.openReports=true"], w.webhook())?;
    ensure!(
        rights.iter().any(|o| o["kind"] == "ClusterRole" && o["metadata"]["name"] == "carnet-open-reports"),
        "the chart gives the operator no right to write reports"
    );
    install::apply(&w.admin, &rights).await?;
    install::apply(&w.admin, &definitions).await?;
    let done = w.with_operator(&["--open-reports"], reported(&w)).await;
    for object in rights.iter().chain(&definitions) {
        w.delete(&object.to_string()).await?;
    }
    done
}

async fn reported(w: &World) -> Result<()> {
    let (store, clauses) = (store("reported"), clauses("reported", &["inc"], 1));
    for object in [&store, &clauses] {
        w.apply_as(&w.admin, object).await?;
    }
    eventually("the store to be judged", SECONDS, || async {
        Ok(says(w, &store, "NoViolation", "True", "").await.ok())
    })
    .await?;
    let abroad = pod("reported", "us-east-1", &["reported-app"]);
    eventually("the Pod to be admitted", 10, || async { Ok(w.create(&abroad.to_string()).await.ok()) })
        .await?;

    let here = api(&w.admin, "Report", Some("analytics"));
    let one = report(&here, "a Pod on its last leg to be reported", |report| {
        report["results"].as_array().into_iter().flatten().any(|result| {
            result["result"] == "warn"
                && result["resources"][0]["name"] == "reported"
                && result["message"].as_str().is_some_and(|m| m.contains("one safeguard alone carries it"))
        })
    })
    .await?;
    ensure!(one["source"] == "carnet" && one["summary"]["fail"] == 0, "{one:#}");
    let found =
        one["results"].as_array().into_iter().flatten().find(|r| r["resources"][0]["name"] == "reported");
    let properties = found.map(|result| &result["properties"]);
    ensure!(properties.is_some_and(|p| p["reliedOn"] == "safeguard/reported"), "{one:#}");

    w.delete(&clauses.to_string()).await?;
    let two = report(&here, "the same Pod to be reported as one that nothing covers", |report| {
        report["summary"]["fail"].as_i64().is_some_and(|n| n >= 1)
    })
    .await?;
    let failed: Vec<&Value> =
        two["results"].as_array().into_iter().flatten().filter(|r| r["result"] == "fail").collect();
    ensure!(failed.iter().any(|r| r["severity"] == "high" && r["scored"] == true), "{two:#}");
    report(&api(&w.admin, "ClusterReport", None), "the safeguards to be reported", |report| {
        report["summary"]["pass"].is_i64()
    })
    .await?;
    let unwritten = w.metrics()?.lines().any(|l| l == "carnet_transfers_reports_unwritten 0.0");
    ensure!(unwritten, "{}", w.metrics()?);

    for object in [abroad, store] {
        w.delete(&object.to_string()).await?;
    }
    // With the last Pod that used a store its report goes: none stands that nobody keeps.
    eventually("the Pod to be reported no more", SECONDS, || async {
        let left = here.get_opt("carnet-transfers").await?;
        let names = |report: DynamicObject| report.data["results"].to_string().contains("\"reported\"");
        Ok((!left.is_some_and(names)).then_some(()))
    })
    .await
}
