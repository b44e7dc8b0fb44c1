//! What Flux does with our objects.

use std::sync::Arc;

use anyhow::{Result, ensure};
use carnet::testbed::install;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use crate::{
    cases, fixtures,
    world::{World, condition, eventually, project},
};

cases![
    flux_applies_the_layout_in_order_and_finds_it_healthy,
    flux_sees_no_drift_when_nothing_changed,
    a_safeguard_and_its_workload_arrive_in_one_revision_by_flux,
    flux_says_what_a_person_must_mend,
    flux_says_why_a_safeguard_in_use_is_not_pruned_and_prunes_it_once_acknowledged,
];

/// Commits, publishes, and answers the revision.
async fn push(w: &World, source: &str, files: &[(&str, Option<&str>)]) -> Result<String> {
    let revision = w.repository.commit(files)?;
    w.flux.lock().await.publish(source, &w.repository.artifact(&revision)?).await?;
    Ok(revision)
}

fn is_ready(answer: &str, _reason: &str, _message: &str) -> bool {
    answer == "True"
}

async fn flux_applies_the_layout_in_order_and_finds_it_healthy(w: Arc<World>) -> Result<()> {
    w.repository.copy(&project().join("examples/gitops"), "layout")?;
    let revision = push(&w, "layout", &[]).await?;
    let mut flux = w.flux.lock().await;
    flux.kustomization("platform", "layout", "./layout/platform", json!({})).await?;
    flux.kustomization(
        "identity",
        "layout",
        "./layout/identity",
        json!({"dependsOn": [{"name": "platform"}]}),
    )
    .await?;
    let after = json!({"dependsOn": [{"name": "platform"}, {"name": "identity"}]});
    flux.kustomization("analytics", "layout", "./layout/analytics", after).await?;
    flux.verdict("platform", &revision, 60, is_ready).await?;
    // The namespace is Git's own, so that the right to delete there comes after it; until then its policy is stalled.
    flux.verdict("identity", &revision, 60, |_, reason, _| reason == "HealthCheckFailed").await?;
    install::opt_in(&w.admin, &project(), "identity").await?;
    for name in ["identity", "analytics"] {
        flux.verdict(name, &revision, 90, is_ready).await?;
    }
    drop(flux);
    let store = w.get("carnet.dev/v1alpha1", "DataStore", "identity", "accounts").await?;
    let store = store.ok_or_else(|| anyhow::anyhow!("there is no store"))?;
    ensure!(condition(&store, "Ready") == "True", "{store:?}");
    Ok(())
}

async fn flux_sees_no_drift_when_nothing_changed(w: Arc<World>) -> Result<()> {
    let objects = [
        ("TransferSafeguard", "", "intragroup-scc"),
        ("Party", "", "ltd"),
        ("DataStore", "identity", "accounts"),
        ("RetentionPolicy", "identity", "account-data"),
    ];
    let mut before = vec![];
    for (kind, namespace, name) in objects {
        before.push(
            w.get("carnet.dev/v1alpha1", kind, namespace, name).await?.and_then(|o| o.metadata.generation),
        );
    }
    let revision = push(&w, "layout", &[]).await?;
    for name in ["platform", "identity", "analytics"] {
        w.flux.lock().await.verdict(name, &revision, 60, is_ready).await?;
    }
    for ((kind, namespace, name), before) in objects.into_iter().zip(before) {
        let now =
            w.get("carnet.dev/v1alpha1", kind, namespace, name).await?.and_then(|o| o.metadata.generation);
        ensure!(
            before.is_some() && now == before,
            "{kind} {name} went from generation {before:?} to {now:?}"
        );
    }
    // What Flux changed it logs as configured or created.
    let log = w.flux.lock().await.log_end();
    let applied: Vec<_> =
        log.lines().filter(|l| l.contains("apply completed") && l.contains(&revision)).collect();
    ensure!(applied.iter().any(|l| l.contains("unchanged")), "nothing was applied: {log}");
    let changed: Vec<_> =
        applied.iter().filter(|l| l.contains("configured") || l.contains("created")).collect();
    ensure!(changed.is_empty(), "{changed:?}");
    Ok(())
}

async fn a_safeguard_and_its_workload_arrive_in_one_revision_by_flux(w: Arc<World>) -> Result<()> {
    let files = [
        ("together/parties.yaml", fixtures::parties("together")),
        ("together/safeguard.yaml", fixtures::safeguard("together")),
        ("together/workload.yaml", fixtures::workload("together")),
    ];
    let files: Vec<_> = files.iter().map(|(path, text)| (*path, Some(text.as_str()))).collect();
    let revision = push(&w, "together", &files).await?;
    let mut flux = w.flux.lock().await;
    flux.kustomization("together", "together", "./together", json!({})).await?;
    flux.verdict("together", &revision, 90, is_ready).await?;
    Ok(())
}

async fn flux_says_what_a_person_must_mend(w: Arc<World>) -> Result<()> {
    let revision = push(&w, "unreadable", &[("unreadable/hold.yaml", Some(fixtures::UNREADABLE))]).await?;
    let mut flux = w.flux.lock().await;
    flux.kustomization("unreadable", "unreadable", "./unreadable", json!({})).await?;
    let (_, reason, message) =
        flux.verdict("unreadable", &revision, 60, |a, r, _| a == "False" && r != "Progressing").await?;
    ensure!(reason == "HealthCheckFailed" && message.contains("LegalHold/unreadable"), "{reason}: {message}");
    Ok(())
}

async fn flux_says_why_a_safeguard_in_use_is_not_pruned_and_prunes_it_once_acknowledged(
    w: Arc<World>,
) -> Result<()> {
    // The workload of `together` stands on its safeguard alone; the counts follow its Pods.
    let kind = ("carnet.dev/v1alpha1", "TransferSafeguard");
    let safeguards = w.api(kind.0, kind.1, "").await?;
    let attempt = DeleteParams { dry_run: true, ..DeleteParams::default() };
    eventually("the safeguard's users to be counted", 60, || async {
        Ok(safeguards.delete("together-scc", &attempt).await.err())
    })
    .await?;
    let revision = push(&w, "together", &[("together/safeguard.yaml", None)]).await?;
    let mut flux = w.flux.lock().await;
    let (_, reason, message) =
        flux.verdict("together", &revision, 60, |a, r, _| a == "False" && r != "Progressing").await?;
    println!("Flux on a prune of a safeguard in use: {reason}: {message}");
    ensure!(reason == "PruneFailed" || reason == "ReconciliationFailed", "{reason}: {message}");
    ensure!(message.contains("carnet.dev/acknowledge") && message.contains("together-scc"), "{message}");
    let acknowledge =
        json!({"metadata": {"annotations": {"carnet.dev/acknowledge": "the contract has ended"}}});
    safeguards.patch("together-scc", &PatchParams::default(), &Patch::Merge(&acknowledge)).await?;
    flux.verdict("together", &revision, 60, is_ready).await?;
    drop(flux);
    ensure!(w.get(kind.0, kind.1, "", "together-scc").await?.is_none(), "it is still there");
    Ok(())
}
