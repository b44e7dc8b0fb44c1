//! The border: refused, admitted under a safeguard, reported when it ends.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use k8s_openapi::api::{core::v1::Pod, events::v1::Event};
use kube::{
    Api,
    api::{ListParams, PostParams},
};
use serde_json::{Value, json};

use crate::{
    cases,
    world::{World, eventually, refusal},
};

cases![
    a_pod_that_would_carry_data_abroad_is_refused_with_what_would_make_it_lawful,
    a_pod_that_stays_inside_the_regime_is_admitted,
    a_pod_that_uses_nothing_is_admitted_anywhere,
    a_template_is_refused_early_and_an_unchanged_one_scales,
    a_safeguard_admits_and_is_named_and_its_end_is_reported_within_seconds,
    an_exception_waives_and_stays_visible,
    an_ephemeral_container_cannot_reach_what_its_pod_may_not,
    the_erasure_secret_is_for_deletion_jobs_alone,
    a_store_that_came_in_unread_is_no_open_border,
];

const DECLARED: &str = include_str!("../../testbed/demo/declared.yaml");

fn pod(name: &str, region: &str, secret: Option<&str>) -> String {
    let env = secret.map_or(json!([]), |s| json!([{"secretRef": {"name": s}}]));
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "analytics"}, "spec": {
        "nodeSelector": {"topology.kubernetes.io/region": region},
        "containers": [{"name": "app", "image": "app", "envFrom": env}]}})
    .to_string()
}

/// What the demo declares, seen by the operator.
pub async fn declared(w: &World) -> Result<()> {
    w.apply(DECLARED).await?;
    // The webhook reads a cache: wait until the operator speaks of this very store.
    let store = json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "DataStore",
        "metadata": {"name": "accounts", "namespace": "identity"}});
    let api = w.api(&w.admin, &store)?;
    eventually("the store to be seen", 15, || async {
        let live = api.get("accounts").await?;
        Ok((live.data.pointer("/status/observedGeneration").and_then(Value::as_i64)
            == live.metadata.generation)
            .then_some(()))
    })
    .await
}

fn safeguard(until: jiff::Timestamp) -> String {
    json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "TransferSafeguard", "metadata": {"name": "for-a-while"},
    "spec": {"instrument": {"standardContractualClauses": {"executedOn": "2024-01-15",
        "parties": [{"exporters": ["ltd"], "importers": ["inc"], "module": "ControllerToController"}]}},
        "assessments": [{"regimes": ["EEA"], "country": "US", "completedOn": "2026-02-01", "outcome": "Effective"}],
        "scope": {"namespaces": ["analytics"]}, "validUntil": until.to_string()}})
    .to_string()
}

async fn a_pod_that_would_carry_data_abroad_is_refused_with_what_would_make_it_lawful(
    w: Arc<World>,
) -> Result<()> {
    declared(&w).await?;
    let message = refusal(w.create(&pod("abroad", "us-east-1", Some("accounts-readonly"))).await)?;
    for word in ["identity/accounts", "accounts-readonly", "EEA", "us-east-1", "US", "TransferSafeguard"] {
        ensure!(message.contains(word), "`{word}` is missing in:\n{message}");
    }
    Ok(())
}

async fn a_pod_that_stays_inside_the_regime_is_admitted(w: Arc<World>) -> Result<()> {
    declared(&w).await?;
    let pod = pod("inside", "eu-west-1", Some("accounts-readonly"));
    w.create(&pod).await?;
    w.delete(&pod).await
}

async fn a_pod_that_uses_nothing_is_admitted_anywhere(w: Arc<World>) -> Result<()> {
    let pod = pod("free", "us-east-1", None);
    w.create(&pod).await?;
    w.delete(&pod).await
}

async fn a_template_is_refused_early_and_an_unchanged_one_scales(w: Arc<World>) -> Result<()> {
    declared(&w).await?;
    let deployment = |secret: Option<&str>, replicas: i32, region: &str| {
        let env = secret.map_or(json!([]), |s| json!([{"secretRef": {"name": s}}]));
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "analytics"},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "d"}}, "template": {
                "metadata": {"labels": {"app": "d"}}, "spec": {
                "nodeSelector": {"topology.kubernetes.io/region": region},
                "containers": [{"name": "app", "image": "app", "envFrom": env}]}}}})
    };
    refusal(w.create(&deployment(Some("accounts-readonly"), 0, "us-east-1").to_string()).await)?;
    let inside = deployment(Some("accounts-readonly"), 0, "eu-west-1");
    w.create(&inside.to_string()).await?;
    let api = w.api(&w.admin, &inside)?;
    // An edit that moves it abroad got worse.
    let abroad = json!({"spec": {"template": {"spec": {"nodeSelector": {"topology.kubernetes.io/region": "us-east-1"}}}}});
    refusal(api.patch("d", &Default::default(), &kube::api::Patch::Merge(abroad)).await)?;
    // Scaling did not.
    api.patch("d", &Default::default(), &kube::api::Patch::Merge(json!({"spec": {"replicas": 1}}))).await?;
    w.delete(&inside.to_string()).await
}

async fn a_safeguard_admits_and_is_named_and_its_end_is_reported_within_seconds(w: Arc<World>) -> Result<()> {
    declared(&w).await?;
    let end = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(12);
    let safeguard = safeguard(end);
    w.apply(&safeguard).await?;
    let abroad = pod("carried", "us-east-1", Some("accounts-readonly"));
    eventually("the Pod to be admitted", 8, || async { Ok(w.create(&abroad).await.ok()) }).await?;
    let pods: Api<Pod> = Api::namespaced(w.admin.clone(), "analytics");
    eventually("the Pod to run", 10, || async {
        Ok(pods.get("carried").await?.status.and_then(|s| s.phase).filter(|p| p == "Running"))
    })
    .await?;
    let store = json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "DataStore",
        "metadata": {"name": "accounts", "namespace": "identity"}});
    let stores = w.api(&w.admin, &store)?;
    eventually("the store to name the safeguard", 8, || async {
        let live = stores.get("accounts").await?;
        let names = live
            .data
            .pointer("/status/transfers/reliedOn")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        Ok(names.iter().any(|n| n == "safeguard/for-a-while").then_some(()))
    })
    .await?;
    let wait = end.duration_since(jiff::Timestamp::now());
    tokio::time::sleep(wait.try_into().unwrap_or_default()).await;
    eventually("the lapse to be reported", 3, || async {
        let live = stores.get("accounts").await?;
        let violating = live.data.pointer("/status/transfers/violating").and_then(Value::as_i64);
        let says = live
            .data
            .pointer("/status/conditions")
            .and_then(Value::as_array)
            .is_some_and(|all| all.iter().any(|c| c["type"] == "NoViolation" && c["status"] == "False"));
        Ok((violating == Some(1) && says).then_some(()))
    })
    .await?;
    let events: Api<Event> = Api::all(w.admin.clone());
    eventually("an Event on the Pod", 3, || async {
        Ok(events.list(&ListParams::default()).await?.items.into_iter().find(|e| {
            e.regarding.as_ref().is_some_and(|r| r.name.as_deref() == Some("carried"))
                && e.type_.as_deref() == Some("Warning")
        }))
    })
    .await?;
    refusal(w.create(&pod("late", "us-east-1", Some("accounts-readonly"))).await).context("after the end")?;
    w.delete(&abroad).await?;
    w.delete(&safeguard).await
}

async fn an_exception_waives_and_stays_visible(w: Arc<World>) -> Result<()> {
    declared(&w).await?;
    let until = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(3600);
    let exception = json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "TransferException", "metadata": {"name": "incident"},
        "spec": {"reason": "migration", "ticket": "OPS-1", "workloads": {"namespace": "analytics"},
        "stores": [{"namespace": "identity", "name": "accounts"}], "expiresAt": until.to_string()}})
    .to_string();
    w.apply(&exception).await?;
    let abroad = pod("waived", "us-east-1", Some("accounts-readonly"));
    eventually("the Pod to be admitted", 8, || async { Ok(w.create(&abroad).await.ok()) }).await?;
    let store = json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "DataStore",
        "metadata": {"name": "accounts", "namespace": "identity"}});
    let stores = w.api(&w.admin, &store)?;
    eventually("the store to count it", 8, || async {
        let live = stores.get("accounts").await?;
        Ok((live.data.pointer("/status/transfers/waived").and_then(Value::as_i64) == Some(1)).then_some(()))
    })
    .await?;
    w.delete(&abroad).await?;
    w.delete(&exception).await
}

async fn an_ephemeral_container_cannot_reach_what_its_pod_may_not(w: Arc<World>) -> Result<()> {
    declared(&w).await?;
    let clean = pod("debugged", "us-east-1", None);
    w.create(&clean).await?;
    let pods: Api<Pod> = Api::namespaced(w.admin.clone(), "analytics");
    eventually("the Pod to run", 10, || async {
        Ok(pods.get("debugged").await?.status.and_then(|s| s.phase).filter(|p| p == "Running"))
    })
    .await?;
    let patch = json!({"spec": {"ephemeralContainers": [{"name": "dbg", "image": "dbg",
        "envFrom": [{"secretRef": {"name": "accounts-readonly"}}]}]}});
    let result = pods
        .patch_subresource(
            "ephemeralcontainers",
            "debugged",
            &Default::default(),
            &kube::api::Patch::Strategic(patch),
        )
        .await;
    refusal(result)?;
    w.delete(&clean).await
}

async fn the_erasure_secret_is_for_deletion_jobs_alone(w: Arc<World>) -> Result<()> {
    declared(&w).await?;
    let mut thief: Value = serde_json::from_str(&pod("thief", "eu-west-1", Some("accounts-erasure")))?;
    thief["metadata"]["namespace"] = "identity".into();
    let message = refusal(w.create(&thief.to_string()).await)?;
    ensure!(message.contains("accounts-erasure"), "{message}");
    Ok(())
}

/// Runs `during` without the webhook's configuration, and puts it back before it returns.
async fn without_the_webhook(w: &World, during: impl Future<Output = Result<()>>) -> Result<()> {
    let all: Api<ValidatingWebhookConfiguration> = Api::all(w.admin.clone());
    let mut configuration = all.get("carnet").await?;
    all.delete("carnet", &Default::default()).await?;
    let done = during.await;
    configuration.metadata = kube::api::ObjectMeta {
        name: configuration.metadata.name,
        labels: configuration.metadata.labels,
        ..Default::default()
    };
    all.create(&PostParams::default(), &configuration).await?;
    let mut thief: Value = serde_json::from_str(&pod("asked", "eu-west-1", Some("accounts-erasure")))?;
    thief["metadata"]["namespace"] = "identity".into();
    let thief: Pod = serde_json::from_value(thief)?;
    let pods: Api<Pod> = Api::namespaced(w.admin.clone(), "identity");
    // Only asked, never made: what nobody judges would stay.
    let ask = PostParams { dry_run: true, ..Default::default() };
    eventually("the webhook to be asked again", 20, || async {
        Ok(pods.create(&ask, &thief).await.is_err().then_some(()))
    })
    .await?;
    done
}

async fn a_store_that_came_in_unread_is_no_open_border(w: Arc<World>) -> Result<()> {
    declared(&w).await?;
    let unread = json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "DataStore",
    "metadata": {"name": "unread", "namespace": "identity"},
    "spec": {"exporterRef": {"name": "ltd"}, "role": "Controller", "location": {"country": "IE"},
        "engine": {"postgres": {"credentialsSecretRef": {"name": "unread-erasure"}}},
        "datasets": [{"name": "all", "categories": ["account"]}],
        "access": {"secrets": [{"name": "unread-readonly", "namespace": "analytics"}],
            "hosts": ["https://unread.example.com"]}}});
    let applied = async {
        // Nobody reads it on its way in.
        eventually("the store to come in", 20, || async { Ok(w.apply_as(&w.admin, &unread).await.ok()) })
            .await?;
        Ok(())
    };
    without_the_webhook(&w, applied).await?;
    let stores = w.api(&w.admin, &unread)?;
    eventually("the store to be seen", 15, || async {
        let live = stores.get("unread").await?;
        Ok((live.data.pointer("/status/observedGeneration").and_then(Value::as_i64)
            == live.metadata.generation)
            .then_some(()))
    })
    .await?;
    let message = refusal(w.create(&pod("reader", "us-east-1", Some("unread-readonly"))).await)?;
    ensure!(message.contains("identity/unread") && message.contains("cannot be read"), "{message}");
    let mut thief: Value = serde_json::from_str(&pod("thief", "eu-west-1", Some("unread-erasure")))?;
    thief["metadata"]["namespace"] = "identity".into();
    let message = refusal(w.create(&thief.to_string()).await)?;
    ensure!(message.contains("unread-erasure"), "{message}");
    w.delete(&unread.to_string()).await
}
