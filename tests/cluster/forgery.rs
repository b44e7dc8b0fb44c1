//! What a namespace's administrator cannot forge while the operator runs.

use std::sync::Arc;

use anyhow::{Context, Result};
use kube::{Client, api::Patch};
use serde_json::{Value, json};

use crate::{
    cases,
    transfers::declared,
    world::{World, forbidden},
};

cases![
    a_namespace_admin_cannot_create_a_deletion_run,
    a_namespace_admin_cannot_patch_the_status_of_a_run,
    a_pod_cannot_claim_to_be_a_runner,
    a_namespace_admin_cannot_reach_the_erasure_secret_by_any_workload,
];

const OPERATOR_ALONE: &str = "only Carnet's operator writes DeletionRuns";

/// Even with every right that RBAC can give.
async fn namespace_admin(w: &World) -> Result<Client> {
    w.user("admin-of-identity", &["system:masters"]).await
}

/// As the operator makes it.
pub fn run(name: &str, namespace: &str) -> Value {
    json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "DeletionRun", "metadata": {"name": name, "namespace": namespace},
        "spec": {"policy": {"name": "p", "uid": "u"}, "store": {"name": "s", "uid": "u"}, "action": "Apply",
        "decidedAt": "2026-11-24T00:00:00Z", "stateHash": format!("sha256:{}", "0".repeat(64)),
        "targets": [{"dataset": "d", "rules": ["r"], "event": "e", "cutoff": "2026-11-24T00:00:00Z",
            "conditions": [{"event": "e", "cutoff": "2026-11-24T00:00:00Z"}]}]}})
}

async fn a_namespace_admin_cannot_create_a_deletion_run(w: Arc<World>) -> Result<()> {
    let admin = namespace_admin(&w).await?;
    forbidden(w.create_as(&admin, &run("forged", "identity").to_string()).await, &[OPERATOR_ALONE])?;
    Ok(())
}

async fn a_namespace_admin_cannot_patch_the_status_of_a_run(w: Arc<World>) -> Result<()> {
    let operator = w.user("system:serviceaccount:carnet-system:carnet-operator", &["system:masters"]).await?;
    let real = run("real", "identity");
    w.create_as(&operator, &real.to_string()).await.context("create as the operator")?;
    let admin = namespace_admin(&w).await?;
    let api = w.api(&admin, &real)?;
    let status = Patch::Merge(json!({"status": {"phase": "Approved"}}));
    forbidden(api.patch_status("real", &Default::default(), &status).await, &[OPERATOR_ALONE])?;
    let label = Patch::Merge(json!({"metadata": {"labels": {"mine": "yes"}}}));
    forbidden(api.patch("real", &Default::default(), &label).await, &[OPERATOR_ALONE])?;
    forbidden(api.delete("real", &Default::default()).await, &[OPERATOR_ALONE])?;
    let api = w.api(&operator, &real)?;
    api.delete("real", &Default::default()).await?;
    Ok(())
}

async fn a_pod_cannot_claim_to_be_a_runner(w: Arc<World>) -> Result<()> {
    const LABEL: &str = "carnet.dev/run";
    let admin = namespace_admin(&w).await?;
    let forged = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "forged", "namespace": "identity",
        "labels": {"carnet.dev/run": "x", "carnet.dev/step": "erase"}}, "spec": {"serviceAccountName": "carnet-eraser",
        "containers": [{"name": "eraser", "image": "mine", "envFrom": [{"secretRef": {"name": "accounts-erasure"}}]}]}});
    forbidden(w.create_as(&admin, &forged.to_string()).await, &[LABEL]).context("a Pod")?;
    let mut job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "forged", "namespace": "identity",
        "labels": {"carnet.dev/run": "x"}}, "spec": {"template": {"metadata": {"labels": {"carnet.dev/run": "x"}},
        "spec": {"restartPolicy": "Never", "serviceAccountName": "carnet-eraser",
        "containers": [{"name": "eraser", "image": "mine"}]}}}});
    forbidden(w.create_as(&admin, &job.to_string()).await, &[LABEL]).context("a Job with the label")?;
    // Without the label on the Job itself, but on its Pods.
    job["metadata"] = json!({"name": "forged-2", "namespace": "identity"});
    let made = w.create_as(&admin, &job.to_string()).await;
    forbidden(made, &[LABEL]).context("a Job whose Pods have the label")?;
    Ok(())
}

/// Every way in which a container can come by a Secret, and the templates that would make such a Pod later.
async fn a_namespace_admin_cannot_reach_the_erasure_secret_by_any_workload(w: Arc<World>) -> Result<()> {
    declared(&w).await?;
    let admin = namespace_admin(&w).await?;
    let secret = "accounts-erasure";
    let container = |more: Value| {
        let mut container = json!({"name": "app", "image": "mine"});
        for (field, value) in more.as_object().into_iter().flatten() {
            container[field] = value.clone();
        }
        json!({"nodeSelector": {"topology.kubernetes.io/region": "eu-west-1"}, "containers": [container]})
    };
    let mounted = |volume: Value| {
        let mut spec = container(json!({"volumeMounts": [{"name": "v", "mountPath": "/v"}]}));
        spec["volumes"] = json!([volume]);
        spec
    };
    let ways = [
        ("envFrom", container(json!({"envFrom": [{"secretRef": {"name": secret}}]}))),
        (
            "an env value",
            container(
                json!({"env": [{"name": "P", "valueFrom": {"secretKeyRef": {"name": secret, "key": "password"}}}]}),
            ),
        ),
        ("a volume", mounted(json!({"name": "v", "secret": {"secretName": secret}}))),
        (
            "a projected volume",
            mounted(json!({"name": "v", "projected": {"sources": [{"secret": {"name": secret}}]}})),
        ),
    ];
    let says = [
        "may not use Secret identity/accounts-erasure",
        "it erases DataStore identity/accounts, and deletion Jobs alone may use it",
        "use a Secret that the store's spec.access.secrets names",
    ];
    for (way, spec) in &ways {
        let pod = json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "thief", "namespace": "identity"}, "spec": spec});
        let message = forbidden(w.create_as(&admin, &pod.to_string()).await, &says)
            .with_context(|| format!("a Pod by {way}"))?;
        anyhow::ensure!(message.contains("Pod identity/thief"), "{message}");
        let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "thief", "namespace": "identity"},
            "spec": {"selector": {"matchLabels": {"app": "thief"}},
                "template": {"metadata": {"labels": {"app": "thief"}}, "spec": spec}}});
        let message = forbidden(w.create_as(&admin, &deployment.to_string()).await, &says)
            .with_context(|| format!("a Deployment by {way}"))?;
        anyhow::ensure!(message.contains("Deployment identity/thief"), "{message}");
    }
    Ok(())
}
