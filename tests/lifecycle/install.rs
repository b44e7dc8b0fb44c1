//! From the documents' words: installed, a Pod refused, admitted under a safeguard, and a deletion from plan to proof.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use carnet::{
    api::v1alpha1::{DeletionRun, RunPhase, TransferSafeguard},
    testbed::{
        accounts::{self, Accounts, STORE_NAMESPACE, USER_NAMESPACE, until},
        install,
    },
};
use k8s_openapi::api::apps::v1::Deployment;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, PostParams},
};
use serde_json::json;

use crate::{
    cases,
    world::{NAMESPACE, PLUGIN, RELEASE, World},
};

cases![
    helm_installs_it_and_both_replicas_are_ready,
    what_it_installs_warns_of_nothing_and_passes_its_own_test,
    a_pod_with_data_to_abroad_is_refused_and_says_what_would_help,
    the_same_pod_is_admitted_under_a_safeguard,
    a_deletion_runs_from_plan_to_proof,
];

/// Restricted Pod security, a read-only root, a user without rights, a token, a Service, a certificate: all of it for real.
async fn helm_installs_it_and_both_replicas_are_ready(w: Arc<World>) -> Result<()> {
    w.absent().await?;
    w.present().await?;
    let replicas = w.replicas().await?;
    ensure!(replicas.len() == 2, "{replicas:?}");
    ensure!(replicas[0].node != replicas[1].node, "both replicas are on one node: {replicas:?}");
    w.leader().await?;
    Ok(())
}

async fn what_it_installs_warns_of_nothing_and_passes_its_own_test(w: Arc<World>) -> Result<()> {
    w.present().await?;
    let deprecated = w.tools.kubectl(&["get", "events", "-n", NAMESPACE, "-o", "name"]).await?;
    ensure!(!deprecated.is_empty(), "the namespace has no Event at all");
    w.tools.helm(&["test", RELEASE, "--namespace", NAMESPACE, "--timeout=2m"]).await.map(drop)
}

async fn a_pod_with_data_to_abroad_is_refused_and_says_what_would_help(w: Arc<World>) -> Result<()> {
    w.declared().await?;
    let pod = Accounts::try_pod(&w.admin).await?.err().context("it was admitted")?;
    says(&pod, &["no safeguard", "EEA", "identity/accounts"])?;
    // Who applies a workload is told before there is a Pod, and in full.
    let mut template = serde_json::to_value(Accounts::pod()?)?;
    template["metadata"] = json!({"labels": {"app": "report"}});
    let workload = serde_json::from_value(json!({"metadata": {"name": "report"}, "spec": {
        "selector": {"matchLabels": {"app": "report"}}, "template": template}}))?;
    let deployments: Api<Deployment> = Api::namespaced(w.admin.clone(), USER_NAMESPACE);
    match deployments.create(&PostParams::default(), &workload).await {
        Err(kube::Error::Api(status)) => says(
            &status.message,
            &["identity/accounts", "accounts-readonly", "EEA", "us-east-1", "US", "TransferSafeguard"],
        ),
        Err(error) => Err(error.into()),
        Ok(_) => bail!("the workload was admitted"),
    }
}

fn says(message: &str, words: &[&str]) -> Result<()> {
    let missing: Vec<_> = words.iter().filter(|word| !message.contains(**word)).collect();
    ensure!(missing.is_empty(), "{missing:?} is missing in:\n{message}");
    Ok(())
}

async fn the_same_pod_is_admitted_under_a_safeguard(w: Arc<World>) -> Result<()> {
    w.declared().await?;
    let end = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    Accounts::safeguard(&w.admin, end).await?;
    until("the Pod to be admitted", 15, || async {
        Ok(Accounts::try_pod(&w.admin).await.ok().and_then(Result::ok))
    })
    .await?;
    w.pod_gone(USER_NAMESPACE, "report").await?;
    // As long as the Pod is counted, its safeguard is not let go.
    let safeguards: Api<TransferSafeguard> = Api::all(w.admin.clone());
    until("the safeguard to be deleted", 20, || async {
        safeguards.delete("intragroup-scc", &DeleteParams::default()).await.map(|_| Some(()))
    })
    .await?;
    // Nothing that later tests call settled may still stand on it.
    until("the Pod to be refused again", 15, || async {
        let answer = Accounts::try_pod(&w.admin).await;
        Ok(matches!(answer, Ok(Err(_))).then_some(()))
    })
    .await?;
    Ok(())
}

async fn a_deletion_runs_from_plan_to_proof(w: Arc<World>) -> Result<()> {
    w.declared().await?;
    for text in [accounts::HOLD, accounts::POLICY] {
        install::apply(&w.admin, &install::documents_of(text, "a manifest")?).await?;
    }
    let run = Accounts::planned(&w.admin).await?;
    let status = run.status.clone().unwrap_or_default();
    ensure!(status.phase == RunPhase::AwaitingApproval, "{:?}: {:?}", status.phase, status.message);
    Accounts::approve(&w.cluster, PLUGIN.as_ref(), &run.name_any())?;
    let status = Accounts::ended(&w.admin).await?.status.unwrap_or_default();
    ensure!(status.phase == RunPhase::Succeeded, "{:?}: {:?}", status.phase, status.message);
    let result = status.result.unwrap_or_default();
    ensure!(result.verified && result.deleted_at_least == 700, "{result:?}");
    let accounts = w.accounts().await?;
    let (due, not_due, held) = (accounts.due()?, accounts.not_due()?, accounts.sign_ins()?);
    ensure!((due, not_due, held) == (0, 300, 5000), "due {due}, not due {not_due}, held {held}");
    let runs: Api<DeletionRun> = Api::namespaced(w.admin.clone(), STORE_NAMESPACE);
    let owners = runs.get(&run.name_any()).await?.metadata.owner_references.unwrap_or_default();
    ensure!(owners.is_empty(), "evidence that goes with another object: {owners:?}");
    Ok(())
}
