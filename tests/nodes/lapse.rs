//! What ends, on real kubelets in two regions: a lapse takes a workload away and a safeguard brings it back, and steering
//! lands a Pod where it is lawful.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use carnet::testbed::{
    Level, NodesOptions, Testbed,
    accounts::until,
    chart,
    install::{self, Operator, OperatorOptions},
};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Node, Pod},
};
use kube::{Api, Client, api::ListParams};
use serde_json::{Value, json};

const DECLARED: &str = include_str!("../../testbed/demo/declared.yaml");
const SAFEGUARD: &str = include_str!("../../testbed/demo/safeguard.yaml");

fn deployment(name: &str, more: &Value) -> Value {
    let mut spec = json!({"automountServiceAccountToken": false, "terminationGracePeriodSeconds": 1,
        "containers": [{"name": "app", "image": "carnet.dev/testbed/busybox:1", "imagePullPolicy": "Never",
            "command": ["sleep", "3600"], "envFrom": [{"secretRef": {"name": "accounts-readonly"}}]}]});
    for (field, value) in more.as_object().into_iter().flatten() {
        spec[field] = value.clone();
    }
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "analytics"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": spec}}})
}

async fn safeguard(client: &Client, name: &str, end: Timestamp) -> Result<()> {
    let text = format!("{SAFEGUARD}  validUntil: \"{end}\"\n").replace("intragroup-scc", name);
    Ok(install::apply(client, &install::documents_of(&text, "the safeguard")?).await?)
}

/// The one Pod of a workload that runs and is not on its way out.
async fn running(client: &Client, name: &str, seconds: u64) -> Result<Pod> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), "analytics");
    let mine = ListParams::default().labels(&format!("app={name}"));
    let found = until(&format!("a Pod of {name} to run"), seconds, || async {
        let all = pods.list(&mine).await?.items;
        Ok(all.into_iter().find(|p| {
            p.metadata.deletion_timestamp.is_none()
                && p.status.as_ref().is_some_and(|s| s.phase.as_deref() == Some("Running"))
        }))
    })
    .await;
    Ok(found?)
}

async fn region(client: &Client, pod: &Pod) -> Result<String> {
    let node = pod.spec.as_ref().and_then(|s| s.node_name.as_deref()).context("a node")?;
    let node = Api::<Node>::all(client.clone()).get(node).await?;
    let labels = node.metadata.labels.unwrap_or_default();
    labels.get("topology.kubernetes.io/region").cloned().context("a region")
}

pub async fn play() -> Result<()> {
    let project = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let scratch = tempfile::tempdir()?;
    let cluster = Testbed::obtain(Level::Nodes(NodesOptions::default())).await?;
    let client = cluster.client_admin().await?;
    let webhook = install::free_address(cluster.host())?;
    let values = ["transfers.mixedPlacement=Steer", "transfers.onLapse=Evict"];
    install::apply(&client, &chart::more(&project, &values, webhook)?).await?;
    let options = OperatorOptions {
        program: env!("CARGO_BIN_EXE_carnet-operator").into(),
        logs: scratch.path().into(),
        flags: [
            "--transfers=Enforce",
            "--claims-from=identity",
            "--mixed-placement=Steer",
            "--mutating-webhook-configuration=carnet",
            "--on-lapse=Evict",
        ]
        .map(String::from)
        .to_vec(),
        env: vec![],
        webhook_port: Some(webhook.port()),
    };
    let operator = Operator::start(&cluster, &project, options).await?;
    let played = async {
        declare(&client).await?;
        steers(&client).await.context("steering")?;
        lapses(&client).await.context("a lapse")
    };
    played.await.with_context(|| format!("the operator's last lines\n{}", operator.log_end()))
}

async fn declare(client: &Client) -> Result<()> {
    install::apply(client, &install::documents_of(DECLARED, "the declaration")?).await?;
    let around = [
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "accounts-readonly", "namespace": "analytics"},
            "stringData": {"host": "accounts.example.com"}}),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "analytics"}}),
    ];
    install::apply(client, &around).await?;
    // Admitted by nobody yet: so is known that the store has been taken up.
    let pods: Api<Pod> = Api::namespaced(client.clone(), "analytics");
    let probe: Pod = serde_json::from_value(json!({"metadata": {"name": "probe"},
        "spec": deployment("probe", &abroad())["spec"]["template"]["spec"]}))?;
    let ask = kube::api::PostParams { dry_run: true, ..Default::default() };
    let warned = until("the store to be taken up", 20, || async {
        // A dry run is let in with a warning; the store's own status says more plainly that it is known.
        pods.create(&ask, &probe).await?;
        let stores: Api<carnet::api::v1alpha1::DataStore> = Api::namespaced(client.clone(), "identity");
        let store = stores.get("accounts").await?;
        let seen = store.status.as_ref().and_then(|s| s.observed_generation) == store.metadata.generation;
        Ok(seen.then_some(()))
    });
    Ok(warned.await?)
}

fn abroad() -> Value {
    json!({"nodeSelector": {"topology.kubernetes.io/region": "us-east-1"}})
}

async fn steers(client: &Client) -> Result<()> {
    install::apply(client, &[deployment("roaming", &json!({}))]).await?;
    let pod = running(client, "roaming", 60).await?;
    let region = region(client, &pod).await?;
    ensure!(region == "eu-west-1", "it was steered to {region}");
    let annotations = pod.metadata.annotations.unwrap_or_default();
    ensure!(annotations.contains_key("carnet.dev/steered"), "{annotations:?}");
    Ok(())
}

async fn lapses(client: &Client) -> Result<()> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), "analytics");
    let end = Timestamp::now() + SignedDuration::from_secs(30);
    safeguard(client, "until-it-ends", end).await?;
    let object = deployment("report", &abroad());
    until("the workload to be admitted", 15, || async {
        match install::apply(client, std::slice::from_ref(&object)).await {
            Ok(()) => Ok(Some(())),
            Err(_) => Ok(None),
        }
    })
    .await?;
    let first = running(client, "report", 25).await?;
    ensure!(region(client, &first).await? == "us-east-1");

    let left = end.duration_since(Timestamp::now());
    tokio::time::sleep(Duration::try_from(left).unwrap_or_default()).await;
    let pods: Api<Pod> = Api::namespaced(client.clone(), "analytics");
    let mine = ListParams::default().labels("app=report");
    until("the Pod to be evicted", 30, || async {
        Ok(pods.list(&mine).await?.items.is_empty().then_some(()))
    })
    .await?;
    let refused = until("its replacement to be refused", 30, || async {
        let status = deployments.get("report").await?.status.unwrap_or_default();
        let failed = status
            .conditions
            .unwrap_or_default()
            .into_iter()
            .find(|c| c.type_.as_deref() == Some("ReplicaFailure"));
        Ok(failed.and_then(|c| c.message))
    })
    .await?;
    ensure!(refused.contains("no safeguard for EEA data of identity/accounts in US"), "{refused}");
    ensure!(pods.list(&mine).await?.items.is_empty(), "a replacement came in");

    // Nobody touches the workload from here on.
    safeguard(client, "another", Timestamp::now() + SignedDuration::from_hours(1)).await?;
    let second = running(client, "report", 150).await?;
    ensure!(second.metadata.uid != first.metadata.uid);
    ensure!(region(client, &second).await? == "us-east-1");
    let stored = deployments.get("report").await?;
    if stored.metadata.generation != Some(1) {
        bail!("its spec was changed: {:?}", stored.spec);
    }
    Ok(())
}
