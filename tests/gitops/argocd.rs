//! What Argo CD does with our objects.

use std::{process::Command, sync::Arc};

use anyhow::{Context, Result, ensure};
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::{
    cases, fixtures,
    world::{World, eventually, project},
};

cases![
    argo_cd_reads_health_as_the_fixtures_say,
    argo_cd_syncs_the_layout_and_finds_it_healthy_and_without_drift,
    a_safeguard_and_its_workload_arrive_in_one_revision_by_argo_cd,
    argo_cd_shows_as_degraded_what_a_person_must_mend,
    argo_cd_says_why_a_safeguard_in_use_is_not_pruned_and_prunes_it_once_acknowledged,
];

fn is_settled(status: &Value) -> bool {
    status["sync"]["status"] == "Synced" && status["health"]["status"] == "Healthy"
}

/// By Argo CD's own command, which reads the ConfigMap that the project ships.
async fn argo_cd_reads_health_as_the_fixtures_say(_: Arc<World>) -> Result<()> {
    let fixtures = project().join("deploy/argocd/fixtures");
    let mut seen = 0;
    for entry in std::fs::read_dir(&fixtures)? {
        let file = entry?.path();
        let name = file.file_stem().context("a name")?.to_string_lossy().into_owned();
        let expected = name.split('-').next().unwrap_or_default().to_owned();
        let argocd = carnet::testbed::gitops::argocd_program()?;
        let output = Command::new(argocd)
            .env("ARGOCD_BINARY_NAME", "argocd")
            .args(["admin", "settings", "resource-overrides", "health"])
            .arg(&file)
            .arg("--argocd-cm-path")
            .arg(project().join("deploy/argocd/argocd-cm.yaml"))
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout).to_lowercase();
        ensure!(
            said.contains(&format!("status: {expected}")),
            "{name}: {said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        seen += 1;
    }
    ensure!(seen >= 5, "only {seen} fixtures");
    Ok(())
}

async fn argo_cd_syncs_the_layout_and_finds_it_healthy_and_without_drift(w: Arc<World>) -> Result<()> {
    w.repository.copy(&project().join("examples/gitops"), "layout")?;
    w.repository.commit(&[])?;
    let mut argocd = w.argocd.lock().await;
    for name in ["platform", "identity", "analytics"] {
        argocd.application(name, &w.repository.url(), json!({"path": format!("layout/{name}")})).await?;
    }
    for name in ["platform", "identity", "analytics"] {
        argocd.status(name, "sync and health", 120, is_settled).await?;
    }
    // The operator has written its status meanwhile; nothing of it may read as drift.
    for name in ["platform", "identity", "analytics"] {
        argocd.refresh(name).await?;
        let before = jiff::Timestamp::now();
        let status = argocd
            .status(name, "a look after the refresh", 60, |s| {
                let at = s["reconciledAt"].as_str().and_then(|t| t.parse::<jiff::Timestamp>().ok());
                at.is_some_and(|t| t.as_second() >= before.as_second())
            })
            .await?;
        ensure!(status["sync"]["status"] == "Synced", "{name}: {}", status["sync"]);
    }
    Ok(())
}

async fn a_safeguard_and_its_workload_arrive_in_one_revision_by_argo_cd(w: Arc<World>) -> Result<()> {
    let files = [
        ("one/parties.yaml", fixtures::parties("one")),
        ("one/safeguard.yaml", fixtures::safeguard("one")),
        ("one/workload.yaml", fixtures::workload("one")),
    ];
    let files: Vec<_> = files.iter().map(|(path, text)| (*path, Some(text.as_str()))).collect();
    w.repository.commit(&files)?;
    let mut argocd = w.argocd.lock().await;
    argocd.application("one", &w.repository.url(), json!({"path": "one"})).await?;
    argocd.status("one", "sync and health", 120, is_settled).await?;
    Ok(())
}

async fn argo_cd_shows_as_degraded_what_a_person_must_mend(w: Arc<World>) -> Result<()> {
    w.repository.commit(&[("mend/hold.yaml", Some(&fixtures::UNREADABLE.replace("unreadable", "mend")))])?;
    let mut argocd = w.argocd.lock().await;
    argocd.application("mend", &w.repository.url(), json!({"path": "mend"})).await?;
    argocd.status("mend", "health", 90, |s| s["health"]["status"] == "Degraded").await?;
    Ok(())
}

async fn argo_cd_says_why_a_safeguard_in_use_is_not_pruned_and_prunes_it_once_acknowledged(
    w: Arc<World>,
) -> Result<()> {
    let safeguards = w.api("carnet.dev/v1alpha1", "TransferSafeguard", "").await?;
    let attempt = DeleteParams { dry_run: true, ..DeleteParams::default() };
    eventually("the safeguard's users to be counted", 60, || async {
        Ok(safeguards.delete("one-scc", &attempt).await.err())
    })
    .await?;
    w.repository.commit(&[("one/safeguard.yaml", None)])?;
    let mut argocd = w.argocd.lock().await;
    argocd.refresh("one").await?;
    let refused = |s: &Value| {
        let said = s["operationState"]["message"].as_str().unwrap_or_default();
        let results = s["operationState"]["syncResult"]["resources"].to_string();
        said.contains("carnet.dev/acknowledge") || results.contains("carnet.dev/acknowledge")
    };
    let status = argocd.status("one", "a refused prune", 90, refused).await?;
    println!("Argo CD on a prune of a safeguard in use: {}", status["operationState"]["message"]);
    ensure!(safeguards.get_opt("one-scc").await?.is_some(), "it is gone");
    let acknowledge =
        json!({"metadata": {"annotations": {"carnet.dev/acknowledge": "the contract has ended"}}});
    safeguards.patch("one-scc", &PatchParams::default(), &Patch::Merge(&acknowledge)).await?;
    eventually("the prune, once acknowledged", 90, || async {
        Ok(safeguards.get_opt("one-scc").await?.is_none().then_some(()))
    })
    .await
}
