//! From the chart of an earlier commit to this one, with workloads that run and Pods that come in meanwhile.

use std::{path::PathBuf, process::Command, sync::Arc};

use anyhow::{Context, Result, bail, ensure};
use carnet::testbed::accounts::{USER_NAMESPACE, until};
use k8s_openapi::api::apps::v1::Deployment;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::json;

use crate::{
    cases,
    load::Stream,
    world::{CHART, NAMESPACE, RELEASE, VALUES, World, project},
};

cases![an_upgrade_from_the_previous_commits_chart_wrongs_no_pod_and_no_workload];

const RATE: u32 = 10;

async fn an_upgrade_from_the_previous_commits_chart_wrongs_no_pod_and_no_workload(
    w: Arc<World>,
) -> Result<()> {
    let earlier = w.earlier_chart()?;
    w.absent().await?;
    let chart = earlier.to_str().context("a path in UTF-8")?;
    let rendered = w.tools.helm(&["template", RELEASE, chart, "--namespace", NAMESPACE]).await?;
    w.load_images(&rendered)?;
    let mut args = vec![
        "install",
        RELEASE,
        chart,
        "--namespace",
        NAMESPACE,
        "--create-namespace",
        "--wait",
        "--timeout=2m",
    ];
    args.extend(VALUES);
    w.tools.helm(&args).await.context("the earlier chart")?;
    w.answered().await?;
    w.accounts().await?.declare(&w.admin).await?;
    let workload = w.workload().await?;
    let declared = w.declared_objects().await?;

    let stream = Stream::start(&w.admin, RATE);
    let upgraded = async {
        w.present().await?;
        w.rolled_out().await?;
        w.settled().await
    }
    .await;
    let samples = stream.end().await?;
    upgraded.context("the upgrade")?;
    for sample in &samples {
        ensure!(sample.is_right(), "while the chart was upgraded: {sample:?}");
    }
    crate::load::say(&format!("upgraded while {} Pods were sent: none wronged", samples.len()));
    ensure!(w.workload_pods().await? == workload, "the workload's Pods are not the same as before");
    let lost: Vec<_> = declared.difference(&w.declared_objects().await?).cloned().collect();
    ensure!(lost.is_empty(), "lost: {lost:?}");
    // Replicas that went have not pushed the new ones together.
    let replicas = w.replicas().await?;
    ensure!(replicas.len() == 2 && replicas[0].node != replicas[1].node, "not on two nodes: {replicas:?}");
    w.tools.kubectl(&["delete", "deployment", "steady", "-n", USER_NAMESPACE]).await.map(drop)
}

impl World {
    /// A Deployment that runs, unrelated to any store; the uids of its Pods.
    async fn workload(&self) -> Result<String> {
        let deployments: Api<Deployment> = Api::namespaced(self.admin.clone(), USER_NAMESPACE);
        let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "steady"},
            "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "steady"}}, "template": {
                "metadata": {"labels": {"app": "steady"}}, "spec": {"terminationGracePeriodSeconds": 0,
                "containers": [{"name": "app", "image": carnet::testbed::BUSYBOX_IMAGE, "imagePullPolicy": "Never",
                    "command": ["/bin/busybox", "sleep", "3600"]}]}}}});
        deployments.patch("steady", &PatchParams::apply("test"), &Patch::Apply(&deployment)).await?;
        until("the workload to run", 60, || async {
            let status = deployments.get("steady").await?.status.unwrap_or_default();
            Ok((status.ready_replicas == Some(2)).then_some(()))
        })
        .await?;
        self.workload_pods().await
    }

    /// The uids and restarts of its Pods.
    async fn workload_pods(&self) -> Result<String> {
        let columns =
            "jsonpath={range .items[*]}{.metadata.uid} {.status.containerStatuses[*].restartCount} {end}";
        self.tools.kubectl(&["get", "pods", "-n", USER_NAMESPACE, "-l", "app=steady", "-o", columns]).await
    }

    /// The chart of the newest commit before this one that has another, unpacked. Without a history this fails: an
    /// upgrade that was not tried is not one that works.
    fn earlier_chart(&self) -> Result<PathBuf> {
        let history = git(&["rev-list", "--max-count=200", "HEAD"])?;
        let tree = |commit: &str| git(&["rev-parse", "--verify", "--quiet", &format!("{commit}:{CHART}")]);
        let now = tree("HEAD").with_context(|| format!("HEAD has no {CHART}"))?;
        let whole = |commit: &str| git(&["cat-file", "-e", &format!("{commit}:{CHART}/Chart.yaml")]).is_ok();
        let other = history.lines().skip(1).find(|c| whole(c) && tree(c).is_ok_and(|tree| tree != now));
        // As long as there is but one chart, it is upgraded to itself.
        let same = || history.lines().nth(1).filter(|commit| whole(commit));
        let Some(commit) = other.or_else(same) else {
            bail!("no commit before HEAD has {CHART}: an upgrade needs the history (git fetch --unshallow)");
        };
        crate::load::say(&format!("upgrading from the chart of {commit}"));
        let (archive, to) = (self.scratch.path().join("earlier.tar"), self.scratch.path().join("earlier"));
        git(&["archive", "--format=tar", "--output", &archive.to_string_lossy(), commit, CHART])?;
        std::fs::create_dir_all(&to)?;
        let unpacked = Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&to).status()?;
        ensure!(unpacked.success(), "the archive of {commit} cannot be unpacked");
        Ok(to.join(CHART))
    }
}

fn git(args: &[&str]) -> Result<String> {
    let output = Command::new("git").args(args).current_dir(project()).output().context("start git")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "git {}: {complaint}", args.join(" "));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
