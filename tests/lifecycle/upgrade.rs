//! From an earlier commit, its chart and its programs, to this one, with workloads that run and Pods that come in meanwhile.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use carnet::testbed::accounts::{USER_NAMESPACE, until};
use k8s_openapi::api::apps::v1::Deployment;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::json;

use crate::{
    cases,
    earlier::Earlier,
    load::Stream,
    world::{NAMESPACE, RELEASE, VALUES, World},
};

cases![an_upgrade_from_the_previous_commits_chart_wrongs_no_pod_and_no_workload];

const RATE: u32 = 10;

/// How much longer a test of this module may take than others: it compiles.
pub fn extra_patience(test: &str) -> Duration {
    if test.contains("::upgrade::") { Duration::from_mins(10) } else { Duration::ZERO }
}

async fn an_upgrade_from_the_previous_commits_chart_wrongs_no_pod_and_no_workload(
    w: Arc<World>,
) -> Result<()> {
    let earlier = Earlier::unpacked()?;
    let programs = earlier.programs().await?;
    w.absent().await?;
    let chart = earlier.chart();
    let chart = chart.to_str().context("a path in UTF-8")?;
    let tags = ["image.tag", "eraser.image.tag"].map(|value| format!("--set={value}={}", earlier.tag()));
    let mut args = vec![RELEASE, chart, "--namespace", NAMESPACE];
    args.extend(tags.iter().map(String::as_str));
    args.extend(VALUES);
    let rendered = w.tools.helm(&[&["template"], args.as_slice()].concat()).await?;
    w.load_images_of(&rendered, Some(&programs))?;
    let install = [&["install"], args.as_slice(), &["--create-namespace", "--wait", "--timeout=2m"]].concat();
    w.tools.helm(&install).await.context("the earlier commit")?;
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
}
