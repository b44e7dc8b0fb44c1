//! The roles `carnet-diagnose`, as the chart ships them: who has them is told everything that status and doctor ask for.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use kube::{Api, Client, api::PostParams};
use serde_json::{Value, json};

use crate::{
    cases,
    world::{World, eventually},
};

cases![who_may_diagnose_is_told_everything_and_may_change_nothing];

const GROUP: &str = "platform-team";
const PERSON: &str = "sre@example.com";
const RBAC: &str = "rbac.authorization.k8s.io";

/// What the command may not look at; both commands write it under the same name.
async fn unknown(w: &World, command: &str) -> Result<BTreeSet<String>> {
    let kubeconfig = w.kubeconfig_of_user(PERSON, &[GROUP])?;
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_kubectl-carnet"))
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .args([command, "-o", "json"])
        .output()
        .await?;
    let report: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    let all = report["unknown"].as_array().context("what is not known")?;
    let all = all.iter().filter_map(Value::as_str).filter(|why| why.contains("you may not"));
    Ok(all.map(Into::into).collect())
}

fn binding(kind: &str, role: &str, namespace: Option<&str>) -> Value {
    json!({"apiVersion": format!("{RBAC}/v1"), "kind": kind,
        "metadata": {"name": "diagnose-tried", "namespace": namespace},
        "roleRef": {"apiGroup": RBAC, "kind": role, "name": "carnet-diagnose"},
        "subjects": [{"apiGroup": RBAC, "kind": "Group", "name": GROUP}]})
}

async fn who_may_diagnose_is_told_everything_and_may_change_nothing(w: Arc<World>) -> Result<()> {
    let of_cluster = binding("ClusterRoleBinding", "ClusterRole", None);
    let of_namespace = binding("RoleBinding", "Role", Some("carnet-system"));
    let told = told(&w, &of_cluster, &of_namespace).await;
    for object in [&of_cluster, &of_namespace] {
        w.api(&w.admin, object)?.delete("diagnose-tried", &kube::api::DeleteParams::default()).await?;
    }
    told
}

async fn told(w: &World, of_cluster: &Value, of_namespace: &Value) -> Result<()> {
    w.put(&[of_cluster.clone(), of_namespace.clone()]).await?;
    let told = eventually("status to be told everything", 20, || async {
        Ok(unknown(w, "status").await?.is_empty().then_some(()))
    })
    .await;
    if told.is_err() {
        bail!("status goes on not knowing: {:?}", unknown(w, "status").await?);
    }
    // Doctor tries the way to the webhook by a dry run of a Party, and to create one is the privacy officer's right.
    // That it was not tried is noted.
    let missing = unknown(w, "doctor").await?;
    ensure!(missing.is_empty(), "{missing:?}");
    // The way to what a replica says of itself, and no other.
    let person = w.user(PERSON, &[GROUP]).await?;
    for (verb, resource, namespace, allowed) in [
        ("get", "pods/proxy", "carnet-system", true),
        ("update", "pods/proxy", "carnet-system", false),
        ("get", "pods/proxy", "identity", false),
        ("list", "pods", "identity", false),
        ("list", "secrets", "carnet-system", false),
        ("get", "configmaps", "carnet-system", false),
        ("create", "parties.carnet.dev", "", false),
        ("patch", "legalholds.carnet.dev", "", false),
    ] {
        let may = may(&person, verb, resource, namespace).await?;
        ensure!(may == allowed, "to {verb} {resource} in `{namespace}` is allowed: {may}");
    }
    Ok(())
}

async fn may(person: &Client, verb: &str, resource: &str, namespace: &str) -> Result<bool> {
    let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let review: SelfSubjectAccessReview = serde_json::from_value(json!({"spec": {"resourceAttributes":
        {"verb": verb, "group": group, "resource": resource, "subresource": subresource, "namespace": namespace}}}))?;
    let reviews: Api<SelfSubjectAccessReview> = Api::all(person.clone());
    let answer = reviews.create(&PostParams::default(), &review).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}
