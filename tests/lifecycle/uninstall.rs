//! Taken away in every order that people take things away in: nothing is left in anybody's way, nothing hangs, and what was
//! declared and what was recorded stays.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use carnet::testbed::accounts::Accounts;

use crate::{
    cases,
    world::{CHART, NAMESPACE, RELEASE, World},
};

cases![
    an_uninstall_leaves_declarations_and_evidence_and_nothing_that_acts,
    it_is_installed_over_what_was_left_and_judges_at_once,
    a_second_installation_in_another_namespace_is_refused_and_says_why,
    with_the_operator_dead_an_uninstall_is_as_clean,
    with_its_namespace_deleted_first_nothing_hangs_or_blocks,
];

async fn an_uninstall_leaves_declarations_and_evidence_and_nothing_that_acts(w: Arc<World>) -> Result<()> {
    w.declared().await?;
    w.settled().await?;
    let before = w.declared_objects().await?;
    ensure!(before.iter().any(|o| o.starts_with("DataStore")), "nothing is declared: {before:?}");
    w.uninstall().await?;
    w.only_declarations_are_left(&before).await?;
    let verdicts = w.tools.kubectl(&["get", "transferbackstops", "--all-namespaces", "-o", "name"]).await?;
    ensure!(!verdicts.is_empty(), "docs/uninstall.md says that TransferBackstops stay");
    Accounts::admitted(&w.admin, 20).await.context("with nothing there that would refuse it")?;
    w.an_unrelated_pod_runs("afterwards", "eu1").await
}

async fn it_is_installed_over_what_was_left_and_judges_at_once(w: Arc<World>) -> Result<()> {
    w.declared().await?;
    w.uninstall().await?;
    w.present().await?;
    Accounts::refused(&w.admin, 20).await?;
    Ok(())
}

async fn a_second_installation_in_another_namespace_is_refused_and_says_why(w: Arc<World>) -> Result<()> {
    w.present().await?;
    let enforced = w.enforcement().await?;
    let answer = w
        .tools
        .try_helm(&[
            "install",
            "other",
            CHART,
            "--namespace",
            "elsewhere",
            "--create-namespace",
            "--timeout=30s",
        ])
        .await?;
    let _ = w
        .tools
        .try_kubectl(&["delete", "namespace", "elsewhere", "--ignore-not-found", "--wait=false"])
        .await;
    ensure!(!answer.success, "a second installation went through: {}", answer.output);
    ensure!(answer.complaint.contains(NAMESPACE), "it does not say where the first is: {}", answer.complaint);
    ensure!(w.enforcement().await? == enforced, "the first is not what it was");
    w.rolled_out().await?;
    ensure!(Accounts::try_pod(&w.admin).await?.is_err(), "the first judges no more");
    Ok(())
}

async fn with_the_operator_dead_an_uninstall_is_as_clean(w: Arc<World>) -> Result<()> {
    w.declared().await?;
    let before = w.declared_objects().await?;
    w.scaled(0).await?;
    w.uninstall().await?;
    w.only_declarations_are_left(&before).await?;
    w.an_unrelated_pod_runs("afterwards", "us1").await
}

async fn with_its_namespace_deleted_first_nothing_hangs_or_blocks(w: Arc<World>) -> Result<()> {
    w.declared().await?;
    let before = w.declared_objects().await?;
    w.tools.kubectl(&["delete", "namespace", NAMESPACE, "--wait=false"]).await?;
    w.namespace_gone(NAMESPACE, 60).await?;
    // Its release went with it, so that Helm knows of none: what is left is found by its label.
    w.an_unrelated_pod_runs("meanwhile", "eu1").await.context("with the webhook's namespace gone")?;
    w.absent().await?;
    w.only_declarations_are_left(&before).await?;
    w.present().await.context("an installation over what was left")
}

impl World {
    /// As the documents say it; all that is waited for is Helm.
    async fn uninstall(&self) -> Result<()> {
        self.tools
            .helm(&["uninstall", RELEASE, "--namespace", NAMESPACE, "--wait", "--timeout=90s"])
            .await
            .map(drop)
    }
}
