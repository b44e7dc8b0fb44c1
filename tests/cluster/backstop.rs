//! The backstop: what the API server itself refuses, with the operator there and with the operator gone.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::{
    admissionregistration::v1::ValidatingWebhookConfiguration, core::v1::Pod, events::v1::Event,
};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, Patch, PostParams},
};
use serde_json::{Value, json};

use crate::{
    cases,
    world::{World, eventually, refusal},
};

cases![
    verdicts_are_compiled_and_put_right_when_somebody_else_writes_them,
    nobody_but_the_operator_writes_verdicts,
    what_running_pods_stand_on_alone_is_deleted_with_a_reason_or_not_at_all,
    without_the_operator_a_region_is_allowed_until_its_end,
    without_the_operator_what_is_settled_is_refused_and_nothing_else,
    without_the_operator_a_debugger_needs_a_region_without_an_end,
    without_the_operator_an_object_that_is_missing_takes_nothing_but_its_own_names,
];

const DECLARED: &str = include_str!("../../testbed/demo/declared.yaml");

pub fn backstop(namespace: &str) -> Value {
    json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "TransferBackstop",
        "metadata": {"name": "carnet", "namespace": namespace}})
}

pub fn pod(namespace: &str, name: &str, spec: &Value) -> Value {
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace},
        "spec": {"containers": [{"name": "app", "image": "app"}]}});
    for (field, value) in spec.as_object().into_iter().flatten() {
        pod["spec"][field] = value.clone();
    }
    pod
}

pub fn reader(name: &str, region: &str) -> Value {
    pod(
        "analytics",
        name,
        &json!({"nodeSelector": {"topology.kubernetes.io/region": region},
        "containers": [{"name": "app", "image": "app", "envFrom": [{"secretRef": {"name": "accounts-readonly"}}]}]}),
    )
}

/// The cluster with the operator and the account data, as the chart installs it: with the backstop, no Pod waits for the
/// webhook.
pub async fn scene(w: &World) -> Result<Arc<World>> {
    let w = w.with_backstop().await?;
    failure_policy(&w, "Ignore").await?;
    Ok(w)
}

/// What becomes of Pods and templates that the webhook cannot be asked about.
pub async fn failure_policy(w: &World, policy: &str) -> Result<()> {
    let all: Api<ValidatingWebhookConfiguration> = Api::all(w.admin.clone());
    let mut webhooks = all.get("carnet").await?;
    for hook in webhooks.webhooks.iter_mut().flatten().filter(|h| h.name != "validate.carnet.dev") {
        hook.failure_policy = Some(policy.into());
    }
    webhooks.metadata.managed_fields = None;
    all.replace("carnet", &PostParams::default(), &webhooks).await?;
    Ok(())
}

pub async fn declared(w: &World) -> Result<()> {
    w.apply(DECLARED).await?;
    let host = json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "DataStore",
        "metadata": {"name": "far", "namespace": "identity"},
        "spec": {"exporterRef": {"name": "ltd"}, "role": "Controller", "location": {"country": "IE"},
            "origins": ["EEA"], "engine": {"external": {"description": "a host"}},
            "datasets": [{"name": "all", "categories": ["account.contact"], "subjects": ["Customer"]}],
            "access": {"hosts": ["far.example.com"], "secrets": [{"name": "claimed", "namespace": "made-tonight"},
                {"name": "claimed", "namespace": "comes-and-goes"}]}}});
    w.apply(&host.to_string()).await?;
    shown(w, "analytics", "/spec/secrets/accounts-readonly/0", &json!("identity/accounts")).await?;
    shown(w, "carnet-system", "/spec/words/far.example.com/0", &json!("identity/far")).await
}

pub fn counts() -> Value {
    let mut counts = backstop("carnet-system");
    counts["metadata"]["name"] = "carnet-standing".into();
    counts
}

/// Waits until the object says so, and until the API server has had a moment to read it.
pub async fn shown(w: &World, namespace: &str, pointer: &str, value: &Value) -> Result<()> {
    let api = w.api(&w.admin, &backstop(namespace))?;
    eventually(&format!("{pointer} in {namespace} to be {value}"), 20, || async {
        let live = api.get_opt("carnet").await?;
        Ok(live.filter(|o| o.data.pointer(pointer) == Some(value)).map(drop))
    })
    .await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    Ok(())
}

/// Kills the operator; whoever was asked first has answered by now.
pub fn kill(w: &World) {
    w.kill_operator();
}

pub async fn operator(w: &World) -> Result<Client> {
    w.user("system:serviceaccount:carnet-system:carnet-operator", &["system:masters"]).await
}

async fn verdicts_are_compiled_and_put_right_when_somebody_else_writes_them(w: Arc<World>) -> Result<()> {
    let w = scene(&w).await?;
    declared(&w).await?;
    let operator = operator(&w).await?;
    let api = w.api(&operator, &backstop("analytics"))?;
    let forged = json!({"spec": {"secrets": {"accounts-readonly": null}}});
    api.patch("carnet", &Default::default(), &Patch::Merge(forged)).await.context("forge")?;
    let back = |live: Option<kube::api::DynamicObject>| {
        live.filter(|o| o.data.pointer("/spec/secrets/accounts-readonly").is_some()).map(drop)
    };
    eventually("the edit to be put right", 5, || async { Ok(back(api.get_opt("carnet").await?)) }).await?;
    api.delete("carnet", &DeleteParams::default()).await?;
    eventually("the object to be back", 5, || async { Ok(back(api.get_opt("carnet").await?)) }).await?;
    let mut stray = backstop("billing");
    stray["spec"] = api.get("carnet").await?.data["spec"].clone();
    w.create_as(&operator, &stray.to_string()).await?;
    let billing = w.api(&operator, &stray)?;
    eventually("the stray one to go", 5, || async {
        Ok(billing.get_opt("carnet").await?.is_none().then_some(()))
    })
    .await
}

async fn nobody_but_the_operator_writes_verdicts(w: Arc<World>) -> Result<()> {
    let w = scene(&w).await?;
    declared(&w).await?;
    let api = w.api(&w.admin, &backstop("analytics"))?;
    let edit = json!({"spec": {"stores": {}}});
    let message = refusal(api.patch("carnet", &Default::default(), &Patch::Merge(edit)).await)?;
    ensure!(message.contains("only Carnet's operator"), "{message}");
    refusal(api.delete("carnet", &DeleteParams::default()).await).context("delete")?;
    let mut forged = backstop("billing");
    forged["spec"] = api.get("carnet").await?.data["spec"].clone();
    let admin = w.user("admin-of-billing", &["system:masters"]).await?;
    refusal(w.create_as(&admin, &forged.to_string()).await).context("create")?;
    // With its namespace it goes.
    w.apply("{apiVersion: v1, kind: Namespace, metadata: {name: passing}}").await?;
    let operator = operator(&w).await?;
    forged["metadata"]["namespace"] = "passing".into();
    forged["metadata"]["name"] = "carnet".into();
    w.create_as(&operator, &forged.to_string()).await?;
    w.delete("{apiVersion: v1, kind: Namespace, metadata: {name: passing}}").await
}

fn clauses(name: &str, until: &str) -> String {
    json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "TransferSafeguard", "metadata": {"name": name},
    "spec": {"instrument": {"standardContractualClauses": {"executedOn": "2024-01-15",
        "parties": [{"exporters": ["ltd"], "importers": ["inc"], "module": "ControllerToController"}]}},
        "assessments": [{"regimes": ["EEA"], "country": "US", "completedOn": "2026-02-01", "outcome": "Effective"}],
        "scope": {"namespaces": ["analytics"]}, "validUntil": until}})
    .to_string()
}

async fn what_running_pods_stand_on_alone_is_deleted_with_a_reason_or_not_at_all(
    w: Arc<World>,
) -> Result<()> {
    let w = scene(&w).await?;
    declared(&w).await?;
    let end = "2099-01-01T00:00:00Z";
    w.apply(&clauses("alone", end)).await?;
    shown(&w, "analytics", "/spec/rules/r0/regions/us-east-1", &json!(end)).await?;
    let running = reader("stands", "us-east-1");
    w.create(&running.to_string()).await.context("a lawful Pod")?;
    let counts = w.api(&w.admin, &counts())?;
    eventually("the Pod to be counted", 20, || async {
        let live = counts.get_opt("carnet-standing").await?;
        Ok(live.filter(|o| o.data.pointer("/spec/standing/safeguards/alone") == Some(&json!(1))).map(drop))
    })
    .await?;
    tokio::time::sleep(Duration::from_millis(500)).await;

    let safeguard: Value = serde_json::from_str(&clauses("alone", end))?;
    let safeguards = w.api(&w.admin, &safeguard)?;
    let message = refusal(safeguards.delete("alone", &DeleteParams::default()).await)?;
    ensure!(message.contains("1 running Pod:") && message.contains("carnet.dev/acknowledge"), "{message}");
    let store = json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "DataStore",
        "metadata": {"name": "accounts", "namespace": "identity"}});
    let stores = w.api(&w.admin, &store)?;
    let message = refusal(stores.delete("accounts", &DeleteParams::default()).await)?;
    ensure!(message.contains("identity/accounts is used by 1 running Pod:"), "{message}");
    // Nothing stands on the other one.
    let mut unused = store.clone();
    unused["metadata"]["name"] = "far".into();
    w.delete(&unused.to_string()).await.context("an unused store")?;

    let mark =
        |reason: &str| Patch::Merge(json!({"metadata": {"annotations": {"carnet.dev/acknowledge": reason}}}));
    safeguards.patch("alone", &Default::default(), &mark(" ")).await?;
    refusal(safeguards.delete("alone", &DeleteParams::default()).await).context("an empty reason")?;
    safeguards.patch("alone", &Default::default(), &mark("the contract ended")).await?;
    // As long as a person takes from one command to the next.
    tokio::time::sleep(Duration::from_secs(1)).await;
    safeguards.delete("alone", &DeleteParams::default()).await?;
    let events: Api<Event> = Api::all(w.admin.clone());
    eventually("the acknowledgement to be told", 10, || async {
        let all = events.list(&ListParams::default()).await?;
        let told = |e: &Event| e.note.as_deref().is_some_and(|n| n.contains("the contract ended"));
        Ok(all.items.iter().any(told).then_some(()))
    })
    .await?;
    w.delete(&running.to_string()).await
}

async fn without_the_operator_a_region_is_allowed_until_its_end(w: Arc<World>) -> Result<()> {
    let w = scene(&w).await?;
    declared(&w).await?;
    let end = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() + 30)?;
    w.apply(&clauses("for-a-while", &end.to_string())).await?;
    shown(&w, "analytics", "/spec/rules/r0/regions/us-east-1", &json!(end.to_string())).await?;
    kill(&w);
    let early = reader("early", "us-east-1");
    w.create(&early.to_string()).await.context("before the end")?;
    ensure!(jiff::Timestamp::now() < end, "the machine is too slow for this end");
    let wait = end.duration_since(jiff::Timestamp::now());
    tokio::time::sleep(wait.try_into().unwrap_or_default()).await;
    let message = refusal(w.create(&reader("late", "us-east-1").to_string()).await)?;
    ensure!(message.contains("allowed regions: "), "{message}");
    w.delete(&early.to_string()).await
}

async fn without_the_operator_what_is_settled_is_refused_and_nothing_else(w: Arc<World>) -> Result<()> {
    let w = scene(&w).await?;
    kill(&w);
    let message = refusal(w.create(&reader("abroad", "us-east-1").to_string()).await)?;
    for words in [
        "Pod analytics/abroad: no safeguard for EEA data of identity/accounts",
        "eu-west-1",
        "TransferSafeguard",
    ] {
        ensure!(message.contains(words), "`{words}` is missing in:\n{message}");
    }
    let requirement = |values: &[&str]| json!({"matchExpressions": [{"key": "topology.kubernetes.io/region", "operator": "In", "values": values}]});
    let with = |name: &str, terms: &[Value], node: Option<&str>| {
        let mut pod = reader(name, "eu-west-1");
        pod["spec"]["nodeSelector"] = Value::Null;
        pod["spec"]["nodeName"] = json!(node);
        if !terms.is_empty() {
            pod["spec"]["affinity"] = json!({"nodeAffinity":
                {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}});
        }
        pod
    };
    let somewhere = json!({"matchExpressions": [{"key": "size", "operator": "Exists"}]});
    for (what, pod, admitted) in [
        ("in the regime", reader("inside", "eu-west-1"), true),
        ("an unrelated Pod", pod("analytics", "free", &json!({})), true),
        ("not pinned", with("anywhere", &[], None), false),
        ("by its node alone", with("by-node", &[], Some("eu1")), false),
        ("by affinity", with("by-affinity", &[requirement(&["eu-west-1", "eu-central-1"])], None), true),
        ("one value abroad", with("one-abroad", &[requirement(&["eu-west-1", "us-east-1"])], None), false),
        ("one term open", with("one-open", &[requirement(&["eu-west-1"]), somewhere], None), false),
    ] {
        let created = w.create(&pod.to_string()).await;
        if admitted {
            created.with_context(|| format!("{what} is refused"))?;
            w.delete(&pod.to_string()).await?;
        } else {
            refusal(created).context(what)?;
        }
    }
    let pods: Api<Pod> = Api::namespaced(w.admin.clone(), "analytics");
    let dry = PostParams { dry_run: true, ..Default::default() };
    pods.create(&dry, &serde_json::from_value(reader("tried", "us-east-1"))?).await.context("a dry run")?;

    let mut thief = reader("thief", "eu-west-1");
    thief["metadata"]["namespace"] = "identity".into();
    thief["spec"]["containers"][0]["envFrom"][0]["secretRef"]["name"] = "accounts-erasure".into();
    let message = refusal(w.create(&thief.to_string()).await)?;
    ensure!(message.contains("may not use Secret accounts-erasure"), "{message}");
    Ok(())
}

async fn without_the_operator_a_debugger_needs_a_region_without_an_end(w: Arc<World>) -> Result<()> {
    let w = scene(&w).await?;
    kill(&w);
    let debugger = |secret: &str| {
        Patch::Strategic(
            json!({"spec": {"ephemeralContainers": [{"name": format!("d-{secret}"), "image": "d",
            "envFrom": [{"secretRef": {"name": secret}}]}]}}),
        )
    };
    let pods: Api<Pod> = Api::namespaced(w.admin.clone(), "analytics");
    let debug = |name: &'static str, secret: &'static str| {
        let (pods, patch) = (pods.clone(), debugger(secret));
        async move { pods.patch_subresource("ephemeralcontainers", name, &Default::default(), &patch).await }
    };
    let free = pod("analytics", "clean", &json!({}));
    let inside = reader("home", "eu-west-1");
    for pod in [&free, &inside] {
        w.create(&pod.to_string()).await?;
    }
    debug("home", "other").await.context("where the data is")?;
    debug("clean", "other").await.context("of a Pod that uses nothing")?;
    let message = refusal(debug("clean", "accounts-readonly").await)?;
    ensure!(message.contains("copy of the Pod"), "{message}");
    for pod in [free, inside] {
        w.delete(&pod.to_string()).await?;
    }
    Ok(())
}

async fn without_the_operator_an_object_that_is_missing_takes_nothing_but_its_own_names(
    w: Arc<World>,
) -> Result<()> {
    let w = scene(&w).await?;
    kill(&w);
    let operator = operator(&w).await?;
    refusal(w.create(&reader("before", "us-east-1").to_string()).await)?;
    w.api(&operator, &backstop("analytics"))?.delete("carnet", &DeleteParams::default()).await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let by_secret = reader("after", "us-east-1");
    w.create(&by_secret.to_string()).await.context("what nobody knows is not refused")?;
    let mut says_so = reader("says-so", "us-east-1");
    says_so["metadata"]["annotations"] = json!({"carnet.dev/uses": "identity/accounts=read"});
    refusal(w.create(&says_so.to_string()).await).context("the object for the cluster")?;
    w.delete(&by_secret.to_string()).await
}
