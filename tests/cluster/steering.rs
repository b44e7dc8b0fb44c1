//! `--mixed-placement Steer`: what a controller makes is kept where it is lawful; everything else is refused as before.

use std::sync::Arc;

use anyhow::{Result, ensure};
use k8s_openapi::api::{
    admissionregistration::v1::MutatingWebhookConfiguration, core::v1::Pod, events::v1::Event,
};
use kube::{Api, api::ListParams};
use serde_json::{Value, json};

use crate::{
    cases,
    transfers::declared,
    world::{World, eventually, forbidden},
};

cases![
    steering_keeps_a_controllers_pod_where_it_is_lawful_and_says_so_on_pod_and_owner,
    steering_leaves_daemon_sets_and_peoples_own_pods_to_be_refused,
    steering_is_among_what_is_watched_for_being_as_installed,
];

/// A workload of analytics that uses the account data, without a word about where.
pub fn workload(kind: &str, name: &str, more: &Value) -> Value {
    let mut object = json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": "analytics"},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": {
            "metadata": {"labels": {"app": name}}, "spec": {"terminationGracePeriodSeconds": 1,
            "containers": [{"name": "app", "image": "app", "envFrom": [{"secretRef": {"name": "accounts-readonly"}}]}]}}}});
    if kind == "Deployment" {
        object["spec"]["replicas"] = 1.into();
    }
    for (field, value) in more.as_object().into_iter().flatten() {
        object["spec"]["template"]["spec"][field] = value.clone();
    }
    object
}

/// Pods of that workload.
pub async fn pods(w: &World, name: &str) -> Result<Vec<Pod>> {
    let pods: Api<Pod> = Api::namespaced(w.admin.clone(), "analytics");
    Ok(pods.list(&ListParams::default().labels(&format!("app={name}"))).await?.items)
}

/// Waits for an Event of this reason on an object of that name.
pub async fn event(w: &World, name: &str, reason: &str, seconds: u64) -> Result<String> {
    let events: Api<Event> = Api::all(w.admin.clone());
    eventually(&format!("an Event {reason} on {name}"), seconds, || async {
        let all = events.list(&ListParams::default()).await?;
        Ok(all.into_iter().find_map(|e| {
            let is_it = e.reason.as_deref() == Some(reason)
                && e.regarding.as_ref().is_some_and(|r| r.name.as_deref() == Some(name));
            e.note.filter(|_| is_it)
        }))
    })
    .await
}

async fn steering_keeps_a_controllers_pod_where_it_is_lawful_and_says_so_on_pod_and_owner(
    w: Arc<World>,
) -> Result<()> {
    let w = w.with_steering().await?;
    declared(&w).await?;
    let deployment = workload("Deployment", "roaming", &json!({}));
    w.create(&deployment.to_string()).await?;
    let pod = eventually("the Pod to run", 20, || async {
        let running = |p: &Pod| p.status.as_ref().is_some_and(|s| s.phase.as_deref() == Some("Running"));
        Ok(pods(&w, "roaming").await?.into_iter().find(running))
    })
    .await?;
    let live = serde_json::to_value(&pod)?;
    ensure!(live["spec"]["nodeName"] == "eu1", "{live}");
    let required =
        "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
    let term = json!([{"matchExpressions": [
        {"key": "topology.kubernetes.io/region", "operator": "In", "values": ["eu-west-1"]}]}]);
    ensure!(live.pointer(required) == Some(&term), "{live}");
    let why = live["metadata"]["annotations"]["carnet.dev/steered"].as_str().unwrap_or_default();
    ensure!(why.contains("kept in lawful regions"), "{live}");
    let note = event(&w, "roaming", "Steered", 10).await?;
    ensure!(note.contains("eu-west-1"), "{note}");
    let stored = w.api(&w.admin, &deployment)?.get("roaming").await?;
    ensure!(stored.data.pointer("/spec/template/spec/affinity").is_none(), "what Git owns was changed");
    ensure!(stored.metadata.generation == Some(1), "what Git owns was changed");
    w.delete(&deployment.to_string()).await
}

async fn steering_leaves_daemon_sets_and_peoples_own_pods_to_be_refused(w: Arc<World>) -> Result<()> {
    let w = w.with_steering().await?;
    declared(&w).await?;
    let says = ["Some of the nodes on which it may run are lawful, others are not.", "values: [eu-west-1]"];
    forbidden(w.create(&workload("DaemonSet", "everywhere", &json!({})).to_string()).await, &says)?;
    let spec = &workload("DaemonSet", "own", &json!({}))["spec"]["template"]["spec"];
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "own", "namespace": "analytics"},
        "spec": spec});
    forbidden(w.create(&pod.to_string()).await, &says)?;
    // However its owner is written, the Pod of a DaemonSet is not changed.
    pod["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "everywhere",
        "uid": "00000000-0000-0000-0000-000000000000", "controller": true}]);
    forbidden(w.create(&pod.to_string()).await, &says)?;
    Ok(())
}

async fn steering_is_among_what_is_watched_for_being_as_installed(w: Arc<World>) -> Result<()> {
    let w = w.with_steering().await?;
    let intact = |value: &'static str| {
        let w = w.clone();
        async move {
            eventually(&format!("enforcement to be {value}"), 15, || async {
                Ok(w.metrics()?
                    .lines()
                    .any(|l| l == format!("carnet_enforcement_intact {value}"))
                    .then_some(()))
            })
            .await
        }
    };
    intact("1.0").await?;
    let all: Api<MutatingWebhookConfiguration> = Api::all(w.admin.clone());
    let held = |c: &MutatingWebhookConfiguration| {
        let hooks = c.webhooks.iter().flatten();
        hooks.map(|h| h.client_config.ca_bundle.clone()).collect::<Option<Vec<_>>>()
    };
    let before = held(&all.get("carnet").await?);
    ensure!(before.is_some(), "the operator wrote no authority");
    let cleared = json!([{"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}]);
    let cleared = kube::api::Patch::Json::<()>(serde_json::from_value(cleared)?);
    all.patch("carnet", &Default::default(), &cleared).await?;
    eventually("the authority to be written again", 15, || async {
        Ok((held(&all.get("carnet").await?) == before).then_some(()))
    })
    .await?;
    let edited =
        json!([{"op": "replace", "path": "/webhooks/0/matchConditions/1/expression", "value": "false"}]);
    let edited = kube::api::Patch::Json::<()>(serde_json::from_value(edited)?);
    all.patch("carnet", &Default::default(), &edited).await?;
    intact("0.0").await?;
    let object = w.installed.object("MutatingWebhookConfiguration", "carnet")?;
    carnet::testbed::install::apply(&w.admin, std::slice::from_ref(object)).await?;
    intact("1.0").await
}
