//! What a namespace's administrator cannot forge while the operator runs.

use std::sync::Arc;

use anyhow::{Context, Result};
use serde_json::json;

use crate::{
    cases,
    world::{World, refusal},
};

cases![
    a_namespace_admin_cannot_create_a_deletion_run,
    a_namespace_admin_cannot_patch_the_status_of_a_run,
    a_pod_cannot_claim_to_be_a_runner,
];

fn run(name: &str) -> serde_json::Value {
    json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "DeletionRun", "metadata": {"name": name, "namespace": "identity"},
        "spec": {"policy": {"name": "p", "uid": "u"}, "store": {"name": "s", "uid": "u"}, "action": "Apply",
        "decidedAt": "2026-11-24T00:00:00Z", "stateHash": format!("sha256:{}", "0".repeat(64)),
        "targets": [{"dataset": "d", "rules": ["r"], "event": "e", "cutoff": "2026-11-24T00:00:00Z",
            "conditions": [{"event": "e", "cutoff": "2026-11-24T00:00:00Z"}]}]}})
}

async fn a_namespace_admin_cannot_create_a_deletion_run(w: Arc<World>) -> Result<()> {
    // Even with every right that RBAC can give.
    let admin = w.user("admin-of-identity", &["system:masters"]).await?;
    let message = refusal(w.create_as(&admin, &run("forged").to_string()).await)?;
    anyhow::ensure!(message.contains("operator"), "{message}");
    Ok(())
}

async fn a_namespace_admin_cannot_patch_the_status_of_a_run(w: Arc<World>) -> Result<()> {
    let operator = w.user("system:serviceaccount:carnet-system:carnet-operator", &["system:masters"]).await?;
    w.create_as(&operator, &run("real").to_string()).await.context("create as the operator")?;
    let admin = w.user("admin-of-identity", &["system:masters"]).await?;
    let api = w.api(&admin, &run("real"))?;
    let patch = json!({"status": {"phase": "Approved"}});
    refusal(api.patch_status("real", &Default::default(), &kube::api::Patch::Merge(patch)).await)?;
    refusal(api.delete("real", &Default::default()).await)?;
    let api = w.api(&operator, &run("real"))?;
    api.delete("real", &Default::default()).await?;
    Ok(())
}

async fn a_pod_cannot_claim_to_be_a_runner(w: Arc<World>) -> Result<()> {
    let admin = w.user("admin-of-identity", &["system:masters"]).await?;
    let forged = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "forged", "namespace": "identity",
        "labels": {"carnet.dev/run": "x", "carnet.dev/step": "erase"}}, "spec": {"serviceAccountName": "carnet-eraser",
        "containers": [{"name": "eraser", "image": "mine", "envFrom": [{"secretRef": {"name": "accounts-erasure"}}]}]}});
    refusal(w.create_as(&admin, &forged.to_string()).await)?;
    let mut job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "forged", "namespace": "identity",
        "labels": {"carnet.dev/run": "x"}}, "spec": {"template": {"metadata": {"labels": {"carnet.dev/run": "x"}},
        "spec": {"restartPolicy": "Never", "serviceAccountName": "carnet-eraser",
        "containers": [{"name": "eraser", "image": "mine"}]}}}});
    refusal(w.create_as(&admin, &job.to_string()).await).context("a Job with the label")?;
    // Without the label on the Job itself, but on its Pods.
    job["metadata"] = json!({"name": "forged-2", "namespace": "identity"});
    refusal(w.create_as(&admin, &job.to_string()).await).context("a Job whose Pods have the label")?;
    Ok(())
}
