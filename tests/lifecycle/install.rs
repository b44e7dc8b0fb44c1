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
    // Everything is applied once more, so that what the API server has to say of it is said again.
    let again = w.tools.try_helm(&World::upgrade()).await?;
    ensure!(again.success, "{}", again.complaint);
    ensure!(again.warnings().is_empty(), "Helm warns: {:?}", again.warnings());
    // What is known to be warned of is found where it is looked for.
    let known = w.tools.try_kubectl(&["get", "endpoints", "-n", NAMESPACE]).await?;
    ensure!(
        !known.warnings().is_empty(),
        "v1 Endpoints are deprecated, and kubectl said: {}",
        known.complaint
    );
    let rendered = ["apply", "--server-side", "--force-conflicts", "--dry-run=server", "-k", "deploy"];
    let applied = w.tools.try_kubectl(&rendered).await?;
    ensure!(applied.success, "{}", applied.complaint);
    ensure!(applied.warnings().is_empty(), "kubectl warns: {:?}", applied.warnings());
    w.tools.helm(&["test", RELEASE, "--namespace", NAMESPACE, "--timeout=2m"]).await?;
    let made = ["get", "namespace", "carnet-helm-test", "--ignore-not-found", "-o", "name"];
    let left = w.tools.kubectl(&made).await?;
    ensure!(left.is_empty(), "its test leaves {left}");
    Ok(())
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
    w.admitted_under_a_safeguard().await
}

async fn a_deletion_runs_from_plan_to_proof(w: Arc<World>) -> Result<()> {
    w.declared().await?;
    w.deleted_from_plan_to_proof().await
}

impl World {
    /// The Pod that is refused is admitted once a safeguard covers it, and refused again when that is gone.
    pub async fn admitted_under_a_safeguard(&self) -> Result<()> {
        let end = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
        Accounts::safeguard(&self.admin, end).await?;
        Accounts::admitted(&self.admin, 15).await?;
        // As long as the Pod is counted, its safeguard is not let go.
        let safeguards: Api<TransferSafeguard> = Api::all(self.admin.clone());
        until("the safeguard to be deleted", 20, || async {
            safeguards.delete("intragroup-scc", &DeleteParams::default()).await.map(|_| Some(()))
        })
        .await?;
        // Nothing that later tests call settled may still stand on it.
        Accounts::refused(&self.admin, 15).await?;
        Ok(())
    }

    /// What is due is planned, approved, deleted and counted again; no earlier run may be there.
    pub async fn deleted_from_plan_to_proof(&self) -> Result<()> {
        let accounts = self.accounts().await?;
        accounts.due_again()?;
        for text in [accounts::HOLD, accounts::POLICY] {
            install::apply(&self.admin, &install::documents_of(text, "a manifest")?).await?;
        }
        let run = Accounts::planned(&self.admin).await?;
        let status = run.status.clone().unwrap_or_default();
        ensure!(status.phase == RunPhase::AwaitingApproval, "{:?}: {:?}", status.phase, status.message);
        Accounts::approve(&self.cluster, PLUGIN.as_ref(), &run.name_any())?;
        let status = Accounts::ended(&self.admin).await?.status.unwrap_or_default();
        ensure!(status.phase == RunPhase::Succeeded, "{:?}: {:?}", status.phase, status.message);
        let result = status.result.unwrap_or_default();
        ensure!(result.verified && result.deleted_at_least == 700, "{result:?}");
        let (due, not_due, held) = (accounts.due()?, accounts.not_due()?, accounts.sign_ins()?);
        ensure!((due, not_due, held) == (0, 300, 5000), "due {due}, not due {not_due}, held {held}");
        let runs: Api<DeletionRun> = Api::namespaced(self.admin.clone(), STORE_NAMESPACE);
        let owners = runs.get(&run.name_any()).await?.metadata.owner_references.unwrap_or_default();
        ensure!(owners.is_empty(), "evidence that goes with another object: {owners:?}");
        Ok(())
    }
}
