//! What the API server enforces is what was installed, and an edit does not stay unseen.

use std::{sync::Arc, time::Instant};

use anyhow::{Context, Result, ensure};
use carnet::{
    enforcement::{Expected, Id, Kind, Live, compare},
    platform::status::{EnforcementState, OperatorStatus},
    testbed::install,
};
use k8s_openapi::api::events::v1::Event;
use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::{
    cases,
    world::{World, eventually},
};

cases![
    what_the_api_server_fills_in_is_no_deviation,
    every_edit_is_reported_within_five_seconds_and_its_end_too,
    what_is_removed_is_reported_and_never_restored,
    the_report_of_a_replica_says_what_it_knows,
];

const NAMESPACE: &str = "carnet-system";

async fn live(w: &World) -> Result<Live> {
    let mut live = Live::new();
    for object in &w.installed.objects {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let kind = object["kind"].as_str().and_then(Kind::named).context("a kind that is compared")?;
        let there = w.api(&w.admin, object)?.get(name).await?;
        live.insert(Id { kind, name: name.into() }, serde_json::to_value(there)?);
    }
    Ok(live)
}

async fn what_the_api_server_fills_in_is_no_deviation(w: Arc<World>) -> Result<()> {
    let expected = Expected::from_documents(w.installed.objects.clone())?;
    let deviations = compare(&expected, &live(&w).await?, None);
    ensure!(deviations.is_empty(), "{deviations:#?}");
    // Where nothing at all is said, everything is filled in.
    let bare = r"
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: bare.example.com}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [example.com], apiVersions: [v1], resources: [things], operations: [CREATE]}]
    excludeResourceRules: [{apiGroups: [example.com], apiVersions: [v1], resources: [others], operations: [CREATE]}]
  validations: [{expression: 'true'}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: bare.example.com}
spec:
  policyName: bare.example.com
  validationActions: [Warn]
  matchResources:
    resourceRules: [{apiGroups: [example.com], apiVersions: [v1], resources: [things], operations: [CREATE]}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: bare.example.com}
webhooks:
- name: bare.example.com
  admissionReviewVersions: [v1]
  sideEffects: None
  clientConfig: {service: {name: nobody, namespace: default}}
  rules: [{apiGroups: [example.com], apiVersions: [v1], resources: [things], operations: [CREATE]}]
";
    w.apply(bare).await?;
    let documents = install::documents_of(bare, "bare")?;
    let mut live = Live::new();
    for object in &documents {
        let kind = object["kind"].as_str().and_then(Kind::named).context("a kind that is compared")?;
        let there = w.api(&w.admin, object)?.get("bare.example.com").await?;
        live.insert(Id { kind, name: "bare.example.com".into() }, serde_json::to_value(there)?);
    }
    w.delete(bare).await?;
    let found: Vec<String> =
        compare(&Expected::from_documents(documents)?, &live, None).iter().map(ToString::to_string).collect();
    // The bundle alone is written by somebody else.
    ensure!(found.len() == 1 && found[0].contains("caBundle"), "{found:#?}");
    Ok(())
}

/// Waits until the metric says so, and tells how long that took.
async fn intact(w: &World, value: &str) -> Result<f64> {
    let (begin, line) = (Instant::now(), format!("carnet_enforcement_intact {value}"));
    eventually(&format!("{line} within 5 s"), 5, || async {
        Ok(w.metrics()?.lines().any(|l| l.starts_with(&line)).then_some(()))
    })
    .await?;
    Ok(begin.elapsed().as_secs_f64())
}

/// Waits for an Event of this reason whose note has this in it.
async fn event(w: &World, reason: &str, part: &str) -> Result<Event> {
    let events: Api<Event> = Api::namespaced(w.admin.clone(), NAMESPACE);
    eventually(&format!("an Event {reason} about {part}"), 5, || async {
        let all = events.list(&kube::api::ListParams::default()).await?;
        Ok(all.into_iter().find(|e| {
            e.reason.as_deref() == Some(reason) && e.note.as_ref().is_some_and(|n| n.contains(part))
        }))
    })
    .await
}

async fn edit(w: &World, object: &Value, patch: &Value) -> Result<DynamicObject> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let patch = Patch::Json::<()>(serde_json::from_value(patch.clone())?);
    Ok(w.api(&w.admin, object)?.patch(name, &PatchParams::default(), &patch).await?)
}

/// The object as it was: what was added by hand goes with the whole object's replacement.
async fn restore(w: &World, before: DynamicObject, object: &Value) -> Result<()> {
    let api = w.api(&w.admin, object)?;
    let name = before.metadata.name.clone().unwrap_or_default();
    let mut back = before;
    back.metadata.resource_version = api.get(&name).await?.metadata.resource_version;
    back.metadata.managed_fields = None;
    api.replace(&name, &Default::default(), &back).await.map(drop).context("put it back")
}

/// Case C03 of tests/cases.
async fn every_edit_is_reported_within_five_seconds_and_its_end_too(w: Arc<World>) -> Result<()> {
    intact(&w, "1").await?;
    let (policy, binding, webhook) = (
        ("ValidatingAdmissionPolicy", "legal-holds.carnet.dev"),
        ("ValidatingAdmissionPolicyBinding", "deletion-runs.carnet.dev"),
        ("ValidatingWebhookConfiguration", "carnet"),
    );
    let pods = w.installed.object(webhook.0, webhook.1)?["webhooks"].as_array().context("webhooks")?;
    let pods = pods.iter().position(|hook| hook["name"] == "pods.carnet.dev").context("pods.carnet.dev")?;
    let of_pods = |field: &str| format!("/webhooks/{pods}/{field}");
    let table = [
        (
            policy,
            json!([{"op": "replace", "path": "/spec/failurePolicy", "value": "Ignore"}]),
            "spec.failurePolicy",
        ),
        (
            policy,
            json!([{"op": "add", "path": "/spec/matchConditions", "value": [{"name": "never", "expression": "false"}]}]),
            "spec.matchConditions",
        ),
        (
            policy,
            json!([{"op": "add", "path": "/spec/matchConstraints/objectSelector/matchLabels", "value": {"a": "b"}}]),
            "objectSelector",
        ),
        (
            binding,
            json!([{"op": "replace", "path": "/spec/validationActions", "value": ["Audit"]}]),
            "spec.validationActions",
        ),
        (
            webhook,
            json!([{"op": "add", "path": of_pods("namespaceSelector/matchExpressions/-"),
                "value": {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["analytics"]}}]),
            "webhooks[pods.carnet.dev].namespaceSelector",
        ),
        (
            webhook,
            json!([{"op": "replace", "path": of_pods("timeoutSeconds"), "value": 1}]),
            "timeoutSeconds",
        ),
    ];
    let mut slowest: f64 = 0.0;
    for ((kind, name), patch, part) in table {
        let object = w.installed.object(kind, name)?;
        let before = w.api(&w.admin, object)?.get(name).await?;
        edit(&w, object, &patch).await.with_context(|| part.to_owned())?;
        let seen = intact(&w, "0").await.with_context(|| part.to_owned());
        let told = event(&w, "EnforcementChanged", part).await;
        restore(&w, before, object).await?;
        slowest = slowest.max(seen?);
        let told = told?;
        let note = told.note.unwrap_or_default();
        ensure!(note.contains(name) && note.contains("apply what was installed again"), "{note}");
        ensure!(told.regarding.is_some_and(|r| r.kind.as_deref() == Some("Deployment")));
        slowest = slowest.max(intact(&w, "1").await.with_context(|| part.to_owned())?);
    }
    event(&w, "EnforcementIntact", "as installed again").await?;
    #[allow(clippy::print_stdout, reason = "a measurement to read")]
    {
        println!("slowest report: {slowest:.1} s");
    }
    Ok(())
}

/// Case C04 of tests/cases.
async fn what_is_removed_is_reported_and_never_restored(w: Arc<World>) -> Result<()> {
    intact(&w, "1").await?;
    let object = w.installed.object("ValidatingAdmissionPolicyBinding", "runner-jobs.carnet.dev")?.clone();
    let api = w.api(&w.admin, &object)?;
    api.delete("runner-jobs.carnet.dev", &Default::default()).await?;
    let seen = intact(&w, "0").await;
    let told = event(&w, "EnforcementMissing", "runner-jobs.carnet.dev is missing").await;
    let there = api.get_opt("runner-jobs.carnet.dev").await?;
    install::apply(&w.admin, &[object]).await?;
    seen?;
    told?;
    ensure!(there.is_none(), "the operator restored it");
    intact(&w, "1").await?;
    Ok(())
}

async fn the_report_of_a_replica_says_what_it_knows(w: Arc<World>) -> Result<()> {
    intact(&w, "1").await?;
    let text = w.ask("/status")?;
    let status: OperatorStatus = serde_json::from_str(&text).with_context(|| text.clone())?;
    ensure!(status.enforcement.state == EnforcementState::Intact, "{text}");
    ensure!(status.leads && status.caches.loaded && status.caches.stale.is_none(), "{text}");
    ensure!(status.mode == "Enforce" && status.erasure_namespaces == ["identity", "withheld"], "{text}");
    for secret in ["PRIVATE KEY", "token", "password"] {
        ensure!(!text.contains(secret), "{secret} in {text}");
    }
    Ok(())
}
