//! Two of what there ought to be one of.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use carnet::{
    api::v1alpha1::{DeletionRun, RunPhase},
    handover::{Reason, Report, decode},
    testbed::install,
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::json;

use crate::{
    Case, case,
    oracle::Seed,
    scene::{Scene, status},
    world::{A_STEP, World},
};

pub fn cases() -> Vec<(String, Case)> {
    vec![case!(two_operators_at_once_delete_nothing_twice), case!(a_replaced_run_deletes_nothing_unplanned)]
}

async fn two_operators_at_once_delete_nothing_twice(world: Arc<World>) -> Result<()> {
    let mut scenes = vec![];
    for _ in 0..3 {
        let mut scene = Scene::new(&world, Seed::default()).await?;
        scene.policy = json!({"approval": "Never", "limits": {"itemsPerSecond": 200}});
        scenes.push(scene);
    }
    {
        let mut leader = world.take_operator().await;
        let mut first = world.operator(None).await?;
        let mut second = world.operator(None).await?;
        first.ready().await?;
        second.ready().await?;
        for scene in &scenes {
            scene.begin().await?;
        }
        scenes[0].last_run("a run to erase", |run| status(run).phase == RunPhase::Erasing).await?;
        // One of them goes, and the other does not notice.
        first.kill();
        for scene in &scenes {
            scene.end().await?;
        }
        *leader = Some(second);
    }
    for scene in &scenes {
        scene.ends_as_sql_says().await?;
        let begun: Vec<_> =
            scene.runs().await?.iter().map(status).filter(|status| status.begun_at.is_some()).collect();
        let result = begun.first().and_then(|status| status.result.clone()).context("a result")?;
        let all = scene.seed.due + scene.seed.visits_due;
        ensure!(
            begun.len() == 1 && (result.deleted_at_least, result.deleted_at_most) == (all, all),
            "{}",
            scene.story().await
        );
        let erased = world.kubelet.ended(&scene.pods()).iter().filter(|e| e.pod.contains("-erase-")).count();
        ensure!(erased == 1, "{}", scene.story().await);
    }
    Ok(())
}

/// The run's object is deleted while its runner waits to be tried again, and made anew as a backup would, status and all.
async fn a_replaced_run_deletes_nothing_unplanned(world: Arc<World>) -> Result<()> {
    let scene = Scene::new(&world, Seed::default()).await?;
    // None of its tries comes to the first row, however long the replacement takes.
    for _ in 0..4 {
        world.kubelet.arm(&scene.pods(), "erase-locked");
    }
    scene.begin().await?;
    world
        .until("a runner to be killed", A_STEP, || async {
            Ok(world.kubelet.ended(&scene.pods()).iter().any(|e| e.exit_code == 137).then_some(()))
        })
        .await?;
    let account = format!("system:serviceaccount:{}:{}", install::NAMESPACE, install::SERVICE_ACCOUNT);
    let operator = world.cluster.client_for(&account, &["system:masters"]).await?;
    let api: Api<DeletionRun> = Api::namespaced(operator, scene.namespace);
    let old = scene.runs().await?.pop().context("a run")?;
    ensure!(status(&old).phase == RunPhase::Erasing, "{}", scene.story().await);
    api.delete(&old.name_any(), &DeleteParams::default()).await?;
    let mut new = DeletionRun::new(&old.name_any(), old.spec.clone());
    new.metadata.labels = old.metadata.labels.clone();
    api.create(&PostParams::default(), &new).await?;
    let replay = Patch::Merge(json!({"status": old.status}));
    api.patch_status(&old.name_any(), &PatchParams::default(), &replay).await?;

    // The next try of the old run's Job finds another run under its name.
    world
        .until("the old run's Job to be refused", A_STEP, || async {
            let ended = world.kubelet.ended(&scene.pods());
            let mut refused = ended.iter().filter_map(|e| match decode(&e.message) {
                Ok(Report::Refused(refusal)) => Some(refusal.reason),
                _ => None,
            });
            Ok(refused.find(|reason| *reason == Reason::RunChanged))
        })
        .await?;
    // The replayed run deletes nothing: its Job is another's. It ends, and says what it cannot know.
    let replayed =
        scene.some_run("the replayed run to fail", |run| status(run).phase == RunPhase::Failed).await?;
    ensure!(replayed.uid() != old.uid(), "{}", scene.story().await);
    ensure!(scene.is_truthful().await?.gone == 0, "{}", scene.story().await);
    world.kubelet.disarm(&scene.pods());
    // Another state is planned anew, and deletes what is due.
    scene.ends_as_sql_says().await
}
