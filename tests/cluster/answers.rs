//! Questions of people on a real API server: `explain`, `flows`, `simulate`, `expiring`, `discover`; and what the operator says
//! of an end that is near.

use std::{io::Write, sync::Arc};

use anyhow::{Context, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::{core::v1::Pod, events::v1::Event};
use kube::{Api, api::ListParams};
use serde_json::{Value, json};

use crate::{
    cases,
    doctor::carnet,
    flows::{clauses, condition, pod, says, store},
    world::{World, eventually, project},
};

cases![
    what_runs_is_explained_mapped_and_simulated_by_the_asking_persons_rights,
    a_law_pack_that_drops_a_decision_names_every_affected_workload_before_and_after_it_is_applied,
    drafts_are_made_of_what_no_store_claims_without_a_secrets_value,
    an_end_that_is_near_is_said_once_on_the_safeguard_and_on_the_store_that_stands_on_it_alone,
];

const PARTIES: &str = include_str!("../../examples/party.yaml");

/// What a Secret holds.
const VALUE: &str = "not-to-be-seen-by-anybody";

async fn ask(w: &World, arguments: &[&str]) -> Result<(i32, Value)> {
    let all: Vec<&str> = arguments.iter().copied().chain(["-o", "json"]).collect();
    let (code, text) = carnet(&w.kubeconfig_of_admin(), &all).await?;
    Ok((code, serde_json::from_str(&text).with_context(|| text.clone())?))
}

async fn runs(w: &World, pod: &Value) -> Result<()> {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    eventually(&format!("{name} to be admitted"), 10, || async { Ok(w.create(&pod.to_string()).await.ok()) })
        .await?;
    let pods: Api<Pod> = Api::namespaced(w.admin.clone(), "analytics");
    eventually(&format!("{name} to run"), 15, || async {
        Ok(pods.get(&name).await?.status.and_then(|s| s.phase).filter(|phase| phase == "Running").map(drop))
    })
    .await
}

fn in_days(days: i64) -> String {
    let at = Timestamp::now() + SignedDuration::from_hours(24 * days);
    format!("{at:.0}")
}

fn until(mut safeguard: Value, end: &str) -> Value {
    safeguard["spec"]["validUntil"] = end.into();
    safeguard
}

fn words(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

async fn what_runs_is_explained_mapped_and_simulated_by_the_asking_persons_rights(
    w: Arc<World>,
) -> Result<()> {
    w.apply(PARTIES).await?;
    let store = store("answers");
    let (first, second) = (
        until(clauses("answers-first", &["inc"], 1), &in_days(40)),
        until(clauses("answers-second", &["inc"], 2), &in_days(80)),
    );
    for object in [&store, &first, &second] {
        w.apply_as(&w.admin, object).await?;
    }
    says(&w, &store, "NoViolation", "True", "").await?;
    let running = pod("answers", "us-east-1", &["answers-app"]);
    runs(&w, &running).await?;
    let idle = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "answers-idle", "namespace": "analytics"},
        "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "idle"}}, "template": {
            "metadata": {"labels": {"app": "idle"}}, "spec": running["spec"]}}});
    w.apply_as(&w.admin, &idle).await?;
    let from = ["--claims-from", "identity"];

    let (code, explained) =
        ask(&w, &[&["explain", "answers", "-n", "analytics"][..], &from].concat()).await?;
    ensure!(
        code == 0 && words(&explained, "/flows/0/reliedOn") == "safeguard/answers-first",
        "{explained:#}"
    );
    ensure!(words(&explained, "/uses/0/via/0").contains("answers-app"), "{explained:#}");
    ensure!(explained["nextChange"]["violation"] == false, "{explained:#}");
    let (code, explained) =
        ask(&w, &[&["explain", "deploy/answers-idle", "-n", "analytics"][..], &from].concat()).await?;
    ensure!(
        code == 0 && words(&explained, "/workload") == "Deployment analytics/answers-idle",
        "{explained:#}"
    );

    let (code, flows) = ask(&w, &[&["flows", "--store", "identity/answers"][..], &from].concat()).await?;
    let carried = flows["flows"].as_array().context("flows")?;
    ensure!(code == 0 && carried.len() == 1, "{flows:#}");
    ensure!(words(&carried[0], "/workloads/0/name") == "Pod analytics/answers", "{flows:#}");
    let (_, page) = carnet(&w.kubeconfig_of_admin(), &[&["flows", "-o", "html"][..], &from].concat()).await?;
    ensure!(page.starts_with("<!doctype html>") && page.contains("identity/answers"), "{page}");

    let both = ["--without", "safeguard/answers-first", "--without", "safeguard/answers-second"];
    let (code, caught) = ask(&w, &[&["simulate"][..], &both[..2], &from].concat()).await?;
    ensure!(code == 0, "{caught:#}");
    let flips = caught["flips"].as_array().context("flips")?;
    ensure!(
        flips.len() == 2 && flips.iter().all(|f| f["caughtBy"] == "safeguard/answers-second"),
        "{caught:#}"
    );
    let (code, broken) = ask(&w, &[&["simulate"][..], &both, &from].concat()).await?;
    let names: Vec<_> = broken["affected"].as_array().context("affected")?.iter().collect();
    ensure!(
        code == 1 && names == ["Deployment analytics/answers-idle", "Pod analytics/answers"],
        "{broken:#}"
    );

    let (code, soon) = ask(&w, &[&["expiring", "--within", "P90D", "--fail"][..], &from].concat()).await?;
    let ours: Vec<&Value> = soon["expiring"]
        .as_array()
        .context("expiring")?
        .iter()
        .filter(|e| e["of"].as_str().is_some_and(|of| of.starts_with("safeguard/answers-")))
        .collect();
    ensure!(code == 1 && ours.len() == 2, "{soon:#}");
    ensure!(ours[0]["uncaught"] == false && ours[1]["uncaught"] == true, "{soon:#}");
    for object in [running, idle, first, second, store] {
        w.delete(&object.to_string()).await?;
    }
    Ok(())
}

async fn a_law_pack_that_drops_a_decision_names_every_affected_workload_before_and_after_it_is_applied(
    w: Arc<World>,
) -> Result<()> {
    w.apply(PARTIES).await?;
    let store = store("by-law");
    let checked = Timestamp::now().strftime("%Y-%m-%d").to_string();
    let certified = json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "TransferSafeguard", "metadata": {"name": "by-law"},
        "spec": {"scope": {"any": true}, "instrument": {"dataPrivacyFramework": {"participantRef": {"name": "inc"},
            "coveredData": ["NonHR"], "recourse": {"provider": "JAMS"}, "checkedOn": checked,
            "frameworks": [{"name": "EU-US", "status": "Active", "since": "2023-09-29", "recertifyBy": "2100-01-01"}]}}}});
    for object in [&store, &certified] {
        w.apply_as(&w.admin, object).await?;
    }
    says(&w, &store, "NoViolation", "True", "").await?;
    let (one, two) =
        (pod("by-law-1", "us-east-1", &["by-law-app"]), pod("by-law-2", "us-east-1", &["by-law-app"]));
    let home = pod("by-law-home", "eu-west-1", &["by-law-app"]);
    for pod in [&one, &two, &home] {
        runs(&w, pod).await?;
    }
    let pack = std::fs::read_to_string(project().join("law/pack.yaml"))?;
    let dropped: Vec<&str> = pack
        .lines()
        .filter(|line| !line.contains("{name: EU-US,"))
        .map(|line| if line.starts_with("version: ") { "version: \"2999-01-01\"" } else { line })
        .collect();
    let mut file = tempfile::NamedTempFile::with_suffix(".yaml")?;
    writeln!(file, "{}", dropped.join("\n"))?;
    let path = file.path().display().to_string();
    let (code, report) = ask(&w, &["simulate", "--law-pack", &path, "--claims-from", "identity"]).await?;
    let broken: Vec<&str> = report["flips"]
        .as_array()
        .context("flips")?
        .iter()
        .filter(|f| f["effect"] == "BecomesViolation")
        .filter_map(|f| f["workload"].as_str())
        .collect();
    ensure!(code == 1 && broken == ["Pod analytics/by-law-1", "Pod analytics/by-law-2"], "{report:#}");
    // It was a question: what is declared stands as before.
    says(&w, &store, "NoViolation", "True", "").await?;
    // The status has the law by which it was judged, and the number of Pods, before another one counts.
    let stores = w.api(&w.admin, &store)?;
    eventually("three Pods to be counted", 10, || async {
        let live = stores.get("by-law").await?;
        Ok((live.data.pointer("/status/transfers/using") == Some(&json!(3))).then_some(()))
    })
    .await?;
    w.with_operator(&["--law-pack", &path], after(&w, &store)).await?;
    eventually("the old law to be judged by again", 60, || async {
        let live = stores.get("by-law").await?;
        Ok(condition(&live, "NoViolation").filter(|(status, ..)| status == "True").map(drop))
    })
    .await?;
    for object in [one, two, home, certified, store] {
        w.delete(&object.to_string()).await?;
    }
    Ok(())
}

/// What is said once the law pack without the decision is judged by.
async fn after(w: &World, store: &Value) -> Result<()> {
    let stores = w.api(&w.admin, store)?;
    // The leader that was killed held the Lease, which has to run out first.
    let said = eventually("the store to say what nothing covers", 60, || async {
        let live = stores.get("by-law").await?;
        let said = condition(&live, "NoViolation").filter(|(status, ..)| status == "False");
        Ok(said.map(|(_, _, message)| message))
    })
    .await?;
    for part in
        ["2 of 3 using Pods", "law pack 2999-01-01", "Pod analytics/by-law-1:", "Pod analytics/by-law-2:"]
    {
        ensure!(said.contains(part), "`{part}` is missing in {said}");
    }
    ensure!(!said.contains("by-law-home"), "{said}");
    for (namespace, name, reason) in [
        ("identity", "by-law", "LawPackChanged"),
        ("analytics", "by-law-1", "TransferNotCovered"),
        ("analytics", "by-law-2", "TransferNotCovered"),
    ] {
        let events: Api<Event> = Api::namespaced(w.admin.clone(), namespace);
        eventually(&format!("{reason} on {name}"), 15, || async {
            let all = events.list(&ListParams::default()).await?.items;
            let is = |e: &Event| {
                e.reason.as_deref() == Some(reason)
                    && e.regarding.as_ref().is_some_and(|r| r.name.as_deref() == Some(name))
            };
            Ok(all.iter().any(is).then_some(()))
        })
        .await?;
    }
    Ok(())
}

async fn drafts_are_made_of_what_no_store_claims_without_a_secrets_value(w: Arc<World>) -> Result<()> {
    w.apply(PARTIES).await?;
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "orders-app", "namespace": "analytics",
        "labels": {"cnpg.io/cluster": "orders"}}, "stringData": {"username": "u", "password": VALUE, "host": VALUE}});
    let other = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token", "namespace": "analytics"},
        "stringData": {"token": VALUE}});
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "orders-rw", "namespace": "analytics",
        "labels": {"cnpg.io/cluster": "orders"}}, "spec": {"ports": [{"port": 5432}]}});
    for object in [&secret, &other, &service] {
        w.apply_as(&w.admin, object).await?;
    }
    let asked = ["discover", "-n", "analytics"];
    let (code, drafts) = carnet(&w.kubeconfig_of_admin(), &asked).await?;
    ensure!(code == 0 && drafts.matches("kind: DataStore").count() == 1, "{drafts}");
    for part in
        ["name: orders\n", "secrets: [{name: orders-app}]", "services: [{name: orders-rw}]", "postgres:"]
    {
        ensure!(drafts.contains(part), "`{part}` is missing in {drafts}");
    }
    ensure!(!drafts.contains(VALUE) && !drafts.contains("record of writers"), "{drafts}");
    // As it is, the API server refuses it.
    let draft = drafts.split_once("---\n").context("a document")?.1;
    ensure!(w.create(draft).await.is_err(), "a draft with what is not decided was taken");
    let mut claimed = store("orders");
    claimed["metadata"]["namespace"] = "analytics".into();
    claimed["spec"]["access"] =
        json!({"secrets": [{"name": "orders-app"}], "services": [{"name": "orders-rw"}]});
    w.apply_as(&w.admin, &claimed).await?;
    let (_, drafts) = carnet(&w.kubeconfig_of_admin(), &asked).await?;
    ensure!(!drafts.contains("kind: DataStore"), "{drafts}");
    for object in [claimed, secret, other, service] {
        w.delete(&object.to_string()).await?;
    }
    Ok(())
}

async fn an_end_that_is_near_is_said_once_on_the_safeguard_and_on_the_store_that_stands_on_it_alone(
    w: Arc<World>,
) -> Result<()> {
    w.apply(PARTIES).await?;
    let (store, end) = (store("near"), in_days(20));
    let mut near = until(clauses("near", &["inc"], 1), &end);
    for object in [&store, &near] {
        w.apply_as(&w.admin, object).await?;
    }
    says(&w, &store, "NoViolation", "True", "").await?;
    says(&w, &near, "Expiring", "True", "within 30 days").await?;
    says(&w, &store, "Expiring", "False", "").await?;
    let abroad = pod("near", "us-east-1", &["near-app"]);
    runs(&w, &abroad).await?;
    says(&w, &store, "Expiring", "True", "stands alone on safeguard/near, which ends within 30 days").await?;
    says(&w, &store, "SingleLegged", "True", "safeguard/near (1)").await?;
    ensure!(
        w.metrics()?
            .lines()
            .any(|l| l.starts_with("carnet_transfers_single_legged ") && !l.ends_with(" 0.0"))
    );
    // What is written again for another reason is not said again.
    near["spec"]["preference"] = 5.into();
    w.apply_as(&w.admin, &near).await?;
    says(&w, &near, "Ready", "True", "").await?;
    for (namespace, kind) in [("default", "TransferSafeguard"), ("identity", "DataStore")] {
        let events: Api<Event> = Api::namespaced(w.admin.clone(), namespace);
        let told = eventually(&format!("an Event on the {kind}"), 10, || async {
            let all = events.list(&ListParams::default()).await?.items;
            let about = |e: &Event| {
                e.reason.as_deref() == Some("Expiring")
                    && e.regarding
                        .as_ref()
                        .is_some_and(|r| r.kind.as_deref() == Some(kind) && r.name.as_deref() == Some("near"))
            };
            let told: Vec<Event> = all.into_iter().filter(about).collect();
            Ok((!told.is_empty()).then_some(told))
        })
        .await?;
        ensure!(told.len() == 1 && told[0].series.is_none(), "{told:#?}");
    }
    // A second one that carries it, and it stands on it alone no more.
    let fallback = clauses("near-fallback", &["inc"], 9);
    w.apply_as(&w.admin, &fallback).await?;
    says(&w, &store, "SingleLegged", "False", "").await?;
    says(&w, &store, "Expiring", "False", "").await?;
    for object in [abroad, near, fallback, store] {
        w.delete(&object.to_string()).await?;
    }
    Ok(())
}
