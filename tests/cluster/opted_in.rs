//! Namespaces in which deletion Jobs may run: each has a right of its own, which its own people can take away.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::{
    cases,
    world::{World, eventually},
};

cases![a_namespace_without_its_right_says_so_and_holds_up_no_other];

fn policy(namespace: &str) -> Value {
    json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "RetentionPolicy",
        "metadata": {"name": "opted-in", "namespace": namespace},
        "spec": {"storeSelector": {"matchLabels": {"test": "opted-in"}}, "rules": [{"name": "accounts",
            "categories": ["account.contact"], "after": "RelationshipEnded", "deleteAfter": "P3Y", "then": "Delete"}]}})
}

/// What the policy says of itself once the operator has seen it: status and reason of `Ready`, and of `Stalled`.
async fn said(w: &World, policy: &Value) -> Result<Vec<String>> {
    let api = w.api(&w.admin, policy)?;
    eventually("the operator to look at the policy", 30, || async {
        let found = api.get("opted-in").await?;
        let conditions = found.data.pointer("/status/conditions").and_then(Value::as_array);
        let of = |c: &Value| {
            let text = |field: &str| c[field].as_str().unwrap_or_default().to_owned();
            let health = ["Ready", "Stalled"].contains(&c["type"].as_str().unwrap_or_default());
            health.then(|| format!("{}={} {}", text("type"), text("status"), text("reason")))
        };
        Ok(conditions.map(|all| all.iter().filter_map(of).collect()))
    })
    .await
}

async fn a_namespace_without_its_right_says_so_and_holds_up_no_other(w: Arc<World>) -> Result<()> {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "withheld"}});
    let (withheld, given) = (policy("withheld"), policy("identity"));
    w.put(&[namespace.clone(), withheld.clone(), given.clone()]).await?;
    let both = async { anyhow::Ok((said(&w, &withheld).await?, said(&w, &given).await?)) }.await;
    for object in [&withheld, &given, &namespace] {
        let name = object["metadata"]["name"].as_str().context("a name")?;
        w.api(&w.admin, object)?.delete(name, &kube::api::DeleteParams::default()).await?;
    }
    let (withheld, given) = both?;
    ensure!(given == ["Ready=True NoStoreMatches"], "{given:?}");
    let reason = "NamespaceRightMissing";
    ensure!(withheld == [format!("Ready=False {reason}"), format!("Stalled=True {reason}")], "{withheld:?}");
    Ok(())
}
