//! `--on-lapse Evict`: who goes when cover ends, who stays, and how fast.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use crate::{
    cases,
    flows::says,
    steering::{event, pods, workload},
    transfers::declared,
    world::{World, eventually},
};

cases![
    eviction_waits_for_a_budget_says_so_and_what_was_evicted_comes_back_once_it_is_lawful,
    eviction_leaves_a_bare_pod_and_says_what_to_do,
    eviction_takes_no_more_than_its_pace_allows,
];

fn clauses(name: &str, until: Timestamp) -> Value {
    json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "TransferSafeguard", "metadata": {"name": name},
        "spec": {"instrument": {"standardContractualClauses": {"executedOn": "2024-01-15",
            "parties": [{"exporters": ["ltd"], "importers": ["inc"], "module": "ControllerToController"}]}},
            "assessments": [{"regimes": ["EEA"], "country": "US", "completedOn": "2026-02-01", "outcome": "Effective"}],
            "scope": {"namespaces": ["analytics"]}, "validUntil": until.to_string()}})
}

fn abroad() -> Value {
    json!({"nodeSelector": {"topology.kubernetes.io/region": "us-east-1"}})
}

fn in_seconds(seconds: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_secs(seconds)
}

fn accounts() -> Value {
    json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "DataStore",
        "metadata": {"name": "accounts", "namespace": "identity"}})
}

/// Waits until so many Pods of a workload run, and gives their uids.
async fn running(w: &World, name: &str, count: usize, seconds: u64) -> Result<Vec<String>> {
    eventually(&format!("{count} Pods of {name} to run"), seconds, || async {
        let all = pods(w, name).await?;
        let runs = |p: &&Pod| {
            p.metadata.deletion_timestamp.is_none()
                && p.status.as_ref().is_some_and(|s| s.phase.as_deref() == Some("Running"))
        };
        let uids: Vec<String> = all.iter().filter(runs).filter_map(|p| p.metadata.uid.clone()).collect();
        Ok((uids.len() == count).then_some(uids))
    })
    .await
}

async fn admitted(w: &World, object: &Value) -> Result<()> {
    eventually("the workload to be admitted", 10, || async { Ok(w.create(&object.to_string()).await.ok()) })
        .await
}

async fn eviction_waits_for_a_budget_says_so_and_what_was_evicted_comes_back_once_it_is_lawful(
    w: Arc<World>,
) -> Result<()> {
    let w = w.with_steering().await?;
    declared(&w).await?;
    let first = clauses("evict-budget", in_seconds(12));
    w.apply_as(&w.admin, &first).await?;
    let deployment = workload("Deployment", "guarded", &abroad());
    let budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "guarded", "namespace": "analytics"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "guarded"}}}});
    w.create(&budget.to_string()).await?;
    admitted(&w, &deployment).await?;
    let uids = running(&w, "guarded", 1, 10).await?;
    let note = event(&w, "guarded", "EvictionBlocked", 30).await?;
    ensure!(note.contains("disruption budget"), "{note}");
    says(&w, &accounts(), "Evicting", "False", "cannot be evicted now").await?;
    ensure!(running(&w, "guarded", 1, 1).await? == uids, "it went in spite of its budget");
    w.delete(&budget.to_string()).await?;
    eventually("the Pod to be evicted", 60, || async {
        Ok(pods(&w, "guarded").await?.is_empty().then_some(()))
    })
    .await?;
    event(&w, "guarded", "Evicted", 5).await?;
    says(&w, &accounts(), "Evicting", "False", "no Pod is to be evicted").await?;
    ensure!(w.metrics()?.contains("carnet_transfers_evictions_total{result=\"blocked\"}"));
    // Nobody touches it: its controller tries again by itself.
    let second = clauses("evict-budget-again", in_seconds(3600));
    w.apply_as(&w.admin, &second).await?;
    let again = running(&w, "guarded", 1, 90).await?;
    ensure!(again != uids);
    let stored = w.api(&w.admin, &deployment)?.get("guarded").await?;
    ensure!(stored.metadata.generation == Some(1), "somebody changed its spec");
    for object in [deployment, first, second] {
        w.delete(&object.to_string()).await?;
    }
    Ok(())
}

async fn eviction_leaves_a_bare_pod_and_says_what_to_do(w: Arc<World>) -> Result<()> {
    let w = w.with_steering().await?;
    declared(&w).await?;
    let safeguard = clauses("evict-bare", in_seconds(8));
    w.apply_as(&w.admin, &safeguard).await?;
    let spec = &workload("Deployment", "bare", &abroad())["spec"]["template"]["spec"];
    let bare = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "bare", "namespace": "analytics", "labels": {"app": "bare"}}, "spec": spec});
    admitted(&w, &bare).await?;
    let uids = running(&w, "bare", 1, 7).await?;
    let note = event(&w, "bare", "NotEvicted", 20).await?;
    ensure!(note.contains("no controller would make another one") && note.contains("delete it"), "{note}");
    tokio::time::sleep(Duration::from_secs(3)).await;
    ensure!(running(&w, "bare", 1, 1).await? == uids, "a bare Pod was evicted");
    w.delete(&bare.to_string()).await?;
    w.delete(&safeguard.to_string()).await
}

async fn eviction_takes_no_more_than_its_pace_allows(w: Arc<World>) -> Result<()> {
    let w = w.with_steering().await?;
    declared(&w).await?;
    let safeguard = clauses("evict-pace", in_seconds(12));
    w.apply_as(&w.admin, &safeguard).await?;
    let mut deployment = workload("Deployment", "many", &abroad());
    deployment["spec"]["replicas"] = 6.into();
    admitted(&w, &deployment).await?;
    running(&w, "many", 6, 10).await?;
    let left = |n: usize| {
        let w = w.clone();
        async move {
            eventually(&format!("{n} Pods to be left"), 40, || async {
                let all = pods(&w, "many").await?;
                let stay = all.iter().filter(|p| p.metadata.deletion_timestamp.is_none()).count();
                Ok((stay <= n).then_some(stay))
            })
            .await
        }
    };
    let stay = left(5).await?;
    ensure!(stay >= 4, "{} went at once, and a burst is 2", 6 - stay);
    let begin = Instant::now();
    left(0).await?;
    let took = begin.elapsed().as_secs_f64();
    ensure!(took >= 2.5, "four went within {took} s at one a second");
    w.delete(&deployment.to_string()).await?;
    w.delete(&safeguard.to_string()).await
}
