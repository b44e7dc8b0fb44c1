//! What the engines do with Carnet itself: the rendered default by Flux, the chart by Argo CD. The operator's Pods are
//! played; the operator proper is a process that writes its `caBundle` into what the engine keeps.

use std::sync::Arc;

use anyhow::{Result, ensure};
use carnet::{
    api::v1alpha1::LegalHold,
    testbed::{
        Access, ControlPlane, ControlPlaneOptions, FakeNode,
        gitops::{ArgoCd, Flux},
        install::{self, Operator, OperatorOptions},
    },
};
use k8s_openapi::api::{admissionregistration::v1::ValidatingWebhookConfiguration, core::v1::Namespace};
use kube::{Api, Client};
use serde_json::json;

use crate::{
    cases,
    files::Repository,
    world::{World, eventually, health, project},
};

cases![
    flux_applies_the_rendered_default_and_takes_our_ca_bundle_for_no_drift_and_leaves_evidence_when_it_goes,
    argo_cd_syncs_the_chart_and_takes_our_ca_bundle_for_no_drift,
];

async fn cluster() -> Result<ControlPlane> {
    let cluster = ControlPlane::start(ControlPlaneOptions::default()).await?;
    cluster.add_kwok_node(&FakeNode::aws("eu1", "eu-west-1")).await?;
    cluster.add_kwok_node(&FakeNode::aws("eu2", "eu-central-1")).await?;
    Ok(cluster)
}

/// Starts the operator and waits until every webhook has our authority. Answers the configuration's generation.
async fn operator_announces(access: &Access, logs: &std::path::Path) -> Result<(Operator, i64)> {
    let options = OperatorOptions {
        program: env!("CARGO_BIN_EXE_carnet-operator").into(),
        logs: logs.into(),
        flags: vec![],
        env: vec![],
        webhook_port: None,
    };
    let address = install::free_address(access.host())?;
    let operator = Operator::spawn(access, options, address).await?;
    let generation = eventually("our authority in every webhook", 60, || async {
        announced(&access.client_admin().await?).await
    })
    .await?;
    Ok((operator, generation))
}

async fn announced(client: &Client) -> Result<Option<i64>> {
    let api: Api<ValidatingWebhookConfiguration> = Api::all(client.clone());
    let found = api.get("carnet").await?;
    let all = found.webhooks.iter().flatten();
    let whole = all.map(|w| w.client_config.ca_bundle.as_ref()).all(|b| b.is_some_and(|b| !b.0.is_empty()));
    Ok(found.metadata.generation.filter(|_| whole))
}

async fn flux_applies_the_rendered_default_and_takes_our_ca_bundle_for_no_drift_and_leaves_evidence_when_it_goes(
    _: Arc<World>,
) -> Result<()> {
    let (cluster, logs, repository) = (cluster().await?, tempfile::tempdir()?, Repository::new().await?);
    let mut flux = Flux::start(&cluster, logs.path(), &[]).await?;
    repository.copy(&project().join("deploy"), "deploy")?;
    let ready = |answer: &str, _: &str, _: &str| answer == "True";
    let revision = repository.commit(&[])?;
    flux.publish("carnet", &repository.artifact(&revision)?).await?;
    flux.kustomization("carnet", "carnet", "./deploy", json!({"timeout": "60s"})).await?;
    flux.verdict("carnet", &revision, 120, ready).await?;
    let (operator, before) = operator_announces(&cluster, logs.path()).await?;
    let revision = repository.commit(&[])?;
    flux.publish("carnet", &repository.artifact(&revision)?).await?;
    flux.verdict("carnet", &revision, 120, ready).await?;
    let after = announced(&cluster.client_admin().await?).await?;
    ensure!(after == Some(before), "the webhooks went from generation {before} to {after:?}");

    // Whoever deletes the Kustomization takes Carnet away, not what was declared. No webhook is asked about a hold.
    let admin = cluster.client_admin().await?;
    let hold = json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "LegalHold", "metadata": {"name": "stays"},
        "spec": {"reason": "Litigation", "reference": "a case", "placedOn": "2026-01-01",
            "scope": {"storeSelector": {"matchLabels": {"app": "accounts"}}}}});
    install::apply(&admin, &[hold]).await?;
    drop(operator);
    flux.delete("carnet", 120).await?;
    let webhooks: Api<ValidatingWebhookConfiguration> = Api::all(admin.clone());
    ensure!(webhooks.get_opt("carnet").await?.is_none(), "the webhooks stay");
    ensure!(
        Api::<LegalHold>::all(admin.clone()).get_opt("stays").await?.is_some(),
        "what was declared is gone"
    );
    ensure!(Api::<Namespace>::all(admin).get_opt("carnet-system").await?.is_some(), "the namespace is gone");
    Ok(())
}

async fn argo_cd_syncs_the_chart_and_takes_our_ca_bundle_for_no_drift(_: Arc<World>) -> Result<()> {
    let (cluster, logs, repository) = (cluster().await?, tempfile::tempdir()?, Repository::new().await?);
    let mut argocd = ArgoCd::start(&cluster, logs.path(), &health()?).await?;
    repository.copy(&project().join("charts/carnet"), "charts/carnet")?;
    repository.commit(&[])?;
    let source = json!({"path": "charts/carnet", "helm": {"releaseName": "carnet"}});
    argocd.application_in("carnet", "carnet-system", &repository.url(), source).await?;
    let settled =
        |s: &serde_json::Value| s["sync"]["status"] == "Synced" && s["health"]["status"] == "Healthy";
    argocd.status("carnet", "sync and health", 180, settled).await?;
    let (_operator, before) = operator_announces(&cluster, logs.path()).await?;
    for _ in 0..2 {
        let asked = jiff::Timestamp::now().as_second();
        argocd.refresh("carnet").await?;
        let looked = |s: &serde_json::Value| {
            let at = s["reconciledAt"].as_str().and_then(|t| t.parse::<jiff::Timestamp>().ok());
            at.is_some_and(|t| t.as_second() > asked)
        };
        let status = argocd.status("carnet", "a look after the refresh", 60, looked).await?;
        ensure!(status["sync"]["status"] == "Synced", "drift: {}", status["resources"]);
    }
    let after = announced(&cluster.client_admin().await?).await?;
    ensure!(after == Some(before), "the webhooks went from generation {before} to {after:?}");
    Ok(())
}
