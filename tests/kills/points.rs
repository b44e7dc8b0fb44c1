//! Killed before and after every write: each of the points that `platform::failpoint` lists.

use std::sync::Arc;

use anyhow::{Result, ensure};
use carnet::{
    api::v1alpha1::{RunPhase, TransferBackstop, TransferBackstopSpec},
    platform::{OPERATOR_FAILPOINTS, RUNNER_FAILPOINTS},
    testbed::install,
};
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;

use crate::{
    Case,
    oracle::Seed,
    scene::{Scene, status},
    world::{A_STEP, OF_THE_FIRST, World},
};

/// Later batches than the first: something is gone for sure when the runner is killed here.
const MID_RUN: [&str; 3] = ["erase-batch-before:3", "erase-commit-before:3", "erase-commit-after:3"];

/// Where the operator comes to once it has more runs than it keeps.
const OF_PRUNING: [&str; 4] =
    ["job-delete-before", "job-delete-after", "run-delete-before", "run-delete-after"];

/// Where the leader comes to once somebody asks for another authority.
const OF_ROTATION: [&str; 2] = ["authority-rotate-before", "authority-rotate-after"];

/// Where the leader comes to once there is a Pod to evict.
const OF_EVICTION: [&str; 2] = ["evict-before", "evict-after"];

/// Where the leader comes to once there is a verdict that nobody wants.
const OF_BACKSTOP: [&str; 2] = ["backstop-delete-before", "backstop-delete-after"];

pub fn cases() -> Vec<(String, Case)> {
    let mut cases: Vec<(String, Case)> = vec![];
    for point in RUNNER_FAILPOINTS.iter().copied().chain(MID_RUN) {
        cases.push((
            format!("the_runner_killed_at_{}_leaves_what_sql_says", point.replace([':', '-'], "_")),
            Box::new(move |world| Box::pin(runner(world, point))),
        ));
    }
    for point in OPERATOR_FAILPOINTS.iter().copied() {
        let name = format!("the_operator_killed_at_{}_leaves_what_sql_says", point.replace('-', "_"));
        cases.push(if OF_PRUNING.contains(&point) {
            (name, Box::new(move |world| Box::pin(pruning(world, point))))
        } else if OF_BACKSTOP.contains(&point) {
            (name, Box::new(move |world| Box::pin(unwanted(world, point))))
        } else if OF_EVICTION.contains(&point) {
            (name, Box::new(move |world| Box::pin(lapsed(world, point))))
        } else if OF_ROTATION.contains(&point) {
            (name, Box::new(move |world| Box::pin(rotation(world, point))))
        } else {
            (name, Box::new(move |world| Box::pin(operator(world, point))))
        });
    }
    cases
}

async fn runner(world: Arc<World>, point: &'static str) -> Result<()> {
    let scene = Scene::new(&world, Seed::default()).await?;
    world.kubelet.arm(&scene.pods(), point);
    scene.begin().await?;
    scene.ends_as_sql_says().await?;
    let point = point.split(':').next().unwrap_or_default();
    let killed: Vec<_> =
        world.kubelet.ended(&scene.pods()).into_iter().filter(|e| e.exit_code == 137).collect();
    ensure!(killed.len() == 1, "{} runners were killed\n{}", killed.len(), scene.story().await);
    let log = &killed[0].log;
    ensure!(log.contains(&format!("\"failpoint\":\"{point}\"")), "killed elsewhere than at {point}:\n{log}");
    Ok(())
}

async fn operator(world: Arc<World>, point: &'static str) -> Result<()> {
    let scene = Scene::new(&world, Seed::default()).await?;
    if OF_THE_FIRST.contains(&point) {
        // The world began with an operator that was killed there, or it would not be; what came after it works.
        scene.begin().await?;
        return scene.ends_as_sql_says().await;
    }
    // Given something to do only once the operator waits for its point: else another life of it would have done it.
    world.kill_operator_at(point, scene.begin()).await?;
    scene.ends_as_sql_says().await
}

/// The operator's own policies let nobody write a verdict but the operator, so it is written in its name.
async fn unwanted(world: Arc<World>, point: &'static str) -> Result<()> {
    let scene = Scene::new(&world, Seed::default()).await?;
    let operator = format!("system:serviceaccount:{}:{}", install::NAMESPACE, install::SERVICE_ACCOUNT);
    let api: Api<TransferBackstop> =
        Api::namespaced(world.cluster.client_for(&operator, &[]).await?, "default");
    // Another case may be at its own at the same time.
    let name = format!("unwanted-{point}");
    let made = async {
        api.create(&PostParams::default(), &TransferBackstop::new(&name, TransferBackstopSpec::default()))
            .await?;
        scene.begin().await
    };
    world.kill_operator_at(point, made).await?;
    scene.ends_as_sql_says().await?;
    world
        .until("the verdict that nobody wants to be gone", A_STEP, || async {
            Ok(api.get_opt(&name).await?.is_none().then_some(()))
        })
        .await
}

/// A Pod that a controller made, on a node of which nobody knows where it stands, and that comes to say that it uses a store.
async fn lapsed(world: Arc<World>, point: &'static str) -> Result<()> {
    let scene = Scene::new(&world, Seed::default()).await?;
    let namespace = point;
    install::apply(
        &world.admin,
        &[
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": point}}),
        ],
    )
    .await?;
    let pod = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "lapsed", "namespace": namespace,
            "ownerReferences": [{"apiVersion": "example.com/v1", "kind": "Thing", "name": "thing",
                "uid": "11111111-1111-1111-1111-111111111111", "controller": true}]},
        "spec": {"nodeName": point, "terminationGracePeriodSeconds": 0, "automountServiceAccountToken": false,
            "containers": [{"name": "app", "image": "app"}]}});
    install::apply(&world.admin, &[pod]).await?;
    let pods: Api<Pod> = Api::namespaced(world.admin.clone(), namespace);
    let used = format!("{}/{}=read", scene.namespace, scene.name);
    let uses = json!({"metadata": {"annotations": {"carnet.dev/uses": used}}});
    let made = async {
        pods.patch("lapsed", &PatchParams::default(), &Patch::Merge(&uses)).await?;
        scene.begin().await
    };
    world.kill_operator_at(point, made).await?;
    scene.ends_as_sql_says().await?;
    // Whether it was evicted by the life that was killed or by the next, it is gone, and once.
    world
        .until("the Pod to be evicted", A_STEP, || async {
            Ok(pods.get_opt("lapsed").await?.is_none().then_some(()))
        })
        .await
}

/// The webhook is asked by everything that a run does: it stays believed.
async fn rotation(world: Arc<World>, point: &'static str) -> Result<()> {
    let scene = Scene::new(&world, Seed::default()).await?;
    let secrets: Api<Secret> = Api::namespaced(world.admin.clone(), install::NAMESPACE);
    let ask = json!({"metadata": {"annotations": {"carnet.dev/rotate": "now"}}});
    let asked = async {
        secrets.patch("carnet-webhook-ca", &PatchParams::default(), &Patch::Merge(&ask)).await?;
        scene.begin().await
    };
    world.kill_operator_at(point, asked).await?;
    scene.ends_as_sql_says().await
}

async fn pruning(world: Arc<World>, point: &'static str) -> Result<()> {
    let mut scene = Scene::new(&world, Seed { due: 0, visits_due: 0, ..Seed::default() }).await?;
    // A run each second that finds nothing, of which one is kept.
    scene.policy = json!({"approval": "Never", "schedule": {"rescan": "PT1S"}, "limits": {"keepRuns": 1}});
    world.kill_operator_at(point, scene.begin()).await?;
    scene.change(&json!({"schedule": {"rescan": "P1D"}})).await?;
    world
        .until("all runs but the last to be gone", A_STEP, || async {
            let runs = scene.runs().await?;
            Ok((runs.len() == 1 && runs.iter().all(|r| status(r).phase == RunPhase::NothingDue))
                .then_some(()))
        })
        .await?;
    let left = scene.is_truthful().await?;
    ensure!(left.gone == 0, "{left:?}");
    Ok(())
}
